//! Records with every type that a field can have, and values that are at the edges of them.

use std::{
    marker::PhantomData,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    time::Duration,
};

use kekbit_channel::{Field, FixedBytes, FixedStr, Invalid, Record, Timestamp, Type};

/// A record with values to be written.
pub(crate) trait Samples: Record {
    fn samples() -> Vec<Self>;
}

#[derive(Record, Clone)]
pub(crate) struct Scalars {
    pub byte: u8,
    pub short: u16,
    pub int: u32,
    pub long: u64,
    pub wide: u128,
    pub signed_byte: i8,
    pub signed_short: i16,
    pub signed_int: i32,
    #[record(unit = "cents", doc = "What it costs.")]
    pub signed_long: i64,
    pub signed_wide: i128,
    pub single: f32,
    pub double: f64,
    pub flag: bool,
    pub letter: char,
    pub text: FixedStr<9>,
    pub bytes: FixedBytes<3>,
    pub at: Timestamp,
    pub took: Duration,
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
    pub nothing: PhantomData<u64>,
    pub none: NoBytes,
    pub count: Counts,
}

#[derive(Record, Clone)]
pub(crate) struct Counts {
    pub a: NonZero<u8>,
    pub b: NonZero<u16>,
    pub c: NonZero<u32>,
    pub d: NonZero<u64>,
    pub e: NonZero<u128>,
    pub f: NonZero<i8>,
    pub g: NonZero<i16>,
    pub h: NonZero<i32>,
    pub i: NonZero<i64>,
    pub j: NonZero<i128>,
}

/// One of several numbers that are all in one place.
fn pick<T: Copy>(values: &[T], index: usize) -> T {
    values[index % values.len()]
}

fn text<const N: usize>(index: usize) -> FixedStr<N> {
    let texts = [
        "",
        "plain",
        "\u{df}\u{20ac}\u{1f980}",
        "\"\\\t\u{1}",
        "\u{e9}\u{2028}\u{7f}",
        "nine byte",
    ];
    let text = pick(&texts, index);
    let fits = (0..=N.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap();
    FixedStr::new(&text[..fits]).unwrap()
}

fn v6(index: usize) -> Ipv6Addr {
    let addresses = ["::", "::1", "2001:db8::1:0:0:1", "::ffff:1.2.3.4", "1::", "fe80:0:0:1::2"];
    pick(&addresses, index).parse().unwrap()
}

fn duration(index: usize) -> Duration {
    pick(&[Duration::ZERO, Duration::MAX, Duration::new(3, 5), Duration::from_nanos(999)], index)
}

macro_rules! ends {
    ($type:ty, $index:expr) => {
        pick(&[<$type>::MIN, <$type>::MAX, 1, <$type>::MAX / 3], $index)
    };
}

macro_rules! nonzero {
    ($type:ty, $index:expr) => {
        NonZero::new(pick(&[1, <$type>::MAX, <$type>::MAX / 5], $index)).unwrap()
    };
}

fn single(index: usize) -> f32 {
    let mut all =
        vec![0.0, -0.0, 0.1, f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), -16_777_217.0];
    all.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0xFFC0_0001), 1e10]);
    pick(&all, index)
}

fn double(index: usize) -> f64 {
    let mut all = vec![0.0, -0.0, 0.1, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1), -1e-300];
    all.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e16, 9_007_199_254_740_993.0, 1e21]);
    pick(&all, index)
}

impl Samples for Scalars {
    fn samples() -> Vec<Scalars> {
        let sample = |n: usize| Scalars {
            byte: ends!(u8, n),
            short: ends!(u16, n),
            int: ends!(u32, n),
            long: ends!(u64, n),
            wide: ends!(u128, n),
            signed_byte: ends!(i8, n),
            signed_short: ends!(i16, n),
            signed_int: ends!(i32, n),
            signed_long: ends!(i64, n),
            signed_wide: ends!(i128, n),
            single: single(n),
            double: double(n),
            flag: n.is_multiple_of(2),
            letter: pick(&['\0', 'a', '"', '\u{d7ff}', '\u{e000}', '\u{10ffff}'], n),
            text: text(n),
            bytes: FixedBytes([0xFF, 0, 0x0A]),
            at: Timestamp::from_nanos(pick(&[0, 1, 1 << 62, u64::MAX], n)),
            took: duration(n),
            v4: pick(&[Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST], n),
            v6: v6(n),
            nothing: PhantomData,
            none: NoBytes,
            count: Counts {
                a: nonzero!(u8, n),
                b: nonzero!(u16, n),
                c: nonzero!(u32, n),
                d: nonzero!(u64, n),
                e: nonzero!(u128, n),
                f: nonzero!(i8, n),
                g: nonzero!(i16, n),
                h: nonzero!(i32, n),
                i: nonzero!(i64, n),
                j: NonZero::new(pick(&[i128::MIN, -1, i128::MAX], n)).unwrap(),
            },
        };
        (0..26).map(sample).collect()
    }
}

