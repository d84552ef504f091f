//! Runs `chat`: three participants, of whom one leaves and one is killed.

mod support;

use std::{
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use support::{example, stderr};

struct Participant {
    process: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

fn join(folder: &Path, name: &str) -> Participant {
    let mut process = example("chat")
        .arg(folder)
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap()).lines();
    Participant { input: process.stdin.take(), output, process }
}

impl Participant {
    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Reads until that line comes.
    fn hear(&mut self, expected: &str) {
        let heard = self.output.by_ref().map(Result::unwrap).any(|line| line == expected);
        assert!(heard, "never heard: {expected}");
    }
}

#[test]
fn everybody_hears_the_others_and_who_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut ann = join(folder.path(), "ann");
    let mut bob = join(folder.path(), "bob");
    let mut eve = join(folder.path(), "eve");
    ann.hear("* bob is here");
    ann.say("hello");
    bob.hear("ann: hello");
    eve.hear("ann: hello");
    // A long line comes in pieces, cut between characters.
    bob.say(&"\u{e4}".repeat(61));
    ann.hear(&format!("bob: {}", "\u{e4}".repeat(60)));
    ann.hear("bob: \u{e4}");
    drop(bob.input.take());
    assert!(bob.process.wait().unwrap().success());
    ann.hear("* bob has left");
    eve.process.kill().unwrap();
    eve.process.wait().unwrap();
    ann.hear("* eve has vanished");
    drop(ann.input.take());
    assert!(ann.process.wait().unwrap().success());
}

#[test]
fn a_name_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, success) in [("ann", true), ("ann", false), ("", false), ("../ann", false)] {
        let output = example("chat").arg(folder.path()).arg(name).output().unwrap();
        assert_eq!(output.status.success(), success, "{name}: {}", stderr(&output));
    }
}
