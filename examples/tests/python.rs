//! Goal: `python/kekbit.py`, and C through the printed header, see in a channel what Rust sees.
//!
//! Method: Rust writes records of every type at the edges of it, in channels of every shape and
//! with every ending, and each side tells what it finds. They have no code in common.
//!
//! Python is `$KEKBIT_PYTHON`, or else `python3`. Without numpy these tests say that they are
//! skipped, unless `KEKBIT_REQUIRE_PYTHON=1`.

#[path = "support/every.rs"]
mod every;
mod support;

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
};

use every::{
    Arrays, Event, Gapped, Generic, Leg, Nested, Newtype, NoBytes, Options, Roomy, Samples,
    Scalars, Tuple, Weightless, WideTag,
};
use kekbit_channel::{
    Alignment, ChannelOptions, CloseReason, Datum, DynamicReader, Next, Scalar, TypedReader,
    TypedWriter, Value, Writer, recover,
};
use serde_json::{Value as Json, json};
use support::{stderr, stdout};
use tempfile::TempDir;

/// Says something that a test which passes does not swallow.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn folder_of_python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../python")
}

/// The interpreter, if it has numpy.
fn python() -> Option<PathBuf> {
    let program = env::var_os("KEKBIT_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let problem = match Command::new(&program).args(["-c", "import numpy"]).output() {
        Ok(output) if output.status.success() => return Some(program),
        Ok(output) => stderr(&output).lines().last().unwrap_or("it fails").to_owned(),
        Err(error) => error.to_string(),
    };
    let problem = format!("`{}` has no numpy: {problem}", program.display());
    assert!(env::var_os("KEKBIT_REQUIRE_PYTHON").is_none_or(|value| value != "1"), "{problem}");
    say(&format!("skipped what needs Python: {problem}"));
    None
}

/// The command line of `kekbit.py`.
fn kekbit(python: &Path, task: &str, path: &Path) -> Output {
    let script = folder_of_python().join("kekbit.py");
    Command::new(python).arg(script).arg(task).arg(path).output().unwrap()
}

/// A Python process that has channels open, and tells of them.
struct Facts {
    child: Child,
    mouth: Option<ChildStdin>,
    ears: BufReader<ChildStdout>,
}

impl Facts {
    fn start(python: &Path) -> Facts {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/facts.py");
        let mut child = Command::new(python)
            .args(["-W", "error"])
            .arg(script)
            .env("PYTHONPATH", folder_of_python())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mouth, ears) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Facts { child, mouth, ears }
    }

    fn ask(&mut self, path: &Path, numpy: &str, columns: &[&str]) -> Json {
        let question = json!({ "path": path, "numpy": numpy, "columns": columns });
        writeln!(self.mouth.as_mut().unwrap(), "{question}").unwrap();
        let mut answer = String::new();
        self.ears.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "Python has failed at {}", path.display());
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Facts {
    fn drop(&mut self) {
        drop(self.mouth.take());
        let _ = self.child.wait();
    }
}

fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A part of a line of JSON: a text, or a number or sign as it is spelt.
#[derive(Debug, PartialEq)]
enum Token {
    Text(String),
    Other(String),
}

fn tokens(mut line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some(first) = line.chars().next() {
        let rest = if first == '"' {
            let mut texts = serde_json::Deserializer::from_str(line).into_iter::<String>();
            tokens.push(Token::Text(texts.next().unwrap().unwrap()));
            texts.byte_offset()
        } else if "{}[],: \n".contains(first) {
            if !" \n".contains(first) {
                tokens.push(Token::Other(first.to_string()));
            }
            1
        } else {
            let end = line.find([',', '}', ']', ' ', '\n']).unwrap_or(line.len());
            tokens.push(Token::Other(line[..end].to_owned()));
            end
        };
        line = &line[rest..];
    }
    tokens
}

