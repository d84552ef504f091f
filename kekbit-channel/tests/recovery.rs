//! Goal: of a channel that its writer left unclosed, recovery keeps the valid prefix, changes
//! nothing else, and gives up nothing that was synced unless it is told to; a file of which nobody
//! knows whether its records are a prefix is scanned, never searched.
//!
//! Method: files made by hand (`support/image.rs`), among them ones that pass for the file that was
//! created here and now (*native*) and ones that do not (*copies*); after each recovery the whole
//! file is compared, byte for byte, with what it should be. A property test sets good, missing and
//! damaged records at will and compares with a model.

#[path = "support/image.rs"]
mod image;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use kekbit_channel::{
    ChannelOptions, CloseReason, Loss, Next, Problem, ReadError, ReadErrorKind, Reader, Record,
    RecoverError, Recovery, SeekError, Timestamp, TypedReader, Writer, recover, recover_with,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::image::{CHECKSUMS, Image, PAGE, Spec, TIME_STAMPS, number};

/// The type of `Spec::numbers`.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number {
    value: u64,
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

/// What a recovery found and did, in the order of its fields.
fn facts(recovery: Recovery) -> (u64, CloseReason, bool, bool, u64, u64) {
    let Recovery { records, reason, sealed, problem, beyond, durable, .. } = recovery;
    (records, reason, sealed, problem.is_some(), beyond, durable)
}

#[track_caller]
fn check_same(path: &Path, expected: &Image) {
    let found = fs::read(path).unwrap();
    let expected = &expected.bytes;
    assert_eq!(found.len(), expected.len());
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    assert_eq!(differs, None, "the first byte that differs");
}

/// Recovers an unclosed file, and says what has to change in it: that, and nothing else. Doing it
/// again changes nothing.
#[track_caller]
fn check_sealed(image: &mut Image, native: bool, durable_raised: bool) {
    let (_folder, path) = place();
    let durable = image.spec.durable;
    if native {
        image.write_native(&path)
    } else {
        image.write(&path)
    }
    let mut early = Reader::open(&path).unwrap();
    let records = image.sequence - (image.spec.base_plus_one - 1);
    assert_eq!(early.iter().count() as u64, records);
    assert_eq!(early.try_next().unwrap(), Next::Abandoned);

    let recovery = recover(&path).unwrap();
    assert_eq!(facts(recovery), (records, CloseReason::Recovered, true, false, 0, durable));
    image.close(4);
    let sequence = image.sequence;
    image.patch(|spec| {
        if durable_raised {
            spec.durable = sequence;
        } else {
            // Not to be searched, whatever it passes for.
            spec.flushing = 2;
        }
    });
    check_same(&path, image);
    assert_eq!(early.try_next().unwrap(), Next::Closed(CloseReason::Recovered));

    let again = recover_with(&path, Loss::Accepted).unwrap();
    let durable = image.spec.durable;
    assert_eq!(facts(again), (records, CloseReason::Recovered, false, false, 0, durable));
    check_same(&path, image);
    let mut late = Reader::open(&path).unwrap();
    assert_eq!(late.iter().count() as u64, records);
    assert_eq!(late.try_next().unwrap(), Next::Closed(CloseReason::Recovered));
}

#[test]
fn a_channel_that_was_closed_stays_as_it_is() {
    for (number, reason) in [
        (1, CloseReason::Closed),
        (2, CloseReason::Full),
        (3, CloseReason::Rolled),
        (4, CloseReason::Recovered),
        (5, CloseReason::SyncFailed),
        (6, CloseReason::Panicked),
        (77, CloseReason::Other(77)),
    ] {
        let (_folder, path) = place();
        let mut image = Spec { durable: 1, ..Spec::raw(4096) }.image();
        image.records([b"one".as_slice(), b"two"]).close(number);
        // Whatever lies behind a close mark concerns nobody.
        image.bytes[image.tail + 8] = 9;
        image.write(&path);
        for loss in [Loss::Refused, Loss::Accepted] {
            let recovery = recover_with(&path, loss).unwrap();
            assert_eq!(facts(recovery), (2, reason, false, false, 0, 1));
            check_same(&path, &image);
        }
    }
}

#[test]
fn an_unclosed_channel_is_sealed_behind_its_last_record() {
    for native in [false, true] {
        for flags in [CHECKSUMS, 0, TIME_STAMPS, CHECKSUMS | TIME_STAMPS] {
            let raised = native || flags & CHECKSUMS != 0;
            let raw = || Spec::raw(3 * 4096).flags(flags);
            // Empty.
            check_sealed(&mut raw().image(), native, raised);
            // A few, of which some were synced.
            let mut image = Spec { durable: 2, ..raw() }.image();
            image.records([b"".as_slice(), b"1", b"twenty-two bytes......"]);
            check_sealed(&mut image, native, raised);
            // Padding at the end.
            let mut image = raw().image();
            image.record(0, b"x").padding(4096);
            check_sealed(&mut image, native, raised);
            // Full to the last byte, without a close mark.
            let head = if flags & TIME_STAMPS == 0 { 8 } else { 16 };
            let mut image = raw().image();
            image.record(0, &vec![5; 3 * 4096 - head]);
            check_sealed(&mut image, native, raised);
            // Of a type, some and full.
            for count in [0, 7, 500] {
                let mut spec = Spec::numbers(500);
                if flags & TIME_STAMPS != 0 {
                    spec = spec.stamped();
                }
                spec.flags = flags;
                check_sealed(spec.image().numbers(count), native, raised);
            }
            // A journal's channel that goes on from another.
            let mut image = Spec { base_plus_one: 1001, durable: 1003, ..raw() }.image();
            image.records([b"1000", b"1001", b"1002", b"1003"]);
            check_sealed(&mut image, native, raised);
        }
    }
}

/// Bytes of a claim that nobody committed are not seen, before recovery or after it.
#[test]
fn an_open_claim_of_a_dead_writer_is_never_seen() {
    for flags in [CHECKSUMS, 0] {
        let (_folder, path) = place();
        let mut image = Spec::raw(8 * 4096).flags(flags).image();
        image.records([b"kept"]);
        // What the claim holds would pass for frames, if anyone came by.
        let mut fake = image.clone();
        fake.tail += 8;
        for _ in 0..500 {
            fake.record(0, b"fake");
        }
        image.bytes = fake.bytes;
        image.write_native(&path);
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!(reader.iter().count(), 1);
        assert_eq!(reader.try_next().unwrap(), Next::Abandoned);
        let recovery = recover(&path).unwrap();
        assert_eq!(facts(recovery), (1, CloseReason::Recovered, true, false, 0, 0));
        assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Recovered));
        let mut late = Reader::open(&path).unwrap();
        assert_eq!(late.iter().count(), 1);
        late.seek_to_end().unwrap();
        assert_eq!(late.next_sequence(), 1);
    }
}

