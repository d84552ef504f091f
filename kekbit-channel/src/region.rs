//! [`Region`]: memory that a channel lives in, and the only pointers of the workspace.
//!
//! It knows no protocol. The law of the module, on which every `SAFETY` comment rests:
//!
//! 1. *Words* (aligned eight bytes) are touched through [`Region::load`] and [`Region::store`], or,
//!    of whole frames, [`Frame::load`] and [`Unpublished::publish`] (and, while a file is made,
//!    [`Region::prefault`]), which are atomic; or by the kernel, for those who ask the file
//!    (`search`, `file::rewrite`). Where a word lies in what was claimed before, or is the time
//!    stamp of a record, what wrote it otherwise happened before: whoever loads it has seen the
//!    word that publishes it, or the one in front of it, or (`scan::beyond`) has found the lock of
//!    the writer free or holds it. With a stride no claim reaches a word.
//! 2. A *claimed* range is written by the one writer of the channel, while no word that covers it
//!    has been published.
//! 3. No byte of a *committed* range ever changes, whoever writes. Recovery, which holds the lock,
//!    may let the kernel write a range over with itself (`file::rewrite`). Whoever puts the close
//!    mark frees blocks behind it only, where no committed range can lie.
//!
//! A file can be changed behind our back by any process that may write it. The contract of the
//! safe `open` and `create` is that nobody but the channel's writer does, and that nobody
//! truncates it: it is stated in their docs. A file system offers no way to enforce it. What
//! breaks the contract can yield wrong values or kill the process (SIGBUS); because every byte
//! pattern of a payload is valid as far as the compiler is concerned, it cannot make an invalid
//! value of a Rust type. So it is if the disk fails: the kernel may then drop a page that it could
//! not write, and read an older one back. The one exception is the `&str` that the view of a
//! `FixedStr` gives, which was UTF-8 when it was given.
//!
//! The mapping is a raw pointer and a length, never one big slice. Slices exist for single
//! payloads.

use std::{fs::File, io};

use memmap2::{MmapOptions, MmapRaw};

use crate::sync::{AtomicU64, Ordering, fence};
#[cfg(test)]
use crate::trace;

pub(crate) mod page;
#[cfg(test)]
#[cfg_attr(loom, path = "region/model.rs")]
pub(crate) mod heap;

/// Memory of a fixed size, page-aligned if it is a file's.
#[derive(Debug)]
pub(crate) struct Region {
    memory: Memory,
    /// Bytes that may be written to: all or none.
    writable_size: u64,
    /// See [`with_frames`](Self::with_frames).
    frames: Frames,
}

/// What a region asks of the system.
#[derive(Debug, Clone, Copy)]
enum Advice {
    HugePage,
    PopulateRead,
    PopulateWrite,
}

/// Where frames lie whose bodies all have one length.
#[derive(Debug)]
struct Frames {
    /// One that starts in front of this ends inside the region.
    end: u64,
    body_len: u64,
}

impl Frames {
    const NONE: Frames = Frames { end: 0, body_len: 0 };
}

/// Up to where frames of one size are known to fit: never behind the end of the region that gave
/// it, nor anywhere in one that may not be written to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fence {
    /// A frame that starts in front of this ends inside.
    end: u64,
    size: u64,
}

impl Fence {
    /// In front of every frame.
    pub(crate) const NONE: Fence = Fence { end: 0, size: 0 };

    /// Whether a frame at that offset is one of them.
    #[inline(always)]
    pub(crate) fn covers(self, offset: u64) -> bool {
        offset < self.end
    }

    /// The size of the frames.
    #[inline(always)]
    pub(crate) fn size(self) -> u64 {
        self.size
    }

    /// The same for smaller frames; `None` for larger ones.
    #[inline(always)]
    pub(crate) fn narrowed(self, size: u64) -> Option<Fence> {
        (size <= self.size).then_some(Fence { size, ..self })
    }
}

/// A word of it. The model checker has its own, whose atomics have another shape.
#[cfg(not(all(loom, test)))]
type Word<'r> = &'r AtomicU64;
#[cfg(all(loom, test))]
type Word<'r> = heap::Word<'r>;

#[derive(Debug)]
enum Memory {
    File(MmapRaw),
    #[cfg(test)]
    Heap(heap::Heap),
}

