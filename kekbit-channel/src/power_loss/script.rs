//! [`Script`]: a channel with a random life, and all that is known of it at every moment.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
};

use kekbit_codec::{
    Timestamp,
    frame::{self, Word},
};
use kekbit_derive::Record;

use crate::{
    error::{SyncError, WriteError},
    mapping::RecordType,
    next::{CloseReason, Next},
    options::{Alignment, ChannelOptions},
    reader::Reader,
    writer::Writer,
};

use super::{
    cases::Rng,
    disk::{History, Moment, Weather},
};

/// What a test knows of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Truth {
    /// Where its payload starts in the file.
    pub(super) payload_offset: u64,
    pub(super) stamp: Option<Timestamp>,
    pub(super) payload: Vec<u8>,
}

/// What had been promised at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Promise {
    /// Records whose append had returned.
    pub(super) appended: u64,
    /// Records that a sync had covered which had returned.
    pub(super) synced: u64,
    /// How the channel had ended.
    pub(super) end: Option<CloseReason>,
}

/// What a channel is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    strided: bool,
    checksums: bool,
    time_stamps: bool,
    alignment: Alignment,
    /// Whether no claim is given up or shortened, which leaves bytes behind on the disk.
    tame: bool,
}

impl Kind {
    fn any(rng: &mut Rng) -> Kind {
        Kind {
            strided: rng.bool(),
            checksums: rng.u8(0..4) != 0,
            time_stamps: rng.bool(),
            alignment: if rng.bool() { Alignment::Packed } else { Alignment::CacheLine },
            tame: rng.bool(),
        }
    }

    pub(super) fn has_checksums(self) -> bool {
        self.checksums
    }

    /// Whether nothing else can pose as a word.
    pub(super) fn words_are_right(self) -> bool {
        self.checksums || self.strided || self.tame
    }

    fn options(self, capacity: u64) -> ChannelOptions {
        let mut options = ChannelOptions::new().bytes(capacity).alignment(self.alignment);
        if !self.checksums {
            options = options.without_checksums();
        }
        if self.time_stamps {
            options = options.time_stamps().clock(tick);
        }
        options
    }
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// A clock that never stands still.
fn tick() -> Timestamp {
    NOW.set(NOW.get() + 1);
    Timestamp::from_nanos(NOW.get())
}

/// Records of which many share a sector, of some that do, and of one that has several.
#[derive(Record)]
struct Number {
    number: u64,
}

#[derive(Record)]
struct Event {
    numbers: [u64; 10],
}

#[derive(Record)]
struct Page {
    bytes: [u8; 1003],
}

/// A life that has been lived.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) history: History,
    pub(super) truth: Vec<Truth>,
    /// From a moment on, in their order.
    promises: Vec<(Moment, Promise)>,
}

impl Script {
    /// Lives a random life in a new file, to its close or to a sync that fails. In some lives the
    /// kernel fails to write pages out in the background.
    pub(super) fn play(path: &Path, rng: &mut Rng) -> Script {
        let kind = Kind::any(rng);
        let options = kind.options(rng.u64(4..40) * 512);
        let types =
            [RecordType::of::<Number>(), RecordType::of::<Event>(), RecordType::of::<Page>()];
        let record = kind.strided.then(|| types[rng.usize(..types.len())]);
        let writer = match record {
            Some(record) => Writer::create_typed(path, &options, record),
            None => Writer::create(path, &options),
        };
        let mut life = Life {
            writer: writer.unwrap(),
            reader: Reader::open(path).unwrap(),
            path: path.to_owned(),
            size: record.map(|record| usize::try_from(record.size).unwrap()),
            truth: Vec::new(),
            promises: vec![(0, Promise::default())],
        };
        let mut history = History::of(path, rng);
        history.weather.failing = if rng.u8(0..4) == 0 { 16 } else { 0 };
        let (history, ()) = history.watch(path, |history| life.live(kind, history, rng));
        if !history.has_dropped(history.last()) {
            life.check_truth();
        }
        Script { path: path.to_owned(), kind, history, truth: life.truth, promises: life.promises }
    }

    /// What had been promised at a moment.
    pub(super) fn promise(&self, moment: Moment) -> Promise {
        let next = self.promises.partition_point(|(since, _)| *since <= moment);
        self.promises[next - 1].1
    }
}

/// A life while it is lived.
struct Life {
    writer: Writer,
    /// Follows.
    reader: Reader,
    path: PathBuf,
    /// Bytes of every record, with a stride.
    size: Option<usize>,
    truth: Vec<Truth>,
    promises: Vec<(Moment, Promise)>,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Committed,
    Shortened,
    Dropped,
}

impl Life {
    fn live(&mut self, kind: Kind, history: &RefCell<History>, rng: &mut Rng) {
        if !kind.tame && rng.u8(0..4) == 0 {
            // Padding that no sync has covered, in front of all records.
            self.claim(history, rng, Fate::Dropped);
        }
        for _ in 0..rng.usize(1..30) {
            match rng.u8(0..if kind.tame { 12 } else { 16 }) {
                0..8 => self.append(history, rng),
                8..10 => self.claim(history, rng, Fate::Committed),
                10..12 => {
                    history.borrow_mut().failing = u64::from(rng.u8(0..8) == 0);
                    if !self.sync(history, rng) {
                        return;
                    }
                }
                12 => self.claim(history, rng, Fate::Shortened),
                _ => self.claim(history, rng, Fate::Dropped),
            }
        }
        self.writer.close_shared().unwrap();
        let reason = self.end();
        self.note(history, |promise| promise.end = Some(reason));
    }

