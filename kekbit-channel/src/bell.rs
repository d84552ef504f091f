//! [`Bell`]: over which a writer wakes readers that sleep, in a file beside the channel
//! (`docs/FORMAT.md`, Waiting).
//!
//! Two numbers. `asked` says that somebody sleeps, or is about to; `bell` changes when the writer
//! rings. In pseudo code, for the record whose word is `word`:
//!
//! ```text
//! reader                                      writer
//! R1  seen = bell          (acquire)          W1  word = ...           (release)
//! R2  asked = 1                                   compiler barrier
//!     barrier on all CPUs (membarrier)        W2  if asked:
//! R3  if word is zero:                        W3      asked = 0
//! R4      sleep while bell is seen (futex)    W4      bell += 1        (release)
//!                                             W5      wake all (futex)
//! ```
//!
//! **No wake-up is lost.** Let R3 find zero. The barrier has a place among the instructions of the
//! writer's thread: all that it did before that place is visible to R3, all that it does behind it
//! sees R2. (The kernel interrupts each CPU on which a registered process runs, which executes a
//! barrier; a thread that does not run has met one when it was switched out, and meets another
//! before it runs again.) R3 found zero, so W1, and with it W2, comes behind that place. So W2
//! finds `asked` set, unless a W3 of the writer's has taken it back between R2 and W2. Either way
//! there is a W3 behind R2, in the order in which `asked` changes, and the W4 that follows it.
//!
//! R1 did not see that W4: if it had, the W3 in front of it would have happened before R2 (W4
//! releases, R1 acquires), and not come behind it. That is why the bell is looked at before it is
//! asked for, and why `asked` is taken back before the bell rings. So at that W4 `bell` stops being
//! what R1 saw. The futex compares and goes to sleep in one step: R4 does that before W4, then W5
//! wakes it, or after, then it does not sleep.
//!
//! **A flag and not a count:** a reader that dies asleep leaves at most one ring that nobody hears.
//! A count would be wrong for good. Several readers share the flag, and the one bell wakes all.
//!
//! **What it costs:** a load and a branch for each record, as long as nobody sleeps. All that is
//! dear, the barrier and the system calls, is done by who is about to sleep, or for him.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    file::{self, Name, NewFile},
    layout::{WAIT_ASKED, WAIT_BELL, WAIT_CHANNEL, WAIT_MAGIC, WAIT_SIZE, WAIT_SUFFIX},
    region::page::Page,
    sync::{self, Ordering},
};

/// One end of it, of the writer or of a reader.
#[derive(Debug)]
pub(crate) struct Bell {
    page: Page,
}

impl Bell {
    /// The bell of a channel, for a reader. `None` if there is none, if it is not this channel's,
    /// or may not be written to by this process, or if this system lacks what it takes.
    pub(crate) fn open(path: &Path, channel: &File, channel_id: u128) -> Option<Bell> {
        let (_path, file) = find(path, channel, channel_id)?;
        // Asked now, so that nobody sleeps who could not be woken.
        imp::heavy_barrier().ok()?;
        Some(Bell { page: Page::map(&file).ok()? })
    }

    /// Both ends, without a file.
    #[cfg(all(test, loom))]
    pub(crate) fn on_heap() -> (Bell, Bell) {
        let (one, other) = Page::on_heap();
        (Bell { page: one }, Bell { page: other })
    }

    /// Rings if somebody has asked for it. The writer calls this behind every word that a reader
    /// may be waiting for.
    #[inline(always)]
    pub(crate) fn answer(&self) {
        // W1 is the caller's. The barrier pairs with the one in `wait`.
        sync::light_barrier();
        // Relaxed (W2): the barriers order it behind W1.
        if self.page.number::<WAIT_ASKED>().load(Ordering::Relaxed) != 0 {
            self.ring();
        }
    }

    #[cold]
    #[inline(never)]
    fn ring(&self) {
        // Relaxed (W3): W4 releases it.
        self.page.number::<WAIT_ASKED>().store(0, Ordering::Relaxed);
        let bell = self.page.number::<WAIT_BELL>();
        // Release (W4): pairs with the Acquire load in `wait`.
        bell.fetch_add(1, Ordering::Release);
        imp::wake(bell);
    }

    /// Sleeps until the bell rings, or for so long, unless there is something already: `is_silent`
    /// looks at the word that is waited for. `false` if the system has refused.
    ///
    /// Can return for no reason.
    pub(crate) fn wait(&self, time: Duration, is_silent: impl FnOnce() -> bool) -> bool {
        let bell = self.page.number::<WAIT_BELL>();
        // Acquire (R1): pairs with the Release in `ring`.
        let seen = bell.load(Ordering::Acquire);
        // Relaxed (R2): the barriers order it in front of R3.
        self.page.number::<WAIT_ASKED>().store(1, Ordering::Relaxed);
        if imp::heavy_barrier().is_err() {
            return false;
        }
        // R3, and R4.
        !is_silent() || imp::sleep(bell, seen, time)
    }
}

/// The bell of a writer, with the file, whose name goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Sidecar {
    pub(crate) bell: Bell,
    /// NB: boxed. In the niche of a path, that there is no sidecar would be a number of 64 bits.
    _name: Option<Box<Name>>,
}

impl Sidecar {
    /// Makes the file beside a channel that is to be, if this system has what it takes. Never
    /// replaces a file.
    pub(crate) fn create(
        channel: &Path,
        channel_mode: u32,
        channel_id: u128,
    ) -> io::Result<Option<Sidecar>> {
        if imp::register().is_err() {
            return Ok(None);
        }
        // Who sleeps has to say so: whoever may read is to be let write here.
        let mode = channel_mode | (channel_mode & 0o444) >> 1;
        let new = NewFile::create(&path_beside(channel), mode)?;
        // A page without a block would be a signal on a full disk.
        file::allocate(&new.file, WAIT_SIZE)?;
        new.file.write_all_at(&head(channel_id), 0)?;
        let page = Page::map(&new.file)?;
        let name = new.publish_for_now()?;
        Ok(Some(Sidecar { bell: Bell { page }, _name: Some(Box::new(name)) }))
    }

