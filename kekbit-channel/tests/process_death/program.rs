//! What the processes do that are to be killed. It follows from a seed, and so does every byte of
//! every record, whatever way it is written. How far they are they say on a board.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    process::exit,
    sync::atomic::Ordering::{Acquire, Release, SeqCst},
    thread,
};

use kekbit_channel::{
    Alignment, ChannelOptions, Prefault, Record, SharedWriter, TypedWriter, WriteError, Writer,
};
use nix::{
    sys::signal::{Signal, raise},
    unistd::{ForkResult, fork},
};

use crate::{board::Board, cases::Rng};

/// What a program does most, and where it is to be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Focus {
    Create,
    Append,
    Typed,
    Claim,
    Sync,
    Close,
    /// Killed in an append; then those that recover it are killed.
    Recover,
    /// Threads with handles of one writer.
    Shared,
    /// A child that was forked lives on.
    Fork,
    /// Appends until it is told to close.
    Endless,
}

impl Focus {
    pub(crate) const ALL: [Focus; 10] = [
        Focus::Create,
        Focus::Append,
        Focus::Typed,
        Focus::Claim,
        Focus::Sync,
        Focus::Close,
        Focus::Recover,
        Focus::Shared,
        Focus::Fork,
        Focus::Endless,
    ];
}

/// Where a process is in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Phase {
    Between,
    Creating,
    Appending,
    Claiming,
    Filling,
    /// Drops, forgets or panics.
    Leaving,
    Committing,
    Syncing,
    Closing,
    Recovering,
    /// It has nothing left to do.
    Parked,
}

impl Phase {
    pub(crate) const ALL: [Phase; 11] = [
        Phase::Between,
        Phase::Creating,
        Phase::Appending,
        Phase::Claiming,
        Phase::Filling,
        Phase::Leaving,
        Phase::Committing,
        Phase::Syncing,
        Phase::Closing,
        Phase::Recovering,
        Phase::Parked,
    ];
}

/// The places of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Stage,
    /// Stored before the signal is sent.
    KillSent,
    /// How many live readers have looked at what the dead writer left.
    Checked,
    /// How often the phase was entered in which the process is to be killed.
    Entered,
    /// At which of these times the process stops, for the one who traces it; 0 for never.
    StopAt,
    /// Channels whose creation has returned.
    Created,
    /// The channel that is being written, and how many appends to it have returned.
    Progress,
    /// What the last sync that returned has said of this channel.
    Durable,
    /// How far the sync under way is to reach.
    SyncTarget,
    /// The longest frame that may lie unfinished behind the tail.
    OpenSize,
    /// A survivor may leave, an endless writer close.
    Release,
    /// Looks at pages that a sync must have written out.
    CleanLooks,
    /// Looks of live readers that had caught up with the writer.
    LiveLooks,
    /// A live reader has found a fault.
    Failed,
    /// The phase of each thread.
    Phase = 16,
    /// The appends of each thread that have returned.
    Returned = 16 + THREADS as isize,
    /// One more than the records of each channel that was closed.
    Closed = 16 + 2 * THREADS as isize,
}

const _: () = assert!((Told::Failed as usize) < Told::Phase as usize, "places of their own");

pub(crate) const THREADS: usize = 3;
/// Channels that a program writes, one after another.
pub(crate) const CHANNELS: usize = 48;
const COUNT_BITS: u32 = 40;
/// The longest payload, as 16 pages.
const HUGE: u64 = 60_000;

impl Board {
    pub(crate) fn get(&self, told: Told) -> u64 {
        self.at(told as usize).load(Acquire)
    }

    pub(crate) fn put(&self, told: Told, value: u64) {
        self.at(told as usize).store(value, Release);
    }

    pub(crate) fn phase(&self, thread: usize) -> Phase {
        let number = self.at(Told::Phase as usize + thread).load(Acquire);
        Phase::ALL[usize::try_from(number).unwrap()]
    }

    /// The channel that is written, and how many of its appends have returned.
    pub(crate) fn progress(&self) -> (usize, u64) {
        let progress = self.get(Told::Progress);
        (usize::try_from(progress >> COUNT_BITS).unwrap(), progress & ((1 << COUNT_BITS) - 1))
    }

