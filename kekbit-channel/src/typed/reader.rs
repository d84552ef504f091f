//! [`TypedReader`]: values, decoded and checked.

use std::{path::Path, sync::Arc, time::Duration};

use kekbit_codec::{Record, Timestamp};

use crate::{
    debug::debug_fields,
    error::{OpenError, ReadError, ReadErrorKind, SeekError},
    header::Header,
    iter::{Batch, Follow, Iter, look_once, next, take},
    mapping::Mapping,
    next::{Next, Recorded},
    reader::Reader,
    search,
    typed::{
        decoder::{Decoder, ReadOptions, SharedDecoder},
        lens::{InPlace, OrRaw, ValueOrRaw, Values},
    },
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
pub struct TypedReader<T: Record> {
    reader: Reader,
    decoder: SharedDecoder<T>,
}

debug_fields!([T: Record] TypedReader<T>, "TypedReader", reader, decoder);

impl<T: Record> Clone for TypedReader<T> {
    fn clone(&self) -> TypedReader<T> {
        TypedReader { reader: self.reader.clone(), decoder: self.decoder.clone() }
    }
}

impl<T: Record> TypedReader<T> {
    /// Opens a channel of records of type `T`, or of an older or newer version of it, at its first
    /// record.
    ///
    /// # Errors
    /// [`OpenError`]: what the file is instead of a channel, or how its schema differs.
    pub fn open(path: impl AsRef<Path>) -> Result<TypedReader<T>, OpenError> {
        TypedReader::open_with(path, &ReadOptions::new())
    }

    /// Opens a channel and says what to do with files of other versions of the type.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        path: impl AsRef<Path>,
        options: &ReadOptions<T>,
    ) -> Result<TypedReader<T>, OpenError> {
        let mapping = Mapping::open(path.as_ref())?;
        let decoder = Decoder::of(&mapping, options)?;
        let decoder = SharedDecoder::new(decoder, &mapping);
        Ok(TypedReader { reader: Reader::over(Arc::new(mapping)), decoder })
    }

    /// A reader of a mapping whose records are known to be of the type, or of a newer one.
    pub(crate) fn over(mapping: Arc<Mapping>, decoder: SharedDecoder<T>) -> TypedReader<T> {
        TypedReader { reader: Reader::over(mapping), decoder }
    }

    /// The next record, or why there is none. Never waits.
    ///
    /// # Errors
    /// [`ReadErrorKind::Invalid`] if the payload is no value of the type, and
    /// [`ReadErrorKind::UnknownVariant`] if it is one of a newer version only: the reader has moved
    /// on. [`ReadErrorKind::Damaged`] if what lies there is no frame, and the reader stays.
    #[inline]
    pub fn try_next(&mut self) -> Result<Next<Recorded<T>>, ReadError> {
        let (mapping, cursor) = self.reader.parts();
        next(mapping, cursor, Values::new(&self.decoder), self.decoder.take(), None)
    }

    /// The next record, once there is one, or the end of the channel: waits while
    /// [`try_next`](Self::try_next) says [`Pending`](Next::Pending).
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn wait_next(&mut self, wait: Wait) -> Result<Next<Recorded<T>>, ReadError> {
        let (mapping, cursor) = self.reader.parts();
        next(mapping, cursor, Values::new(&self.decoder), self.decoder.take(), Some(&wait))
    }

    /// Makes the file present in this process's memory; see [`Reader::prefault`].
    pub fn prefault(&self) {
        self.reader.prefault();
    }

    /// The records from here to what is there now.
    pub fn iter(&mut self) -> Iter<'_, Values<'_, T>> {
        let (mapping, cursor) = self.reader.parts();
        Iter::new(mapping, cursor, Values::new(&self.decoder))
    }

    /// The records from here to what is there now, each as a view that lives as long as this borrow
    /// of the reader, not just until the next. For views that outlive it, see
    /// [`Channel`](crate::Channel).
    ///
    /// # Errors
    /// [`ReadErrorKind::NoViews`] if the records are of an older version of the type: decode them.
    pub fn views(&mut self) -> Result<Iter<'_, InPlace<T>>, ReadError> {
        if !self.decoder.is_direct() {
            return Err(ReadErrorKind::NoViews { path: self.path().to_owned() }.into());
        }
        let (mapping, cursor) = self.reader.parts();
        Ok(Iter::new(mapping, cursor, InPlace::LENS))
    }

    /// The records from here on, until the channel ends: closed, abandoned or timed out.
    /// [`try_next`](Self::try_next) tells which, afterwards.
    pub fn follow(&mut self, wait: Wait) -> Follow<'_, Values<'_, T>> {
        let (mapping, cursor) = self.reader.parts();
        Follow::new(mapping, cursor, Values::new(&self.decoder), wait)
    }

    /// The run of committed records from here, at most `max` of them; its length is known before
    /// the first is read. Empty if there is nothing now.
    ///
    /// A reader that passes over unknown variants counts them too: such a batch gives fewer items
    /// than its length, and may give none although records follow. Then
    /// [`next_sequence`](Self::next_sequence) has gone on.
    pub fn batch(&mut self, max: usize) -> Batch<'_, Values<'_, T>> {
        let (mapping, cursor) = self.reader.parts();
        Batch::new(mapping, cursor, Values::new(&self.decoder), max)
    }

    /// As [`try_next`](Self::try_next), but a record of a variant that was added to the type later
    /// comes as bytes.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next), never [`ReadErrorKind::UnknownVariant`].
    #[inline]
    pub fn try_next_or_raw(&mut self) -> Result<Next<Recorded<ValueOrRaw<'_, T>>>, ReadError> {
        let (mapping, cursor) = self.reader.parts();
        let lens = OrRaw::new(&self.decoder);
        next(mapping, cursor, lens, take(mapping, &lens), None)
    }

    /// As [`iter`](Self::iter), but a record of a variant that was added to the type later comes as
    /// bytes.
    pub fn iter_or_raw(&mut self) -> Iter<'_, OrRaw<'_, T>> {
        let (mapping, cursor) = self.reader.parts();
        Iter::new(mapping, cursor, OrRaw::new(&self.decoder))
    }

    /// As [`follow`](Self::follow), but a record of a variant that was added to the type later
    /// comes as bytes.
    pub fn follow_or_raw(&mut self, wait: Wait) -> Follow<'_, OrRaw<'_, T>> {
        let (mapping, cursor) = self.reader.parts();
        Follow::new(mapping, cursor, OrRaw::new(&self.decoder), wait)
    }

    /// The record with that number, or `None` if it is not there (yet). Leaves the reader where it
    /// is.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn get(&self, sequence: u64) -> Result<Option<Recorded<T>>, ReadError> {
        let mapping = self.reader.mapping();
        let Some(frame) = search::record(mapping, sequence)? else { return Ok(None) };
        look_once(mapping, &Values::new(&self.decoder), frame.recorded(mapping, sequence)).map(Some)
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

    /// The reader of bytes behind it.
    #[cfg(all(feature = "stream", not(loom)))]
    pub(crate) fn bytes(&mut self) -> &mut Reader {
        &mut self.reader
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
