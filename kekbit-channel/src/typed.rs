//! Channels of one type: the schema is checked once, at open; then values go in and come out.

mod channel;
mod reader;
mod writer;

pub use self::{
    channel::{Channel, InPlace, Views},
    reader::{TypedReader, Values},
    writer::{TypedClaim, TypedWriter},
};

pub(crate) use self::writer::append;
