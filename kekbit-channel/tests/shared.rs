//! Goal: threads that share a writer lose nothing, mix nothing up, and end together.
//!
//! Method: threads that append what names them and counts; a reader checks that all of it is there,
//! each thread's records in their order, and that numbers are those that append had given.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use kekbit_channel::{
    ChannelOptions, CloseError, CloseReason, Next, Reader, Record, SharedTypedWriter, SyncError,
    TypedReader, TypedWriter, Wait, WriteError, Writer,
};
use tempfile::TempDir;

const THREADS: u64 = 4;
const EACH: u64 = 5_000;

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Step {
    thread: u64,
    count: u64,
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

/// Checks that every thread's records are there in their order, under the numbers that `given` has.
#[track_caller]
fn check_all(path: &PathBuf, given: &[Vec<u64>], end: CloseReason) {
    let mut reader = TypedReader::<Step>::open(path).unwrap();
    let mut counts = HashMap::new();
    for record in reader.iter() {
        let record = record.unwrap();
        let count = counts.entry(record.thread).or_insert(0);
        assert_eq!(record.count, *count, "the order of thread {}", record.thread);
        let numbers = &given[usize::try_from(record.thread).unwrap()];
        let number = numbers[usize::try_from(*count).unwrap()];
        assert_eq!(record.sequence, number);
        *count += 1;
    }
    for (thread, numbers) in given.iter().enumerate() {
        let found = counts.get(&(thread as u64)).copied().unwrap_or(0);
        assert_eq!(found, numbers.len() as u64, "records of thread {thread}");
    }
    assert_eq!(reader.try_next().unwrap(), Next::Closed(end));
}

/// Appends until `last`, or until the channel says no; the numbers that were given.
fn work(
    writer: &SharedTypedWriter<Step>,
    thread: u64,
    last: u64,
) -> (Vec<u64>, Option<WriteError>) {
    let mut given = Vec::new();
    for count in 0..last {
        let result = match count % 3 {
            // A claim that is dropped, and one that is committed.
            0 => writer.claim().map(drop).and_then(|()| writer.append(&Step { thread, count })),
            1 => writer.claim().map(|claim| claim.commit(&Step { thread, count })),
            _ => writer.append(&Step { thread, count }),
        };
        match result {
            Ok(number) => given.push(number),
            Err(error) => return (given, Some(error)),
        }
    }
    (given, None)
}

#[test]
fn everything_of_all_threads_is_there() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().records(THREADS * EACH);
    let writer = TypedWriter::<Step>::create(&path, &options).unwrap().into_shared();
    let mut reader = TypedReader::<Step>::open(&path).unwrap();
    let start = Barrier::new(usize::try_from(THREADS).unwrap());
    let given: Vec<_> = thread::scope(|threads| {
        let follower = threads.spawn(move || reader.follow(Wait::Backoff).count() as u64);
        let spawned: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (writer, start) = (writer.clone(), &start);
                threads.spawn(move || {
                    start.wait();
                    work(&writer, thread, EACH).0
                })
            })
            .collect();
        let given = spawned.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(writer.next_sequence(), THREADS * EACH);
        // The last handle closes.
        drop(writer);
        assert_eq!(follower.join().unwrap(), THREADS * EACH);
        given
    });
    check_all(&path, &given, CloseReason::Closed);
}

