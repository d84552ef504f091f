//! Errors: one type an operation, with the numbers, the path, and the source of each.

use std::{io, path::PathBuf, time::Duration};

use kekbit_codec::{Invalid, SchemaError};
use thiserror::Error;

pub use crate::difference::SchemaDifference;

/// Options that do not hold together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// Neither records nor bytes were given.
    #[error("no capacity given; call `records(count)` or `bytes(count)`")]
    CapacityMissing,
    /// A number of raw records was given without their size.
    #[error("a raw channel of so many records needs `max_payload(len)`, or else `bytes(count)`")]
    RecordsOfUnknownSize,
    /// More bytes than can be counted.
    #[error("{count} records of {size} bytes each are more than a file can hold")]
    CapacityOverflow {
        /// Records asked for.
        count: u64,
        /// Bytes of the frame of one.
        size: u64,
    },
    /// More bytes than a file can have.
    #[error("a capacity of {capacity} bytes is more than a file can have")]
    CapacityTooLarge {
        /// Bytes asked for.
        capacity: u64,
    },
    /// Not even one record would fit.
    #[error("a capacity of {capacity} bytes holds no record; it takes at least {needed}")]
    CapacityTooSmall {
        /// Bytes asked for.
        capacity: u64,
        /// Bytes of one frame.
        needed: u64,
    },
    /// Longer than a frame can say.
    #[error("a payload of {len} bytes is too long; the format allows {max}")]
    PayloadTooLong {
        /// Bytes asked for.
        len: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// A typed channel has the size of its type.
    #[error("`max_payload` was given for a typed channel, whose records all have the type's size")]
    MaxPayloadOfTyped,
    /// Zero, or more than 584 years.
    #[error("a writer timeout of {timeout:?} is out of range; leave it out for none")]
    TimeoutOutOfRange {
        /// What was asked for.
        timeout: Duration,
    },
    /// The schema text of the type is longer than the format allows.
    #[error("the schema text of the type has {len} bytes; the format allows {max}")]
    SchemaTooLong {
        /// Bytes of the text.
        len: usize,
        /// Bytes allowed.
        max: u32,
    },
}

