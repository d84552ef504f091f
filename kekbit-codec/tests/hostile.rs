//! Bytes of any kind give a value or an error that names its place; nothing panics.

mod records;

use std::{fmt::Debug, num::NonZero, time::Duration};

use kekbit_codec::{Field, FixedStr, Record, decode, encode, size, view};
use proptest::prelude::*;
use records::*;
use zerocopy::FromBytes;

const CASES: u32 = if cfg!(miri) { 8 } else { 2048 };

fn poke<T: Record + Debug + PartialEq>(bytes: &[u8]) {
    drop(view::<T>(bytes));
    match decode::<T>(bytes) {
        Ok(value) => {
            let mut again = vec![0; size::<T>()];
            encode(&value, &mut again).unwrap();
            assert_eq!(decode::<T>(&again).as_ref(), Ok(&value));
        }
        Err(invalid) => {
            assert!(invalid.offset() <= size::<T>());
            assert!(!invalid.found().is_empty() && !invalid.expected().is_empty());
            assert!(invalid.to_string().contains(invalid.path()));
        }
    }
}

/// Reads what `check` refuses, too: memory shared with another process can change behind it.
fn get_whatever<T: Field>(bytes: &[u8]) {
    if let Ok(wire) = T::Wire::read_from_bytes(bytes) {
        drop(T::get(&wire));
    }
}

fn look_at_event(bytes: &[u8]) {
    let Ok(Ok(event)) = view::<Event>(bytes) else { return };
    let _ = format!("{event:?} {event:#?}");
    if let EventView::Opened(opened) = event {
        let order = opened.order();
        let _ = (opened.by(), order.hedge(), order.legs().len());
        for leg in order.legs().iter() {
            let _ = (leg.qty(), leg.side(), leg.limit());
        }
        for row in order.grid().iter() {
            for side in row.iter() {
                if let Err(invalid) = side {
                    assert!(invalid.path().starts_with("grid["), "{invalid}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn random_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        poke::<Numbers>(&bytes);
        poke::<Judged>(&bytes);
        poke::<Order>(&bytes);
        poke::<Event>(&bytes);
        poke::<Small>(&bytes);
        poke::<Wrapped>(&bytes);
    }

    #[test]
    fn random_images_are_judged(
        bytes in prop::collection::vec(any::<u8>(), size::<Event>() + size::<Judged>()),
        tag in 0_u8..6,
    ) {
        let mut bytes = bytes;
        bytes[0] = tag;
        bytes[1] = 0;
        let event = &bytes[..size::<Event>()];
        poke::<Event>(event);
        look_at_event(event);
        get_whatever::<Event>(event);
        poke::<Judged>(&bytes[..size::<Judged>()]);
        poke::<Order>(&bytes[..size::<Order>()]);
        get_whatever::<Order>(&bytes[..size::<Order>()]);
        poke::<Wrapped>(&bytes[..size::<Wrapped>()]);
        get_whatever::<Wrapped>(&bytes[..size::<Wrapped>()]);
        get_whatever::<char>(&bytes[..4]);
        get_whatever::<Duration>(&bytes[..12]);
        get_whatever::<NonZero<u8>>(&bytes[..1]);
        let text = <FixedStr<9> as Field>::get(bytes[..9].try_into().unwrap());
        prop_assert!(text.as_str().len() <= 9);
    }

    #[test]
    fn a_changed_byte_gives_an_error_there_or_behind(
        value in event(),
        at in 0..size::<Event>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = vec![0; size::<Event>()];
        encode(&value, &mut bytes).unwrap();
        bytes[at] = byte;
        poke::<Event>(&bytes);
        look_at_event(&bytes);
        if let Err(invalid) = decode::<Event>(&bytes) {
            // A changed tag or presence byte makes other bytes count, which lie behind it. A field
            // is at most as long as the longest text.
            prop_assert!(at < invalid.offset() + 4, "{invalid} for {at}");
            prop_assert!(invalid.offset() < size::<Event>());
        }
    }
}

#[test]
fn an_error_names_path_offset_and_value() {
    let check = |bytes: &[u8], path: &str, offset: usize, found: &str, expected: &str| {
        let invalid = decode::<Event>(bytes).unwrap_err();
        assert_eq!(
            (invalid.path(), invalid.offset(), invalid.found(), invalid.expected()),
            (path, offset, found, expected)
        );
    };
    let side = "one of 1 (Buy), 2 (Sell), 200 (Short)";
    let valid = |at: usize, byte: u8| {
        let leg = Leg { qty: 1, side: Side::Buy, limit: Some(2) };
        let order = Order {
            id: 1,
            legs: [leg; 3],
            maybe: [Some(true); 2],
            grid: [[Side::Sell; 2]; 2],
            hedge: Some(leg),
            nothing: Nothing,
        };
        let event = Event::Opened { order, by: FixedStr::new("me").unwrap() };
        let mut bytes = vec![0; size::<Event>()];
        encode(&event, &mut bytes).unwrap();
        bytes[at] = byte;
        bytes
    };
    let tags = "one of 1 (Opened), 2 (Moved), 700 (Closed), 701 (Reopened)";
    check(&[], "", 0, "0 bytes", "55 bytes");
    check(&valid(0, 9), "", 0, "tag 9", tags);
    check(&valid(30, 0), "Opened.order.legs[2].side", 30, "tag 0", side);
    check(
        &valid(31, 7),
        "Opened.order.legs[2].limit",
        31,
        "presence 7",
        "0 (absent) or 1 (present)",
    );
    check(&valid(37, 3), "Opened.order.maybe[1]", 37, "3", "0 or 1");
    check(&valid(40, 9), "Opened.order.grid[1][0]", 40, "tag 9", side);
    check(&valid(47, 9), "Opened.order.hedge.side", 47, "tag 9", side);
    check(&valid(53, 0xFF), "Opened.by", 51, "byte 0xff at 2 of the text", "UTF-8");
    check(
        &valid(54, b'x'),
        "Opened.by",
        51,
        "byte 0x78 at 3 behind the end of the text at 2",
        "zeroes behind the text",
    );
}

#[test]
fn a_view_tells_the_same_of_the_field_it_was_asked() {
    let mut bytes = vec![0; size::<Order>()];
    bytes[32] = 1;
    bytes[33] = 8;
    let order = view::<Order>(&bytes).unwrap();
    let tell = |invalid: kekbit_codec::Invalid| format!("{} {}", invalid.path(), invalid.offset());
    assert_eq!(tell(order.maybe().get(0).unwrap().map(drop).unwrap_err()), "maybe[0] 33");
    assert_eq!(tell(order.grid().get(1).unwrap().get(0).unwrap().unwrap_err()), "grid[1][0] 38");
    assert_eq!(tell(order.legs().get(1).unwrap().side().unwrap_err()), "side 4");
}

#[test]
fn what_a_foreign_type_refuses_is_an_error() {
    let uuid = decode::<Uuid16>(&[0xFF; 16]).unwrap_err();
    assert_eq!(
        uuid.to_string(),
        "field `uuid` at byte 0: found what its type refuses (all ones is reserved), expected what \
         it accepts"
    );
    assert_eq!(view::<Uuid16>(&[1; 16]).unwrap().uuid(), Ok(Uuid(u128::from_le_bytes([1; 16]))));
    assert_eq!(view::<Uuid16>(&[0xFF; 16]).unwrap().uuid(), Err(uuid));
}
