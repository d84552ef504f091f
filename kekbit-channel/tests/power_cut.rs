//! Goal: on a real file system whose power is cut, all that a sync had covered when it returned is
//! there, what is read is a prefix of what was written, and recovery seals it, for good.
//!
//! Method: a file system on a loop device, mounted for a child alone; a writer that says when its
//! syncs have returned; at a random instant the file system is cut off from its device, log
//! included (`EXT4_IOC_SHUTDOWN`, `XFS_IOC_GOINGDOWN`), unmounted, and mounted again. Before that,
//! some pages of the file are written out, others not, as a kernel may do at any time.
//!
//! Boot, device and inode are the same afterwards, so that readers take the file for one whose end
//! can be searched (`docs/FORMAT.md`, Assumptions). It is walked here; the harness counts how often
//! a search would have gone past the end.
//!
//! It needs root, `mkfs` and `losetup`, and says so where they are missing.
//! Long form:
//! `KEKBIT_CASES=500 cargo test --release -p kekbit-channel --test power_cut -- --nocapture`.
#![cfg(target_os = "linux")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/child.rs"]
mod child;
#[path = "support/disk.rs"]
mod disk;

use std::{
    fmt::{self, Display},
    fs::{self, File},
    io::Write,
    os::fd::AsRawFd,
    path::Path,
};

use kekbit_channel::{
    ChannelOptions, CloseReason, Next, Reader, Record, Synced, TypedWriter, Writer, recover,
};
use nix::libc;

use crate::{
    cases::{Cases, Rng},
    child::{Helper, listen, poll, say},
    disk::Disk,
};

/// A record that is larger than a cache line and starts anywhere in a page.
#[derive(Record, Debug, PartialEq)]
struct Tick {
    number: u64,
    squares: [u64; 16],
}

/// What a channel is like, drawn from the seed by both its writer and the one who looks at it.
#[derive(Debug, Clone, Copy)]
struct Plan {
    seed: u64,
    typed: bool,
    checksums: bool,
    time_stamps: bool,
    /// Records from one sync to the next, at most.
    pace: u64,
    /// Syncs after which the power is cut.
    syncs: u64,
    /// Records that are waited for after that.
    more: u64,
    /// Whether some pages are written out before.
    stirred: bool,
    /// Whether the cut comes while the channel is being created.
    early: bool,
    /// Whether the power is cut again after recovery.
    again: bool,
}

impl Plan {
    fn of(seed: u64) -> Plan {
        let mut rng = Rng::with_seed(seed);
        let pace = 1 << rng.u32(..10);
        Plan {
            seed,
            typed: rng.bool(),
            checksums: rng.u8(..4) != 0,
            time_stamps: rng.bool(),
            pace,
            syncs: rng.u64(..8),
            more: rng.u64(..3 * pace),
            stirred: rng.u8(..4) != 0,
            early: rng.u8(..8) == 0,
            again: rng.bool(),
        }
    }

    fn options(self) -> ChannelOptions {
        let mut options = ChannelOptions::new().bytes(6 << 20);
        if !self.checksums {
            options = options.without_checksums();
        }
        if self.time_stamps {
            options = options.time_stamps();
        }
        options
    }

    fn tick(self, number: u64) -> Tick {
        let mut rng = Rng::with_seed(self.seed ^ number << 20);
        Tick { number, squares: std::array::from_fn(|_| rng.u64(..)) }
    }

    /// A payload that follows from its number, of any length up to some pages.
    fn line(self, number: u64) -> Vec<u8> {
        let mut rng = Rng::with_seed(self.seed ^ number << 20);
        let len = if rng.u8(..16) == 0 { rng.usize(..10_000) } else { rng.usize(..300) };
        let mut line = vec![0; len];
        rng.fill(&mut line);
        line
    }

    fn payload(self, number: u64) -> Vec<u8> {
        if !self.typed {
            return self.line(number);
        }
        let tick = self.tick(number);
        let words = [tick.number].into_iter().chain(tick.squares);
        words.flat_map(u64::to_le_bytes).collect()
    }
}

/// What was found after the cuts.
#[derive(Default)]
struct Counted {
    read: u64,
    synced: u64,
    torn: u64,
    absent: u64,
    misled: u64,
    altered: u64,
}

impl Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted { read, synced, torn, absent, misled, altered } = self;
        write!(
            f,
            "{synced} records were synced, {read} there; {torn} files ended in a torn frame, \
             {absent} were not there yet; a search would have gone past the end of {misled}; \
             {altered} records of unchecked channels were not what was written"
        )
    }
}

#[test]
fn what_was_synced_survives_a_power_cut_on_ext4() {
    cut("power cuts, ext4", "ext4 50331648");
}

#[test]
fn what_was_synced_survives_a_power_cut_on_xfs() {
    cut("power cuts, xfs", "xfs 335544320");
}

#[test]
fn what_was_synced_survives_a_power_cut_on_btrfs() {
    cut("power cuts, btrfs", "btrfs 134217728");
}

