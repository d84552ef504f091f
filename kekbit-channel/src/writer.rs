//! [`Writer`]: the writing end of the handshake. Claim, fill, commit; sync; close.
//!
//! ```text
//!                      tail                          fence          limit
//! ... | frame | frame | (word still zero) ............ | ........... | close mark at the latest
//!                       ^ claim writes behind the word    ^ where the next closer look is due
//! ```
//!
//! Everything from `tail` on is zero, except for the body of the one claim that is open
//! (`docs/FORMAT.md`, Invariant of zeroes). `append` asks no more than `fence` on its way; what is
//! rarely needed is asked only when it is passed.

use std::{
    hash::Hasher,
    ops::{Deref, DerefMut},
    path::Path,
    sync::Arc,
    time::Duration,
};

use kekbit_codec::{
    Timestamp,
    frame::{self, WORD_SIZE, Word},
};

use crate::{
    bell::Sidecar,
    checksum::Running,
    clock::Source,
    durability::{Durability, Synced},
    error::{CloseError, CreateError, PoisonReason, SyncError, WriteError},
    header::Header,
    layout::{PAGE_SIZE, ZEROED_MAX},
    lock,
    mapping::{Form, Mapping, Position, RecordType, Sums},
    next::CloseReason,
    options::{ChannelOptions, Prefault},
    prefault::Ahead,
    region::Fence,
};

/// A clock that is this much behind the last time stamp is worth a word.
const LAG_REPORTED_NANOS: u64 = 1_000_000_000;

/// Writes records of raw bytes to a new channel. For records of a type, see
/// [`TypedWriter`](crate::TypedWriter).
///
/// A channel has one writer for all its life: the one that created it. Dropping the writer closes
/// the channel; neither that nor [`close`](Self::close) waits for the disk, which is what
/// [`sync`](Self::sync) is for.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("lines.kekbit");
/// use kekbit_channel::{ChannelOptions, CloseReason, Next, Reader, Writer};
///
/// let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(4096))?;
/// assert_eq!(writer.append(b"first")?, 0);
/// let mut claim = writer.claim(6)?;
/// claim.copy_from_slice(b"second");
/// assert_eq!(claim.commit(), 1);
/// writer.close()?;
///
/// let mut reader = Reader::open(&path)?;
/// assert_eq!(reader.try_next()?.record().unwrap().value, b"first");
/// assert_eq!(reader.try_next()?.record().unwrap().value, b"second");
/// assert_eq!(reader.try_next()?, Next::Closed(CloseReason::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// After `fork`, the writer stays with the process that created it: in the child every
/// [`sync`](Self::sync) and [`close`](Self::close) fails, and dropping it or a claim that was open
/// does nothing. The child must not append, claim, fill or commit: that would write into the
/// channel. A child that lives on without `exec` keeps the lock alive, so that readers take the
/// channel for open.
#[derive(Debug)]
pub struct Writer {
    mapping: Arc<Mapping>,
    durability: Arc<Durability>,
    ahead: Option<Ahead>,
    /// Over which readers that sleep are woken, until the channel ends.
    sidecar: Option<Sidecar>,
    tail: Tail,
    /// Bytes of the largest frame so far.
    widest: u64,
    /// Bytes of the frame of the open claim; 0 if there is none.
    claimed_size: u64,
    state: State,
    /// Whether the last record was refused for want of room.
    refused: bool,
    clock: Source,
    /// Nanoseconds; time stamps never go below it.
    last_stamp: u64,
    lag_max_nanos: u64,
    /// The process that may close the channel.
    owner: u32,
}

/// Where the next frame goes.
///
/// NB: in this order. Of an offset and a sequence number side by side the compiler makes one vector
/// when they are stored, and the next append waits for it to come back from memory.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Tail {
    offset: u64,
    /// A frame that it covers needs no closer look. `NONE` while a claim is open and once the
    /// writer has ended: then every frame needs one.
    fence: Fence,
    /// The number of the next record.
    sequence: u64,
}

impl Tail {
    fn position(self) -> Position {
        Position { offset: self.offset, sequence: self.sequence }
    }

    /// Goes behind a padding of that length.
    fn skip(&mut self, len: u32) {
        self.offset = self.position().after_padding(len).offset;
    }
}

