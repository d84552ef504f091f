//! Goal: whoever cannot create, open, write or recover a channel is told why, with the numbers, and
//! finds nothing left behind.
//!
//! Method: each case is provoked for real (files made by hand, processes without rights) and
//! compared with its whole message, in which `PATH` stands for the path. What a system runs out of
//! is in `resources.rs`.

#[path = "support/child.rs"]
mod child;
#[path = "support/image.rs"]
mod image;

use std::{
    error::Error,
    fs::{self, File, Permissions},
    os::unix::{
        fs::{FileExt, PermissionsExt, symlink},
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    sync::{Barrier, mpsc},
    thread,
};

use kekbit_channel::{
    Channel, ChannelOptions, CloseReason, CreateError, Next, OpenError, OptionsError, Prefault,
    Reader, Record, RecoverError, Timestamp, TypedReader, TypedWriter, WriteError, Writer, recover,
};
use nix::sys::{
    resource::{Resource, setrlimit},
    stat::Mode,
};
use tempfile::TempDir;

use crate::{
    child::{Helper, PATIENCE, say},
    image::{Image, PAGE, Spec},
};

/// A folder, and a path in it of which nothing is there yet.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn small() -> ChannelOptions {
    ChannelOptions::new().bytes(4096)
}

/// Compares an error's message, less the path.
#[track_caller]
fn check_message(error: &dyn Error, path: &Path, expected: &str) {
    let message = error.to_string().replace(&path.display().to_string(), "PATH");
    assert_eq!(message, expected);
}

#[track_caller]
fn check_open(path: &Path, expected: &str) -> OpenError {
    // In another thread, so that hanging is a failure like any other.
    let (told, answer) = mpsc::channel();
    let asked = path.to_owned();
    thread::spawn(move || told.send(Reader::open(asked)));
    let error = answer.recv_timeout(PATIENCE).expect("open hangs").unwrap_err();
    check_message(&error, path, expected);
    match recover(path).unwrap_err() {
        // Whoever can write learns the same.
        RecoverError::Open(error) => check_message(&error, path, expected),
        other => panic!("{other}"),
    }
    error
}