/// A channel could not be created. Nothing is left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The options do not hold together.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The name is taken. A channel is never overwritten, and never continued.
    #[error("`{}` exists already; a channel never replaces a file: choose another name, or remove it first", path.display())]
    Exists {
        /// The name.
        path: PathBuf,
    },
    /// The file system has no room for the whole channel.
    #[error("no room for `{}`: {needed} bytes needed, {available} available", path.display())]
    NoSpace {
        /// The channel that was to be.
        path: PathBuf,
        /// Bytes of the whole file.
        needed: u64,
        /// Bytes that the file system said it had, just after the failure.
        available: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The process may not make files that large.
    #[error("`{}` would have {needed} bytes, but this process may write files of {limit} at most (RLIMIT_FSIZE, `ulimit -f`)", path.display())]
    FileSizeLimit {
        /// The channel that was to be.
        path: PathBuf,
        /// Bytes of the whole file.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A file system on which mapping and locks do not reach all processes.
    #[error("`{}` is on a network or FUSE file system ({kind}), where readers may see nothing; use a local one, or `allow_network_file_systems()`", path.display())]
    NetworkFileSystem {
        /// The channel that was to be.
        path: PathBuf,
        /// Its kind, as the system numbers or names it.
        kind: String,
    },
    /// The name of the file over which readers would be woken is taken, perhaps by that of a
    /// writer that was killed.
    #[error("`{}`, over which the readers of `{}` would be woken, exists already; if no writer uses it, remove it", sidecar.display(), path.display())]
    SidecarExists {
        /// The channel that was to be.
        path: PathBuf,
        /// The name that is taken.
        sidecar: PathBuf,
    },
    /// Another process holds the lock of the file that was just made. Only a file system without
    /// unnamed files leaves room for that.
    #[error("`{}` was locked by another process while it was being created", path.display())]
    Locked {
        /// The channel that was to be.
        path: PathBuf,
    },
    /// The system refused a step.
    #[error("cannot create `{}`: {step}", path.display())]
    Io {
        /// The channel that was to be.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A file could not be opened as a channel.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file.
    #[error("there is no channel `{}`; has its writer created it yet?", path.display())]
    Missing {
        /// The name.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory, a pipe, a device.
    #[error("`{}` is a {kind}, not a file", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The file has no bytes at all.
    #[error("`{}` is empty; a channel is never empty, so this is some other file or a broken copy", path.display())]
    Empty {
        /// The name.
        path: PathBuf,
    },
    /// It does not begin like a channel.
    #[error("`{}` is not a kekbit channel: it begins with {found}, a channel with \"KEKBIT\\r\\n\"", path.display())]
    NotAChannel {
        /// The name.
        path: PathBuf,
        /// The first bytes, readable.
        found: String,
    },
    /// It begins like a channel that went through a transfer in text mode.
    #[error("`{}` was a channel once: its line ends have been changed by a transfer in text mode; copy it again as binary", path.display())]
    TextMode {
        /// The name.
        path: PathBuf,
    },
    /// Made by a later release.
    #[error("`{}` has format version {found}; this library reads up to {supported}: use a newer one", path.display())]
    NewerVersion {
        /// The name.
        path: PathBuf,
        /// The version of the file.
        found: u32,
        /// The highest version known here.
        supported: u32,
    },
    /// The file is shorter than its header says, or than a header is.
    #[error("`{}` is cut short: it has {found} bytes and should have {expected}; copy it again, whole", path.display())]
    Truncated {
        /// The name.
        path: PathBuf,
        /// Bytes that are there.
        found: u64,
        /// Bytes that should be.
        expected: u64,
    },
    /// The header fails its checksum, or contradicts itself.
    #[error("the header of `{}` is damaged: {problem}", path.display())]
    DamagedHeader {
        /// The name.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// The channel was prepared for later and has no first sequence number yet.
    #[error("`{}` has been prepared but is not in use yet", path.display())]
    NotInUse {
        /// The name.
        path: PathBuf,
    },
    /// The schema text in the header is none that this version reads.
    #[error("the schema of `{}` cannot be read; as bytes its records can, with `Reader`", path.display())]
    SchemaText {
        /// The name.
        path: PathBuf,
        /// The line, and what is wrong with it.
        source: SchemaError,
    },
    /// The channel holds bytes and has no schema.
    #[error("`{}` holds raw bytes and has no schema; read it with `Reader`", path.display())]
    Raw {
        /// The name.
        path: PathBuf,
    },
    /// The records of the channel are of an older version of the type. They have no views.
    #[error("`{}` holds records of an older version of the type, which can be decoded but have no views; read them with `TypedReader`", path.display())]
    Older {
        /// The name.
        path: PathBuf,
    },
    /// The records of the channel are of another type.
    #[error("`{}` holds records of another type: {difference}", path.display())]
    Schema {
        /// The name.
        path: PathBuf,
        /// Where the two schemas part.
        difference: Box<SchemaDifference>,
    },
    /// The system refused a step.
    #[error("cannot open `{}`: {step}", path.display())]
    Io {
        /// The name.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A record could not be written. Nothing was published; unless the variant says otherwise, the
/// writer can go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No room for this record. A shorter one may still fit; else close and start a new channel.
    #[error("the channel is full: {needed} bytes needed, {available} available")]
    Full {
        /// Bytes of the frame.
        needed: u64,
        /// Bytes that are left.
        available: u64,
    },
    /// The record would not fit any frame of this channel.
    #[error("a record of {len} bytes is too long for this channel, which takes {max}")]
    TooLong {
        /// Bytes of the payload.
        len: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The channel has been closed through another handle.
    #[error("the channel is closed")]
    Closed,
    /// The writer has given up; see [`PoisonReason`]. For good.
    #[error("the writer has stopped for good: {reason}")]
    Poisoned {
        /// Why.
        reason: PoisonReason,
    },
}

/// Why a writer has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PoisonReason {
    /// A sync failed, so nobody can tell what has reached the disk. The channel is sealed.
    #[error("a sync failed, so nobody can tell what has reached the disk")]
    SyncFailed,
    /// Where the next frame belongs there is something already: another process writes to the
    /// file. Nothing is written any more, not even a close mark.
    #[error(
        "the file was changed by somebody else: the word at byte {offset} should be zero and is {found:#018x}"
    )]
    ForeignWrite {
        /// Where in the file.
        offset: u64,
        /// What was found.
        found: u64,
    },
}

/// A sync failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The system could not write everything out. The writer is poisoned and the channel sealed.
    #[error("cannot write `{}` out to the disk; the channel is sealed, records below {durable} are safe", path.display())]
    Io {
        /// The channel.
        path: PathBuf,
        /// Records below this number are on the disk.
        durable: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The channel has been closed through another handle.
    #[error("the channel is closed")]
    Closed,
    /// The writer has given up before.
    #[error("the writer has stopped for good: {reason}")]
    Poisoned {
        /// Why.
        reason: PoisonReason,
    },
    /// A forked child must not use the writer of its parent.
    #[error("the writer belongs to process {owner}, this is process {this}")]
    OtherProcess {
        /// The process that created it.
        owner: u32,
        /// This process.
        this: u32,
    },
}

/// A channel could not be closed as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CloseError {
    /// It was closed through another handle.
    #[error("the channel is closed already")]
    Closed,
    /// The writer had given up before.
    #[error("the writer has stopped for good: {reason}")]
    Poisoned {
        /// Why.
        reason: PoisonReason,
    },
    /// A forked child must not use the writer of its parent.
    #[error("the writer belongs to process {owner}, this is process {this}")]
    OtherProcess {
        /// The process that created it.
        owner: u32,
        /// This process.
        this: u32,
    },
}

/// A record could not be read; [`kind`](Self::kind) tells what happened.
///
/// One word in size: the result of every record has room for it, and is slower to hand on the
/// larger it is.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("lines.kekbit");
/// use kekbit_channel::{ChannelOptions, ReadErrorKind, Reader, Writer};
///
/// let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(4096))?;
/// writer.append(b"sound")?;
/// writer.close()?;
///
/// // What a bad disk may do.
/// let mut file = std::fs::read(&path)?;
/// let place = file.windows(5).position(|bytes| bytes == b"sound").unwrap();
/// file[place] = b'b';
/// std::fs::write(&path, file)?;
///
/// let error = Reader::open(&path)?.try_next().unwrap_err();
/// assert!(matches!(error.kind(), ReadErrorKind::Damaged { sequence: 0, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Error)]
#[error(transparent)]
pub struct ReadError(Box<ReadErrorKind>);

impl ReadError {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &ReadErrorKind {
        &self.0
    }

    /// What happened, with all that belongs to it.
    #[must_use]
    pub fn into_kind(self) -> ReadErrorKind {
        *self.0
    }

    /// Whether the reader has moved on to the next record: the frame is whole, but the type has no
    /// value for it ([`Invalid`](ReadErrorKind::Invalid),
    /// [`UnknownVariant`](ReadErrorKind::UnknownVariant)).
    #[must_use]
    pub fn is_passed(&self) -> bool {
        matches!(self.kind(), ReadErrorKind::Invalid { .. } | ReadErrorKind::UnknownVariant { .. })
    }
}

impl From<ReadErrorKind> for ReadError {
    #[cold]
    fn from(kind: ReadErrorKind) -> ReadError {
        ReadError(Box::new(kind))
    }
}

/// Why a record could not be read: the kinds of [`ReadError`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// What lies in the file is not what the format allows. The reader stays where it is.
    #[error("`{}` is damaged at byte {offset}, where record {sequence} belongs: {problem}; `recover`, best of a copy, seals it in front of that record and tells what lies behind", path.display())]
    Damaged {
        /// The channel.
        path: PathBuf,
        /// Where the frame starts.
        offset: u64,
        /// The record that belongs there.
        sequence: u64,
        /// What does not fit.
        problem: Problem,
    },
    /// The frame is whole, but its payload is no value of the type. The reader has moved on to the
    /// next record.
    #[error("record {sequence} of `{}` is no valid value", path.display())]
    Invalid {
        /// The channel.
        path: PathBuf,
        /// The record.
        sequence: u64,
        /// Which field, where, and what was found.
        source: Invalid,
    },
    /// The record is of a newer version of the type, and a variant in it is not known to this one;
    /// the source tells where. The reader has moved on to the next record.
    #[error("record {sequence} of `{}` holds a variant that was added later than this program's type; read it with a newer one, pass such records over with `ReadOptions::skip_unknown_variants`, or take its bytes with `iter_or_raw`", path.display())]
    UnknownVariant {
        /// The channel.
        path: PathBuf,
        /// The record.
        sequence: u64,
        /// Which field, where, and what was found.
        source: Invalid,
    },
    /// The records are of an older version of the type. They have no views.
    #[error("the records of `{}` are of an older version of the type, which can be decoded (`iter`, `try_next`) but have no views", path.display())]
    NoViews {
        /// The channel.
        path: PathBuf,
    },
    /// The system refused a step.
    #[error("cannot read `{}`: {step}", path.display())]
    Io {
        /// The channel.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The word is of no kind that the format knows.
    #[error("the word {word:#018x} is of no known kind")]
    Kind {
        /// The word.
        word: u64,
    },
    /// The length is not what a record of this channel has.
    #[error("a payload of {found} bytes, where the channel has {expected}")]
    Length {
        /// Bytes that the word says.
        found: u64,
        /// Bytes that every record has (with a stride), or has at most.
        expected: u64,
    },
    /// The frame would go past the capacity.
    #[error("a frame of {size} bytes, where {available} are left")]
    PastCapacity {
        /// Bytes of the frame.
        size: u64,
        /// Bytes that are left.
        available: u64,
    },
    /// The padding ends where no frame can start, or the channel has none.
    #[error("a padding of {len} bytes, which cannot be here")]
    Padding {
        /// Bytes that the word says.
        len: u64,
    },
    /// Nothing is published here, but something lies behind. The file was copied while its writer
    /// ran, the power failed, or a write to the disk did. Or its writer died in the middle of a
    /// record of raw bytes, of which this would be the beginning, and this is a copy or another
    /// boot: then nothing is missing.
    #[error("there is a hole: nothing is published here, but bytes lie behind, at offset {beyond}")]
    Hole {
        /// Where the first of them lie, in the file.
        beyond: u64,
    },
    /// Nothing is published here, although a sync had covered it.
    #[error("nothing is here, although a sync had covered all records below {durable}")]
    Missing {
        /// Records below this number had been synced.
        durable: u64,
    },
    /// The checksum is not that of the frame.
    #[error("the checksum is {found:#010x} and should be {expected:#010x}")]
    Checksum {
        /// What the word says.
        found: u32,
        /// What the frame gives.
        expected: u32,
    },
}

/// A reader could not be moved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SeekError {
    /// There is no such record.
    #[error(
        "record {sequence} is not there; the channel holds {first} up to, not including, {end}"
    )]
    OutOfRange {
        /// The record asked for.
        sequence: u64,
        /// The first record.
        first: u64,
        /// One past the last record, as of now.
        end: u64,
    },
    /// The channel has no time stamps.
    #[error("`{}` has no time stamps; they are an option of its creation", path.display())]
    NoTimeStamps {
        /// The channel.
        path: PathBuf,
    },
    /// What lies on the way could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Channels could not be merged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MergeError {
    /// An input has no time stamps, by which a merge orders.
    #[error("input {input}, `{}`, has no time stamps, by which a merge orders; they are an option of its creation", path.display())]
    NoTimeStamps {
        /// Its place among the inputs.
        input: usize,
        /// The channel.
        path: PathBuf,
    },
}

