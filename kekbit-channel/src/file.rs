//! Files before they are memory: made without a name, allocated, locked, linked; opened, asked.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, OpenOptions},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use kekbit_codec::Timestamp;
#[cfg(any(target_os = "linux", target_os = "android"))]
use nix::fcntl::{FallocateFlags, fallocate};
use nix::{
    errno::Errno,
    libc,
    sys::resource::{Resource, getrlimit},
};

#[cfg(test)]
use crate::trace;

/// A file that has no name yet. Dropping it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) file: File,
    folder: File,
    target: PathBuf,
    /// The name for the meantime, where a file system has no unnamed files.
    temporary: Option<PathBuf>,
}

impl NewFile {
    /// Makes a file in the folder of `target`.
    pub(crate) fn create(target: &Path, mode: u32) -> io::Result<NewFile> {
        let parent = parent(target);
        let folder = File::open(parent)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(mode);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        match options.clone().custom_flags(libc::O_TMPFILE).open(parent) {
            Ok(file) => {
                return Ok(NewFile { file, folder, target: target.to_owned(), temporary: None });
            }
            // A file system without unnamed files says EOPNOTSUPP, an old kernel EISDIR.
            Err(error) if matches!(errno(&error), Errno::EOPNOTSUPP | Errno::EISDIR) => {}
            Err(error) => return Err(error),
        }
        let mut name = OsStr::new(".").to_owned();
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{:016x}.new", random_u64()?));
        let temporary = parent.join(name);
        // `create_new` follows no symbolic link.
        let file = options.create_new(true).open(&temporary)?;
        Ok(NewFile { file, folder, target: target.to_owned(), temporary: Some(temporary) })
    }

    /// Gives the file its name, for good, unless the name is taken.
    pub(crate) fn publish(mut self) -> io::Result<File> {
        let file = self.file.try_clone()?;
        self.link()?;
        // A name that a power cut could take back is not given.
        self.folder.sync_all().inspect_err(|_| {
            let _ = std::fs::remove_file(&self.target);
        })?;
        Ok(file)
    }

    /// Gives the file its name, unless the name is taken: until the next power cut, or until what
    /// is given back is dropped.
    pub(crate) fn publish_for_now(mut self) -> io::Result<Name> {
        let identity = identity(&self.file)?;
        let folder = self.folder.try_clone()?;
        let name = self.target.file_name().unwrap_or_default().to_owned();
        self.link()?;
        Ok(Name { folder, name, identity, owner: std::process::id() })
    }

    fn link(&mut self) -> io::Result<()> {
        match self.temporary.take() {
            None => link_unnamed(&self.file, &self.target)?,
            Some(temporary) => {
                let linked = std::fs::hard_link(&temporary, &self.target);
                // Nothing can be done about a failure; the name tells what the file is.
                let _ = std::fs::remove_file(&temporary);
                linked?;
            }
        }
        Ok(())
    }
}

/// The name of a file in its folder, which goes when this is dropped by the process that gave it.
#[derive(Debug)]
pub(crate) struct Name {
    /// NB: the folder and not its path, which can be relative to a place that has changed since.
    folder: File,
    name: OsString,
    identity: (u64, u64),
    owner: u32,
}

impl Drop for Name {
    #[allow(clippy::unnecessary_cast, reason = "the types differ between targets")]
    fn drop(&mut self) {
        use nix::{
            fcntl::AtFlags,
            sys::stat::fstatat,
            unistd::{UnlinkatFlags, unlinkat},
        };
        if self.owner != std::process::id() {
            return;
        }
        let name = self.name.as_os_str();
        let found = fstatat(&self.folder, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        // What has the name now may be another file.
        if found.is_ok_and(|stat| (stat.st_dev as u64, stat.st_ino as u64) == self.identity) {
            // Nothing can be done about a failure; what is left is harmless.
            let _ = unlinkat(&self.folder, name, UnlinkatFlags::NoRemoveDir);
        }
    }
}

/// Links a file that was opened with `O_TMPFILE`; never replaces what has the name.
fn link_unnamed(file: &File, target: &Path) -> io::Result<()> {
    use nix::{
        fcntl::{AT_FDCWD, AtFlags},
        unistd::linkat,
    };
    // Without privileges an unnamed file can be linked through /proc only.
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    match linkat(AT_FDCWD, unnamed.as_str(), AT_FDCWD, target, AtFlags::AT_SYMLINK_FOLLOW) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // With them, /proc need not be mounted.
        Err(Errno::ENOENT) => Ok(linkat(file, "", AT_FDCWD, target, AtFlags::AT_EMPTY_PATH)?),
        result => Ok(result?),
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nothing can be done about a failure; the name tells what the file is.
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// The folder in which `path` lies.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Opens for reading, without being held up by a pipe without a writer.
pub(crate) fn open_readable(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Opens for reading and writing.
pub(crate) fn open_writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Opens for reading and writing what is a file of that name itself, no link to one.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

/// Whether both belong to one user.
pub(crate) fn have_one_owner(one: &File, other: &File) -> io::Result<bool> {
    Ok(one.metadata()?.uid() == other.metadata()?.uid())
}

/// Reserves the blocks of a file of that size, so that a full disk shows now.
pub(crate) fn allocate(file: &File, size: u64) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let len = libc::off_t::try_from(size).map_err(|_| Errno::EFBIG)?;
        loop {
            match fallocate(file, FallocateFlags::empty(), 0, len) {
                Ok(()) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EOPNOTSUPP) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    // No such call: writing zeroes reserves blocks on every file system. One that does not say how
    // much room it has (ramfs) would take them until the machine has no memory left.
    if available(file) < size {
        return Err(Errno::ENOSPC.into());
    }
    let zeroes = vec![0; 1 << 20];
    let mut offset = 0;
    while offset < size {
        let left = usize::try_from(size - offset).unwrap_or(usize::MAX).min(zeroes.len());
        file.write_all_at(&zeroes[..left], offset)?;
        offset += left as u64;
    }
    Ok(())
}

/// Writes a range over with itself, so that the next flush writes all of it out.
///
/// After a flush that failed the kernel takes the pages for written. What it has in memory is all
/// there is of them then.
pub(crate) fn rewrite(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let end = offset + len;
    // Beyond the limit the kernel does not refuse, it kills (SIGXFSZ).
    if size_limit().is_some_and(|limit| limit < end) {
        return Err(Errno::EFBIG.into());
    }
    let mut bytes = vec![0; usize::try_from(len.min(1 << 20)).unwrap_or(1 << 20)];
    let mut at = offset;
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX).min(bytes.len());
        file.read_exact_at(&mut bytes[..left], at)?;
        file.write_all_at(&bytes[..left], at)?;
        at += left as u64;
    }
    #[cfg(test)]
    trace::tell(trace::Event::Rewritten { offset, len })?;
    Ok(())
}

/// Gives the blocks of a range back; it reads as zeroes then. The length of the file stays.
pub(crate) fn punch_hole(file: &File, offset: u64, size: u64) -> io::Result<()> {
    if size == 0 {
        return Ok(());
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::EFBIG)?;
        let size = libc::off_t::try_from(size).map_err(|_| Errno::EFBIG)?;
        match fallocate(file, flags, offset, size) {
            Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (file, offset);
        Ok(())
    }
}

/// Where the next bytes that may not be zero lie, from `offset` on; `None` if there are none.
pub(crate) fn next_data(file: &File, offset: u64) -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        match next(file, offset, nix::unistd::Whence::SeekData)? {
            Ok(data) => Some(data),
            Err(Errno::ENXIO) => None,
            // Not known: there may be data right here.
            Err(_) => Some(offset),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = file;
        Some(offset)
    }
}

