//! Kekbit's codec, on its own types.

use std::marker::PhantomData;

use kekbit_channel::{Record, View};
use kekbit_codec as codec;

use crate::{
    codecs::{
        Codec, Value,
        values::{byte, number},
    },
    records::{Order, Sample},
};

#[derive(Record, Debug, Clone, Copy)]
pub struct Bytes {
    pub bytes: [u8; 1024],
}

#[derive(Record, Debug, Clone, Copy)]
pub struct Numbers {
    pub numbers: [u32; 256],
}

/// A record that this codec is tried with.
pub trait Coded: Record + Value {
    fn two(view: &View<'_, Self>) -> u64;
}

impl Value for Order {
    #[inline(always)]
    fn make(seed: u64) -> Order {
        <Order as Sample>::make(seed)
    }

    fn sum(&self) -> u64 {
        let small = u64::from(self.quantity) + self.side as u64 + u64::from(self.hidden);
        let symbol = u64::from(self.symbol.as_str().as_bytes()[0]);
        let rest = small + symbol + self.parent.map_or(1, u64::from);
        [self.ts, self.price.to_bits(), rest].into_iter().fold(self.id, u64::wrapping_add)
    }
}

impl Coded for Order {
    #[inline(always)]
    fn two(view: &View<'_, Order>) -> u64 {
        view.id() ^ view.price().to_bits()
    }
}

impl Value for Bytes {
    fn make(seed: u64) -> Bytes {
        Bytes { bytes: std::array::from_fn(|index| byte(seed, index)) }
    }

    fn sum(&self) -> u64 {
        self.bytes.iter().map(|byte| u64::from(*byte)).sum()
    }
}

impl Coded for Bytes {
    #[inline(always)]
    fn two(view: &View<'_, Bytes>) -> u64 {
        let at = |index| u64::from(view.bytes().get(index).unwrap_or(0));
        at(0) ^ at(1_000)
    }
}

impl Value for Numbers {
    fn make(seed: u64) -> Numbers {
        Numbers { numbers: std::array::from_fn(|index| number(seed, index)) }
    }

    fn sum(&self) -> u64 {
        self.numbers.iter().map(|number| u64::from(*number)).sum()
    }
}

impl Coded for Numbers {
    #[inline(always)]
    fn two(view: &View<'_, Numbers>) -> u64 {
        let at = |index| u64::from(view.numbers().get(index).unwrap_or(0));
        at(0) ^ at(200)
    }
}

pub struct Kekbit<T>(PhantomData<T>);

impl<T: Coded> Codec for Kekbit<T> {
    const NAME: &'static str = "Kekbit";

    type Value = T;

    fn new() -> Self {
        Kekbit(PhantomData)
    }

    #[inline(always)]
    fn encode(&mut self, value: &T, bytes: &mut [u8]) -> usize {
        let len = codec::size::<T>();
        codec::encode(value, &mut bytes[..len]).expect("the right length");
        len
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> T {
        codec::decode(bytes).expect("a value")
    }

    #[inline(always)]
    fn two(&mut self, bytes: &[u8]) -> Option<u64> {
        Some(T::two(&codec::view::<T>(bytes).expect("the right length")))
    }
}
