//! Mistakes, each told once, at the user's own token, with what to write instead.

use std::{fs, path::Path};

#[test]
fn mistakes_are_told_once_and_say_what_to_write() {
    // Paths of lock files start at the folder of the package, which is the one of trybuild.
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/locks");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let there = target.join("tests/trybuild/kekbit-codec/locks");
    fs::create_dir_all(&there).unwrap();
    for entry in fs::read_dir(here).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), there.join(entry.file_name())).unwrap();
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
