//! [`Value`]: a whole datum as a tree that can be kept and compared.

use alloc::{boxed::Box, vec::Vec};
use core::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use super::{Content, Datum, Fields, trail::Trail};
use crate::{error::Invalid, time::Timestamp};

/// A single value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Scalar<'a> {
    /// `u8`, or a `NonZero` of it, and so on.
    U8(u8),
    /// `u16`.
    U16(u16),
    /// `u32`.
    U32(u32),
    /// `u64`.
    U64(u64),
    /// `u128`.
    U128(u128),
    /// `i8`.
    I8(i8),
    /// `i16`.
    I16(i16),
    /// `i32`.
    I32(i32),
    /// `i64`.
    I64(i64),
    /// `i128`.
    I128(i128),
    /// `f32`.
    F32(f32),
    /// `f64`.
    F64(f64),
    /// `bool`.
    Bool(bool),
    /// `char`.
    Char(char),
    /// Nothing.
    Unit,
    /// Text without its padding.
    Str(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A moment.
    Timestamp(Timestamp),
    /// A span of time.
    Duration(Duration),
    /// An address.
    Ipv4(Ipv4Addr),
    /// An address.
    Ipv6(Ipv6Addr),
    /// Bytes whose meaning the schema only names.
    Opaque {
        /// The name.
        name: &'a str,
        /// The bytes.
        bytes: &'a [u8],
    },
}

/// What a [`Datum`] holds, all of it. Names and texts are those of the schema and the payload.
///
/// # Examples
/// ```
/// use kekbit_codec::{ParsedSchema, Value};
///
/// let text = "struct Order 13\n id 0 4 u32\n limit 4 9 option\n  - 1 8 f64\n";
/// let schema = ParsedSchema::parse(text)?;
/// let order = schema.datum(&[7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F])?.value()?;
/// assert_eq!(order.field("id").and_then(Value::as_u128), Some(7));
/// assert_eq!(order.field("limit").and_then(Value::as_f64), Some(1.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A single value.
    Scalar(Scalar<'a>),
    /// The elements of an array.
    Array(Vec<Value<'a>>),
    /// The value of an option, if it is there.
    Option(Option<Box<Value<'a>>>),
    /// A struct.
    Struct {
        /// The name of the record.
        name: &'a str,
        /// The fields with their names.
        fields: Vec<(&'a str, Value<'a>)>,
    },
    /// The variant of an enum that is there.
    Variant {
        /// The name of the record.
        name: &'a str,
        /// The name of the variant.
        variant: &'a str,
        /// Its tag.
        tag: u16,
        /// Its fields with their names.
        fields: Vec<(&'a str, Value<'a>)>,
    },
}

impl<'a> Datum<'a> {
    /// All that is there, as a [`Value`] in memory for each value in the record. To look at a large
    /// record without keeping it, [`visit`](Self::visit) it.
    ///
    /// # Errors
    /// The first part whose bytes are no value.
    pub fn value(&self) -> Result<Value<'a>, Invalid> {
        value(*self, &Trail::START)
    }
}

fn value<'a>(datum: Datum<'a>, trail: &Trail<'_>) -> Result<Value<'a>, Invalid> {
    Ok(match datum.content().map_err(|invalid| trail.enclose(invalid))? {
        Content::Scalar(scalar) => Value::Scalar(scalar),
        Content::Array(elements) => {
            let mut values = Vec::with_capacity(elements.len());
            for (index, element) in elements.enumerate() {
                values.push(value(element, &trail.element(index, element.bytes().len()))?);
            }
            Value::Array(values)
        }
        Content::Option(None) => Value::Option(None),
        Content::Option(Some(inner)) => {
            Value::Option(Some(Box::new(value(inner, &trail.value())?)))
        }
        Content::Struct { name, fields } => Value::Struct { name, fields: all(fields, trail)? },
        Content::Variant { name, variant, tag, fields } => {
            let trail = trail.within(variant, datum.node().tag_size());
            Value::Variant { name, variant, tag, fields: all(fields, &trail)? }
        }
    })
}

fn all<'a>(fields: Fields<'a>, trail: &Trail<'_>) -> Result<Vec<(&'a str, Value<'a>)>, Invalid> {
    let mut values = Vec::with_capacity(fields.len());
    for (name, field) in fields {
        values.push((name, value(field, &trail.within(name, field.node().offset()))?));
    }
    Ok(values)
}

