//! Goal: what one process writes another one reads, whatever becomes of the first: killed with a
//! claim open, stopped, forked. (`process_death.rs` kills at any instruction.)
//!
//! Method: the test binary starts itself again in a role (`support/child.rs`). Content and order of
//! the records follow from their number, so that a reader needs no second source.

#[path = "support/child.rs"]
mod child;
#[path = "support/image.rs"]
mod image;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use kekbit_channel::{
    Alignment, ChannelOptions, CloseReason, Next, Reader, Record, RecoverError, TypedReader,
    TypedWriter, Wait, Writer, recover,
};
use nix::{
    sys::{signal::Signal, wait::waitpid},
    unistd::{ForkResult, fork, getppid},
};
use tempfile::TempDir;

use crate::{
    child::{Helper, PATIENCE, listen, poll, role, say},
    image::Spec,
};

/// A record whose every part follows from its number, larger than a cache line.
#[derive(Record, Debug, PartialEq)]
struct Tick {
    number: u64,
    squares: [u64; 12],
    half: Option<u32>,
}

fn tick(number: u64) -> Tick {
    Tick {
        number,
        squares: std::array::from_fn(|place| number.wrapping_mul(number) ^ place as u64),
        half: number.is_multiple_of(2).then(|| u32::try_from(number / 2).unwrap()),
    }
}

/// A payload whose length and content follow from its number.
fn line(number: u64) -> Vec<u8> {
    let len = usize::try_from(number.wrapping_mul(0x9E37_79B9) % 300).unwrap();
    number.to_le_bytes().into_iter().cycle().take(len).collect()
}

const LINES: u64 = 200_000;

fn lines() -> ChannelOptions {
    ChannelOptions::new().bytes(64 << 20)
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

/// Opens a channel that another process may not have made yet.
fn open(path: &Path) -> Reader {
    poll("the channel", || Reader::open(path).ok())
}

/// What a poll finds when it finds something other than `Pending`.
fn settled(reader: &mut Reader) -> Next<u64> {
    poll("an end", || match reader.try_next().unwrap() {
        Next::Record(record) => Some(Next::Record(record.sequence)),
        Next::Pending => None,
        Next::Closed(reason) => Some(Next::Closed(reason)),
        Next::Abandoned => Some(Next::Abandoned),
        Next::TimedOut => Some(Next::TimedOut),
    })
}

#[test]
fn a_reader_in_another_process_follows_a_stream() {
    for wait in ["spin", "yield", "backoff"] {
        let (_folder, path) = place();
        let mut writer = Writer::create(&path, &lines()).unwrap();
        let mut reader = Helper::start(&format!("follow {wait}"), &path);
        assert_eq!(reader.hear(), "open");
        for number in 0..LINES {
            assert_eq!(writer.append(&line(number)).unwrap(), number);
        }
        writer.close().unwrap();
        assert_eq!(reader.hear(), format!("{LINES} lines, then Closed(Closed)"));
        assert!(reader.finish().success());
    }
}

#[test]
fn values_of_a_writer_in_another_process_arrive_whole() {
    let (_folder, path) = place();
    let mut writer = Helper::start("ticks 50000", &path);
    let _ = open(&path);
    let mut reader = TypedReader::<Tick>::open(&path).unwrap();
    let mut expected = 0;
    for record in reader.follow(Wait::Backoff) {
        let record = record.unwrap();
        assert_eq!(record.sequence, expected);
        assert_eq!(record.value, tick(expected));
        expected += 1;
    }
    assert_eq!(expected, 50_000);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
    assert_eq!(writer.hear(), "done");
}

/// A view of a slot that the writer has just published is whole, whatever the alignment.
#[test]
fn two_processes_answer_each_other() {
    let (folder, there) = place();
    let back = PathBuf::from(format!("{}.back", there.display()));
    let options = ChannelOptions::new().records(10_000).alignment(Alignment::CacheLine);
    let mut writer = TypedWriter::<Tick>::create(&there, &options).unwrap();
    let mut echo = Helper::start("echo", &there);
    assert_eq!(echo.hear(), "ready");
    let mut reader = TypedReader::<Tick>::open(&back).unwrap();
    for number in 0..5_000 {
        writer.append(&tick(number)).unwrap();
        let answer = poll("an answer", || reader.try_next().unwrap().record());
        assert_eq!(answer.value, tick(number + 1));
    }
    drop(writer);
    assert!(echo.finish().success());
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
    drop(folder);
}

/// What a claim held when its process died is seen by nobody, before recovery or after it.
#[test]
fn a_writer_killed_in_mid_claim_leaves_no_trace_of_it() {
    for role in ["claim 3000", "claim 50000", "claim-after-claims 50000"] {
        let (_folder, path) = place();
        let mut writer = Helper::start(role, &path);
        assert_eq!(writer.hear(), "claimed");
        writer.kill();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.windows(16).any(|window| window == [0x11; 16]), "the claim is in the file");
        for recovered in [false, true] {
            let mut reader = Reader::open(&path).unwrap();
            let found: Vec<_> = reader.iter().map(|record| record.unwrap().value).collect();
            assert_eq!(found, [b"before".as_slice()]);
            if recovered {
                assert_eq!(settled(&mut reader), Next::Closed(CloseReason::Recovered));
            } else {
                assert_eq!(settled(&mut reader), Next::Abandoned);
                assert_eq!(recover(&path).unwrap().records, 1);
            }
        }
    }
}

