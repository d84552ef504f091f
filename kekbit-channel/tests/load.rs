//! Goal: eight readers see all that one writer writes, whole and in order, however they read and
//! whatever the machine is busy with.
//!
//! Method: a writer in a process of its own fills one channel after another, raw and typed, and
//! closes it. Four readers are threads of the test, four are processes. Each takes every record and
//! holds it against its number, in ways that change at random: following with each kind of wait,
//! polling, batches, views, single records by number, going back, looking for the end. The writer
//! is two channels ahead at most, so that the room needed is that of the two largest.
//!
//! 10^8 records (in memory if two channels of 2 to 3 GB fit, else on the disk):
//! `KEKBIT_CASES=100000000 cargo test --release -p kekbit-channel --test load -- --nocapture`

#[path = "support/board.rs"]
mod board;
#[path = "support/cases.rs"]
mod cases;
#[path = "support/child.rs"]
mod child;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering::{Acquire, Release},
    thread,
    time::Instant,
};

use kekbit_channel::{
    Alignment, Channel, ChannelOptions, CloseReason, Next, OpenError, Reader, Record, Recorded,
    TypedReader, TypedWriter, Wait, Writer,
};
use tempfile::TempDir;

use crate::{
    board::Board,
    cases::{Cases, Rng},
    child::{Helper, role, say},
};

/// Readers, of which every other is a process.
const READERS: usize = 8;
/// The place of the board that says that the writer has left; those before it are the readers'.
const WRITER: usize = READERS;
/// More channels than there can be.
const GONE: u64 = u64::MAX;

/// A record of 64 bytes with its word, of which every part follows from its number.
#[derive(Record, Debug, PartialEq)]
struct Sample {
    number: u64,
    words: [u64; 6],
}

fn sample(number: u64) -> Sample {
    Sample { number, words: std::array::from_fn(|place| word(number, place + 1)) }
}

fn word(number: u64, place: usize) -> u64 {
    (number ^ place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}

/// The longest payload of a raw channel.
const LINE_MAX: usize = 72;

/// A payload whose length and content follow from its number.
fn line(number: u64, buffer: &mut [u8; LINE_MAX]) -> &[u8] {
    for (place, bytes) in buffer.chunks_exact_mut(8).enumerate() {
        bytes.copy_from_slice(&word(number, place).to_le_bytes());
    }
    let len = 40 + usize::try_from(word(number, 77) % 33).unwrap();
    &buffer[..len]
}

/// One of the channels.
#[derive(Debug, Clone)]
struct Segment {
    path: PathBuf,
    /// The number of its first record among all.
    first: u64,
    count: u64,
    typed: bool,
    options: ChannelOptions,
}

/// The channels that hold `count` records, by the seed: every other one is small.
fn segments(folder: &Path, count: u64, seed: u64) -> Vec<Segment> {
    let mut rng = Rng::with_seed(seed);
    let mut found = Vec::new();
    let mut first = 0;
    while first < count {
        let small = found.len() % 2 == 0;
        let asked = if small { rng.u64(1..=count / 20 + 1) } else { count / 3 + 1 };
        let len = asked.min(count - first);
        let typed = found.len() % 4 < 2;
        let mut options = ChannelOptions::new();
        options = match typed {
            true => options.records(len),
            // The last one may be closed as full or not.
            false => options.bytes(len * (16 + LINE_MAX as u64)).max_payload(LINE_MAX as u32),
        };
        if rng.bool() {
            options = options.time_stamps();
        }
        if small && rng.bool() {
            options = match typed {
                true => options.alignment(Alignment::CacheLine),
                false => options.bytes(len * 128).alignment(Alignment::CacheLine),
            };
        }
        let path = folder.join(format!("{:03}.kekbit", found.len()));
        found.push(Segment { path, first, count: len, typed, options });
        first += len;
    }
    found
}

#[test]
fn eight_readers_see_all_that_one_writer_writes() {
    Cases::of("load", 200_000).run_whole("records", |count, rng| {
        let folder = room(count);
        let path = folder.path();
        let seed = rng.u64(..);
        let board = Board::open(&path.join("board"));
        let mut readers: Vec<Helper> = (0..READERS)
            .filter(|reader| is_process(*reader))
            .map(|reader| Helper::start(&format!("read {reader} {count} {seed}"), path))
            .collect();
        let mut writer = Helper::start(&format!("write {count} {seed}"), path);
        let threads: Vec<Tally> = thread::scope(|threads| {
            let board = &board;
            let all = (0..READERS).filter(|reader| !is_process(*reader)).map(|reader| {
                threads.spawn(move || read(board, reader, &segments(path, count, seed), seed))
            });
            let all: Vec<_> = all.collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let processes = readers.iter_mut().map(|reader| Tally::from_words(&reader.hear()));
        let report = Report(threads.into_iter().chain(processes).collect());
        assert_eq!(writer.hear(), format!("{count} written"));
        for tally in &report.0 {
            assert_eq!((tally.records, tally.mismatches), (count, 0), "{report}");
        }
        report
    });
}

fn is_process(reader: usize) -> bool {
    reader % 2 == 1
}

/// A folder with room for two of the larger channels, in memory if possible.
fn room(count: u64) -> TempDir {
    let needed = 2 * (count / 3 + 1) * (16 + LINE_MAX as u64);
    match tempfile::tempdir_in("/dev/shm") {
        // Half of what there is belongs to others.
        Ok(folder) if 2 * needed < memory_available() => folder,
        _ => tempfile::tempdir().unwrap(),
    }
}

/// Bytes of memory that are not in use.
fn memory_available() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// What one reader has seen.
#[derive(Debug, Default, Clone, PartialEq)]
struct Tally {
    records: u64,
    /// Records that were read once more, or out of order.
    again: u64,
    mismatches: u64,
    millis: u64,
}

impl Tally {
    fn to_words(&self) -> String {
        format!("{} {} {} {}", self.records, self.again, self.mismatches, self.millis)
    }

    fn from_words(words: &str) -> Tally {
        let numbers: Vec<u64> = words.split(' ').map(|word| word.parse().unwrap()).collect();
        let [records, again, mismatches, millis] = numbers[..] else { panic!("{words}") };
        Tally { records, again, mismatches, millis }
    }
}

/// What all have seen.
struct Report(Vec<Tally>);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mismatches: u64 = self.0.iter().map(|tally| tally.mismatches).sum();
        write!(f, "{} readers, {mismatches} mismatches; records/s of each:", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|tally| write!(f, " {}", tally.records * 1000 / tally.millis.max(1)))?;
        let again: u64 = self.0.iter().map(|tally| tally.again).sum();
        write!(f, "; {again} records read again or by number")
    }
}

/// Says that nobody need wait for this one, however it ends.
struct Leaving<'b> {
    board: &'b Board,
    place: usize,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.board.at(self.place).store(GONE, Release);
    }
}

