//! [`Field`]: how one value maps to its wire image and back.

use core::hash::Hasher;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{
    error::Invalid,
    schema::{Place, Type},
};

/// A wire image: plain bytes with alignment 1, in which every bit pattern is valid.
///
/// Implemented for every type that qualifies; there is nothing to write. The bounds are traits of
/// `zerocopy` 0.8. Images of your own can be integers of `zerocopy::little_endian`, `u8`, arrays of
/// these, the `Wire` of another field type, or a struct that derives the five traits.
pub trait Wire:
    FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + 'static
{
}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + 'static> Wire for T {}

/// A type with a fixed wire layout, which can therefore be a field of a record.
///
/// Implemented for the numbers, `bool`, `char`, `NonZero`, arrays, `Option`, `PhantomData`,
/// `Duration`, the IP addresses, [`FixedStr`](crate::FixedStr), [`FixedBytes`](crate::FixedBytes),
/// [`Timestamp`](crate::Timestamp), and for whatever derives [`Record`](crate::Record). Implement
/// it for a type of your own whose values are not simply those of its fields; for a foreign type
/// use `#[record(as = ...)]`.
///
/// # Contract
/// The trait is safe, so a wrong implementation cannot cause undefined behaviour; it can only
/// give wrong values, or, where `put_and_feed` is wrong, records that readers take for damaged and
/// recovery cuts off. Leave `put_and_feed` and `put_all` as they are unless a measurement says
/// otherwise.
/// 1. `put` writes every byte of the image, and the same bytes for the same value.
/// 2. `check` accepts whatever `put` wrote, and `get` then gives back that value.
/// 3. `get` and `view` do not panic on any bytes: memory shared with another process can change
///    after it was checked. On bytes that `check` would refuse, `get` gives any value.
/// 4. `put_and_feed` writes what `put` does, every byte of it, and feeds the very same bytes,
///    however they are cut; `put_all` puts what `put` does for each.
/// 5. `TYPE` has the size of `Wire`, and two types with the same `TYPE` have the same image.
///
/// # Examples
/// A percentage, which is one byte up to 100:
/// ```
/// use kekbit_codec::{Field, Invalid, Record, Type, decode, encode};
///
/// #[derive(Debug, Clone, Copy, PartialEq)]
/// struct Percent(u8);
///
/// impl Field for Percent {
///     type Wire = u8;
///     type View<'a> = Result<Percent, Invalid>;
///     const TYPE: Type = Type::opaque("percent", 1);
///
///     fn put(&self, wire: &mut u8) {
///         *wire = self.0;
///     }
///     fn check(wire: &u8) -> Result<(), Invalid> {
///         if *wire <= 100 { Ok(()) } else { Err(Invalid::new(wire, "a percentage")) }
///     }
///     fn get(wire: &u8) -> Percent {
///         Percent((*wire).min(100))
///     }
///     fn view(wire: &u8) -> Result<Percent, Invalid> {
///         Self::check(wire).map(|()| Self::get(wire))
///     }
/// }
///
/// #[derive(Record)]
/// struct Battery {
///     cell: u32,
///     charge: Percent,
/// }
///
/// let mut payload = [0; 5];
/// encode(&Battery { cell: 3, charge: Percent(80) }, &mut payload)?;
/// assert_eq!(payload, [3, 0, 0, 0, 80]);
///
/// payload[4] = 101;
/// let invalid = decode::<Battery>(&payload).err().unwrap();
/// assert_eq!(invalid.to_string(), "field `charge` at byte 4: found 101, expected a percentage");
/// # Ok::<(), Invalid>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no fixed wire layout, so it cannot be a field of a record",
    label = "not a field of a record",
    note = "for text write `FixedStr<N>`, for bytes `FixedBytes<N>` or `[u8; N]`, for a list \
            `[T; N]`, for `usize` and `isize` `u64` and `i64`",
    note = "for a struct or an enum of your own add `#[derive(Record)]`, for a foreign type \
            `#[record(as = ...)]`"
)]
pub trait Field: Sized + 'static {
    /// The image of a value on the wire: packed, little-endian.
    type Wire: Wire;
    /// What an accessor of a view gives for this field: the value if every image is one, the view
    /// of a record, otherwise a `Result` with [`Invalid`].
    type View<'a>: FieldView;
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

    /// Puts the elements of an array, as many as there are in both.
    ///
    /// What has the same bytes in memory is better copied than looped over: then the compiler sees
    /// through it.
    #[inline(always)]
    fn put_all(values: &[Self], wires: &mut [Self::Wire]) {
        put_one_by_one(values, wires);
    }

    /// Writes the value as [`put`](Self::put) does, and feeds every byte of the image to a hasher,
    /// in order.
    ///
    /// What is read again from the image should be cut as it was written: those pieces the CPU
    /// hands on, where a load that takes in two stores waits until both have left the store buffer,
    /// and with it all that comes behind. The one piece that an image is here suits all types but
    /// those that consist of others, and those are derived.
    #[inline(always)]
    fn put_and_feed<H: Hasher>(&self, wire: &mut Self::Wire, hasher: &mut H) {
        self.put(wire);
        hasher.write(wire.as_bytes());
    }
}

/// How elements are put unless there is a quicker way.
#[inline(always)]
pub(crate) fn put_one_by_one<T: Field>(values: &[T], wires: &mut [T::Wire]) {
    for (value, wire) in values.iter().zip(wires) {
        value.put(wire);
    }
}

/// The view of a `T`: a number for a number, an `OrderView<'a>` for an `Order`, a `Result` for
/// what may be invalid.
pub type View<'a, T> = <T as Field>::View<'a>;

/// What [`Field::View`] can be.
///
/// Implemented for every view of this crate, for the views of derived records and for every
/// `Result<T, Invalid>`. Only a type of your own that is its own view needs an implementation:
///
/// # Examples
/// ```
/// use kekbit_codec::{FieldView, Invalid};
///
/// struct Price(i64);
///
/// impl FieldView for Price {
///     type Value = Price;
///
///     fn value(self) -> Result<Price, Invalid> {
///         Ok(self)
///     }
/// }
///
/// assert_eq!(Price(7).value()?.0, 7);
/// # Ok::<(), Invalid>(())
/// ```
pub trait FieldView: Sized {
    /// What is left of the view once its error is dealt with.
    type Value;
    /// The value or the error.
    ///
    /// # Errors
    /// That of the view, if it is one.
    fn value(self) -> Result<Self::Value, Invalid>;
    /// The same view, its error told from the record in which the field lies.
    #[must_use]
    fn within(self, place: Place) -> Self {
        let _ = place;
        self
    }
}

impl<T> FieldView for Result<T, Invalid> {
    type Value = T;

    #[inline]
    fn value(self) -> Result<T, Invalid> {
        self
    }

    #[inline]
    fn within(self, place: Place) -> Self {
        match self {
            Ok(value) => Ok(value),
            Err(invalid) => Err(place.enclose(invalid)),
        }
    }
}

/// Views that are values.
macro_rules! plain_view {
    ($type:ty $(; $($generics:tt)*)?) => {
        impl$(<$($generics)*>)? $crate::field::FieldView for $type {
            type Value = Self;

            #[inline]
            fn value(self) -> ::core::result::Result<Self, $crate::error::Invalid> {
                Ok(self)
            }
        }
    };
}
pub(crate) use plain_view;
