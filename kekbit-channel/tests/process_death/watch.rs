//! Live readers: they follow the channels of a folder from before the first is there until after
//! the writer's death and recovery, and hold all that they see against the plan.

use std::{
    ffi::c_uint, fs::File, hint, os::fd::AsRawFd, path::Path, sync::atomic::Ordering::SeqCst,
    thread, time::Instant,
};

use kekbit_channel::{CloseReason, Next, OpenError, Reader, Recorded, Wait};
use nix::libc;

use crate::{
    board::Board,
    cases::Rng,
    child::PATIENCE,
    program::{Focus, Phase, Plan, THREADS, Told, channel_path, number_of},
};

/// How far a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub(crate) enum Stage {
    Running,
    /// The writer's end was waited for.
    Dead,
    Recovered,
}

impl Board {
    pub(crate) fn stage(&self) -> Stage {
        match self.get(Told::Stage) {
            0 => Stage::Running,
            1 => Stage::Dead,
            _ => Stage::Recovered,
        }
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        self.at(Told::Stage as usize).store(stage as u64, SeqCst);
    }
}

/// The records that have to come, in their order.
pub(crate) struct Expected<'p> {
    plan: &'p Plan,
    /// How many of each thread have come.
    pub(crate) indices: [u64; THREADS],
    payload: Vec<u8>,
}

impl<'p> Expected<'p> {
    pub(crate) fn new(plan: &'p Plan) -> Expected<'p> {
        Expected { plan, indices: [0; THREADS], payload: Vec::new() }
    }

    /// Takes the next record: it has to be the next of its thread, whole.
    #[track_caller]
    pub(crate) fn take(&mut self, found: &[u8]) {
        let thread = match self.plan.focus {
            Focus::Shared => {
                let number = found.first_chunk().map_or(u64::MAX, |head| u64::from_le_bytes(*head));
                usize::try_from(number >> 48).unwrap()
            }
            _ => 0,
        };
        assert!(thread < THREADS, "a record of no thread: {found:?}");
        self.plan.payload(number_of(thread, self.indices[thread]), &mut self.payload);
        assert!(
            found == self.payload,
            "record {} of thread {thread} is torn, invented or out of order: {found:?}, and not \
             {:?}; {:?}",
            self.indices[thread],
            self.payload,
            self.plan
        );
        self.indices[thread] += 1;
    }

    /// How many have come, in all.
    pub(crate) fn count(&self) -> u64 {
        self.indices.iter().sum()
    }

    /// The payload that comes next from a program of one thread.
    pub(crate) fn next_payload(&mut self) -> &[u8] {
        self.plan.payload(self.indices[0], &mut self.payload);
        &self.payload
    }
}

/// How a live reader looks for the next record.
#[derive(Debug, Clone, Copy)]
enum Way {
    Poll,
    /// Asks at each poll whether the writer is alive.
    Ask,
    Wait(Wait),
    Follow(Wait),
    Batch,
}

/// A live reader of one case.
pub(crate) struct Watch<'c> {
    plan: &'c Plan,
    board: &'c Board,
    expected: Expected<'c>,
    rng: Rng,
    /// Where each record of this channel starts, and the one to come: right where nothing is ever
    /// skipped, so for programs that sync.
    offsets: Vec<u64>,
    pages: Option<Pages>,
}

/// Tells everybody if a live reader finds a fault, so that nobody waits for it.
struct Alarm<'b>(&'b Board);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.put(Told::Failed, 1);
        }
    }
}

/// Follows all channels of a folder and gives how many records were in them.
pub(crate) fn watch(plan: &Plan, seed: u64, folder: &Path, board: &Board) -> u64 {
    let _alarm = Alarm(board);
    let rng = Rng::with_seed(seed);
    let expected = Expected::new(plan);
    let mut watch = Watch { plan, board, expected, rng, offsets: Vec::new(), pages: None };
    for channel in 0.. {
        let Some(mut reader) = watch.open(&channel_path(folder, channel)) else {
            board.at(Told::Checked as usize).fetch_add(1, SeqCst);
            break;
        };
        match watch.follow(&mut reader, channel) {
            Next::Closed(CloseReason::Closed | CloseReason::Full) => {}
            Next::Abandoned => {
                watch.after_death(&mut reader);
                break;
            }
            other => panic!("{other:?} of a writer that lives or was killed; {plan:?}"),
        }
    }
    watch.expected.count()
}

/// Reads again and again until it is killed.
pub(crate) fn read_for_ever(plan: &Plan, folder: &Path, board: &Board) {
    let path = channel_path(folder, 0);
    let teller = crate::program::Teller { board, thread: 0, trigger: plan.trigger };
    for seed in 0.. {
        let mut watch = Watch {
            plan,
            board,
            expected: Expected::new(plan),
            rng: Rng::with_seed(seed),
            offsets: Vec::new(),
            pages: None,
        };
        let Some(mut reader) = watch.open(&path) else { continue };
        for _ in 0..watch.rng.u32(..1000) {
            teller.enter(plan.trigger);
            if let Next::Record(record) = reader.try_next().unwrap() {
                watch.take(record);
            }
        }
    }
}

