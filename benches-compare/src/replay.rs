//! Nanoseconds for each record that is read again, and what it takes to come to one.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::Instant,
};

use kekbit_channel::{ChannelOptions, Next, TypedReader, TypedWriter};

use crate::{
    by_hand::{Alignment, Pages, Reader, Writer, stride},
    harness::{Gate, Measured, Outcome, Pinned, Plan, Role, Table, Way, measure},
    records::{Numbers, Order, Sample},
};

pub fn run(plan: &Plan) {
    println!("\n## Replay");
    of::<Numbers>(plan);
    of::<Order>(plan);
    by_length(plan);
    seeking(plan);
}

/// A file that was written before, by hand or by Kekbit, and goes with its owner.
struct Written {
    path: PathBuf,
    count: u64,
}

impl Drop for Written {
    fn drop(&mut self) {
        fs::remove_file(&self.path).expect("the file that was made");
    }
}

impl Written {
    fn by_hand<T: Sample, const CHECKED: bool>(folder: &Path, count: u64) -> Written {
        let path = Plan::fresh(folder, "replay");
        let mut writer =
            Writer::<T::Image, CHECKED>::create(&path, count, Alignment::Packed, Pages::Present);
        (0..count).for_each(|seed| writer.append(&T::image(seed)));
        Written { path, count }
    }

    fn by_kekbit<T: Sample>(folder: &Path, count: u64, checked: Checksums) -> Written {
        let path = Plan::fresh(folder, "replay");
        let mut options = ChannelOptions::new().records(count);
        if checked == Checksums::Without {
            options = options.without_checksums();
        }
        let mut writer = TypedWriter::<T>::create(&path, &options).expect("a new channel");
        for seed in 0..count {
            writer.append(&T::make(seed)).expect("room for it");
        }
        Written { path, count }
    }

    fn hand_reader<T: Sample, const CHECKED: bool>(&self) -> Reader<T::Image, CHECKED> {
        Reader::open(&self.path, self.count, Alignment::Packed)
    }

    fn reader<T: Sample>(&self) -> TypedReader<T> {
        TypedReader::open(&self.path).expect("a channel")
    }

    /// Reads it once so that all is there, then once more, and gives the time of one record.
    fn timed(&self, mut read: impl FnMut() -> u64) -> f64 {
        let _pinned = Pinned::to(0);
        let first = read();
        let start = Instant::now();
        let total = black_box(read());
        let elapsed = start.elapsed();
        assert_eq!(first, total, "the same records");
        elapsed.as_nanos() as f64 / self.count as f64
    }

    fn timed_by_hand<T: Sample, const CHECKED: bool>(
        &self,
        look: impl Fn(&T::Image) -> u64,
    ) -> f64 {
        let mut reader = self.hand_reader::<T, CHECKED>();
        self.timed(|| {
            reader.rewind();
            let mut total = 0_u64;
            while let Some(image) = reader.next() {
                total = total.wrapping_add(look(image));
            }
            total
        })
    }

    fn timed_iter<T: Sample>(&self) -> f64 {
        let mut reader = self.reader::<T>();
        self.timed(|| {
            reader.seek(0).expect("the first record");
            let sums = reader.iter().map(|record| record.expect("a record").sum());
            sums.fold(0, u64::wrapping_add)
        })
    }

    fn timed_try_next<T: Sample>(&self) -> f64 {
        let mut reader = self.reader::<T>();
        self.timed(|| {
            reader.seek(0).expect("the first record");
            let mut total = 0_u64;
            while let Next::Record(record) = reader.try_next().expect("a channel") {
                total = total.wrapping_add(record.sum());
            }
            total
        })
    }