fn write(board: &Board, segments: &[Segment], seed: u64) -> u64 {
    let _leaving = Leaving { board, place: WRITER };
    let mut rng = Rng::with_seed(seed ^ 1);
    let mut written = 0;
    for (number, segment) in segments.iter().enumerate() {
        // All have done with the one before the last.
        if let Some(done) = number.checked_sub(1) {
            for reader in 0..READERS {
                while board.at(reader).load(Acquire) < done as u64 {
                    thread::yield_now();
                }
            }
            if let Some(earlier) = done.checked_sub(1) {
                fs::remove_file(&segments[earlier].path).unwrap();
            }
        }
        written += if segment.typed {
            write_samples(segment, &mut rng)
        } else {
            write_lines(segment, &mut rng)
        };
    }
    written
}

fn write_samples(segment: &Segment, rng: &mut Rng) -> u64 {
    let mut writer = TypedWriter::create(&segment.path, &segment.options).unwrap();
    for sequence in 0..segment.count {
        let value = sample(segment.first + sequence);
        let given = if sequence % 16 == 7 {
            writer.claim().unwrap().commit(&value)
        } else {
            writer.append(&value).unwrap()
        };
        assert_eq!(given, sequence);
    }
    if rng.bool() {
        writer.append(&sample(0)).unwrap_err();
    }
    writer.close().unwrap();
    segment.count
}

fn write_lines(segment: &Segment, rng: &mut Rng) -> u64 {
    let mut writer = Writer::create(&segment.path, &segment.options).unwrap();
    let mut buffer = [0; LINE_MAX];
    for sequence in 0..segment.count {
        let payload = line(segment.first + sequence, &mut buffer);
        let given = match sequence % 16 {
            3 => {
                let mut claim = writer.claim(LINE_MAX).unwrap();
                claim.fill(0x11);
                claim[..payload.len()].copy_from_slice(payload);
                claim.commit_first(payload.len())
            }
            5 if rng.bool() => {
                writer.claim(LINE_MAX).unwrap().fill(0x11);
                writer.append(payload)
            }
            _ => writer.append(payload),
        };
        assert_eq!(given.unwrap(), sequence);
    }
    writer.close().unwrap();
    segment.count
}

