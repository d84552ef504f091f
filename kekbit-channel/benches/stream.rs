//! Two threads on two cores: streams from one to the other, and round trips.
use kekbit_channel::{ChannelOptions, Prefault, Record, TypedReader, TypedWriter, Wait};
use memmap2::{MmapOptions, MmapRaw};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use std::{
    env, fs, hint,
    path::{Path, PathBuf},
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

const COUNT: u64 = 5_000_000;
const TRIPS: u64 = 300_000;
const STRIDE: usize = 72;

#[derive(Record, Clone, Copy)]
struct Numbers {
    a: u64,
    b: [u64; 6],
    h: u64,
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core).unwrap();
    sched_setaffinity(Pid::from_raw(0), &set).unwrap();
}

fn probe() -> f64 {
    #[repr(align(64))]
    struct Line(AtomicU64);
    let ping = Arc::new((Line(AtomicU64::new(0)), Line(AtomicU64::new(0))));
    let pong = Arc::clone(&ping);
    const N: u64 = 50_000;
    let thread = thread::spawn(move || {
        pin(1);
        for turn in 1..=N {
            while pong.0.0.load(Ordering::Acquire) != turn {
                hint::spin_loop();
            }
            pong.1.0.store(turn, Ordering::Release);
        }
    });
    pin(0);
    let start = Instant::now();
    for turn in 1..=N {
        ping.0.0.store(turn, Ordering::Release);
        while ping.1.0.load(Ordering::Acquire) != turn {
            hint::spin_loop();
        }
    }
    let elapsed = start.elapsed().as_nanos() as f64 / N as f64;
    thread.join().unwrap();
    elapsed
}

fn map(path: &Path, size: usize) -> MmapRaw {
    let file =
        fs::File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap();
    file.set_len(size as u64).unwrap();
    let map = MmapOptions::new().len(size).map_raw(&file).unwrap();
    map.advise(memmap2::Advice::PopulateWrite).unwrap();
    map
}

fn word(map: &MmapRaw, offset: usize) -> &AtomicU64 {
    assert!(offset + 8 <= map.len());
    unsafe { AtomicU64::from_ptr(map.as_mut_ptr().wrapping_add(offset).cast()) }
}

fn hand_stream(path: &Path, pauses: u32) -> f64 {
    let size = COUNT as usize * STRIDE;
    let (writing, reading) = (map(path, size), map(path, size));
    let barrier = Barrier::new(2);
    let mut elapsed = 0.0;
    thread::scope(|threads| {
        threads.spawn(|| {
            pin(0);
            barrier.wait();
            for seed in 0..COUNT {
                let offset = seed as usize * STRIDE;
                let payload = [seed, 1, 2, 3, 4, 5, 6, seed ^ 7];
                unsafe {
                    writing
                        .as_mut_ptr()
                        .wrapping_add(offset + 8)
                        .cast::<[u64; 8]>()
                        .write_unaligned(payload)
                };
                word(&writing, offset).store(1 << 60 | 64 << 32, Ordering::Release);
            }
        });
        pin(1);
        barrier.wait();
        let start = Instant::now();
        let mut total = 0_u64;
        for seed in 0..COUNT {
            let offset = seed as usize * STRIDE;
            while word(&reading, offset).load(Ordering::Acquire) == 0 {
                for _ in 0..pauses {
                    hint::spin_loop();
                }
            }
            let payload = unsafe {
                reading.as_ptr().wrapping_add(offset + 8).cast::<[u64; 8]>().read_unaligned()
            };
            total = total.wrapping_add(payload[0]).wrapping_add(payload[7]);
        }
        elapsed = start.elapsed().as_nanos() as f64;
        hint::black_box(total);
    });
    fs::remove_file(path).unwrap();
    elapsed / COUNT as f64
}

fn kekbit_stream(path: &Path, wait: Wait, checked: bool) -> f64 {
    let mut options = ChannelOptions::new().records(COUNT).prefault(Prefault::All);
    if !checked {
        options = options.without_checksums();
    }
    let mut writer = TypedWriter::<Numbers>::create(path, &options).unwrap();
    let mut reader = TypedReader::<Numbers>::open(path).unwrap();
    // Minor faults of the reader
    {
        let file = fs::File::open(path).unwrap();
        drop(file);
    }
    let barrier = Barrier::new(2);
    let mut elapsed = 0.0;
    thread::scope(|threads| {
        threads.spawn(|| {
            pin(0);
            barrier.wait();
            for seed in 0..COUNT {
                writer.append(&Numbers { a: seed, b: [1, 2, 3, 4, 5, 6], h: seed ^ 7 }).unwrap();
            }
        });
        pin(1);
        barrier.wait();
        let start = Instant::now();
        let mut total = 0_u64;
        for record in reader.follow(wait).take(COUNT as usize) {
            let numbers = record.unwrap().value;
            total = total.wrapping_add(numbers.a).wrapping_add(numbers.h);
        }
        elapsed = start.elapsed().as_nanos() as f64;
        hint::black_box(total);
    });
    fs::remove_file(path).unwrap();
    elapsed / COUNT as f64
}

fn percentiles(mut trips: Vec<u64>) -> (f64, f64) {
    trips.sort_unstable();
    (trips[trips.len() / 2] as f64, trips[trips.len() * 99 / 100] as f64)
}

