//! Channels of one type: the schema is checked once, at open; then values go in and come out.

mod channel;
mod lens;
mod reader;
mod writer;

pub(crate) use self::writer::append;
pub use self::{
    channel::{Channel, Views},
    lens::{InPlace, Values},
    reader::TypedReader,
    writer::{TypedClaim, TypedWriter},
};
