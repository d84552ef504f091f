//! Goal: none of the fifteen defects of the ancestor, kekbit 0.3.5, has come along.
//!
//! Method: a test for each, named after it, which says what the defect was and would find it here.

#[path = "support/child.rs"]
mod child;
#[path = "support/image.rs"]
mod image;

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use kekbit_channel::{
    ChannelOptions, CloseReason, CreateError, Next, OpenError, ReadErrorKind, Reader, Record,
    Timestamp, TypedReader, TypedWriter, WriteError, Writer, recover,
};
use tempfile::TempDir;

use crate::{
    child::{Helper, listen, poll, say},
    image::{Image, PAGE, Spec},
};

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number {
    value: u64,
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn bytes(count: u64) -> ChannelOptions {
    ChannelOptions::new().bytes(count)
}

fn abandoned(reader: &mut Reader) {
    poll("the end of a writer", || match reader.try_next().unwrap() {
        Next::Abandoned => Some(()),
        Next::Pending => None,
        other => panic!("{other:?}"),
    });
}

/// 1. The offset of the data was counted in words and used as bytes, so that the last records lay
///    behind the end of the file: lost with the page cache, or outside of the mapping.
#[test]
fn defect_01_data_beyond_the_end_of_the_file() {
    let (folder, path) = place();
    let copy = folder.path().join("copy.kekbit");
    for capacity in (8 * 1024..8 * 1024 + PAGE as u64).step_by(8) {
        let mut writer = Writer::create(&path, &bytes(capacity)).unwrap();
        let payload = vec![0xAB; usize::try_from(capacity).unwrap() / 2 - 8];
        writer.append(&payload).unwrap();
        writer.append(&payload[..payload.len() / 8 * 8]).unwrap();
        while writer.append(b"").is_ok() {}
        assert_eq!(writer.available(), 0);
        writer.close().unwrap();
        // Only what is inside of the file is in its copy.
        fs::write(&copy, fs::read(&path).unwrap()).unwrap();
        let mut reader = Reader::open(&copy).unwrap();
        let total: usize = reader.iter().map(|record| record.unwrap().value.len() + 8).sum();
        assert!(capacity - 8 < total as u64 && total as u64 <= capacity);
        assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full), "{capacity}");
        fs::remove_file(&path).unwrap();
    }
}

/// 2. A length of zero was a record, so that zeroes (a hole, a lost page) read as an endless run of
///    empty ones.
#[test]
fn defect_02_zeroes_are_no_records() {
    let (_folder, path) = place();
    Spec::raw(64 * 1024).image().write(&path);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 0);
    abandoned(&mut reader);

    // And records without bytes are records, as many as were written.
    let mut image = Spec::raw(64 * 1024).image();
    image.records([b"", b"", b""]).write(&path);
    let mut reader = Reader::open(&path).unwrap();
    assert!(reader.iter().all(|record| record.unwrap().value.is_empty()));
    assert_eq!(reader.next_sequence(), 3);
    abandoned(&mut reader);
}

/// 3. Lengths were held against the bounds in debug builds only, and by one too few: a full channel
///    stopped a debug build, a wrong length read foreign memory in a release build.
#[test]
fn defect_03_bounds_are_always_checked() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &bytes(4096)).unwrap();
    writer.append(&[1; 4088]).unwrap();
    writer.close().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, [1; 4088]);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));

    for checked in [0, image::CHECKSUMS] {
        for length in [4088, 4089, 4096, 1 << 20, (1 << 28) - 1] {
            let mut image = Spec::raw(8192).flags(checked).image();
            image.record(0, &[7; 4096]);
            image.put(image.tail, &(1_u64 << 60 | length << 32).to_le_bytes());
            image.write(&path);
            let mut reader = Reader::open(&path).unwrap();
            let _ = reader.try_next().unwrap().record().unwrap();
            // Without checksums the one length that fits is believed.
            assert_eq!(reader.try_next().is_ok(), checked == 0 && length == 4080, "{length}");
        }
    }
    let whole = Spec::raw(8192).image();
    for len in [PAGE, 2 * PAGE, 4 * PAGE + 8, whole.bytes.len() - 1] {
        fs::write(&path, &whole.bytes[..len]).unwrap();
        assert!(matches!(Reader::open(&path), Err(OpenError::Truncated { .. })), "{len}");
    }
}

