//! Runs `quickstart`.

mod support;

use support::{example, stderr, stdout};

#[test]
fn quickstart_writes_and_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quickstart.kekbit");
    let output = example("quickstart").arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        "Order { id: 0, price: 990, quantity: 7 }\n\
         Order { id: 1, price: 995, quantity: 7 }\n\
         Order { id: 2, price: 1000, quantity: 7 }\n"
    );
    let again = example("quickstart").arg(&path).output().unwrap();
    assert!(!again.status.success());
    assert!(stderr(&again).contains("Exists"), "{}", stderr(&again));
}

#[test]
fn quickstart_is_under_thirty_lines() {
    let source = include_str!("../examples/quickstart.rs");
    assert!(source.lines().count() < 30);
}
