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
#[path = "support/image.rs"]
mod image;
#[path = "support/judge.rs"]
mod judge;
#[path = "damage/numpy.rs"]
mod numpy;
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
    image::{PAGE, Spec, crc32c},
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
/// How long one case may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A damaged file.
struct Suspect<'a> {
    path: &'a Path,
    bytes: Bytes<'a>,
    identity: Identity,
    judged: Option<Judged>,
    what: &'a dyn Display,
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
        let suspect = Suspect { path, bytes, identity: self.identity, judged, what };
        let (_, before) = counted(|| self.read(&suspect));
        let sealed = sealing::check(&suspect);
        if let Some(sealed) = sealed {
            let bytes = Bytes { bytes: &sealed, size: bytes.size };
            let again = Suspect { bytes, judged: bytes.judge(), ..suspect };
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

/// A field of the header, where it lies, and values for it that are worth a try.
type Field = (&'static str, usize, usize, Vec<u64>);

fn header_fields(spec: &Spec, data: u64) -> Vec<Field> {
    fn around(value: u64) -> Vec<u64> {
        let mut values = vec![0, 1, u64::MAX, 1 << 31, 1 << 32, 1 << 40, 1 << 47, 1 << 62];
        for step in [1, 8, 64, 4096] {
            values.extend([value.saturating_sub(step), value.saturating_add(step)]);
        }
        values.sort_unstable();
        values.dedup();
        values
    }
    let schema_len = spec.schema.len() as u64;
    let largest = u64::from(spec.max_payload);
    let mut lens = around(schema_len);
    lens.extend([1 << 20, (1 << 20) + 1]);
    let mut payloads = around(largest);
    payloads.extend([(1 << 28) - 64, (1 << 28) - 63, (1 << 28) - 1, u64::from(u32::MAX)]);
    let mut capacities = around(spec.capacity);
    capacities.extend([i64::MAX as u64, (1 << 63) - 8192 - data, u64::MAX - data]);
    vec![
        ("magic", 0, 8, vec![0, u64::MAX, 0x0A0D_5449_424B_454C]),
        ("version", 8, 4, vec![0, 2, u64::from(u32::MAX)]),
        ("flags", 12, 4, vec![0, 1, 2, 3, 4, 7, 1 << 31]),
        ("data offset", 16, 8, around(data)),
        ("channel id", 24, 16, vec![0, 1]),
        ("writer id", 40, 8, vec![0, u64::MAX]),
        ("predecessor", 48, 16, vec![0, u64::MAX]),
        ("created", 64, 8, vec![0, 1, u64::MAX]),
        ("boot", 72, 16, vec![0, 1]),
        ("device", 88, 8, vec![0, spec.device + 1]),
        ("inode", 96, 8, vec![0, spec.inode + 1]),
        ("writer timeout", 104, 8, vec![0, 1, u64::MAX]),
        ("capacity", 112, 8, capacities),
        ("largest payload", 120, 4, payloads),
        ("alignment", 124, 4, vec![0, 1, 4, 7, 8, 16, 63, 64, 128, u64::from(u32::MAX)]),
        ("stride", 128, 8, around(spec.stride)),
        ("fingerprint", 136, 8, vec![0, 1, spec.fingerprint ^ 1]),
        ("schema length", 144, 4, lens),
        ("reserved", 148, 8, vec![1, 1 << 63]),
    ]
}

fn header_values(table: &Table) -> Vec<(Field, u64)> {
    let fields = header_fields(&table.subject.image.spec, table.truth.data);
    let each = |field: Field| field.3.clone().into_iter().map(move |value| (field.clone(), value));
    fields.into_iter().flat_map(each).collect()
}

/// Puts a value into a header, without a checksum that fits.
fn put(bytes: &mut [u8], (_, at, size, _): &Field, value: u64) {
    bytes[*at..at + size].fill(0);
    let value = value.to_le_bytes();
    let len = value.len().min(*size);
    bytes[*at..at + len].copy_from_slice(&value[..len]);
}

/// Puts the checksum of a header right. Gives `false` if its schema is longer than the file.
fn sum_header(bytes: &mut [u8]) {
    let len = u32::from_le_bytes(bytes[144..148].try_into().unwrap());
    let len = usize::try_from(len.min(1 << 20)).unwrap();
    let mut schema = bytes[160..bytes.len().min(160 + len)].to_vec();
    schema.resize(len, 0);
    let sum = crc32c(&[&bytes[..156], &schema]);
    bytes[156..160].copy_from_slice(&sum.to_le_bytes());
}

/// How long a file has to be of which the header says all this, as far as that can be said.
fn claimed_size(bytes: &[u8]) -> u64 {
    let at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let size = at(16).saturating_add(at(112)).saturating_add(3 * PAGE as u64);
    size.clamp(bytes.len() as u64, 1 << 62)
}

/// One field of the header after the other says what is not so, and two of them, under a checksum
/// that fits, in a file that is as long as they want it: terabytes of nothing.
#[test]
fn a_header_may_say_anything() {
    let tables: Vec<Table> = subjects::few().into_iter().map(Table::of).collect();
    let values: Vec<_> = tables.iter().map(header_values).collect();
    let pairs: Vec<u64> = values.iter().map(|values| (values.len() as u64).pow(2)).collect();
    let all = pairs.iter().sum();
    run("headers", 800, Some(all), |rng, outcomes| {
        let mut place = place(rng, all);
        let mut index = 0;
        while pairs[index] <= place {
            place -= pairs[index];
            index += 1;
        }
        let (table, values) = (&tables[index], &values[index]);
        let count = values.len() as u64;
        let one = &values[usize::try_from(place % count).unwrap()];
        let other = &values[usize::try_from(place / count).unwrap()];
        let mut bytes = table.bytes().to_vec();
        put(&mut bytes, &one.0, one.1);
        put(&mut bytes, &other.0, other.1);
        sum_header(&mut bytes);
        let what = format!("{} is {:#x}, {} is {:#x}", one.0.0, one.1, other.0.0, other.1);
        let examined = table.examine(&bytes, claimed_size(&bytes), &what, PEAK_OF_SCHEMA);
        examined.count(&table.truth, outcomes);
    });
}

/// One line of a schema as somebody might have it who means no good.
fn line(rng: &mut Rng) -> String {
    let types = [
        "u8",
        "u64",
        "bool",
        "char",
        "str",
        "bytes",
        "unit",
        "option",
        "array 3",
        "array 0",
        "array 18446744073709551615",
        "struct Number",
        "enum E 1",
        "nonzero u8",
        "opaque X",
        "f64",
    ];
    let indent = " ".repeat(rng.usize(..4));
    let number = [0, 1, 8, 9, 255, 65536, u64::MAX][rng.usize(..7)];
    match rng.u8(..6) {
        0 => format!("{indent}# doc {}\n", "x".repeat(rng.usize(..40))),
        1 => format!("{indent}# was value\n"),
        2 => format!("{indent}- {} {number} {}\n", rng.u8(..2), types[rng.usize(..16)]),
        3 => format!("{indent}Buy {} {number}\n", rng.u8(..3)),
        _ => format!("{indent}f{} {number} {} {}\n", rng.u8(..9), number, types[rng.usize(..16)]),
    }
}

/// A schema with a mistake or several.
fn mistaken(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..lines.len());
        match rng.u8(..7) {
            0 if 1 < lines.len() => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines.insert(at, line(rng)),
            3 => lines.push(line(rng)),
            4 => lines[at].insert(0, ' '),
            5 => {
                let at_letter = rng.usize(..lines[at].len());
                let letters = b" \n\0#-0189azAZ_~\x7f\t\r";
                let letter = char::from(letters[rng.usize(..letters.len())]);
                lines[at].replace_range(at_letter..=at_letter, &letter.to_string());
            }
            _ => {
                let words: Vec<&str> = lines[at].trim_end().split(' ').collect();
                let number = [0, 1, 7, 8, 64, u64::from(u32::MAX), u64::MAX][rng.usize(..7)];
                let number = number.to_string();
                let which = rng.usize(..words.len());
                let put = |(index, word)| if index == which { number.as_str() } else { word };
                lines[at] =
                    words.iter().copied().enumerate().map(put).collect::<Vec<_>>().join(" ");
                lines[at].push('\n');
            }
        }
    }
    lines.concat()
}