/// Runs cases in a child that has the file system.
fn cut(name: &'static str, disk: &str) {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can mount a loop device");
        return;
    }
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let Some(mut keeper) = Helper::start_apart(&format!("keep {disk}"), folder.path()) else {
        return;
    };
    let word = keeper.hear();
    if word != "mounted" {
        println!("{word}");
        return;
    }
    Cases::of(name, 6).run(|_number, rng, counted: &mut Counted| {
        keeper.tell(&rng.get_seed().to_string());
        let word = keeper.hear();
        let facts: Vec<u64> = word.split(' ').map(|fact| fact.parse().unwrap()).collect();
        let [read, synced, torn, absent, misled, altered] = facts[..] else { panic!("{word}") };
        counted.read += read;
        counted.synced += synced;
        counted.torn += torn;
        counted.absent += absent;
        counted.misled += misled;
        counted.altered += altered;
    });
    assert!(keeper.finish().success());
}

fn keep(place: &Path, kind: &str, size: u64) {
    let disk = Disk::make(kind, place, size);
    let mounted = disk.and_then(|disk| {
        // Whether it can be cut off shows when it is.
        disk.cut_off()?;
        disk.unmount();
        disk.mount()?;
        Ok(disk)
    });
    let disk = match mounted {
        Ok(disk) => disk,
        Err(missing) => return say(&format!("skipped: {missing}")),
    };
    say("mounted");
    loop {
        let seed: u64 = listen().parse().unwrap();
        let counted = one_cut(&disk, Plan::of(seed));
        let Counted { read, synced, torn, absent, misled, altered } = counted;
        say(&format!("{read} {synced} {torn} {absent} {misled} {altered}"));
    }
}

/// One channel, one cut, and what is there afterwards.
fn one_cut(disk: &Disk, plan: Plan) -> Counted {
    let path = disk.folder.join(format!("{}.kekbit", plan.seed));
    let mut writer = Helper::start(&format!("write {}", plan.seed), &path);
    let mut told = Told::default();
    if plan.early {
        // At some moment of its creation.
        let tries = Rng::with_seed(plan.seed).u32(..2000);
        let _ = (0..tries).find(|_| fs::symlink_metadata(&path).is_ok());
    } else {
        told.wait_for(&mut writer, plan.syncs);
        if !told.ended {
            wait_for_records(&path, told.durable + plan.more);
        }
        if plan.stirred {
            stir(&path, &disk.folder, plan.seed);
        }
    }
    // What has returned by now counts. A sync that returns while the file system is being cut off
    // may be told by the kernel that it has succeeded, which no power cut could tell anybody.
    let durable = Reader::open(&path).map_or(0, |reader| reader.durable());
    assert!(told.durable <= durable, "{plan:?}: more was told than is noted");
    told.durable = durable;
    disk.cut_off().unwrap();
    writer.kill();
    drop(writer);
    disk.unmount();
    disk.mount().unwrap();

    let there = path.exists();
    assert!(there || !told.created, "{plan:?}: the channel is gone");
    let mut counted = Counted { absent: u64::from(!there), ..Counted::default() };
    if there {
        check(&path, plan, &told, &mut counted);
        if plan.again {
            disk.cut_off().unwrap();
            disk.unmount();
            disk.mount().unwrap();
            let (again, end) = walk(&path, plan, &told, &mut Counted::default());
            assert_eq!(again, counted.read, "{plan:?}: what recovery has kept is kept");
            assert_eq!(end, Some(CloseReason::Recovered), "{plan:?}: its mark is");
        }
        fs::remove_file(&path).unwrap();
        // The next cut must not bring it back.
        File::open(&disk.folder).unwrap().sync_all().unwrap();
    }
    for entry in fs::read_dir(&disk.folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(["lost+found", "other"].contains(&name.as_str()), "{plan:?}: {name} is left");
    }
    counted
}

/// What the writer has said.
#[derive(Default)]
struct Told {
    created: bool,
    /// What the last sync that returned had covered.
    durable: u64,
    ended: bool,
}

impl Told {
    fn wait_for(&mut self, writer: &mut Helper, syncs: u64) {
        let mut heard = 0;
        while (!self.created || heard < syncs) && !self.ended {
            let word = writer.hear();
            match word.parse() {
                Ok(durable) => {
                    self.durable = durable;
                    heard += 1;
                }
                Err(_) if word == "created" => self.created = true,
                // Full, or cut off.
                Err(_) => self.ended = true,
            }
        }
    }
}

/// Follows the writer up to a record. There is room for more than any plan waits for.
fn wait_for_records(path: &Path, count: u64) {
    let mut reader = Reader::open(path).unwrap();
    poll("the records", || {
        let _ = reader.try_next().unwrap();
        (count <= reader.next_sequence()).then_some(())
    });
}

