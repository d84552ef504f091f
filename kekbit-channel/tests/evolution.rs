//! Every kind of change to a type: what the compiler says of it, and what happens when programs of
//! both versions open each other's files. `docs/EVOLUTION.md` shows the table that this prints.
//!
//! The changes are written down once. Here they are types whose files are read; in a package of
//! their own, with `#[record(extends = ...)]` added, they are put before the compiler.
//!
//! `KEKBIT_BLESS=1 cargo test -p kekbit-channel --test evolution` writes the table.

use std::{
    env,
    fmt::{Debug, Write as _},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use kekbit_channel::{ChannelOptions, OpenError, Record, TypedReader, TypedWriter};

/// What opening says in both directions.
struct Outcome {
    /// The newer program, of the older file.
    newer_opens: String,
    /// The older program, of the newer file.
    older_opens: String,
}

struct Change {
    name: &'static str,
    compatible: bool,
    old: &'static str,
    new: &'static str,
    outcome: fn(&Path) -> Outcome,
}

fn write<T: Record>(path: &Path, value: &T) {
    let mut writer = TypedWriter::create(path, &ChannelOptions::new().records(1)).unwrap();
    writer.append(value).unwrap();
}

/// Opens the one's file with the other's type and compares what is read.
fn read<T: Record + Debug + PartialEq>(path: &Path, expected: &T) -> String {
    let mut reader = TypedReader::<T>::open(path).unwrap();
    let record = reader.try_next().unwrap().record().unwrap();
    assert_eq!(&record.value, expected);
    if reader.views().is_ok() { "reads it in place" } else { "reads it, raised" }.to_owned()
}

fn refused<T: Record>(path: &Path) -> String {
    match TypedReader::<T>::open(path) {
        Err(OpenError::Schema { difference, .. }) => difference.reason,
        other => panic!("{}: {:?}", T::SCHEMA.text(), other.err()),
    }
}

macro_rules! changes {
    ($($module:ident: $name:literal {
        old { $($old:item)* }
        new { $($new:item)* }
        $($read:tt)*
    })*) => {
        $(mod $module {
            pub(crate) mod old {
                #![allow(unreachable_pub, unused_imports, reason = "the compiler is to see the same")]
                use kekbit_channel::*;
                $($old)*
            }
            pub(crate) mod new {
                #![allow(unreachable_pub, unused_imports, reason = "the compiler is to see the same")]
                use kekbit_channel::*;
                $($new)*
            }

            pub(crate) fn outcome(folder: &std::path::Path) -> super::Outcome {
                changes!(@outcome folder, $($read)*)
            }
        })*

        fn changes() -> Vec<Change> {
            vec![$(Change {
                name: $name,
                compatible: changes!(@compatible $($read)*),
                old: stringify!($($old)*),
                new: stringify!($($new)*),
                outcome: $module::outcome,
            }),*]
        }
    };
    (@compatible refused) => { false };
    (@compatible undone $($read:tt)*) => { false };
    (@compatible $($read:tt)*) => { true };
    (@outcome $folder:ident, refused) => {{
        let (old, new) = ($folder.join("old"), $folder.join("new"));
        super::write(&old, &old::value());
        super::write(&new, &new::value());
        super::Outcome {
            newer_opens: super::refused::<new::Order>(&old),
            older_opens: super::refused::<old::Order>(&new),
        }
    }};
    // What looks like the step before the old version: a reader cannot tell, and need not.
    (@outcome $folder:ident, undone $($read:tt)*) => {
        changes!(@outcome $folder, $($read)*)
    };
    (@outcome $folder:ident, read $raised:expr; prefix $cut:expr;) => {{
        let (old, new) = ($folder.join("old"), $folder.join("new"));
        super::write(&old, &old::value());
        super::write(&new, &new::value());
        super::Outcome {
            newer_opens: super::read::<new::Order>(&old, &$raised),
            older_opens: super::read::<old::Order>(&new, &$cut),
        }
    }};
}

changes! {
    append_option: "append an `Option`" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64 }
            pub fn value() -> Order { Order { id: 1 } }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64, pub limit: Option<i64> }
            pub fn value() -> Order { Order { id: 2, limit: Some(3) } }
        }
        read new::Order { id: 1, limit: None };
        prefix old::Order { id: 2 };
    }
    append_default: "append a field with a default" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64 }
            pub fn value() -> Order { Order { id: 1 } }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64, #[record(default = 7)] pub venue: u16 }
            pub fn value() -> Order { Order { id: 2, venue: 3 } }
        }
        read new::Order { id: 1, venue: 7 };
        prefix old::Order { id: 2 };
    }
    rename_was: "rename a field, with `was`" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub px: i64 }
            pub fn value() -> Order { Order { px: 1 } }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { #[record(was = "px")] pub price: i64 }
            pub fn value() -> Order { Order { price: 2 } }
        }
        read new::Order { price: 1 };
        // A former name is something that the older schema lacks; the bytes are the same.
        prefix old::Order { px: 2 };
    }
    nested_last: "append to a nested record in last position" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64, pub leg: Leg }
            #[derive(Record, Debug, PartialEq)]
            pub struct Leg { pub qty: u32 }
            pub fn value() -> Order { Order { id: 1, leg: Leg { qty: 5 } } }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64, pub leg: Leg }
            #[derive(Record, Debug, PartialEq)]
            pub struct Leg { pub qty: u32, #[record(default = 10)] pub lot: u32 }
            pub fn value() -> Order { Order { id: 2, leg: Leg { qty: 6, lot: 1 } } }
        }
        read new::Order { id: 1, leg: new::Leg { qty: 5, lot: 10 } };
        prefix old::Order { id: 2, leg: old::Leg { qty: 6 } };
    }
    new_variant: "add a variant" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened { id: u64 }, Closed }
            pub fn value() -> Order { Order::Closed }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened { id: u64 }, Closed, Moved { by: [i32; 4] } }
            pub fn value() -> Order { Order::Opened { id: 2 } }
        }
        read new::Order::Closed;
        prefix old::Order::Opened { id: 2 };
    }
    grown_variant: "append to a variant" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened { id: u64 }, Closed }
            pub fn value() -> Order { Order::Opened { id: 1 } }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened { id: u64, by: Option<u16> }, Closed }
            pub fn value() -> Order { Order::Opened { id: 2, by: Some(4) } }
        }
        read new::Order::Opened { id: 1, by: None };
        prefix old::Order::Opened { id: 2 };
    }
    room: "add a variant to an enum with room (`size`), anywhere" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub kind: Kind, pub id: u64 }
            #[derive(Record, Debug, PartialEq)]
            #[record(size = 8)]
            pub enum Kind { Market, Limit { price: u32 } }
            pub fn value() -> Order { Order { kind: Kind::Limit { price: 9 }, id: 1 } }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub kind: Kind, pub id: u64 }
            #[derive(Record, Debug, PartialEq)]
            #[record(size = 8)]
            pub enum Kind { Market, Limit { price: u32 }, Stop { at: u32, slip: u16 } }
            pub fn value() -> Order { Order { kind: Kind::Market, id: 2 } }
        }
        read new::Order { kind: new::Kind::Limit { price: 9 }, id: 1 };
        prefix old::Order { kind: old::Kind::Market, id: 2 };
    }
    rename_variant: "rename a variant, with `was`" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened, Closed }
            pub fn value() -> Order { Order::Closed }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened, #[record(was = "Closed")] Shut }
            pub fn value() -> Order { Order::Opened }
        }
        read new::Order::Shut;
        prefix old::Order::Opened;
    }
    reorder: "reorder fields" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub price: i64 }
            pub fn value() -> Order { Order { id: 1, price: 2 } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub price: i64, pub id: u64 }
            pub fn value() -> Order { Order { id: 1, price: 2 } }
        }
        refused
    }
    rename: "rename a field" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub px: i64 }
            pub fn value() -> Order { Order { px: 1 } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub price: i64 }
            pub fn value() -> Order { Order { price: 1 } }
        }
        refused
    }
    retype: "change the type of a field" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub price: i64 }
            pub fn value() -> Order { Order { id: 1, price: 2 } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub price: f64 }
            pub fn value() -> Order { Order { id: 1, price: 2.0 } }
        }
        refused
    }
    remove: "remove a field" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub price: i64 }
            pub fn value() -> Order { Order { id: 1, price: 2 } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64 }
            pub fn value() -> Order { Order { id: 1 } }
        }
        refused
    }
    append_bare: "append a field without a default" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64 }
            pub fn value() -> Order { Order { id: 1 } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub venue: u16 }
            pub fn value() -> Order { Order { id: 1, venue: 2 } }
        }
        refused
    }
    insert: "insert a field" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub price: i64 }
            pub fn value() -> Order { Order { id: 1, price: 2 } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, #[record(default = 7)] pub venue: u16, pub price: i64 }
            pub fn value() -> Order { Order { id: 1, venue: 3, price: 2 } }
        }
        refused
    }
    nested_middle: "append to a nested record in the middle" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub leg: Leg, pub id: u64 }
            #[derive(Record, Debug)]
            pub struct Leg { pub qty: u32 }
            pub fn value() -> Order { Order { id: 1, leg: Leg { qty: 5 } } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub leg: Leg, pub id: u64 }
            #[derive(Record, Debug)]
            pub struct Leg { pub qty: u32, #[record(default = 10)] pub lot: u32 }
            pub fn value() -> Order { Order { id: 1, leg: Leg { qty: 5, lot: 1 } } }
        }
        refused
    }
    nested_change: "change a nested record" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub leg: Option<Leg> }
            #[derive(Record, Debug)]
            pub struct Leg { pub qty: u32 }
            pub fn value() -> Order { Order { id: 1, leg: None } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64, pub leg: Option<Leg> }
            #[derive(Record, Debug)]
            pub struct Leg { pub qty: u64 }
            pub fn value() -> Order { Order { id: 1, leg: None } }
        }
        refused
    }
    array: "make an array longer" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub legs: [u32; 2] }
            pub fn value() -> Order { Order { legs: [1; 2] } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub legs: [u32; 3] }
            pub fn value() -> Order { Order { legs: [1; 3] } }
        }
        refused
    }
    text: "make a text longer" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub note: FixedStr<4> }
            pub fn value() -> Order { Order { note: FixedStr::default() } }
        }
        new {
            #[derive(Record, Debug)]
            pub struct Order { pub note: FixedStr<8> }
            pub fn value() -> Order { Order { note: FixedStr::default() } }
        }
        refused
    }
    remove_variant: "remove a variant" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened(u64), Moved(i32), Closed }
            pub fn value() -> Order { Order::Opened(1) }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub enum Order { Opened(u64), #[record(tag = 3)] Closed }
            pub fn value() -> Order { Order::Closed }
        }
        undone
        read new::Order::Opened(1);
        prefix old::Order::Closed;
    }
    remove_option: "remove an `Option` at the end" {
        old {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64, pub limit: Option<i64> }
            pub fn value() -> Order { Order { id: 1, limit: Some(2) } }
        }
        new {
            #[derive(Record, Debug, PartialEq)]
            pub struct Order { pub id: u64 }
            pub fn value() -> Order { Order { id: 3 } }
        }
        undone
        read new::Order { id: 1 };
        prefix old::Order { id: 3, limit: None };
    }
    tag: "change a tag" {
        old {
            #[derive(Record, Debug)]
            pub enum Order { Opened(u64), Closed }
            pub fn value() -> Order { Order::Opened(1) }
        }
        new {
            #[derive(Record, Debug)]
            pub enum Order { Opened(u64), #[record(tag = 7)] Closed }
            pub fn value() -> Order { Order::Opened(1) }
        }
        refused
    }
    rename_bare_variant: "rename a variant" {
        old {
            #[derive(Record, Debug)]
            pub enum Order { Opened(u64), Closed }
            pub fn value() -> Order { Order::Opened(1) }
        }
        new {
            #[derive(Record, Debug)]
            pub enum Order { Opened(u64), Shut }
            pub fn value() -> Order { Order::Opened(1) }
        }
        refused
    }
    tag_size: "change the size of the tag" {
        old {
            #[derive(Record, Debug)]
            #[record(tag_size = 1)]
            pub enum Order { Opened(u64), Closed }
            pub fn value() -> Order { Order::Opened(1) }
        }
        new {
            #[derive(Record, Debug)]
            pub enum Order { Opened(u64), Closed }
            pub fn value() -> Order { Order::Opened(1) }
        }
        refused
    }
    kind: "make a struct an enum" {
        old {
            #[derive(Record, Debug)]
            pub struct Order { pub id: u64 }
            pub fn value() -> Order { Order { id: 1 } }
        }
        new {
            #[derive(Record, Debug)]
            pub enum Order { Opened { id: u64 } }
            pub fn value() -> Order { Order::Opened { id: 1 } }
        }
        refused
    }
}

