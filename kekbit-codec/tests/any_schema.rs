//! Schemas of any shape, made without the parser: all of them are read, and everything that is
//! made of one agrees with it.

use kekbit_codec::{Content, Datum, Invalid, ParsedSchema, Scalar, Visitor};
use proptest::{prelude::*, sample::select};

const CASES: u32 = if cfg!(miri) { 4 } else { 512 };

/// What lies at a node.
#[derive(Debug, Clone)]
enum Shape {
    Scalar(&'static str, usize),
    Array(usize, Box<Shape>),
    Option(Box<Shape>),
    Struct(Vec<Shape>),
    Enum { tag_size: usize, bodies: Vec<Vec<Shape>>, spare: usize },
}

impl Shape {
    fn size(&self) -> usize {
        match self {
            Shape::Scalar(_, size) => *size,
            Shape::Array(count, element) => count * element.size(),
            Shape::Option(value) => 1 + value.size(),
            Shape::Struct(fields) => sum(fields),
            Shape::Enum { tag_size, bodies, spare } => {
                tag_size + bodies.iter().map(|body| sum(body)).max().unwrap() + spare
            }
        }
    }

    fn head(&self) -> String {
        match self {
            Shape::Scalar(word, _) => (*word).into(),
            Shape::Array(count, _) => format!("array {count}"),
            Shape::Option(_) => "option".into(),
            Shape::Struct(_) => "struct S".into(),
            Shape::Enum { tag_size, .. } => format!("enum E {tag_size}"),
        }
    }

    fn inside(&self, indent: usize) -> String {
        match self {
            Shape::Scalar(..) => String::new(),
            Shape::Array(_, element) => element.node("-", 0, indent),
            Shape::Option(value) => value.node("-", 1, indent),
            Shape::Struct(shapes) => fields(shapes, indent),
            Shape::Enum { bodies, .. } => {
                let mut text = String::new();
                for (tag, body) in bodies.iter().enumerate() {
                    text += &format!("{}v{tag} {tag} {}\n", " ".repeat(indent), sum(body));
                    text += &fields(body, indent + 1);
                }
                text
            }
        }
    }

    fn node(&self, name: &str, offset: usize, indent: usize) -> String {
        let line =
            format!("{}{name} {offset} {} {}\n", " ".repeat(indent), self.size(), self.head());
        line + &self.inside(indent + 1)
    }

    fn text(&self) -> String {
        format!("{} {}\n{}", self.head(), self.size(), self.inside(1))
    }
}

fn sum(fields: &[Shape]) -> usize {
    fields.iter().map(Shape::size).sum()
}

/// Named as those of a tuple if there is an even number of them.
fn fields(fields: &[Shape], indent: usize) -> String {
    let mut offset = 0;
    let letter = if fields.len().is_multiple_of(2) { "" } else { "f" };
    let lines = fields.iter().enumerate().map(|(index, field)| {
        let node = field.node(&format!("{letter}{index}"), offset, indent);
        offset += field.size();
        node
    });
    lines.collect()
}

fn shape() -> impl Strategy<Value = Shape> {
    const SCALARS: [(&str, usize); 14] = [
        ("u8", 1),
        ("i16", 2),
        ("u32", 4),
        ("f64", 8),
        ("i128", 16),
        ("bool", 1),
        ("char", 4),
        ("nonzero u128", 16),
        ("unit", 0),
        ("str", 3),
        ("bytes", 0),
        ("duration", 12),
        ("ipv6", 16),
        ("opaque key", 5),
    ];
    let leaf = select(&SCALARS).prop_map(|(word, size)| Shape::Scalar(word, size));
    leaf.prop_recursive(5, 40, 4, |inner| {
        let body = prop::collection::vec(inner.clone(), 0..4);
        let bodies = prop::collection::vec(body.clone(), 1..4);
        prop_oneof![
            (0..4_usize, inner.clone())
                .prop_map(|(count, element)| { Shape::Array(count, Box::new(element)) }),
            inner.prop_map(|value| Shape::Option(Box::new(value))),
            body.prop_map(Shape::Struct),
            (1..=2_usize, bodies, 0..3_usize)
                .prop_map(|(tag_size, bodies, spare)| { Shape::Enum { tag_size, bodies, spare } }),
        ]
    })
}

fn record() -> impl Strategy<Value = Shape> {
    prop::collection::vec(shape(), 0..5).prop_map(Shape::Struct)
}

/// Counts what it is told of.
#[derive(Default)]
struct Count(usize);

impl Visitor for Count {
    type Error = Invalid;

    fn scalar(&mut self, _: &str, _: Scalar<'_>) -> Result<(), Invalid> {
        self.0 += 1;
        Ok(())
    }
}

/// The same number, by taking apart.
fn count(datum: Datum<'_>) -> Result<usize, Invalid> {
    Ok(match datum.content()? {
        Content::Array(elements) => elements.map(count).sum::<Result<usize, Invalid>>()?,
        Content::Option(value) => value.map_or(Ok(0), count)?,
        Content::Struct { fields, .. } | Content::Variant { fields, .. } => {
            fields.map(|(_, field)| count(field)).sum::<Result<usize, Invalid>>()?
        }
        _ => 1,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn every_shape_is_read_and_agrees_with_itself(
        shape in record(),
        bytes in prop::collection::vec(0_u8..3, 4096),
    ) {
        let text = shape.text();
        let schema = ParsedSchema::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(schema.text(), text);
        prop_assert_eq!(schema.size(), shape.size());
        let columns = schema.columns().unwrap();
        let unique: std::collections::BTreeSet<_> = columns.iter().collect();
        prop_assert_eq!(unique.len(), columns.len(), "{:?}", columns);

        let json: serde_json::Value = serde_json::from_str(&schema.to_json()).unwrap();
        prop_assert_eq!(&json["root"]["size"], &shape.size());
        let end = format!("'itemsize': {}}}", shape.size());
        prop_assert!(schema.to_numpy().ends_with(&end));
        prop_assert!(schema.to_c_header().is_ascii());

        let payload: Vec<u8> = bytes.into_iter().cycle().take(shape.size()).collect();
        for payload in [vec![0; shape.size()], payload] {
            let datum = schema.datum(&payload).unwrap();
            let row = datum.row().unwrap();
            prop_assert_eq!(row.len(), columns.len());
            match datum.value() {
                Ok(_) => {
                    prop_assert_eq!(row.cells().unwrap().len(), columns.len());
                    let mut visited = Count::default();
                    datum.visit(&mut visited).unwrap();
                    prop_assert_eq!(visited.0, count(datum).unwrap());
                }
                Err(invalid) => {
                    prop_assert!(invalid.offset() < shape.size(), "{}", invalid);
                    prop_assert_eq!(row.cells().unwrap_err(), invalid.clone());
                    prop_assert_eq!(datum.visit(&mut Count::default()).unwrap_err(), invalid);
                }
            }
        }
    }
}