/// What is said of a change, and the change of the frame at some place.
type Damage = (&'static str, fn(&mut Image, usize));

/// Ways in which a frame can be bad.
fn bad_frames() -> Vec<Damage> {
    fn word(image: &mut Image, at: usize, word: u64) {
        image.put(at, &word.to_le_bytes());
    }
    vec![
        ("the checksum is", |image, at| image.bytes[at + 8] ^= 1),
        ("the checksum is", |image, at| image.bytes[at] ^= 1),
        ("the checksum is", |image, at| word(image, at, 3 << 60 | 1 << 32)),
        ("is of no known kind", |image, at| image.bytes[at + 7] |= 0x80),
        ("is of no known kind", |image, at| word(image, at, 1)),
        ("a payload of 7 bytes", |image, at| word(image, at, 1 << 60 | 7 << 32)),
        ("a padding of 8 bytes", |image, at| word(image, at, 2 << 60 | 8 << 32)),
    ]
}

#[test]
fn a_bad_frame_that_was_not_synced_is_an_unfinished_tail() {
    for (expected, damage) in bad_frames() {
        for durable in [0, 4] {
            let (_folder, path) = place();
            let mut image = Spec { durable, ..Spec::numbers(300) }.image();
            image.numbers(5);
            let at = image.slot(4);
            damage(&mut image, at);
            image.write(&path);
            let mut reader = Reader::open(&path).unwrap();
            assert_eq!(reader.iter().filter(Result::is_ok).count(), 4);
            let error = reader.try_next().unwrap_err();
            let ReadErrorKind::Damaged { offset, sequence: 4, .. } = error.kind() else {
                panic!("{error}, {expected}");
            };
            assert_eq!(*offset, at as u64);
            let recovery = recover(&path).unwrap();
            let told = recovery.problem.unwrap().to_string();
            assert!(told.contains(expected), "{told}");
            assert_eq!(facts(recovery), (4, CloseReason::Recovered, true, true, 0, durable));
            (image.tail, image.sequence) = (at, 4);
            image.close(4).patch(|spec| spec.durable = 4);
            check_same(&path, &image);
            assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Recovered));
        }
    }
}

