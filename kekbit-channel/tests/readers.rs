//! Goal: readers need no rights, disturb nobody, and may be many; what they hold stays good.
//!
//! Method: files and folders whose rights are taken away (as another user, where the test is run as
//! root), files that lose their name, threads, and the compiler for what types promise.

#[path = "support/child.rs"]
mod child;
#[path = "support/image.rs"]
mod image;

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    thread,
};

use kekbit_channel::{
    Batch, Bytes, Channel, ChannelOptions, Claim, CloseReason, Follow, Header, Iter, Merge, Next,
    OpenError, Prefault, ReadError, Reader, Record, Recorded, RecoverError, Recovery, SeekError,
    SharedTypedWriter, SharedWriter, TypedClaim, TypedReader, TypedWriter, Values, Views, Wait,
    WriteError, Writer, recover,
};
use tempfile::TempDir;

use crate::{
    child::{Helper, say},
    image::Spec,
};

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Number {
    value: u64,
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

/// What a type promises to threads, judged by the compiler.
#[test]
fn everything_can_be_sent_and_shared_between_threads() {
    fn both<T: Send + Sync>() {}
    fn send<T: Send>() {}
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    both::<Reader>();
    both::<TypedReader<Number>>();
    both::<Channel<Number>>();
    both::<Views<'_, Number>>();
    both::<Writer>();
    both::<TypedWriter<Number>>();
    both::<SharedWriter>();
    both::<SharedTypedWriter<Number>>();
    both::<Claim<&mut Writer>>();
    both::<TypedClaim<&mut Writer, Number>>();
    both::<Iter<'_, Bytes>>();
    both::<Follow<'_, Values<'_, Number>>>();
    both::<Batch<'_, Bytes>>();
    both::<Header>();
    both::<Recovery>();
    both::<ChannelOptions>();
    both::<Next<Recorded<&[u8]>>>();
    send::<Merge<Number>>();
    error::<kekbit_channel::CreateError>();
    error::<OpenError>();
    error::<WriteError>();
    error::<kekbit_channel::SyncError>();
    error::<kekbit_channel::CloseError>();
    error::<ReadError>();
    error::<SeekError>();
    error::<RecoverError>();
    error::<kekbit_channel::MergeError>();
    error::<kekbit_channel::OptionsError>();
    // A record need not be either: what is shared is bytes.
    #[derive(Record)]
    struct Owned(u8, std::marker::PhantomData<*const u8>);
    both::<TypedReader<Owned>>();
    both::<Channel<Owned>>();
    both::<TypedWriter<Owned>>();
    let _ = Owned(0, std::marker::PhantomData).0;
}

/// No right to write, neither to the file nor to its folder; a living writer and a dead one.
#[test]
fn a_right_to_read_is_enough() {
    let (folder, path) = place();
    let dead = folder.path().join("dead.kekbit");
    Spec::raw(4096).image().records([b"one".as_slice(), b"two"]).write(&dead);
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(4096).mode(0o644)).unwrap();
    writer.append(b"one").unwrap();
    writer.append(b"two").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(&dead, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    for (path, end) in [(&path, "Pending"), (&dead, "Abandoned")] {
        let Some(mut reader) = other_user(path) else { break };
        assert_eq!(reader.hear(), format!("one two, then {end}"));
        assert_eq!(reader.hear(), format!("cannot open `{}`: opening the file", path.display()));
        assert!(reader.finish().success());
    }
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    writer.close().unwrap();
}

/// A child without privileges; `None`, with a word, where that cannot be.
fn other_user(path: &Path) -> Option<Helper> {
    if !nix::unistd::geteuid().is_root() {
        return Some(Helper::start("read", path));
    }
    let binary = std::env::current_exe().unwrap();
    for folder in binary.ancestors().skip(1).chain(path.ancestors().skip(1)) {
        let Ok(metadata) = fs::metadata(folder) else { continue };
        if metadata.permissions().mode() & 0o001 == 0 {
            println!("skipped: others may not enter {}", folder.display());
            return None;
        }
    }
    Some(Helper::start_with("read", path, |command| {
        command.uid(65534).gid(65534);
    }))
}

#[test]
fn child() {
    let Some((_role, path)) = child::role() else { return };
    let mut reader = Reader::open(&path).unwrap();
    let words: Vec<_> = reader
        .iter()
        .map(|record| String::from_utf8(record.unwrap().value.to_vec()).unwrap())
        .collect();
    say(&format!("{}, then {:?}", words.join(" "), reader.try_next().unwrap()));
    say(&recover(&path).unwrap_err().to_string());
}

/// Reading changes nothing about a file, its times of change included.
#[test]
fn readers_leave_no_trace() {
    let (_folder, path) = place();
    let mut image = Spec::numbers(1000).image();
    image.numbers(600).write_native(&path);
    let before = fs::metadata(&path).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter().count(), 600);
    reader.seek_to_end().unwrap();
    assert_eq!(reader.try_next().unwrap(), Next::Abandoned);
    reader.seek(3).unwrap();
    drop(reader);
    let after = fs::metadata(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), image.bytes);
    assert_eq!(
        (before.mtime(), before.mtime_nsec(), before.ctime(), before.ctime_nsec()),
        (after.mtime(), after.mtime_nsec(), after.ctime(), after.ctime_nsec())
    );
    assert_eq!(before.blocks(), after.blocks());
}

