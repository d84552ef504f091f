//! A region on the heap, so that the whole protocol can run where no file can be mapped (Miri),
//! and so that a sync can be made to fail.

use std::io;

use crate::sync::{AtomicU64, Ordering};

/// Zeroed words, aligned to 8.
#[derive(Debug)]
pub(crate) struct Heap {
    words: Box<[AtomicU64]>,
    /// The number of the flush that is to fail; 0 for none.
    failing: AtomicU64,
    flushes: AtomicU64,
}

impl Heap {
    pub(super) fn new(size: u64) -> Heap {
        let words = (0..size / 8).map(|_| AtomicU64::new(0)).collect();
        Heap { words, failing: AtomicU64::new(0), flushes: AtomicU64::new(0) }
    }

    pub(super) fn size(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    pub(super) fn base(&self) -> *mut u8 {
        self.words.as_ptr().cast::<u8>().cast_mut()
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
    /// Makes the `n`-th flush from the start fail.
    pub(crate) fn fail_flush(&self, n: u64) {
        if let super::Memory::Heap(heap) = &self.memory {
            // Relaxed: set before the flushes it concerns, by the same thread.
            heap.failing.store(n, Ordering::Relaxed);
        }
    }
}
