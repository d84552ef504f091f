//! The records, each as Kekbit's type and as the plain image that a loop by hand copies.

use std::hint::black_box;

use kekbit_channel::{FixedStr, Record, View};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::by_hand::Plain;

/// A record that both sides know.
pub trait Sample: Record + Copy + Send + Sync + 'static {
    const NAME: &'static str;

    /// The same bytes, put together by hand.
    type Image: Plain;

    fn make(seed: u64) -> Self;
    fn image(seed: u64) -> Self::Image;

    /// Uses every field.
    fn sum(&self) -> u64;
    /// Uses every field; `None` if one holds no value of its type.
    fn sum_image(image: &Self::Image) -> Option<u64>;

    /// One field through a view.
    fn one(view: &View<'_, Self>) -> u64;
    fn one_of_image(image: &Self::Image) -> u64;
}

/// Eight integers.
#[derive(Record, Debug, Clone, Copy)]
pub struct Numbers {
    pub a: u64,
    pub b: u64,
    pub c: u64,
    pub d: u64,
    pub e: u64,
    pub f: u64,
    pub g: u64,
    pub h: u64,
}

fn eight(seed: u64) -> [u64; 8] {
    std::array::from_fn(|index| seed ^ index as u64)
}

fn total(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |total, number| total.wrapping_add(*number))
}

impl Sample for Numbers {
    const NAME: &'static str = "eight integers, 64 B";
    type Image = [u64; 8];

    #[inline(always)]
    fn make(seed: u64) -> Numbers {
        let [a, b, c, d, e, f, g, h] = eight(seed);
        Numbers { a, b, c, d, e, f, g, h }
    }

    #[inline(always)]
    fn image(seed: u64) -> [u64; 8] {
        eight(seed)
    }

    #[inline(always)]
    fn sum(&self) -> u64 {
        let Numbers { a, b, c, d, e, f, g, h } = *self;
        total(&[a, b, c, d, e, f, g, h])
    }

    #[inline(always)]
    fn sum_image(image: &[u64; 8]) -> Option<u64> {
        Some(total(image))
    }

    #[inline(always)]
    fn one(view: &View<'_, Numbers>) -> u64 {
        view.e()
    }

    #[inline(always)]
    fn one_of_image(image: &[u64; 8]) -> u64 {
        image[4]
    }
}

#[derive(Record, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Buy,
    Sell,
}

/// A realistic record: numbers, an enum, a flag, a text, an option.
#[derive(Record, Debug, Clone, Copy)]
pub struct Order {
    pub id: u64,
    pub ts: u64,
    pub price: f64,
    pub quantity: u32,
    pub side: Side,
    pub hidden: bool,
    pub symbol: FixedStr<16>,
    pub parent: Option<u32>,
}

/// What an [`Order`] looks like in a payload.
#[derive(Debug, Clone, Copy, IntoBytes, FromBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub struct OrderImage {
    pub id: u64,
    pub ts: u64,
    pub price: f64,
    pub quantity: u32,
    pub side: u8,
    pub hidden: u8,
    pub symbol: [u8; 16],
    pub has_parent: u8,
    pub parent: u32,
}

pub const SYMBOLS: [&str; 4] = ["EURUSD", "BRK.B", "SPX 240621P04000", "X"];

pub fn price(seed: u64) -> f64 {
    (seed % 10_000) as f64 / 100.0
}

pub fn parent(seed: u64) -> Option<u32> {
    (!seed.is_multiple_of(3)).then_some(seed as u32)
}

/// The text of each symbol, padded with zeros.
pub const fn padded(text: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut at = 0;
    while at < text.len() {
        bytes[at] = text.as_bytes()[at];
        at += 1;
    }
    bytes
}

pub const PADDED: [[u8; 16]; 4] =
    [padded(SYMBOLS[0]), padded(SYMBOLS[1]), padded(SYMBOLS[2]), padded(SYMBOLS[3])];

const fn fixed(text: &str) -> FixedStr<16> {
    match FixedStr::new(text) {
        Ok(text) => text,
        Err(_) => panic!("16 bytes at most"),
    }
}

