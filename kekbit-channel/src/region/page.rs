//! [`Page`]: memory of 4096 bytes that several processes map, and to which all of them write.
//!
//! It is never part of a channel. Numbers of 32 bits are all there is in it, and they are touched
//! as atomics alone: whatever another process puts there is some number.

use std::{fs::File, io};

use memmap2::{MmapOptions, MmapRaw};

use crate::sync::AtomicU32;

/// The bytes of a page.
const SIZE: usize = 4096;

/// A mapping of one page that may be written to.
#[derive(Debug)]
pub(crate) struct Page {
    memory: Memory,
}

#[derive(Debug)]
enum Memory {
    /// Of `SIZE` bytes, see [`Page::map`].
    File(MmapRaw),
    #[cfg(test)]
    Heap(std::sync::Arc<[AtomicU32; 3]>),
}

impl Page {
    /// Maps the start of a file that is at least a page long. If it is cut short afterwards, the
    /// next access kills the process (SIGBUS), as with every mapped file.
    pub(crate) fn map(file: &File) -> io::Result<Page> {
        let map = MmapOptions::new().len(SIZE).map_raw(file)?;
        Ok(Page { memory: Memory::File(map) })
    }

    /// The same memory twice, for two ends of one process.
    #[cfg(test)]
    #[cfg_attr(not(loom), allow(dead_code, reason = "for models"))]
    pub(crate) fn on_heap() -> (Page, Page) {
        let numbers = std::sync::Arc::new(std::array::from_fn(|_| AtomicU32::new(0)));
        let page = |numbers| Page { memory: Memory::Heap(numbers) };
        (page(numbers.clone()), page(numbers))
    }

    /// The number at that offset.
    #[inline(always)]
    pub(crate) fn number<const OFFSET: usize>(&self) -> &AtomicU32 {
        const { assert!(OFFSET + 4 <= SIZE && OFFSET.is_multiple_of(64) && OFFSET / 64 < 3) };
        match &self.memory {
            Memory::File(map) => in_file(map, OFFSET),
            #[cfg(test)]
            Memory::Heap(numbers) => &numbers[OFFSET / 64],
        }
    }
}

#[cfg(loom)]
fn in_file(_map: &MmapRaw, _offset: usize) -> &AtomicU32 {
    unreachable!("models have no files")
}

/// `offset` is one that `number` has checked.
#[cfg(not(loom))]
#[inline(always)]
fn in_file(map: &MmapRaw, offset: usize) -> &AtomicU32 {
    debug_assert!(offset + 4 <= map.len());
    // SAFETY: `map` has SIZE bytes, see `Page::map`, and the offset lies inside it: `number`, which
    // alone calls this, has let the compiler check it.
    let number = unsafe { map.as_mut_ptr().add(offset) }.cast::<AtomicU32>();
    // SAFETY: 1. `number` is aligned: a mapping starts at a page, `offset` is a multiple of 64.
    // 2. It is valid for reads and writes for as long as the reference, which borrows the mapping,
    // and initialized; every pattern is valid. 3. All accesses of this process go through this
    // method, so they are atomic; those of others are no business of the compiler's, which treats
    // an atomic as what anybody may change.
    unsafe { &*number }
}