/// Whether each finite float of a value is one of 32 bits, in their order.
fn floats(value: &Value<'_>, found: &mut Vec<bool>) {
    match value {
        Value::Scalar(Scalar::F32(number)) if number.is_finite() => found.push(true),
        Value::Scalar(Scalar::F64(number)) if number.is_finite() => found.push(false),
        Value::Array(elements) => elements.iter().for_each(|element| floats(element, found)),
        Value::Option(Some(value)) => floats(value, found),
        Value::Struct { fields, .. } | Value::Variant { fields, .. } => {
            fields.iter().for_each(|(_, field)| floats(field, found));
        }
        _ => {}
    }
}

/// Compares two lines of JSON of one record. Numbers are not parsed as a library would, which makes
/// floats of long ones: integers are the same digits, and floats the same number of their type.
fn compare(record: &Datum<'_>, theirs: &str, what: &str) {
    let ours = serde_json::to_string(record).unwrap();
    let mut kinds = Vec::new();
    floats(&record.value().unwrap(), &mut kinds);
    let mut kinds = kinds.into_iter();
    let (ours, theirs) = (tokens(&ours), tokens(theirs));
    assert_eq!(ours.len(), theirs.len(), "{what}: {ours:?} {theirs:?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        match (ours, theirs) {
            (Token::Other(ours), Token::Other(theirs)) if is_float(ours) => {
                let same = if kinds.next().unwrap() {
                    let their_own = theirs.parse::<f64>().unwrap();
                    ours.parse::<f32>().unwrap().to_bits() == (their_own as f32).to_bits()
                        && f64::from(their_own as f32).to_bits() == their_own.to_bits()
                } else {
                    ours.parse::<f64>().unwrap().to_bits()
                        == theirs.parse::<f64>().unwrap().to_bits()
                };
                assert!(same, "{what}: {ours} and {theirs}");
            }
            _ => assert_eq!(ours, theirs, "{what}"),
        }
    }
    assert_eq!(kinds.next(), None, "{what}: a float that is spelt as an integer");
}

fn is_float(token: &str) -> bool {
    let number = token.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    number && token.contains(['.', 'e', 'E'])
}

/// All that Rust knows of a channel, against all that Python says.
fn agree(facts: &mut Facts, path: &Path, what: &str) {
    let mut reader = DynamicReader::open(path).unwrap();
    let said = facts.ask(path, &reader.schema().to_numpy(), &[]);
    assert_eq!(said["same_dtype"], true, "{what}: {}", reader.schema().to_numpy());
    assert_eq!(said["itemsize"], reader.schema().size(), "{what}");
    assert_eq!(said["count"], reader.record_count().unwrap(), "{what}");
    assert_eq!(said["base"], reader.next_sequence(), "{what}");
    let lines = said["values"].as_array().unwrap();
    let (mut stamps, mut payloads, mut count) = (Vec::new(), Vec::new(), 0);
    for record in reader.iter() {
        let record = record.unwrap();
        let line = lines.get(count).and_then(Json::as_str).expect("as many lines as records");
        compare(&record, line, &format!("{what}, record {count}"));
        stamps.extend(record.timestamp.iter().flat_map(|time| time.as_nanos().to_le_bytes()));
        payloads.extend(record.bytes());
        count += 1;
    }
    assert_eq!(count, lines.len(), "{what}");
    let stamps = if reader.header().time_stamps { json!(hex(stamps)) } else { Json::Null };
    assert_eq!(said["stamps"], stamps, "{what}");
    assert_eq!(said["rows"], hex(payloads), "{what}");
    let (state, reason) = match reader.try_next().unwrap() {
        Next::Pending | Next::TimedOut => ("open", None),
        Next::Abandoned => ("abandoned", None),
        Next::Closed(CloseReason::Panicked) => ("closed", Some("the writer panicked".to_owned())),
        Next::Closed(reason) => ("closed", Some(reason.to_string())),
        Next::Record(_) => panic!("{what}: there is more"),
    };
    assert_eq!(said["state"], state, "{what}");
    assert_eq!(said["reason"], json!(reason), "{what}");
}

