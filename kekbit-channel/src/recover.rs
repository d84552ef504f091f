//! [`recover`]: finds the valid prefix of a channel whose writer died, and seals it.

use std::path::Path;

use kekbit_codec::frame::Word;

use crate::{
    bell,
    error::{Problem, RecoverError},
    file,
    layout::{CLOSE_SIZE, FLUSH_FAILED, STATE_SIZE},
    lock,
    mapping::{Mapping, Position},
    next::CloseReason,
    scan::{self, Step, Stop},
};

/// What recovery found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Records that the channel holds.
    pub records: u64,
    /// How the channel ends: as its writer closed it, or
    /// [`Recovered`](CloseReason::Recovered) if it was sealed now or earlier.
    pub reason: CloseReason,
    /// Whether it was sealed now.
    pub sealed: bool,
    /// What is wrong with the first frame behind the valid ones, if it is a bad one, or if it is
    /// not there and something lies behind it ([`Problem::Hole`]).
    pub problem: Option<Problem>,
    /// Valid records found beyond the first bad or missing one. They are given up, but still there.
    /// 0 too in channels of raw bytes and without checksums, where they cannot be told.
    pub beyond: u64,
    /// Records that a sync, of the writer or of an earlier recovery, had covered before this one.
    pub durable: u64,
}

/// What recovery may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Loss {
    /// Nothing that a sync had covered is given up.
    #[default]
    Refused,
    /// The channel is sealed in front of the first bad record, whatever comes behind.
    Accepted,
}

/// Seals a channel that its writer left unclosed: all valid records are kept, on the disk, and
/// readers find [`CloseReason::Recovered`] behind them. A channel that was closed stays as it is.
///
/// Where a record is damaged, the channel is sealed in front of it, closed or not, and ends there
/// from then on; [`Recovery::problem`] and [`Recovery::beyond`] tell what was given up. Whoever
/// wants to look first recovers a copy.
///
/// Always walks all frames and checks them. Never changes a valid record.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ticks.kekbit");
/// use kekbit_channel::{ChannelOptions, CloseReason, Writer, recover};
///
/// let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(4096))?;
/// writer.append(b"kept")?;
/// assert!(recover(&path).is_err(), "its writer is alive");
/// drop(writer);
/// let recovery = recover(&path)?;
/// assert_eq!((recovery.records, recovery.reason), (1, CloseReason::Closed));
/// assert!(!recovery.sealed, "its writer had closed it");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RecoverError::WriterAlive`] while there is a writer; [`RecoverError::Damaged`] if records that
/// a sync had covered are damaged or gone. Nothing is changed then. [`RecoverError::Io`] if the
/// system refuses a step, of a channel that is sealed already too, as what an earlier recovery may
/// have left undone is done; nothing is lost, and it can be tried again.
pub fn recover(path: impl AsRef<Path>) -> Result<Recovery, RecoverError> {
    recover_with(path, Loss::Refused)
}

/// As [`recover`], and says whether records that a sync had covered may be given up.
///
/// # Errors
/// As [`recover`].
pub fn recover_with(path: impl AsRef<Path>, loss: Loss) -> Result<Recovery, RecoverError> {
    recover_mapping(&Mapping::open_writable(path.as_ref())?, loss)
}

/// The same for a mapping that may be written to.
pub(crate) fn recover_mapping(mapping: &Mapping, loss: Loss) -> Result<Recovery, RecoverError> {
    let path = mapping.path.as_path();
    let at = |step| move |source| RecoverError::Io { path: path.to_owned(), step, source };
    let mut tries = 3;
    while !lock::acquire(&mapping.file).map_err(at("locking it"))? {
        if lock::is_held(&mapping.file).map_err(at("asking for its lock"))? {
            return Err(RecoverError::WriterAlive { path: path.to_owned() });
        }
        // A read lock of somebody keeps ours out, and yet nobody writes. Or who held it has just
        // left, and it can be had now.
        tries -= 1;
        if tries == 0 {
            return Err(RecoverError::ReadLocked { path: path.to_owned() });
        }
    }
    let result = recover_locked(mapping, loss);
    if result.is_ok() {
        bell::remove_left_over(&mapping.path, &mapping.file, mapping.header.channel_id);
    }
    // NB: given up, and not just closed: a program that another thread is starting has a copy of
    // the descriptor until it is loaded, and would keep the lock for so long. Best effort.
    let _ = lock::release(&mapping.file);
    result
}

