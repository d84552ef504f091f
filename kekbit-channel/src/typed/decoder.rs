//! [`Decoder`]: how the records of one file become values of a type. Decided once, at open.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use kekbit_codec::{Field, Invalid, ParsedSchema, Raise, Record, Relation, decode_prefix, relate};
use zerocopy::{FromZeros, IntoBytes};

use crate::{
    debug::debug_fields,
    difference::SchemaDifference,
    error::OpenError,
    mapping::{Mapping, RecordType, Take},
};

/// The way from payloads of a file to values.
pub(crate) struct Decoder<T: Record> {
    way: Way<T>,
    /// The schema of the file, if it is newer than the type.
    newer: Option<ParsedSchema>,
    skips_unknown: bool,
}

enum Way<T: Record> {
    /// The image is the beginning of the payload: schemas are identical, or the file's is newer.
    Direct,
    /// The file is older.
    Raised(Raise<T>),
    /// The file is of another type, from which this one is made.
    Upcast(Box<Upcasting<T>>),
}

/// Puts the image of the value that is made of a payload.
type Upcasting<T> = dyn Fn(&[u8], &mut <T as Field>::Wire) -> Result<(), Invalid> + Send + Sync;

impl<T: Record> Decoder<T> {
    pub(crate) const DIRECT: Decoder<T> =
        Decoder { way: Way::Direct, newer: None, skips_unknown: false };

    /// Compares the schema of the file with the type's.
    pub(crate) fn of(mapping: &Mapping, options: &ReadOptions<T>) -> Result<Self, OpenError> {
        let mut decoder = match Decoder::fit(mapping) {
            Err(OpenError::Schema { path, difference }) => {
                let mut upcasts = options.upcasts.iter();
                match upcasts.find_map(|upcast| upcast(mapping).transpose()) {
                    Some(found) => found?,
                    None => return Err(OpenError::Schema { path, difference }),
                }
            }
            fit => fit?,
        };
        decoder.skips_unknown = options.skips_unknown;
        Ok(decoder)
    }

    fn fit(mapping: &Mapping) -> Result<Self, OpenError> {
        let header = &mapping.header;
        let ours = T::SCHEMA.text();
        let record = RecordType::of::<T>();
        if header.fingerprint == T::SCHEMA.fingerprint()
            && header.schema == ours
            && u64::from(header.max_payload) == record.size
        {
            return Ok(Decoder::DIRECT);
        }
        let found = mapping.schema()?;
        match relate(&header.schema, &ours) {
            Relation::Identical => Ok(Decoder::DIRECT),
            Relation::Newer => Ok(Decoder { newer: Some(found), ..Decoder::DIRECT }),
            Relation::Incompatible(difference) => Err(OpenError::Schema {
                path: mapping.path.clone(),
                difference: Box::new(SchemaDifference::new(
                    T::SCHEMA,
                    &header.schema,
                    header.fingerprint,
                    &difference,
                )),
            }),
            // `relate` is asked again in there, and says the same.
            _ => Ok(match Raise::new(&found) {
                Some(raise) if !raise.is_plain() => {
                    Decoder { way: Way::Raised(raise), ..Decoder::DIRECT }
                }
                _ => Decoder::DIRECT,
            }),
        }
    }

    /// Whether the image of a value is the beginning of the payload. Then there are views, too.
    #[inline]
    pub(crate) fn is_direct(&self) -> bool {
        matches!(self.way, Way::Direct)
    }

    /// Whether payloads are decoded as they are, and none is passed over.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_direct() && !self.skips_unknown()
    }

    /// Makes the image of a value of the type, if the payload does not begin with it.
    pub(crate) fn make_image(
        &self,
        payload: &[u8],
        image: &mut Option<T::Wire>,
    ) -> Result<(), Invalid> {
        match &self.way {
            Way::Direct => Ok(()),
            Way::Raised(raise) => raise.image(payload, image.insert(T::Wire::new_zeroed())),
            Way::Upcast(upcast) => upcast(payload, image.insert(T::Wire::new_zeroed())),
        }
    }

    /// The value of a payload, whatever the way.
    pub(crate) fn decode(&self, payload: &[u8]) -> Result<T, Invalid> {
        let mut image = None;
        self.make_image(payload, &mut image)?;
        decode_prefix(image.as_ref().map_or(payload, IntoBytes::as_bytes))
    }

    /// Whether what was refused is a record of the newer schema, which knows the variant.
    #[cold]
    pub(crate) fn is_unknown(&self, payload: &[u8]) -> bool {
        let datum = self.newer.as_ref().and_then(|schema| schema.datum(payload).ok());
        datum.is_some_and(|datum| datum.value().is_ok())
    }

    /// Whether there can be records that are passed over.
    pub(crate) fn skips_unknown(&self) -> bool {
        self.skips_unknown && self.newer.is_some()
    }

    /// Whether this record is one of them.
    #[inline(never)]
    pub(crate) fn passes_over(&self, payload: &[u8]) -> bool {
        if !self.skips_unknown() {
            return false;
        }
        match self.decode(payload) {
            Ok(_) => false,
            Err(invalid) => invalid.is_unknown_variant() && self.is_unknown(payload),
        }
    }
}