fn hand_trips(path: &Path) -> (f64, f64) {
    let size = TRIPS as usize * STRIDE;
    let back = path.with_extension("back");
    let (a, b) = (map(path, size), map(&back, size));
    let (c, d) = (map(path, size), map(&back, size));
    let mut trips = Vec::with_capacity(TRIPS as usize);
    let put = |map: &MmapRaw, offset: usize, seed: u64| {
        unsafe {
            map.as_mut_ptr().wrapping_add(offset + 8).cast::<[u64; 8]>().write_unaligned([seed; 8])
        };
        word(map, offset).store(1 << 60 | 64 << 32, Ordering::Release);
    };
    let get = |map: &MmapRaw, offset: usize| {
        while word(map, offset).load(Ordering::Acquire) == 0 {
            hint::spin_loop();
        }
        let payload =
            unsafe { map.as_ptr().wrapping_add(offset + 8).cast::<[u64; 8]>().read_unaligned() };
        payload[0].wrapping_add(payload[7])
    };
    thread::scope(|threads| {
        threads.spawn(|| {
            pin(1);
            for seed in 0..TRIPS as usize {
                let got = get(&c, seed * STRIDE);
                put(&d, seed * STRIDE, got);
            }
        });
        pin(0);
        for seed in 0..TRIPS as usize {
            let start = Instant::now();
            put(&a, seed * STRIDE, seed as u64);
            hint::black_box(get(&b, seed * STRIDE));
            trips.push(start.elapsed().as_nanos() as u64);
        }
    });
    fs::remove_file(path).unwrap();
    fs::remove_file(back).unwrap();
    percentiles(trips)
}

fn kekbit_trips(path: &Path, wait: Wait) -> (f64, f64) {
    let options = ChannelOptions::new().records(TRIPS).prefault(Prefault::All).without_checksums();
    let back = path.with_extension("back");
    let mut there = TypedWriter::<Numbers>::create(path, &options).unwrap();
    let mut back_writer = TypedWriter::<Numbers>::create(&back, &options).unwrap();
    let mut there_reader = TypedReader::<Numbers>::open(path).unwrap();
    let mut back_reader = TypedReader::<Numbers>::open(&back).unwrap();
    let mut trips = Vec::with_capacity(TRIPS as usize);
    thread::scope(|threads| {
        threads.spawn(|| {
            pin(1);
            for record in there_reader.follow(wait).take(TRIPS as usize) {
                back_writer.append(&record.unwrap().value).unwrap();
            }
        });
        pin(0);
        let mut answers = back_reader.follow(wait);
        for seed in 0..TRIPS {
            let start = Instant::now();
            there.append(&Numbers { a: seed, b: [seed; 6], h: seed }).unwrap();
            hint::black_box(answers.next().unwrap().unwrap().value);
            trips.push(start.elapsed().as_nanos() as u64);
        }
    });
    fs::remove_file(path).unwrap();
    fs::remove_file(back).unwrap();
    percentiles(trips)
}

fn median(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    if figures.is_empty() {
        return "-".into();
    }
    format!(
        "{:6.1} ({:.1}..{:.1}) n={}",
        figures[figures.len() / 2],
        figures[0],
        figures[figures.len() - 1],
        figures.len()
    )
}

fn main() {
    let folder = PathBuf::from("/dev/shm");
    let path = folder.join(format!("stream-{}", std::process::id()));
    let reps: usize = env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(7);
    let names = [
        "hand 1",
        "hand 8",
        "hand 16",
        "hand 32",
        "hand 64",
        "hand 128",
        "kekbit spin",
        "kekbit default",
        "kekbit default crc",
    ];
    let mut figures = vec![Vec::new(); names.len()];
    let mut trips = vec![(Vec::new(), Vec::new()); 3];
    let usual = |rtt: f64| (85.0..210.0).contains(&rtt);
    for _ in 0..reps {
        for (way, figure) in figures.iter_mut().enumerate() {
            let before = probe();
            let found = match way {
                0..=5 => hand_stream(&path, [1, 8, 16, 32, 64, 128][way]),
                6 => kekbit_stream(&path, Wait::Spin, false),
                7 => kekbit_stream(&path, Wait::default(), false),
                _ => kekbit_stream(&path, Wait::default(), true),
            };
            if usual(before) && usual(probe()) {
                figure.push(found);
            } else {
                eprintln!("aside {way}: {found:.1} rtt {before:.0}");
            }
        }
        for (way, (half, most)) in trips.iter_mut().enumerate() {
            let before = probe();
            let (p50, p99) = match way {
                0 => hand_trips(&path),
                1 => kekbit_trips(&path, Wait::Spin),
                _ => kekbit_trips(&path, Wait::default()),
            };
            if usual(before) && usual(probe()) {
                half.push(p50);
                most.push(p99);
            } else {
                eprintln!("aside trips {way}: {p50:.1} rtt {before:.0}");
            }
        }
    }
    for (name, figure) in names.iter().zip(figures) {
        println!("{name:<20} {}", median(figure));
    }
    for (name, (half, most)) in ["hand", "kekbit spin", "kekbit default"].iter().zip(trips) {
        println!("trips {name:<16} p50 {}  p99 {}", median(half), median(most));
    }
}
