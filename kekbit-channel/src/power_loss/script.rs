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
    disk::{History, Moment},
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
    /// Lives a random life in a new file, to its close or to a sync that fails.
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
            path: path.to_owned(),
            size: record.map(|record| usize::try_from(record.size).unwrap()),
            payloads: Vec::new(),
            promises: vec![(0, Promise::default())],
        };
        let (history, ()) = History::of(path).watch(path, |history| life.live(kind, history, rng));
        let truth = life.truth();
        Script { path: path.to_owned(), kind, history, truth, promises: life.promises }
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
    path: PathBuf,
    /// Bytes of every record, with a stride.
    size: Option<usize>,
    payloads: Vec<Vec<u8>>,
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
                10 => self.sync(history),
                11 if rng.u8(..) < 64 => return self.sync_in_vain(history),
                11 => self.sync(history),
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
                self.payloads.push(payload);
                self.note(history, |promise| promise.appended += 1);
            }
            Err(WriteError::Full { .. } | WriteError::TooLong { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn sync(&mut self, history: &RefCell<History>) {
        let synced = self.writer.sync().unwrap().durable;
        self.note(history, |promise| {
            assert_eq!(synced, promise.appended);
            promise.synced = synced;
        });
    }

    /// The disk says no.
    fn sync_in_vain(&mut self, history: &RefCell<History>) {
        history.borrow_mut().failing = 1;
        match self.writer.sync() {
            Err(SyncError::Io { .. }) => {
                self.note(history, |promise| promise.end = Some(CloseReason::SyncFailed));
            }
            // There was nothing to write.
            Ok(_) => history.borrow_mut().failing = 0,
            Err(error) => panic!("{error}"),
        }
    }

    /// Bytes that tell what they are, or that look like words of frames.
    fn payload(&self, rng: &mut Rng) -> Vec<u8> {
        let len = self.size.unwrap_or_else(|| match rng.u8(0..8) {
            0 => rng.usize(3000..6000),
            1 => 0,
            _ => rng.usize(0..200),
        });
        let word = Word::record(rng.u32(0..64)).unwrap().to_bits().to_le_bytes();
        let number = (self.payloads.len() as u64 + 1).to_le_bytes();
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

    /// All records as they lie there, whose payloads are those that were appended.
    fn truth(&self) -> Vec<Truth> {
        let mut reader = Reader::open(&self.path).unwrap();
        let mut truth = Vec::new();
        while let Next::Record(record) = reader.try_next().unwrap() {
            let (stamp, payload) = (record.timestamp, record.value.to_vec());
            let head = frame::head_size(stamp.is_some());
            let offset = reader.parts().1.position.offset;
            let size = reader.header().frame_size(u32::try_from(payload.len()).unwrap());
            truth.push(Truth { payload_offset: offset - size + head, stamp, payload });
        }
        let payloads: Vec<_> = truth.iter().map(|record| &record.payload).collect();
        assert_eq!(payloads, self.payloads.iter().collect::<Vec<_>>());
        truth
    }
}
