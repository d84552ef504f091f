//! [`ChannelOptions`]: what a channel is to be like, checked once and never bent.

use std::time::Duration;

use kekbit_codec::frame;

use crate::{
    clock::Clock,
    error::OptionsError,
    layout::{FLAG_CHECKSUMS, FLAG_TIME_STAMPS},
};

/// How a new channel is to be made.
///
/// A capacity has to be given; all else has a default. What is asked for is what one gets, or an
/// error: nothing is rounded or clamped.
///
/// ```
/// use std::time::Duration;
/// use kekbit_channel::{Alignment, ChannelOptions, Prefault};
///
/// let options = ChannelOptions::new()
///     .records(1_000_000)
///     .time_stamps()
///     .alignment(Alignment::CacheLine)
///     .writer_timeout(Duration::from_secs(5))
///     .prefault(Prefault::All);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ChannelOptions {
    capacity: Option<Capacity>,
    max_payload: Option<u32>,
    checksums: bool,
    time_stamps: bool,
    alignment: Alignment,
    writer_timeout: Option<Duration>,
    writer_id: u64,
    pub(crate) prefault: Prefault,
    pub(crate) mode: u32,
    pub(crate) network: bool,
    pub(crate) clock: Option<Clock>,
    pub(crate) wake_readers: bool,
}

#[derive(Debug, Clone, Copy)]
enum Capacity {
    Records(u64),
    Bytes(u64),
}

/// Where frames may start.
///
/// A frame that shares no cache line with its neighbours spares a single answer a little time,
/// at the price of space, which all others pay with time. A frame has 8 bytes more than its
/// payload, and 8 more with time stamps. The rule of thumb: [`CacheLine`](Self::CacheLine) where
/// frames fill whole lines anyway, or nearly (payloads of 56 or 120 bytes: it costs nothing then),
/// and where records go back and forth one by one and space is of no account. All else is better
/// packed, above all streams and what is kept: a payload of 64 bytes takes 72 bytes packed and 128
/// in lines, and longer in a stream. `docs/PERFORMANCE.md` has the figures by size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alignment {
    /// At every multiple of 8 bytes.
    #[default]
    Packed,
    /// At every multiple of 64 bytes.
    CacheLine,
}

impl Alignment {
    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u32 {
        match self {
            Alignment::Packed => 8,
            Alignment::CacheLine => 64,
        }
    }

    pub(crate) fn from_bytes(bytes: u32) -> Option<Alignment> {
        match bytes {
            8 => Some(Alignment::Packed),
            64 => Some(Alignment::CacheLine),
            _ => None,
        }
    }
}

/// Whether pages are made present before they are needed.
///
/// The first touch of a page is a fault, which shows in the tail of the latency of append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Prefault {
    /// As [`All`](Self::All) in memory (tmpfs) up to 64 MiB, where a page takes microseconds; else
    /// as [`Off`](Self::Off).
    #[default]
    Auto,
    /// Pages come when they are first written.
    Off,
    /// The whole channel at creation. On a disk this makes all of it dirty, so that the first sync
    /// writes all of it out.
    All,
    /// Some megabytes in front of the writer, by a thread of its own: for channels that are large,
    /// or on a disk, and a core to spare.
    Ahead,
}

impl Default for ChannelOptions {
    fn default() -> ChannelOptions {
        ChannelOptions::new()
    }
}

impl ChannelOptions {
    /// Packed frames with checksums, without time stamps, in a file that only its owner can read
    /// (mode 0600). The capacity is still to be given.
    pub fn new() -> ChannelOptions {
        ChannelOptions {
            capacity: None,
            max_payload: None,
            checksums: true,
            time_stamps: false,
            alignment: Alignment::Packed,
            writer_timeout: None,
            writer_id: 0,
            prefault: Prefault::Auto,
            mode: 0o600,
            network: false,
            clock: None,
            wake_readers: false,
        }
    }

    /// Room for that many records. A raw channel needs [`max_payload`](Self::max_payload) too, and
    /// gets room for that many of the longest.
    pub fn records(mut self, count: u64) -> ChannelOptions {
        self.capacity = Some(Capacity::Records(count));
        self
    }

    /// Room for frames of that many bytes in all. The header and the close mark come on top.
    pub fn bytes(mut self, count: u64) -> ChannelOptions {
        self.capacity = Some(Capacity::Bytes(count));
        self
    }