    fn append(&mut self, history: &RefCell<History>, rng: &mut Rng) {
        let payload = self.payload(rng);
        let result = self.writer.append(&payload);
        self.appended(history, payload, result.map(drop));
    }

    fn claim(&mut self, history: &RefCell<History>, rng: &mut Rng, fate: Fate) {
        let payload = self.payload(rng);
        let typed = self.size.is_some();
        let look = || history.borrow_mut().look(&self.path);
        let committed = self.writer.claim(payload.len()).map(|mut claim| {
            let half = rng.usize(0..=payload.len());
            claim[..half].copy_from_slice(&payload[..half]);
            look();
            claim.copy_from_slice(&payload);
            look();
            match fate {
                Fate::Dropped => {
                    drop(claim);
                    look();
                    None
                }
                // A record of a type has its one length.
                Fate::Shortened if !typed => {
                    claim.commit_first(half).unwrap();
                    Some(half)
                }
                Fate::Shortened | Fate::Committed => {
                    claim.commit();
                    Some(payload.len())
                }
            }
        });
        match committed {
            Ok(None) => {}
            Ok(Some(len)) => self.appended(history, payload[..len].to_vec(), Ok(())),
            Err(error) => self.appended(history, payload, Err(error)),
        }
    }

    fn appended(
        &mut self,
        history: &RefCell<History>,
        payload: Vec<u8>,
        result: Result<(), WriteError>,
    ) {
        match result {
            Ok(()) => {
                let truth = self.last_truth(payload);
                self.truth.push(truth);
                self.note(history, |promise| promise.appended += 1);
            }
            Err(WriteError::Full { .. } | WriteError::TooLong { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether it went well. If it did not, the channel has ended.
    fn sync(&mut self, history: &RefCell<History>, rng: &mut Rng) -> bool {
        // Memory may lose what the disk did not take, be it before the mark of a sync that fails.
        // NB: not while the writer goes on, which would build on what is gone.
        let weather = history.borrow().weather;
        let dropping = if rng.bool() { 64 } else { 0 };
        history.borrow_mut().weather = Weather { failing: 0, dropping };
        let result = self.writer.sync();
        history.borrow_mut().weather = weather;
        history.borrow_mut().failing = 0;
        match result {
            Ok(synced) => self.note(history, |promise| {
                assert_eq!(synced.durable, promise.appended);
                promise.synced = synced.durable;
            }),
            Err(SyncError::Io { .. }) => {
                self.note(history, |promise| promise.end = Some(CloseReason::SyncFailed));
                return false;
            }
            Err(error) => panic!("{error}"),
        }
        true
    }

    /// Bytes that tell what they are, or that look like words of frames.
    fn payload(&self, rng: &mut Rng) -> Vec<u8> {
        let len = self.size.unwrap_or_else(|| match rng.u8(0..8) {
            0 => rng.usize(3000..6000),
            1 => 0,
            _ => rng.usize(0..200),
        });
        let word = Word::record(rng.u32(0..64)).unwrap().to_bits().to_le_bytes();
        let number = (self.truth.len() as u64 + 1).to_le_bytes();
        let pattern = if rng.bool() { word } else { number.map(|byte| byte ^ 0xA5) };
        pattern.into_iter().cycle().take(len).collect()
    }

    fn note(&mut self, history: &RefCell<History>, change: impl FnOnce(&mut Promise)) {
        let mut history = history.borrow_mut();
        history.look(&self.path);
        let mut promise = self.promises.last().unwrap().1;
        change(&mut promise);
        self.promises.push((history.last(), promise));
    }

    /// How it was closed.
    fn end(&self) -> CloseReason {
        let mut reader = Reader::open(&self.path).unwrap();
        while reader.iter().next().is_some() {}
        match reader.try_next().unwrap() {
            Next::Closed(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// The record that was appended last, as it lies there.
    fn last_truth(&mut self, payload: Vec<u8>) -> Truth {
        let Next::Record(record) = self.reader.try_next().unwrap() else { panic!("not there") };
        assert_eq!(record.value, payload);
        let stamp = record.timestamp;
        let size = self.reader.header().frame_size(u32::try_from(payload.len()).unwrap());
        let offset = self.reader.parts().1.position.offset - size;
        Truth { payload_offset: offset + frame::head_size(stamp.is_some()), stamp, payload }
    }

    /// A reader finds all of it.
    fn check_truth(&self) {
        let mut reader = Reader::open(&self.path).unwrap();
        for truth in &self.truth {
            let Next::Record(record) = reader.try_next().unwrap() else { panic!("{truth:?}") };
            assert_eq!((record.timestamp, record.value), (truth.stamp, &truth.payload[..]));
        }
        assert!(reader.try_next().unwrap().record().is_none());
    }
}
