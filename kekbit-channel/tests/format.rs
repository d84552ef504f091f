//! Goal: the bytes of a channel are those of `docs/FORMAT.md`, now and for ever.
//!
//! Method: an encoder that follows that page alone (`support/image.rs`) builds the same channels as
//! the library, and the two are compared byte for byte; files that were checked in
//! (`tests/data/v1`) open and give the records they were made of.
//!
//! The files in `tests/data/v1` are made by the encoder of this test, not by the library. After a
//! new one was added here, `KEKBIT_BLESS=1 cargo test -p kekbit-channel --test format` writes it.
//! A file that is there already is never written again: version 1 stays what it is.

#[path = "support/image.rs"]
mod image;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use kekbit_channel::{
    Alignment, ChannelOptions, CloseReason, Next, ReadErrorKind, Reader, Record, Timestamp,
    TypedReader, TypedWriter, Writer,
};

use crate::image::{CHECKSUMS, Image, PAGE, Spec, TIME_STAMPS, boot_id};

#[derive(Record, Debug, Clone, Copy, PartialEq)]
enum Side {
    Buy,
    Sell,
}

#[derive(Record, Debug, Clone, PartialEq)]
struct Leg {
    quantity: u64,
    kind: u16,
}

#[derive(Record, Debug, Clone, PartialEq)]
struct Order {
    id: u64,
    side: Side,
    limit: Option<i64>,
    legs: [Leg; 2],
}

/// The example of `docs/FORMAT.md`, with the names spelt out.
const ORDER: &str = "\
struct Order 38
 id 0 8 u64
 side 8 1 enum Side 1
  Buy 0 0
  Sell 1 0
 limit 9 9 option
  - 1 8 i64
 legs 18 20 array 2
  - 0 10 struct Leg
   quantity 0 8 u64
   kind 8 2 u16
";

fn order(id: u64) -> Order {
    Order {
        id,
        side: if id.is_multiple_of(2) { Side::Buy } else { Side::Sell },
        limit: (id != 1).then_some(-5),
        legs: [Leg { quantity: 3, kind: 4 }, Leg { quantity: u64::MAX, kind: 0x0102 }],
    }
}

/// What the image of `order(id)` is, written down a second time.
fn order_payload(id: u64) -> Vec<u8> {
    let mut payload = id.to_le_bytes().to_vec();
    payload.push(u8::from(!id.is_multiple_of(2)));
    if id == 1 {
        payload.extend([0; 9]);
    } else {
        payload.push(1);
        payload.extend((-5_i64).to_le_bytes());
    }
    payload.extend(3_u64.to_le_bytes());
    payload.extend([4, 0]);
    payload.extend([0xFF; 8]);
    payload.extend([2, 1]);
    payload
}

fn clock() -> Timestamp {
    Timestamp::from_nanos(1_600_000_000_123_456_789)
}

fn orders() -> Spec {
    let schema = ORDER.to_owned();
    Spec {
        flags: CHECKSUMS | TIME_STAMPS,
        max_payload: 38,
        stride: 56,
        capacity: 5 * 56,
        fingerprint: image::fingerprint(&schema),
        schema,
        ..Spec::raw(64)
    }
}

/// Compares a file of the library with what the encoder makes of `spec` and `fill`, once the
/// fields that no two files share have been looked at and taken over.
#[track_caller]
fn check(path: &Path, spec: Spec, fill: impl FnOnce(&mut Image)) {
    let found = fs::read(path).unwrap();
    let theirs = Spec::of_bytes(&found);
    let metadata = fs::metadata(path).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert_ne!(theirs.channel_id, [0; 16]);
    assert!(now - Duration::from_nanos(theirs.created) < Duration::from_secs(60));
    let spec = Spec {
        channel_id: theirs.channel_id,
        created: theirs.created,
        boot_id: boot_id(),
        device: metadata.dev(),
        inode: metadata.ino(),
        ..spec
    };
    assert_eq!(theirs, spec);
    let mut expected = spec.image();
    fill(&mut expected);
    assert_eq!(found.len(), expected.bytes.len());
    let differs = found.iter().zip(&expected.bytes).position(|(found, expected)| found != expected);
    if let Some(at) = differs {
        let shown = at - at % 8..at - at % 8 + 32;
        panic!(
            "byte {at} differs:\nfound    {:02x?}\nexpected {:02x?}",
            &found[shown.clone()],
            &expected.bytes[shown]
        );
    }
}