    /// The longest payload of a raw channel, in bytes. Without it, any that fits. Typed channels
    /// know theirs and refuse this option.
    pub fn max_payload(mut self, len: u32) -> ChannelOptions {
        self.max_payload = Some(len);
        self
    }

    /// Leaves out the checksums: less work for each record, and after a power cut nothing vouches
    /// for what no sync had covered.
    pub fn without_checksums(mut self) -> ChannelOptions {
        self.checksums = false;
        self
    }

    /// Stamps each record with the time at which it was claimed. Seeking by time and merging need
    /// it. 8 bytes and a look at the clock for each record.
    pub fn time_stamps(mut self) -> ChannelOptions {
        self.time_stamps = true;
        self
    }

    /// Where frames may start.
    pub fn alignment(mut self, alignment: Alignment) -> ChannelOptions {
        self.alignment = alignment;
        self
    }

    /// After how much silence of a living writer readers say [`TimedOut`](crate::Next::TimedOut).
    /// Without it, never. A reader can choose for itself.
    pub fn writer_timeout(mut self, timeout: Duration) -> ChannelOptions {
        self.writer_timeout = Some(timeout);
        self
    }

    /// A number that tells who writes, for the user's own purposes.
    pub fn writer_id(mut self, id: u64) -> ChannelOptions {
        self.writer_id = id;
        self
    }

    /// Whether pages are made present before they are needed.
    pub fn prefault(mut self, prefault: Prefault) -> ChannelOptions {
        self.prefault = prefault;
        self
    }

    /// The permission bits of the file, less the umask of the process. Without it 0600: readers of
    /// other users need 0640 or 0644.
    pub fn mode(mut self, mode: u32) -> ChannelOptions {
        self.mode = mode;
        self
    }

    /// Allows a file on a network or FUSE file system. There a mapping is not one memory for all,
    /// and a lock may not be one lock: readers on other machines see no order, or nothing.
    pub fn allow_network_file_systems(mut self) -> ChannelOptions {
        self.network = true;
        self
    }

    /// Takes time stamps from `clock` instead of the system's: for replays and tests.
    pub fn clock(mut self, clock: Clock) -> ChannelOptions {
        self.clock = Some(clock);
        self
    }

    /// Wakes readers that wait with [`Wait::Block`](crate::Wait::Block), as soon as there is
    /// something. Costs the writer a load and a branch for each record, and a system call for each
    /// record that somebody sleeps for.
    ///
    /// Readers tell the writer over a file beside the channel, with `.wait` behind its name. It has
    /// the permission bits of the channel, with those to write where there are those to read, less
    /// the umask of the process. Whoever may write to it can wake and hold up the others, and kill
    /// them, the writer among them, by cutting it short (SIGBUS): who may read the channel but is
    /// not to be trusted with that must not be let write here, and waits as with
    /// [`Wait::Backoff`](crate::Wait::Backoff) then. The writer removes the file when it ends, and
    /// [`recover`](crate::recover) does if it died.
    ///
    /// Where the system lacks what it takes (`membarrier` and `futex` of Linux) there is no such
    /// file, and readers wait as without this option.
    pub fn wake_readers(mut self) -> ChannelOptions {
        self.wake_readers = true;
        self
    }

    /// What a channel of these options looks like, with records of `record_size` bytes each, or
    /// raw.
    pub(crate) fn plan(&self, record_size: Option<u64>) -> Result<Plan, OptionsError> {
        let max_payload = self.largest(record_size)?;
        let alignment = self.alignment.bytes();
        let longest_frame = frame::frame_size(max_payload, self.time_stamps, alignment);
        let capacity = match self.capacity {
            None => return Err(OptionsError::CapacityMissing),
            Some(Capacity::Bytes(bytes)) => bytes,
            Some(Capacity::Records(_)) if record_size.is_none() && self.max_payload.is_none() => {
                return Err(OptionsError::RecordsOfUnknownSize);
            }
            Some(Capacity::Records(count)) => count
                .checked_mul(longest_frame)
                .ok_or(OptionsError::CapacityOverflow { count, size: longest_frame })?,
        };
        let max_payload = match (record_size, self.max_payload) {
            (None, None) => self.largest_in(capacity),
            _ if capacity < longest_frame => {
                return Err(OptionsError::CapacityTooSmall { capacity, needed: longest_frame });
            }
            _ => max_payload,
        };
        if capacity < frame::frame_size(0, self.time_stamps, alignment) {
            let needed = frame::frame_size(0, self.time_stamps, alignment);
            return Err(OptionsError::CapacityTooSmall { capacity, needed });
        }
        let mut flags = 0;
        if self.checksums {
            flags |= FLAG_CHECKSUMS;
        }
        if self.time_stamps {
            flags |= FLAG_TIME_STAMPS;
        }
        Ok(Plan {
            flags,
            capacity,
            max_payload,
            alignment: self.alignment,
            stride: if record_size.is_some() { longest_frame } else { 0 },
            writer_timeout: self.timeout()?,
            writer_id: self.writer_id,
        })
    }

