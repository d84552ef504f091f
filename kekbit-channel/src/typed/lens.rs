//! How records of a type are looked at: as [`Values`], [`InPlace`], or as values [`OrRaw`] bytes.

use std::marker::PhantomData;

use kekbit_codec::{Invalid, Record, View, decode_prefix, view_prefix};

use super::decoder::{Decoder, SharedDecoder};
use crate::{
    debug::debug_fields,
    iter::{Lens, sealed},
};

/// Lenses are references, whatever the type of the records can do.
macro_rules! copy {
    ($lens:ident) => {
        impl<T: Record> Clone for $lens<'_, T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T: Record> Copy for $lens<'_, T> {}
    };
}

/// Values of type `T`, decoded.
pub struct Values<'r, T: Record> {
    decoder: &'r SharedDecoder<T>,
}

copy!(Values);
copy!(OrRaw);

impl<'r, T: Record> Values<'r, T> {
    #[inline(always)]
    pub(crate) fn new(decoder: &'r SharedDecoder<T>) -> Values<'r, T> {
        Values { decoder }
    }
}

impl<T: Record> sealed::Lens for Values<'_, T> {
    type Image = T::Wire;

    #[inline(always)]
    fn used_len(&self) -> usize {
        kekbit_codec::size::<T>()
    }

    fn is_plain(&self) -> bool {
        self.decoder.is_plain()
    }

    fn make_image(&self, payload: &[u8], image: &mut Option<T::Wire>) -> Result<(), Invalid> {
        self.decoder.make_image(payload, image)
    }

    fn passes_over(&self, payload: &[u8]) -> bool {
        self.decoder.passes_over(payload)
    }

    fn is_unknown(&self, payload: &[u8]) -> bool {
        self.decoder.is_unknown(payload)
    }
}

impl<T: Record> Lens<'_> for Values<'_, T> {
    type Item = T;

    #[inline(always)]
    fn look(&self, _: &[u8], image: &[u8]) -> Result<T, Invalid> {
        decode_prefix(image)
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

impl<T: Record> sealed::Lens for OrRaw<'_, T> {
    type Image = T::Wire;

    #[inline(always)]
    fn used_len(&self) -> usize {
        kekbit_codec::size::<T>()
    }

    fn is_plain(&self) -> bool {
        self.decoder.is_direct()
    }

    fn make_image(&self, payload: &[u8], image: &mut Option<T::Wire>) -> Result<(), Invalid> {
        self.decoder.make_image(payload, image)
    }
}

impl<'m, T: Record> Lens<'m> for OrRaw<'_, T> {
    type Item = ValueOrRaw<'m, T>;

    #[inline]
    fn look(&self, payload: &'m [u8], image: &[u8]) -> Result<ValueOrRaw<'m, T>, Invalid> {
        match decode_prefix(image) {
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

impl<T> Clone for InPlace<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for InPlace<T> {}

impl<T> InPlace<T> {
    pub(crate) const LENS: InPlace<T> = InPlace(PhantomData);
}

impl<T: Record> sealed::Lens for InPlace<T> {
    type Image = ();

    #[inline(always)]
    fn used_len(&self) -> usize {
        kekbit_codec::size::<T>()
    }
}

impl<'m, T: Record> Lens<'m> for InPlace<T> {
    type Item = View<'m, T>;

    #[inline(always)]
    fn look(&self, payload: &'m [u8], _: &[u8]) -> Result<View<'m, T>, Invalid> {
        view_prefix::<T>(payload)
    }
}

debug_fields!(['r, T: Record] Values<'r, T>, "Values", decoder);
debug_fields!(['r, T: Record] OrRaw<'r, T>, "OrRaw", decoder);
