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
