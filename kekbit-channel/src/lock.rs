//! The lock that says whether a writer lives.
//!
//! On Linux and Android: an open-file-description write lock on byte 0 (`F_OFD_SETLK`). The kernel
//! drops it when the last descriptor of the description is closed, so at the death of the process
//! at the latest. Asking (`F_OFD_GETLK`) takes nothing, so that readers never get into a writer's
//! way.
//!
//! Elsewhere: `flock`, which is weaker. A reader has to take a shared lock for a moment to learn
//! whether there is another, and in that moment a writer's attempt fails.

use std::{fs::File, io};

use crate::sync::{Ordering, fence};

/// Takes the lock; `false` if somebody else has it.
pub(crate) fn acquire(file: &File) -> io::Result<bool> {
    let taken = imp::acquire(file)?;
    // Acquire: pairs with the Release fence in `release`.
    fence(Ordering::Acquire);
    Ok(taken)
}

/// Gives the lock up. Whoever finds it free, or takes it, sees all that was stored before.
pub(crate) fn release(file: &File) -> io::Result<()> {
    // NB: a system call is not said to order anything. On x86-64 the two kinds of fence cost
    // nothing; elsewhere no more than the call.
    // Release: pairs with the Acquire fences in `acquire` and `is_held`. Of a process that dies, or
    // just closes the file, the kernel takes the lock away: then its own order has to do, which
    // tears the memory down, or takes the locks of the file table, in between.
    fence(Ordering::Release);
    imp::release(file)
}

/// Whether somebody else holds the lock.
pub(crate) fn is_held(file: &File) -> io::Result<bool> {
    let held = imp::is_held(file)?;
    // Acquire: pairs with the Release fence in `release`.
    fence(Ordering::Acquire);
    Ok(held)
}

/// One lock a model, of which nothing is promised but that it is one.
#[cfg(loom)]
mod imp {
    use std::{fs::File, io};

    use crate::sync::{AtomicU64, Ordering};

    loom::lazy_static! {
        static ref HELD: AtomicU64 = AtomicU64::new(0);
    }

    pub(super) fn acquire(_file: &File) -> io::Result<bool> {
        // Relaxed: the fences of the callers must do.
        Ok(HELD.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok())
    }

    pub(super) fn release(_file: &File) -> io::Result<()> {
        // Relaxed: as above.
        HELD.store(0, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn is_held(_file: &File) -> io::Result<bool> {
        // Relaxed: as above.
        Ok(HELD.load(Ordering::Relaxed) == 1)
    }
}

#[cfg(all(not(loom), any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::{fs::File, io};

    use nix::{
        errno::Errno,
        fcntl::{FcntlArg, fcntl},
        libc,
    };

    pub(super) fn acquire(file: &File) -> io::Result<bool> {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&byte_zero(libc::F_WRLCK))) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn release(file: &File) -> io::Result<()> {
        fcntl(file, FcntlArg::F_OFD_SETLK(&byte_zero(libc::F_UNLCK)))?;
        Ok(())
    }

    pub(super) fn is_held(file: &File) -> io::Result<bool> {
        // As for a read lock, with which only a write lock conflicts: whoever may read the file can
        // take a read lock, and must not pass for a writer.
        let mut asked = byte_zero(libc::F_RDLCK);
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
        Ok(i32::from(asked.l_type) != libc::F_UNLCK)
    }

    #[expect(clippy::cast_possible_truncation, reason = "constants of two bits")]
    fn byte_zero(kind: i32) -> libc::flock {
        libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 1,
            l_pid: 0,
        }
    }
}

#[cfg(all(not(loom), not(any(target_os = "linux", target_os = "android"))))]
mod imp {
    use std::{
        fs::{File, TryLockError},
        io,
    };

    pub(super) fn acquire(file: &File) -> io::Result<bool> {
        taken(file.try_lock())
    }

    pub(super) fn release(file: &File) -> io::Result<()> {
        file.unlock()
    }

    pub(super) fn is_held(file: &File) -> io::Result<bool> {
        let free = taken(file.try_lock_shared())?;
        if free {
            file.unlock()?;
        }
        Ok(!free)
    }

    fn taken(result: Result<(), TryLockError>) -> io::Result<bool> {
        match result {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
