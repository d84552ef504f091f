//! [`Wait`]: how a caller waits for the next record.

use std::{thread, time::Duration};

/// The rounds in which [`Wait::Backoff`] spins, and those before it sleeps.
const BACKOFF_SPINS: u32 = 4;
const BACKOFF_YIELDS: u32 = 36;

/// How [`follow`](crate::TypedReader::follow) waits when there is nothing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Polls all the time: the lowest latency, and a whole core.
    Spin,
    /// Polls, and lets other threads run in between.
    Yield,
    /// Polls, then yields, then sleeps for longer and longer, up to a millisecond: for streams that
    /// come in bursts.
    #[default]
    Backoff,
    /// Sleeps so long between polls.
    Sleep(Duration),
}

impl Wait {
    /// Whether to spin in that round, from 0.
    pub(crate) fn spins(self, round: u32) -> bool {
        match self {
            Wait::Spin => true,
            Wait::Backoff => round < BACKOFF_SPINS,
            Wait::Yield | Wait::Sleep(_) => false,
        }
    }

    /// Whether to spin before anything is asked.
    #[inline]
    pub(crate) fn spins_first(self) -> bool {
        matches!(self, Wait::Spin | Wait::Backoff)
    }

    /// Waits in that round, where it does not spin.
    pub(crate) fn pause(self, round: u32) {
        match self {
            Wait::Spin => {}
            Wait::Yield => thread::yield_now(),
            Wait::Sleep(time) => thread::sleep(time),
            Wait::Backoff if round < BACKOFF_YIELDS => thread::yield_now(),
            Wait::Backoff => {
                let doubled = (round - BACKOFF_YIELDS).min(5);
                thread::sleep(Duration::from_micros(32 << doubled).min(Duration::from_millis(1)));
            }
        }
    }
}