/// What becomes the payload of a record.
pub(crate) trait Content {
    /// Writes every byte of the payload, which is as long as was asked for. One that panics may
    /// leave bytes behind, so in a raw channel it must not.
    fn put(&self, payload: &mut [u8]);

    /// The same, and feeds the checksum with what is put, whole and in order.
    #[inline(always)]
    fn put_and_feed(&self, payload: &mut [u8], running: &mut Running) {
        self.put(payload);
        running.write(payload);
    }
}

impl Content for &[u8] {
    #[inline(always)]
    fn put(&self, payload: &mut [u8]) {
        // The lengths agree: as many bytes were asked for.
        payload.copy_from_slice(self);
    }
}

/// What the holder of a claim has written.
struct InPlace;

impl Content for InPlace {
    fn put(&self, _: &mut [u8]) {}
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    Poisoned(PoisonReason),
}

impl Writer {
    /// Makes a new channel of raw bytes. Either all of it is there afterwards, or nothing.
    ///
    /// The contract: nobody but this writer changes the file, and nobody truncates it.
    ///
    /// # Errors
    /// [`CreateError`] says which option, limit or step of the system is in the way.
    pub fn create(path: impl AsRef<Path>, options: &ChannelOptions) -> Result<Writer, CreateError> {
        let (mapping, sidecar) = Mapping::create(path.as_ref(), options, None)?;
        Ok(Writer::start(mapping, sidecar, options))
    }

    pub(crate) fn create_typed(
        path: &Path,
        options: &ChannelOptions,
        record: RecordType,
    ) -> Result<Writer, CreateError> {
        let (mapping, sidecar) = Mapping::create(path, options, Some(record))?;
        Ok(Writer::start(mapping, sidecar, options))
    }

    /// A writer at the start of an empty channel of which it holds the lock.
    pub(crate) fn start(
        mapping: Mapping,
        sidecar: Option<Sidecar>,
        options: &ChannelOptions,
    ) -> Writer {
        let tail = mapping.start();
        let mapping = Arc::new(mapping);
        Writer {
            durability: Arc::new(Durability::new(tail)),
            ahead: (options.prefault == Prefault::Ahead)
                .then(|| Ahead::start(&mapping, tail.offset))
                .flatten(),
            mapping,
            sidecar,
            tail: Tail { offset: tail.offset, fence: Fence::NONE, sequence: tail.sequence },
            widest: 0,
            claimed_size: 0,
            state: State::Open,
            refused: false,
            clock: Source::new(options.clock),
            last_stamp: 0,
            lag_max_nanos: 0,
            owner: std::process::id(),
        }
    }

    /// Appends a record and gives its sequence number. When this returns, every reader can see
    /// it, and it survives the death of this process.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was published then.
    #[inline]
    pub fn append(&mut self, payload: &[u8]) -> Result<u64, WriteError> {
        let len = self.fitting(payload.len())?;
        let fence = self.reserve(self.mapping.header.frame_size(len))?;
        Ok(self.append_content(fence, len, payload))
    }

    /// Appends a record of `len` bytes in a frame that the fence covers and has the size of.
    #[inline(always)]
    pub(crate) fn append_content(&mut self, fence: Fence, len: u32, content: impl Content) -> u64 {
        // NB: in three ways, so that a channel without time stamps or checksums carries nothing of
        // them along; and all in line, so that the value need not stand in memory: one that was
        // just made there in small pieces would have to reach the cache before it can be copied in
        // larger ones.
        match self.mapping.track.form {
            Form::Bare => self.publish(fence, len, None, Sums::None, content),
            Form::Summed(cpu) => self.publish(fence, len, None, Sums::InLine(cpu), content),
            Form::Other => {
                let stamp = self.stamp();
                self.publish(fence, len, stamp, self.mapping.track.sums, content)
            }
        }
    }

    /// Claims room for a record of at most `len` bytes, to be filled in place. The bytes are zero
    /// at first.
    ///
    /// Dropping the claim publishes nothing and leaves the room to the next record, except that
    /// more than 4096 bytes are skipped rather than zeroed.
    ///
    /// # Errors
    /// [`WriteError`]; the writer is as it was.
    pub fn claim(&mut self, len: usize) -> Result<Claim<&mut Writer>, WriteError> {
        Claim::on(self, len)
    }

