//! What a reader finds: [`Next`], [`Recorded`], [`CloseReason`].

use core::{fmt, ops::Deref};

use kekbit_codec::Timestamp;

/// What lies at a reader's position.
///
/// Only [`Record`](Next::Record) moves the reader on. All others are findings of the moment: a
/// later poll may find something else, except after [`Closed`](Next::Closed), which is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next<R> {
    /// The next record.
    Record(R),
    /// Nothing yet. The caller decides how to wait.
    Pending,
    /// The channel has ended; no record will follow.
    Closed(CloseReason),
    /// The writer is gone and did not close the channel. [`recover`](crate::recover) can seal it,
    /// after which polls say [`Closed`](Next::Closed).
    Abandoned,
    /// The writer is alive but has been silent for longer than the channel's writer timeout.
    TimedOut,
}

impl<R> Next<R> {
    /// The record, if there is one.
    pub fn record(self) -> Option<R> {
        match self {
            Next::Record(record) => Some(record),
            _ => None,
        }
    }

    /// The record, or what there is instead.
    #[inline(always)]
    pub(crate) fn into_record<S>(self) -> Result<R, Next<S>> {
        match self {
            Next::Record(record) => Ok(record),
            Next::Pending => Err(Next::Pending),
            Next::Closed(reason) => Err(Next::Closed(reason)),
            Next::Abandoned => Err(Next::Abandoned),
            Next::TimedOut => Err(Next::TimedOut),
        }
    }
}

/// A record with what the channel knows of it. Dereferences to the record.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("lines.kekbit");
/// use kekbit_channel::{ChannelOptions, Reader, Writer};
///
/// let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(64).time_stamps())?;
/// writer.append(b"hello")?;
/// let mut reader = Reader::open(&path)?;
/// let record = reader.try_next()?.record().unwrap();
/// assert_eq!((record.sequence, record.len()), (0, 5));
/// assert!(record.timestamp.is_some() && !record.unverified);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded<T> {
    /// The number of the record in its channel.
    pub sequence: u64,
    /// When it was claimed, in a channel with time stamps.
    pub timestamp: Option<Timestamp>,
    /// Whether nothing vouches for the payload: the channel has no checksums, and the file is
    /// either a copy, or from before the last boot and no sync had covered the record.
    pub unverified: bool,
    /// The record itself.
    pub value: T,
}

impl<T> Recorded<T> {
    #[inline(always)]
    pub(crate) fn try_map<S, E>(
        self,
        convert: impl FnOnce(T) -> Result<S, E>,
    ) -> Result<Recorded<S>, E> {
        let Recorded { sequence, timestamp, unverified, value } = self;
        Ok(Recorded { sequence, timestamp, unverified, value: convert(value)? })
    }
}

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Why a channel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The writer closed it, or was dropped.
    Closed,
    /// The writer closed it after a record no longer fitted.
    Full,
    /// Another channel goes on where this one ends.
    Rolled,
    /// Its writer died; recovery sealed it.
    Recovered,
    /// A sync failed, so that nobody can tell what has reached the disk.
    SyncFailed,
    /// The writer was dropped by a panic.
    Panicked,
    /// A reason that this version of the library does not know.
    Other(u32),
}

impl CloseReason {
    pub(crate) fn to_number(self) -> u32 {
        match self {
            CloseReason::Closed => 1,
            CloseReason::Full => 2,
            CloseReason::Rolled => 3,
            CloseReason::Recovered => 4,
            CloseReason::SyncFailed => 5,
            CloseReason::Panicked => 6,
            CloseReason::Other(number) => number,
        }
    }

    pub(crate) fn from_number(number: u32) -> CloseReason {
        match number {
            1 => CloseReason::Closed,
            2 => CloseReason::Full,
            3 => CloseReason::Rolled,
            4 => CloseReason::Recovered,
            5 => CloseReason::SyncFailed,
            6 => CloseReason::Panicked,
            number => CloseReason::Other(number),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Closed => f.write_str("closed"),
            CloseReason::Full => f.write_str("full"),
            CloseReason::Rolled => f.write_str("rolled"),
            CloseReason::Recovered => f.write_str("recovered"),
            CloseReason::SyncFailed => f.write_str("a sync failed"),
            CloseReason::Panicked => f.write_str("the writer panicked"),
            CloseReason::Other(number) => write!(f, "ended for the unknown reason {number}"),
        }
    }
}
