//! What has reached the disk: [`Durability`] flushes it, once for all who wait.

use std::sync::PoisonError;

use crate::{
    error::{PoisonReason, SyncError},
    mapping::{Mapping, Position},
    sync::{Mutex, MutexGuard},
};

/// What a sync has achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Synced {
    /// Records below this number survive a power cut.
    pub durable: u64,
    /// Except that the file lies in memory (tmpfs), which survives no power cut at all.
    pub volatile: bool,
}

/// Shared by all handles of one writer.
#[derive(Debug)]
pub(crate) struct Durability {
    flushed: Mutex<Flushed>,
    /// The last record that anybody waits for: what the next flush writes out.
    wanted: Mutex<Position>,
}

#[derive(Debug)]
pub(crate) struct Flushed {
    /// All before it is on the disk.
    end: Position,
    failed: bool,
    /// The channel has ended: its lock is given up, and nothing may be stored any more.
    sealed: bool,
}

impl Flushed {
    /// Whether a flush has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }
}

impl Durability {
    pub(crate) fn new(start: Position) -> Durability {
        Durability {
            flushed: Mutex::new(Flushed { end: start, failed: false, sealed: false }),
            wanted: Mutex::new(start),
        }
    }

    /// Makes sure that all before `target` is on the disk. Whoever comes while another flushes
    /// waits, and has often nothing left to do: one flush serves all who had come before it began.
    ///
    /// After a failure the kernel may have dropped the pages and would report success for a second
    /// try, so there is none.
    pub(crate) fn flush(&self, mapping: &Mapping, target: Position) -> Result<Synced, SyncError> {
        self.want(target);
        let mut flushed = self.lock();
        if flushed.failed {
            return Err(SyncError::Poisoned { reason: PoisonReason::SyncFailed });
        }
        let start = flushed.end;
        if start.offset < target.offset {
            let target = self.want(target);
            // Once the lock is given up, the state page is not this process's any more.
            let result = if flushed.sealed {
                mapping.region.flush(start.offset, target.offset - start.offset)
            } else {
                mapping.flush(start.offset, target.offset)
            };
            if let Err(source) = result {
                flushed.failed = true;
                let (path, durable) = (mapping.path.clone(), start.sequence);
                return Err(SyncError::Io { path, durable, source });
            }
            flushed.end = target;
            if !flushed.sealed {
                mapping.set_durable(target.sequence);
            }
        }
        Ok(Synced { durable: flushed.end.sequence, volatile: mapping.volatile })
    }

    /// Notes that somebody waits for all before `target`, and gives what is waited for.
    fn want(&self, target: Position) -> Position {
        // Nothing in here panics.
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.offset < target.offset {
            *wanted = target;
        }
        *wanted
    }

    /// Waits for a flush that is under way, keeps others out for as long as the guard lives, and
    /// lets those that come later store nothing.
    pub(crate) fn seal(&self) -> MutexGuard<'_, Flushed> {
        let mut flushed = self.lock();
        flushed.sealed = true;
        flushed
    }

    fn lock(&self) -> MutexGuard<'_, Flushed> {
        // A thread that panicked here had at most marked a flush that it did not finish, which is
        // what recovery wants to know.
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
