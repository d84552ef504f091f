//! [`Field`]: how one value maps to its wire image and back.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{error::Invalid, schema::Type};

/// A wire image: plain bytes with alignment 1, in which every bit pattern is valid.
///
/// Implemented for every type that qualifies; there is nothing to write.
pub trait Wire: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + 'static {}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + 'static> Wire for T {}

/// A type with a fixed wire layout, which can therefore be a field of a record.
pub trait Field: Sized + 'static {
    /// The image of a value on the wire: packed, little-endian.
    type Wire: Wire;
    /// What an accessor of a view gives for this field.
    type View<'a>;
    /// The node of the schema.
    const TYPE: Type;
    /// Writes the value, and every byte of `wire`: the slot may hold stale bytes.
    fn put(&self, wire: &mut Self::Wire);
    /// Judges an image.
    ///
    /// # Errors
    /// Says which field holds a value that is none, where, and what was found.
    fn check(wire: &Self::Wire) -> Result<(), Invalid>;
    /// The value of an image that passed [`check`](Self::check).
    fn get(wire: &Self::Wire) -> Self;
    /// The field in place.
    fn view(wire: &Self::Wire) -> Self::View<'_>;
}

/// The view of a `T`.
pub type View<'a, T> = <T as Field>::View<'a>;