#[track_caller]
fn check_create(path: &Path, options: &ChannelOptions, expected: &str) -> CreateError {
    let error = Writer::create(path, options).unwrap_err();
    check_message(&error, path, expected);
    error
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_is_no_file_cannot_be_opened() {
    let (folder, path) = place();
    let error = check_open(&path, "there is no channel `PATH`; has its writer created it yet?");
    assert!(error.source().is_some(), "what the system said is not lost");
    check_open(folder.path(), "`PATH` is a directory, not a file");
    check_open(Path::new("/dev/zero"), "`PATH` is a pipe, socket or device, not a file");
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    check_open(&pipe, "`PATH` is a pipe, socket or device, not a file");
    let below = path.join("below");
    check_open(&below, "there is no channel `PATH`; has its writer created it yet?");
}

#[test]
fn what_does_not_begin_like_a_channel_cannot_be_opened() {
    fn check(bytes: &[u8], expected: &str) {
        let (_folder, path) = place();
        fs::write(&path, bytes).unwrap();
        check_open(&path, expected);
    }
    let text = "`PATH` was a channel once: its line ends have been changed by a transfer in text \
                mode; copy it again as binary";
    check(
        b"",
        "`PATH` is empty; a channel is never empty, so this is some other file or a broken copy",
    );
    check(
        b"#!/bin/sh\n",
        "`PATH` is not a kekbit channel: it begins with \"#!/bin/s\", a channel with \
         \"KEKBIT\\r\\n\"",
    );
    check(
        b"\0",
        "`PATH` is not a kekbit channel: it begins with \"\\x00\", a channel with \
         \"KEKBIT\\r\\n\"",
    );
    check(b"KEKBIT\n and so on", text);
    check(b"KEKBIT\r\r\n and so on", text);
    check(
        b"KEKBIT\r\n",
        "`PATH` is cut short: it has 8 bytes and should have 160; copy it again, whole",
    );
    check(
        &Spec::raw(4096).image().bytes[..159],
        "`PATH` is cut short: it has 159 bytes and should have 160; copy it again, whole",
    );
}

#[test]
fn a_header_is_believed_only_when_all_of_it_fits() {
    fn check(change: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let (_folder, path) = place();
        let mut bytes = Spec::numbers(100).image().bytes;
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        check_open(&path, expected);
    }
    /// A change that the checksum does not give away.
    fn check_spec(change: impl FnOnce(&mut Spec), problem: &str) {
        let (_folder, path) = place();
        let mut image = Spec::numbers(100).image();
        change(&mut image.spec);
        let header = image.spec.header();
        image.put(0, &header);
        image.write(&path);
        check_open(&path, &format!("the header of `PATH` is damaged: {problem}"));
    }
    let cut = |len: usize, expected: usize| {
        format!(
            "`PATH` is cut short: it has {len} bytes and should have {expected}; copy it again, \
             whole"
        )
    };
    check(|bytes| bytes.truncate(3 * PAGE - 1), &cut(3 * PAGE - 1, 3 * PAGE));
    check(|bytes| bytes.truncate(170), &cut(170, 2 * PAGE));
    check(
        |bytes| bytes[8] = 2,
        "`PATH` has format version 2; this library reads up to 1: use a newer one",
    );
    check(|bytes| bytes[8] = 0, "the header of `PATH` is damaged: there is no format version 0");
    check(
        |bytes| bytes[44] ^= 1,
        &format!(
            "the header of `PATH` is damaged: its checksum is {} and should be {}",
            hex(sum(|_| {})),
            hex(sum(|bytes| bytes[44] ^= 1))
        ),
    );
    check(
        |bytes| bytes[144..148].copy_from_slice(&0x0010_0001_u32.to_le_bytes()),
        "the header of `PATH` is damaged: a schema text of 1048577 bytes, where 1048576 are \
         allowed",
    );
    check(
        |bytes| {
            bytes[155] = 1;
            let sum = sum(|header| header[155] = 1);
            bytes[156..160].copy_from_slice(&sum.to_le_bytes());
        },
        "the header of `PATH` is damaged: reserved bytes are not zero",
    );
    check_spec(|spec| spec.flags |= 4, "flags 0x5, of which some are unknown");
    check_spec(|spec| spec.alignment = 16, "an alignment of 16 bytes");
    check_spec(|spec| spec.stride = 24, "the stride is not that of the records");
    check_spec(|spec| spec.capacity = 15, "not even one record fits the capacity");
    check_spec(|spec| spec.capacity = u64::MAX, "more capacity than a file can have");
    check_spec(|spec| spec.channel_id = [0; 16], "the channel id is zero");
    check_spec(|spec| spec.max_payload = u32::MAX, "payloads longer than a frame holds");
}

/// The checksum that a header should have after a change.
fn sum(change: impl FnOnce(&mut [u8])) -> u32 {
    let spec = Spec::numbers(100);
    let mut header = spec.header();
    change(&mut header);
    image::crc32c(&[&header[..156], spec.schema.as_bytes()])
}

fn hex(number: u32) -> String {
    format!("{number:#010x}")
}

#[test]
fn a_state_page_is_believed_only_with_its_check() {
    let (_folder, path) = place();
    Image::write(Spec::numbers(100).image().patch(|spec| spec.base_plus_one = 0), &path);
    check_open(&path, "`PATH` has been prepared but is not in use yet");

    let mut image = Spec::numbers(100).image();
    image.put(PAGE, &8_u64.to_le_bytes());
    image.write(&path);
    check_open(
        &path,
        "the header of `PATH` is damaged: the first sequence number 7 fails its check",
    );
}

/// A first number so high that counting on from it would overflow, with a check that fits.
#[test]
fn a_base_without_room_for_records_is_refused() {
    let (_folder, path) = place();
    for base_plus_one in [u64::MAX, u64::MAX - 50] {
        let mut image = Spec::numbers(100).image();
        image.patch(|spec| spec.base_plus_one = base_plus_one);
        image.write(&path);
        let base = base_plus_one - 1;
        check_open(
            &path,
            &format!(
                "the header of `PATH` is damaged: the first sequence number {base} leaves no room \
                 for the records"
            ),
        );
    }
}

#[derive(Record, Debug)]
struct Order {
    id: u64,
    price: i64,
    side: u8,
}

mod other {
    use kekbit_channel::Record;

    /// The same name, the same fields, one of them narrower.
    #[derive(Record, Debug)]
    pub(super) struct Order {
        pub(super) id: u64,
        pub(super) price: i32,
        pub(super) side: u8,
    }
}

#[test]
fn the_channel_of_another_type_is_refused_with_the_difference() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(3)).unwrap();
    writer.append(&Order { id: 1, price: 2, side: 3 }).unwrap();
    let theirs = writer.header().fingerprint;
    drop(writer);
    let error = TypedReader::<other::Order>::open(&path).unwrap_err();
    let OpenError::Schema { difference, .. } = &error else { panic!("{error}") };
    let ours = difference.expected_fingerprint;
    check_message(
        &error,
        &path,
        &format!(
            "`PATH` holds records of another type: from the program's type to the file's, `price` \
             was of type `i32` and is of type `i64`; types never change: append a new field \
             instead\n- struct Order 13\n+ struct Order 17\n   id 0 8 u64\n-  price 8 4 i32\n\
             -  side 12 1 u8\n+  price 8 8 i64\n+  side 16 1 u8\n`-` the program's type \
             (fingerprint {ours:016x}), `+` the file's ({theirs:016x}); name, offset, size, type \
             of each field. Read it with the type that wrote it (`ReadOptions::upcast` converts), \
             or without any (`DynamicReader`)"
        ),
    );
    assert_ne!(ours, theirs);
    assert_eq!(theirs, image::fingerprint(&difference.found));
    let again = Channel::<other::Order>::open(&path).unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
    // As bytes it can be read all the same.
    assert_eq!(Reader::open(&path).unwrap().iter().count(), 1);
}

