//! Accounts as a fold over events, kept in channels and rebuilt from them at each start.
//!
//! Each run replays all channels of the folder, recovers the last one if its writer died, and
//! goes on in a new one: a channel is never continued.
//!
//! ```text
//! mkdir ledger
//! printf 'deposit ann 100\ntransfer ann bob 30\n' |
//!     cargo run -p kekbit-examples --example ledger -- run ledger
//! cargo run -p kekbit-examples --example ledger -- balances ledger
//! ```
//!
//! Kill the first with `kill -9` while it waits for input: nothing that it has confirmed is lost,
//! by a power cut either, as it syncs before it confirms.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use kekbit_channel::{
    ChannelOptions, FixedStr, Next, Record, TypedReader, TypedWriter, WriteError, recover,
};
use kekbit_examples::terminal::{exit, read_line, say};

/// How many events a channel holds before the next one is begun.
const EVENTS: u64 = 1000;

type Name = FixedStr<16>;

/// What has happened.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
enum Event {
    #[record(tag = 1)]
    Deposited { account: Name, amount: u64 },
    #[record(tag = 2)]
    Withdrawn { account: Name, amount: u64 },
    #[record(tag = 3)]
    Transferred { from: Name, to: Name, amount: u64 },
}

/// What follows from it.
#[derive(Debug, Default)]
struct Balances(BTreeMap<Name, u64>);

impl Balances {
    /// The state after an event, if the event can happen in this state.
    fn apply(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Deposited { account, amount } => self.add(account, amount),
            Event::Withdrawn { account, amount } => self.take(account, amount),
            Event::Transferred { from, to, amount } => {
                self.take(from, amount)?;
                self.add(to, amount).inspect_err(|_| {
                    *self.0.entry(from).or_default() += amount;
                })
            }
        }
    }

    fn add(&mut self, account: Name, amount: u64) -> Result<(), String> {
        let balance = self.0.entry(account).or_default();
        let sum = balance.checked_add(amount).ok_or("no account holds that much")?;
        *balance = sum;
        Ok(())
    }

    fn take(&mut self, account: Name, amount: u64) -> Result<(), String> {
        let balance = self.0.get(&account).copied().unwrap_or(0);
        let rest = balance
            .checked_sub(amount)
            .ok_or_else(|| format!("{account} has {balance}, which is less than {amount}"))?;
        self.0.insert(account, rest);
        Ok(())
    }
}

#[derive(Parser)]
#[command(about = "Accounts as a fold over events")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Takes orders from standard input: deposit NAME N, withdraw NAME N, transfer NAME NAME N
    Run { folder: PathBuf },
    /// Shows all accounts
    Balances { folder: PathBuf },
}

fn main() -> ExitCode {
    exit(match Arguments::parse().task {
        Task::Run { folder } => run(&folder),
        Task::Balances { folder } => show(&folder),
    })
}

fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let channels = channels(folder)?;
    if let Some(last) = channels.last() {
        // Fails while its writer lives: there is one ledger-keeper at a time.
        let recovery = recover(last)?;
        if recovery.sealed {
            eprintln!("recovered {} events of `{}`", recovery.records, last.display());
            // All that was confirmed had been synced; without that recovery would have failed.
            if let Some(problem) = recovery.problem {
                eprintln!("an event that was not confirmed is lost: {problem}");
            }
        }
    }
    let mut balances = replay(&channels)?;
    let mut number = channels.len() + 1;
    let mut writer = begin(folder, number)?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        let text = String::from_utf8_lossy(&line);
        let event = match parse(&text) {
            Ok(event) => event,
            Err(problem) => {
                say(format_args!("refused: {text}: {problem}"))?;
                continue;
            }
        };
        if let Err(problem) = balances.apply(event) {
            say(format_args!("refused: {text}: {problem}"))?;
            continue;
        }
        match writer.append(&event) {
            Err(WriteError::Full { .. }) => {
                writer.close()?;
                number += 1;
                writer = begin(folder, number)?;
                writer.append(&event)?;
            }
            appended => {
                appended?;
            }
        }
        writer.sync()?;
        say(format_args!("done: {text}"))?;
    }
    writer.close()?;
    Ok(())
}

fn begin(folder: &Path, number: usize) -> Result<TypedWriter<Event>, Box<dyn Error>> {
    let path = folder.join(format!("ledger-{number:04}.kekbit"));
    Ok(TypedWriter::create(path, &ChannelOptions::new().records(EVENTS).time_stamps())?)
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (account, balance) in replay(&channels(folder)?)?.0 {
        say(format_args!("{account} {balance}"))?;
    }
    Ok(())
}

/// The channels of the ledger, the oldest first.
fn channels(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let reading = |error| format!("cannot read `{}`: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(reading)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("ledger-") && name.ends_with(".kekbit") {
            found.push(path);
        }
    }
    // By number: the 10,000th has a longer name.
    found.sort_by_cached_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(found)
}

/// The state after all events.
fn replay(channels: &[PathBuf]) -> Result<Balances, Box<dyn Error>> {
    let mut balances = Balances::default();
    for (place, channel) in channels.iter().enumerate() {
        let mut reader = TypedReader::<Event>::open(channel)?;
        for event in reader.iter() {
            balances.apply(event?.value)?;
        }
        let is_last = place + 1 == channels.len();
        if !is_last && !matches!(reader.try_next()?, Next::Closed(_)) {
            return Err(format!("`{}` has not ended", channel.display()).into());
        }
    }
    Ok(balances)
}

fn parse(line: &str) -> Result<Event, String> {
    let name = |text: &str| text.parse::<Name>().map_err(|error| error.to_string());
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no amount"));
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(match words[..] {
        ["deposit", account, amount] => {
            Event::Deposited { account: name(account)?, amount: number(amount)? }
        }
        ["withdraw", account, amount] => {
            Event::Withdrawn { account: name(account)?, amount: number(amount)? }
        }
        ["transfer", from, to, amount] => {
            Event::Transferred { from: name(from)?, to: name(to)?, amount: number(amount)? }
        }
        _ => {
            let orders = "deposit NAME N, withdraw NAME N, transfer NAME NAME N";
            return Err(format!("the orders are {orders}"));
        }
    })
}
