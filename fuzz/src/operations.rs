//! A real writer and real readers do what the input says, and a model says what each has to see:
//! records, refusals with their numbers, time stamps, the end. At the end the file itself is
//! scanned after `docs/FORMAT.md`.

use std::path::{Path, PathBuf};

use arbitrary::{Arbitrary, Result, Unstructured};
use kekbit_channel::{
    Alignment, ChannelOptions, CloseError, CloseReason, CreateError, Next, OptionsError, Reader,
    Record, Recorded, SeekError, SyncError, Timestamp, TypedReader, TypedWriter, WriteError,
    Writer, recover,
};

use crate::{
    ends::{Cell, End, Fate},
    image::Spec,
    scan::{Channel, Frame},
    scratch,
};

/// More than that is skipped and not zeroed, when a claim ends.
const ZEROED_MAX: u64 = 4096;
const FILE: &str = "operations.kekbit";

thread_local! {
    static NOW: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

fn clock() -> Timestamp {
    Timestamp::from_nanos(NOW.get())
}

/// What the channel was asked to be.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Bytes of each record, in a typed channel.
    typed: Option<u64>,
    stamped: bool,
    alignment: u64,
    capacity: u64,
    max_payload: u64,
}

impl Shape {
    fn frame_size(&self, len: u64) -> u64 {
        let head = if self.stamped { 16 } else { 8 };
        (head + len).next_multiple_of(self.alignment)
    }
}

/// What has to be there.
struct Model {
    shape: Shape,
    records: Vec<(Option<u64>, Vec<u8>)>,
    /// Bytes that frames take.
    tail: u64,
    /// Bytes of the frame of a claim that was forgotten.
    forgotten: u64,
    refused: bool,
    closed: Option<CloseReason>,
    synced: u64,
    last_stamp: u64,
    lag: u64,
}

/// Options, and operations until the input ends.
pub fn check(input: &[u8]) {
    // The input was too short to say what it is.
    let _ = case(&mut Unstructured::new(input));
}

fn case(input: &mut Unstructured<'_>) -> Result<()> {
    NOW.set(1_000);
    let folder = tempfile::tempdir_in(scratch::folder()).expect("a folder in memory");
    let path = folder.path().join(FILE);
    match u8::arbitrary(input)? % 6 {
        0 => typed::<0>(&path, input),
        1 => typed::<9>(&path, input),
        2 => typed::<56>(&path, input),
        _ => {
            let (options, shape) = options(None, input)?;
            let writer = Writer::create(&path, &options).map(|w| Box::new(w) as Box<dyn End>);
            run(&path, shape, writer, input)
        }
    }
}

fn typed<const N: usize>(path: &Path, input: &mut Unstructured<'_>) -> Result<()> {
    let (options, shape) = options(Some(N as u64), input)?;
    let writer = TypedWriter::<Cell<N>>::create(path, &options);
    run(path, shape, writer.map(|writer| Box::new(writer) as Box<dyn End>), input)
}

/// Options and what they come to, which may be nothing that can be made.
fn options(typed: Option<u64>, input: &mut Unstructured<'_>) -> Result<(ChannelOptions, Shape)> {
    let bits = u8::arbitrary(input)?;
    let mut options = ChannelOptions::new().clock(clock);
    let stamped = bits & 1 != 0;
    let alignment = if bits & 2 == 0 { Alignment::Packed } else { Alignment::CacheLine };
    options = options.alignment(alignment);
    options = if stamped { options.time_stamps() } else { options };
    options = if bits & 4 == 0 { options } else { options.without_checksums() };
    let alignment = u64::from(alignment.bytes());
    let mut shape = Shape { typed, stamped, alignment, capacity: 0, max_payload: 0 };
    let max_payload = match typed {
        None if bits & 8 == 0 => None,
        None => Some(u64::from(u16::arbitrary(input)?) % 9000),
        typed => typed,
    };
    if let (None, Some(len)) = (typed, max_payload) {
        options = options.max_payload(len as u32);
    }
    if let (Some(len), true) = (max_payload, bits & 16 != 0) {
        let count = u64::from(u8::arbitrary(input)?) % 40;
        options = options.records(count);
        shape.capacity = count * shape.frame_size(len);
    } else {
        shape.capacity = u64::from(u16::arbitrary(input)?) % 20_000;
        options = options.bytes(shape.capacity);
    }
    let whole = shape.capacity - shape.capacity % alignment;
    let head = if stamped { 16 } else { 8 };
    shape.max_payload = max_payload.unwrap_or(whole.saturating_sub(head));
    Ok((options, shape))
}