/// 4. What a reader gave out had no lifetime and outlived the memory it lay in. That it cannot any
///    more is for the compiler, in the docs of `Reader::try_next`; here: nothing has to be copied
///    out in a hurry.
#[test]
fn defect_04_payloads_live_as_long_as_the_mapping() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &bytes(1 << 20)).unwrap();
    for number in 0..1000_u64 {
        writer.append(&number.to_le_bytes()).unwrap();
    }
    writer.close().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let payloads: Vec<&[u8]> = reader.iter().map(|record| record.unwrap().value).collect();
    fs::remove_file(&path).unwrap();
    for (number, payload) in (0_u64..).zip(payloads) {
        assert_eq!(payload, number.to_le_bytes());
    }
}

/// 5. A lock file that a crash left behind kept everybody out for ever; and as it was no real lock,
///    two writers could own one channel.
#[test]
fn defect_05_nothing_stale_keeps_anybody_out() {
    let (folder, path) = place();
    let mut writer = Helper::start("write", &path);
    assert_eq!(writer.hear(), "written");
    assert!(matches!(Writer::create(&path, &bytes(64)), Err(CreateError::Exists { .. })));
    writer.kill();
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names, [path.as_path()], "the channel is its only file");
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, b"one");
    abandoned(&mut reader);
    assert!(matches!(Writer::create(&path, &bytes(64)), Err(CreateError::Exists { .. })));
    assert_eq!(recover(&path).unwrap().records, 1);
}

/// 6. After a crash a channel could never be ended; and a time-out by the time of day called an
///    idle writer dead, for ever, and overflowed when it was long.
#[test]
fn defect_06_silence_is_not_death_and_death_has_an_end() {
    let (_folder, path) = place();
    let long = Duration::from_nanos(u64::MAX);
    let mut writer = Writer::create(&path, &bytes(4096).writer_timeout(long)).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.header().writer_timeout, Some(long));
    assert_eq!(reader.try_next().unwrap(), Next::Pending);
    reader.set_timeout(Some(Duration::from_millis(5)));
    let silent = || {
        let mut reader = reader.clone();
        poll("a silent writer", move || match reader.try_next().unwrap() {
            Next::TimedOut => Some(reader.clone()),
            Next::Pending => None,
            other => panic!("{other:?}"),
        })
    };
    let mut reader = silent();
    writer.append(b"alive").unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, b"alive");
    drop(writer);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));

    Spec::raw(4096).image().records([b"one"]).write(&path);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 1);
    abandoned(&mut reader);
    assert!(recover(&path).unwrap().sealed);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Recovered));
}

/// 7. Nothing told a torn record from a whole one, and a file full of holes was a death by SIGBUS
///    on a full disk.
#[test]
fn defect_07_torn_records_are_known_and_room_is_reserved() {
    let (_folder, path) = place();
    let mut image = Spec::raw(64 * 1024).image();
    image.record(0, &[1; 3 * PAGE]).record(0, b"behind");
    let data = image.spec.data_offset();
    for page in 0..3 {
        // A page of the payload that never reached the disk.
        let mut torn: Image = image.clone();
        torn.bytes[data + 8 + page * PAGE..][..PAGE].fill(0);
        torn.write(&path);
        let mut reader = Reader::open(&path).unwrap();
        assert!(matches!(
            reader.try_next().unwrap_err().kind(),
            ReadErrorKind::Damaged { sequence: 0, .. }
        ));
    }
    fs::remove_file(&path).unwrap();
    let writer = Writer::create(&path, &bytes(1 << 20)).unwrap();
    let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&path).unwrap());
    assert!(1 << 20 <= blocks * 512, "all room is there before the first record");
    drop(writer);
}