    #[cfg(all(test, loom))]
    pub(crate) fn over(bell: Bell) -> Sidecar {
        Sidecar { bell, _name: None }
    }
}

/// Wakes whoever sleeps still, behind the close mark, and removes what a writer that died has left.
/// For the one who holds the lock of the channel.
pub(crate) fn remove_left_over(path: &Path, channel: &File, channel_id: u128) {
    if let Some((path, file)) = find(path, channel, channel_id) {
        // Whoever is asked or not: who sees this ring before it sleeps (R1) sees the mark as well.
        if let Ok(page) = Page::map(&file) {
            Bell { page }.ring();
        }
        // Nothing can be done about a failure; what is left is harmless.
        let _ = std::fs::remove_file(path);
    }
}

/// The name of the file beside a channel.
pub(crate) fn path_beside(channel: &Path) -> PathBuf {
    let mut path = OsString::from(channel);
    path.push(WAIT_SUFFIX);
    PathBuf::from(path)
}

/// The file beside a channel, if it is this channel's.
///
/// Where anybody may make files, as in `/tmp`, anybody may have made it: so it must be its own
/// file, no link, and of the channel's owner, who could do all harm without it.
fn find(path: &Path, channel: &File, channel_id: u128) -> Option<(PathBuf, File)> {
    // A channel may have been opened through a link.
    let path = path_beside(&std::fs::canonicalize(path).ok()?);
    let file = file::open_own(&path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() < WAIT_SIZE {
        return None;
    }
    let mut found = [0; HEAD];
    file.read_exact_at(&mut found, 0).ok()?;
    let is_ours = found == head(channel_id) && file::have_one_owner(&file, channel).ok()?;
    is_ours.then_some((path, file))
}

const HEAD: usize = WAIT_CHANNEL + 16;

/// What the file begins with.
fn head(channel_id: u128) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let (magic, id) = head.split_at_mut(WAIT_CHANNEL);
    if let Some(place) = magic.first_chunk_mut() {
        *place = WAIT_MAGIC;
    }
    id.copy_from_slice(&channel_id.to_le_bytes());
    head
}

const _: () = assert!(HEAD <= WAIT_BELL && WAIT_BELL + 64 <= WAIT_ASKED);

#[cfg(all(not(loom), any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::{io, time::Duration};

    use rustix::{
        io::Errno,
        thread::{
            MembarrierCommand,
            futex::{self, Flags, Timespec},
            membarrier,
        },
    };

    use crate::sync::AtomicU32;

    /// The number is shared between processes: the key is the file, not this process.
    const SHARED: Flags = Flags::empty();

    /// Lets the barriers of others reach the threads of this process. For good.
    pub(super) fn register() -> io::Result<()> {
        Ok(membarrier(MembarrierCommand::RegisterGlobalExpedited)?)
    }

    /// A barrier here, and on each CPU that runs a process which has registered.
    pub(super) fn heavy_barrier() -> io::Result<()> {
        Ok(membarrier(MembarrierCommand::GlobalExpedited)?)
    }

    pub(super) fn wake(bell: &AtomicU32) {
        // The address is a mapped one: there is no error to be had.
        let _ = futex::wake(bell, SHARED, i32::MAX.unsigned_abs());
    }

    pub(super) fn sleep(bell: &AtomicU32, seen: u32, time: Duration) -> bool {
        // More than can be said is for ever.
        let time = Timespec::try_from(time).ok();
        match futex::wait(bell, SHARED, seen, time.as_ref()) {
            // It has rung before, or a signal has come.
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => true,
            Err(_) => false,
        }
    }
}

#[cfg(all(not(loom), not(any(target_os = "linux", target_os = "android"))))]
mod imp {
    use std::{io, time::Duration};

    use crate::sync::AtomicU32;

    pub(super) fn register() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn heavy_barrier() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn wake(_bell: &AtomicU32) {}

    pub(super) fn sleep(_bell: &AtomicU32, _seen: u32, _time: Duration) -> bool {
        false
    }
}

/// Who sleeps here is woken by a ring or never: a model in which a wake-up is lost does not end.
#[cfg(loom)]
mod imp {
    use std::{io, time::Duration};

    use crate::sync::{AtomicU32, Mutex, Ordering, fence};

    /// What the kernel keeps of who sleeps: the comparison and the sleep are one step.
    struct Sleepers {
        lock: Mutex<()>,
        rung: loom::sync::Condvar,
    }

    loom::lazy_static! {
        static ref SLEEPERS: Sleepers =
            Sleepers { lock: Mutex::new(()), rung: loom::sync::Condvar::new() };
    }

    pub(super) fn register() -> io::Result<()> {
        Ok(())
    }

    pub(super) fn heavy_barrier() -> io::Result<()> {
        fence(Ordering::SeqCst);
        Ok(())
    }

    pub(super) fn wake(_bell: &AtomicU32) {
        let _asleep = SLEEPERS.lock.lock().unwrap();
        SLEEPERS.rung.notify_all();
    }

    pub(super) fn sleep(bell: &AtomicU32, seen: u32, _time: Duration) -> bool {
        let asleep = SLEEPERS.lock.lock().unwrap();
        // Relaxed: the lock is the kernel's.
        if bell.load(Ordering::Relaxed) == seen {
            drop(SLEEPERS.rung.wait(asleep).unwrap());
        }
        true
    }
}
