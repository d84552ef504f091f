//! The judgement of what a dead writer has left: each file is held against the plan and the board,
//! read in every way, recovered, and recovered again after recoveries that were killed.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use kekbit_channel::{CloseReason, CreateError, Next, Reader, TypedReader, Writer, recover};
use nix::libc;

use crate::{
    board::Board,
    cases::Rng,
    evidence::{Evidence, Hits},
    image::{CHECKSUMS, Image},
    nursery::{Ended, Nursery},
    program::{Focus, Phase, Plan, THREADS, Tick, Told, channel_path, tick},
    watch::Expected,
};

/// What it takes to judge a case.
pub(crate) struct Judge<'c> {
    pub(crate) nursery: &'c mut Nursery,
    pub(crate) board: &'c Board,
    pub(crate) plan: &'c Plan,
    pub(crate) rng: &'c mut Rng,
    pub(crate) hits: &'c mut Hits,
}

impl Judge<'_> {
    /// Judges what a dead writer has left in a folder, and recovers it.
    pub(crate) fn judge(&mut self, folder: &Path) {
        let Judge { board, plan, .. } = *self;
        let channels = channels(folder);
        let created = usize::try_from(board.get(Told::Created)).unwrap();
        let creating = board.phase(0) == Phase::Creating && channels.len() == created + 1;
        assert!(created == channels.len() || creating, "{created}: {channels:?}; {plan:?}");
        if board.phase(0) == Phase::Creating && !creating {
            self.hits.count("Creating: no name yet");
        }
        let mut expected = Expected::new(plan);
        for (channel, path) in channels.iter().enumerate() {
            if channel + 1 < channels.len() {
                check_closed(path, board.closed(channel).unwrap(), &mut expected, plan);
            } else {
                self.judge_last(path, &mut expected);
            }
        }
    }

    /// The channel at which the writer was killed.
    fn judge_last(&mut self, path: &Path, expected: &mut Expected) {
        let Judge { board, plan, .. } = *self;
        let before = expected.indices;
        let evidence = Evidence::of(path, expected);
        // A new channel is being made, and this is still the one before.
        let (current, returned) = board.progress();
        let is_current = path == channel_path(path.parent().unwrap(), current);
        for (thread, came) in expected.indices.into_iter().enumerate() {
            let returned = board.returned(thread);
            let right = returned..=returned + 1;
            assert!(right.contains(&came), "thread {thread}: {came}, {returned}; {plan:?}");
        }
        if is_current && plan.focus != Focus::Shared {
            let right = returned..=returned + 1;
            assert!(right.contains(&evidence.count), "{} of {returned}; {plan:?}", evidence.count);
        }
        if is_current {
            self.check_durable(&evidence);
            evidence.check_zeroes(board.get(Told::OpenSize), plan);
            self.hits.count(evidence.place(expected, plan, board));
        } else {
            assert!(evidence.closed.is_some(), "{plan:?}");
        }
        if let Some(reason) = evidence.closed {
            let closing = board.phase(0) == Phase::Closing || board.closed(current).is_some();
            assert!(closing || !is_current, "closed, and nobody has closed it; {plan:?}");
            assert!(matches!(reason, 1 | 2), "{reason}; {plan:?}");
        }
        check_read(path, &evidence, before, plan);
        if evidence.closed.is_some() {
            let recovery = recover(path).unwrap();
            assert_eq!((recovery.records, recovery.sealed), (evidence.count, false));
            return;
        }
        let taken = Writer::create(path, &plan.options_raw()).unwrap_err();
        assert!(matches!(taken, CreateError::Exists { .. }), "{taken}");
        let killed = self.kill_recoveries(path, &evidence);
        check_recovery(path, &evidence, killed);
    }

    /// `durable` is what a sync had achieved, or has just achieved.
    fn check_durable(&self, evidence: &Evidence) {
        let Judge { board, plan, .. } = *self;
        let (durable, returned) = (evidence.durable(), board.get(Told::Durable));
        assert!(durable <= evidence.count, "{durable} of {}; {plan:?}", evidence.count);
        if plan.focus != Focus::Shared {
            let target = match board.phase(0) {
                Phase::Syncing => board.get(Told::SyncTarget),
                // The sync has returned, and nobody had the time to say so.
                _ => returned,
            };
            assert!(durable == returned || durable == target, "{durable}, {returned}; {plan:?}");
        }
    }

    /// Kills some that recover the channel. Gives how many there were.
    fn kill_recoveries(&mut self, path: &Path, evidence: &Evidence) -> u64 {
        let plan = self.plan;
        let times = match plan.focus {
            Focus::Recover => self.rng.u64(1..4),
            _ => u64::from(self.rng.u8(..8) == 0),
        };
        for _ in 0..times {
            self.board.put(Told::Phase, Phase::Between as u64);
            self.nursery.start_recovery(self.rng.u64(..), path);
            let ended = self.nursery.kill();
            let image = Image::of_file(path);
            let sealed = image.bytes[evidence.image.tail..][..8] != [0; 8];
            let place = match (ended, sealed, image.spec.durable != evidence.durable()) {
                (Ended::Done, ..) => "recovery: done before the kill",
                (_, true, _) => "recovery: sealed",
                (_, false, true) => "recovery: unsealed, all durable",
                (_, false, false) => "recovery: unsealed",
            };
            self.hits.count(place);
            if sealed {
                evidence.check_sealed(path, true);
            } else {
                let data = image.spec.data_offset();
                let before = &evidence.image.bytes[data..];
                assert!(image.bytes[data..] == *before, "nothing changes before the mark");
                let durable = image.spec.durable;
                assert!(durable == evidence.durable() || durable == evidence.count, "{plan:?}");
                let mut reader = Reader::open(path).unwrap();
                assert_eq!(reader.iter().count() as u64, evidence.count);
                assert_eq!(reader.try_next().unwrap(), Next::Abandoned);
            }
        }
        times
    }
}

