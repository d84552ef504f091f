//! The values of those who have no types of Kekbit's.

use serde::{Deserialize, Serialize};

use crate::{
    codecs::Value,
    records::{PADDED, parent, price},
};

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    bincode::Encode,
    bincode::Decode,
    bitcode::Encode,
    bitcode::Decode,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
    zerocopy::IntoBytes,
    zerocopy::TryFromBytes,
    zerocopy::Immutable,
    zerocopy::KnownLayout,
    bytemuck::NoUninit,
    bytemuck::CheckedBitPattern,
)]
#[repr(u8)]
pub enum Side {
    Buy,
    Sell,
}

/// The realistic record.
#[derive(
    Debug,
    Clone,
    Copy,
    Serialize,
    Deserialize,
    bincode::Encode,
    bincode::Decode,
    bitcode::Encode,
    bitcode::Decode,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
pub struct Order {
    pub id: u64,
    pub ts: u64,
    pub price: f64,
    pub quantity: u32,
    pub side: Side,
    pub hidden: bool,
    pub symbol: [u8; 16],
    pub parent: Option<u32>,
}

/// Bytes or numbers.
#[derive(
    Debug,
    Clone,
    Copy,
    bincode::Encode,
    bincode::Decode,
    bitcode::Encode,
    bitcode::Decode,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
pub struct Bytes {
    pub bytes: [u8; 1024],
}

#[derive(
    Debug,
    Clone,
    Copy,
    bincode::Encode,
    bincode::Decode,
    bitcode::Encode,
    bitcode::Decode,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
pub struct Numbers {
    pub numbers: [u32; 256],
}

impl Value for Order {
    #[inline(always)]
    fn make(seed: u64) -> Order {
        Order {
            id: seed,
            ts: seed.wrapping_mul(1_000),
            price: price(seed),
            quantity: seed as u32 & 0xFFFF,
            side: if seed & 1 == 0 { Side::Buy } else { Side::Sell },
            hidden: seed & 2 == 0,
            symbol: PADDED[seed as usize % 4],
            parent: parent(seed),
        }
    }

    fn sum(&self) -> u64 {
        let small = u64::from(self.quantity) + self.side as u64 + u64::from(self.hidden);
        let rest = small + u64::from(self.symbol[0]) + self.parent.map_or(1, u64::from);
        [self.ts, self.price.to_bits(), rest].into_iter().fold(self.id, u64::wrapping_add)
    }
}

pub fn byte(seed: u64, index: usize) -> u8 {
    (seed as usize).wrapping_add(index) as u8
}

pub fn number(seed: u64, index: usize) -> u32 {
    (seed as u32).wrapping_mul(2_654_435_761).wrapping_add(index as u32)
}

impl Value for Bytes {
    fn make(seed: u64) -> Bytes {
        Bytes { bytes: std::array::from_fn(|index| byte(seed, index)) }
    }

    fn sum(&self) -> u64 {
        self.bytes.iter().map(|byte| u64::from(*byte)).sum()
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

/// serde knows arrays of 32 at most; as tuples they have the same form.
macro_rules! as_tuple {
    ($type:ident, $field:ident, $item:ty, $len:literal) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeTuple;
                let mut tuple = to.serialize_tuple($len)?;
                self.$field.iter().try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                struct Items;
                impl<'de> serde::de::Visitor<'de> for Items {
                    type Value = $type;

                    fn expecting(
                        &self,
                        formatter: &mut std::fmt::Formatter<'_>,
                    ) -> std::fmt::Result {
                        formatter.write_str("as many items as there are")
                    }

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(
                        self,
                        mut items: A,
                    ) -> Result<$type, A::Error> {
                        let mut $field = [<$item>::default(); $len];
                        for place in &mut $field {
                            let missing = || serde::de::Error::custom("too few items");
                            *place = items.next_element()?.ok_or_else(missing)?;
                        }
                        Ok($type { $field })
                    }
                }
                from.deserialize_tuple($len, Items)
            }
        }
    };
}

as_tuple!(Bytes, bytes, u8, 1024);
as_tuple!(Numbers, numbers, u32, 256);
