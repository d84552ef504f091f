//! Goal: a power cut, at any moment, loses nothing that a sync had covered, and what is read
//! afterwards is a prefix of what was written. So for copies that are made meanwhile.
//!
//! Method: a channel lives a random life in a real file ([`script`]) while every store of a word
//! and every flush is watched. Then a file is made as a disk could hold it after a power cut at one
//! of those moments ([`disk`]), as a copy could, or as the death of the process leaves it. That
//! file is opened, read, searched ([`bounds`]) and recovered, while flushes fail, writes fail in
//! the background, and the kernel drops pages that it takes for clean. In the middle of the
//! recovery, or behind it, the power fails again, or the process dies, and so on, [`ROUNDS`] times.
//! A copy may be on the disk when it is recovered, or nothing of it.
//!
//! One life gives [`IMAGES`] images. `docs/RELIABILITY.md` has the commands.

mod bounds;
mod disk;
mod script;

#[path = "../tests/support/cases.rs"]
mod cases;
#[path = "../tests/support/image.rs"]
mod image;

use std::{cell::RefCell, fmt, fs, path::Path};

use self::{
    bounds::{Bounds, Kept, Mark, Origin, is_of_damage, read},
    cases::{Cases, Rng},
    disk::{History, Weather},
    image::Image,
    script::Script,
};
use crate::{
    error::RecoverError,
    next::CloseReason,
    recover::{Loss, Recovery, recover_with},
};

/// Images that are made of one life.
const IMAGES: u64 = 40;

/// Recoveries of one image that are cut off.
const ROUNDS: usize = 3;

/// What a run has seen, to show that it has seen something.
#[derive(Debug, Default)]
struct Counted {
    images: u64,
    records: u64,
    damaged: u64,
    lost: u64,
    unverified: u64,
    unmarked: u64,
    blind: u64,
    unreadable: u64,
    cuts_in_recovery: u64,
    kept_by_recovery: u64,
    deaths_in_recovery: u64,
    refused: u64,
    dropped: u64,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted { images, records, damaged, lost, unverified, unmarked, .. } = self;
        let Counted { blind, unreadable, cuts_in_recovery, kept_by_recovery, .. } = self;
        let Counted { deaths_in_recovery, refused, dropped, .. } = self;
        write!(
            f,
            "{images} images with {records} records, {damaged} that end in a torn frame or a hole, \
             {lost} that lost records, {unverified} records of doubtful content, {unmarked} of \
             them not marked; {cuts_in_recovery} cuts in recovery or behind it, \
             {kept_by_recovery} of them behind, {deaths_in_recovery} deaths in it, {refused} \
             losses accepted, {dropped} recoveries while memory lost pages; {blind} files where \
             nobody could know of that, {unreadable} copies lost"
        )
    }
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

/// Makes a file of one moment of a life, looks at it from all sides, and recovers it.
fn examine(script: &Script, rng: &mut Rng, counted: &mut Counted) {
    counted.images += 1;
    let (mut bounds, mut history) = lay_image(script, rng);
    for round in 0..ROUNDS {
        // Only the first look is at what the writer has left.
        let mut again = Counted::default();
        let counting = if round == 0 { &mut *counted } else { &mut again };
        let found = read(script, bounds, counting);
        counted.unreadable += again.unreadable;
        counted.unmarked += again.unmarked;
        counted.blind += again.blind;
        let Some(found) = found else {
            let error = recover_with(&script.path, Loss::Accepted).unwrap_err();
            assert!(matches!(&error, RecoverError::Open(error) if is_of_damage(error)), "{error}");
            return;
        };
        bounds.most = found;
        if bounds.origin != Origin::Death && !bounds.unflushed {
            // The boot began with it, or it is long on the disk.
            bounds.on_disk = Kept { least: found, ..bounds.kept };
        }
        let next = recover_and_die(script, bounds, history, rng, counted);
        let Some(next) = next else { return };
        (bounds, history) = next;
    }
    read(script, bounds, &mut Counted::default());
}