/// Where the next bytes lie, from `offset` on, that the file system has no room set aside for;
/// `None` if that is not known. NB: this may look at every page on the way.
pub(crate) fn next_hole(file: &File, offset: u64) -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        next(file, offset, nix::unistd::Whence::SeekHole)?.ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (file, offset);
        None
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn next(file: &File, offset: u64, what: nix::unistd::Whence) -> Option<Result<u64, Errno>> {
    let start = libc::off_t::try_from(offset).ok()?;
    // No file has a negative size.
    Some(nix::unistd::lseek(file, start, what).map(i64::unsigned_abs))
}

/// Bytes that the file system has left for this user.
#[allow(clippy::unnecessary_cast, reason = "the types differ between targets")]
pub(crate) fn available(file: &File) -> u64 {
    nix::sys::statvfs::fstatvfs(file)
        .map_or(0, |stat| stat.blocks_available() as u64 * stat.fragment_size() as u64)
}

/// Bytes that a file takes on its file system.
pub(crate) fn occupied(file: &File) -> u64 {
    // `stat(2)` counts in 512 bytes, whatever the file system does.
    file.metadata().map_or(0, |metadata| metadata.blocks().saturating_mul(512))
}

/// The largest file that this process may write, if there is a limit.
pub(crate) fn size_limit() -> Option<u64> {
    let (soft, _hard) = getrlimit(Resource::RLIMIT_FSIZE).ok()?;
    (soft != libc::RLIM_INFINITY).then_some(soft)
}

/// What kind of storage a file lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Storage {
    /// A local file system on a disk, as far as one can tell.
    Disk,
    /// In memory: gone after a reboot.
    Memory,
    /// Shared over a network, or served by a user process.
    Network(String),
}

/// What kind of storage a file, or a folder, lies on.
#[allow(clippy::unnecessary_cast, reason = "the type differs between targets")]
pub(crate) fn storage(file: &File) -> io::Result<Storage> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let magic = nix::sys::statfs::fstatfs(file)?.filesystem_type().0;
        let magic = magic as i64 & 0xFFFF_FFFF;
        Ok(match magic {
            0x0102_1994 | 0x8584_58F6 | 0x9584_58F6 => Storage::Memory,
            _ => match NETWORK.iter().find(|(number, _)| *number == magic) {
                Some((number, name)) => Storage::Network(format!("{name}, {number:#x}")),
                None => Storage::Disk,
            },
        })
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = file;
        Ok(Storage::Disk)
    }
}

/// Numbers of file systems as `statfs(2)` and the kernel's `magic.h` list them.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NETWORK: &[(i64, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
];

/// Device and inode.
pub(crate) fn identity(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// When the file was made, if the file system keeps that: not later than its channel was.
pub(crate) fn born(file: &File) -> Option<Timestamp> {
    let born = file.metadata().ok()?.created().ok()?;
    let since = born.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok().map(Timestamp::from_nanos)
}

/// The boot that this system is in; 0 if it does not tell.
pub(crate) fn boot_id() -> u128 {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    // The bytes of the text in their order, taken as a little-endian integer.
    u128::from_str_radix(&digits, 16).map_or(0, u128::swap_bytes)
}

/// A random number that is not zero.
pub(crate) fn random_id() -> io::Result<u128> {
    let id = u128::from(random_u64()?) << 64 | u128::from(random_u64()?);
    Ok(id.max(1))
}

fn random_u64() -> io::Result<u64> {
    getrandom::u64().map_err(|error| {
        error.raw_os_error().map_or_else(|| io::Error::other(error), io::Error::from_raw_os_error)
    })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}