#[test]
fn a_raw_channel_is_written_as_the_page_says() {
    for (alignment, flags) in [
        (Alignment::Packed, CHECKSUMS),
        (Alignment::Packed, 0),
        (Alignment::Packed, CHECKSUMS | TIME_STAMPS),
        (Alignment::CacheLine, CHECKSUMS),
        (Alignment::CacheLine, TIME_STAMPS),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.kekbit");
        let mut options = ChannelOptions::new()
            .bytes(20_001)
            .max_payload(9000)
            .alignment(alignment)
            .writer_timeout(Duration::from_millis(1500))
            .writer_id(0x1122_3344_5566_7788)
            .clock(clock);
        if flags & CHECKSUMS == 0 {
            options = options.without_checksums();
        }
        if flags & TIME_STAMPS != 0 {
            options = options.time_stamps();
        }
        let spec = Spec {
            flags,
            writer_id: 0x1122_3344_5566_7788,
            writer_timeout: 1_500_000_000,
            capacity: 20_001,
            max_payload: 9000,
            alignment: alignment.bytes(),
            ..Spec::raw(20_001)
        };
        let stamp = clock().as_nanos();
        let head = if flags & TIME_STAMPS == 0 { 8 } else { 16 };
        let step = u64::from(alignment.bytes());
        let size = |payload: u64| (head + payload).next_multiple_of(step);

        let mut writer = Writer::create(&path, &options).unwrap();
        check(&path, spec.clone(), |_image| {});
        writer.append(b"").unwrap();
        writer.append(b"seventeen bytes..").unwrap();
        // A small claim leaves no trace, a large one is padded.
        writer.claim(100).unwrap().fill(0xAA);
        check(&path, spec.clone(), |image| {
            image.record(stamp, b"").record(stamp, b"seventeen bytes..");
        });
        let mut claim = writer.claim(6000).unwrap();
        claim.fill(0xBB);
        claim.fill(0);
        drop(claim);
        let mut claim = writer.claim(5000).unwrap();
        claim[..3].copy_from_slice(b"top");
        claim.commit_first(3).unwrap();
        let mut claim = writer.claim(200).unwrap();
        claim.fill(0xCC);
        claim.commit_first(1).unwrap();
        let synced = writer.sync().unwrap();
        assert_eq!(synced.durable, 4);
        writer.append(b"last").unwrap();
        writer.close().unwrap();
        check(&path, Spec { durable: 4, ..spec }, |image| {
            image.record(stamp, b"").record(stamp, b"seventeen bytes..");
            image.padding(size(6000) - 8);
            image.record(stamp, b"top");
            image.padding(size(5000) - size(3) - 8);
            image.record(stamp, &[0xCC]).record(stamp, b"last").close(1);
        });
    }
}

#[test]
fn a_typed_channel_is_written_as_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    let options = ChannelOptions::new().records(5).time_stamps().clock(clock);
    let mut writer = TypedWriter::<Order>::create(&path, &options).unwrap();
    check(&path, orders(), |_image| {});
    for id in 0..3 {
        writer.append(&order(id)).unwrap();
    }
    drop(writer.claim().unwrap());
    writer.claim().unwrap().commit(&order(3));
    writer.append(&order(4)).unwrap();
    assert!(writer.append(&order(5)).is_err());
    writer.close().unwrap();
    check(&path, orders(), |image| {
        for id in 0..5 {
            image.record(clock().as_nanos(), &order_payload(id));
        }
        image.close(2);
    });
}

