//! An allocator that counts, for tests of what the library takes from the heap.
//!
//! It counts for each thread of its own, so that tests that run beside each other do not see each
//! other.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The system's allocator, counted. A test binary makes it its own with `#[global_allocator]`.
pub(crate) struct Counting;

/// What a thread has taken since it last began to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Calls.
    pub(crate) count: u64,
    /// Bytes held at the moment, of those taken since.
    now: i64,
    /// The most bytes that were held at once.
    pub(crate) peak: i64,
}

thread_local! {
    // Without a destructor, and constant, so that to reach it allocates nothing.
    static TAKEN: Cell<Taken> = const { Cell::new(Taken { count: 0, now: 0, peak: 0 }) };
}

/// What `run` takes from the heap in this thread.
pub(crate) fn counted<T>(run: impl FnOnce() -> T) -> (T, Taken) {
    TAKEN.set(Taken::default());
    let result = run();
    (result, TAKEN.get())
}

fn note(taken: usize, given_back: usize) {
    // A thread that is about to end has no counter any more.
    let _ = TAKEN.try_with(|cell| {
        let mut all = cell.get();
        all.count += u64::from(taken != 0);
        all.now += i64::try_from(taken).unwrap_or(i64::MAX);
        all.now -= i64::try_from(given_back).unwrap_or(i64::MAX);
        all.peak = all.peak.max(all.now);
        cell.set(all);
    });
}

// SAFETY: all is the system's allocator, whose contract is that of the trait; to count allocates
// nothing and does not panic: no test takes as many bytes as an `i64` holds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller's contract is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: as in `alloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
