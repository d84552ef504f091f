//! [`Mapping`]: one channel's memory with what its header says, shared by all who use it.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use kekbit_codec::{
    Invalid, ParsedSchema, Record, Schema,
    frame::{self, Word},
};

use crate::{
    bell::{self, Bell, Sidecar},
    checksum::Seed,
    clock,
    cpu::Crc32c,
    error::{CreateError, OpenError, OptionsError, Problem, ReadError, ReadErrorKind},
    file::{self, NewFile, Storage},
    header::{Header, HeaderError, UncheckedHeader},
    layout::{self, HEADER_SIZE, PAGE_SIZE, SCHEMA_LEN_MAX, STATE_SIZE, VERSION},
    lock,
    options::{ChannelOptions, Prefault},
    region::Region,
    sync::{AtomicU64, Mutex, OnceLock, Ordering},
};

/// Up to which capacity channels in memory are made present at creation, unless told otherwise.
const PREFAULTED_MAX: u64 = 64 << 20;

/// What a reader makes present at a time.
const PREFAULTED_AT_ONCE: u64 = 2 << 20;

/// A channel in memory. The lock of a writer belongs to `file`, which is dropped after `region`:
/// fields are dropped in the order in which they stand here.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) region: Region,
    pub(crate) header: Header,
    pub(crate) track: Track,
    pub(crate) seed: Seed,
    /// Number of the first record.
    pub(crate) base: u64,
    /// Whether the file is the one that was created, in the boot in which it was.
    pub(crate) native: bool,
    /// Whether a sync reaches nothing that survives a reboot.
    pub(crate) volatile: bool,
    /// Nothing vouches for payloads from this record on.
    pub(crate) unverified_from: u64,
    /// Records below this number have been walked over.
    pub(crate) proven: AtomicU64,
    /// Where the end may be searched: records below this number have been found to be there.
    pub(crate) seen: AtomicU64,
    /// Where somebody has looked behind a zero word last, and what was there.
    looked_behind: Mutex<Option<(u64, Option<u64>)>>,
    /// What a reader that sleeps is woken over, looked for when the first does.
    bell: OnceLock<Option<Bell>>,
    pub(crate) path: PathBuf,
    pub(crate) file: File,
}

/// What every record of a channel asks of the header, worked out once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track {
    /// The word of every record, without its checksum, if they all have one length. Else that of
    /// none.
    pub(crate) word: Word,
    /// Bytes from one frame to the next then.
    pub(crate) stride: u64,
    pub(crate) sums: Sums,
    /// What `sums` and `time_stamps` come to, asked with one comparison.
    pub(crate) form: Form,
    /// How readers take records whose payloads are looked at as they are.
    pub(crate) take: Take,
    pub(crate) time_stamps: bool,
}

/// How the checksums of records come about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sums {
    /// There are none.
    None,
    /// All records are short.
    InLine(Crc32c),
    /// They may be long, or the CPU has no instruction for it.
    ByCrate,
}

/// What a frame has besides its word and its payload: the forms that have a way of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing.
    Bare,
    /// A checksum that is summed in line.
    Summed(Crc32c),
    /// What `sums` and `time_stamps` say.
    Other,
}

/// How a reader takes the record that lies at its position, if it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Take {
    /// The form of all frames, if all payloads have the length that is asked for and the form has a
    /// way of its own.
    pub(crate) form: Form,
    pub(crate) otherwise: Otherwise,
}

/// How, where the form has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// All records have one length, and checksums, if any, are summed in line; `sums` and
    /// `time_stamps` say what else a frame has.
    Short,
    /// By a closer look.
    Walk,
    /// Not at all: what is there is told by a poll alone.
    Never,
}

impl Take {
    pub(crate) const NEVER: Take = Take { form: Form::Other, otherwise: Otherwise::Never };
}

impl Track {
    fn of(header: &Header, seed: Seed) -> Track {
        let Header { checksums, time_stamps, stride, max_payload, .. } = *header;
        let word = if stride == 0 { None } else { Word::record(max_payload) };
        let word = word.unwrap_or(Word::EMPTY);
        let sums = match seed.in_line(u64::from(max_payload)) {
            _ if !checksums => Sums::None,
            Some(cpu) => Sums::InLine(cpu),
            None => Sums::ByCrate,
        };
        let form = match sums {
            Sums::None if !time_stamps => Form::Bare,
            Sums::InLine(cpu) if !time_stamps => Form::Summed(cpu),
            _ => Form::Other,
        };
        let take = if stride == 0 || matches!(sums, Sums::ByCrate) {
            Take { form: Form::Other, otherwise: Otherwise::Walk }
        } else {
            Take { form, otherwise: Otherwise::Short }
        };
        Track { word, stride, sums, form, take, time_stamps }
    }

