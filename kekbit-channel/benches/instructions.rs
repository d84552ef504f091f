//! What one record costs in instructions, which is the same at every run. `.ci/instructions` counts
//! them and compares with its bounds; by hand:
//!
//! ```text
//! cargo bench -p kekbit-channel --bench instructions --no-run     # names the program
//! valgrind --tool=callgrind --toggle-collect='*append_one*' PROGRAM numbers plain
//! ```
//!
//! Collected are the instructions of 10,000 calls of one of [`append_one`], [`replay_all`] (one
//! call for all), [`next_one`], [`view_all`], [`encode_one`] and [`decode_one`]; the arguments are
//! a record (`numbers` or `order`) and `plain` or `checked`, with checksums.

mod numbers;

use std::{env, hint::black_box};

use kekbit_channel::{ChannelOptions, FixedStr, Record, TypedReader, TypedWriter, View};
use kekbit_codec::{decode, encode, size};
use numbers::{Numbers, numbers, sum};

const COUNT: u64 = 10_000;

#[derive(Record, Clone, Copy, PartialEq, Eq)]
enum Side {
    Buy,
    Sell,
}

/// A realistic record.
#[derive(Record, Clone, Copy)]
struct Order {
    id: u64,
    time: u64,
    price: f64,
    quantity: u32,
    side: Side,
    hidden: bool,
    symbol: FixedStr<16>,
    parent: Option<u32>,
}

trait Sample: Record {
    fn make(seed: u64) -> Self;
    fn sum(&self) -> u64;
    fn one(view: &View<'_, Self>) -> u64;
}

impl Sample for Numbers {
    fn make(seed: u64) -> Numbers {
        numbers(seed)
    }

    #[inline(always)]
    fn sum(&self) -> u64 {
        sum(self)
    }

    #[inline(always)]
    fn one(view: &View<'_, Numbers>) -> u64 {
        view.e()
    }
}

impl Sample for Order {
    fn make(seed: u64) -> Order {
        Order {
            id: seed,
            time: seed * 1_000,
            price: seed as f64,
            quantity: seed as u32,
            side: if seed.is_multiple_of(2) { Side::Buy } else { Side::Sell },
            hidden: seed.is_multiple_of(3),
            symbol: FixedStr::new("EURUSD").expect("it fits"),
            parent: (!seed.is_multiple_of(3)).then_some(seed as u32),
        }
    }

    #[inline(always)]
    fn sum(&self) -> u64 {
        black_box(self.symbol);
        let small = u64::from(self.quantity) + self.side as u64 + u64::from(self.hidden);
        let parent = self.parent.map_or(1, u64::from);
        [self.time, self.price.to_bits(), small, parent]
            .into_iter()
            .fold(self.id, u64::wrapping_add)
    }

    #[inline(always)]
    fn one(view: &View<'_, Order>) -> u64 {
        view.price().to_bits()
    }
}

#[inline(never)]
fn append_one<T: Sample>(writer: &mut TypedWriter<T>, value: &T) -> u64 {
    writer.append(value).expect("room")
}

#[inline(never)]
fn replay_all<T: Sample>(reader: &mut TypedReader<T>) -> u64 {
    reader.iter().fold(0, |total, record| total.wrapping_add(record.expect("a record").sum()))
}

#[inline(never)]
fn next_one<T: Sample>(reader: &mut TypedReader<T>) -> u64 {
    reader.try_next().expect("a channel").record().expect("a record").sum()
}

#[inline(never)]
fn view_all<T: Sample>(reader: &mut TypedReader<T>) -> u64 {
    let views = reader.views().expect("no older file");
    views.fold(0, |total, view| total.wrapping_add(T::one(&view.expect("a record").value)))
}

#[inline(never)]
fn encode_one<T: Sample>(value: &T, payload: &mut [u8]) {
    encode(value, payload).expect("the right length");
}

#[inline(never)]
fn decode_one<T: Sample>(payload: &[u8]) -> u64 {
    decode::<T>(payload).expect("a value").sum()
}

fn run<T: Sample>(checked: bool) {
    let path = env::temp_dir().join(format!("instructions-{}.kekbit", std::process::id()));
    let mut options = ChannelOptions::new().records(COUNT);
    if !checked {
        options = options.without_checksums();
    }
    let mut writer = TypedWriter::<T>::create(&path, &options).expect("a new channel");
    let mut payload = vec![0; size::<T>()];
    let mut total = 0_u64;
    for seed in 0..COUNT {
        let value = T::make(seed);
        append_one(&mut writer, black_box(&value));
        encode_one(black_box(&value), &mut payload);
        total = total.wrapping_add(decode_one::<T>(black_box(&payload)));
    }
    let mut reader = TypedReader::<T>::open(&path).expect("a channel");
    assert_eq!(replay_all(&mut reader), total);
    reader.seek(0).expect("the first record");
    assert_eq!((0..COUNT).fold(0, |sum: u64, _| sum.wrapping_add(next_one(&mut reader))), total);
    reader.seek(0).expect("the first record");
    black_box(view_all(&mut reader));
    std::fs::remove_file(&path).expect("the file that was just made");
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if !has("plain") && !has("checked") {
        // As a part of all benches: that it works.
        run::<Numbers>(false);
        return run::<Order>(true);
    }
    if has("order") { run::<Order>(has("checked")) } else { run::<Numbers>(has("checked")) }
}