impl Region {
    /// Maps the first `size` bytes of a file that is at least that long, for its writer.
    pub(crate) fn map_writable(file: &File, size: u64) -> io::Result<Region> {
        let map = MmapOptions::new().len(index(size)).map_raw(file)?;
        Ok(Region { memory: Memory::File(map), writable_size: size, frames: Frames::NONE })
    }

    /// Maps the first `size` bytes of a file that is at least that long, for readers.
    pub(crate) fn map_readable(file: &File, size: u64) -> io::Result<Region> {
        let map = MmapOptions::new().len(index(size)).map_raw_read_only(file)?;
        Ok(Region { memory: Memory::File(map), writable_size: 0, frames: Frames::NONE })
    }

    /// Zeroed memory of this process with the same contract.
    #[cfg(test)]
    pub(crate) fn on_heap(size: u64) -> Region {
        let heap = heap::Heap::new(size);
        let writable_size = heap.size();
        let memory = Memory::Heap(heap);
        Region { memory, writable_size, frames: Frames::NONE }
    }

    /// Prepares for frames with bodies of one length, the last of which starts at `last`: then one
    /// comparison tells that one lies inside. If the last does not, there are none.
    pub(crate) fn with_frames(mut self, last: u64, body_len: u64) -> Region {
        let size = body_len.checked_add(8);
        let fits = size.is_some_and(|size| self.contains(last, size));
        self.frames = if fits { Frames { end: last + 1, body_len } } else { Frames::NONE };
        self
    }

    #[inline]
    pub(crate) fn size(&self) -> u64 {
        match &self.memory {
            Memory::File(map) => map.len() as u64,
            #[cfg(test)]
            Memory::Heap(heap) => heap.size(),
        }
    }

    /// Loads a word, with acquire order: whatever was written before the
    /// [`store`](Self::store) that put it there is visible. `None` outside the region or if
    /// `offset` is not a multiple of 8.
    #[inline]
    pub(crate) fn load(&self, offset: u64) -> Option<u64> {
        self.word(offset).map(load)
    }

    /// Stores a word, with release order. `None` outside the region, if `offset` is not a multiple
    /// of 8, or if the region was mapped for reading.
    #[inline]
    pub(crate) fn store(&self, offset: u64, value: u64) -> Option<()> {
        if self.writable_size == 0 {
            return None;
        }
        store(self.word(offset)?, offset, value);
        Some(())
    }

    /// Bytes that nobody writes to: those of a committed record, or of a claim at rest.
    ///
    /// Returns an empty slice if the range is not inside the region.
    ///
    /// # Safety
    /// 1. All writes to the range have happened before: a word that publishes it was loaded through
    ///    [`load`](Self::load), or the writes were made by the one who calls.
    /// 2. No byte of the range changes while the slice lives, and no thread of a process that maps
    ///    it writes there.
    #[inline]
    pub(crate) unsafe fn committed(&self, offset: u64, len: u64) -> &[u8] {
        debug_assert!(self.contains(offset, len));
        if !self.contains(offset, len) {
            return &[];
        }
        // SAFETY: inside the region, as was just asked; the rest is our own contract.
        unsafe { self.bytes(offset, len) }
    }

    /// Bytes that are claimed and not yet published.
    ///
    /// Returns an empty slice if the range is not inside the region, or if the region was mapped
    /// for reading.
    ///
    /// # Safety
    /// 1. The caller is the channel's one writer.
    /// 2. No word that covers the range has been published, so that nobody holds a slice from
    ///    [`committed`](Self::committed) into it.
    /// 3. No other slice from `claimed` that overlaps the range is alive, and while this one is,
    ///    the range is touched through nothing else.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "uniqueness is the caller's proof, see Safety")]
    pub(crate) unsafe fn claimed(&self, offset: u64, len: u64) -> &mut [u8] {
        debug_assert!(self.contains(offset, len) && self.writable_size != 0);
        if !self.contains(offset, len) || self.writable_size == 0 {
            return &mut [];
        }
        // SAFETY: inside a region that may be written to, as was just asked; the rest is our own
        // contract.
        unsafe { self.bytes_mut(offset, len) }
    }