    /// Prepares a region for the records, if they all have one length.
    fn prepare(region: Region, header: &Header) -> Region {
        let Some(last) = header.record_count_max().checked_sub(1) else { return region };
        let head = frame::head_size(header.time_stamps) - frame::WORD_SIZE;
        let last = header.data_offset + last * header.stride;
        region.with_frames(last, head + u64::from(header.max_payload))
    }
}

/// The type of a channel's records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordType {
    pub(crate) size: u64,
    pub(crate) schema: &'static Schema,
}

impl RecordType {
    pub(crate) fn of<T: Record>() -> RecordType {
        RecordType { size: kekbit_codec::size::<T>() as u64, schema: T::SCHEMA }
    }
}

impl Mapping {
    /// Makes a new channel: of a type, or of raw bytes. And what its writer wakes readers over, if
    /// that is asked for and can be had.
    pub(crate) fn create(
        path: &Path,
        options: &ChannelOptions,
        record: Option<RecordType>,
    ) -> Result<(Mapping, Option<Sidecar>), CreateError> {
        let at = |step| move |source| CreateError::Io { path: path.to_owned(), step, source };
        let plan = options.plan(record.map(|record| record.size))?;
        let schema = record.map_or(String::new(), |record| record.schema.text());
        let schema_len = u32::try_from(schema.len()).ok().filter(|len| *len <= SCHEMA_LEN_MAX);
        let schema_len = schema_len
            .ok_or(OptionsError::SchemaTooLong { len: schema.len(), max: SCHEMA_LEN_MAX })?;
        let data_offset = layout::data_offset(schema_len);
        let overflow = OptionsError::CapacityTooLarge { capacity: plan.capacity };
        let size = layout::file_size(data_offset, plan.capacity, plan.alignment.bytes())
            .ok_or(overflow)?;
        // The name is looked at again when the file gets it; here it saves the work.
        if path.symlink_metadata().is_ok() {
            return Err(CreateError::Exists { path: path.to_owned() });
        }
        let folder = File::open(file::parent(path)).map_err(at("opening its folder"))?;
        let storage = file::storage(&folder).map_err(at("asking for the file system"))?;
        if let (Storage::Network(kind), false) = (&storage, options.network) {
            let (path, kind) = (path.to_owned(), kind.clone());
            return Err(CreateError::NetworkFileSystem { path, kind });
        }
        // Beyond the limit the kernel does not refuse, it kills (SIGXFSZ).
        if let Some(limit) = file::size_limit().filter(|limit| *limit < size) {
            return Err(CreateError::FileSizeLimit { path: path.to_owned(), needed: size, limit });
        }
        let new = NewFile::create(path, options.mode).map_err(at("making the file"))?;
        file::allocate(&new.file, size)
            .map_err(|source| no_space(path, &new.file, size, source))?;
        let (device, inode) = file::identity(&new.file).map_err(at("asking for its inode"))?;
        let header = Header {
            data_offset,
            checksums: plan.flags & layout::FLAG_CHECKSUMS != 0,
            time_stamps: plan.flags & layout::FLAG_TIME_STAMPS != 0,
            channel_id: file::random_id().map_err(at("drawing its random id"))?,
            writer_id: plan.writer_id,
            predecessor_id: 0,
            created: clock::system(),
            boot_id: file::boot_id(),
            device,
            inode,
            writer_timeout: plan.writer_timeout,
            capacity: plan.capacity,
            max_payload: plan.max_payload,
            alignment: plan.alignment,
            stride: plan.stride,
            fingerprint: record.map_or(0, |record| record.schema.fingerprint()),
            schema,
        };
        let seed = Seed::new(header.channel_id);
        let base = 0;
        new.file.write_all_at(&header.to_bytes(), 0).map_err(at("writing its header"))?;
        new.file
            .write_all_at(&first_state(seed, base), header.state_offset())
            .map_err(at("writing its state"))?;
        let region = Region::map_writable(&new.file, size).map_err(at("mapping it"))?;
        let in_memory = storage == Storage::Memory;
        if in_memory {
            region.prefer_huge_pages();
        }
        let small = in_memory && plan.capacity <= PREFAULTED_MAX;
        if options.prefault == Prefault::All || options.prefault == Prefault::Auto && small {
            region.prefault(data_offset, size - data_offset);
        }
        if !lock::acquire(&new.file).map_err(at("locking it"))? {
            return Err(CreateError::Locked { path: path.to_owned() });
        }
        new.file.sync_all().map_err(at("writing its header to the disk"))?;
        // Before the channel has a name: who finds the channel finds this too.
        let sidecar = if options.wake_readers {
            Sidecar::create(path, options.mode, header.channel_id)
                .map_err(|source| no_sidecar(path, source))?
        } else {
            None
        };
        let file = new.publish().map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => CreateError::Exists { path: path.to_owned() },
            _ => at("giving it its name")(source),
        })?;
        let mut mapping = Mapping::over(region, header, base, file, path, in_memory);
        mapping.native = true;
        Ok((mapping, sidecar))
    }

    /// Maps a channel for reading.
    pub(crate) fn open(path: &Path) -> Result<Mapping, OpenError> {
        let file = file::open_readable(path).map_err(|error| opening(path, error))?;
        Mapping::of_file(file, path, Region::map_readable)
    }

    /// Maps a channel for the one who holds its lock.
    pub(crate) fn open_writable(path: &Path) -> Result<Mapping, OpenError> {
        let file = file::open_writable(path).map_err(|error| opening(path, error))?;
        Mapping::of_file(file, path, Region::map_writable)
    }

    fn of_file(
        file: File,
        path: &Path,
        map: fn(&File, u64) -> std::io::Result<Region>,
    ) -> Result<Mapping, OpenError> {
        let at = |step| move |source| OpenError::Io { path: path.to_owned(), step, source };
        let metadata = file.metadata().map_err(at("asking for its size"))?;
        if !metadata.is_file() {
            let kind = if metadata.is_dir() { "directory" } else { "pipe, socket or device" };
            return Err(OpenError::NotAFile { path: path.to_owned(), kind });
        }
        let found = metadata.len();
        let header = read_header(&file, found, path)?;
        let Some(size) = header.file_size() else {
            let problem = "more capacity than a file can have".to_owned();
            return Err(OpenError::DamagedHeader { path: path.to_owned(), problem });
        };
        if found < size {
            return Err(OpenError::Truncated { path: path.to_owned(), found, expected: size });
        }
        let volatile =
            file::storage(&file).map_err(at("asking for the file system"))? == Storage::Memory;
        let (device, inode) = file::identity(&file).map_err(at("asking for its inode"))?;
        let same_boot = header.boot_id != 0 && header.boot_id == file::boot_id();
        let region = map(&file, size).map_err(at("mapping it"))?;
        let seed = Seed::new(header.channel_id);
        let base = base(&region, seed, &header, path)?;
        // An inode number is given out again: a file restored from a copy may have the very one.
        let younger = file::born(&file).is_some_and(|born| header.created < born);
        let same_file = (header.device, header.inode) == (device, inode) && !younger;
        let mut mapping = Mapping::over(region, header, base, file, path, volatile);
        mapping.native = same_boot && same_file;
        if !mapping.is_searchable() && !mapping.header.checksums {
            // `durable` speaks of this very file. A copy made while the writer ran can have it from
            // a later moment than the records.
            mapping.unverified_from = if same_file { mapping.durable() } else { mapping.base };
        }
        Ok(mapping)
    }

    /// A mapping over memory that holds `header`'s channel; not searchable.
    pub(crate) fn over(
        region: Region,
        header: Header,
        base: u64,
        file: File,
        path: &Path,
        volatile: bool,
    ) -> Mapping {
        let seed = Seed::new(header.channel_id);
        Mapping {
            seed,
            track: Track::of(&header, seed),
            region: Track::prepare(region, &header),
            header,
            base,
            native: false,
            volatile,
            unverified_from: u64::MAX,
            proven: AtomicU64::new(base),
            seen: AtomicU64::new(base),
            looked_behind: Mutex::new(None),
            bell: OnceLock::new(),
            path: path.to_owned(),
            file,
        }
    }

    /// How records are taken by one who uses that many bytes of each payload; 0 for all. Not at
    /// all, if a look at them as they are is not enough: if it is not `plain`.
    pub(crate) fn take(&self, plain: bool, used_len: usize) -> Take {
        let take = self.track.take;
        if !plain {
            Take::NEVER
        } else if used_len == 0 || used_len as u64 == u64::from(self.header.max_payload) {
            take
        } else {
            Take { form: Form::Other, ..take }
        }
    }

    /// Whether committed frames are a prefix, so that the end may be searched, as of now.
    ///
    /// After a flush that has failed they are not: pages that the disk did not take may have been
    /// dropped, and older ones read back.
    pub(crate) fn is_searchable(&self) -> bool {
        self.native && self.flushing() <= layout::FLUSH_UNDER_WAY
    }

    /// Makes present, for reading, the pages that the file has: none is made where nothing has been
    /// written.
    pub(crate) fn prefault(&self) {
        let mut offset = self.header.data_offset;
        while let Some(start) = file::next_data(&self.file, offset) {
            let Some(end) = file::next_hole(&self.file, start) else { return };
            // In pieces: whoever closes the channel meanwhile gives pages back behind its end,
            // which are not to be made again.
            let end = end.min(self.region.size()).min(start.saturating_add(PREFAULTED_AT_ONCE));
            if end <= start || !self.region.populate_for_reading(start, end - start) {
                return;
            }
            offset = end;
        }
    }

    /// What a reader that sleeps is woken over, if there is anything.
    pub(crate) fn bell(&self) -> Option<&Bell> {
        let open = || Bell::open(&self.path, &self.file, self.header.channel_id);
        self.bell.get_or_init(open).as_ref()
    }

    /// Gives a model its bell.
    #[cfg(all(test, loom))]
    pub(crate) fn set_bell(&self, bell: Bell) {
        self.bell.set(Some(bell)).unwrap();
    }

    /// Where the first frame starts.
    pub(crate) fn start(&self) -> Position {
        Position { offset: self.header.data_offset, sequence: self.base }
    }

    /// Where frames must have ended.
    #[inline]
    pub(crate) fn limit(&self) -> u64 {
        // No overflow: the file has this size and more.
        self.header.data_offset + self.header.capacity
    }

    /// Where record `sequence` lies in a channel of fixed stride; `None` in a raw channel and
    /// where no record can be.
    pub(crate) fn slot(&self, sequence: u64) -> Option<Position> {
        let index = sequence.checked_sub(self.base)?;
        if self.header.stride == 0 || self.header.record_count_max() <= index {
            return None;
        }
        let offset = self.header.data_offset + index * self.header.stride;
        Some(Position { offset, sequence })
    }

    /// Every record below this number has been covered by a sync.
    pub(crate) fn durable(&self) -> u64 {
        self.region.load(self.header.state_offset() + layout::STATE_DURABLE).unwrap_or(0)
    }

    /// Says that records below `sequence` have been covered by a sync.
    pub(crate) fn set_durable(&self, sequence: u64) {
        let stored =
            self.region.store(self.header.state_offset() + layout::STATE_DURABLE, sequence);
        debug_assert!(stored.is_some(), "the state page of a writer");
    }

    /// Writes a range out to the disk and waits for it, for the one who holds the lock. While it is
    /// under way, and after it has failed, the state page says so.
    pub(crate) fn flush(&self, start: u64, end: u64) -> std::io::Result<()> {
        let before = self.flushing();
        self.set_flushing(before.max(layout::FLUSH_UNDER_WAY));
        let result = self.region.flush(start, end - start);
        self.set_flushing(match result {
            // What an earlier one has failed to write is doubtful until recovery is done with it.
            Ok(()) if before <= layout::FLUSH_UNDER_WAY => 0,
            Ok(()) => before,
            Err(_) => layout::FLUSH_FAILED,
        });
        result
    }

    /// What the state page tells of flushes.
    pub(crate) fn flushing(&self) -> u64 {
        self.region.load(self.header.state_offset() + layout::STATE_FLUSHING).unwrap_or(0)
    }

    /// Has the state page tell that, for the one who holds the lock.
    pub(crate) fn set_flushing(&self, mark: u64) {
        let stored = self.region.store(self.header.state_offset() + layout::STATE_FLUSHING, mark);
        debug_assert!(stored.is_some(), "the state page of a writer");
    }

    /// Publishes a frame that is no record, for the one who holds the lock.
    pub(crate) fn mark(&self, at: Position, word: Option<Word>) {
        // The lengths and reasons of marks all fit a word.
        let Some(mut word) = word else { return };
        if self.header.checksums {
            word = word.with_checksum(self.seed.frame(at.sequence, word, None, &[]));
        }
        // Release, in `Region::store`: pairs with the Acquire load in `scan::step`.
        let stored = self.region.store(at.offset, word.to_bits());
        debug_assert!(stored.is_some(), "there is always room for a mark");
    }

    /// Gives the blocks behind a close mark at `end`, and behind the `used` bytes there, back to
    /// the file system. Best effort: at the latest they come back with the file.
    pub(crate) fn give_tail_back(&self, end: Position, used: u64) {
        let used = (end.offset + used.max(layout::CLOSE_SIZE)).next_multiple_of(PAGE_SIZE);
        let unused = self.region.size().saturating_sub(used);
        let _ = file::punch_hole(&self.file, used, unused);
    }

    /// Notes that all before `position` has been walked over.
    pub(crate) fn prove(&self, position: Position) {
        // Release: pairs with the Acquire loads in `search`. What this thread has seen of the words
        // in front, another one sees then.
        self.proven.fetch_max(position.sequence, Ordering::Release);
    }

    /// What `look` finds behind a position, where nobody writes any more: it is asked once.
    pub(crate) fn behind(
        &self,
        position: Position,
        look: impl FnOnce() -> Option<u64>,
    ) -> Option<u64> {
        // A `look` that panicked has left what was known before.
        let mut looked = self.looked_behind.lock().unwrap_or_else(PoisonError::into_inner);
        match *looked {
            Some((offset, found)) if offset == position.offset => found,
            _ => {
                let found = look();
                *looked = Some((position.offset, found));
                found
            }
        }
    }

    /// The schema of the records, if the header and its text say the same.
    pub(crate) fn schema(&self) -> Result<ParsedSchema, OpenError> {
        let (path, header) = (self.path.clone(), &self.header);
        if header.schema.is_empty() {
            return Err(OpenError::Raw { path });
        }
        let schema = match ParsedSchema::parse(&header.schema) {
            Ok(schema) => schema,
            Err(source) => return Err(OpenError::SchemaText { path, source }),
        };
        let (fingerprint, size) = (schema.fingerprint(), schema.size());
        let problem = if header.fingerprint != fingerprint {
            format!(
                "a fingerprint of {:016x}, where that of the schema is {fingerprint:016x}",
                header.fingerprint
            )
        } else if u64::from(header.max_payload) != size as u64 {
            format!("records of {} bytes, where the schema says {size}", header.max_payload)
        } else {
            return Ok(schema);
        };
        Err(OpenError::DamagedHeader { path, problem })
    }

    /// The error of a frame that is none.
    #[cold]
    pub(crate) fn damaged(&self, at: Position, problem: Problem) -> ReadError {
        let Position { offset, sequence } = at;
        ReadErrorKind::Damaged { path: self.path.clone(), offset, sequence, problem }.into()
    }

    /// The error of a step that the system refused.
    #[cold]
    pub(crate) fn refused(&self, step: &'static str, source: std::io::Error) -> ReadError {
        ReadErrorKind::Io { path: self.path.clone(), step, source }.into()
    }

    /// The error of a lock that cannot be asked for.
    #[cold]
    pub(crate) fn unasked(&self, source: std::io::Error) -> ReadError {
        self.refused("asking whether its writer is alive", source)
    }

    /// The error of a payload that is no value, or of a variant that the type does not know.
    #[cold]
    pub(crate) fn invalid(&self, sequence: u64, source: Invalid, unknown: bool) -> ReadError {
        let path = self.path.clone();
        let kind = if unknown {
            ReadErrorKind::UnknownVariant { path, sequence, source }
        } else {
            ReadErrorKind::Invalid { path, sequence, source }
        };
        kind.into()
    }
}

