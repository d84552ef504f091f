//! The protocol under a model checker: every order in which threads can run, and every value that
//! loom's memory model lets a load see (it knows no load buffering), for small histories.
//!
//! The code is that of production; atomics and locks are loom's (`sync`), memory is its own
//! ([`region::heap`](crate::region), which is `region/model.rs` then) and also tells when bytes are
//! written without an order to those who read them, as bytes or as a word. The lock of the writer
//! is one from which no order of memory is expected. A claim leaves a padding sooner than in
//! production (`layout::ZEROED_MAX`). All histories are explored, without a bound on preemptions
//! except where a model names one.
//! Searches read the file and are not in it.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p kekbit-channel --lib interleavings
//! ```

use std::sync::{Arc, Mutex};

use kekbit_codec::frame::Word;
use loom::{model::Builder, thread};

use crate::{
    error::{CloseError, Problem, ReadError, ReadErrorKind, RecoverError, SyncError, WriteError},
    layout, lock,
    mapping::Mapping,
    next::{CloseReason, Next},
    options::ChannelOptions,
    reader::Reader,
    recover::{Loss, recover_mapping},
    region::Region,
    wait::Wait,
    writer::{Writer, tests::channel_on},
};

/// What the channel of a model is like.
struct Shape {
    options: ChannelOptions,
    /// Of all records, if there is to be a stride.
    record_size: Option<u64>,
}

/// Explores all ways in which `history` can go in a channel of raw bytes, with checksums and time
/// stamps and without, and says how many there are.
fn explore(history: impl Fn(&Shape) + Sync + Send + Clone + 'static) {
    explore_with(None, None, history);
}

/// The same as far as no thread is preempted more often in sum than this: for a history that has
/// too many ways to go.
fn explore_up_to(preemptions: usize, history: impl Fn(&Shape) + Sync + Send + Clone + 'static) {
    explore_with(None, Some(preemptions), history);
}

/// The same in a channel of records of one size.
fn explore_with_stride(history: impl Fn(&Shape) + Sync + Send + Clone + 'static) {
    explore_with(Some(8), None, history);
}

fn explore_with(
    record_size: Option<u64>,
    preemptions: Option<usize>,
    history: impl Fn(&Shape) + Sync + Send + Clone + 'static,
) {
    let plain = ChannelOptions::new().bytes(SIZE).without_checksums();
    let full = ChannelOptions::new().bytes(SIZE).time_stamps();
    for options in [plain, full] {
        let mut builder = Builder::new();
        // The lower of this bound and that of the environment.
        let bounds = [preemptions, builder.preemption_bound];
        builder.preemption_bound = bounds.into_iter().flatten().min();
        let count = Arc::new(Mutex::new(0_u64));
        let (history, counted) = (history.clone(), Arc::clone(&count));
        let shape = Shape { options, record_size };
        builder.check(move || {
            *counted.lock().unwrap() += 1;
            history(&shape);
        });
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let kind = if record_size.is_some() { "with a stride" } else { "raw" };
        println!("{name}, {kind}: {} histories", count.lock().unwrap());
    }
}

/// Bytes of frames that a model needs.
const SIZE: u64 = 160;

/// A channel whose writer holds its lock.
fn channel(shape: &Shape) -> Writer {
    let data = layout::data_offset(0);
    let state = data - layout::STATE_SIZE;
    let windows = [
        state + layout::STATE_DURABLE..state + layout::STATE_DURABLE + 8,
        state + layout::STATE_FLUSHING..state + layout::STATE_FLUSHING + 8,
        data..data + SIZE + layout::CLOSE_SIZE,
    ];
    let region = |size| Region::with_windows(size, &windows);
    let writer = channel_on(&shape.options, shape.record_size, region);
    assert!(lock::acquire(&writer.mapping().file).unwrap());
    writer
}

/// Gives the writer's lock up as the kernel does when a process is gone.
fn kill(writer: Writer) {
    let mapping = writer.die();
    lock::release(&mapping.file).unwrap();
}

/// A payload that follows from the number of the record.
fn payload(sequence: u64) -> [u8; 8] {
    (sequence + 1).wrapping_mul(0x0101_0101_0101_0101).to_le_bytes()
}

