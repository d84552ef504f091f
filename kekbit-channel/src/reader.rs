//! [`Reader`]: the reading end of the handshake, on bytes. Polls, seeks, runs.

use std::{marker::PhantomData, path::Path, sync::Arc, time::Duration};

use kekbit_codec::{Invalid, Timestamp};

use crate::{
    clock,
    debug::debug_fields,
    error::{OpenError, ReadError, SeekError},
    header::Header,
    liveness::{Finding, Liveness},
    lock,
    mapping::{Mapping, Position},
    next::{Next, Recorded},
    scan::{self, Frame, Step},
    search,
    wait::Wait,
};

/// Reads the records of a channel as bytes: of a raw channel, or of any typed one.
///
/// A reader is a position and a share of the mapping. It takes no lock and needs no permission to
/// write. Any number of them read the same channel, at their own pace, again and again.
///
/// The contract of [`open`](Self::open): nobody but the channel's writer changes the file, and
/// nobody truncates it. Bytes that are changed all the same give errors or wrong values, a file
/// that is truncated under its readers kills them (SIGBUS).
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("lines.kekbit");
/// use kekbit_channel::{ChannelOptions, Next, Reader, Writer};
///
/// let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(4096))?;
/// let mut reader = Reader::open(&path)?;
/// assert_eq!(reader.try_next()?, Next::Pending);
/// writer.append(b"news")?;
/// if let Next::Record(record) = reader.try_next()? {
///     assert_eq!((record.sequence, record.value), (0, b"news".as_slice()));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader {
    mapping: Arc<Mapping>,
    cursor: Cursor,
}

/// What a reader has of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    pub(crate) position: Position,
    liveness: Liveness,
    timeout: Option<Duration>,
}

impl Reader {
    /// Opens a channel of any type, at its first record.
    ///
    /// # Errors
    /// [`OpenError`] says what the file is instead of a channel.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader, OpenError> {
        Ok(Reader::over(Arc::new(Mapping::open(path.as_ref())?)))
    }

    pub(crate) fn over(mapping: Arc<Mapping>) -> Reader {
        let cursor = Cursor::at_start(&mapping);
        Reader { mapping, cursor }
    }

    /// The next record, or why there is none. Never waits.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] if what lies there is no frame; the reader stays in front of it.
    #[inline]
    pub fn try_next(&mut self) -> Result<Next<Recorded<&[u8]>>, ReadError> {
        self.cursor.poll(&self.mapping)
    }

    /// The next record, once there is one, or the end of the channel: waits while
    /// [`try_next`](Self::try_next) says [`Pending`](Next::Pending).
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn wait_next(&mut self, wait: Wait) -> Result<Next<Recorded<&[u8]>>, ReadError> {
        self.cursor.wait(&self.mapping, wait)
    }

    /// The records from here to what is there now.
    pub fn iter(&mut self) -> Iter<'_, Bytes> {
        Iter::new(&self.mapping, &mut self.cursor)
    }

    /// The records from here on, until the channel ends: closed, abandoned or timed out.
    /// [`try_next`](Self::try_next) tells which, afterwards.
    pub fn follow(&mut self, wait: Wait) -> Follow<'_, Bytes> {
        Follow::new(&self.mapping, &mut self.cursor, wait)
    }

    /// The run of committed records from here, at most `max` of them; its length is known before
    /// the first is read. Empty if there is nothing now.
    pub fn batch(&mut self, max: usize) -> Batch<'_, Bytes> {
        Batch::new(&self.mapping, &mut self.cursor, max)
    }

    /// Moves to the record with that number, or to the end if it is the number that comes next.
    ///
    /// At once in a channel of fixed stride; a raw one has to be walked through.
    ///
    /// # Errors
    /// [`SeekError::OutOfRange`] if there is no such record yet; the reader stays where it is.
    pub fn seek(&mut self, sequence: u64) -> Result<(), SeekError> {
        self.cursor.move_to(search::seek(&self.mapping, self.cursor.position, sequence)?);
        Ok(())
    }

    /// Moves behind the last record that is there now.
    ///
    /// By binary search in a channel of fixed stride. A raw channel is walked through; so is a file
    /// that was copied or is left from an earlier boot, whose records need not be a prefix.
    ///
    /// # Errors
    /// [`SeekError::Read`]; the reader stays where it is.
    pub fn seek_to_end(&mut self) -> Result<(), SeekError> {
        self.cursor.move_to(search::end(&self.mapping, self.cursor.position)?);
        Ok(())
    }

    /// Moves to the first record that was stamped at `time` or later, or to the end.
    ///
    /// # Errors
    /// [`SeekError::NoTimeStamps`] in a channel without them.
    pub fn seek_to_time(&mut self, time: Timestamp) -> Result<(), SeekError> {
        self.cursor.move_to(search::time(&self.mapping, time.as_nanos())?);
        Ok(())
    }

    /// Number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.cursor.position.sequence
    }

    /// Number of the first record of the channel.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.mapping.base
    }

    /// Every record below this number has been covered by a successful sync of the writer.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.mapping.durable()
    }

    /// After how much silence of a living writer polls say [`Next::TimedOut`]; `None` for never.
    /// Without a call of this, it is what the writer chose.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.cursor.timeout = timeout;
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

    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    pub(crate) fn parts(&mut self) -> (&Mapping, &mut Cursor) {
        (&self.mapping, &mut self.cursor)
    }
}