/// The changes as a package that says `extends`, a line for each type of a change.
fn package(folder: &Path, changes: &[Change]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut source = String::from("#![allow(dead_code, unused_imports)]\n");
    for (index, change) in changes.iter().enumerate() {
        let line = |text: &str| text.replace('\n', " ");
        let extends = "#[record(extends = super::old::Order)] pub";
        let new = line(change.new)
            .replacen("pub struct Order", &format!("{extends} struct Order"), 1)
            .replacen("pub enum Order", &format!("{extends} enum Order"), 1);
        writeln!(source, "mod change_{index} {{").unwrap();
        writeln!(source, "pub mod old {{ use kekbit_codec::*; {} }}", line(change.old)).unwrap();
        writeln!(source, "pub mod new {{ use kekbit_codec::*; {new} }}").unwrap();
        writeln!(source, "}}").unwrap();
    }
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), source).unwrap();
    let codec = root.join("kekbit-codec");
    let manifest = format!(
        "[package]\nname = \"changes\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nkekbit-codec = {{ path = {codec:?} }}\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

/// What the compiler says of each change; nothing is what one wants to hear.
fn compile(changes: &[Change]) -> Vec<Option<String>> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("evolution");
    package(&folder, changes);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--quiet", "--offline", "--message-format=short"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let mut said = vec![None; changes.len()];
    let mut count = 0;
    for error in errors.lines().filter(|line| line.contains(": error[E0080]: ")) {
        let place = error.strip_prefix("src/lib.rs:").expect(error);
        let line: usize = place.split(':').next().unwrap().parse().unwrap();
        let (_, words) = error.split_once("evaluation panicked: ").expect(error);
        // Four lines a change, the new type in the third of them, behind the head of the file.
        assert_eq!((line - 2) % 4, 2, "{error}");
        let words = words.split(": evaluation of `").next().unwrap();
        assert!(said[(line - 2) / 4].replace(words.to_owned()).is_none(), "told twice: {error}");
        count += 1;
    }
    let total = errors.lines().filter(|line| line.contains(": error")).count();
    assert_eq!((count, total), (said.iter().flatten().count(), count), "{errors}");
    said
}