/// Schema texts that no type has, under a header that fits them: their records are bytes all the
/// same, and nobody else believes them.
#[test]
fn a_schema_may_say_anything() {
    let bases = [subjects::large().swap_remove(0), subjects().pop().unwrap()];
    run("schemas", 500, None, |rng, outcomes| {
        let base = &bases[rng.usize(..2)];
        let schema = mistaken(&base.image.spec.schema, rng);
        let size = schema.lines().next().and_then(|line| line.rsplit(' ').next()?.parse().ok());
        let max_payload = size.filter(|size| *size < 4096).unwrap_or(base.image.spec.max_payload);
        let fingerprint = image::fingerprint(&schema);
        let stride = (u64::from(max_payload) + 8).next_multiple_of(8);
        let (alignment, capacity) = (8, stride * 4);
        let spec = Spec {
            schema,
            fingerprint,
            max_payload,
            stride,
            alignment,
            capacity,
            durable: 0,
            ..base.image.spec.clone()
        };
        let spec =
            if spec.schema.is_empty() { Spec { stride: 0, fingerprint: 0, ..spec } } else { spec };
        let mut image = spec.image();
        for byte in [0, 1, 0xFF] {
            image.record(0, &vec![byte; usize::try_from(max_payload).unwrap()]);
        }
        let bytes = image.bytes.clone();
        let subject = Subject { image, ..base.clone() };
        let table = Table::of(subject);
        let what = format!("the schema is {:?}", table.subject.image.spec.schema);
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        examined.count(&table.truth, outcomes);
    });
}