    /// Writes all records appended so far out to the disk, and waits for it. Only what is new
    /// since the last sync is written.
    ///
    /// # Errors
    /// [`SyncError`]. When the system fails to write, nobody can tell what has reached the disk:
    /// the writer is poisoned, and the channel sealed with
    /// [`CloseReason::SyncFailed`](crate::CloseReason::SyncFailed).
    pub fn sync(&mut self) -> Result<Synced, SyncError> {
        let target = self.sync_target()?;
        self.durability.flush(&self.mapping, target).inspect_err(|_| self.sync_failed())
    }

    /// Ends the channel with [`CloseReason::Closed`], or with [`CloseReason::Full`] if the last
    /// record had been refused for want of room. Gives the unused tail of the file back. Does not
    /// wait for the disk.
    ///
    /// # Errors
    /// [`CloseError`]; the channel had ended before, or is not this process's to close.
    pub fn close(mut self) -> Result<(), CloseError> {
        self.close_shared()
    }

    pub(crate) fn close_shared(&mut self) -> Result<(), CloseError> {
        let this = std::process::id();
        if this != self.owner {
            return Err(CloseError::OtherProcess { owner: self.owner, this });
        }
        match self.state {
            State::Closed => Err(CloseError::Closed),
            State::Poisoned(reason) => Err(CloseError::Poisoned { reason }),
            State::Open => {
                self.seal(if self.refused { CloseReason::Full } else { CloseReason::Closed });
                match self.state {
                    State::Poisoned(reason) => Err(CloseError::Poisoned { reason }),
                    State::Open | State::Closed => Ok(()),
                }
            }
        }
    }

