//! The heap region for the model checker, which takes the place of `heap`: words and bytes lie
//! apart.
//!
//! Words are atomics of the checker, which lets a load see any value that the memory model
//! permits. Bytes are plain; with each word's worth of them goes a cell of the checker that tells
//! when a read and a write of them are not ordered. Only the windows that a model names exist: what
//! lies outside must not be touched.

use std::{cell::UnsafeCell, collections::BTreeMap, io, ops::Range};

use crate::sync::{AtomicU64, Ordering};

/// Zeroed memory of which the windows can be used.
#[derive(Debug)]
pub(crate) struct Heap {
    words: BTreeMap<u64, Word>,
    bytes: Box<[UnsafeCell<u64>]>,
    failing: AtomicU64,
    flushes: AtomicU64,
}

// SAFETY: `bytes` is reached through `Region::committed` and `Region::claimed` alone, whose
// contracts say that nobody writes while another reads; `touch` lets the checker prove it.
unsafe impl Sync for Heap {}

#[derive(Debug)]
struct Word {
    word: AtomicU64,
    /// Stands for the bytes.
    bytes: loom::cell::UnsafeCell<()>,
}

/// What a slice of bytes is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
}

impl Heap {
    pub(super) fn new(size: u64) -> Heap {
        Heap::with_windows(size, &[])
    }

    pub(super) fn with_windows(size: u64, windows: &[Range<u64>]) -> Heap {
        let word = || Word { word: AtomicU64::new(0), bytes: loom::cell::UnsafeCell::new(()) };
        let offsets = windows.iter().flat_map(|window| window.clone().step_by(8));
        Heap {
            words: offsets.map(|offset| (offset, word())).collect(),
            bytes: (0..size / 8).map(|_| UnsafeCell::new(0)).collect(),
            failing: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64 * 8
    }

    pub(super) fn base(&self) -> *mut u8 {
        self.bytes.as_ptr().cast::<u8>().cast_mut()
    }

    pub(super) fn word(&self, offset: u64) -> &AtomicU64 {
        &self.at(offset).word
    }

    /// Tells the checker of a slice that is about to be used.
    pub(super) fn touch(&self, offset: u64, len: u64, purpose: Use) {
        for offset in (offset / 8 * 8..offset + len).step_by(8) {
            let bytes = &self.at(offset).bytes;
            match purpose {
                Use::Read => bytes.with(|_| ()),
                Use::Write => bytes.with_mut(|_| ()),
            }
        }
    }

    fn at(&self, offset: u64) -> &Word {
        let word = self.words.get(&offset);
        word.unwrap_or_else(|| panic!("{offset} lies outside the windows of the model"))
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        // Relaxed: a counter of this test aid, which orders nothing.
        let flush = self.flushes.fetch_add(1, Ordering::Relaxed) + 1;
        if flush == self.failing.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }
}

impl super::Region {
    /// Memory of which the windows can be used.
    pub(crate) fn with_windows(size: u64, windows: &[Range<u64>]) -> super::Region {
        let memory = super::Memory::Heap(Heap::with_windows(size, windows));
        super::Region { memory, writable: true }
    }

    /// Makes the `n`-th flush from the start fail.
    pub(crate) fn fail_flush(&self, n: u64) {
        if let super::Memory::Heap(heap) = &self.memory {
            // Relaxed: set before the flushes it concerns, by the same thread.
            heap.failing.store(n, Ordering::Relaxed);
        }
    }
}
