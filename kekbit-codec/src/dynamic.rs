//! [`Datum`]: a payload read by a parsed schema, without its Rust type.
//!
//! The bytes are judged exactly as the types judge them, by the very same code where there is a
//! type, and errors have the same words.

mod row;
#[cfg(feature = "serde")]
mod serial;
mod trail;
mod value;
mod visit;

use core::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    slice,
    time::Duration,
};

pub use row::{ColumnError, Row};
pub use value::{Scalar, Value};
pub use visit::{Presence, Visitor};

use crate::{
    compound::{ABSENT, PRESENT, unknown_presence},
    error::Invalid,
    field::Field,
    fixed,
    parsed::{Kind, Node, ParsedSchema, Variant},
    record::decode,
    schema::unknown_tag_of,
    time::Timestamp,
};

/// A part of a payload and what the schema says of it.
///
/// Nothing is read before it is asked for: [`content`](Self::content) reads this part alone,
/// [`value`](Self::value) all of it, [`visit`](Self::visit) all of it without keeping any.
///
/// An error names the place from the datum that was asked: from the record for that of
/// [`ParsedSchema::datum`], and is then what [`decode`] says of the same bytes. What only a type
/// knows is not judged here: the meaning of `opaque` bytes and the conversions of
/// `#[record(as = ...)]`.
///
/// # Examples
/// ```
/// use kekbit_codec::{Content, ParsedSchema, Scalar};
///
/// let schema = ParsedSchema::parse("struct Light 5\n id 0 4 u32\n on 4 1 bool\n")?;
/// let light = schema.datum(&[7, 0, 0, 0, 2])?;
/// let Content::Struct { mut fields, .. } = light.content()? else { panic!("not a struct") };
///
/// let (name, id) = fields.next().unwrap();
/// assert_eq!(name, "id");
/// assert!(matches!(id.content()?, Content::Scalar(Scalar::U32(7))));
///
/// let invalid = light.value().unwrap_err();
/// assert_eq!(invalid.to_string(), "field `on` at byte 4: found 2, expected 0 or 1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Datum<'a> {
    node: &'a Node,
    /// As many as the node's size.
    bytes: &'a [u8],
}

/// What a [`Datum`] is, and the parts of it that can be asked next.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Content<'a> {
    /// A single value.
    Scalar(Scalar<'a>),
    /// The elements of an array.
    Array(Elements<'a>),
    /// The value of an option, if it is there.
    Option(Option<Datum<'a>>),
    /// The fields of a struct.
    Struct {
        /// The name of the record.
        name: &'a str,
        /// Its fields.
        fields: Fields<'a>,
    },
    /// The variant of an enum that is there.
    Variant {
        /// The name of the record.
        name: &'a str,
        /// The name of the variant.
        variant: &'a str,
        /// Its tag.
        tag: u16,
        /// Its fields.
        fields: Fields<'a>,
    },
}

/// The elements of an array, in order.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    element: &'a Node,
    bytes: &'a [u8],
    /// The next one.
    index: usize,
    count: usize,
}

/// The fields of a struct or a variant with their names, in order.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    nodes: slice::Iter<'a, Node>,
    /// Of the whole struct, or body.
    bytes: &'a [u8],
}

impl ParsedSchema {
    /// The record whose image is `payload`. Reads nothing yet.
    ///
    /// # Errors
    /// `payload` has not the [`size`](Self::size) of the record.
    ///
    /// # Examples
    /// ```
    /// let schema = kekbit_codec::ParsedSchema::parse("struct Tick 2\n price 0 2 u16\n")?;
    /// let value = schema.datum(&[5, 1])?.value()?;
    /// assert_eq!(value.field("price").and_then(|price| price.as_u128()), Some(261));
    /// assert!(schema.datum(&[5]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn datum<'a>(&'a self, payload: &'a [u8]) -> Result<Datum<'a>, Invalid> {
        if payload.len() == self.size() {
            Ok(Datum { node: self.root(), bytes: payload })
        } else {
            Err(Invalid::length(payload.len(), self.size()))
        }
    }
}