/// How a [`TypedReader`](crate::TypedReader) deals with files of other versions of its type.
///
/// Without any of it, records of an older version are read with the defaults of what was added,
/// those of a newer one without what was added, and a variant that was added is an error. A
/// conversion that panics takes its record with it: the reader goes on with the next.
///
/// # Examples
/// Prices that were once counted in cents, in a version of the type that is no older version by the
/// rules, as it means something else:
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("prices.kekbit");
/// use kekbit_channel::{ChannelOptions, ReadOptions, Record, TypedReader, TypedWriter};
///
/// #[derive(Record)]
/// struct Cents(u32);
///
/// #[derive(Record, Debug, PartialEq)]
/// struct Price {
///     micros: u64,
/// }
///
/// impl From<Cents> for Price {
///     fn from(cents: Cents) -> Price {
///         Price { micros: u64::from(cents.0) * 10_000 }
///     }
/// }
///
/// TypedWriter::<Cents>::create(&path, &ChannelOptions::new().records(1))?.append(&Cents(99))?;
/// let options = ReadOptions::new().upcast::<Cents>();
/// let reader = TypedReader::<Price>::open_with(&path, &options)?;
/// assert_eq!(reader.get(0)?.unwrap().value, Price { micros: 990_000 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadOptions<T: Record> {
    upcasts: Vec<Upcast<T>>,
    skips_unknown: bool,
    record: PhantomData<fn() -> T>,
}

/// Gives a decoder if the file is of the type that it is about.
type Upcast<T> = fn(&Mapping) -> Result<Option<Decoder<T>>, OpenError>;

impl<T: Record> ReadOptions<T> {
    /// What [`TypedReader::open`](crate::TypedReader::open) does.
    #[must_use]
    pub fn new() -> ReadOptions<T> {
        ReadOptions { upcasts: Vec::new(), skips_unknown: false, record: PhantomData }
    }

    /// Reads files of `O` as well, and makes each record a `T`. Of several, the first that the
    /// file's schema fits is taken; the type itself comes before all of them. A file of an older or
    /// newer version of `O` is one of `O`.
    #[must_use]
    pub fn upcast<O: Record>(mut self) -> ReadOptions<T>
    where
        T: From<O>,
    {
        self.upcasts.push(|mapping| match Decoder::<O>::fit(mapping) {
            Ok(mut older) => {
                let newer = older.newer.take();
                let way = Way::Upcast(Box::new(move |payload: &[u8], image: &mut T::Wire| {
                    T::from(older.decode(payload)?).put(image);
                    Ok(())
                }));
                Ok(Some(Decoder { way, newer, skips_unknown: false }))
            }
            Err(OpenError::Schema { .. }) => Ok(None),
            Err(error) => Err(error),
        });
        self
    }

    /// Passes over records in which there is a variant that was added to the type later, be it the
    /// record itself or an enum somewhere in it. All of the record is passed over, which shows as a
    /// gap in the sequence numbers. A record is decoded to find out, and once more to be given out,
    /// so conversions of the user's run twice. Otherwise each such record is
    /// a [`ReadErrorKind::UnknownVariant`](crate::ReadErrorKind::UnknownVariant); `iter_or_raw`,
    /// `follow_or_raw` and `try_next_or_raw` hand over their bytes.
    #[must_use]
    pub fn skip_unknown_variants(mut self) -> ReadOptions<T> {
        self.skips_unknown = true;
        self
    }
}

impl<T: Record> Default for ReadOptions<T> {
    fn default() -> ReadOptions<T> {
        ReadOptions::new()
    }
}

impl<T: Record> Clone for ReadOptions<T> {
    fn clone(&self) -> ReadOptions<T> {
        ReadOptions {
            upcasts: self.upcasts.clone(),
            skips_unknown: self.skips_unknown,
            record: PhantomData,
        }
    }
}

impl<T: Record> std::fmt::Debug for ReadOptions<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadOptions")
            .field("upcasts", &self.upcasts.len())
            .field("skips_unknown", &self.skips_unknown)
            .finish()
    }
}

impl<T: Record> std::fmt::Debug for Decoder<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.way {
            Way::Direct => "Direct",
            Way::Raised(_) => "Raised",
            Way::Upcast(_) => "Upcast",
        })
    }
}

/// The decoder of all readers of a file.
pub(crate) struct SharedDecoder<T: Record> {
    decoder: Arc<Decoder<T>>,
    /// How the records of [`Values`](super::lens::Values) are taken: not at all, where payloads are
    /// not decoded as they are, or some passed over.
    take: Take,
}

impl<T: Record> SharedDecoder<T> {
    pub(crate) fn new(decoder: Decoder<T>, mapping: &Mapping) -> SharedDecoder<T> {
        let take = mapping.take(decoder.is_plain(), kekbit_codec::size::<T>());
        SharedDecoder { decoder: Arc::new(decoder), take }
    }

    #[inline(always)]
    pub(crate) fn take(&self) -> Take {
        self.take
    }
}

impl<T: Record> Deref for SharedDecoder<T> {
    type Target = Decoder<T>;

    #[inline(always)]
    fn deref(&self) -> &Decoder<T> {
        &self.decoder
    }
}

impl<T: Record> Clone for SharedDecoder<T> {
    fn clone(&self) -> SharedDecoder<T> {
        SharedDecoder { decoder: Arc::clone(&self.decoder), take: self.take }
    }
}

debug_fields!([T: Record] SharedDecoder<T>, "SharedDecoder", decoder, take);