    /// Number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.tail.sequence
    }

    /// Bytes that are left for frames.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.mapping.limit().saturating_sub(self.tail.offset)
    }

    /// What the channel says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.mapping.header
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.mapping.path
    }

    /// How far the clock was behind the last time stamp at its worst, if that was more than a
    /// second: it has been set back, and stamps stand still until it has caught up.
    #[must_use]
    pub fn clock_lag(&self) -> Option<Duration> {
        (LAG_REPORTED_NANOS < self.lag_max_nanos).then(|| Duration::from_nanos(self.lag_max_nanos))
    }

    /// The records written so far that a sync is to cover.
    pub(crate) fn sync_target(&self) -> Result<Position, SyncError> {
        let this = std::process::id();
        if this != self.owner {
            return Err(SyncError::OtherProcess { owner: self.owner, this });
        }
        match self.state {
            State::Open => Ok(self.tail.position()),
            State::Closed => Err(SyncError::Closed),
            State::Poisoned(reason) => Err(SyncError::Poisoned { reason }),
        }
    }

    /// Seals the channel after a failed sync, once.
    pub(crate) fn sync_failed(&mut self) {
        if self.state == State::Open {
            self.seal(CloseReason::SyncFailed);
        }
    }

    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    pub(crate) fn durability(&self) -> &Arc<Durability> {
        &self.durability
    }

    /// The length of a payload as a number of the format, if it is one of this channel's.
    #[inline]
    fn fitting(&self, len: usize) -> Result<u32, WriteError> {
        let max = self.mapping.header.max_payload;
        match u32::try_from(len) {
            Ok(fitting) if fitting <= max => Ok(fitting),
            _ => Err(too_long(len, max)),
        }
    }

    /// Makes sure that a frame of that size can be written at the tail.
    #[inline(always)]
    fn reserve(&mut self, size: u64) -> Result<Fence, WriteError> {
        loop {
            match self.tail.fence.narrowed(size) {
                Some(fence) if fence.covers(self.tail.offset) => return Ok(fence),
                _ => self.look_closer(size)?,
            }
        }
    }

    /// The same in a channel of one length.
    #[inline(always)]
    pub(crate) fn reserve_next(&mut self) -> Result<Fence, WriteError> {
        // NB: asked again behind `look_closer`, so that the compiler knows it in any case.
        while !self.tail.fence.covers(self.tail.offset) {
            self.look_closer(self.mapping.track.stride)?;
        }
        Ok(self.tail.fence)
    }

    /// What `append` asks only when the fence is passed: once a page, and when something is amiss.
    #[cold]
    fn look_closer(&mut self, size: u64) -> Result<(), WriteError> {
        match self.state {
            State::Open => {}
            State::Closed => return Err(WriteError::Closed),
            State::Poisoned(reason) => return Err(WriteError::Poisoned { reason }),
        }
        self.settle();
        let available = self.available();
        if available < size {
            self.refused = true;
            // So that a shorter record that fits passes here and takes it back.
            self.tail.fence = Fence::NONE;
            return Err(WriteError::Full { needed: size, available });
        }
        self.refused = false;
        let offset = self.tail.offset;
        let found = self.mapping.region.load(offset).unwrap_or(0);
        if found != 0 {
            let reason = PoisonReason::ForeignWrite { offset, found };
            self.tail.fence = Fence::NONE;
            self.state = State::Poisoned(reason);
            return Err(WriteError::Poisoned { reason });
        }
        if let Some(ahead) = &self.ahead {
            ahead.reached(offset);
        }
        let page_end = (offset + size).next_multiple_of(PAGE_SIZE);
        let end = page_end.min(self.mapping.limit());
        debug_assert!([0, size].contains(&self.mapping.track.stride));
        // Wide enough for the largest, so that frames of all sizes need not look closer again and
        // again; but not where it would leave the tail out.
        self.widest = self.widest.max(size);
        let wide = self.mapping.region.fence(end, self.widest);
        let narrow = self.mapping.region.fence(end, size);
        self.tail.fence = if wide.covers(offset) { wide } else { narrow };
        // `reserve` asks until it does.
        if !self.tail.fence.covers(offset) {
            outside(offset);
        }
        Ok(())
    }

    /// The time stamp of the next record, if the channel has them.
    #[inline(never)]
    fn stamp(&mut self) -> Option<u64> {
        if !self.mapping.track.time_stamps {
            return None;
        }
        let now = self.clock.nanos();
        if now < self.last_stamp {
            self.lag_max_nanos = self.lag_max_nanos.max(self.last_stamp - now);
        } else {
            self.last_stamp = now;
        }
        Some(self.last_stamp)
    }

    /// The first `size` bytes behind the word at the tail.
    #[inline]
    fn body(&mut self, size: u64) -> &mut [u8] {
        // SAFETY: 1. This is the channel's one writer: it holds the lock (or made the heap region)
        // and is not `Clone`; a copy that `fork` makes must not get here, as the docs of the type
        // ask. 2. `tail` is behind every published frame (but within `publish`, which comes to no
        // such slice and cannot unwind there), and stays there while the state is open; without
        // that no caller gets past `look_closer`, as `fence` is `NONE`. The word at `tail` itself,
        // which readers load, is not part of the range. 3. The slice borrows the writer mutably,
        // and so does `publish`, the one other place where such bytes are had.
        unsafe { self.mapping.region.claimed(self.tail.offset + WORD_SIZE, size) }
    }

    /// The bytes of a payload of that length at the tail.
    #[inline]
    fn payload(&mut self, len: u32) -> &mut [u8] {
        let head = frame::head_size(self.mapping.header.time_stamps) - WORD_SIZE;
        let body = self.body(head + u64::from(len));
        match head {
            0 => body,
            _ => body.split_first_chunk_mut::<8>().map_or(&mut [], |(_stamp, payload)| payload),
        }
    }

    /// Puts a payload at the tail, publishes it as a record, and gives its number.
    #[inline(always)]
    fn publish(
        &mut self,
        fence: Fence,
        len: u32,
        stamp: Option<u64>,
        sums: Sums,
        content: impl Content,
    ) -> u64 {
        let Tail { offset, sequence, .. } = self.tail;
        let mapping = &*self.mapping;
        let stamp_len = if stamp.is_some() { frame::STAMP_SIZE } else { 0 };
        let lens = [stamp_len, u64::from(len)];
        // SAFETY: 1. As in `body`; the bytes borrow the mapping, and are let go of before the word
        // is stored, by this method, which has the writer to itself. 2. All fences of a writer are
        // of its region.
        let (frame, [stamp_bytes, payload]) =
            unsafe { mapping.region.unpublished(fence, offset, lens) };
        if let (Some(stamp), Some(place)) = (stamp, stamp_bytes.first_chunk_mut::<8>()) {
            *place = stamp.to_le_bytes();
        }
        // `len` is not above the header's largest payload, which is below what a word can say.
        let mut word = Word::record(len).unwrap_or(Word::EMPTY);
        // NB: each way puts for itself. What is summed as well stands in registers of eight bytes;
        // what is not can be copied in larger pieces.
        match sums {
            Sums::None => content.put(payload),
            Sums::InLine(cpu) => {
                let mut running = mapping.seed.start(cpu, [sequence, word.to_bits()], stamp);
                content.put_and_feed(payload, &mut running);
                debug_assert_eq!(
                    running.sum(),
                    mapping.seed.frame(sequence, word, stamp, payload),
                    "a field feeds other bytes than it puts"
                );
                word = word.with_checksum(running.sum());
            }
            Sums::ByCrate => {
                content.put(payload);
                let sum = mapping.seed.frame(sequence, word, stamp, payload);
                word = word.with_checksum(sum);
            }
        }
        // Release, in `publish`: pairs with the Acquire loads in `scan::step` and `scan::short`.
        frame.publish(word.to_bits());
        self.tail.offset = offset + fence.size();
        self.tail.sequence = sequence + 1;
        if let Some(sidecar) = &self.sidecar {
            sidecar.bell.answer();
        }
        sequence
    }

    /// Ends an open claim that nobody will commit.
    fn settle(&mut self) {
        let size = std::mem::take(&mut self.claimed_size);
        // With a stride there is nothing to settle, and no padding: words lie at the places of
        // records only, and the next user of this one overwrites it whole.
        if size == 0 || self.mapping.header.stride != 0 {
            return;
        }
        if size - WORD_SIZE <= ZEROED_MAX {
            self.body(size - WORD_SIZE).fill(0);
        } else {
            let len = padding_len(size);
            self.mapping.mark(self.tail.position(), Word::padding(len));
            self.tail.skip(len);
        }
    }

    /// Publishes the open claim as a record of `len` bytes, which are not more than were claimed.
    fn commit(&mut self, len: u32, stamp: Option<u64>, fence: Fence) -> u64 {
        let claimed_size = std::mem::take(&mut self.claimed_size);
        let size = self.mapping.header.frame_size(len);
        let head = frame::head_size(self.mapping.header.time_stamps);
        let rest = claimed_size.saturating_sub(size);
        // Zero again: the frame's own end, and with it what is left of a small claim.
        let zeroed = if rest <= ZEROED_MAX { claimed_size } else { size };
        let unused = usize::try_from(head - WORD_SIZE + u64::from(len)).unwrap_or(usize::MAX);
        if let Some(unused) = self.body(zeroed - WORD_SIZE).get_mut(unused..) {
            unused.fill(0);
        }
        let (after, sums) = (self.tail.position().after_record(size), self.mapping.track.sums);
        // The claim was as large.
        let frame = fence.narrowed(size).unwrap_or(Fence::NONE);
        let sequence = if rest <= ZEROED_MAX {
            self.publish(frame, len, stamp, sums, InPlace)
        } else {
            // The padding first: nobody comes to it before the record is there.
            self.mapping.mark(after, Word::padding(padding_len(rest)));
            let sequence = self.publish(frame, len, stamp, sums, InPlace);
            self.tail.skip(padding_len(rest));
            sequence
        };
        // Last: until here nothing else gets past `look_closer`.
        self.tail.fence = fence;
        sequence
    }

    /// Writes the close mark and gives up lock and unused tail. The state afterwards is closed, or
    /// poisoned if a sync has failed, whatever the reason was to be.
    fn seal(&mut self, reason: CloseReason) {
        self.settle();
        let durability = Arc::clone(&self.durability);
        // A sync of another thread stores `durable`, which must not come after the lock is gone.
        let flushed = durability.seal();
        // Whoever closes may be faster than the thread whose sync has failed.
        let (reason, state) = if flushed.has_failed() {
            (CloseReason::SyncFailed, State::Poisoned(PoisonReason::SyncFailed))
        } else {
            (reason, State::Closed)
        };
        self.state = state;
        self.tail.fence = Fence::NONE;
        self.mapping.mark(self.tail.position(), Word::close(reason.to_number()));
        if let Some(sidecar) = self.sidecar.take() {
            sidecar.bell.answer();
        }
        // What is given back must not be made present again.
        self.ahead = None;
        self.mapping.give_tail_back(self.tail.position(), 0);
        // Best effort: the descriptor gives it up at the latest.
        let _ = lock::release(&self.mapping.file);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.state == State::Open && self.owner == std::process::id() {
            let reason = if std::thread::panicking() {
                CloseReason::Panicked
            } else if self.refused {
                CloseReason::Full
            } else {
                CloseReason::Closed
            };
            self.seal(reason);
        }
    }
}

