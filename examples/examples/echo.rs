//! Lines from one terminal to another.
//!
//! Each line of standard input becomes a record; the other process prints records as they come.
//!
//! ```text
//! cargo run -p kekbit-examples --example echo -- read /dev/shm/echo.kekbit
//! cargo run -p kekbit-examples --example echo -- write /dev/shm/echo.kekbit
//! ```
//!
//! The end of the input (ctrl-D) ends both. The channel stays, to be read again; `rm` removes it.
#![forbid(unsafe_code)]

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use kekbit_channel::{ChannelOptions, FixedStr, Record, TypedReader, TypedWriter, Wait};
use kekbit_examples::terminal::{exit, open_when_created, read_line, say, say_end};

/// How many lines a channel holds.
const LINES: u64 = 100_000;

#[derive(Record, Debug)]
struct Line {
    text: FixedStr<240>,
}

#[derive(Parser)]
#[command(about = "Lines from one terminal to another")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes each line of standard input to a new channel
    Write { channel: PathBuf },
    /// Prints the lines of a channel as they come, until it ends
    Read { channel: PathBuf },
}

fn main() -> ExitCode {
    exit(match Arguments::parse().task {
        Task::Write { channel } => write(&channel),
        Task::Read { channel } => read(&channel),
    })
}

fn write(channel: &Path) -> Result<(), Box<dyn Error>> {
    let mut writer = TypedWriter::create(channel, &ChannelOptions::new().records(LINES))?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let mut number = 0;
    while read_line(&mut input, &mut line)? {
        number += 1;
        let text = String::from_utf8_lossy(&line);
        match text.parse() {
            Ok(text) => {
                writer.append(&Line { text })?;
            }
            Err(error) => eprintln!("skipped line {number}: {error}"),
        }
    }
    writer.close()?;
    Ok(())
}

fn read(channel: &Path) -> Result<(), Box<dyn Error>> {
    let mut reader = open_when_created(channel, TypedReader::<Line>::open)?;
    for line in reader.follow(Wait::Backoff) {
        say(line?.text)?;
    }
    say_end(reader.try_next())
}
