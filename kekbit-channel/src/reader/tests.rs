//! Readers over bytes that no honest writer wrote: an error or the truth, never more.

use std::{fs::File, path::Path};

use kekbit_codec::frame::Word;
use proptest::prelude::*;

use super::*;
use crate::{
    error::{Problem, ReadErrorKind},
    header,
    region::Region,
};

/// A mapping of `header`'s channel whose data starts with `words`.
fn mapping(change: impl FnOnce(&mut Header), words: &[u64]) -> Mapping {
    let mut header = header::tests::sample();
    change(&mut header);
    let region = Region::on_heap(header.file_size().unwrap());
    for (index, word) in words.iter().enumerate() {
        region.store(header.data_offset + index as u64 * 8, *word).unwrap();
    }
    let nowhere = File::open("/dev/null").unwrap();
    Mapping::over(region, header, 0, nowhere, Path::new("heap"), false)
}

fn raw(header: &mut Header) {
    header.checksums = false;
    header.schema = String::new();
    (header.stride, header.fingerprint) = (0, 0);
}

fn problem(mapping: Mapping) -> Problem {
    let mut reader = Reader::over(Arc::new(mapping));
    match reader.try_next().map_err(ReadError::into_kind) {
        Err(ReadErrorKind::Damaged { problem, sequence: 0, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

fn record(len: u32) -> u64 {
    Word::record(len).unwrap().to_bits()
}

#[test]
fn damage_is_told_with_its_numbers() {
    let unknown = 0x5000_0000_0000_0000;
    assert_eq!(problem(mapping(raw, &[unknown])), Problem::Kind { word: unknown });
    assert_eq!(problem(mapping(raw, &[1])), Problem::Kind { word: 1 });
    assert_eq!(
        problem(mapping(raw, &[record(9)])),
        Problem::Length { found: 9, expected: 8 },
        "longer than the longest"
    );
    let typed = mapping(|header| header.checksums = false, &[record(7)]);
    assert_eq!(problem(typed), Problem::Length { found: 7, expected: 8 }, "not the stride's");
    let long = mapping(
        |header| {
            raw(header);
            header.max_payload = 1000;
        },
        &[record(200)],
    );
    assert_eq!(problem(long), Problem::PastCapacity { size: 208, available: 128 });
    let padded = Word::padding(9).unwrap().to_bits();
    assert_eq!(problem(mapping(raw, &[padded])), Problem::Padding { len: 9 });
    let far = Word::padding(1 << 20).unwrap().to_bits();
    assert_eq!(problem(mapping(raw, &[far])), Problem::Padding { len: 1 << 20 });
    let strided =
        mapping(|header| header.checksums = false, &[Word::padding(8).unwrap().to_bits()]);
    assert_eq!(problem(strided), Problem::Padding { len: 8 });
    let unchecked = mapping(raw, &[Word::record(8).unwrap().with_checksum(5).to_bits()]);
    assert_eq!(problem(unchecked), Problem::Checksum { found: 5, expected: 0 });
}

#[test]
fn a_frame_of_another_channel_place_or_content_does_not_pass() {
    let seed = crate::checksum::Seed::new(header::tests::sample().channel_id);
    let body = 0x1122_3344_5566_7788_u64.to_le_bytes();
    let word = Word::record(8).unwrap();
    let signed = |seed: crate::checksum::Seed, sequence| {
        word.with_checksum(seed.frame(sequence, word, None, &body)).to_bits()
    };
    let content = u64::from_le_bytes(body);
    let good = mapping(|_| {}, &[signed(seed, 0), content]);
    let mut reader = Reader::over(Arc::new(good));
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, body);
    for words in [
        [signed(seed, 1), content],
        [signed(crate::checksum::Seed::new(99), 0), content],
        [signed(seed, 0), content ^ 1],
        [signed(seed, 0), 0],
    ] {
        let problem = problem(mapping(|_| {}, &words));
        assert!(matches!(problem, Problem::Checksum { .. }), "{problem:?}");
    }
}

#[test]
fn a_damaged_frame_stops_an_iterator_after_one_error() {
    let damaged = mapping(raw, &[record(8), 7, record(9)]);
    let mut reader = Reader::over(Arc::new(damaged));
    let found: Vec<bool> = reader.iter().map(|record| record.is_ok()).collect();
    assert_eq!(found, [true, false]);
    assert!(reader.try_next().is_err(), "the reader stays in front of it");
    assert_eq!(reader.next_sequence(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes at all: a reader, a batch and a walk end, and agree on the number of records.
    #[test]
    fn arbitrary_words_never_panic_or_hang(
        words in prop::collection::vec(
            prop_oneof![
                2 => (0..40_u32).prop_map(record),
                1 => (0..40_u32).prop_map(|len| Word::padding(len).unwrap().to_bits()),
                1 => (0..9_u32).prop_map(|reason| Word::close(reason).unwrap().to_bits()),
                1 => any::<u64>(),
                1 => Just(0),
            ],
            0..17,
        ),
        stamped: bool,
        strided: bool,
    ) {
        let mapping = mapping(
            |header| {
                if !strided {
                    raw(header);
                    header.max_payload = 32;
                }
                header.checksums = false;
                header.time_stamps = stamped;
                if strided {
                    header.stride = header.frame_size(8);
                }
            },
            &words,
        );
        let mut reader = Reader::over(Arc::new(mapping));
        let batch = reader.clone().batch(1000).len();
        let count = reader.iter().filter(Result::is_ok).count();
        prop_assert!(count <= batch && batch <= count + 1, "{} {}", count, batch);
        let mut other = reader.clone();
        if other.seek_to_end().is_ok() {
            prop_assert_eq!(other.next_sequence(), count as u64);
        }
    }
}
