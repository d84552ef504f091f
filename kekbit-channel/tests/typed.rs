//! Goal: values go in and the same values come out, by every way there is to one of them, from
//! channels of every shape.
//!
//! Method: through the public interface, with small channels that are looked at after every step;
//! each search is compared with a naive walk. What no writer would write is made by hand
//! (`support/image.rs`).

#[path = "support/image.rs"]
mod image;

use std::{
    cell::Cell,
    error::Error,
    fs::File,
    os::unix::fs::{FileExt, MetadataExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    thread,
    time::Duration,
};

use kekbit_channel::{
    Alignment, Channel, ChannelOptions, CloseReason, CreateError, Next, Prefault, ReadErrorKind,
    Reader, Record, SeekError, Timestamp, TypedReader, TypedWriter, Wait, WriteError, Writer,
};
use tempfile::TempDir;

use crate::image::{Image, Spec};

#[derive(Record, Debug, Clone, PartialEq)]
struct Trade {
    id: u64,
    price: Option<i64>,
    parts: [u16; 3],
    kind: Kind,
}

#[derive(Record, Debug, Clone, PartialEq)]
enum Kind {
    Auction,
    Open { by: u32, flag: bool },
    Cross(f64, char),
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number {
    value: u64,
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Nothing;

#[derive(Record, Debug, Clone, PartialEq)]
struct Bulky {
    number: u64,
    bytes: [u8; 5000],
}

fn trade(id: u64) -> Trade {
    Trade {
        id,
        price: (!id.is_multiple_of(3)).then(|| -i64::try_from(id).unwrap()),
        parts: [1, u16::try_from(id % 1000).unwrap(), u16::MAX],
        kind: match id % 3 {
            0 => Kind::Auction,
            1 => Kind::Open { by: 7, flag: id.is_multiple_of(2) },
            _ => Kind::Cross(0.5, '\u{df}'),
        },
    }
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn records(count: u64) -> ChannelOptions {
    ChannelOptions::new().records(count)
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// A clock that each test sets for itself.
fn clock() -> Timestamp {
    Timestamp::from_nanos(NOW.get())
}

fn time(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

#[test]
fn values_come_out_by_every_way() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::<Trade>::create(&path, &records(100)).unwrap();
    let mut reader = TypedReader::<Trade>::open(&path).unwrap();
    assert_eq!(writer.available(), 100);
    for id in 0..40 {
        assert_eq!(writer.next_sequence(), id);
        assert_eq!(reader.try_next().unwrap(), Next::Pending);
        assert_eq!(writer.append(&trade(id)).unwrap(), id);
        let record = reader.try_next().unwrap().record().unwrap();
        assert_eq!((record.sequence, record.timestamp, record.unverified), (id, None, false));
        assert_eq!(record.value, trade(id));
        assert_eq!(reader.get(id).unwrap().unwrap(), record);
        assert_eq!(reader.get(id + 1).unwrap(), None);
        assert_eq!(writer.available(), 99 - id);
    }
    reader.seek(10).unwrap();
    let ids: Vec<u64> = reader.iter().map(|record| record.unwrap().id).collect();
    assert_eq!(ids, (10..40).collect::<Vec<_>>());
    assert!(reader.iter().next().is_none());
    reader.seek_to_end().unwrap();
    assert_eq!(reader.next_sequence(), 40);
    reader.seek(0).unwrap();
    let mut expected = 0;
    for view in reader.views().unwrap() {
        let view = view.unwrap();
        assert_eq!(
            (view.sequence, view.id(), view.parts().get(1)),
            (expected, expected, Some(u16::try_from(expected).unwrap()))
        );
        expected += 1;
    }
    assert_eq!(expected, 40);
    reader.seek(38).unwrap();
    writer.close().unwrap();
    let found: Vec<Trade> = reader.follow(Wait::Spin).map(|record| record.unwrap().value).collect();
    assert_eq!(found, [trade(38), trade(39)]);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
    assert_eq!(reader.wait_or_end(), Next::Closed(CloseReason::Closed));
    reader.seek(0).unwrap();
    assert_eq!(reader.iter().count(), 40, "again and again");
}

trait WaitOrEnd {
    fn wait_or_end(&self) -> Next<()>;
}

impl WaitOrEnd for TypedReader<Trade> {
    /// The same end, for a reader of bytes that waits.
    fn wait_or_end(&self) -> Next<()> {
        let mut reader = Reader::open(self.path()).unwrap();
        reader.seek_to_end().unwrap();
        match reader.wait_next(Wait::Backoff).unwrap() {
            Next::Closed(reason) => Next::Closed(reason),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_batch_knows_its_length_and_leaves_the_rest() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::<Number>::create(&path, &records(100)).unwrap();
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    assert_eq!(reader.batch(10).len(), 0);
    for value in 0..25 {
        writer.append(&Number { value }).unwrap();
    }
    assert_eq!(reader.batch(0).len(), 0);
    let batch = reader.batch(10);
    assert_eq!(batch.len(), 10);
    assert_eq!(batch.take(4).map(|record| record.unwrap().value.value).sum::<u64>(), 6);
    assert_eq!(reader.next_sequence(), 4, "records that are not taken stay unread");
    let batch = reader.batch(usize::MAX);
    assert_eq!(batch.len(), 21);
    writer.append(&Number { value: 25 }).unwrap();
    drop(batch);
    let mut batch = reader.batch(21);
    for left in (0..21).rev() {
        assert_eq!(batch.next().unwrap().unwrap().value.value, 24 - left as u64);
        assert_eq!(batch.len(), left);
    }
    assert!(batch.next().is_none(), "not one more than it said");
    drop(writer);
    assert_eq!(reader.batch(10).len(), 1, "the close mark is no record");
}

#[test]
fn a_channel_that_is_full_ends_with_that_reason() {
    for alignment in [Alignment::Packed, Alignment::CacheLine] {
        for count in [1, 2, 63, 64, 255, 256, 257] {
            let (_folder, path) = place();
            let options = records(count).alignment(alignment);
            let mut writer = TypedWriter::<Number>::create(&path, &options).unwrap();
            for value in 0..count {
                assert_eq!(writer.append(&Number { value }).unwrap(), value);
            }
            let stride = writer.header().stride;
            match writer.append(&Number { value: 0 }) {
                Err(WriteError::Full { needed, available: 0 }) => assert_eq!(needed, stride),
                other => panic!("{other:?}"),
            }
            assert!(writer.claim().is_err());
            writer.close().unwrap();
            let mut reader = TypedReader::<Number>::open(&path).unwrap();
            assert_eq!(reader.iter().count() as u64, count);
            assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full));
            reader.seek(count).unwrap();
            assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full));
            assert_eq!(reader.get(count).unwrap(), None);
        }
    }
}

/// The exact last record that fits was not refused, so the channel is closed and not full.
#[test]
fn a_channel_of_which_nothing_was_refused_is_closed() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::<Number>::create(&path, &records(1)).unwrap();
    writer.append(&Number { value: 0 }).unwrap();
    writer.close().unwrap();
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    reader.seek_to_end().unwrap();
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
}

/// Whatever the size of a record, a claim that is dropped leaves its place to the next.
#[test]
fn a_dropped_claim_leaves_no_trace() {
    fn check<T: Record + PartialEq + std::fmt::Debug>(value: &T) {
        let (_folder, path) = place();
        let mut writer = TypedWriter::<T>::create(&path, &records(4)).unwrap();
        let mut reader = TypedReader::<T>::open(&path).unwrap();
        assert_eq!(writer.claim().unwrap().sequence(), 0);
        drop(writer.claim().unwrap());
        assert!(matches!(reader.try_next(), Ok(Next::Pending)));
        writer.append(value).unwrap();
        assert_eq!(writer.claim().unwrap().sequence(), 1);
        assert_eq!(writer.claim().unwrap().commit(value), 1);
        std::mem::forget(writer.claim().unwrap());
        assert_eq!(writer.append(value).unwrap(), 2);
        std::mem::forget(writer.claim().unwrap());
        assert_eq!(writer.claim().unwrap().commit(value), 3);
        assert!(writer.claim().is_err(), "all four places were used");
        drop(writer);
        let found: Vec<T> = reader.iter().map(|record| record.unwrap().value).collect();
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|found| found == value));
        assert_eq!(reader.next_sequence(), 4);
    }
    check(&Number { value: u64::MAX });
    check(&Nothing);
    check(&Bulky { number: 1, bytes: [0xEE; 5000] });
}

