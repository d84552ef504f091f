//! One record in three versions, and the program that each version had.
//!
//! In a real project the versions follow each other in one place, and only the last is in use; the
//! earlier ones move to a module such as this for `extends` to be checked against.

pub mod v1;
pub mod v2;
pub mod v3;

use std::{error::Error, fmt::Debug, path::PathBuf};

use clap::{Parser, Subcommand};
use kekbit_channel::{ChannelOptions, Record, TypedReader, TypedWriter};

use crate::terminal::say;

/// Writes readings, or reads what any version has written.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a channel of a few readings.
    Write {
        /// The channel to create.
        channel: PathBuf,
        /// How many readings.
        #[arg(long, default_value_t = 2)]
        records: u64,
    },
    /// Print all readings of a channel, whichever version wrote it.
    Read {
        /// The channel.
        channel: PathBuf,
    },
}

/// The program of one version: `reading` makes the readings that it writes.
///
/// # Errors
/// The channel cannot be created, or cannot be read.
pub fn run<T: Record + Debug>(reading: fn(u32) -> T) -> Result<(), Box<dyn Error>> {
    match Arguments::parse().command {
        Command::Write { channel, records } => {
            let options = ChannelOptions::new().records(records);
            let mut writer = TypedWriter::create(channel, &options)?;
            for number in (0..).take(usize::try_from(records)?) {
                writer.append(&reading(number))?;
            }
            Ok(writer.close()?)
        }
        Command::Read { channel } => {
            for reading in TypedReader::<T>::open(channel)?.iter() {
                say(format_args!("{:?}", reading?.value))?;
            }
            Ok(())
        }
    }
}