impl Watch<'_> {
    /// Opens a channel when it is there; `None` if it will never be.
    fn open(&mut self, path: &Path) -> Option<Reader> {
        let start = Instant::now();
        loop {
            let over = Stage::Dead <= self.board.stage();
            match Reader::open(path) {
                Ok(reader) => {
                    self.offsets = vec![reader.header().data_offset];
                    self.pages = Pages::of(self.plan, path);
                    return Some(reader);
                }
                Err(OpenError::Missing { .. }) if over => return None,
                Err(OpenError::Missing { .. }) => thread::yield_now(),
                Err(other) => panic!("a channel that is not whole has a name: {other}"),
            }
            assert!(start.elapsed() < PATIENCE, "{} does not come", path.display());
            assert_eq!(self.board.get(Told::Failed), 0, "another reader has failed");
        }
    }

    fn take(&mut self, record: Recorded<&[u8]>) {
        assert!(!record.unverified, "{:?}", self.plan);
        self.expected.take(record.value);
        let next = self.offsets.last().unwrap() + self.plan.frame_size(record.value.len());
        self.offsets.push(next);
    }

    /// Takes all records until there is an end of some kind.
    fn follow(&mut self, reader: &mut Reader, channel: usize) -> Next<()> {
        let start = Instant::now();
        let mut durable = 0;
        loop {
            let way = self.way();
            for _ in 0..self.rng.u32(1..200) {
                let kill_sent = self.board.get(Told::KillSent) != 0;
                let at_least = self.returned(channel);
                let found = self.step(reader, way);
                let position = reader.next_sequence();
                match found {
                    Next::Record(()) => {}
                    Next::Abandoned => {
                        let sent = kill_sent || self.board.get(Told::KillSent) != 0;
                        assert!(sent, "abandoned, and its writer lives; {:?}", self.plan);
                    }
                    _ => {}
                }
                if !matches!(found, Next::Record(())) {
                    assert!(at_least <= position, "{at_least} appends have returned: {position}");
                }
                durable = self.look_at_durable(reader, channel, durable);
                match found {
                    Next::Record(()) => {}
                    Next::Pending => {
                        self.board.at(Told::LiveLooks as usize).fetch_add(1, SeqCst);
                        match way {
                            Way::Ask => hint::spin_loop(),
                            _ => thread::yield_now(),
                        }
                    }
                    end => return end,
                }
            }
            assert!(start.elapsed() < PATIENCE, "no end of channel {channel}; {:?}", self.plan);
            assert_eq!(self.board.get(Told::Failed), 0, "another reader has failed");
        }
    }

    fn way(&mut self) -> Way {
        let wait = self.rng.choice([Wait::Spin, Wait::Yield, Wait::Backoff]).unwrap();
        match self.rng.u8(..if self.plan.focus == Focus::Fork { 4 } else { 8 }) {
            0 | 1 => Way::Poll,
            2 => Way::Ask,
            3 => Way::Batch,
            4 => Way::Wait(wait),
            5 => Way::Follow(wait),
            _ => match self.plan.focus {
                Focus::Close | Focus::Create => Way::Ask,
                _ => Way::Poll,
            },
        }
    }

    /// Appends to a channel that had returned a moment ago.
    fn returned(&self, channel: usize) -> u64 {
        match self.board.progress() {
            (current, returned) if current == channel => returned,
            _ => 0,
        }
    }

    /// Takes what one look in some way gives.
    fn step(&mut self, reader: &mut Reader, way: Way) -> Next<()> {
        let found = match way {
            Way::Poll => reader.try_next().unwrap(),
            Way::Ask => {
                reader.set_timeout(None);
                reader.try_next().unwrap()
            }
            Way::Wait(wait) => reader.wait_next(wait).unwrap(),
            Way::Follow(wait) => {
                let count = self.rng.usize(..100);
                for record in reader.follow(wait).take(count) {
                    self.take(record.unwrap());
                }
                reader.try_next().unwrap()
            }
            Way::Batch => {
                let max = self.rng.usize(..100);
                let batch = reader.batch(max);
                let promised = batch.len();
                let mut came = 0;
                for record in batch {
                    self.take(record.unwrap());
                    came += 1;
                }
                assert_eq!(promised, came, "a batch knows its length");
                reader.try_next().unwrap()
            }
        };
        let sequence = match found {
            Next::Record(record) => {
                self.take(record);
                Some(record.sequence)
            }
            Next::Pending => return Next::Pending,
            Next::Closed(reason) => return Next::Closed(reason),
            Next::Abandoned => return Next::Abandoned,
            Next::TimedOut => return Next::TimedOut,
        };
        assert_eq!(sequence, reader.next_sequence().checked_sub(1));
        Next::Record(())
    }

    /// What a sync has covered is on the disk as soon as `durable` says so: its pages are clean.
    fn look_at_durable(&mut self, reader: &mut Reader, channel: usize, before: u64) -> u64 {
        let durable = reader.durable();
        assert!(before <= durable, "durable has sunk from {before} to {durable}");
        if durable == before {
            return before;
        }
        // All that `durable` speaks of is there.
        while reader.next_sequence() < durable {
            let found = self.step(reader, Way::Poll);
            assert_eq!(found, Next::Record(()), "durable is {durable}; {:?}", self.plan);
        }
        if let Some(pages) = &self.pages {
            let start = self.offsets[0];
            let end = self.offsets[usize::try_from(durable).unwrap()];
            let dirty = pages.dirty(start, end - start);
            // NB: the kernel counts in folios, so that a page that is written to makes others
            // dirty. The writer says that it begins a record before it does.
            let at_rest = matches!(self.board.phase(0), Phase::Syncing | Phase::Between)
                && self.board.progress() == (channel, durable);
            if at_rest {
                assert_eq!(dirty, 0, "pages of records below {durable}, which is durable");
                self.board.at(Told::CleanLooks as usize).fetch_add(1, SeqCst);
            }
        }
        durable
    }

    /// A reader that was there when the writer died finds nothing but its death, at once; after
    /// recovery, the seal.
    fn after_death(&mut self, reader: &mut Reader) {
        let (board, start) = (self.board, Instant::now());
        while board.stage() == Stage::Running {
            let found = self.look_behind(reader);
            assert_eq!(found, Next::Abandoned, "after it was abandoned; {:?}", self.plan);
            assert!(start.elapsed() < PATIENCE, "nobody waits for its end; {:?}", self.plan);
            assert_eq!(board.get(Told::Failed), 0, "another reader has failed");
            thread::yield_now();
        }
        let found = self.look_behind(reader);
        assert_eq!(found, Next::Abandoned, "its end was waited for; {:?}", self.plan);
        board.at(Told::Checked as usize).fetch_add(1, SeqCst);
        while board.stage() == Stage::Dead {
            match self.look_behind(reader) {
                Next::Pending | Next::Abandoned | Next::Closed(CloseReason::Recovered) => {}
                other => panic!("{other:?} during recovery; {:?}", self.plan),
            }
            assert!(start.elapsed() < PATIENCE, "nobody recovers; {:?}", self.plan);
            assert_eq!(board.get(Told::Failed), 0, "another reader has failed");
            thread::yield_now();
        }
        let found = self.look_behind(reader);
        assert_eq!(found, Next::Closed(CloseReason::Recovered), "{:?}", self.plan);
    }

    /// What a poll gives that asks whether the writer is alive. No record can come.
    fn look_behind(&mut self, reader: &mut Reader) -> Next<()> {
        let found = self.step(reader, Way::Ask);
        assert_ne!(found, Next::Record(()), "a record behind an end; {:?}", self.plan);
        found
    }
}

