//! What a kekbit record is: its fixed wire layout, its schema, and the word that frames it.
//!
//! ```text
//! write: T --encode--> payload --frame--> Claim --commit--> Region ~~~ file
//! read:  T <--decode-- payload <--frame-- Next  <---next--- Region ~~~ file
//! ```
//!
//! This crate holds the first step of both lines and the pure part of the second. It does no I/O,
//! contains no `unsafe`, and works without the standard library (it needs `alloc`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
extern crate self as kekbit_codec;

// Lowest layer first: a module uses only modules above it in this list.
mod error;
mod schema;
mod field;
mod wire;
mod primitive;
mod fixed;
mod time;
pub mod frame;
mod record;
mod show;
mod compound;
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
pub use kekbit_derive::RecordForCodec as Record;

pub use crate::{
    compound::ArrayView,
    error::Invalid,
    field::{Field, FieldView, View, Wire},
    fixed::{FixedBytes, FixedStr, TextError},
    record::{Record, decode, encode, size, view},
    schema::{DEPTH_MAX, FieldDef, Opaque, Place, Schema, Shape, Type, VariantDef},
    time::Timestamp,
};
