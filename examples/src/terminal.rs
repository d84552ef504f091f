//! What every example needs at a terminal: waiting for a channel, lines, endings, exit codes.

use std::{
    error::Error,
    io::{self, BufRead},
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use kekbit_channel::{Next, OpenError, Record, TypedReader};

/// How long a reader waits for its channel to be created.
const CREATION_AWAITED: Duration = Duration::from_secs(30);

/// Opens a channel that may not have been created yet: waits for half a minute.
///
/// # Errors
/// It has not come by then, or is none of that type.
pub fn open_when_created<T: Record>(channel: &Path) -> Result<TypedReader<T>, OpenError> {
    let start = Instant::now();
    loop {
        match TypedReader::open(channel) {
            Err(OpenError::Missing { .. }) if start.elapsed() < CREATION_AWAITED => {
                thread::sleep(Duration::from_millis(1));
            }
            opened => return opened,
        }
    }
}

/// Reads a line without its end; `false` at the end of the input.
///
/// # Errors
/// As the system says.
pub fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let found = input.read_until(b'\n', line)?;
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(found != 0)
}

/// Tells on standard error how a channel has ended that has been read to its end.
///
/// # Errors
/// The channel cannot be read.
pub fn say_end<T: Record>(reader: &mut TypedReader<T>) -> Result<(), Box<dyn Error>> {
    match reader.try_next()? {
        Next::Closed(reason) => eprintln!("the channel has ended: {reason}"),
        Next::Abandoned => {
            eprintln!("the writer died; `kekbit_channel::recover` seals the channel");
        }
        Next::TimedOut | Next::Pending | Next::Record(_) => eprintln!("the channel goes on"),
    }
    Ok(())
}

/// The exit code of a result; an error goes to standard error with all that caused it.
pub fn exit(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        eprintln!("  because: {error}");
        source = error.source();
    }
    ExitCode::FAILURE
}
