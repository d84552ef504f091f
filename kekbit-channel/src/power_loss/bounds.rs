//! [`Bounds`]: what may be found in a file that nobody writes to, and [`read`], which looks.

use std::fs;

use crate::{
    error::{OpenError, ReadErrorKind},
    layout,
    next::{CloseReason, Next},
    reader::Reader,
    search,
};

use super::{
    Counted,
    disk::Moment,
    script::{Script, Truth},
};

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The process died; the page cache is whole, but for what the disk refused.
    Death,
    /// The power failed.
    PowerCut,
    /// Copied page after page while the writer ran.
    Copy,
    /// Copied in any order, the state page last for instance.
    ScatteredCopy,
}

/// Records that must be there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kept {
    /// As they were written.
    pub(super) sure: u64,
    /// Without checksums, perhaps with doubtful content.
    pub(super) least: u64,
}

/// Where recovery may have put its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Nowhere,
    /// Behind so many records.
    Behind(u64),
    /// It has tried more than once, and memory has lost records meanwhile.
    Anywhere,
}

/// What may be found in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) origin: Origin,
    pub(super) kept: Kept,
    /// What of it the disk has: all that is left after a power cut, or where memory loses pages.
    pub(super) on_disk: Kept,
    /// Records that can be there.
    pub(super) most: u64,
    /// The close mark of the writer that can be there, and the records in front of it.
    pub(super) end: Option<(CloseReason, u64)>,
    pub(super) mark: Mark,
    /// Whether one of the two must be there.
    pub(super) sealed: bool,
    /// Whether memory has lost pages that the disk had refused, in this boot.
    pub(super) dropped: bool,
    /// Whether it is a copy that nobody has flushed.
    pub(super) unflushed: bool,
    /// Whether pages of such a copy may be lost.
    pub(super) zeroes: bool,
    /// Of a copy: when it was begun.
    pub(super) start: Option<Moment>,
    pub(super) moment: Moment,
}

impl Bounds {
    /// Whether the page cache of the boot in which the channel was made is all there.
    fn is_whole(self) -> bool {
        self.origin == Origin::Death && !self.dropped
    }
}

/// Reads a file that nobody writes to, to its end, and gives the number of its records; `None` if
/// it is no channel.
pub(super) fn read(script: &Script, bounds: Bounds, counted: &mut Counted) -> Option<u64> {
    let mut reader = match Reader::open(&script.path) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(bounds.zeroes && is_of_damage(&error), "{error}, {bounds:?}");
            counted.unreadable += 1;
            return None;
        }
    };
    // What the disk refused and no flush has told of yet, no reader can know of.
    let is_told = tells_of_failed_flush(&reader);
    let blind = bounds.dropped && !is_told && reader.mapping().is_searchable();
    counted.blind += u64::from(blind);
    // Where a flush has failed, a reader trusts memory no more, even if all of it is there.
    let whole = bounds.is_whole() && !is_told;
    let mut count = 0;
    let end = loop {
        let record = match reader.try_next() {
            Ok(Next::Record(record)) => record,
            Ok(Next::Closed(reason)) => break Some(reason),
            Ok(Next::Abandoned) => {
                if !whole && !blind {
                    assert_nothing_behind(&mut reader);
                }
                break None;
            }
            Ok(other) => panic!("{other:?} where nobody holds the lock"),
            Err(error) if matches!(error.kind(), ReadErrorKind::Damaged { .. }) && !whole => {
                counted.damaged += 1;
                break None;
            }
            Err(error) => panic!("{error}, {bounds:?}"),
        };
        assert_eq!(record.sequence, count);
        let truth = script.truth.get(usize::try_from(count).unwrap());
        let is_true = truth
            .is_some_and(|truth| truth.payload == record.value && truth.stamp == record.timestamp);
        if !is_true {
            let marked = record.unverified || blind && !script.kind.has_checksums();
            let doubtful = marked && bounds.kept.sure <= count;
            assert!(doubtful, "record {count} is not what was written; {bounds:?}");
            counted.unverified += 1;
            counted.unmarked += u64::from(!record.unverified);
            if script.kind.words_are_right() {
                check_bytes(script, bounds, truth.unwrap(), record.value);
            }
        }
        count += 1;
        // What passes for a record may be anywhere, once words may be wrong.
        if !is_true && !script.kind.words_are_right() {
            return Some(count);
        }
    };
    let Bounds { kept, most, .. } = bounds;
    assert!(kept.least <= count && count <= most, "{count} records, {end:?}; {bounds:?}");
    check_end(bounds, end, count);
    counted.records += count;
    counted.lost += u64::from(count < script.promise(bounds.moment).appended);
    let is_marked = end == Some(CloseReason::Recovered);
    if !blind || is_marked {
        search_agrees(&mut reader, bounds, count);
    }
    Some(count)
}

/// Whether the state page says that a flush has failed.
fn tells_of_failed_flush(reader: &Reader) -> bool {
    let offset = reader.header().state_offset() + layout::STATE_FLUSHING;
    reader.mapping().region.load(offset) == Some(layout::FLUSH_FAILED)
}

/// Whether a file that is no channel, or not yet, is told of as that.
pub(super) fn is_of_damage(error: &OpenError) -> bool {
    matches!(
        error,
        OpenError::Empty { .. }
            | OpenError::NotAChannel { .. }
            | OpenError::NewerVersion { .. }
            | OpenError::Truncated { .. }
            | OpenError::DamagedHeader { .. }
            | OpenError::NotInUse { .. }
    )
}

fn check_end(bounds: Bounds, end: Option<CloseReason>, count: u64) {
    let Some(reason) = end else {
        assert!(!bounds.sealed, "it had been sealed; {bounds:?}");
        return;
    };
    let is_mark = match bounds.mark {
        Mark::Nowhere => false,
        Mark::Behind(records) => count == records,
        Mark::Anywhere => true,
    };
    let is_recovered = reason == CloseReason::Recovered && is_mark;
    let is_closed = bounds.end == Some((reason, count));
    assert!(is_recovered || is_closed, "{reason:?} behind {count}; {bounds:?}");
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
        let is_possible = possible.contains(byte) || bounds.zeroes && *byte == 0;
        assert!(is_possible, "byte {index} is {byte}, not of {possible:?}, {bounds:?}");
    }
}

/// Seeks and numbers find what a walk has found.
fn search_agrees(reader: &mut Reader, bounds: Bounds, count: u64) {
    match reader.seek_to_end() {
        Ok(()) => assert_eq!(reader.next_sequence(), count, "{bounds:?}"),
        Err(error) => {
            let whole = bounds.is_whole() && !tells_of_failed_flush(reader);
            assert!(!whole, "{error}, {bounds:?}");
        }
    }
    if reader.header().stride == 0 {
        return;
    }
    for sequence in [0, count / 2, count.saturating_sub(1), count, count + 1] {
        let found = search::record(reader.mapping(), sequence);
        match found {
            Ok(Some(_)) => assert!(sequence < count, "{sequence} of {count}, {bounds:?}"),
            Ok(None) => assert!(count <= sequence, "{sequence} of {count}, {bounds:?}"),
            Err(error) => assert!(count <= sequence, "{sequence} of {count}: {error}, {bounds:?}"),
        }
    }
}