/// All files of a folder, which are channels in their order and nothing else.
pub(crate) fn channels(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.collect();
    if !has_unnamed_files(folder) {
        // Then a new channel has a name for the meantime, which a kill leaves behind.
        found.retain(|path| path.extension().is_none_or(|extension| extension != "new"));
    }
    found.sort();
    for (channel, path) in found.iter().enumerate() {
        assert_eq!(*path, channel_path(folder, channel), "{found:?}");
    }
    found
}

/// Whether this file system can make files without a name.
fn has_unnamed_files(folder: &Path) -> bool {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_TMPFILE).open(folder).is_ok()
}

/// A channel that the writer had closed before it went on to the next: whole, to the last record.
fn check_closed(path: &Path, count: u64, expected: &mut Expected, plan: &Plan) {
    let evidence = Evidence::of(path, expected);
    assert_eq!(evidence.count, count, "{plan:?}");
    assert!(matches!(evidence.closed, Some(1 | 2)), "{:?}; {plan:?}", evidence.closed);
    let recovery = recover(path).unwrap();
    assert_eq!((recovery.records, recovery.sealed), (count, false), "{plan:?}");
    assert_eq!(fs::read(path).unwrap(), evidence.image.bytes, "nothing to recover");
}

/// What a reader finds that opens the channel after the death: everything, and at the first poll
/// behind it that it was abandoned.
fn check_read(path: &Path, evidence: &Evidence, before: [u64; THREADS], plan: &Plan) {
    let end = match evidence.closed {
        None => Next::Abandoned,
        Some(1) => Next::Closed(CloseReason::Closed),
        Some(_) => Next::Closed(CloseReason::Full),
    };
    let mut expected = Expected::new(plan);
    expected.indices = before;
    let mut reader = Reader::open(path).unwrap();
    for (sequence, record) in (0..).zip(reader.iter()) {
        let record = record.unwrap();
        assert_eq!(record.sequence, sequence);
        expected.take(record.value);
    }
    assert_eq!(reader.next_sequence(), evidence.count, "{plan:?}");
    assert_eq!(reader.record_count().unwrap(), evidence.count);
    assert_eq!(reader.durable(), evidence.durable());
    // At the first poll of a reader that has never asked.
    let mut fresh = Reader::open(path).unwrap();
    fresh.seek(evidence.count).unwrap();
    assert_eq!(fresh.try_next().unwrap(), end, "{plan:?}");
    if plan.is_typed() {
        let mut reader = TypedReader::<Tick>::open(path).unwrap();
        reader.seek_to_end().unwrap();
        assert_eq!(reader.next_sequence(), evidence.count);
        assert!(reader.get(evidence.count).unwrap().is_none());
        if let Some(last) = evidence.count.checked_sub(1) {
            let last_tick = tick(before[0] + last);
            assert_eq!(reader.get(last).unwrap().unwrap().value, last_tick);
        }
    }
}

/// Recovery gives the right numbers and the right bytes, and nothing at all when it is repeated.
fn check_recovery(path: &Path, evidence: &Evidence, killed: u64) {
    let recovery = recover(path).unwrap();
    assert_eq!((recovery.records, recovery.reason), (evidence.count, CloseReason::Recovered));
    assert_eq!((recovery.problem, recovery.beyond), (None, 0));
    // One that was killed may have done its work, and all is durable then.
    let told = [evidence.durable(), evidence.count];
    assert!(told[..if killed == 0 { 1 } else { 2 }].contains(&recovery.durable), "{recovery:?}");
    assert!(recovery.sealed || 0 < killed);
    evidence.check_sealed(path, 0 < killed);
    let sealed = fs::read(path).unwrap();
    let again = recover(path).unwrap();
    assert_eq!((again.records, again.sealed), (evidence.count, false));
    let spec = Image::of_file(path).spec;
    assert_eq!((again.reason, again.durable), (CloseReason::Recovered, spec.durable));
    assert!(spec.durable == evidence.count || spec.flags & CHECKSUMS == 0);
    assert!(fs::read(path).unwrap() == sealed, "a second recovery changes nothing");
    let mut reader = Reader::open(path).unwrap();
    assert_eq!(reader.iter().count() as u64, evidence.count);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Recovered));
}