    fn timed_views<T: Sample>(&self) -> f64 {
        let mut reader = self.reader::<T>();
        self.timed(|| {
            reader.seek(0).expect("the first record");
            let views = reader.views().expect("not an older channel");
            let fields = views.map(|view| T::one(&view.expect("a record").value));
            fields.fold(0, u64::wrapping_add)
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checksums {
    With,
    Without,
}

fn all<T: Sample>(image: &T::Image) -> u64 {
    T::sum_image(image).expect("a record")
}

/// Two bars and three readings of each, over files that stay the same.
fn of<T: Sample>(plan: &Plan) {
    let count = plan.count_of(1_000_000, stride::<T::Image>(Alignment::Packed));
    let hand = Written::by_hand::<T, false>(&plan.memory, count);
    let hand_checked = Written::by_hand::<T, true>(&plan.memory, count);
    let plain = Written::by_kekbit::<T>(&plan.memory, count, Checksums::Without);
    let checked = Written::by_kekbit::<T>(&plan.memory, count, Checksums::With);
    let mut ways = vec![
        Way::new(Role::Bar, "loop by hand, every field", || {
            hand.timed_by_hand::<T, false>(all::<T>)
        }),
        Way::new(Role::Bar, "loop by hand, one field", || {
            hand.timed_by_hand::<T, false>(T::one_of_image)
        }),
        Way::new(Role::Bar, "loop by hand, CRC-32C, every field", || {
            hand_checked.timed_by_hand::<T, true>(all::<T>)
        }),
        Way::new(Role::Bar, "loop by hand, CRC-32C, one field", || {
            hand_checked.timed_by_hand::<T, true>(T::one_of_image)
        }),
    ];
    for (file, suffix, bar) in
        [(&plain, ", no checksums", "loop by hand"), (&checked, "", "loop by hand, CRC-32C")]
    {
        let every = format!("{bar}, every field");
        let iter = Way::new(Role::Ours, format!("iter{suffix}"), || file.timed_iter::<T>());
        let next = Way::new(Role::Ours, format!("try_next{suffix}"), || file.timed_try_next::<T>());
        let view =
            Way::new(Role::Ours, format!("views, one field{suffix}"), || file.timed_views::<T>());
        ways.push(iter.against(&every));
        ways.push(next.against(&every));
        ways.push(view.against(&format!("{bar}, one field")));
    }
    let measured = measure(plan, Gate::Open, ways);
    print(&format!("Replay, {}", T::NAME), &format!("{count} records in memory."), &measured);
}

fn print(title: &str, what: &str, measured: &[Measured]) {
    let note = format!("Nanoseconds a record, read for the second time. {what}");
    Table { title, note, columns: &["ns a record"], ratio: 0 }.print(measured);
}

/// Whether longer files take longer for each record.
fn by_length(plan: &Plan) {
    for exponent in 5..=plan.longest {
        let count = plan.count(10_u64.pow(exponent));
        let hand = Written::by_hand::<Numbers, true>(&plan.memory, count);
        let kekbit = Written::by_kekbit::<Numbers>(&plan.memory, count, Checksums::With);
        let ways = vec![
            Way::new(Role::Bar, "loop by hand, CRC-32C", || {
                hand.timed_by_hand::<Numbers, true>(all::<Numbers>)
            }),
            Way::new(Role::Ours, "iter", || kekbit.timed_iter::<Numbers>())
                .against("loop by hand, CRC-32C"),
        ];
        let measured = measure(plan, Gate::Open, ways);
        print(&format!("Replay, {count} records of 64 B"), "", &measured);
    }
}

/// What it takes to open a channel, to come to its end, and to get a record by its number.
fn seeking(plan: &Plan) {
    let counts: Vec<u64> =
        (4..=plan.longest).map(|exponent| plan.count(10_u64.pow(exponent))).collect();
    let files: Vec<Written> = counts
        .iter()
        .map(|count| Written::by_kekbit::<Numbers>(&plan.memory, *count, Checksums::With))
        .collect();
    let ways = files
        .iter()
        .map(|file| Way::new(Role::Ours, format!("{} records", file.count), || seek(file)));
    let measured = measure(plan, Gate::Open, ways.collect());
    Table {
        title: "Open, seek, get",
        note: "Microseconds. The file is closed; `get` takes records in an order that skips about."
            .to_owned(),
        columns: &["open", "seek_to_end", "get(n)"],
        ratio: 0,
    }
    .print(&measured);
}

fn seek(file: &Written) -> Outcome {
    const GETS: u64 = 1_000;
    let _pinned = Pinned::to(0);
    let micros = |start: Instant| start.elapsed().as_nanos() as f64 / 1_000.0;
    let start = Instant::now();
    let mut reader = file.reader::<Numbers>();
    let opened = micros(start);
    let start = Instant::now();
    reader.seek_to_end().expect("an end");
    let sought = micros(start);
    assert_eq!(reader.next_sequence(), file.count);
    let start = Instant::now();
    for turn in 0..GETS {
        let number = turn.wrapping_mul(0x9E37_79B9_7F4A_7C15) % file.count;
        let record = reader.get(number).expect("a channel").expect("a record");
        assert_eq!(record.a, number);
    }
    vec![opened, sought, micros(start) / GETS as f64].into()
}
