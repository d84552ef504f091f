//! Every offset, size and limit of the file, as `docs/FORMAT.md` gives them.

use kekbit_codec::frame;

/// "KEKBIT" and two bytes that a transfer in text mode would change.
pub(crate) const MAGIC: [u8; 8] = *b"KEKBIT\r\n";
/// The part of [`MAGIC`] that names the format.
pub(crate) const MAGIC_NAME: &[u8] = b"KEKBIT";
/// The one format version there is.
pub(crate) const VERSION: u32 = 1;

/// The unit in which parts of the file are laid out, whatever the page size of the system is.
pub(crate) const PAGE_SIZE: u64 = 4096;
/// Bytes of the state page.
pub(crate) const STATE_SIZE: u64 = PAGE_SIZE;
/// The longest schema text.
pub(crate) const SCHEMA_LEN_MAX: u32 = 1 << 20;

/// Bytes of the fixed part of the header.
pub(crate) const HEADER_SIZE: usize = 160;

/// Flag: words carry checksums.
pub(crate) const FLAG_CHECKSUMS: u32 = 1;
/// Flag: records carry time stamps.
pub(crate) const FLAG_TIME_STAMPS: u32 = 1 << 1;
/// All flags that version 1 knows.
pub(crate) const FLAGS_KNOWN: u32 = FLAG_CHECKSUMS | FLAG_TIME_STAMPS;

/// Offset within the state page of `base + 1`.
pub(crate) const STATE_BASE: u64 = 0;
/// Offset within the state page of the check of the base.
pub(crate) const STATE_BASE_CHECK: u64 = 8;
/// Offset within the state page of `durable`: on a cache line of its own.
pub(crate) const STATE_DURABLE: u64 = 64;

/// Offset within the state page of the mark of a flush, on a cache line of its own too.
pub(crate) const STATE_FLUSHING: u64 = 128;

/// The marks of a flush; 0 if there is nothing to tell.
pub(crate) const FLUSH_UNDER_WAY: u64 = 1;
pub(crate) const FLUSH_FAILED: u64 = 2;

/// Behind the name of a channel, the name of the file over which its writer wakes readers.
pub(crate) const WAIT_SUFFIX: &str = ".wait";
/// The first bytes of that file.
pub(crate) const WAIT_MAGIC: [u8; 8] = *b"KEKWAIT\n";
/// Offset within it of the channel's id.
pub(crate) const WAIT_CHANNEL: usize = 16;
/// Offset within it of `bell`, and of `asked` on another cache line.
pub(crate) const WAIT_BELL: usize = 64;
pub(crate) const WAIT_ASKED: usize = 128;
/// Bytes of it.
pub(crate) const WAIT_SIZE: u64 = PAGE_SIZE;

/// A claim that ends unpublished leaves at most this many bytes to be zeroed; more are padded.
/// Under the model checker fewer, so that a small model has both.
pub(crate) const ZEROED_MAX: u64 = if cfg!(loom) { 24 } else { PAGE_SIZE };

/// The close mark: a word.
pub(crate) const CLOSE_SIZE: u64 = frame::WORD_SIZE;

/// Where data starts in a file whose schema text has that many bytes.
pub(crate) const fn data_offset(schema_len: u32) -> u64 {
    (HEADER_SIZE as u64 + schema_len as u64).next_multiple_of(PAGE_SIZE) + STATE_SIZE
}

/// Bytes of a whole file; `None` if they cannot be counted.
pub(crate) fn file_size(data_offset: u64, capacity: u64, alignment: u32) -> Option<u64> {
    capacity
        .checked_next_multiple_of(u64::from(alignment))?
        .checked_add(CLOSE_SIZE)?
        .checked_add(data_offset)?
        .checked_next_multiple_of(PAGE_SIZE)
        .filter(|size| i64::try_from(*size).is_ok())
}

const _: () = assert!(HEADER_SIZE as u64 <= PAGE_SIZE);
const _: () = assert!(STATE_FLUSHING + 8 <= STATE_SIZE);
const _: () = assert!(HEADER_SIZE.is_multiple_of(8) && PAGE_SIZE.is_multiple_of(64));

#[cfg(not(target_pointer_width = "64"))]
compile_error!("kekbit maps whole files and needs a 64-bit target");
