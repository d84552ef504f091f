//! Payloads read by their schema alone: the same values as by the type, and the same errors.

mod records;

use std::fmt::Debug;

use kekbit_codec::{
    Content, Invalid, Kind, ParsedSchema, Presence, Record, Scalar, Value, Visitor, decode, encode,
    size,
};
use proptest::prelude::*;
use records::*;

const CASES: u32 = if cfg!(miri) { 8 } else { 1024 };

fn schema<T: Record>() -> ParsedSchema {
    ParsedSchema::parse(&T::SCHEMA.text()).unwrap()
}

fn image<T: Record>(value: &T) -> Vec<u8> {
    let mut image = vec![0; size::<T>()];
    encode(value, &mut image).unwrap();
    image
}

/// Visits everything and does nothing.
struct Bored;

impl Visitor for Bored {
    type Error = Invalid;
}

/// All ways to read without the type say of these bytes what the type says.
fn agree<T: Record + Debug>(schema: &ParsedSchema, bytes: &[u8]) {
    let datum = match schema.datum(bytes) {
        Ok(datum) => datum,
        Err(invalid) => return assert_eq!(Some(invalid), decode::<T>(bytes).err()),
    };
    let typed = decode::<T>(bytes).err();
    if typed.as_ref().is_some_and(|invalid| invalid.found().starts_with("what its type refuses")) {
        // Only the type knows that.
        return;
    }
    assert_eq!(datum.value().err(), typed);
    assert_eq!(datum.visit(&mut Bored).err(), typed);
    assert_eq!(datum.row().unwrap().cells().err(), typed);
    #[cfg(feature = "serde")]
    {
        let json = serde_json::to_string(&datum);
        let told = typed.as_ref().map(ToString::to_string);
        assert_eq!(json.as_ref().err().map(ToString::to_string), told);
        if let Ok(value) = datum.value() {
            assert_eq!(serde_json::to_string(&value).unwrap(), json.unwrap());
        }
    }
    if let (Ok(columns), Ok(cells)) = (schema.columns(), datum.row().unwrap().cells()) {
        assert_eq!(columns.len(), cells.len());
    }
}

