//! Versions of a record: what an older one becomes, what a newer one is to an older type.
//!
//! Each pair is raised in two ways, which have to agree: `raise(encode(v1))`, and the upcast as one
//! would write it by hand.

use std::fmt::Debug;

use kekbit_codec::{
    FixedStr, ParsedSchema, Raise, Record, Relation, assert_extends, decode, decode_prefix, encode,
    relate, size,
};
use proptest::prelude::*;

mod v1 {
    use super::*;

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    pub(super) struct Order {
        pub id: u64,
        pub px: i64,
        pub leg: Option<Leg>,
    }

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    pub(super) struct Leg {
        pub qty: u32,
        pub end: End,
    }

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    pub(super) enum End {
        Open {
            until: u16,
        },
        #[record(tag = 5)]
        Shut(u8),
    }
}

mod v2 {
    use super::*;

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(extends = v1::Order)]
    pub(super) struct Order {
        pub id: u64,
        #[record(was = "px")]
        pub price: i64,
        pub leg: Option<Leg>,
        #[record(default = 7)]
        pub venue: u16,
        pub limit: Option<i32>,
        #[record(default = FixedStr::new("none").unwrap())]
        pub note: FixedStr<6>,
        #[record(default)]
        pub flags: [u8; 3],
    }

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(extends = v1::Leg)]
    pub(super) struct Leg {
        pub qty: u32,
        pub end: End,
        #[record(default = 100)]
        pub lot: u8,
    }

    /// Its variants gain fields and change their order; one is new, and one is renamed.
    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(extends = v1::End)]
    pub(super) enum End {
        #[record(tag = 9)]
        Moved([u64; 2]),
        #[record(tag = 5, was = "Shut")]
        Closed(u8, #[record(default = -3)] i16),
        #[record(tag = 1)]
        Open { until: u16, by: Option<u8> },
    }
}

mod v3 {
    use super::*;

    /// Called otherwise; `extends` passes the former names on.
    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(extends = v2::Order)]
    pub(super) struct Ticket {
        pub id: u64,
        #[record(was = ["px", "price"])]
        pub cost: i64,
        pub leg: Option<v2::Leg>,
        #[record(default = 8)]
        pub venue: u16,
        pub limit: Option<i32>,
        #[record(default = FixedStr::default())]
        pub note: FixedStr<6>,
        #[record(default)]
        pub flags: [u8; 3],
        pub last: Option<Last>,
    }

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    pub(super) struct Last;
}

fn end(old: v1::End) -> v2::End {
    match old {
        v1::End::Open { until } => v2::End::Open { until, by: None },
        v1::End::Shut(at) => v2::End::Closed(at, -3),
    }
}

fn leg(old: v1::Leg) -> v2::Leg {
    v2::Leg { qty: old.qty, end: end(old.end), lot: 100 }
}

fn order(old: v1::Order) -> v2::Order {
    v2::Order {
        id: old.id,
        price: old.px,
        leg: old.leg.map(leg),
        venue: 7,
        limit: None,
        note: FixedStr::new("none").unwrap(),
        flags: [0; 3],
    }
}

fn image<T: Record>(value: &T) -> Vec<u8> {
    let mut image = vec![0xEE; size::<T>()];
    encode(value, &mut image).unwrap();
    image
}

/// Raises an old value by its schema's text, as a reader of a file does.
fn raise<O: Record, N: Record>(old: &O) -> N {
    let schema = ParsedSchema::parse(&O::SCHEMA.text()).unwrap();
    Raise::<N>::new(&schema).expect("an older schema").decode(&image(old)).unwrap()
}

fn check<O: Record, N: Record + PartialEq + Debug>(old: &O, expected: &N) {
    assert_eq!(relate(&O::SCHEMA.text(), &N::SCHEMA.text()), Relation::Older);
    assert_eq!(&raise::<O, N>(old), expected);
}

fn ends() -> impl Strategy<Value = v1::End> {
    prop_oneof![
        any::<u16>().prop_map(|until| v1::End::Open { until }),
        any::<u8>().prop_map(v1::End::Shut),
    ]
}

fn orders() -> impl Strategy<Value = v1::Order> {
    let leg = (any::<u32>(), ends()).prop_map(|(qty, end)| v1::Leg { qty, end });
    (any::<u64>(), any::<i64>(), prop::option::of(leg)).prop_map(|(id, px, leg)| v1::Order {
        id,
        px,
        leg,
    })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), size::<v1::Order>())
}