const FIXED: [FixedStr<16>; 4] =
    [fixed(SYMBOLS[0]), fixed(SYMBOLS[1]), fixed(SYMBOLS[2]), fixed(SYMBOLS[3])];

impl Sample for Order {
    const NAME: &'static str = "realistic record, 51 B";
    type Image = OrderImage;

    #[inline(always)]
    fn make(seed: u64) -> Order {
        Order {
            id: seed,
            ts: seed.wrapping_mul(1_000),
            price: price(seed),
            quantity: seed as u32 & 0xFFFF,
            side: if seed & 1 == 0 { Side::Buy } else { Side::Sell },
            hidden: seed & 2 == 0,
            symbol: FIXED[seed as usize % 4],
            parent: parent(seed),
        }
    }

    #[inline(always)]
    fn image(seed: u64) -> OrderImage {
        OrderImage {
            id: seed,
            ts: seed.wrapping_mul(1_000),
            price: price(seed),
            quantity: seed as u32 & 0xFFFF,
            side: (seed & 1) as u8,
            hidden: u8::from(seed & 2 == 0),
            symbol: PADDED[seed as usize % 4],
            has_parent: u8::from(parent(seed).is_some()),
            parent: parent(seed).unwrap_or(0),
        }
    }

    #[inline(always)]
    fn sum(&self) -> u64 {
        let small = u64::from(self.quantity) + self.side as u64 + u64::from(self.hidden);
        let parent = self.parent.map_or(1, u64::from);
        black_box(self.symbol);
        total(&[self.id, self.ts, self.price.to_bits(), small, parent])
    }

    #[inline(always)]
    fn sum_image(image: &OrderImage) -> Option<u64> {
        let OrderImage { id, ts, price, quantity, side, hidden, symbol, has_parent, parent } =
            *image;
        if 1 < side || 1 < hidden || 1 < has_parent {
            return None;
        }
        let small = u64::from(quantity) + u64::from(side) + u64::from(hidden);
        let parent = if has_parent == 1 { u64::from(parent) } else { 1 };
        black_box(symbol);
        Some(total(&[id, ts, price.to_bits(), small, parent]))
    }

    #[inline(always)]
    fn one(view: &View<'_, Order>) -> u64 {
        view.price().to_bits()
    }

    #[inline(always)]
    fn one_of_image(image: &OrderImage) -> u64 {
        { image.price }.to_bits()
    }
}

/// A payload of that many words.
#[derive(Record, Debug, Clone, Copy)]
pub struct Words<const N: usize> {
    pub words: [u64; N],
}

impl<const N: usize> Sample for Words<N> {
    const NAME: &'static str = "words";
    type Image = [u64; N];

    #[inline(always)]
    fn make(seed: u64) -> Words<N> {
        Words { words: words(seed) }
    }

    #[inline(always)]
    fn image(seed: u64) -> [u64; N] {
        words(seed)
    }

    #[inline(always)]
    fn sum(&self) -> u64 {
        total(&self.words)
    }

    #[inline(always)]
    fn sum_image(image: &[u64; N]) -> Option<u64> {
        Some(total(image))
    }

    #[inline(always)]
    fn one(view: &View<'_, Words<N>>) -> u64 {
        view.words().get(0).unwrap_or(0)
    }

    #[inline(always)]
    fn one_of_image(image: &[u64; N]) -> u64 {
        image[0]
    }
}

/// The seed in front, then numbers that cost nothing to make.
#[inline(always)]
pub fn words<const N: usize>(seed: u64) -> [u64; N] {
    let mut words = [0x0123_4567_89AB_CDEF; N];
    words[0] = seed;
    words[N - 1] = !seed;
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Sample>() {
        for seed in 0..100 {
            let mut payload = vec![0; kekbit_codec::size::<T>()];
            kekbit_codec::encode(&T::make(seed), &mut payload).unwrap();
            let image = T::image(seed);
            assert_eq!(payload, image.as_bytes(), "seed {seed}");
            assert_eq!(Some(T::make(seed).sum()), T::sum_image(&image));
        }
    }

    #[test]
    fn the_images_are_kekbits_bytes() {
        check::<Numbers>();
        check::<Order>();
        check::<Words<4>>();
    }
}
