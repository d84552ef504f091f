//! Channels of one type: the schema is checked once, at open; then values go in and come out.

mod channel;
mod decoder;
mod lens;
mod reader;
mod writer;

pub(crate) use self::writer::append;
pub use self::{
    channel::{Channel, Views},
    decoder::ReadOptions,
    lens::{InPlace, OrRaw, ValueOrRaw, Values},
    reader::TypedReader,
    writer::{TypedClaim, TypedWriter},
};