impl Cursor {
    pub(crate) fn at_start(mapping: &Mapping) -> Cursor {
        Cursor {
            position: mapping.start(),
            liveness: Liveness::default(),
            timeout: mapping.header.writer_timeout,
        }
    }

    pub(crate) fn move_to(&mut self, position: Position) {
        self.position = position;
        self.liveness = Liveness::default();
    }

    #[inline]
    pub(crate) fn poll<'m>(
        &mut self,
        mapping: &'m Mapping,
    ) -> Result<Next<Recorded<&'m [u8]>>, ReadError> {
        loop {
            match scan::step(mapping, self.position) {
                Step::Record(frame) => {
                    let sequence = self.position.sequence;
                    self.position = frame.next;
                    self.liveness.heard();
                    return Ok(Next::Record(recorded(mapping, sequence, frame)));
                }
                Step::Padding(next) => self.position = next,
                Step::Close(reason) => return Ok(Next::Closed(reason)),
                Step::Damage(problem) => return Err(damaged(mapping, self.position, problem)),
                Step::Empty => {
                    if let Some(found) = self.look(mapping)? {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// What to say of a zero word; `None` to look at it again.
    fn look<R>(&mut self, mapping: &Mapping) -> Result<Option<Next<R>>, ReadError> {
        let position = self.position;
        let found = self.liveness.look(
            clock::steady_millis(),
            self.timeout,
            || lock::is_held(&mapping.file),
            || scan::step(mapping, position) == Step::Empty,
        );
        match found {
            Ok(None) => Ok(None),
            Ok(Some(Finding::Pending)) => Ok(Some(Next::Pending)),
            Ok(Some(Finding::Abandoned)) => Ok(Some(Next::Abandoned)),
            Ok(Some(Finding::TimedOut)) => Ok(Some(Next::TimedOut)),
            Err(source) => Err(ReadError::Io {
                path: mapping.path.clone(),
                step: "asking whether its writer is alive",
                source,
            }),
        }
    }

    fn wait<'m>(
        &mut self,
        mapping: &'m Mapping,
        wait: Wait,
    ) -> Result<Next<Recorded<&'m [u8]>>, ReadError> {
        let mut round = 0;
        loop {
            match self.poll(mapping)? {
                Next::Pending => wait.pause(round),
                other => return Ok(other),
            }
            round = round.saturating_add(1);
        }
    }
}

/// A frame with what the channel knows of it.
#[inline]
pub(crate) fn recorded<'m>(
    mapping: &Mapping,
    sequence: u64,
    frame: Frame<'m>,
) -> Recorded<&'m [u8]> {
    Recorded {
        sequence,
        timestamp: frame.stamp.map(Timestamp::from_nanos),
        unverified: mapping.unverified_from <= sequence,
        value: frame.payload,
    }
}

#[cold]
pub(crate) fn damaged(
    mapping: &Mapping,
    position: Position,
    problem: crate::error::Problem,
) -> ReadError {
    ReadError::Damaged {
        path: mapping.path.clone(),
        offset: position.offset,
        sequence: position.sequence,
        problem,
    }
}

#[cold]
pub(crate) fn invalid(mapping: &Mapping, sequence: u64, source: Invalid) -> ReadError {
    ReadError::Invalid { path: mapping.path.clone(), sequence, source }
}