/// Reads all segments, one after another.
fn read(board: &Board, reader: usize, segments: &[Segment], seed: u64) -> Tally {
    let _leaving = Leaving { board, place: reader };
    let mut rng = Rng::with_seed(seed ^ (reader as u64 + 2));
    let mut tally = Tally::default();
    let mut start = None;
    for (number, segment) in segments.iter().enumerate() {
        if !is_there(board, segment) {
            break;
        }
        start.get_or_insert_with(Instant::now);
        let expected = Expected::new(segment);
        let mut reading = if segment.typed {
            let reader = TypedReader::open(&segment.path).unwrap();
            Reading { source: Source::Typed(reader), expected }
        } else {
            let reader = Reader::open(&segment.path).unwrap();
            Reading { source: Source::Raw(reader), expected }
        };
        let end = loop {
            if let Some(end) = reading.go_on(&mut rng) {
                break end;
            }
        };
        let Expected { sequence, again, mismatches, .. } = reading.expected;
        tally.records += sequence;
        tally.again += again;
        tally.mismatches += mismatches;
        let closed = matches!(end, CloseReason::Closed | CloseReason::Full);
        tally.mismatches += u64::from(sequence != segment.count || !closed);
        board.at(reader).store(number as u64 + 1, Release);
    }
    let millis = start.map_or(0, |start| start.elapsed().as_millis());
    Tally { millis: u64::try_from(millis).unwrap(), ..tally }
}

/// Waits until a channel is there; `false` if the writer has left without it.
fn is_there(board: &Board, segment: &Segment) -> bool {
    loop {
        let gone = board.at(WRITER).load(Acquire) == GONE;
        match Reader::open(&segment.path) {
            Ok(_) => return true,
            Err(OpenError::Missing { .. }) if gone => return false,
            Err(OpenError::Missing { .. }) => thread::yield_now(),
            Err(other) => panic!("{other}"),
        }
    }
}

/// What comes next, and what has come.
struct Expected<'s> {
    segment: &'s Segment,
    /// Records that came, in order.
    sequence: u64,
    again: u64,
    mismatches: u64,
    buffer: [u8; LINE_MAX],
}

impl<'s> Expected<'s> {
    fn new(segment: &'s Segment) -> Expected<'s> {
        Expected { segment, sequence: 0, again: 0, mismatches: 0, buffer: [0; LINE_MAX] }
    }

    /// The next record of a typed channel.
    fn sample(&mut self, record: &Recorded<Sample>) {
        let right = record.value == sample(self.segment.first + self.sequence);
        self.next(right && record.sequence == self.sequence && !record.unverified);
    }

    /// The next record of a raw channel.
    fn line(&mut self, record: &Recorded<&[u8]>) {
        let right = record.value == line(self.segment.first + self.sequence, &mut self.buffer);
        self.next(right && record.sequence == self.sequence && !record.unverified);
    }

    fn next(&mut self, right: bool) {
        self.mismatches += u64::from(!right);
        self.sequence += 1;
    }

    /// Something out of order.
    fn check(&mut self, right: bool) {
        self.mismatches += u64::from(!right);
        self.again += 1;
    }
}

enum Source {
    Typed(TypedReader<Sample>),
    Raw(Reader),
}

/// One reader in one channel.
struct Reading<'s> {
    source: Source,
    expected: Expected<'s>,
}

impl Reading<'_> {
    /// Reads on for a while in some way. Gives the end, when it has come.
    fn go_on(&mut self, rng: &mut Rng) -> Option<CloseReason> {
        let waits = [
            Wait::Spin,
            Wait::Yield,
            Wait::Backoff,
            Wait::Sleep(std::time::Duration::from_micros(50)),
        ];
        let wait = rng.choice(waits).unwrap();
        // A core of its own is not to be had by all.
        let most = if wait == Wait::Spin { 500 } else { 20_000 };
        let count = rng.usize(1..most);
        let Reading { source, expected } = self;
        match source {
            Source::Typed(reader) => samples(reader, expected, rng, wait, count),
            Source::Raw(reader) => lines(reader, expected, rng, wait, count),
        }
        let found = match source {
            Source::Typed(reader) => reader.try_next().unwrap().record_or_end(|record| {
                expected.sample(&record);
            }),
            Source::Raw(reader) => reader.try_next().unwrap().record_or_end(|record| {
                expected.line(&record);
            }),
        };
        if found == Some(CloseReason::Recovered) {
            expected.mismatches += 1;
        }
        found
    }
}

/// What a poll gives: a record to be taken, nothing yet, or an end.
trait RecordOrEnd<R> {
    fn record_or_end(self, take: impl FnOnce(R)) -> Option<CloseReason>;
}

