//! Files of which parts have no blocks: what looks at them takes none, and what needs some says so.

use std::{fs, os::unix::fs::MetadataExt, path::Path, process::Command};

use kekbit_channel::{ChannelOptions, Reader, RecoverError, TypedReader, TypedWriter, recover};
use nix::{
    errno::Errno,
    libc,
    sys::resource::{Resource, setrlimit},
};

use crate::{
    Number, apart, check_io,
    child::{Helper, say},
    disk, hog,
    image::{PAGE, Spec},
    place,
    refusal::{Refusal, aside, refuse},
};

/// Stores of recovery where a copy has no blocks and the disk has none to give. Not on tmpfs, where
/// looking at the end of the records alone takes memory.
#[test]
fn a_sparse_copy_on_a_full_disk_is_an_error_of_recovery_and_no_signal() {
    apart("sparse ext4 16777216");
    apart("sparse xfs 335544320");
}

pub(crate) fn recovered(place: &Path, kind: &str, size: u64) {
    let Some(disk) = disk(kind, place, size) else { return };
    let whole = place.join("whole.kekbit");
    let copy = disk.folder.join("copy.kekbit");
    let mut image = Spec::numbers(40_000).image();
    // To the end of a page, so that the close mark comes into the next.
    let count = PAGE as u64 / 16;
    image.numbers(count).write(&whole);
    let sparse = Command::new("cp").arg("--sparse=always").args([&whole, &copy]).status().unwrap();
    assert!(sparse.success());
    assert!(fs::metadata(&copy).unwrap().blocks() * 512 < 8 * PAGE as u64, "{kind}: sparse");
    hog(&disk.folder);
    let error = recover(&copy).unwrap_err();
    check_io(&error, "writing it out to the disk", Errno::ENOSPC);
    assert_eq!(fs::read(&copy).unwrap(), image.bytes, "{kind}: nothing was changed");
    fs::remove_file(disk.folder.join("hog")).unwrap();
    let recovery = recover(&copy).unwrap();
    assert_eq!((recovery.records, recovery.sealed, recovery.problem), (count, true, None));
    assert_eq!(Reader::open(&copy).unwrap().iter().count() as u64, count, "{kind}");
    say("done");
}

/// A number that is not there costs no memory, where looking at it in memory would.
#[test]
fn numbers_behind_the_end_take_no_blocks() {
    let memory = Path::new("/dev/shm");
    for folder in [std::env::temp_dir().as_path(), memory] {
        let Ok(folder) = tempfile::tempdir_in(folder) else { continue };
        let path = folder.path().join("it.kekbit");
        let options = ChannelOptions::new().records(100_000);
        let mut writer = TypedWriter::<Number>::create(&path, &options).unwrap();
        for value in 0..1000 {
            writer.append(&Number { value }).unwrap();
        }
        writer.close().unwrap();
        let reader = TypedReader::<Number>::open(&path).unwrap();
        let blocks = || fs::metadata(&path).unwrap().blocks();
        let before = blocks();
        for sequence in (0..100_000).step_by(100) {
            let found = reader.get(sequence).unwrap().map(|record| record.value.value);
            assert_eq!(found, (sequence < 1000).then_some(sequence), "{}", path.display());
        }
        assert_eq!(blocks(), before, "{}", path.display());
    }
}

/// Beyond the largest size that the process may write, the kernel would kill it.
#[test]
fn recovery_knows_the_limit_of_files() {
    let (_folder, path) = place();
    Spec::numbers(5000).image().numbers(3000).write_native(&path);
    let mut helper = Helper::start("small files", &path);
    assert_eq!(helper.hear(), "done");
    assert!(helper.finish().success());
    assert_eq!(recover(&path).unwrap().records, 3000);
}

pub(crate) fn small_files(path: &Path) {
    setrlimit(Resource::RLIMIT_FSIZE, 4 * PAGE as u64, libc::RLIM_INFINITY).unwrap();
    let before = fs::read(path).unwrap();
    let error = recover(path).unwrap_err();
    assert!(matches!(error, RecoverError::Io { .. }), "{error}");
    check_io(&error, "writing it out to the disk", Errno::EFBIG);
    assert_eq!(fs::read(path).unwrap(), before);
    setrlimit(Resource::RLIMIT_FSIZE, libc::RLIM_INFINITY, libc::RLIM_INFINITY).unwrap();
    say("done");
}

/// A recovery whose flush was refused is doubtful to whoever opens the file, until one succeeds.
#[test]
fn after_a_flush_that_failed_a_file_is_walked() {
    let (_folder, path) = place();
    let mut image = Spec::numbers(100).image();
    image.numbers(3);
    image.write_native(&path);
    let refusal = Refusal::of(libc::SYS_msync, Errno::EIO);
    let Some(result) = aside(|| refuse(&[refusal]).then(|| recover(&path))) else { return };
    check_io(&result.unwrap_err(), "writing it out to the disk", Errno::EIO);
    // What the disk did not take has been dropped.
    let file = fs::File::options().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0; 16], image.slot(1) as u64).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let hole = reader.seek_to_end().unwrap_err().to_string();
    assert!(hole.contains("there is a hole"), "{hole}");
    assert_eq!(reader.iter().filter(|record| record.is_ok()).count(), 1);
    let recovery = recover(&path).unwrap();
    assert_eq!((recovery.records, recovery.beyond), (1, 1));
    assert!(recovery.problem.is_some());
    Reader::open(&path).unwrap().seek_to_end().unwrap();
}
