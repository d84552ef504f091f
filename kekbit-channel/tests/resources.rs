//! Goal: what a system runs out of, or refuses, is an error that says so; nothing is left behind,
//! and what exists goes on. Readers take a constant part of memory.
//!
//! Method: small file systems that are mounted for a child process alone and filled; limits of
//! processes; a kernel that refuses each single step (`support/refusal.rs`); an allocator that
//! counts. Where a file system cannot be mounted, the test says so and passes.
#![cfg(target_os = "linux")]

#[path = "resources/ahead.rs"]
mod ahead;
#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/child.rs"]
mod child;
#[path = "support/disk.rs"]
mod disk;
#[path = "support/image.rs"]
mod image;
#[path = "support/refusal.rs"]
mod refusal;
#[path = "resources/sparse.rs"]
mod sparse;

use std::{
    error::Error,
    fs::{self, File, Permissions},
    io::Write,
    os::unix::fs::{FileExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use kekbit_channel::{
    Channel, ChannelOptions, CloseReason, CreateError, DynamicReader, Next, OpenError, Reader,
    Record, RecoverError, SyncError, TypedReader, WriteError, Writer, recover,
};
use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, fallocate},
    libc,
    sys::resource::{Resource, getrlimit, setrlimit},
};
use tempfile::TempDir;

use crate::{
    allocations::{Counting, counted},
    child::{Helper, say},
    disk::Disk,
    image::{CHECKSUMS, PAGE, Spec},
    refusal::{Refusal, aside, refuse},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The type of `Spec::numbers`.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number {
    value: u64,
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn small() -> ChannelOptions {
    ChannelOptions::new().bytes(4096)
}

/// What lies in a folder, except what a file system puts there itself.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "lost+found").collect()
}

/// Runs a role in a child that may mount, if there can be one.
fn apart(role: &str) {
    let (folder, _path) = place();
    let Some(mut helper) = Helper::start_apart(role, folder.path()) else { return };
    let word = helper.next_word();
    assert!(helper.finish().success(), "{role}");
    match word.as_deref() {
        Some(word) if word.starts_with("done") || word.starts_with("skipped: ") => {
            println!("{word}");
        }
        other => panic!("{role}: {other:?}"),
    }
}

/// Makes a file system; says why, where that cannot be.
fn disk(kind: &str, place: &Path, size: u64) -> Option<Disk> {
    Disk::make(kind, place, size).map_err(|missing| say(&format!("skipped: {missing}"))).ok()
}

fn available(folder: &Path) -> u64 {
    let stat = nix::sys::statvfs::statvfs(folder).unwrap();
    stat.blocks_available() * stat.fragment_size()
}

/// Bytes of a raw channel's file that are not capacity.
const AROUND: u64 = 2 * PAGE as u64 + 8;

#[test]
fn a_full_disk_shows_at_creation_and_never_later() {
    apart("full tmpfs 1048576");
    apart("full ext4 16777216");
    apart("full xfs 335544320");
}

/// As much as there is, or a little less, where the file system needs some itself.
fn full(place: &Path, kind: &str, size: u64) {
    let Some(disk) = disk(kind, place, size) else { return };
    let path = disk.folder.join("it.kekbit");
    ballast(&disk.folder);
    let free = available(&disk.folder);
    let too_much = free + PAGE as u64;
    let error = Writer::create(&path, &ChannelOptions::new().bytes(too_much - AROUND)).unwrap_err();
    let CreateError::NoSpace { needed, available: told, source, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((*needed, *told), (too_much, free), "{kind}");
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    let path_shown = path.display();
    let expected = format!("no room for `{path_shown}`: {needed} bytes needed, {told} available");
    assert_eq!(error.to_string(), expected);
    assert!(!path.exists() && names(&disk.folder).len() < 2, "{kind}");
    assert_eq!(available(&disk.folder), free, "{kind}: blocks are left behind");

    let mut capacity = free - AROUND;
    let writer = loop {
        match Writer::create(&path, &ChannelOptions::new().bytes(capacity)) {
            Ok(writer) => break writer,
            Err(CreateError::NoSpace { .. }) => {
                assert!(!path.exists(), "{kind}");
                capacity -= PAGE as u64;
            }
            Err(error) => panic!("{kind}: {error}"),
        }
    };
    assert!(kind != "tmpfs" || capacity == free - AROUND, "not a page was to spare");
    // Whatever the file system has kept for itself is taken as well.
    hog(&disk.folder);
    write_to_the_last_byte(writer, kind);
    check_full(&path, capacity, kind);
    say(&format!("done: {kind}, a file of {} bytes where {free} were left", capacity + AROUND));
}

/// Takes what there is of a larger file system, except for a few megabytes.
fn ballast(folder: &Path) {
    let ballast = available(folder).saturating_sub(16 << 20);
    if ballast != 0 {
        let file = File::create(folder.join("ballast")).unwrap();
        let size = libc::off_t::try_from(ballast).unwrap();
        fallocate(&file, FallocateFlags::empty(), 0, size).unwrap();
    }
}

/// Takes all that is left.
fn hog(folder: &Path) {
    // There may be no room even for its inode.
    let hog = File::options().create(true).append(true).open(folder.join("hog"));
    let Ok(mut hog) = hog else { return };
    for size in [1 << 20, 4096, 1] {
        while hog.write_all(&vec![1; size]).is_ok() {}
        // What a file system only promises to have room for shows now.
        let _ = hog.sync_all();
    }
}

/// Records of one page, and one that takes what is left; a sync after some of them.
fn write_to_the_last_byte(mut writer: Writer, kind: &str) {
    let mut count = 0_u64;
    loop {
        let left = writer.available();
        let len = usize::try_from(left.min(4096).saturating_sub(8)).unwrap();
        match writer.append(&vec![7; len]) {
            Ok(_) => count += 1,
            Err(WriteError::Full { available: 0, .. }) => break,
            Err(error) => panic!("{kind}: {error}, {left} left"),
        }
        if count.is_multiple_of(500) {
            assert_eq!(writer.sync().unwrap().durable, count, "{kind}");
        }
    }
    assert_eq!(writer.sync().unwrap().durable, count, "{kind}");
    writer.close().unwrap();
}

fn check_full(path: &Path, capacity: u64, kind: &str) {
    let mut reader = Reader::open(path).unwrap();
    let mut bytes = 0;
    for record in reader.iter() {
        let record = record.unwrap();
        assert!(record.value.iter().all(|byte| *byte == 7), "{kind}");
        bytes += (8 + record.value.len() as u64).next_multiple_of(8);
    }
    assert_eq!(bytes, capacity, "{kind}: to the last byte");
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Full), "{kind}");
}

