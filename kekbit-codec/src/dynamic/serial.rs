//! `Serialize` for what is read without a type, in the shapes that serde's derive gives to the
//! types themselves.

use core::fmt;

use serde::ser::{
    Error as _, Serialize, SerializeMap as _, SerializeSeq as _, SerializeTuple as _, Serializer,
};

use super::{Content, Datum, Fields, Row, Scalar, Value, are_numbers, row::Stop, trail::Trail};

/// Streams: nothing is kept, and parts are read as they are written. What is no value is an error
/// with the text of its [`Invalid`](crate::Invalid).
impl Serialize for Datum<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Traced { datum: *self, trail: Trail::START }.serialize(serializer)
    }
}

/// A datum and the way to it, which its errors need.
struct Traced<'p> {
    datum: Datum<'p>,
    trail: Trail<'p>,
}

impl Serialize for Traced<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Traced { datum, trail } = self;
        let content = datum.content().map_err(|error| S::Error::custom(trail.enclose(error)))?;
        match content {
            Content::Scalar(scalar) => scalar.serialize(serializer),
            Content::Array(elements) => {
                let mut array = serializer.serialize_tuple(elements.len())?;
                for (index, datum) in elements.enumerate() {
                    let trail = trail.element(index, datum.bytes().len());
                    array.serialize_element(&Traced { datum, trail })?;
                }
                array.end()
            }
            Content::Option(None) => serializer.serialize_none(),
            Content::Option(Some(datum)) => {
                serializer.serialize_some(&Traced { datum, trail: trail.value() })
            }
            Content::Struct { fields, .. } => {
                let is_tuple = fields.is_tuple();
                Members { fields: traced(fields, trail), is_tuple }.serialize(serializer)
            }
            Content::Variant { variant, fields, .. } => {
                let trail = trail.within(variant, datum.node().tag_size());
                let is_tuple = fields.is_tuple();
                let members = Members { fields: traced(fields, &trail), is_tuple };
                self::variant(serializer, variant, &members)
            }
        }
    }
}

fn traced<'p>(
    fields: Fields<'p>,
    trail: &'p Trail<'p>,
) -> impl ExactSizeIterator<Item = (&'p str, Traced<'p>)> + Clone {
    fields.map(|(name, datum)| {
        (name, Traced { datum, trail: trail.within(name, datum.node().offset()) })
    })
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = |fields| {
            let is_tuple = are_numbers(<[_]>::iter(fields).map(|(name, _)| *name));
            let fields =
                <[_]>::iter(fields).map(|(name, value): &(&str, Value<'_>)| (*name, value));
            Members { fields, is_tuple }
        };
        match self {
            Value::Scalar(scalar) => scalar.serialize(serializer),
            Value::Array(elements) => {
                let mut array = serializer.serialize_tuple(elements.len())?;
                elements.iter().try_for_each(|element| array.serialize_element(element))?;
                array.end()
            }
            Value::Option(None) => serializer.serialize_none(),
            Value::Option(Some(value)) => serializer.serialize_some(value),
            Value::Struct { fields, .. } => members(fields).serialize(serializer),
            Value::Variant { variant, fields, .. } => {
                self::variant(serializer, variant, &members(fields))
            }
        }
    }
}

/// The fields of a struct or a variant.
struct Members<I> {
    fields: I,
    is_tuple: bool,
}

impl<'n, T, I> Serialize for Members<I>
where
    T: Serialize,
    I: ExactSizeIterator<Item = (&'n str, T)> + Clone,
{
    // NB: a map and not a struct, because serde wants the names of a struct to be `'static`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = self.fields.clone();
        match fields.len() {
            0 => serializer.serialize_unit(),
            1 if self.is_tuple => match fields.next() {
                Some((_, only)) => only.serialize(serializer),
                None => serializer.serialize_unit(),
            },
            count if self.is_tuple => {
                let mut tuple = serializer.serialize_tuple(count)?;
                fields.try_for_each(|(_, field)| tuple.serialize_element(&field))?;
                tuple.end()
            }
            count => {
                let mut map = serializer.serialize_map(Some(count))?;
                fields.try_for_each(|(name, field)| map.serialize_entry(name, &field))?;
                map.end()
            }
        }
    }
}

fn variant<'n, S, T, I>(serializer: S, name: &str, members: &Members<I>) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: Serialize,
    I: ExactSizeIterator<Item = (&'n str, T)> + Clone,
{
    if members.fields.len() == 0 {
        return serializer.serialize_str(name);
    }
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, members)?;
    map.end()
}

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Scalar::U8(number) => serializer.serialize_u8(number),
            Scalar::U16(number) => serializer.serialize_u16(number),
            Scalar::U32(number) => serializer.serialize_u32(number),
            Scalar::U64(number) => serializer.serialize_u64(number),
            Scalar::U128(number) => serializer.serialize_u128(number),
            Scalar::I8(number) => serializer.serialize_i8(number),
            Scalar::I16(number) => serializer.serialize_i16(number),
            Scalar::I32(number) => serializer.serialize_i32(number),
            Scalar::I64(number) => serializer.serialize_i64(number),
            Scalar::I128(number) => serializer.serialize_i128(number),
            Scalar::F32(number) => serializer.serialize_f32(number),
            Scalar::F64(number) => serializer.serialize_f64(number),
            Scalar::Bool(flag) => serializer.serialize_bool(flag),
            Scalar::Char(letter) => serializer.serialize_char(letter),
            Scalar::Unit => serializer.serialize_unit(),
            Scalar::Str(text) => serializer.serialize_str(text),
            Scalar::Bytes(bytes) | Scalar::Opaque { bytes, .. } => {
                if serializer.is_human_readable() {
                    serializer.collect_str(&Hexadecimal(bytes))
                } else {
                    serializer.serialize_bytes(bytes)
                }
            }
            Scalar::Timestamp(moment) => serializer.serialize_u64(moment.as_nanos()),
            Scalar::Duration(span) => span.serialize(serializer),
            Scalar::Ipv4(address) => address.serialize(serializer),
            Scalar::Ipv6(address) => address.serialize(serializer),
        }
    }
}

struct Hexadecimal<'a>(&'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One flat sequence of cells; what is not there is `None`, which CSV leaves empty.
impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut cells = serializer.serialize_seq(Some(self.len()))?;
        match self.each(|cell| cells.serialize_element(&cell)) {
            Ok(()) => cells.end(),
            Err(Stop::Invalid(invalid)) => Err(S::Error::custom(invalid)),
            Err(Stop::Taker(error)) => Err(error),
        }
    }
}
