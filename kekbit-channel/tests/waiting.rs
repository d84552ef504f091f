//! Goal: a reader that sleeps is woken at once, costs nobody anything, and notices the end of its
//! writer, whatever that is; and the file over which it is woken is nobody's way in, and is gone
//! when it is over.
//!
//! Method: two processes (`support/child.rs`). Readers would sleep for an hour, and say that the
//! writer was silent after half a minute: who was not woken by his record fails. That it sleeps is
//! what `/proc` says of it. That it does not poll is told by how often it has given its core up,
//! while another reader that does poll has done so a hundred times.
#![cfg(target_os = "linux")]

#[path = "support/child.rs"]
mod child;

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use kekbit_channel::{ChannelOptions, CreateError, Next, Reader, Wait, Writer, recover};
use nix::{
    sys::{
        signal::Signal,
        stat::{Mode, umask},
    },
    unistd::mkfifo,
};
use tempfile::TempDir;

use crate::child::{Helper, PATIENCE, listen, poll, role, say};

const HOUR: Duration = Duration::from_secs(3600);

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn beside(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.wait", path.display()))
}

fn options() -> ChannelOptions {
    ChannelOptions::new().bytes(1 << 16).wake_readers()
}

/// What lies in a folder.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The number of the system call `futex`.
const FUTEX: i64 = nix::libc::SYS_futex;
/// Its operation that sleeps on a number of several processes (`FUTEX_WAIT`).
const SHARED_SLEEP: &str = "0x0";

/// Waits until the thread that a child has named sleeps on its bell.
fn until_asleep(thread: &str) {
    poll("a reader that sleeps", || {
        let Ok(now) = fs::read_to_string(format!("/proc/{thread}/syscall")) else {
            // Not for everybody on every system. Then any sleep has to do.
            let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap();
            return status.contains("State:\tS").then_some(());
        };
        let words: Vec<&str> = now.split_whitespace().collect();
        let sleeps = words.first() == Some(&FUTEX.to_string().as_str());
        (sleeps && words.get(2) == Some(&SHARED_SLEEP)).then_some(())
    });
}

/// How often a thread has given its core up by itself.
fn naps(thread: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A reader in another process, and the thread of it that reads.
fn reader(role: &str, path: &Path) -> (Helper, String) {
    let mut reader = Helper::start(role, path);
    let thread = reader.hear();
    (reader, thread)
}

#[test]
fn a_record_wakes_a_reader_that_sleeps() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &options()).unwrap();
    let (mut reader, thread) = reader("follow for an hour", &path);
    for number in 0..100_u64 {
        until_asleep(&thread);
        if number % 2 == 0 {
            writer.append(&number.to_le_bytes()).unwrap();
        } else {
            let mut claim = writer.claim(8).unwrap();
            claim.copy_from_slice(&number.to_le_bytes());
            claim.commit();
        }
        assert_eq!(reader.hear(), format!("record {number}"));
    }
    until_asleep(&thread);
    writer.close().unwrap();
    assert_eq!(reader.hear(), "Closed(Closed)");
    assert!(reader.finish().success());
}

#[test]
fn all_readers_that_sleep_are_woken() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &options()).unwrap();
    let mut readers: Vec<_> = (0..4).map(|_| reader("follow for an hour", &path)).collect();
    for number in 0..20 {
        readers.iter().for_each(|(_, thread)| until_asleep(thread));
        writer.append(&[]).unwrap();
        for (reader, _) in &mut readers {
            assert_eq!(reader.hear(), format!("record {number}"));
        }
    }
    drop(writer);
    for (mut reader, _) in readers {
        assert_eq!(reader.hear(), "Closed(Closed)");
    }
}

/// A stream without a break, in which a reader now sleeps and now does not.
#[test]
fn no_record_of_a_stream_is_slept_through() {
    let (_folder, path) = place();
    let options = ChannelOptions::new().bytes(64 << 20).wake_readers();
    let mut writer = Writer::create(&path, &options).unwrap();
    let (mut reader, _) = reader("count for an hour", &path);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..50_000 {
        writer.append(&[7; 24]).unwrap();
        for _ in 0..random.u32(..300) {
            std::hint::spin_loop();
        }
    }
    writer.close().unwrap();
    assert_eq!(reader.hear(), "50000 records, then Closed(Closed)");
}

