//! [`step`]: the one judge of what lies at a position, and the reading end of the handshake.
//!
//! Readers, searches and recovery all walk with it, so they cannot disagree.

use std::hash::Hasher;

use kekbit_codec::{
    Timestamp,
    frame::{self, Kind, WORD_SIZE, Word},
};

use crate::{
    error::Problem,
    file,
    layout::PAGE_SIZE,
    mapping::{Form, Mapping, Otherwise, Position, Sums, Take, Track},
    next::{CloseReason, Recorded},
};

/// What lies at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'m> {
    /// Nothing is published.
    Empty,
    Record(Frame<'m>),
    /// Nothing to see; go on there.
    Padding(Position),
    Close(CloseReason),
    Damage(Problem),
}

/// A committed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'m> {
    /// Nanoseconds, in a channel with time stamps.
    pub(crate) stamp: Option<u64>,
    pub(crate) payload: &'m [u8],
    /// What follows.
    pub(crate) next: Position,
}

impl<'m> Frame<'m> {
    /// The payload with what the channel knows of it.
    #[inline]
    pub(crate) fn recorded(self, mapping: &Mapping, sequence: u64) -> Recorded<&'m [u8]> {
        Recorded {
            sequence,
            timestamp: self.stamp.map(Timestamp::from_nanos),
            unverified: mapping.unverified_from <= sequence,
            value: self.payload,
        }
    }
}

/// The record at a position that lies between two frames, if there is one that is whole: the way of
/// almost every record. The rest is told by [`step`].
///
/// `used_len` are the bytes that the caller uses of each payload, which has as many or more then; 0
/// if they are all used. `take` comes from [`Mapping::take`], asked about as many.
#[inline(always)]
pub(crate) fn record_at(
    mapping: &Mapping,
    at: Position,
    take: Take,
    used_len: usize,
) -> Option<Frame<'_>> {
    let Track { time_stamps, sums, .. } = mapping.track;
    let exact = if used_len == 0 { Len::AtLeast(0) } else { Len::Exactly(used_len) };
    // NB: in ways of their own, as in `Writer::append_content`.
    match take.form {
        Form::Bare => return short(mapping, at, exact, false, Sums::None),
        Form::Summed(cpu) => return short(mapping, at, exact, false, Sums::InLine(cpu)),
        Form::Other => {}
    }
    match take.otherwise {
        Otherwise::Short => short(mapping, at, Len::AtLeast(used_len), time_stamps, sums),
        Otherwise::Walk => match step(mapping, at) {
            Step::Record(frame) if used_len <= frame.payload.len() => Some(frame),
            _ => None,
        },
        Otherwise::Never => None,
    }
}

/// How long payloads have to be to be taken.
#[derive(Debug, Clone, Copy)]
enum Len {
    /// NB: a constant, which the compiler carries on, so that no later step has to ask.
    Exactly(usize),
    AtLeast(usize),
}

/// The same in a channel with a stride, of records whose checksums are summed in line.
#[inline(always)]
fn short(
    mapping: &Mapping,
    at: Position,
    len: Len,
    time_stamps: bool,
    sums: Sums,
) -> Option<Frame<'_>> {
    let Track { word: expected, stride, .. } = mapping.track;
    // NB: before the word is there, which the sum need not wait for then.
    let head = [at.sequence, expected.to_bits()];
    let running = match sums {
        Sums::InLine(cpu) => Some(mapping.seed.start(cpu, head, None)),
        Sums::None => None,
        Sums::ByCrate => return None,
    };
    let frame = mapping.region.frame(at.offset)?;
    // Acquire, in `load`: pairs with the Release store in `Unpublished::publish`.
    let word = Word::from_bits(frame.load());
    let found = if running.is_some() { word.without_checksum() } else { word };
    if found != expected {
        return None;
    }
    // SAFETY: 1. The word that publishes this frame was loaded through `Frame::load`, above.
    // 2. As in `record`.
    let body = unsafe { frame.committed() };
    let (stamp, payload) = split(time_stamps, body);
    let (payload, usual) = match len {
        Len::Exactly(len) if payload.len() == len => (payload.get(..len)?, len),
        Len::AtLeast(len) if len <= payload.len() => (payload, len),
        Len::Exactly(_) | Len::AtLeast(_) => return None,
    };
    if let Some(mut running) = running {
        stamp.into_iter().for_each(|stamp| running.write_u64(stamp));
        running.write_usual(payload, usual);
        if word.checksum() != running.sum() {
            return None;
        }
    }
    Some(Frame { stamp, payload, next: at.after_record(stride) })
}

