//! All ways of reading a file, each compared with what the judge says of its bytes.
//!
//! What is done here takes nothing from the heap that the library does not take, so that a caller
//! can measure it.

use std::fmt::{self, Debug, Write};

use kekbit_channel::{
    Channel, CloseReason, DynamicReader, Merge, Merged, Next, Problem, ReadError, ReadErrorKind,
    Reader, Record, Recorded, SeekError, Timestamp, TypedReader, View, decode_prefix,
};

use crate::{
    Suspect,
    image::{CHECKSUMS, TIME_STAMPS},
    judge::{End, Frame, Judged, Place},
};

/// A type of records that the damaged channels hold.
pub(crate) trait Held: Record + PartialEq + Debug {
    /// Looks at every field of a view.
    fn show(view: &View<'_, Self>, sink: &mut Nowhere);
}

/// Where texts go that only have to be made.
pub(crate) struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

/// What a reader has to say of an end.
fn reason(number: u64) -> CloseReason {
    match number {
        1 => CloseReason::Closed,
        2 => CloseReason::Full,
        3 => CloseReason::Rolled,
        4 => CloseReason::Recovered,
        5 => CloseReason::SyncFailed,
        6 => CloseReason::Panicked,
        other => CloseReason::Other(u32::try_from(other).unwrap()),
    }
}

/// Reads a file as bytes, as values of `T`, by its schema, and as one of the inputs of a merge.
pub(crate) fn check<T: Held>(suspect: &Suspect<'_>) {
    let what = suspect.what;
    match (&suspect.seen, Reader::open(suspect.path)) {
        (None, Ok(_)) => panic!("{what}: opens although it is damaged"),
        (Some(_), Err(error)) => panic!("{what}: {error}"),
        (None, Err(_)) => {
            assert!(TypedReader::<T>::open(suspect.path).is_err(), "{what}");
            assert!(DynamicReader::open(suspect.path).is_err(), "{what}");
            assert!(Channel::<T>::open(suspect.path).is_err(), "{what}");
        }
        (Some(judged), Ok(reader)) => {
            check_walk(suspect, judged, reader.clone());
            check_batches(suspect, judged, reader.clone());
            check_moves(suspect, judged, &reader);
            if let Ok(reader) = TypedReader::<T>::open(suspect.path) {
                check_values(suspect, judged, &reader);
            }
            if let Ok(channel) = Channel::<T>::open(suspect.path) {
                check_views(suspect, judged, &channel);
            }
            if let Ok(reader) = DynamicReader::open(suspect.path) {
                check_data(suspect, judged, reader);
            }
        }
    }
}

impl Suspect<'_> {
    /// Whether a record is marked as one that nothing vouches for.
    fn is_unverified(&self, judged: &Judged, sequence: u64) -> bool {
        let spec = &judged.spec;
        if spec.flags & CHECKSUMS != 0 || self.identity.is_searched(spec) {
            return false;
        }
        !self.identity.is_original(spec) || spec.durable <= sequence
    }
}

#[track_caller]
fn check_same(suspect: &Suspect<'_>, judged: &Judged, found: &Recorded<&[u8]>, frame: &Frame) {
    let what = suspect.what;
    assert_eq!(found.sequence, frame.sequence, "{what}");
    assert_eq!(found.timestamp.map(Timestamp::as_nanos), frame.stamp, "{what}");
    assert!(found.value == frame.payload, "{what}: record {} is another", frame.sequence);
    let unverified = suspect.is_unverified(judged, frame.sequence);
    assert_eq!(found.unverified, unverified, "{what}: record {}", frame.sequence);
}

/// Whether an error is the one of the bad frame behind the valid prefix.
fn is_damage(judged: &Judged, error: &ReadError) -> bool {
    matches!(error.kind(), ReadErrorKind::Damaged { offset, sequence, .. }
        if (*offset, *sequence) == (judged.end_offset, judged.end_sequence))
        && judged.end == End::Bad
}

/// Whether an error is that of a record whose payload is no value.
fn is_invalid(error: &ReadError, expected: u64) -> bool {
    matches!(error.kind(), ReadErrorKind::Invalid { sequence, .. } if *sequence == expected)
}

/// Whether an error is that of a search, which has found less than the syncs had covered.
fn is_missing(judged: &Judged, error: &ReadError) -> bool {
    let durable = judged.spec.durable;
    matches!(error.kind(), ReadErrorKind::Damaged { sequence, problem, .. }
        if *sequence < durable && *problem == Problem::Missing { durable })
}