/// Fills a claim with what would pass for the word of a record, wherever it is looked at.
fn fill_with_words(claim: &mut [u8]) {
    let word = Word::record(8).unwrap().to_bits().to_le_bytes();
    claim.chunks_exact_mut(8).for_each(|place| place.copy_from_slice(&word));
}

/// A reader that checks what it is given.
struct Witness {
    reader: Reader,
    count: u64,
}

impl Witness {
    fn of(writer: &Writer) -> Witness {
        Witness::over(writer.mapping())
    }

    fn over(mapping: &Arc<Mapping>) -> Witness {
        Witness { reader: Reader::over(Arc::clone(mapping)), count: 0 }
    }

    /// Sleeps until there is a record or an end. In a model nothing but the writer ends a sleep.
    fn sleep(&mut self) -> Next<()> {
        let found = self.reader.wait_next(Wait::Block).unwrap();
        match found.into_record() {
            Ok(record) => {
                assert_eq!((record.sequence, record.value), (self.count, &payload(self.count)[..]));
                self.count += 1;
                Next::Record(())
            }
            Err(other) => other,
        }
    }

    /// Polls a few times, or until there is an end.
    fn poll(&mut self, polls: usize) -> Next<()> {
        self.try_poll(polls).unwrap()
    }

    /// The same where there may be damage.
    fn try_poll(&mut self, polls: usize) -> Result<Next<()>, ReadError> {
        let mut last = Next::Pending;
        for _ in 0..polls {
            let found = self.reader.try_next()?;
            last = match found.into_record() {
                Ok(record) => {
                    assert_eq!(record.sequence, self.count);
                    assert_eq!(record.value, payload(self.count));
                    self.count += 1;
                    Next::Record(())
                }
                Err(other) => other,
            };
            match last {
                Next::Record(()) => {}
                Next::Pending => thread::yield_now(),
                _ => break,
            }
        }
        Ok(last)
    }
}

#[test]
fn a_reader_that_looks_away_misses_nothing() {
    explore_with_stride(|shape| {
        let mut writer = channel(shape);
        let mapping = Arc::clone(writer.mapping());
        let writing = thread::spawn(move || {
            for sequence in 0..3 {
                writer.append(&payload(sequence)).unwrap();
            }
            writer.close().unwrap();
        });
        let mut reader = Reader::over(mapping);
        let mut count = 0;
        for record in reader.follow(Wait::Spin) {
            let record = record.unwrap();
            assert_eq!((record.sequence, record.value), (count, &payload(count)[..]));
            count += 1;
        }
        assert_eq!(count, 3);
        assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
        writing.join().unwrap();
    });
}

#[test]
fn a_record_is_whole_or_not_there() {
    let history = |shape: &Shape| {
        let mut writer = channel(shape);
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            let _ = witness.poll(4);
            witness
        });
        writer.append(&payload(0)).unwrap();
        let mut claim = writer.claim(8).unwrap();
        claim.copy_from_slice(&payload(1));
        claim.commit();
        writer.append(&payload(2)).unwrap();
        let mut witness = reader.join().unwrap();
        let _ = witness.poll(4);
        assert_eq!(witness.count, 3);
        kill(writer);
    };
    explore(history);
    explore_with_stride(history);
}

/// A reader that sleeps, or is about to, hears of a record: a model in which a wake-up is lost does
/// not end, and loom says so.
#[test]
fn a_reader_that_sleeps_is_woken_for_a_record() {
    explore(|shape| {
        let mut writer = channel(shape).with_bell();
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || assert_eq!(witness.sleep(), Next::Record(())));
        writer.append(&payload(0)).unwrap();
        reader.join().unwrap();
        kill(writer);
    });
}

/// The second time the bell has rung before, and what was asked was taken back.
#[test]
fn a_reader_that_sleeps_is_woken_again() {
    explore_up_to(3, |shape| {
        let mut writer = channel(shape).with_bell();
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            assert_eq!(witness.sleep(), Next::Record(()));
            assert_eq!(witness.sleep(), Next::Record(()));
        });
        writer.append(&payload(0)).unwrap();
        let mut claim = writer.claim(8).unwrap();
        claim.copy_from_slice(&payload(1));
        claim.commit();
        reader.join().unwrap();
        kill(writer);
    });
}