fn run(
    path: &Path,
    shape: Shape,
    writer: std::result::Result<Box<dyn End>, CreateError>,
    input: &mut Unstructured<'_>,
) -> Result<()> {
    let needed = shape.frame_size(shape.max_payload);
    let writer = match writer {
        Ok(writer) => writer,
        Err(CreateError::Options(OptionsError::CapacityTooSmall { capacity, needed: most })) => {
            assert_eq!(capacity, shape.capacity);
            assert!(capacity < needed && most == needed, "{needed}, not {most}");
            assert!(!path.exists());
            return Ok(());
        }
        Err(error) => panic!("{error}"),
    };
    assert!(needed <= shape.capacity, "a channel without room for a record");
    let model = Model {
        shape,
        records: Vec::new(),
        tail: 0,
        forgotten: 0,
        refused: false,
        closed: None,
        synced: 0,
        last_stamp: 0,
        lag: 0,
    };
    let mut play = Play { path: path.to_owned(), model, writer: Some(writer), readers: Vec::new() };
    // The end of the input ends the operations, and not the check.
    while !input.is_empty() && play.operation(input).is_ok() {
        play.settled();
    }
    play.end();
    Ok(())
}

struct Play {
    path: PathBuf,
    model: Model,
    writer: Option<Box<dyn End>>,
    readers: Vec<Reader>,
}

/// Bytes of which none is zero, so that a leftover shows.
fn payload(len: u64, seed: usize) -> Vec<u8> {
    (0..len as usize).map(|index| (1 + (index * 31 + seed * 17) % 255) as u8).collect()
}

impl Model {
    /// What a writer says to a record of that length, and what that does to it.
    fn reserve(&mut self, len: u64) -> std::result::Result<(), String> {
        let max = self.shape.max_payload;
        if max < len {
            return Err(WriteError::TooLong { len, max }.to_string());
        }
        if self.closed.is_some() {
            return Err(WriteError::Closed.to_string());
        }
        let forgotten = std::mem::take(&mut self.forgotten);
        self.give_up(forgotten);
        let (needed, available) = (self.shape.frame_size(len), self.shape.capacity - self.tail);
        self.refused = available < needed;
        if self.refused {
            return Err(WriteError::Full { needed, available }.to_string());
        }
        if self.shape.stamped {
            self.lag = self.lag.max(self.last_stamp.saturating_sub(NOW.get()));
            self.last_stamp = self.last_stamp.max(NOW.get());
        }
        Ok(())
    }

    /// A claim ends without a record.
    fn give_up(&mut self, size: u64) {
        if self.shape.typed.is_none() && ZEROED_MAX + 8 < size {
            self.tail += size;
        }
    }

    fn publish(&mut self, payload: Vec<u8>, claimed: u64) -> u64 {
        let size = self.shape.frame_size(payload.len() as u64);
        let rest = claimed - size;
        self.tail += if rest <= ZEROED_MAX { size } else { claimed };
        self.records.push((self.shape.stamped.then_some(self.last_stamp), payload));
        self.records.len() as u64 - 1
    }

    fn same(&self, found: &Recorded<&[u8]>) {
        let (stamp, payload) = &self.records[usize::try_from(found.sequence).unwrap()];
        assert_eq!(found.timestamp.map(Timestamp::as_nanos), *stamp);
        assert!(found.value == payload && !found.unverified);
    }

    fn count(&self) -> u64 {
        self.records.len() as u64
    }
}

impl Play {
    fn operation(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match u8::arbitrary(input)? % 16 {
            0..=2 => self.append(input)?,
            3..=6 => self.claim(input)?,
            7 => self.sync(),
            8 if input.ratio(1, 8)? => self.close(),
            8 => self.writer = self.writer.take().map(End::share),
            9 => {
                let now = NOW.get();
                let by = u64::arbitrary(input)? % 5_000_000_000;
                let back = bool::arbitrary(input)?;
                NOW.set(if back { now.saturating_sub(by) } else { now + by });
            }
            10 => match self.readers.last() {
                Some(reader) if bool::arbitrary(input)? => self.readers.push(reader.clone()),
                _ => self.readers.push(Reader::open(&self.path).expect("a good channel")),
            },
            _ => {
                let Some(count) = self.readers.len().checked_sub(1) else { return Ok(()) };
                let mut reader = self.readers.swap_remove(input.int_in_range(0..=count)?);
                self.read(&mut reader, input)?;
                self.readers.push(reader);
            }
        }
        Ok(())
    }

    fn len(&self, input: &mut Unstructured<'_>) -> Result<u64> {
        if let Some(len) = self.model.shape.typed {
            return Ok(len);
        }
        Ok(match u8::arbitrary(input)? % 8 {
            0 => u64::from(u16::arbitrary(input)?) % 10_000,
            1 => self.model.shape.max_payload.saturating_sub(u64::from(u8::arbitrary(input)? % 9)),
            2 => self.model.shape.max_payload + u64::from(u8::arbitrary(input)?),
            _ => u64::from(u8::arbitrary(input)?),
        })
    }