/// Room in the file for one record, to be filled in place: `&mut [u8]` that becomes a record at
/// [`commit`](Self::commit). Dropping it publishes nothing.
///
/// `W` is how the writer is held: `&mut Writer`, or the guard of a [`SharedWriter`].
///
/// [`SharedWriter`]: crate::SharedWriter
#[derive(Debug)]
#[must_use = "a claim that is not committed publishes nothing"]
pub struct Claim<W: DerefMut<Target = Writer>> {
    writer: W,
    len: u32,
    stamp: Option<u64>,
    /// The writer's fence, which a commit puts back: `reserve` has seen that it covers the claim.
    fence: Fence,
}

impl<W: DerefMut<Target = Writer>> Claim<W> {
    pub(crate) fn on(mut writer: W, len: usize) -> Result<Claim<W>, WriteError> {
        let len = writer.fitting(len)?;
        let size = writer.mapping.header.frame_size(len);
        writer.reserve(size)?;
        // Until it is settled, every other operation has to look closer.
        let fence = std::mem::replace(&mut writer.tail.fence, Fence::NONE);
        writer.claimed_size = size;
        let stamp = writer.stamp();
        Ok(Claim { writer, len, stamp, fence })
    }

    /// The number that the record will have.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.writer.tail.sequence
    }

    /// The time stamp that the record will have, in a channel with time stamps.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.stamp.map(Timestamp::from_nanos)
    }

    /// Publishes all bytes as a record, and gives its sequence number.
    pub fn commit(mut self) -> u64 {
        let (len, stamp, fence) = (self.len, self.stamp, self.fence);
        self.writer.commit(len, stamp, fence)
    }

    /// Publishes the first `len` bytes as a record. The rest is left to the next one; more than
    /// 4096 bytes of it are skipped.
    ///
    /// # Errors
    /// [`WriteError::TooLong`] if more are asked for than were claimed. The claim is dropped then.
    pub fn commit_first(mut self, len: usize) -> Result<u64, WriteError> {
        match u32::try_from(len) {
            Ok(fitting) if fitting <= self.len => {
                let (stamp, fence) = (self.stamp, self.fence);
                Ok(self.writer.commit(fitting, stamp, fence))
            }
            _ => Err(too_long(len, self.len)),
        }
    }
}

