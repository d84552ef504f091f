//! Exactly what generated code names. No part of the public interface: it can change in any
//! version.

pub use core::{
    clone::Clone,
    concat,
    convert::{From, TryFrom},
    default::Default,
    env,
    fmt::{self, Debug, Formatter, Result as FmtResult},
    hash::Hasher,
    include_str,
    marker::Copy,
    mem::size_of,
    option_env,
    prelude::v1::test,
    primitive::{i128, u8, u16, usize},
    result::Result::{self, Err, Ok},
};

use zerocopy::{FromBytes, IntoBytes};

pub use crate::checks::{extends, lock_test, locked, pinned, variants_fit};
pub use crate::raise::{OnceRaise, raised};
pub use crate::schema::unknown_tag;
pub use crate::wire::{Pair, Tag, Tagged, body, body_mut, feed_whole, feed_zeroes, tree, tree_mut};
pub use crate::{
    error::Invalid,
    field::{Field, FieldView, View},
    record::Record,
    schema::{FieldDef, Place, Schema, Type, VariantDef},
};
pub use zerocopy::little_endian::U16;

/// The image of a struct without fields.
pub type Nothing = [u8; 0];

/// Tells an error from the struct in whose field it was found.
#[must_use]
#[cold]
#[inline(never)]
pub fn in_field(invalid: Invalid, schema: &'static Schema, field: usize) -> Invalid {
    Place::field(schema, field).enclose(invalid)
}

/// Tells an error from the enum in whose variant it was found.
#[must_use]
#[cold]
#[inline(never)]
pub fn in_variant(
    invalid: Invalid,
    schema: &'static Schema,
    variant: usize,
    field: usize,
) -> Invalid {
    Place::variant(schema, variant, field).enclose(invalid)
}

/// The largest of some sizes.
#[must_use]
pub const fn largest(sizes: &[usize]) -> usize {
    let mut largest = 0;
    let mut rest = sizes;
    while let [size, tail @ ..] = rest {
        if largest < *size {
            largest = *size;
        }
        rest = tail;
    }
    largest
}

/// The discriminant of a variant without data as its tag.
#[must_use]
#[track_caller]
pub const fn discriminant(discriminant: i128) -> u8 {
    assert!(
        0 <= discriminant && discriminant <= 0xFF,
        "the discriminant of an enum without data must fit one byte; write \
         `#[record(tag_size = 2)]` on the enum and `#[record(tag = ...)]` on the variant instead"
    );
    #[expect(clippy::cast_possible_truncation, reason = "asserted")]
    #[expect(clippy::cast_sign_loss, reason = "asserted")]
    {
        discriminant as u8
    }
}

/// Puts the default of a field.
pub fn fill<T: Field>(value: &T, image: &mut [u8]) {
    if let Ok(wire) = T::Wire::mut_from_bytes(image) {
        value.put(wire);
    }
}

/// Puts the default of a foreign field.
pub fn fill_as<P: ProxyOf<T>, T>(value: &T, image: &mut [u8]) {
    if let Ok(wire) = P::Wire::mut_from_bytes(image) {
        P::put_as(value, wire);
    }
}

/// Shows an image as the record it holds.
///
/// # Errors
/// Those of the formatter.
pub fn show<T: Record>(f: &mut Formatter<'_>, wire: &T::Wire) -> fmt::Result {
    crate::show::record(f, T::SCHEMA, wire.as_bytes())
}

/// A field type that stands for a foreign `T`.
pub trait ProxyOf<T>: Field {
    /// Puts the proxy of a foreign value.
    fn put_as(value: &T, wire: &mut Self::Wire);
    /// Checks the proxy, and that the foreign type takes it.
    ///
    /// # Errors
    /// Either of them.
    fn check_as(wire: &Self::Wire) -> Result<(), Invalid>;
    /// The foreign value of a proxy that was checked.
    ///
    /// # Panics
    /// If the conversion refuses what it took a moment ago. Decoding works on a copy of the image,
    /// so that can only be if the conversion does not depend on the proxy alone.
    fn get_as(wire: &Self::Wire) -> T;
    /// The foreign value in place.
    ///
    /// # Errors
    /// As for `check_as`.
    fn view_as(wire: &Self::Wire) -> Result<T, Invalid>;
}

impl<T, P> ProxyOf<T> for P
where
    P: Field + for<'a> From<&'a T>,
    T: TryFrom<P, Error: fmt::Display>,
{
    #[inline]
    fn put_as(value: &T, wire: &mut P::Wire) {
        P::from(value).put(wire);
    }

    #[inline]
    fn check_as(wire: &P::Wire) -> Result<(), Invalid> {
        match P::view_as(wire) {
            Ok(_) => Ok(()),
            Err(invalid) => Err(invalid),
        }
    }

    #[inline]
    fn get_as(wire: &P::Wire) -> T {
        match T::try_from(P::get(wire)) {
            Ok(value) => value,
            Err(_) => fickle(),
        }
    }

    #[inline]
    fn view_as(wire: &P::Wire) -> Result<T, Invalid> {
        match P::check(wire) {
            Ok(()) => match T::try_from(P::get(wire)) {
                Ok(value) => Ok(value),
                Err(error) => Err(refused(&error)),
            },
            Err(invalid) => Err(invalid),
        }
    }
}

#[cold]
#[inline(never)]
fn fickle() -> ! {
    panic!("a `TryFrom` of `#[record(as = ...)]` refused what it had accepted")
}

#[cold]
#[inline(never)]
fn refused(error: &dyn fmt::Display) -> Invalid {
    Invalid::new(format_args!("what its type refuses ({error})"), "what it accepts")
}