/// The disk is filled by somebody else once the channel is there: what a writer, a reader and
/// recovery do needs no block any more.
#[test]
fn a_disk_that_is_full_by_now_stops_nobody() {
    apart("fuller tmpfs 4194304");
    apart("fuller ext4 16777216");
    apart("fuller xfs 335544320");
}

fn fuller(place: &Path, kind: &str, size: u64) {
    let Some(disk) = disk(kind, place, size) else { return };
    let (path, left) = (disk.folder.join("it.kekbit"), disk.folder.join("left.kekbit"));
    // A channel whose writer is killed and one whose writer lives.
    let mut dying = Helper::start("two records", &left);
    assert_eq!(dying.hear(), "written");
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(1 << 20)).unwrap();
    writer.append(&[7; 5000]).unwrap();
    hog(&disk.folder);
    dying.kill();
    let recovery = recover(&left).unwrap();
    assert_eq!((recovery.records, recovery.sealed), (2, true), "{kind}");
    let mut reader = Reader::open(&left).unwrap();
    assert_eq!(reader.iter().count(), 2, "{kind}");
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Recovered), "{kind}");
    // What the recovery has given back is taken, too.
    hog(&disk.folder);
    for _ in 0..100 {
        writer.append(&[7; 8000]).unwrap();
    }
    assert_eq!(writer.sync().unwrap().durable, 101, "{kind}");
    writer.close().unwrap();
    let options = ChannelOptions::new().bytes(size);
    let error = Writer::create(disk.folder.join("third"), &options).unwrap_err();
    assert!(matches!(error, CreateError::NoSpace { .. }), "{kind}: {error}");
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().filter(|record| record.is_ok()).count(), 101, "{kind}");
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed), "{kind}");
    say("done");
}

#[test]
fn a_file_system_that_cannot_be_written_to_can_be_read() {
    apart("read-only tmpfs 1048576");
    apart("read-only ext4 16777216");
}