#[test]
fn records_without_bytes_are_records() {
    let (_folder, path) = place();
    let options = records(1000).time_stamps().clock(clock);
    let mut writer = TypedWriter::<Nothing>::create(&path, &options).unwrap();
    assert_eq!((writer.header().stride, writer.header().max_payload), (16, 0));
    for sequence in 0..1000 {
        NOW.set(sequence * 10);
        assert_eq!(writer.append(&Nothing).unwrap(), sequence);
    }
    assert!(writer.append(&Nothing).is_err());
    drop(writer);
    let mut reader = TypedReader::<Nothing>::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 1000);
    reader.seek_to_time(time(5001)).unwrap();
    assert_eq!(reader.next_sequence(), 501);
    assert_eq!(Channel::<Nothing>::open(&path).unwrap().record_count().unwrap(), 1000);
}

#[test]
fn time_stamps_are_taken_with_the_claim_and_never_go_back() {
    let (_folder, path) = place();
    let options = records(10).time_stamps().clock(clock);
    let mut writer = TypedWriter::<Number>::create(&path, &options).unwrap();
    let mut stamps = Vec::new();
    for (now, expected) in [(100, 100), (100, 100), (90, 100), (110, 110), (0, 110)] {
        NOW.set(now);
        let claim = writer.claim().unwrap();
        NOW.set(now + 1000);
        assert_eq!(claim.timestamp(), Some(time(expected)));
        claim.commit(&Number { value: now });
        stamps.push(Some(time(expected)));
    }
    assert_eq!(writer.clock_lag(), None, "110 nanoseconds are not worth a word");
    NOW.set(5_000_000_000);
    writer.append(&Number { value: 0 }).unwrap();
    NOW.set(2_000_000_000);
    writer.append(&Number { value: 0 }).unwrap();
    assert_eq!(writer.clock_lag(), Some(Duration::from_secs(3)));
    stamps.extend([Some(time(5_000_000_000)); 2]);
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    let found: Vec<_> = reader.iter().map(|record| record.unwrap().timestamp).collect();
    assert_eq!(found, stamps);
}