/// A place between two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Where the next frame starts in the file.
    pub(crate) offset: u64,
    /// The number of the next record.
    pub(crate) sequence: u64,
}

fn first_state(seed: Seed, base: u64) -> [u8; 16] {
    const _: () = assert!(layout::STATE_BASE == 0 && layout::STATE_BASE_CHECK == 8);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(base + 1).to_le_bytes());
    bytes[8..].copy_from_slice(&seed.base(base + 1).to_le_bytes());
    bytes
}

fn base(region: &Region, seed: Seed, header: &Header, path: &Path) -> Result<u64, OpenError> {
    let damaged = |problem| OpenError::DamagedHeader { path: path.to_owned(), problem };
    let state = header.state_offset();
    let stored = region.load(state + layout::STATE_BASE).unwrap_or(0);
    let check = region.load(state + layout::STATE_BASE_CHECK).unwrap_or(0);
    match stored.checked_sub(1) {
        None => Err(OpenError::NotInUse { path: path.to_owned() }),
        Some(base) if check != seed.base(stored) => {
            Err(damaged(format!("the first sequence number {base} fails its check")))
        }
        // A record takes a byte at least: with this, no number of a record can overflow.
        Some(base) if base.checked_add(header.capacity).is_none() => {
            let problem =
                format!("the first sequence number {base} leaves no room for the records");
            Err(damaged(problem))
        }
        Some(base) => Ok(base),
    }
}

