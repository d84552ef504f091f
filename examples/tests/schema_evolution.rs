//! Runs the programs of three versions of a record: each writes, and all read each other's files.

mod support;

use std::path::Path;

use kekbit_examples::schema_evolution::{v1, v2, v3};
use support::{example, stderr, stdout};

fn run(version: usize, verb: &str, channel: &Path) -> String {
    let program = format!("schema_evolution_v{version}");
    let output = example(&program).arg(verb).arg(channel).output().unwrap();
    assert!(output.status.success(), "{program} {verb}: {}", stderr(&output));
    stdout(&output).to_owned()
}

/// What a program of one version prints of a file of another, worked out by hand.
fn expected(writer: usize, reader: usize) -> String {
    let line = |number: u32| {
        let v3::Reading { sensor, celsius, humidity, quality } = v3::reading(number);
        let humidity = humidity.filter(|_| 1 < writer);
        let quality = if writer == 3 { quality } else { v3::Quality::Unknown };
        match reader {
            1 => format!("{:?}\n", v1::Reading { sensor, temp: celsius }),
            2 => format!("{:?}\n", v2::Reading { sensor, celsius, humidity }),
            _ => format!("{:?}\n", v3::Reading { sensor, celsius, humidity, quality }),
        }
    };
    (0..2).map(line).collect()
}

#[test]
fn old_and_new_programs_read_each_others_files() {
    let folder = tempfile::tempdir().unwrap();
    for writer in 1..=3 {
        let channel = folder.path().join(format!("v{writer}.kekbit"));
        run(writer, "write", &channel);
        for reader in 1..=3 {
            let printed = run(reader, "read", &channel);
            assert_eq!(printed, expected(writer, reader), "v{reader} of v{writer}");
        }
    }
}

#[test]
fn one_look_at_the_whole_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let channel = folder.path().join("readings.kekbit");
    run(1, "write", &channel);
    assert_eq!(
        run(3, "read", &channel),
        "Reading { sensor: 0, celsius: 20.5, humidity: None, quality: Unknown }\n\
         Reading { sensor: 1, celsius: 21.5, humidity: None, quality: Unknown }\n"
    );
}

#[test]
fn another_record_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let channel = folder.path().join("quickstart.kekbit");
    assert!(example("quickstart").arg(&channel).output().unwrap().status.success());
    let output = example("schema_evolution_v2").arg("read").arg(&channel).output().unwrap();
    assert!(!output.status.success());
    let told = "the file holds `Order`, the program's type is `Reading`";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
}

#[test]
fn a_value_of_an_older_version_becomes_one_of_the_newer() {
    let new = v3::Reading::from_older(&v2::reading(4)).unwrap();
    assert_eq!(new, v3::Reading { quality: v3::Quality::Unknown, ..v3::reading(4) });
}
