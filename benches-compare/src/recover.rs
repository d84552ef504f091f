//! How fast a channel is walked over that its writer left: every frame judged, with its checksum.

use std::{fs, hint::black_box, path::Path, time::Instant};

use kekbit_channel::{Channel, ChannelOptions, TypedWriter, recover};

use crate::{
    by_hand::{self, Alignment, Pages, Reader, Writer, stride},
    harness::{Gate, Pinned, Plan, Role, Table, Way, measure},
    records::{Sample, Words},
};

const BAR: &str = "loop by hand, CRC-32C frame by frame";

pub fn run(plan: &Plan) {
    println!("\n## Recover");
    of_size::<8>(plan);
    of_size::<128>(plan);
}

fn of_size<const N: usize>(plan: &Plan) {
    let count = plan.count_of(1_000_000, stride::<[u64; N]>(Alignment::Packed));
    let (kekbit, hand) = (Plan::fresh(&plan.memory, "left"), Plan::fresh(&plan.memory, "hand"));
    let options = ChannelOptions::new().records(count);
    let mut writer = TypedWriter::<Words<N>>::create(&kekbit, &options).expect("a new channel");
    for seed in 0..count {
        writer.append(&Words::make(seed)).expect("room for it");
    }
    let packed = Alignment::Packed;
    let mut other = Writer::<[u64; N], true>::create(&hand, count, packed, Pages::Present);
    (0..count).for_each(|seed| other.append(&Words::<N>::image(seed)));
    // The writer lives: its file has no close mark, and neither have copies of it.
    let ways = vec![
        Way::new(Role::Bar, "CRC-32C over the whole file", || {
            of_copy(plan, &kekbit, count, |copy| {
                by_hand::with_bytes(copy, |bytes| {
                    black_box(crc32c::crc32c(bytes));
                });
            })
        }),
        Way::new(Role::Bar, BAR, || {
            of_copy(plan, &hand, count, |copy| {
                let mut reader = Reader::<[u64; N], true>::open(copy, count, packed);
                let mut records = 0;
                while reader.next().is_some() {
                    records += 1;
                }
                assert_eq!(records, count);
            })
        }),
        Way::new(Role::Ours, "recover", || {
            of_copy(plan, &kekbit, count, |copy| {
                let recovery = recover(copy).expect("a channel");
                assert!(recovery.sealed && recovery.records == count, "{recovery:?}");
            })
        })
        .against(BAR),
        Way::new(Role::Ours, "open and record_count", || {
            of_copy(plan, &kekbit, count, |copy| {
                let channel = Channel::<Words<N>>::open(copy).expect("a channel");
                assert_eq!(channel.record_count().expect("a count"), count);
            })
        })
        .against(BAR),
    ];
    let measured = measure(plan, Gate::Open, ways);
    Table {
        title: &format!("Recover, {} B", 8 * N),
        note: format!(
            "Nanoseconds a record, of a copy of a file of {count} records in memory. Nothing of a \
             copy is trusted; all of it is walked over. Opening and mapping count."
        ),
        columns: &["ns a record"],
        ratio: 0,
    }
    .print(&measured);
    drop(writer);
    for path in [kekbit, hand] {
        fs::remove_file(path).expect("the file that was just made");
    }
}

/// The nanoseconds of a record that work on a copy takes.
fn of_copy(plan: &Plan, from: &Path, count: u64, work: impl FnOnce(&Path)) -> f64 {
    let copy = Plan::fresh(&plan.memory, "copy");
    fs::copy(from, &copy).expect("room for a copy");
    let _pinned = Pinned::to(0);
    let start = Instant::now();
    work(&copy);
    let elapsed = start.elapsed();
    fs::remove_file(copy).expect("the file that was just made");
    elapsed.as_nanos() as f64 / count as f64
}
