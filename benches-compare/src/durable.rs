//! Records that are on the disk when the thread goes on: by one thread, and by several at once.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use kekbit_channel::SharedTypedWriter;

use crate::{
    harness::{
        Gate, Latencies, Outcome, Plan, Role, Table, Way, latencies, machine, measure, plot,
    },
    stores::{LEN, Session, Store, kekbit::Bytes, okaywal::OkayWal, redb::Redb, sqlite::Sqlite},
};

const THREADS: [u64; 4] = [1, 4, 16, 64];
const QUANTILES: [f64; 2] = [0.5, 0.99];
/// The most of records of one repetition.
const COUNT: u64 = 20_000;
const BAR: &str = "the disk alone: 64 B written and synced";

pub fn run(plan: &Plan) {
    println!("\n## Durable");
    if machine::is_memory(&plan.disk) {
        println!("\n**{} is memory: nothing here is durable.**", plan.disk.display());
    }
    for threads in THREADS {
        with_threads(plan, threads);
    }
}

fn with_threads(plan: &Plan, threads: u64) {
    // Slow stores are done after a while, with fewer records.
    let time = if plan.short { Duration::from_millis(100) } else { Duration::from_secs(2) };
    let run = Run { folder: plan.disk.clone(), threads, time };
    let ways = vec![
        Way::new(Role::Bar, BAR, || run.disk()),
        Way::new(Role::Ours, SharedTypedWriter::<Bytes>::NAME, || {
            run.of::<SharedTypedWriter<Bytes>>()
        })
        .against(BAR),
        Way::new(Role::Peer, OkayWal::NAME, || run.of::<OkayWal>()).against(BAR),
        Way::new(Role::Peer, Sqlite::NAME, || run.of::<Sqlite>()).against(BAR),
        Way::new(Role::Peer, Redb::NAME, || run.of::<Redb>()).against(BAR),
    ];
    let measured = measure(plan, Gate::Open, ways);
    let title = match threads {
        1 => "Durable, one thread".to_owned(),
        threads => format!("Durable, {threads} threads"),
    };
    Table {
        title: &title,
        note: "Records of 64 B, each on the disk before its thread goes on to the next. The disk \
               alone is one thread that overwrites its file, so the ratio tells how many records \
               share a sync."
            .to_owned(),
        columns: &["records a second", "p50 us", "p99 us"],
        ratio: 0,
    }
    .print(&measured);
    let name = format!("durable-{threads}");
    plot::latencies(&plan.plots, &name, &title, &measured);
}

struct Run {
    folder: PathBuf,
    threads: u64,
    time: Duration,
}

impl Run {
    fn folder(&self) -> PathBuf {
        let folder = Plan::fresh(&self.folder, "durable");
        fs::create_dir(&folder).expect("a new folder");
        folder
    }

    /// What the disk itself needs: a page of a file that is there, written and synced.
    fn disk(&self) -> Outcome {
        let folder = self.folder();
        let file = File::create_new(folder.join("page")).expect("a new file");
        file.write_all_at(&[1; 4096], 0).expect("room for it");
        file.sync_all().expect("a disk");
        let put = |number: u64| {
            file.write_all_at(&[number as u8; LEN], 0).expect("room for it");
            file.sync_data().expect("a disk");
        };
        let start = Instant::now();
        let next = AtomicU64::new(0);
        let found = puts(&next, start + self.time, put);
        outcome(start, found, &folder)
    }

    fn of<S: Store>(&self) -> Outcome {
        let folder = self.folder();
        let store = S::create(&folder, COUNT);
        let ready = Barrier::new(usize::try_from(self.threads).expect("64 bits"));
        let next = AtomicU64::new(0);
        let mut found = latencies();
        let start = thread::scope(|threads| {
            let work = || {
                let mut session = store.session();
                ready.wait();
                let start = Instant::now();
                let put = |number| session.put(number, &[number as u8; LEN]);
                (start, puts(&next, start + self.time, put))
            };
            let started: Vec<_> = (0..self.threads).map(|_| threads.spawn(work)).collect();
            let ended = started.into_iter().map(|thread| thread.join().expect("a thread"));
            let first = ended.map(|(start, of_one)| {
                found.add(of_one).expect("the same bounds");
                start
            });
            first.min().expect("a thread")
        });
        let outcome = outcome(start, found, &folder);
        drop(store);
        outcome
    }
}

/// Puts records one by one until all numbers are taken or the time is over.
fn puts(next: &AtomicU64, end: Instant, mut put: impl FnMut(u64)) -> Latencies {
    let mut found = latencies();
    loop {
        // Relaxed: a number alone.
        let number = next.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        if COUNT <= number || end <= start {
            return found;
        }
        put(number);
        found.saturating_record(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
}

fn outcome(start: Instant, found: Latencies, folder: &Path) -> Outcome {
    let rate = found.len() as f64 / start.elapsed().as_secs_f64();
    fs::remove_dir_all(folder).expect("the folder that was just made");
    let Outcome { figures, latencies } = Outcome::of(found, &QUANTILES);
    let micros = figures.into_iter().map(|nanos| nanos / 1_000.0);
    Outcome { figures: [rate].into_iter().chain(micros).collect(), latencies }
}
