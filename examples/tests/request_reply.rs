//! Runs `request_reply`: a server and a client, which ends them both.

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use support::{example, stderr, stdout};

#[test]
fn requests_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = example("request_reply")
        .arg("serve")
        .arg(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut client = example("request_reply")
        .arg("ask")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let requests = "1 + 2\n7 / 0\nnonsense\n2.5 * 4\n1 - 2\n";
    client.stdin.take().unwrap().write_all(requests.as_bytes()).unwrap();
    let asked = client.wait_with_output().unwrap();
    assert!(asked.status.success(), "{}", stderr(&asked));
    assert_eq!(stdout(&asked), "1 + 2 = 3\n7 / 0: division by zero\n2.5 * 4 = 10\n1 - 2 = -1\n");
    assert!(stderr(&asked).contains("`nonsense` is no request"), "{}", stderr(&asked));
    let served = server.wait_with_output().unwrap();
    assert!(served.status.success());
    assert!(stderr(&served).ends_with("the channel has ended: closed\n"), "{}", stderr(&served));
}

#[test]
fn a_client_learns_of_its_servers_death() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = example("request_reply").arg("serve").arg(folder.path()).spawn().unwrap();
    let mut client = example("request_reply")
        .arg("ask")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    input.write_all(b"1 + 1\n").unwrap();
    let mut line = String::new();
    BufReader::new(client.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "1 + 1 = 2\n");
    server.kill().unwrap();
    server.wait().unwrap();
    input.write_all(b"1 + 1\n").unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(stderr(&output).contains("the server has died"), "{}", stderr(&output));
}
