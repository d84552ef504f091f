//! Goal: who may do what with a channel is what the system's permissions say, and no more: files
//! are their owner's, nothing is replaced or followed at creation, a reader can only read.
//!
//! Method: files, folders and users as an attacker would have them, in other processes and, where
//! the test is run as root, as another user; a kernel that says that a name is free when it is not;
//! what `/proc` tells of mappings and locks. The end of this file shows what whoever may read, or
//! write, a file can do to the others: each sentence about it in the documents is a test here.
#![cfg(target_os = "linux")]

#[path = "support/child.rs"]
mod child;
#[path = "support/image.rs"]
mod image;
#[path = "support/refusal.rs"]
mod refusal;

use std::{
    fs::{self, File, Permissions},
    os::{
        fd::AsRawFd,
        unix::{
            fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt, chown, symlink},
            net::UnixListener,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::{Path, PathBuf},
};

use kekbit_channel::{
    Channel, ChannelOptions, CloseReason, CreateError, Next, OpenError, Prefault, ReadErrorKind,
    Reader, Record, RecoverError, SeekError, Writer, recover,
};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, Flock, FlockArg, fcntl},
    libc,
    sys::{
        signal::Signal,
        stat::{self, Mode, SFlag, mknod, umask},
    },
    unistd::{ftruncate, mkfifo},
};
use tempfile::TempDir;

use crate::{
    child::{Helper, listen, poll, say},
    image::Spec,
    refusal::{Refusal, When, aside, refuse},
};

/// The type of `Spec::numbers`.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number {
    value: u64,
}

/// A user without rights.
const NOBODY: u32 = 65534;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn small() -> ChannelOptions {
    ChannelOptions::new().bytes(4096)
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Files of a file system without unnamed ones.
fn named() -> Refusal {
    Refusal::of_unnamed_files(Errno::EOPNOTSUPP)
}

/// A process of another user, where this one is root's; `None`, with a word, where that cannot be.
fn guest(role: &str, path: &Path) -> Option<Helper> {
    if !is_root() {
        println!("skipped: only root can have a process of another user");
        return None;
    }
    let binary = std::env::current_exe().unwrap();
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    for folder in binary.ancestors().skip(1).chain(path.ancestors().skip(1)) {
        let Ok(metadata) = fs::metadata(folder) else { continue };
        if metadata.permissions().mode() & 0o001 == 0 {
            println!("skipped: others may not enter {}", folder.display());
            return None;
        }
    }
    Some(Helper::start_with(role, path, |command| {
        command.uid(NOBODY).gid(NOBODY);
    }))
}

/// The umask is a process's, so this is a process.
#[test]
fn a_file_is_its_owners_unless_asked_and_never_more_than_the_umask_lets() {
    let (_folder, path) = place();
    let mut helper = Helper::start("umask", &path);
    assert_eq!(helper.hear(), "done");
    assert!(helper.finish().success());
}

fn check_modes(folder: &Path) {
    let mut count = 0;
    let mut check = |mask: u32, options: &ChannelOptions, asked: u32| {
        umask(Mode::from_bits_truncate(mask));
        let path = folder.join(count.to_string());
        count += 1;
        let mut writer = Writer::create(&path, options).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o7777, asked & !mask, "{asked:o} less {mask:o}");
        // Whatever it is, the writer is not one who asks again.
        writer.append(b"one").unwrap();
        writer.sync().unwrap();
        writer.close().unwrap();
    };
    let mut check_all = || {
        for mask in [0o000, 0o002, 0o022, 0o027, 0o077, 0o777] {
            check(mask, &small(), 0o600);
            for asked in [0o600, 0o640, 0o644, 0o660, 0o666, 0o400, 0o000] {
                check(mask, &small().mode(asked), asked);
            }
        }
    };
    check_all();
    // A filter stays: this is last.
    if refuse(&[named()]) {
        check_all();
    }
}