/// Names and descriptions come from whoever wrote the file.
#[test]
fn a_difference_is_readable_whatever_the_file_says() {
    let (_folder, path) = place();
    let doc = "\u{1F600}".repeat(250_000);
    for (name, ty) in [("value", "i64"), ("\u{202E}\u{200B}\u{2066}eulav", "u64")] {
        let schema = format!("struct Order 8\n {name} 0 8 {ty}\n  # doc {doc}\n");
        let fingerprint = image::fingerprint(&schema);
        Spec { fingerprint, schema, ..Spec::numbers(1) }.image().write(&path);
        let said = TypedReader::<Order>::open(&path).unwrap_err().to_string();
        assert!(said.len() < 10_000, "{} bytes", said.len());
        assert!(!said.contains(['\u{202E}', '\u{200B}', '\u{2066}']), "{said:?}");
        assert!(ty == "i64" || said.contains("field `\\u{202e}\\u{200b}\\u{2066}eulav`"), "{said}");
    }
}

/// The schema of the type, in a file whose records have another size all the same.
#[test]
fn a_schema_that_belies_its_records_is_refused() {
    let (_folder, path) = place();
    let writer = TypedWriter::<Order>::create(&path, &ChannelOptions::new().records(3)).unwrap();
    let header = writer.header().clone();
    drop(writer);
    let spec = Spec {
        max_payload: 16,
        stride: 24,
        capacity: 240,
        fingerprint: header.fingerprint,
        schema: header.schema,
        ..Spec::numbers(10)
    };
    spec.image().record(0, &[0; 16]).write(&path);
    check_message(
        &TypedReader::<Order>::open(&path).unwrap_err(),
        &path,
        "the header of `PATH` is damaged: records of 16 bytes, where the schema says 17",
    );
    assert_eq!(Reader::open(&path).unwrap().iter().count(), 1);
}

