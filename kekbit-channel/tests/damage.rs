//! Goal: whatever becomes of the bytes of a file, whoever reads it gets an error, an honest prefix
//! or the truth; and never a panic, an endless loop, a byte from elsewhere, or memory in proportion
//! to a number that the file made up.
//!
//! Method: small channels of every kind are damaged in every way: each bit and byte, each length,
//! pages and sectors, fields of the header with checksums that fit. Over each, all ways of reading
//! and recovery (`damage/ways.rs`, `damage/sealing.rs`) are compared with a second reader that was
//! written after `docs/FORMAT.md` alone (`support/judge.rs`). With checksums, what is read is also
//! compared with what was written.
//!
//! `cargo test -p kekbit-channel --test damage` takes a sample. With `KEKBIT_CASES=1000000` each
//! harness goes through all of its cases, or, where there is no end of them, through as many.

#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/cases.rs"]
mod cases;
#[path = "damage/headers.rs"]
mod headers;
#[path = "support/image.rs"]
mod image;
#[path = "support/judge.rs"]
mod judge;
#[path = "damage/numpy.rs"]
mod numpy;
#[path = "damage/schemas.rs"]
mod schemas;
#[path = "damage/sealing.rs"]
mod sealing;
#[path = "damage/subjects.rs"]
mod subjects;
#[path = "damage/ways.rs"]
mod ways;

use std::{
    fmt::{self, Display},
    fs::{self, File},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use kekbit_channel::{DynamicReader, OpenError, Reader};
use tempfile::TempDir;

use crate::{
    allocations::{Counting, counted},
    cases::{Cases, Rng},
    headers::{claimed_size, header_values, put, sum_header},
    image::PAGE,
    judge::{Bytes, End, Judged},
    numpy::Numpy,
    subjects::{Identity, Kind, Number, Order, Subject, subjects},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes of the heap that reading a small damaged file may hold at once: the texts of a
/// few errors and paths, a parsed schema, a tree of one record. What the header says of its schema
/// comes on top, as far as the file has so many bytes.
const PEAK: i64 = 16 << 10;
/// The same for a file whose header says that it has the longest schema text.
const PEAK_OF_SCHEMA: i64 = 4 << 20;
/// The same for a schema text of the greatest length that is there in full.
const PEAK_OF_LONG_SCHEMA: i64 = 32 << 20;
/// A file of so many bytes may be more than a process can map.
const ADDRESSES: u64 = 1 << 46;
/// The largest file that the reader for numpy is given: where a file lies in memory, it makes
/// blocks of the holes that it looks at.
const NUMPY_SIZE: u64 = 64 << 20;
/// How long one case may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A damaged file.
struct Suspect<'a> {
    path: &'a Path,
    bytes: Bytes<'a>,
    identity: Identity,
    /// What there is to be recovered.
    judged: Option<Judged>,
    /// What there is to be read: the same, except that a hole is no end.
    seen: Option<Judged>,
    what: &'a dyn Display,
}

impl<'a> Suspect<'a> {
    fn new(
        table: &'a Table,
        bytes: Bytes<'a>,
        judged: Option<Judged>,
        what: &'a dyn Display,
    ) -> Suspect<'a> {
        let mut seen = judged.clone();
        if let Some(judged) = &mut seen
            && judged.has_hole(bytes, table.identity.is_searched(&judged.spec))
        {
            judged.end = End::Bad;
        }
        Suspect { path: &table.path, bytes, identity: table.identity, judged, seen, what }
    }
}

/// What became of the cases.
#[derive(Default)]
struct Outcomes {
    refused: u64,
    prefix: u64,
    truth: u64,
    /// Records that nobody wrote: in channels without checksums, or with headers made up.
    altered: u64,
    peak: i64,
}

impl Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcomes { refused, prefix, truth, altered, peak } = self;
        write!(
            f,
            "{refused} refused, {prefix} a prefix, {truth} the truth, {altered} altered; at most \
             {peak} bytes of heap"
        )
    }
}

/// A file that is damaged again and again, and what it was before.
struct Table {
    subject: Subject,
    path: PathBuf,
    identity: Identity,
    truth: Judged,
    _folder: TempDir,
}

