//! Nanoseconds per record: append and replay of a 64-byte record on a prefaulted file, against a
//! loop written by hand over the same kind of mapping. One thread.
//!
//! ```text
//! cargo bench -p kekbit-channel --bench append_replay [-- FOLDER]
//! ```
//!
//! The loop copies the record behind a word and stores the word with release order; its replay
//! loads the word with acquire order and sums all fields. That is the least that any such log has
//! to do. With checksums it sums by the crate `crc32c`; `benches-compare/run append` has a loop
//! with the CPU's instruction in line, which is harder to reach. The four ways take turns within
//! each repetition; shown are median (minimum..maximum).
//! FOLDER is where the files are made: by default /dev/shm if there is one, else the temporary
//! folder.

mod numbers;

use std::{
    env, fs,
    hint::black_box,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use kekbit_channel::{ChannelOptions, Prefault, TypedReader, TypedWriter};
use memmap2::{MmapOptions, MmapRaw};
use numbers::{Numbers, numbers, sum};

const COUNT: u64 = 1_000_000;
const REPETITIONS: usize = 11;
const STRIDE: usize = 72;
const PAYLOAD: usize = 64;

/// Appends and replays in a new file, and gives the nanoseconds a record of both.
type Way = dyn Fn(&Path) -> (f64, f64);

fn main() {
    let folder = env::args().skip(1).find(|arg| !arg.starts_with("--")).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { memory.to_owned() } else { env::temp_dir() }
    });
    let ways: [(&str, &Way); 4] = [
        ("loop by hand", &|path| by_hand(path, false)),
        ("kekbit, no checksum", &|path| {
            kekbit(path, &ChannelOptions::new().records(COUNT).without_checksums())
        }),
        ("loop by hand, CRC-32C", &|path| by_hand(path, true)),
        ("kekbit, checksum", &|path| kekbit(path, &ChannelOptions::new().records(COUNT))),
    ];
    let mut append = vec![Vec::new(); ways.len()];
    let mut replay = vec![Vec::new(); ways.len()];
    for _ in 0..REPETITIONS {
        for (way, (_, run)) in ways.iter().enumerate() {
            let path = folder.join(format!("kekbit-bench-{}.kekbit", std::process::id()));
            let (appended, replayed) = run(&path);
            fs::remove_file(&path).expect("the file that was just made");
            append[way].push(appended);
            replay[way].push(replayed);
        }
    }
    println!("{COUNT} records of {PAYLOAD} bytes, {REPETITIONS} repetitions, in {folder:?}");
    println!("{:<24}{:>28}{:>28}", "ns per record", "append", "replay");
    for (way, (name, _)) in ways.iter().enumerate() {
        println!("{name:<24}{:>28}{:>28}", figure(&append[way]), figure(&replay[way]));
    }
    for (way, base) in [(1, 0), (3, 2)] {
        println!(
            "{} / {}: append {:.2} x, replay {:.2} x",
            ways[way].0,
            ways[base].0,
            ratio(&append[way], &append[base]),
            ratio(&replay[way], &replay[base])
        );
    }
}

fn kekbit(path: &Path, options: &ChannelOptions) -> (f64, f64) {
    let options = options.clone().prefault(Prefault::All);
    let mut writer = TypedWriter::<Numbers>::create(path, &options).expect("a new channel");
    let start = Instant::now();
    for seed in 0..COUNT {
        writer.append(black_box(&numbers(seed))).expect("room for it");
    }
    let appended = start.elapsed();
    let mut reader = TypedReader::<Numbers>::open(path).expect("a channel");
    // The first reading faults the pages in; the second is measured.
    let first =
        reader.iter().fold(0, |total, record| sum(&record.expect("a record")).wrapping_add(total));
    reader.seek(0).expect("the first record");
    let start = Instant::now();
    let mut total = 0_u64;
    for record in reader.iter() {
        total = total.wrapping_add(sum(&record.expect("a record")));
    }
    let replayed = start.elapsed();
    assert_eq!(total, first);
    (nanos(appended), nanos(replayed))
}

fn by_hand(path: &Path, checked: bool) -> (f64, f64) {
    let size = usize::try_from(COUNT).expect("64 bits") * STRIDE;
    let file = fs::File::create_new(path).expect("a new file");
    file.set_len(size as u64).expect("room for it");
    let file = fs::File::options().read(true).write(true).open(path).expect("the same file");
    let map = MmapOptions::new().len(size).map_raw(&file).expect("a mapping");
    map.advise(memmap2::Advice::PopulateWrite).expect("Linux 5.14 or later");
    let start = Instant::now();
    for seed in 0..COUNT {
        let numbers = black_box(numbers(seed));
        let offset = usize::try_from(seed).expect("64 bits") * STRIDE;
        let Numbers { a, b, c, d, e, f, g, h } = numbers;
        let payload = [a, b, c, d, e, f, g, h];
        // SAFETY: the 64 bytes behind a word of the mapping; this thread alone touches them.
        unsafe {
            map.as_mut_ptr().wrapping_add(offset + 8).cast::<[u64; 8]>().write_unaligned(payload)
        };
        let checksum = if checked { u64::from(crc(&map, offset, seed)) } else { 0 };
        word(&map, offset).store(1 << 60 | 64 << 32 | checksum, Ordering::Release);
    }
    let appended = start.elapsed();
    let read = || {
        let mut total = 0_u64;
        for seed in 0..COUNT {
            let offset = usize::try_from(seed).expect("64 bits") * STRIDE;
            let found = word(&map, offset).load(Ordering::Acquire);
            if found >> 32 != 1 << 28 | 64 {
                break;
            }
            if checked && found & u64::from(u32::MAX) != u64::from(crc(&map, offset, seed)) {
                break;
            }
            // SAFETY: as above.
            let payload = unsafe {
                map.as_ptr().wrapping_add(offset + 8).cast::<[u64; 8]>().read_unaligned()
            };
            total = total.wrapping_add(payload.into_iter().fold(0, u64::wrapping_add));
        }
        total
    };
    let first = read();
    let start = Instant::now();
    let total = black_box(read());
    let replayed = start.elapsed();
    assert_eq!(total, first);
    (nanos(appended), nanos(replayed))
}

/// A checksum over the same bytes as a frame of a channel: id, number, word, payload.
fn crc(map: &MmapRaw, offset: usize, sequence: u64) -> u32 {
    let mut head = [0; 16];
    head[..8].copy_from_slice(&sequence.to_le_bytes());
    head[8..].copy_from_slice(&(1_u64 << 60 | 64 << 32).to_le_bytes());
    // SAFETY: the 64 bytes behind a word of the mapping; nobody writes while the slice lives.
    let payload =
        unsafe { std::slice::from_raw_parts(map.as_ptr().wrapping_add(offset + 8), PAYLOAD) };
    crc32c::crc32c_append(crc32c::crc32c_append(0x1234_5678, &head), payload)
}

fn word(map: &MmapRaw, offset: usize) -> &AtomicU64 {
    assert!(offset.is_multiple_of(8) && offset + 8 <= map.len());
    // SAFETY: aligned and inside the mapping, see above.
    unsafe { AtomicU64::from_ptr(map.as_mut_ptr().wrapping_add(offset).cast()) }
}

fn nanos(elapsed: std::time::Duration) -> f64 {
    elapsed.as_nanos() as f64 / COUNT as f64
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The median of the ratios within each repetition.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    median(&ratios)
}

fn figure(figures: &[f64]) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2}..{most:.2})", median(figures))
}