/// 8. A check of the header looked at a constant instead of at what was read, a short file or an
///    unknown number was a panic, and later versions passed for the present one.
#[test]
fn defect_08_what_is_checked_is_what_was_read() {
    let (_folder, path) = place();
    let good = Spec::numbers(10);
    for (change, name) in [
        ((|spec| spec.capacity = 8) as fn(&mut Spec), "capacity"),
        (|spec| spec.alignment = 0, "alignment"),
        (|spec| spec.stride = 0, "stride"),
        (|spec| spec.version = 0, "version 0"),
        (|spec| spec.version = 2, "version 2"),
        (|spec| spec.flags = u32::MAX, "flags"),
        (|spec| spec.max_payload = 0, "payload"),
    ] {
        let mut spec = good.clone();
        change(&mut spec);
        let mut image = good.image();
        image.put(0, &spec.header());
        image.write(&path);
        assert!(Reader::open(&path).is_err(), "{name}");
    }
    let bytes = good.image().bytes;
    for len in 0..=160 {
        fs::write(&path, &bytes[..len]).unwrap();
        assert!(Reader::open(&path).is_err(), "{len} bytes");
    }
}

/// 9. Sizes were counted in 32 bits, wrapped around, and were bent to what fitted: who asked for
///    1000 bytes got 120.
#[test]
fn defect_09_what_is_asked_for_is_what_one_gets() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &bytes(10_000).max_payload(9_992)).unwrap();
    assert_eq!((writer.header().capacity, writer.header().max_payload), (10_000, 9_992));
    writer.append(&[1; 9_992]).unwrap();
    drop(writer);
    fs::remove_file(&path).unwrap();
    for (options, expected) in [
        (bytes(1000).max_payload(u32::MAX), "4294967295"),
        (bytes(1000).max_payload(993), "1000 bytes"),
        (bytes(u64::MAX), "18446744073709551615"),
        (ChannelOptions::new().records(u64::MAX / 8).max_payload(8), "2305843009213693951"),
    ] {
        let error = Writer::create(&path, &options).unwrap_err();
        assert!(matches!(error, CreateError::Options(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    // More than 32 bits can count.
    match Writer::create(&path, &bytes(u64::from(u32::MAX) + 9)) {
        Ok(writer) => {
            assert_eq!(writer.available(), u64::from(u32::MAX) + 9);
            assert!(u64::from(u32::MAX) < fs::metadata(&path).unwrap().len());
        }
        Err(CreateError::NoSpace { .. }) => println!("skipped: the disk has no 4 GiB left"),
        Err(error) => panic!("{error}"),
    }
}

fn clock() -> Timestamp {
    Timestamp::from_nanos(42)
}

/// 10. A time stamp or a number came instead of the payload and not with it, no reader knew of
///     them, and a failed write left a gap in the numbers.
#[test]
fn defect_10_stamps_and_numbers_come_with_the_payload() {
    let (_folder, path) = place();
    let options = bytes(200).max_payload(100).time_stamps().clock(clock);
    let mut writer = Writer::create(&path, &options).unwrap();
    assert_eq!(writer.append(b"first").unwrap(), 0);
    assert!(writer.append(&[0; 101]).is_err());
    drop(writer.claim(100).unwrap());
    assert_eq!(writer.append(&[2; 100]).unwrap(), 1);
    assert!(writer.append(&[0; 100]).is_err());
    assert_eq!(writer.append(b"last").unwrap(), 2);
    let mut reader = Reader::open(&path).unwrap();
    assert!(reader.header().time_stamps);
    let found: Vec<_> = reader
        .iter()
        .map(|record| record.unwrap())
        .map(|record| (record.sequence, record.timestamp, record.value.to_vec()))
        .collect();
    let stamp = Some(clock());
    assert_eq!(
        found,
        [(0, stamp, b"first".to_vec()), (1, stamp, vec![2; 100]), (2, stamp, b"last".to_vec())]
    );
}

/// 11. "Never fits" and "does not fit any more" were one error, and a full channel had no ending
///     of its own.
#[test]
fn defect_11_too_long_and_full_are_two_things() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &bytes(100).max_payload(80)).unwrap();
    writer.append(&[1; 40]).unwrap();
    assert!(matches!(writer.append(&[1; 81]), Err(WriteError::TooLong { len: 81, max: 80 })));
    let full = writer.append(&[1; 80]);
    assert!(matches!(full, Err(WriteError::Full { needed: 88, available: 52 })), "{full:?}");
    drop(writer);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 1);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full));
}

