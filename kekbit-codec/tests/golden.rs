//! Pins the bytes, the schema text and the fingerprint of records of every kind: files outlive the
//! code that wrote them. A change here is a change of the format.
//!
//! `KEKBIT_BLESS=1 cargo test -p kekbit-codec --test golden` writes what is found to `tests/data/`.

#[path = "records/annotated.rs"]
mod annotated;
mod records;

use std::{
    fmt::Write as _,
    fs,
    marker::PhantomData,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZero,
    path::Path,
    time::Duration,
};

use kekbit_codec::{FixedBytes, FixedStr, Record, Timestamp, decode, encode, size};
use records::*;

/// Compares text, fingerprint and images with `tests/data/NAME.txt`.
fn check<T: Record + PartialEq + std::fmt::Debug>(name: &str, values: &[T]) {
    let mut found = T::SCHEMA.text();
    writeln!(found, "\nfingerprint {:016x}", T::SCHEMA.fingerprint()).unwrap();
    for value in values {
        let mut image = vec![0xEE; size::<T>()];
        encode(value, &mut image).unwrap();
        assert_eq!(decode::<T>(&image).as_ref(), Ok(value));
        writeln!(found, "\n{value:?}").unwrap();
        for line in image.chunks(16) {
            let line: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(found, "{}", line.join(" ")).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    if std::env::var_os("KEKBIT_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(found, expected, "{name} differs from what is pinned");
}

#[test]
fn numbers() {
    let numbers = Numbers {
        a: 0x01,
        b: 0x0102,
        c: 0x0102_0304,
        d: 0x0102_0304_0506_0708,
        e: 0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10,
        f: -1,
        g: -2,
        h: -3,
        i: -4,
        j: -5,
        k: Bits32(1.5),
        l: Bits64(-0.0),
    };
    check("numbers.txt", &[numbers]);
}

#[test]
fn judged() {
    let judged = Judged {
        flag: true,
        letter: '\u{1f980}',
        count: NonZero::new(7).unwrap(),
        delta: NonZero::new(-7).unwrap(),
        name: FixedStr::new("n\u{e9}e").unwrap(),
        key: FixedBytes(*b"\0key\xFF"),
        at: Timestamp::from_nanos(1_700_000_000_123_456_789),
        took: Duration::new(3, 999_999_999),
        v4: Ipv4Addr::new(127, 0, 0, 1),
        v6: Ipv6Addr::LOCALHOST,
        uuid: Uuid16 { uuid: Uuid(0x0123_4567) },
    };
    check("judged.txt", &[judged]);
}

fn leg(limit: Option<i16>) -> Leg {
    Leg { qty: 5, side: Side::Short, limit }
}

fn order() -> Order {
    Order {
        id: 1,
        legs: [leg(None), leg(Some(0)), leg(Some(-1))],
        maybe: [None, Some(true)],
        grid: [[Side::Buy, Side::Sell], [Side::Sell, Side::Buy]],
        hedge: Some(leg(Some(2))),
        nothing: Nothing,
    }
}

#[test]
fn events() {
    check(
        "event.txt",
        &[
            Event::Opened { order: order(), by: FixedStr::new("me").unwrap() },
            Event::Moved(-1, Side::Buy),
            Event::Closed,
            Event::Reopened(None),
            Event::Reopened(Some(leg(None))),
        ],
    );
}

#[test]
fn small_events_and_reserved_room() {
    check("small-event.txt", &[Small::Tick(9), Small::Tock]);
}

#[test]
fn generic_records() {
    let events = [Small::Tick(1), Small::Tock];
    let wrapped = Wrapped { meta: leg(None), sequence: 8, events, marker: PhantomData };
    check("envelope.txt", &[wrapped]);
}

#[test]
fn records_without_bytes() {
    check("nothing.txt", &[Nothing]);
}

#[test]
fn annotations() {
    let held = annotated::Held { quantity: 3, kind: annotated::Kind::Limit { price: -4 } };
    let order = annotated::Order { id: 1, px: 2, held: [held], note: None, left: 5 };
    check("annotated.txt", &[order]);
}

#[test]
fn annotations_of_generic_records() {
    let wrapped = annotated::Wrapped { sequence: 1, payload: annotated::Kind::Market };
    check("annotated-generic.txt", &[wrapped]);
}

#[test]
fn annotations_are_no_part_of_the_fingerprint() {
    fn same<A: Record, P: Record>() {
        let (text, plain) = (A::SCHEMA.text(), P::SCHEMA.text());
        let kept = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        assert_ne!(text, plain);
        assert_eq!(kept, plain);
        assert_eq!(A::SCHEMA.fingerprint(), P::SCHEMA.fingerprint());
    }
    same::<annotated::Order, annotated::plain::Order>();
    same::<annotated::Kind, annotated::plain::Kind>();
    same::<annotated::Wrapped<annotated::Kind>, annotated::plain::Wrapped<annotated::plain::Kind>>(
    );
}

/// What the compiler compares lacks only what is for people.
#[test]
fn the_text_at_compile_time_has_what_matters_to_the_relation() {
    const LEN: usize = annotated::Order::SCHEMA.text_len();
    const TEXT: [u8; LEN] = annotated::Order::SCHEMA.text_bytes();
    let text = annotated::Order::SCHEMA.text();
    let is_told = |line: &&str| {
        !line.trim_start().starts_with("# unit") && !line.trim_start().starts_with("# doc")
    };
    let kept: String = text.lines().filter(is_told).map(|line| format!("{line}\n")).collect();
    assert_eq!(str::from_utf8(&TEXT).unwrap(), kept);
}

#[test]
fn the_text_of_a_nested_record_is_the_same_everywhere() {
    let leg = Leg::SCHEMA.text();
    let fields = |indent: usize| -> String {
        let indent = " ".repeat(indent);
        leg.lines().skip(1).map(|line| format!("{indent}{line}\n")).collect()
    };
    let order = Order::SCHEMA.text();
    assert!(order.contains(&format!("\n  - 0 8 struct Leg\n{}", fields(2))), "{order}");
    assert!(order.contains(&format!("\n  - 1 8 struct Leg\n{}", fields(2))), "{order}");
}

#[test]
fn the_fingerprint_is_the_fnv_hash_of_the_text() {
    const FINGERPRINT: u64 = Wrapped::SCHEMA.fingerprint();
    let hash = |text: &str| {
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    assert_eq!(FINGERPRINT, hash(&Wrapped::SCHEMA.text()));
    assert_eq!(Event::SCHEMA.fingerprint(), hash(&Event::SCHEMA.text()));
}