/// Looks at a position that lies between two frames.
#[inline]
pub(crate) fn step(mapping: &Mapping, at: Position) -> Step<'_> {
    // Acquire, in `Region::load`: pairs with the Release store in `Region::store`. Behind the
    // end of the region there is nothing, as behind the last frame.
    let Some(bits) = mapping.region.load(at.offset) else { return Step::Empty };
    let word = Word::from_bits(bits);
    match word.kind() {
        Kind::Empty => Step::Empty,
        Kind::Record { len } => record(mapping, at, word, len),
        Kind::Padding { len } => padding(mapping, at, word, len),
        Kind::Close { reason } => close(mapping, at, word, reason),
        Kind::Unknown { .. } => Step::Damage(Problem::Kind { word: bits }),
    }
}

#[inline]
fn record(mapping: &Mapping, at: Position, word: Word, len: u32) -> Step<'_> {
    let size = match frame_size(mapping, at, len) {
        Ok(size) => size,
        Err(problem) => return Step::Damage(problem),
    };
    let header = &mapping.header;
    let head = frame::head_size(header.time_stamps);
    let body_len = head - WORD_SIZE + u64::from(len);
    // SAFETY: 1. The word that publishes this frame was loaded through `Region::load`, in `step`.
    // 2. The bytes of a committed frame never change: by the protocol (FORMAT.md, Write-once),
    // which the contract of `open` asks all processes to keep. Nor do those of what only looks like
    // one: nobody writes behind the end of a writer that is gone.
    let body = unsafe { mapping.region.committed(at.offset + WORD_SIZE, body_len) };
    let (stamp, payload) = split(header.time_stamps, body);
    if let Err(problem) = verify(mapping, at, word, stamp, payload) {
        return Step::Damage(problem);
    }
    Step::Record(Frame { stamp, payload, next: at.after_record(size) })
}

/// The time stamp and the payload in what lies behind a word.
#[inline(always)]
fn split(time_stamps: bool, body: &[u8]) -> (Option<u64>, &[u8]) {
    match body.split_first_chunk::<8>() {
        Some((stamp, payload)) if time_stamps => (Some(u64::from_le_bytes(*stamp)), payload),
        _ => (None, body),
    }
}

#[cold]
fn padding(mapping: &Mapping, at: Position, word: Word, len: u32) -> Step<'_> {
    let judged = behind_padding(mapping, at, len)
        .and_then(|next| verify(mapping, at, word, None, &[]).map(|()| next));
    match judged {
        Ok(next) => Step::Padding(next),
        Err(problem) => Step::Damage(problem),
    }
}

#[cold]
fn close(mapping: &Mapping, at: Position, word: Word, reason: u32) -> Step<'_> {
    match verify(mapping, at, word, None, &[]) {
        Ok(()) => Step::Close(CloseReason::from_number(reason)),
        Err(problem) => Step::Damage(problem),
    }
}

/// Bytes of the frame of a record, if one of that length may be here.
#[inline]
fn frame_size(mapping: &Mapping, at: Position, len: u32) -> Result<u64, Problem> {
    let header = &mapping.header;
    let right =
        if header.stride == 0 { len <= header.max_payload } else { len == header.max_payload };
    if !right {
        return Err(wrong_length(mapping, len));
    }
    let size = header.frame_size(len);
    let available = mapping.limit().saturating_sub(at.offset);
    if size <= available { Ok(size) } else { Err(Problem::PastCapacity { size, available }) }
}

/// What follows a padding, if one of that length may be here.
fn behind_padding(mapping: &Mapping, at: Position, len: u32) -> Result<Position, Problem> {
    let next = at.after_padding(len);
    let alignment = u64::from(mapping.header.alignment.bytes());
    let fits = mapping.header.stride == 0
        && (next.offset - at.offset).is_multiple_of(alignment)
        && next.offset <= mapping.limit();
    if fits { Ok(next) } else { Err(Problem::Padding { len: u64::from(len) }) }
}

#[inline]
fn verify(
    mapping: &Mapping,
    at: Position,
    word: Word,
    stamp: Option<u64>,
    payload: &[u8],
) -> Result<(), Problem> {
    let expected = if mapping.header.checksums {
        mapping.seed.frame(at.sequence, word, stamp, payload)
    } else {
        0
    };
    let found = word.checksum();
    if found == expected { Ok(()) } else { Err(Problem::Checksum { found, expected }) }
}

#[cold]
fn wrong_length(mapping: &Mapping, len: u32) -> Problem {
    Problem::Length { found: u64::from(len), expected: u64::from(mapping.header.max_payload) }
}