    fn largest(&self, record_size: Option<u64>) -> Result<u32, OptionsError> {
        let max = frame::PAYLOAD_LEN_MAX;
        let asked = match (record_size, self.max_payload) {
            (Some(_), Some(_)) => return Err(OptionsError::MaxPayloadOfTyped),
            (Some(size), None) => size,
            (None, Some(len)) => u64::from(len),
            (None, None) => u64::from(max),
        };
        let fitting = u32::try_from(asked).ok().filter(|len| *len <= max);
        fitting.ok_or(OptionsError::PayloadTooLong { len: asked, max: u64::from(max) })
    }

    /// The longest payload of which one frame fits the capacity.
    fn largest_in(&self, capacity: u64) -> u32 {
        let alignment = u64::from(self.alignment.bytes());
        let frame = capacity - capacity % alignment;
        let payload = frame.saturating_sub(frame::head_size(self.time_stamps));
        u32::try_from(payload).unwrap_or(u32::MAX).min(frame::PAYLOAD_LEN_MAX)
    }

    fn timeout(&self) -> Result<Option<Duration>, OptionsError> {
        match self.writer_timeout {
            Some(timeout) if timeout.is_zero() || u64::try_from(timeout.as_nanos()).is_err() => {
                Err(OptionsError::TimeoutOutOfRange { timeout })
            }
            timeout => Ok(timeout),
        }
    }
}

/// Options that hold together, as numbers of the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) flags: u32,
    pub(crate) capacity: u64,
    pub(crate) max_payload: u32,
    pub(crate) alignment: Alignment,
    pub(crate) stride: u64,
    pub(crate) writer_timeout: Option<Duration>,
    pub(crate) writer_id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_what_one_gets() {
        let plan = ChannelOptions::new().records(10).plan(Some(39)).unwrap();
        assert_eq!((plan.stride, plan.capacity, plan.max_payload), (48, 480, 39));
        let plan = ChannelOptions::new().bytes(1001).plan(None).unwrap();
        assert_eq!((plan.stride, plan.capacity, plan.max_payload), (0, 1001, 992));
        let plan = ChannelOptions::new().bytes(1 << 40).plan(None).unwrap();
        assert_eq!((plan.capacity, plan.max_payload), (1 << 40, frame::PAYLOAD_LEN_MAX));
        let line = ChannelOptions::new().alignment(Alignment::CacheLine).time_stamps();
        assert_eq!(line.clone().records(3).plan(Some(48)).unwrap().stride, 64);
        assert_eq!(line.clone().records(3).plan(Some(49)).unwrap().stride, 128);
        assert_eq!(line.bytes(200).plan(None).unwrap().max_payload, 192 - 16);
    }

    #[test]
    fn what_cannot_be_had_is_an_error() {
        fn check(options: ChannelOptions, record_size: Option<u64>, expected: &str) {
            let error = options.plan(record_size).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        let new = ChannelOptions::new;
        check(new(), Some(8), "no capacity");
        check(new().records(5), None, "max_payload");
        check(new().records(u64::MAX), Some(8), "18446744073709551615 records of 16 bytes");
        check(new().records(0), Some(8), "0 bytes");
        check(new().bytes(15), Some(8), "at least 16");
        check(new().bytes(7), None, "at least 8");
        check(new().bytes(64).max_payload(57), None, "at least 72");
        check(new().bytes(1 << 30).max_payload(u32::MAX), None, "268435392");
        check(new().bytes(1 << 30).max_payload(8), Some(8), "typed");
        check(new().bytes(64).writer_timeout(Duration::ZERO), None, "0ns");
        check(new().bytes(64).writer_timeout(Duration::MAX), None, "timeout");
    }
}