fn shapes() -> Vec<(&'static str, ChannelOptions)> {
    let options = ChannelOptions::new;
    vec![
        ("packed", options()),
        ("packed, unchecked", options().without_checksums()),
        ("packed, stamped", options().time_stamps()),
        ("packed, unchecked, stamped", options().without_checksums().time_stamps()),
        ("aligned", options().alignment(Alignment::CacheLine)),
        ("aligned, unchecked", options().alignment(Alignment::CacheLine).without_checksums()),
        ("aligned, stamped", options().alignment(Alignment::CacheLine).time_stamps()),
        (
            "aligned, unchecked, stamped",
            options().alignment(Alignment::CacheLine).without_checksums().time_stamps(),
        ),
    ]
}

fn write<T: Samples>(path: &Path, options: ChannelOptions) -> TypedWriter<T> {
    let samples = T::samples();
    let mut writer = TypedWriter::create(path, &options.records(samples.len() as u64)).unwrap();
    for sample in &samples {
        writer.append(sample).unwrap();
    }
    writer
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.kekbit");
    (folder, path)
}

/// A channel of records, open, closed, and as a copy, in every shape; and by the command line.
fn every_shape<T: Samples>(python: &Path, facts: &mut Facts) {
    let name = std::any::type_name::<T>();
    let folder = tempfile::tempdir().unwrap();
    for (shape, options) in shapes() {
        let path = folder.path().join(format!("{shape}.kekbit"));
        let writer = write::<T>(&path, options.clone());
        agree(facts, &path, &format!("{name}, {shape}, open"));
        writer.close().unwrap();
        agree(facts, &path, &format!("{name}, {shape}, closed"));
        // A copy is scanned, not searched. Without checksums Python warns of it, here an error.
        if reads_without_a_warning(&path) {
            let copy = path.with_extension("copy");
            fs::copy(&path, &copy).unwrap();
            agree(facts, &copy, &format!("{name}, {shape}, copied"));
        }
    }
    let path = folder.path().join("packed.kekbit");
    let dumped = kekbit(python, "dump", &path);
    assert!(dumped.status.success(), "{}", stderr(&dumped));
    let mut reader = DynamicReader::open(&path).unwrap();
    let mut lines = stdout(&dumped).lines();
    for record in reader.iter() {
        compare(&record.unwrap(), lines.next().unwrap(), &format!("{name}, dump"));
    }
    assert_eq!(lines.next(), None);
    let dtype = kekbit(python, "dtype", &path);
    let same = Command::new(python)
        .args([
            "-c",
            "import numpy, sys; a, b = map(eval, sys.argv[1:]); \
                      sys.exit(numpy.dtype(a) != numpy.dtype(b))",
        ])
        .args([stdout(&dtype), &reader.schema().to_numpy()])
        .status();
    assert!(same.unwrap().success(), "{name}: {} {}", stdout(&dtype), reader.schema().to_numpy());
    compile_header(folder.path(), &reader.schema().to_c_header());
}

fn reads_without_a_warning(path: &Path) -> bool {
    DynamicReader::open(path).unwrap().header().checksums
}

fn compile_header(folder: &Path, header: &str) {
    fs::write(folder.join("record.h"), header).unwrap();
    fs::write(folder.join("unit.c"), "#include \"record.h\"\nint unit;\n").unwrap();
    let output = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "unit.c"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}\n{header}", stderr(&output));
}

/// A test for each type, so that a failure names it.
macro_rules! every_type {
    ($($name:ident: $type:ty,)*) => {$(
        #[test]
        fn $name() {
            let Some(python) = python() else { return };
            every_shape::<$type>(&python, &mut Facts::start(&python));
        }
    )*};
}

every_type! {
    scalars: Scalars,
    options: Options,
    arrays: Arrays,
    nested: Nested,
    an_enum_with_fields: Event,
    an_enum_with_gaps_in_its_tags: Gapped,
    an_enum_with_a_wide_tag: WideTag,
    an_enum_with_room: Roomy,
    an_enum_whose_fields_have_no_bytes: Weightless,
    a_record_without_bytes: NoBytes,
    a_newtype: Newtype,
    a_tuple: Tuple,
    a_generic_record: Generic<Leg, 2>,
}

