//! Schemas for those who do not have Rust: a C header that compilers take, JSON that parses, a
//! dtype for numpy.

mod records;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use kekbit_codec::{Kind, Node, ParsedSchema, Record, Variant};
use records::*;
use serde_json::{Value, json};

fn schema<T: Record>() -> ParsedSchema {
    ParsedSchema::parse(&T::SCHEMA.text()).unwrap()
}

fn parse(text: &str) -> ParsedSchema {
    ParsedSchema::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Names and texts made to break out of wherever they are put.
const NASTY: &str = "\
struct int 158
 a 0 1 u8
  # unit */ int x; /* \"\\
  # doc /* unended \u{202e} ??/
 int 1 1 u8
 int_ 2 1 u8
 a-b 3 1 u8
 a.b 4 1 u8
 a_b_2 5 1 u8
 \u{e9}\u{1f980} 6 1 u8
 9lives 7 1 u8
 __LINE__ 8 1 u8
 _Bool 9 1 u8
 INT8_MAX 10 1 u8
 uint8_t 11 1 u8
 class 12 1 u8
 linux 13 1 u8
 '\\\" 14 1 u8
 leg 15 2 struct Leg
  qty 0 2 u16
 other 17 1 struct Leg
  qty 0 1 u8
 side 18 1 enum Side 1
  Buy 1 0
  Sell 2 0
 side2 19 1 enum Side 1
  Buy 1 0
  Sell 2 0
 side3 20 1 enum Side 1
  Buy 7 0
  Sell 8 0
 roomy 21 9 enum Roomy 2
  bytes 1 2
   tag 0 2 i16
 grid 30 12 array 2
  - 0 6 array 3
   - 0 2 option
    - 1 1 bool
 none 42 0 struct None
 nones 42 0 array 9
  - 0 0 struct None
 maybe 42 1 option
  - 1 0 unit
 wide 43 32 array 2
  - 0 16 nonzero u128
 narrow 75 16 nonzero i128
 took 91 24 array 2
  - 0 12 duration
 at 115 8 timestamp
 v4 123 4 ipv4
 v6 127 16 ipv6
 name 143 6 array 2
  - 0 3 str
 key 149 5 opaque percent
 letter 154 4 char
";

fn schemas() -> Vec<ParsedSchema> {
    vec![
        schema::<Numbers>(),
        schema::<Judged>(),
        schema::<Side>(),
        schema::<Leg>(),
        schema::<Order>(),
        schema::<Nothing>(),
        schema::<Event>(),
        schema::<Small>(),
        schema::<Wrapped>(),
        parse(NASTY),
    ]
}

fn compile(compiler: &str, arguments: &[&str]) {
    if Command::new(compiler).arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no {compiler}");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(compiler);
    fs::create_dir_all(&folder).unwrap();
    for (index, schema) in schemas().iter().enumerate() {
        let path = folder.join(format!("{index}.h"));
        let header = schema.to_c_header();
        fs::write(&path, &header).unwrap();
        let source = folder.join(format!("{index}.c"));
        // Twice, so that the guard has to hold.
        let include = format!("#include \"{index}.h\"\n");
        fs::write(&source, format!("{include}{include}")).unwrap();
        let output = Command::new(compiler).args(arguments).arg(&source).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{header}");
    }
}

#[test]
fn headers_are_c() {
    compile("cc", &["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
}

#[test]
fn headers_are_cpp() {
    compile("c++", &["-std=c++11", "-x", "c++", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]);
}

#[test]
fn a_header_has_what_the_format_says() {
    let text = "\
struct Order 28
 id 0 8 u64
  # unit 1
  # doc Which one.
 side 8 1 enum Side 1
  Buy 0 0
  Sell 1 0
 limit 9 9 option
  - 1 8 i64
 event 18 10 enum Event 2
  Opened 1 8
   0 0 8 u64
  Closed 2 0
";
    let expected = "\
/* Order: 28 bytes, fingerprint FINGERPRINT. Made from a schema: change that. */
#ifndef KEKBIT_ORDER_GUARD_H
#define KEKBIT_ORDER_GUARD_H

#include <stddef.h>
#include <stdint.h>

#ifndef KEKBIT_ASSERT
#ifdef __cplusplus
#define KEKBIT_ASSERT(holds, what) static_assert(holds, what)
#else
#define KEKBIT_ASSERT(holds, what) _Static_assert(holds, what)
#endif
#endif
KEKBIT_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, \"records are little-endian\");

enum {
    Order_Side_Buy = 0,
    Order_Side_Sell = 1,
};

enum {
    Order_Event_Opened = 1,
    Order_Event_Closed = 2,
};

struct __attribute__((packed)) Order {
    /* unit: 1 */
    /* Which one. */
    uint64_t id;
    uint8_t side;
    struct __attribute__((packed)) {
        uint8_t present;
        int64_t value;
    } limit;
    struct __attribute__((packed)) {
        uint16_t tag;
        union __attribute__((packed)) {
            struct __attribute__((packed)) {
                uint64_t _0;
            } Opened;
        } body;
    } event;
};

KEKBIT_ASSERT(sizeof(struct Order) == 28, \"size\");
KEKBIT_ASSERT(offsetof(struct Order, id) == 0, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, side) == 8, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, limit) == 9, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, limit.present) == 9, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, limit.value) == 10, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, event) == 18, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, event.tag) == 18, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, event.body) == 20, \"offset\");
KEKBIT_ASSERT(offsetof(struct Order, event.body.Opened._0) == 20, \"offset\");

#endif /* KEKBIT_ORDER_GUARD_H */
";
    let schema = parse(text);
    let fingerprint = format!("{:016x}", schema.fingerprint());
    let expected = expected
        .replace("FINGERPRINT", &fingerprint)
        .replace("GUARD", &fingerprint.to_ascii_uppercase());
    assert_eq!(schema.to_c_header(), expected);
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> Option<Value> {
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| json!(names))
}

