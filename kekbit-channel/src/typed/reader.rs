//! [`TypedReader`]: values, decoded and checked.

use std::{marker::PhantomData, path::Path, sync::Arc, time::Duration};

use kekbit_codec::{Record, Timestamp};

use crate::{
    debug::debug_fields,
    error::{OpenError, ReadError, SeekError},
    header::Header,
    iter::{Batch, Follow, Iter, look},
    mapping::{Mapping, RecordType},
    next::{Next, Recorded},
    reader::Reader,
    search,
    typed::lens::{InPlace, Values},
    wait::Wait,
};

/// Reads the records of a channel of type `T`, decoded.
///
/// The channel's schema is compared with the type's when it is opened; after that a record costs
/// one pass over its bytes. The contract of [`open`](Self::open) is that of [`Reader::open`].
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("counts.kekbit");
/// use kekbit_channel::{ChannelOptions, Next, Record, TypedReader, TypedWriter};
///
/// #[derive(Record)]
/// struct Square(u64);
///
/// let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(100))?;
/// for number in 0..10 {
///     writer.append(&Square(number * number))?;
/// }
/// let mut reader = TypedReader::<Square>::open(&path)?;
/// let mut sum = 0;
/// for square in reader.iter() {
///     sum += square?.0;
/// }
/// assert_eq!(sum, 285);
/// assert!(matches!(reader.try_next()?, Next::Pending));
/// reader.seek(9)?;
/// assert_eq!(reader.try_next()?.record().unwrap().0, 81);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TypedReader<T> {
    reader: Reader,
    record: PhantomData<fn() -> T>,
}

debug_fields!([T] TypedReader<T>, "TypedReader", reader);

impl<T> Clone for TypedReader<T> {
    fn clone(&self) -> TypedReader<T> {
        TypedReader { reader: self.reader.clone(), record: PhantomData }
    }
}

impl<T: Record> TypedReader<T> {
    /// Opens a channel of records of type `T`, at its first record.
    ///
    /// # Errors
    /// [`OpenError`]: what the file is instead of a channel, or how its schema differs.
    pub fn open(path: impl AsRef<Path>) -> Result<TypedReader<T>, OpenError> {
        let mapping = Mapping::open(path.as_ref())?;
        mapping.check_schema(RecordType::of::<T>())?;
        Ok(TypedReader::over(Arc::new(mapping)))
    }

    /// A reader of a mapping whose schema has been checked.
    pub(crate) fn over(mapping: Arc<Mapping>) -> TypedReader<T> {
        TypedReader { reader: Reader::over(mapping), record: PhantomData }
    }

    /// The next record, or why there is none. Never waits.
    ///
    /// # Errors
    /// [`ReadError::Invalid`] if the payload is no value of the type, and the reader has moved on;
    /// [`ReadError::Damaged`] if what lies there is no frame, and the reader stays.
    #[inline]
    pub fn try_next(&mut self) -> Result<Next<Recorded<T>>, ReadError> {
        let (mapping, cursor) = self.reader.parts();
        match cursor.take(mapping) {
            Some(record) => look::<Values<T>>(mapping, record).map(Next::Record),
            None => {
                let found = cursor.poll_further(mapping)?;
                found.try_map(|record| look::<Values<T>>(mapping, record))
            }
        }
    }

    /// The records from here to what is there now.
    pub fn iter(&mut self) -> Iter<'_, Values<T>> {
        let (mapping, cursor) = self.reader.parts();
        Iter::new(mapping, cursor)
    }

    /// The records from here to what is there now, each as a view that lives as long as this borrow
    /// of the reader, not just until the next. For views that outlive it, see
    /// [`Channel`](crate::Channel).
    pub fn views(&mut self) -> Iter<'_, InPlace<T>> {
        let (mapping, cursor) = self.reader.parts();
        Iter::new(mapping, cursor)
    }

    /// The records from here on, until the channel ends: closed, abandoned or timed out.
    /// [`try_next`](Self::try_next) tells which, afterwards.
    pub fn follow(&mut self, wait: Wait) -> Follow<'_, Values<T>> {
        let (mapping, cursor) = self.reader.parts();
        Follow::new(mapping, cursor, wait)
    }

    /// The run of committed records from here, at most `max` of them; its length is known before
    /// the first is read. Empty if there is nothing now.
    pub fn batch(&mut self, max: usize) -> Batch<'_, Values<T>> {
        let (mapping, cursor) = self.reader.parts();
        Batch::new(mapping, cursor, max)
    }

    /// The record with that number, or `None` if it is not there (yet). Leaves the reader where it
    /// is.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn get(&self, sequence: u64) -> Result<Option<Recorded<T>>, ReadError> {
        let mapping = self.reader.mapping();
        let Some(frame) = search::record(mapping, sequence)? else { return Ok(None) };
        look::<Values<T>>(mapping, frame.recorded(mapping, sequence)).map(Some)
    }

    /// Moves to the record with that number, or to the end if it is the number that comes next.
    ///
    /// # Errors
    /// [`SeekError::OutOfRange`] if there is no such record yet; the reader stays where it is.
    pub fn seek(&mut self, sequence: u64) -> Result<(), SeekError> {
        self.reader.seek(sequence)
    }

    /// Moves behind the last record that is there now; see [`Reader::seek_to_end`].
    ///
    /// # Errors
    /// As [`Reader::seek_to_end`].
    pub fn seek_to_end(&mut self) -> Result<(), SeekError> {
        self.reader.seek_to_end()
    }

    /// Moves to the first record that was stamped at `time` or later, or to the end.
    ///
    /// # Errors
    /// [`SeekError::NoTimeStamps`] in a channel without them.
    pub fn seek_to_time(&mut self, time: Timestamp) -> Result<(), SeekError> {
        self.reader.seek_to_time(time)
    }

    /// How many records are there now, from the first to the last; see [`Reader::record_count`].
    ///
    /// # Errors
    /// As [`Reader::record_count`].
    pub fn record_count(&self) -> Result<u64, ReadError> {
        self.reader.record_count()
    }

    /// Number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.reader.next_sequence()
    }

    /// Number of the first record of the channel.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.reader.first_sequence()
    }

    /// Every record below this number has been covered by a successful sync of the writer.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.reader.durable()
    }

    /// After how much silence of a living writer polls say [`Next::TimedOut`]; see
    /// [`Reader::set_timeout`].
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.reader.set_timeout(timeout);
    }

    /// What the channel says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.reader.path()
    }
}
