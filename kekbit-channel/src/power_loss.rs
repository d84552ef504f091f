//! Goal: a power cut, at any moment, loses nothing that a sync had covered, and what is read
//! afterwards is a prefix of what was written. So for copies that are made meanwhile.
//!
//! Method: a channel lives a random life in a real file ([`script`]) while every store of a word
//! and every flush is watched. Then a file is made as a disk could hold it after a power cut at one
//! of those moments ([`disk`]), as a copy could, or as the death of the process leaves it. That
//! file is opened, read, searched and recovered; in the middle of the recovery the power fails
//! again.
//!
//! One life gives [`IMAGES`] images. `docs/RELIABILITY.md` has the commands.

mod disk;
mod script;

#[path = "../tests/support/cases.rs"]
mod cases;
#[path = "../tests/support/image.rs"]
mod image;

use std::{fmt, fs, path::Path};

use self::{
    cases::{Cases, Rng},
    disk::{History, Moment},
    image::Image,
    script::{Script, Truth},
};
use crate::{
    error::{ReadError, RecoverError},
    next::{CloseReason, Next},
    reader::Reader,
    recover::{Loss, Recovery, recover, recover_with},
    search,
};

/// Images that are made of one life.
const IMAGES: u64 = 40;

/// What a run has seen, to show that it has seen something.
#[derive(Debug, Default)]
struct Counted {
    images: u64,
    records: u64,
    damaged: u64,
    lost: u64,
    unverified: u64,
    cuts_in_recovery: u64,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted { images, records, damaged, lost, unverified, cuts_in_recovery } = self;
        write!(
            f,
            "{images} images with {records} records, {damaged} that end in a torn frame or a hole, {lost} that \
             lost records, {unverified} records of doubtful content, {cuts_in_recovery} cuts in \
             recovery"
        )
    }
}

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The process died; the page cache is whole.
    Death,
    /// The power failed.
    PowerCut,
    /// Copied page after page while the writer ran.
    Copy,
    /// Copied in any order, the state page last for instance.
    ScatteredCopy,
}

/// What may be found in a file.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    origin: Origin,
    /// Records that must be there as they were written.
    sure: u64,
    /// Records that must be there; without checksums, perhaps with doubtful content.
    least: u64,
    /// Records that can be there.
    most: u64,
    /// The close mark that can be there, and the records in front of it.
    end: Option<(CloseReason, u64)>,
    /// Whether it must be there.
    sealed: bool,
    /// Of a copy: when it was begun.
    start: Option<Moment>,
    moment: Moment,
}

#[test]
fn what_a_sync_covered_is_there_and_what_is_read_was_written() {
    let folder = memory_folder();
    Cases::of("power loss", 20).run(|number, rng, counted: &mut Counted| {
        let path = folder.path().join(format!("{number}.kekbit"));
        let script = Script::play(&path, rng);
        for _ in 0..IMAGES {
            examine(&script, rng, counted);
        }
        fs::remove_file(path).unwrap();
    });
}

/// Where a flush costs nothing, if there is such a place.
fn memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Makes a file of one moment of a life, and looks at it from all sides.
fn examine(script: &Script, rng: &mut Rng, counted: &mut Counted) {
    let moment = rng.usize(0..=script.history.last());
    let origin = match rng.u8(0..8) {
        0 => Origin::Death,
        1 => Origin::Copy,
        2 => Origin::ScatteredCopy,
        _ => Origin::PowerCut,
    };
    let promise = script.promise(moment);
    let (bytes, sure, start) = match origin {
        Origin::Death => (script.history.content(moment), promise.appended, None),
        Origin::PowerCut => (script.history.power_cut(moment, rng), promise.synced, None),
        Origin::Copy | Origin::ScatteredCopy => {
            let start = rng.usize(0..=moment);
            let ordered = origin == Origin::Copy;
            let bytes = script.history.copy(start, moment, ordered, rng);
            (bytes, script.promise(start).appended, Some(start))
        }
    };
    let total = script.truth.len() as u64;
    let most = (promise.appended + 1).min(total);
    let end = promise.end.map(|reason| (reason, total));
    let bounds = Bounds { origin, sure, least: sure, most, end, sealed: false, start, moment };
    lay(&script.path, &bytes, origin);
    counted.images += 1;
    let found = read(script, bounds, counted);
    recover_under_power_cuts(script, Bounds { most: found, ..bounds }, rng, counted);
}