/// Writes some pages of the file out, and then what the file system knows of them: so that they are
/// on the disk, and others in front of them are not.
fn stir(path: &Path, folder: &Path, seed: u64) {
    let mut rng = Rng::with_seed(seed ^ 0x5EED);
    let file = File::open(path).unwrap();
    let pages = fs::metadata(path).unwrap().len() / 4096;
    for _ in 0..rng.u32(1..30) {
        let last = pages.min(1 << rng.u32(2..12));
        let page = rng.u64(..last);
        let offset = libc::off64_t::try_from(page * 4096).unwrap();
        let len = libc::off64_t::from(4096 * rng.u32(1..16));
        let flags = libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        // SAFETY: the call takes numbers alone; the descriptor is open.
        unsafe { libc::sync_file_range(file.as_raw_fd(), offset, len, flags) };
    }
    // The log is written for all files at once.
    let mut other = File::create(folder.join("other")).unwrap();
    other.write_all(&[1]).unwrap();
    other.sync_all().unwrap();
}

/// Walks over what is there, compares it with what was written, and gives count and end.
fn walk(path: &Path, plan: Plan, told: &Told, counted: &mut Counted) -> (u64, Option<CloseReason>) {
    let mut reader = Reader::open(path).unwrap_or_else(|error| panic!("{plan:?}: {error}"));
    let mut count = 0;
    for record in reader.iter() {
        let Ok(record) = record else { break };
        assert_eq!(record.sequence, count);
        let right = record.value == plan.payload(count);
        // Without checksums a word can be on the disk, and its payload not.
        assert!(right || !plan.checksums && told.durable <= count, "{plan:?}: record {count}");
        counted.altered += u64::from(!right);
        count += 1;
    }
    let end = match reader.try_next() {
        Ok(Next::Closed(reason)) => Some(reason),
        Ok(Next::Abandoned) => None,
        Ok(other) => panic!("{plan:?}: {other:?}"),
        Err(_) => {
            counted.torn += 1;
            None
        }
    };
    (count, end)
}

fn check(path: &Path, plan: Plan, told: &Told, counted: &mut Counted) {
    let (count, end) = walk(path, plan, told, counted);
    (counted.read, counted.synced) = (count, told.durable);
    assert!(told.durable <= count, "{plan:?}: {} were synced, {count} are there", told.durable);
    // On a busy machine the writer may have come to the end of its room before the cut.
    assert!(matches!(end, None | Some(CloseReason::Full)), "{plan:?}: {end:?}");
    let mut reader = Reader::open(path).unwrap();
    // Of a sync that did not return any more, the number may have arrived.
    assert!(reader.durable() <= count, "{plan:?}: durable is {}", reader.durable());
    // It may take a frame behind a gap for the last one, but does not stop in front of the gap.
    if reader.seek_to_end().is_ok() {
        assert!(count <= reader.next_sequence(), "{plan:?}: a search");
        counted.misled += u64::from(count < reader.next_sequence());
    }
    drop(reader);

    let recovery = recover(path).unwrap_or_else(|error| panic!("{plan:?}: {error}"));
    assert_eq!((recovery.records, recovery.sealed), (count, end.is_none()), "{plan:?}");
    let ended = end.unwrap_or(CloseReason::Recovered);
    let (again, end) = walk(path, plan, told, &mut Counted::default());
    assert_eq!((again, end), (count, Some(ended)), "{plan:?}");
    // A mark shows every search where the end is.
    let mut reader = Reader::open(path).unwrap();
    reader.seek_to_end().unwrap();
    assert_eq!(reader.next_sequence(), count, "{plan:?}: a search after recovery");
}

/// Writes until it is killed, there is no more room, or the disk is gone, and says what its syncs
/// have covered.
fn write(path: &Path, plan: Plan) {
    let options = plan.options();
    if plan.typed {
        if let Ok(mut writer) = TypedWriter::<Tick>::create(path, &options) {
            write_on(
                &mut writer,
                plan,
                |writer, number| writer.append(&plan.tick(number)).is_ok(),
                |writer| writer.sync().ok(),
            );
        }
    } else if let Ok(mut writer) = Writer::create(path, &options) {
        write_on(
            &mut writer,
            plan,
            |writer, number| writer.append(&plan.line(number)).is_ok(),
            |writer| writer.sync().ok(),
        );
    }
    say("ended");
    listen();
}

fn write_on<W>(
    writer: &mut W,
    plan: Plan,
    append: impl Fn(&mut W, u64) -> bool,
    sync: impl Fn(&mut W) -> Option<Synced>,
) {
    say("created");
    let mut rng = Rng::with_seed(plan.seed ^ 0xFACE);
    let mut next = rng.u64(1..=plan.pace);
    for number in 0.. {
        if !append(writer, number) {
            return;
        }
        if number + 1 == next {
            let Some(synced) = sync(writer) else { return };
            say(&synced.durable.to_string());
            next += rng.u64(1..=plan.pace);
        }
    }
}

#[test]
fn child() {
    let Some((role, path)) = child::role() else { return };
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        ["keep", kind, size] => keep(&path, kind, size.parse().unwrap()),
        ["write", seed] => write(&path, Plan::of(seed.parse().unwrap())),
        _ => panic!("no role {role}"),
    }
}