/// Each falls asleep while the other is about to wake it, in every way there is: who sleeps through
/// a record has nobody left to wake him.
#[test]
fn two_processes_that_sleep_answer_each_other() {
    let (_folder, there) = place();
    let mut writer = Writer::create(&there, &ChannelOptions::new().bytes(8 << 20).wake_readers());
    let writer = writer.as_mut().unwrap();
    let mut echo = Helper::start("echo", &there);
    assert_eq!(echo.hear(), "ready");
    let mut reader = Reader::open(back(&there)).unwrap();
    reader.set_timeout(Some(PATIENCE));
    let mut random = fastrand::Rng::with_seed(11);
    for number in 0..20_000 {
        for _ in 0..random.u32(..3000) {
            std::hint::spin_loop();
        }
        writer.append(b"to and fro").unwrap();
        match reader.wait_next(Wait::BlockFor(HOUR)).unwrap() {
            Next::Record(record) => assert_eq!(record.sequence, number),
            other => panic!("{other:?} in place of {number}"),
        }
    }
}

#[test]
fn a_reader_that_sleeps_does_not_poll() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &options()).unwrap();
    let (mut sleeper, asleep) = reader("follow for an hour", &path);
    let (_poller, awake) = reader("follow with backoff", &path);
    until_asleep(&asleep);
    let (before, other) = (naps(&asleep), naps(&awake));
    poll("a reader that polls", || (other + 100 < naps(&awake)).then_some(()));
    assert_eq!(naps(&asleep), before, "it has not run");
    writer.append(&[]).unwrap();
    assert_eq!(sleeper.hear(), "record 0");
}

#[test]
fn the_death_of_a_writer_is_noticed_asleep() {
    let (folder, path) = place();
    let mut writer = Helper::start("write", &path);
    assert_eq!(writer.hear(), "ready");
    let (mut reader, thread) = reader("follow", &path);
    assert_eq!(reader.hear(), "record 0");
    until_asleep(&thread);
    writer.kill();
    assert_eq!(reader.hear(), "Abandoned");
    assert_eq!(names(&folder), ["it.kekbit", "it.kekbit.wait"], "nobody was there to remove it");
    assert_eq!(recover(&path).unwrap().records, 1);
    assert_eq!(names(&folder), ["it.kekbit"]);
}

#[test]
fn a_silent_writer_is_noticed_asleep() {
    let (_folder, path) = place();
    let options = options().writer_timeout(Duration::from_millis(20));
    let _writer = Writer::create(&path, &options).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.wait_next(Wait::BlockFor(HOUR)).unwrap(), Next::TimedOut);
}

#[test]
fn a_reader_that_dies_asleep_disturbs_nobody() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &options()).unwrap();
    let (mut dying, thread) = reader("follow for an hour", &path);
    until_asleep(&thread);
    dying.kill();
    for number in 0..100_u64 {
        assert_eq!(writer.append(b"on it goes").unwrap(), number);
    }
    let asked = fs::read(beside(&path)).unwrap()[128];
    assert_eq!(asked, 0, "one ring, which nobody heard, and no more");
    let (mut reader, thread) = reader("count for an hour", &path);
    until_asleep(&thread);
    writer.close().unwrap();
    assert_eq!(reader.hear(), "100 records, then Closed(Closed)");
}

#[test]
fn a_writer_stopped_and_started_again_wakes_its_reader() {
    let (_folder, path) = place();
    let mut writer = Helper::start("write", &path);
    assert_eq!(writer.hear(), "ready");
    let (mut reader, thread) = reader("follow for an hour", &path);
    assert_eq!(reader.hear(), "record 0");
    until_asleep(&thread);
    writer.signal(Signal::SIGSTOP);
    writer.tell("append");
    writer.signal(Signal::SIGCONT);
    assert_eq!(reader.hear(), "record 1");
}

/// Nobody rings for a writer that was killed, until the channel is sealed.
#[test]
fn recovery_wakes_whoever_sleeps() {
    let (_folder, path) = place();
    let mut writer = Helper::start("write", &path);
    assert_eq!(writer.hear(), "ready");
    let (mut reader, thread) = reader("count for an hour", &path);
    until_asleep(&thread);
    writer.signal(Signal::SIGKILL);
    drop(writer);
    until_asleep(&thread);
    let start = Instant::now();
    assert!(recover(&path).unwrap().sealed);
    assert_eq!(reader.hear(), "1 records, then Closed(Recovered)");
    assert!(start.elapsed() < PATIENCE / 2, "it lost its patience, and found the mark then");
}

