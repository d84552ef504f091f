//! What it costs and brings to start each frame in a cache line of its own, by the size of records.

use std::{fs, sync::Barrier, thread};

use kekbit_channel::{Alignment, ChannelOptions, Next, Prefault, TypedReader, TypedWriter, Wait};
use quanta::Clock;

use crate::{
    append,
    harness::{Gate, Outcome, Pinned, Plan, Role, Table, Way, latencies, measure},
    queues::kekbit::{Unchecked, UncheckedLines},
    records::{Words, words},
    stream,
};

const PACKED: &str = "packed";

pub fn run(plan: &Plan) {
    println!("\n## Alignment");
    of_size::<3>(plan);
    of_size::<7>(plan);
    of_size::<8>(plan);
    of_size::<15>(plan);
    of_size::<31>(plan);
}

fn of_size<const N: usize>(plan: &Plan) {
    let ways = vec![
        Way::new(Role::Ours, PACKED, || {
            let streamed = stream::stream::<Unchecked, N>(plan, plan.count(500_000));
            all::<N>(plan, Alignment::Packed, streamed)
        }),
        Way::new(Role::Ours, "in lines", || {
            let streamed = stream::stream::<UncheckedLines, N>(plan, plan.count(500_000));
            all::<N>(plan, Alignment::CacheLine, streamed)
        })
        .against(PACKED),
    ];
    let measured = measure(plan, Gate::TwoCores, ways);
    Table {
        title: &format!("Alignment, {} B", 8 * N),
        note: "Bytes of a frame; nanoseconds of an append, of a record of a stream, of a round \
               trip between two threads. Without checksums; the ratio is that of round trips."
            .to_owned(),
        columns: &["bytes", "append", "stream", "trip, p50", "p99"],
        ratio: 3,
    }
    .print(&measured);
}

fn options(count: u64, alignment: Alignment) -> ChannelOptions {
    let options = ChannelOptions::new().records(count).prefault(Prefault::All);
    options.without_checksums().alignment(alignment)
}

fn all<const N: usize>(plan: &Plan, alignment: Alignment, streamed: f64) -> Outcome {
    let count = plan.count(500_000);
    let appended = append::kekbit::<Words<N>>(plan, count, &options(count, alignment));
    let size =
        (8 + kekbit_codec::size::<Words<N>>() as u64).next_multiple_of(alignment.bytes().into());
    let mut figures = vec![size as f64, appended, streamed];
    figures.extend(trips::<N>(plan, alignment));
    figures.into()
}

/// Half of the round trips are shorter than the first figure, all but a hundredth than the second.
fn trips<const N: usize>(plan: &Plan, alignment: Alignment) -> [f64; 2] {
    let folder = Plan::fresh(&plan.memory, "alignment");
    fs::create_dir(&folder).expect("a new folder");
    let count = plan.count(200_000);
    let options = options(count, alignment);
    let end = |name: &str| {
        let path = folder.join(name);
        let writer = TypedWriter::<Words<N>>::create(&path, &options).expect("a new channel");
        let reader = TypedReader::<Words<N>>::open(&path).expect("a channel");
        reader.prefault();
        (writer, reader)
    };
    let (mut there, mut asked) = end("there");
    let (mut back, mut answered) = end("back");
    let ready = Barrier::new(2);
    let clock = Clock::new();
    let found = thread::scope(|threads| {
        threads.spawn(|| {
            let _pinned = Pinned::to(1);
            ready.wait();
            for record in asked.follow(Wait::Spin) {
                back.append(&record.expect("a record").value).expect("room for it");
            }
        });
        let _pinned = Pinned::to(0);
        let mut found = latencies();
        ready.wait();
        let mut answers = answered.follow(Wait::Spin);
        for seed in 0..count {
            let value = Words { words: words(seed) };
            let start = clock.raw();
            there.append(&value).expect("room for it");
            let answer = answers.next().expect("an answer").expect("a record");
            let end = clock.raw();
            assert_eq!(answer.words[0], seed);
            found.saturating_record(clock.delta_as_nanos(start, end));
        }
        there.close().expect("an open channel");
        found
    });
    assert!(matches!(answered.try_next(), Ok(Next::Pending | Next::Closed(_))));
    fs::remove_dir_all(&folder).expect("the folder that was just made");
    [0.5, 0.99].map(|quantile| found.value_at_quantile(quantile) as f64)
}