    /// A word and the body behind it, of the one length that was [prepared](Self::with_frames) for.
    /// `None` behind the last frame or if `offset` is not a multiple of 8.
    #[inline(always)]
    pub(crate) fn frame(&self, offset: u64) -> Option<Frame<'_>> {
        let inside = offset < self.frames.end && offset.is_multiple_of(8);
        inside.then_some(Frame { region: self, offset })
    }

    /// A fence for frames of that size that end at `end` or before, and inside what may be written
    /// to.
    pub(crate) fn fence(&self, end: u64, size: u64) -> Fence {
        match end.min(self.writable_size).checked_sub(size) {
            // A frame has a word at least.
            Some(last) if size != 0 => Fence { end: last + 1, size },
            _ => Fence::NONE,
        }
    }

    /// A frame that its writer has not published yet, and the bytes behind its word. In two parts
    /// whose lengths the compiler may know.
    ///
    /// # Panics
    /// The fence does not cover the frame, they are more than a frame of its size holds, or
    /// `offset` is not a multiple of 8.
    ///
    /// # Safety
    /// 1. That of [`claimed`](Self::claimed), for the bytes behind the word.
    /// 2. It was this region that gave the fence.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "uniqueness is the caller's proof, see Safety")]
    pub(crate) unsafe fn unpublished(
        &self,
        fence: Fence,
        offset: u64,
        [stamp_len, payload_len]: [u64; 2],
    ) -> (Unpublished<'_>, [&mut [u8]; 2]) {
        let used = payload_len.checked_add(8).and_then(|used| used.checked_add(stamp_len));
        let fits = fence.covers(offset) && used.is_some_and(|used| used <= fence.size);
        if !fits || !offset.is_multiple_of(8) {
            outside(offset);
        }
        // SAFETY: inside what may be written to, as was just asked, by our contract and the
        // promise of `Fence`; the rest is our own contract.
        let stamp = unsafe { self.bytes_mut(offset + 8, stamp_len) };
        // SAFETY: as above; the two do not overlap.
        let payload = unsafe { self.bytes_mut(offset + 8 + stamp_len, payload_len) };
        // SAFETY: as above, and aligned.
        let word = unsafe { self.word_inside(offset) };
        (Unpublished { word, offset }, [stamp, payload])
    }

    /// Writes a range out to the disk, and waits for it.
    pub(crate) fn flush(&self, offset: u64, len: u64) -> io::Result<()> {
        #[cfg(test)]
        trace::tell(trace::Event::Flush { offset, len })?;
        match &self.memory {
            Memory::File(map) => map.flush_range(index(offset), index(len))?,
            #[cfg(test)]
            Memory::Heap(heap) => heap.flush()?,
        }
        #[cfg(test)]
        trace::tell(trace::Event::Flushed { offset, len })?;
        Ok(())
    }

    /// Makes every page of a range present and writable, without changing a byte: `false` if the
    /// system has no call for that.
    pub(crate) fn populate(&self, offset: u64, len: u64) -> bool {
        // From Linux 5.14 on.
        self.advise(Advice::PopulateWrite, offset, len)
    }

    /// Makes every page of a range present, which can allocate those that the file does not have.
    pub(crate) fn populate_for_reading(&self, offset: u64, len: u64) -> bool {
        self.advise(Advice::PopulateRead, offset, len)
    }

    /// The same in any case, while nobody writes yet.
    pub(crate) fn prefault(&self, offset: u64, len: u64) {
        if self.writable_size == 0 || self.populate(offset, len) {
            return;
        }
        // An atomic write that changes nothing, a page.
        // NB: not `fetch_or(0)`, which the compiler may turn into a load; then the page would be
        // present, but not writable.
        for page in (offset..offset + len).step_by(4096) {
            if let Some(word) = self.word(page) {
                // Relaxed: the value does not change, so there is nothing to order.
                let _ = word.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    /// Asks for large pages, where memory has them.
    pub(crate) fn prefer_huge_pages(&self) {
        // A hint.
        self.advise(Advice::HugePage, 0, self.size());
    }

    /// Whether the system took it. None of what is asked for here changes a byte.
    fn advise(&self, advice: Advice, offset: u64, len: u64) -> bool {
        #[cfg(target_os = "linux")]
        #[allow(irrefutable_let_patterns, reason = "tests have other memory too")]
        if let Memory::File(map) = &self.memory {
            let advice = match advice {
                Advice::HugePage => memmap2::Advice::HugePage,
                Advice::PopulateRead => memmap2::Advice::PopulateRead,
                Advice::PopulateWrite => memmap2::Advice::PopulateWrite,
            };
            return map.advise_range(advice, index(offset), index(len)).is_ok();
        }
        let _ = (advice, offset, len);
        false
    }

    #[inline]
    fn word(&self, offset: u64) -> Option<Word<'_>> {
        if !self.contains(offset, 8) || !offset.is_multiple_of(8) {
            return None;
        }
        // SAFETY: inside the region and aligned, as was just asked.
        Some(unsafe { self.word_inside(offset) })
    }

    /// # Safety
    /// As below.
    #[cfg(all(loom, test))]
    unsafe fn word_inside(&self, offset: u64) -> Word<'_> {
        match &self.memory {
            Memory::Heap(heap) => heap.word(offset),
            Memory::File(_) => unreachable!("models have no files"),
        }
    }

    /// # Safety
    /// The word lies inside the region, and `offset` is a multiple of 8.
    #[cfg(not(all(loom, test)))]
    #[inline(always)]
    unsafe fn word_inside(&self, offset: u64) -> Word<'_> {
        // SAFETY: the offset lies inside the region, by our contract.
        let word = unsafe { self.at(offset) }.cast::<AtomicU64>();
        // NB: not `AtomicU64::from_ptr`, which asks for memory that may be written, and a reader's
        // may not. A reference asks for what it is used for.
        // SAFETY: 1. `word` is aligned: `base` is aligned to 8 at least and `offset` is a multiple
        // of 8; an `AtomicU64` has size and alignment 8, see below.
        // 2. It is initialized (mapped and zeroed memory is), and every pattern is valid. 3. It is
        // valid for as long as the reference, which borrows the mapping. 4. All conflicting
        // accesses to a word are atomic or happen before, by the law of this module. 5. In a region
        // for readers nobody stores: `store` and `prefault` ask `writable_size`, and no fence of
        // such a region covers a frame; and a relaxed atomic load of eight bytes does not write
        // (the standard library's page on atomics, "Atomic accesses to read-only memory", which
        // says so of relaxed loads alone).
        unsafe { &*word }
    }

    /// # Safety
    /// The range lies inside the region; and the contract of [`committed`](Self::committed).
    #[inline(always)]
    unsafe fn bytes(&self, offset: u64, len: u64) -> &[u8] {
        #[cfg(all(loom, test))]
        self.touch(offset, len, heap::Use::Read);
        // SAFETY: the offset lies inside the region, by our contract.
        let start = unsafe { self.at(offset) };
        // SAFETY: 1. `start` is valid for reads of `len` bytes, by our contract. 2. Bytes need no
        // alignment and have no invalid patterns; mapped and zeroed memory is initialized.
        // 3. Nothing changes in the range while the slice lives, by item 2 of the contract of
        // `committed`; that the writes before it are visible is item 1. 4. A region is not larger
        // than `isize::MAX`.
        unsafe { core::slice::from_raw_parts(start, index(len)) }
    }

    /// # Safety
    /// The range lies inside the region, which may be written to; and the contract of
    /// [`claimed`](Self::claimed).
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "uniqueness is the caller's proof, see Safety")]
    unsafe fn bytes_mut(&self, offset: u64, len: u64) -> &mut [u8] {
        #[cfg(all(loom, test))]
        self.touch(offset, len, heap::Use::Write);
        // SAFETY: the offset lies inside the region, by our contract.
        let start = unsafe { self.at(offset) };
        // SAFETY: 1. `start` is valid for reads and writes of `len` bytes, by our contract.
        // 2. Bytes need no alignment and have no invalid patterns; mapped and zeroed memory is
        // initialized. 3. Exclusive access is the three items of the contract of `claimed`.
        // 4. A region is not larger than `isize::MAX`.
        unsafe { core::slice::from_raw_parts_mut(start, index(len)) }
    }

    /// # Safety
    /// The offset lies inside the region.
    #[inline(always)]
    unsafe fn at(&self, offset: u64) -> *mut u8 {
        // SAFETY: a region is one allocation (or mapping) that starts at `base` and is not larger
        // than `isize::MAX`; the offset lies inside it, by our contract.
        unsafe { self.base().add(index(offset)) }
    }

    #[cfg(all(loom, test))]
    fn touch(&self, offset: u64, len: u64, purpose: heap::Use) {
        if let Memory::Heap(heap) = &self.memory {
            heap.touch(offset, len, purpose);
        }
    }

    #[inline]
    fn contains(&self, offset: u64, len: u64) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.size())
    }

    #[inline]
    fn base(&self) -> *mut u8 {
        match &self.memory {
            Memory::File(map) => map.as_mut_ptr(),
            #[cfg(test)]
            Memory::Heap(heap) => heap.base(),
        }
    }
}

