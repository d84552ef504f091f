//! Goal: a stream gives an asynchronous program what a reader gives any other, wakes its task when
//! there is something, ends when the channel does, and leaves no thread behind.
//!
//! Method: tokio, with one thread and with several, and an executor that does nothing but count
//! who was woken; the writer in another thread, or in another process (`support/child.rs`).

#[path = "support/child.rs"]
mod child;

use std::{
    fs,
    future::{Future, poll_fn},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_core::{FusedStream, Stream};
use kekbit_channel::{
    ChannelOptions, CloseReason, Next, ReadErrorKind, Reader, Record, RecordStream, Source,
    TypedReader, TypedWriter, Wait, Writer,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::child::{Helper, poll, role, say};

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number(u64);

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn options(wakes: bool) -> ChannelOptions {
    let options = ChannelOptions::new().records(100_000);
    if wakes { options.wake_readers() } else { options }
}

/// What `StreamExt::next` is.
async fn next<R: Source>(
    stream: &mut RecordStream<R>,
) -> Option<<RecordStream<R> as Stream>::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.worker_threads(2).enable_time().build().unwrap())
}

/// Counts how often it was woken.
#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counter {
    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Threads of this process that wait for tasks.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "kekbit-stream").count()
}

/// Tests of this file that look at [`threads`], or have some, take turns.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poison| poison.into_inner())
}

#[test]
fn a_stream_of_another_process_comes_whole() {
    let _turn = turn();
    for runtime in runtimes() {
        for role in ["write", "write and wake"] {
            let (_folder, path) = place();
            let mut writer = Helper::start(role, &path);
            assert_eq!(writer.hear(), "ready");
            let mut stream = TypedReader::<Number>::open(&path).unwrap().into_stream();
            let task = runtime.spawn(async move {
                let mut count = 0;
                while let Some(number) = next(&mut stream).await {
                    let number = number.unwrap();
                    assert_eq!((number.sequence, number.value), (count, Number(count)));
                    count += 1;
                }
                (count, stream)
            });
            writer.tell("go");
            let (count, stream) = runtime.block_on(task).unwrap();
            assert_eq!(count, 5000);
            assert!(stream.is_terminated());
            let mut reader = stream.into_reader();
            assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
            assert!(writer.finish().success());
        }
    }
}

#[test]
fn tasks_of_one_thread_answer_each_other() {
    let _turn = turn();
    for runtime in runtimes() {
        let (_folder, there) = place();
        let (_folder2, back) = place();
        let mut writer = TypedWriter::create(&there, &options(true)).unwrap();
        let mut answers = TypedWriter::create(&back, &options(true)).unwrap();
        let mut requests = TypedReader::<Number>::open(&there).unwrap().into_stream();
        let mut results = TypedReader::<Number>::open(&back).unwrap().into_stream();
        runtime.block_on(async {
            let server = tokio::spawn(async move {
                while let Some(request) = next(&mut requests).await {
                    answers.append(&Number(request.unwrap().value.0 + 1)).unwrap();
                }
            });
            for number in 0..200 {
                writer.append(&Number(number)).unwrap();
                assert_eq!(next(&mut results).await.unwrap().unwrap().value, Number(number + 1));
            }
            writer.close().unwrap();
            server.await.unwrap();
            assert!(next(&mut results).await.is_none());
        });
    }
}

#[test]
fn a_task_that_waits_is_woken_once_and_only_when_there_is_something() {
    let _turn = turn();
    let (_folder, path) = place();
    let mut writer = TypedWriter::create(&path, &options(true)).unwrap();
    let mut stream = TypedReader::<Number>::open(&path).unwrap().into_stream();
    let counters: [Arc<Counter>; 2] = Default::default();
    let wakers = counters.clone().map(Waker::from);
    let ask = |stream: &mut RecordStream<_>, waker: &Waker| {
        Pin::new(stream).poll_next(&mut Context::from_waker(waker)).map(Option::unwrap)
    };
    for number in 0..50 {
        assert!(ask(&mut stream, &wakers[0]).is_pending());
        assert!(ask(&mut stream, &wakers[1]).is_pending(), "the last waker counts");
        let before = counters.each_ref().map(|counter| counter.count());
        writer.append(&Number(number)).unwrap();
        poll("to be woken", || (counters[1].count() == before[1] + 1).then_some(()));
        assert_eq!(counters[0].count(), before[0]);
        let Poll::Ready(Ok(record)) = ask(&mut stream, &wakers[0]) else { panic!("it is there") };
        assert_eq!(record.value, Number(number));
    }
    assert_eq!(counters.map(|counter| counter.count()), [0, 50]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_stream_has_a_thread_only_while_it_needs_one() {
    let _turn = turn();
    let (_folder, path) = place();
    poll("those of others to end", || (threads() == 0).then_some(()));
    let mut writer = Writer::create(&path, &options(true).max_payload(8)).unwrap();
    writer.append(b"there").unwrap();
    let mut stream = Reader::open(&path).unwrap().into_stream();
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut stream).poll_next(&mut context).is_ready());
    assert_eq!(threads(), 0, "all is there");
    assert!(Pin::new(&mut stream).poll_next(&mut context).is_pending());
    poll("a thread", || (threads() == 1).then_some(()));
    drop(stream);
    poll("its end", || (threads() == 0).then_some(()));
    // The writer's file is gone although its reader has been dropped asleep.
    writer.close().unwrap();
    assert!(!PathBuf::from(format!("{}.wait", path.display())).exists());
}