#[derive(Record, Clone, Copy)]
pub(crate) struct NoBytes;

/// A field of each type, which may be there.
#[derive(Record)]
pub(crate) struct Options {
    byte: Option<u8>,
    short: Option<u16>,
    int: Option<u32>,
    long: Option<u64>,
    wide: Option<u128>,
    signed_byte: Option<i8>,
    signed_short: Option<i16>,
    signed_int: Option<i32>,
    signed_long: Option<i64>,
    signed_wide: Option<i128>,
    single: Option<f32>,
    double: Option<f64>,
    flag: Option<bool>,
    letter: Option<char>,
    text: Option<FixedStr<9>>,
    bytes: Option<FixedBytes<3>>,
    at: Option<Timestamp>,
    took: Option<Duration>,
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
    count: Option<NonZero<u32>>,
    percent: Option<Percent>,
    nothing: Option<PhantomData<u64>>,
    none: Option<NoBytes>,
    array: Option<[u16; 2]>,
    empty: Option<[u16; 0]>,
    gapped: Option<Gapped>,
    event: Option<Event>,
    leg: Option<Leg>,
    option: Option<Option<u8>>,
}

impl Samples for Options {
    fn samples() -> Vec<Options> {
        let sample = |n: usize| {
            let all = Scalars::samples().swap_remove(n);
            // Each is there in half of the records, and next to others.
            let is = |place: usize| ((n >> (place % 3)) & 1) == 0;
            Options {
                byte: is(0).then_some(all.byte),
                short: is(1).then_some(all.short),
                int: is(2).then_some(all.int),
                long: is(3).then_some(all.long),
                wide: is(4).then_some(all.wide),
                signed_byte: is(5).then_some(all.signed_byte),
                signed_short: is(6).then_some(all.signed_short),
                signed_int: is(7).then_some(all.signed_int),
                signed_long: is(8).then_some(all.signed_long),
                signed_wide: is(9).then_some(all.signed_wide),
                single: is(10).then_some(all.single),
                double: is(11).then_some(all.double),
                flag: is(12).then_some(all.flag),
                letter: is(13).then_some(all.letter),
                text: is(14).then_some(all.text),
                bytes: is(15).then_some(all.bytes),
                at: is(16).then_some(all.at),
                took: is(17).then_some(all.took),
                v4: is(18).then_some(all.v4),
                v6: is(19).then_some(all.v6),
                count: is(20).then_some(all.count.c),
                percent: is(21).then_some(Percent(100)),
                nothing: is(22).then_some(PhantomData),
                none: is(23).then_some(NoBytes),
                array: is(24).then_some([1, all.short]),
                empty: is(25).then_some([]),
                gapped: is(26).then_some(Gapped::Late),
                event: is(27).then(|| Event::samples().swap_remove(n % 6)),
                leg: is(28).then_some(leg(n)),
                option: is(29).then_some(is(30).then_some(all.byte)),
            }
        };
        (0..16).map(sample).collect()
    }
}

#[derive(Record)]
pub(crate) struct Arrays {
    shorts: [u16; 3],
    grid: [[u8; 2]; 3],
    cube: [[[i16; 1]; 2]; 1],
    wides: [[u128; 2]; 2],
    singles: [f32; 12],
    doubles: [f64; 13],
    flags: [bool; 2],
    letters: [char; 2],
    texts: [FixedStr<5>; 6],
    bytes: [FixedBytes<2>; 2],
    counts: [NonZero<i8>; 2],
    times: [Timestamp; 2],
    spans: [[Duration; 2]; 2],
    v4: [Ipv4Addr; 2],
    v6: [[Ipv6Addr; 3]; 2],
    options: [Option<u32>; 3],
    pairs: [[Option<[u8; 2]>; 2]; 2],
    legs: [[Leg; 1]; 2],
    gapped: [[Gapped; 2]; 2],
    events: [Event; 6],
    nothings: [NoBytes; 2],
    phantoms: [[PhantomData<u8>; 2]; 1],
    empty: [u64; 0],
    emptied: [[u64; 0]; 2],
    percents: [Percent; 2],
}

