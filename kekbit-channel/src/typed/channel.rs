//! [`Channel`]: a mapping that views can borrow from, past any cursor.

use std::{marker::PhantomData, path::Path, sync::Arc};

use kekbit_codec::{Record, View};

use crate::{
    cursor::Cursor,
    debug::debug_fields,
    error::{OpenError, ReadError},
    header::Header,
    iter::{Run, advance, look_once},
    mapping::Mapping,
    next::Recorded,
    search,
    typed::{
        decoder::{Decoder, ReadOptions, SharedDecoder},
        lens::InPlace,
        reader::TypedReader,
    },
};

/// A channel of type `T`, opened for reading. Views of its records live as long as it does.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("orders.kekbit");
/// use kekbit_channel::{Channel, ChannelOptions, Record, TypedWriter};
///
/// #[derive(Record)]
/// struct Order {
///     id: u64,
///     price: i64,
/// }
///
/// let mut writer = TypedWriter::<Order>::create(&path, &ChannelOptions::new().records(10))?;
/// for id in 0..5 {
///     writer.append(&Order { id, price: 10 * id as i64 })?;
/// }
/// let channel = Channel::<Order>::open(&path)?;
/// let views = channel.views().collect::<Result<Vec<_>, _>>()?;
/// let dear: Vec<u64> = views.iter().filter(|o| 20 < o.price()).map(|o| o.id()).collect();
/// assert_eq!(dear, [3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Channel<T: Record> {
    mapping: Arc<Mapping>,
    decoder: SharedDecoder<T>,
}

impl<T: Record> Channel<T> {
    /// Opens a channel of records of type `T`, or of a newer version of it. The contract is that of
    /// [`Reader::open`](crate::Reader::open).
    ///
    /// # Errors
    /// [`OpenError`]: what the file is instead of a channel, or how its schema differs. A file of
    /// an older version has no views: [`OpenError::Older`].
    pub fn open(path: impl AsRef<Path>) -> Result<Channel<T>, OpenError> {
        let mapping = Mapping::open(path.as_ref())?;
        let decoder = Decoder::of(&mapping, &ReadOptions::new())?;
        if !decoder.is_direct() {
            return Err(OpenError::Older { path: mapping.path.clone() });
        }
        Ok(Channel { decoder: SharedDecoder::new(decoder, &mapping), mapping: Arc::new(mapping) })
    }

    /// The records from the first to what is there now, in place.
    pub fn views(&self) -> Views<'_, T> {
        Views {
            mapping: &self.mapping,
            cursor: Cursor::at_start(&self.mapping),
            run: Run::new(&self.mapping, &InPlace::<T>::LENS),
            record: PhantomData,
        }
    }

    /// The record with that number, in place, or `None` if it is not there (yet).
    ///
    /// # Errors
    /// As [`TypedReader::get`].
    pub fn get(&self, sequence: u64) -> Result<Option<Recorded<View<'_, T>>>, ReadError> {
        let mapping = &self.mapping;
        let Some(frame) = search::record(mapping, sequence)? else { return Ok(None) };
        look_once(mapping, &InPlace::<T>::LENS, frame.recorded(mapping, sequence)).map(Some)
    }

    /// How many records are there now.
    ///
    /// # Errors
    /// As [`Reader::seek_to_end`](crate::Reader::seek_to_end).
    pub fn record_count(&self) -> Result<u64, ReadError> {
        let end = search::end(&self.mapping, self.mapping.start())?;
        Ok(end.sequence - self.mapping.base)
    }

    /// A reader at the first record, which shares this mapping and may outlive this handle.
    #[must_use]
    pub fn reader(&self) -> TypedReader<T> {
        TypedReader::over(Arc::clone(&self.mapping), self.decoder.clone())
    }

    /// What the channel says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.mapping.header
    }
}

/// The records of a channel in place, from the first to what is there when it gets there.
#[must_use = "iterators are lazy"]
pub struct Views<'c, T> {
    mapping: &'c Mapping,
    cursor: Cursor,
    run: Run,
    record: PhantomData<fn() -> T>,
}

impl<'c, T: Record> Iterator for Views<'c, T> {
    type Item = Result<Recorded<View<'c, T>>, ReadError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Self { mapping, cursor, run, .. } = self;
        advance(mapping, cursor, &InPlace::<T>::LENS, run, None, u64::MAX)
    }
}

debug_fields!([T: Record] Channel<T>, "Channel", mapping);
debug_fields!(['c, T] Views<'c, T>, "Views", cursor, run);
