//! A kernel that refuses: from some point on a thread gets an error for one system call, whatever
//! the file system.
//!
//! By a seccomp filter, which needs no rights and cannot be taken away again: it is set in a thread
//! of its own.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::thread;

use nix::{errno::Errno, libc, sys::prctl};

/// A system call that is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) call: libc::c_long,
    pub(crate) when: When,
    pub(crate) error: Errno,
}

/// Which calls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    Always,
    /// Those whose argument of that number is this.
    Is(u32, u32),
    /// Those whose argument of that number has one of these bits.
    Has(u32, u32),
}

/// The flag by which a file without a name is asked for, without those that come with it.
const TMPFILE: u32 = 0o20_000_000;

impl Refusal {
    pub(crate) fn of(call: libc::c_long, error: Errno) -> Refusal {
        Refusal { call, when: When::Always, error }
    }

    /// Commands of `fcntl`.
    pub(crate) fn of_fcntl(command: i32, error: Errno) -> Refusal {
        let when = When::Is(1, u32::try_from(command).unwrap());
        Refusal { call: libc::SYS_fcntl, when, error }
    }

    /// Mappings that others share, so of files.
    pub(crate) fn of_mappings(error: Errno) -> Refusal {
        Refusal { call: libc::SYS_mmap, when: When::Has(3, 1), error }
    }

    /// Files without a name.
    pub(crate) fn of_unnamed_files(error: Errno) -> Refusal {
        Refusal { call: libc::SYS_openat, when: When::Has(2, TMPFILE), error }
    }
}

/// Runs something in a thread of its own, in which it may [`refuse`]. A panic goes on here.
pub(crate) fn aside<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let result = thread::scope(|threads| threads.spawn(run).join());
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// From here on, this thread gets errors. `false`, with a word, where that cannot be had.
pub(crate) fn refuse(refusals: &[Refusal]) -> bool {
    let mut program = Vec::new();
    for refusal in refusals {
        program.extend(instructions(*refusal));
    }
    program.push(statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap(),
        filter: program.as_mut_ptr(),
    };
    prctl::set_no_new_privs().unwrap();
    let filter: *const libc::sock_fprog = &filter;
    // SAFETY: the call reads the filter and the program it points to, both of which live longer
    // than it. It changes what system calls of this thread give, to errors that they could give.
    let result =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, filter, 0, 0) };
    if result != 0 {
        println!("skipped: no seccomp filter can be set here ({})", Errno::last());
    }
    result == 0
}

/// Loads the number of the call, and an argument, and goes past the error if they are others.
fn instructions(refusal: Refusal) -> Vec<libc::sock_filter> {
    let error = libc::SECCOMP_RET_ERRNO | u32::try_from(refusal.error as i32).unwrap();
    let load = |offset: u32| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let jump = |how: u32, value: u32, past: u8| libc::sock_filter {
        jf: past,
        ..statement(libc::BPF_JMP | how | libc::BPF_K, value)
    };
    // `struct seccomp_data`: the call at 0, arguments of eight bytes from 16 on.
    let argument =
        |number: u32| load(16 + 8 * number + if cfg!(target_endian = "big") { 4 } else { 0 });
    let condition = match refusal.when {
        When::Always => vec![],
        When::Is(number, value) => vec![argument(number), jump(libc::BPF_JEQ, value, 1)],
        When::Has(number, bits) => vec![argument(number), jump(libc::BPF_JSET, bits, 1)],
    };
    let past = u8::try_from(condition.len() + 1).unwrap();
    let call = u32::try_from(refusal.call).unwrap();
    let mut all = vec![load(0), jump(libc::BPF_JEQ, call, past)];
    all.extend(condition);
    all.push(statement(libc::BPF_RET, error));
    all
}

fn statement(code: u32, value: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k: value }
}
