//! Functions whose machine code `.ci/no-panic` looks at: encode, decode and a view of every kind of
//! field, and one control that must be found to panic.
//!
//! As an example it is compiled with everything else; as a program it does nothing of interest.
#![forbid(unsafe_code)]

use std::{
    hint::black_box,
    marker::PhantomData,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    time::Duration,
};

use kekbit_codec::{FixedBytes, FixedStr, Invalid, Record, Timestamp, decode, encode, size, view};

#[derive(Record)]
struct Numbers {
    a: u8,
    b: u16,
    c: u32,
    d: u64,
    e: u128,
    f: i8,
    g: i16,
    h: i32,
    i: i64,
    j: i128,
    k: f32,
    l: f64,
}

#[derive(Record)]
struct Judged {
    a: bool,
    b: char,
    c: NonZero<u64>,
    d: Duration,
    e: FixedStr<12>,
    f: FixedBytes<7>,
    g: Timestamp,
    h: Ipv4Addr,
    i: Ipv6Addr,
    j: Side,
    k: Option<Side>,
}

#[derive(Clone, Copy, Record)]
enum Side {
    Buy = 1,
    Sell = 2,
}

#[derive(Clone, Copy, Record)]
struct Leg {
    qty: u32,
    side: Side,
    limit: Option<i64>,
}

#[derive(Record)]
struct Arrays {
    few: [u64; 4],
    many: [u16; 300],
    legs: [Leg; 9],
    nested: [[bool; 3]; 5],
    names: [FixedStr<5>; 3],
}

#[derive(Record)]
enum Event {
    Opened {
        id: u64,
        legs: [Leg; 2],
    },
    Moved(i32, i32),
    #[record(tag = 40)]
    Named(FixedStr<20>),
    Closed,
}

#[derive(Record)]
struct Envelope<M, E> {
    meta: M,
    sequence: u64,
    event: Option<E>,
    marker: PhantomData<M>,
}

/// The functions by name, so that the script finds them in the assembly.
macro_rules! checked {
    ($($type:ty: $encode:ident $decode:ident;)*) => {$(
        #[inline(never)]
        fn $encode(value: &$type, payload: &mut [u8; size::<$type>()]) -> Result<(), Invalid> {
            encode(value, payload)
        }

        #[inline(never)]
        fn $decode(payload: &[u8]) -> Result<$type, Invalid> {
            decode(payload)
        }
    )*

        fn call_all() {
            $({
                let mut payload = [0; size::<$type>()];
                if let Ok(value) = $decode(black_box(&payload)) {
                    black_box($encode(&value, black_box(&mut payload)).is_ok());
                }
            })*
        }
    };
}

checked! {
    Numbers: wire_encode_numbers wire_decode_numbers;
    Judged: wire_encode_judged wire_decode_judged;
    Arrays: wire_encode_arrays wire_decode_arrays;
    Event: wire_encode_event wire_decode_event;
    Envelope<Leg, Event>: wire_encode_envelope wire_decode_envelope;
}

#[inline(never)]
fn wire_encode_unsized(value: &Event, payload: &mut [u8]) -> Result<(), Invalid> {
    encode(value, payload)
}

#[inline(never)]
fn wire_view(payload: &[u8]) -> Result<u32, Invalid> {
    match view::<Event>(payload)?? {
        EventView::Opened(opened) => match opened.legs().get(1) {
            Some(leg) => Ok(leg.qty()),
            None => Ok(0),
        },
        EventView::Named(named) => Ok(u32::from(named.field_0()?.is_empty())),
        EventView::Moved(_) | EventView::Closed => Ok(1),
    }
}

/// The control: if the script does not find this one, it finds nothing.
#[inline(never)]
fn control_that_panics(payload: &[u8], at: usize) -> u8 {
    payload[at]
}

fn main() {
    call_all();
    let payload = [0; size::<Event>()];
    black_box(wire_encode_unsized(&Event::Closed, &mut black_box(payload)).is_ok());
    black_box(wire_view(black_box(&payload)).is_ok());
    black_box(control_that_panics(black_box(&payload), black_box(0)));
}
