//! Nanoseconds for each record that one thread appends to a file whose pages are present.

use std::{fs, hint::black_box, path::Path, time::Instant};

use kekbit_channel::{ChannelOptions, Prefault, TypedWriter};

use crate::{
    by_hand::{Alignment, Pages, Writer, stride},
    harness::{Gate, Measured, Pinned, Plan, Role, Table, measure, plot},
    queues::{Place, Queue, Sender, released},
    records::{Numbers, Order, Sample, Words, words},
};

const BAR: &str = "loop by hand";
const BAR_CHECKED: &str = "loop by hand, CRC-32C";

pub fn run(plan: &Plan) {
    println!("\n## Append");
    table(plan, Numbers::NAME, ways::<Numbers>(plan));
    table(plan, Order::NAME, ways::<Order>(plan));
    let tables = [
        (32, of_size::<4>(plan)),
        (64, of_size::<8>(plan)),
        (256, of_size::<32>(plan)),
        (1024, of_size::<128>(plan)),
    ];
    for exponent in 5..=plan.longest {
        let count = plan.count(10_u64.pow(exponent));
        table(plan, &format!("{count} records of 64 B"), ways_of::<Numbers>(plan, count));
    }
    plot::throughput(&plan.plots, "append", "Append, pages present, one thread", &tables);
}

fn of_size<const N: usize>(plan: &Plan) -> Vec<Measured> {
    let mut ways = ways::<Words<N>>(plan);
    ways.push(Way::new(Role::Peer, "Kekbit 0.3.5", || released::<N>(plan)).against(BAR));
    table(plan, &format!("{} B", 8 * N), ways)
}

type Way<'w> = crate::harness::Way<'w>;

fn table(plan: &Plan, title: &str, ways: Vec<Way<'_>>) -> Vec<Measured> {
    let measured = measure(plan, Gate::Open, ways);
    Table {
        title: &format!("Append, {title}"),
        note: "Nanoseconds a record, up to a million records in memory.".to_owned(),
        columns: &["ns a record"],
        ratio: 0,
    }
    .print(&measured);
    measured
}

fn ways<T: Sample>(plan: &Plan) -> Vec<Way<'_>> {
    ways_of::<T>(plan, count::<T>(plan))
}

fn ways_of<T: Sample>(plan: &Plan, count: u64) -> Vec<Way<'_>> {
    let options = move || ChannelOptions::new().records(count).prefault(Prefault::All);
    vec![
        Way::new(Role::Bar, BAR, move || by_hand::<T, false>(plan, count)),
        Way::new(Role::Ours, "Kekbit, no checksums", move || {
            kekbit::<T>(plan, count, &options().without_checksums())
        })
        .against(BAR),
        Way::new(Role::Bar, BAR_CHECKED, move || by_hand::<T, true>(plan, count)),
        Way::new(Role::Ours, "Kekbit", move || kekbit::<T>(plan, count, &options()))
            .against(BAR_CHECKED),
    ]
}

fn count<T: Sample>(plan: &Plan) -> u64 {
    plan.count_of(1_000_000, stride::<T::Image>(Alignment::Packed))
}

/// Records that stay in the cache, so that it is not their making that is measured.
const SOURCE: u64 = 16;

/// The nanoseconds of one of `count` appends.
fn timed<T>(count: u64, path: &Path, make: impl Fn(u64) -> T, mut append: impl FnMut(&T)) -> f64 {
    let records: [T; SOURCE as usize] = std::array::from_fn(|seed| make(seed as u64));
    let _pinned = Pinned::to(0);
    let start = Instant::now();
    for seed in 0..count {
        append(black_box(&records[(seed % SOURCE) as usize]));
    }
    let elapsed = start.elapsed();
    if path.is_dir() {
        fs::remove_dir_all(path).expect("the folder that was just made");
    } else {
        fs::remove_file(path).expect("the file that was just made");
    }
    elapsed.as_nanos() as f64 / count as f64
}

fn by_hand<T: Sample, const CHECKED: bool>(plan: &Plan, count: u64) -> f64 {
    let path = Plan::fresh(&plan.memory, "append");
    let mut writer =
        Writer::<T::Image, CHECKED>::create(&path, count, Alignment::Packed, Pages::Present);
    timed(count, &path, T::image, |image| writer.append(image))
}

pub fn kekbit<T: Sample>(plan: &Plan, count: u64, options: &ChannelOptions) -> f64 {
    let path = Plan::fresh(&plan.memory, "append");
    let mut writer = TypedWriter::<T>::create(&path, options).expect("a new channel");
    timed(count, &path, T::make, |value| {
        writer.append(value).expect("room for it");
    })
}

fn released<const N: usize>(plan: &Plan) -> f64 {
    let count = count::<Words<N>>(plan);
    let path = Plan::fresh(&plan.memory, "append");
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let place = Place::new(&plan.memory, &name, count);
    let (sender, _) = <released::Released as Queue<N>>::pair(&place);
    let mut sender = sender();
    timed(count, &path, words, |words| sender.send(words))
}