/// What the JSON of a node should be, made in another way.
fn node(node: &Node) -> Value {
    let mut json = json!({ "name": node.name(), "offset": node.offset(), "size": node.size() });
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            json[key] = value;
        }
    };
    let word = |kind: &Kind| format!("{kind:?}").split(['(', ' ']).next().unwrap().to_lowercase();
    put("type", Some(json!(word(node.kind()))));
    match node.kind() {
        Kind::NonZero(integer) => put("integer", Some(json!(word(integer)))),
        Kind::Opaque(name) => put("meaning", Some(json!(name))),
        Kind::Array { count, element } => {
            put("count", Some(json!(count)));
            put("element", Some(self::node(element)));
        }
        Kind::Option(value) => put("value", Some(self::node(value))),
        Kind::Struct { name, fields } => {
            put("record", Some(json!(name)));
            put("fields", Some(fields.iter().map(self::node).collect()));
        }
        Kind::Enum { name, tag_size, variants } => {
            put("record", Some(json!(name)));
            put("tag_size", Some(json!(tag_size)));
            put("variants", Some(variants.iter().map(variant).collect()));
        }
        _ => {}
    }
    put("was", names(node.was()));
    put("record_was", names(node.record_was()));
    put("default", node.has_default().then_some(json!(true)));
    put("unit", node.unit().map(|unit| json!(unit)));
    put("doc", node.doc().map(|doc| json!(doc)));
    json
}

fn variant(variant: &Variant) -> Value {
    let mut json = json!({
        "name": variant.name(),
        "tag": variant.tag(),
        "size": variant.size(),
        "fields": variant.fields().iter().map(node).collect::<Vec<_>>(),
    });
    if let Some(was) = names(variant.was()) {
        json["was"] = was;
    }
    if let Some(doc) = variant.doc() {
        json["doc"] = json!(doc);
    }
    json
}

#[test]
fn json_is_the_tree() {
    for schema in schemas() {
        let fingerprint = format!("{:016x}", schema.fingerprint());
        let expected = json!({ "fingerprint": fingerprint, "root": node(schema.root()) });
        let text = schema.to_json();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected, "{text}");
    }
}

#[test]
fn json_has_annotations() {
    let text = "\
struct A 2
 # record-was \"Z\\
 # color \u{1f7e2}
 b 0 2 enum B 2
  # was c d
  # record-was E
  # default
  # unit \"\\
  # doc D.
  #x
  F 0 0
   # was G
   # doc H.
   # y
";
    let json: Value = serde_json::from_str(&parse(text).to_json()).unwrap();
    let root = &json["root"];
    assert_eq!(root["record_was"], json!(["\"Z\\"]));
    assert_eq!(root["annotations"], json!(["# color \u{1f7e2}"]));
    let b = &root["fields"][0];
    assert_eq!((&b["was"], &b["record_was"]), (&json!(["c", "d"]), &json!(["E"])));
    assert_eq!(
        (&b["default"], &b["unit"], &b["doc"]),
        (&json!(true), &json!("\"\\"), &json!("D."))
    );
    assert_eq!(b["annotations"], json!(["#x"]));
    let f = &b["variants"][0];
    assert_eq!((&f["was"], &f["doc"]), (&json!(["G"]), &json!("H.")));
    assert_eq!(f["annotations"], json!(["# y"]));
}