fn corrupted<T: Record + Debug>(value: &T, changes: &[(prop::sample::Index, u8)]) {
    let schema = schema::<T>();
    let mut bytes = image(value);
    agree::<T>(&schema, &bytes);
    for (at, byte) in changes {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
            agree::<T>(&schema, &bytes);
        }
    }
    agree::<T>(&schema, &bytes[..bytes.len().saturating_sub(1)]);
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![0_u8..4, any::<u8>()];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn numbers_are_judged_as_by_their_type(value in numbers(), changes in changes()) {
        corrupted(&value, &changes);
    }

    #[test]
    fn judged_values_are_judged_as_by_their_type(value in judged(), changes in changes()) {
        corrupted(&value, &changes);
    }

    #[test]
    fn orders_are_judged_as_by_their_type(value in order(), changes in changes()) {
        corrupted(&value, &changes);
    }

    #[test]
    fn events_are_judged_as_by_their_type(value in event(), changes in changes()) {
        corrupted(&value, &changes);
    }

    #[test]
    fn small_events_are_judged_as_by_their_type(value in small(), changes in changes()) {
        corrupted(&value, &changes);
    }

    #[test]
    fn generic_records_are_judged_as_by_their_type(value in wrapped(), changes in changes()) {
        corrupted(&value, &changes);
    }

    #[test]
    fn sides_and_nothing_are_judged_as_by_their_type(value in side(), changes in changes()) {
        corrupted(&value, &changes);
        corrupted(&Nothing, &changes);
    }

    #[test]
    fn random_bytes_are_judged_as_by_their_type(
        bytes in prop::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 100),
    ) {
        fn check<T: Record + Debug>(bytes: &[u8]) {
            agree::<T>(&schema::<T>(), &bytes[..size::<T>()]);
        }
        check::<Numbers>(&bytes);
        check::<Judged>(&bytes);
        check::<Order>(&bytes);
        check::<Event>(&bytes);
        check::<Small>(&bytes);
        check::<Wrapped>(&bytes);
    }

    #[test]
    fn numbers_have_the_values_of_their_type(value in numbers()) {
        let (schema, bytes) = (schema::<Numbers>(), image(&value));
        let found = schema.datum(&bytes).unwrap().value().unwrap();
        let unsigned = |name: &str| found.field(name).unwrap().as_u128().unwrap();
        let signed = |name: &str| found.field(name).unwrap().as_i128().unwrap();
        prop_assert_eq!(unsigned("a"), u128::from(value.a));
        prop_assert_eq!(unsigned("b"), u128::from(value.b));
        prop_assert_eq!(unsigned("c"), u128::from(value.c));
        prop_assert_eq!(unsigned("d"), u128::from(value.d));
        prop_assert_eq!(unsigned("e"), value.e);
        prop_assert_eq!(signed("f"), i128::from(value.f));
        prop_assert_eq!(signed("g"), i128::from(value.g));
        prop_assert_eq!(signed("h"), i128::from(value.h));
        prop_assert_eq!(signed("i"), i128::from(value.i));
        prop_assert_eq!(signed("j"), value.j);
        let only = |name: &str| found.field(name).unwrap().field("0").unwrap().as_scalar().unwrap();
        let Scalar::F32(k) = only("k") else { panic!("not an f32") };
        prop_assert_eq!(k.to_bits(), value.k.0.to_bits());
        let Scalar::F64(l) = only("l") else { panic!("not an f64") };
        prop_assert_eq!(l.to_bits(), value.l.0.to_bits());
    }

    #[test]
    fn judged_values_have_the_values_of_their_type(value in judged()) {
        let (schema, bytes) = (schema::<Judged>(), image(&value));
        let found = schema.datum(&bytes).unwrap().value().unwrap();
        let scalar = |name: &str| found.field(name).unwrap().as_scalar().unwrap();
        prop_assert_eq!(scalar("flag"), Scalar::Bool(value.flag));
        prop_assert_eq!(scalar("letter"), Scalar::Char(value.letter));
        prop_assert_eq!(scalar("count"), Scalar::U16(value.count.get()));
        prop_assert_eq!(scalar("delta"), Scalar::I64(value.delta.get()));
        prop_assert_eq!(scalar("name"), Scalar::Str(&value.name));
        prop_assert_eq!(scalar("key"), Scalar::Bytes(&value.key.0));
        prop_assert_eq!(scalar("at"), Scalar::Timestamp(value.at));
        prop_assert_eq!(scalar("took"), Scalar::Duration(value.took));
        prop_assert_eq!(scalar("v4"), Scalar::Ipv4(value.v4));
        prop_assert_eq!(scalar("v6"), Scalar::Ipv6(value.v6));
        let uuid = found.field("uuid").unwrap().field("uuid").unwrap();
        for (index, byte) in value.uuid.uuid.0.to_le_bytes().into_iter().enumerate() {
            prop_assert_eq!(uuid.element(index).unwrap().as_u128(), Some(byte.into()));
        }
    }

    #[test]
    fn orders_have_the_values_of_their_type(value in order()) {
        let (schema, bytes) = (schema::<Order>(), image(&value));
        let found = schema.datum(&bytes).unwrap().value().unwrap();
        let same_leg = |found: &Value<'_>, leg: &Leg| {
            assert_eq!(found.field("qty").unwrap().as_u128(), Some(leg.qty.into()));
            assert_eq!(found.field("side").unwrap().as_str(), Some(&*format!("{:?}", leg.side)));
            let limit = found.field("limit").unwrap();
            assert_eq!(limit.as_i128(), leg.limit.map(i128::from));
        };
        for (index, leg) in value.legs.iter().enumerate() {
            same_leg(found.field("legs").unwrap().element(index).unwrap(), leg);
        }
        for (index, maybe) in value.maybe.iter().enumerate() {
            let found = found.field("maybe").unwrap().element(index).unwrap();
            prop_assert_eq!(found.as_bool(), *maybe);
        }
        match (&value.hedge, found.field("hedge").unwrap()) {
            (Some(leg), Value::Option(Some(found))) => same_leg(found, leg),
            (None, Value::Option(None)) => {}
            other => panic!("{other:?}"),
        }
        let nothing = Value::Struct { name: "Nothing", fields: Vec::new() };
        prop_assert_eq!(found.field("nothing"), Some(&nothing));
    }
}

fn leg(limit: Option<i16>) -> Leg {
    Leg { qty: 5, side: Side::Short, limit }
}

