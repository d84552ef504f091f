//! Runs `dump`: on channels of types that it does not have.

mod support;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use kekbit_channel::{
    Alignment, ChannelOptions, DynamicReader, FixedStr, Record, TypedReader, TypedWriter, Writer,
};
use support::{example, stderr, stdout};
use tempfile::TempDir;

#[derive(Record)]
struct Order {
    id: u64,
    side: Side,
    #[record(unit = "cents", doc = "Limit price.")]
    limit: Option<i32>,
    text: FixedStr<6>,
    event: Event,
}

#[derive(Record)]
enum Side {
    Buy,
    Sell,
}

#[derive(Record)]
enum Event {
    Opened { by: u16 },
    Moved(i8, bool),
    Closed,
}

fn options() -> ChannelOptions {
    ChannelOptions::new().records(10)
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.kekbit");
    (folder, path)
}

fn orders() -> [Order; 3] {
    [
        Order {
            id: 1,
            side: Side::Buy,
            limit: Some(-5),
            text: "a,\"b\"".parse().unwrap(),
            event: Event::Opened { by: 7 },
        },
        Order {
            id: u64::MAX,
            side: Side::Sell,
            limit: None,
            text: "\u{fc}\n".parse().unwrap(),
            event: Event::Moved(-1, true),
        },
        Order {
            id: 3,
            side: Side::Buy,
            limit: Some(0),
            text: FixedStr::EMPTY,
            event: Event::Closed,
        },
    ]
}

const LINES: [&str; 3] = [
    r#"{"id":1,"side":"Buy","limit":-5,"text":"a,\"b\"","event":{"Opened":{"by":7}}}"#,
    r#"{"id":18446744073709551615,"side":"Sell","limit":null,"text":"*\n","event":{"Moved":[-1,true]}}"#,
    r#"{"id":3,"side":"Buy","limit":0,"text":"","event":"Closed"}"#,
];

/// The line of JSON of an order; its letter beyond ASCII is not written in this file.
fn line(index: usize) -> String {
    format!("{}\n", LINES[index].replace('*', "\u{fc}"))
}

fn write(path: &Path, options: &ChannelOptions) {
    let mut writer = TypedWriter::create(path, options).unwrap();
    for order in orders() {
        writer.append(&order).unwrap();
    }
}

fn dump(path: &Path, arguments: &[&str]) -> Output {
    example("dump").arg(path).args(arguments).output().unwrap()
}

fn printed(path: &Path, arguments: &[&str]) -> String {
    let output = dump(path, arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    stdout(&output).to_owned()
}

#[test]
fn records_are_lines_of_json() {
    let (_folder, path) = place();
    write(&path, &options().time_stamps().alignment(Alignment::CacheLine));
    let all = [line(0), line(1), line(2)];
    assert_eq!(printed(&path, &[]), all.concat());
    assert_eq!(printed(&path, &["--records", "2"]), all[..2].concat());
    assert_eq!(printed(&path, &["--records", "0"]), "");
    assert_eq!(printed(&path, &["--records", "9"]), all.concat());
}

#[test]
fn records_are_rows_of_csv() {
    let (_folder, path) = place();
    write(&path, &options());
    let expected = "id,side,limit,text,event,event.Opened.by,event.Moved.0,event.Moved.1\n\
                    1,Buy,-5,\"a,\"\"b\"\"\",Opened,7,,\n\
                    18446744073709551615,Sell,,\"*\n\",Moved,,-1,true\n\
                    3,Buy,0,,Closed,,,\n";
    assert_eq!(printed(&path, &["--csv"]), expected.replace('*', "\u{fc}"));
    assert_eq!(printed(&path, &["--csv", "--records", "1"]).lines().count(), 2);
}

#[test]
fn the_schema_comes_in_every_form() {
    let (_folder, path) = place();
    write(&path, &options());
    let reader = DynamicReader::open(&path).unwrap();
    let text = "struct Order 24\n id 0 8 u64\n side 8 1 enum Side 1\n  Buy 0 0\n  Sell 1 0\n \
                limit 9 5 option\n  # unit cents\n  # doc Limit price.\n  - 1 4 i32\n text 14 6 \
                str\n event 20 4 enum Event 2\n  Opened 1 2\n   by 0 2 u16\n  Moved 2 2\n   0 0 1 \
                i8\n   1 1 1 bool\n  Closed 3 0\n";
    assert_eq!(printed(&path, &["--schema", "text"]), text);
    let schema = reader.schema();
    let json = printed(&path, &["--schema", "json"]);
    assert_eq!(json, format!("{}\n", schema.to_json()));
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(tree["root"]["fields"][2]["unit"], "cents");
    let numpy = printed(&path, &["--schema", "numpy"]);
    assert!(numpy.starts_with("{'names': ['id', 'side', 'limit', 'text', 'event'], "), "{numpy}");
    assert!(numpy.ends_with("'itemsize': 24}\n"), "{numpy}");
    let header = printed(&path, &["--schema", "c"]);
    assert!(header.contains("KEKBIT_ASSERT(sizeof(struct Order) == 24"), "{header}");
    assert!(header.contains("/* unit: cents */"), "{header}");
    let unknown = dump(&path, &["--schema", "java"]);
    assert!(stderr(&unknown).contains("text, json, numpy, c"), "{}", stderr(&unknown));
    let both = dump(&path, &["--schema", "c", "--csv"]);
    assert!(stderr(&both).contains("cannot be used with"), "{}", stderr(&both));
}

#[test]
fn the_header_is_shown() {
    let (_folder, path) = place();
    write(&path, &options().writer_id(77).time_stamps());
    let shown = printed(&path, &["--header"]);
    for expected in ["writer_id: 77,", "time_stamps: true,", "max_payload: 24,"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
}

#[test]
fn a_follower_shows_each_record_at_once_and_ends_with_the_channel() {
    for (arguments, lines) in [
        (&["--follow"][..], [line(0), line(1), line(2)]),
        (
            &["--follow", "--csv"],
            ["1,Buy,-5,", "18446744073709551615,Sell,,", "3,Buy,0,"].map(str::to_owned),
        ),
    ] {
        let (_folder, path) = place();
        // It comes first, and waits for the channel.
        let mut follower = example("dump")
            .arg(&path)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut shown = BufReader::new(follower.stdout.take().unwrap());
        let mut next = || {
            let mut line = String::new();
            shown.read_line(&mut line).unwrap();
            line
        };
        let mut writer = TypedWriter::<Order>::create(&path, &options()).unwrap();
        if arguments.contains(&"--csv") {
            assert!(next().starts_with("id,side,limit,"));
        }
        for (order, expected) in orders().iter().zip(lines) {
            writer.append(order).unwrap();
            let mut found = next();
            // A cell with a line feed in it.
            if found.matches('"').count() % 2 == 1 {
                found.push_str(&next());
            }
            assert!(found.starts_with(&expected), "{found} is not {expected}");
        }
        writer.close().unwrap();
        assert_eq!(next(), "");
        let output = follower.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).ends_with("the channel has ended: closed\n"), "{output:?}");
    }
}