fn read_only(place: &Path, kind: &str, size: u64) {
    let Some(disk) = disk(kind, place, size) else { return };
    let path = disk.folder.join("it.kekbit");
    let mut image = Spec::numbers(100).image();
    image.numbers(3).write_native(&path);
    disk.make_read_only();
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 3, "{kind}");
    assert_eq!(reader.try_next().unwrap(), Next::Abandoned, "{kind}");
    reader.seek_to_end().unwrap();
    assert_eq!(reader.next_sequence(), 3, "{kind}");
    check_io(&recover(&path).unwrap_err(), "opening the file", Errno::EROFS);
    let other = disk.folder.join("other.kekbit");
    check_io(&Writer::create(other, &small()).unwrap_err(), "making the file", Errno::EROFS);
    say("done");
}

/// Compares the step that an error names, and what the system said.
#[track_caller]
fn check_io(error: &(dyn Error + 'static), step: &str, errno: Errno) {
    let told = error.to_string();
    assert!(told.ends_with(&format!(": {step}")), "{told}, expected {step}");
    let mut source = error;
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    let source = source.downcast_ref::<std::io::Error>().expect("what the system said is there");
    assert_eq!(source.raw_os_error(), Some(errno as i32), "{told}: {source}");
}

/// Every step of creation that the system can refuse: the error names it, and nothing is left.
#[test]
fn whatever_step_of_creation_is_refused_leaves_nothing_behind() {
    let steps = [
        (Refusal::of(libc::SYS_fstatfs, Errno::EIO), "asking for the file system"),
        (Refusal::of(libc::SYS_openat, Errno::EMFILE), "opening its folder"),
        (Refusal::of(libc::SYS_fallocate, Errno::EIO), "reserving its blocks"),
        (Refusal::of(libc::SYS_pwrite64, Errno::EIO), "writing its header"),
        (Refusal::of_mappings(Errno::ENOMEM), "mapping it"),
        (Refusal::of_fcntl(libc::F_OFD_SETLK, Errno::ENOLCK), "locking it"),
        (Refusal::of(libc::SYS_fsync, Errno::EIO), "writing its header to the disk"),
        (Refusal::of_fcntl(libc::F_DUPFD_CLOEXEC, Errno::EMFILE), "giving it its name"),
        (Refusal::of(libc::SYS_linkat, Errno::EPERM), "giving it its name"),
    ];
    // With files that have no name at first, and without.
    for unnamed in [None, Some(Errno::EOPNOTSUPP), Some(Errno::EISDIR)] {
        let unnamed = unnamed.map(Refusal::of_unnamed_files);
        for (refusal, step) in steps {
            let (folder, path) = place();
            let refusals: Vec<_> = unnamed.into_iter().chain([refusal]).collect();
            let Some(result) = aside(|| refuse(&refusals).then(|| Writer::create(&path, &small())))
            else {
                return;
            };
            check_io(&result.unwrap_err(), step, refusal.error);
            assert_eq!(names(folder.path()), [""; 0], "{step}");
        }
    }
    let (folder, path) = place();
    let refusal = Refusal::of_unnamed_files(Errno::EACCES);
    let result = aside(|| refuse(&[refusal]).then(|| Writer::create(&path, &small())));
    check_io(&result.unwrap().unwrap_err(), "making the file", Errno::EACCES);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_quota_and_a_lock_that_are_in_the_way_have_errors_of_their_own() {
    for (refusal, expected) in [
        (Refusal::of(libc::SYS_fallocate, Errno::EDQUOT), "no room for `"),
        (Refusal::of(libc::SYS_fallocate, Errno::ENOSPC), "no room for `"),
        (Refusal::of_fcntl(libc::F_OFD_SETLK, Errno::EAGAIN), "locked by another process"),
    ] {
        let (folder, path) = place();
        let Some(result) = aside(|| refuse(&[refusal]).then(|| Writer::create(&path, &small())))
        else {
            return;
        };
        let told = result.unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
        assert_eq!(names(folder.path()), [""; 0], "{told}");
    }
}

/// The folder is written out after the name is given. If that fails, the name is taken back.
#[test]
fn a_name_that_may_not_last_is_taken_back() {
    let (folder, path) = place();
    let mut helper = Helper::start("folder that cannot be synced", &path);
    let word = helper.hear();
    assert!(helper.finish().success());
    if word.starts_with("skipped") {
        println!("{word}");
        return;
    }
    let expected = format!("cannot create `{}`: giving it its name", path.display());
    assert_eq!(word, expected);
    assert_eq!(names(folder.path()), [""; 0]);
}

/// A file system without unnamed files, and one that cannot reserve blocks, serve all the same.
#[test]
fn what_is_not_needed_may_be_missing() {
    for refusals in [
        vec![Refusal::of_unnamed_files(Errno::EOPNOTSUPP)],
        vec![Refusal::of(libc::SYS_fallocate, Errno::EOPNOTSUPP)],
        // The hole behind a close mark is for the sake of economy.
        vec![Refusal {
            when: refusal::When::Has(1, 2),
            ..Refusal::of(libc::SYS_fallocate, Errno::EIO)
        }],
    ] {
        let (folder, path) = place();
        let made = aside(|| {
            if !refuse(&refusals) {
                return false;
            }
            let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(3 << 20)).unwrap();
            assert_eq!(names(folder.path()), ["it.kekbit"], "no other name is left");
            writer.append(&[7; 10_000]).unwrap();
            writer.sync().unwrap();
            writer.close().unwrap();
            true
        });
        if made {
            let mut reader = Reader::open(&path).unwrap();
            assert_eq!(reader.iter().map(|record| record.unwrap().len()).sum::<usize>(), 10_000);
            assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
        }
    }
}

#[test]
fn whatever_step_of_reading_is_refused_is_told() {
    let (_folder, path) = place();
    Spec::numbers(100).image().numbers(3).write_native(&path);
    for (refusal, step) in [
        (Refusal::of(libc::SYS_openat, Errno::EMFILE), "opening the file"),
        (Refusal::of(libc::SYS_pread64, Errno::EIO), "reading its header"),
        (Refusal::of(libc::SYS_fstatfs, Errno::EIO), "asking for the file system"),
        (Refusal::of_mappings(Errno::ENOMEM), "mapping it"),
    ] {
        let result = aside(|| refuse(&[refusal]).then(|| (Reader::open(&path), recover(&path))));
        let Some((opened, recovered)) = result else { return };
        check_io(&opened.unwrap_err(), step, refusal.error);
        check_io(&recovered.unwrap_err(), step, refusal.error);
    }
    let mut reader = Reader::open(&path).unwrap();
    let refusals = [
        Refusal::of(libc::SYS_pread64, Errno::EIO),
        Refusal::of_fcntl(libc::F_OFD_GETLK, Errno::ENOLCK),
    ];
    aside(|| {
        assert!(refuse(&refusals));
        check_io(&reader.clone().seek_to_end().unwrap_err(), "searching for its end", Errno::EIO);
        assert_eq!(reader.iter().filter(Result::is_ok).count(), 3, "records need no call");
        let step = "asking whether its writer is alive";
        check_io(&reader.try_next().unwrap_err(), step, Errno::ENOLCK);
    });
    // Which was of the moment.
    assert_eq!(reader.try_next().unwrap(), Next::Abandoned);
}

#[test]
fn a_sync_that_fails_ends_the_channel() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &small()).unwrap();
    writer.append(b"synced").unwrap();
    writer.sync().unwrap();
    writer.append(b"not synced").unwrap();
    let failed = aside(|| {
        if !refuse(&[Refusal::of(libc::SYS_msync, Errno::EIO)]) {
            return false;
        }
        let error = writer.sync().unwrap_err();
        assert!(matches!(error, SyncError::Io { durable: 1, .. }), "{error}");
        true
    });
    if !failed {
        return;
    }
    // In a thread in which it would not fail: there is no second try.
    assert!(matches!(writer.sync(), Err(SyncError::Poisoned { .. })));
    assert!(matches!(writer.append(b"x"), Err(WriteError::Poisoned { .. })));
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 2);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::SyncFailed));
    assert_eq!(reader.durable(), 1);
    drop(writer);
    assert_eq!(recover(&path).unwrap().reason, CloseReason::SyncFailed);
}

