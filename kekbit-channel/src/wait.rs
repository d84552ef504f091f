//! [`Wait`]: how a caller waits for the next record.

use std::{thread, time::Duration};

/// The rounds in which [`Wait::Backoff`] spins, some 50 us, and those before it sleeps. In a model
/// there is nothing to be had from spinning.
const BACKOFF_SPINS: u32 = if cfg!(loom) { 0 } else { 32 };
const BACKOFF_YIELDS: u32 = 100;

/// How [`follow`](crate::TypedReader::follow) waits when there is nothing to read.
///
/// Those that poll for a moment first (all but [`Yield`](Self::Yield) and [`Sleep`](Self::Sleep)),
/// save [`Spin`](Self::Spin), look away for a while when a stream is fast, so as not to take from
/// the writer the cache line that it is about to fill: for 512 of the CPU's spin hints at the most,
/// which may be ten microseconds. Records then come many at a time. A stream with more than some
/// three hints from record to record (one more for each 64 bytes), and single answers, are not
/// waited for in that way, and `try_next` never does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Polls all the time: the lowest latency, and a whole core. In fast streams reader and writer
    /// are in each other's way then, and each record takes several times as long as with the
    /// others.
    Spin,
    /// Polls, and lets other threads run in between.
    Yield,
    /// Polls for some 50 us, then yields, then sleeps for longer and longer, up to a millisecond:
    /// for streams that come in bursts.
    #[default]
    Backoff,
    /// Sleeps so long between polls.
    Sleep(Duration),
    /// Polls for a moment, then sleeps until the writer wakes it: almost as soon as there is
    /// something, and without a core. Looks ten times a second whether the writer is alive.
    ///
    /// For channels whose writer was asked to do so
    /// ([`wake_readers`](crate::ChannelOptions::wake_readers)), by readers that may write to the
    /// file beside the channel; in all others this is [`Backoff`](Self::Backoff). Putting itself to
    /// sleep costs a reader two system calls, the writer's core an interrupt, and the writer the
    /// system call that wakes it.
    Block,
    /// The same, but looks only so often whether the writer is alive. If it is killed, it takes so
    /// long until that shows.
    BlockFor(Duration),
}

/// How often a reader that sleeps looks whether its writer is alive.
const BLOCKED_MAX: Duration = Duration::from_millis(100);

impl Wait {
    /// Whether to spin in that round, from 0.
    pub(crate) fn spins(self, round: u32) -> bool {
        match self {
            Wait::Spin => true,
            Wait::Backoff | Wait::Block | Wait::BlockFor(_) => round < BACKOFF_SPINS,
            Wait::Yield | Wait::Sleep(_) => false,
        }
    }

    /// Whether to look away while a stream is fast.
    #[inline]
    pub(crate) fn looks_away(self) -> bool {
        self != Wait::Spin
    }

    /// Whether to spin before anything is asked.
    #[inline]
    pub(crate) fn spins_first(self) -> bool {
        !matches!(self, Wait::Yield | Wait::Sleep(_))
    }

    /// For how long to sleep at most, where a writer wakes its readers.
    pub(crate) fn blocks(self) -> Option<Duration> {
        match self {
            Wait::Block => Some(BLOCKED_MAX),
            Wait::BlockFor(time) => Some(time),
            Wait::Spin | Wait::Yield | Wait::Backoff | Wait::Sleep(_) => None,
        }
    }

    /// Waits in that round, where it does not spin.
    pub(crate) fn pause(self, round: u32) {
        match self {
            Wait::Spin => {}
            Wait::Yield => thread::yield_now(),
            Wait::Sleep(time) => thread::sleep(time),
            _ if round < BACKOFF_YIELDS => thread::yield_now(),
            Wait::Backoff | Wait::Block | Wait::BlockFor(_) => {
                let doubled = (round - BACKOFF_YIELDS).min(5);
                thread::sleep(Duration::from_micros(32 << doubled).min(Duration::from_millis(1)));
            }
        }
    }
}