#[test]
fn a_raw_channel_has_no_type() {
    let (_folder, path) = place();
    Writer::create(&path, &small()).unwrap();
    check_message(
        &TypedReader::<Order>::open(&path).unwrap_err(),
        &path,
        "`PATH` holds raw bytes and has no schema; read it with `Reader`",
    );
}

/// Types of twenty fields each, one inside the other: 160 000 lines of schema.
macro_rules! verbose {
    ($($name:ident of $field:ty;)+) => {$(
        #[derive(Record, Debug)]
        struct $name {
            a: $field, b: $field, c: $field, d: $field, e: $field, f: $field, g: $field,
            h: $field, i: $field, j: $field, k: $field, l: $field, m: $field, n: $field,
            o: $field, p: $field, q: $field, r: $field, s: $field, t: $field,
        }
    )+};
}
verbose! {
    First of u8;
    Second of First;
    Third of Second;
    Verbose of Third;
}

#[test]
fn a_schema_that_is_too_long_is_refused() {
    let (folder, path) = place();
    let error = TypedWriter::<Verbose>::create(&path, &ChannelOptions::new().records(1));
    let error = error.unwrap_err();
    assert!(matches!(error, CreateError::Options(OptionsError::SchemaTooLong { .. })), "{error}");
    let len = Verbose::SCHEMA.text().len();
    check_message(
        &error,
        &path,
        &format!("the schema text of the type has {len} bytes; the format allows 1048576"),
    );
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn options_that_cannot_be_had_leave_nothing_behind() {
    let (folder, path) = place();
    let new = ChannelOptions::new;
    check_create(&path, &new(), "no capacity given; call `records(count)` or `bytes(count)`");
    check_create(
        &path,
        &new().records(10),
        "a raw channel of so many records needs `max_payload(len)`, or else `bytes(count)`",
    );
    check_create(
        &path,
        &new().bytes(7),
        "a capacity of 7 bytes holds no record; it takes at least 8",
    );
    check_create(
        &path,
        &new().bytes(1 << 30).max_payload(1 << 28),
        "a payload of 268435456 bytes is too long; the format allows 268435392",
    );
    check_create(
        &path,
        &new().bytes(u64::MAX),
        "a capacity of 18446744073709551615 bytes is more than a file can have",
    );
    // More than any disk here has, less than a number can say.
    let error = Writer::create(&path, &new().bytes(1 << 61)).unwrap_err();
    assert!(matches!(error, CreateError::NoSpace { .. } | CreateError::Io { .. }), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_name_that_is_taken_stays_what_it_is() {
    const TAKEN: &str = "`PATH` exists already; a channel never replaces a file: choose another name, or \
         remove it first";
    let (folder, path) = place();
    let writer = Writer::create(&path, &small()).unwrap();
    check_create(&path, &small(), TAKEN);
    drop(writer);
    check_create(&path, &small(), TAKEN);

    let text = folder.path().join("text");
    fs::write(&text, "precious").unwrap();
    check_create(&text, &small(), TAKEN);
    assert_eq!(fs::read_to_string(&text).unwrap(), "precious");
    check_create(folder.path(), &small(), TAKEN);

    // A link is never followed, wherever it leads.
    let (link, nowhere) = (folder.path().join("link"), folder.path().join("nowhere"));
    symlink(&nowhere, &link).unwrap();
    check_create(&link, &small(), TAKEN);
    assert!(!nowhere.exists());
    fs::remove_file(&link).unwrap();
    symlink(&text, &link).unwrap();
    check_create(&link, &small(), TAKEN);
    assert_eq!(fs::read_to_string(&text).unwrap(), "precious");
    assert_eq!(names(folder.path()).len(), 3, "{:?}", names(folder.path()));
}

#[test]
fn of_many_who_want_a_name_one_gets_it() {
    for _round in 0..20 {
        let (folder, path) = place();
        let start = Barrier::new(4);
        let results: Vec<_> = thread::scope(|threads| {
            let create = || {
                start.wait();
                Writer::create(&path, &small())
            };
            let all: Vec<_> = (0..4).map(|_| threads.spawn(create)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1);
        for error in results.into_iter().filter_map(Result::err) {
            assert!(matches!(error, CreateError::Exists { .. }), "{error}");
        }
        assert_eq!(names(folder.path()), ["it.kekbit"]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_beside_that_is_taken_is_told() {
    let (folder, path) = place();
    fs::write(folder.path().join("it.kekbit.wait"), "somebody's").unwrap();
    let error = check_create(
        &path,
        &small().wake_readers(),
        "`PATH.wait`, over which the readers of `PATH` would be woken, exists already; if no \
         writer uses it, remove it",
    );
    assert!(matches!(error, CreateError::SidecarExists { .. }), "{error}");
    assert_eq!(names(folder.path()), ["it.kekbit.wait"]);
    assert!(Writer::create(&path, &small()).is_ok(), "it matters to nobody else");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let (folder, path) = place();
    let gone = folder.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let below = gone.join("it.kekbit");
    fs::remove_dir(&gone).unwrap();
    let error = check_create(&below, &small(), "cannot create `PATH`: opening its folder");
    assert!(error.source().unwrap().to_string().contains("No such file"), "{error:?}");
    fs::write(&path, "").unwrap();
    let error =
        check_create(&path.join("below"), &small(), "cannot create `PATH`: making the file");
    assert!(error.source().unwrap().to_string().contains("Not a directory"), "{error:?}");
}

#[test]
fn a_full_channel_tells_what_is_needed_and_what_is_left() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().bytes(100).max_payload(60);
    let mut writer = Writer::create(&path, &options).unwrap();
    let check = |result: Result<u64, WriteError>, expected: &str| {
        check_message(&result.unwrap_err(), &path, expected);
    };
    check(
        writer.append(&[0; 61]),
        "a record of 61 bytes is too long for this channel, which takes 60",
    );
    check(
        writer.claim(61).map(|_| 0),
        "a record of 61 bytes is too long for this channel, which takes 60",
    );
    check(
        writer.claim(5).unwrap().commit_first(6),
        "a record of 6 bytes is too long for this channel, which takes 5",
    );
    assert_eq!(writer.append(&[1; 60]).unwrap(), 0);
    assert_eq!(writer.available(), 28);
    check(writer.append(&[0; 30]), "the channel is full: 40 bytes needed, 28 available");
    check(writer.claim(30).map(|_| 0), "the channel is full: 40 bytes needed, 28 available");
    assert_eq!(writer.append(&[2; 16]).unwrap(), 1, "a shorter one still fits");
    check(writer.append(b""), "the channel is full: 8 bytes needed, 4 available");
    writer.close().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 2);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full));
}

/// Full is what the last record found, not any record before.
#[test]
fn a_channel_in_which_a_shorter_record_found_room_is_not_full() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(100)).unwrap();
    writer.append(b"so that the fence is up").unwrap();
    assert!(matches!(writer.append(&[0; 80]), Err(WriteError::Full { .. })));
    writer.append(b"short").unwrap();
    writer.close().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 2);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
}

#[test]
fn handles_of_a_closed_writer_say_so() {
    let (_folder, path) = place();
    let one = Writer::create(&path, &small()).unwrap().into_shared();
    let other = one.clone();
    one.close().unwrap();
    check_message(&other.append(b"x").unwrap_err(), &path, "the channel is closed");
    check_message(&other.claim(1).unwrap_err(), &path, "the channel is closed");
    check_message(&other.sync().unwrap_err(), &path, "the channel is closed");
    check_message(&other.close().unwrap_err(), &path, "the channel is closed already");
}

#[test]
fn somebody_else_who_writes_is_noticed() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(4 * 4096)).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&7_u64.to_le_bytes(), 2 * 4096).unwrap();
    let expected = "the writer has stopped for good: the file was changed by somebody else: the \
                    word at byte 8192 should be zero and is 0x0000000000000007";
    check_message(&writer.append(b"x").unwrap_err(), &path, expected);
    check_message(&writer.append(b"x").unwrap_err(), &path, expected);
    check_message(&writer.sync().unwrap_err(), &path, expected);
    check_message(&writer.close().unwrap_err(), &path, expected);
    let word = fs::read(&path).unwrap()[2 * 4096..][..8].to_vec();
    assert_eq!(word, 7_u64.to_le_bytes(), "what somebody else wrote is left for an inquest");
}

