//! Appends and readings to be counted in instructions, which are the same at every run.
//!
//! ```text
//! cargo bench -p kekbit-channel --bench instructions --no-run     # names the program
//! valgrind --tool=callgrind --toggle-collect='*append_one*' PROGRAM plain
//! ```
//!
//! Collected: the instructions of 10,000 calls. The other functions are `replay_all` and
//! `next_one`; instead of `plain`, `checked` is with checksums.

use kekbit_channel::{ChannelOptions, Record, TypedReader, TypedWriter};
use std::{env, hint::black_box, path::Path};

const COUNT: u64 = 10_000;

#[derive(Record, Clone, Copy)]
struct Numbers {
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    e: u64,
    f: u64,
    g: u64,
    h: u64,
}

fn numbers(seed: u64) -> Numbers {
    Numbers {
        a: seed,
        b: seed ^ 1,
        c: seed ^ 2,
        d: seed ^ 3,
        e: seed ^ 4,
        f: seed ^ 5,
        g: seed ^ 6,
        h: seed ^ 7,
    }
}

fn sum(numbers: &Numbers) -> u64 {
    let Numbers { a, b, c, d, e, f, g, h } = *numbers;
    [a, b, c, d, e, f, g, h].into_iter().fold(0, u64::wrapping_add)
}

#[inline(never)]
fn append_one(writer: &mut TypedWriter<Numbers>, value: &Numbers) -> u64 {
    writer.append(value).expect("room")
}

#[inline(never)]
fn replay_all(reader: &mut TypedReader<Numbers>) -> u64 {
    let mut total = 0_u64;
    for record in reader.iter() {
        total = total.wrapping_add(sum(&record.expect("a record")));
    }
    total
}

#[inline(never)]
fn next_one(reader: &mut TypedReader<Numbers>) -> u64 {
    sum(&reader.try_next().expect("a record").record().expect("one").value)
}

fn main() {
    let folder = env::temp_dir();
    let which = env::args().nth(1).unwrap_or_default();
    let wakes = env::args().any(|word| word == "wakes");
    for checked in [false, true] {
        if which == "checked" && !checked || which == "plain" && checked {
            continue;
        }
        let path = Path::new(&folder).join(format!("instr-{}", std::process::id()));
        let mut options = ChannelOptions::new().records(COUNT);
        if !checked {
            options = options.without_checksums();
        }
        if wakes {
            options = options.wake_readers();
        }
        let mut writer = TypedWriter::<Numbers>::create(&path, &options).unwrap();
        for seed in 0..COUNT {
            append_one(&mut writer, black_box(&numbers(seed)));
        }
        let mut reader = TypedReader::<Numbers>::open(&path).unwrap();
        let a = replay_all(&mut reader);
        reader.seek(0).unwrap();
        let mut b = 0_u64;
        for _ in 0..COUNT {
            b = b.wrapping_add(next_one(&mut reader));
        }
        assert_eq!(a, b);
        std::fs::remove_file(&path).unwrap();
    }
}