/// Every search, at every state of a small channel, is compared with a walk.
#[test]
fn searches_agree_with_a_walk() {
    const CAPACITY: u64 = 13;
    for alignment in [Alignment::Packed, Alignment::CacheLine] {
        let (_folder, path) = place();
        let options = records(CAPACITY).time_stamps().clock(clock).alignment(alignment);
        let mut writer = Some(TypedWriter::<Number>::create(&path, &options).unwrap());
        // Two and two with the same stamp, with gaps between.
        let stamp = |sequence: u64| 100 + sequence / 2 * 10;
        for count in 0..=CAPACITY + 1 {
            let mut reader = TypedReader::<Number>::open(&path).unwrap();
            let walked: Vec<_> = reader.clone().iter().map(Result::unwrap).collect();
            let there = count.min(CAPACITY);
            assert_eq!(walked.len() as u64, there);
            reader.seek_to_end().unwrap();
            assert_eq!(reader.next_sequence(), there);
            assert_eq!(Channel::<Number>::open(&path).unwrap().record_count().unwrap(), there);
            for sequence in 0..CAPACITY + 3 {
                let expected = walked.iter().find(|record| record.sequence == sequence);
                assert_eq!(reader.get(sequence).unwrap().as_ref(), expected);
                reader.seek(0).unwrap();
                match reader.seek(sequence) {
                    Ok(()) => {
                        assert!(sequence <= there);
                        assert_eq!(reader.next_sequence(), sequence);
                        let found = reader.try_next().unwrap().record();
                        assert_eq!(found.as_ref(), expected);
                    }
                    Err(SeekError::OutOfRange { sequence: asked, first: 0, end }) => {
                        assert!(there < sequence);
                        assert_eq!((asked, end), (sequence, there));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            for nanos in 95..180 {
                let expected = walked
                    .iter()
                    .find(|record| time(nanos) <= record.timestamp.unwrap())
                    .map_or(there, |record| record.sequence);
                reader.seek_to_time(time(nanos)).unwrap();
                assert_eq!(reader.next_sequence(), expected, "time {nanos} of {there}");
            }
            if count < CAPACITY {
                NOW.set(stamp(count));
                let writer = writer.as_mut().unwrap();
                writer.append(&Number { value: count }).unwrap();
            } else {
                // Once more, when it is closed.
                writer = None;
            }
        }
    }
}

/// The same for a raw channel, which is walked.
#[test]
fn searches_of_raw_channels_agree_with_a_walk() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().bytes(40_000).time_stamps().clock(clock);
    let mut writer = Writer::create(&path, &options).unwrap();
    for number in 0..12_usize {
        NOW.set(100 * number as u64);
        drop(writer.claim(number % 2 * 5000).unwrap());
        if number % 2 == 0 {
            writer.append(&vec![7; number * 10]).unwrap();
        }
    }
    for closed in [false, true] {
        let mut reader = Reader::open(&path).unwrap();
        let walked: Vec<(u64, usize, u64)> = reader
            .iter()
            .map(Result::unwrap)
            .map(|found| (found.sequence, found.len(), found.timestamp.unwrap().as_nanos()))
            .collect();
        let expected: Vec<_> = (0..6).map(|n| (n, 20 * n as usize, 200 * n)).collect();
        assert_eq!(walked, expected);
        for from in 0..=6 {
            for to in 0..=7 {
                reader.seek(from).unwrap();
                assert_eq!(reader.seek(to).is_ok(), to <= 6);
                assert_eq!(reader.next_sequence(), if to <= 6 { to } else { from });
                if to < 6 {
                    assert_eq!(reader.try_next().unwrap().record().unwrap().sequence, to);
                }
            }
            reader.seek(from).unwrap();
            reader.seek_to_end().unwrap();
            assert_eq!(reader.next_sequence(), 6);
        }
        for nanos in 0..1300 {
            reader.seek_to_time(time(nanos)).unwrap();
            assert_eq!(reader.next_sequence(), nanos.div_ceil(200).min(6));
        }
        if !closed {
            writer = {
                drop(writer);
                Writer::create(path.with_extension("other"), &options).unwrap()
            };
        }
    }
}

#[test]
fn frames_lie_where_the_alignment_says() {
    fn check(options: ChannelOptions, stride: u64, head: usize) {
        let (_folder, path) = place();
        let mut writer = TypedWriter::<Bulky>::create(&path, &options).unwrap();
        assert_eq!(writer.header().stride, stride);
        for number in 0..5 {
            writer.append(&Bulky { number, bytes: [3; 5000] }).unwrap();
        }
        let mut reader = Reader::open(&path).unwrap();
        let starts: Vec<usize> =
            reader.iter().map(|record| record.unwrap().value.as_ptr().addr() - head).collect();
        let alignment = usize::try_from(writer.header().alignment.bytes()).unwrap();
        assert!(starts.iter().all(|start| start % alignment == 0));
        let strides = starts.windows(2).map(|pair| (pair[1] - pair[0]) as u64);
        assert!(strides.into_iter().all(|found| found == stride));
        let mut reader = TypedReader::<Bulky>::open(&path).unwrap();
        let numbers: Vec<u64> = reader.iter().map(|record| record.unwrap().number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
    }
    check(records(5), 5016, 8);
    check(records(5).alignment(Alignment::CacheLine), 5056, 8);
    check(records(5).time_stamps(), 5024, 16);
    check(records(5).time_stamps().alignment(Alignment::CacheLine), 5056, 16);
    check(records(5).prefault(Prefault::All).without_checksums(), 5016, 8);
}

/// A payload that is no value of the type, in a frame that is whole.
#[test]
fn an_invalid_payload_is_told_and_passed() {
    #[derive(Record, Debug, Clone, Copy, PartialEq)]
    struct Flag {
        number: u8,
        up: bool,
    }

    let (_folder, path) = place();
    let writer = TypedWriter::<Flag>::create(&path, &records(10)).unwrap();
    let header = writer.header().clone();
    drop(writer);
    let spec = Spec {
        max_payload: 2,
        stride: 16,
        fingerprint: header.fingerprint,
        schema: header.schema,
        ..Spec::numbers(10)
    };
    let mut image = spec.image();
    for payload in [[0, 1], [1, 2], [2, 0], [3, 255]] {
        image.record(0, &payload);
    }
    image.close(1).write(&path);
    let mut reader = TypedReader::<Flag>::open(&path).unwrap();
    let results: Vec<_> = reader.clone().iter().map(|record| record.is_ok()).collect();
    assert_eq!(results, [true, false, true, false]);
    let batch: Vec<_> = reader.clone().batch(9).map(|record| record.is_ok()).collect();
    assert_eq!(batch, results);
    assert_eq!(reader.clone().follow(Wait::Spin).count(), 4);

    assert_eq!(reader.try_next().unwrap().record().unwrap().value, Flag { number: 0, up: true });
    let error = reader.try_next().unwrap_err();
    assert_eq!(error.to_string(), format!("record 1 of `{}` is no valid value", path.display()));
    let ReadErrorKind::Invalid { sequence: 1, source, .. } = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(error.source().unwrap().to_string(), source.to_string());
    assert!(source.to_string().contains("up"), "{source}");
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, Flag { number: 2, up: false });
    assert!(matches!(
        reader.get(3).unwrap_err().kind(),
        ReadErrorKind::Invalid { sequence: 3, .. }
    ));
    // Views judge what is asked of them, when it is asked.
    let channel = Channel::<Flag>::open(&path).unwrap();
    let view = channel.get(1).unwrap().unwrap();
    assert_eq!(view.number(), 1);
    assert!(view.up().is_err());
    assert_eq!(channel.views().filter(|view| view.as_ref().unwrap().up().is_ok()).count(), 2);
}

#[test]
fn views_outlive_what_found_them() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::<Trade>::create(&path, &records(100)).unwrap();
    for id in 0..50 {
        writer.append(&trade(id)).unwrap();
    }
    let channel = Channel::<Trade>::open(&path).unwrap();
    let (first, rest) = {
        let mut views = channel.views();
        let first = views.next().unwrap().unwrap();
        (first, views.collect::<Result<Vec<_>, _>>().unwrap())
    };
    for id in 50..60 {
        writer.append(&trade(id)).unwrap();
    }
    drop(writer);
    let late = channel.get(59).unwrap().unwrap();
    assert_eq!((first.id(), rest.len(), rest[48].id(), late.id()), (0, 49, 49, 59));
    // A reader shares the mapping, and outlives the channel.
    let mut reader = channel.reader();
    assert_eq!(reader.iter().count(), 60);
    drop(channel);
    reader.seek(7).unwrap();
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, trade(7));
    // Views of a reader live as long as its borrow, not until the next one.
    reader.seek(0).unwrap();
    let views: Vec<_> = reader.views().unwrap().map(Result::unwrap).collect();
    assert!(views.iter().enumerate().all(|(id, view)| view.id() == id as u64));
}