#[test]
fn raw_payloads_come_as_copies_and_a_killed_writer_ends_the_stream() {
    let _turn = turn();
    let (_folder, path) = place();
    let mut writer = Helper::start("write and stay", &path);
    assert_eq!(writer.hear(), "ready");
    let mut stream = Reader::open(&path).unwrap().into_stream();
    let [runtime, _] = runtimes();
    runtime.block_on(async {
        assert_eq!(next(&mut stream).await.unwrap().unwrap().value, 0_u64.to_le_bytes());
        let waiting = tokio::time::timeout(Duration::from_millis(1), next(&mut stream));
        assert!(waiting.await.is_err(), "there is no more");
        writer.kill();
        assert!(next(&mut stream).await.is_none());
        assert!(next(&mut stream).await.is_none(), "for good");
    });
    assert_eq!(stream.into_reader().try_next().unwrap(), Next::Abandoned);
}

/// A stream that always has something lets others run.
#[test]
fn a_long_replay_does_not_keep_a_thread_to_itself() {
    let _turn = turn();
    let (_folder, path) = place();
    let mut writer = TypedWriter::create(&path, &options(false)).unwrap();
    (0..10_000).for_each(|number| assert_eq!(writer.append(&Number(number)).unwrap(), number));
    drop(writer);
    let mut stream = TypedReader::<Number>::open(&path).unwrap().into_stream();
    let [runtime, _] = runtimes();
    runtime.block_on(async {
        let others = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&others);
        tokio::spawn(async move {
            loop {
                other.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        let mut count = 0;
        while next(&mut stream).await.is_some() {
            count += 1;
        }
        assert_eq!(count, 10_000);
        assert!(10 < others.load(Ordering::SeqCst));
    });
}

/// What is no value is an item; what is damaged is the last one.
#[test]
fn errors_are_items() {
    #[derive(Record, Debug)]
    struct Flag(bool);
    let _turn = turn();
    let (_folder, path) = place();
    let mut writer = TypedWriter::create(&path, &options(false).without_checksums()).unwrap();
    (0..4).for_each(|number| assert_eq!(writer.append(&Flag(true)).unwrap(), number));
    drop(writer);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8192 + 8] = 7;
    bytes[8192 + 2 * 16 + 7] = 0xF0;
    fs::write(&path, bytes).unwrap();
    let mut stream = TypedReader::<Flag>::open(&path).unwrap().into_stream();
    let mut ask = || {
        let future = std::pin::pin!(next(&mut stream));
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(item) => item,
            Poll::Pending => panic!("all is there"),
        }
    };
    assert!(matches!(
        ask().unwrap().unwrap_err().kind(),
        ReadErrorKind::Invalid { sequence: 0, .. }
    ));
    assert!(matches!(ask(), Some(Ok(_))));
    assert!(matches!(
        ask().unwrap().unwrap_err().kind(),
        ReadErrorKind::Damaged { sequence: 2, .. }
    ));
    assert!(ask().is_none());
}

#[test]
fn child() {
    let Some((role, path)) = role() else { return };
    match role.as_str() {
        "write" => write(&path, false),
        "write and wake" => write(&path, true),
        "write and stay" => {
            let mut writer = Writer::create(path, &options(true).max_payload(8)).unwrap();
            writer.append(&0_u64.to_le_bytes()).unwrap();
            say("ready");
            child::listen();
        }
        _ => panic!("no role {role}"),
    }
}

/// Numbers with pauses in between, in which whoever waits goes to sleep now and then.
fn write(path: &Path, wakes: bool) {
    let mut writer = TypedWriter::create(path, &options(wakes)).unwrap();
    say("ready");
    child::listen();
    let mut random = fastrand::Rng::with_seed(3);
    for number in 0..5000 {
        writer.append(&Number(number)).unwrap();
        if random.u32(..20) == 0 {
            std::thread::sleep(Duration::from_micros(random.u64(..200)));
        }
    }
    let mut itself = TypedReader::<Number>::open(path).unwrap();
    assert_eq!(itself.follow(Wait::Block).next().unwrap().unwrap().value, Number(0));
}
