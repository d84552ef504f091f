//! File systems of one's own, on a file: to be filled, cut off from their disk, mounted again.
//!
//! For a child that was started with `Helper::start_apart`: what it mounts is gone with it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    fs::File,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::{
    libc,
    mount::{MntFlags, MsFlags, mount, umount2},
};

/// A mounted file system.
#[derive(Debug)]
pub(crate) struct Disk {
    kind: String,
    device: PathBuf,
    /// Keeps the loop device, which is set up to vanish with its last user.
    held: Option<File>,
    pub(crate) folder: PathBuf,
}

impl Disk {
    /// Makes a file system of that kind and size below `place`, and mounts it. The error says what
    /// is missing.
    pub(crate) fn make(kind: &str, place: &Path, size: u64) -> Result<Disk, String> {
        let folder = place.join(kind);
        std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
        if kind == "tmpfs" {
            let size = format!("size={size}");
            mount(Some(kind), &folder, Some(kind), MsFlags::empty(), Some(size.as_str()))
                .map_err(|error| format!("cannot mount a tmpfs ({error})"))?;
            let (kind, device) = (kind.to_owned(), PathBuf::from(kind));
            return Ok(Disk { kind, device, held: None, folder });
        }
        let image = place.join(format!("{kind}.image"));
        let file = File::create(&image).map_err(|error| error.to_string())?;
        file.set_len(size).map_err(|error| error.to_string())?;
        let options: &[&str] = match kind {
            // Nothing is set aside for root, so that what is available is what there is.
            "ext4" => &["-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
            _ => &["-q"],
        };
        run(Command::new(format!("mkfs.{kind}")).args(options).arg(&image))?;
        let device = run(Command::new("losetup").args(["--find", "--show"]).arg(&image))?;
        let device = PathBuf::from(device.trim());
        let held = File::open(&device).map_err(|error| error.to_string());
        // It is in use, so this says that it is to go with its last user.
        run(Command::new("losetup").arg("--detach").arg(&device))?;
        let disk = Disk { kind: kind.to_owned(), device, held: Some(held?), folder };
        disk.mount()?;
        Ok(disk)
    }

    /// Mounts it (again).
    pub(crate) fn mount(&self) -> Result<(), String> {
        let (device, kind) = (Some(self.device.as_path()), Some(self.kind.as_str()));
        mount(device, &self.folder, kind, MsFlags::empty(), None::<&str>)
            .map_err(|error| format!("cannot mount {} of {device:?} ({error})", self.kind))
    }

    /// From here on it can be read only.
    pub(crate) fn make_read_only(&self) {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &self.folder, None::<&str>, flags, None::<&str>).unwrap();
    }

    pub(crate) fn unmount(&self) {
        umount2(&self.folder, MntFlags::empty()).unwrap();
        if self.held.is_some() {
            // What the system keeps of the device while it is open, changes of the file system
            // among it that never got to its log, would be there again at the next mount.
            run(Command::new("blockdev").arg("--flushbufs").arg(&self.device)).unwrap();
        }
    }

    /// Cuts it off from its disk, at once: nothing that is still in memory gets there any more. The
    /// error says that the file system cannot do so.
    pub(crate) fn cut_off(&self) -> Result<(), String> {
        // `_IOR('X', 125, __u32)` of the kernel's `xfs_fs.h` and `ext4.h`, and its argument that
        // lets the log be lost as well.
        const GOING_DOWN: libc::Ioctl = 0x8004_587D;
        const WITHOUT_LOG: u32 = 2;
        let root = File::open(&self.folder).map_err(|error| error.to_string())?;
        let how: *const u32 = &WITHOUT_LOG;
        // SAFETY: the call reads four bytes at `how`, which live longer than it.
        let result = unsafe { libc::ioctl(root.as_raw_fd(), GOING_DOWN, how) };
        let error = nix::errno::Errno::last();
        if result == 0 { Ok(()) } else { Err(format!("{} cannot be cut off ({error})", self.kind)) }
    }
}

/// Runs a program to its end, and gives what it says.
fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run `{program}` ({error})"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{program}` says: {}", said.trim().lines().next().unwrap_or("nothing")))
}
