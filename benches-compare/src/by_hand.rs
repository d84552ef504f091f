//! The bars: what a good programmer writes without a library, over the same kind of mapping.
//!
//! A record is copied behind a word, and the word is stored with release order; the reader loads
//! the word with acquire order and uses the record where it lies. That is the least that any such
//! log has to do. The checked form has the CRC-32C of number, word and payload in the word's lower
//! half, as a frame of Kekbit.
//!
//! All `unsafe` of this program is here.

use std::{
    fs::{self, File},
    hint,
    marker::PhantomData,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use memmap2::{Advice, MmapOptions, MmapRaw};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a word.
const WORD: usize = 8;
/// From so many bytes on the crate is faster, which sums several streams at once.
const LONG: usize = 512;

/// A record of which any bytes are one.
pub trait Plain:
    IntoBytes + FromBytes + Immutable + KnownLayout + Copy + Send + Sync + 'static
{
}

impl<T> Plain for T where
    T: IntoBytes + FromBytes + Immutable + KnownLayout + Copy + Send + Sync + 'static
{
}

/// Where records start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    Packed,
    CacheLine,
}

/// Whether the pages are there before the first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    Present,
    /// For those who only read.
    Readable,
    Lazy,
}

/// Bytes from one record to the next.
#[must_use]
pub const fn stride<T>(alignment: Alignment) -> usize {
    let alignment = match alignment {
        Alignment::Packed => 8,
        Alignment::CacheLine => 64,
    };
    (WORD + size_of::<T>()).next_multiple_of(alignment)
}

/// A file of zeros in memory, or an existing one.
fn map(path: &Path, size: usize, pages: Pages) -> MmapRaw {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.expect("a file");
    file.set_len(size as u64).expect("room for it");
    let map = MmapOptions::new().len(size).map_raw(&file).expect("a mapping");
    // Where memory has huge pages for files this takes them; where not, nothing is lost.
    let _ = map.advise(Advice::HugePage);
    let advice = match pages {
        Pages::Present => Some(Advice::PopulateWrite),
        Pages::Readable => Some(Advice::PopulateRead),
        Pages::Lazy => None,
    };
    if let Some(advice) = advice {
        map.advise(advice).expect("Linux 5.14 or later");
    }
    map
}

fn word(map: &MmapRaw, offset: usize) -> &AtomicU64 {
    assert!(offset.is_multiple_of(WORD) && offset + WORD <= map.len());
    // SAFETY: 1. in the mapping and 2. aligned, as was just checked, since mappings start at a
    // page; 3. valid for as long as `map` is borrowed; 4. nobody accesses words but as atomics.
    unsafe { AtomicU64::from_ptr(map.as_mut_ptr().wrapping_add(offset).cast()) }
}

/// The word of a record of that type, without a checksum.
const fn tag<T>() -> u64 {
    1 << 60 | (size_of::<T>() as u64) << 32
}

/// The one who appends.
#[derive(Debug)]
pub struct Writer<T, const CHECKED: bool> {
    map: MmapRaw,
    stride: usize,
    offset: usize,
    sequence: u64,
    crc: Crc32c,
    record: PhantomData<T>,
}

impl<T: Plain, const CHECKED: bool> Writer<T, CHECKED> {
    pub fn create(path: &Path, count: u64, alignment: Alignment, pages: Pages) -> Self {
        const { assert!(align_of::<T>() <= WORD) };
        let stride = stride::<T>(alignment);
        let map = map(path, size(count, stride), pages);
        Writer { map, stride, offset: 0, sequence: 0, crc: Crc32c::find(), record: PhantomData }
    }

    #[inline(always)]
    pub fn append(&mut self, value: &T) {
        let end = self.offset + self.stride;
        assert!(end <= self.map.len(), "room for it");
        let payload = self.map.as_mut_ptr().wrapping_add(self.offset + WORD).cast::<T>();
        // SAFETY: 1. in the mapping: a stride holds a word and a `T`, and was just checked; 2.
        // aligned: offsets and the word are multiples of 8, of which `T` needs no more; 3. nobody
        // else touches what lies behind a word that is still zero, and `self` is borrowed mutably.
        unsafe { payload.write(*value) };
        let sum =
            if CHECKED { self.crc.sum([self.sequence, tag::<T>()], value.as_bytes()) } else { 0 };
        // Release: pairs with the Acquire load in `Reader::is_there`.
        word(&self.map, self.offset).store(tag::<T>() | u64::from(sum), Ordering::Release);
        self.offset = end;
        self.sequence += 1;
    }
}

/// One who reads.
#[derive(Debug)]
pub struct Reader<T, const CHECKED: bool> {
    map: MmapRaw,
    stride: usize,
    offset: usize,
    sequence: u64,
    crc: Crc32c,
    record: PhantomData<T>,
}

impl<T: Plain, const CHECKED: bool> Reader<T, CHECKED> {
    pub fn open(path: &Path, count: u64, alignment: Alignment) -> Self {
        const { assert!(align_of::<T>() <= WORD) };
        let stride = stride::<T>(alignment);
        let map = map(path, size(count, stride), Pages::Readable);
        Reader { map, stride, offset: 0, sequence: 0, crc: Crc32c::find(), record: PhantomData }
    }

    #[inline(always)]
    fn is_there(&self) -> bool {
        // Acquire: pairs with the Release store in `Writer::append`.
        let found = word(&self.map, self.offset).load(Ordering::Acquire);
        if found >> 32 != tag::<T>() >> 32 {
            return false;
        }
        if CHECKED {
            let bytes = self.payload().as_bytes();
            assert_eq!(
                found as u32,
                self.crc.sum([self.sequence, tag::<T>()], bytes),
                "a whole record"
            );
        }
        true
    }