/// A folder in memory, where there is one: nothing here is about the disk.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl Table {
    fn of(mut subject: Subject) -> Table {
        let folder = folder();
        let path = folder.path().join("it.kekbit");
        if subject.native {
            subject.image.write_native(&path);
        } else {
            subject.image.write(&path);
        }
        let identity = Identity::of(&path);
        let truth = Bytes::of(&subject.image.bytes).judge().expect("an undamaged file");
        Table { subject, path, identity, truth, _folder: folder }
    }

    fn bytes(&self) -> &[u8] {
        &self.subject.image.bytes
    }

    /// Puts a file of `size` bytes there that begins with `bytes`. `size` may be more than is
    /// stored, or than the file system can say.
    fn put<'b>(&self, bytes: &'b [u8], size: u64) -> Bytes<'b> {
        fs::write(&self.path, bytes).unwrap();
        let stored = bytes.len() as u64;
        let grown = size != stored
            && File::options().write(true).open(&self.path).unwrap().set_len(size).is_ok();
        Bytes { bytes, size: if grown { size } else { stored } }
    }

    /// Puts a file there, looks at it in all ways, and recovers it.
    fn examine(&self, bytes: &[u8], size: u64, what: &dyn Display, limit: i64) -> Examined {
        let bytes = self.put(bytes, size);
        let what = &format_args!("{}, {what}", self.subject.name);
        let path = &self.path;
        let mut judged = bytes.judge();
        if ADDRESSES <= size
            && let Err(OpenError::Io { step: "mapping it", .. }) = Reader::open(path)
        {
            judged = None;
        }
        let suspect = Suspect::new(self, bytes, judged, what);
        let (_, before) = counted(|| self.read(&suspect));
        let sealed = sealing::check(&suspect);
        if let Some(sealed) = sealed {
            let bytes = Bytes { bytes: &sealed, size: bytes.size };
            let again = Suspect::new(self, bytes, bytes.judge(), what);
            let (judged, before) = (again.judged.as_ref().unwrap(), suspect.judged.as_ref());
            assert_eq!(judged.end, End::Close(4), "{what}: after recovery");
            assert!(before.is_some_and(|before| before.records == judged.records), "{what}");
            self.read(&again);
        }
        let limit = limit + i64::try_from(bytes.bytes.len()).unwrap();
        assert!(before.peak <= limit, "{what}: {} bytes of heap", before.peak);
        Examined { judged: suspect.judged, peak: before.peak }
    }

    fn read(&self, suspect: &Suspect<'_>) {
        match self.subject.kind {
            Kind::Numbers | Kind::Raw => ways::check::<Number>(suspect),
            Kind::Orders => ways::check::<Order>(suspect),
        }
    }
}

struct Examined {
    judged: Option<Judged>,
    peak: i64,
}

impl Examined {
    /// Counts what became of a case, and says whether it is the truth or an honest part of it: an
    /// end that nobody wrote, or a record, is neither.
    fn count(self, truth: &Judged, outcomes: &mut Outcomes) -> bool {
        outcomes.peak = outcomes.peak.max(self.peak);
        let Some(judged) = self.judged else {
            outcomes.refused += 1;
            return true;
        };
        let whole = judged.records == truth.records && judged.end == truth.end;
        let part =
            truth.records.starts_with(&judged.records) && !matches!(judged.end, End::Close(_));
        match (whole, part) {
            (true, _) => outcomes.truth += 1,
            (false, true) => outcomes.prefix += 1,
            (false, false) => outcomes.altered += 1,
        }
        whole || part
    }
}

/// Which of `count` cases this one is: as many cases as there are go through all of them, and few
/// are spread over them evenly.
fn place(rng: &Rng, count: u64) -> u64 {
    // A number that has no divisor in common with the count, near the golden ratio of it.
    let mut step = count / 1000 * 618 + 1;
    while gcd(step, count) != 1 {
        step += 1;
    }
    let turned = u128::from(rng.get_seed()) * u128::from(step) % u128::from(count);
    u64::try_from(turned).unwrap()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Runs cases, at most as many as there are, and ends the process if one of them does not end.
fn run(
    name: &'static str,
    short: u64,
    all: Option<u64>,
    mut case: impl FnMut(&mut Rng, &mut Outcomes),
) {
    let mut cases = Cases::of(name, short);
    cases.count = cases.count.min(all.unwrap_or(u64::MAX));
    match all {
        Some(all) if cases.count == all => println!("{name}: all {all} cases"),
        Some(all) => println!("{name}: {} of {all} cases", cases.count),
        None => println!("{name}: {} cases of which there is no end", cases.count),
    }
    let (alive, watched) = mpsc::channel::<u64>();
    let watch = thread::spawn(move || {
        let mut last = 0;
        loop {
            match watched.recv_timeout(PATIENCE) {
                Ok(number) => last = number,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    eprintln!("{name}: case {last} does not end");
                    std::process::abort();
                }
            }
        }
    });
    cases.run(|number, rng, outcomes| {
        alive.send(number).unwrap();
        case(rng, outcomes);
    });
    drop(alive);
    watch.join().unwrap();
}