    pub(crate) fn returned(&self, thread: usize) -> u64 {
        self.at(Told::Returned as usize + thread).load(Acquire)
    }

    /// The records of a channel that was closed.
    pub(crate) fn closed(&self, channel: usize) -> Option<u64> {
        self.at(Told::Closed as usize + channel).load(Acquire).checked_sub(1)
    }

    pub(crate) fn reset(&self) {
        for place in 0..Told::Closed as usize + CHANNELS {
            self.at(place).store(0, SeqCst);
        }
    }
}

/// A record whose every part follows from its number.
#[derive(Record, Debug, PartialEq)]
pub(crate) struct Tick {
    number: u64,
    words: [u64; 12],
    half: Option<u32>,
}

pub(crate) fn tick(number: u64) -> Tick {
    Tick {
        number,
        words: std::array::from_fn(|place| mix(number ^ place as u64) | LOWEST),
        half: number.is_multiple_of(2).then_some(0x0101_0101),
    }
}

/// Set in every byte of a payload, so that none is zero.
const LOWEST: u64 = 0x0101_0101_0101_0101;

/// Stirs the bits of a number (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let first = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let second = (first ^ first >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    second ^ second >> 31
}

/// What a program does, by its seed.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) focus: Focus,
    pub(crate) seed: u64,
    pub(crate) checksums: bool,
    pub(crate) time_stamps: bool,
    pub(crate) alignment: Alignment,
    pub(crate) on_disk: bool,
    pub(crate) prefault: bool,
    pub(crate) capacity: u64,
    /// Whether payloads can be many pages long.
    pub(crate) long: bool,
    /// Where it is to be killed.
    pub(crate) trigger: Phase,
}

impl Plan {
    pub(crate) fn of(focus: Focus, seed: u64) -> Plan {
        let mut rng = Rng::with_seed(seed);
        let trigger = match focus {
            Focus::Create => Phase::Creating,
            Focus::Claim => rng
                .choice([Phase::Claiming, Phase::Filling, Phase::Leaving, Phase::Committing])
                .unwrap(),
            Focus::Sync => Phase::Syncing,
            Focus::Close => Phase::Closing,
            _ => Phase::Appending,
        };
        Plan {
            focus,
            seed,
            checksums: rng.bool(),
            time_stamps: rng.bool(),
            alignment: if rng.bool() { Alignment::Packed } else { Alignment::CacheLine },
            on_disk: focus == Focus::Sync || rng.bool(),
            prefault: rng.u8(..4) == 0,
            capacity: match focus {
                Focus::Create | Focus::Close => 1 << rng.u32(14..19),
                Focus::Endless => 32 << 20,
                // Without optimization a writer does not come far.
                _ if cfg!(debug_assertions) => 1 << rng.u32(17..20),
                _ => 1 << rng.u32(19..22),
            },
            long: rng.u8(..4) == 0 && !matches!(focus, Focus::Create | Focus::Close),
            trigger,
        }
    }

    pub(crate) fn is_typed(&self) -> bool {
        self.focus == Focus::Typed
    }

    pub(crate) fn options(&self) -> ChannelOptions {
        let mut options = ChannelOptions::new().alignment(self.alignment);
        options = match self.is_typed() {
            true => options.records(self.capacity / 256),
            false => options.bytes(self.capacity),
        };
        if !self.checksums {
            options = options.without_checksums();
        }
        if self.time_stamps {
            options = options.time_stamps();
        }
        if self.prefault {
            options = options.prefault(Prefault::All);
        }
        options
    }

    /// The options of a channel in which any record of the program fits.
    pub(crate) fn options_raw(&self) -> ChannelOptions {
        ChannelOptions::new().bytes(1 << 18)
    }

    /// Bytes of a frame.
    pub(crate) fn frame_size(&self, payload_len: usize) -> u64 {
        let head = if self.time_stamps { 16 } else { 8 };
        (head + payload_len as u64).next_multiple_of(u64::from(self.alignment.bytes()))
    }

    fn payload_len(&self, number: u64) -> usize {
        let drawn = mix(number ^ self.seed.rotate_left(32));
        let len = match (self.long, drawn >> 58) {
            _ if self.focus == Focus::Shared => 8 + drawn % 300,
            (_, 0..=3) => drawn % 5000,
            (true, 4..=7) => drawn % HUGE,
            _ => drawn % 300,
        };
        usize::try_from(len).unwrap()
    }