impl<'a> Scalar<'a> {
    /// An integer that is not negative; of a time stamp, its nanoseconds.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::{Scalar, Timestamp};
    ///
    /// assert_eq!(Scalar::I8(7).as_u128(), Some(7));
    /// assert_eq!(Scalar::I8(-7).as_u128(), None);
    /// assert_eq!(Scalar::Timestamp(Timestamp::from_nanos(9)).as_u128(), Some(9));
    /// ```
    #[must_use]
    pub fn as_u128(&self) -> Option<u128> {
        match *self {
            Scalar::U128(number) => Some(number),
            _ => self.as_i128().and_then(|number| number.try_into().ok()),
        }
    }

    /// An integer below 2^127; of a time stamp, its nanoseconds.
    #[must_use]
    pub fn as_i128(&self) -> Option<i128> {
        Some(match *self {
            Scalar::U8(number) => number.into(),
            Scalar::U16(number) => number.into(),
            Scalar::U32(number) => number.into(),
            Scalar::U64(number) => number.into(),
            Scalar::U128(number) => return number.try_into().ok(),
            Scalar::I8(number) => number.into(),
            Scalar::I16(number) => number.into(),
            Scalar::I32(number) => number.into(),
            Scalar::I64(number) => number.into(),
            Scalar::I128(number) => number,
            Scalar::Timestamp(moment) => moment.as_nanos().into(),
            _ => return None,
        })
    }

    /// A float.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Scalar::F32(number) => Some(number.into()),
            Scalar::F64(number) => Some(number),
            _ => None,
        }
    }

    /// A `bool`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Scalar::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// A text.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            Scalar::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Bytes, opaque ones included.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Scalar::Bytes(bytes) | Scalar::Opaque { bytes, .. } => Some(bytes),
            _ => None,
        }
    }
}

impl<'a> Value<'a> {
    /// A single value; that of an option, if it is there.
    #[must_use]
    pub fn as_scalar(&self) -> Option<Scalar<'a>> {
        match self {
            Value::Scalar(scalar) => Some(*scalar),
            Value::Option(Some(value)) => value.as_scalar(),
            _ => None,
        }
    }

    /// As [`Scalar::as_u128`].
    #[must_use]
    pub fn as_u128(&self) -> Option<u128> {
        self.as_scalar()?.as_u128()
    }

    /// As [`Scalar::as_i128`].
    #[must_use]
    pub fn as_i128(&self) -> Option<i128> {
        self.as_scalar()?.as_i128()
    }

    /// As [`Scalar::as_f64`].
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.as_scalar()?.as_f64()
    }

    /// As [`Scalar::as_bool`].
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        self.as_scalar()?.as_bool()
    }

    /// As [`Scalar::as_str`]; of an enum, the name of the variant.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Value::Variant { variant, .. } => Some(variant),
            _ => self.as_scalar()?.as_str(),
        }
    }

    /// As [`Scalar::as_bytes`].
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        self.as_scalar()?.as_bytes()
    }

    /// The field of that name of a struct or a variant; that in an option, if it is there.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Struct { fields, .. } | Value::Variant { fields, .. } => {
                fields.iter().find(|field| field.0 == name).map(|(_, value)| value)
            }
            Value::Option(Some(value)) => value.field(name),
            _ => None,
        }
    }

    /// The element at `index` of an array.
    #[must_use]
    pub fn element(&self, index: usize) -> Option<&Value<'a>> {
        match self {
            Value::Array(elements) => elements.get(index),
            _ => None,
        }
    }
}