/// What a reader says behind the last record, again and again.
#[track_caller]
fn check_end(suspect: &Suspect<'_>, judged: &Judged, reader: &mut Reader) {
    let what = suspect.what;
    for _ in 0..2 {
        match (judged.end, reader.try_next()) {
            (End::Empty, Ok(Next::Abandoned)) => {}
            (End::Close(number), Ok(Next::Closed(found))) if found == reason(number) => {}
            (End::Bad, Err(error)) if is_damage(judged, &error) => {}
            (expected, found) => panic!("{what}: {found:?}, where there is {expected:?}"),
        }
    }
    assert_eq!(reader.next_sequence(), judged.end_sequence, "{what}");
}

fn check_walk(suspect: &Suspect<'_>, judged: &Judged, mut reader: Reader) {
    let what = suspect.what;
    let mut frames = judged.records.iter();
    let mut records = reader.iter();
    for record in records.by_ref() {
        match (record, frames.next()) {
            (Ok(record), Some(frame)) => check_same(suspect, judged, &record, frame),
            (Ok(record), None) => panic!("{what}: record {} is none", record.sequence),
            (Err(error), None) if is_damage(judged, &error) => {}
            (Err(error), _) => panic!("{what}: {error}"),
        }
    }
    assert!(records.next().is_none(), "{what}: an iterator that has ended goes on");
    assert_eq!(frames.len(), 0, "{what}: records are missing");
    check_end(suspect, judged, &mut reader);
}

fn check_batches(suspect: &Suspect<'_>, judged: &Judged, mut reader: Reader) {
    let what = suspect.what;
    let mut frames = judged.records.iter();
    for max in [1, 3, usize::MAX, usize::MAX] {
        let mut batch = reader.batch(max);
        let promised = batch.len();
        assert!(promised <= max, "{what}");
        let mut given = 0;
        for record in batch.by_ref() {
            given += 1;
            match record {
                Ok(record) => check_same(suspect, judged, &record, frames.next().unwrap()),
                Err(error) => assert!(is_damage(judged, &error), "{what}: {error}"),
            }
        }
        assert_eq!(batch.len(), 0, "{what}");
        // A bad checksum ends a batch early, nothing else does.
        assert!(given == promised || judged.end == End::Bad && given < promised, "{what}");
    }
    assert_eq!(frames.len(), 0, "{what}: records are missing");
    check_end(suspect, judged, &mut reader);
}

/// Numbers that are worth asking for: the first, the last, and some around them.
fn numbers(judged: &Judged) -> [u64; 8] {
    let base = judged.spec.base_plus_one - 1;
    let end = judged.end_sequence;
    let durable = judged.spec.durable;
    let middle = base + (end - base) / 2;
    [0, base, middle, end.saturating_sub(1), end, end.saturating_add(1), durable, u64::MAX]
}

fn check_moves(suspect: &Suspect<'_>, judged: &Judged, reader: &Reader) {
    let what = suspect.what;
    let end = end(suspect, judged);
    let mut mover = reader.clone();
    match (mover.seek_to_end(), end) {
        (Ok(()), Ok(end)) => assert_eq!(mover.next_sequence(), end, "{what}: the end"),
        (Err(SeekError::Read(error)), Err(())) => {
            assert!(is_damage(judged, &error) || is_missing(judged, &error), "{what}: {error}");
        }
        (found, _) => panic!("{what}: {found:?} at the end, which is {end:?}"),
    }
    // Wherever it is now, it can read on.
    let _ = mover.try_next();
    let count = reader.record_count().ok();
    assert_eq!(count, end.ok().map(|end| end - reader.first_sequence()), "{what}: the count");
    for sequence in numbers(judged) {
        let mut mover = reader.clone();
        let expected = seek(suspect, judged, sequence);
        match (mover.seek(sequence), expected) {
            (Ok(()), Ok(true)) => assert_eq!(mover.next_sequence(), sequence, "{what}"),
            // In front of a bad frame, if it is known by now that all before it is good.
            (Ok(()), Err(())) if sequence == judged.end_sequence => {
                assert!(mover.try_next().is_err(), "{what}");
            }
            (Err(SeekError::OutOfRange { .. }), Ok(false)) => {
                assert_eq!(mover.next_sequence(), reader.next_sequence(), "{what}: stays");
            }
            (Err(SeekError::Read(error)), Err(())) => {
                assert!(is_damage(judged, &error) || is_missing(judged, &error), "{what}: {error}");
            }
            (found, _) => panic!("{what}: {found:?} for {sequence}, expected {expected:?}"),
        }
    }
    check_times(suspect, judged, reader, end);
}

