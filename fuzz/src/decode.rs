//! Payloads of every kind of field: the type, its view, the schema without the type, and a reader
//! written after `docs/FORMAT.md` have to agree on each.

use std::{fmt::Debug, sync::LazyLock};

use arbitrary::{Arbitrary, Result, Unstructured};
use kekbit_channel::{
    Field, FieldView, Invalid, Kind, ParsedSchema, Record, decode, decode_prefix, encode, size,
    view, view_prefix,
};

use crate::{
    every::{
        Arrays, Event, Gapped, Generic, Leg, Nested, Newtype, NoBytes, Options, Roomy, Samples,
        Scalars, Tuple, Weightless, WideTag,
    },
    naive,
    records::Kinds,
};

/// A type, with the images of some of its values.
struct Subject {
    schema: ParsedSchema,
    samples: Vec<Vec<u8>>,
    judge: fn(&ParsedSchema, &[u8]),
}

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    vec![
        subject::<Scalars>(),
        subject::<Options>(),
        subject::<Arrays>(),
        subject::<Nested>(),
        subject::<Event>(),
        subject::<Gapped>(),
        subject::<WideTag>(),
        subject::<Roomy>(),
        subject::<Weightless>(),
        subject::<NoBytes>(),
        subject::<Newtype>(),
        subject::<Tuple>(),
        subject::<Generic<Leg, 2>>(),
    ]
});

static KINDS: LazyLock<ParsedSchema> = LazyLock::new(schema_of::<Kinds>);

fn schema_of<T: Record>() -> ParsedSchema {
    ParsedSchema::parse(&T::SCHEMA.text()).expect("the text of a type is a schema")
}

fn subject<T: Samples>() -> Subject
where
    for<'a> T::View<'a>: Debug,
{
    let samples = T::samples().iter().map(image).collect();
    Subject { schema: schema_of::<T>(), samples, judge: judge::<T> }
}

/// Bytes for one of the types, or the edited image of a value of it; or a value of [`Kinds`].
pub fn check(input: &[u8]) {
    // The input was too short to say what it is.
    let _ = case(&mut Unstructured::new(input));
}

fn case(input: &mut Unstructured<'_>) -> Result<()> {
    let choice = usize::from(u8::arbitrary(input)?) % (2 * SUBJECTS.len() + 3);
    if let Some(subject) = SUBJECTS.get(choice / 2) {
        let payload = match choice % 2 {
            0 => raw(subject.schema.size(), input)?,
            _ => {
                let sample = usize::from(u8::arbitrary(input)?) % subject.samples.len();
                edited(subject.samples[sample].clone(), input)?
            }
        };
        (subject.judge)(&subject.schema, &payload);
        return Ok(());
    }
    let payload = match choice % 3 {
        0 => raw(size::<Kinds>(), input)?,
        1 => {
            let value = Kinds::arbitrary(input)?;
            comes_back(&value);
            image(&value)
        }
        _ => {
            let value = Kinds::arbitrary(input)?;
            edited(image(&value), input)?
        }
    };
    judge::<Kinds>(&KINDS, &payload);
    parts(&payload);
    Ok(())
}

/// The rest of the input, mostly as long as it has to be.
fn raw(size: usize, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let as_it_is = input.ratio(1, 8)?;
    let mut payload = input.bytes(input.len())?.to_vec();
    if !as_it_is {
        payload.resize(size, 0);
    }
    Ok(payload)
}

/// Numbers at the edges of what some type takes.
const EDGES: [u32; 8] = [0, 1, 999_999_999, 1_000_000_000, 0xD7FF, 0xD800, 0x10_FFFF, 0x11_0000];

/// Puts bytes or numbers at places, for as long as the input has any.
fn edited(mut payload: Vec<u8>, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    while !input.is_empty() && !payload.is_empty() {
        let at = usize::from(u16::arbitrary(input)?) % payload.len();
        match payload.get_mut(at..at + 4) {
            Some(place) if input.ratio(1, 4)? => {
                place.copy_from_slice(&input.choose(&EDGES)?.to_le_bytes());
            }
            _ => payload[at] = u8::arbitrary(input)?,
        }
    }
    Ok(payload)
}

fn image<T: Record>(value: &T) -> Vec<u8> {
    // Stale bytes, of which none may be left.
    let mut payload = vec![0xA5; size::<T>()];
    encode(value, &mut payload).expect("the length is that of the type");
    payload
}

/// A value is what its image is decoded to.
fn comes_back(value: &Kinds) {
    let payload = image(value);
    let decoded = decode::<Kinds>(&payload).expect("the image of a value");
    // As text, because a NaN is not equal to itself; its bits are those of the image.
    assert_eq!(format!("{decoded:?}"), format!("{value:?}"));
    assert_eq!(image(&decoded), payload);
}

