//! The sum of one column of a channel of flights: in Rust over views, and in numpy in place.
//!
//! ```text
//! cargo run --release -p kekbit-examples --example flights -- write flights.csv.gz PATH
//! KEKBIT_PYTHON=$(.ci/python) cargo bench -p kekbit-examples --bench column -- PATH
//! ```
//!
//! What is summed is the departure delay of all flights that have one. Each way opens the channel
//! once and then sums nine times; shown are the median, the minimum and the maximum. Python is
//! `$KEKBIT_PYTHON`, or else `python3`, and needs numpy; its part is `python/bench_column.py`,
//! which runs by itself too. Both verify nothing: the channel is the file that its writer made, in
//! the same boot.

use std::{
    env,
    error::Error,
    hint::black_box,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use kekbit_channel::{Channel, TypedReader};
use kekbit_examples::flights::Flight;

const REPETITIONS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds `--bench`.
    let path = env::args_os().skip(1).map(PathBuf::from).find(|path| path != Path::new("--bench"));
    let path = path.ok_or("usage: cargo bench -p kekbit-examples --bench column -- CHANNEL")?;
    let channel = Channel::<Flight>::open(&path)?;
    println!("{} flights, {REPETITIONS} repetitions", channel.record_count()?);
    measure("Rust, views, present values", || present(&channel))?;
    let mut reader = TypedReader::<Flight>::open(&path)?;
    measure("Rust, decoded, present values", || decoded(&mut reader))?;
    let python = env::var_os("KEKBIT_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/bench_column.py");
    let status = Command::new(&python).arg(script).arg(&path).status();
    let status = status.map_err(|error| format!("cannot run `{}`: {error}", python.display()))?;
    if status.success() { Ok(()) } else { Err("the part in Python has failed".into()) }
}

fn present(channel: &Channel<Flight>) -> Result<i64, Box<dyn Error>> {
    let mut sum = 0;
    for flight in channel.views() {
        if let Some(delay) = flight?.departure_delay()? {
            sum += i64::from(delay);
        }
    }
    Ok(sum)
}

fn decoded(reader: &mut TypedReader<Flight>) -> Result<i64, Box<dyn Error>> {
    reader.seek(0)?;
    let mut sum = 0;
    for flight in reader.iter() {
        if let Some(delay) = flight?.departure_delay {
            sum += i64::from(delay);
        }
    }
    Ok(sum)
}

fn measure(
    name: &str,
    mut run: impl FnMut() -> Result<i64, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::with_capacity(REPETITIONS);
    let mut sum = 0;
    for _ in 0..REPETITIONS {
        let start = Instant::now();
        sum = black_box(run()?);
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let (median, least, most) = (times[REPETITIONS / 2], times[0], times[REPETITIONS - 1]);
    println!("{name:<32}{median:>9.3} ms ({least:.3}..{most:.3})   sum {sum}");
    Ok(())
}
