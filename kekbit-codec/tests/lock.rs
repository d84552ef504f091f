//! A lock file in the hands of its user: a package of its own, built by cargo as it changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

const MANIFEST: &str = r#"[package]
name = "locked"
version = "0.0.0"
edition = "2024"

[dependencies]
kekbit-codec = { path = "CODEC" }

[workspace]
"#;

/// The library as it is when it has these fields.
fn library(fields: &str) -> String {
    format!(
        "use kekbit_codec::Record;\n\n#[derive(Record)]\n#[record(lock = \"schemas/order.lock\")]\n\
         pub struct Order {{\n{fields}}}\n"
    )
}

const V1: &str = "struct Order 8\n id 0 8 u64\n";
const V2: &str = "struct Order 11\n id 0 8 u64\n note 8 3 option\n  - 1 2 u16\n";

/// The package, in a folder of the build.
struct Package(PathBuf);

impl Package {
    fn new() -> Package {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("locked");
        let codec = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["src", "schemas"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let path = codec.to_str().unwrap().replace('\\', "/");
        fs::write(folder.join("Cargo.toml"), MANIFEST.replace("CODEC", &path)).unwrap();
        let versions = codec.parent().unwrap().join("Cargo.lock");
        fs::copy(versions, folder.join("Cargo.lock")).unwrap();
        Package(folder)
    }

    fn write(&self, fields: &str) {
        fs::write(self.0.join("src/lib.rs"), library(fields)).unwrap();
    }

    fn write_lock(&self, lock: &str) {
        fs::write(self.0.join("schemas/order.lock"), lock).unwrap();
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.0.join("schemas/order.lock")).unwrap()
    }

    fn written(&self) -> SystemTime {
        fs::metadata(self.0.join("schemas/order.lock")).unwrap().modified().unwrap()
    }

    /// What cargo prints, and whether it is content.
    fn cargo(&self, args: &[&str], update: bool) -> (bool, String) {
        let mut command = Command::new(env!("CARGO"));
        command
            .current_dir(&self.0)
            .args(args)
            .args(["--offline", "--color", "never"])
            .env("CARGO_TARGET_DIR", self.0.join("target"))
            .env_remove("RUSTFLAGS")
            .env_remove("KEKBIT_LOCK");
        if update {
            command.env("KEKBIT_LOCK", "update");
        }
        let output = command.output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
    }

    fn check(&self) -> (bool, String) {
        self.cargo(&["check", "--lib"], false)
    }

    /// As the errors say: `KEKBIT_LOCK=update cargo test kekbit_lock`.
    fn update(&self) -> (bool, String) {
        self.cargo(&["test", "kekbit_lock"], true)
    }
}

#[test]
#[cfg_attr(miri, ignore = "runs cargo")]
fn a_lock_file_from_the_first_release_to_a_refusal() {
    let package = Package::new();
    package.write("    pub id: u64,\n");
    package.write_lock("");
    let (passed, printed) = package.check();
    assert!(passed, "{printed}");

    let (passed, printed) = package.update();
    assert!(passed && printed.contains("1 passed"), "{printed}");
    assert_eq!(package.lock(), V1);

    // A version that was not released yet is no part of the file.
    package.write("    pub id: u64,\n    pub note: Option<u16>,\n");
    let (passed, printed) = package.check();
    assert!(!passed && printed.contains("is not in `schemas/order.lock`"), "{printed}");
    let lines: Vec<_> = printed.lines().map(str::trim_start).collect();
    let added: Vec<_> = V2.lines().map(str::trim_start).collect();
    assert!(lines.windows(added.len()).any(|lines| lines == added), "{printed}");

    let (passed, printed) = package.update();
    assert!(passed && printed.contains("1 passed"), "{printed}");
    assert_eq!(package.lock(), format!("{V1}\n{V2}"));
    let (passed, printed) = package.check();
    assert!(passed, "{printed}");

    // The file alone is what changes, and cargo looks again; ends of lines do not matter.
    package.write_lock(&format!("# Released.\n{V1}").replace('\n', "\r\n"));
    let (passed, printed) = package.check();
    assert!(!passed && printed.contains("is not in `schemas/order.lock`"), "{printed}");
    let with_carriage = format!("# Released.\n{V1}\n\n{V2}").replace('\n', "\r\n");
    package.write_lock(&with_carriage);
    let (passed, printed) = package.check();
    assert!(passed, "{printed}");

    // What is in the file already is not written once more.
    let written = package.written();
    let (passed, printed) = package.update();
    assert!(passed && printed.contains("1 passed"), "{printed}");
    assert_eq!(package.written(), written);

    package.write("    pub id: u32,\n    pub note: Option<u16>,\n");
    // A forgotten `KEKBIT_LOCK=update` lets nothing through that breaks released files.
    let (passed, printed) = package.cargo(&["check", "--lib"], true);
    assert!(!passed && printed.contains("line 2 of `schemas/order.lock`"), "{printed}");
    let (passed, printed) = package.check();
    assert!(!passed && printed.contains("line 2 of `schemas/order.lock`"), "{printed}");
    assert!(printed.contains("`id` was of type `u64` and is of type `u32`"), "{printed}");
    let (passed, printed) = package.update();
    assert!(
        !passed && printed.contains("`id` was of type `u64` and is of type `u32`"),
        "{printed}"
    );
    assert_eq!(package.lock(), with_carriage);
}