/// The same, for the one who holds the lock.
fn recover_locked(mapping: &Mapping, loss: Loss) -> Result<Recovery, RecoverError> {
    let written = |result: std::io::Result<()>| {
        result.map_err(|source| RecoverError::Io {
            path: mapping.path.clone(),
            step: "writing it out to the disk",
            source,
        })
    };
    // As of now: until the lock was had, a writer may have gone on.
    let (flushing, searchable) = (mapping.flushing(), mapping.is_searchable());
    let mut walk = scan::walk(mapping, mapping.start(), |_at, _stamp| false);
    let is_closed = matches!(walk.stop, Stop::Close(reason) if reason != CloseReason::Recovered);
    let is_refused = walk.end.sequence < mapping.durable() && loss == Loss::Refused;
    if flushing != 0 && !is_closed && !is_refused {
        written(write_again(mapping, walk.end))?;
        walk = scan::walk(mapping, mapping.start(), |_at, _stamp| false);
    }
    let (end, durable) = (walk.end, mapping.durable());
    let records = end.sequence - mapping.base;
    // For records without checksums from an earlier boot nothing vouches but the syncs of their
    // time, and a flush of what is there now does not either. Nor in this boot, if a flush was
    // under way: it may have failed as well, and its writer been killed before it said so.
    let vouched = mapping.header.checksums || searchable && flushing == 0;
    if let Stop::Close(reason) = walk.stop {
        if reason == CloseReason::Recovered {
            // An earlier recovery may have died, or failed, behind its mark.
            written(reserve(mapping, end).and_then(|()| {
                mapping.set_durable(durable.min(end.sequence));
                finish(mapping, end, vouched, scan::beyond(mapping, end).is_none())
            }))?;
        }
        return Ok(Recovery { records, reason, sealed: false, problem: None, beyond: 0, durable });
    }
    let damage = match walk.stop {
        Stop::Damage(problem) => Some(problem),
        Stop::Empty | Stop::Close(_) | Stop::Found => None,
    };
    let beyond = valid_beyond(mapping, end);
    if end.sequence < durable && loss == Loss::Refused {
        if flushing != 0 {
            // What has been written again meanwhile is in doubt all the same.
            mapping.set_flushing(flushing);
        }
        return Err(RecoverError::Damaged {
            path: mapping.path.clone(),
            sequence: end.sequence,
            offset: end.offset,
            problem: damage,
            durable,
            beyond,
        });
    }
    // In the file that was created, in its boot, an open claim of raw bytes can lie behind a zero
    // word, and nothing else; unless a flush was under way, which may have failed.
    let is_claim = searchable
        && mapping.header.stride == 0
        && walk.stop == Stop::Empty
        && durable <= end.sequence;
    let behind = if is_claim && flushing == 0 { None } else { scan::beyond(mapping, end) };
    let hole = behind.filter(|_| !is_claim).map(|beyond| Problem::Hole { beyond });
    written(seal(mapping, end, vouched, behind.is_none()))?;
    let (reason, problem) = (CloseReason::Recovered, damage.or(hole));
    Ok(Recovery { records, reason, sealed: true, problem, beyond, durable })
}

/// Brings to the disk what a flush may have left behind: the kernel takes pages for clean that it
/// failed to write. Has to be judged anew afterwards, as it may have dropped such a page since.
fn write_again(mapping: &Mapping, end: Position) -> std::io::Result<()> {
    let size = end.offset + CLOSE_SIZE;
    file::rewrite(&mapping.file, 0, size)?;
    mapping.flush(0, size)
}

/// Makes the valid prefix durable, puts a close mark behind it, and gives the tail back if that is
/// not used.
fn seal(mapping: &Mapping, end: Position, vouched: bool, is_last: bool) -> std::io::Result<()> {
    reserve(mapping, end)?;
    // From the very start: the header of a copy need not be on the disk either.
    mapping.flush(0, end.offset)?;
    let durable = if vouched { end.sequence } else { mapping.durable().min(end.sequence) };
    mapping.set_durable(durable);
    mapping.mark(end, Word::close(CloseReason::Recovered.to_number()));
    finish(mapping, end, vouched, is_last)
}

/// Makes sure that what recovery stores to has blocks: a sparse copy may lack them, and on a full
/// disk a store there would be a signal (SIGBUS).
fn reserve(mapping: &Mapping, end: Position) -> std::io::Result<()> {
    file::rewrite(&mapping.file, mapping.header.state_offset(), STATE_SIZE)?;
    file::rewrite(&mapping.file, end.offset, CLOSE_SIZE)
}

/// What recovery does behind its mark. What may be records is not given back, even if it cannot
/// tell whether it is.
fn finish(mapping: &Mapping, end: Position, vouched: bool, is_last: bool) -> std::io::Result<()> {
    mapping.flush(0, end.offset + CLOSE_SIZE)?;
    // Where nothing vouches for the records, `durable` is not where the mark is, and a search would
    // not find that: whoever takes this file for the original has to walk.
    mapping.set_flushing(if vouched { 0 } else { FLUSH_FAILED });
    if is_last {
        // A torn frame whose place the mark has taken is left to whoever reads it just now.
        mapping.give_tail_back(end, mapping.header.stride);
    }
    Ok(())
}

/// How many valid records lie behind `end`, where there is none.
///
/// Their places are known only with a stride; and only checksums tell a record from what happens
/// to look like one.
fn valid_beyond(mapping: &Mapping, end: Position) -> u64 {
    if !mapping.header.checksums || mapping.header.stride == 0 {
        return 0;
    }
    let is_record = |offset: &u64| {
        let sequence = end.sequence + (offset - end.offset) / mapping.header.stride;
        matches!(scan::step(mapping, Position { offset: *offset, sequence }), Step::Record(_))
    };
    scan::places_behind(mapping, end).filter(is_record).count() as u64
}
