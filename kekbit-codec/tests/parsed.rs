//! Schema texts read at run time: what is canonical comes back, anything else is refused with its
//! line, and no text takes long.

mod records;

use std::{fs, path::Path};

use kekbit_codec::{Kind, Node, ParsedSchema, Record};
use records::*;

fn text_of<T: Record>() -> String {
    T::SCHEMA.text()
}

/// The texts of all records, and those of golden files, which older code has written.
fn texts() -> Vec<String> {
    let mut texts = vec![
        text_of::<Numbers>(),
        text_of::<Judged>(),
        text_of::<Side>(),
        text_of::<Order>(),
        text_of::<Nothing>(),
        text_of::<Event>(),
        text_of::<Small>(),
        text_of::<Wrapped>(),
        ANNOTATED.to_owned(),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for entry in fs::read_dir(folder).unwrap() {
        let golden = fs::read_to_string(entry.unwrap().path()).unwrap();
        texts.push(golden.split_once("\n\n").unwrap().0.to_owned() + "\n");
    }
    texts
}

const ANNOTATED: &str = "\
struct Order 31
 # record-was Ticket OrderV1
 # color green
 id 0 8 u64
 price 8 8 i64
  # was px cost
  # unit 1e-9 USD
  # doc Limit price.
 side 16 1 enum Side 1
  # was way
  # record-was Direction
  # default
  # doc Which way.
  # later one
  #later two
  Buy 0 0
   # was Bid
   # doc Bought.
  Sell 1 0
 legs 17 4 array 2
  - 0 2 struct Leg
   # record-was Foot
   a 0 2 i16
    # default
 event 21 10 enum Event 2
  Opened 1 8
   # was Started
   account 0 8 u64
    # unit 1
  Closed 2 0
";

#[test]
fn canonical_text_comes_back() {
    for text in texts() {
        let schema = ParsedSchema::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(schema.text(), text);
        assert_eq!(ParsedSchema::parse(&schema.text()).as_ref(), Ok(&schema));
    }
}

#[test]
fn the_parsed_schema_of_a_type_is_that_of_the_type() {
    fn check<T: Record>() {
        let schema = ParsedSchema::parse(&T::SCHEMA.text()).unwrap();
        assert_eq!(schema.fingerprint(), T::SCHEMA.fingerprint());
        assert_eq!((schema.name(), schema.size()), (T::SCHEMA.name(), T::SCHEMA.size()));
        assert_eq!((schema.root().name(), schema.root().offset()), (T::SCHEMA.name(), 0));
    }
    check::<Numbers>();
    check::<Judged>();
    check::<Side>();
    check::<Order>();
    check::<Nothing>();
    check::<Event>();
    check::<Small>();
    check::<Wrapped>();
}

fn fields(node: &Node) -> &[Node] {
    let Kind::Struct { fields, .. } = node.kind() else { panic!("{node:?}") };
    fields
}

#[test]
fn annotations_are_told() {
    let schema = ParsedSchema::parse(ANNOTATED).unwrap();
    assert_eq!(schema.root().record_was().collect::<Vec<_>>(), ["Ticket", "OrderV1"]);
    let [id, price, side, legs, event] = fields(schema.root()) else { panic!("fields") };
    assert_eq!((id.was().count(), id.unit(), id.doc(), id.has_default()), (0, None, None, false));
    assert_eq!(price.was().collect::<Vec<_>>(), ["px", "cost"]);
    assert_eq!((price.unit(), price.doc()), (Some("1e-9 USD"), Some("Limit price.")));
    assert!(side.has_default());
    assert_eq!(side.record_was().collect::<Vec<_>>(), ["Direction"]);
    let Kind::Enum { name, tag_size: 1, variants } = side.kind() else { panic!("{side:?}") };
    assert_eq!((&**name, variants[0].name(), variants[0].doc()), ("Side", "Buy", Some("Bought.")));
    assert_eq!(variants[0].was().collect::<Vec<_>>(), ["Bid"]);
    let Kind::Array { count: 2, element } = legs.kind() else { panic!("{legs:?}") };
    assert_eq!(element.record_was().collect::<Vec<_>>(), ["Foot"]);
    let Kind::Enum { variants, .. } = event.kind() else { panic!("{event:?}") };
    let opened = &variants[0];
    assert_eq!((opened.tag(), opened.size(), opened.fields()[0].unit()), (1, 8, Some("1")));
}

#[test]
fn annotations_are_not_in_the_fingerprint() {
    let bare: String = ANNOTATED
        .split_inclusive('\n')
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let bare = ParsedSchema::parse(&bare).unwrap();
    let annotated = ParsedSchema::parse(ANNOTATED).unwrap();
    assert_eq!(bare.fingerprint(), annotated.fingerprint());
    assert_ne!(bare, annotated);
}

/// Parsing ends well: in a schema that gives the text back, or in an error with its line.
fn poke(text: &str) {
    match ParsedSchema::parse(text) {
        Ok(schema) => assert_eq!(schema.text(), text),
        Err(error) => {
            assert!((1..=text.split('\n').count() + 1).contains(&error.line()), "{error}\n{text}");
            assert!(!error.found().is_empty() && !error.expected().is_empty());
            let told = error.to_string();
            assert!(!told.contains(char::is_control) && told.len() < 600, "{told}");
        }
    }
}

#[test]
fn damaged_texts_are_judged() {
    for text in texts() {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for at in 0..lines.len() {
            let mut dropped = lines.clone();
            dropped.remove(at);
            poke(&dropped.concat());
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            poke(&doubled.concat());
            let mut swapped = lines.clone();
            swapped.swap(at, (at + 1) % lines.len());
            poke(&swapped.concat());
        }
        for at in 0..text.len() {
            if !text.is_char_boundary(at) || !text.is_char_boundary(at + 1) {
                continue;
            }
            let (before, behind) = (&text[..at], &text[at + 1..]);
            poke(before);
            poke(&format!("{before}{behind}"));
            for byte in [" ", "\n", "0", "1", "9", "-", "#", "a", "\0", "\r", "\u{a0}", "\u{85}"] {
                poke(&format!("{before}{byte}{behind}"));
                poke(&format!("{before}{byte}{}", &text[at..]));
            }
        }
    }
}

#[test]
fn an_error_names_line_found_and_expected() {
    let check = |text: &str, line: usize, found: &str, expected: &str| {
        let error = ParsedSchema::parse(text).unwrap_err();
        assert_eq!((error.line(), error.found(), error.expected()), (line, found, expected));
    };
    let root = "`struct NAME SIZE` or `enum NAME TAG_SIZE SIZE`";
    let name = "a name: 1 to 255 bytes, no white space, no control characters, not starting with \
                `#` or `-`";
    let variant = "a variant, `NAME TAG BODY_SIZE`";
    let number = |what: &str| format!("{what}, a decimal number without leading zeroes");
    let own = "one of its own";
    let line_feed = "a line feed behind every line, the last one included";
    let order = "was, record-was, default, unit, doc, others: in this order, none twice";
    let fits = "an annotation that fits the line above";
    let shown = "some text without control characters";
    let later = "a type of this version; perhaps the schema is of a later one";
    check("", 1, "the end of the text", root);
    check("struct A 0", 1, "the end of the text", line_feed);
    check("struct A 0\n b", 2, "the end of the text", line_feed);
    check("\n", 1, "an empty line", root);
    check(" struct A 0\n", 1, "`struct A 0` indented by 1", root);
    check("union A 0\n", 1, "`union`", root);
    check("struct\n", 1, "the end of the line", "the name of the record");
    check("struct  0\n", 1, "no word", name);
    check("struct #A 0\n", 1, "`#A`", name);
    check("struct A\u{a0}B 0\n", 1, "`A\\u{a0}B`", name);
    check("struct A\u{85} 0\n", 1, "`A\\u{85}`", name);
    check(&format!("struct {} 0\n", "A".repeat(256)), 1, "a name of 256 bytes", name);
    check("struct A 0 \n", 1, "` `", "the end of the line");
    check("struct A 00\n", 1, "`00`", &number("a size"));
    check("struct A +1\n", 1, "`+1`", &number("a size"));
    check("struct A 4294967296\n", 1, "`4294967296`", "a size of at most 4294967295");
    check("struct A 0\n\n", 2, "an empty line", "`NAME OFFSET SIZE TYPE` indented by at most 1");
    check(
        "struct A 0\nb 0 0 unit\n",
        2,
        "`b 0 0 unit` indented by 0",
        "a line that belongs to the record, or the end",
    );
    check(
        "struct A 1\n b 0 1 u8\n  c 1 0 unit\n",
        3,
        "`c 1 0 unit` indented by 2",
        "`NAME OFFSET SIZE TYPE` indented by at most 1",
    );
    check("struct A 2\n b 0 1 u8\n", 1, "size 2", "1, which the fields below add up to");
    check("struct A 1\n b 1 1 u8\n", 2, "offset 1", "0, where the field before it ends");
    check("struct A 1\n b 0 1 u16\n", 2, "size 1", "2, the size of `u16`");
    check("struct A 1\n b 0 1 nonzero u16\n", 2, "size 1", "2, the size of `nonzero`");
    check("struct A 1\n b 0 1 nonzero f32\n", 2, "`f32`", "an integer, `u8` to `i128`");
    check("struct A 1\n b 0 1 varint\n", 2, "type `varint`", later);
    check("struct A 1\n b 0 1 u8\r\n", 2, "type `u8\\r`", later);
    check("struct A 1\n b 0 1\n", 2, "the end of the line", "a type");
    check("struct A 1\n b 0 1 u8 u8\n", 2, "` u8`", "the end of the line");
    check("struct A 2\n b 0 1 u8\n b 1 1 u8\n", 3, "the name `b` again", own);
    check("struct A 2\n b 0 2 array 2\n  - 0 2 u16\n", 2, "size 2", "2 times the 2 of an element");
    check(
        "struct A 2\n b 0 2 array 2\n c 2 0 unit\n",
        3,
        "`c 2 0 unit` indented by 1",
        "`- 0 SIZE TYPE`",
    );
    check("struct A 2\n b 0 2 array 2\n  c 0 1 u8\n", 3, "`c 0 1 u8`", "`- 0 SIZE TYPE`");
    check("struct A 2\n b 0 2 option\n  - 0 1 u8\n", 3, "`- 0 1 u8`", "`- 1 SIZE TYPE`");
    check("struct A 2\n b 0 2 option\n", 3, "the end of the text", "`- 1 SIZE TYPE`");
    check("struct A 3\n b 0 3 option\n  - 1 1 u8\n", 2, "size 3", "2, one more than the value");
    check("enum A 3 3\n B 0 0\n", 1, "a tag of 3 bytes", "1 or 2");
    check("enum A 1 1\n", 2, "the end of the text", variant);
    check("enum A 1 1\n B 256 0\n", 2, "tag 256", "at most 255, which fits its 1 bytes");
    check("enum A 2 2\n B 65536 0\n", 2, "tag 65536", "at most 65535, which fits its 2 bytes");
    check("enum A 1 1\n B 1 0\n C 1 0\n", 3, "tag 1 again", own);
    check("enum A 1 1\n B 1 0\n B 2 0\n", 3, "the name `B` again", own);
    check("enum A 1 1\n B 1 1\n", 2, "size 1", "0, which the fields below add up to");
    check(
        "enum A 1 1\n B 1 1\n  c 0 1 u8\n",
        1,
        "size 1",
        "at least 2 for the tag and the largest variant",
    );
    check("struct A 0\n # was B\n", 2, "`# was B`", fits);
    check("struct A 1\n b 0 1 u8\n  # record-was C\n", 3, "`# record-was C`", fits);
    check("enum A 1 1\n B 1 0\n  # unit C\n", 3, "`# unit C`", fits);
    check("struct A 1\n b 0 1 u8\n  # doc C\n  # unit D\n", 4, "`# unit D`", order);
    check("struct A 1\n b 0 1 u8\n  # doc C\n  # doc D\n", 4, "`# doc D`", order);
    check("struct A 1\n b 0 1 u8\n  # x\n  # doc D\n", 4, "`# doc D`", order);
    check("struct A 1\n b 0 1 u8\n  # doc\n", 3, "`# doc`", shown);
    check("struct A 1\n b 0 1 u8\n  # doc \u{1b}[2J\n", 3, "`# doc \\u{1b}[2J`", shown);
    check("struct A 1\n b 0 1 u8\n  # was\n", 3, "the end of the line", "a former name");
    check("struct A 1\n b 0 1 u8\n  # default 7\n", 3, "` 7`", "the end of the line");
    check(
        "struct A 1\n b 0 1 u8\n # doc C\n",
        3,
        "`# doc C` indented by 1",
        "an annotation of the line above, indented by 2, or none",
    );
}

/// A field at the bottom of that many arrays of one element.
fn deep(levels: usize) -> String {
    let mut text = String::from("struct A 1\n b 0 1 array 1\n");
    for level in 1..levels {
        text.push_str(&format!("{}- 0 1 array 1\n", " ".repeat(level + 1)));
    }
    text + &format!("{}- 0 1 u8\n", " ".repeat(levels + 1))
}

#[test]
fn depth_is_limited_as_for_types() {
    poke(&deep(31));
    assert!(ParsedSchema::parse(&deep(31)).is_ok());
    let error = ParsedSchema::parse(&deep(32)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 33 of the schema: found 33 levels of records, arrays and options, expected at most 32"
    );
    assert!(ParsedSchema::parse(&deep(1000)).is_err());
}

#[test]
fn values_are_counted() {
    let array = |count: usize, element: &str, size: usize| {
        let total = count * size;
        format!("struct A {total}\n b 0 {total} array {count}\n  - 0 {size} {element}\n")
    };
    let check = |text: &str, line: usize, found: &str, expected: &str| {
        let error = ParsedSchema::parse(text).unwrap_err();
        assert_eq!((error.line(), error.found(), error.expected()), (line, found, expected));
    };
    // The array and the record are values, too.
    assert!(ParsedSchema::parse(&array((1 << 28) - 2, "u8", 1)).is_ok());
    let found = "268435457 values, those of arrays counted one by one";
    check(&array((1 << 28) - 1, "u8", 1), 1, found, "at most 268435456");
    assert!(ParsedSchema::parse(&array(65_535, "unit", 0)).is_ok());
    let found = "65537 values without bytes in its arrays";
    check(&array(65_536, "unit", 0), 2, found, "at most 65536");
    let mut text = String::from("struct A 0\n b 0 0 array 65535\n");
    text.push_str("  - 0 0 array 65535\n   - 0 0 unit\n");
    let found = "4294901761 values without bytes in its arrays";
    check(&text, 2, found, "at most 65536");
    // Of two arrays, each of which would do.
    let two = "struct A 0\n b 0 0 array 40000\n  - 0 0 unit\n c 0 0 array 40000\n  - 0 0 unit\n";
    check(two, 1, "80002 values without bytes in its arrays", "at most 65536");
    // Sizes and counts that overflow when they are multiplied or added up.
    let max = u32::MAX;
    check(
        &format!("struct A {max}\n b 0 {max} array {max}\n  - 0 {max} bytes\n"),
        2,
        &format!("size {max}"),
        &format!("{max} times the {max} of an element"),
    );
    check(
        &format!("struct A {max}\n b 0 {max} bytes\n c {max} 1 u8\n"),
        3,
        "fields that end further away",
        &format!("at most {max} bytes"),
    );
}

/// Texts of a mebibyte that would take ages if any step looked at everything again for each line.
#[test]
fn large_texts_take_no_time() {
    let fill = |head: &str, line: &dyn Fn(usize) -> String, left: usize| {
        let mut text = String::from(head);
        let lines = (0..).map(line);
        lines
            .take_while(|line| {
                let fits = text.len() + line.len() + left <= 1 << 20;
                if fits {
                    text.push_str(line);
                }
                fits
            })
            .for_each(drop);
        text
    };
    let fields = fill("struct A 0\n", &|index| format!(" {index:x} 0 0 unit\n"), 0);
    let schema = ParsedSchema::parse(&fields).unwrap();
    assert_eq!(schema.text(), fields);
    drop((schema.columns(), schema.to_numpy(), schema.to_c_header(), schema.to_json()));
    poke(&fill("struct A 0\n", &|_| " b 0 0 unit\n".into(), 0));
    poke(&fill("enum A 2 2\n", &|index| format!(" {index:x} {} 0\n", index % 65_536), 0));
    poke(&fill("struct A 0\n", &|_| " # later\n".into(), 0));
    poke(&fill("struct A 1\n b 0 1 u8\n  # was", &|index| format!(" {index:x}"), 1));
    poke(&"\n".repeat(1 << 20));
    poke(&" ".repeat(1 << 20));
    poke(&"9".repeat(1 << 20));
    poke(&format!("struct A {}\n", "9".repeat((1 << 20) - 10)));
    poke(&format!("struct {} 0\n", "A".repeat((1 << 20) - 10)));
    let error = ParsedSchema::parse(&" ".repeat((1 << 20) + 1)).unwrap_err();
    assert_eq!((error.found(), error.expected()), ("1048577 bytes of text", "at most 1048576"));
}