/// The number behind the last record, however it is found; an error of a walk that ends badly.
fn end(suspect: &Suspect<'_>, judged: &Judged) -> Result<u64, ()> {
    if judged.spec.stride == 0 || !suspect.identity.is_searched(&judged.spec) {
        return if judged.end == End::Bad { Err(()) } else { Ok(judged.end_sequence) };
    }
    let base = judged.spec.base_plus_one - 1;
    if let Some(sealed) = judged.sealed(suspect.bytes) {
        return Ok(sealed);
    }
    // As FORMAT.md has it: a search takes for granted that records are a prefix. It ends somewhere
    // between a place that is taken and one that is not.
    let (mut low, mut high) = (base, base + judged.room());
    while low < high {
        let middle = low + (high - low) / 2;
        if judged.is_taken(suspect.bytes, middle) { low = middle + 1 } else { high = middle }
    }
    let is_close = judged.slot(low).is_some_and(|slot| suspect.bytes.u64_at(slot) >> 60 == 3);
    if low < judged.spec.durable && !is_close { Err(()) } else { Ok(low) }
}

/// Whether one can go to a record.
fn seek(suspect: &Suspect<'_>, judged: &Judged, sequence: u64) -> Result<bool, ()> {
    let base = judged.spec.base_plus_one - 1;
    if judged.spec.stride == 0 || !suspect.identity.is_searched(&judged.spec) {
        let there = (base..=judged.end_sequence).contains(&sequence);
        // Whoever has to walk to the end gets to see how it ends.
        let walked = !there || sequence == judged.end_sequence;
        return if walked && judged.end == End::Bad { Err(()) } else { Ok(there) };
    }
    let is_lost = |slot: u64| suspect.bytes.u64_at(slot) == 0;
    if judged.slot(sequence).is_some()
        && (base..judged.spec.durable).contains(&sequence.wrapping_sub(1))
        && judged.slot(sequence - 1).is_some_and(is_lost)
    {
        return Err(());
    }
    let there = judged.slot(sequence).is_some()
        && (sequence == base || judged.is_taken(suspect.bytes, sequence - 1));
    let there = there && judged.sealed(suspect.bytes).is_none_or(|end| sequence <= end);
    // An error of its own tells where the end is.
    if there { Ok(true) } else { end(suspect, judged).map(|_end| false) }
}