#[test]
fn dtypes_are_as_the_format_says() {
    let check = |fields: &str, size: usize, expected: &str| {
        let text = format!("struct A {size}\n{fields}");
        assert_eq!(parse(&text).to_numpy(), expected);
    };
    let of_one = |field: &str, size: usize, expected: &str| {
        check(
            field,
            size,
            &format!(
                "{{'names': ['b'], 'formats': [{expected}], 'offsets': [0], 'itemsize': {size}}}"
            ),
        );
    };
    check("", 0, "{'names': [], 'formats': [], 'offsets': [], 'itemsize': 0}");
    of_one(" b 0 16 u128\n", 16, "[('low', '<u8'), ('high', '<u8')]");
    of_one(" b 0 16 i128\n", 16, "[('low', '<u8'), ('high', '<i8')]");
    of_one(" b 0 4 char\n", 4, "'<u4'");
    of_one(" b 0 2 nonzero i16\n", 2, "'<i2'");
    of_one(" b 0 7 str\n", 7, "'S7'");
    of_one(" b 0 7 bytes\n", 7, "'V7'");
    of_one(" b 0 7 opaque percent\n", 7, "'V7'");
    of_one(" b 0 8 timestamp\n", 8, "'<M8[ns]'");
    of_one(" b 0 12 duration\n", 12, "[('secs', '<u8'), ('nanos', '<u4')]");
    of_one(" b 0 4 ipv4\n", 4, "('u1', (4,))");
    of_one(" b 0 16 ipv6\n c 16 0 unit\n", 16, "('u1', (16,))");
    of_one(" b 0 3 array 3\n  - 0 1 bool\n", 3, "('?', (3,))");
    of_one(" b 0 6 array 2\n  - 0 3 array 3\n   - 0 1 u8\n", 6, "('<u1', (2, 3))");
    of_one(" b 0 32 array 2\n  - 0 16 array 4\n   - 0 4 ipv4\n", 32, "('u1', (2, 4, 4))");
    of_one(" b 0 9 option\n  - 1 8 f64\n", 9, "[('present', '?'), ('value', '<f8')]");
    of_one(" b 0 1 option\n  - 1 0 unit\n", 1, "[('present', '?')]");
    of_one(" b 0 2 enum C 2\n  D 0 0\n", 2, "'<u2'");
    of_one(" b 0 2 enum C 2\n  D 0 0\n   e 0 0 unit\n", 2, "[('tag', '<u2')]");
    of_one(" b 0 5 enum C 1\n  D 0 0\n", 5, "[('tag', '<u1'), ('body', 'V4')]");
    of_one(
        " b 0 2 struct C\n  0 0 1 u8\n  1 1 1 i8\n",
        2,
        "{'names': ['0', '1'], 'formats': ['<u1', '<i1'], 'offsets': [0, 1], 'itemsize': 2}",
    );
    check(
        " \u{e9}'\\\u{1f980} 0 1 u8\n",
        1,
        "{'names': ['\\U000000e9\\'\\\\\\U0001f980'], 'formats': ['<u1'], 'offsets': [0], \
         'itemsize': 1}",
    );
    assert_eq!(
        schema::<Small>().to_numpy(),
        "{'names': ['tag', 'body'], 'formats': ['<u1', 'V15'], 'offsets': [0, 1], 'itemsize': 16}"
    );
    assert_eq!(
        schema::<Side>().to_numpy(),
        "{'names': ['tag'], 'formats': ['<u1'], 'offsets': [0], 'itemsize': 1}"
    );
}

#[test]
fn thousands_of_names_that_turn_into_one_take_no_time() {
    use std::fmt::Write as _;

    let mut text = String::from("struct A 30000\n");
    for index in 0..30_000 {
        let letter = char::from_u32(0x4E00 + index % 20_000).unwrap();
        let twice = if index < 20_000 { "" } else { "\u{e9}" };
        writeln!(text, " {letter}{twice} {index} 1 u8").unwrap();
    }
    let header = parse(&text).to_c_header();
    assert!(header.contains(" __19999;\n"), "names are numbered");
}
