//! [`Field`] for integers, floats, `bool`, `char`, `NonZero` and the addresses and durations of
//! `core`.

use core::{
    hash::Hasher,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    time::Duration,
};

use zerocopy::{
    IntoBytes,
    little_endian::{U16, U32, U64, U128},
};

use crate::{
    error::Invalid,
    field::{Field, plain_view, put_one_by_one},
    schema::Type,
    wire::Pair,
};

/// Nothing more than the trait has.
macro_rules! one_by_one {
    ($wire:ty) => {};
}

/// What is the same in memory and on the wire, where integers are little-endian in memory.
macro_rules! at_once {
    ($wire:ty) => {
        #[inline(always)]
        fn put_all(values: &[Self], wires: &mut [$wire]) {
            if cfg!(target_endian = "little") && values.len() == wires.len() {
                wires.as_mut_bytes().copy_from_slice(values.as_bytes());
            } else {
                put_one_by_one(values, wires);
            }
        }
    };
}

/// Types of which every image is a value: the two functions say how it is made and read.
macro_rules! total {
    ($more:ident: $($type:ty, $wire:ty, $node:expr, $pack:expr, $unpack:expr;)*) => {$(
        impl Field for $type {
            type Wire = $wire;
            type View<'a> = $type;
            const TYPE: Type = $node;

            #[inline]
            fn put(&self, wire: &mut $wire) {
                *wire = $pack(*self);
            }
            #[inline]
            fn check(_: &$wire) -> Result<(), Invalid> {
                Ok(())
            }
            #[inline]
            fn get(wire: &$wire) -> $type {
                $unpack(*wire)
            }
            #[inline]
            fn view(wire: &$wire) -> $type {
                $unpack(*wire)
            }
            #[inline(always)]
            fn put_and_feed<H: Hasher>(&self, wire: &mut $wire, hasher: &mut H) {
                // NB: twice, so that the compiler can put numbers that lie side by side at once, as
                // one vector; those that are fed stand in registers of their own.
                self.put(wire);
                hasher.write($pack(*self).as_bytes());
            }
            $more!($wire);
        }

        plain_view!($type);
    )*};
}

total! { at_once:
    u8, u8, Type::U8, |value| value, |wire| wire;
    u16, U16, Type::U16, U16::new, U16::get;
    u32, U32, Type::U32, U32::new, U32::get;
    u64, U64, Type::U64, U64::new, U64::get;
    u128, U128, Type::U128, U128::new, U128::get;
    i8, u8, Type::I8, i8::cast_unsigned, u8::cast_signed;
    i16, U16, Type::I16, |value: i16| U16::new(value.cast_unsigned()),
        |wire: U16| wire.get().cast_signed();
    i32, U32, Type::I32, |value: i32| U32::new(value.cast_unsigned()),
        |wire: U32| wire.get().cast_signed();
    i64, U64, Type::I64, |value: i64| U64::new(value.cast_unsigned()),
        |wire: U64| wire.get().cast_signed();
    i128, U128, Type::I128, |value: i128| U128::new(value.cast_unsigned()),
        |wire: U128| wire.get().cast_signed();
    f32, U32, Type::F32, |value: f32| U32::new(value.to_bits()),
        |wire: U32| f32::from_bits(wire.get());
    f64, U64, Type::F64, |value: f64| U64::new(value.to_bits()),
        |wire: U64| f64::from_bits(wire.get());
}

total! { one_by_one:
    Ipv4Addr, [u8; 4], Type::Ipv4, |value: Ipv4Addr| value.octets(), Ipv4Addr::from;
    Ipv6Addr, [u8; 16], Type::Ipv6, |value: Ipv6Addr| value.octets(), Ipv6Addr::from;
}

/// Types some images of which are no value: `$judge` gives the value or `None`; `$fallback` is what
/// `get` makes of such an image, `$refuse` what `check` says.
macro_rules! partial {
    ($($type:ty, $wire:ty, $node:expr, $pack:expr, $judge:expr, $fallback:expr,
       $refuse:expr;)*) => {$(
        impl Field for $type {
            type Wire = $wire;
            type View<'a> = Result<$type, Invalid>;
            const TYPE: Type = $node;

            #[inline]
            fn put(&self, wire: &mut $wire) {
                *wire = $pack(*self);
            }
            #[inline]
            fn check(wire: &$wire) -> Result<(), Invalid> {
                match $judge(*wire) {
                    Some(_) => Ok(()),
                    None => Err($refuse(*wire)),
                }
            }
            #[inline]
            fn get(wire: &$wire) -> $type {
                match $judge(*wire) {
                    Some(value) => value,
                    None => $fallback,
                }
            }
            #[inline]
            fn view(wire: &$wire) -> Result<$type, Invalid> {
                match $judge(*wire) {
                    Some(value) => Ok(value),
                    None => Err($refuse(*wire)),
                }
            }
        }
    )*};
}

partial! {
    bool, u8, Type::Bool, u8::from, judge_bool, true, no_bool;
    char, U32, Type::Char, |value| U32::new(u32::from(value)),
        |wire: U32| char::from_u32(wire.get()), char::REPLACEMENT_CHARACTER, no_char;
    Duration, Pair<U64, U32>, Type::Duration,
        |value: Duration| Pair {
            a: U64::new(value.as_secs()),
            b: U32::new(value.subsec_nanos()),
        },
        judge_duration, Duration::MAX, no_duration;
}

#[cold]
#[inline(never)]
fn no_bool(wire: u8) -> Invalid {
    Invalid::new(wire, "0 or 1")
}

#[cold]
#[inline(never)]
fn no_char(wire: U32) -> Invalid {
    Invalid::new(format_args!("{:#x}", wire.get()), "a Unicode scalar value")
}

#[cold]
#[inline(never)]
fn no_duration(wire: Pair<U64, U32>) -> Invalid {
    Invalid::new(format_args!("{} nanoseconds", wire.b.get()), "less than a second of them")
}

#[cold]
#[inline(never)]
fn zero() -> Invalid {
    Invalid::new("0", "any other number")
}

const NANOS_PER_SECOND: u32 = 1_000_000_000;

#[inline]
fn judge_bool(wire: u8) -> Option<bool> {
    match wire {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[inline]
fn judge_duration(wire: Pair<U64, U32>) -> Option<Duration> {
    let nanos = wire.b.get();
    (nanos < NANOS_PER_SECOND).then(|| Duration::new(wire.a.get(), nanos))
}

/// `NonZero` has the image of its integer.
macro_rules! nonzero {
    ($($integer:ty)*) => {$(
        impl Field for NonZero<$integer> {
            type Wire = <$integer as Field>::Wire;
            type View<'a> = Result<Self, Invalid>;
            const TYPE: Type = Type::NonZero(&<$integer as Field>::TYPE);

            #[inline]
            fn put(&self, wire: &mut Self::Wire) {
                self.get().put(wire);
            }
            #[inline]
            fn check(wire: &Self::Wire) -> Result<(), Invalid> {
                match <$integer>::get(wire) {
                    0 => Err(zero()),
                    _ => Ok(()),
                }
            }
            #[inline]
            fn get(wire: &Self::Wire) -> Self {
                Self::new(<$integer>::get(wire)).unwrap_or(Self::MAX)
            }
            #[inline]
            fn view(wire: &Self::Wire) -> Result<Self, Invalid> {
                match Self::new(<$integer>::get(wire)) {
                    Some(value) => Ok(value),
                    None => Err(zero()),
                }
            }
        }
    )*};
}

nonzero!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);
