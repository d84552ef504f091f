//! What `#[derive(Record)]` makes of each shape of type: image, schema and views.

mod fed;

use std::marker::PhantomData;

use kekbit_codec::{FixedStr, Record, Timestamp, decode, encode, size, view};

#[derive(Debug, Clone, PartialEq, Record)]
struct Order {
    id: u64,
    side: Side,
    limit: Option<i64>,
    legs: [Leg; 2],
    note: FixedStr<4>,
}

#[derive(Debug, Clone, Copy, PartialEq, Record)]
enum Side {
    Buy,
    Sell = 7,
}

#[derive(Debug, Clone, Copy, PartialEq, Record)]
struct Leg {
    qty: u32,
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Record)]
enum Event {
    Opened {
        at: Timestamp,
        order: Order,
    },
    Moved(i32, i32),
    #[record(tag = 300)]
    Closed,
}

#[derive(Debug, PartialEq, Record)]
struct Ping;

#[derive(Debug, PartialEq, Record)]
struct OrderId(u64);

#[derive(Debug, PartialEq, Record)]
struct Envelope<M, E, const N: usize, T = ()> {
    meta: M,
    sequence: u64,
    events: [E; N],
    marker: PhantomData<T>,
}

fn order() -> Order {
    Order {
        id: 1,
        side: Side::Sell,
        limit: Some(-2),
        legs: [Leg { qty: 3, open: true }, Leg { qty: 4, open: false }],
        note: FixedStr::new("note").unwrap(),
    }
}

fn image<T: Record>(value: &T) -> Vec<u8> {
    let (mut zeroes, mut stale) = (vec![0; size::<T>()], vec![0xEE; size::<T>()]);
    encode(value, &mut zeroes).unwrap();
    encode(value, &mut stale).unwrap();
    assert_eq!(zeroes, stale, "every byte is written");
    assert_eq!(fed::fed(value), zeroes, "the image is fed");
    zeroes
}

fn check<T: Record + PartialEq + std::fmt::Debug>(value: T, expected: &[u8]) {
    let image = image(&value);
    assert_eq!(image, expected);
    assert_eq!(T::SCHEMA.size(), size::<T>());
    assert_eq!(decode::<T>(&image).unwrap(), value);
}