#[test]
fn a_reader_that_sleeps_is_woken_for_the_end() {
    explore(|shape| {
        let writer = channel(shape).with_bell();
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            assert_eq!(witness.sleep(), Next::Closed(CloseReason::Closed));
        });
        writer.close().unwrap();
        reader.join().unwrap();
    });
}

/// One flag does for two readers: who finds it set, or taken back, is woken all the same.
///
/// NB: bounded, as it takes millions of histories and minutes without (3,217,229 without checksums,
/// in which nothing was found).
#[test]
fn two_readers_that_sleep_are_both_woken() {
    explore_up_to(4, |shape| {
        let mut writer = channel(shape).with_bell();
        let (mut one, mut other) = (Witness::of(&writer), Witness::of(&writer));
        let one = thread::spawn(move || assert_eq!(one.sleep(), Next::Record(())));
        let other = thread::spawn(move || assert_eq!(other.sleep(), Next::Record(())));
        writer.append(&payload(0)).unwrap();
        one.join().unwrap();
        other.join().unwrap();
        kill(writer);
    });
}

/// The ring for one record takes the flag back that another reader has just set for the next.
#[test]
fn readers_at_two_places_are_both_woken() {
    explore(|shape| {
        let mut writer = channel(shape).with_bell();
        let (mut one, mut other) = (Witness::of(&writer), Witness::of(&writer));
        let one = thread::spawn(move || assert_eq!(one.sleep(), Next::Record(())));
        writer.append(&payload(0)).unwrap();
        let other = thread::spawn(move || {
            assert_eq!(other.sleep(), Next::Record(()));
            assert_eq!(other.sleep(), Next::Closed(CloseReason::Closed));
        });
        writer.close().unwrap();
        one.join().unwrap();
        other.join().unwrap();
    });
}

/// Bytes of a claim that was given up, or was too long, are never taken for a word.
#[test]
fn a_claim_that_ends_otherwise_leaves_nothing() {
    explore(|shape| {
        let mut writer = channel(shape);
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            let _ = witness.poll(3);
            witness
        });
        let mut claim = writer.claim(16).unwrap();
        fill_with_words(&mut claim);
        drop(claim);
        // Short enough for the next word to lie in what was claimed, here and below.
        writer.append(&payload(0)).unwrap();
        let mut claim = writer.claim(16).unwrap();
        fill_with_words(&mut claim);
        claim[..8].copy_from_slice(&payload(1));
        claim.commit_first(8).unwrap();
        let mut witness = reader.join().unwrap();
        assert_eq!(witness.poll(3), Next::Pending);
        assert_eq!(witness.count, 2);
        kill(writer);
    });
}

/// What is left of a long claim is skipped, and nobody comes to it before what lies in front.
#[test]
fn a_claim_that_leaves_a_padding_is_passed_over() {
    explore(|shape| {
        let mut writer = channel(shape);
        let start = writer.available();
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            let _ = witness.poll(3);
            witness
        });
        let mut claim = writer.claim(32).unwrap();
        fill_with_words(&mut claim);
        drop(claim);
        assert!(writer.available() < start, "there is a padding");
        let mut claim = writer.claim(40).unwrap();
        fill_with_words(&mut claim);
        claim[..8].copy_from_slice(&payload(0));
        claim.commit_first(8).unwrap();
        writer.append(&payload(1)).unwrap();
        let mut witness = reader.join().unwrap();
        assert_eq!(witness.poll(3), Next::Pending);
        assert_eq!(witness.count, 2);
        kill(writer);
    });
}