impl Samples for Arrays {
    fn samples() -> Vec<Arrays> {
        let sample = |n: usize| Arrays {
            shorts: [0, 1, ends!(u16, n)],
            grid: [[1, 2], [3, 4], [5, ends!(u8, n)]],
            cube: [[[-1], [ends!(i16, n)]]],
            wides: [[0, u128::MAX], [1, ends!(u128, n)]],
            singles: std::array::from_fn(|index| single(index + n)),
            doubles: std::array::from_fn(|index| double(index + n)),
            flags: [true, n == 1],
            letters: ['\u{1f980}', '\\'],
            texts: std::array::from_fn(|index| text(index + n)),
            bytes: [FixedBytes([1, 2]), FixedBytes([0, 0])],
            counts: [nonzero!(i8, n), NonZero::new(-1).unwrap()],
            times: [Timestamp::from_nanos(7), Timestamp::from_nanos(8)],
            spans: std::array::from_fn(|row| {
                std::array::from_fn(|index| duration(2 * row + index))
            }),
            v4: [Ipv4Addr::LOCALHOST, Ipv4Addr::new(1, 2, 3, 4)],
            v6: std::array::from_fn(|row| std::array::from_fn(|index| v6(3 * row + index))),
            options: [Some(0), None, Some(ends!(u32, n))],
            pairs: [[None, Some([1, 2])], [Some([0, 0]), None]],
            legs: [[leg(n)], [leg(n + 1)]],
            gapped: [[Gapped::Early, Gapped::Late], [Gapped::Late, Gapped::Middle]],
            events: Event::samples().try_into().unwrap_or_else(|_| panic!("six events")),
            nothings: [NoBytes, NoBytes],
            phantoms: [[PhantomData; 2]],
            empty: [],
            emptied: [[], []],
            percents: [Percent(0), Percent(50)],
        };
        (0..4).map(sample).collect()
    }
}

/// An implementor of `Field`, of which the schema knows the name only.
#[derive(Clone, Copy)]
pub(crate) struct Percent(u8);

impl Field for Percent {
    type Wire = u8;
    type View<'a> = Result<Percent, Invalid>;
    const TYPE: Type = Type::opaque("percent", 1);

    fn put(&self, wire: &mut u8) {
        *wire = self.0;
    }

    fn check(wire: &u8) -> Result<(), Invalid> {
        if *wire <= 100 { Ok(()) } else { Err(Invalid::new(wire, "a percentage")) }
    }

    fn get(wire: &u8) -> Percent {
        Percent((*wire).min(100))
    }

    fn view(wire: &u8) -> Result<Percent, Invalid> {
        Self::check(wire).map(|()| Self::get(wire))
    }
}

/// A foreign type, as far as the derive can see: it implements nothing of the codec.
pub(crate) struct Uuid(u128);

#[derive(Record)]
pub(crate) struct UuidBytes([u8; 16]);

impl From<&Uuid> for UuidBytes {
    fn from(uuid: &Uuid) -> UuidBytes {
        UuidBytes(uuid.0.to_le_bytes())
    }
}

impl From<UuidBytes> for Uuid {
    fn from(bytes: UuidBytes) -> Uuid {
        Uuid(u128::from_le_bytes(bytes.0))
    }
}

#[derive(Record, Clone, Copy)]
pub(crate) struct Leg {
    pub quantity: u32,
    pub price: Option<i64>,
    pub kind: Gapped,
}

fn leg(n: usize) -> Leg {
    let kind = pick(&[Gapped::Early, Gapped::Middle, Gapped::Late], n);
    Leg { quantity: ends!(u32, n), price: (n != 1).then_some(ends!(i64, n)), kind }
}

/// Tags with gaps.
#[derive(Record, Debug, Clone, Copy)]
pub(crate) enum Gapped {
    Early = 3,
    Middle = 4,
    Late = 200,
}

impl Samples for Gapped {
    fn samples() -> Vec<Gapped> {
        vec![Gapped::Late, Gapped::Early, Gapped::Middle, Gapped::Early]
    }
}

#[derive(Record, Debug, Clone, Copy)]
#[record(tag_size = 2)]
pub(crate) enum WideTag {
    Small,
    #[record(tag = 40_000)]
    Large,
}

impl Samples for WideTag {
    fn samples() -> Vec<WideTag> {
        vec![WideTag::Large, WideTag::Small]
    }
}

/// No variant has fields, but there is room for some.
#[derive(Record, Debug, Clone, Copy)]
#[record(tag_size = 2, size = 10)]
pub(crate) enum Roomy {
    One,
    Two,
}

impl Samples for Roomy {
    fn samples() -> Vec<Roomy> {
        vec![Roomy::Two, Roomy::One]
    }
}

/// Variants with fields, which take no bytes.
#[derive(Record, Clone, Copy)]
pub(crate) enum Weightless {
    Plain,
    Marked(PhantomData<u8>),
    Named { nothing: NoBytes, phantom: PhantomData<u8> },
}

