//! The header of a channel: [`Header`] to bytes, and bytes to [`Header`] by way of
//! [`UncheckedHeader`], which nothing else can be made of than an error or a header.

use std::time::Duration;

use kekbit_codec::{Timestamp, frame};

use crate::{
    checksum::crc32c,
    layout::{
        self, FLAG_CHECKSUMS, FLAG_TIME_STAMPS, FLAGS_KNOWN, HEADER_SIZE, MAGIC, MAGIC_NAME,
        SCHEMA_LEN_MAX, VERSION,
    },
    options::Alignment,
};

/// What a channel says of itself.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ticks.kekbit");
/// use kekbit_channel::{ChannelOptions, Reader, Record, TypedWriter};
///
/// #[derive(Record)]
/// struct Tick(u64);
///
/// let _writer = TypedWriter::<Tick>::create(&path, &ChannelOptions::new().records(8))?;
/// let reader = Reader::open(&path)?;
/// assert_eq!(reader.header().stride, 16);
/// assert_eq!(reader.header().schema, "struct Tick 8\n 0 0 8 u64\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Where frames start in the file.
    pub data_offset: u64,
    /// Whether frames carry checksums.
    pub checksums: bool,
    /// Whether records carry time stamps.
    pub time_stamps: bool,
    /// Random; no two channels have the same.
    pub channel_id: u128,
    /// The number its creator chose for itself, or 0.
    pub writer_id: u64,
    /// The channel that came before it in a journal, or 0.
    pub predecessor_id: u128,
    /// When it was created.
    pub created: Timestamp,
    /// The boot during which it was created; 0 if the system does not tell.
    pub boot_id: u128,
    /// The device of the file at creation.
    pub device: u64,
    /// The inode of the file at creation.
    pub inode: u64,
    /// After how much silence readers call a living writer silent.
    pub writer_timeout: Option<Duration>,
    /// Bytes that frames may occupy.
    pub capacity: u64,
    /// The longest payload; in a typed channel the size of every record.
    pub max_payload: u32,
    /// Where frames may start.
    pub alignment: Alignment,
    /// Bytes from one record to the next; 0 in a raw channel, whose frames vary.
    pub stride: u64,
    /// Fingerprint of the schema; 0 in a raw channel.
    pub fingerprint: u64,
    /// The canonical text of the schema; empty in a raw channel.
    pub schema: String,
}

impl Header {
    /// Bytes of the whole file.
    pub(crate) fn file_size(&self) -> Option<u64> {
        layout::file_size(self.data_offset, self.capacity, self.alignment.bytes())
    }

    pub(crate) fn state_offset(&self) -> u64 {
        self.data_offset - layout::STATE_SIZE
    }

    /// Bytes of a frame of such a payload.
    #[inline]
    pub(crate) fn frame_size(&self, payload_len: u32) -> u64 {
        frame::frame_size(payload_len, self.time_stamps, self.alignment.bytes())
    }

    /// How many records the channel has room for; `None` in a raw channel, whose records vary.
    #[must_use]
    pub fn record_capacity(&self) -> Option<u64> {
        self.capacity.checked_div(self.stride)
    }

    /// How many records fit a channel of fixed stride.
    pub(crate) fn record_count_max(&self) -> u64 {
        self.record_capacity().unwrap_or(0)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut flags = 0;
        if self.checksums {
            flags |= FLAG_CHECKSUMS;
        }
        if self.time_stamps {
            flags |= FLAG_TIME_STAMPS;
        }
        let timeout =
            self.writer_timeout.map_or(0, |t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX));
        let schema_len = u32::try_from(self.schema.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER_SIZE + self.schema.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(self.data_offset.to_le_bytes());
        bytes.extend(self.channel_id.to_le_bytes());
        bytes.extend(self.writer_id.to_le_bytes());
        bytes.extend(self.predecessor_id.to_le_bytes());
        bytes.extend(self.created.as_nanos().to_le_bytes());
        bytes.extend(self.boot_id.to_le_bytes());
        bytes.extend(self.device.to_le_bytes());
        bytes.extend(self.inode.to_le_bytes());
        bytes.extend(timeout.to_le_bytes());
        bytes.extend(self.capacity.to_le_bytes());
        bytes.extend(self.max_payload.to_le_bytes());
        bytes.extend(self.alignment.bytes().to_le_bytes());
        bytes.extend(self.stride.to_le_bytes());
        bytes.extend(self.fingerprint.to_le_bytes());
        bytes.extend(schema_len.to_le_bytes());
        bytes.extend([0; 8]);
        let checksum = crc32c(&[&bytes, self.schema.as_bytes()]);
        bytes.extend(checksum.to_le_bytes());
        debug_assert_eq!(bytes.len(), HEADER_SIZE);
        bytes.extend(self.schema.as_bytes());
        bytes
    }
}

