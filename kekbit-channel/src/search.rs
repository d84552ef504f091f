//! Finding a place: the end, a number, a time.
//!
//! In a channel of fixed stride whose committed frames are known to be a prefix, all three are
//! direct or a binary search. Elsewhere they walk, frame by frame, with the same judge as a reader.

use std::os::unix::fs::FileExt;

use kekbit_codec::frame::{Kind, WORD_SIZE, Word};

use crate::{
    error::{Problem, ReadError, SeekError},
    layout::{self, PAGE_SIZE},
    lock,
    mapping::{Mapping, Position},
    scan::{self, Frame, Step, Stop, Walk},
    sync::{Ordering, fence},
};

/// The position of record `sequence`, or the end if that is its number. `from` is a position of
/// this channel, from which a walk may start.
pub(crate) fn seek(
    mapping: &Mapping,
    from: Position,
    sequence: u64,
) -> Result<Position, SeekError> {
    let found = match place(mapping, sequence) {
        Some(position) if mapping.is_searchable() => {
            // First of all: a writer may go on while this searches.
            let durable = durable(mapping)?;
            let given_up = sealed(mapping, durable)?.is_some_and(|end| end.sequence < sequence);
            let before = sequence.checked_sub(1).and_then(|before| mapping.slot(before));
            let there = match before {
                Some(before) => match word(mapping, before)?.kind() {
                    Kind::Empty if before.sequence < durable => {
                        return Err(mapping.damaged(before, Problem::Missing { durable }).into());
                    }
                    Kind::Empty | Kind::Close { .. } => false,
                    _ => true,
                },
                None => true,
            };
            (there && !given_up).then_some(position)
        }
        None if mapping.header.stride != 0 => None,
        _ => walk_to(mapping, from, sequence)?,
    };
    match found {
        Some(position) => Ok(position),
        None => {
            let end = end(mapping, from)?.sequence;
            Err(SeekError::OutOfRange { sequence, first: mapping.base, end })
        }
    }
}

