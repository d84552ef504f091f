//! [`Record`]: a field that can stand alone, and so fill a channel.

use core::hash::Hasher;

use zerocopy::FromBytes;

use crate::{
    error::Invalid,
    field::{Field, View},
    schema::Schema,
};

/// A type of which a channel can be made. Derive it.
///
/// The derive is documented [with its macro](macro@crate::Record).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a record",
    label = "does not derive `Record`",
    note = "add `#[derive(Record)]` to the type"
)]
pub trait Record: Field {
    /// Names, types, offsets and sizes of all fields.
    const SCHEMA: &'static Schema;
}

/// Bytes of the payload of every `T`.
///
/// # Examples
/// ```
/// #[derive(kekbit_codec::Record)]
/// struct Order {
///     id: u64,
///     limit: Option<i64>,
/// }
/// assert_eq!(kekbit_codec::size::<Order>(), 8 + 1 + 8);
/// ```
#[must_use]
pub const fn size<T: Field>() -> usize {
    const {
        assert!(
            T::TYPE.size() == size_of::<T::Wire>(),
            "`TYPE` of a field has another size than its `Wire`"
        );
    }
    size_of::<T::Wire>()
}

/// Writes `value` over the whole of `payload`.
///
/// Allocates nothing and does not panic.
///
/// # Errors
/// `payload` does not have the [`size`] of a `T`; it is then left as it was.
///
/// # Examples
/// ```
/// let mut payload = [0xEE; 9];
/// kekbit_codec::encode(&Some(7_u64), &mut payload)?;
/// assert_eq!(payload, [1, 7, 0, 0, 0, 0, 0, 0, 0]);
/// # Ok::<(), kekbit_codec::Invalid>(())
/// ```
#[inline]
pub fn encode<T: Field>(value: &T, payload: &mut [u8]) -> Result<(), Invalid> {
    let payload_len = payload.len();
    match T::Wire::mut_from_bytes(payload) {
        Ok(wire) => {
            value.put(wire);
            Ok(())
        }
        Err(_) => Err(Invalid::length(payload_len, size::<T>())),
    }
}

/// Writes the image of a value as [`encode`] does, and feeds it to a hasher, in such pieces that a
/// checksum need not wait for the image to reach the cache.
///
/// All bytes are fed in order, so that a hasher that does not ask how they are cut, as a CRC does
/// not, comes to what it makes of the whole.
///
/// # Errors
/// As [`encode`]; nothing is fed then.
///
/// # Examples
/// ```
/// use std::hash::Hasher;
///
/// #[derive(Default)]
/// struct Pieces(Vec<Vec<u8>>);
///
/// impl Hasher for Pieces {
///     fn write(&mut self, bytes: &[u8]) {
///         self.0.push(bytes.to_vec());
///     }
///     fn finish(&self) -> u64 {
///         0
///     }
/// }
///
/// let (mut payload, mut pieces) = ([0; 5], Pieces::default());
/// kekbit_codec::encode_and_feed(&Some(7_u32), &mut payload, &mut pieces)?;
/// assert_eq!(payload, [1, 7, 0, 0, 0]);
/// assert_eq!(pieces.0, [vec![1], vec![7, 0, 0, 0]]);
/// # Ok::<(), kekbit_codec::Invalid>(())
/// ```
#[inline(always)]
pub fn encode_and_feed<T: Field, H: Hasher>(
    value: &T,
    payload: &mut [u8],
    hasher: &mut H,
) -> Result<(), Invalid> {
    let payload_len = payload.len();
    match T::Wire::mut_from_bytes(payload) {
        Ok(wire) => {
            value.put_and_feed(wire, hasher);
            Ok(())
        }
        Err(_) => Err(Invalid::length(payload_len, size::<T>())),
    }
}