/// Something that has a name, and how it is made.
type Taken = (&'static str, fn(&Path, &Path));

const TAKEN: [Taken; 9] = [
    ("a file", |path, _| fs::write(path, "precious").unwrap()),
    ("a channel", |path, _| drop(Writer::create(path, &small()).unwrap())),
    ("a folder", |path, _| fs::create_dir(path).unwrap()),
    ("a pipe", |path, _| mkfifo(path, Mode::S_IRWXU).unwrap()),
    ("a socket", |path, _| drop(UnixListener::bind(path).unwrap())),
    ("a link to nowhere", |path, other| symlink(other, path).unwrap()),
    ("a link to a file", |path, other| {
        fs::write(other, "precious").unwrap();
        symlink(other, path).unwrap();
    }),
    ("a link to a folder", |path, other| {
        fs::create_dir(other).unwrap();
        symlink(other, path).unwrap();
    }),
    ("a link to itself", |path, _| symlink(path, path).unwrap()),
];

/// What has a name stays what it is, be it there before or appear a moment before the channel would
/// get its name.
#[test]
fn a_name_that_is_taken_by_anything_stays_what_it_is() {
    // Whoever asks whether the name is free is told that it is.
    let blind =
        Refusal { when: When::Has(2, 0x100), ..Refusal::of(libc::SYS_statx, Errno::ENOENT) };
    for refusals in [vec![], vec![named()], vec![blind], vec![blind, named()]] {
        for (what, make) in TAKEN {
            let (folder, path) = place();
            let other = folder.path().join("other");
            make(&path, &other);
            let stamp = |path: &Path| {
                let metadata = fs::symlink_metadata(path).ok()?;
                let (mode, size) = (metadata.mode(), metadata.size());
                Some((metadata.ino(), mode, size, metadata.mtime_nsec(), metadata.ctime_nsec()))
            };
            let before = (stamp(&path), stamp(&other), names(folder.path()).len());
            let result = aside(|| {
                (refusals.is_empty() || refuse(&refusals)).then(|| Writer::create(&path, &small()))
            });
            let Some(result) = result else { return };
            let error = result.unwrap_err();
            assert!(matches!(error, CreateError::Exists { .. }), "{what}: {error}");
            let after = (stamp(&path), stamp(&other), names(folder.path()).len());
            assert_eq!(before, after, "{what}");
        }
    }
}

#[test]
fn a_device_is_not_replaced_or_opened() {
    let (_folder, path) = place();
    let device = stat::makedev(1, 5);
    if let Err(error) = mknod(&path, SFlag::S_IFCHR, Mode::S_IRWXU, device) {
        println!("skipped: no device can be made here ({error})");
        return;
    }
    assert!(matches!(Writer::create(&path, &small()), Err(CreateError::Exists { .. })));
    assert!(matches!(Reader::open(&path), Err(OpenError::NotAFile { .. } | OpenError::Io { .. })));
    assert!(fs::metadata(&path).unwrap().file_type().is_char_device());
}

/// A link in front of the last part of a path is the user's way of saying where.
#[test]
fn a_link_to_the_folder_of_a_channel_is_followed() {
    let (folder, _path) = place();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    let writer = Writer::create(link.join("it.kekbit"), &small()).unwrap();
    assert_eq!(names(&real), ["it.kekbit"]);
    drop(writer);
    assert_eq!(
        Reader::open(real.join("it.kekbit")).unwrap().try_next().unwrap(),
        Next::Closed(CloseReason::Closed)
    );
}

/// Processes that create one name at the same moment, with files that have no name at first and
/// without, and one that makes a plain file or a link: one of all of them gets it.
#[test]
fn of_many_processes_that_want_a_name_one_gets_it() {
    let (folder, path) = place();
    let mut creators: Vec<Helper> = ["create", "create", "create named", "create named"]
        .map(|role| Helper::start(role, &path))
        .into_iter()
        .collect();
    for creator in &mut creators {
        assert_eq!(creator.hear(), "ready");
    }
    let other = folder.path().join("other");
    let mut won_by_file = 0;
    for round in 0..40 {
        for creator in &mut creators {
            creator.tell("create");
        }
        let made = match round % 4 {
            0 => File::create_new(&path).is_ok(),
            1 => symlink(&other, &path).is_ok(),
            _ => false,
        };
        let words: Vec<String> = creators.iter_mut().map(Helper::hear).collect();
        let won = words.iter().filter(|word| *word == "created").count();
        assert_eq!(won + usize::from(made), 1, "{words:?}, a file {made}");
        assert!(words.iter().all(|word| word == "created" || word == "exists"), "{words:?}");
        assert_eq!(names(folder.path()), ["it.kekbit"], "nothing is left behind");
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.is_file() && metadata.len() != 0, !made, "it is whose it is");
        won_by_file += usize::from(made);
        fs::remove_file(&path).unwrap();
    }
    println!("40 rounds, of which {won_by_file} went to what is no channel");
}

