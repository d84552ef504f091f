//! The frame word: one 64-bit integer that says what lies behind it.
//!
//! ```text
//! bit  63    60 59                           32 31                              0
//!     +--------+-------------------------------+---------------------------------+
//!     |  kind  | length (close: the reason)    | CRC-32C, or 0 without checksums |
//!     +--------+-------------------------------+---------------------------------+
//! ```
//!
//! Pure functions over integers; the memory is the channel's. See `docs/FORMAT.md`, Frame.

/// Bytes of a frame word.
pub const WORD_SIZE: u64 = 8;
/// Bytes of the time stamp that follows the word in a channel with time stamps.
pub const STAMP_SIZE: u64 = 8;
/// The largest payload of a frame; a little less than 28 bits can say, so that one padding can
/// cover any frame.
pub const PAYLOAD_LEN_MAX: u32 = (1 << LENGTH_BITS) - 64;
/// The largest number that fits the length of a word.
pub const LENGTH_MAX: u32 = (1 << LENGTH_BITS) - 1;

const LENGTH_SHIFT: u32 = 32;
const LENGTH_BITS: u32 = 28;
const KIND_SHIFT: u32 = LENGTH_SHIFT + LENGTH_BITS;
const _: () = assert!(KIND_SHIFT + 4 == u64::BITS);

const KIND_RECORD: u64 = 1;
const KIND_PADDING: u64 = 2;
const KIND_CLOSE: u64 = 3;

/// A frame word as it lies in the file (read as a little-endian integer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word(u64);

/// What a frame word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing is published here yet.
    Empty,
    /// A record of that many bytes of payload.
    Record {
        /// Bytes of payload.
        len: u32,
    },
    /// A stretch that holds no record.
    Padding {
        /// Bytes behind the word that are to be skipped.
        len: u32,
    },
    /// The end of the channel.
    Close {
        /// Why it ended, as a number.
        reason: u32,
    },
    /// None of these: damage.
    Unknown {
        /// The four bits of the kind.
        kind: u8,
    },
}

impl Word {
    /// The word of a stretch where nothing is published.
    pub const EMPTY: Word = Word(0);

    /// The word of a record, its checksum still zero; `None` if `len` needs more than 28 bits.
    #[must_use]
    pub const fn record(len: u32) -> Option<Word> {
        Word::pack(KIND_RECORD, len)
    }

    /// The word of a padding, its checksum still zero; `None` if `len` needs more than 28 bits.
    #[must_use]
    pub const fn padding(len: u32) -> Option<Word> {
        Word::pack(KIND_PADDING, len)
    }

    /// The word of a close mark, its checksum still zero; `None` if `reason` needs more than 28
    /// bits.
    #[must_use]
    pub const fn close(reason: u32) -> Option<Word> {
        Word::pack(KIND_CLOSE, reason)
    }

    /// The word with this integer value.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Word {
        Word(bits)
    }

    /// The integer value of the word.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The word with `checksum` in place of its own.
    #[must_use]
    pub const fn with_checksum(self, checksum: u32) -> Word {
        Word(self.without_checksum().0 | checksum as u64)
    }

    /// The word with zero for a checksum: the form in which it enters its own checksum.
    #[must_use]
    pub const fn without_checksum(self) -> Word {
        Word(self.0 & !(u32::MAX as u64))
    }

    /// The checksum.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are meant")]
    pub const fn checksum(self) -> u32 {
        self.0 as u32
    }

    /// What the word says.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "masked to 28 and to 4 bits")]
    pub const fn kind(self) -> Kind {
        let len = (self.0 >> LENGTH_SHIFT) as u32 & LENGTH_MAX;
        match self.0 >> KIND_SHIFT {
            KIND_RECORD => Kind::Record { len },
            KIND_PADDING => Kind::Padding { len },
            KIND_CLOSE => Kind::Close { reason: len },
            0 if self.0 == 0 => Kind::Empty,
            kind => Kind::Unknown { kind: kind as u8 },
        }
    }

    const fn pack(kind: u64, len: u32) -> Option<Word> {
        if len <= LENGTH_MAX {
            Some(Word(kind << KIND_SHIFT | (len as u64) << LENGTH_SHIFT))
        } else {
            None
        }
    }
}

/// Bytes between the start of a frame and its payload.
#[must_use]
pub const fn head_size(stamped: bool) -> u64 {
    if stamped { WORD_SIZE + STAMP_SIZE } else { WORD_SIZE }
}

/// Bytes that a record with `payload_len` bytes of payload takes up, with its head and padded to
/// `alignment`, which is a power of two.
///
/// ```
/// assert_eq!(kekbit_codec::frame::frame_size(39, false, 8), 48);
/// assert_eq!(kekbit_codec::frame::frame_size(39, true, 64), 64);
/// ```
#[must_use]
pub const fn frame_size(payload_len: u32, stamped: bool, alignment: u32) -> u64 {
    // NB: not `next_multiple_of`, which divides; the alignment is known at run time only.
    let mask = alignment as u64 - 1;
    (head_size(stamped) + payload_len as u64 + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_gives_back_what_was_packed() {
        for len in [0, 1, 7, 4096, PAYLOAD_LEN_MAX, LENGTH_MAX] {
            let word = Word::record(len).unwrap().with_checksum(0xDEAD_BEEF);
            assert_eq!(word.kind(), Kind::Record { len });
            assert_eq!(word.checksum(), 0xDEAD_BEEF);
            assert_eq!(Word::from_bits(word.to_bits()), word);
            assert_eq!(Word::padding(len).unwrap().kind(), Kind::Padding { len });
            assert_eq!(Word::close(len).unwrap().kind(), Kind::Close { reason: len });
        }
        assert_eq!(Word::record(LENGTH_MAX + 1), None);
    }

    #[test]
    fn one_padding_covers_any_frame() {
        for (stamped, alignment) in [(false, 8), (true, 8), (false, 64), (true, 64)] {
            let skipped = frame_size(PAYLOAD_LEN_MAX, stamped, alignment) - WORD_SIZE;
            assert!(skipped <= u64::from(LENGTH_MAX));
        }
    }

    #[test]
    fn only_zero_is_empty() {
        assert_eq!(Word::EMPTY.kind(), Kind::Empty);
        assert_eq!(Word::from_bits(1).kind(), Kind::Unknown { kind: 0 });
        assert_eq!(Word::from_bits(1 << 32).kind(), Kind::Unknown { kind: 0 });
        for kind in 4..16 {
            let word = Word::from_bits(u64::from(kind) << 60);
            assert_eq!(word.kind(), Kind::Unknown { kind });
        }
    }

    #[test]
    fn the_bits_are_those_of_the_format() {
        let word = Word::record(0x0ABC_DEF1).unwrap().with_checksum(0x2345_6789);
        assert_eq!(word.to_bits(), 0x1ABC_DEF1_2345_6789);
        assert_eq!(Word::close(4).unwrap().to_bits(), 0x3000_0004_0000_0000);
    }
}
