//! How soon a reader that waits has a record, and what the waiting costs: a thousand records a
//! second, for each way to wait.
//!
//! ```text
//! cargo bench -p kekbit-channel --bench waiting
//! ```
//!
//! Two threads, each with a mapping of its own as two processes have. The time from just before an
//! append to when the reader has the record; the time of the append itself; the time of a core that
//! the reader took, for each record.

use kekbit_channel::{ChannelOptions, Record, TypedReader, TypedWriter, Wait};
use nix::time::{ClockId, clock_gettime};
use std::{
    thread,
    time::{Duration, Instant},
};

const COUNT: u64 = 3000;
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Record)]
struct Sent {
    nanos: u64,
}

fn percentiles(mut nanos: Vec<u64>) -> String {
    nanos.sort_unstable();
    let at = |part: usize| nanos[nanos.len() * part / 1000] as f64 / 1000.0;
    format!("{:>8.1} {:>8.1} {:>8.1}", at(500), at(900), at(990))
}

fn core_time() -> Duration {
    Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock"))
}

fn main() {
    println!(
        "us            received, p50      p90      p99 | append, p50  p90  p99 | core a record"
    );
    let ways = [
        ("block", Wait::Block, true),
        ("backoff", Wait::Backoff, false),
        ("sleep 100 us", Wait::Sleep(Duration::from_micros(100)), false),
        ("sleep 1 ms", Wait::Sleep(PAUSE), false),
        ("yield", Wait::Yield, false),
    ];
    for _ in 0..2 {
        for (name, wait, wakes) in ways {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("it");
            let mut options = ChannelOptions::new().records(COUNT);
            if wakes {
                options = options.wake_readers();
            }
            let mut writer = TypedWriter::<Sent>::create(&path, &options).expect("a channel");
            let mut reader = TypedReader::<Sent>::open(&path).expect("a channel");
            let start = Instant::now();
            let now = move || u64::try_from(start.elapsed().as_nanos()).expect("a short time");
            let reading = thread::spawn(move || {
                let before = core_time();
                let late: Vec<u64> = reader
                    .follow(wait)
                    .map(|sent| now() - sent.expect("a record").value.nanos)
                    .collect();
                (late, core_time() - before)
            });
            let mut took = Vec::new();
            for _ in 0..COUNT {
                thread::sleep(PAUSE);
                let nanos = now();
                writer.append(&Sent { nanos }).expect("room");
                took.push(now() - nanos);
            }
            drop(writer);
            let (late, core) = reading.join().expect("a reader");
            println!(
                "{name:<14}{} | {} | {:>8.1}",
                percentiles(late),
                percentiles(took),
                core.as_secs_f64() * 1e6 / COUNT as f64,
            );
        }
    }
}
