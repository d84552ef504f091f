//! Shows bytes by their type, for the `Debug` of views.

use core::fmt;

use crate::schema::{Schema, Type};

pub(crate) fn value(f: &mut fmt::Formatter<'_>, ty: &Type, bytes: &[u8]) -> fmt::Result {
    write!(f, "{ty:?} {bytes:?}")
}

pub(crate) fn record(f: &mut fmt::Formatter<'_>, schema: &Schema, bytes: &[u8]) -> fmt::Result {
    write!(f, "{} {bytes:?}", schema.name())
}