impl<W: DerefMut<Target = Writer>> Deref for Claim<W> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let head = frame::head_size(self.writer.mapping.header.time_stamps);
        let offset = self.writer.tail.offset + head;
        // SAFETY: 1. All writes to the range since the file was made (zeroed) went through this
        // claim or earlier ones, so through `&mut Writer`, of which this claim is the one holder.
        // 2. Nobody writes while the slice lives: it borrows the claim, `deref_mut` and `commit`
        // need that mutably or whole, and no other method of the writer is within reach.
        unsafe { self.writer.mapping.region.committed(offset, u64::from(self.len)) }
    }
}

impl<W: DerefMut<Target = Writer>> DerefMut for Claim<W> {
    fn deref_mut(&mut self) -> &mut [u8] {
        let len = self.len;
        self.writer.payload(len)
    }
}

impl<W: DerefMut<Target = Writer>> Drop for Claim<W> {
    fn drop(&mut self) {
        // Nothing to do after a commit, which has taken the size. In a child of `fork` the claim
        // is still the parent's, who may be filling it.
        if self.writer.claimed_size != 0 && self.writer.owner == std::process::id() {
            self.writer.settle();
        }
    }
}

/// What a padding of a frame of that size has for a length.
fn padding_len(size: u64) -> u32 {
    // A frame's size less its word always fits: see `PAYLOAD_LEN_MAX`.
    u32::try_from(size - WORD_SIZE).unwrap_or(frame::LENGTH_MAX)
}

#[cold]
fn outside(offset: u64) -> ! {
    unreachable!("a frame at {offset}, where `reserve` lets nothing past the end of the region")
}

#[cold]
fn too_long(len: usize, max: u32) -> WriteError {
    WriteError::TooLong { len: len as u64, max: u64::from(max) }
}

#[cfg(test)]
pub(crate) mod tests;
