//! How records of a type are looked at: as [`Values`], or [`InPlace`].

use std::marker::PhantomData;

use kekbit_codec::{Invalid, Record, View};

use crate::iter::{Lens, sealed};

/// Values of type `T`, decoded.
#[derive(Debug)]
pub struct Values<T>(PhantomData<fn() -> T>);

impl<T> sealed::Lens for Values<T> {}

impl<T: Record> Lens<'_> for Values<T> {
    type Item = T;

    #[inline]
    fn look(payload: &[u8]) -> Result<T, Invalid> {
        kekbit_codec::decode(payload)
    }
}

/// Records of type `T` in place, as views.
#[derive(Debug)]
pub struct InPlace<T>(PhantomData<fn() -> T>);

impl<T> sealed::Lens for InPlace<T> {}

impl<'m, T: Record> Lens<'m> for InPlace<T> {
    type Item = View<'m, T>;

    #[inline]
    fn look(payload: &'m [u8]) -> Result<View<'m, T>, Invalid> {
        kekbit_codec::view::<T>(payload)
    }
}