fn create_again_and_again(path: &Path, named_files: bool) {
    if named_files && !refuse(&[named()]) {
        println!("with unnamed files, then");
    }
    say("ready");
    loop {
        listen();
        match Writer::create(path, &small()) {
            Ok(_) => say("created"),
            Err(CreateError::Exists { .. }) => say("exists"),
            Err(error) => say(&error.to_string()),
        }
    }
}

/// Without unnamed files a process that is killed leaves a file: hidden, its owner's alone, and
/// never under the name of the channel.
#[test]
fn what_a_killed_creator_leaves_says_what_it_is() {
    let (folder, path) = place();
    let mut left = 0;
    for _ in 0..10 {
        let mut creator = Helper::start("create and be killed", &path);
        if creator.hear() == "skipped" {
            return;
        }
        // Somewhere between the first look at the folder and the last.
        poll("a file", || (!names(folder.path()).is_empty()).then_some(()));
        creator.kill();
        for name in names(folder.path()) {
            let file = folder.path().join(&name);
            if name != "it.kekbit" {
                assert!(name.starts_with(".it.kekbit.") && name.ends_with(".new"), "{name}");
                assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
                left += 1;
            } else {
                assert!(Reader::open(&file).is_ok(), "it is there whole");
            }
            fs::remove_file(file).unwrap();
        }
    }
    println!("{left} of 10 left a file without the channel's name");
    // The name was never taken.
    drop(Writer::create(&path, &small()).unwrap());
}

/// A folder whose files belong to its group.
#[test]
fn the_group_of_a_folder_is_the_group_of_its_channels() {
    if !is_root() {
        println!("skipped: only root can give a folder to another group");
        return;
    }
    for refusals in [vec![], vec![named()]] {
        let (folder, path) = place();
        chown(folder.path(), None, Some(NOBODY)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o2775)).unwrap();
        let result = aside(|| {
            (refusals.is_empty() || refuse(&refusals))
                .then(|| Writer::create(&path, &small().mode(0o640)))
        });
        let Some(result) = result else { return };
        result.unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (0, NOBODY, 0o640));
    }
}

/// What is mapped of a file, by the rights of each mapping.
fn mappings(path: &Path) -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let of_path = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
    of_path.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

/// Waits until the locks of a file are as expected. The kernel's list may show a lock twice, or not
/// at all, while others come and go.
fn await_locks(path: &Path, expected: &[&str]) {
    poll(&format!("locks {expected:?}"), || (locks(path) == expected).then_some(()));
}

/// The locks of a file, as the kernel lists them.
fn locks(path: &Path) -> Vec<String> {
    let metadata = fs::metadata(path).unwrap();
    let (major, minor) = (stat::major(metadata.dev()), stat::minor(metadata.dev()));
    let file = format!(" {major:02x}:{minor:02x}:{} ", metadata.ino());
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let of_file = locks.lines().filter(|line| line.contains(&file));
    of_file
        .map(|line| line.split_whitespace().skip(1).take(3).collect::<Vec<_>>().join(" "))
        .collect()
}