#[test]
fn a_recovery_that_fails_can_be_done_again() {
    let (_folder, path) = place();
    Spec::numbers(100).image().numbers(3).write_native(&path);
    for (refusal, step) in [
        (Refusal::of_fcntl(libc::F_OFD_SETLK, Errno::ENOLCK), "locking it"),
        (Refusal::of(libc::SYS_msync, Errno::EIO), "writing it out to the disk"),
    ] {
        let Some(result) = aside(|| refuse(&[refusal]).then(|| recover(&path))) else { return };
        check_io(&result.unwrap_err(), step, refusal.error);
        assert_eq!(Reader::open(&path).unwrap().try_next().unwrap().record().unwrap().sequence, 0);
    }
    let recovery = recover(&path).unwrap();
    assert_eq!((recovery.records, recovery.reason), (3, CloseReason::Recovered));
}

/// However few descriptors are left, what is done is done whole or not at all.
#[test]
fn descriptors_may_run_out() {
    let (folder, path) = place();
    let mut helper = Helper::start("few descriptors", &path);
    assert_eq!(helper.hear(), "done");
    assert!(helper.finish().success());
    assert_eq!(names(folder.path()), ["it.kekbit"]);
}

fn few_descriptors(path: &Path) {
    let dead = path.with_extension("dead");
    Spec::numbers(100).image().numbers(3).write_native(&dead);
    let folder = path.parent().unwrap();
    let next = File::open("/dev/null").unwrap();
    let next = u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&next)).unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let tried = |what: &str, run: &dyn Fn() -> Option<Box<dyn Error>>| {
        let mut refused = 0;
        for free in 0.. {
            setrlimit(Resource::RLIMIT_NOFILE, next + free, hard).unwrap();
            let error = run();
            setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
            let Some(error) = error else { break };
            let step = error.to_string();
            let (_, step) = step.rsplit_once(": ").unwrap();
            check_io(error.as_ref(), step, Errno::EMFILE);
            assert_eq!(names(folder), ["it.dead"], "{what} with {free} descriptors: {step}");
            refused += 1;
        }
        assert!(0 < refused, "{what} needs descriptors");
    };
    tried("open", &|| Reader::open(&dead).err().map(Box::from));
    tried("open by schema", &|| DynamicReader::open(&dead).err().map(Box::from));
    tried("recover", &|| recover(&dead).err().map(Box::from));
    tried("create", &|| Writer::create(path, &small()).err().map(Box::from));
    fs::remove_file(&dead).unwrap();
    assert_eq!(Reader::open(path).unwrap().try_next().unwrap(), Next::Closed(CloseReason::Closed));
    say("done");
}