/// A word and the body behind it, inside a region, of the length that it is prepared for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'r> {
    region: &'r Region,
    offset: u64,
}

impl<'r> Frame<'r> {
    /// Loads the word, as [`Region::load`] does.
    #[inline(always)]
    pub(crate) fn load(self) -> u64 {
        load(self.word())
    }

    /// The bytes behind the word.
    ///
    /// # Safety
    /// That of [`Region::committed`].
    #[inline(always)]
    pub(crate) unsafe fn committed(self) -> &'r [u8] {
        // SAFETY: inside the region: `Region::frame` has seen that it starts no later than the
        // last, which `with_frames` has seen to end inside; the rest is our own contract.
        unsafe { self.region.bytes(self.offset + 8, self.region.frames.body_len) }
    }

    #[inline(always)]
    fn word(self) -> Word<'r> {
        // SAFETY: inside the region, as in `committed`, and aligned, as `Region::frame` has asked.
        unsafe { self.region.word_inside(self.offset) }
    }
}

/// A frame that its writer fills. NB: without the bytes. Whoever publishes it must have let go of
/// them: readers of another thread may read them before that call has come to its end.
#[derive(Debug)]
pub(crate) struct Unpublished<'r> {
    word: Word<'r>,
    offset: u64,
}

impl Unpublished<'_> {
    /// Stores the word, as [`Region::store`] does. Nobody can write to the body any more.
    #[inline(always)]
    pub(crate) fn publish(self, word: u64) {
        store(self.word, self.offset, word);
    }
}