#[test]
fn every_change_is_judged_alike_by_the_compiler_and_by_open() {
    let changes = changes();
    let said = compile(&changes);
    let mut table = String::from(
        "| change | the compiler (`extends`, `lock`) | newer program, older file | older program, \
         newer file |\n|---|---|---|---|\n",
    );
    for (change, said) in changes.iter().zip(&said) {
        let folder = tempfile::tempdir().unwrap();
        let Outcome { newer_opens, older_opens } = (change.outcome)(folder.path());
        assert_eq!(said.is_none(), change.compatible, "{}: {said:?}", change.name);
        if let Some(words) = said {
            // The compiler names the two types as well; what is wrong and what to do is the same,
            // unless the older record is larger, which open takes for the later one.
            let (_, difference) = words.split_once(": ").expect(words);
            if newer_opens.starts_with("from the file's") {
                assert!(newer_opens.ends_with(difference), "{words}\n{newer_opens}");
            }
        }
        let said = said.as_deref().unwrap_or("accepts it");
        writeln!(table, "| {} | {said} | {newer_opens} | {older_opens} |", change.name).unwrap();
    }
    println!("{table}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/EVOLUTION.md");
    let Ok(text) = fs::read_to_string(&page) else {
        println!("there is no {}: a packaged crate", page.display());
        return;
    };
    let (start, end) = ("<!-- printed by a test -->\n", "<!-- end -->\n");
    let from = text.find(start).expect("the page has a place for the table") + start.len();
    let to = text.find(end).expect("the place has an end");
    if env::var_os("KEKBIT_BLESS").is_some() {
        fs::write(&page, format!("{}{table}{}", &text[..from], &text[to..])).unwrap();
    } else {
        assert_eq!(&text[from..to], table, "docs/EVOLUTION.md shows another table");
    }
}
