//! A record with every kind of field, of which the fuzzer makes values.

use std::{
    marker::PhantomData,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    time::Duration,
};

use arbitrary::{Arbitrary, Result, Unstructured};
use kekbit_channel::{FixedBytes, FixedStr, Record, Timestamp};

#[derive(Record, Arbitrary, Debug, Clone, PartialEq)]
pub(crate) struct Kinds {
    pub(crate) a: u8,
    pub(crate) b: u16,
    pub(crate) c: u32,
    pub(crate) d: u64,
    pub(crate) e: u128,
    pub(crate) f: i8,
    pub(crate) g: i16,
    pub(crate) h: i32,
    pub(crate) i: i64,
    pub(crate) j: i128,
    pub(crate) single: f32,
    pub(crate) double: f64,
    pub(crate) flag: bool,
    pub(crate) letter: char,
    pub(crate) count: NonZero<u16>,
    pub(crate) wide_count: NonZero<i128>,
    #[arbitrary(with = text)]
    pub(crate) text: FixedStr<6>,
    #[arbitrary(with = bytes)]
    pub(crate) bytes: FixedBytes<3>,
    #[arbitrary(with = timestamp)]
    pub(crate) at: Timestamp,
    #[arbitrary(with = duration)]
    pub(crate) took: Duration,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    pub(crate) nothing: PhantomData<u64>,
    pub(crate) array: [[bool; 2]; 2],
    pub(crate) limit: Option<i16>,
    pub(crate) nested: Option<Option<char>>,
    pub(crate) side: Side,
    pub(crate) legs: [Leg; 2],
    pub(crate) event: Event,
    pub(crate) hedge: Option<Event>,
    pub(crate) pair: Pair<Option<bool>, 2>,
}

#[derive(Record, Arbitrary, Debug, Clone, PartialEq)]
pub(crate) enum Side {
    Buy = 1,
    Sell = 200,
}

#[derive(Record, Arbitrary, Debug, Clone, PartialEq)]
pub(crate) struct Leg {
    pub(crate) quantity: u32,
    pub(crate) side: Side,
    pub(crate) limit: Option<NonZero<u8>>,
}

#[derive(Record, Arbitrary, Debug, Clone, PartialEq)]
#[record(size = 20)]
pub(crate) enum Event {
    Opened {
        leg: Leg,
        #[arbitrary(with = text)]
        by: FixedStr<4>,
    },
    Moved(i32, Side),
    #[record(tag = 700)]
    Closed,
    One(Pair<char, 1>),
}

#[derive(Record, Arbitrary, Debug, Clone, PartialEq)]
pub(crate) struct Pair<T, const N: usize>(pub(crate) [T; N], pub(crate) PhantomData<T>);

fn text<const N: usize>(input: &mut Unstructured<'_>) -> Result<FixedStr<N>> {
    let mut text: String = input.arbitrary()?;
    text.retain(|letter| letter != '\0');
    while N < text.len() {
        text.pop();
    }
    Ok(FixedStr::new(&text).expect("a text that fits"))
}

fn bytes<const N: usize>(input: &mut Unstructured<'_>) -> Result<FixedBytes<N>> {
    Ok(FixedBytes(input.arbitrary()?))
}

fn timestamp(input: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(Timestamp::from_nanos(input.arbitrary()?))
}

fn duration(input: &mut Unstructured<'_>) -> Result<Duration> {
    Ok(Duration::new(input.arbitrary()?, input.int_in_range(0..=999_999_999)?))
}