/// Everything that looks at a payload says the same of it.
fn judge<T: Record>(schema: &ParsedSchema, payload: &[u8])
where
    for<'a> T::View<'a>: Debug,
{
    let typed = decode::<T>(payload);
    let read = naive::read(schema.root(), payload);
    // What only a type knows, the schema cannot judge.
    let own = matches!(&typed, Err(invalid) if invalid.expected() == "a percentage");
    match &typed {
        Ok(value) => {
            let read = read.as_ref().expect("a value by its type and by the format");
            assert_eq!(image(value), read.canonical, "only what is unused changes");
            let (seen, clean) = (view::<T>(payload), view::<T>(&read.canonical));
            assert_eq!(format!("{:?}", seen.unwrap()), format!("{:?}", clean.unwrap()));
        }
        Err(invalid) => {
            assert!(own || read.is_none(), "{invalid}, but by the format it is a value");
            assert!(invalid.offset() <= size::<T>() && !invalid.found().is_empty());
            assert!(invalid.to_string().contains(invalid.path()));
        }
    }
    assert_eq!(view::<T>(payload).is_ok(), payload.len() == size::<T>());
    if let Ok(view) = view::<T>(payload) {
        assert!(!format!("{view:?} {view:#?}").is_empty());
    }
    dynamic(schema, payload, read, typed.as_ref().err().filter(|_| !own));
    prefix::<T>(payload, typed.map(|value| image(&value)));
}

/// The same payload by its schema alone.
fn dynamic(
    schema: &ParsedSchema,
    payload: &[u8],
    read: Option<naive::Reading>,
    refusal: Option<&Invalid>,
) {
    let datum = match schema.datum(payload) {
        Ok(datum) => datum,
        Err(invalid) => return assert_eq!(Some(&invalid), refusal, "a payload of another length"),
    };
    let row = datum.row().expect("few columns");
    let (value, cells) = (datum.value(), row.cells());
    let json = serde_json::to_string(&datum).map_err(|error| error.to_string());
    match (value, read) {
        (Ok(value), Some(read)) => {
            assert!(refusal.is_none(), "{refusal:?}, but by the schema it is a value");
            assert_eq!(json.as_ref(), Ok(&read.json));
            assert_eq!(serde_json::to_string(&value).unwrap(), read.json);
            let columns = schema.columns().expect("few columns");
            assert_eq!((cells.unwrap().len(), row.len()), (columns.len(), columns.len()));
        }
        (Err(invalid), None) => {
            if let Some(refusal) = refusal {
                assert_eq!(&invalid, refusal);
            }
            assert_eq!(json, Err(invalid.to_string()));
            assert_eq!(cells, Err(invalid));
        }
        (value, read) => panic!("{value:?}, but by the format {:?}", read.map(|read| read.json)),
    }
}

/// A longer payload is judged by its beginning, a shorter one is refused.
fn prefix<T: Record>(payload: &[u8], typed: std::result::Result<Vec<u8>, Invalid>)
where
    for<'a> T::View<'a>: Debug,
{
    if payload.len() == size::<T>() {
        let longer = [payload, &[0xFF; 9]].concat();
        assert_eq!(decode_prefix::<T>(&longer).map(|value| image(&value)), typed);
        let seen = view_prefix::<T>(&longer).map(|view| format!("{view:?}"));
        assert_eq!(seen, view::<T>(payload).map(|view| format!("{view:?}")));
        assert!(decode::<T>(&longer).is_err() && view::<T>(&longer).is_err());
    }
    if let Some((_, shorter)) = payload.split_last().filter(|_| payload.len() <= size::<T>()) {
        assert!(decode_prefix::<T>(shorter).is_err() && view_prefix::<T>(shorter).is_err());
    }
}

/// Compares what accessors of a view give with the same bytes decoded alone, and with the field of
/// the decoded record.
macro_rules! fields {
    ($view:ident, $payload:ident, $record:ident: $($name:ident)*) => {{
        let Kind::Struct { fields, .. } = KINDS.root().kind() else { panic!("not a struct") };
        $({
            let node = fields.iter().find(|field| field.name() == stringify!($name)).unwrap();
            let part = &$payload[node.offset()..][..node.size()];
            let alone = alone(|record: &Kinds| &record.$name, part);
            let seen = $view.$name().value();
            let refused = |invalid: Invalid| invalid.within(stringify!($name), node.offset());
            assert_eq!(
                seen.as_ref().map(|value| format!("{value:?}")).map_err(Invalid::to_string),
                alone.map(|value| format!("{value:?}")).map_err(|error| refused(error).to_string()),
            );
            if let Ok(record) = &$record {
                assert_eq!(format!("{:?}", seen.unwrap()), format!("{:?}", record.$name));
            }
        })*
    }};
}

fn alone<T: Field>(_: impl Fn(&Kinds) -> &T, part: &[u8]) -> std::result::Result<T, Invalid> {
    decode(part)
}

/// The accessors of a view, one by one.
fn parts(payload: &[u8]) {
    let (Ok(view), record) = (view::<Kinds>(payload), decode::<Kinds>(payload)) else { return };
    fields!(view, payload, record: a b c d e f g h i j single double flag letter count wide_count);
    fields!(view, payload, record: text at took v4 v6 limit nested side);
    assert_eq!(view.bytes(), &payload[view_offset("bytes")..][..3]);
    let legs = view.legs().iter().map(|leg| leg.side().and(leg.limit()).map(drop));
    let array = view.array().iter().flat_map(|row| row.iter()).map(|flag| flag.map(drop));
    let judged = legs.chain(array).chain([view.hedge().map(drop), view.event().map(drop)]);
    if let (Err(invalid), Ok(_)) = (judged.collect::<std::result::Result<(), _>>(), &record) {
        panic!("{invalid}, in a record that was decoded");
    }
}

fn view_offset(name: &str) -> usize {
    let Kind::Struct { fields, .. } = KINDS.root().kind() else { panic!("not a struct") };
    fields.iter().find(|field| field.name() == name).unwrap().offset()
}