/// Asks the kernel which pages of a file it still has to write out.
pub(crate) struct Pages {
    file: File,
}

impl Pages {
    /// `None` where nobody syncs, where nothing is ever written out, and where the kernel does not
    /// tell.
    fn of(plan: &Plan, path: &Path) -> Option<Pages> {
        /// `TMPFS_MAGIC` of `statfs(2)`.
        const TMPFS: i64 = 0x0102_1994;
        if plan.focus != Focus::Sync {
            return None;
        }
        let file = File::open(path).unwrap();
        let kind = nix::sys::statfs::fstatfs(&file).unwrap().filesystem_type().0;
        #[allow(clippy::unnecessary_cast, reason = "the type differs between targets")]
        let in_memory = kind as i64 == TMPFS;
        let pages = Pages { file };
        (!in_memory && pages.ask(0, 4096).is_some()).then_some(pages)
    }

    /// Pages of a range that are dirty or being written.
    fn dirty(&self, offset: u64, len: u64) -> u64 {
        let [_cached, dirty, writing, _evicted, _recently] = self.ask(offset, len).unwrap();
        dirty + writing
    }

    /// `cachestat(2)`, which came with Linux 6.5.
    fn ask(&self, offset: u64, len: u64) -> Option<[u64; 5]> {
        const NUMBER: libc::c_long = 451;
        const FLAGS: c_uint = 0;
        let range = [offset, len];
        let mut counts = [0_u64; 5];
        // SAFETY: the kernel reads two numbers and writes five, as `struct cachestat_range` and
        // `struct cachestat` have them; an older one knows no such call and does neither.
        let result = unsafe {
            libc::syscall(NUMBER, self.file.as_raw_fd(), range.as_ptr(), counts.as_mut_ptr(), FLAGS)
        };
        (result == 0).then_some(counts)
    }
}
