//! Nanoseconds per record of reading files of other versions of a type, against one of its own.
//!
//! ```text
//! cargo bench -p kekbit-channel --bench versions [-- FOLDER]
//! ```
//!
//! Each file holds the same records of about 64 bytes, without checksums, and is read to its end
//! with every field used. The ways take turns within each repetition; shown are median
//! (minimum..maximum), and the median of the ratios to the first within a repetition. FOLDER is
//! where the files are made: by default /dev/shm if there is one, else the temporary folder.

use std::{
    env, fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::Instant,
};

use kekbit_channel::{
    ChannelOptions, DynamicReader, ReadOptions, Record, TypedReader, TypedWriter,
};

const COUNT: u64 = 1_000_000;
const REPETITIONS: usize = 11;

/// The type as it is now.
#[derive(Record, Clone, Copy)]
#[record(extends = Shorter)]
struct Order {
    id: u64,
    price: i64,
    quantity: u32,
    side: Side,
    limit: Option<i64>,
    venue: [u8; 8],
    rest: [u64; 2],
    state: State,
    #[record(default = 7)]
    lot: u32,
}

/// The version before: a field less at the end.
#[derive(Record, Clone, Copy)]
#[record(name = "Order", extends = Narrower)]
struct Shorter {
    id: u64,
    price: i64,
    quantity: u32,
    side: Side,
    limit: Option<i64>,
    venue: [u8; 8],
    rest: [u64; 2],
    state: State,
}

/// The first version: variants in last position lack a field, too.
#[derive(Record, Clone, Copy)]
#[record(name = "Order")]
struct Narrower {
    id: u64,
    price: i64,
    quantity: u32,
    side: Side,
    limit: Option<i64>,
    venue: [u8; 8],
    rest: [u64; 2],
    state: NarrowerState,
}

/// The version to come.
#[derive(Record, Clone, Copy)]
#[record(name = "Order", extends = Order)]
struct Longer {
    id: u64,
    price: i64,
    quantity: u32,
    side: Side,
    limit: Option<i64>,
    venue: [u8; 8],
    rest: [u64; 2],
    state: State,
    #[record(default = 7)]
    lot: u32,
    more: Option<u32>,
}

/// No version of it.
#[derive(Record, Clone, Copy)]
struct Other {
    number: u64,
    cost: f64,
    rest: [u64; 6],
}

impl From<Other> for Order {
    fn from(other: Other) -> Order {
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        let price = other.cost as i64;
        Order { price, ..order(other.number) }
    }
}

#[derive(Record, Clone, Copy)]
enum Side {
    Buy,
    Sell,
}

#[derive(Record, Clone, Copy)]
enum State {
    Open {
        until: u32,
        #[record(default = 1)]
        by: u16,
    },
    Done(u32),
}

#[derive(Record, Clone, Copy)]
#[record(name = "State")]
enum NarrowerState {
    Open { until: u32 },
    Done(u32),
}

fn order(id: u64) -> Order {
    let side = if id.is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let limit = id.is_multiple_of(2).then_some(5);
    let state = if id.is_multiple_of(4) { State::Done(3) } else { State::Open { until: 9, by: 2 } };
    Order {
        id,
        price: 99,
        quantity: 3,
        side,
        limit,
        venue: *b"XNYSXNYS",
        rest: [1, 2],
        state,
        lot: 7,
    }
}

fn shorter(order: Order) -> Shorter {
    let Order { id, price, quantity, side, limit, venue, rest, state, .. } = order;
    Shorter { id, price, quantity, side, limit, venue, rest, state }
}

fn narrower(order: Order) -> Narrower {
    let Order { id, price, quantity, side, limit, venue, rest, state, .. } = order;
    let state = match state {
        State::Open { until, .. } => NarrowerState::Open { until },
        State::Done(at) => NarrowerState::Done(at),
    };
    Narrower { id, price, quantity, side, limit, venue, rest, state }
}

