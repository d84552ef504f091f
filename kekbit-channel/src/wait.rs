//! [`Wait`]: how a caller waits for the next record.

use std::{hint, thread, time::Duration};

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
    /// Waits for the `round`-th time in a row, from 0.
    pub(crate) fn pause(self, round: u32) {
        match self {
            Wait::Spin => hint::spin_loop(),
            Wait::Yield => thread::yield_now(),
            Wait::Sleep(time) => thread::sleep(time),
            Wait::Backoff if round < 128 => hint::spin_loop(),
            Wait::Backoff if round < 160 => thread::yield_now(),
            Wait::Backoff => {
                let doubled = (round - 160).min(5);
                thread::sleep(Duration::from_micros(32 << doubled).min(Duration::from_millis(1)));
            }
        }
    }
}