fn read_header(file: &File, size: u64, path: &Path) -> Result<Header, OpenError> {
    let read = |offset: u64, len: u64| {
        let len = usize::try_from(len.min(size.saturating_sub(offset))).unwrap_or(0);
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, offset).map(|()| bytes).map_err(|source| OpenError::Io {
            path: path.to_owned(),
            step: "reading its header",
            source,
        })
    };
    let fixed = read(0, HEADER_SIZE as u64)?;
    if fixed.is_empty() {
        return Err(OpenError::Empty { path: path.to_owned() });
    }
    let refuse = |error| refusal(path, size, error);
    let unchecked = UncheckedHeader::from_bytes(&fixed).map_err(refuse)?;
    let schema_len = u64::from(unchecked.schema_len());
    let least = (HEADER_SIZE as u64 + schema_len).next_multiple_of(PAGE_SIZE) + STATE_SIZE;
    if size < least {
        return Err(refuse(HeaderError::Truncated { expected: least }));
    }
    let schema = read(HEADER_SIZE as u64, schema_len)?;
    unchecked.check(&schema).map_err(refuse)
}

fn refusal(path: &Path, size: u64, error: HeaderError) -> OpenError {
    let path = path.to_owned();
    match error {
        HeaderError::NotAChannel { found } => OpenError::NotAChannel { path, found },
        HeaderError::TextMode => OpenError::TextMode { path },
        HeaderError::NewerVersion { found } => {
            OpenError::NewerVersion { path, found, supported: VERSION }
        }
        HeaderError::Truncated { expected } => OpenError::Truncated { path, found: size, expected },
        HeaderError::Damaged { problem } => OpenError::DamagedHeader { path, problem },
    }
}

