//! Other processes: the test binary started again, in a role.
//!
//! A test file that uses it has one test named `child`, which does nothing unless it finds a role
//! in its environment. Parent and child talk in lines, over pipes.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const ROLE: &str = "KEKBIT_TEST_ROLE";
const PATH: &str = "KEKBIT_TEST_PATH";
/// What tells a child's words from those of the test harness around it.
const MARK: &str = "> ";
/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process in a role. Killed when dropped.
pub(crate) struct Helper {
    child: Child,
    ears: BufReader<ChildStdout>,
    mouth: Option<ChildStdin>,
}

impl Helper {
    pub(crate) fn start(role: &str, path: &Path) -> Helper {
        Helper::start_with(role, path, |_command| {})
    }

    pub(crate) fn start_with(role: &str, path: &Path, change: impl FnOnce(&mut Command)) -> Helper {
        let command = Command::new(env::current_exe().unwrap());
        Helper::spawn(command, role, path, change)
    }

    /// The same with a view of the mounted file systems of its own, in which it may mount what it
    /// wants: nobody else sees it, and it is gone with the process. `None`, with a word, where that
    /// cannot be.
    pub(crate) fn start_apart(role: &str, path: &Path) -> Option<Helper> {
        let root = nix::unistd::geteuid().is_root();
        let apart: &[&str] = if root { &["--mount"] } else { &["--mount", "--map-root-user"] };
        let unshare = || {
            let mut command = Command::new("unshare");
            command.args(apart);
            command
        };
        let probe = unshare().arg("true").stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            println!("skipped: no file system can be mounted here (`unshare --mount`)");
            return None;
        }
        let mut command = unshare();
        command.arg(env::current_exe().unwrap());
        Some(Helper::spawn(command, role, path, |_command| {}))
    }

    fn spawn(
        mut command: Command,
        role: &str,
        path: &Path,
        change: impl FnOnce(&mut Command),
    ) -> Helper {
        command.args(["child", "--exact", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role).env(PATH, path).env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let ears = BufReader::new(child.stdout.take().unwrap());
        let mouth = child.stdin.take();
        Helper { child, ears, mouth }
    }

    /// The next thing the child says; `None` once it has left.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.ears.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness prints the name of the test in front of the first word.
            if let Some((_, word)) = line.split_once(MARK) {
                return Some(word.trim_end().to_owned());
            }
        }
    }

    /// The next thing the child says.
    pub(crate) fn hear(&mut self) -> String {
        self.next_word().expect("the child left without a word")
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.mouth.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Kills it at whatever it is doing, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has left by itself.
    pub(crate) fn finish(mut self) -> ExitStatus {
        drop(self.mouth.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have left already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The role of this process, if it is a child, and the path it is about.
pub(crate) fn role() -> Option<(String, PathBuf)> {
    Some((env::var(ROLE).ok()?, PathBuf::from(env::var_os(PATH)?)))
}

/// Says a line to the parent.
pub(crate) fn say(line: &str) {
    println!("{MARK}{line}");
}

/// Waits for a line from the parent; leaves if the parent is gone.
pub(crate) fn listen() -> String {
    let mut line = String::new();
    if std::io::stdin().read_line(&mut line).unwrap() == 0 {
        std::process::exit(0);
    }
    line.trim_end().to_owned()
}

/// Asks again and again until there is an answer.
pub(crate) fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::yield_now();
    }
}