/// The byte that a case is about, and what it becomes.
fn changed(byte: u8, pattern: u64, rng: &mut Rng) -> u8 {
    match pattern {
        0..8 => byte ^ 1 << pattern,
        8 => 0x00,
        9 => 0xFF,
        _ => rng.u8(..),
    }
}

/// Bits, zeroes, ones, and anything.
const PATTERNS: u64 = 11;
/// Of these, the ones for bytes that nobody reads: the last.
const PATTERNS_UNREAD: u64 = 2;

/// Goes through bytes of all subjects; `read` says which of the two halves: bytes that have a
/// meaning, or the rest.
fn change_bytes(name: &'static str, short: u64, read: bool) {
    let tables: Vec<Table> = subjects().into_iter().map(Table::of).collect();
    let mut bytes = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let has_meaning = |at: &usize| table.subject.has_meaning(*at) == read;
        bytes.extend((0..table.bytes().len()).filter(has_meaning).map(|at| (index, at)));
    }
    let patterns = if read { PATTERNS } else { PATTERNS_UNREAD };
    let all = bytes.len() as u64 * patterns;
    run(name, short, Some(all), |rng, outcomes| {
        let place = place(rng, all);
        let (index, at) = bytes[usize::try_from(place / patterns).unwrap()];
        let table = &tables[index];
        let mut bytes = table.bytes().to_vec();
        bytes[at] = changed(bytes[at], PATTERNS - patterns + place % patterns, rng);
        let what = format!("byte {at} is {:#04x} and was {:#04x}", bytes[at], table.bytes()[at]);
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        if !read {
            assert_eq!(
                examined.judged.as_ref().map(|judged| &judged.records),
                Some(&table.truth.records)
            );
        }
        check_single(table, at, &examined, &what);
        let honest = examined.count(&table.truth, outcomes);
        assert!(honest || !table.subject.is_checked(), "{what}: made up");
    });
}

/// What one changed byte can do without checksums: to a payload or a stamp, change that record and
/// no other; to a word, anything that a word can say (the judge knows what).
fn check_single(table: &Table, at: usize, examined: &Examined, what: &str) {
    let truth = &table.truth;
    let body = |frame: &&judge::Frame| {
        let start = frame.offset + 8;
        let stamp = frame.stamp.map_or(0, |_| 8);
        (start..start + stamp + frame.payload.len() as u64).contains(&(at as u64))
    };
    let Some(hit) = truth.records.iter().position(|frame| body(&frame)) else { return };
    let judged = examined.judged.as_ref().expect("the header is as it was");
    if table.subject.is_checked() {
        assert!(judged.records.len() == hit || judged.records == truth.records, "{what}");
        return;
    }
    assert_eq!((judged.records.len(), judged.end), (truth.records.len(), truth.end), "{what}");
    for (index, (found, expected)) in judged.records.iter().zip(&truth.records).enumerate() {
        assert!(index == hit || found == expected, "{what}: record {index}");
        assert_eq!(found.payload.len(), expected.payload.len(), "{what}: record {index}");
    }
}

#[test]
fn any_byte_that_has_a_meaning_may_change() {
    change_bytes("bytes", 2000, true);
}

#[test]
fn any_byte_that_has_no_meaning_may_change() {
    change_bytes("other bytes", 300, false);
}