impl<R> RecordOrEnd<R> for Next<R> {
    fn record_or_end(self, take: impl FnOnce(R)) -> Option<CloseReason> {
        match self {
            Next::Record(record) => {
                take(record);
                None
            }
            Next::Pending => {
                thread::yield_now();
                None
            }
            Next::Closed(reason) => Some(reason),
            // Neither can be, of a writer that lives: an end that none of these writers makes.
            Next::Abandoned | Next::TimedOut => Some(CloseReason::Recovered),
        }
    }
}

fn samples(
    reader: &mut TypedReader<Sample>,
    expected: &mut Expected,
    rng: &mut Rng,
    wait: Wait,
    count: usize,
) {
    let here = expected.sequence;
    match rng.u8(..10) {
        0..4 => {
            for record in reader.follow(wait).take(count) {
                expected.sample(&record.unwrap());
            }
        }
        4 => {
            for record in reader.iter().take(count) {
                expected.sample(&record.unwrap());
            }
        }
        5 | 6 => {
            let batch = reader.batch(count);
            let promised = here + batch.len() as u64;
            batch.for_each(|record| expected.sample(&record.unwrap()));
            expected.check(promised == expected.sequence);
        }
        7 => {
            for view in reader.views().unwrap().take(count) {
                let view = view.unwrap();
                let value = Sample {
                    number: view.number(),
                    words: std::array::from_fn(|place| view.words().get(place).unwrap()),
                };
                let Recorded { sequence, unverified, .. } = view;
                let whole = value == sample(expected.segment.first + expected.sequence);
                expected.next(whole && sequence == expected.sequence && !unverified);
            }
        }
        8 => {
            let channel = Channel::<Sample>::open(reader.path()).unwrap();
            for _ in 0..rng.u32(..50) {
                let asked = rng.u64(..here + 1000);
                let found = reader.get(asked).unwrap();
                let right = match &found {
                    Some(record) => record.value == sample(expected.segment.first + asked),
                    None => here <= asked,
                };
                let seen = channel.get(asked).unwrap();
                let as_well = seen.is_some_and(|view| view.sequence == asked);
                expected.check(right && (as_well || found.is_none()));
            }
        }
        _ => {
            reader.seek_to_end().unwrap();
            let end = reader.next_sequence();
            expected.check(here <= end && end <= reader.record_count().unwrap());
            let back = rng.u64(..=here.min(1000));
            reader.seek(here - back).unwrap();
            expected.sequence -= back;
            let before = expected.mismatches;
            let again = usize::try_from(back).unwrap();
            for record in reader.iter().take(again) {
                expected.sample(&record.unwrap());
            }
            expected.again += back;
            expected.check(expected.sequence == here && before == expected.mismatches);
        }
    }
}

fn lines(reader: &mut Reader, expected: &mut Expected, rng: &mut Rng, wait: Wait, count: usize) {
    let here = expected.sequence;
    match rng.u8(..8) {
        0..3 => {
            for record in reader.follow(wait).take(count) {
                expected.line(&record.unwrap());
            }
        }
        3 => {
            for record in reader.iter().take(count) {
                expected.line(&record.unwrap());
            }
        }
        4 | 5 => {
            let batch = reader.batch(count);
            let promised = here + batch.len() as u64;
            batch.for_each(|record| expected.line(&record.unwrap()));
            expected.check(promised == expected.sequence);
        }
        6 => {
            if let Next::Record(record) = reader.wait_next(wait).unwrap() {
                expected.line(&record);
            }
        }
        // Raw channels are walked through: near the start, that costs little.
        _ if here < 20_000 => {
            let back = rng.u64(..=here);
            let mut other = reader.clone();
            other.seek(back).unwrap();
            expected.sequence = back;
            for record in other.iter().take(usize::try_from(here - back).unwrap()) {
                expected.line(&record.unwrap());
            }
            expected.again += here - back;
            expected.check(expected.sequence == here);
        }
        _ => {}
    }
}

#[test]
fn child() {
    let Some((role, folder)) = role() else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let board = Board::open(&folder.join("board"));
    let segments = |count: &str, seed: u64| segments(&folder, count.parse().unwrap(), seed);
    match words[..] {
        ["write", count, seed] => {
            let seed = seed.parse().unwrap();
            say(&format!("{} written", write(&board, &segments(count, seed), seed)));
        }
        ["read", reader, count, seed] => {
            let (reader, seed) = (reader.parse().unwrap(), seed.parse().unwrap());
            say(&read(&board, reader, &segments(count, seed), seed).to_words());
        }
        _ => panic!("no role {role}"),
    }
}