#[test]
fn the_file_is_there_as_long_as_the_writer() {
    let (folder, path) = place();
    let plain = ChannelOptions::new().bytes(4096);
    let writer = Writer::create(&path, &plain).unwrap();
    assert_eq!(names(&folder), ["it.kekbit"], "only if asked for");
    drop(writer);
    for end in ["close", "drop", "panic"] {
        fs::remove_file(&path).unwrap();
        let writer = Writer::create(&path, &options()).unwrap();
        assert_eq!(names(&folder), ["it.kekbit", "it.kekbit.wait"]);
        let bytes = fs::read(beside(&path)).unwrap();
        assert_eq!((bytes.len(), &bytes[..8]), (4096, b"KEKWAIT\n".as_slice()));
        let id = writer.header().channel_id.to_le_bytes();
        assert_eq!(bytes[16..32], id);
        match end {
            "close" => writer.close().unwrap(),
            "drop" => drop(writer),
            _ => {
                let result = std::thread::spawn(move || {
                    let _writer = writer;
                    panic!("on purpose");
                });
                result.join().unwrap_err();
            }
        }
        assert_eq!(names(&folder), ["it.kekbit"], "{end}");
    }
}

/// The name is the writer's to remove only as long as it is its file's.
#[test]
fn what_has_taken_the_name_since_is_left_alone() {
    let (folder, path) = place();
    let writer = Writer::create(&path, &options()).unwrap();
    fs::remove_file(beside(&path)).unwrap();
    fs::write(beside(&path), "something else").unwrap();
    writer.close().unwrap();
    assert_eq!(names(&folder), ["it.kekbit", "it.kekbit.wait"]);
    assert!(!recover(&path).unwrap().sealed);
    assert_eq!(fs::read(beside(&path)).unwrap(), b"something else");
}

#[test]
fn a_name_that_is_taken_is_an_error_and_leaves_nothing() {
    for kind in ["file", "folder", "link", "dangling link", "pipe"] {
        let (folder, path) = place();
        let sidecar = beside(&path);
        match kind {
            "file" => fs::write(&sidecar, "somebody's").unwrap(),
            "folder" => fs::create_dir(&sidecar).unwrap(),
            "link" => symlink("/etc/passwd", &sidecar).unwrap(),
            "dangling link" => symlink(folder.path().join("elsewhere"), &sidecar).unwrap(),
            _ => mkfifo(&sidecar, Mode::S_IRUSR).unwrap(),
        }
        let error = Writer::create(&path, &options()).unwrap_err();
        assert!(matches!(error, CreateError::SidecarExists { .. }), "{kind}: {error}");
        assert_eq!(names(&folder), ["it.kekbit.wait"], "{kind}");
    }
    // The other way round: the channel's own name.
    let (folder, path) = place();
    fs::write(&path, "somebody's").unwrap();
    let error = Writer::create(&path, &options()).unwrap_err();
    assert!(matches!(error, CreateError::Exists { .. }), "{error}");
    assert_eq!(names(&folder), ["it.kekbit"]);
}