/// Address space runs out: by its size, and by the number of mappings.
#[test]
fn address_space_may_run_out() {
    for role in ["little address space", "too many mappings"] {
        let (folder, path) = place();
        Spec::numbers(100).image().numbers(3).write_native(&path.with_extension("dead"));
        let mut helper = Helper::start(role, &path);
        let word = helper.hear();
        assert!(helper.finish().success(), "{role}");
        if word != "done" {
            println!("{word}");
        }
        assert_eq!(names(folder.path()), ["it.dead"], "{role}");
    }
}

/// Creates, opens and recovers where nothing can be mapped.
fn check_unmappable(path: &Path) {
    let dead = path.with_extension("dead");
    let options = ChannelOptions::new().bytes(64 << 20);
    check_io(&Writer::create(path, &options).unwrap_err(), "mapping it", Errno::ENOMEM);
    check_io(&Reader::open(&dead).unwrap_err(), "mapping it", Errno::ENOMEM);
    check_io(&recover(&dead).unwrap_err(), "mapping it", Errno::ENOMEM);
}

fn little_address_space(path: &Path) {
    let dead = path.with_extension("dead");
    // As large as the other one would be.
    let mut large = Spec::numbers(1).image();
    large.patch(|spec| spec.capacity = 64 << 20).write(&dead);
    File::options().write(true).open(&dead).unwrap().set_len(65 << 20).unwrap();
    let status = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
    setrlimit(Resource::RLIMIT_AS, pages * 4096 + (32 << 20), u64::MAX).unwrap();
    check_unmappable(path);
    setrlimit(Resource::RLIMIT_AS, u64::MAX, u64::MAX).unwrap();
    assert_eq!(recover(&dead).unwrap().records, 0);
    say("done");
}

fn too_many_mappings(path: &Path) {
    let max = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let max: usize = max.trim().parse().unwrap();
    if 300_000 < max {
        return say(&format!("skipped: {max} mappings are too many to make"));
    }
    let file = File::open(path.with_extension("dead")).unwrap();
    let map = || memmap2::MmapOptions::new().len(4096).map_raw_read_only(&file);
    let mut maps = Vec::with_capacity(max);
    while let Ok(one) = map() {
        maps.push(one);
    }
    check_unmappable(path);
    drop(maps);
    assert_eq!(recover(path.with_extension("dead")).unwrap().records, 3);
    say("done");
}

