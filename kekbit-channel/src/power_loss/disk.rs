//! [`History`]: what a file held at every moment, and what a disk may hold of it.
//!
//! The model of the page cache: between two syncs the kernel writes each dirty page to the disk
//! when it likes, none, once or often. So at a power cut a page of the disk has any content that
//! the page had since it was last flushed. A disk writes sectors: the page that it was about to
//! write may be of different times in each. While a sector travels, the CPU goes on storing: of two
//! neighbouring times it may hold any mixture of aligned eight bytes.
//!
//! A write that fails, in a flush or in the background, leaves pages that the kernel takes for
//! clean ([`Page::stuck`]) until they are written to again. It may drop such a page from memory and
//! read it again from the disk. A failure in the background is told to the next flush, once.

use std::{
    cell::RefCell,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
    rc::Rc,
};

use crate::trace::{self, Event};

use super::cases::Rng;

const PAGE: usize = 4096;
const SECTOR: usize = 512;
const GRANULE: usize = 8;

/// A place in time: the file as it was before a store, around a flush, or between two operations.
pub(super) type Moment = usize;

/// How often, of 256 times, something happens behind the program's back at a store or a flush.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    /// The kernel fails to write pages out.
    pub(super) failing: u8,
    /// It drops pages that it takes for clean.
    pub(super) dropping: u8,
}

/// All contents of a file, from a moment at which they were on the disk.
#[derive(Debug)]
pub(super) struct History {
    pages: Vec<Page>,
    /// For each moment and page, since when its content may be on the disk.
    floors: Vec<Rc<[Moment]>>,
    /// Since when the disk knows how long the file is.
    sized: Option<Moment>,
    /// From a moment on: whether pages failed to be written of which no flush has told yet.
    untold: Vec<(Moment, bool)>,
    /// When pages were dropped and read again.
    drops: Vec<Moment>,
    /// The number of the flush that fails, counted down; 0 for none.
    pub(super) failing: u64,
    pub(super) weather: Weather,
    rng: Rng,
    /// When the flush that is under way began.
    flush_start: Moment,
}

/// The contents that a page had, oldest first, each from a moment on.
#[derive(Debug, Default)]
struct Page {
    versions: Vec<(Moment, Vec<u8>)>,
    /// From a moment on: the content that the kernel takes for written although it is not.
    stuck: Vec<(Moment, Option<usize>)>,
}

impl Page {
    fn index_at(&self, moment: Moment) -> usize {
        self.versions.partition_point(|(since, _)| *since <= moment) - 1
    }

    fn at(&self, moment: Moment) -> &[u8] {
        &self.versions[self.index_at(moment)].1
    }

    /// Whether the kernel takes it for clean although it is not.
    fn is_stuck(&self, moment: Moment) -> bool {
        at(&self.stuck, moment).flatten() == Some(self.index_at(moment))
    }
}

/// What holds at a moment, of what holds from moments on.
fn at<T: Copy>(changes: &[(Moment, T)], moment: Moment) -> Option<T> {
    let next = changes.partition_point(|(since, _)| *since <= moment);
    Some(changes.get(next.checked_sub(1)?)?.1)
}

impl History {
    /// Starts with a file that is on the disk as it is.
    pub(super) fn of(path: &Path, rng: &mut Rng) -> History {
        let mut history = History::start(path, rng);
        history.look(path);
        history
    }

    /// Starts with a file that has just been written, of which the disk may know nothing.
    pub(super) fn of_copy(path: &Path, rng: &mut Rng) -> History {
        let mut history = History::start(path, rng);
        for page in &mut history.pages {
            page.versions.push((0, vec![0; PAGE]));
        }
        history.floors.push(vec![0; history.pages.len()].into());
        history.sized = None;
        history.look(path);
        history
    }

    fn start(path: &Path, rng: &mut Rng) -> History {
        let size = fs::metadata(path).unwrap().len();
        let pages = usize::try_from(size).unwrap().div_ceil(PAGE);
        History {
            pages: (0..pages).map(|_| Page::default()).collect(),
            floors: Vec::new(),
            sized: Some(0),
            untold: Vec::new(),
            drops: Vec::new(),
            failing: 0,
            weather: Weather::default(),
            rng: rng.fork(),
            flush_start: 0,
        }
    }

    /// Takes note of what the file holds now.
    pub(super) fn look(&mut self, path: &Path) {
        let now = self.floors.len();
        let bytes = fs::read(path).unwrap();
        for (page, content) in self.pages.iter_mut().zip(bytes.chunks(PAGE)) {
            if page.versions.last().is_none_or(|(_, last)| last != content) {
                page.versions.push((now, content.to_owned()));
            }
        }
        let floor = self.floors.last().cloned();
        self.floors.push(floor.unwrap_or_else(|| vec![0; self.pages.len()].into()));
    }

    pub(super) fn last(&self) -> Moment {
        self.floors.len() - 1
    }

