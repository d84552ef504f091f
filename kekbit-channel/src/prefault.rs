//! [`Ahead`]: a thread that makes pages present in front of a writer, so that none of its appends
//! has to.

use std::{
    sync::{Arc, PoisonError, Weak},
    thread::{self, Thread},
    time::Duration,
};

use crate::{
    layout::PAGE_SIZE,
    mapping::Mapping,
    sync::{AtomicU64, Mutex, Ordering},
};

/// How far in front of the writer pages are present.
const WINDOW: u64 = 8 << 20;
/// Bytes that are asked for at once: so long may the end of a channel have to wait.
const CHUNK: u64 = 256 << 10;
/// A disk protects pages anew when it has written them, so that the next touch is a fault again.
/// Then they are made ready again, if the writer has moved.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The writer's end of it. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Ahead {
    shared: Arc<Shared>,
    thread: Thread,
    /// The process that has the thread: a child of `fork` has none, and perhaps a lock that nobody
    /// will give back.
    owner: u32,
}

#[derive(Debug)]
struct Shared {
    /// Where the writer is.
    tail: AtomicU64,
    /// Where it has to wake the thread.
    wake_at: AtomicU64,
    /// Locked while pages are made; whether none must be any more.
    ended: Mutex<bool>,
}

impl Ahead {
    /// Starts the thread for a writer at `tail`, and makes the first window. `None` if there can be
    /// no thread, or the system has no such call: then pages come when they are first written.
    pub(crate) fn start(mapping: &Arc<Mapping>, tail: u64) -> Option<Ahead> {
        let shared = Arc::new(Shared {
            tail: AtomicU64::new(tail),
            wake_at: AtomicU64::new(tail),
            ended: Mutex::new(false),
        });
        let first = (mapping.limit() - tail).min(WINDOW);
        if !mapping.region.populate(tail, first) {
            return None;
        }
        let (watched, mapping) = (Arc::clone(&shared), Arc::downgrade(mapping));
        let name = "kekbit-prefault".to_owned();
        let started = thread::Builder::new().name(name).spawn(move || run(&watched, &mapping));
        let thread = started.ok()?.thread().clone();
        Some(Ahead { shared, thread, owner: std::process::id() })
    }

    /// The writer has come to `tail`.
    pub(crate) fn reached(&self, tail: u64) {
        // Relaxed: both are hints, and nothing is read through them.
        self.shared.tail.store(tail, Ordering::Relaxed);
        if self.shared.wake_at.load(Ordering::Relaxed) <= tail {
            self.thread.unpark();
        }
    }

    /// From here on nothing is made present any more.
    fn end(&self) {
        if self.owner != std::process::id() {
            return;
        }
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.thread.unpark();
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(shared: &Shared, mapping: &Weak<Mapping>) {
    let (mut made, mut last) = (0, 0);
    loop {
        let Some(mapping) = mapping.upgrade() else { return };
        // Relaxed: as in `reached`.
        let tail = shared.tail.load(Ordering::Relaxed) & !(PAGE_SIZE - 1);
        let limit = mapping.limit();
        let goal = (tail + WINDOW).min(limit);
        let mut at = tail.max(made);
        while at < goal {
            let len = (goal - at).min(CHUNK);
            let ended = shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
            if *ended || !mapping.region.populate(at, len) {
                return;
            }
            at += len;
        }
        drop(mapping);
        made = goal.max(made);
        if made == limit {
            return;
        }
        // Relaxed: as in `reached`.
        shared.wake_at.store(tail + WINDOW / 2, Ordering::Relaxed);
        if shared.tail.load(Ordering::Relaxed) < tail + WINDOW / 2 {
            thread::park_timeout(AGAIN_AFTER);
        }
        if *shared.ended.lock().unwrap_or_else(PoisonError::into_inner) {
            return;
        }
        // Woken by nobody, and the writer has moved on since: what was made may be protected again.
        let now = shared.tail.load(Ordering::Relaxed);
        if now != last && now < tail + WINDOW / 2 {
            made = 0;
        }
        last = now;
    }
}