/// A folder that is gone: by its name, and as the one in which a process works.
#[test]
fn a_folder_may_be_removed_at_any_time() {
    let (folder, _path) = place();
    let gone = folder.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let mut helper = Helper::start("in a folder that is gone", &gone);
    assert_eq!(helper.hear(), "cannot create `it.kekbit`: making the file");
    assert!(helper.finish().success());

    // With a channel in it that is in use.
    let busy = folder.path().join("busy");
    fs::create_dir(&busy).unwrap();
    let path = busy.join("it.kekbit");
    let mut writer = Writer::create(&path, &small()).unwrap();
    writer.append(b"before").unwrap();
    let mut reader = Reader::open(&path).unwrap();
    fs::remove_dir_all(&busy).unwrap();
    writer.append(b"after").unwrap();
    assert_eq!(writer.sync().unwrap().durable, 2);
    assert_eq!(reader.iter().map(|record| record.unwrap().len()).sum::<usize>(), 11);
    assert_eq!(reader.try_next().unwrap(), Next::Pending);
    assert!(matches!(Reader::open(&path), Err(OpenError::Missing { .. })));
    assert!(matches!(recover(&path), Err(RecoverError::Open(OpenError::Missing { .. }))));
    writer.close().unwrap();
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
}

/// Rights are asked for when a file is opened, and never again.
#[test]
fn rights_may_be_taken_away_while_a_channel_is_in_use() {
    let (folder, path) = place();
    let mut writer = Writer::create(&path, &small().mode(0o644)).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    writer.append(b"one").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o000)).unwrap();
    if nix::unistd::geteuid().is_root() {
        chown(&path, Some(65534), Some(65534)).unwrap();
    }
    writer.append(b"two").unwrap();
    assert_eq!(writer.sync().unwrap().durable, 2);
    assert_eq!(reader.iter().count(), 2);
    assert_eq!(reader.try_next().unwrap(), Next::Pending);
    writer.close().unwrap();
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
}

/// A record takes nothing from the heap, however it is read or written.
#[test]
fn a_record_costs_no_allocation() {
    let (_folder, path) = place();
    let mut image = Spec { max_payload: 8, ..Spec::numbers(2000).stamped() }.image();
    image.numbers(2000).close(1).write_native(&path);
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    let channel = Channel::<Number>::open(&path).unwrap();
    let mut bytes = Reader::open(&path).unwrap();
    let mut data = DynamicReader::open(&path).unwrap();
    let check = |what: &str, read: &mut dyn FnMut() -> u64| {
        let (sum, taken) = counted(read);
        assert_eq!(sum, 10 * 1999 * 1000, "{what}");
        assert_eq!((taken.count, taken.peak), (0, 0), "{what}");
    };
    let number = |value: &[u8]| u64::from_le_bytes(value.try_into().unwrap());
    check("iter", &mut || reader.clone().iter().map(|record| record.unwrap().value.value).sum());
    check("try_next", &mut || {
        let mut sum = 0;
        while let Next::Record(record) = reader.try_next().unwrap() {
            sum += record.value.value;
        }
        sum
    });
    check("get", &mut || {
        (0..2000).map(|sequence| channel.reader().get(sequence).unwrap().unwrap().value.value).sum()
    });
    check("views", &mut || channel.views().map(|view| view.unwrap().value.value()).sum());
    check("batch", &mut || {
        let mut sum = 0;
        let mut batched = bytes.clone();
        loop {
            let batch = batched.batch(64);
            if batch.len() == 0 {
                return sum;
            }
            sum += batch.map(|record| number(record.unwrap().value)).sum::<u64>();
        }
    });
    check("bytes", &mut || bytes.iter().map(|record| number(record.unwrap().value)).sum());
    check("by schema", &mut || data.iter().map(|datum| number(datum.unwrap().value.bytes())).sum());

    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(1 << 20)).unwrap();
    let ((), taken) = counted(|| {
        for _ in 0..1000 {
            writer.append(&[7; 100]).unwrap();
            writer.claim(50).unwrap().commit();
        }
        writer.sync().unwrap();
    });
    assert_eq!(taken.count, 0);
}