#[test]
fn damage_is_told_where_it_is() {
    let (_folder, path) = place();
    let mut image = Spec::numbers(100).image();
    image.numbers(3);
    let (slot, found) = (image.slot(1), image.bytes[image.slot(1)..][..4].to_vec());
    image.bytes[slot + 8] ^= 1;
    image.write(&path);
    let mut reader = Reader::open(&path).unwrap();
    let _ = reader.try_next().unwrap();
    let found = u32::from_le_bytes(found.try_into().unwrap());
    let body = &image.bytes[slot + 8..slot + 16];
    let head = (1_u64 << 60 | 8 << 32).to_le_bytes();
    let number = 1_u64.to_le_bytes();
    let expected = image::crc32c(&[&image.spec.channel_id, &number, &head, body]);
    for _ in 0..2 {
        let message = format!(
            "`PATH` is damaged at byte {slot}, where record 1 belongs: the checksum is {} and \
             should be {}; `recover`, best of a copy, seals it in front of that record and tells what lies behind",
            hex(found),
            hex(expected)
        );
        check_message(&reader.try_next().unwrap_err(), &path, &message);
    }
}

#[test]
fn a_place_that_is_not_there_is_told() {
    let (_folder, path) = place();
    Spec::numbers(100).image().numbers(3).close(1).write(&path);
    let mut reader = Reader::open(&path).unwrap();
    for sequence in [4, 100, 101, u64::MAX] {
        let message =
            format!("record {sequence} is not there; the channel holds 0 up to, not including, 3");
        check_message(&reader.seek(sequence).unwrap_err(), &path, &message);
        assert_eq!(reader.next_sequence(), 0, "the reader stays where it is");
    }
    check_message(
        &reader.seek_to_time(Timestamp::from_nanos(1)).unwrap_err(),
        &path,
        "`PATH` has no time stamps; they are an option of its creation",
    );
}

