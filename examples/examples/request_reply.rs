//! A small calculator: requests in one channel, replies in another.
//!
//! ```text
//! mkdir /dev/shm/calculator
//! cargo run -p kekbit-examples --example request_reply -- serve /dev/shm/calculator
//! echo '1 + 2' | cargo run -p kekbit-examples --example request_reply -- ask /dev/shm/calculator
//! ```
//!
//! A channel has one writer: the client creates `requests.kekbit`, the server `replies.kekbit`. A
//! reply carries the sequence number of its request, so that the two can be matched even if replies
//! came in another order. The server ends when the client does. Each session takes an empty folder:
//! `rm -r /dev/shm/calculator` before the next.
#![forbid(unsafe_code)]

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use kekbit_channel::{ChannelOptions, Next, Record, TypedReader, TypedWriter, Wait};
use kekbit_examples::terminal::{exit, open_when_created, read_line, say, say_end};

/// How many requests, and replies, a session has room for.
const REQUESTS: u64 = 100_000;

#[derive(Record, Debug, Clone, Copy, PartialEq)]
enum Request {
    Add { left: f64, right: f64 },
    Subtract { left: f64, right: f64 },
    Multiply { left: f64, right: f64 },
    Divide { left: f64, right: f64 },
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
struct Reply {
    /// The sequence number of the request.
    request: u64,
    outcome: Outcome,
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Value(f64),
    DivisionByZero,
}

#[derive(Parser)]
#[command(about = "A small calculator: requests in one channel, replies in another")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Answers the requests of one client
    Serve { folder: PathBuf },
    /// Asks for each line of standard input, such as `1 + 2`
    Ask { folder: PathBuf },
}

fn main() -> ExitCode {
    exit(match Arguments::parse().task {
        Task::Serve { folder } => serve(&folder),
        Task::Ask { folder } => ask(&folder),
    })
}

fn serve(folder: &Path) -> Result<(), Box<dyn Error>> {
    let options = ChannelOptions::new().records(REQUESTS);
    let mut replies = TypedWriter::create(folder.join("replies.kekbit"), &options)?;
    let requests = folder.join("requests.kekbit");
    let mut requests = open_when_created(&requests, TypedReader::<Request>::open)?;
    for request in requests.follow(Wait::Backoff) {
        let request = request?;
        let outcome = calculate(request.value);
        replies.append(&Reply { request: request.sequence, outcome })?;
    }
    say_end(requests.try_next())?;
    replies.close()?;
    Ok(())
}

fn calculate(request: Request) -> Outcome {
    match request {
        Request::Add { left, right } => Outcome::Value(left + right),
        Request::Subtract { left, right } => Outcome::Value(left - right),
        Request::Multiply { left, right } => Outcome::Value(left * right),
        Request::Divide { right: 0.0, .. } => Outcome::DivisionByZero,
        Request::Divide { left, right } => Outcome::Value(left / right),
    }
}

fn ask(folder: &Path) -> Result<(), Box<dyn Error>> {
    let options = ChannelOptions::new().records(REQUESTS);
    let mut requests = TypedWriter::create(folder.join("requests.kekbit"), &options)?;
    let replies = folder.join("replies.kekbit");
    let mut replies = open_when_created(&replies, TypedReader::<Reply>::open)?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        let text = String::from_utf8_lossy(&line);
        let Some(request) = parse(&text) else {
            eprintln!("`{text}` is no request; write two numbers with + - * or / between them");
            continue;
        };
        let sequence = requests.append(&request)?;
        match reply(&mut replies, sequence)? {
            Outcome::Value(value) => say(format_args!("{text} = {value}"))?,
            Outcome::DivisionByZero => say(format_args!("{text}: division by zero"))?,
        }
    }
    requests.close()?;
    Ok(())
}

/// Waits for the reply to a request.
fn reply(replies: &mut TypedReader<Reply>, request: u64) -> Result<Outcome, Box<dyn Error>> {
    loop {
        match replies.try_next()? {
            Next::Record(reply) if reply.request == request => return Ok(reply.outcome),
            // A reply to a request that nobody waits for any more.
            Next::Record(_) => {}
            Next::Pending => std::thread::sleep(Duration::from_micros(50)),
            Next::Closed(reason) => return Err(format!("the server has left: {reason}").into()),
            Next::Abandoned => return Err("the server has died".into()),
            Next::TimedOut => return Err("the server does not answer".into()),
        }
    }
}

fn parse(line: &str) -> Option<Request> {
    let mut words = line.split_whitespace();
    let (left, sign, right) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let (left, right) = (left.parse().ok()?, right.parse().ok()?);
    match sign {
        "+" => Some(Request::Add { left, right }),
        "-" => Some(Request::Subtract { left, right }),
        "*" => Some(Request::Multiply { left, right }),
        "/" => Some(Request::Divide { left, right }),
        _ => None,
    }
}