/// A reader maps to read, and holds no lock, whatever it does.
#[test]
fn a_reader_cannot_write_and_locks_nothing() {
    let (_folder, path) = place();
    Spec::numbers(100).image().numbers(5).write_native(&path);
    let mut reader = Reader::open(&path).unwrap();
    let channel = Channel::<Number>::open(&path).unwrap();
    assert_eq!(mappings(&path), ["r--s", "r--s"]);
    assert_eq!(reader.iter().count(), 5);
    assert_eq!(reader.try_next().unwrap(), Next::Abandoned);
    reader.seek_to_end().unwrap();
    assert_eq!(channel.views().count(), 5);
    await_locks(&path, &[]);
    drop((reader, channel));
    assert_eq!(mappings(&path), [""; 0]);

    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &small()).unwrap();
    writer.append(b"one").unwrap();
    assert_eq!(mappings(&path), [""; 0], "it had no name when it was mapped");
    await_locks(&path, &["OFDLCK ADVISORY WRITE"]);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 1);
    assert_eq!(reader.try_next().unwrap(), Next::Pending);
    // A reader adds none.
    await_locks(&path, &["OFDLCK ADVISORY WRITE"]);
    writer.close().unwrap();
    await_locks(&path, &[]);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
}

/// Without `/proc`, whose links give an unnamed file its name, root has another way.
#[test]
fn a_channel_can_be_created_without_proc() {
    let (folder, path) = place();
    if !is_root() {
        println!("skipped: only root can");
        return;
    }
    let Some(mut helper) = Helper::start_apart("without proc", &path) else { return };
    assert_eq!(helper.hear(), "created");
    assert!(helper.finish().success());
    assert_eq!(names(folder.path()), ["it.kekbit"]);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 1);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
}

/// Whoever may only read, and wants to do harm: what is refused to it.
#[test]
fn a_right_to_read_is_no_more_than_that() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &small().mode(0o644)).unwrap();
    writer.append(b"one").unwrap();
    let before = fs::read(&path).unwrap();
    let Some(mut guest) = guest("harm", &path) else { return };
    for harm in [
        "open to write",
        "open again to write",
        "truncate",
        "map to write",
        "lock",
        "remove",
        "change its rights",
    ] {
        let word = guest.hear();
        assert_eq!(word, format!("{harm}: refused"));
    }
    assert!(guest.finish().success());
    assert_eq!(fs::read(&path).unwrap(), before);
    writer.append(b"two").unwrap();
    writer.close().unwrap();
}

fn harm(path: &Path) {
    let file = File::open(path).unwrap();
    let tell = |what: &str, refused: bool| {
        say(&format!("{what}: {}", if refused { "refused" } else { "done" }));
    };
    tell("open to write", File::options().write(true).open(path).is_err());
    let again = format!("/proc/self/fd/{}", file.as_raw_fd());
    tell("open again to write", File::options().write(true).open(again).is_err());
    let cut = ftruncate(&file, 0).is_err() && nix::unistd::truncate(path, 0).is_err();
    tell("truncate", cut);
    let map = memmap2::MmapOptions::new().len(4096).map_raw(&file);
    tell("map to write", map.is_err());
    tell("lock", !lock(&file, libc::F_WRLCK));
    tell("remove", fs::remove_file(path).is_err());
    tell("change its rights", fs::set_permissions(path, Permissions::from_mode(0o666)).is_err());
}

/// Takes a lock of the kind that a writer has, on the byte that a writer locks.
fn lock(file: &File, kind: i32) -> bool {
    let lock = libc::flock {
        l_type: libc::c_short::try_from(kind).unwrap(),
        l_whence: 0,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).is_ok()
}

