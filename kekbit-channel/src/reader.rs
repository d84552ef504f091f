//! [`Reader`]: the reading end of the handshake, on bytes. Polls, seeks, runs.

use std::{path::Path, sync::Arc, time::Duration};

use kekbit_codec::Timestamp;

use crate::{
    cursor::Cursor,
    error::{OpenError, ReadError, SeekError},
    header::Header,
    iter::{Batch, Bytes, Follow, Iter},
    mapping::Mapping,
    next::{Next, Recorded},
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

    /// Makes the file present in this process's memory, as far as it is written: all that is there
    /// of it in memory or on the disk, so that no page is missing when a record is read. Otherwise
    /// pages come as they are needed, sixteen at a time.
    ///
    /// It does not save that time, it takes it now; and the memory. Pages that the writer makes
    /// later are not among them; it makes all of them at once with
    /// [`Prefault::All`](crate::Prefault::All), as it does without being asked in small channels in
    /// memory. Does nothing before Linux 5.14.
    pub fn prefault(&self) {
        self.mapping.prefault();
    }

    /// The next record, or why there is none. Never waits.
    ///
    /// The payload lies in the reader's memory, and cannot be kept longer than that:
    /// ```compile_fail,E0505
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("lines.kekbit");
    /// # use kekbit_channel::Reader;
    /// let mut reader = Reader::open(&path)?;
    /// let record = reader.try_next()?.record().unwrap();
    /// drop(reader);
    /// assert_eq!(record.value, b"news");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReadErrorKind::Damaged`](crate::ReadErrorKind::Damaged) if what lies there is no frame;
    /// the reader stays in front of it.
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
        Iter::new(&self.mapping, &mut self.cursor, Bytes::LENS)
    }

    /// The records from here on, until the channel ends: closed, abandoned or timed out.
    /// [`try_next`](Self::try_next) tells which, afterwards.
    pub fn follow(&mut self, wait: Wait) -> Follow<'_, Bytes> {
        Follow::new(&self.mapping, &mut self.cursor, Bytes::LENS, wait)
    }

    /// The run of committed records from here, at most `max` of them; its length is known before
    /// the first is read. Empty if there is nothing now.
    pub fn batch(&mut self, max: usize) -> Batch<'_, Bytes> {
        Batch::new(&self.mapping, &mut self.cursor, Bytes::LENS, max)
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

    /// How many records are there now, from the first to the last. Leaves the reader where it is.
    /// As quick as [`seek_to_end`](Self::seek_to_end).
    ///
    /// # Errors
    /// As [`seek_to_end`](Self::seek_to_end).
    pub fn record_count(&self) -> Result<u64, ReadError> {
        let end = search::end(&self.mapping, self.cursor.position)?;
        Ok(end.sequence - self.mapping.base)
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
        self.cursor.set_timeout(timeout);
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

#[cfg(test)]
mod tests;
