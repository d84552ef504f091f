//! Any channel, printed without its Rust type: by the schema in its header.
//!
//! ```text
//! cargo run -p kekbit-examples --example dump -- /dev/shm/flights.kekbit
//! cargo run -p kekbit-examples --example dump -- /dev/shm/flights.kekbit --csv --records 10
//! cargo run -p kekbit-examples --example dump -- /dev/shm/flights.kekbit --follow
//! cargo run -p kekbit-examples --example dump -- /dev/shm/flights.kekbit --schema c > flight.h
//! cargo run -p kekbit-examples --example dump -- /dev/shm/flights.kekbit --header
//! ```
//!
//! A line of JSON for each record, or a row of CSV. A record with bytes that are no value is told
//! on standard error, by its number and the path of the field; the others are printed, and the exit
//! code is 1 in the end.
#![forbid(unsafe_code)]

use std::{
    error::Error,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, ValueEnum};
use kekbit_channel::{Datum, DynamicReader, ReadError, Reader, Recorded, Wait};
use kekbit_examples::terminal::{exit, open_when_created, say, say_end};
use serde::Serialize;

#[derive(Parser)]
#[command(about = "Any channel, printed without its Rust type")]
struct Arguments {
    channel: PathBuf,
    /// Prints a table with a column for each field instead of lines of JSON
    #[arg(long)]
    csv: bool,
    /// Prints records as they come, until the channel ends; ctrl-C ends it earlier
    #[arg(long)]
    follow: bool,
    /// Prints that many records at most
    #[arg(long, value_name = "N")]
    records: Option<usize>,
    /// Prints the schema of the records instead of them
    #[arg(long, value_name = "FORM", conflicts_with_all = ["csv", "follow", "records", "header"])]
    schema: Option<Form>,
    /// Prints what the channel says of itself instead of its records
    #[arg(long, conflicts_with_all = ["csv", "follow", "records"])]
    header: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// As it stands in the file
    Text,
    /// A tree of all names, types, offsets and sizes
    Json,
    /// What `numpy.dtype` takes
    Numpy,
    /// A header for C and C++
    C,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit(if let Some(form) = arguments.schema {
        schema(&arguments.channel, form)
    } else if arguments.header {
        header(&arguments.channel)
    } else {
        records(&arguments)
    })
}

fn schema(channel: &Path, form: Form) -> Result<(), Box<dyn Error>> {
    let reader = DynamicReader::open(channel)?;
    match form {
        Form::Text => write!(io::stdout(), "{}", reader.header().schema)?,
        Form::Json => say(reader.schema().to_json())?,
        Form::Numpy => say(reader.schema().to_numpy())?,
        Form::C => write!(io::stdout(), "{}", reader.schema().to_c_header())?,
    }
    Ok(())
}

fn header(channel: &Path) -> Result<(), Box<dyn Error>> {
    say(format_args!("{:#?}", Reader::open(channel)?.header()))?;
    Ok(())
}

fn records(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { channel, csv, follow, records, .. } = arguments;
    let mut reader = if *follow {
        open_when_created(channel, DynamicReader::open)?
    } else {
        DynamicReader::open(channel)?
    };
    // A follower shows each record at once: standard output is flushed at the end of every line.
    let mut output: Box<dyn Write> = match *follow {
        true => Box::new(io::stdout().lock()),
        false => Box::new(BufWriter::new(io::stdout().lock())),
    };
    if *csv {
        output.write_all(&row(&reader.schema().columns()?)?)?;
    }
    let found: Box<dyn Iterator<Item = Result<Recorded<Datum<'_>>, ReadError>>> = match *follow {
        true => Box::new(reader.follow(Wait::Backoff)),
        false => Box::new(reader.iter()),
    };
    let mut invalid_count = 0_u64;
    for record in found.take(records.unwrap_or(usize::MAX)) {
        let record = record?;
        // Whole or not at all: what is no value may show in the last field.
        match if *csv { cells(&record.value) } else { line(&record.value) } {
            Ok(text) => output.write_all(&text)?,
            Err(problem) => {
                invalid_count += 1;
                eprintln!("record {}: {problem}", record.sequence);
            }
        }
    }
    output.flush()?;
    if *follow && records.is_none() {
        say_end(reader.try_next())?;
    }
    match invalid_count {
        0 => Ok(()),
        1 => Err("1 record is no value of its type".into()),
        count => Err(format!("{count} records are no values of their type").into()),
    }
}

/// A record as JSON.
fn line(record: &Datum<'_>) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

/// A record as CSV.
fn cells(record: &Datum<'_>) -> Result<Vec<u8>, Box<dyn Error>> {
    row(&record.row()?.cells()?)
}

fn row(cells: &impl Serialize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.serialize(cells)?;
    Ok(writer.into_inner()?)
}
