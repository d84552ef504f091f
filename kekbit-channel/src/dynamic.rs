//! [`DynamicReader`]: any channel, by the schema in its header.

use std::{path::Path, sync::Arc, time::Duration};

use kekbit_codec::{Datum, Invalid, ParsedSchema, Timestamp};

use crate::{
    error::{OpenError, ReadError, SeekError},
    header::Header,
    iter::{Batch, Follow, Iter, Lens, look_once, next, sealed},
    mapping::Mapping,
    next::{Next, Recorded},
    reader::Reader,
    search,
    wait::Wait,
};

/// Reads the records of a channel whose type the program does not have.
///
/// The records come as [`Datum`]s: lazily, field by field, judged when asked for. `Datum::value`
/// makes a tree of one, `Datum::visit` streams it, and with the feature `serde` it can be
/// serialized as it is: `serde_json::to_string(&record.value)?` makes JSON of a record;
/// `csv.write_record(reader.schema().columns()?)?` and `csv.serialize(record.row()?)?` make a table
/// of all. The contract of [`open`](Self::open) is that of [`Reader::open`].
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("orders.kekbit");
/// use kekbit_channel::{ChannelOptions, DynamicReader, Record, TypedWriter};
///
/// #[derive(Record)]
/// struct Order {
///     id: u64,
///     #[record(unit = "cents")]
///     price: Option<i64>,
/// }
///
/// let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(2))?;
/// writer.append(&Order { id: 7, price: Some(-1) })?;
///
/// let mut reader = DynamicReader::open(&path)?;
/// assert_eq!(reader.schema().name(), "Order");
/// assert_eq!(reader.schema().columns()?, ["id", "price"]);
/// for record in reader.iter() {
///     let order = record?.value()?;
///     assert_eq!(order.field("id").and_then(|id| id.as_u128()), Some(7));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DynamicReader {
    reader: Reader,
    schema: Arc<ParsedSchema>,
}

impl DynamicReader {
    /// Opens a channel of any type, at its first record.
    ///
    /// # Errors
    /// [`OpenError`]: what the file is instead of a channel; [`OpenError::Raw`] if it has no
    /// schema, [`OpenError::SchemaText`] if that cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<DynamicReader, OpenError> {
        let mapping = Mapping::open(path.as_ref())?;
        let schema = Arc::new(mapping.schema()?);
        Ok(DynamicReader { reader: Reader::over(Arc::new(mapping)), schema })
    }

    /// The schema of the records.
    #[must_use]
    pub fn schema(&self) -> &ParsedSchema {
        &self.schema
    }

    /// The next record, or why there is none. Never waits.
    ///
    /// # Errors
    /// [`ReadErrorKind::Damaged`](crate::ReadErrorKind::Damaged) if what lies there is no frame;
    /// the reader stays in front of it. What is no value shows when the record is looked at.
    pub fn try_next(&mut self) -> Result<Next<Recorded<Datum<'_>>>, ReadError> {
        let (mapping, cursor) = self.reader.parts();
        next(mapping, cursor, BySchema { schema: &self.schema }, mapping.track.take, None)
    }

    /// The records from here to what is there now.
    pub fn iter(&mut self) -> Iter<'_, BySchema<'_>> {
        let (mapping, cursor) = self.reader.parts();
        Iter::new(mapping, cursor, BySchema { schema: &self.schema })
    }

    /// The records from here on, until the channel ends: closed, abandoned or timed out.
    /// [`try_next`](Self::try_next) tells which, afterwards.
    pub fn follow(&mut self, wait: Wait) -> Follow<'_, BySchema<'_>> {
        let (mapping, cursor) = self.reader.parts();
        Follow::new(mapping, cursor, BySchema { schema: &self.schema }, wait)
    }

    /// The run of committed records from here, at most `max` of them; its length is known before
    /// the first is read. Empty if there is nothing now.
    pub fn batch(&mut self, max: usize) -> Batch<'_, BySchema<'_>> {
        let (mapping, cursor) = self.reader.parts();
        Batch::new(mapping, cursor, BySchema { schema: &self.schema }, max)
    }

    /// The record with that number, or `None` if it is not there (yet). Leaves the reader where it
    /// is.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn get(&self, sequence: u64) -> Result<Option<Recorded<Datum<'_>>>, ReadError> {
        let mapping = self.reader.mapping();
        let Some(frame) = search::record(mapping, sequence)? else { return Ok(None) };
        let lens = BySchema { schema: &self.schema };
        look_once(mapping, &lens, frame.recorded(mapping, sequence)).map(Some)
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

    /// How many records are there now; see [`Reader::record_count`].
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
}

/// Records as the schema of their file says.
#[derive(Debug, Clone, Copy)]
pub struct BySchema<'r> {
    schema: &'r ParsedSchema,
}

impl sealed::Lens for BySchema<'_> {
    type Image = ();
}

impl<'m> Lens<'m> for BySchema<'m> {
    type Item = Datum<'m>;

    #[inline]
    fn look(&self, payload: &'m [u8], _: &[u8]) -> Result<Datum<'m>, Invalid> {
        self.schema.datum(payload)
    }
}