/// 12. A writer that wrapped another said it had flushed, and had not.
#[test]
fn defect_12_every_handle_syncs() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().records(10);
    let shared = TypedWriter::<Number>::create(&path, &options).unwrap().into_shared();
    let reader = Reader::open(&path).unwrap();
    let other = shared.clone();
    for value in 0..4 {
        other.append(&Number { value }).unwrap();
    }
    assert_eq!(reader.durable(), 0);
    assert_eq!(shared.sync().unwrap().durable, 4);
    assert_eq!(reader.durable(), 4);
}

/// 13. A reader could not change threads, needed the right to write, mapped the file so that it
///     could spoil it, panicked on a name that was no UTF-8; errors were no errors.
#[test]
fn defect_13_readers_are_modest() {
    let (folder, _) = place();
    let path = folder.path().join(OsStr::from_bytes(b"no utf-8: \xFF\xFE.kekbit"));
    let mut writer = Writer::create(&path, &bytes(4096).mode(0o444)).unwrap();
    writer.append(b"one").unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o444, "the writer needs no second look at its own file");
    let mut reader = Reader::open(&path).unwrap();
    let map = maps_of(&reader);
    assert!(map.iter().all(|rights| rights == "r--s"), "{map:?}");
    let count = thread::spawn(move || reader.iter().count()).join().unwrap();
    assert_eq!(count, 1);
    let error: Box<dyn std::error::Error + Send + Sync> =
        Box::new(Reader::open(folder.path().join("missing")).unwrap_err());
    assert!(error.source().is_some());
    let message = Writer::create(&path, &bytes(64)).unwrap_err().to_string();
    assert!(message.contains("exists already"), "{message}");
    drop(writer);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// The rights of all mappings of a reader's file, less those of a writer in this process.
fn maps_of(reader: &Reader) -> Vec<String> {
    let inode = reader.header().inode.to_string();
    let maps = fs::read("/proc/self/maps").unwrap();
    let maps = String::from_utf8_lossy(&maps);
    let rights = maps.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (rights, found) = (fields.nth(1)?, fields.nth(2)?);
        (found == inode && rights != "rw-s").then(|| rights.to_owned())
    });
    let rights: Vec<String> = rights.collect();
    assert!(!rights.is_empty(), "{maps}");
    rights
}

/// 14. Docs said that after an error every read fails; in truth reads went on behind the damage.
#[test]
fn defect_14_a_reader_does_not_go_on_behind_damage() {
    let (_folder, path) = place();
    let mut image = Spec::numbers(10).image();
    image.numbers(5);
    let at = image.slot(2);
    image.bytes[at + 8] ^= 1;
    image.write(&path);
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    assert_eq!(reader.iter().filter(Result::is_ok).count(), 2);
    for _ in 0..3 {
        assert!(matches!(
            reader.try_next().unwrap_err().kind(),
            ReadErrorKind::Damaged { sequence: 2, .. }
        ));
        assert_eq!(reader.iter().count(), 1);
        assert_eq!(reader.batch(10).filter(Result::is_ok).count(), 0);
        assert_eq!(reader.next_sequence(), 2);
    }
}

/// 15. Numbers were written in the byte order of the machine, whatever the docs said; and a writer
///     could go to another thread with something in it that could not.
#[test]
fn defect_15_bytes_are_in_one_order_on_all_machines() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().records(10).without_checksums().time_stamps().clock(clock);
    let mut writer = TypedWriter::<Number>::create(&path, &options).unwrap();
    writer.append(&Number { value: 0x0102_0304_0506_0708 }).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[8..12], [1, 0, 0, 0]);
    let frame = &bytes[2 * PAGE..][..24];
    assert_eq!(frame[..8], [0, 0, 0, 0, 8, 0, 0, 0x10]);
    assert_eq!(frame[8..16], [42, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(frame[16..], [8, 7, 6, 5, 4, 3, 2, 1]);
    // A writer holds no value of its type, so that it may go where the type may not.
    thread::spawn(move || writer.close().unwrap()).join().unwrap();
}

#[test]
fn child() {
    let Some((_role, path)) = child::role() else { return };
    write(&path);
}

fn write(path: &Path) {
    let mut writer = Writer::create(path, &bytes(4096)).unwrap();
    writer.append(b"one").unwrap();
    say("written");
    listen();
}