    /// Puts the payload of a record into `payload`, instead of what was there.
    pub(crate) fn payload(&self, number: u64, payload: &mut Vec<u8>) {
        if self.is_typed() {
            payload.resize(kekbit_channel::size::<Tick>(), 0);
            kekbit_channel::encode(&tick(number), payload).unwrap();
            return;
        }
        let len = self.payload_len(number);
        payload.clear();
        // With threads, the number tells which of them wrote the record.
        payload.extend(number.to_le_bytes());
        let mut word = mix(number ^ self.seed);
        while payload.len() < len {
            word = word.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) ^ number;
            payload.extend((word | LOWEST).to_le_bytes());
        }
        if self.focus != Focus::Shared && 8 <= len {
            payload[..8].copy_from_slice(&(number | LOWEST).to_le_bytes());
        }
        payload.truncate(len);
    }

    /// How many records one channel gets, if there is room for them.
    fn records(&self, channel: usize) -> u64 {
        match self.focus {
            Focus::Create | Focus::Close => mix(self.seed ^ channel as u64) % 6,
            _ => u64::MAX,
        }
    }
}

/// The channels of a folder, in their order.
pub(crate) fn channel_path(folder: &Path, channel: usize) -> PathBuf {
    folder.join(format!("{channel:03}.kekbit"))
}

/// The number of the `index`-th record of a thread.
pub(crate) fn number_of(thread: usize, index: u64) -> u64 {
    (thread as u64) << 48 | index
}

/// Says on the board what its thread does.
#[derive(Clone, Copy)]
pub(crate) struct Teller<'b> {
    pub(crate) board: &'b Board,
    pub(crate) thread: usize,
    pub(crate) trigger: Phase,
}

impl Teller<'_> {
    pub(crate) fn enter(&self, phase: Phase) {
        // Sequentially consistent: nothing of the phase is seen before its name.
        self.board.at(Told::Phase as usize + self.thread).swap(phase as u64, SeqCst);
        let mut stops = phase == Phase::Parked;
        if phase == self.trigger {
            let entered = self.board.at(Told::Entered as usize).fetch_add(1, Release) + 1;
            stops |= entered == self.board.get(Told::StopAt);
        }
        if stops && self.board.get(Told::StopAt) != 0 {
            raise(Signal::SIGSTOP).unwrap();
        }
    }

    fn returned(&self, index: u64) {
        self.board.at(Told::Returned as usize + self.thread).store(index, Release);
    }
}

/// A program that is run.
pub(crate) struct Program<'b> {
    plan: &'b Plan,
    folder: &'b Path,
    teller: Teller<'b>,
    rng: Rng,
    /// Records that were written so far, in all channels, by this thread.
    index: u64,
    payload: Vec<u8>,
}

