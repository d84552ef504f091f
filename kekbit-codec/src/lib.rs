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

mod error;
mod field;
pub mod frame;
mod primitive;
mod record;
mod schema;

pub use crate::{
    error::Invalid,
    field::{Field, View, Wire},
    record::Record,
    schema::{FieldDef, Schema, Type},
};