impl Samples for Weightless {
    fn samples() -> Vec<Weightless> {
        let named = Weightless::Named { nothing: NoBytes, phantom: PhantomData };
        vec![Weightless::Plain, Weightless::Marked(PhantomData), named]
    }
}

#[derive(Record)]
pub(crate) enum Event {
    Opened {
        account: u64,
        joint: bool,
        text: FixedStr<6>,
    },
    Moved(i32, Gapped),
    One(f32),
    Inner(Inner),
    #[record(tag = 700)]
    Closed,
    Legs([Option<Leg>; 2]),
}

#[derive(Record)]
#[record(size = 24)]
pub(crate) enum Inner {
    Empty,
    Full { id: NonZero<u16>, spans: [Duration; 1] },
}

impl Samples for Event {
    fn samples() -> Vec<Event> {
        let full = Inner::Full { id: NonZero::new(9).unwrap(), spans: [Duration::new(1, 2)] };
        vec![
            Event::Opened { account: u64::MAX, joint: true, text: text(2) },
            Event::Moved(i32::MIN, Gapped::Middle),
            Event::One(0.1),
            Event::Inner(full),
            Event::Closed,
            Event::Legs([None, Some(leg(1))]),
        ]
    }
}

#[derive(Record, Clone, Copy)]
pub(crate) struct Generic<T, const N: usize> {
    pub items: [T; N],
    pub last: Option<T>,
    pub marker: PhantomData<T>,
}

#[derive(Record, Clone, Copy)]
pub(crate) struct Newtype(pub u64);

#[derive(Record, Clone, Copy)]
pub(crate) struct Tuple(pub u8, pub f32, pub NoBytes);

/// Records in records, and names that other languages have taken.
#[derive(Record)]
pub(crate) struct Nested {
    r#type: u8,
    int: i16,
    class: Option<Newtype>,
    newtype: Newtype,
    tuple: Tuple,
    tuples: [Tuple; 2],
    numbers: Generic<u16, 3>,
    legs: Generic<Leg, 1>,
    deep: Generic<Generic<Option<u8>, 2>, 2>,
    #[record(as = UuidBytes)]
    uuid: Uuid,
    percent: Percent,
    none: NoBytes,
    gapped: Gapped,
    wide_tag: WideTag,
    roomy: Roomy,
    weightless: Weightless,
    weightless_array: [Option<Weightless>; 2],
    event: Event,
    inner: Inner,
}

impl Samples for Nested {
    fn samples() -> Vec<Nested> {
        let options = Generic { items: [None, Some(7)], last: Some(None), marker: PhantomData };
        let sample = |n: usize| Nested {
            r#type: ends!(u8, n),
            int: ends!(i16, n),
            class: (n == 1).then_some(Newtype(n as u64)),
            newtype: Newtype(u64::MAX),
            tuple: Tuple(1, single(n), NoBytes),
            tuples: [Tuple(2, single(n + 1), NoBytes), Tuple(3, single(n + 2), NoBytes)],
            numbers: Generic { items: [1, 2, 3], last: None, marker: PhantomData },
            legs: Generic { items: [leg(n)], last: Some(leg(n + 1)), marker: PhantomData },
            deep: Generic { items: [options; 2], last: Some(options), marker: PhantomData },
            uuid: Uuid(ends!(u128, n)),
            percent: Percent(99),
            none: NoBytes,
            gapped: Gapped::samples()[n % 4],
            wide_tag: WideTag::samples()[n % 2],
            roomy: Roomy::samples()[n % 2],
            weightless: Weightless::samples()[n % 3],
            weightless_array: [None, Some(Weightless::samples()[n % 3])],
            event: Event::samples().swap_remove(n % 6),
            inner: if n == 0 {
                Inner::Empty
            } else {
                Inner::Full { id: NonZero::new(1).unwrap(), spans: [duration(n)] }
            },
        };
        (0..12).map(sample).collect()
    }
}

impl Samples for NoBytes {
    fn samples() -> Vec<NoBytes> {
        vec![NoBytes, NoBytes]
    }
}

impl Samples for Newtype {
    fn samples() -> Vec<Newtype> {
        vec![Newtype(0), Newtype(u64::MAX)]
    }
}

impl Samples for Tuple {
    fn samples() -> Vec<Tuple> {
        (0..12).map(|n| Tuple(ends!(u8, n), single(n), NoBytes)).collect()
    }
}

impl Samples for Generic<Leg, 2> {
    fn samples() -> Vec<Self> {
        let sample = |n| Generic {
            items: [leg(n), leg(n + 1)],
            last: n.is_multiple_of(2).then(|| leg(n)),
            marker: PhantomData,
        };
        (0..4).map(sample).collect()
    }
}