/// With a stride nothing is zeroed again.
#[test]
fn a_dropped_claim_of_a_stride_shows_nowhere() {
    explore_with_stride(|shape| {
        let mut writer = channel(shape);
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            if witness.poll(3) == Next::Abandoned {
                assert_eq!(witness.count, 1);
            }
            witness
        });
        for _ in 0..2 {
            let mut claim = writer.claim(8).unwrap();
            fill_with_words(&mut claim);
            drop(claim);
            if writer.next_sequence() == 0 {
                writer.append(&payload(0)).unwrap();
            }
        }
        kill(writer);
        let mut witness = reader.join().unwrap();
        assert_eq!(witness.poll(3), Next::Abandoned);
        assert_eq!(witness.count, 1);
    });
}

#[test]
fn whoever_finds_the_close_mark_has_found_all_and_nobody_finds_it_abandoned() {
    let history = |shape: &Shape| {
        let mut writer = channel(shape);
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            match witness.poll(4) {
                Next::Closed(CloseReason::Closed) => assert_eq!(witness.count, 1),
                Next::Pending | Next::Record(()) => {}
                other => panic!("{other:?} of a channel that is closed in order"),
            }
            witness
        });
        writer.append(&payload(0)).unwrap();
        writer.close().unwrap();
        let mut witness = reader.join().unwrap();
        assert_eq!(witness.poll(3), Next::Closed(CloseReason::Closed));
        assert_eq!(witness.count, 1);
    };
    explore(history);
    explore_with_stride(history);
}

#[test]
fn whoever_finds_it_abandoned_has_found_all() {
    let history = |shape: &Shape| {
        let mut writer = channel(shape);
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            match witness.poll(4) {
                Next::Abandoned => assert_eq!(witness.count, 2),
                Next::Pending | Next::Record(()) => {}
                other => panic!("{other:?} of a channel that nobody closed"),
            }
            witness
        });
        writer.append(&payload(0)).unwrap();
        writer.append(&payload(1)).unwrap();
        kill(writer);
        let mut witness = reader.join().unwrap();
        assert_eq!(witness.poll(3), Next::Abandoned);
        assert_eq!(witness.count, 2);
    };
    explore(history);
    explore_with_stride(history);
}

/// NB: bounded: each word of the state page that recovery stores doubles the ways it can go, which
/// were 261,003 before it had three marks for a flush, and are many millions since.
#[test]
fn recovery_keeps_all_and_readers_see_it_behind_all() {
    explore_up_to(4, |shape| {
        let mut writer = channel(shape);
        let mut witness = Witness::of(&writer);
        let mapping = Arc::clone(writer.mapping());
        let reader = thread::spawn(move || {
            match witness.poll(4) {
                Next::Abandoned | Next::Closed(CloseReason::Recovered) => {
                    assert_eq!(witness.count, 1);
                }
                Next::Pending | Next::Record(()) => {}
                other => panic!("{other:?}"),
            }
            witness
        });
        let recovery = thread::spawn(move || recovered(&mapping));
        writer.append(&payload(0)).unwrap();
        let mapping = Arc::clone(writer.mapping());
        kill(writer);
        if !recovery.join().unwrap() {
            assert!(recovered(&mapping), "nobody holds the lock");
        }
        let mut witness = reader.join().unwrap();
        assert_eq!(witness.poll(3), Next::Closed(CloseReason::Recovered));
        assert_eq!((witness.count, mapping.durable()), (1, 1));
    });
}