#[test]
fn a_follower_of_some_records_ends_with_the_last_of_them() {
    let (_folder, path) = place();
    let mut writer = TypedWriter::<Order>::create(&path, &options()).unwrap();
    for order in &orders()[..2] {
        writer.append(order).unwrap();
    }
    // The channel is still being written.
    assert_eq!(printed(&path, &["--follow", "--records", "2"]), [line(0), line(1)].concat());
    writer.close().unwrap();
}

/// Changes a byte of the payload of a record.
fn spoil(path: &Path, record: u64, offset: u64, byte: u8) {
    let header = TypedReader::<Order>::open(path).unwrap().header().clone();
    let place = header.data_offset + record * header.stride + 8 + offset;
    File::options().write(true).open(path).unwrap().write_all_at(&[byte], place).unwrap();
}

#[test]
fn a_record_that_is_no_value_is_told_and_passed() {
    let (_folder, path) = place();
    write(&path, &options().without_checksums());
    // The last byte of the second record, a bool: half a line would be out by then.
    spoil(&path, 1, 23, 2);
    let output = dump(&path, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), [line(0), line(2)].concat());
    assert_eq!(
        stderr(&output),
        "record 1: field `event.Moved.1` at byte 23: found 2, expected 0 or 1\n\
         error: 1 record is no value of its type\n"
    );
    spoil(&path, 0, 9, 7);
    let output = dump(&path, &["--csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
    let told = stderr(&output);
    assert!(told.starts_with("record 0: field `limit` at byte 9: found presence 7, "), "{told}");
    assert!(told.contains("\nrecord 1: field `event.Moved.1` at byte 23: found 2, "), "{told}");
    assert!(told.ends_with("\nerror: 2 records are no values of their type\n"), "{told}");
}

#[test]
fn a_damaged_frame_ends_it_behind_what_came_before() {
    let (_folder, path) = place();
    write(&path, &options());
    spoil(&path, 1, 0, 9);
    // Readers check what they read only in a copy.
    let copy = path.with_extension("copy");
    std::fs::copy(&path, &copy).unwrap();
    let output = dump(&copy, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), line(0));
    assert!(stderr(&output).contains("where record 1 belongs"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_read_is_said() {
    let (folder, path) = place();
    let check = |path: &Path, arguments: &[&str], expected: &str| {
        let output = dump(path, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    for arguments in [&[][..], &["--csv"], &["--schema", "c"], &["--header"]] {
        check(&path, arguments, "there is no channel");
    }
    let raw = folder.path().join("raw.kekbit");
    Writer::create(&raw, &ChannelOptions::new().bytes(100)).unwrap().append(b"hello").unwrap();
    for arguments in [&[][..], &["--csv"], &["--schema", "text"], &["--follow"]] {
        check(&raw, arguments, "raw");
    }
    assert!(printed(&raw, &["--header"]).contains("stride: 0,"));
    check(folder.path(), &[], "not a file");
}

#[test]
fn whoever_reads_it_may_have_enough() {
    let (_folder, path) = place();
    let mut writer =
        TypedWriter::<Order>::create(&path, &ChannelOptions::new().records(100_000)).unwrap();
    let [order, ..] = orders();
    while writer.append(&order).is_ok() {}
    drop(writer);
    for arguments in ["", "--csv", "--follow"] {
        let dump = example("dump");
        let output = Command::new("sh")
            .arg("-c")
            .arg(r#"{ "$0" "$1" $2; echo "status $?" >&2; } | head -n 1"#)
            .arg(dump.get_program())
            .arg(&path)
            .arg(arguments)
            .output()
            .unwrap();
        assert_eq!(stderr(&output), "status 0\n", "{arguments}");
        assert_eq!(stdout(&output).lines().count(), 1, "{arguments}");
    }
}