#[test]
fn a_file_may_be_cut_anywhere() {
    let tables: Vec<Table> = subjects().into_iter().map(Table::of).collect();
    let lens: Vec<u64> = tables.iter().map(|table| table.bytes().len() as u64).collect();
    let all = lens.iter().sum();
    run("cuts", 2000, Some(all), |rng, outcomes| {
        let mut len = place(rng, all);
        let mut index = 0;
        while lens[index] <= len {
            len -= lens[index];
            index += 1;
        }
        let bytes = &tables[index].bytes()[..usize::try_from(len).unwrap()];
        let examined = tables[index].examine(bytes, len, &format!("cut to {len} bytes"), PEAK);
        assert!(examined.judged.is_none(), "a file that is cut is refused");
        examined.count(&tables[index].truth, outcomes);
    });
}

#[test]
fn bytes_behind_the_end_of_a_file_concern_nobody() {
    for table in subjects().into_iter().map(Table::of) {
        for (len, byte) in [(1, 0xFF), (PAGE, 0x11), (3 * PAGE + 7, 0x30)] {
            let mut bytes = table.bytes().to_vec();
            bytes.resize(bytes.len() + len, byte);
            let what = format!("{len} bytes longer");
            let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
            let mut outcomes = Outcomes::default();
            examined.count(&table.truth, &mut outcomes);
            assert_eq!(outcomes.truth, 1, "{what}");
        }
    }
}

/// Blocks that were lost, swapped, put in the wrong place, or come from another channel of the same
/// kind. The blocks are pages and sectors.
#[test]
fn blocks_may_be_lost_and_confused() {
    let tables: Vec<Table> = subjects::large().into_iter().map(Table::of).collect();
    let strangers: Vec<Vec<u8>> = tables.iter().map(|table| table.subject.stranger()).collect();
    let blocks: Vec<u64> = tables.iter().map(|table| table.bytes().len() as u64 / 512).collect();
    let all = blocks.iter().map(|count| 2 * 4 * count * count).sum();
    run("blocks", 100, Some(all), |rng, outcomes| {
        let mut place = place(rng, all);
        let mut index = 0;
        while 8 * blocks[index] * blocks[index] <= place {
            place -= 8 * blocks[index] * blocks[index];
            index += 1;
        }
        let table = &tables[index];
        let size = if place.is_multiple_of(2) { PAGE } else { 512 };
        let count = usize::try_from(blocks[index]).unwrap();
        let place = usize::try_from(place / 2).unwrap();
        let count_of_size = count * 512 / size;
        let (a, b) = (place / 4 % count % count_of_size, place / 4 / count % count_of_size);
        let (a, b) = (a * size..(a + 1) * size, b * size..(b + 1) * size);
        let mut bytes = table.bytes().to_vec();
        let what = match place % 4 {
            0 => {
                bytes[a.start.min(b.start)..a.end.max(b.end)].fill(0);
                "zero from"
            }
            1 => {
                bytes[a.clone()].copy_from_slice(&table.bytes()[b.clone()]);
                bytes[b.clone()].copy_from_slice(&table.bytes()[a.clone()]);
                "swapped"
            }
            2 => {
                bytes[a.clone()].copy_from_slice(&table.bytes()[b.clone()]);
                "overwritten with"
            }
            _ => {
                bytes[a.clone()].copy_from_slice(&strangers[index][b.clone()]);
                "overwritten with the other channel's"
            }
        };
        let what = format!("{a:?} {what} {b:?}");
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        let honest = examined.count(&table.truth, outcomes);
        // A header that is there whole with the state page of another channel is refused, and so
        // is every block of data.
        assert!(honest || !table.subject.is_checked(), "{what}: made up");
    });
}

/// Some of all of it at once.
#[test]
fn damage_may_come_in_heaps() {
    let tables: Vec<Table> =
        subjects().into_iter().chain(subjects::large()).map(Table::of).collect();
    run("heaps", 500, None, |rng, outcomes| {
        let table = &tables[rng.usize(..tables.len())];
        let mut bytes = table.bytes().to_vec();
        let data = usize::try_from(table.truth.data).unwrap();
        heap(&mut bytes, data, rng);
        let what = format!("seed {}", rng.get_seed());
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        let honest = examined.count(&table.truth, outcomes);
        assert!(honest || !table.subject.is_checked(), "{what}: made up");
    });
}