    /// Whether memory had lost by then what had been stored.
    pub(super) fn has_dropped(&self, moment: Moment) -> bool {
        self.drops.first().is_some_and(|first| *first <= moment)
    }

    pub(super) fn drop_count(&self) -> usize {
        self.drops.len()
    }

    /// Follows what this thread does to the file while `work` runs.
    pub(super) fn watch<R>(
        self,
        path: &Path,
        work: impl FnOnce(&Rc<RefCell<History>>) -> R,
    ) -> (History, R) {
        let history = Rc::new(RefCell::new(self));
        let (watcher, path) = (Rc::clone(&history), path.to_owned());
        let result =
            trace::watch(move |event| watcher.borrow_mut().note(&path, event), || work(&history));
        let history = Rc::try_unwrap(history).unwrap_or_else(|_| unreachable!("the watch is over"));
        (history.into_inner(), result)
    }

    fn note(&mut self, path: &Path, event: Event) -> io::Result<()> {
        self.look(path);
        match event {
            Event::Store { offset } => {
                self.meddle(path);
                // Even if it is stored what was there: to the kernel the page has changed.
                let next = self.last() + 1;
                for page in touched(offset, 8) {
                    self.pages[page].stuck.push((next, None));
                }
            }
            Event::Flush { offset, len } => {
                self.meddle(path);
                return self.begin_flush(offset, len);
            }
            Event::Rewritten { offset, len } => {
                let now = self.last();
                for page in touched(offset, len) {
                    self.pages[page].stuck.push((now, None));
                }
            }
            Event::Flushed { offset, len } => {
                let now = self.last();
                let mut floor = self.floors[now].to_vec();
                for number in touched(offset, len) {
                    if !self.pages[number].is_stuck(now) {
                        floor[number] = self.flush_start;
                    }
                }
                self.floors[now] = floor.into();
                self.sized.get_or_insert(now);
            }
        }
        Ok(())
    }