#[cold]
fn outside(offset: u64) -> ! {
    unreachable!("a frame at {offset}, where its writer was to see that it fits")
}

#[inline(always)]
fn load(word: Word<'_>) -> u64 {
    // NB: not one Acquire load. Of memory that may not be written, only Relaxed loads are
    // guaranteed not to write, see `word_inside`. On x86-64 both are the same instruction.
    // ThreadSanitizer knows no fences; `.ci/sanitize` sets `tsan`.
    let order = if cfg!(tsan) { Ordering::Acquire } else { Ordering::Relaxed };
    let bits = word.load(order);
    // Acquire: pairs with the Release store in `store` that the load has seen.
    fence(Ordering::Acquire);
    u64::from_le(bits)
}

#[inline(always)]
fn store(word: Word<'_>, offset: u64, value: u64) {
    #[cfg(test)]
    let _ = trace::tell(trace::Event::Store { offset });
    let _ = offset;
    // Release: pairs with the Acquire load in `load`.
    word.store(value.to_le(), Ordering::Release);
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<AtomicU64>() == 8 && align_of::<AtomicU64>() == 8);

/// A position in the file as a position in memory: the one place where the two meet.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "64-bit targets only, see layout.rs")]
fn index(offset: u64) -> usize {
    offset as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_outside_or_askew_are_none() {
        let region = Region::on_heap(64);
        assert_eq!(region.load(56), Some(0));
        for offset in [57, 60, 64, u64::MAX, u64::MAX - 7] {
            assert_eq!(region.load(offset), None, "{offset}");
            assert_eq!(region.store(offset, 1), None, "{offset}");
        }
    }

    #[test]
    fn words_are_little_endian_in_memory() {
        let region = Region::on_heap(16);
        region.store(8, 0x0102_0304_0506_0708).unwrap();
        // SAFETY: 1. The word was stored by this very thread. 2. Nobody writes to it any more.
        let bytes = unsafe { region.committed(8, 8) };
        assert_eq!(bytes, [8, 7, 6, 5, 4, 3, 2, 1]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps a file")]
    fn a_region_for_readers_takes_no_store() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        let region = Region::map_readable(&file, 4096).unwrap();
        assert_eq!(region.store(0, 1), None);
        assert_eq!(region.load(0), Some(0));
    }
}
