//! A chat of several processes: each has its own channel in one folder, and reads all others'.
//!
//! ```text
//! mkdir /dev/shm/chat
//! cargo run -p kekbit-examples --example chat -- /dev/shm/chat ann
//! cargo run -p kekbit-examples --example chat -- /dev/shm/chat bob
//! ```
//!
//! Lines that come between two looks are shown in the order of their time stamps. The end of the
//! input (ctrl-D) leaves the chat. A name that was used is taken: a channel is never continued.
//! `rm -r /dev/shm/chat` when all have left.
#![forbid(unsafe_code)]

use std::{
    collections::HashSet,
    error::Error,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use clap::Parser;
use kekbit_channel::{ChannelOptions, FixedStr, Next, Record, Timestamp, TypedReader, TypedWriter};
use kekbit_examples::terminal::{exit, read_line, say};

/// How many lines one participant may say.
const LINES: u64 = 10_000;
/// How often new lines and new participants are looked for.
const PERIOD: Duration = Duration::from_millis(20);
/// Bytes of text in a record; longer lines take several.
const TEXT: usize = 120;

#[derive(Record, Debug)]
struct Line {
    text: FixedStr<TEXT>,
}

#[derive(Parser)]
#[command(about = "A chat of several processes")]
struct Arguments {
    /// Where the participants' channels are
    folder: PathBuf,
    /// Your name
    name: String,
}

/// Somebody else.
struct Peer {
    name: String,
    reader: TypedReader<Line>,
}

fn main() -> ExitCode {
    let Arguments { folder, name } = Arguments::parse();
    exit(chat(&folder, &name))
}

fn chat(folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(format!("`{name}` is no name for a file, and so not for you").into());
    }
    let mine = OsString::from(format!("{name}.kekbit"));
    let options = ChannelOptions::new().records(LINES).time_stamps();
    let mut writer = TypedWriter::create(folder.join(&mine), &options)?;
    let lines = lines_of_input();
    let mut known = HashSet::from([mine]);
    let mut peers = Vec::new();
    loop {
        greet(folder, &mut known, &mut peers)?;
        listen(&mut peers)?;
        match lines.recv_timeout(PERIOD) {
            Ok(line) => {
                for text in pieces(&line?) {
                    writer.append(&Line { text })?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    listen(&mut peers)?;
    writer.close()?;
    Ok(())
}

/// The lines of standard input, read by a thread of its own.
fn lines_of_input() -> mpsc::Receiver<io::Result<String>> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut line = Vec::new();
        loop {
            let read = match read_line(&mut input, &mut line) {
                Ok(true) => Ok(String::from_utf8_lossy(&line).replace('\0', "")),
                Ok(false) => return,
                Err(error) => Err(error),
            };
            if sender.send(read).is_err() {
                return;
            }
        }
    });
    lines
}

/// A line in pieces that fit a record, cut between characters.
fn pieces(mut line: &str) -> Vec<FixedStr<TEXT>> {
    let mut pieces = Vec::new();
    while !line.is_empty() {
        let end = (0..=TEXT.min(line.len())).rev().find(|end| line.is_char_boundary(*end));
        let (piece, rest) = line.split_at(end.unwrap_or(line.len()));
        // It fits, and NUL has been taken out.
        pieces.extend(FixedStr::new(piece));
        line = rest;
    }
    pieces
}

/// Opens the channels of those who have come since the last look.
fn greet(
    folder: &Path,
    known: &mut HashSet<OsString>,
    peers: &mut Vec<Peer>,
) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(file) = path.file_name() else { continue };
        if path.extension().is_none_or(|extension| extension != "kekbit") || known.contains(file) {
            continue;
        }
        known.insert(file.to_owned());
        match TypedReader::open(&path) {
            Ok(reader) => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                say(format_args!("* {name} is here"))?;
                peers.push(Peer { name, reader });
            }
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    Ok(())
}

/// Shows what the others have said, and lets those go who have left.
fn listen(peers: &mut Vec<Peer>) -> Result<(), Box<dyn Error>> {
    let mut said: Vec<(Option<Timestamp>, String)> = Vec::new();
    let mut gone = Vec::new();
    for (place, peer) in peers.iter_mut().enumerate() {
        for line in peer.reader.iter() {
            let line = line?;
            said.push((line.timestamp, format!("{}: {}", peer.name, line.text)));
        }
        match peer.reader.try_next()? {
            Next::Closed(_) => gone.push((place, "has left")),
            Next::Abandoned => gone.push((place, "has vanished")),
            Next::Record(line) => {
                said.push((line.timestamp, format!("{}: {}", peer.name, line.text)));
            }
            Next::Pending | Next::TimedOut => {}
        }
    }
    said.sort_by_key(|(stamp, _)| *stamp);
    for (_, line) in said {
        say(line)?;
    }
    for (place, how) in gone.into_iter().rev() {
        say(format_args!("* {} {how}", peers.remove(place).name))?;
    }
    Ok(())
}