#[test]
fn its_permissions_are_those_of_the_channel() {
    let (_folder, path) = place();
    // Every test of this file lives with this umask; what they make is their own.
    umask(Mode::empty());
    for (mode, expected) in [(0o600, 0o600), (0o640, 0o660), (0o644, 0o666), (0o400, 0o600)] {
        let writer = Writer::create(&path, &options().mode(mode)).unwrap();
        let found = fs::metadata(beside(&path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, expected, "{mode:o}");
        drop(writer);
        fs::remove_file(&path).unwrap();
    }
    umask(Mode::from_bits_truncate(0o022));
}

/// Whatever lies in the place of the file: the reader polls then, and touches nothing.
#[test]
fn a_reader_that_cannot_be_woken_polls() {
    let kinds = [
        "nothing",
        "folder",
        "link",
        "pipe",
        "empty",
        "short",
        "zeroes",
        "of another channel",
        "read-only",
        "deleted in between",
    ];
    for kind in kinds {
        let (folder, path) = place();
        let mut writer = Writer::create(&path, &options()).unwrap();
        let sidecar = beside(&path);
        let true_one = folder.path().join("aside");
        fs::rename(&sidecar, &true_one).unwrap();
        let image = fs::read(&true_one).unwrap();
        match kind {
            "nothing" => {}
            "folder" => fs::create_dir(&sidecar).unwrap(),
            "link" => symlink(&true_one, &sidecar).unwrap(),
            "pipe" => mkfifo(&sidecar, Mode::S_IRWXU).unwrap(),
            "empty" => drop(File::create(&sidecar).unwrap()),
            "short" => fs::write(&sidecar, &image[..4095]).unwrap(),
            "zeroes" => fs::write(&sidecar, [0; 4096]).unwrap(),
            "of another channel" => {
                let mut other = image.clone();
                other[16] ^= 1;
                fs::write(&sidecar, other).unwrap();
            }
            // To root it is not read-only, unless it is a file system.
            "read-only" => {
                fs::write(&sidecar, &image).unwrap();
                fs::set_permissions(&sidecar, fs::Permissions::from_mode(0o444)).unwrap();
                if nix::unistd::geteuid().is_root() {
                    continue;
                }
            }
            _ => fs::rename(&true_one, &sidecar).unwrap(),
        }
        let content = || {
            let found = fs::symlink_metadata(&sidecar).ok()?;
            found.is_file().then(|| fs::read(&sidecar).unwrap())
        };
        let before = content();
        let (mut reader, _) = reader("follow for an hour", &path);
        if kind == "deleted in between" {
            fs::remove_file(&sidecar).unwrap();
        }
        for number in 0..5 {
            writer.append(&[]).unwrap();
            assert_eq!(reader.hear(), format!("record {number}"), "{kind}");
        }
        writer.close().unwrap();
        assert_eq!(reader.hear(), "Closed(Closed)", "{kind}");
        if kind != "deleted in between" {
            assert_eq!(content(), before, "{kind}");
        }
    }
}

/// Once it is mapped, the name does not matter.
#[test]
fn a_file_deleted_under_a_sleeping_reader_still_wakes_it() {
    let (folder, path) = place();
    let mut writer = Writer::create(&path, &options()).unwrap();
    let (mut reader, thread) = reader("follow for an hour", &path);
    until_asleep(&thread);
    fs::remove_file(beside(&path)).unwrap();
    writer.append(&[]).unwrap();
    assert_eq!(reader.hear(), "record 0");
    writer.close().unwrap();
    assert_eq!(names(&folder), ["it.kekbit"]);
}

#[test]
fn a_reader_that_came_through_a_link_is_woken() {
    let (folder, path) = place();
    let mut writer = Writer::create(&path, &options()).unwrap();
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let (mut reader, thread) = reader("follow for an hour", &link);
    until_asleep(&thread);
    writer.append(&[]).unwrap();
    assert_eq!(reader.hear(), "record 0");
}

#[test]
fn child() {
    let Some((role, path)) = role() else { return };
    match role.as_str() {
        "follow for an hour" => follow(&path, Wait::BlockFor(HOUR)),
        "follow" => follow(&path, Wait::Block),
        "follow with backoff" => follow(&path, Wait::Backoff),
        "count for an hour" => count(&path),
        "write" => write(&path),
        "echo" => echo(&path),
        _ => panic!("no role {role}"),
    }
}

/// The place of this thread in `/proc`.
fn this_thread() -> String {
    format!("{}/task/{}", std::process::id(), nix::unistd::gettid())
}

fn follow(path: &Path, wait: Wait) {
    let mut reader = Reader::open(path).unwrap();
    reader.set_timeout(Some(PATIENCE));
    say(&this_thread());
    loop {
        match reader.wait_next(wait).unwrap() {
            Next::Record(record) => say(&format!("record {}", record.sequence)),
            end => return say(&format!("{end:?}")),
        }
    }
}

fn count(path: &Path) {
    let mut reader = Reader::open(path).unwrap();
    reader.set_timeout(Some(PATIENCE));
    say(&this_thread());
    let count = reader.follow(Wait::BlockFor(HOUR)).map(Result::unwrap).count();
    let end = reader.try_next().unwrap();
    assert!(matches!(end, Next::Closed(_)), "{end:?}");
    say(&format!("{count} records, then {end:?}"));
}

fn back(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.back", path.display()))
}

fn echo(path: &Path) {
    let options = ChannelOptions::new().bytes(8 << 20).wake_readers();
    let mut writer = Writer::create(back(path), &options).unwrap();
    let mut reader = Reader::open(path).unwrap();
    say("ready");
    for record in reader.follow(Wait::BlockFor(HOUR)) {
        writer.append(record.unwrap().value).unwrap();
    }
}

fn write(path: &Path) {
    let mut writer = Writer::create(path, &options()).unwrap();
    writer.append(&[]).unwrap();
    say("ready");
    loop {
        listen();
        writer.append(&[]).unwrap();
    }
}
