//! [`Record`]: a field that can stand alone, and so fill a channel.

use crate::{field::Field, schema::Schema};

/// A type of which a channel can be made. Derive it.
pub trait Record: Field {
    /// Names, types, offsets and sizes of all fields.
    const SCHEMA: &'static Schema;
}