impl<'a> Datum<'a> {
    /// What the schema says of it.
    #[must_use]
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Its image.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Reads this part, but not those inside.
    ///
    /// # Errors
    /// The bytes are no value of the node's type.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::{Content, ParsedSchema};
    ///
    /// let schema = ParsedSchema::parse("enum Side 1 1\n Buy 1 0\n Sell 2 0\n")?;
    /// let side = schema.datum(&[2])?;
    /// let Content::Variant { variant, tag, .. } = side.content()? else { panic!("not an enum") };
    /// assert_eq!((variant, tag), ("Sell", 2));
    /// assert_eq!(schema.datum(&[3])?.content().unwrap_err().found(), "tag 3");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn content(&self) -> Result<Content<'a>, Invalid> {
        let bytes = self.bytes;
        Ok(match self.node.kind() {
            Kind::Array { count, element } => {
                Content::Array(Elements { element, bytes, index: 0, count: *count })
            }
            Kind::Option(value) => Content::Option(match bytes {
                [ABSENT, ..] => None,
                [PRESENT, bytes @ ..] => Some(Datum { node: value, bytes }),
                [presence, ..] => return Err(unknown_presence(*presence)),
                [] => return Err(Invalid::length(0, self.node.size())),
            }),
            Kind::Struct { name, fields } => {
                Content::Struct { name, fields: Fields { nodes: fields.iter(), bytes } }
            }
            Kind::Enum { name, tag_size, variants } => {
                let (variant, bytes) = variant(variants, *tag_size, bytes)?;
                Content::Variant {
                    name,
                    variant: variant.name(),
                    tag: variant.tag(),
                    fields: Fields { nodes: variant.fields().iter(), bytes },
                }
            }
            kind => Content::Scalar(scalar(kind, bytes)?),
        })
    }
}

/// The variant that is there, and its body.
fn variant<'a>(
    variants: &'a [Variant],
    tag_size: usize,
    bytes: &'a [u8],
) -> Result<(&'a Variant, &'a [u8]), Invalid> {
    let (tag, body) = bytes.split_at_checked(tag_size).unwrap_or((bytes, &[]));
    let tag = match *tag {
        [tag] => u16::from(tag),
        [low, high] => u16::from_le_bytes([low, high]),
        _ => return Err(Invalid::length(bytes.len(), tag_size)),
    };
    match variants.iter().find(|variant| variant.tag() == tag) {
        Some(variant) => Ok((variant, body)),
        None => Err(unknown_tag_of(tag, variants.iter().map(|v| (v.tag(), v.name())))),
    }
}

fn scalar<'a>(kind: &'a Kind, bytes: &'a [u8]) -> Result<Scalar<'a>, Invalid> {
    Ok(match kind {
        Kind::U8 => Scalar::U8(decode(bytes)?),
        Kind::U16 => Scalar::U16(decode(bytes)?),
        Kind::U32 => Scalar::U32(decode(bytes)?),
        Kind::U64 => Scalar::U64(decode(bytes)?),
        Kind::U128 => Scalar::U128(decode(bytes)?),
        Kind::I8 => Scalar::I8(decode(bytes)?),
        Kind::I16 => Scalar::I16(decode(bytes)?),
        Kind::I32 => Scalar::I32(decode(bytes)?),
        Kind::I64 => Scalar::I64(decode(bytes)?),
        Kind::I128 => Scalar::I128(decode(bytes)?),
        Kind::F32 => Scalar::F32(decode(bytes)?),
        Kind::F64 => Scalar::F64(decode(bytes)?),
        Kind::Bool => Scalar::Bool(decode(bytes)?),
        Kind::Char => Scalar::Char(decode(bytes)?),
        Kind::NonZero(integer) => {
            nonzero(integer, bytes)?;
            return scalar(integer, bytes);
        }
        Kind::Unit => Scalar::Unit,
        Kind::Str => Scalar::Str(fixed::text(bytes)?),
        Kind::Bytes => Scalar::Bytes(bytes),
        Kind::Timestamp => Scalar::Timestamp(decode::<Timestamp>(bytes)?),
        Kind::Duration => Scalar::Duration(decode::<Duration>(bytes)?),
        Kind::Ipv4 => Scalar::Ipv4(decode::<Ipv4Addr>(bytes)?),
        Kind::Ipv6 => Scalar::Ipv6(decode::<Ipv6Addr>(bytes)?),
        Kind::Opaque(name) => Scalar::Opaque { name, bytes },
        // `content` takes these apart.
        Kind::Array { .. } | Kind::Option(_) | Kind::Struct { .. } | Kind::Enum { .. } => {
            Scalar::Bytes(bytes)
        }
    })
}