/// Does damage of several kinds, mostly from `data` on, where the records are; the header has a
/// checksum.
fn heap(bytes: &mut [u8], data: usize, rng: &mut Rng) {
    for _ in 0..rng.usize(1..6) {
        let start = if rng.u8(..8) == 0 { 0 } else { data };
        let at = rng.usize(start..bytes.len());
        let end = bytes.len().min(at + [1, 2, 8, 64, 512, PAGE][rng.usize(..6)]);
        match rng.u8(..4) {
            0 => bytes[at..end].fill(0),
            1 => bytes[at..end].fill_with(|| rng.u8(..)),
            2 => bytes[at] ^= 1 << rng.u8(..8),
            _ => bytes.copy_within(at..end, rng.usize(..at + 1)),
        }
    }
}

/// Frames that nobody wrote, with words and checksums that fit: what a hostile writer may do.
#[test]
fn words_may_say_anything() {
    let tables: Vec<Table> = subjects().into_iter().map(Table::of).collect();
    run("words", 1000, None, |rng, outcomes| {
        let table = &tables[rng.usize(..tables.len())];
        let mut bytes = table.bytes().to_vec();
        let frame = rng.usize(..table.truth.records.len() + 1);
        let at = table.truth.records.get(frame).map_or(table.truth.end_offset, |f| f.offset);
        let sequence = table.truth.spec.base_plus_one - 1 + frame as u64;
        let largest = u64::from(table.truth.spec.max_payload);
        let near = [0, 1, 8, 56, largest.saturating_sub(1), largest, largest + 1, 0x0FFF_FFFF];
        let len = if rng.bool() { near[rng.usize(..8)] } else { rng.u64(..1 << 28) };
        let word = rng.u64(..5) << 60 | len << 32;
        let word = word | table.truth.sum_at(Bytes::of(&bytes), at, word, sequence);
        let start = usize::try_from(at).unwrap();
        bytes[start..start + 8].copy_from_slice(&word.to_le_bytes());
        let what = format!("the word at {at} is {word:#018x}");
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        examined.count(&table.truth, outcomes);
    });
}

/// The reader for numpy, which shares no code with either of the others, says the same of what is
/// damaged, and raises nothing but its own errors.
#[test]
fn the_reader_for_numpy_says_the_same() {
    let Some(mut numpy) = Numpy::start() else { return };
    let all = subjects().into_iter().chain(subjects::large()).map(Table::of);
    let tables: Vec<Table> = all.filter(|table| table.subject.kind != Kind::Raw).collect();
    let values: Vec<_> = tables.iter().map(header_values).collect();
    run("numpy", 400, None, |rng, outcomes| {
        let index = rng.usize(..tables.len());
        let (table, values) = (&tables[index], &values[index]);
        let mut bytes = table.bytes().to_vec();
        let data = usize::try_from(table.truth.data).unwrap();
        let what = match rng.u8(..3) {
            0 => {
                let (field, value) = &values[rng.usize(..values.len())];
                put(&mut bytes, field, *value);
                sum_header(&mut bytes);
                format!("{} is {value:#x}", field.0)
            }
            1 => {
                let at = rng.usize(data..bytes.len().min(data + 200));
                bytes[at] = changed(bytes[at], rng.u64(..PATTERNS), rng);
                format!("byte {at} is {:#04x}", bytes[at])
            }
            _ => {
                heap(&mut bytes, data, rng);
                format!("seed {}", rng.get_seed())
            }
        };
        let size = claimed_size(&bytes);
        if NUMPY_SIZE < size {
            return;
        }
        let bytes = table.put(&bytes, size);
        // What the schema says of the records is a thing of its own.
        let readable = DynamicReader::open(&table.path).is_ok();
        let judged = bytes.judge().filter(|_| readable);
        let expected = match &judged {
            None => "refused".to_owned(),
            Some(judged) => numpy_words(table, judged, bytes),
        };
        let found = numpy.ask(&table.path);
        assert_eq!(found, expected, "{}, {what}", table.subject.name);
        Examined { judged, peak: 0 }.count(&table.truth, outcomes);
    });
}

/// What the reader for numpy has to say of a file.
fn numpy_words(table: &Table, judged: &Judged, bytes: Bytes<'_>) -> String {
    let is_searched = table.identity.is_searched(&judged.spec);
    let end = match judged.end {
        End::Close(_) => "closed",
        End::Empty if !judged.has_hole(bytes, is_searched) => "abandoned",
        End::Empty | End::Bad => "damaged",
    };
    format!("{} {end}", judged.records.len())
}
