//! A board: numbers that several processes share, in a small file that they all map.
//!
//! What a process has put on it stays there when the process is killed, like the records of a
//! channel. A number that is stored after an append has returned never says too much.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{fs::OpenOptions, path::Path, sync::atomic::AtomicU64};

use memmap2::{MmapOptions, MmapRaw};

/// Numbers on a board. Each has a cache line of its own.
const PLACES: usize = 192;
const LINE: usize = 64;

#[derive(Debug)]
pub(crate) struct Board {
    map: MmapRaw,
}

impl Board {
    /// The board in that file, which is made if it is not there: all zero then.
    pub(crate) fn open(path: &Path) -> Board {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path).unwrap();
        file.set_len((PLACES * LINE) as u64).unwrap();
        Board { map: MmapOptions::new().len(PLACES * LINE).map_raw(&file).unwrap() }
    }

    pub(crate) fn at(&self, place: usize) -> &AtomicU64 {
        assert!(place < PLACES, "{place}");
        let word = self.map.as_mut_ptr().wrapping_add(place * LINE).cast::<u64>();
        // SAFETY: 1. The word lies inside the mapping, which is `PLACES * LINE` bytes long, and is
        // aligned, as pages and lines are. 2. It is valid for as long as the reference, which
        // borrows the mapping; nobody truncates the file. 3. All processes touch it through this
        // function alone, so atomically.
        unsafe { AtomicU64::from_ptr(word) }
    }
}