/// Why bytes are no header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderError {
    NotAChannel { found: String },
    TextMode,
    NewerVersion { found: u32 },
    Truncated { expected: u64 },
    Damaged { problem: String },
}

/// The fixed part of a header as it was found: nothing is believed yet.
#[derive(Debug)]
pub(crate) struct UncheckedHeader<'a> {
    bytes: &'a [u8; HEADER_SIZE],
    schema_len: u32,
}

impl<'a> UncheckedHeader<'a> {
    /// Takes the first bytes of a file, and looks at what tells kind and version only.
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Result<UncheckedHeader<'a>, HeaderError> {
        let magic = bytes.get(..MAGIC.len()).unwrap_or(bytes);
        if magic != MAGIC {
            return Err(if magic.len() < MAGIC.len() && MAGIC.starts_with(magic) {
                HeaderError::Truncated { expected: HEADER_SIZE as u64 }
            } else if magic.starts_with(MAGIC_NAME) {
                HeaderError::TextMode
            } else {
                HeaderError::NotAChannel { found: format!("\"{}\"", magic.escape_ascii()) }
            });
        }
        let truncated = HeaderError::Truncated { expected: HEADER_SIZE as u64 };
        let bytes = bytes.first_chunk::<HEADER_SIZE>().ok_or(truncated)?;
        let mut fields = Fields { bytes: &bytes[MAGIC.len()..] };
        let version = fields.u32();
        if VERSION < version {
            return Err(HeaderError::NewerVersion { found: version });
        }
        if version != VERSION {
            return Err(damaged(format!("there is no format version {version}")));
        }
        let mut tail = Fields { bytes: &bytes[144..] };
        let schema_len = tail.u32();
        if SCHEMA_LEN_MAX < schema_len {
            return Err(damaged(format!(
                "a schema text of {schema_len} bytes, where {SCHEMA_LEN_MAX} are allowed"
            )));
        }
        Ok(UncheckedHeader { bytes, schema_len })
    }

    /// Bytes of the schema text that follows.
    pub(crate) fn schema_len(&self) -> u32 {
        self.schema_len
    }

    /// Believes the bytes if the checksum says so and all fields agree.
    pub(crate) fn check(self, schema: &[u8]) -> Result<Header, HeaderError> {
        let (summed, sum) = self.bytes.split_at(HEADER_SIZE - 4);
        let found = Fields { bytes: sum }.u32();
        let expected = crc32c(&[summed, schema]);
        if found != expected {
            return Err(damaged(format!(
                "its checksum is {found:#010x} and should be {expected:#010x}"
            )));
        }
        let schema = String::from_utf8(schema.to_vec())
            .map_err(|_| damaged("the schema text is not UTF-8".to_owned()))?;
        let mut fields = Fields { bytes: &summed[12..] };
        let flags = fields.u32();
        if flags & !FLAGS_KNOWN != 0 {
            return Err(damaged(format!("flags {flags:#x}, of which some are unknown")));
        }
        let header = Header {
            checksums: flags & FLAG_CHECKSUMS != 0,
            time_stamps: flags & FLAG_TIME_STAMPS != 0,
            data_offset: fields.u64(),
            channel_id: fields.u128(),
            writer_id: fields.u64(),
            predecessor_id: fields.u128(),
            created: Timestamp::from_nanos(fields.u64()),
            boot_id: fields.u128(),
            device: fields.u64(),
            inode: fields.u64(),
            writer_timeout: Some(fields.u64()).filter(|t| *t != 0).map(Duration::from_nanos),
            capacity: fields.u64(),
            max_payload: fields.u32(),
            alignment: {
                let found = fields.u32();
                Alignment::from_bytes(found)
                    .ok_or_else(|| damaged(format!("an alignment of {found} bytes")))?
            },
            stride: fields.u64(),
            fingerprint: fields.u64(),
            schema,
        };
        let (_schema_len, reserved) = (fields.u32(), fields.u64());
        if reserved != 0 {
            return Err(damaged("reserved bytes are not zero".to_owned()));
        }
        header.agree()?;
        Ok(header)
    }
}