#[test]
fn columns_in_place_are_the_values() {
    let Some(python) = python() else { return };
    let (_folder, path) = place();
    let _writer = write::<Scalars>(&path, ChannelOptions::new().time_stamps());
    type Column = (&'static str, fn(&Scalars) -> Vec<u8>);
    let columns: [Column; 14] = [
        ("byte", |s| s.byte.to_le_bytes().into()),
        ("int", |s| s.int.to_le_bytes().into()),
        ("signed_long", |s| s.signed_long.to_le_bytes().into()),
        ("wide.high", |s| ((s.wide >> 64) as u64).to_le_bytes().into()),
        ("signed_wide.low", |s| (s.signed_wide as u64).to_le_bytes().into()),
        ("single", |s| s.single.to_le_bytes().into()),
        ("double", |s| s.double.to_le_bytes().into()),
        ("flag", |s| vec![u8::from(s.flag)]),
        ("letter", |s| u32::from(s.letter).to_le_bytes().into()),
        ("text", |s| {
            let mut text = s.text.as_str().as_bytes().to_vec();
            text.resize(9, 0);
            text
        }),
        ("at", |s| s.at.as_nanos().to_le_bytes().into()),
        ("took.nanos", |s| s.took.subsec_nanos().to_le_bytes().into()),
        ("v4", |s| s.v4.octets().into()),
        ("count.g", |s| s.count.g.get().to_le_bytes().into()),
    ];
    let numpy = DynamicReader::open(&path).unwrap().schema().to_numpy();
    let said = Facts::start(&python).ask(&path, &numpy, &columns.map(|(name, _)| name));
    let mut reader = TypedReader::<Scalars>::open(&path).unwrap();
    let records: Vec<Scalars> = reader.iter().map(|record| record.unwrap().value).collect();
    assert_eq!(records.len(), Scalars::samples().len());
    for (name, bytes) in columns {
        let column = &said["columns"][name];
        assert_eq!(column["hex"], hex(records.iter().flat_map(bytes)), "{name}");
        assert_eq!(column["in_place"], true, "{name}");
    }
}

const DEAD: &str = "KEKBIT_TEST_DEAD";

/// The writer that is to be killed: this binary, started again.
#[test]
fn child() {
    let Some(path) = env::var_os(DEAD) else { return };
    let _writer = write::<Nested>(Path::new(&path), ChannelOptions::new().time_stamps());
    println!("written");
    io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn every_ending_is_told() {
    let Some(python) = python() else { return };
    let mut facts = Facts::start(&python);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let info = |path: &Path| stdout(&kekbit(&python, "info", path)).to_owned();
    let count = Nested::samples().len();

    let full = path("full");
    let mut writer = write::<Newtype>(&full, ChannelOptions::new());
    writer.append(&Newtype(7)).unwrap_err();
    agree(&mut facts, &full, "not full yet");
    assert!(info(&full).starts_with("state: open\nrecords: 2\n"), "{}", info(&full));
    writer.close().unwrap();
    agree(&mut facts, &full, "full");
    assert!(info(&full).starts_with("state: closed (full)\nrecords: 2\n"), "{}", info(&full));

    let panicked = path("panicked");
    let writer = write::<Newtype>(&panicked, ChannelOptions::new());
    let panic = AssertUnwindSafe(move || {
        let _writer = writer;
        // As a panic does, but without a message.
        panic::resume_unwind(Box::new(()));
    });
    panic::catch_unwind(panic).unwrap_err();
    agree(&mut facts, &panicked, "panicked");
    assert!(info(&panicked).starts_with("state: closed (the writer panicked)\n"));

    let dead = path("dead");
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(DEAD, &dead)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("written")), "the child has failed");
    agree(&mut facts, &dead, "written by another process");
    assert!(info(&dead).starts_with(&format!("state: open\nrecords: {count}\n")));
    child.kill().unwrap();
    child.wait().unwrap();
    agree(&mut facts, &dead, "abandoned");
    assert!(info(&dead).starts_with(&format!("state: abandoned\nrecords: {count}\n")));
    recover(&dead).unwrap();
    agree(&mut facts, &dead, "recovered");
    let expected = format!("state: closed (recovered)\nrecords: {count}\n");
    assert!(info(&dead).starts_with(&expected), "{}", info(&dead));
}