/// The longest texts, of which each line is a thing of its own: what the parsed schema takes is a
/// multiple of the file, and no more.
#[test]
fn a_schema_of_the_greatest_length_takes_a_bounded_part_of_memory() {
    let begin = "struct Number 8\n value 0 8 u64\n";
    let repeat = |line: &dyn Fn(usize) -> String| {
        let mut text = begin.to_owned();
        for number in 0.. {
            let line = line(number);
            if 1 << 20 < text.len() + line.len() {
                return text;
            }
            text.push_str(&line);
        }
        unreachable!("a text grows")
    };
    let mut deep = begin.to_owned();
    for level in 1..1400 {
        deep.push_str(&format!("{}a 0 0 struct A{level}\n", " ".repeat(level.min(700))));
    }
    let texts: [(&str, String); 7] = [
        ("docs", repeat(&|_| "  # doc x\n".to_owned())),
        ("one doc", format!("{begin}  # doc {}\n", "x".repeat((1 << 20) - begin.len() - 9))),
        ("fields without bytes", repeat(&|number| format!(" f{number} 8 0 unit\n"))),
        ("arrays", repeat(&|number| format!(" f{number} 8 0 array 1\n  - 0 0 unit\n"))),
        ("structs", repeat(&|number| format!(" f{number} 8 0 struct S\n"))),
        ("line ends", repeat(&|_| "\n".to_owned())),
        ("levels", deep),
    ];
    let all = texts.len() as u64;
    run("long schemas", 2, Some(all), |rng, outcomes| {
        let (what, schema) = texts[usize::try_from(place(rng, all)).unwrap()].clone();
        let fingerprint = image::fingerprint(&schema);
        let mut image = Spec { schema, fingerprint, ..Spec::numbers(4) }.image();
        image.numbers(3).close(1);
        let bytes = image.bytes.clone();
        let subject = Subject { name: what.to_owned(), kind: Kind::Numbers, image, native: false };
        let table = Table::of(subject);
        let examined = table.examine(&bytes, bytes.len() as u64, &"long", PEAK_OF_LONG_SCHEMA);
        examined.count(&table.truth, outcomes);
    });
}

/// The first number, its check, and what is durable, in all combinations of worthwhile values.
#[test]
fn a_state_page_may_say_anything() {
    let tables: Vec<Table> = subjects().into_iter().map(Table::of).collect();
    let bases = |table: &Table| {
        let (stored, capacity) =
            (table.subject.image.spec.base_plus_one, table.subject.image.spec.capacity);
        [0, 1, 2, stored + 1, 1 << 32, u64::MAX, u64::MAX - 1, 0_u64.wrapping_sub(capacity)]
            .into_iter()
            .chain([0_u64.wrapping_sub(capacity) + 1, 0_u64.wrapping_sub(capacity) - 1])
            .collect::<Vec<_>>()
    };
    let durables = |table: &Table| {
        let end = table.truth.end_sequence;
        [0, 1, end.saturating_sub(1), end, end + 1, end + 100, 1 << 63, u64::MAX]
    };
    let all = (tables.len() * 2 * 10 * 8) as u64;
    run("state pages", 1000, Some(all), |rng, outcomes| {
        let place = usize::try_from(place(rng, all)).unwrap();
        let table = &tables[place / 160];
        let base = bases(table)[place / 16 % 10];
        let durable = durables(table)[place / 2 % 8];
        let state = usize::try_from(table.truth.data).unwrap() - PAGE;
        let mut bytes = table.bytes().to_vec();
        bytes[state..state + 8].copy_from_slice(&base.to_le_bytes());
        bytes[state + 64..state + 72].copy_from_slice(&durable.to_le_bytes());
        if place % 2 == 0 {
            let sum = crc32c(&[&table.truth.spec.channel_id, &base.to_le_bytes()]);
            bytes[state + 8..state + 16].copy_from_slice(&u64::from(sum).to_le_bytes());
        }
        let what = format!("base + 1 is {base:#x}, durable {durable:#x}");
        let examined = table.examine(&bytes, bytes.len() as u64, &what, PEAK);
        let renumbered = base != table.truth.spec.base_plus_one;
        let honest = examined.count(&table.truth, outcomes);
        assert!(honest || renumbered, "{what}: made up");
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
        let bytes = table.put(&bytes, claimed_size(&bytes));
        // What the schema says of the records is a thing of its own.
        let readable = DynamicReader::open(&table.path).is_ok();
        let judged = bytes.judge().filter(|_| readable);
        let expected = judged.as_ref().map_or_else(|| "refused".to_owned(), numpy_words);
        let found = numpy.ask(&table.path);
        let too_large = ADDRESSES <= bytes.size && found == "refused";
        assert!(found == expected || too_large, "{}, {what}: {found}", table.subject.name);
        Examined { judged, peak: 0 }.count(&table.truth, outcomes);
    });
}

/// What the reader for numpy has to say of a file.
fn numpy_words(judged: &Judged) -> String {
    let end = match judged.end {
        End::Close(_) => "closed",
        // A record that had been on the disk is not there.
        End::Empty if judged.spec.durable <= judged.end_sequence => "abandoned",
        End::Empty | End::Bad => "damaged",
    };
    format!("{} {end}", judged.records.len())
}