/// A walk over all that is valid from a position on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    /// Behind the last valid frame.
    pub(crate) end: Position,
    pub(crate) stop: Stop,
}

/// Why a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Empty,
    Close(CloseReason),
    Damage(Problem),
    /// The caller had seen enough.
    Found,
}

/// Walks from `at` to the first thing that is neither record nor padding, or until `enough` says so
/// of the position and the time stamp of a record, behind which the walk does not go.
pub(crate) fn walk(
    mapping: &Mapping,
    mut at: Position,
    mut enough: impl FnMut(Position, Option<u64>) -> bool,
) -> Walk {
    loop {
        let step = match record_at(mapping, at, mapping.track.take, 0) {
            Some(frame) => Step::Record(frame),
            None => step(mapping, at),
        };
        let stop = match step {
            Step::Record(frame) => {
                if !enough(at, frame.stamp) {
                    at = frame.next;
                    continue;
                }
                Stop::Found
            }
            Step::Padding(next) => {
                at = next;
                continue;
            }
            Step::Empty => Stop::Empty,
            Step::Close(reason) => Stop::Close(reason),
            Step::Damage(problem) => Stop::Damage(problem),
        };
        return Walk { end: at, stop };
    }
}

/// What is wrong with an end of records that is just a zero word, if something is. To be asked
/// when nobody writes any more.
///
/// In the file that was created, in its boot, the zero word is the end, and behind it nothing but
/// what a claim has left. In a copy, and after a power cut, more may lie there.
pub(crate) fn hole(mapping: &Mapping, at: Position) -> Option<Problem> {
    let durable = mapping.durable();
    if at.sequence < durable {
        return Some(Problem::Missing { durable });
    }
    // With a stride a claim leaves nothing where words lie, so that can be asked in any case.
    if mapping.header.stride == 0 && mapping.is_searchable() {
        return None;
    }
    let beyond = mapping.behind(at, || beyond(mapping, at))?;
    Some(Problem::Hole { beyond })
}

/// Where the first word that is not zero lies behind a position. With a stride, only words of
/// frames count: what else lies there was never published.
pub(crate) fn beyond(mapping: &Mapping, at: Position) -> Option<u64> {
    // Acquire, in `Region::load`. What a claim that was never published has left here was written
    // before its writer's lock was given up, and whoever asks has found that free (`hole`) or holds
    // it (recovery).
    let is_written = |offset: &u64| mapping.region.load(*offset).is_some_and(|bits| bits != 0);
    places_behind(mapping, at).find(is_written)
}

/// The places behind a position where a frame, or the close mark, can lie; without a stride, all
/// words. What has never been written is passed over: the file system knows, and to look at it in
/// memory could make blocks of it.
pub(crate) fn places_behind(mapping: &Mapping, at: Position) -> impl Iterator<Item = u64> {
    let step = if mapping.header.stride == 0 { WORD_SIZE } else { mapping.header.stride };
    let mut offset = at.offset + step;
    let mut asked_page = 0;
    std::iter::from_fn(move || {
        // Behind the last frame that fits, the close mark can lie.
        while offset <= mapping.limit() {
            if offset / PAGE_SIZE != asked_page {
                asked_page = offset / PAGE_SIZE;
                let data = file::next_data(&mapping.file, offset)?;
                let skipped = data.saturating_sub(offset) / step;
                if skipped != 0 {
                    offset = offset.saturating_add(skipped * step);
                    continue;
                }
            }
            let place = offset;
            offset += step;
            return Some(place);
        }
        None
    })
}

/// How many records lie from `at` on without a gap, at most `max`; the first that is damaged
/// counts too, so that whoever takes them gets the error. Their checksums are not looked at.
pub(crate) fn run(mapping: &Mapping, mut at: Position, max: usize) -> usize {
    let mut count = 0;
    while count < max {
        // Acquire, in `Region::load`: pairs with the Release store in `Region::store`.
        let Some(bits) = mapping.region.load(at.offset) else { break };
        let judged = match Word::from_bits(bits).kind() {
            Kind::Empty | Kind::Close { .. } => break,
            Kind::Record { len } => frame_size(mapping, at, len).map(|size| at.after_record(size)),
            Kind::Padding { len } => behind_padding(mapping, at, len),
            Kind::Unknown { .. } => return count + 1,
        };
        let Ok(next) = judged else { return count + 1 };
        count += usize::from(next.sequence != at.sequence);
        at = next;
    }
    count
}
