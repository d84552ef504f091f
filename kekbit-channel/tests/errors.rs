//! Goal: whoever cannot create, open, write or recover a channel is told why, with the numbers, and
//! finds nothing left behind.
//!
//! Method: each case is provoked for real (files made by hand, file systems that are full, processes
//! without rights) and compared with its whole message, in which `PATH` stands for the path.

#[path = "support/child.rs"]
mod child;
#[path = "support/image.rs"]
mod image;

use std::{
    error::Error,
    fs::{self, File, Permissions},
    io::Write,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use kekbit_channel::{
    ChannelOptions, CloseReason, CreateError, Next, OpenError, Prefault, Reader, RecoverError,
    Writer, recover,
};
use nix::sys::{
    resource::{Resource, setrlimit},
    stat::Mode,
};
use tempfile::TempDir;

use crate::{
    child::{Helper, PATIENCE, say},
    image::{PAGE, Spec, number},
};

/// A folder, and a path in it of which nothing is there yet.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

fn small() -> ChannelOptions {
    ChannelOptions::new().bytes(4096)
}

/// Compares an error's message, less the path.
#[track_caller]
fn check_message(error: &dyn Error, path: &Path, expected: &str) {
    let message = error.to_string().replace(&path.display().to_string(), "PATH");
    assert_eq!(message, expected);
}

#[track_caller]
fn check_open(path: &Path, expected: &str) -> OpenError {
    // In another thread, so that hanging is a failure like any other.
    let (told, answer) = mpsc::channel();
    let asked = path.to_owned();
    thread::spawn(move || told.send(Reader::open(asked)));
    let error = answer.recv_timeout(PATIENCE).expect("open hangs").unwrap_err();
    check_message(&error, path, expected);
    match recover(path).unwrap_err() {
        // Whoever can write learns the same.
        RecoverError::Open(error) => check_message(&error, path, expected),
        other => panic!("{other}"),
    }
    error
}

#[track_caller]
fn check_create(path: &Path, options: &ChannelOptions, expected: &str) -> CreateError {
    let error = Writer::create(path, options).unwrap_err();
    check_message(&error, path, expected);
    error
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_is_no_file_cannot_be_opened() {
    let (folder, path) = place();
    let error = check_open(&path, "there is no channel `PATH`; has its writer created it yet?");
    assert!(error.source().is_some(), "what the system said is not lost");
    check_open(folder.path(), "`PATH` is a directory, not a file");
    check_open(Path::new("/dev/zero"), "`PATH` is a pipe, socket or device, not a file");
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    check_open(&pipe, "`PATH` is a pipe, socket or device, not a file");
    let below = path.join("below");
    check_open(&below, "there is no channel `PATH`; has its writer created it yet?");
}

#[test]
fn what_does_not_begin_like_a_channel_cannot_be_opened() {
    fn check(bytes: &[u8], expected: &str) {
        let (_folder, path) = place();
        fs::write(&path, bytes).unwrap();
        check_open(&path, expected);
    }
    let text = "`PATH` was a channel once: its line ends have been changed by a transfer in text \
                mode; copy it again as binary";
    check(
        b"",
        "`PATH` is empty; a channel is never empty, so this is some other file or a broken copy",
    );
    check(
        b"#!/bin/sh\n",
        "`PATH` is not a kekbit channel: it begins with \"#!/bin/s\", a channel with \
         \"KEKBIT\\r\\n\"",
    );
    check(
        b"\0",
        "`PATH` is not a kekbit channel: it begins with \"\\x00\", a channel with \
         \"KEKBIT\\r\\n\"",
    );
    check(b"KEKBIT\n and so on", text);
    check(b"KEKBIT\r\r\n and so on", text);
    check(
        b"KEKBIT\r\n",
        "`PATH` is cut short: it has 8 bytes and should have 160; copy it again, whole",
    );
    check(
        &Spec::raw(4096).image().bytes[..159],
        "`PATH` is cut short: it has 159 bytes and should have 160; copy it again, whole",
    );
}

#[test]
fn a_header_is_believed_only_when_all_of_it_fits() {
    fn check(change: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let (_folder, path) = place();
        let mut bytes = Spec::numbers(100).image().bytes;
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        check_open(&path, expected);
    }
    /// A change that the checksum does not give away.
    fn check_spec(change: impl FnOnce(&mut Spec), problem: &str) {
        let (_folder, path) = place();
        let mut image = Spec::numbers(100).image();
        change(&mut image.spec);
        let header = image.spec.header();
        image.put(0, &header);
        image.write(&path);
        check_open(&path, &format!("the header of `PATH` is damaged: {problem}"));
    }
    check(
        |bytes| bytes.truncate(3 * PAGE),
        "`PATH` is cut short: it has 12288 bytes and should have 12288; copy it again, whole",
    );
}