    /// The bytes behind the word, which must have been seen.
    #[inline(always)]
    fn payload(&self) -> &T {
        debug_assert!(self.offset + self.stride <= self.map.len());
        let payload = self.map.as_ptr().wrapping_add(self.offset + WORD).cast::<T>();
        // SAFETY: 1. in the mapping: `has_room` is asked before; 2. aligned, as in `append`; 3. any
        // bytes are a `T`; 4. what lies behind a word is not written again while there are readers.
        unsafe { &*payload }
    }

    #[inline(always)]
    fn has_room(&self) -> bool {
        self.offset + self.stride <= self.map.len()
    }

    #[inline(always)]
    fn advance(&mut self) -> &T {
        let payload: *const T = self.payload();
        self.offset += self.stride;
        self.sequence += 1;
        // SAFETY: as in `payload`, from which it comes; it stays in place.
        unsafe { &*payload }
    }

    /// The next record, if it is there.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&T> {
        if self.has_room() && self.is_there() { Some(self.advance()) } else { None }
    }

    /// The next record, for which it waits with that many of the CPU's spin hints between looks.
    #[inline(always)]
    pub fn follow(&mut self, pauses: u32) -> &T {
        assert!(self.has_room(), "another record");
        while !self.is_there() {
            for _ in 0..pauses {
                hint::spin_loop();
            }
        }
        self.advance()
    }

    pub fn rewind(&mut self) {
        (self.offset, self.sequence) = (0, 0);
    }
}

fn size(count: u64, stride: usize) -> usize {
    usize::try_from(count).expect("64 bits") * stride
}

/// Two lines of a cache, one for each direction: the least that two processes can say.
#[derive(Debug)]
pub struct Lines {
    map: MmapRaw,
}

impl Lines {
    /// Apart by more than a line: CPUs fetch them in pairs.
    const APART: usize = 256;

    pub fn open(path: &Path) -> Lines {
        Lines { map: map(path, 4096, Pages::Present) }
    }

    #[inline(always)]
    pub fn set(&self, line: usize, turn: u64) {
        // Release: pairs with the Acquire load in `wait`.
        word(&self.map, line * Self::APART).store(turn, Ordering::Release);
    }

    #[inline(always)]
    pub fn wait(&self, line: usize, turn: u64) {
        // Acquire: pairs with the Release store in `set`.
        while word(&self.map, line * Self::APART).load(Ordering::Acquire) != turn {
            hint::spin_loop();
        }
    }
}

/// CRC-32C with the CPU's own instruction, in line.
#[derive(Debug, Clone, Copy)]
struct Crc32c {
    /// Whether the CPU has the instruction.
    found: bool,
}

impl Crc32c {
    fn find() -> Crc32c {
        #[cfg(target_arch = "x86_64")]
        let found = std::arch::is_x86_feature_detected!("sse4.2");
        #[cfg(not(target_arch = "x86_64"))]
        let found = false;
        Crc32c { found }
    }

    #[inline(always)]
    fn sum(self, head: [u64; 2], bytes: &[u8]) -> u32 {
        if self.found && bytes.len() < LONG {
            #[cfg(target_arch = "x86_64")]
            return self.in_line(head, bytes);
        }
        crc32c::crc32c_append(crc32c::crc32c(head.as_bytes()), bytes)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn in_line(self, head: [u64; 2], bytes: &[u8]) -> u32 {
        assert!(self.found);
        let mut state = head.into_iter().fold(u64::from(u32::MAX), eight);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            state = eight(state, u64::from_le_bytes(*word));
        }
        for byte in rest {
            // SAFETY: `found` was checked above; registers alone are read and written.
            unsafe {
                std::arch::asm!(
                    "crc32 {state:e}, {byte}",
                    state = inout(reg) state,
                    byte = in(reg_byte) *byte,
                    options(pure, nomem, nostack, preserves_flags)
                );
            }
        }
        !(state as u32)
    }
}

/// For [`Crc32c::in_line`] alone, which has asked the CPU.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn eight(mut state: u64, bytes: u64) -> u64 {
    // SAFETY: the one caller has checked that the CPU has the instruction; registers alone are
    // read and written.
    unsafe {
        std::arch::asm!(
            "crc32 {state}, {bytes}",
            state = inout(reg) state,
            bytes = in(reg) bytes,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    state
}

/// The bytes of a file, for a checksum over all of them.
pub fn with_bytes<R>(path: &Path, look: impl FnOnce(&[u8]) -> R) -> R {
    let file = File::open(path).expect("a file");
    let len = file.metadata().expect("its size").len();
    let map = map(path, usize::try_from(len).expect("64 bits"), Pages::Readable);
    // SAFETY: 1. the mapping is readable, and as long as said; 2. this program made the file and
    // writes to it no more while it is looked at.
    look(unsafe { std::slice::from_raw_parts(map.as_ptr(), map.len()) })
}

/// Makes the pages present of all mappings that this process has of a file: for peers that do not
/// offer it. Gives how many there were.
pub fn prefault_mappings_of(path: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
    let path = path.to_str().expect("a path of this program");
    let ranges = maps.lines().filter(|line| line.ends_with(path)).filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let parse = |number| usize::from_str_radix(number, 16).ok();
        Some((parse(start)?, parse(end)?, rest.starts_with("rw")))
    });
    let mut count = 0;
    for (start, end, is_writable) in ranges {
        let advice = if is_writable {
            nix::libc::MADV_POPULATE_WRITE
        } else {
            nix::libc::MADV_POPULATE_READ
        };
        // SAFETY: the range is a mapping of this process, and this advice changes no byte of it.
        let done = unsafe { nix::libc::madvise(start as *mut _, end - start, advice) };
        assert_eq!(done, 0, "pages of {path}");
        count += 1;
    }
    count
}
