//! [`Merge`]: several channels as one, in the order of their time stamps.

use std::{fmt, time::Duration};

use kekbit_codec::{Record, Timestamp};

use crate::{
    clock::{self, Clock},
    error::{MergeError, ReadError},
    next::{Next, Recorded},
    typed::TypedReader,
};

/// Joins readers of several channels of one type into one stream, ordered by time stamp, then by
/// the place of the input, then by sequence number. Channels that have ended leave the merge.
///
/// - [`strict`](Self::strict) gives a record once every open input has a next one to compare it
///   with: the order is exact, and one quiet channel holds all others up.
/// - [`within`](Self::within) waits so long for quiet channels, counted from a record's stamp, and
///   marks what comes too late.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let (a, b) = (folder.path().join("a.kekbit"), folder.path().join("b.kekbit"));
/// use kekbit_channel::{ChannelOptions, Merge, Merged, Record, TypedReader, TypedWriter};
///
/// #[derive(Record)]
/// struct Step(u32);
///
/// let options = ChannelOptions::new().records(10).time_stamps();
/// let mut first = TypedWriter::<Step>::create(&a, &options)?;
/// let mut second = TypedWriter::<Step>::create(&b, &options)?;
/// first.append(&Step(1))?;
/// second.append(&Step(2))?;
/// first.append(&Step(3))?;
/// let inputs = vec![TypedReader::<Step>::open(&a)?, TypedReader::open(&b)?];
/// drop((first, second));
///
/// let mut merge = Merge::strict(inputs)?;
/// let mut values = Vec::new();
/// while let Merged::Record { record, .. } = merge.try_next()? {
///     values.push(record.0);
/// }
/// assert_eq!(values, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Merge<T: Record> {
    inputs: Vec<Input<T>>,
    delay: Option<Duration>,
    clock: Clock,
    /// The stamp of the record given out last.
    released: Timestamp,
}

struct Input<T: Record> {
    reader: TypedReader<T>,
    /// The next record of this input, if it has come.
    head: Option<Recorded<T>>,
    ended: bool,
}

/// What a merge finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Merged<T> {
    /// The next record.
    #[non_exhaustive]
    Record {
        /// The place of its channel among the inputs.
        input: usize,
        /// Whether it came after a record with a later stamp had been given out.
        late: bool,
        /// The record.
        record: Recorded<T>,
    },
    /// Nothing that may be given out yet.
    Pending,
    /// All inputs have ended.
    Ended,
}

impl<T: Record> Merge<T> {
    /// A merge in exact order.
    ///
    /// # Errors
    /// [`MergeError::NoTimeStamps`] names the input that has none.
    pub fn strict(inputs: Vec<TypedReader<T>>) -> Result<Merge<T>, MergeError> {
        Merge::new(inputs, None)
    }

    /// A merge that gives a record out once `delay` has gone by since its stamp, whether or not
    /// all inputs have spoken.
    ///
    /// # Errors
    /// [`MergeError::NoTimeStamps`] names the input that has none.
    pub fn within(inputs: Vec<TypedReader<T>>, delay: Duration) -> Result<Merge<T>, MergeError> {
        Merge::new(inputs, Some(delay))
    }

    fn new(readers: Vec<TypedReader<T>>, delay: Option<Duration>) -> Result<Merge<T>, MergeError> {
        for (input, reader) in readers.iter().enumerate() {
            if !reader.header().time_stamps {
                return Err(MergeError::NoTimeStamps { input, path: reader.path().to_owned() });
            }
        }
        let inputs =
            readers.into_iter().map(|reader| Input { reader, head: None, ended: false }).collect();
        Ok(Merge { inputs, delay, clock: clock::system, released: Timestamp::from_nanos(0) })
    }

    /// Takes the time of day from `clock` instead of the system's: the clock that the writers
    /// stamp with.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Merge<T> {
        self.clock = clock;
        self
    }

    /// The next record in order, or why there is none yet. Never waits.
    ///
    /// # Errors
    /// [`ReadError`] of one of the inputs; see [`TypedReader::try_next`]. A record that is no valid
    /// value is passed by the next call. An input that is damaged stops the merge: it gives that
    /// error at every call, as nobody can tell what it would have said.
    pub fn try_next(&mut self) -> Result<Merged<T>, ReadError> {
        let mut waiting = false;
        for input in &mut self.inputs {
            input.fill()?;
            waiting |= input.head.is_none() && !input.ended;
        }
        let first = self
            .inputs
            .iter()
            .enumerate()
            .filter_map(|(place, input)| Some((input.head.as_ref()?.timestamp?, place)))
            .min();
        let Some((stamp, place)) = first else {
            return Ok(if waiting { Merged::Pending } else { Merged::Ended });
        };
        if waiting && !self.is_due(stamp) {
            return Ok(Merged::Pending);
        }
        let Some(record) = self.inputs.get_mut(place).and_then(|input| input.head.take()) else {
            return Ok(Merged::Pending);
        };
        let late = stamp < self.released;
        self.released = self.released.max(stamp);
        Ok(Merged::Record { input: place, late, record })
    }

    /// Whether a record with that stamp has been held back for long enough.
    fn is_due(&self, stamp: Timestamp) -> bool {
        let Some(delay) = self.delay else { return false };
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        stamp.as_nanos().saturating_add(delay) <= (self.clock)().as_nanos()
    }
}

impl<T: Record> Input<T> {
    fn fill(&mut self) -> Result<(), ReadError> {
        if self.head.is_none() {
            match self.reader.try_next()? {
                Next::Record(record) => {
                    self.head = Some(record);
                    self.ended = false;
                }
                Next::Closed(_) | Next::Abandoned => self.ended = true,
                Next::Pending | Next::TimedOut => self.ended = false,
            }
        }
        Ok(())
    }
}

impl<T: Record> fmt::Debug for Merge<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge")
            .field("inputs", &self.inputs.len())
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}
