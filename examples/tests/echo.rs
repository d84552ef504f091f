//! Runs `echo`: a writer and a reader, live.

mod support;

use std::{io::Write, process::Stdio};

use support::{example, stderr, stdout};

#[test]
fn lines_go_from_one_process_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let channel = folder.path().join("echo.kekbit");
    // The reader comes first and waits for the channel.
    let reader = example("echo")
        .arg("read")
        .arg(&channel)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut writer = example("echo")
        .arg("write")
        .arg(&channel)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let long = "x".repeat(241);
    let text = format!("first\n\n{long}\nth\u{ef}rd\r\n");
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let written = writer.wait_with_output().unwrap();
    assert!(written.status.success());
    assert_eq!(stderr(&written), "skipped line 3: text of 241 bytes where 240 fit\n");
    let read = reader.wait_with_output().unwrap();
    assert_eq!(stdout(&read), "first\n\nth\u{ef}rd\n");
    assert!(stderr(&read).ends_with("the channel has ended: closed\n"), "{}", stderr(&read));

    // Who reads may go at any time.
    let mut reader = example("echo")
        .arg("read")
        .arg(&channel)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(reader.stdout.take());
    let left = reader.wait_with_output().unwrap();
    assert!(left.status.success(), "{}", stderr(&left));
    assert!(!stderr(&left).contains("panicked"), "{}", stderr(&left));

    let again = example("echo").arg("write").arg(&channel).output().unwrap();
    assert!(!again.status.success());
    assert!(stderr(&again).contains("exists already"), "{}", stderr(&again));
}
