//! What a kekbit record is: its fixed wire layout, its schema, and the word that frames it.
//!
//! ```text
//! write: T --encode--> payload --frame--> Claim --commit--> Region ~~~ file
//! read:  T <--decode-- payload <--frame-- Next  <---next--- Region ~~~ file
//! ```
//!
//! This crate holds the first step of both lines and the pure part of the second. It does no I/O,
//! contains no `unsafe`, and works without the standard library (it needs `alloc`). Users of a
//! channel have all of it through `kekbit_channel`.
//!
//! # Example
//! ```
//! use kekbit_codec::{FixedStr, Record, decode, encode, size, view};
//!
//! #[derive(Debug, PartialEq, Record)]
//! struct Order {
//!     id: u64,
//!     side: Side,
//!     limit: Option<i64>,
//!     venue: FixedStr<4>,
//! }
//!
//! #[derive(Debug, PartialEq, Record)]
//! enum Side {
//!     Buy,
//!     Sell,
//! }
//!
//! let venue = FixedStr::new("XNYS").unwrap();
//! let order = Order { id: 7, side: Side::Sell, limit: Some(-1), venue };
//! let mut payload = [0; size::<Order>()];
//! encode(&order, &mut payload)?;
//! assert_eq!(decode::<Order>(&payload)?, order);
//! assert_eq!(view::<Order>(&payload)?.venue()?, "XNYS");
//!
//! payload[8] = 9;
//! assert_eq!(
//!     decode::<Order>(&payload).unwrap_err().to_string(),
//!     "field `side` at byte 8: found tag 9, expected one of 0 (Buy), 1 (Sell)"
//! );
//! # Ok::<(), kekbit_codec::Invalid>(())
//! ```
//!
//! # The layout
//! A record stays an ordinary Rust type. On the wire its fields lie one behind the other, in the
//! order of the declaration, little-endian, without padding:
//! - integers and floats as they are; `bool` and `char` as `u8` and `u32`; `NonZero` as its
//!   integer;
//! - `Option<T>`: a byte, 0 or 1, then `T`, zeroed if absent;
//! - `[T; N]`: the elements; a nested record: its fields;
//! - enums as told [with the derive](macro@Record);
//! - [`FixedStr<N>`](FixedStr): `N` bytes of UTF-8, padded with zeroes;
//! - [`FixedBytes<N>`](FixedBytes): `N` bytes;
//! - [`Timestamp`]: a `u64` of nanoseconds; `Duration`: a `u64` of seconds and a `u32` of
//!   nanoseconds; IP addresses: their octets; `PhantomData`: nothing.
//!
//! [`Schema::text`] spells out the layout of a type. All values of a type take the same room, and
//! what is not used is zeroed, so equal values are equal bytes.
//!
//! # Without the type
//! [`ParsedSchema`] is what a schema's text says, read at run time; its [`datum`] judges and reads
//! payloads as the type would:
//! ```
//! use kekbit_codec::{ParsedSchema, Value};
//!
//! let schema = ParsedSchema::parse("struct Tick 9\n price 0 8 i64\n up 8 1 bool\n")?;
//! let tick = schema.datum(&[250, 255, 255, 255, 255, 255, 255, 255, 1])?.value()?;
//! assert_eq!(tick.field("price").and_then(Value::as_i128), Some(-6));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! It also tells the schema to [numpy], to [C], and to whatever reads [JSON]. With the feature
//! `serde`, a [`Datum`], a [`Value`] and a [`Row`] can be serialized.
//!
//! [`datum`]: ParsedSchema::datum
//! [numpy]: ParsedSchema::to_numpy
//! [C]: ParsedSchema::to_c_header
//! [JSON]: ParsedSchema::to_json
//!
//! # What it is not
//! There are no types of varying size (`String`, `Vec`), no pointers and no `usize`. The bytes do
//! not tell their type: keep the schema's text beside them, as a channel does in its header.
//! [`Wire`] is made of the traits of `zerocopy` 0.8, which is thus a public dependency.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
extern crate self as kekbit_codec;

// Lowest layer first: a module uses only modules above it in this list.
mod error;
mod message;
mod relate;
mod schema;
mod checks;
mod field;
mod wire;
mod primitive;
mod fixed;
mod time;
pub mod frame;
mod record;
mod show;
mod compound;
mod parsed;
mod raise;
mod dynamic;
mod export;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// # Examples
/// ```
/// use kekbit_codec::{Invalid, Record, decode, encode, size, view};
///
/// #[derive(Debug, PartialEq, Record)]
/// enum Event {
///     Opened { id: u64, price: i64 },
///     Filled(u32),
///     #[record(tag = 9)]
///     Closed,
/// }
///
/// let mut payload = [0; size::<Event>()];
/// encode(&Event::Filled(5), &mut payload)?;
/// assert_eq!(payload, [2, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(decode::<Event>(&payload)?, Event::Filled(5));
/// match view::<Event>(&payload)?? {
///     EventView::Filled(filled) => assert_eq!(filled.field_0(), 5),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), Invalid>(())
/// ```
///
/// A foreign type, laid out as sixteen bytes:
/// ```
/// use kekbit_codec::{Record, decode};
///
/// # mod uuid {
/// #     #[derive(Debug, PartialEq)]
/// #     pub struct Uuid(pub u128);
/// # }
/// use uuid::Uuid;
///
/// #[derive(Record)]
/// struct UuidBytes([u8; 16]);
///
/// impl From<&Uuid> for UuidBytes {
///     fn from(uuid: &Uuid) -> UuidBytes {
///         UuidBytes(uuid.0.to_be_bytes())
///     }
/// }
///
/// impl From<UuidBytes> for Uuid {
///     fn from(bytes: UuidBytes) -> Uuid {
///         Uuid(u128::from_be_bytes(bytes.0))
///     }
/// }
///
/// #[derive(Record)]
/// struct Session {
///     #[record(as = UuidBytes)]
///     id: Uuid,
/// }
///
/// assert_eq!(decode::<Session>(&[0; 16])?.id, Uuid(0));
/// # Ok::<(), kekbit_codec::Invalid>(())
/// ```
pub use kekbit_derive::RecordForCodec as Record;

pub use crate::{
    compound::ArrayView,
    dynamic::{
        ColumnError, Content, Datum, Elements, Fields, Presence, Row, Scalar, Value, Visitor,
    },
    error::Invalid,
    field::{Field, FieldView, View, Wire},
    fixed::{FixedBytes, FixedStr, TextError},
    parsed::{Kind, Node, ParsedSchema, SchemaError, Variant},
    raise::Raise,
    record::{Record, decode, decode_prefix, encode, encode_and_feed, size, view, view_prefix},
    relate::{Difference, Reason, Relation, relate},
    schema::{DEPTH_MAX, FieldDef, Fill, Opaque, Place, Schema, Shape, Type, VariantDef},
    time::Timestamp,
};