#[test]
fn payloads_of_a_raw_reader_outlive_each_other() {
    let (_folder, path) = place();
    Spec::raw(4096).image().records([b"one".as_slice(), b"two", b"three"]).write(&path);
    let mut reader = Reader::open(&path).unwrap();
    let lines: Vec<&[u8]> = reader.iter().map(|record| record.unwrap().value).collect();
    assert_eq!(lines, [b"one".as_slice(), b"two", b"three"]);
}

#[test]
fn a_writer_that_goes_by_a_panic_says_so() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::<Number>::create(&path, &records(10)).unwrap();
    writer.append(&Number { value: 1 }).unwrap();
    let result = catch_unwind(AssertUnwindSafe(move || {
        let _claim = writer.claim().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 1);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Panicked));
}

#[test]
fn a_reader_that_waits_is_woken_by_a_record_and_by_the_end() {
    for wait in [Wait::Spin, Wait::Yield, Wait::Backoff, Wait::Sleep(Duration::from_micros(50))] {
        let (_folder, path) = place();
        let mut writer = TypedWriter::<Number>::create(&path, &records(1000)).unwrap();
        let mut reader = TypedReader::<Number>::open(&path).unwrap();
        let mut bytes = Reader::open(&path).unwrap();
        thread::scope(|threads| {
            let follower = threads.spawn(move || {
                let values = reader.follow(wait).map(|record| record.unwrap().value.value);
                values.collect::<Vec<_>>()
            });
            let waiter = threads.spawn(move || {
                let mut count = 0;
                while let Next::Record(record) = bytes.wait_next(wait).unwrap() {
                    assert_eq!(record.sequence, count);
                    count += 1;
                }
                count
            });
            for value in 0..1000 {
                writer.append(&Number { value }).unwrap();
            }
            writer.close().unwrap();
            assert_eq!(follower.join().unwrap(), (0..1000).collect::<Vec<_>>());
            assert_eq!(waiter.join().unwrap(), 1000);
        });
    }
}