impl Header {
    /// Whether the fields agree with each other.
    fn agree(&self) -> Result<(), HeaderError> {
        let check = |holds: bool, problem: &str| {
            if holds { Ok(()) } else { Err(damaged(problem.to_owned())) }
        };
        let schema_len = u32::try_from(self.schema.len()).unwrap_or(u32::MAX);
        check(
            self.data_offset == layout::data_offset(schema_len),
            "data does not start a page behind the schema",
        )?;
        check(self.file_size().is_some(), "more capacity than a file can have")?;
        check(self.max_payload <= frame::PAYLOAD_LEN_MAX, "payloads longer than a frame holds")?;
        check(
            self.frame_size(self.max_payload) <= self.capacity,
            "not even one record fits the capacity",
        )?;
        check(self.channel_id != 0, "the channel id is zero")?;
        let typed = !self.schema.is_empty();
        check(
            typed || self.stride == 0 && self.fingerprint == 0,
            "a stride or a fingerprint without a schema",
        )?;
        check(
            !typed || self.stride == self.frame_size(self.max_payload),
            "the stride is not that of the records",
        )
    }
}

fn damaged(problem: String) -> HeaderError {
    HeaderError::Damaged { problem }
}

/// Takes little-endian integers off the front; zeroes once the bytes have run out.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.bytes.split_first_chunk::<N>() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => [0; N],
        }
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.take())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A channel of eight records of 8 bytes, with checksums.
    pub(crate) fn sample() -> Header {
        let schema = "u64\n".to_owned();
        Header {
            data_offset: layout::data_offset(4),
            checksums: true,
            time_stamps: false,
            channel_id: 0x0102_0304,
            writer_id: 7,
            predecessor_id: 0,
            created: Timestamp::from_nanos(1),
            boot_id: 9,
            device: 1,
            inode: 2,
            writer_timeout: Some(Duration::from_secs(1)),
            capacity: 128,
            max_payload: 8,
            alignment: Alignment::Packed,
            stride: 16,
            fingerprint: 11,
            schema,
        }
    }

    fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
        let header = UncheckedHeader::from_bytes(bytes)?;
        header.check(&bytes[HEADER_SIZE..])
    }

    #[test]
    fn a_header_comes_back_as_it_was() {
        let header = sample();
        assert_eq!(parse(&header.to_bytes()), Ok(header));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let good = sample().to_bytes();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_valid_checksum_does_not_excuse_nonsense() {
        fn check(change: impl FnOnce(&mut Header), expected: &str) {
            let mut header = sample();
            change(&mut header);
            match parse(&header.to_bytes()) {
                Err(HeaderError::Damaged { problem }) => {
                    assert!(problem.contains(expected), "{problem}");
                }
                other => panic!("{expected}: {other:?}"),
            }
        }
        for offset in [0, 4096, 8191, 8193, 12288, u64::MAX - 4095] {
            check(|h| h.data_offset = offset, "a page behind the schema");
        }
        check(|h| h.capacity = u64::MAX, "more capacity");
        check(|h| h.capacity = 15, "not even one record");
        check(|h| h.max_payload = u32::MAX, "longer than a frame");
        check(|h| h.stride = 8, "the stride");
        check(|h| h.stride = 0, "the stride");
        check(|h| h.schema = String::new(), "without a schema");
        check(|h| h.channel_id = 0, "channel id");
    }
}
