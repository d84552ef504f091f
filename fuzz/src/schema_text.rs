//! Schema texts: of schemas that the fuzzer draws, edited or not, and of no schema at all. What is
//! parsed is stable, is exported, reads payloads as the format says, and is related to another text
//! as the rules say.

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Result, Unstructured};
use kekbit_channel::{Kind, Node, ParsedSchema, Relation, Variant, relate};

use crate::{image::fingerprint, model::Tree, naive, trees};

/// More values than that are not read: a short payload can hold 2^28.
const VALUES_READ_MAX: u64 = 20_000;
const PAYLOAD_LEN_MAX: usize = 4096;

/// Two texts, of which the second is often a later version of the first, and a payload.
pub fn check(input: &[u8]) {
    // The input was too short to say what it is.
    let _ = case(&mut Unstructured::new(input));
}

fn case(input: &mut Unstructured<'_>) -> Result<()> {
    let (one, other) = match u8::arbitrary(input)? % 4 {
        0 => {
            let half = input.len() / 2;
            (lossy(input.bytes(half)?), lossy(input.bytes(input.len())?))
        }
        1 => {
            let tree = trees::tree(input, 3)?;
            let text = edited(&tree, input)?;
            (tree.text(), text)
        }
        _ => {
            let tree = trees::tree(input, 3)?;
            let mut later = tree.clone();
            for _ in 0..input.int_in_range(0..=4)? {
                trees::change(&mut later, input)?;
            }
            (tree.text(), later.text())
        }
    };
    let payload = input.bytes(input.len())?;
    let parsed = [&one, &other].map(|text| ParsedSchema::parse(text));
    for (schema, text) in parsed.iter().zip([&one, &other]) {
        match schema {
            Ok(schema) => stands(schema, text, payload),
            Err(error) => {
                let lines = text.split('\n').count();
                assert!((1..=lines).contains(&error.line()), "{error}");
                assert!(!error.found().is_empty() && !error.expected().is_empty());
                assert!(error.to_string().len() < 1000, "{error}");
            }
        }
    }
    let (forward, backward) = (relate(&one, &other), relate(&other, &one));
    mirrored(forward, backward);
    if let [Ok(old), Ok(new)] = &parsed {
        let expected = (reads(old.root(), new.root()), reads(new.root(), old.root()));
        let found = match forward {
            Relation::Identical => (true, true),
            Relation::Older => (true, false),
            Relation::Newer => (false, true),
            _ => (false, false),
        };
        assert_eq!(found, expected, "{forward:?}\n{one}\n{other}");
    }
    Ok(())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines dropped, doubled or swapped, bytes put in their place.
fn edited(tree: &Tree, input: &mut Unstructured<'_>) -> Result<String> {
    let text = tree.text();
    let mut lines: Vec<Vec<u8>> = text.split_inclusive('\n').map(|line| line.into()).collect();
    for _ in 0..input.int_in_range(1..=4)? {
        let at = input.choose_index(lines.len())?;
        match u8::arbitrary(input)? % 6 {
            0 if 1 < lines.len() => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines.insert(at, format!("{}\n", annotation(input)?).into()),
            3 => lines[at].insert(0, b' '),
            4 => {
                let place = input.choose_index(lines[at].len())?;
                lines[at][place] = u8::arbitrary(input)?;
            }
            _ => {
                let other = input.choose_index(lines.len())?;
                lines.swap(at, other);
            }
        }
        lines.retain(|line| !line.is_empty());
    }
    Ok(lossy(&lines.concat()))
}

fn annotation(input: &mut Unstructured<'_>) -> Result<String> {
    let all =
        ["# default", "# unit 1e-9 USD", "# doc A price.", "# was a b", "#", "# record-was X"];
    let indent = input.int_in_range(0..=5)?;
    Ok(format!("{:indent$}{}", "", input.choose(&all)?))
}

/// What holds of each schema.
fn stands(schema: &ParsedSchema, text: &str, payload: &[u8]) {
    assert_eq!(schema.text(), text);
    assert!(is_schema(schema.root(), 0), "{text}");
    assert_eq!(schema.fingerprint(), fingerprint(text));
    assert_eq!(relate(text, text), Relation::Identical);
    let json: serde_json::Value = serde_json::from_str(&schema.to_json()).expect("JSON");
    assert_eq!(json["root"]["size"], schema.size());
    let numpy = schema.to_numpy();
    assert!(numpy.ends_with(&format!("'itemsize': {}}}", schema.size())), "{numpy}");
    assert!(without_comments(&schema.to_c_header()).is_ascii());
    let columns = schema.columns();
    if PAYLOAD_LEN_MAX < schema.size() || VALUES_READ_MAX < values(schema.root()) {
        return;
    }
    let mut bytes = payload.to_vec();
    bytes.resize(schema.size(), 0);
    let (read, datum) = (naive::read(schema.root(), &bytes), schema.datum(&bytes).unwrap());
    let value = datum.value();
    assert_eq!(value.is_ok(), read.is_some(), "{value:?} of {bytes:?}\n{text}");
    let json = serde_json::to_string(&datum).map_err(|error| error.to_string());
    assert_eq!(
        json,
        read.map(|read| read.json).ok_or_else(|| value.clone().unwrap_err().to_string())
    );
    if let (Ok(columns), Ok(row)) = (columns, datum.row()) {
        assert_eq!(row.len(), columns.len());
        assert_eq!(row.cells().map(|cells| cells.len()), value.map(|_| columns.len()));
    }
}

/// What "Schema" says of a node and all that is inside: names, offsets, sizes, depth.
fn is_schema(node: &Node, depth: usize) -> bool {
    let inside = match node.kind() {
        Kind::Array { count, element } => {
            element.size() * count == node.size() && is_schema(element, depth + 1)
        }
        Kind::Option(value) => value.size() + 1 == node.size() && is_schema(value, depth + 1),
        Kind::Struct { name, fields } => {
            is_name(name) && are_fields(fields, node.size(), depth + 1)
        }
        Kind::Enum { name, tag_size, variants } => {
            let names: BTreeSet<&str> = variants.iter().map(Variant::name).collect();
            let tags: BTreeSet<u16> = variants.iter().map(Variant::tag).collect();
            is_name(name)
                && (1..=2).contains(tag_size)
                && (names.len(), tags.len()) == (variants.len(), variants.len())
                && variants.iter().all(|variant| {
                    is_name(variant.name())
                        && (*tag_size == 2 || variant.tag() <= 255)
                        && tag_size + variant.size() <= node.size()
                        && are_fields(variant.fields(), variant.size(), depth + 1)
                })
        }
        _ => return true,
    };
    inside && depth < 32
}

fn are_fields(fields: &[Node], size: usize, depth: usize) -> bool {
    let names: BTreeSet<&str> = fields.iter().map(Node::name).collect();
    let mut end = 0;
    for field in fields {
        if field.offset() != end || !is_name(field.name()) || !is_schema(field, depth) {
            return false;
        }
        end += field.size();
    }
    end == size && names.len() == fields.len()
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.starts_with(['#', '-'])
        && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

/// A C header without its comments, each of which ends where it should.
fn without_comments(header: &str) -> String {
    let mut parts = header.split("/*");
    let code = parts.next().unwrap_or_default().to_owned();
    parts.fold(code, |code, part| {
        let (comment, behind) = part.split_once("*/").expect("a comment that ends");
        assert!(!comment.contains('\n') && !behind.contains("*/"), "{header}");
        code + behind
    })
}

/// How many values there are at most, each node one.
fn values(node: &Node) -> u64 {
    let sum = |nodes: &[Node]| nodes.iter().map(values).fold(0, u64::saturating_add);
    let inside = match node.kind() {
        Kind::Array { count, element } => values(element).saturating_mul(*count as u64),
        Kind::Option(value) => values(value),
        Kind::Struct { fields, .. } => sum(fields),
        Kind::Enum { variants, .. } => {
            variants.iter().map(|variant| sum(variant.fields())).max().unwrap_or(0)
        }
        _ => 0,
    };
    inside.saturating_add(1)
}

fn mirrored(forward: Relation<'_>, backward: Relation<'_>) {
    match (forward, backward) {
        (Relation::Identical, Relation::Identical)
        | (Relation::Older, Relation::Newer)
        | (Relation::Newer, Relation::Older) => {}
        (Relation::Incompatible(one), Relation::Incompatible(other)) => {
            for difference in [one, other] {
                assert!(!format!("{difference}{difference:?}").is_empty());
                let _ = difference.path();
            }
        }
        other => panic!("{other:?}"),
    }
}

/// "The relation of two schemas" of `docs/FORMAT.md`, rule by rule: whether records of the old
/// schema can be read by the new one.
fn reads(old: &Node, new: &Node) -> bool {
    old.size() <= new.size() && type_reads(old, new)
}

fn type_reads(old: &Node, new: &Node) -> bool {
    match (old.kind(), new.kind()) {
        (Kind::Struct { name: a, fields: before }, Kind::Struct { name: b, fields: now }) => {
            record_kept((a, old), (b, new)) && fields_read(before, now)
        }
        (
            Kind::Enum { name: a, tag_size: tag, variants: before },
            Kind::Enum { name: b, tag_size, variants: now },
        ) => {
            let kept = |old: &Variant| now.iter().any(|new| variant_reads(old, new));
            record_kept((a, old), (b, new)) && tag == tag_size && before.iter().all(kept)
        }
        (Kind::Array { count: before, element: old }, Kind::Array { count: now, element: new }) => {
            before == now && old.size() == new.size() && type_reads(old, new)
        }
        (Kind::Option(old), Kind::Option(new)) => size_kept(old, new, true) && type_reads(old, new),
        (before, now) => before == now,
    }
}

fn record_kept((old_name, old): (&str, &Node), (new_name, new): (&str, &Node)) -> bool {
    kept(old_name, old.record_was(), new_name, new.record_was())
}

fn variant_reads(old: &Variant, new: &Variant) -> bool {
    old.tag() == new.tag()
        && kept(old.name(), old.was(), new.name(), new.was())
        && fields_read(old.fields(), new.fields())
}

/// All names of the old one are among those of the new one.
fn kept<'a>(
    old: &'a str,
    old_was: impl Iterator<Item = &'a str>,
    new: &'a str,
    new_was: impl Iterator<Item = &'a str>,
) -> bool {
    let names: BTreeSet<&str> = new_was.chain([new]).collect();
    old_was.chain([old]).all(|name| names.contains(name))
}

fn fields_read(old: &[Node], new: &[Node]) -> bool {
    let Some(appended) = new.get(old.len()..) else { return false };
    let kept = old.iter().zip(new).enumerate().all(|(index, (old_field, field))| {
        kept(old_field.name(), old_field.was(), field.name(), field.was())
            && old_field.offset() == field.offset()
            && (field.has_default() || !old_field.has_default())
            && size_kept(old_field, field, index + 1 == old.len())
            && type_reads(old_field, field)
    });
    kept && appended.iter().all(|f| f.has_default() || matches!(f.kind(), Kind::Option(_)))
}

fn size_kept(old: &Node, new: &Node, may_grow: bool) -> bool {
    let grows = matches!(new.kind(), Kind::Struct { .. } | Kind::Enum { .. } | Kind::Option(_));
    old.size() == new.size() || may_grow && grows && old.size() < new.size()
}