/// A channel of more than 4 GiB, or a word why not.
fn large<W>(created: Result<W, CreateError>) -> Option<W> {
    match created {
        Ok(writer) => Some(writer),
        Err(CreateError::NoSpace { needed, available, .. }) => {
            println!("skipped: {needed} bytes needed, {available} available");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_raw_channel_goes_on_beyond_four_gib() {
    let (_folder, path) = place();
    let capacity = 5 << 30;
    let options = ChannelOptions::new().bytes(capacity);
    let Some(mut writer) = large(Writer::create(&path, &options)) else { return };
    let len = 200 << 20;
    let mut count = 0_u64;
    while let Ok(mut claim) = writer.claim(len) {
        claim[..8].copy_from_slice(&count.to_le_bytes());
        // The rest is padded: 200 MiB that nobody touches.
        assert_eq!(claim.commit_first(8).unwrap(), count);
        count += 1;
    }
    assert!(4 << 30 < capacity - writer.available());
    writer.append(b"beyond").unwrap();
    writer.sync().unwrap();
    drop(writer);
    let mut reader = Reader::open(&path).unwrap();
    for number in 0..count {
        let record = reader.try_next().unwrap().record().unwrap();
        assert_eq!(record.value, number.to_le_bytes());
    }
    assert_eq!(reader.try_next().unwrap().record().unwrap().value, b"beyond");
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
    let occupied = std::fs::metadata(&path).unwrap().blocks() * 512;
    assert!(occupied < 5 << 30, "the tail was given back");
}

#[test]
fn a_typed_channel_has_places_beyond_four_gib() {
    let (_folder, path) = place();
    let count = 330_000_000;
    let Some(mut writer) = large(TypedWriter::<Number>::create(&path, &records(count))) else {
        return;
    };
    assert_eq!(writer.available(), count);
    writer.append(&Number { value: 1 }).unwrap();
    // A record at a place that no test has the time to come to.
    let sequence = 320_000_000;
    let header = writer.header();
    let spec = Spec { channel_id: header.channel_id.to_le_bytes(), ..Spec::numbers(4) };
    let mut image: Image = spec.image();
    image.sequence = sequence;
    image.record(0, &77_u64.to_le_bytes());
    let frame = &image.bytes[image.slot(0)..image.slot(1)];
    let at = header.data_offset + 16 * sequence;
    assert!(4 << 30 < at);
    File::options().write(true).open(&path).unwrap().write_all_at(frame, at).unwrap();
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    assert_eq!(reader.get(sequence).unwrap().unwrap().value.value, 77);
    assert_eq!(reader.get(sequence + 1).unwrap(), None);
    assert_eq!(reader.iter().count(), 1);
    reader.seek(sequence + 1).unwrap();
    assert_eq!(reader.next_sequence(), sequence + 1);
    assert!(reader.seek(count + 1).is_err(), "at once, without a walk");
}
