//! [`TypedWriter`]: values, encoded straight into the file.

use std::{fmt, marker::PhantomData, ops::DerefMut, path::Path, time::Duration};

use kekbit_codec::{Record, Timestamp};

use crate::{
    checksum::Running,
    debug::debug_fields,
    durability::Synced,
    error::{CloseError, CreateError, SyncError, WriteError},
    header::Header,
    mapping::RecordType,
    options::ChannelOptions,
    writer::{Claim, Content, Writer},
};

/// Writes records of one type to a new channel.
///
/// A channel has one writer for all its life: the one that created it. Dropping the writer closes
/// the channel; neither that nor [`close`](Self::close) waits for the disk, which is what
/// [`sync`](Self::sync) is for. Threads share one through [`into_shared`](Self::into_shared).
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ticks.kekbit");
/// use kekbit_channel::{ChannelOptions, Record, TypedReader, TypedWriter};
///
/// #[derive(Record, Debug, PartialEq)]
/// struct Tick {
///     instrument: u32,
///     price: i64,
/// }
///
/// let options = ChannelOptions::new().records(1000);
/// let mut writer = TypedWriter::<Tick>::create(&path, &options)?;
/// let sequence = writer.append(&Tick { instrument: 7, price: 101 })?;
/// assert_eq!(sequence, 0);
///
/// let reader = TypedReader::<Tick>::open(&path)?;
/// assert_eq!(reader.get(0)?.unwrap().value, Tick { instrument: 7, price: 101 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TypedWriter<T> {
    writer: Writer,
    record: PhantomData<fn(&T)>,
}

impl<T: Record> TypedWriter<T> {
    /// Makes a new channel of records of type `T`. Either all of it is there afterwards, or
    /// nothing.
    ///
    /// The contract: nobody but this writer changes the file, and nobody truncates it.
    ///
    /// # Errors
    /// [`CreateError`] says which option, limit or step of the system is in the way.
    pub fn create(
        path: impl AsRef<Path>,
        options: &ChannelOptions,
    ) -> Result<TypedWriter<T>, CreateError> {
        let writer = Writer::create_typed(path.as_ref(), options, RecordType::of::<T>())?;
        Ok(TypedWriter { writer, record: PhantomData })
    }

    /// Appends a record and gives its sequence number. When this returns, every reader can see
    /// it, and it survives the death of this process.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was published then.
    #[inline(always)]
    pub fn append(&mut self, value: &T) -> Result<u64, WriteError> {
        append(&mut self.writer, value)
    }

    /// Claims the place of the next record, which tells its number and time stamp before it is
    /// written. Dropping the claim publishes nothing.
    ///
    /// # Errors
    /// [`WriteError`]; the writer is as it was.
    pub fn claim(&mut self) -> Result<TypedClaim<&mut Writer, T>, WriteError> {
        TypedClaim::on(&mut self.writer)
    }

    /// Writes all records appended so far out to the disk, and waits for it.
    ///
    /// # Errors
    /// As [`Writer::sync`].
    pub fn sync(&mut self) -> Result<Synced, SyncError> {
        self.writer.sync()
    }

    /// Ends the channel, as [`Writer::close`] does.
    ///
    /// # Errors
    /// As [`Writer::close`].
    pub fn close(self) -> Result<(), CloseError> {
        self.writer.close()
    }

    /// The writer of bytes behind it.
    pub(crate) fn into_writer(self) -> Writer {
        self.writer
    }

    /// Number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.writer.next_sequence()
    }

    /// How many records still fit.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.writer.available() / self.writer.header().stride
    }

    /// How far the clock was behind at its worst; see [`Writer::clock_lag`].
    #[must_use]
    pub fn clock_lag(&self) -> Option<Duration> {
        self.writer.clock_lag()
    }

    /// What the channel says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.writer.header()
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.writer.path()
    }
}

/// Encodes a value at the tail and publishes it. NB: in line wherever it is called, as
/// [`Writer::append_content`] is; what the compiler thinks of its size depends on the record.
#[inline(always)]
pub(crate) fn append<T: Record>(writer: &mut Writer, value: &T) -> Result<u64, WriteError> {
    let fence = writer.reserve_next()?;
    Ok(writer.append_content(fence, size::<T>(), Encoded(value)))
}

/// Bytes of every record.
#[inline]
fn size<T: Record>() -> u32 {
    // `create` has refused types that are larger than a frame.
    u32::try_from(kekbit_codec::size::<T>()).unwrap_or(u32::MAX)
}

/// The image of a value.
struct Encoded<'v, T>(&'v T);

impl<T: Record> Content for Encoded<'_, T> {
    #[inline(always)]
    fn put(&self, payload: &mut [u8]) {
        encode(self.0, payload);
    }

    #[inline(always)]
    fn put_and_feed(&self, payload: &mut [u8], running: &mut Running) {
        let encoded = kekbit_codec::encode_and_feed(self.0, payload, running);
        debug_assert!(encoded.is_ok(), "the payload of a typed channel has the size of the type");
    }
}

#[inline]
fn encode<T: Record>(value: &T, payload: &mut [u8]) {
    let encoded = kekbit_codec::encode(value, payload);
    debug_assert!(encoded.is_ok(), "the payload of a typed channel has the size of the type");
}

/// The place of the next record of type `T`. See [`TypedWriter::claim`].
#[must_use = "a claim that is not committed publishes nothing"]
pub struct TypedClaim<W: DerefMut<Target = Writer>, T> {
    claim: Claim<W>,
    record: PhantomData<fn(&T)>,
}

impl<W: DerefMut<Target = Writer>, T: Record> TypedClaim<W, T> {
    pub(crate) fn on(writer: W) -> Result<TypedClaim<W, T>, WriteError> {
        Ok(TypedClaim { claim: Claim::on(writer, kekbit_codec::size::<T>())?, record: PhantomData })
    }

    /// The number that the record will have.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.claim.sequence()
    }

    /// The time stamp that the record will have, in a channel with time stamps.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.claim.timestamp()
    }

    /// Encodes the record in place, publishes it, and gives its sequence number.
    pub fn commit(mut self, value: &T) -> u64 {
        encode(value, &mut self.claim);
        self.claim.commit()
    }
}

debug_fields!([T] TypedWriter<T>, "TypedWriter", writer);

impl<W: DerefMut<Target = Writer>, T> fmt::Debug for TypedClaim<W, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedClaim").finish_non_exhaustive()
    }
}