#[test]
fn of_many_recoveries_one_seals() {
    let (_folder, path) = place();
    Spec::numbers(20_000).image().numbers(10_000).write(&path);
    let recoveries: Vec<_> = std::thread::scope(|threads| {
        let all: Vec<_> = (0..4).map(|_| threads.spawn(|| recover(&path))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut sealed = 0;
    for result in recoveries {
        match result {
            Ok(recovery) => {
                assert_eq!(recovery.records, 10_000);
                sealed += u32::from(recovery.sealed);
            }
            Err(RecoverError::WriterAlive { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(sealed, 1);
}

#[test]
fn what_was_synced_is_durable_for_recovery_after_a_kill() {
    let (_folder, path) = place();
    let mut writer = Helper::start("sync", &path);
    assert_eq!(writer.hear(), "10");
    writer.kill();
    let bytes = fs::read(&path).unwrap();
    let recovery = recover(&path).unwrap();
    assert_eq!((recovery.records, recovery.durable), (15, 10));

    // The same file with damage to a synced record.
    let (_folder, path) = place();
    let mut damaged = bytes;
    let at = 2 * 4096 + 3 * 16 + 8;
    damaged[at] ^= 1;
    fs::write(&path, damaged).unwrap();
    let error = recover(&path).unwrap_err();
    assert!(matches!(error, RecoverError::Damaged { sequence: 3, durable: 10, .. }), "{error}");
}

#[test]
fn a_stopped_writer_is_silent_and_not_dead() {
    let (_folder, path) = place();
    let mut writer = Helper::start("steps", &path);
    assert_eq!(writer.hear(), "ready");
    let mut reader = Reader::open(&path).unwrap();
    reader.set_timeout(Some(Duration::from_millis(50)));
    let mut patient = Reader::open(&path).unwrap();
    assert_eq!(patient.header().writer_timeout, None);

    writer.tell("write");
    assert_eq!(settled(&mut reader), Next::Record(0));
    assert_eq!(settled(&mut patient), Next::Record(0));
    writer.signal(Signal::SIGSTOP);
    let start = Instant::now();
    assert_eq!(settled(&mut reader), Next::TimedOut);
    assert!(Duration::from_millis(30) <= start.elapsed(), "{:?}", start.elapsed());
    assert_eq!(patient.try_next().unwrap(), Next::Pending, "without a time-out, never");
    assert_eq!(reader.follow(Wait::Spin).count(), 0, "following ends at a silent writer");
    let alive = recover(&path).unwrap_err();
    assert!(matches!(alive, RecoverError::WriterAlive { .. }), "a stopped writer is a writer");

    writer.signal(Signal::SIGCONT);
    writer.tell("write");
    let found = poll("a record", || match reader.try_next().unwrap() {
        Next::Record(record) => Some(record.sequence),
        Next::TimedOut | Next::Pending => None,
        other => panic!("{other:?}"),
    });
    assert_eq!(found, 1);
    writer.tell("close");
    assert_eq!(settled(&mut patient), Next::Record(1));
    assert_eq!(settled(&mut patient), Next::Closed(CloseReason::Closed));
    assert!(writer.finish().success());
}

#[test]
fn the_time_out_of_the_writer_is_that_of_its_readers() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().bytes(4096).writer_timeout(Duration::from_millis(30));
    let writer = Writer::create(&path, &options).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(settled(&mut reader), Next::TimedOut);
    reader.set_timeout(None);
    assert_eq!(reader.try_next().unwrap(), Next::Pending);
    drop(writer);
    assert_eq!(settled(&mut reader), Next::Closed(CloseReason::Closed));
}

/// Descriptors are closed when a program is started: a child of any kind does not hold the lock.
#[test]
fn a_program_that_was_started_does_not_keep_a_dead_writer_alive() {
    let (_folder, path) = place();
    let mut writer = Helper::start("spawn", &path);
    let survivor: u32 = writer.hear().parse().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(settled(&mut reader), Next::Record(0));
    assert_eq!(reader.try_next().unwrap(), Next::Pending);
    writer.kill();
    assert_eq!(settled(&mut reader), Next::Abandoned);
    assert!(Path::new(&format!("/proc/{survivor}")).exists(), "the program it started lives on");
    assert_eq!(recover(&path).unwrap().records, 1);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(survivor).unwrap()),
        Signal::SIGKILL,
    )
    .unwrap();
}

#[test]
fn a_forked_child_cannot_close_or_sync_the_channel() {
    let (_folder, path) = place();
    let mut writer = Helper::start("fork", &path);
    // The child's words come first: the parent waits for it.
    let owner = writer.hear();
    let words: Vec<String> = (0..3).map(|_| writer.hear()).collect();
    let this = words[0].clone();
    assert_ne!(owner, this);
    let refused = format!("the writer belongs to process {owner}, this is process {this}");
    assert_eq!(words[1..], [refused.clone(), refused]);
    assert_eq!(writer.hear(), "the child is gone");
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(settled(&mut reader), Next::Record(0));
    assert_eq!(reader.try_next().unwrap(), Next::Pending, "neither closed nor abandoned");
    writer.tell("go on");
    assert_eq!(settled(&mut reader), Next::Record(1));
    assert_eq!(settled(&mut reader), Next::Closed(CloseReason::Closed));
    assert!(writer.finish().success());
}

#[test]
fn a_claim_that_a_forked_child_drops_is_still_the_parents() {
    for len in [8, 8192] {
        let (_folder, path) = place();
        let mut writer = Helper::start(&format!("fork with a claim {len}"), &path);
        assert_eq!(writer.hear(), "committed");
        let mut reader = Reader::open(&path).unwrap();
        let record = reader.try_next().unwrap().record().unwrap();
        assert!(record.value == vec![7; len], "{len}");
        assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
        writer.finish();
    }
}

/// As documented: a forked child that lives on without `exec` holds the lock.
#[test]
fn a_forked_child_that_lives_on_keeps_the_channel_open() {
    let (_folder, path) = place();
    let mut writer = Helper::start("fork and die", &path);
    assert_eq!(writer.hear(), "forked");
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(settled(&mut reader), Next::Record(0));
    writer.kill();
    assert_eq!(reader.try_next().unwrap(), Next::Pending);
    assert!(matches!(recover(&path), Err(RecoverError::WriterAlive { .. })));
    // The child leaves when its parent's end of the pipe closes.
    drop(writer);
    assert_eq!(settled(&mut reader), Next::Abandoned);
    assert_eq!(recover(&path).unwrap().records, 1);
}

#[test]
fn child() {
    let Some((role, path)) = role() else { return };
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        ["follow", wait] => follow(&path, wait),
        ["ticks", count] => ticks(&path, count.parse().unwrap()),
        ["echo"] => echo(&path),
        ["claim", len] => claim(&path, len.parse().unwrap(), false),
        ["claim-after-claims", len] => claim(&path, len.parse().unwrap(), true),
        ["sync"] => sync(&path),
        ["steps"] => steps(&path),
        ["spawn"] => spawn(&path),
        ["fork"] => fork_and_go_on(&path),
        ["fork", "and", "die"] => fork_and_die(&path),
        ["fork", "with", "a", "claim", len] => fork_with_a_claim(&path, len.parse().unwrap()),
        _ => panic!("no role {role}"),
    }
}

fn follow(path: &Path, wait: &str) {
    let wait = match wait {
        "spin" => Wait::Spin,
        "yield" => Wait::Yield,
        _ => Wait::Backoff,
    };
    let mut reader = Reader::open(path).unwrap();
    say("open");
    let mut count = 0;
    for record in reader.follow(wait) {
        let record = record.unwrap();
        assert_eq!((record.sequence, record.value), (count, line(count).as_slice()));
        count += 1;
    }
    say(&format!("{count} lines, then {:?}", reader.try_next().unwrap()));
}

fn ticks(path: &Path, count: u64) {
    let options = ChannelOptions::new().records(count);
    let mut writer = TypedWriter::create(path, &options).unwrap();
    for number in 0..count {
        writer.append(&tick(number)).unwrap();
    }
    writer.close().unwrap();
    say("done");
}

fn echo(path: &Path) {
    let back = PathBuf::from(format!("{}.back", path.display()));
    let options = ChannelOptions::new().records(10_000).alignment(Alignment::CacheLine);
    let mut writer = TypedWriter::<Tick>::create(back, &options).unwrap();
    say("ready");
    let mut reader = TypedReader::<Tick>::open(path).unwrap();
    for record in reader.follow(Wait::Yield) {
        writer.append(&tick(record.unwrap().number + 1)).unwrap();
    }
}

fn claim(path: &Path, len: usize, after_others: bool) {
    let mut writer = Writer::create(path, &ChannelOptions::new().bytes(1 << 20)).unwrap();
    writer.append(b"before").unwrap();
    if after_others {
        // Forgotten claims, which the next operation settles.
        std::mem::forget(writer.claim(100).unwrap());
        std::mem::forget(writer.claim(9000).unwrap());
    }
    let mut claim = writer.claim(len).unwrap();
    // Bytes that would pass for words of records.
    claim.fill(0x11);
    say("claimed");
    listen();
}

fn sync(path: &Path) {
    let options = ChannelOptions::new().bytes(1 << 20).max_payload(8);
    let mut writer = Writer::create(path, &options).unwrap();
    for number in 0..10_u64 {
        writer.append(&number.to_le_bytes()).unwrap();
    }
    let durable = writer.sync().unwrap().durable;
    for number in 10..15_u64 {
        writer.append(&number.to_le_bytes()).unwrap();
    }
    say(&durable.to_string());
    listen();
}

fn steps(path: &Path) {
    let mut writer = Writer::create(path, &ChannelOptions::new().bytes(4096)).unwrap();
    say("ready");
    loop {
        match listen().as_str() {
            "write" => {
                writer.append(b"step").unwrap();
            }
            "close" => return writer.close().unwrap(),
            other => panic!("{other}"),
        }
    }
}

fn spawn(path: &Path) {
    let mut writer = Writer::create(path, &ChannelOptions::new().bytes(4096)).unwrap();
    writer.append(b"one").unwrap();
    let mut command = Command::new("sleep");
    command.arg(PATIENCE.as_secs().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut sleeper = command.spawn().unwrap();
    say(&sleeper.id().to_string());
    // This process is killed before.
    sleeper.wait().unwrap();
}

fn fork_and_go_on(path: &Path) {
    let mut writer = Writer::create(path, &ChannelOptions::new().bytes(4096)).unwrap();
    writer.append(b"one").unwrap();
    say(&std::process::id().to_string());
    // SAFETY: the one other thread of this process is the test harness, which waits for this one
    // and holds no lock meanwhile; so the child may allocate and print.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            say(&std::process::id().to_string());
            say(&writer.sync().unwrap_err().to_string());
            say(&writer.close().unwrap_err().to_string());
            std::process::exit(0);
        }
        ForkResult::Parent { child } => {
            waitpid(child, None).unwrap();
            say("the child is gone");
            listen();
            writer.append(b"two").unwrap();
            writer.close().unwrap();
        }
    }
}

fn fork_with_a_claim(path: &Path, len: usize) {
    let mut writer = Writer::create(path, &ChannelOptions::new().bytes(1 << 16)).unwrap();
    let mut claim = writer.claim(len).unwrap();
    claim.fill(7);
    // SAFETY: as in `fork_and_go_on`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            drop(claim);
            drop(writer);
            std::process::exit(0);
        }
        ForkResult::Parent { child } => {
            waitpid(child, None).unwrap();
            claim.commit();
            writer.close().unwrap();
            say("committed");
        }
    }
}

fn fork_and_die(path: &Path) {
    let mut writer = Writer::create(path, &ChannelOptions::new().bytes(4096)).unwrap();
    writer.append(b"one").unwrap();
    let parent = std::process::id();
    // SAFETY: as in `fork_and_go_on`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            say("forked");
            // Until the test closes the pipe; its parent is long gone then.
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).unwrap();
            let orphan = u32::try_from(getppid().as_raw()).unwrap() != parent;
            drop(writer);
            std::process::exit(i32::from(!orphan));
        }
        ForkResult::Parent { .. } => loop {
            std::thread::park();
        },
    }
}
