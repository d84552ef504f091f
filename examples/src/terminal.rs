//! What every example needs at a terminal: waiting for a channel, lines, endings, exit codes.

use std::{
    error::Error,
    fmt::Display,
    io::{self, BufRead, Write},
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use kekbit_channel::{Next, OpenError, ReadError};

/// How long a reader waits for its channel to be created.
const CREATION_AWAITED: Duration = Duration::from_secs(30);
/// After what time it says so.
const WAITING_SILENT: Duration = Duration::from_secs(1);

/// Opens a channel that may not have been created yet: waits for half a minute, and says so on
/// standard error if it takes longer than a moment.
///
/// # Errors
/// It has not come by then, or is none that `open` takes.
pub fn open_when_created<'p, R>(
    channel: &'p Path,
    open: impl Fn(&'p Path) -> Result<R, OpenError>,
) -> Result<R, OpenError> {
    let start = Instant::now();
    let mut silent = true;
    loop {
        match open(channel) {
            Err(OpenError::Missing { .. }) if start.elapsed() < CREATION_AWAITED => {
                if silent && WAITING_SILENT <= start.elapsed() {
                    let seconds = CREATION_AWAITED.as_secs();
                    eprintln!("waiting up to {seconds} s for `{}`", channel.display());
                    silent = false;
                }
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

/// Prints a line on standard output.
///
/// # Errors
/// As the system says; that nobody reads it any more (`| head`) is one of them, and no panic.
pub fn say(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Tells on standard error how a channel has ended, of which this is what lies at the end.
///
/// # Errors
/// The channel cannot be read.
pub fn say_end<R>(end: Result<Next<R>, ReadError>) -> Result<(), Box<dyn Error>> {
    match end? {
        Next::Closed(reason) => eprintln!("the channel has ended: {reason}"),
        Next::Abandoned => {
            eprintln!("the writer died; `kekbit_channel::recover` seals the channel");
        }
        Next::TimedOut | Next::Pending | Next::Record(_) => eprintln!("the channel goes on"),
    }
    Ok(())
}

/// The exit code of a result; an error goes to standard error with all that caused it.
///
/// That nobody reads standard output any more is an end, not a failure.
pub fn exit(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    let io_error = error.downcast_ref::<io::Error>();
    if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        eprintln!("  because: {error}");
        source = error.source();
    }
    ExitCode::FAILURE
}