fn check_times(suspect: &Suspect<'_>, judged: &Judged, reader: &Reader, end: Result<u64, ()>) {
    let what = suspect.what;
    let stamps = judged.records.iter().filter_map(|frame| frame.stamp);
    let sorted = stamps.clone().is_sorted();
    for nanos in [0, u64::MAX].into_iter().chain(stamps.take(3)) {
        let mut mover = reader.clone();
        match mover.seek_to_time(Timestamp::from_nanos(nanos)) {
            Ok(()) => {
                let found = mover.next_sequence();
                assert!(reader.first_sequence() <= found, "{what}");
                // A walk by time looks no further than it has to.
                assert!(found <= end.unwrap_or(judged.end_sequence), "{what}: {found}");
                if sorted && end == Ok(judged.end_sequence) {
                    let early = |frame: &&Frame| frame.stamp < Some(nanos);
                    let expected = judged.records.iter().take_while(early).count() as u64;
                    assert_eq!(found - reader.first_sequence(), expected, "{what}: at {nanos}");
                }
            }
            Err(SeekError::NoTimeStamps { .. }) => {
                assert_eq!(judged.spec.flags & TIME_STAMPS, 0, "{what}");
            }
            Err(SeekError::Read(error)) => {
                assert!(is_damage(judged, &error) || is_missing(judged, &error), "{what}: {error}");
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

/// What there is under a number in a channel with a stride: a record, nothing, or an error.
fn get(suspect: &Suspect<'_>, judged: &Judged, sequence: u64) -> Result<Option<Frame>, ()> {
    let base = judged.spec.base_plus_one - 1;
    if judged.spec.stride == 0 || sequence < base || base + judged.room() <= sequence {
        return Ok(None);
    }
    if !suspect.identity.is_searched(&judged.spec) {
        let index = usize::try_from(sequence - base).unwrap();
        return match judged.records.get(index) {
            None if judged.end == End::Bad => Err(()),
            found => Ok(found.cloned()),
        };
    }
    if judged.sealed(suspect.bytes).is_some_and(|end| end <= sequence) {
        return Ok(None);
    }
    match judged.place(suspect.bytes, judged.slot(sequence).unwrap(), sequence) {
        Place::Record { frame, .. } => Ok(Some(frame)),
        Place::End(End::Bad) => Err(()),
        Place::End(End::Empty) if sequence < judged.spec.durable => Err(()),
        Place::Padding { .. } | Place::End(_) => Ok(None),
    }
}

fn check_values<T: Held>(suspect: &Suspect<'_>, judged: &Judged, reader: &TypedReader<T>) {
    let what = suspect.what;
    for sequence in numbers(judged) {
        let expected = get(suspect, judged, sequence);
        let expected = expected.map(|frame| frame.map(|frame| decode_prefix::<T>(&frame.payload)));
        match (reader.get(sequence).map_err(ReadError::into_kind), expected) {
            (Ok(Some(found)), Ok(Some(Ok(value)))) => assert_eq!(found.value, value, "{what}"),
            (Ok(None), Ok(None)) => {}
            (Err(ReadErrorKind::Damaged { .. }), Err(())) => {}
            (Err(ReadErrorKind::Invalid { .. }), Ok(Some(Err(_)))) => {}
            (found, _) => panic!("{what}: {found:?} for {sequence}"),
        }
    }
    let mut frames = judged.records.iter();
    for record in reader.clone().iter() {
        match (
            record,
            frames.next().map(|frame| (frame.sequence, decode_prefix::<T>(&frame.payload))),
        ) {
            (Ok(found), Some((sequence, Ok(value)))) => {
                assert_eq!((found.sequence, &found.value), (sequence, &value), "{what}");
            }
            (Err(error), Some((expected, Err(_)))) => {
                assert!(is_invalid(&error, expected), "{what}: {error}");
            }
            (Err(error), None) if is_damage(judged, &error) => {}
            (found, expected) => panic!("{what}: {found:?}, expected {expected:?}"),
        }
    }
    assert_eq!(frames.len(), 0, "{what}: records are missing");
    if reader.header().time_stamps {
        check_merge(suspect, judged, reader);
    }
}

/// Two readers of the same file, merged.
fn check_merge<T: Held>(suspect: &Suspect<'_>, judged: &Judged, reader: &TypedReader<T>) {
    let what = suspect.what;
    let mut merge = Merge::strict(vec![reader.clone(), reader.clone()]).unwrap();
    let base = reader.first_sequence();
    let (mut given, mut invalid) = (0, 0);
    let stopped = loop {
        match merge.try_next() {
            Ok(Merged::Record { record, .. }) => {
                let frame = &judged.records[usize::try_from(record.sequence - base).unwrap()];
                assert_eq!(
                    decode_prefix::<T>(&frame.payload).as_ref(),
                    Ok(&record.value),
                    "{what}"
                );
                given += 1;
            }
            Ok(Merged::Ended) => break false,
            Err(error) if matches!(error.kind(), ReadErrorKind::Invalid { .. }) => invalid += 1,
            Err(error) if is_damage(judged, &error) => break true,
            found => panic!("{what}: {found:?}"),
        }
        assert!(given + invalid <= 2 * judged.records.len(), "{what}: more than there is");
    };
    assert_eq!(stopped, judged.end == End::Bad, "{what}");
    assert!(stopped || given + invalid == 2 * judged.records.len(), "{what}: {given}");
}

fn check_views<T: Held>(suspect: &Suspect<'_>, judged: &Judged, channel: &Channel<T>) {
    let what = suspect.what;
    let mut frames = judged.records.iter();
    for view in channel.views() {
        match (view, frames.next()) {
            (Ok(view), Some(frame)) => {
                assert_eq!(view.sequence, frame.sequence, "{what}");
                T::show(&view.value, &mut Nowhere);
            }
            (Err(error), None) if is_damage(judged, &error) => {}
            (Err(error), _) => panic!("{what}: {error}"),
            (Ok(view), None) => panic!("{what}: record {} is none", view.sequence),
        }
    }
    assert_eq!(frames.len(), 0, "{what}: records are missing");
    for sequence in numbers(judged) {
        let expected = get(suspect, judged, sequence);
        let found = channel.get(sequence).map(|found| found.map(|found| found.sequence));
        match (found.as_ref().map_err(ReadError::kind), &expected) {
            (Ok(found), Ok(frame)) => {
                assert_eq!(*found, frame.as_ref().map(|frame| frame.sequence), "{what}");
            }
            (Err(ReadErrorKind::Damaged { .. }), Err(())) => {}
            _ => panic!("{what}: {found:?}, expected {expected:?}"),
        }
    }
}

fn check_data(suspect: &Suspect<'_>, judged: &Judged, mut reader: DynamicReader) {
    let what = suspect.what;
    let _ = reader.schema().columns();
    let mut count = 0;
    for record in reader.iter() {
        match record {
            Ok(record) => {
                assert_eq!(record.value.bytes(), judged.records[count].payload, "{what}");
                count += 1;
                match record.value.value() {
                    Ok(value) => write!(Nowhere, "{value:?}").unwrap(),
                    Err(invalid) => write!(Nowhere, "{invalid}").unwrap(),
                }
                if let Ok(row) = record.value.row() {
                    let _ = row.cells();
                }
            }
            Err(error) => assert!(is_damage(judged, &error), "{what}: {error}"),
        }
    }
    assert_eq!(count, judged.records.len(), "{what}: records are missing");
}
