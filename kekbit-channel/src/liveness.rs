//! [`Liveness`]: what a reader says when the next word is zero. Pending, abandoned, or timed out.
//!
//! Asking for the lock is a system call, so it is asked once a tick of the coarse
//! clock, and the answer holds until the next tick.

use std::{io, time::Duration};

/// What the last look gave, and since when the writer has been silent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Liveness {
    /// Milliseconds of the steady clock at the last look.
    looked: Option<u64>,
    found: Finding,
    /// The word that was looked at.
    offset: u64,
    /// Milliseconds of the steady clock when it was first found zero.
    silent_since: Option<u64>,
}

/// A finding of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Finding {
    #[default]
    Pending,
    Abandoned,
    TimedOut,
}

impl Liveness {
    /// The time-out has changed: the last finding does not hold any more.
    pub(crate) fn look_again(&mut self) {
        self.looked = None;
    }

    /// How much is left of the time-out at `millis`, for the word that was looked at last; at least
    /// a millisecond, which is more than nothing. `None` without a time-out.
    pub(crate) fn time_left(&self, millis: u64, timeout: Option<Duration>) -> Option<Duration> {
        let silence = millis.saturating_sub(self.silent_since.unwrap_or(millis));
        let left = timeout?.saturating_sub(Duration::from_millis(silence));
        Some(left.max(Duration::from_millis(1)))
    }

    /// What to say of a zero word at `offset` now, at `millis`. `is_held` asks for the lock;
    /// `is_empty` looks at the word once more.
    ///
    /// Gives `None` if there is something at the second look. Without that look a writer that
    /// wrote, closed and left between the first look and the question would pass for dead.
    pub(crate) fn look(
        &mut self,
        offset: u64,
        millis: u64,
        timeout: Option<Duration>,
        is_held: impl FnOnce() -> io::Result<bool>,
        is_empty: impl FnOnce() -> bool,
    ) -> io::Result<Option<Finding>> {
        if self.offset != offset {
            // A record has come since.
            (self.offset, self.silent_since, self.found) = (offset, None, Finding::Pending);
        }
        let since = *self.silent_since.get_or_insert(millis);
        if self.looked == Some(millis) {
            return Ok(Some(self.found));
        }
        let held = is_held()?;
        if !held && !is_empty() {
            return Ok(None);
        }
        let silence = Duration::from_millis(millis.saturating_sub(since));
        self.looked = Some(millis);
        self.found = if !held {
            Finding::Abandoned
        } else if timeout.is_some_and(|timeout| timeout <= silence) {
            Finding::TimedOut
        } else {
            Finding::Pending
        };
        Ok(Some(self.found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    #[test]
    fn only_a_second_zero_is_abandoned() {
        let mut liveness = Liveness::default();
        let found = liveness.look(64, 5, None, || Ok(false), || false).unwrap();
        assert_eq!(found, None, "the writer wrote between the look and the question");
        let found = liveness.look(64, 5, None, || Ok(false), || true).unwrap();
        assert_eq!(found, Some(Finding::Abandoned));
    }

    #[test]
    fn the_lock_is_asked_once_a_tick() {
        let mut liveness = Liveness::default();
        let mut asked = 0;
        for millis in [7, 7, 7, 8, 8, 12] {
            let found = liveness.look(
                64,
                millis,
                SECOND,
                || {
                    asked += 1;
                    Ok(true)
                },
                || true,
            );
            assert_eq!(found.unwrap(), Some(Finding::Pending));
        }
        assert_eq!(asked, 3);
    }

    #[test]
    fn silence_counts_from_the_last_record() {
        let mut liveness = Liveness::default();
        let mut look = |offset, millis| {
            liveness.look(offset, millis, SECOND, || Ok(true), || true).unwrap().unwrap()
        };
        assert_eq!(look(64, 0), Finding::Pending);
        assert_eq!(look(64, 999), Finding::Pending);
        assert_eq!(look(64, 1000), Finding::TimedOut);
        assert_eq!(look(72, 1000), Finding::Pending);
        assert_eq!(look(72, 1999), Finding::Pending);
        assert_eq!(look(72, 2000), Finding::TimedOut);
    }

    #[test]
    fn abandoned_is_not_for_ever() {
        let mut liveness = Liveness::default();
        let found = liveness.look(64, 1, None, || Ok(false), || true).unwrap();
        assert_eq!(found, Some(Finding::Abandoned));
        let found = liveness.look(64, 2, None, || Ok(true), || true).unwrap();
        assert_eq!(found, Some(Finding::Pending), "recovery holds the lock");
    }

    #[test]
    fn a_lock_that_cannot_be_asked_is_an_error() {
        let mut liveness = Liveness::default();
        let failed = || Err(io::Error::from_raw_os_error(37));
        assert!(liveness.look(64, 1, None, failed, || true).is_err());
    }
}