    fn append(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let len = self.len(input)?;
        let Play { model, writer: Some(writer), .. } = self else { return Ok(()) };
        let payload = payload(len, model.records.len());
        let found = writer.append(&payload).map_err(|error| error.to_string());
        let expected = model.reserve(len);
        let expected = expected.map(|()| model.publish(payload, model.shape.frame_size(len)));
        assert_eq!(found, expected);
        Ok(())
    }

    fn claim(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let len = self.len(input)?;
        let first = match u8::arbitrary(input)? % 8 {
            0 => len + 1,
            part => len * u64::from(part) / 7,
        };
        let fates = [Fate::Commit, Fate::CommitFirst(first as usize), Fate::Drop, Fate::Forget];
        let fate = *input.choose(&fates)?;
        let Play { model, writer: Some(writer), .. } = self else { return Ok(()) };
        let mut payload = payload(len, model.records.len());
        let shared = writer.available().is_none();
        let found = writer.claim(&payload, fate).map_err(|error| error.to_string());
        let size = model.shape.frame_size(len);
        let expected = model.reserve(len).and_then(|()| match fate {
            Fate::Forget if !shared => {
                model.forgotten = size;
                Ok(None)
            }
            Fate::Drop | Fate::Forget => {
                model.give_up(size);
                Ok(None)
            }
            Fate::CommitFirst(first) if model.shape.typed.is_none() => {
                if len < first as u64 {
                    model.give_up(size);
                    return Err(WriteError::TooLong { len: first as u64, max: len }.to_string());
                }
                payload.truncate(first);
                Ok(Some(model.publish(payload, size)))
            }
            _ => Ok(Some(model.publish(payload, size))),
        });
        assert_eq!(found, expected);
        Ok(())
    }

    fn sync(&mut self) {
        let Play { model, writer: Some(writer), .. } = self else { return };
        match writer.sync() {
            Ok(synced) => {
                assert!(model.closed.is_none());
                assert_eq!(synced.durable, model.count());
                model.synced = model.count();
            }
            Err(SyncError::Closed) => assert!(model.closed.is_some()),
            Err(error) => panic!("{error}"),
        }
    }

    fn close(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        let (closed, left) = writer.close();
        self.writer = left;
        match closed {
            Ok(()) => self.ended(),
            Err(CloseError::Closed) => assert!(self.model.closed.is_some()),
            Err(error) => panic!("{error}"),
        }
    }

    /// The channel has been closed, by whatever.
    fn ended(&mut self) {
        assert!(self.model.closed.is_none());
        let forgotten = std::mem::take(&mut self.model.forgotten);
        self.model.give_up(forgotten);
        let full = self.model.refused;
        self.model.closed = Some(if full { CloseReason::Full } else { CloseReason::Closed });
    }

    /// What can be asked of a writer at any time.
    fn settled(&self) {
        let Play { model, writer: Some(writer), .. } = self else { return };
        assert_eq!(writer.next_sequence(), model.count());
        if let Some(available) = writer.available() {
            let left = model.shape.capacity - model.tail;
            let size = model.shape.typed.map_or(1, |len| model.shape.frame_size(len));
            assert_eq!(available, left / size);
            let lag = Some(u128::from(model.lag)).filter(|lag| 1_000_000_000 < *lag);
            assert_eq!(writer.clock_lag_nanos(), lag);
        }
    }

    fn read(&self, reader: &mut Reader, input: &mut Unstructured<'_>) -> Result<()> {
        let (model, at) = (&self.model, reader.next_sequence());
        let ahead = usize::try_from(model.count() - at).unwrap();
        assert_eq!(reader.durable(), model.synced);
        let max = usize::from(u8::arbitrary(input)?) % 20;
        let number = if max < 15 { max as u64 } else { u64::arbitrary(input)? };
        match u8::arbitrary(input)? % 7 {
            0 => self.step(reader),
            1 => {
                let taken = reader.iter().take(max).map(|found| model.same(&found.unwrap()));
                assert_eq!(taken.count(), max.min(ahead));
                assert_eq!(reader.next_sequence(), at + max.min(ahead) as u64);
            }
            2 => {
                let batch = reader.batch(max);
                assert_eq!(batch.len(), max.min(ahead));
                assert_eq!(batch.map(|found| model.same(&found.unwrap())).count(), max.min(ahead));
            }
            3 => match reader.seek(number) {
                Ok(()) => assert!(number <= model.count() && reader.next_sequence() == number),
                Err(SeekError::OutOfRange { sequence, first: 0, end }) => {
                    assert_eq!((sequence, end), (number, model.count()));
                    assert!(model.count() < number && reader.next_sequence() == at);
                }
                Err(error) => panic!("{error}"),
            },
            4 => {
                reader.seek_to_end().unwrap();
                assert_eq!(reader.next_sequence(), model.count());
            }
            5 => {
                let near = model.records.get(max * ahead / 20).and_then(|record| record.0);
                let nanos = near.map_or(number, |stamp| (stamp + number % 3).saturating_sub(1));
                let before = |record: &(Option<u64>, Vec<u8>)| record.0 < Some(nanos);
                match reader.seek_to_time(Timestamp::from_nanos(nanos)) {
                    Ok(()) => {
                        let first = model.records.partition_point(before);
                        assert_eq!(reader.next_sequence(), first as u64);
                    }
                    Err(error) => assert!(!model.shape.stamped, "{error}"),
                }
            }
            _ => assert_eq!(reader.record_count().unwrap(), model.count()),
        }
        Ok(())
    }

