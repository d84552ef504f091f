//! The flights that left New York City in 2013, from a CSV through a channel to a table.
//!
//! One process appends each row as a typed record, another follows live and keeps statistics;
//! afterwards the same file is replayed, and single records are fetched by number. All at once,
//! with the extract that comes along:
//!
//! ```text
//! cargo run --release -p kekbit-examples --example flights -- run
//! ```
//!
//! Or in two terminals, with any table of that form, gzipped or not:
//!
//! ```text
//! cargo run --release -p kekbit-examples --example flights -- follow /dev/shm/flights.kekbit
//! cargo run --release -p kekbit-examples --example flights -- \
//!     write examples/data/flights.csv /dev/shm/flights.kekbit
//! ```
//!
//! The channel stays, for `replay` and `get`; `rm` removes it.
#![forbid(unsafe_code)]

use std::{
    env,
    error::Error,
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use kekbit_channel::{ChannelOptions, TypedReader, TypedWriter, Wait, WriteError};
use kekbit_examples::{
    flights::{Flight, Rows, Statistics, thousands},
    terminal::{exit, open_when_created, say, say_end},
};

/// How many bad rows are shown.
const BAD_ROWS_SHOWN: u64 = 20;

#[derive(Parser)]
#[command(about = "Flights, from a CSV through a channel to a table")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes and follows in two processes, then replays, and fetches some records
    Run {
        /// The table; a name that ends in .gz is unpacked
        #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/flights.csv"))]
        input: PathBuf,
        /// Where the channel is to be; without it, in a temporary folder that is removed again
        #[arg(long)]
        channel: Option<PathBuf>,
    },
    /// Appends each row of a table to a new channel
    Write {
        /// The table; a name that ends in .gz is unpacked
        input: PathBuf,
        /// The channel, which must not exist yet
        channel: PathBuf,
        /// How many records the channel is to hold; without it, as many as the table has lines
        #[arg(long)]
        records: Option<u64>,
    },
    /// Follows a channel until it ends, and shows what was counted
    Follow { channel: PathBuf },
    /// Reads a channel from its start to what is there now
    Replay { channel: PathBuf },
    /// Shows single records by their numbers
    Get {
        channel: PathBuf,
        #[arg(required = true)]
        sequences: Vec<u64>,
    },
}

fn main() -> ExitCode {
    exit(match Arguments::parse().task {
        Task::Run { input, channel } => run(&input, channel),
        Task::Write { input, channel, records } => write(&input, &channel, records),
        Task::Follow { channel } => follow(&channel),
        Task::Replay { channel } => replay(&channel),
        Task::Get { channel, sequences } => get(&channel, &sequences),
    })
}

fn run(input: &Path, channel: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let channel = channel.unwrap_or_else(|| folder.path().join("flights.kekbit"));
    if channel.exists() {
        return Err(format!("`{}` exists already; remove it first", channel.display()).into());
    }
    let program = env::current_exe()?;
    let mut follower = Command::new(&program).arg("follow").arg(&channel).spawn()?;
    // What the writer has to say comes afterwards: the terminal shows the follower's progress.
    let writer = Command::new(&program)
        .arg("write")
        .arg(input)
        .arg(&channel)
        .stderr(Stdio::piped())
        .output();
    if !writer.as_ref().is_ok_and(|output| output.status.success()) {
        // Its channel may not exist, and then the follower waits in vain.
        follower.kill()?;
    }
    let followed = follower.wait()?;
    let writer = writer?;
    io::stderr().write_all(&writer.stderr)?;
    if !writer.status.success() {
        return Err("the writer has failed".into());
    }
    if !followed.success() {
        return Err("the follower has failed".into());
    }
    say("")?;
    replay(&channel)?;
    let count = TypedReader::<Flight>::open(&channel)?.record_count()?;
    say("")?;
    if count == 0 {
        return Ok(());
    }
    get(&channel, &[0, count / 2, count - 1])
}

