//! Runs the example programs, as a user would.
#![allow(dead_code, reason = "each test uses its part")]

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

/// The program of an example, which cargo builds before the tests.
pub(crate) fn example(name: &str) -> Command {
    let mut folder: PathBuf = env::current_exe().expect("a test has a name");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    Command::new(folder.join("examples").join(name))
}

/// What a program has written to standard output.
pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

/// What a program has written to standard error.
pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