#[test]
fn a_growing_channel_is_seen_to_grow() {
    let Some(python) = python() else { return };
    let mut facts = Facts::start(&python);
    for (shape, options) in shapes() {
        let (_folder, path) = place();
        let mut writer = TypedWriter::create(&path, &options.records(1_000)).unwrap();
        agree(&mut facts, &path, "none yet");
        for round in 0..20 {
            for event in Event::samples() {
                writer.append(&event).unwrap();
            }
            agree(&mut facts, &path, &format!("{shape}, round {round}"));
        }
        writer.close().unwrap();
        agree(&mut facts, &path, &format!("{shape}, closed"));
    }
}

/// Runs each command on what is refused: an error in a line or two, and no traceback.
fn refused(python: &Path, path: &Path, expected: &str) {
    for task in ["dump", "info", "dtype"] {
        let output = kekbit(python, task, path);
        assert_eq!(output.status.code(), Some(1), "{task} {expected}");
        assert_eq!(stdout(&output), "");
        let said = stderr(&output);
        assert!(said.starts_with("kekbit: ") && !said.contains("Traceback"), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.contains(path.file_name().unwrap().to_str().unwrap()), "{said}");
    }
    assert!(DynamicReader::open(path).is_err(), "Rust reads what Python refuses: {expected}");
}

#[test]
fn what_is_no_typed_channel_is_refused() {
    let Some(python) = python() else { return };
    let (folder, path) = place();
    write::<Event>(&path, ChannelOptions::new()).close().unwrap();
    let bytes = fs::read(&path).unwrap();
    let altered = |name: &str, alter: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        alter(&mut bytes);
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let raw = folder.path().join("raw");
    Writer::create(&raw, &ChannelOptions::new().bytes(100)).unwrap().append(b"hello").unwrap();
    refused(&python, &raw, "holds raw bytes and has no schema");
    refused(&python, &folder.path().join("missing"), "there is no channel");
    refused(&python, folder.path(), "is a directory, not a file");
    let short = altered("short", &|bytes| bytes.truncate(5000));
    refused(&python, &short, "is cut short: it has 5000 bytes and should have ");
    refused(&python, &altered("head", &|bytes| bytes.truncate(100)), "is cut short");
    refused(&python, &altered("empty", &|bytes| bytes.clear()), "is empty");
    let damaged = altered("damaged", &|bytes| bytes[120] ^= 1);
    refused(&python, &damaged, "is damaged: its checksum is ");
    let schema = altered("schema", &|bytes| bytes[170] ^= 1);
    refused(&python, &schema, "is damaged: its checksum is ");
    refused(&python, &altered("later", &|bytes| bytes[8] = 2), "has format version 2");
    let text = altered("text", &|bytes| bytes[6..8].copy_from_slice(b"\n\n"));
    refused(&python, &text, "transfer in text mode");
    refused(&python, &altered("other", &|bytes| bytes[0] = b'P'), "is not a kekbit channel");
}