/// Behind the last record that is there now.
pub(crate) fn end(mapping: &Mapping, from: Position) -> Result<Position, ReadError> {
    if mapping.header.stride == 0 || !mapping.is_searchable() {
        return walk_to_end(mapping, from);
    }
    // First of all: a writer may go on while this searches.
    let durable = durable(mapping)?;
    if let Some(end) = sealed(mapping, durable)? {
        return Ok(end);
    }
    let (mut low, mut high) = (0, mapping.header.record_count_max());
    while low < high {
        let middle = low + (high - low) / 2;
        let slot = mapping.slot(mapping.base + middle);
        if slot.map_or(Ok(false), |slot| is_record(mapping, slot))? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let end = place(mapping, mapping.base + low).unwrap_or_else(|| mapping.start());
    // A close mark is an end; FORMAT.md, The crash argument, has how `durable` can be above it.
    if end.sequence < durable && word(mapping, end)?.kind() == Kind::Empty {
        return Err(mapping.damaged(end, Problem::Missing { durable }));
    }
    Ok(end)
}

/// The first record that was stamped at `nanos` or later, or the end.
pub(crate) fn time(mapping: &Mapping, nanos: u64) -> Result<Position, SeekError> {
    if !mapping.header.time_stamps {
        return Err(SeekError::NoTimeStamps { path: mapping.path.clone() });
    }
    if mapping.header.stride == 0 {
        let reached = |_: Position, stamp: Option<u64>| stamp.is_some_and(|stamp| nanos <= stamp);
        let walk = scan::walk(mapping, mapping.start(), reached);
        return Ok(ended(mapping, walk)?);
    }
    let end = end(mapping, mapping.start())?;
    let (mut low, mut high) = (mapping.base, end.sequence);
    while low < high {
        let middle = low + (high - low) / 2;
        let stamp = mapping
            .slot(middle)
            // Acquire, in `Region::load`: pairs with the Release store in `Region::store`, which
            // comes after the stamp. That `end` has read the word from the file orders nothing.
            .filter(|slot| mapping.region.load(slot.offset).is_some_and(|bits| bits != 0))
            .and_then(|slot| mapping.region.load(slot.offset + WORD_SIZE))
            .unwrap_or(u64::MAX);
        if stamp < nanos {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(place(mapping, low).unwrap_or(end))
}

/// Record `sequence` of a channel of fixed stride; `None` if it is not there (yet).
pub(crate) fn record(mapping: &Mapping, sequence: u64) -> Result<Option<Frame<'_>>, ReadError> {
    let Some(slot) = mapping.slot(sequence) else { return Ok(None) };
    // Before the slot is looked at: a writer may go on meanwhile.
    let durable = mapping.durable();
    let searchable = mapping.is_searchable();
    let step = if !searchable {
        if walk_to(mapping, mapping.start(), sequence)?.is_none() {
            return Ok(None);
        }
        scan::step(mapping, slot)
    } else if is_given_up(mapping, sequence, durable) {
        return Ok(None);
    } else if is_written_to(mapping, slot)? {
        scan::step(mapping, slot)
    } else {
        Step::Empty
    };
    match step {
        Step::Record(frame) => Ok(Some(frame)),
        Step::Damage(problem) => Err(mapping.damaged(slot, problem)),
        Step::Empty if !searchable => {
            ended(mapping, Walk { end: slot, stop: Stop::Empty }).map(|_end| None)
        }
        Step::Empty if sequence < durable => {
            Err(mapping.damaged(slot, Problem::Missing { durable }))
        }
        Step::Empty | Step::Close(_) | Step::Padding(_) => Ok(None),
    }
}

/// Whether recovery has given a record up; see `sealed`.
fn is_given_up(mapping: &Mapping, sequence: u64, durable: u64) -> bool {
    place(mapping, durable).is_some_and(|mark| {
        mark.sequence <= sequence && mapping.region.load(mark.offset).is_some_and(is_close)
    })
}

/// Whether there is something at a slot, or in its page: asks the file, once a page, as looking at
/// what was never written can make a page of memory of it.
fn is_written_to(mapping: &Mapping, slot: Position) -> Result<bool, ReadError> {
    // Relaxed: the number says where looking takes no memory, and nothing is read through it.
    let seen = place(mapping, mapping.seen.load(Ordering::Relaxed));
    if seen.is_some_and(|seen| slot.offset < seen.offset.next_multiple_of(PAGE_SIZE)) {
        return Ok(true);
    }
    let kind = word(mapping, slot)?.kind();
    if matches!(kind, Kind::Record { .. }) {
        // Relaxed: as above.
        mapping.seen.fetch_max(slot.sequence + 1, Ordering::Relaxed);
    }
    Ok(kind != Kind::Empty)
}

/// Where record `sequence` is or would be in a channel of fixed stride, the end of a full one
/// included.
fn place(mapping: &Mapping, sequence: u64) -> Option<Position> {
    let index = sequence.checked_sub(mapping.base)?;
    if mapping.header.stride == 0 || mapping.header.record_count_max() < index {
        return None;
    }
    let offset = mapping.header.data_offset + index * mapping.header.stride;
    Some(Position { offset, sequence })
}

/// The close mark of a channel that recovery has sealed. Records that recovery gave up may lie
/// behind it, where a search must not find them.
///
/// Recovery puts its mark at `durable`, always in a channel that may be searched.
fn sealed(mapping: &Mapping, durable: u64) -> Result<Option<Position>, ReadError> {
    let Some(place) = place(mapping, durable) else { return Ok(None) };
    Ok(is_close(word(mapping, place)?.to_bits()).then_some(place))
}

/// What the state page says of syncs.
fn durable(mapping: &Mapping) -> Result<u64, ReadError> {
    let offset = mapping.header.state_offset() + layout::STATE_DURABLE;
    Ok(word(mapping, Position { offset, sequence: 0 })?.to_bits())
}

fn is_close(bits: u64) -> bool {
    matches!(Word::from_bits(bits).kind(), Kind::Close { .. })
}

/// Whether a record is published at a slot.
fn is_record(mapping: &Mapping, slot: Position) -> Result<bool, ReadError> {
    // A damaged word is something that was written: the search goes on behind it, and whoever
    // reads it gets the error.
    Ok(!matches!(word(mapping, slot)?.kind(), Kind::Empty | Kind::Close { .. }))
}

/// The word at a place. Asks the file, not the memory, so that a file that somebody cut short gives
/// an error instead of killing the process.
fn word(mapping: &Mapping, at: Position) -> Result<Word, ReadError> {
    let mut bytes = [0; 8];
    mapping
        .probe(&mut bytes, at.offset)
        .map_err(|source| mapping.refused("searching for its end", source))?;
    // Acquire: pairs with the Release store in `Region::store` that put there what was read. A
    // system call is not said to order anything.
    fence(Ordering::Acquire);
    Ok(Word::from_bits(u64::from_le_bytes(bytes)))
}

impl Mapping {
    fn probe(&self, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }
}

/// Walks from the best place known up to record `sequence`; `None` if it ends before.
fn walk_to(
    mapping: &Mapping,
    from: Position,
    sequence: u64,
) -> Result<Option<Position>, ReadError> {
    // Acquire: see `Mapping::prove`.
    let proven = place(mapping, mapping.proven.load(Ordering::Acquire));
    if let (Some(proven), Some(asked)) = (proven, place(mapping, sequence))
        && sequence <= proven.sequence
    {
        return Ok(Some(asked));
    }
    let known = [Some(from), proven, Some(mapping.start())];
    let start = known.into_iter().flatten().filter(|known| known.sequence <= sequence);
    let Some(start) = start.max_by_key(|known| known.sequence) else { return Ok(None) };
    let walk = scan::walk(mapping, start, |at, _stamp| at.sequence == sequence);
    mapping.prove(walk.end);
    match walk.stop {
        // Found, be it damaged or not there yet, as where the end is searched: whoever reads it
        // gets the error.
        _ if walk.end.sequence == sequence => Ok(Some(walk.end)),
        _ => ended(mapping, walk).map(|_end| None),
    }
}

fn walk_to_end(mapping: &Mapping, from: Position) -> Result<Position, ReadError> {
    // Acquire: see `Mapping::prove`.
    let proven = place(mapping, mapping.proven.load(Ordering::Acquire));
    let start = proven.filter(|proven| from.sequence < proven.sequence).unwrap_or(from);
    let walk = scan::walk(mapping, start, |_at, _stamp| false);
    mapping.prove(walk.end);
    ended(mapping, walk)
}

/// Where a walk has ended, if that is an end.
fn ended(mapping: &Mapping, walk: Walk) -> Result<Position, ReadError> {
    let problem = match walk.stop {
        Stop::Damage(problem) => Some(problem),
        // As a reader does: zero, then nobody holds the lock, then still zero.
        Stop::Empty if !is_written(mapping)? && scan::step(mapping, walk.end) == Step::Empty => {
            scan::hole(mapping, walk.end)
        }
        Stop::Empty | Stop::Close(_) | Stop::Found => None,
    };
    problem.map_or(Ok(walk.end), |problem| Err(mapping.damaged(walk.end, problem)))
}

fn is_written(mapping: &Mapping) -> Result<bool, ReadError> {
    lock::is_held(&mapping.file).map_err(|source| mapping.unasked(source))
}