#[test]
fn readers_go_on_when_the_file_loses_its_name() {
    let (folder, path) = place();
    let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(10)).unwrap();
    writer.append(&Number { value: 0 }).unwrap();
    let mut reader = TypedReader::<Number>::open(&path).unwrap();
    let channel = Channel::<Number>::open(&path).unwrap();
    let moved = folder.path().join("moved.kekbit");
    fs::rename(&path, &moved).unwrap();
    let mut late = TypedReader::<Number>::open(&moved).unwrap();
    late.seek_to_end().unwrap();
    fs::remove_file(&moved).unwrap();
    for value in 1..5 {
        writer.append(&Number { value }).unwrap();
    }
    assert_eq!(writer.sync().unwrap().durable, 5);
    writer.close().unwrap();
    let values: Vec<u64> = reader.iter().map(|record| record.unwrap().value.value).collect();
    assert_eq!(values, [0, 1, 2, 3, 4]);
    assert_eq!(reader.try_next().unwrap(), Next::Closed(CloseReason::Closed));
    assert_eq!(late.iter().count(), 4);
    assert_eq!(channel.record_count().unwrap(), 5);
    assert_eq!(channel.get(4).unwrap().unwrap().value(), 4);
    assert!(matches!(Reader::open(&path), Err(OpenError::Missing { .. })));
    // The name is free again, for another channel.
    let again = Writer::create(&path, &ChannelOptions::new().bytes(64)).unwrap();
    assert_eq!(Reader::open(&path).unwrap().header(), again.header());
    assert_eq!(reader.get(2).unwrap().unwrap().value.value, 2);
}

#[test]
fn many_readers_go_each_at_its_own_pace() {
    const COUNT: u64 = 20_000;
    let (_folder, path) = place();
    let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(COUNT)).unwrap();
    let first = TypedReader::<Number>::open(&path).unwrap();
    thread::scope(|threads| {
        let readers: Vec<_> = (0..8)
            .map(|place| {
                let mut reader = match place % 2 {
                    0 => first.clone(),
                    _ => TypedReader::open(&path).unwrap(),
                };
                threads.spawn(move || {
                    let mut expected = 0;
                    for record in reader.follow(Wait::Yield) {
                        let record = record.unwrap();
                        assert_eq!((record.sequence, record.value.value), (expected, expected));
                        expected += 1;
                    }
                    expected
                })
            })
            .collect();
        for value in 0..COUNT {
            writer.append(&Number { value }).unwrap();
        }
        drop(writer);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), COUNT);
        }
    });
    assert_eq!(first.next_sequence(), 0, "a clone has a place of its own");
}

