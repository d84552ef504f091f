//! Kekbit's codec, on its own types.

use std::marker::PhantomData;

use kekbit_channel::{FixedBytes, Record, View};
use kekbit_codec as codec;

use crate::{
    codecs::{
        Codec, Value,
        values::{byte, number},
    },
    records::{Order, PADDED, Sample, Side, parent, price},
};

#[derive(Record, Debug, Clone, Copy)]
pub struct Bytes {
    pub bytes: [u8; 1024],
}

#[derive(Record, Debug, Clone, Copy)]
pub struct Numbers {
    pub numbers: [u32; 256],
}

/// An order whose symbol is any bytes, as the other codecs have it.
#[derive(Record, Debug, Clone, Copy)]
pub struct BytesOrder {
    pub id: u64,
    pub ts: u64,
    pub price: f64,
    pub quantity: u32,
    pub side: Side,
    pub hidden: bool,
    pub symbol: FixedBytes<16>,
    pub parent: Option<u32>,
}

/// A record that this codec is tried with.
pub trait Coded: Record + Value {
    const NAME: &'static str = "Kekbit";

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

impl Value for BytesOrder {
    #[inline(always)]
    fn make(seed: u64) -> BytesOrder {
        BytesOrder {
            id: seed,
            ts: seed.wrapping_mul(1_000),
            price: price(seed),
            quantity: seed as u32 & 0xFFFF,
            side: if seed & 1 == 0 { Side::Buy } else { Side::Sell },
            hidden: seed & 2 == 0,
            symbol: FixedBytes(PADDED[seed as usize % 4]),
            parent: parent(seed),
        }
    }

    fn sum(&self) -> u64 {
        let small = u64::from(self.quantity) + self.side as u64 + u64::from(self.hidden);
        let rest = small + u64::from(self.symbol[0]) + self.parent.map_or(1, u64::from);
        [self.ts, self.price.to_bits(), rest].into_iter().fold(self.id, u64::wrapping_add)
    }
}

impl Coded for BytesOrder {
    const NAME: &'static str = "Kekbit, bytes for the text";

    #[inline(always)]
    fn two(view: &View<'_, BytesOrder>) -> u64 {
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
    const NAME: &'static str = <T as Coded>::NAME;

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