proptest! {
    #[test]
    fn an_older_order_becomes_what_one_would_write_by_hand(old in orders()) {
        let new = order(old);
        check(&old, &new);
        prop_assert_eq!(v2::Order::from_older(&old).unwrap(), new);
        let ticket = v3::Ticket::from_older(&new).unwrap();
        // Directly from the first version, what was added later has the later defaults.
        let direct: v3::Ticket = raise(&old);
        prop_assert_eq!(direct, v3::Ticket { venue: 8, note: FixedStr::default(), ..ticket });
    }

    #[test]
    fn variants_become_what_one_would_write_by_hand(old in ends()) {
        check(&old, &end(old));
        prop_assert_eq!(v2::End::from_older(&old).unwrap(), end(old));
    }

    /// What the older type knows is the beginning of what the newer one wrote.
    #[test]
    fn a_newer_order_is_read_by_its_prefix(old in orders()) {
        let image = image(&order(old));
        prop_assert_eq!(decode_prefix::<v1::Order>(&image).unwrap(), old);
    }

    /// Bytes that no writer wrote give an error or a value, as they do without raising.
    #[test]
    fn hostile_bytes_do_not_panic(bytes in bytes()) {
        let schema = ParsedSchema::parse(&v1::Order::SCHEMA.text()).unwrap();
        let raised = Raise::<v2::Order>::new(&schema).unwrap().decode(&bytes);
        match decode::<v1::Order>(&bytes) {
            Ok(old) => prop_assert_eq!(raised.unwrap(), order(old)),
            Err(_) => prop_assert!(raised.is_err()),
        }
    }
}

#[test]
fn a_variant_that_came_later_is_told() {
    let moved = image(&v2::End::Moved([1, 2]));
    let invalid = decode_prefix::<v1::End>(&moved).unwrap_err();
    assert!(invalid.is_unknown_variant(), "{invalid}");
    assert_eq!(invalid.found(), "tag 9");
    let other = decode_prefix::<v1::End>(&[1]).unwrap_err();
    assert!(!other.is_unknown_variant(), "{other}");
}

#[test]
fn payloads_of_another_length_are_refused() {
    let schema = ParsedSchema::parse(&v1::Leg::SCHEMA.text()).unwrap();
    let raise = Raise::<v2::Leg>::new(&schema).unwrap();
    for len in [0, size::<v1::Leg>() - 1, size::<v1::Leg>() + 1] {
        assert!(raise.decode(&vec![0; len]).is_err(), "{len}");
    }
}

#[test]
fn a_type_that_reads_nothing_of_it_has_no_way() {
    let newer = ParsedSchema::parse(&v2::Order::SCHEMA.text()).unwrap();
    assert!(Raise::<v1::Order>::new(&newer).is_none());
    let other = ParsedSchema::parse("struct Order 1\n id 0 1 u8\n").unwrap();
    assert!(Raise::<v1::Order>::new(&other).is_none());
    let own = ParsedSchema::parse(&v1::Order::SCHEMA.text()).unwrap();
    assert!(Raise::<v1::Order>::new(&own).unwrap().is_plain());
}

/// Room to grow, in the middle of a record and in an array.
mod room {
    use super::*;

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(size = 8)]
    pub(super) enum Before {
        A { x: u8 },
        B,
    }

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(size = 8, was = "Before")]
    pub(super) enum After {
        A {
            x: u8,
            #[record(default = 0x0102)]
            y: u16,
        },
        B,
        C([u8; 6]),
    }

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    pub(super) struct Old<T> {
        pub first: T,
        pub all: [T; 3],
        pub last: u8,
    }

    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    #[record(was = "Old")]
    pub(super) struct New<T> {
        pub first: T,
        pub all: [T; 3],
        pub last: u8,
        #[record(default = 1)]
        pub more: u8,
    }

    assert_extends!(Old<Before> => New<After>);
    assert_extends!(Old<[u16; 2]> => New<[u16; 2]>);
}

#[test]
fn enums_with_room_grow_anywhere() {
    use room::{After, Before, New, Old};

    let up = |old| match old {
        Before::A { x } => After::A { x, y: 0x0102 },
        Before::B => After::B,
    };
    let old =
        Old { first: Before::A { x: 1 }, all: [Before::B, Before::A { x: 2 }, Before::B], last: 9 };
    let new = New { first: up(old.first), all: old.all.map(up), last: 9, more: 1 };
    check(&old, &new);
    let newer = New { all: [After::B, After::C([1; 6]), After::B], ..new };
    assert!(decode_prefix::<Old<Before>>(&image(&newer)).unwrap_err().is_unknown_variant());
}

#[test]
fn annotations_say_what_became_of_it() {
    let text = v3::Ticket::SCHEMA.text();
    assert!(text.starts_with("struct Ticket 57\n # record-was Order\n id 0 8 u64\n"), "{text}");
    assert!(text.contains("\n cost 8 8 i64\n  # was px price\n"), "{text}");
    assert!(text.contains(" u16\n  # default\n"), "{text}");
}