#[test]
fn what_is_no_value_is_told_alike() {
    let Some(python) = python() else { return };
    let (_folder, path) = place();
    write::<Scalars>(&path, ChannelOptions::new().without_checksums()).close().unwrap();
    let header = TypedReader::<Scalars>::open(&path).unwrap().header().clone();
    let file = File::options().write(true).open(&path).unwrap();
    let mut reader = DynamicReader::open(&path).unwrap();
    let root = reader.schema().root().clone();
    let kekbit_channel::Kind::Struct { fields, .. } = root.kind() else { panic!("a struct") };
    let mut tried = 0;
    for (name, byte, within) in
        [("flag", 2, 0), ("letter", 0xFF, 3), ("text", 0xFF, 0), ("took", 0xFF, 11)]
    {
        let offset = fields.iter().find(|field| field.name() == name).unwrap().offset();
        let place = header.data_offset + header.stride + 8 + (offset + within) as u64;
        let mut old = [0];
        File::open(&path).unwrap().read_exact_at(&mut old, place).unwrap();
        file.write_all_at(&[byte], place).unwrap();
        let output = kekbit(&python, "dump", &path);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert_eq!(stdout(&output).lines().count(), 1, "the record before it is shown");
        reader.seek(1).unwrap();
        let record = reader.try_next().unwrap().record().unwrap();
        let expected = format!("field `{name}` at byte {offset}: found ");
        assert!(record.value().unwrap_err().to_string().starts_with(&expected));
        let said = stderr(&output);
        assert!(said.starts_with("kekbit: record 1 of `"), "{said}");
        assert!(said.contains(&expected) && !said.contains("Traceback"), "{said}");
        file.write_all_at(&old, place).unwrap();
        tried += 1;
    }
    assert_eq!(tried, 4);
}

#[test]
fn a_damaged_record_ends_both() {
    let Some(python) = python() else { return };
    let (_folder, path) = place();
    write::<Newtype>(&path, ChannelOptions::new()).close().unwrap();
    let header = TypedReader::<Newtype>::open(&path).unwrap().header().clone();
    let mut bytes = fs::read(&path).unwrap();
    let place = usize::try_from(header.data_offset + header.stride + 8).unwrap();
    bytes[place] ^= 1;
    let copy = path.with_extension("copy");
    fs::write(&copy, bytes).unwrap();
    let output = kekbit(&python, "dump", &copy);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), "0\n"));
    let expected =
        format!("ends after 1 records: record 1 at byte {}", header.data_offset + header.stride);
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    let info = kekbit(&python, "info", &copy);
    assert!(stdout(&info).starts_with("state: damaged (record 1 at byte "), "{}", stdout(&info));
    let mut reader = DynamicReader::open(&copy).unwrap();
    let found: Vec<bool> = reader.iter().map(|record| record.is_ok()).collect();
    assert_eq!(found, [true, false]);
}

#[test]
fn the_tests_of_the_python_reader_pass() {
    let Some(python) = python() else { return };
    let output = Command::new(python).arg(folder_of_python().join("test_kekbit.py")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("\nOK"), "{}", stderr(&output));
}

/// What the program in C below prints, as Rust has it.
fn printed(leg: &Leg) -> String {
    let price = leg.price.map_or("none".to_owned(), |price| price.to_string());
    let kind = match leg.kind {
        Gapped::Early => "early",
        Gapped::Middle => "middle",
        Gapped::Late => "late",
    };
    format!("{} {price} {kind}", leg.quantity)
}

#[test]
fn a_program_in_c_reads_a_channel_through_the_header() {
    let folder = tempfile::tempdir().unwrap();
    for (shape, options) in shapes() {
        let path = folder.path().join(format!("{shape}.kekbit"));
        let _writer = write::<Generic<Leg, 2>>(&path, options);
        let mut reader = TypedReader::<Generic<Leg, 2>>::open(&path).unwrap();
        let schema = DynamicReader::open(&path).unwrap();
        fs::write(folder.path().join("record.h"), schema.schema().to_c_header()).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/read.c");
        let program = folder.path().join("read");
        let compiled = Command::new("cc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(folder.path())
            .arg(source)
            .arg("-o")
            .arg(&program)
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", stderr(&compiled));
        let output = Command::new(&program).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let mut expected = String::new();
        for record in reader.iter() {
            let record = record.unwrap().value;
            let last = record.last.as_ref().map_or("none".to_owned(), printed);
            let [first, second] = &record.items;
            writeln!(expected, "{}, {}, {last}", printed(first), printed(second)).unwrap();
        }
        assert_eq!(stdout(&output), expected, "{shape}");
        assert_eq!(expected.lines().count(), 4);
    }
}