fn write(input: &Path, channel: &Path, records: Option<u64>) -> Result<(), Box<dyn Error>> {
    let reading = |error| format!("cannot read `{}`: {error}", input.display());
    let records = match records {
        Some(records) => records,
        None => {
            let kind = fs::metadata(input).map_err(reading)?.file_type();
            if !kind.is_file() && !kind.is_dir() {
                let problem = "is no file, so its lines cannot be counted first: give --records";
                return Err(format!("`{}` {problem}", input.display()).into());
            }
            Rows::count_lines(input).map_err(reading)?
        }
    };
    let rows = Rows::open(input).map_err(|error| format!("`{}`: {error}", input.display()))?;
    let mut writer =
        TypedWriter::<Flight>::create(channel, &ChannelOptions::new().records(records))?;
    let start = Instant::now();
    let mut skipped = 0;
    for row in rows {
        let flight = match row {
            Ok(flight) => flight,
            Err(error) if error.can_be_skipped() => {
                skipped += 1;
                if skipped <= BAD_ROWS_SHOWN {
                    eprintln!("skipped: {error}");
                }
                continue;
            }
            Err(error) => return Err(format!("`{}`: {error}", input.display()).into()),
        };
        match writer.append(&flight) {
            Ok(_) => {}
            Err(WriteError::Full { .. }) => {
                let written = thousands(writer.next_sequence());
                let advice = format!("remove `{}`, and give more --records", channel.display());
                return Err(format!("the channel is full after {written} flights: {advice}").into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    let written = writer.next_sequence();
    writer.sync()?;
    writer.close()?;
    let time = milliseconds(start);
    eprintln!(
        "wrote {} flights in {time}, skipped {} rows",
        thousands(written),
        thousands(skipped)
    );
    Ok(())
}

fn follow(channel: &Path) -> Result<(), Box<dyn Error>> {
    let mut reader = open_when_created(channel, TypedReader::<Flight>::open)?;
    let header = reader.header();
    let progress = ProgressBar::new(header.record_capacity().unwrap_or(0));
    // Drawn on standard error, and only if that is a terminal.
    let style = ProgressStyle::with_template("{bar:40} {human_pos} flights, {rate} a second")?;
    progress.set_style(style.with_key(
        "rate",
        |state: &ProgressState, text: &mut dyn fmt::Write| {
            // What cannot be written to the terminal is left out.
            let _ = text.write_str(&thousands(state.per_sec() as u64));
        },
    ));
    let mut statistics = Statistics::default();
    for flight in reader.follow(Wait::Backoff) {
        statistics.add(&flight?.value);
        if statistics.total.flights.is_multiple_of(1024) {
            progress.set_position(statistics.total.flights);
        }
    }
    progress.finish_and_clear();
    say(statistics)?;
    say_end(reader.try_next())
}

fn replay(channel: &Path) -> Result<(), Box<dyn Error>> {
    let mut reader = TypedReader::<Flight>::open(channel)?;
    let start = Instant::now();
    let mut statistics = Statistics::default();
    for flight in reader.iter() {
        statistics.add(&flight?.value);
    }
    let time = milliseconds(start);
    say(format_args!("replayed in {time}:\n{}", statistics.total))?;
    Ok(())
}

fn get(channel: &Path, sequences: &[u64]) -> Result<(), Box<dyn Error>> {
    let reader = TypedReader::<Flight>::open(channel)?;
    for &sequence in sequences {
        match reader.get(sequence)? {
            Some(flight) => say(format_args!("flight {}: {}", thousands(sequence), flight.value))?,
            None => return Err(format!("there is no record {sequence}").into()),
        }
    }
    Ok(())
}

/// The time since then.
fn milliseconds(start: Instant) -> String {
    format!("{:.1} ms", start.elapsed().as_secs_f64() * 1000.0)
}