    fn begin_flush(&mut self, offset: u64, len: u64) -> io::Result<()> {
        let now = self.last();
        self.flush_start = now;
        let fails = self.failing == 1;
        self.failing = self.failing.saturating_sub(1);
        if fails {
            let all = self.rng.bool();
            for number in touched(offset, len) {
                if all || self.rng.bool() {
                    let page = &mut self.pages[number];
                    // NB: not from this moment on: whoever flushes lives to hear of it, and to say
                    // so (`docs/RELIABILITY.md`, the model).
                    page.stuck.push((now + 2, Some(page.index_at(now))));
                }
            }
        }
        let untold = at(&self.untold, now) == Some(true);
        if untold {
            self.untold.push((now, false));
        }
        if fails || untold { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }

    /// Lets time pass between two programs, in which pages may be dropped.
    pub(super) fn wait(&mut self, path: &Path) {
        self.look(path);
        if self.weather.dropping != 0 {
            self.drop_pages(path);
        }
    }

    /// Lets happen what the weather is for.
    fn meddle(&mut self, path: &Path) {
        if self.rng.u8(..) < self.weather.failing {
            self.fail_to_write();
        }
        if self.rng.u8(..) < self.weather.dropping {
            self.drop_pages(path);
        }
    }

    /// The kernel writes out some of the dirty pages, and fails.
    fn fail_to_write(&mut self) {
        let now = self.last();
        let mut any = false;
        for (page, floor) in self.pages.iter_mut().zip(self.floors[now].iter()) {
            let index = page.index_at(now);
            let dirty = page.index_at(*floor) < index && !page.is_stuck(now);
            if dirty && self.rng.bool() {
                page.stuck.push((now, Some(index)));
                any = true;
            }
        }
        if any {
            self.untold.push((now, true));
        }
    }

    /// The kernel drops some of the pages that it takes for clean, and reads them again: what the
    /// disk has of them is in memory now.
    pub(super) fn drop_pages(&mut self, path: &Path) {
        let before = self.last();
        let mut floor = self.floors[before].to_vec();
        let file = File::options().write(true).open(path).unwrap();
        let mut dropped = Vec::new();
        for (number, page) in self.pages.iter().enumerate() {
            if page.is_stuck(before) && self.rng.bool() {
                let style = Style::any(&mut self.rng);
                let content = style.content(page, floor[number], before, &mut self.rng);
                file.write_all_at(&content, (number * PAGE) as u64).unwrap();
                floor[number] = before + 1;
                dropped.push(number);
            }
        }
        if dropped.is_empty() {
            return;
        }
        self.look(path);
        for number in dropped {
            self.pages[number].stuck.push((before + 1, None));
        }
        self.floors[before + 1] = floor.into();
        self.drops.push(before + 1);
    }

    /// The same, up to a moment.
    pub(super) fn until(&self, moment: Moment, rng: &mut Rng) -> History {
        let pages = self.pages.iter().map(|page| Page {
            versions: page.versions[..=page.index_at(moment)].to_vec(),
            stuck: page.stuck.iter().filter(|(since, _)| *since <= moment).copied().collect(),
        });
        History {
            pages: pages.collect(),
            floors: self.floors[..=moment].to_vec(),
            sized: self.sized.filter(|since| *since <= moment),
            untold: self.untold.iter().filter(|(since, _)| *since <= moment).copied().collect(),
            drops: self.drops.iter().filter(|since| **since <= moment).copied().collect(),
            failing: 0,
            weather: Weather::default(),
            rng: rng.fork(),
            flush_start: 0,
        }
    }

    /// What the file held.
    pub(super) fn content(&self, moment: Moment) -> Vec<u8> {
        self.pages.iter().flat_map(|page| page.at(moment)).copied().collect()
    }

    /// What the disk may hold after a power cut at that moment.
    pub(super) fn power_cut(&self, moment: Moment, rng: &mut Rng) -> Vec<u8> {
        let style = Style::any(rng);
        let floor = &self.floors[moment];
        let pages = self.pages.iter().zip(floor.iter());
        let mut bytes: Vec<u8> =
            pages.flat_map(|(page, floor)| style.content(page, *floor, moment, rng)).collect();
        if self.sized.is_none_or(|since| moment < since) && rng.bool() {
            // Files grow by blocks, and may end anywhere.
            let len = rng.usize(0..=bytes.len());
            bytes.truncate(if rng.bool() { len } else { len / PAGE * PAGE });
        }
        bytes
    }

    /// What a copy may hold that was made from `start` to `end`, page after page, or in any order.
    pub(super) fn copy(&self, start: Moment, end: Moment, ordered: bool, rng: &mut Rng) -> Vec<u8> {
        let mut from = start;
        let pages = self.pages.iter();
        pages
            .flat_map(|page| {
                let style = if rng.bool() { Style::Pages } else { Style::Granules };
                let until = if ordered { rng.usize(from..=end) } else { end };
                let content = style.content(page, from, until, rng);
                if ordered {
                    from = until;
                }
                content
            })
            .collect()
    }

    /// Which values a byte may have on the disk after a power cut, or in a copy that was begun at
    /// `start`.
    pub(super) fn possible(&self, offset: usize, start: Option<Moment>, moment: Moment) -> Vec<u8> {
        let page = &self.pages[offset / PAGE];
        let start = start.unwrap_or(self.floors[moment][offset / PAGE]);
        let versions = &page.versions[page.index_at(start)..=page.index_at(moment)];
        versions.iter().map(|(_, bytes)| bytes[offset % PAGE]).collect()
    }
}

/// The pages of a range.
fn touched(offset: u64, len: u64) -> std::ops::Range<usize> {
    let index = |offset: u64| usize::try_from(offset).unwrap();
    index(offset) / PAGE..index(offset + len).div_ceil(PAGE)
}

/// How the disk has fallen behind.
#[derive(Debug, Clone, Copy)]
enum Style {
    Oldest,
    Newest,
    /// Each page is of any time.
    Pages,
    /// Each page is old or new.
    Either,
    /// Each sector is of any time.
    Sectors,
    /// Each sector is a mixture of two times.
    Granules,
}

impl Style {
    fn any(rng: &mut Rng) -> Style {
        let all = [
            Style::Oldest,
            Style::Newest,
            Style::Pages,
            Style::Either,
            Style::Sectors,
            Style::Granules,
        ];
        all[rng.usize(..all.len())]
    }

    fn content(self, page: &Page, from: Moment, until: Moment, rng: &mut Rng) -> Vec<u8> {
        let (oldest, newest) = (page.index_at(from), page.index_at(until));
        let version = |index: usize| page.versions[index].1.as_slice();
        match self {
            Style::Oldest => version(oldest).to_owned(),
            Style::Newest => version(newest).to_owned(),
            Style::Pages => version(rng.usize(oldest..=newest)).to_owned(),
            Style::Either => version(if rng.bool() { oldest } else { newest }).to_owned(),
            Style::Sectors => (0..PAGE)
                .step_by(SECTOR)
                .flat_map(|start| &version(rng.usize(oldest..=newest))[start..start + SECTOR])
                .copied()
                .collect(),
            Style::Granules => (0..PAGE)
                .step_by(SECTOR)
                .flat_map(|start| {
                    let first = rng.usize(oldest..=newest);
                    let second = (first + rng.usize(0..3)).min(newest);
                    mixture(&version(first)[start..], &version(second)[start..], rng)
                })
                .collect(),
        }
    }
}

/// A sector of which each aligned eight bytes are of one of two times.
fn mixture(first: &[u8], second: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bits = rng.u64(..);
    (0..SECTOR)
        .step_by(GRANULE)
        .flat_map(|start| {
            let chosen = if bits & 1 == 0 { first } else { second };
            bits >>= 1;
            &chosen[start..start + GRANULE]
        })
        .copied()
        .collect()
}