#[test]
fn a_datum_is_taken_apart_step_by_step() {
    let schema = schema::<Event>();
    let bytes = image(&Event::Reopened(Some(leg(Some(-2)))));
    let event = schema.datum(&bytes).unwrap();
    let Content::Variant { name, variant, tag, mut fields } = event.content().unwrap() else {
        panic!("{event:?}");
    };
    assert_eq!((name, variant, tag, fields.len()), ("Event", "Reopened", 701, 1));
    assert!(fields.is_tuple());
    let (name, option) = fields.next().unwrap();
    assert_eq!((name, option.node().offset(), option.bytes().len()), ("0", 0, 9));
    let Content::Option(Some(leg)) = option.content().unwrap() else { panic!("{option:?}") };
    let Content::Struct { name: "Leg", mut fields } = leg.content().unwrap() else {
        panic!("{leg:?}");
    };
    assert!(!fields.is_tuple());
    let (name, qty) = fields.next().unwrap();
    assert_eq!((name, qty.node().kind()), ("qty", &Kind::U32));
    assert!(matches!(qty.content(), Ok(Content::Scalar(Scalar::U32(5)))));
    assert_eq!(format!("{qty:?}"), r#"Datum { name: "qty", bytes: [5, 0, 0, 0] }"#);
}

#[test]
fn elements_can_be_asked_by_index() {
    let text = "struct A 6\n b 0 6 array 3\n  - 0 2 u16\n c 6 0 array 2\n  - 0 0 unit\n";
    let schema = ParsedSchema::parse(text).unwrap();
    let Content::Struct { fields, .. } = schema.datum(b"abcdef").unwrap().content().unwrap() else {
        panic!("not a struct");
    };
    let arrays: Vec<_> = fields.map(|(_, field)| field.content().unwrap()).collect();
    let [Content::Array(numbers), Content::Array(units)] = &*arrays else { panic!("{arrays:?}") };
    let mut numbers = numbers.clone();
    assert_eq!(numbers.get(2).unwrap().bytes(), b"ef");
    assert_eq!(numbers.next().unwrap().bytes(), b"ab");
    assert_eq!((numbers.get(1).unwrap().bytes(), numbers.len()), (&b"ef"[..], 2));
    assert!(numbers.get(2).is_none() && numbers.get(usize::MAX).is_none());
    assert_eq!((units.len(), units.clone().count()), (2, 2));
}

/// Writes down what it is told.
#[derive(Default)]
struct Log(Vec<String>);

#[derive(Debug, PartialEq)]
enum LogError {
    Invalid(Invalid),
    Full,
}

impl From<Invalid> for LogError {
    fn from(invalid: Invalid) -> LogError {
        LogError::Invalid(invalid)
    }
}

impl Log {
    fn put(&mut self, line: String) -> Result<(), LogError> {
        self.0.push(line);
        if self.0.len() < 40 { Ok(()) } else { Err(LogError::Full) }
    }
}

impl Visitor for Log {
    type Error = LogError;

    fn scalar(&mut self, name: &str, scalar: Scalar<'_>) -> Result<(), LogError> {
        self.put(format!("{name} {scalar:?}"))
    }
    fn begin_struct(&mut self, name: &str, record: &str) -> Result<(), LogError> {
        self.put(format!("{name} {record} {{"))
    }
    fn end_struct(&mut self, name: &str) -> Result<(), LogError> {
        self.put(format!("}} {name}"))
    }
    fn begin_array(&mut self, name: &str, count: usize) -> Result<(), LogError> {
        self.put(format!("{name} {count} ["))
    }
    fn end_array(&mut self, name: &str) -> Result<(), LogError> {
        self.put(format!("] {name}"))
    }
    fn begin_option(&mut self, name: &str, presence: Presence) -> Result<(), LogError> {
        self.put(format!("{name} {presence:?} ("))
    }
    fn end_option(&mut self, name: &str) -> Result<(), LogError> {
        self.put(format!(") {name}"))
    }
    fn begin_variant(
        &mut self,
        name: &str,
        record: &str,
        variant: &str,
        tag: u16,
    ) -> Result<(), LogError> {
        self.put(format!("{name} {record}::{variant} {tag} <"))
    }
    fn end_variant(&mut self, name: &str) -> Result<(), LogError> {
        self.put(format!("> {name}"))
    }
}

#[test]
fn a_visitor_is_told_of_everything_in_order() {
    let schema = schema::<Wrapped>();
    let events = [Small::Tick(1), Small::Tock];
    let marker = std::marker::PhantomData;
    let mut bytes = image(&Wrapped { meta: leg(None), sequence: 8, events, marker });
    let mut log = Log::default();
    schema.datum(&bytes).unwrap().visit(&mut log).unwrap();
    let expected = [
        "Envelope Envelope {",
        "meta Leg {",
        "qty U32(5)",
        "side Side::Short 200 <",
        "> side",
        "limit Absent (",
        ") limit",
        "} meta",
        "sequence U64(8)",
        "events 2 [",
        "- small-event::Tick 1 <",
        "0 U32(1)",
        "> -",
        "- small-event::Tock 2 <",
        "> -",
        "] events",
        "marker Unit",
        "} Envelope",
    ];
    assert_eq!(log.0, expected);

    bytes[32] = 9;
    let Err(LogError::Invalid(invalid)) = schema.datum(&bytes).unwrap().visit(&mut Log::default())
    else {
        panic!("not invalid");
    };
    assert_eq!(
        invalid.to_string(),
        "field `events[1]` at byte 32: found tag 9, expected one of 1 (Tick), 2 (Tock)"
    );
}

#[test]
fn a_visitor_can_stop() {
    let schema = ParsedSchema::parse("struct A 99\n b 0 99 array 99\n  - 0 1 u8\n").unwrap();
    let mut log = Log::default();
    assert_eq!(schema.datum(&[0; 99]).unwrap().visit(&mut log), Err(LogError::Full));
    assert_eq!(log.0.len(), 40);
}

#[test]
fn columns_are_paths() {
    let columns = schema::<Event>().columns().unwrap();
    let order = |prefix: &str| -> Vec<String> {
        let legs = (0..3).flat_map(|leg| {
            ["qty", "side", "limit"].map(|field| format!("{prefix}legs[{leg}].{field}"))
        });
        let mut order = vec![format!("{prefix}id")];
        order.extend(legs);
        order.extend((0..2).map(|index| format!("{prefix}maybe[{index}]")));
        order.extend(["0][0", "0][1", "1][0", "1][1"].map(|at| format!("{prefix}grid[{at}]")));
        order.extend(["qty", "side", "limit"].map(|field| format!("{prefix}hedge.{field}")));
        order
    };
    let mut expected = vec!["Event".to_owned()];
    expected.extend(order("Opened.order."));
    expected.extend(["Opened.by", "Moved.0", "Moved.1"].map(str::to_owned));
    expected.extend(["qty", "side", "limit"].map(|field| format!("Reopened.0.{field}")));
    assert_eq!(columns, expected);
    assert_eq!(schema::<Order>().columns().unwrap(), order(""));
    assert_eq!(schema::<Side>().columns().unwrap(), ["Side"]);
    assert!(schema::<Nothing>().columns().unwrap().is_empty());
}

#[test]
fn cells_stand_under_their_columns() {
    let schema = schema::<Event>();
    let columns = schema.columns().unwrap();
    let check = |event: Event, expected: &[(&str, Scalar<'_>)]| {
        let bytes = image(&event);
        let row = schema.datum(&bytes).unwrap().row().unwrap();
        assert_eq!(row.len(), columns.len());
        let cells = row.cells().unwrap();
        let found: Vec<_> = columns
            .iter()
            .zip(&cells)
            .filter_map(|(column, cell)| cell.map(|cell| (column.as_str(), cell)))
            .collect();
        assert_eq!(found, expected);
    };
    let text = Scalar::Str;
    check(Event::Closed, &[("Event", text("Closed"))]);
    check(
        Event::Moved(-3, Side::Buy),
        &[("Event", text("Moved")), ("Moved.0", Scalar::I32(-3)), ("Moved.1", text("Buy"))],
    );
    check(
        Event::Reopened(Some(leg(None))),
        &[
            ("Event", text("Reopened")),
            ("Reopened.0.qty", Scalar::U32(5)),
            ("Reopened.0.side", text("Short")),
        ],
    );
}

#[test]
fn durations_and_presence_have_cells() {
    let text = "struct A 13\n b 0 12 duration\n c 12 1 option\n  - 1 0 unit\n d 13 0 unit\n";
    let schema = ParsedSchema::parse(text).unwrap();
    assert_eq!(schema.columns().unwrap(), ["b.secs", "b.nanos", "c"]);
    let row = schema.datum(&[3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1]).unwrap().row().unwrap();
    let expected = [Scalar::U64(3), Scalar::U32(5), Scalar::Bool(true)];
    assert_eq!(row.cells().unwrap(), expected.map(Some));
}

#[test]
fn a_table_that_is_too_wide_is_refused() {
    let wide = |count: usize| {
        let text = format!("struct A {count}\n b 0 {count} array {count}\n  - 0 1 u8\n");
        ParsedSchema::parse(&text).unwrap()
    };
    assert_eq!(wide(65_536).columns().unwrap().len(), 65_536);
    let error = wide(65_537).columns().unwrap_err();
    assert_eq!(
        error.to_string(),
        "65537 columns, expected at most 65536; arrays take a column for each element"
    );
    let payload = vec![0; 65_537];
    assert_eq!(wide(65_537).datum(&payload).unwrap().row().err(), Some(error));

    let name = "n".repeat(255);
    let text = format!(
        "struct A 65000\n {name} 0 65000 struct B\n  {name} 0 65000 array 65000\n   - 0 1 u8\n"
    );
    let error = ParsedSchema::parse(&text).unwrap().columns().unwrap_err();
    assert_eq!(
        error.to_string(),
        "columns whose names have more than 16777216 bytes in all, expected at most that"
    );
}

#[test]
fn opaque_bytes_are_bytes_with_a_name() {
    let schema = ParsedSchema::parse("struct A 2\n b 0 2 opaque percent\n").unwrap();
    let value = schema.datum(&[101, 0]).unwrap().value().unwrap();
    let b = value.field("b").unwrap();
    assert_eq!(b.as_scalar(), Some(Scalar::Opaque { name: "percent", bytes: &[101, 0] }));
    assert_eq!((b.as_bytes(), b.as_str(), b.as_u128()), (Some(&[101, 0][..]), None, None));
}
