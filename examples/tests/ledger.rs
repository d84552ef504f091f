//! Runs `ledger`: events, a kill, recovery, replay.

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Output, Stdio},
};

use support::{example, stderr, stdout};

fn run(folder: &Path, orders: &str) -> Output {
    let mut ledger = example("ledger")
        .arg("run")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A ledger that refuses to start reads nothing.
    let _ = ledger.stdin.take().unwrap().write_all(orders.as_bytes());
    ledger.wait_with_output().unwrap()
}

fn balances(folder: &Path) -> String {
    let output = example("ledger").arg("balances").arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).to_owned()
}

#[test]
fn the_state_is_rebuilt_from_events() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(folder.path(), "deposit ann 100\ntransfer ann bob 30\nwithdraw bob 31\n?\n");
    assert_eq!(
        stdout(&first),
        "done: deposit ann 100\n\
         done: transfer ann bob 30\n\
         refused: withdraw bob 31: bob has 30, which is less than 31\n\
         refused: ?: the orders are deposit NAME N, withdraw NAME N, transfer NAME NAME N\n"
    );
    assert_eq!(balances(folder.path()), "ann 70\nbob 30\n");
    assert_eq!(stdout(&run(folder.path(), "withdraw bob 30\n")), "done: withdraw bob 30\n");
    assert_eq!(balances(folder.path()), "ann 70\nbob 0\n");
    assert!(folder.path().join("ledger-0002.kekbit").exists());
}

#[test]
fn what_was_confirmed_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = example("ledger")
        .arg("run")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    ledger.stdin.as_mut().unwrap().write_all(b"deposit ann 5\ndeposit bob 6\n").unwrap();
    let mut confirmed = BufReader::new(ledger.stdout.as_mut().unwrap()).lines();
    assert_eq!(confirmed.next().unwrap().unwrap(), "done: deposit ann 5");
    assert_eq!(confirmed.next().unwrap().unwrap(), "done: deposit bob 6");
    // A second keeper is refused while the first lives, and changes nothing.
    let second = run(folder.path(), "deposit eve 7\n");
    assert!(!second.status.success());
    assert!(stderr(&second).contains("has a living writer"), "{}", stderr(&second));
    ledger.kill().unwrap();
    ledger.wait().unwrap();
    assert_eq!(balances(folder.path()), "ann 5\nbob 6\n");
    let next = run(folder.path(), "transfer bob ann 6\n");
    assert!(next.status.success(), "{}", stderr(&next));
    assert!(stderr(&next).contains("recovered 2 events"), "{}", stderr(&next));
    assert_eq!(balances(folder.path()), "ann 11\nbob 0\n");
}

#[test]
fn a_full_channel_is_followed_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &"deposit ann 1\n".repeat(1001));
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(balances(folder.path()), "ann 1001\n");
    assert!(folder.path().join("ledger-0002.kekbit").exists());
}