impl<'b> Program<'b> {
    pub(crate) fn new(plan: &'b Plan, folder: &'b Path, board: &'b Board) -> Program<'b> {
        let teller = Teller { board, thread: 0, trigger: plan.trigger };
        let rng = Rng::with_seed(plan.seed ^ 1);
        Program { plan, folder, teller, rng, index: 0, payload: Vec::new() }
    }

    /// Writes one channel after another, then waits to be killed.
    pub(crate) fn run(mut self) {
        for channel in 0..CHANNELS {
            let board = self.teller.board;
            if self.plan.focus == Focus::Endless && board.get(Told::Release) != 0 {
                return;
            }
            board.put(Told::Durable, 0);
            board.put(Told::SyncTarget, 0);
            board.put(Told::OpenSize, 0);
            board.put(Told::Progress, (channel as u64) << COUNT_BITS);
            let records = match self.plan.focus {
                Focus::Typed => self.typed(channel),
                Focus::Shared => self.shared(channel),
                _ => self.raw(channel),
            };
            board.at(Told::Closed as usize + channel).store(records + 1, Release);
            self.teller.enter(Phase::Between);
        }
        self.teller.enter(Phase::Parked);
        loop {
            thread::park();
        }
    }

    fn created(&self, channel: usize) {
        // First this: whoever is killed in between was still creating.
        self.teller.board.put(Told::Created, channel as u64 + 1);
        self.teller.enter(Phase::Between);
    }

    /// An append has returned: the record is there, whatever comes.
    fn appended(&mut self, channel: usize, sequence: u64) {
        self.index += 1;
        self.teller.returned(self.index);
        let progress = (channel as u64) << COUNT_BITS | (sequence + 1);
        self.teller.board.put(Told::Progress, progress);
        self.teller.enter(Phase::Between);
    }

    fn typed(&mut self, channel: usize) -> u64 {
        let path = channel_path(self.folder, channel);
        let board = self.teller.board;
        self.teller.enter(Phase::Creating);
        let mut writer = TypedWriter::create(path, &self.plan.options()).unwrap();
        self.created(channel);
        board.put(Told::OpenSize, self.plan.frame_size(kekbit_channel::size::<Tick>()));
        loop {
            let value = tick(self.index);
            let appended = if self.rng.u8(..4) == 0 {
                self.teller.enter(Phase::Appending);
                writer.claim().map(|claim| claim.commit(&value))
            } else {
                self.teller.enter(Phase::Appending);
                writer.append(&value)
            };
            match appended {
                Ok(sequence) => self.appended(channel, sequence),
                Err(WriteError::Full { .. }) => break,
                Err(other) => panic!("{other}"),
            }
        }
        let records = writer.next_sequence();
        self.teller.enter(Phase::Closing);
        writer.close().unwrap();
        records
    }

    fn raw(&mut self, channel: usize) -> u64 {
        let path = channel_path(self.folder, channel);
        self.teller.enter(Phase::Creating);
        let mut writer = Writer::create(path, &self.plan.options()).unwrap();
        self.created(channel);
        let limit = self.plan.records(channel);
        let fork_at = mix(self.plan.seed) % 64;
        while writer.next_sequence() < limit {
            if self.plan.focus == Focus::Fork && self.index == fork_at {
                fork_a_survivor(self.teller.board);
            }
            if self.plan.focus == Focus::Endless && self.teller.board.get(Told::Release) != 0 {
                break;
            }
            self.plan.payload(self.index, &mut self.payload);
            let size = self.plan.frame_size(self.payload.len());
            let wrote = match self.plan.focus {
                Focus::Claim => self.claims(&mut writer),
                _ => {
                    self.teller.board.put(Told::OpenSize, size);
                    self.teller.enter(Phase::Appending);
                    writer.append(&self.payload)
                }
            };
            match wrote {
                Ok(sequence) => self.appended(channel, sequence),
                Err(WriteError::Full { .. }) => break,
                Err(other) => panic!("{other}"),
            }
            if self.plan.focus == Focus::Sync && self.rng.u8(..8) == 0 {
                self.sync(&mut writer);
            }
        }
        let records = writer.next_sequence();
        self.teller.enter(Phase::Closing);
        if self.rng.bool() {
            writer.close().unwrap()
        } else {
            drop(writer)
        }
        records
    }

    fn sync(&mut self, writer: &mut Writer) {
        self.teller.board.put(Told::SyncTarget, writer.next_sequence());
        self.teller.enter(Phase::Syncing);
        let synced = writer.sync().unwrap();
        self.teller.board.put(Told::Durable, synced.durable);
        self.teller.enter(Phase::Between);
        // Readers look at what has been written out, while nothing new is.
        for _ in 0..self.rng.u8(..20) {
            thread::yield_now();
        }
    }

    /// Writes the next record in one of the ways that there are, after some claims of which nothing
    /// may come.
    fn claims(&mut self, writer: &mut Writer) -> Result<u64, WriteError> {
        let len = self.payload.len();
        // What a claim that was forgotten holds is the next operation's to clear away.
        let mut forgotten = 0;
        loop {
            let spare = match self.rng.u8(..8) {
                0 => self.rng.usize(..50_000),
                1..4 => self.rng.usize(..9000),
                _ => self.rng.usize(..100),
            };
            let way = self.rng.u8(..9);
            let claimed = if way < 4 { len } else { len + spare };
            let size = self.plan.frame_size(claimed);
            self.teller.board.put(Told::OpenSize, size.max(forgotten));
            if way == 0 {
                self.teller.enter(Phase::Appending);
                return writer.append(&self.payload);
            }
            self.teller.enter(Phase::Claiming);
            let mut claim = writer.claim(claimed)?;
            assert!(claim.iter().all(|byte| *byte == 0), "a claim is zero at first");
            self.teller.enter(Phase::Filling);
            if way == 4 {
                claim[..claimed / 2].fill(0x11);
            } else {
                claim[..len].copy_from_slice(&self.payload);
                // Bytes that would pass for words, if anyone came by.
                claim[len..].fill(0x11);
            }
            self.teller.enter(if way < 4 || way == 8 { Phase::Committing } else { Phase::Leaving });
            match way {
                1..=3 => return Ok(claim.commit()),
                8 => return claim.commit_first(len),
                4 | 5 => drop(claim),
                6 => {
                    mem::forget(claim);
                    forgotten = size;
                    continue;
                }
                _ => {
                    let panicked = catch_unwind(AssertUnwindSafe(|| {
                        let _claim = claim;
                        resume_unwind(Box::new("on purpose"));
                    }));
                    assert!(panicked.is_err());
                }
            }
            forgotten = 0;
        }
    }

    fn shared(&mut self, channel: usize) -> u64 {
        let path = channel_path(self.folder, channel);
        self.teller.enter(Phase::Creating);
        let writer = Writer::create(path, &self.plan.options()).unwrap().into_shared();
        self.created(channel);
        self.teller.board.put(Told::OpenSize, self.plan.frame_size(5000));
        let plan = self.plan;
        thread::scope(|threads| {
            for thread in 0..THREADS {
                let writer = writer.clone();
                let teller = Teller { thread, ..self.teller };
                threads.spawn(move || share(plan, teller, &writer, channel));
            }
        });
        let records = writer.next_sequence();
        self.teller.enter(Phase::Closing);
        if self.rng.bool() {
            writer.close().unwrap()
        } else {
            drop(writer)
        }
        records
    }
}

/// What each thread does with its handle, until the channel is full.
fn share(plan: &Plan, teller: Teller, writer: &SharedWriter, channel: usize) {
    let mut rng = Rng::with_seed(plan.seed ^ mix(channel as u64 * 8 + teller.thread as u64));
    let mut payload = Vec::new();
    let mut index = teller.board.returned(teller.thread);
    loop {
        plan.payload(number_of(teller.thread, index), &mut payload);
        let written = match rng.u8(..8) {
            0 => {
                teller.enter(Phase::Claiming);
                writer.claim(payload.len() + 64).and_then(|mut claim| {
                    teller.enter(Phase::Filling);
                    claim[..payload.len()].copy_from_slice(&payload);
                    teller.enter(Phase::Committing);
                    claim.commit_first(payload.len())
                })
            }
            1 => {
                // A thread that panics with a claim open takes nothing with it.
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    teller.enter(Phase::Claiming);
                    let Ok(mut claim) = writer.claim(payload.len()) else { return };
                    teller.enter(Phase::Leaving);
                    claim.fill(0x11);
                    resume_unwind(Box::new("on purpose"));
                }));
                assert!(panicked.is_err() || writer.claim(payload.len()).is_err());
                continue;
            }
            _ => {
                teller.enter(Phase::Appending);
                writer.append(&payload)
            }
        };
        match written {
            Ok(_) => index += 1,
            Err(WriteError::Full { .. }) => return teller.enter(Phase::Between),
            Err(other) => panic!("{other}"),
        }
        teller.returned(index);
        teller.enter(Phase::Between);
        if rng.u8(..64) == 0 {
            teller.enter(Phase::Syncing);
            writer.sync().unwrap();
            teller.enter(Phase::Between);
        }
    }
}

/// Leaves a child behind that holds what this process holds until it may go.
fn fork_a_survivor(board: &Board) {
    // SAFETY: this process has one thread: it was forked itself, and has made none.
    if let ForkResult::Child = unsafe { fork() }.unwrap() {
        let start = std::time::Instant::now();
        while board.get(Told::Release) == 0 && start.elapsed() < crate::child::PATIENCE {
            thread::yield_now();
        }
        // Without leaving `main`: what was the parent's is not touched.
        exit(0);
    }
}