/// Puts a file where the channel was: of this boot after a death, of another after a power cut, and
/// with another inode if it is a copy.
fn lay(path: &Path, bytes: &[u8], origin: Origin) {
    fs::write(path, bytes).unwrap();
    let mut image = Image::of_file(path);
    match origin {
        Origin::Death => {}
        Origin::PowerCut => {
            image.patch(|spec| spec.boot_id = image::boot_id().map(|byte| !byte));
        }
        Origin::Copy | Origin::ScatteredCopy => {
            image.patch(|spec| spec.inode |= 1 << 40);
        }
    }
    image.write(path);
}

/// Recovers a file with `bounds.most` records, then lets the power fail, before the recovery has
/// returned or after, and recovers again.
fn recover_under_power_cuts(script: &Script, bounds: Bounds, rng: &mut Rng, counted: &mut Counted) {
    let Script { path, kind, .. } = script;
    // What a dead process left in the page cache need not be on the disk.
    let history = match bounds.origin {
        Origin::Death => script.history.until(bounds.moment),
        _ => History::of(path),
    };
    let before = history.last();
    let (history, result) = history.watch(path, |history| {
        // Sometimes the disk says no: to the first flush, or to the one behind the close mark.
        history.borrow_mut().failing = u64::from(rng.u8(0..16)).saturating_sub(11).min(2);
        let result = recover(path);
        history.borrow_mut().failing = 0;
        match result {
            // Who recovers again has all that a recovery gives, whoever put the mark.
            Err(RecoverError::Io { .. }) => {
                recover(path).map(|recovery| Recovery { sealed: true, ..recovery })
            }
            result => result,
        }
    });
    let recovery = match result {
        Ok(recovery) => recovery,
        // The copy has a state page that is newer than its records.
        Err(RecoverError::Damaged { sequence, durable, .. }) => {
            assert_eq!(bounds.origin, Origin::ScatteredCopy);
            assert!(sequence < durable);
            let accepted = recover_with(path, Loss::Accepted).unwrap();
            assert!(!kind.words_are_right() || accepted.records == bounds.most);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    if !kind.words_are_right() {
        assert!(bounds.least <= recovery.records);
        return;
    }
    assert_eq!(recovery.records, bounds.most);
    let sealed = Bounds {
        least: recovery.records,
        end: Some((recovery.reason, recovery.records)),
        sealed: true,
        ..bounds
    };
    let mut again = Counted::default();
    assert_eq!(read(script, sealed, &mut again), recovery.records);

    let moment = if rng.bool() { history.last() } else { rng.usize(before..=history.last()) };
    lay(path, &history.power_cut(moment, rng), Origin::PowerCut);
    let (sure, least) = match bounds.origin {
        // What was in the page cache is on the disk, if recovery had anything to do.
        Origin::Death if recovery.sealed && moment == history.last() => {
            (recovery.records, recovery.records)
        }
        Origin::Death => {
            let synced = script.promise(bounds.moment).synced;
            (synced, synced)
        }
        _ => (bounds.sure, bounds.most),
    };
    let there = recovery.sealed && moment == history.last();
    counted.cuts_in_recovery += 1;
    let cut = Bounds { origin: Origin::PowerCut, sure, least, sealed: there, ..sealed };
    let left = read(script, cut, &mut again);
    let second = recover(path).unwrap();
    assert_eq!(second.records, left);
}

/// Reads a file that nobody writes to, to its end, and gives the number of its records.
fn read(script: &Script, bounds: Bounds, counted: &mut Counted) -> u64 {
    let mut reader = Reader::open(&script.path).unwrap();
    let mut count = 0;
    let end = loop {
        let record = match reader.try_next() {
            Ok(Next::Record(record)) => record,
            Ok(Next::Closed(reason)) => break Some(reason),
            Ok(Next::Abandoned) => {
                if bounds.origin != Origin::Death {
                    assert_nothing_behind(&mut reader);
                }
                break None;
            }
            Ok(other) => panic!("{other:?} where nobody holds the lock"),
            Err(ReadError::Damaged { .. }) if bounds.origin != Origin::Death => {
                counted.damaged += 1;
                break None;
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(record.sequence, count);
        let truth = script.truth.get(usize::try_from(count).unwrap());
        let is_true = truth
            .is_some_and(|truth| truth.payload == record.value && truth.stamp == record.timestamp);
        if !is_true {
            let doubtful = record.unverified && bounds.sure <= count;
            assert!(doubtful, "record {count} is not what was written; {bounds:?}");
            counted.unverified += 1;
            if script.kind.words_are_right() {
                check_bytes(script, bounds, truth.unwrap(), record.value);
            }
        }
        count += 1;
        // What passes for a record may be anywhere, once words may be wrong.
        if !is_true && !script.kind.words_are_right() {
            return count;
        }
    };
    let Bounds { least, most, .. } = bounds;
    assert!(least <= count && count <= most, "{count} records, of {least} to {most}");
    if let Some(reason) = end {
        assert_eq!(Some((reason, count)), bounds.end);
    }
    assert!(end.is_some() || !bounds.sealed, "recovery had sealed it");
    counted.records += count;
    counted.lost += u64::from(count < script.promise(bounds.moment).appended);
    search_agrees(&mut reader, bounds, count);
    count
}

/// What is shown as an end is no hole: no word of a frame lies behind it, and in a channel without
/// a stride, where that cannot be told, nothing at all.
fn assert_nothing_behind(reader: &mut Reader) {
    let bytes = fs::read(reader.path()).unwrap();
    let end = usize::try_from(reader.parts().1.position.offset).unwrap();
    let step = usize::try_from(reader.header().stride.max(8)).unwrap();
    for word in (end..bytes.len()).step_by(step) {
        assert_eq!(bytes[word..word + 8], [0; 8], "at {word}, behind the end at {end}");
    }
}

/// Each byte of a payload that is not the true one is of some time.
fn check_bytes(script: &Script, bounds: Bounds, truth: &Truth, payload: &[u8]) {
    assert_eq!(payload.len(), truth.payload.len());
    let start = usize::try_from(truth.payload_offset).unwrap();
    for (index, byte) in payload.iter().enumerate() {
        let possible = script.history.possible(start + index, bounds.start, bounds.moment);
        assert!(possible.contains(byte), "byte {index} is {byte}, not of {possible:?}");
    }
}

/// Seeks and numbers find what a walk has found.
fn search_agrees(reader: &mut Reader, bounds: Bounds, count: u64) {
    match reader.seek_to_end() {
        Ok(()) => assert_eq!(reader.next_sequence(), count, "{bounds:?}"),
        Err(error) => assert_ne!(bounds.origin, Origin::Death, "{error}"),
    }
    if reader.header().stride == 0 {
        return;
    }
    for sequence in [0, count / 2, count.saturating_sub(1), count, count + 1] {
        let found = search::record(reader.mapping(), sequence);
        match found {
            Ok(Some(_)) => assert!(sequence < count, "{sequence} of {count}"),
            Ok(None) => assert!(count <= sequence, "{sequence} of {count}"),
            Err(error) => assert!(count <= sequence, "{sequence} of {count}: {error}"),
        }
    }
}