/// Whether recovery got the lock.
fn recovered(mapping: &Mapping) -> bool {
    match recover_mapping(mapping, Loss::Refused) {
        Ok(recovery) => {
            assert_eq!(recovery.records, 1);
            true
        }
        Err(RecoverError::WriterAlive { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// What a claim that was open at the death of its writer has left is no record; where the file may
/// not be searched, only a look behind the end tells of it, which the order of the lock permits.
#[test]
fn a_claim_that_its_writer_died_on_is_no_record() {
    fn history(shape: &Shape, is_copy: bool) {
        let writer = channel(shape);
        let mut writer = if is_copy { writer.in_a_copy() } else { writer };
        let shows = is_copy && shape.record_size.is_none();
        let mut witness = Witness::of(&writer);
        let reader = thread::spawn(move || {
            match witness.try_poll(3).map_err(ReadError::into_kind) {
                Ok(Next::Abandoned) => assert!(!shows && witness.count == 1),
                Err(ReadErrorKind::Damaged { problem: Problem::Hole { .. }, .. }) => {
                    assert!(shows && witness.count == 1);
                }
                Ok(Next::Closed(CloseReason::Recovered)) => assert_eq!(witness.count, 1),
                Ok(Next::Pending | Next::Record(())) => {}
                other => panic!("{other:?}"),
            }
            witness
        });
        writer.append(&payload(0)).unwrap();
        let mut claim = writer.claim(8).unwrap();
        fill_with_words(&mut claim);
        std::mem::forget(claim);
        let mapping = Arc::clone(writer.mapping());
        kill(writer);
        assert!(recovered(&mapping), "nobody holds the lock");
        let mut witness = reader.join().unwrap();
        assert_eq!(witness.poll(3), Next::Closed(CloseReason::Recovered));
        assert_eq!(witness.count, 1);
    }
    for is_copy in [false, true] {
        // Of a copy of raw bytes all words behind the end are looked at.
        explore_up_to(4, move |shape| history(shape, is_copy));
        explore_with_stride(move |shape| history(shape, is_copy));
    }
}

#[test]
fn threads_that_share_a_writer_take_turns() {
    explore(|shape| {
        let writer = channel(shape);
        let mapping = Arc::clone(writer.mapping());
        let mut witness = Witness::of(&writer);
        let shared = writer.into_shared();
        let other = shared.clone();
        let thread = thread::spawn(move || {
            let mut claim = other.claim(8).unwrap();
            let number = payload(claim.sequence());
            claim.copy_from_slice(&number);
            claim.commit()
        });
        let reader = thread::spawn(move || {
            let _ = witness.poll(2);
            witness
        });
        let mut claim = shared.claim(8).unwrap();
        let number = payload(claim.sequence());
        claim.copy_from_slice(&number);
        let here = claim.commit();
        let there = thread.join().unwrap();
        assert_eq!(here + there, 1, "two numbers, in either order");
        let mut witness = reader.join().unwrap();
        let _ = witness.poll(3);
        assert_eq!(witness.count, 2);
        shared.close().unwrap();
        assert_eq!(witness.poll(1), Next::Closed(CloseReason::Closed));
        assert!(!lock::is_held(&mapping.file).unwrap());
    });
}

/// What a sync says is durable is there, and it stores nothing once the lock is given up.
#[test]
fn a_sync_of_one_thread_and_the_close_of_another() {
    explore(|shape| {
        let writer = channel(shape);
        let mapping = Arc::clone(writer.mapping());
        let shared = writer.into_shared();
        let other = shared.clone();
        let thread = thread::spawn(move || match other.append(&payload(0)) {
            Ok(_) => match other.sync() {
                Ok(synced) => assert_eq!(synced.durable, 1),
                Err(error) => assert!(matches!(error, SyncError::Closed), "{error}"),
            },
            Err(error) => assert!(matches!(error, WriteError::Closed), "{error}"),
        });
        let next = Arc::clone(&mapping);
        let heir = thread::spawn(move || {
            if lock::acquire(&next.file).unwrap() {
                let state = || (next.durable(), next.flushing());
                let before = state();
                thread::yield_now();
                assert_eq!(state(), before, "the state page is the heir's");
                assert_eq!(next.flushing(), 0, "no flush was under way, and none failed");
            }
        });
        shared.close().unwrap();
        thread.join().unwrap();
        heir.join().unwrap();
        let mut witness = Witness::over(&mapping);
        assert_eq!(witness.poll(3), Next::Closed(CloseReason::Closed));
        assert!(mapping.durable() <= witness.count);
    });
}

/// After a sync that failed no record is blessed, and every handle says so.
#[test]
fn a_sync_that_fails_while_another_thread_appends() {
    explore(|shape| {
        let writer = channel(shape);
        let mapping = Arc::clone(writer.mapping());
        mapping.region.fail_flush(1);
        let shared = writer.into_shared();
        shared.append(&payload(0)).unwrap();
        let other = shared.clone();
        let thread = thread::spawn(move || match other.append(&payload(1)) {
            Ok(sequence) => sequence,
            Err(WriteError::Poisoned { .. }) => 0,
            Err(error) => panic!("{error}"),
        });
        assert!(matches!(shared.sync(), Err(SyncError::Io { .. })));
        let last = thread.join().unwrap();
        assert!(matches!(shared.append(&payload(9)), Err(WriteError::Poisoned { .. })));
        let mut witness = Witness::over(&mapping);
        assert_eq!(witness.poll(4), Next::Closed(CloseReason::SyncFailed));
        assert_eq!((witness.count, mapping.durable()), (last + 1, 0));
    });
}

/// Either the close mark tells of a sync that failed, or the sync came after the close. Whoever
/// closes and the mark say the same, and recovery is told if nobody else is.
#[test]
fn a_sync_that_fails_while_another_thread_closes() {
    explore(|shape| {
        let writer = channel(shape);
        let mapping = Arc::clone(writer.mapping());
        mapping.region.fail_flush(1);
        let mut witness = Witness::of(&writer);
        let shared = writer.into_shared();
        shared.append(&payload(0)).unwrap();
        let other = shared.clone();
        let syncing = thread::spawn(move || other.sync().unwrap_err());
        let reader = thread::spawn(move || witness.poll(2));
        let closed = shared.close();
        let found = reader.join().unwrap();
        let error = syncing.join().unwrap();
        let mut witness = Witness::over(&mapping);
        let end = witness.poll(2);
        match closed {
            Ok(()) => {
                assert!(matches!(error, SyncError::Closed | SyncError::Io { .. }), "{error}");
                assert_eq!(end, Next::Closed(CloseReason::Closed));
            }
            Err(CloseError::Poisoned { .. }) => {
                assert!(matches!(error, SyncError::Io { .. }), "{error}");
                assert_eq!(end, Next::Closed(CloseReason::SyncFailed));
            }
            Err(error) => panic!("{error}"),
        }
        // A flush that fails behind the close must not touch what may be somebody else's.
        assert_eq!((mapping.flushing() != 0), end == Next::Closed(CloseReason::SyncFailed));
        assert!(found == end || matches!(found, Next::Pending | Next::Record(())), "{found:?}");
        assert_eq!((witness.count, mapping.durable()), (1, 0));
        assert!(!lock::is_held(&mapping.file).unwrap());
        assert!(shared.append(&payload(9)).is_err());
    });
}

/// Threads that sync at once share the work, and each has what it asked for.
#[test]
fn two_threads_that_sync_at_once() {
    explore(|shape| {
        let writer = channel(shape);
        let mapping = Arc::clone(writer.mapping());
        let shared = writer.into_shared();
        let other = shared.clone();
        let thread = thread::spawn(move || {
            let sequence = other.append(&payload(9)).unwrap();
            let synced = other.sync().unwrap();
            assert!(sequence < synced.durable);
        });
        let sequence = shared.append(&payload(9)).unwrap();
        let synced = shared.sync().unwrap();
        assert!(sequence < synced.durable);
        thread.join().unwrap();
        assert_eq!((mapping.durable(), mapping.flushing()), (2, 0));
        shared.close().unwrap();
    });
}

/// One of two flushes fails: whoever is told that its records are durable has them flushed.
#[test]
fn two_threads_sync_and_one_fails() {
    explore(|shape| {
        let writer = channel(shape);
        let mapping = Arc::clone(writer.mapping());
        mapping.region.fail_flush(2);
        let shared = writer.into_shared();
        let other = shared.clone();
        let run = |shared: crate::SharedWriter| {
            let Ok(sequence) = shared.append(&payload(9)) else { return };
            match shared.sync() {
                Ok(synced) => assert!(sequence < synced.durable),
                Err(SyncError::Io { .. } | SyncError::Poisoned { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        };
        let thread = thread::spawn(move || run(other));
        run(shared.clone());
        thread.join().unwrap();
        if mapping.flushing() != 0 {
            assert!(mapping.durable() <= 1);
        } else {
            assert_eq!(mapping.durable(), 2);
        }
        let _ = shared.close();
    });
}