/// Every reason has its number.
#[test]
fn endings_have_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    for (number, reason) in [
        (1, CloseReason::Closed),
        (2, CloseReason::Full),
        (3, CloseReason::Rolled),
        (4, CloseReason::Recovered),
        (5, CloseReason::SyncFailed),
        (6, CloseReason::Panicked),
        (7, CloseReason::Other(7)),
        (0, CloseReason::Other(0)),
        ((1 << 28) - 1, CloseReason::Other((1 << 28) - 1)),
    ] {
        Spec::raw(104).image().record(0, b"x").close(number).write(&path);
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!(reader.iter().count(), 1);
        assert_eq!(reader.try_next().unwrap(), Next::Closed(reason));
    }
}

#[test]
fn every_field_of_a_header_is_read_where_the_page_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    let spec = Spec {
        channel_id: std::array::from_fn(|index| u8::try_from(index).unwrap()),
        writer_id: 0x2122_2324_2526_2728,
        predecessor: [0x33; 16],
        created: 0x4142_4344_4546_4748,
        boot_id: [0x55; 16],
        device: 0x6162_6364_6566_6768,
        inode: 0x7172_7374_7576_7778,
        writer_timeout: 0x0182_8384_8586_8788,
        alignment: 64,
        base_plus_one: 1001,
        durable: 1002,
        ..Spec::raw(200).flags(TIME_STAMPS)
    };
    let spec = Spec { max_payload: 176, ..spec };
    spec.image().record(9, b"first").record(9, b"second").close(1).write(&path);
    let mut reader = Reader::open(&path).unwrap();
    let header = reader.header();
    assert_eq!(header.channel_id, u128::from_le_bytes(spec.channel_id));
    assert_eq!(header.writer_id, spec.writer_id);
    assert_eq!(header.predecessor_id, u128::from_le_bytes(spec.predecessor));
    assert_eq!(header.created, Timestamp::from_nanos(spec.created));
    assert_eq!(header.boot_id, u128::from_le_bytes(spec.boot_id));
    assert_eq!((header.device, header.inode), (spec.device, spec.inode));
    assert_eq!(header.writer_timeout, Some(Duration::from_nanos(spec.writer_timeout)));
    assert_eq!((header.capacity, header.max_payload), (200, 176));
    assert_eq!((header.alignment, header.stride), (Alignment::CacheLine, 0));
    assert_eq!((header.checksums, header.time_stamps), (false, true));
    assert_eq!((header.fingerprint, header.schema.as_str()), (0, ""));
    assert_eq!(header.data_offset, 2 * PAGE as u64);
    assert_eq!((reader.first_sequence(), reader.durable()), (1000, 1002));
    let first = reader.try_next().unwrap().record().unwrap();
    assert_eq!((first.sequence, first.value), (1000, b"first".as_slice()));
    reader.seek(1001).unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, b"second");
    assert!(reader.seek(999).is_err());
}

/// Whatever byte of a small channel is changed, readers get an error, or a prefix of the truth.
#[test]
fn a_changed_byte_never_gives_a_wrong_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    let mut image = Spec::raw(400).image();
    image.records([b"one".as_slice(), b"", b"seventeen bytes.."]).padding(40);
    image.record(0, b"after the padding").close(1);
    let truth: Vec<Vec<u8>> = records(&image, &path).unwrap();
    assert_eq!(truth.len(), 4);
    let data = image.spec.data_offset();
    // Zeroes behind payloads, and what padding skips, vouch for nothing.
    let unused = [11..16, 49..56, 64..104, 129..136];
    for at in (0..160).chain(data - PAGE..data - PAGE + 16).chain(data..image.tail + 8) {
        for bit in [0x01, 0x80, 0xFF] {
            let mut image = image.clone();
            image.bytes[at] ^= bit;
            match records(&image, &path) {
                Err(found) => assert!(truth.starts_with(&found), "byte {at}: {found:?}"),
                Ok(found) => {
                    assert_eq!(found, truth, "byte {at}");
                    let unused =
                        unused.iter().any(|range| range.contains(&(at.wrapping_sub(data))));
                    assert!(unused, "byte {at} is believed although it was changed");
                }
            }
        }
    }
}