#[test]
fn a_living_writer_is_not_recovered() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &small()).unwrap();
    writer.append(b"x").unwrap();
    let before = fs::read(&path).unwrap();
    check_message(
        &recover(&path).unwrap_err(),
        &path,
        "`PATH` has a living writer; nothing was changed",
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    writer.append(b"y").unwrap();
}

/// A path without a folder is one in the working folder.
#[test]
fn a_name_alone_will_do() {
    let (folder, path) = place();
    let mut helper = Helper::start("name", &path);
    assert_eq!(helper.hear(), "it.kekbit, 1 records, then Closed(Closed)");
    assert!(helper.finish().success());
    assert_eq!(names(folder.path()), ["it.kekbit"]);
}

/// Runs a role in a process without privileges; `None`, with a word, where that cannot be.
fn unprivileged(role: &str, path: &Path) -> Option<Helper> {
    if !nix::unistd::geteuid().is_root() {
        return Some(Helper::start(role, path));
    }
    let binary = std::env::current_exe().unwrap();
    let parents = binary.ancestors().skip(1).chain(path.ancestors().skip(1));
    for folder in parents {
        let Ok(metadata) = fs::metadata(folder) else { continue };
        if metadata.permissions().mode() & 0o001 == 0 {
            println!("skipped: others may not enter {}", folder.display());
            return None;
        }
    }
    Some(Helper::start_with(role, path, |command| {
        command.uid(65534).gid(65534);
    }))
}

