//! Images in memory: what one copies by hand, zerocopy and bytemuck. Options and enums are put
//! into an image and taken out of it by hand, which is part of the figure.

use std::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes};

use crate::{
    codecs::{
        Codec, Value,
        values::{Bytes, Numbers, Order, Side},
    },
    records::OrderImage as Packed,
};

/// The bytes of a value, as they are used in place.
pub trait Image<V>: Copy {
    fn of(value: &V) -> Self;
    fn value(&self) -> V;
    fn two(&self) -> u64;
}

/// In an order without gaps but at the end, for those who know enums and flags.
#[derive(
    Debug,
    Clone,
    Copy,
    IntoBytes,
    TryFromBytes,
    Immutable,
    KnownLayout,
    bytemuck::NoUninit,
    bytemuck::CheckedBitPattern,
)]
#[repr(C)]
pub struct Aligned {
    id: u64,
    ts: u64,
    price: f64,
    quantity: u32,
    side: Side,
    hidden: bool,
    has_parent: bool,
    padding: u8,
    symbol: [u8; 16],
    parent: u32,
    more_padding: u32,
}

impl Image<Order> for Aligned {
    #[inline(always)]
    fn of(order: &Order) -> Aligned {
        Aligned {
            id: order.id,
            ts: order.ts,
            price: order.price,
            quantity: order.quantity,
            side: order.side,
            hidden: order.hidden,
            has_parent: order.parent.is_some(),
            padding: 0,
            symbol: order.symbol,
            parent: order.parent.unwrap_or(0),
            more_padding: 0,
        }
    }

    #[inline(always)]
    fn value(&self) -> Order {
        Order {
            id: self.id,
            ts: self.ts,
            price: self.price,
            quantity: self.quantity,
            side: self.side,
            hidden: self.hidden,
            symbol: self.symbol,
            parent: self.has_parent.then_some(self.parent),
        }
    }

    #[inline(always)]
    fn two(&self) -> u64 {
        self.id ^ self.price.to_bits()
    }
}

/// Enum, flag and option are judged by hand.
impl Image<Order> for Packed {
    #[inline(always)]
    fn of(order: &Order) -> Packed {
        Packed {
            id: order.id,
            ts: order.ts,
            price: order.price,
            quantity: order.quantity,
            side: order.side as u8,
            hidden: u8::from(order.hidden),
            symbol: order.symbol,
            has_parent: u8::from(order.parent.is_some()),
            parent: order.parent.unwrap_or(0),
        }
    }

    #[inline(always)]
    fn value(&self) -> Order {
        assert!(self.side < 2 && self.hidden < 2 && self.has_parent < 2, "a value");
        Order {
            id: self.id,
            ts: self.ts,
            price: self.price,
            quantity: self.quantity,
            side: if self.side == 0 { Side::Buy } else { Side::Sell },
            hidden: self.hidden == 1,
            symbol: self.symbol,
            parent: (self.has_parent == 1).then_some(self.parent),
        }
    }

    #[inline(always)]
    fn two(&self) -> u64 {
        self.id ^ { self.price }.to_bits()
    }
}

impl Image<Bytes> for [u8; 1024] {
    #[inline(always)]
    fn of(value: &Bytes) -> Self {
        value.bytes
    }

    #[inline(always)]
    fn value(&self) -> Bytes {
        Bytes { bytes: *self }
    }

    #[inline(always)]
    fn two(&self) -> u64 {
        u64::from(self[0]) ^ u64::from(self[1_000])
    }
}

impl Image<Numbers> for [u32; 256] {
    #[inline(always)]
    fn of(value: &Numbers) -> Self {
        value.numbers
    }

    #[inline(always)]
    fn value(&self) -> Numbers {
        Numbers { numbers: *self }
    }

    #[inline(always)]
    fn two(&self) -> u64 {
        u64::from(self[0]) ^ u64::from(self[200])
    }
}

/// Values `V` as images `I`, copied: what there is to reach.
pub struct Copied<V, I>(PhantomData<(V, I)>);

impl<V: Value, I> Codec for Copied<V, I>
where
    I: Image<V> + IntoBytes + FromBytes + Immutable + KnownLayout,
{
    const NAME: &'static str = "copied by hand";

    type Value = V;

    fn new() -> Self {
        Copied(PhantomData)
    }

    #[inline(always)]
    fn encode(&mut self, value: &V, bytes: &mut [u8]) -> usize {
        I::of(value).write_to_prefix(bytes).expect("room for it");
        size_of::<I>()
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> V {
        I::ref_from_bytes(bytes).expect("the right length").value()
    }

    #[inline(always)]
    fn two(&mut self, bytes: &[u8]) -> Option<u64> {
        Some(I::ref_from_bytes(bytes).expect("the right length").two())
    }
}

pub struct Zerocopy<V, I>(PhantomData<(V, I)>);

#[inline(always)]
fn checked<I: TryFromBytes + Immutable + KnownLayout>(bytes: &[u8]) -> &I {
    match I::try_ref_from_bytes(bytes) {
        Ok(image) => image,
        Err(_) => panic!("no value"),
    }
}

impl<V: Value, I> Codec for Zerocopy<V, I>
where
    I: Image<V> + IntoBytes + TryFromBytes + Immutable + KnownLayout,
{
    const NAME: &'static str = "zerocopy";

    type Value = V;

    fn new() -> Self {
        Zerocopy(PhantomData)
    }

    #[inline(always)]
    fn encode(&mut self, value: &V, bytes: &mut [u8]) -> usize {
        I::of(value).write_to_prefix(bytes).expect("room for it");
        size_of::<I>()
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> V {
        checked::<I>(bytes).value()
    }

    #[inline(always)]
    fn two(&mut self, bytes: &[u8]) -> Option<u64> {
        Some(checked::<I>(bytes).two())
    }
}

pub struct Bytemuck<V, I>(PhantomData<(V, I)>);

impl<V: Value, I> Codec for Bytemuck<V, I>
where
    I: Image<V> + bytemuck::NoUninit + bytemuck::CheckedBitPattern,
{
    const NAME: &'static str = "bytemuck";

    type Value = V;

    fn new() -> Self {
        Bytemuck(PhantomData)
    }

    #[inline(always)]
    fn encode(&mut self, value: &V, bytes: &mut [u8]) -> usize {
        let len = size_of::<I>();
        bytes[..len].copy_from_slice(bytemuck::bytes_of(&I::of(value)));
        len
    }

    #[inline(always)]
    fn decode(&mut self, bytes: &[u8]) -> V {
        bytemuck::checked::from_bytes::<I>(bytes).value()
    }

    #[inline(always)]
    fn two(&mut self, bytes: &[u8]) -> Option<u64> {
        Some(bytemuck::checked::from_bytes::<I>(bytes).two())
    }
}