/// How the payload of a record is looked at: as [`Bytes`], as a value, in place. Sealed.
pub trait Lens<'m>: sealed::Lens {
    /// What is seen.
    type Item;

    /// Looks at a payload.
    ///
    /// # Errors
    /// [`Invalid`] if the payload is no value of the type.
    fn look(payload: &'m [u8]) -> Result<Self::Item, Invalid>;
}

pub(crate) mod sealed {
    pub trait Lens {}
}

/// The payload itself.
#[derive(Debug)]
pub enum Bytes {}

impl sealed::Lens for Bytes {}

impl<'m> Lens<'m> for Bytes {
    type Item = &'m [u8];

    #[inline]
    fn look(payload: &'m [u8]) -> Result<&'m [u8], Invalid> {
        Ok(payload)
    }
}

#[inline]
pub(crate) fn look<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    record: Recorded<&'m [u8]>,
) -> Result<Recorded<L::Item>, ReadError> {
    let sequence = record.sequence;
    record.try_map(|payload| L::look(payload).map_err(|error| invalid(mapping, sequence, error)))
}

/// The records from a reader's position to what is there when it gets there.
///
/// Ends at the first poll that gives no record; a later `iter` goes on. An error that can be passed
/// ([`ReadError::Invalid`]) is followed by the next record, one that cannot is the last item.
#[must_use = "iterators are lazy"]
pub struct Iter<'r, L> {
    mapping: &'r Mapping,
    cursor: &'r mut Cursor,
    done: bool,
    lens: PhantomData<L>,
}

impl<'r, L> Iter<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor) -> Iter<'r, L> {
        Iter { mapping, cursor, done: false, lens: PhantomData }
    }
}

impl<'r, L: Lens<'r>> Iterator for Iter<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let found = self.cursor.poll(self.mapping);
        item::<L>(self.mapping, found, &mut self.done)
    }
}

/// The records from a reader's position on, until the channel ends; waits for those to come.
#[must_use = "iterators are lazy"]
pub struct Follow<'r, L> {
    mapping: &'r Mapping,
    cursor: &'r mut Cursor,
    wait: Wait,
    done: bool,
    lens: PhantomData<L>,
}

impl<'r, L> Follow<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, wait: Wait) -> Self {
        Follow { mapping, cursor, wait, done: false, lens: PhantomData }
    }
}

impl<'r, L: Lens<'r>> Iterator for Follow<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let found = self.cursor.wait(self.mapping, self.wait);
        item::<L>(self.mapping, found, &mut self.done)
    }
}

#[inline]
pub(crate) fn item<'m, L: Lens<'m>>(
    mapping: &'m Mapping,
    found: Result<Next<Recorded<&'m [u8]>>, ReadError>,
    done: &mut bool,
) -> Option<Result<Recorded<L::Item>, ReadError>> {
    match found {
        Ok(Next::Record(record)) => Some(look::<L>(mapping, record)),
        Ok(_) => {
            *done = true;
            None
        }
        Err(error) => {
            *done = true;
            Some(Err(error))
        }
    }
}

/// A run of committed records. Records that are not taken stay unread.
#[must_use = "iterators are lazy"]
pub struct Batch<'r, L> {
    records: Iter<'r, L>,
    left: usize,
}

impl<'r, L> Batch<'r, L> {
    pub(crate) fn new(mapping: &'r Mapping, cursor: &'r mut Cursor, max: usize) -> Batch<'r, L> {
        let left = scan::run(mapping, cursor.position, max);
        Batch { records: Iter::new(mapping, cursor), left }
    }
}

impl<'r, L: Lens<'r>> Iterator for Batch<'r, L> {
    type Item = Result<Recorded<L::Item>, ReadError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let next = self.records.next();
        if self.records.done {
            self.left = 0;
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Fewer only if one of them is damaged.
        (self.left, Some(self.left))
    }
}

impl<'r, L: Lens<'r>> ExactSizeIterator for Batch<'r, L> {}

debug_fields!(['r, L] Iter<'r, L>, "Iter", cursor, done);
debug_fields!(['r, L] Follow<'r, L>, "Follow", cursor, wait, done);
debug_fields!(['r, L] Batch<'r, L>, "Batch", records, left);

#[cfg(test)]
mod tests;