#[test]
fn without_rights_one_is_told_so() {
    let (folder, path) = place();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    if nix::unistd::geteuid().is_root() {
        let Some(mut helper) = unprivileged("create", &path) else { return };
        assert_eq!(helper.hear(), format!("cannot create `{}`: making the file", path.display()));
        assert_eq!(helper.hear(), "Some(13)");
        assert!(helper.finish().success());
    }
    assert_eq!(names(folder.path()), [""; 0]);

    Spec::raw(4096).image().records([b"secret"]).write(&path);
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let Some(mut helper) = unprivileged("open", &path) else { return };
    assert_eq!(helper.hear(), format!("cannot open `{}`: opening the file", path.display()));
    assert_eq!(helper.hear(), "Some(13)");
    assert!(helper.finish().success());

    // The mode that a channel has unless told otherwise is the owner's alone.
    fs::remove_file(&path).unwrap();
    drop(Writer::create(&path, &small()).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_limit_of_file_size_is_an_error_and_not_death() {
    let (folder, path) = place();
    let mut helper = Helper::start("limited", &path);
    assert_eq!(
        helper.hear(),
        format!(
            "`{}` would have 1060864 bytes, but this process may write files of 1048576 at most \
             (RLIMIT_FSIZE, `ulimit -f`)",
            path.display()
        )
    );
    assert_eq!(names(folder.path()), [""; 0]);
    helper.tell("go on");
    assert_eq!(helper.hear(), "made one of exactly the limit");
    let status = helper.finish();
    assert!(status.success(), "{status}, signal {:?}", status.signal());
}

#[test]
fn child() {
    let Some((role, path)) = child::role() else { return };
    match role.as_str() {
        "create" => match Writer::create(&path, &small()) {
            Err(CreateError::Io { source, step, path }) => {
                say(&CreateError::Io { path, step, source: clone(&source) }.to_string());
                say(&format!("{:?}", source.raw_os_error()));
            }
            other => say(&format!("{other:?}")),
        },
        "open" => match Reader::open(&path) {
            Err(OpenError::Io { source, step, path }) => {
                say(&OpenError::Io { path, step, source: clone(&source) }.to_string());
                say(&format!("{:?}", source.raw_os_error()));
            }
            other => say(&format!("{other:?}")),
        },
        "name" => {
            std::env::set_current_dir(path.parent().unwrap()).unwrap();
            let mut writer = Writer::create("it.kekbit", &small()).unwrap();
            writer.append(b"one").unwrap();
            writer.close().unwrap();
            let mut reader = Reader::open("it.kekbit").unwrap();
            let count = reader.iter().count();
            let end = format!("{:?}", reader.try_next().unwrap());
            say(&format!("{}, {count} records, then {end}", reader.path().display()));
        }
        "limited" => {
            setrlimit(Resource::RLIMIT_FSIZE, 1 << 20, 1 << 20).unwrap();
            say(&Writer::create(&path, &ChannelOptions::new().bytes(1 << 20))
                .unwrap_err()
                .to_string());
            child::listen();
            let capacity = (1 << 20) - 2 * 4096 - 8;
            let options = ChannelOptions::new().bytes(capacity).prefault(Prefault::All);
            let mut writer = Writer::create(&path, &options).unwrap();
            while writer.append(&[1; 4000]).is_ok() {}
            writer.sync().unwrap();
            writer.close().unwrap();
            say("made one of exactly the limit");
        }
        other => panic!("no role {other}"),
    }
}

fn clone(error: &std::io::Error) -> std::io::Error {
    std::io::Error::from_raw_os_error(error.raw_os_error().unwrap())
}