/// The memory of a reader that is its own does not grow with the file.
#[test]
fn the_memory_of_a_reader_does_not_grow_with_the_file() {
    let (_folder, path) = place();
    let grown = |mib: u64| {
        hollow(&path, mib);
        let mut helper = Helper::start("measured", &path);
        assert_eq!(helper.hear(), format!("{mib} records"));
        let grown: u64 = helper.hear().parse().unwrap();
        assert!(helper.finish().success());
        println!("{mib} MiB: {grown} KiB of memory more than before");
        grown
    };
    // The long form of a harness that has no random cases.
    let mib = if std::env::var_os("KEKBIT_CASES").is_some() { 256 } else { 32 };
    for mib in [mib, 8 * mib] {
        assert!(grown(mib) <= 512, "a constant part");
    }
}

/// A channel of records of one MiB each, less its word, all of zeroes: a file with holes.
fn hollow(path: &Path, count: u64) {
    let max_payload = (1 << 20) - 8;
    let spec = Spec { flags: CHECKSUMS, max_payload, ..Spec::raw(count << 20) };
    let small = Spec { capacity: 8, max_payload: 0, ..spec.clone() }.image();
    let mut header = small;
    header.patch(|patched| *patched = spec.clone());
    header.write(path);
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(spec.file_size() as u64).unwrap();
    let zeroes = vec![0; (1 << 20) - 8];
    for sequence in 0..count {
        let word = 1_u64 << 60 | u64::from(max_payload) << 32;
        // The library's own, for the sake of speed.
        let mut sum = crc32c::crc32c(&spec.channel_id);
        for part in [&sequence.to_le_bytes()[..], &word.to_le_bytes(), &zeroes] {
            sum = crc32c::crc32c_append(sum, part);
        }
        let word = word | u64::from(sum);
        let at = spec.data_offset() as u64 + (sequence << 20);
        file.write_all_at(&word.to_le_bytes(), at).unwrap();
    }
}

/// KiB of memory that is neither a file's nor shared.
fn anonymous() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("RssAnon");
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn measured(path: &Path) {
    let before = anonymous();
    let mut most = before;
    let mut reader = Reader::open(path).unwrap();
    let mut count = 0;
    for record in reader.iter() {
        assert_eq!(record.unwrap().len(), (1 << 20) - 8);
        count += 1;
        most = most.max(anonymous());
    }
    reader.seek(count / 2).unwrap();
    reader.seek_to_end().unwrap();
    assert_eq!(reader.try_next().unwrap(), Next::Abandoned);
    most = most.max(anonymous());
    say(&format!("{count} records"));
    say(&(most - before).to_string());
}

/// The folder is opened first, twice, so its descriptors are the ones that are free now.
fn folder_that_cannot_be_synced(path: &Path) {
    let free = File::open("/dev/null").unwrap();
    let number = u32::try_from(std::os::fd::AsRawFd::as_raw_fd(&free)).unwrap();
    drop(free);
    let of_number = |number| Refusal {
        when: refusal::When::Is(0, number),
        ..Refusal::of(libc::SYS_fsync, Errno::EIO)
    };
    if !refuse(&[of_number(number), of_number(number + 1)]) {
        return say("skipped");
    }
    match Writer::create(path, &small()) {
        Ok(_) => say("created"),
        Err(error) => say(&error.to_string()),
    }
}

#[test]
fn child() {
    let Some((role, path)) = child::role() else { return };
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        ["full", kind, size] => full(&path, kind, size.parse().unwrap()),
        ["fuller", kind, size] => fuller(&path, kind, size.parse().unwrap()),
        ["sparse", kind, size] => sparse::recovered(&path, kind, size.parse().unwrap()),
        ["small", "files"] => sparse::small_files(&path),
        ["read-only", kind, size] => read_only(&path, kind, size.parse().unwrap()),
        ["two", "records"] => {
            let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(1 << 20)).unwrap();
            writer.append(&[7; 5000]).unwrap();
            writer.append(&[8; 5000]).unwrap();
            say("written");
            child::listen();
        }
        ["few", "descriptors"] => few_descriptors(&path),
        ["little", "address", "space"] => little_address_space(&path),
        ["too", "many", "mappings"] => too_many_mappings(&path),
        ["measured"] => measured(&path),
        ["folder", ..] => folder_that_cannot_be_synced(&path),
        ["in", "a", "folder", ..] => {
            std::env::set_current_dir(&path).unwrap();
            fs::remove_dir(&path).unwrap();
            say(&Writer::create("it.kekbit", &small()).unwrap_err().to_string());
        }
        _ => panic!("no role {role}"),
    }
}
