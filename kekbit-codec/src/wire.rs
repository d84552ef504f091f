//! The packed, little-endian image a record becomes: trees of two generic structs with alignment 1.
//!
//! Public only for generated code, which reaches them through `__private`.

use core::hash::Hasher;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian::U16};

use crate::field::Wire;

/// Two images, one behind the other.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Pair<A, B> {
    /// The first image.
    pub a: A,
    /// The image behind it.
    pub b: B,
}

/// A tag and the body it speaks of.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Tagged<T, B> {
    /// Which of several bodies this is.
    pub tag: T,
    /// The body.
    pub body: B,
}

/// The same bytes as another image of the same size; other sizes do not compile.
#[must_use]
#[inline]
pub fn tree<T: Wire, S: Wire>(wire: &S) -> &T {
    const { assert!(size_of::<T>() == size_of::<S>(), "the images differ in size") };
    match T::ref_from_bytes(wire.as_bytes()) {
        Ok(tree) => tree,
        Err(_) => unreachable!("alignment is 1 and the sizes are equal"),
    }
}

/// Like [`tree`], to write.
#[must_use]
#[inline]
pub fn tree_mut<T: Wire, S: Wire>(wire: &mut S) -> &mut T {
    const { assert!(size_of::<T>() == size_of::<S>(), "the images differ in size") };
    match T::mut_from_bytes(wire.as_mut_bytes()) {
        Ok(tree) => tree,
        Err(_) => unreachable!("alignment is 1 and the sizes are equal"),
    }
}

/// The body of one variant, which lies at the start of the room for all of them.
#[must_use]
#[inline]
pub fn body<T: Wire, S: Wire>(room: &S) -> &T {
    const { assert!(size_of::<T>() <= size_of::<S>(), "the body is larger than its room") };
    match T::ref_from_prefix(room.as_bytes()) {
        Ok((body, _)) => body,
        Err(_) => unreachable!("alignment is 1 and the room is large enough"),
    }
}

/// Like [`body`], to write; zeroes the room behind the body.
#[must_use]
#[inline]
pub fn body_mut<T: Wire, S: Wire>(room: &mut S) -> &mut T {
    const { assert!(size_of::<T>() <= size_of::<S>(), "the body is larger than its room") };
    match T::mut_from_prefix(room.as_mut_bytes()) {
        Ok((body, rest)) => {
            rest.fill(0);
            body
        }
        Err(_) => unreachable!("alignment is 1 and the room is large enough"),
    }
}

/// Feeds an image in one piece.
#[inline(always)]
pub fn feed_whole<W: Wire, H: Hasher>(image: &W, hasher: &mut H) {
    hasher.write(image.as_bytes());
}

/// Feeds so many zeroes, which takes no load.
#[inline(always)]
pub fn feed_zeroes<H: Hasher>(count: usize, hasher: &mut H) {
    for _ in 0..count / 8 {
        hasher.write(&[0; 8]);
    }
    if count & 4 != 0 {
        hasher.write(&[0; 4]);
    }
    if count & 2 != 0 {
        hasher.write(&[0; 2]);
    }
    if count & 1 != 0 {
        hasher.write(&[0]);
    }
}

/// A tag of one or two bytes.
pub trait Tag {
    /// Its value.
    fn read(&self) -> u16;
    /// Sets it; the derive has seen to it that `tag` fits.
    fn write(&mut self, tag: u16);
}

impl Tag for u8 {
    #[inline]
    fn read(&self) -> u16 {
        u16::from(*self)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the derive allows tags up to 255")]
    fn write(&mut self, tag: u16) {
        *self = tag as u8;
    }
}

impl Tag for U16 {
    #[inline]
    fn read(&self) -> u16 {
        self.get()
    }

    #[inline]
    fn write(&mut self, tag: u16) {
        self.set(tag);
    }
}
