//! How records of a type are looked at: as [`Values`], [`InPlace`], or as values [`OrRaw`] bytes.

use std::marker::PhantomData;

use kekbit_codec::{Invalid, Record, View, decode_prefix, view_prefix};

use super::decoder::Decoder;
use crate::{
    debug::debug_fields,
    iter::{Lens, sealed},
};

/// Values of type `T`, decoded.
pub struct Values<'r, T: Record> {
    decoder: &'r Decoder<T>,
    /// Whether payloads are decoded as they are, and none is passed over. A copy of what the
    /// decoder says, which the compiler sees not to change in a loop.
    plain: bool,
}

impl<'r, T: Record> Values<'r, T> {
    pub(crate) fn new(decoder: &'r Decoder<T>) -> Values<'r, T> {
        let plain = decoder.is_direct() && !decoder.skips_unknown();
        Values { decoder, plain }
    }
}

impl<T: Record> sealed::Lens for Values<'_, T> {
    fn is_unknown(&self, payload: &[u8], _: &Invalid) -> bool {
        self.decoder.is_unknown(payload)
    }

    #[inline(always)]
    fn passes_over(&self, payload: &[u8]) -> bool {
        !self.plain && self.decoder.passes_over(payload)
    }
}

impl<T: Record> Lens<'_> for Values<'_, T> {
    type Item = T;

    #[inline(always)]
    fn look(&self, payload: &[u8]) -> Result<T, Invalid> {
        let mut image = None;
        // NB: both ways meet at the image and not at the value: with two values to choose from, the
        // compiler no longer takes the fields straight from the mapping into a loop over them
        // (eight integers: 1.5 ns).
        let payload =
            if self.plain { payload } else { self.decoder.image_into(payload, &mut image)? };
        decode_prefix(payload)
    }
}

/// A record of a file that may be of a newer version of the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueOrRaw<'m, T> {
    /// A value of the type.
    Value(T),
    /// The payload of a record of a variant that was added later. The schema in the file's header
    /// tells what it says.
    Raw(&'m [u8]),
}

/// Values of type `T`, decoded; the payload where its variant is not known.
pub struct OrRaw<'r, T: Record> {
    decoder: &'r Decoder<T>,
}

impl<'r, T: Record> OrRaw<'r, T> {
    pub(crate) fn new(decoder: &'r Decoder<T>) -> OrRaw<'r, T> {
        OrRaw { decoder }
    }
}

impl<T: Record> sealed::Lens for OrRaw<'_, T> {}

impl<'m, T: Record> Lens<'m> for OrRaw<'_, T> {
    type Item = ValueOrRaw<'m, T>;

    #[inline]
    fn look(&self, payload: &'m [u8]) -> Result<ValueOrRaw<'m, T>, Invalid> {
        match self.decoder.decode(payload) {
            Ok(value) => Ok(ValueOrRaw::Value(value)),
            Err(invalid) if invalid.is_unknown_variant() && self.decoder.is_unknown(payload) => {
                Ok(ValueOrRaw::Raw(payload))
            }
            Err(invalid) => Err(invalid),
        }
    }
}

/// Records of type `T` in place, as views.
#[derive(Debug)]
pub struct InPlace<T>(PhantomData<fn() -> T>);

impl<T> InPlace<T> {
    pub(crate) const LENS: InPlace<T> = InPlace(PhantomData);
}

impl<T> sealed::Lens for InPlace<T> {}

impl<'m, T: Record> Lens<'m> for InPlace<T> {
    type Item = View<'m, T>;

    #[inline]
    fn look(&self, payload: &'m [u8]) -> Result<View<'m, T>, Invalid> {
        view_prefix::<T>(payload)
    }
}

debug_fields!(['r, T: Record] Values<'r, T>, "Values", decoder);
debug_fields!(['r, T: Record] OrRaw<'r, T>, "OrRaw", decoder);