#[test]
fn damage_to_what_was_synced_is_told_and_nothing_is_changed() {
    let missing: Damage = ("is not there", |image, at| image.put(at, &[0; 16]));
    for (expected, damage) in bad_frames().into_iter().chain([missing]) {
        let (_folder, path) = place();
        let mut image = Spec { durable: 4, ..Spec::numbers(300) }.image();
        image.numbers(9);
        let at = image.slot(3);
        damage(&mut image, at);
        let skipped = image.slot(6);
        image.put(skipped, &[0; 16]);
        image.write(&path);
        let error = recover(&path).unwrap_err();
        check_same(&path, &image);
        let message = error.to_string();
        let RecoverError::Damaged { sequence, offset, problem, durable, beyond, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((sequence, offset, durable, beyond), (3, at as u64, 4, 4));
        assert_eq!(problem.is_none(), expected == "is not there");
        let first = format!(
            "`{}` is damaged: record 3 at byte {at} was synced (all below 4 were), but ",
            path.display()
        );
        assert!(message.starts_with(&first), "{message}");
        assert!(message[first.len()..].contains(expected), "{message}");
        assert!(
            message.ends_with(
                "; 4 valid records were found beyond it. Nothing was changed; accept the loss to \
                 seal the channel in front of it"
            ),
            "{message}"
        );

        let recovery = recover_with(&path, Loss::Accepted).unwrap();
        assert_eq!(facts(recovery), (3, CloseReason::Recovered, true, true, 4, 4));
        // Records beyond are given up, but still there.
        (image.tail, image.sequence) = (at, 3);
        image.close(4).patch(|spec| spec.durable = 3);
        check_same(&path, &image);
        assert_eq!(Reader::open(&path).unwrap().iter().count(), 3);
    }
}

/// Records beyond a gap, pages away, are counted, and their blocks are not given back.
#[test]
fn valid_records_far_beyond_a_gap_are_counted_and_kept() {
    let (_folder, path) = place();
    let mut image = Spec { durable: 2, ..Spec::numbers(100_000) }.image();
    image.numbers(2);
    (image.tail, image.sequence) = (image.slot(70_000), 70_000);
    image.numbers(3);
    image.write(&path);
    let recovery = recover(&path).unwrap();
    assert_eq!(facts(recovery), (2, CloseReason::Recovered, true, true, 3, 2));
    let beyond = image.slot(70_000) as u64;
    assert_eq!(recovery.problem, Some(Problem::Hole { beyond }));
    (image.tail, image.sequence) = (image.slot(2), 2);
    check_same(&path, image.close(4));
}

#[test]
fn what_is_beyond_without_checksums_or_stride_is_not_known() {
    for spec in [Spec::numbers(300).flags(0), Spec { stride: 0, ..Spec::raw(4800) }] {
        let (_folder, path) = place();
        let mut image = spec.image();
        image.numbers(9);
        let at = image.spec.data_offset() + 3 * 16;
        image.put(at, &[0; 16]);
        image.write(&path);
        let recovery = recover(&path).unwrap();
        assert_eq!(facts(recovery), (3, CloseReason::Recovered, true, true, 0, 0));
        assert_eq!(recovery.problem, Some(Problem::Hole { beyond: at as u64 + 16 }));
    }
}

/// A damaged frame of an unchecked channel can only be one whose word cannot be.
#[test]
fn without_checksums_words_are_judged_all_the_same() {
    let (_folder, path) = place();
    let mut image = Spec::numbers(300).flags(0).image();
    image.numbers(5);
    let at = image.slot(2);
    image.bytes[at] = 5;
    image.write(&path);
    let recovery = recover(&path).unwrap();
    assert_eq!(recovery.problem, Some(Problem::Checksum { found: 5, expected: 0 }));
    assert_eq!(recovery.records, 2);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Good,
    Missing,
    Bad,
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let place = prop_oneof![
        8 => Just(Place::Good),
        1 => Just(Place::Missing),
        1 => Just(Place::Bad),
    ];
    prop::collection::vec(place, 0..14)
}

fn image_of(places: &[Place], spec: Spec) -> Image {
    let mut image = spec.image();
    for place in places {
        let at = image.tail;
        match place {
            Place::Good => image.numbers(1),
            Place::Missing => image.skip(),
            Place::Bad => image.numbers(1),
        };
        if *place == Place::Bad {
            image.bytes[at + 8] ^= 1;
        }
    }
    image
}

/// What a reader finds of a typed channel by walking, which all other ways have to agree with. At a
/// hole, none of them says that the channel ends there.
fn check_ways(path: &Path, count: u64, hole: bool) {
    let reader = TypedReader::<Number>::open(path).unwrap();
    let walked = reader.clone().iter().filter(Result::is_ok).count() as u64;
    assert_eq!(walked, count);
    let is_hole = |error: &ReadError| {
        let at = |sequence: u64| hole && sequence == count;
        matches!(error.kind(),
            ReadErrorKind::Damaged { sequence, problem: Problem::Hole { .. }, .. }
            if at(*sequence))
    };
    let mut other = reader.clone();
    match other.seek_to_end() {
        Ok(()) => assert_eq!((other.next_sequence(), hole), (count, false), "seek_to_end"),
        Err(SeekError::Read(error)) => assert!(is_hole(&error), "{error}"),
        Err(error) => panic!("{error}"),
    }
    match reader.record_count() {
        Ok(found) => assert_eq!((found, hole), (count, false), "record_count"),
        Err(error) => assert!(is_hole(&error), "{error}"),
    }
    for sequence in 0..16 {
        match reader.get(sequence) {
            Ok(Some(record)) => {
                assert!(sequence < count, "get({sequence}) of {count}");
                assert_eq!(record.value.value, 10 * sequence);
            }
            // Behind the capacity of 14 nothing can be, hole or not.
            Ok(None) => {
                let absent = count <= sequence && (!hole || 14 <= sequence);
                assert!(absent, "get({sequence}) of {count}");
            }
            Err(error) => assert!(count <= sequence && is_hole(&error), "{error}"),
        }
        let mut other = reader.clone();
        match other.seek(sequence) {
            Ok(()) => assert!(sequence <= count, "seek({sequence}) of {count}"),
            Err(SeekError::OutOfRange { end, .. }) => {
                assert!(count < sequence && !hole, "seek({sequence}) of {count}");
                assert_eq!(end, count);
            }
            Err(SeekError::Read(error)) => assert!(count < sequence && is_hole(&error), "{error}"),
            Err(error) => panic!("{error}"),
        }
    }
    let mut other = reader.clone();
    match other.seek_to_time(Timestamp::from_nanos(5)) {
        Ok(()) => assert_eq!((other.next_sequence(), hole), (count.min(5), false), "seek_to_time"),
        Err(SeekError::Read(error)) => assert!(is_hole(&error), "{error}"),
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Good, missing and bad records in any order, synced up to anywhere.
    #[test]
    fn recovery_keeps_the_valid_prefix(
        places in places(),
        durable in 0..14_u64,
        native: bool,
    ) {
        let (_folder, path) = place();
        let mut image = image_of(&places, Spec { durable, ..Spec::numbers(14).stamped() });
        if native { image.write_native(&path) } else { image.write(&path) }
        let valid = places.iter().take_while(|place| **place == Place::Good).count();
        let beyond = places[valid..].iter().filter(|place| **place == Place::Good).count() as u64;
        let bad = match places.get(valid) {
            Some(Place::Bad) => true,
            Some(_) => places[valid + 1..].iter().any(|place| *place != Place::Missing),
            None => false,
        };
        let records = valid as u64;
        let result = recover(&path);
        if records < durable {
            let Err(RecoverError::Damaged { sequence, beyond: found, .. }) = result else {
                panic!("{result:?}");
            };
            prop_assert_eq!((sequence, found), (records, beyond));
            check_same(&path, &image);
            let recovery = recover_with(&path, Loss::Accepted).unwrap();
            let expected = (records, CloseReason::Recovered, true, bad, beyond, durable);
            prop_assert_eq!(facts(recovery), expected);
        } else {
            let expected = (records, CloseReason::Recovered, true, bad, beyond, durable);
            prop_assert_eq!(facts(result.unwrap()), expected);
        }
        (image.tail, image.sequence) = (image.slot(records), records);
        image.close(4).patch(|spec| spec.durable = records);
        check_same(&path, &image);
        check_ways(&path, records, false);
    }

    /// Of a copy, only what lies in front of the first hole is there, whatever way one comes.
    #[test]
    fn a_copy_is_there_up_to_its_first_hole(
        places in places(),
        checked: bool,
        closed: bool,
    ) {
        let (_folder, path) = place();
        let places: Vec<Place> =
            places.into_iter().filter(|place| *place != Place::Bad).collect();
        let mut spec = Spec::numbers(14).stamped();
        if !checked {
            spec.flags &= !CHECKSUMS;
        }
        let mut image = image_of(&places, spec);
        if closed {
            image.close(1);
        }
        image.write(&path);
        let valid = places.iter().take_while(|place| **place == Place::Good).count();
        let good = |place: &Place| *place == Place::Good;
        let hole = places[valid..].iter().any(good) || closed && valid < places.len();
        check_ways(&path, valid as u64, hole);
    }
}

/// Copied again and again while the writer runs: each copy holds a prefix, and what is shown as its
/// end is one.
#[test]
fn a_copy_of_a_running_channel_is_a_prefix_or_says_where_its_hole_is() {
    const COUNT: u64 = 100_000;
    let (folder, path) = place();
    let options = ChannelOptions::new().records(COUNT);
    let mut writer = kekbit_channel::TypedWriter::<Number>::create(&path, &options).unwrap();
    let copy = folder.path().join("copy.kekbit");
    std::thread::scope(|threads| {
        let thread = threads.spawn(move || {
            for sequence in 0..COUNT {
                writer.append(&Number { value: 10 * sequence }).unwrap();
            }
        });
        let mut last = 0;
        while !thread.is_finished() {
            fs::copy(&path, &copy).unwrap();
            last = check_copy(&copy, last);
        }
    });
    fs::copy(&path, &copy).unwrap();
    assert_eq!(check_copy(&copy, 0), COUNT);
}

/// Reads a copy, which holds `least` records or more, and gives the number of its records.
fn check_copy(copy: &Path, least: u64) -> u64 {
    let mut reader = TypedReader::<Number>::open(copy).unwrap();
    let mut count = 0;
    let hole = loop {
        match reader.try_next().map_err(ReadError::into_kind) {
            Ok(Next::Record(record)) => {
                assert_eq!((record.sequence, record.value.value), (count, 10 * count));
                count += 1;
            }
            Ok(Next::Abandoned | Next::Closed(_)) => break false,
            // A frame of which a part had not been copied yet is as good as a hole.
            Err(ReadErrorKind::Damaged { sequence, .. }) => {
                assert_eq!(sequence, count);
                break true;
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(least <= count, "{count} records, and {least} in the copy before");
    let image = Image::of_file(copy);
    let behind = image.slot(count) + 16;
    let is_zero = image.bytes[behind..].chunks(16).all(|slot| slot[..8] == [0; 8]);
    assert!(hole || is_zero, "records lie behind the end at {count}");
    count
}

fn assert_hole(error: SeekError, record: u64, first: u64) {
    let SeekError::Read(error) = error else { panic!("{error}") };
    let hole = Problem::Hole { beyond: first };
    assert!(
        matches!(error.kind(), ReadErrorKind::Damaged { sequence, problem, .. }
            if (*sequence, *problem) == (record, hole)),
        "{error}"
    );
}

/// A file that was copied while its writer was writing, with a page that had not been copied yet.
#[test]
fn a_real_copy_is_scanned_and_not_searched() {
    let (folder, path) = place();
    let options = ChannelOptions::new().records(4000);
    let mut writer = kekbit_channel::TypedWriter::<Number>::create(&path, &options).unwrap();
    for sequence in 0..3000 {
        writer.append(&Number { value: 10 * sequence }).unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    let hole = 2 * PAGE + 5 * PAGE;
    bytes[hole..hole + PAGE].fill(0);
    let copy = folder.path().join("copy.kekbit");
    fs::write(&copy, &bytes).unwrap();

    let whole = (5 * PAGE / 16) as u64;
    let mut reader = TypedReader::<Number>::open(&copy).unwrap();
    let beyond = (hole + PAGE) as u64;
    assert_hole(reader.seek_to_end().unwrap_err(), whole, beyond);
    assert_hole(reader.seek(2999).unwrap_err(), whole, beyond);
    assert_hole(reader.get(whole).unwrap_err().into(), whole, beyond);
    assert_hole(reader.get(2999).unwrap_err().into(), whole, beyond);
    assert_eq!(reader.get(whole - 1).unwrap().unwrap().value.value, 10 * (whole - 1));
    reader.seek(whole).unwrap();
    assert_hole(reader.try_next().unwrap_err().into(), whole, beyond);

    let mut original = TypedReader::<Number>::open(&path).unwrap();
    original.seek_to_end().unwrap();
    assert_eq!(original.next_sequence(), 3000);

    // Even under the old name, and with the old inode: the writer is gone, somebody restores.
    drop((writer, original));
    let inode = fs::metadata(&path).unwrap().ino();
    fs::remove_file(&path).unwrap();
    drop(reader);
    let mut restored = None;
    for attempt in 0..200 {
        let name = folder.path().join(format!("restored-{attempt}"));
        fs::write(&name, &bytes).unwrap();
        if fs::metadata(&name).unwrap().ino() == inode {
            restored = Some(name);
            break;
        }
    }
    let Some(restored) = restored else {
        println!("skipped: the file system did not give the inode out again");
        return;
    };
    let mut reader = TypedReader::<Number>::open(&restored).unwrap();
    assert_hole(reader.seek_to_end().unwrap_err(), whole, beyond);
}

#[test]
fn only_what_nothing_vouches_for_is_unverified() {
    #[derive(Clone, Copy)]
    enum File {
        ThisBoot,
        EarlierBoot,
        Copy,
    }
    fn check(file: File, flags: u32, durable: u64, expected: u64) {
        let (_folder, path) = place();
        let mut image = Spec { durable, ..Spec::numbers(10).flags(flags) }.image();
        image.numbers(6);
        match file {
            File::ThisBoot => image.write_native(&path),
            File::EarlierBoot => image.write_of_boot(&path, [7; 16]),
            File::Copy => image.write(&path),
        }
        let mut reader = TypedReader::<Number>::open(&path).unwrap();
        for record in reader.clone().iter() {
            let record = record.unwrap();
            assert_eq!(record.unverified, expected <= record.sequence, "{}", record.sequence);
            let again = reader.get(record.sequence).unwrap().unwrap();
            assert_eq!(again.unverified, record.unverified);
        }
        // Recovery cannot vouch for them either.
        assert_eq!(reader.iter().count(), 6);
        recover(&path).unwrap();
        let mut reader = Reader::open(&path).unwrap();
        let unverified = reader.iter().filter(|record| record.as_ref().unwrap().unverified);
        assert_eq!(unverified.count() as u64, 6 - expected.min(6));
    }
    let all = 6;
    check(File::ThisBoot, CHECKSUMS, 2, all);
    check(File::ThisBoot, 0, 2, all);
    check(File::EarlierBoot, CHECKSUMS, 2, all);
    check(File::EarlierBoot, 0, 2, 2);
    check(File::EarlierBoot, 0, 0, 0);
    check(File::EarlierBoot, 0, 6, all);
    check(File::Copy, CHECKSUMS, 2, all);
    check(File::Copy, 0, 6, 0);
}

/// The boot of the header is what counts: the same file, as if left from an earlier one.
#[test]
fn a_file_of_an_earlier_boot_is_scanned() {
    let (_folder, path) = place();
    let mut image = Spec::numbers(10).flags(0).image();
    image.numbers(3).skip().numbers(4);
    image.write_native(&path);
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    reader.seek_to_end().unwrap();
    assert_eq!(
        reader.next_sequence(),
        8,
        "native files are searched: this one has no right to a gap"
    );
    for change in [
        (|spec: &mut Spec| spec.boot_id[0] ^= 1) as fn(&mut Spec),
        |spec| spec.boot_id = [0; 16],
        |spec| spec.device += 1,
        |spec| spec.inode += 1,
    ] {
        let mut image = image.clone();
        image.patch(change).write(&path);
        let mut reader = TypedReader::<Number>::open(&path).unwrap();
        let beyond = image.slot(4) as u64;
        assert_hole(reader.seek_to_end().unwrap_err(), 3, beyond);
        assert_eq!(reader.iter().filter(Result::is_ok).count(), 3);
    }
}

#[test]
fn synced_says_what_is_durable_and_where() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(1 << 20)).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(writer.sync().unwrap().durable, 0);
    for count in 1..100_u64 {
        writer.append(&[7; 300]).unwrap();
        assert_eq!(reader.durable(), 10 * ((count - 1) / 10));
        if count.is_multiple_of(10) {
            assert_eq!(writer.sync().unwrap().durable, count);
            assert_eq!(reader.durable(), count);
        }
    }
    writer.close().unwrap();
    assert_eq!(reader.durable(), 90, "closing does not sync");
    if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
        let path = memory.path().join("it.kekbit");
        let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(4096)).unwrap();
        assert!(writer.sync().unwrap().volatile);
    }
}

/// What was reserved and not used comes back, at close and at recovery; the length stays.
#[test]
fn the_unused_tail_is_given_back() {
    let blocks = |path: &Path| fs::metadata(path).unwrap().blocks() * 512;
    let size = 4 << 20;
    for folder in [tempfile::tempdir(), tempfile::tempdir_in("/dev/shm")] {
        let Ok(folder) = folder else { continue };
        let closed = folder.path().join("closed.kekbit");
        let mut writer = Writer::create(&closed, &ChannelOptions::new().bytes(size)).unwrap();
        let len = fs::metadata(&closed).unwrap().len();
        assert!(size <= blocks(&closed), "all of it is reserved from the start");
        writer.append(&[1; 100_000]).unwrap();
        let abandoned = folder.path().join("abandoned.kekbit");
        fs::copy(&closed, &abandoned).unwrap();
        // A copy of zeroes takes blocks, like a file whose writer died.
        fs::write(&abandoned, fs::read(&closed).unwrap()).unwrap();
        assert!(size <= blocks(&abandoned));
        let mut early = Reader::open(&closed).unwrap();
        writer.close().unwrap();
        recover(&abandoned).unwrap();
        for path in [&closed, &abandoned] {
            assert!(blocks(path) < 200_000, "{} bytes occupied", blocks(path));
            assert_eq!(fs::metadata(path).unwrap().len(), len);
            let mut reader = Reader::open(path).unwrap();
            assert_eq!(reader.try_next().unwrap().record().unwrap().value, [1; 100_000]);
            assert!(matches!(reader.try_next().unwrap(), Next::Closed(_)));
        }
        // A reader that was there before notices nothing.
        assert_eq!(early.iter().count(), 1);
        assert_eq!(early.try_next().unwrap(), Next::Closed(CloseReason::Closed));
    }
}

#[test]
fn number_of_the_images_is_the_number_of_the_type() {
    let (_folder, path) = place();
    Spec::numbers(4).image().numbers(2).close(1).write(&path);
    let reader = TypedReader::<Number>::open(&path).unwrap();
    let found = reader.get(1).unwrap().unwrap().value;
    assert_eq!(found.value.to_le_bytes(), number(1));
}

/// A native file of which the first `synced` of `count` records were synced.
fn native(spec: Spec, count: u64, synced: u64) -> Image {
    let mut image = Spec { durable: synced, ..spec }.image();
    image.numbers(count);
    image
}

/// What recovery has counted, it does not free; whatever makes the hole, and whoever accepts it.
#[test]
fn what_lies_behind_a_hole_stays() {
    for (synced, flushing) in [(1500, 0), (2, 0), (2, 1), (2, 2)] {
        for native_file in [false, true] {
            let (_folder, path) = place();
            let spec = Spec { flushing, ..Spec::numbers(2000) };
            let mut image = native(spec, 1500, synced);
            let hole = image.slot(100);
            image.put(hole, &[0; 8]);
            if native_file {
                image.write_native(&path)
            } else {
                image.write(&path)
            }
            assert_eq!(recover(&path).is_err(), 100 < synced);
            let recovery = recover_with(&path, Loss::Accepted).unwrap();
            if synced == 1500 {
                let beyond = image.slot(101) as u64;
                assert_eq!(recovery.problem, Some(Problem::Hole { beyond }));
                assert_eq!(recovery.beyond, 1399);
            }
            (image.tail, image.sequence) = (hole, 100);
            image.close(4).patch(|spec| (spec.durable, spec.flushing) = (100, 0));
            check_same(&path, &image);
        }
    }
}

/// In a raw channel too, where nobody can count them; unless it can only be an open claim.
#[test]
fn bytes_behind_a_hole_that_a_sync_had_covered_stay() {
    let (_folder, path) = place();
    let raw = Spec { stride: 0, ..Spec::raw(48_000) };
    for (synced, stays) in [(1500, true), (100, false)] {
        let mut image = native(raw.clone(), 1500, synced);
        let hole = image.spec.data_offset() + 100 * 16;
        image.put(hole, &[0; 8]);
        image.write_native(&path);
        let recovery = recover_with(&path, Loss::Accepted).unwrap();
        assert_eq!((recovery.records, recovery.problem.is_some()), (100, stays));
        let last = image.spec.data_offset() + 1499 * 16;
        let found = fs::read(&path).unwrap()[last..last + 8] != [0; 8];
        assert_eq!(found, stays, "synced: {synced}");
    }
}

/// A reader that was there before takes notice of a flush that has failed, and of a recovery that
/// could not vouch for what it sealed.
#[test]
fn a_reader_that_is_open_stops_searching_when_a_flush_has_failed() {
    for flags in [CHECKSUMS, 0] {
        let (_folder, path) = place();
        let mut image = native(Spec::numbers(100).flags(flags), 10, 2);
        image.write_native(&path);
        let mut old = TypedReader::<Number>::open(&path).unwrap();
        assert_eq!(old.record_count().unwrap(), 10);
        image.patch(|spec| spec.flushing = 2);
        let hole = image.slot(5);
        image.put(hole, &[0; 8]);
        image.write(&path);
        assert!(matches!(
            old.record_count().unwrap_err().kind(),
            ReadErrorKind::Damaged { sequence: 5, .. }
        ));
        assert_eq!(old.iter().filter(Result::is_ok).count(), 5);
        assert!(old.try_next().is_err());
        recover(&path).unwrap();
        for mut reader in [old, TypedReader::open(&path).unwrap()] {
            assert_eq!(reader.record_count().unwrap(), 5);
            assert_eq!(reader.get(7).unwrap(), None);
            reader.seek(0).unwrap();
            assert_eq!(reader.iter().count(), 5);
        }
    }
}

/// A recovery of what it takes for a copy, of a file that passes for the original to the next.
#[test]
fn what_recovery_has_not_vouched_for_is_not_searched() {
    let (_folder, path) = place();
    let mut image = native(Spec::numbers(100).flags(0), 10, 2);
    let bad = image.slot(5);
    image.put(bad, &[0xFF; 8]);
    image.write_native(&path);
    let boot_id = image.spec.boot_id;
    image.patch(|spec| spec.boot_id = [0; 16]);
    image.write(&path);
    recover(&path).unwrap();
    let mut sealed = Image::of_file(&path);
    sealed.patch(|spec| spec.boot_id = boot_id);
    sealed.write(&path);
    let reader = TypedReader::<Number>::open(&path).unwrap();
    assert_eq!((reader.record_count().unwrap(), reader.get(7).unwrap()), (5, None));
}

/// Losses were accepted, and the power failed when the mark was on the disk and the new `durable`
/// was not.
#[test]
fn a_number_of_durable_records_that_is_too_high_is_set_right() {
    let (_folder, path) = place();
    let mut image = native(Spec::numbers(100), 3, 10);
    image.close(4).write(&path);
    assert_eq!(recover(&path).unwrap().durable, 10);
    image.patch(|spec| spec.durable = 3);
    check_same(&path, &image);
    assert_eq!(recover(&path).unwrap().durable, 3);
}

/// Whoever seeks right behind a record that a sync had covered and that is gone is told of that.
#[test]
fn a_seek_behind_a_lost_record_tells_of_it() {
    let (_folder, path) = place();
    let mut image = native(Spec::numbers(100), 10, 10);
    let lost = image.slot(3);
    image.put(lost, &[0; 8]);
    image.write_native(&path);
    let mut reader = Reader::open(&path).unwrap();
    let SeekError::Read(error) = reader.seek(4).unwrap_err() else { panic!("no error of reading") };
    let missing = Problem::Missing { durable: 10 };
    assert!(
        matches!(error.kind(), ReadErrorKind::Damaged { sequence: 3, problem, .. }
            if *problem == missing),
        "{error}"
    );
}