#[test]
fn fields_lie_one_behind_the_other() {
    #[rustfmt::skip]
    check(order(), &[
        1, 0, 0, 0, 0, 0, 0, 0,
        7,
        1, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        3, 0, 0, 0, 1,
        4, 0, 0, 0, 0,
        b'n', b'o', b't', b'e',
    ]);
    check(Ping, &[]);
    check(OrderId(5), &[5, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn an_enum_is_a_tag_and_a_body() {
    let mut moved = vec![0; 2 + 8 + 32];
    moved[..10].copy_from_slice(&[2, 0, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    check(Event::Moved(1, -1), &moved);
    let mut closed = vec![0; 42];
    closed[..2].copy_from_slice(&[0x2C, 1]);
    check(Event::Closed, &closed);
    let opened = Event::Opened { at: Timestamp::from_nanos(9), order: order() };
    assert_eq!(decode::<Event>(&image(&opened)).unwrap(), opened);
}

#[test]
fn a_generic_struct_takes_any_fields() {
    let envelope: Envelope<OrderId, Side, 2> = Envelope {
        meta: OrderId(1),
        sequence: 2,
        events: [Side::Buy, Side::Sell],
        marker: PhantomData,
    };
    check(envelope, &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
}

#[test]
fn the_text_tells_the_layout() {
    assert_eq!(
        Event::SCHEMA.text(),
        "\
enum Event 2 42
 Opened 1 40
  at 0 8 timestamp
  order 8 32 struct Order
   id 0 8 u64
   side 8 1 enum Side 1
    Buy 0 0
    Sell 7 0
   limit 9 9 option
    - 1 8 i64
   legs 18 10 array 2
    - 0 5 struct Leg
     qty 0 4 u32
     open 4 1 bool
   note 28 4 str
 Moved 2 8
  0 0 4 i32
  1 4 4 i32
 Closed 300 0
"
    );
}

#[test]
fn a_view_reads_field_by_field() {
    let image = image(&order());
    let order = view::<Order>(&image).unwrap();
    assert_eq!(order.id(), 1);
    assert_eq!(order.side().unwrap(), Side::Sell);
    assert_eq!(order.limit().unwrap(), Some(-2));
    assert_eq!(order.note().unwrap(), "note");
    assert_eq!(order.legs().len(), 2);
    assert!(order.legs().get(0).unwrap().open().unwrap());
    assert_eq!(order.legs().iter().map(|leg| leg.qty()).sum::<u32>(), 7);
}

#[test]
fn an_error_tells_path_offset_and_value() {
    let fail = |at: usize, byte: u8, path: &str, message: &str| {
        let event = Event::Opened { at: Timestamp::EPOCH, order: order() };
        let mut image = image(&event);
        image[at] = byte;
        let invalid = decode::<Event>(&image).unwrap_err();
        assert_eq!(invalid.path(), path);
        assert_eq!(invalid.to_string(), message);
    };
    fail(0, 9, "", "at byte 0: found tag 9, expected one of 1 (Opened), 2 (Moved), 300 (Closed)");
    fail(
        18,
        3,
        "Opened.order.side",
        "field `Opened.order.side` at byte 18: found tag 3, expected one of 0 (Buy), 7 (Sell)",
    );
    fail(
        37,
        2,
        "Opened.order.legs[1].open",
        "field `Opened.order.legs[1].open` at byte 37: found 2, expected 0 or 1",
    );
}

#[test]
fn a_view_shows_what_lies_there() {
    let mut image = image(&order());
    assert_eq!(
        format!("{:?}", view::<Order>(&image).unwrap()),
        "Order { id: 1, side: Sell, limit: Some(-2), \
         legs: [Leg { qty: 3, open: true }, Leg { qty: 4, open: false }], note: \"note\" }"
    );
    image[8] = 9;
    image[9] = 4;
    image[22] = 2;
    image[31] = 0xFF;
    assert_eq!(
        format!("{:?}", view::<Order>(&image).unwrap()),
        "Order { id: 1, side: <tag 9>, limit: <presence 4>, \
         legs: [Leg { qty: 3, open: <2> }, Leg { qty: 4, open: false }], \
         note: <byte 0xff at 3 of the text> }"
    );
}

#[test]
fn the_view_of_an_enum_is_that_of_its_variant() {
    let image = image(&Event::Moved(1, -1));
    let moved = view::<Event>(&image).unwrap().unwrap();
    let EventView::Moved(fields) = moved else { panic!("{moved:?}") };
    assert_eq!((fields.field_0(), fields.field_1()), (1, -1));
    assert_eq!(format!("{moved:?}"), "Moved(1, -1)");
    let zeroes = [0; size::<Event>()];
    assert_eq!(view::<Event>(&zeroes).unwrap().unwrap_err().found(), "tag 0");
}

/// Foreign as far as the derive can see, and generic.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Meters<T>(T);

#[derive(Debug, Clone, Copy, PartialEq, Record)]
struct Raw<T>(T);

impl<T: Copy> From<&Meters<T>> for Raw<T> {
    fn from(meters: &Meters<T>) -> Raw<T> {
        Raw(meters.0)
    }
}

impl<T> From<Raw<T>> for Meters<T> {
    fn from(raw: Raw<T>) -> Meters<T> {
        Meters(raw.0)
    }
}

#[derive(Debug, Clone, PartialEq, Record)]
struct Flight<T> {
    #[record(as = Raw<T>)]
    altitude: Meters<T>,
    #[record(as = Raw<u16>)]
    range: Meters<u16>,
}

#[test]
fn a_proxy_can_be_generic() {
    let flight = Flight { altitude: Meters(7_u8), range: Meters(9) };
    check(flight.clone(), &[7, 9, 0]);
    assert_eq!(view::<Flight<u8>>(&image(&flight)).unwrap().range(), Ok(Meters(9)));
}

#[derive(Debug, Clone, Copy, PartialEq, Record)]
#[record(tag_size = 2)]
enum Later {
    Now,
    #[record(tag = 5)]
    Then,
    Never,
}

#[test]
fn an_enum_that_may_gain_data_is_tagged_from_one() {
    check(Later::Now, &[1, 0]);
    check(Later::Then, &[5, 0]);
    check(Later::Never, &[6, 0]);
    assert_eq!(Later::SCHEMA.text(), "enum Later 2 2\n Now 1 0\n Then 5 0\n Never 6 0\n");
    assert_eq!(view::<Later>(&[5, 0]).unwrap(), Ok(Later::Then));
}

const BASE: isize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Record)]
#[record(name = "light")]
enum Light {
    Red = BASE,
    Green,
    Blue = b'b' as isize,
}

#[test]
fn discriminants_are_those_of_rust() {
    check(Light::Red, &[40]);
    check(Light::Green, &[41]);
    check(Light::Blue, &[98]);
    assert_eq!(Light::SCHEMA.text(), "enum light 1 1\n Red 40 0\n Green 41 0\n Blue 98 0\n");
}
