//! Threads kept to their cores, and how far apart those are.

use std::{
    hint,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use super::median;

/// Keeps the calling thread to one core until it is dropped.
///
/// Threads that are started meanwhile are kept there too: start them before.
#[derive(Debug)]
pub struct Pinned {
    before: Option<CpuSet>,
}

impl Pinned {
    /// On the first or second of the cores that the process may use; anywhere if it has only one.
    pub fn to(which: usize) -> Pinned {
        let this = Pid::from_raw(0);
        let Ok(before) = sched_getaffinity(this) else { return Pinned { before: None } };
        let usable = (0..CpuSet::count()).filter(|core| before.is_set(*core) == Ok(true));
        let usable: Vec<usize> = usable.collect();
        let Some(core) = usable.get(which) else { return Pinned { before: None } };
        let mut only = CpuSet::new();
        only.set(*core).expect("a core of the set");
        let pinned = sched_setaffinity(this, &only).is_ok();
        Pinned { before: pinned.then_some(before) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            let _ = sched_setaffinity(Pid::from_raw(0), &before);
        }
    }
}

/// Round trips that are timed together, and how many times: some milliseconds.
const TRIPS: u64 = 500;
const TIMES: u64 = 40;

#[repr(align(256))]
struct Line(AtomicU64);

/// Nanoseconds that a cache line takes from the first core to the second and back: the median of
/// several times, so that it tells where the cores are, and not that one was busy for a while.
pub fn probe() -> f64 {
    let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    let wait = |line: &Line, turn: u64| {
        // Acquire: pairs with the Release stores below.
        while line.0.load(Ordering::Acquire) != turn {
            hint::spin_loop();
        }
    };
    thread::scope(|threads| {
        threads.spawn(|| {
            let _pinned = Pinned::to(1);
            for turn in 1..=TIMES * TRIPS {
                wait(&there, turn);
                back.0.store(turn, Ordering::Release);
            }
        });
        let _pinned = Pinned::to(0);
        let times = (0..TIMES).map(|time| {
            let start = Instant::now();
            for turn in time * TRIPS + 1..=(time + 1) * TRIPS {
                there.0.store(turn, Ordering::Release);
                wait(&back, turn);
            }
            start.elapsed().as_nanos() as f64 / TRIPS as f64
        });
        median(&times.collect::<Vec<_>>()).expect("several times")
    })
}
