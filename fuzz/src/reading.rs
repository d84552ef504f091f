//! What readers do with a file, held against a scan of its bytes.

use arbitrary::{Arbitrary, Result, Unstructured};
use kekbit_channel::{
    CloseReason, DynamicReader, Next, OpenError, ReadError, ReadErrorKind, Reader, Recorded,
    SeekError, Timestamp,
};

use crate::{
    frames::Origin,
    image::{CHECKSUMS, TIME_STAMPS},
    scan::{Channel, Found, Frame, Scan},
    scratch::Scratch,
};

/// What is to be expected of a file.
struct Expected<'b> {
    channel: Channel<'b>,
    base: u64,
    scan: Scan<'b>,
    /// Records from this number on are not vouched for.
    unverified_from: u64,
    /// A stride, in the file that was created: ends and numbers are searched for.
    searched: bool,
    /// Whether a search must find what the scan finds: words are a prefix, which is what a file
    /// promises whose end may be searched.
    exact: bool,
}

impl<'b> Expected<'b> {
    fn of(channel: Channel<'b>, origin: Origin) -> Option<Expected<'b>> {
        let base = channel.base()?;
        let origin = channel.origin(origin);
        let mut scan = channel.scan(base);
        if scan.last == Frame::Empty && channel.has_hole(&scan, origin == Origin::Native) {
            // To a reader. Recovery seals in front of it.
            scan.last = Frame::Damage;
        }
        let searched = origin == Origin::Native && channel.spec.stride != 0;
        let unverified_from = match origin {
            _ if channel.spec.flags & CHECKSUMS != 0 => u64::MAX,
            Origin::Native => u64::MAX,
            Origin::EarlierBoot => channel.durable(),
            Origin::Copy => base,
        };
        let exact = !searched || is_prefix(channel, base, scan.records.len() as u64);
        Some(Expected { channel, base, scan, unverified_from, searched, exact })
    }

    fn end(&self) -> u64 {
        self.scan.sequence
    }

    /// Whether whoever walks to the end comes upon damage.
    fn walks_into_damage(&self) -> bool {
        // A close mark ends a search, damaged or not.
        let is_missing =
            self.end() < self.channel.durable() && self.channel.word(self.scan.end) == 0;
        (!self.searched || is_missing) && self.scan.last == Frame::Damage
    }

    fn same(&self, found: &Recorded<&[u8]>, expected: &Found<'_>) {
        let stamp = found.timestamp.map(Timestamp::as_nanos);
        assert_eq!((found.sequence, stamp), (expected.sequence, expected.stamp));
        assert_eq!(found.value, expected.payload);
        assert_eq!(found.unverified, self.unverified_from <= found.sequence);
    }

    /// The records from that number on.
    fn from(&self, sequence: u64) -> &[Found<'b>] {
        let index = usize::try_from(sequence - self.base).expect("a place in the scan");
        &self.scan.records[index..]
    }

    fn damaged(&self, error: &ReadError) {
        let &ReadErrorKind::Damaged { offset, sequence, .. } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!((offset, sequence), (self.scan.end as u64, self.end()));
        assert_eq!(self.scan.last, Frame::Damage, "{error}");
    }
}

/// The record of an error of damage.
fn lost(error: &ReadError) -> Option<u64> {
    match error.kind() {
        ReadErrorKind::Damaged { sequence, .. } => Some(*sequence),
        _ => None,
    }
}

/// Whether places are taken up to that number and none behind; or a close mark at `durable` says
/// so, behind which may be what recovery gave up.
fn is_prefix(channel: Channel<'_>, base: u64, count: u64) -> bool {
    let kind = |index| channel.word(channel.place(index)) >> 60;
    let taken = |index| channel.word(channel.place(index)) != 0 && kind(index) != 3;
    let place = channel.durable().checked_sub(base).filter(|index| *index <= channel.places());
    match place.filter(|index| kind(*index) == 3) {
        Some(mark) => mark == count,
        None => (0..channel.places()).all(|index| taken(index) == (index < count)),
    }
}

/// Opens the file and does with it what the input says.
pub(crate) fn check(
    scratch: &Scratch,
    channel: Channel<'_>,
    origin: Origin,
    input: &mut Unstructured<'_>,
) -> Result<()> {
    let opened = Reader::open(&scratch.path);
    let Some(expected) = Expected::of(channel, origin) else {
        let error = opened.expect_err("a file without a base");
        assert!(matches!(error, OpenError::NotInUse { .. } | OpenError::DamagedHeader { .. }));
        return Ok(());
    };
    let mut reader = opened.expect("a file with a good header");
    assert_eq!((reader.first_sequence(), reader.durable()), (expected.base, channel.durable()));
    whole(&expected, &mut reader.clone());
    let mut dynamic = (channel.spec.stride != 0).then(|| {
        let mut dynamic = DynamicReader::open(&scratch.path).expect("a file with a schema");
        by_schema(&expected, &mut dynamic);
        dynamic
    });
    for _ in 0..input.int_in_range(0..=8)? {
        let number = number(&expected, input)?;
        match u8::arbitrary(input)? % 8 {
            0 => step(&expected, &mut reader),
            1 => run(&expected, &mut reader, usize::arbitrary(input)? % 6),
            2 => batch(&expected, &mut reader, usize::arbitrary(input)? % 12),
            3 => seek(&expected, &mut reader, number),
            4 => seek_to_end(&expected, &mut reader),
            5 => seek_to_time(&expected, &mut reader, number),
            6 => drop(reader.clone().record_count().map(|count| ends(&expected, count))),
            _ => {
                if let Some(dynamic) = &mut dynamic {
                    get(&expected, dynamic, number);
                }
            }
        }
        if !expected.exact {
            // Nobody knows where a search in what is no prefix has led: back to the start.
            reader = Reader::open(&scratch.path).expect("the same file");
        }
        assert!((expected.base..=expected.end()).contains(&reader.next_sequence()));
    }
    Ok(())
}

/// A number of a record that is near, or any.
fn number(expected: &Expected<'_>, input: &mut Unstructured<'_>) -> Result<u64> {
    let near = u64::from(u8::arbitrary(input)?);
    Ok(match near % 8 {
        0 => u64::arbitrary(input)?,
        1 => expected.base.wrapping_sub(1),
        2 => expected.end(),
        3 => expected.end().saturating_add(1),
        _ => expected.base.saturating_add(near / 8),
    })
}

/// From the first record to the end, and what is there.
fn whole(expected: &Expected<'_>, reader: &mut Reader) {
    let mut records = expected.scan.records.iter();
    for found in reader.iter() {
        match found {
            Ok(found) => expected.same(&found, records.next().expect("no more than the scan")),
            Err(error) => expected.damaged(&error),
        }
    }
    assert_eq!(records.len(), 0, "the reader stops in front of records of the scan");
    assert_eq!(reader.next_sequence(), expected.end());
    step(expected, reader);
}

fn step(expected: &Expected<'_>, reader: &mut Reader) {
    let at = reader.next_sequence();
    match (reader.try_next(), expected.from(at).first(), expected.scan.last) {
        (Ok(Next::Record(found)), Some(record), _) => expected.same(&found, record),
        (Ok(Next::Abandoned), None, Frame::Empty) => {}
        (Ok(Next::Closed(reason)), None, Frame::Close { reason: number }) => {
            assert_eq!(reason, close_reason(number));
        }
        (Err(error), None, Frame::Damage) => expected.damaged(&error),
        (found, record, last) => panic!("{found:?} at {at}, but by the scan {record:?}, {last:?}"),
    }
    let moved = u64::from(at < expected.end());
    assert_eq!(reader.next_sequence(), at + moved);
}

pub(crate) fn close_reason(number: u32) -> CloseReason {
    match number {
        1 => CloseReason::Closed,
        2 => CloseReason::Full,
        3 => CloseReason::Rolled,
        4 => CloseReason::Recovered,
        5 => CloseReason::SyncFailed,
        6 => CloseReason::Panicked,
        other => CloseReason::Other(other),
    }
}

fn run(expected: &Expected<'_>, reader: &mut Reader, count: usize) {
    let at = reader.next_sequence();
    let ahead = expected.from(at);
    let mut taken = 0;
    for found in reader.iter().take(count) {
        match found {
            Ok(found) => expected.same(&found, &ahead[taken]),
            Err(error) => expected.damaged(&error),
        }
        taken += 1;
    }
    assert!(count.min(ahead.len()) <= taken);
    assert_eq!(reader.next_sequence(), at + count.min(ahead.len()) as u64);
}

fn batch(expected: &Expected<'_>, reader: &mut Reader, max: usize) {
    let at = reader.next_sequence();
    let ahead = expected.from(at);
    let batch = reader.batch(max);
    let len = batch.len();
    let records = max.min(ahead.len());
    assert!(records <= len && len <= max, "{len} records in a batch of {max}");
    let (mut taken, mut refused) = (0, false);
    for found in batch {
        match found {
            Ok(found) => expected.same(&found, &ahead[taken]),
            Err(error) => {
                expected.damaged(&error);
                refused = true;
                break;
            }
        }
        taken += 1;
    }
    assert_eq!(taken, records);
    assert!(refused || taken == len, "{taken} of {len} records, and no error");
    // Whoever takes all of a batch gets the error of the record at which it ends.
    // A hole is no record, and neither is a mark.
    let word = expected.channel.word(expected.scan.end);
    let is_record = word != 0 && !matches!(word >> 60, 2 | 3);
    let damaged = expected.scan.last == Frame::Damage && is_record;
    assert!(refused || !damaged || max <= ahead.len(), "a damaged record is passed over");
    assert_eq!(reader.next_sequence(), at + records as u64);
}

/// A position that a search or a walk has led to.
fn ends(expected: &Expected<'_>, count: u64) {
    if expected.exact {
        assert_eq!(count, expected.end() - expected.base);
    } else {
        assert!(count <= expected.channel.places());
    }
}

fn seek(expected: &Expected<'_>, reader: &mut Reader, sequence: u64) {
    let at = reader.next_sequence();
    let there = (expected.base..=expected.end()).contains(&sequence);
    match reader.seek(sequence) {
        _ if !expected.exact => return,
        Ok(()) => {
            assert!(there, "a seek to {sequence} of {}", expected.end());
            assert_eq!(reader.next_sequence(), sequence);
            return step(expected, &mut reader.clone());
        }
        Err(SeekError::OutOfRange { sequence: asked, first, end }) => {
            assert_eq!((asked, first, end), (sequence, expected.base, expected.end()));
            assert!(!there && !expected.walks_into_damage());
        }
        // The record in front of that place, which a sync had covered, is not there.
        Err(SeekError::Read(error))
            if expected.searched && sequence != 0 && lost(&error) == sequence.checked_sub(1) =>
        {
            assert!(!there && sequence <= expected.channel.durable());
        }
        Err(SeekError::Read(error)) => {
            expected.damaged(&error);
            assert!(!there, "{sequence}: {error}");
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(reader.next_sequence(), at, "a seek that fails leaves the reader where it is");
}

fn seek_to_end(expected: &Expected<'_>, reader: &mut Reader) {
    let at = reader.next_sequence();
    match reader.seek_to_end() {
        Ok(()) => {
            assert!(!expected.exact || !expected.walks_into_damage());
            ends(expected, reader.next_sequence() - expected.base);
        }
        Err(SeekError::Read(_)) if !expected.exact => {}
        Err(SeekError::Read(error)) => {
            assert!(expected.walks_into_damage(), "{error}");
            expected.damaged(&error);
            assert_eq!(reader.next_sequence(), at);
        }
        Err(error) => panic!("{error}"),
    }
}

fn seek_to_time(expected: &Expected<'_>, reader: &mut Reader, nanos: u64) {
    let records = &expected.scan.records;
    let before = |record: &Found<'_>| record.stamp.is_some_and(|stamp| stamp < nanos);
    let walked = expected.channel.spec.stride == 0;
    let in_order = records.is_sorted_by_key(|record| record.stamp);
    let first = records.iter().position(|record| !before(record)).unwrap_or(records.len());
    match reader.seek_to_time(Timestamp::from_nanos(nanos)) {
        Err(SeekError::NoTimeStamps { .. }) => {
            assert_eq!(expected.channel.spec.flags & TIME_STAMPS, 0);
        }
        Err(SeekError::Read(_)) if !expected.exact => {}
        Err(SeekError::Read(error)) => {
            assert!(expected.walks_into_damage() && (!walked || first == records.len()), "{error}");
            expected.damaged(&error);
        }
        Err(error) => panic!("{error}"),
        Ok(()) => {
            assert_ne!(expected.channel.spec.flags & TIME_STAMPS, 0);
            if expected.exact && (walked || in_order) {
                assert_eq!(reader.next_sequence(), expected.base + first as u64);
            }
        }
    }
}

/// All records by the schema of the file, which is one of bytes.
fn by_schema(expected: &Expected<'_>, reader: &mut DynamicReader) {
    let mut records = expected.scan.records.iter();
    for found in reader.iter() {
        match found {
            Ok(found) => assert_eq!(found.value.bytes(), records.next().unwrap().payload),
            Err(error) => expected.damaged(&error),
        }
    }
    assert_eq!(records.len(), 0);
}

fn get(expected: &Expected<'_>, reader: &mut DynamicReader, sequence: u64) {
    let channel = expected.channel;
    let found = reader.get(sequence);
    let is_damage = |error: &ReadError| matches!(error.kind(), ReadErrorKind::Damaged { .. });
    let index = sequence.checked_sub(expected.base).filter(|index| *index < channel.places());
    let Some(index) = index else { return assert!(matches!(found, Ok(None)), "{found:?}") };
    let mark = channel.durable().checked_sub(expected.base).filter(|at| *at <= channel.places());
    let is_close = |at: u64| channel.word(channel.place(at)) >> 60 == 3;
    let given_up = expected.searched && mark.is_some_and(|mark| mark <= index && is_close(mark));
    let frame = if expected.searched {
        channel.frame(channel.place(index), sequence)
    } else if sequence < expected.end() || expected.scan.last == Frame::Damage {
        let records = expected.scan.records.get(index as usize);
        records.map_or(Frame::Damage, |_| channel.frame(channel.place(index), sequence))
    } else {
        Frame::Empty
    };
    match (found, frame) {
        (Ok(None), _) if given_up => {}
        (Ok(Some(found)), Frame::Record { payload, .. }) if !given_up => {
            assert_eq!((found.sequence, found.value.bytes()), (sequence, payload));
        }
        (Err(error), Frame::Damage) if is_damage(&error) && !given_up => {}
        (Err(error), Frame::Empty) if is_damage(&error) && sequence < channel.durable() => {}
        (Ok(None), Frame::Empty | Frame::Close { .. }) => {}
        (found, frame) => panic!("{found:?} for {sequence}, but by the scan {frame:?}"),
    }
}
