//! Kekbit measured against its peers, side by side; see README.md.
#![deny(unsafe_code)]

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, Parser, Subcommand};

mod alignment;
mod append;
#[allow(unsafe_code, reason = "loops by hand over a mapping")]
mod by_hand;
mod codec;
mod codecs;
mod durable;
mod harness;
mod queues;
mod rate;
mod records;
mod recover;
mod replay;
mod round_trip;
mod stores;
mod stream;

use harness::Plan;

/// What tables say of Aeron without it.
#[cfg(not(feature = "aeron"))]
const NO_AERON: &str = "not built: see the head of `run`";

/// Measures Kekbit against loops by hand and against its peers, and prints tables in Markdown.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    section: Section,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Part {
    /// Appends by one thread.
    Append,
    /// Reading again, seeking, getting.
    Replay,
    /// Encoding and decoding, against other codecs.
    Codec,
    /// From one thread to another, against queues.
    Stream,
    /// Round trips between two processes.
    RoundTrip,
    /// Frames that are packed, and frames in cache lines of their own.
    Alignment,
    /// Latencies of a million appends a second.
    Rate,
    /// Group commit, against stores.
    Durable,
    /// The walk over a channel that its writer left.
    Recover,
}

#[derive(Debug, Subcommand)]
enum Section {
    /// All sections, one after the other.
    All,
    #[command(flatten)]
    One(Part),
    /// The other process of a round trip.
    #[command(hide = true)]
    Answer { what: String, folder: PathBuf, trips: u64 },
}

const PARTS: [Part; 9] = [
    Part::Append,
    Part::Replay,
    Part::Codec,
    Part::Stream,
    Part::RoundTrip,
    Part::Alignment,
    Part::Rate,
    Part::Durable,
    Part::Recover,
];

#[derive(Debug, Args)]
struct Options {
    /// Shows in a minute that everything works, and nothing about speed.
    #[arg(long, global = true)]
    short: bool,
    /// How often each way is measured [default: 9, or 1 if short].
    #[arg(long, global = true)]
    repetitions: Option<usize>,
    /// Where plots go [default: docs/performance of this repository, or nowhere if short].
    #[arg(long, global = true)]
    plots: Option<PathBuf>,
    /// A folder in memory.
    #[arg(long, global = true, default_value = "/dev/shm")]
    memory: PathBuf,
    /// A folder on a disk.
    #[arg(long, global = true, default_value_os_t = std::env::temp_dir())]
    disk: PathBuf,
    /// The round trips of a cache line, in nanoseconds, with which two threads are measured.
    #[arg(long, global = true, default_value = "40..210", value_parser = gate)]
    gate: RangeInclusive<f64>,
    /// How many seconds a repetition waits for a machine that has other things to do.
    #[arg(long, global = true, default_value_t = 20)]
    patience: u64,
    /// The longest files of `append` and `replay` have 10 to this power records; 8 takes 15 GB in
    /// memory.
    #[arg(long, global = true, default_value_t = 7, value_parser = clap::value_parser!(u32).range(5..=8))]
    longest: u32,
    /// Only peers whose names contain this; may be given several times.
    #[arg(long, global = true)]
    only: Vec<String>,
    /// How long `rate` goes on in each repetition.
    #[arg(long, global = true, default_value_t = 5)]
    seconds: u64,
}

fn gate(text: &str) -> Result<RangeInclusive<f64>, String> {
    let bounds = text.split_once("..").ok_or("two numbers with `..` between them")?;
    let parse = |number: &str| number.parse().map_err(|error| format!("{number}: {error}"));
    Ok(parse(bounds.0)?..=parse(bounds.1)?)
}

fn main() {
    let Arguments { section, options } = Arguments::parse();
    let parts = match section {
        Section::Answer { what, folder, trips } => {
            return round_trip::answer(&what, &folder, trips);
        }
        Section::All => PARTS.to_vec(),
        Section::One(part) => vec![part],
    };
    let scratch = |folder: &Path| {
        let scratch = tempfile::Builder::new().prefix("kekbit-compare-").tempdir_in(folder);
        scratch.unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    };
    let (memory, disk) = (scratch(&options.memory), scratch(&options.disk));
    let plots = options.plots.unwrap_or_else(|| match options.short {
        true => memory.path().join("plots"),
        false => Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance"),
    });
    let plan = Plan {
        repetitions: options.repetitions.unwrap_or(if options.short { 1 } else { 9 }),
        short: options.short,
        memory: memory.path().to_owned(),
        disk: disk.path().to_owned(),
        plots,
        gate: options.gate,
        patience: Duration::from_secs(options.patience),
        longest: options.longest,
        only: options.only,
    };
    harness::machine::print(&plan);
    for part in parts {
        let start = Instant::now();
        match part {
            Part::Append => append::run(&plan),
            Part::Replay => replay::run(&plan),
            Part::Codec => codec::run(&plan),
            Part::Stream => stream::run(&plan),
            Part::RoundTrip => round_trip::run(&plan),
            Part::Alignment => alignment::run(&plan),
            Part::Rate => rate::run(&plan, options.seconds),
            Part::Durable => durable::run(&plan),
            Part::Recover => recover::run(&plan),
        }
        eprintln!("{part:?}: {:.0} s", start.elapsed().as_secs_f64());
    }
}
