//! JSON and CSV of what is read without a type: the shapes that serde gives to the types.
#![cfg(feature = "serde")]

use std::{
    marker::PhantomData,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    time::Duration,
};

use kekbit_codec::{FixedBytes, FixedStr, ParsedSchema, Record, Timestamp, encode, size};
use serde::{Serialize, Serializer};

#[derive(Debug, Clone, Record, Serialize)]
struct All {
    numbers: Numbers,
    judged: Judged,
    none: Nothing,
    one: One,
    phantom: PhantomData<u8>,
    pair: Pair,
    grid: [[Option<u8>; 2]; 2],
    side: Side,
    events: [Event; 5],
    limit: Option<Pair>,
    empty: [u8; 0],
    nothings: [Nothing; 2],
}

#[derive(Debug, Clone, Record, Serialize)]
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

#[derive(Debug, Clone, Record, Serialize)]
struct Judged {
    flag: bool,
    letter: char,
    count: NonZero<u16>,
    delta: NonZero<i64>,
    #[serde(serialize_with = "text")]
    name: FixedStr<12>,
    #[serde(serialize_with = "digits")]
    key: FixedBytes<3>,
    #[serde(serialize_with = "nanos")]
    at: Timestamp,
    took: Duration,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

#[derive(Debug, Clone, Record, Serialize)]
struct Nothing;

#[derive(Debug, Clone, Record, Serialize)]
struct One(u16);

#[derive(Debug, Clone, Record, Serialize)]
struct Pair(u8, One);

#[derive(Debug, Clone, Record, Serialize)]
enum Side {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Record, Serialize)]
enum Event {
    Opened { id: u64, side: Side },
    Moved(i32, Side),
    Renamed(One),
    Closed,
    Paused(Option<u8>),
}

fn text<S: Serializer>(text: &FixedStr<12>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn digits<S: Serializer>(bytes: &FixedBytes<3>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(bytes)
}

fn nanos<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(moment.as_nanos())
}

fn all(limit: Option<Pair>, l: f64, side: Side) -> All {
    All {
        numbers: Numbers {
            a: 255,
            b: 65_535,
            c: 1,
            d: u64::MAX,
            e: u128::MAX,
            f: -128,
            g: -1,
            h: i32::MIN,
            i: i64::MIN,
            j: i128::MIN,
            k: 0.1,
            l,
        },
        judged: Judged {
            flag: true,
            letter: '"',
            count: NonZero::new(7).unwrap(),
            delta: NonZero::new(-7).unwrap(),
            name: FixedStr::new("a\"\\\n\u{1f980}").unwrap(),
            key: FixedBytes([0, 1, 0xFE]),
            at: Timestamp::from_nanos(u64::MAX),
            took: Duration::new(u64::MAX, 999_999_999),
            v4: Ipv4Addr::LOCALHOST,
            v6: Ipv6Addr::LOCALHOST,
        },
        none: Nothing,
        one: One(1),
        phantom: PhantomData,
        pair: Pair(1, One(2)),
        grid: [[None, Some(1)], [Some(2), None]],
        side,
        events: [
            Event::Opened { id: 1, side: Side::Sell },
            Event::Moved(-1, Side::Buy),
            Event::Renamed(One(3)),
            Event::Closed,
            Event::Paused(None),
        ],
        limit,
        empty: [],
        nothings: [Nothing, Nothing],
    }
}

fn schema<T: Record>() -> ParsedSchema {
    ParsedSchema::parse(&T::SCHEMA.text()).unwrap()
}

fn image<T: Record>(value: &T) -> Vec<u8> {
    let mut image = vec![0; size::<T>()];
    encode(value, &mut image).unwrap();
    image
}

fn same_json<T: Record + Serialize>(value: &T) {
    let (schema, bytes) = (schema::<T>(), image(value));
    let datum = schema.datum(&bytes).unwrap();
    let expected = serde_json::to_string(value).unwrap();
    assert_eq!(serde_json::to_string(&datum).unwrap(), expected);
    assert_eq!(serde_json::to_string(&datum.value().unwrap()).unwrap(), expected);
}

#[test]
fn json_is_that_of_the_type() {
    same_json(&all(None, -0.0, Side::Buy));
    same_json(&all(Some(Pair(9, One(8))), f64::NAN, Side::Sell));
    same_json(&all(None, f64::INFINITY, Side::Sell));
    same_json(&Nothing);
    same_json(&One(7));
    same_json(&Pair(1, One(2)));
    same_json(&Side::Buy);
    for event in all(None, 0.0, Side::Buy).events {
        same_json(&event);
    }
}

#[test]
fn what_is_no_value_is_an_error_with_its_place() {
    let (schema, mut bytes) = (schema::<Pair>(), image(&Pair(1, One(2))));
    bytes.pop();
    assert!(schema.datum(&bytes).is_err());

    let text = "struct A 4\n b 0 4 array 2\n  - 0 2 struct C\n   d 0 1 u8\n   e 1 1 bool\n";
    let schema = ParsedSchema::parse(text).unwrap();
    let datum = schema.datum(&[0, 1, 0, 7]).unwrap();
    let expected = "field `b[1].e` at byte 3: found 7, expected 0 or 1";
    assert_eq!(serde_json::to_string(&datum).unwrap_err().to_string(), expected);
    let row = serde_json::to_string(&datum.row().unwrap());
    assert_eq!(row.unwrap_err().to_string(), expected);
}

#[test]
fn rows_are_flat_and_make_a_table() {
    #[derive(Record)]
    struct Order {
        id: u64,
        event: Event,
        grid: [bool; 2],
        hedge: Option<Pair>,
        name: FixedStr<8>,
        price: f64,
    }

    let schema = schema::<Order>();
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(schema.columns().unwrap()).unwrap();
    let order = |event, hedge, name| {
        let name = FixedStr::new(name).unwrap();
        Order { id: 1, event, grid: [true, false], hedge, name, price: 1.5 }
    };
    for order in [
        order(Event::Closed, None, "a,b\"c"),
        order(Event::Opened { id: 7, side: Side::Sell }, Some(Pair(1, One(2))), ""),
        order(Event::Paused(Some(0)), None, "x"),
    ] {
        table.serialize(schema.datum(&image(&order)).unwrap().row().unwrap()).unwrap();
    }
    let table = String::from_utf8(table.into_inner().unwrap()).unwrap();
    let expected = "\
id,event,event.Opened.id,event.Opened.side,event.Moved.0,event.Moved.1,event.Renamed.0.0,\
event.Paused.0,grid[0],grid[1],hedge.0,hedge.1.0,name,price
1,Closed,,,,,,,true,false,,,\"a,b\"\"c\",1.5
1,Opened,7,Sell,,,,,true,false,1,2,,1.5
1,Paused,,,,,,0,true,false,,,x,1.5
";
    assert_eq!(table, expected);
}