fn nonzero(integer: &Kind, bytes: &[u8]) -> Result<(), Invalid> {
    fn judge<T: Field>(bytes: &[u8]) -> Result<(), Invalid> {
        decode::<T>(bytes).map(drop)
    }
    match integer {
        Kind::U8 => judge::<NonZero<u8>>(bytes),
        Kind::U16 => judge::<NonZero<u16>>(bytes),
        Kind::U32 => judge::<NonZero<u32>>(bytes),
        Kind::U64 => judge::<NonZero<u64>>(bytes),
        Kind::U128 => judge::<NonZero<u128>>(bytes),
        Kind::I8 => judge::<NonZero<i8>>(bytes),
        Kind::I16 => judge::<NonZero<i16>>(bytes),
        Kind::I32 => judge::<NonZero<i32>>(bytes),
        Kind::I64 => judge::<NonZero<i64>>(bytes),
        Kind::I128 => judge::<NonZero<i128>>(bytes),
        // A parsed schema has none of these.
        _ => Ok(()),
    }
}

impl fmt::Debug for Datum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // NB: not the node, which would show the whole schema once for every datum.
        let mut datum = f.debug_struct("Datum");
        datum.field("name", &self.node.name()).field("bytes", &self.bytes).finish()
    }
}

impl<'a> Elements<'a> {
    /// The element at `index`, counted from the next one.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Datum<'a>> {
        let index = self.index.checked_add(index)?;
        if self.count <= index {
            return None;
        }
        let start = index.checked_mul(self.element.size())?;
        let bytes = self.bytes.get(start..start.checked_add(self.element.size())?)?;
        Some(Datum { node: self.element, bytes })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Datum<'a>;

    fn next(&mut self) -> Option<Datum<'a>> {
        let element = self.get(0)?;
        self.index += 1;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count - self.index;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Elements<'_> {}

impl Fields<'_> {
    /// Whether they are those of a tuple: there are some, and they are named `0`, `1` and so on.
    #[must_use]
    pub fn is_tuple(&self) -> bool {
        are_numbers(self.nodes.as_slice().iter().map(Node::name))
    }
}

/// Whether these are the names of the fields of a tuple.
fn are_numbers<'a>(mut names: impl ExactSizeIterator<Item = &'a str>) -> bool {
    let is_number = |(index, name): (usize, &str)| {
        let mut left = index;
        let digits = name.bytes().rev().all(|digit| {
            let expected = left % 10;
            left /= 10;
            usize::from(digit) == expected + usize::from(b'0')
        });
        digits && left == 0 && (name == "0" || !name.starts_with('0'))
    };
    names.len() != 0 && (&mut names).enumerate().all(is_number)
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Datum<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.nodes.next()?;
        let end = node.offset().checked_add(node.size())?;
        let bytes = self.bytes.get(node.offset()..end)?;
        Some((node.name(), Datum { node, bytes }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.nodes.size_hint()
    }
}

impl ExactSizeIterator for Fields<'_> {}