/// A channel could not be recovered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// It is no channel that can be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its writer is alive.
    #[error("`{}` has a living writer; nothing was changed", path.display())]
    WriterAlive {
        /// The channel.
        path: PathBuf,
    },
    /// Its writer is gone, but another process holds a read lock on the first byte of the file,
    /// which kekbit itself never does.
    #[error("`{}` has no writer, but a process that may read it holds a lock on its first byte (`lslocks` tells which); nothing was changed: end that process and recover again", path.display())]
    ReadLocked {
        /// The channel.
        path: PathBuf,
    },
    /// Records that had been synced are damaged or gone: not an unfinished tail.
    #[error("`{}` is damaged: record {sequence} at byte {offset} was synced (all below {durable} were), but {}; {beyond} valid records were found beyond it. Nothing was changed; accept the loss to seal the channel in front of it", path.display(), problem.map_or_else(|| "is not there".to_owned(), |problem| problem.to_string()))]
    Damaged {
        /// The channel.
        path: PathBuf,
        /// The first record that is not whole.
        sequence: u64,
        /// Where it belongs.
        offset: u64,
        /// What is wrong with it; `None` if nothing is there.
        problem: Option<Problem>,
        /// Records below this number had been synced.
        durable: u64,
        /// Valid records found beyond it.
        beyond: u64,
    },
    /// The system refused a step.
    #[error("cannot recover `{}`: {step}", path.display())]
    Io {
        /// The channel.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