#[test]
fn one_channel_serves_views_to_many_threads() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::create(&path, &ChannelOptions::new().records(1000)).unwrap();
    for value in 0..1000 {
        writer.append(&Number { value }).unwrap();
    }
    let channel = Channel::<Number>::open(&path).unwrap();
    let views: Vec<_> = channel.views().map(Result::unwrap).collect();
    let sums: Vec<u64> = thread::scope(|threads| {
        let chunks: Vec<_> = views
            .chunks(250)
            .map(|chunk| threads.spawn(move || chunk.iter().map(|view| view.value()).sum::<u64>()))
            .collect();
        chunks.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(sums.iter().sum::<u64>(), 499_500);
}

#[test]
fn a_link_to_a_channel_can_be_read() {
    let (folder, path) = place();
    Spec::raw(4096).image().records([b"one"]).close(1).write(&path);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(Reader::open(&link).unwrap().iter().count(), 1);
}

#[test]
fn records_are_counted_without_moving() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, typed) = (folder.path().join("raw"), folder.path().join("typed"));
    let mut lines = Writer::create(&raw, &ChannelOptions::new().bytes(4096)).unwrap();
    let options = ChannelOptions::new().records(7);
    let mut numbers = TypedWriter::<Number>::create(&typed, &options).unwrap();
    assert_eq!(numbers.header().record_capacity(), Some(7));
    assert_eq!(lines.header().record_capacity(), None);
    for count in 1..=5 {
        lines.append(b"line").unwrap();
        numbers.append(&Number { value: count }).unwrap();
        let mut reader = Reader::open(&raw).unwrap();
        assert_eq!(reader.record_count().unwrap(), count);
        assert_eq!(reader.next_sequence(), 0);
        reader.seek_to_end().unwrap();
        assert_eq!(reader.record_count().unwrap(), count);
        let reader = TypedReader::<Number>::open(&typed).unwrap();
        assert_eq!(reader.record_count().unwrap(), count);
    }
}

/// A reader that is in front of paddings lingers before each of them, and one that goes back starts
/// anew.
#[test]
fn a_reader_that_follows_goes_back_and_follows_again() {
    let (_folder, path) = place();
    let mut writer = Writer::create(&path, &ChannelOptions::new().bytes(1 << 20)).unwrap();
    for _ in 0..50 {
        writer.append(b"x").unwrap();
        drop(writer.claim(5000).unwrap());
    }
    let mut reader = Reader::open(&path).unwrap();
    for _ in 0..2 {
        reader.seek(0).unwrap();
        assert_eq!(reader.follow(Wait::Spin).take(18).filter(Result::is_ok).count(), 18);
    }
}

/// Blocks of the file that the file system has set aside.
#[cfg(target_os = "linux")]
fn blocks(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks()
}

#[test]
#[cfg(target_os = "linux")]
fn prefaulting_for_a_reader_changes_nothing_and_makes_no_pages() {
    let memory = Path::new("/dev/shm");
    let places: Vec<_> = [Some(std::env::temp_dir()), memory.is_dir().then(|| memory.into())]
        .into_iter()
        .flatten()
        .map(|folder| tempfile::tempdir_in(folder).unwrap())
        .collect();
    for folder in places {
        let path = folder.path().join("channel.kekbit");
        let options = ChannelOptions::new().bytes(16 << 20).prefault(Prefault::Off);
        let mut writer = Writer::create(&path, &options).unwrap();
        for _ in 0..100 {
            writer.append(&[7; 60_000]).unwrap();
        }
        let before = blocks(&path);
        let mut reader = Reader::open(&path).unwrap();
        reader.prefault();
        assert_eq!(blocks(&path), before, "{}", path.display());
        assert_eq!(reader.iter().filter(Result::is_ok).count(), 100);
        writer.close().unwrap();
        reader.prefault();
        // What was written, and no more of what was given back.
        assert!(blocks(&path) <= before, "{}", path.display());
        // A file that was cut behind our back is left alone; to read it would be another matter.
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(8192).unwrap();
        reader.prefault();
    }
}
