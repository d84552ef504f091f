//! What has reached the disk: [`Durability`] flushes it, once for all who wait.

use std::sync::PoisonError;

use crate::{
    error::{PoisonReason, SyncError},
    mapping::{Mapping, Position},
    sync::{Condvar, Mutex, MutexGuard, yield_now},
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
    /// Never held while something is flushed, so that who waits sees at once what a flush has
    /// brought, and does not have to queue for it.
    flushed: Mutex<Flushed>,
    /// Rung when a flush has ended.
    ended: Condvar,
}

#[derive(Debug)]
pub(crate) struct Flushed {
    /// All before it is on the disk.
    end: Position,
    /// The last record that anybody waits for: what the next flush writes out.
    wanted: Position,
    /// A thread is flushing.
    is_under_way: bool,
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
        let flushed = Flushed {
            end: start,
            wanted: start,
            is_under_way: false,
            failed: false,
            sealed: false,
        };
        Durability { flushed: Mutex::new(flushed), ended: Condvar::new() }
    }

    /// Makes sure that all before `target` is on the disk. Whoever comes while another flushes
    /// waits for the end of that; then one of those that are not yet served flushes for all of
    /// them, and for those that have come since. So none waits for more than two.
    ///
    /// After a failure the kernel may have dropped the pages and would report success for a second
    /// try, so there is none.
    pub(crate) fn flush(&self, mapping: &Mapping, target: Position) -> Result<Synced, SyncError> {
        let mut flushed = self.lock();
        if flushed.wanted.offset < target.offset {
            flushed.wanted = target;
        }
        while !flushed.failed && flushed.end.offset < target.offset {
            if flushed.is_under_way {
                flushed = self.wait(flushed);
                continue;
            }
            flushed.is_under_way = true;
            drop(flushed);
            // Those that the last flush has served are about to append again: some may still come
            // along, which costs nothing next to a flush.
            yield_now();
            let Flushed { end: start, wanted, sealed, .. } = *self.lock();
            // Once the lock is given up, the state page is not this process's any more.
            let result = if sealed {
                mapping.region.flush(start.offset, wanted.offset - start.offset)
            } else {
                mapping.flush(start.offset, wanted.offset)
            };
            flushed = self.lock();
            flushed.is_under_way = false;
            self.ended.notify_all();
            if let Err(source) = result {
                flushed.failed = true;
                let (path, durable) = (mapping.path.clone(), start.sequence);
                return Err(SyncError::Io { path, durable, source });
            }
            flushed.end = wanted;
            // Nobody has sealed it meanwhile: that waits for the end of a flush.
            if !sealed {
                mapping.set_durable(wanted.sequence);
            }
        }
        // NB: also where an earlier flush has served this one: the channel has ended.
        if flushed.failed {
            return Err(SyncError::Poisoned { reason: PoisonReason::SyncFailed });
        }
        Ok(Synced { durable: flushed.end.sequence, volatile: mapping.volatile })
    }

    /// Waits for a flush that is under way, keeps others out for as long as the guard lives, and
    /// lets those that come later store nothing.
    pub(crate) fn seal(&self) -> MutexGuard<'_, Flushed> {
        let mut flushed = self.lock();
        while flushed.is_under_way {
            flushed = self.wait(flushed);
        }
        flushed.sealed = true;
        flushed
    }

    // Nothing in here panics, so no guard is poisoned.

    fn lock(&self) -> MutexGuard<'_, Flushed> {
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'f>(&self, flushed: MutexGuard<'f, Flushed>) -> MutexGuard<'f, Flushed> {
        self.ended.wait(flushed).unwrap_or_else(PoisonError::into_inner)
    }
}
