//! Latencies of appends at a fixed rate, from the time at which each should have begun: an append
//! that comes late because another took long counts as long, too.

use std::{
    fs,
    fs::File,
    hint,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use kekbit_channel::{ChannelOptions, Prefault, TypedWriter};
use quanta::Clock;

use crate::{
    by_hand::{Alignment, Pages, Writer},
    harness::{Gate, Outcome, Pinned, Plan, Role, Table, Way, latencies, measure, plot},
    records::{Numbers, Sample},
};

/// Appends a second.
const RATE: u64 = 1_000_000;
/// Between two syncs of the thread that does nothing else.
const PAUSE: Duration = Duration::from_millis(10);
const QUANTILES: [f64; 4] = [0.5, 0.999, 0.9999, 1.0];
const PREFAULTS: [Prefault; 4] = [Prefault::Auto, Prefault::Off, Prefault::All, Prefault::Ahead];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syncing {
    Never,
    Meanwhile,
}

pub fn run(plan: &Plan, seconds: u64) {
    println!("\n## Rate");
    let count = plan.count(seconds * RATE);
    in_memory(plan, count);
    on_disk(plan, count, Syncing::Never);
    on_disk(plan, count, Syncing::Meanwhile);
}

fn in_memory(plan: &Plan, count: u64) {
    const BAR: &str = "loop by hand";
    let folder = &plan.memory;
    let all = || ChannelOptions::new().records(count).prefault(Prefault::All);
    let ways = vec![
        Way::new(Role::Bar, "the clock alone", || at_rate(count, |_| {})),
        Way::new(Role::Bar, BAR, || by_hand(folder, count, Pages::Present, Syncing::Never)),
        Way::new(Role::Ours, "Kekbit, no checksums", || {
            kekbit(folder, count, &all().without_checksums(), Syncing::Never)
        })
        .against(BAR),
        Way::new(Role::Ours, "Kekbit", || kekbit(folder, count, &all(), Syncing::Never))
            .against(BAR),
    ];
    table(plan, "in memory, pages present", "rate-memory", count, ways);
}

fn on_disk(plan: &Plan, count: u64, sync: Syncing) {
    const BAR: &str = "loop by hand, pages present";
    let folder = &plan.disk;
    let mut ways = vec![
        Way::new(Role::Bar, BAR, || by_hand(folder, count, Pages::Present, sync)),
        Way::new(Role::Bar, "loop by hand, pages as they come", || {
            by_hand(folder, count, Pages::Lazy, sync)
        }),
    ];
    for prefault in PREFAULTS {
        let options = ChannelOptions::new().records(count).prefault(prefault);
        let name = format!("Kekbit, Prefault::{prefault:?}");
        let way = Way::new(Role::Ours, name, move || kekbit(folder, count, &options, sync));
        ways.push(way.against(BAR));
    }
    let (what, name) = match sync {
        Syncing::Never => ("on the disk, no sync", "rate-disk"),
        Syncing::Meanwhile => ("on the disk, a thread syncs every 10 ms", "rate-disk-sync"),
    };
    table(plan, what, name, count, ways);
}

fn table(plan: &Plan, what: &str, name: &str, count: u64, ways: Vec<Way<'_>>) {
    let measured = measure(plan, Gate::Open, ways);
    Table {
        title: &format!("A million appends a second, {what}"),
        note: format!(
            "Nanoseconds from the time at which an append of 64 B should have begun to its end, \
             {count} appends. The ratio is that of p99.99."
        ),
        columns: &["p50 ns", "p99.9 ns", "p99.99 ns", "most ns"],
        ratio: 2,
    }
    .print(&measured);
    plot::latencies(&plan.plots, name, &format!("A million appends a second, {what}"), &measured);
}

/// Calls `append` at the rate, and looks at the clock only to wait and when it has returned.
fn at_rate(count: u64, mut append: impl FnMut(u64)) -> Outcome {
    let _pinned = Pinned::to(0);
    let clock = Clock::new();
    let mut found = latencies();
    let start = clock.raw();
    let mut now = 0;
    for seed in 0..count {
        let intended = seed * (1_000_000_000 / RATE);
        while now < intended {
            hint::spin_loop();
            now = clock.delta_as_nanos(start, clock.raw());
        }
        append(seed);
        now = clock.delta_as_nanos(start, clock.raw());
        found.saturating_record(now - intended);
    }
    Outcome::of(found, &QUANTILES)
}

/// Runs `work` while a thread syncs on the other core.
fn with_sync<R>(sync: Syncing, once: impl Fn() + Sync, work: impl FnOnce() -> R) -> R {
    if sync == Syncing::Never {
        return work();
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            let _pinned = Pinned::to(1);
            // Relaxed: it says only that nobody need go on.
            while !is_over.load(Ordering::Relaxed) {
                once();
                thread::sleep(PAUSE);
            }
        });
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        result
    })
}

fn by_hand(folder: &Path, count: u64, pages: Pages, sync: Syncing) -> Outcome {
    let path = Plan::fresh(folder, "rate");
    let packed = Alignment::Packed;
    let mut writer = Writer::<[u64; 8], false>::create(&path, count, packed, pages);
    let file = File::options().write(true).open(&path).expect("the file that was just made");
    let once = || file.sync_data().expect("a disk");
    let outcome =
        with_sync(sync, once, || at_rate(count, |seed| writer.append(&Numbers::image(seed))));
    fs::remove_file(path).expect("the file that was just made");
    outcome
}

fn kekbit(folder: &Path, count: u64, options: &ChannelOptions, sync: Syncing) -> Outcome {
    let path = Plan::fresh(folder, "rate");
    let mut writer = TypedWriter::<Numbers>::create(&path, options).expect("a new channel");
    let outcome = match sync {
        Syncing::Never => at_rate(count, |seed| {
            writer.append(&Numbers::make(seed)).expect("room for it");
        }),
        Syncing::Meanwhile => {
            let writer = writer.into_shared();
            let syncing = writer.clone();
            let once = move || {
                syncing.sync().expect("a disk");
            };
            with_sync(sync, once, || {
                at_rate(count, |seed| {
                    writer.append(&Numbers::make(seed)).expect("room for it");
                })
            })
        }
    };
    fs::remove_file(path).expect("the file that was just made");
    outcome
}
