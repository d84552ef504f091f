//! What was encoded is decoded, whatever lay in the slot before.

mod fed;
mod records;

use std::fmt::Debug;

use kekbit_codec::{FixedStr, Record, TextError, decode, encode, size};
use proptest::prelude::*;
use records::*;

const CASES: u32 = if cfg!(miri) { 8 } else { 512 };

fn check<T: Record + Debug + PartialEq>(value: &T) {
    let mut zeroes = vec![0x00; size::<T>()];
    let mut stale = vec![0xEE; size::<T>()];
    encode(value, &mut zeroes).unwrap();
    encode(value, &mut stale).unwrap();
    assert_eq!(zeroes, stale, "a byte of the slot was not written");
    assert_eq!(fed::fed(value), zeroes, "the image is fed");
    let decoded: T = decode(&zeroes).unwrap();
    assert_eq!(&decoded, value);
    assert_eq!(T::SCHEMA.size(), size::<T>());
    for len in [0, size::<T>().saturating_sub(1), size::<T>() + 1] {
        if len != size::<T>() {
            assert!(decode::<T>(&vec![0; len]).is_err());
            assert!(encode(value, &mut vec![0; len]).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn numbers_come_back(value in numbers()) {
        check(&value);
    }

    #[test]
    fn judged_values_come_back(value in judged()) {
        check(&value);
    }

    #[test]
    fn nested_records_come_back(value in order()) {
        check(&value);
    }

    #[test]
    fn events_come_back(value in event()) {
        check(&value);
    }

    #[test]
    fn small_events_come_back(value in small()) {
        check(&value);
    }

    #[test]
    fn generic_records_come_back(value in wrapped()) {
        check(&value);
    }

    #[test]
    fn a_text_is_taken_whole_or_refused(text in ".*") {
        let nul = text.find('\0');
        match FixedStr::<12>::new(&text) {
            Ok(fixed) => {
                prop_assert_eq!(fixed.as_str(), &text);
                let mut wire = [0xEE; 12];
                encode(&fixed, &mut wire).unwrap();
                prop_assert_eq!(decode::<FixedStr<12>>(&wire).unwrap(), fixed);
                prop_assert_eq!(&wire[..text.len()], text.as_bytes());
                prop_assert!(wire[text.len()..].iter().all(|&byte| byte == 0));
            }
            Err(TextError::Nul { at }) => prop_assert_eq!(Some(at), nul),
            Err(TextError::TooLong { len, max }) => {
                prop_assert_eq!((len, max), (text.len(), 12));
                prop_assert!(12 < len);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn the_limits_of_a_text_are_exact() {
    assert_eq!(FixedStr::<3>::new("abc").unwrap(), "abc");
    assert_eq!(FixedStr::<3>::new("abcd"), Err(TextError::TooLong { len: 4, max: 3 }));
    assert_eq!(FixedStr::<2>::new("\u{4e2d}"), Err(TextError::TooLong { len: 3, max: 2 }));
    assert_eq!(FixedStr::<0>::new("").unwrap(), "");
    assert_eq!(FixedStr::<4>::new("a\0"), Err(TextError::Nul { at: 1 }));
    assert_eq!(FixedStr::<3>::new("abcd").unwrap_err().to_string(), "text of 4 bytes where 3 fit");
}

#[test]
fn a_value_is_laid_out_the_same_alone_and_in_a_record() {
    let mut alone = [0xEE; 9];
    encode(&Some(-1_i64), &mut alone).unwrap();
    assert_eq!(alone, [1, 255, 255, 255, 255, 255, 255, 255, 255]);
    encode(&None::<i64>, &mut alone).unwrap();
    assert_eq!(alone, [0; 9]);
}
