//! The heap region for the model checker, which takes the place of `heap`: one memory, watched.
//!
//! Bytes are plain, and a word is the same eight bytes: what a claim has written shows when a word
//! is loaded there, and what was stored as a word shows in the bytes. The checker is told of every
//! access, and of which two have to be ordered. It stops a history in which
//!
//! - bytes are written while anybody reads them, be it as bytes or as a word, or writes them;
//! - a word is stored while anybody reads its bytes, or stores it too: there is one writer.
//!
//! Loads of a word and its stores need no order: that is the handshake. A load sees any value since
//! the bytes were last written that the memory model permits.
//!
//! Only the windows that a model names exist: what lies outside must not be touched.

use std::{
    cell::UnsafeCell,
    collections::BTreeMap,
    io,
    ops::Range,
    sync::{Arc, Mutex},
};

use crate::sync::{AtomicU64, Ordering};

/// Zeroed memory of which the windows can be used.
#[derive(Debug)]
pub(crate) struct Heap {
    watches: BTreeMap<u64, Watch>,
    bytes: Box<[UnsafeCell<u64>]>,
    failing: AtomicU64,
    flushes: AtomicU64,
}

// SAFETY: the checker runs one thread at a time. `bytes` is reached through `Region::committed`,
// `Region::claimed`, `Region::unpublished`, `Frame` and `Word`, which all tell a `Watch` before;
// it stops a history in which two accesses are not ordered that the contracts want ordered.
unsafe impl Sync for Heap {}

/// What the checker knows of eight bytes.
#[derive(Debug)]
struct Watch {
    /// Read by whoever reads the bytes, written by whoever writes bytes or word.
    bytes: loom::cell::UnsafeCell<()>,
    /// Read by whoever loads the word, written by whoever writes the bytes.
    loads: loom::cell::UnsafeCell<()>,
    stored: Mutex<Stored>,
}

/// What was stored as a word since the bytes were last written.
#[derive(Debug)]
struct Stored {
    /// [`WRITTEN`], and then what was stored. A new one for each time that bytes are written: none
    /// of the earlier values can be seen any more.
    word: Arc<AtomicU64>,
    /// What the bytes were before the first store.
    written: Option<u64>,
}

/// Stands for what was written as bytes. No word has this value.
const WRITTEN: u64 = u64::MAX;

impl Stored {
    fn nothing() -> Stored {
        Stored { word: Arc::new(AtomicU64::new(WRITTEN)), written: None }
    }
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
        let watch = || Watch {
            bytes: loom::cell::UnsafeCell::new(()),
            loads: loom::cell::UnsafeCell::new(()),
            stored: Mutex::new(Stored::nothing()),
        };
        let offsets = windows.iter().flat_map(|window| window.clone().step_by(8));
        Heap {
            watches: offsets.map(|offset| (offset, watch())).collect(),
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

    pub(super) fn word(&self, offset: u64) -> Word<'_> {
        Word { watch: self.watch(offset), bytes: &self.bytes[offset as usize / 8] }
    }

    /// Tells the checker of a slice that is about to be used.
    pub(super) fn touch(&self, offset: u64, len: u64, purpose: Use) {
        for offset in (offset / 8 * 8..offset + len).step_by(8) {
            let watch = self.watch(offset);
            match purpose {
                Use::Read => watch.bytes.with(|_| ()),
                Use::Write => {
                    watch.bytes.with_mut(|_| ());
                    watch.loads.with_mut(|_| ());
                    *watch.stored.lock().unwrap() = Stored::nothing();
                }
            }
        }
    }

    fn watch(&self, offset: u64) -> &Watch {
        let watch = self.watches.get(&offset);
        watch.unwrap_or_else(|| panic!("{offset} lies outside the windows of the model"))
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

/// A word of the heap, as an atomic.
#[derive(Debug)]
pub(super) struct Word<'h> {
    watch: &'h Watch,
    bytes: &'h UnsafeCell<u64>,
}

impl Word<'_> {
    pub(super) fn load(&self, order: Ordering) -> u64 {
        self.watch.loads.with(|_| ());
        // Not held while other threads run, which they do in the load of an atomic.
        let word = Arc::clone(&self.watch.stored.lock().unwrap().word);
        match word.load(order) {
            WRITTEN => self.watch.stored.lock().unwrap().written.unwrap_or_else(|| self.bytes()),
            stored => stored,
        }
    }

    pub(super) fn store(&self, value: u64, order: Ordering) {
        assert_ne!(value, WRITTEN, "no word of the format has this value");
        self.watch.bytes.with_mut(|_| ());
        let word = {
            let mut stored = self.watch.stored.lock().unwrap();
            stored.written.get_or_insert_with(|| self.bytes());
            Arc::clone(&stored.word)
        };
        // SAFETY: nobody reads or writes these bytes at the same time, or the line with `with_mut`
        // would have ended this history; loads that go on beside it look at the atomic, or at what
        // the bytes were.
        unsafe { *self.bytes.get() = value };
        word.store(value, order);
    }

    /// Is asked for when a file is made present, which no model has.
    pub(super) fn compare_exchange(
        &self,
        _current: u64,
        _new: u64,
        _success: Ordering,
        _failure: Ordering,
    ) -> Result<u64, u64> {
        unreachable!("no model makes its memory present")
    }

    /// What was last written as bytes.
    fn bytes(&self) -> u64 {
        // SAFETY: who loads has told `loads`, who stores has told `bytes`, of which either would
        // have ended a history in which somebody writes them at the same time.
        unsafe { *self.bytes.get() }
    }
}

impl super::Region {
    /// Memory of which the windows can be used.
    pub(crate) fn with_windows(size: u64, windows: &[Range<u64>]) -> super::Region {
        let heap = Heap::with_windows(size, windows);
        let writable_size = heap.size();
        let memory = super::Memory::Heap(heap);
        super::Region { memory, writable_size, frames: super::Frames::NONE }
    }

    /// Makes the `n`-th flush from the start fail.
    pub(crate) fn fail_flush(&self, n: u64) {
        if let super::Memory::Heap(heap) = &self.memory {
            // Relaxed: set before the flushes it concerns, by the same thread.
            heap.failing.store(n, Ordering::Relaxed);
        }
    }
}