fn longer(order: Order) -> Longer {
    let Order { id, price, quantity, side, limit, venue, rest, state, lot } = order;
    Longer { id, price, quantity, side, limit, venue, rest, state, lot, more: None }
}

fn other(order: Order) -> Other {
    Other { number: order.id, cost: 99.0, rest: [0; 6] }
}

fn sum(order: &Order) -> u64 {
    let Order { id, price, quantity, side, limit, venue, rest, state, lot } = order;
    let state = match state {
        State::Open { until, by } => u64::from(*until) + u64::from(*by),
        State::Done(at) => u64::from(*at),
    };
    [
        *id,
        price.cast_unsigned(),
        u64::from(*quantity),
        *side as u64,
        limit.map_or(0, i64::cast_unsigned),
        u64::from_le_bytes(*venue),
        rest[0],
        rest[1],
        state,
        u64::from(*lot),
    ]
    .into_iter()
    .fold(0, u64::wrapping_add)
}

fn write<T: Record>(path: &Path, convert: fn(Order) -> T) {
    let options = ChannelOptions::new().records(COUNT).without_checksums();
    let mut writer = TypedWriter::create(path, &options).expect("a new channel");
    for id in 0..COUNT {
        writer.append(&convert(order(id))).expect("room for it");
    }
}

fn typed(path: &Path) {
    let options = ReadOptions::new().upcast::<Other>();
    let mut reader = TypedReader::<Order>::open_with(path, &options).expect("a channel");
    let total = reader
        .iter()
        .fold(0, |total, order| sum(&order.expect("a record").value).wrapping_add(total));
    black_box(total);
}

fn dynamic(path: &Path) {
    let mut reader = DynamicReader::open(path).expect("a channel");
    for datum in reader.iter() {
        black_box(datum.expect("a record").value.value().expect("a value"));
    }
}

/// A name, a file, and how it is read to its end.
type Way<'a> = (&'a str, &'a Path, fn(&Path));

fn main() {
    let folder = env::args().skip(1).find(|arg| !arg.starts_with("--")).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { memory.to_owned() } else { env::temp_dir() }
    });
    let path = |name: &str| folder.join(format!("kekbit-bench-{}-{name}", std::process::id()));
    let files = ["own", "shorter", "narrower", "longer", "other"].map(path);
    write(&files[0], |order| order);
    write(&files[1], shorter);
    write(&files[2], narrower);
    write(&files[3], longer);
    write(&files[4], other);
    let ways: [Way<'_>; 6] = [
        ("its own version", &files[0], typed),
        ("older: a field less", &files[1], typed),
        ("older: variants lack a field", &files[2], typed),
        ("newer: a field more", &files[3], typed),
        ("another type, upcast", &files[4], typed),
        ("without the type, as a tree", &files[0], dynamic),
    ];
    let mut figures = vec![Vec::new(); ways.len()];
    for _ in 0..=REPETITIONS {
        for (way, (_, path, read)) in ways.iter().enumerate() {
            let start = Instant::now();
            read(path);
            #[expect(clippy::cast_precision_loss, reason = "a million")]
            figures[way].push(start.elapsed().as_secs_f64() * 1e9 / COUNT as f64);
        }
    }
    for file in &files {
        fs::remove_file(file).expect("a file that was just made");
    }
    println!("{COUNT} records, {REPETITIONS} repetitions, in {folder:?}; ns per record");
    // The first repetition faults the pages in.
    let own = figures[0][1..].to_vec();
    for ((name, ..), figures) in ways.iter().zip(&figures) {
        let figures = &figures[1..];
        let ratios: Vec<f64> = figures.iter().zip(&own).map(|(one, own)| one / own).collect();
        let (low, high) = (sorted(figures)[0], sorted(figures)[REPETITIONS - 1]);
        println!(
            "{name:<30}{:>8.2} ({low:.2}..{high:.2}), {:.2} x",
            median(figures),
            median(&ratios)
        );
    }
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(figures: &[f64]) -> f64 {
    sorted(figures)[figures.len() / 2]
}
