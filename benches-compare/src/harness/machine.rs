//! What the figures were taken on, and whether it has anything else to do.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};

use super::{Plan, figure, probe};

/// What share of the machine may be busy with other things when a repetition starts.
const BUSY_MAX: f64 = 0.10;
/// How long to look at it.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until the machine has little else to do; gives up after a while, and says so.
pub fn wait_until_quiet(patience: Duration) -> bool {
    let start = Instant::now();
    loop {
        let before = times();
        thread::sleep(LOOK);
        let after = times();
        let Some(((busy, all), (busy_then, all_then))) = after.zip(before) else { return true };
        if (busy - busy_then) <= BUSY_MAX * (all - all_then) {
            return true;
        }
        if patience <= start.elapsed() {
            return false;
        }
    }
}

/// The time that all cores were busy, and all of it, in ticks.
fn times() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let numbers = stat.lines().next()?.split_whitespace().skip(1).take(8);
    let numbers: Vec<f64> = numbers.filter_map(|number| number.parse().ok()).collect();
    let all: f64 = numbers.iter().sum();
    // Idle, and waiting for a disk.
    Some((all - numbers.get(3)? - numbers.get(4)?, all))
}

/// Whether nothing there survives a reboot.
pub fn is_memory(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|found| found.filesystem_type() == TMPFS_MAGIC)
}

fn file_system(folder: &Path) -> String {
    const EXT4: FsType = nix::sys::statfs::EXT4_SUPER_MAGIC;
    const BTRFS: FsType = nix::sys::statfs::BTRFS_SUPER_MAGIC;
    const XFS: FsType = nix::sys::statfs::XFS_SUPER_MAGIC;
    match statfs(folder).map(|found| found.filesystem_type()) {
        Ok(TMPFS_MAGIC) => "tmpfs".to_owned(),
        Ok(EXT4) => "ext4".to_owned(),
        Ok(BTRFS) => "Btrfs".to_owned(),
        Ok(XFS) => "XFS".to_owned(),
        Ok(other) => format!("file system {:#x}", other.0),
        Err(error) => error.to_string(),
    }
}

fn line_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Prints what there is to know of machine, method and versions.
pub fn print(plan: &Plan) {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let trips: Vec<f64> = (0..15).map(|_| probe()).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["describe", "--always", "--dirty", "--abbrev=12"]);
    println!("# Kekbit and its peers\n");
    if plan.short {
        println!("**A short run: it shows that everything works, and nothing about speed.**\n");
    }
    println!("- {} x {}", cores, model.map_or("unknown CPU", str::trim));
    println!("- Linux {}, load {}", kernel.trim(), load.split(' ').next().unwrap_or("unknown"));
    println!("- memory: {}, disk: {}", file_system(&plan.memory), file_system(&plan.disk));
    println!("- round trip of a cache line between the two cores: {} ns", figure(&trips));
    let gate = &plan.gate;
    println!("- repetitions of two threads count from {} to {} ns", gate.start(), gate.end());
    let rustc = line_of(Command::new("rustc").arg("--version"));
    println!("- {}", rustc.as_deref().unwrap_or("unknown compiler"));
    println!("- Kekbit at {}", line_of(&mut git).as_deref().unwrap_or("an unknown commit"));
    println!("- peers: {}", versions().join(", "));
}

/// The peers with their versions, as they were built.
fn versions() -> Vec<String> {
    const PEERS: [&str; 18] = [
        "kekbit",
        "rtrb",
        "crossbeam-channel",
        "disruptor",
        "iceoryx2",
        "rusteron-client",
        "zerocopy",
        "bytemuck",
        "rkyv",
        "bincode",
        "bitcode",
        "postcard",
        "okaywal",
        "rusqlite",
        "libsqlite3-sys",
        "redb",
        "crc32c",
        "memmap2",
    ];
    let lock = include_str!("../../Cargo.lock");
    let version = |name: &&str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split('"').next()?))
    };
    PEERS.iter().filter_map(version).collect()
}