/// All records of a file; those before the first error if there is one.
fn records(image: &Image, path: &Path) -> Result<Vec<Vec<u8>>, Vec<Vec<u8>>> {
    image.write(path);
    let Ok(mut reader) = Reader::open(path) else { return Err(Vec::new()) };
    let mut found = Vec::new();
    for record in reader.iter() {
        match record {
            Ok(record) => found.push(record.value.to_vec()),
            Err(error) if matches!(error.kind(), ReadErrorKind::Damaged { .. }) => {
                return Err(found);
            }
            Err(other) => panic!("{other}"),
        }
    }
    match reader.try_next().unwrap() {
        Next::Closed(_) => Ok(found),
        _ => Err(found),
    }
}

/// A file in `tests/data/v1`; made if it is not there and that was asked for.
fn golden(name: &str, image: &Image) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1");
    let path = folder.join(name);
    if std::env::var_os("KEKBIT_BLESS").is_some() && !path.exists() {
        fs::create_dir_all(folder).unwrap();
        image.write(&path);
    }
    assert!(
        fs::read(&path).unwrap() == image.bytes,
        "{name} is not what this test makes; one of the two was changed"
    );
    path
}

#[test]
fn golden_raw_channels_open_for_ever() {
    let mut image = Spec::raw(400).image();
    image.records([b"".as_slice(), b"first", b"a second one"]).padding(24).record(0, b"last");
    let abandoned = golden("raw-abandoned.kekbit", &image);
    image.close(1);
    let closed = golden("raw-closed.kekbit", &image);
    for (path, end) in [(abandoned, Next::Abandoned), (closed, Next::Closed(CloseReason::Closed))] {
        let mut reader = Reader::open(&path).unwrap();
        let found: Vec<&[u8]> = reader.iter().map(|record| record.unwrap().value).collect();
        assert_eq!(found, [b"".as_slice(), b"first", b"a second one", b"last"]);
        assert_eq!(reader.try_next().unwrap(), end);
    }
}

#[test]
fn golden_typed_channels_open_for_ever() {
    let stamp = |id: u64| 1_600_000_000_000_000_000 + id;
    let mut image = Spec { base_plus_one: 101, durable: 103, ..orders() }.image();
    for id in 0..5 {
        image.record(stamp(id), &order_payload(id));
    }
    let path = golden("orders-full.kekbit", image.close(2));
    let mut reader = TypedReader::<Order>::open(&path).unwrap();
    assert_eq!((reader.first_sequence(), reader.durable()), (100, 103));
    for (id, record) in (0..).zip(reader.iter()) {
        let record = record.unwrap();
        assert_eq!((record.sequence, record.timestamp), (100 + id, Some(time(stamp(id)))));
        assert_eq!(record.value, order(id));
    }
    assert_eq!(reader.next_sequence(), 105);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full));
    assert_eq!(reader.get(103).unwrap().unwrap().value, order(3));
    reader.seek_to_time(time(stamp(2))).unwrap();
    assert_eq!(reader.next_sequence(), 102);

    let unchecked = Spec { flags: 0, alignment: 64, stride: 64, capacity: 192, ..orders() };
    let mut image = unchecked.image();
    image.record(0, &order_payload(0)).record(0, &order_payload(1)).close(4);
    let path = golden("orders-unchecked-recovered.kekbit", &image);
    let mut reader = TypedReader::<Order>::open(&path).unwrap();
    let found: Vec<Order> = reader.iter().map(|record| record.unwrap().value).collect();
    assert_eq!(found, [order(0), order(1)]);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Recovered));
}

fn time(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}
