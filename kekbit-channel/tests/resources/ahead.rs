//! Pages that are made present in front of a writer.

use std::{fs, os::unix::fs::MetadataExt};

use kekbit_channel::{ChannelOptions, Prefault, Reader, TypedReader, TypedWriter};
use nix::{
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, fork},
};

use crate::{Number, place};

/// The thread goes in front of the writer for several windows, through syncs; what it has made and
/// nobody has used is given back at the close.
#[test]
fn a_writer_that_is_prefaulted_ahead_loses_nothing_and_gives_the_tail_back() {
    const COUNT: u64 = 2_000_000;
    let (_folder, path) = place();
    let options = ChannelOptions::new().records(2 * COUNT).prefault(Prefault::Ahead);
    let mut writer = TypedWriter::<Number>::create(&path, &options).unwrap();
    for value in 0..COUNT {
        writer.append(&Number { value }).unwrap();
        if value % 500_000 == 7 {
            writer.sync().unwrap();
        }
    }
    let used = 16 * COUNT;
    writer.close().unwrap();
    let occupied = fs::metadata(&path).unwrap().blocks() * 512;
    assert!(occupied < used + (1 << 20), "{occupied} bytes for {used}");
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    let mut expected = 0..COUNT;
    for record in reader.iter() {
        assert_eq!(Some(record.unwrap().value.value), expected.next());
    }
    assert_eq!(expected.next(), None);
}

/// A child has no such thread, and does not wait for what it may have held.
#[test]
fn a_forked_child_can_drop_a_writer_that_is_prefaulted_ahead() {
    let (_folder, path) = place();
    // Just when the thread is woken to make the next pages.
    for count in (262_200..265_000_u64).step_by(256) {
        let options = ChannelOptions::new().records(4_000_000).prefault(Prefault::Ahead);
        let mut writer = TypedWriter::<Number>::create(&path, &options).unwrap();
        for value in 0..count {
            writer.append(&Number { value }).unwrap();
        }
        // SAFETY: the child drops, which takes no lock that another thread can hold, and ends.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                drop(writer);
                // SAFETY: ends the process at once.
                unsafe { nix::libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
            }
        }
        writer.append(&Number { value: count }).unwrap();
        writer.close().unwrap();
        assert_eq!(Reader::open(&path).unwrap().iter().count() as u64, count + 1);
        fs::remove_file(&path).unwrap();
    }
}