/// The value whose image is `payload`.
///
/// Does not panic on any bytes, nor when another process alters the memory behind `payload` at
/// that moment: reading a field takes any bytes for some value. Where a conversion of the user's
/// could not (`#[record(as = ...)]`), the image is copied first, so that the conversion is given
/// what it was asked about.
///
/// # Errors
/// `payload` does not have the [`size`] of a `T`, or a field holds a value that is none.
///
/// # Examples
/// ```
/// let value: Option<u16> = kekbit_codec::decode(&[1, 7, 0])?;
/// assert_eq!(value, Some(7));
/// let invalid = kekbit_codec::decode::<Option<u16>>(&[2, 7, 0]).unwrap_err();
/// assert_eq!(invalid.found(), "presence 2");
/// # Ok::<(), kekbit_codec::Invalid>(())
/// ```
#[inline(always)]
pub fn decode<T: Field>(payload: &[u8]) -> Result<T, Invalid> {
    match T::Wire::ref_from_bytes(payload) {
        // NB: a copy of every image would cost an event of 50 bytes 4.5 ns instead of 1.4, and with
        // `read_from_bytes`, whose `Result` holds the image at offset 1, more than that.
        Ok(wire) if const { T::TYPE.converts() } => judge(&{ *wire }),
        Ok(wire) => judge(wire),
        Err(_) => Err(Invalid::length(payload.len(), size::<T>())),
    }
}

/// The value whose image is the beginning of `payload`: of a record of a newer schema, what this
/// type knows of it.
///
/// As [`decode`] otherwise. The caller has found by [`relate`](crate::relate) that the payload is
/// such a record.
///
/// # Errors
/// `payload` is shorter than a `T`, or a field holds a value that is none. A variant that this type
/// does not know is told by [`Invalid::is_unknown_variant`].
///
/// # Examples
/// ```
/// let value: u16 = kekbit_codec::decode_prefix(&[7, 0, 99, 99])?;
/// assert_eq!(value, 7);
/// # Ok::<(), kekbit_codec::Invalid>(())
/// ```
#[inline(always)]
pub fn decode_prefix<T: Field>(payload: &[u8]) -> Result<T, Invalid> {
    match T::Wire::ref_from_prefix(payload) {
        Ok((wire, _)) if const { T::TYPE.converts() } => judge(&{ *wire }),
        Ok((wire, _)) => judge(wire),
        Err(_) => Err(Invalid::length(payload.len(), size::<T>())),
    }
}

#[inline(always)]
pub(crate) fn judge<T: Field>(wire: &T::Wire) -> Result<T, Invalid> {
    match T::check(wire) {
        Ok(()) => Ok(T::get(wire)),
        Err(invalid) => Err(invalid),
    }
}

/// The value in place: only what is asked of the view is read, and judged then.
///
/// The error of an accessor names the field from the record whose view was asked: `side` when
/// `order.legs().get(2)` is asked for its side, `flags[2]` when `order.flags().get(2)` is no
/// `bool`.
///
/// # Errors
/// `payload` does not have the [`size`] of a `T`.
///
/// # Examples
/// ```
/// #[derive(kekbit_codec::Record)]
/// struct Order {
///     id: u64,
///     open: bool,
/// }
///
/// let payload = [9, 0, 0, 0, 0, 0, 0, 0, 1];
/// let order = kekbit_codec::view::<Order>(&payload)?;
/// assert_eq!(order.id(), 9);
/// assert!(order.open()?);
/// # Ok::<(), kekbit_codec::Invalid>(())
/// ```
#[inline]
pub fn view<T: Field>(payload: &[u8]) -> Result<View<'_, T>, Invalid> {
    match T::Wire::ref_from_bytes(payload) {
        Ok(wire) => Ok(T::view(wire)),
        Err(_) => Err(Invalid::length(payload.len(), size::<T>())),
    }
}

/// The value in place whose image is the beginning of `payload`; to [`view`] what
/// [`decode_prefix`] is to [`decode`].
///
/// # Errors
/// `payload` is shorter than a `T`.
#[inline(always)]
pub fn view_prefix<T: Field>(payload: &[u8]) -> Result<View<'_, T>, Invalid> {
    match T::Wire::ref_from_prefix(payload) {
        Ok((wire, _)) => Ok(T::view(wire)),
        Err(_) => Err(Invalid::length(payload.len(), size::<T>())),
    }
}