/// Whoever may read can lock to read. Writers and readers do not notice; a recovery does, and
/// changes nothing until the lock is gone.
#[test]
fn a_reader_that_locks_is_noticed_by_recovery_alone() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &small().mode(0o644)).unwrap();
    writer.append(b"one").unwrap();
    let file = File::open(&path).unwrap();
    assert!(!lock(&file, libc::F_RDLCK), "not while a writer lives");
    writer.close().unwrap();
    assert!(lock(&file, libc::F_RDLCK));

    let (_folder, path) = place();
    Spec::numbers(100).image().numbers(3).write_native(&path);
    let before = fs::read(&path).unwrap();
    let file = File::open(&path).unwrap();
    assert!(lock(&file, libc::F_RDLCK));
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 3);
    assert_eq!(reader.try_next().unwrap(), Next::Abandoned, "no reader passes for a writer");
    let error = recover(&path).unwrap_err();
    assert!(matches!(error, RecoverError::ReadLocked { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(file);
    assert_eq!(recover(&path).unwrap().records, 3);
}

/// Locks of the other kind are nothing to anybody.
#[test]
fn a_lock_of_another_kind_is_not_noticed() {
    let (_folder, path) = place();
    let flock = || Flock::lock(File::open(&path).unwrap(), FlockArg::LockExclusiveNonblock);
    let mut writer = Writer::create(&path, &small()).unwrap();
    let locked = flock().map_err(|(_, error)| error).unwrap();
    writer.append(b"one").unwrap();
    writer.sync().unwrap();
    drop(locked);
    drop(writer);
    fs::remove_file(&path).unwrap();
    Spec::numbers(100).image().numbers(3).write_native(&path);
    let locked = flock().map_err(|(_, error)| error).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    reader.seek_to_end().unwrap();
    assert_eq!(reader.try_next().unwrap(), Next::Abandoned);
    assert_eq!(recover(&path).unwrap().records, 3);
    drop(locked);
}

/// A reader that does nothing, stopped in the middle of a record, holds nobody up.
#[test]
fn a_stopped_reader_holds_nobody_up() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(1 << 20)).unwrap();
    writer.append(b"one").unwrap();
    let mut reader = Helper::start("read and wait", &path);
    assert_eq!(reader.hear(), "1");
    reader.signal(Signal::SIGSTOP);
    let mut count = 1;
    while writer.append(&[7; 1000]).is_ok() {
        count += 1;
    }
    writer.sync().unwrap();
    writer.close().unwrap();
    assert!(!recover(&path).unwrap().sealed);
    reader.signal(Signal::SIGCONT);
    reader.tell("go on");
    assert_eq!(reader.hear(), count.to_string());
    assert!(reader.finish().success());
}

/// Whoever may write can pass for a writer for as long as it lives, without writing.
#[test]
fn whoever_may_write_can_pass_for_a_writer() {
    let (_folder, path) = place();
    Spec::numbers(100).image().numbers(3).write_native(&path);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 3);
    let mut impostor = Helper::start("lock and wait", &path);
    assert_eq!(impostor.hear(), "locked");
    poll("the lock", || (reader.try_next().unwrap() == Next::Pending).then_some(()));
    assert!(matches!(recover(&path), Err(RecoverError::WriterAlive { .. })));
    // What a reader can do about it.
    reader.set_timeout(Some(std::time::Duration::from_millis(1)));
    poll("the time-out", || (reader.try_next().unwrap() == Next::TimedOut).then_some(()));
    impostor.kill();
    poll("the end", || (reader.try_next().unwrap() == Next::Abandoned).then_some(()));
    assert_eq!(recover(&path).unwrap().records, 3);
}