#[test]
fn a_channel_that_fills_up_under_all_ends_full() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().records(1000);
    let writer = TypedWriter::<Step>::create(&path, &options).unwrap().into_shared();
    let given: Vec<_> = thread::scope(|threads| {
        let spawned: Vec<_> = (0..THREADS)
            .map(|thread| {
                let writer = writer.clone();
                threads.spawn(move || {
                    let (given, error) = work(&writer, thread, EACH);
                    assert!(matches!(error, Some(WriteError::Full { available: 0, .. })));
                    given
                })
            })
            .collect();
        spawned.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    writer.close().unwrap();
    assert_eq!(given.iter().map(Vec::len).sum::<usize>(), 1000);
    check_all(&path, &given, CloseReason::Full);
}

#[test]
fn one_handle_closes_for_all() {
    for _round in 0..10 {
        let (_folder, path) = place();
        let options = ChannelOptions::new().records(1_000_000);
        let writer = TypedWriter::<Step>::create(&path, &options).unwrap().into_shared();
        let given: Vec<_> = thread::scope(|threads| {
            let spawned: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let writer = writer.clone();
                    threads.spawn(move || {
                        let (given, error) = work(&writer, thread, u64::MAX);
                        assert!(matches!(error, Some(WriteError::Closed)), "{error:?}");
                        given
                    })
                })
                .collect();
            while writer.next_sequence() < 1000 {
                thread::yield_now();
            }
            writer.close().unwrap();
            spawned.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(matches!(writer.close(), Err(CloseError::Closed)));
        assert!(matches!(writer.sync(), Err(SyncError::Closed)));
        check_all(&path, &given, CloseReason::Closed);
    }
}

#[test]
fn a_sync_covers_what_was_appended_before_it_by_anyone() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().records(THREADS * 300);
    let writer = TypedWriter::<Step>::create(&path, &options).unwrap().into_shared();
    let reader = TypedReader::<Step>::open(&path).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|threads| {
        let watcher = threads.spawn(|| {
            let mut durable = 0;
            while !done.load(Ordering::Acquire) {
                let now = reader.durable();
                assert!(durable <= now, "durable never goes back: {durable}, then {now}");
                durable = now;
            }
            durable
        });
        let spawned: Vec<_> = (0..THREADS)
            .map(|thread| {
                let writer = writer.clone();
                threads.spawn(move || {
                    for count in 0..300 {
                        let number = writer.append(&Step { thread, count }).unwrap();
                        if count.is_multiple_of(10) {
                            let durable = writer.sync().unwrap().durable;
                            assert!(number < durable, "{number}, {durable}");
                        }
                    }
                    writer.sync().unwrap().durable
                })
            })
            .collect();
        let last = spawned.into_iter().map(|thread| thread.join().unwrap()).max();
        assert_eq!(last, Some(THREADS * 300));
        done.store(true, Ordering::Release);
        watcher.join().unwrap();
    });
    assert_eq!(reader.durable(), THREADS * 300);
}

/// From claim to commit the channel is one thread's: nobody publishes in front of it or behind.
#[test]
fn an_open_claim_holds_the_others_back() {
    let (_folder, path) = place();
    let writer = Writer::create(&path, &ChannelOptions::new().bytes(4096)).unwrap().into_shared();
    let mut reader = Reader::open(&path).unwrap();
    let (told, asked) = mpsc::channel();
    thread::scope(|threads| {
        let mut claim = writer.claim(100).unwrap();
        let other = writer.clone();
        let appending = threads.spawn(move || {
            told.send(()).unwrap();
            other.append(b"second").unwrap()
        });
        asked.recv().unwrap();
        for _ in 0..1000 {
            assert_eq!(reader.try_next().unwrap(), Next::Pending);
            thread::yield_now();
        }
        claim[..5].copy_from_slice(b"first");
        assert_eq!(claim.commit_first(5).unwrap(), 0);
        assert_eq!(appending.join().unwrap(), 1);
    });
    let found: Vec<&[u8]> = reader.iter().map(|record| record.unwrap().value).collect();
    assert_eq!(found, [b"first".as_slice(), b"second"]);
}

#[test]
fn a_thread_that_panics_with_a_claim_stops_nobody() {
    let (_folder, path) = place();
    let writer =
        Writer::create(&path, &ChannelOptions::new().bytes(1 << 20)).unwrap().into_shared();
    for round in 0..10 {
        for len in [100, 10_000] {
            let other = writer.clone();
            let result = catch_unwind(AssertUnwindSafe(move || {
                let mut claim = other.claim(len).unwrap();
                claim.fill(0x11);
                std::panic::resume_unwind(Box::new(()));
            }));
            assert!(result.is_err());
        }
        assert_eq!(writer.append(b"whole").unwrap(), round);
    }
    writer.close().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert!(reader.iter().all(|record| record.unwrap().value == b"whole"));
    assert_eq!(reader.next_sequence(), 10);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
}
