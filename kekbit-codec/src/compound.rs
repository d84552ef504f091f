//! [`Field`] for arrays, `Option` and `PhantomData`.

use core::{fmt, hash::Hasher, marker::PhantomData};

use zerocopy::{FromZeros, IntoBytes};

use crate::{
    error::Invalid,
    field::{Field, FieldView, plain_view},
    schema::{Place, Type},
    show::Shown,
    wire::{Tagged, feed_zeroes},
};

impl<T: Field, const N: usize> Field for [T; N] {
    type Wire = [T::Wire; N];
    type View<'a> = ArrayView<'a, T>;
    const TYPE: Type = Type::Array { element: &T::TYPE, count: N };

    #[inline]
    fn put(&self, wire: &mut Self::Wire) {
        T::put_all(self, wire);
    }

    #[inline]
    fn check(wire: &Self::Wire) -> Result<(), Invalid> {
        for (index, wire) in wire.iter().enumerate() {
            if let Err(invalid) = T::check(wire) {
                return Err(invalid.within_element(index, size_of::<T::Wire>()));
            }
        }
        Ok(())
    }

    #[inline]
    fn get(wire: &Self::Wire) -> Self {
        (*wire).map(|wire| T::get(&wire))
    }

    #[inline]
    fn view(wire: &Self::Wire) -> ArrayView<'_, T> {
        ArrayView { wires: wire, place: Place::of_type(Self::TYPE) }
    }

    #[inline(always)]
    fn put_and_feed<H: Hasher>(&self, wire: &mut Self::Wire, hasher: &mut H) {
        if const { T::TYPE.has_parts() || 8 <= size_of::<T::Wire>() } {
            self.iter().zip(wire).for_each(|(value, wire)| value.put_and_feed(wire, hasher));
        } else {
            // They are put in larger pieces than they are.
            self.put(wire);
            hasher.write(wire.as_bytes());
        }
    }
}

/// An array in place: each element is read when it is asked for.
///
/// # Examples
/// ```
/// #[derive(kekbit_codec::Record)]
/// struct Sample {
///     axes: [u16; 3],
/// }
///
/// let sample = kekbit_codec::view::<Sample>(&[1, 0, 2, 0, 3, 0])?;
/// assert_eq!(sample.axes().get(2), Some(3));
/// assert_eq!(sample.axes().get(3), None);
/// assert_eq!(sample.axes().iter().sum::<u16>(), 6);
/// # Ok::<(), kekbit_codec::Invalid>(())
/// ```
pub struct ArrayView<'a, T: Field> {
    wires: &'a [T::Wire],
    place: Place,
}

impl<'a, T: Field> ArrayView<'a, T> {
    /// How many elements there are.
    #[must_use]
    #[inline]
    pub fn len(self) -> usize {
        self.wires.len()
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(self) -> bool {
        self.wires.is_empty()
    }

    /// The view of the element at `index`, if there is one.
    #[must_use]
    #[inline]
    pub fn get(self, index: usize) -> Option<T::View<'a>> {
        let wire = self.wires.get(index)?;
        Some(T::view(wire).within(self.place.element(index, size_of::<T::Wire>())))
    }

    /// The views of all elements in order.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = T::View<'a>> + DoubleEndedIterator + Clone {
        self.wires.iter().enumerate().map(move |(index, wire)| {
            T::view(wire).within(self.place.element(index, size_of::<T::Wire>()))
        })
    }
}

impl<T: Field> Clone for ArrayView<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Field> Copy for ArrayView<'_, T> {}

impl<T: Field> FieldView for ArrayView<'_, T> {
    type Value = Self;

    #[inline]
    fn value(self) -> Result<Self, Invalid> {
        Ok(self)
    }

    #[inline]
    fn within(self, place: Place) -> Self {
        ArrayView { place, ..self }
    }
}

impl<T: Field> fmt::Debug for ArrayView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ty = Type::Array { element: &T::TYPE, count: self.wires.len() };
        Shown { ty, bytes: self.wires.as_bytes() }.fmt(f)
    }
}

pub(crate) const ABSENT: u8 = 0;
pub(crate) const PRESENT: u8 = 1;

impl<T: Field> Field for Option<T> {
    type Wire = Tagged<u8, T::Wire>;
    type View<'a> = Result<Option<<T::View<'a> as FieldView>::Value>, Invalid>;
    const TYPE: Type = Type::Option(&T::TYPE);

    #[inline]
    fn put(&self, wire: &mut Self::Wire) {
        match self {
            Some(value) => {
                wire.tag = PRESENT;
                value.put(&mut wire.body);
            }
            None => wire.zero(),
        }
    }

    #[inline]
    fn check(wire: &Self::Wire) -> Result<(), Invalid> {
        match wire.tag {
            ABSENT => Ok(()),
            PRESENT => match T::check(&wire.body) {
                Ok(()) => Ok(()),
                Err(invalid) => Err(invalid.within("", size_of::<u8>())),
            },
            presence => Err(unknown_presence(presence)),
        }
    }

    #[inline]
    fn get(wire: &Self::Wire) -> Self {
        if wire.tag == ABSENT { None } else { Some(T::get(&wire.body)) }
    }

    #[inline]
    fn view(wire: &Self::Wire) -> Self::View<'_> {
        match wire.tag {
            ABSENT => Ok(None),
            PRESENT => match T::view(&wire.body).value() {
                Ok(value) => Ok(Some(value)),
                Err(invalid) => Err(invalid.within("", size_of::<u8>())),
            },
            presence => Err(unknown_presence(presence)),
        }
    }

    #[inline(always)]
    fn put_and_feed<H: Hasher>(&self, wire: &mut Self::Wire, hasher: &mut H) {
        match self {
            Some(value) => {
                wire.tag = PRESENT;
                hasher.write_u8(PRESENT);
                value.put_and_feed(&mut wire.body, hasher);
            }
            None => {
                wire.zero();
                feed_zeroes(size_of::<Self::Wire>(), hasher);
            }
        }
    }
}

#[cold]
#[inline(never)]
pub(crate) fn unknown_presence(presence: u8) -> Invalid {
    Invalid::new(format_args!("presence {presence}"), "0 (absent) or 1 (present)")
}

impl<T: ?Sized + 'static> Field for PhantomData<T> {
    type Wire = [u8; 0];
    type View<'a> = Self;
    const TYPE: Type = Type::Unit;

    #[inline]
    fn put(&self, _: &mut [u8; 0]) {}
    #[inline]
    fn check(_: &[u8; 0]) -> Result<(), Invalid> {
        Ok(())
    }
    #[inline]
    fn get(_: &[u8; 0]) -> Self {
        PhantomData
    }
    #[inline]
    fn view(_: &[u8; 0]) -> Self {
        PhantomData
    }
}

plain_view!(PhantomData<T>; T: ?Sized);