/// Whoever may write can kill all who have the file mapped, by cutting it short: as documented, and
/// as with every file that is mapped. A search asks the file and not the memory, and gets an error.
#[test]
fn whoever_may_cut_a_file_short_kills_its_readers() {
    for (role, survives) in [("walk", false), ("search", true), ("append", false)] {
        let (_folder, path) = place();
        if role == "append" {
            fs::write(&path, "").unwrap();
            fs::remove_file(&path).unwrap();
        } else {
            Spec::numbers(2000).image().numbers(1500).write_native(&path);
        }
        let mut victim = Helper::start(role, &path);
        assert_eq!(victim.hear(), "ready");
        File::options().write(true).open(&path).unwrap().set_len(8192).unwrap();
        victim.tell("go on");
        if survives {
            assert_eq!(victim.hear(), "searching for its end");
            assert!(victim.finish().success());
        } else {
            assert_eq!(victim.next_word(), None, "{role}");
            let status = victim.finish();
            assert_eq!(status.signal(), Some(libc::SIGBUS), "{role}: {status}");
        }
        // Who comes later is told.
        let error = Reader::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Truncated { found: 8192, .. }), "{error}");
    }
}

/// Bytes that change behind a reader's back: with checksums that is damage to whoever comes later;
/// a view that somebody holds changes with them, and is nothing worse than another value.
#[test]
fn whoever_may_write_can_change_what_a_reader_holds() {
    let (_folder, path) = place();
    let mut image = Spec::numbers(100).image();
    image.numbers(3).write_native(&path);
    let channel = Channel::<Number>::open(&path).unwrap();
    let held = channel.get(1).unwrap().unwrap();
    assert_eq!(held.value.value(), 10);
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&77_u64.to_le_bytes(), image.slot(1) as u64 + 8).unwrap();
    assert_eq!(held.value.value(), 77);
    assert!(matches!(
        channel.get(1).unwrap_err().kind(),
        ReadErrorKind::Damaged { sequence: 1, .. }
    ));
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().filter(Result::is_ok).count(), 1);
    assert!(matches!(
        reader.try_next().unwrap_err().kind(),
        ReadErrorKind::Damaged { sequence: 1, .. }
    ));
}

#[test]
fn child() {
    let Some((role, path)) = child::role() else { return };
    match role.as_str() {
        "umask" => {
            check_modes(path.parent().unwrap());
            say("done");
        }
        "create" => create_again_and_again(&path, false),
        "create named" => create_again_and_again(&path, true),
        "create and be killed" => {
            let ready = refuse(&[named()]);
            say(if ready { "ready" } else { "skipped" });
            let options = ChannelOptions::new().bytes(16 << 20).prefault(Prefault::All);
            let _writer = Writer::create(&path, &options);
            listen();
        }
        "without proc" => {
            let flags = nix::mount::MsFlags::empty();
            nix::mount::mount(Some("tmpfs"), "/proc", Some("tmpfs"), flags, None::<&str>).unwrap();
            let mut writer = Writer::create(&path, &small()).unwrap();
            writer.append(b"one").unwrap();
            say("created");
        }
        "harm" => harm(&path),
        "lock and wait" => {
            let file = File::options().read(true).write(true).open(&path).unwrap();
            assert!(lock(&file, libc::F_WRLCK));
            say("locked");
            listen();
        }
        "read and wait" => {
            let mut reader = Reader::open(&path).unwrap();
            let mut count = reader.iter().count();
            say(&count.to_string());
            listen();
            count += reader.iter().count();
            say(&count.to_string());
        }
        "walk" => {
            let mut reader = Reader::open(&path).unwrap();
            assert!(reader.try_next().unwrap().record().is_some());
            say("ready");
            listen();
            say(&format!("{} records", reader.iter().count()));
        }
        "search" => {
            let mut reader = Reader::open(&path).unwrap();
            say("ready");
            listen();
            match reader.seek_to_end() {
                Err(SeekError::Read(error)) => match error.kind() {
                    ReadErrorKind::Io { step, .. } => say(step),
                    other => say(&format!("{other:?}")),
                },
                other => say(&format!("{other:?}")),
            }
        }
        "append" => {
            let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(1 << 16)).unwrap();
            writer.append(b"one").unwrap();
            say("ready");
            listen();
            say(&format!("{:?}", writer.append(&[7; 9000])));
        }
        other => panic!("no role {other}"),
    }
}
