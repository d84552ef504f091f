//! Records of every kind of field, and how proptest makes them.

#![allow(dead_code, reason = "each test uses some of it")]

use std::{
    marker::PhantomData,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    time::Duration,
};

use kekbit_codec::{FixedBytes, FixedStr, Record, Timestamp};
use proptest::{prelude::*, sample::select};

#[derive(Debug, Clone, PartialEq, Record)]
pub(crate) struct Numbers {
    pub a: u8,
    pub b: u16,
    pub c: u32,
    pub d: u64,
    pub e: u128,
    pub f: i8,
    pub g: i16,
    pub h: i32,
    pub i: i64,
    pub j: i128,
    pub k: Bits32,
    pub l: Bits64,
}

/// Floats equal by their bits, so that NaN can be compared.
#[derive(Debug, Clone, Copy, Record)]
pub(crate) struct Bits32(pub f32);

/// Floats equal by their bits, so that NaN can be compared.
#[derive(Debug, Clone, Copy, Record)]
pub(crate) struct Bits64(pub f64);

impl PartialEq for Bits32 {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl PartialEq for Bits64 {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

#[derive(Debug, Clone, PartialEq, Record)]
pub(crate) struct Judged {
    pub flag: bool,
    pub letter: char,
    pub count: NonZero<u16>,
    pub delta: NonZero<i64>,
    pub name: FixedStr<7>,
    pub key: FixedBytes<5>,
    pub at: Timestamp,
    pub took: Duration,
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
    pub uuid: Uuid16,
}

/// A foreign type, as far as the derive can see: it implements nothing of the codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uuid(pub u128);

#[derive(Debug, Clone, PartialEq, Record)]
pub(crate) struct Uuid16 {
    #[record(as = [u8; 16])]
    pub uuid: Uuid,
}

impl From<&Uuid> for [u8; 16] {
    fn from(uuid: &Uuid) -> [u8; 16] {
        uuid.0.to_le_bytes()
    }
}

impl TryFrom<[u8; 16]> for Uuid {
    type Error = &'static str;

    fn try_from(bytes: [u8; 16]) -> Result<Uuid, &'static str> {
        match u128::from_le_bytes(bytes) {
            u128::MAX => Err("all ones is reserved"),
            number => Ok(Uuid(number)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Record)]
pub(crate) enum Side {
    Buy = 1,
    Sell = 2,
    Short = 200,
}

#[derive(Debug, Clone, Copy, PartialEq, Record)]
pub(crate) struct Leg {
    pub qty: u32,
    pub side: Side,
    pub limit: Option<i16>,
}

#[derive(Debug, Clone, PartialEq, Record)]
pub(crate) struct Order {
    pub id: u64,
    pub legs: [Leg; 3],
    pub maybe: [Option<bool>; 2],
    pub grid: [[Side; 2]; 2],
    pub hedge: Option<Leg>,
    pub nothing: Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Record)]
pub(crate) struct Nothing;

#[derive(Debug, Clone, PartialEq, Record)]
pub(crate) enum Event {
    Opened {
        order: Order,
        by: FixedStr<4>,
    },
    Moved(i32, Side),
    #[record(tag = 700)]
    Closed,
    Reopened(Option<Leg>),
}

#[derive(Debug, Clone, Copy, PartialEq, Record)]
#[record(tag_size = 1, size = 16, name = "small-event")]
pub(crate) enum Small {
    Tick(u32),
    Tock,
}

#[derive(Debug, Clone, PartialEq, Record)]
pub(crate) struct Envelope<M, E, const N: usize> {
    pub meta: M,
    pub sequence: u64,
    pub events: [E; N],
    pub marker: PhantomData<M>,
}

pub(crate) type Wrapped = Envelope<Leg, Small, 2>;

fn text<const N: usize>() -> impl Strategy<Value = FixedStr<N>> {
    let letters =
        prop::collection::vec(select(&['a', 'Z', ' ', '\u{e9}', '\u{4e2d}', '\u{1f980}']), 0..=N);
    letters.prop_map(|letters| {
        let mut text = String::new();
        for letter in letters {
            if text.len() + letter.len_utf8() <= N {
                text.push(letter);
            }
        }
        FixedStr::new(&text).unwrap()
    })
}

pub(crate) fn numbers() -> impl Strategy<Value = Numbers> {
    let unsigned = any::<(u8, u16, u32, u64, u128)>();
    let signed = any::<(i8, i16, i32, i64, i128)>();
    (unsigned, signed, any::<u32>(), any::<u64>()).prop_map(|(u, i, k, l)| Numbers {
        a: u.0,
        b: u.1,
        c: u.2,
        d: u.3,
        e: u.4,
        f: i.0,
        g: i.1,
        h: i.2,
        i: i.3,
        j: i.4,
        k: Bits32(f32::from_bits(k)),
        l: Bits64(f64::from_bits(l)),
    })
}

pub(crate) fn judged() -> impl Strategy<Value = Judged> {
    let plain = any::<(bool, char, NonZero<u16>, NonZero<i64>, [u8; 5], u64)>();
    let net = any::<(u32, u128, u64)>();
    (plain, net, 0..1_000_000_000_u32, text(), 0..u128::MAX).prop_map(
        |(p, n, nanos, name, uuid)| Judged {
            flag: p.0,
            letter: p.1,
            count: p.2,
            delta: p.3,
            name,
            key: FixedBytes(p.4),
            at: Timestamp::from_nanos(p.5),
            took: Duration::new(n.2, nanos),
            v4: Ipv4Addr::from_bits(n.0),
            v6: Ipv6Addr::from_bits(n.1),
            uuid: Uuid16 { uuid: Uuid(uuid) },
        },
    )
}

pub(crate) fn side() -> impl Strategy<Value = Side> {
    select(&[Side::Buy, Side::Sell, Side::Short])
}

pub(crate) fn leg() -> impl Strategy<Value = Leg> {
    (any::<u32>(), side(), any::<Option<i16>>()).prop_map(|(qty, side, limit)| Leg {
        qty,
        side,
        limit,
    })
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    let legs = [leg(), leg(), leg()];
    let grid = [[side(), side()], [side(), side()]];
    (any::<u64>(), legs, any::<[Option<bool>; 2]>(), grid, prop::option::of(leg())).prop_map(
        |(id, legs, maybe, grid, hedge)| Order { id, legs, maybe, grid, hedge, nothing: Nothing },
    )
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (order(), text()).prop_map(|(order, by)| Event::Opened { order, by }),
        (any::<i32>(), side()).prop_map(|(by, side)| Event::Moved(by, side)),
        Just(Event::Closed),
        prop::option::of(leg()).prop_map(Event::Reopened),
    ]
}

pub(crate) fn small() -> impl Strategy<Value = Small> {
    prop_oneof![any::<u32>().prop_map(Small::Tick), Just(Small::Tock)]
}

pub(crate) fn wrapped() -> impl Strategy<Value = Wrapped> {
    (leg(), any::<u64>(), [small(), small()]).prop_map(|(meta, sequence, events)| Envelope {
        meta,
        sequence,
        events,
        marker: PhantomData,
    })
}
