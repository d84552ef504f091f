//! The inputs that are kept of fuzzing, run without a fuzzer.
//!
//! Goal: what was once found, and what reaches most of the code, is checked in every build.
//! Method: each file of `fuzz/corpus/TARGET` goes through the check of that target.

use std::{fs, path::Path};

use kekbit_fuzz::{decode, frames, header, operations, schema_text};

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let inputs = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut count = 0;
    for input in inputs {
        let path = input.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(20 <= count, "{count} inputs in {folder:?}");
}

#[test]
fn payloads() {
    replay("decode", decode::check);
}

#[test]
fn schema_texts() {
    replay("schema_text", schema_text::check);
}

#[test]
fn headers() {
    replay("header", header::check);
}

#[test]
fn frames_of_any_kind() {
    replay("frames", frames::check);
}

#[test]
fn writers_and_readers() {
    replay("operations", operations::check);
}