fn opening(path: &Path, source: std::io::Error) -> OpenError {
    let path = path.to_owned();
    match source.kind() {
        std::io::ErrorKind::NotFound => OpenError::Missing { path, source },
        std::io::ErrorKind::IsADirectory => OpenError::NotAFile { path, kind: "directory" },
        _ => OpenError::Io { path, step: "opening the file", source },
    }
}

fn no_sidecar(path: &Path, source: std::io::Error) -> CreateError {
    let path = path.to_owned();
    match source.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CreateError::SidecarExists { sidecar: bell::path_beside(&path), path }
        }
        _ => CreateError::Io { path, step: "making the file to wake its readers over", source },
    }
}

fn no_space(path: &Path, file: &File, needed: u64, source: std::io::Error) -> CreateError {
    let path = path.to_owned();
    match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            // What the file has got of it in vain is given back with it.
            let available = file::available(file).saturating_add(file::occupied(file));
            CreateError::NoSpace { path, needed, available, source }
        }
        _ => CreateError::Io { path, step: "reserving its blocks", source },
    }
}

impl Position {
    /// Behind a record whose frame has that many bytes.
    #[inline]
    pub(crate) fn after_record(self, frame_size: u64) -> Position {
        Position { offset: self.offset + frame_size, sequence: self.sequence + 1 }
    }

    /// Behind a padding of that length.
    #[inline]
    pub(crate) fn after_padding(self, len: u32) -> Position {
        Position { offset: self.offset + frame::WORD_SIZE + u64::from(len), ..self }
    }
}