    fn step(&self, reader: &mut Reader) {
        let (at, model) = (reader.next_sequence(), &self.model);
        match (reader.try_next().unwrap(), model.closed) {
            (Next::Record(found), _) => {
                assert_eq!(found.sequence, at);
                model.same(&found);
            }
            (Next::Pending, None) => assert_eq!(at, model.count()),
            (Next::Closed(found), Some(reason)) => assert_eq!((at, found), (model.count(), reason)),
            (found, closed) => panic!("{found:?} at {at}, and it is {closed:?}"),
        }
    }

    /// Drops the writer, and looks at all that is left.
    fn end(mut self) {
        drop(self.writer.take());
        if self.model.closed.is_none() {
            self.ended();
        }
        let mut readers = std::mem::take(&mut self.readers);
        readers.push(Reader::open(&self.path).expect("a good channel"));
        for reader in &mut readers {
            let at = reader.next_sequence();
            let taken = reader.iter().map(|found| self.model.same(&found.unwrap())).count();
            assert_eq!(at + taken as u64, self.model.count());
            self.step(reader);
        }
        match self.model.shape.typed {
            Some(0) => self.typed::<0>(),
            Some(9) => self.typed::<9>(),
            Some(_) => self.typed::<56>(),
            None => {}
        }
        self.scanned();
        let recovery = recover(&self.path).expect("a channel that is closed");
        assert_eq!(Some(recovery.reason), self.model.closed);
        assert_eq!((recovery.records, recovery.sealed), (self.model.count(), false));
        assert_eq!(recovery.durable, self.model.synced);
    }

    fn typed<const N: usize>(&self) {
        let mut reader = TypedReader::<Cell<N>>::open(&self.path).expect("a channel of the type");
        for (index, (stamp, payload)) in self.model.records.iter().enumerate() {
            let found = reader.get(index as u64).unwrap().expect("a record of the model");
            assert_eq!(found.timestamp.map(Timestamp::as_nanos), *stamp);
            assert_eq!(found.value.0.as_slice(), payload);
        }
        assert!(reader.get(self.model.count()).unwrap().is_none());
        let values = reader.iter().collect::<std::result::Result<Vec<_>, _>>().expect("values");
        assert_eq!(values.len() as u64, self.model.count());
        assert_eq!(Cell::<N>::SCHEMA.text(), reader.header().schema);
    }

    /// The file after `docs/FORMAT.md`: the records of the model, and zeroes in between.
    fn scanned(&self) {
        let bytes = std::fs::read(&self.path).unwrap();
        let spec = Spec::of_bytes(&bytes);
        let (channel, model) = (Channel { spec: &spec, bytes: &bytes }, &self.model);
        assert_eq!((channel.base(), channel.durable()), (Some(0), model.synced));
        let header = spec.header();
        assert_eq!((&bytes[..header.len()], bytes.len()), (&header[..], spec.file_size()));
        let scan = channel.scan(0);
        let found = scan.records.iter().map(|found| (found.stamp, found.payload.to_vec()));
        assert!(found.eq(model.records.iter().cloned()));
        let reason = if model.closed == Some(CloseReason::Full) { 2 } else { 1 };
        assert_eq!(scan.last, Frame::Close { reason });
        assert_eq!(scan.end as u64, spec.data_offset() as u64 + model.tail);
        if model.shape.typed.is_none() {
            assert!(bytes[scan.end + 8..].iter().all(|byte| *byte == 0), "zeroes behind the end");
        }
        let head = if model.shape.stamped { 16 } else { 8 };
        let (mut at, mut sequence) = (spec.data_offset(), 0);
        while at < scan.end {
            match channel.frame(at, sequence) {
                Frame::Record { payload, size, .. } => {
                    let unused = &bytes[at + head + payload.len()..at + size];
                    assert!(unused.iter().all(|byte| *byte == 0), "zeroes behind a payload");
                    (at, sequence) = (at + size, sequence + 1);
                }
                Frame::Padding { size } => at += size,
                other => panic!("{other:?} in front of the end"),
            }
        }
    }
}
