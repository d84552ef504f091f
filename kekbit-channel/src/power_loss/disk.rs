//! [`History`]: what a file held at every moment, and what a disk may hold of it.
//!
//! The model of the page cache: between two syncs the kernel writes each dirty page to the disk
//! when it likes, none, once or often. So at a power cut a page of the disk has any content that
//! the page had since it was last flushed. A disk writes sectors: the page that it was about to
//! write may be of different times in each. While a sector travels, the CPU goes on storing: of two
//! neighbouring times it may hold any mixture of aligned eight bytes.

use std::{cell::RefCell, fs, io, path::Path, rc::Rc};

use crate::trace::{self, Event};

use super::cases::Rng;

const PAGE: usize = 4096;
const SECTOR: usize = 512;
const GRANULE: usize = 8;

/// A place in time: the file as it was before a store, around a flush, or between two operations.
pub(super) type Moment = usize;

/// All contents of a file, from a moment at which they were on the disk.
#[derive(Debug)]
pub(super) struct History {
    pages: Vec<Page>,
    /// For each moment and page, since when its content may be on the disk.
    floors: Vec<Rc<[Moment]>>,
    /// The number of the flush that fails, counted down; 0 for none.
    pub(super) failing: u64,
    /// When the flush that is under way began.
    flush_start: Moment,
}

/// The contents that a page had, oldest first, each from a moment on.
#[derive(Debug, Default)]
struct Page {
    versions: Vec<(Moment, Vec<u8>)>,
    /// A flush of this page failed then: the kernel takes it for clean although it is not, until it
    /// is written to again.
    stuck: Option<Moment>,
}

impl Page {
    fn index_at(&self, moment: Moment) -> usize {
        self.versions.partition_point(|(since, _)| *since <= moment) - 1
    }

    fn at(&self, moment: Moment) -> &[u8] {
        &self.versions[self.index_at(moment)].1
    }
}

impl History {
    /// Starts with a file that is on the disk as it is.
    pub(super) fn of(path: &Path) -> History {
        let size = fs::metadata(path).unwrap().len();
        let pages = usize::try_from(size).unwrap().div_ceil(PAGE);
        let mut history = History {
            pages: (0..pages).map(|_| Page::default()).collect(),
            floors: Vec::new(),
            failing: 0,
            flush_start: 0,
        };
        history.look(path);
        history
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
        let now = self.last();
        match event {
            Event::Store => {}
            Event::Flush { offset, len } => {
                self.flush_start = now;
                self.failing = match self.failing {
                    1 => {
                        for page in touched(offset, len) {
                            self.pages[page].stuck = Some(now);
                        }
                        self.failing = 0;
                        return Err(io::Error::from_raw_os_error(5));
                    }
                    more => more.saturating_sub(1),
                };
            }
            Event::Rewritten { offset, len } => {
                for page in touched(offset, len) {
                    self.pages[page].stuck = None;
                }
            }
            Event::Flushed { offset, len } => {
                let mut floor = self.floors[now].to_vec();
                for number in touched(offset, len) {
                    let page = &mut self.pages[number];
                    let stuck = page.stuck.is_some_and(|failed| page.at(failed) == page.at(now));
                    if !stuck {
                        page.stuck = None;
                        floor[number] = self.flush_start;
                    }
                }
                self.floors[now] = floor.into();
            }
        }
        Ok(())
    }

    /// The same, up to a moment.
    pub(super) fn until(&self, moment: Moment) -> History {
        let pages = self.pages.iter().map(|page| Page {
            versions: page.versions[..=page.index_at(moment)].to_vec(),
            stuck: page.stuck.filter(|failed| *failed <= moment),
        });
        let floors = self.floors[..=moment].to_vec();
        History { pages: pages.collect(), floors, failing: 0, flush_start: 0 }
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
        pages.flat_map(|(page, floor)| style.content(page, *floor, moment, rng)).collect()
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