/// Puts a file of one moment of a life where the channel was.
fn lay_image(script: &Script, rng: &mut Rng) -> (Bounds, History) {
    let path = &script.path;
    let last = script.history.last();
    // At the end there is most that a disk can have refused.
    let moment = if rng.u8(0..4) == 0 { last } else { rng.usize(0..=last) };
    let origin = match rng.u8(0..10) {
        0..2 => Origin::Death,
        2..4 => Origin::Copy,
        4..6 => Origin::ScatteredCopy,
        _ => Origin::PowerCut,
    };
    let promise = script.promise(moment);
    let total = script.truth.len() as u64;
    let synced = Kept { sure: promise.synced, least: promise.synced };
    let mut bounds = Bounds {
        origin,
        kept: synced,
        on_disk: synced,
        most: (promise.appended + 1).min(total),
        end: promise.end.map(|reason| (reason, total)),
        mark: Mark::Nowhere,
        sealed: false,
        dropped: false,
        unflushed: false,
        zeroes: false,
        start: None,
        moment,
    };
    match origin {
        Origin::Death => {
            lay(path, &script.history.content(moment), origin);
            let mut history = script.history.until(moment, rng);
            if rng.bool() {
                history.drop_pages(path);
            }
            bounds.dropped = history.has_dropped(history.last());
            if !bounds.dropped {
                bounds.kept = Kept { sure: promise.appended, least: promise.appended };
            }
            (bounds, history)
        }
        Origin::PowerCut => {
            lay(path, &script.history.power_cut(moment, rng), origin);
            (bounds, History::of(path, rng))
        }
        Origin::Copy | Origin::ScatteredCopy => {
            let start = rng.usize(0..=moment);
            let ordered = origin == Origin::Copy;
            lay(path, &script.history.copy(start, moment, ordered, rng), origin);
            let promise = script.promise(start);
            let whole = !script.history.has_dropped(moment);
            let least = if whole { promise.appended } else { promise.synced };
            bounds.kept = Kept { sure: least, least };
            bounds.start = Some(start);
            bounds.unflushed = rng.bool();
            if bounds.unflushed {
                bounds.on_disk = Kept::default();
                return (bounds, History::of_copy(path, rng));
            }
            (bounds, History::of(path, rng))
        }
    }
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

/// Recovers a file with `bounds.most` records; then the power fails or the process dies, before the
/// recovery has returned or after. Gives what the file is now, or nothing if that is not known.
fn recover_and_die(
    script: &Script,
    bounds: Bounds,
    mut history: History,
    rng: &mut Rng,
    counted: &mut Counted,
) -> Option<(Bounds, History)> {
    let before = history.last();
    history.weather = match rng.u8(0..6) {
        0 => Weather { failing: 32, dropping: 64 },
        1 => Weather { failing: 0, dropping: 128 },
        _ => Weather::default(),
    };
    // Sometimes the disk says no: to the first flush, or to the one behind the close mark.
    history.failing = u64::from(rng.u8(0..16)).saturating_sub(11).min(2);
    let drops = history.drop_count();
    let (history, result) =
        history.watch(&script.path, |history| insist(script, bounds, history, counted));
    let has_dropped = history.drop_count() != drops;
    counted.dropped += u64::from(has_dropped);
    let now = Bounds { dropped: bounds.dropped || has_dropped, ..bounds };
    let zeroes = bounds.zeroes || bounds.unflushed && has_dropped;
    let now = if has_dropped { Bounds { kept: bounds.on_disk, zeroes, ..now } } else { now };
    let recovery = match result {
        Ok(recovery) => recovery,
        // What the disk never had of a copy is gone from memory too.
        Err(RecoverError::Open(error)) => {
            assert!(bounds.unflushed && has_dropped && is_of_damage(&error), "{error}");
            return None;
        }
        Err(error) => panic!("{error}, {bounds:?}"),
    };
    let least = if has_dropped { bounds.on_disk.least } else { bounds.most };
    if !script.kind.words_are_right() {
        assert!(now.kept.least <= recovery.records);
        return None;
    }
    assert!(least <= recovery.records && recovery.records <= bounds.most, "{recovery:?}");
    let done = recovered(now, recovery);
    if done.sealed {
        let mut again = Counted::default();
        let found = read(script, done, &mut again);
        assert_eq!(found, Some(recovery.records));
        counted.unmarked += again.unmarked;
        counted.blind += again.blind;
    }
    let moment = if rng.bool() { history.last() } else { rng.usize(before..=history.last()) };
    let done = (done.sealed && moment == history.last()).then_some(done);
    let mark = match bounds.mark {
        Mark::Anywhere => Mark::Anywhere,
        _ if has_dropped => Mark::Anywhere,
        _ if recovery.reason == CloseReason::Recovered => Mark::Behind(recovery.records),
        mark => mark,
    };
    let left = done.unwrap_or(Bounds { mark, kept: Kept { least, ..now.kept }, zeroes, ..bounds });
    if rng.u8(0..4) == 0 {
        counted.deaths_in_recovery += 1;
        return Some(die(script, left, history.until(moment, rng), rng));
    }
    counted.cuts_in_recovery += 1;
    counted.kept_by_recovery += u64::from(done.is_some());
    Some(cut(script, left, &history.power_cut(moment, rng), rng))
}

/// What a file is of which recovery has said that all is well.
fn recovered(bounds: Bounds, recovery: Recovery) -> Bounds {
    // To a channel that was closed it does nothing.
    if recovery.reason != CloseReason::Recovered {
        return bounds;
    }
    let kept = Kept { least: recovery.records, ..bounds.kept };
    Bounds {
        kept,
        on_disk: kept,
        most: recovery.records,
        end: None,
        mark: Mark::Behind(recovery.records),
        sealed: true,
        unflushed: false,
        ..bounds
    }
}

/// Recovers a file until that is done, with losses if there must be some.
fn insist(
    script: &Script,
    bounds: Bounds,
    history: &RefCell<History>,
    counted: &mut Counted,
) -> Result<Recovery, RecoverError> {
    let mut loss = Loss::Refused;
    for attempt in 0..12 {
        if attempt == 6 {
            history.borrow_mut().weather = Weather::default();
        }
        match recover_with(&script.path, loss) {
            Err(RecoverError::Io { .. }) => history.borrow_mut().wait(&script.path),
            // The copy has a state page that is newer than its records.
            Err(RecoverError::Damaged { sequence, durable, .. }) => {
                let history = history.borrow();
                let has_lost =
                    bounds.zeroes || bounds.unflushed && history.has_dropped(history.last());
                assert!(has_lost || bounds.origin == Origin::ScatteredCopy, "{bounds:?}");
                assert!(sequence < durable && loss == Loss::Refused);
                counted.refused += 1;
                loss = Loss::Accepted;
            }
            result => return result,
        }
    }
    panic!("the weather is fine, and yet the disk says no");
}

/// The process dies; what is in memory then stays, but for what the disk refused.
fn die(script: &Script, bounds: Bounds, mut history: History, rng: &mut Rng) -> (Bounds, History) {
    fs::write(&script.path, history.content(history.last())).unwrap();
    if rng.bool() {
        history.drop_pages(&script.path);
    }
    let dropped = history.has_dropped(history.last());
    let zeroes = bounds.zeroes || bounds.unflushed && dropped;
    let kept = if dropped { bounds.on_disk } else { bounds.kept };
    (Bounds { dropped, zeroes, kept, ..bounds }, history)
}

/// The power fails, and leaves these bytes on the disk.
fn cut(script: &Script, bounds: Bounds, bytes: &[u8], rng: &mut Rng) -> (Bounds, History) {
    let path = &script.path;
    let kept = bounds.on_disk;
    let zeroes = bounds.zeroes || bounds.unflushed;
    let bounds = Bounds { kept, zeroes, unflushed: false, dropped: false, ..bounds };
    if matches!(bounds.origin, Origin::Copy | Origin::ScatteredCopy) {
        // Its inode is another one already; and there may be no header to change.
        fs::write(path, bytes).unwrap();
        return (bounds, History::of(path, rng));
    }
    lay(path, bytes, Origin::PowerCut);
    (Bounds { origin: Origin::PowerCut, ..bounds }, History::of(path, rng))
}
