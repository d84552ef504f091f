//! A payload read straight from `docs/FORMAT.md`: its tables of types and of JSON, and no code of
//! the library but the tree of the schema.

use std::net::{Ipv4Addr, Ipv6Addr};

use kekbit_channel::{Kind, Node};

/// What a payload says.
pub(crate) struct Reading {
    /// As the table "In other languages" tells it.
    pub(crate) json: String,
    /// The payload with zeroes where nothing is used.
    pub(crate) canonical: Vec<u8>,
}

/// `None` if the bytes are no value.
pub(crate) fn read(node: &Node, bytes: &[u8]) -> Option<Reading> {
    if bytes.len() != node.size() {
        return None;
    }
    let mut reading = Reading { json: String::new(), canonical: Vec::new() };
    reading.node(node, bytes)?;
    assert_eq!(reading.canonical.len(), bytes.len());
    Some(reading)
}

fn number(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text")
}

fn signed(bytes: &[u8]) -> i128 {
    let shift = 128 - 8 * bytes.len() as u32;
    (number(bytes) << shift).cast_signed() >> shift
}

impl Reading {
    /// Takes a single value whose bytes are all used.
    fn scalar(&mut self, bytes: &[u8], json: &str) -> Option<()> {
        self.json += json;
        self.canonical.extend(bytes);
        Some(())
    }

    fn node(&mut self, node: &Node, bytes: &[u8]) -> Option<()> {
        match node.kind() {
            Kind::Array { count, element } => {
                self.json += "[";
                for index in 0..*count {
                    self.json += if index == 0 { "" } else { "," };
                    self.node(element, &bytes[index * element.size()..][..element.size()])?;
                }
                self.json += "]";
                Some(())
            }
            Kind::Option(value) => {
                self.canonical.push(bytes[0]);
                match bytes[0] {
                    0 => {
                        self.json += "null";
                        self.canonical.extend(vec![0; value.size()]);
                        Some(())
                    }
                    1 => self.node(value, &bytes[1..]),
                    _ => None,
                }
            }
            Kind::Struct { fields, .. } => self.fields(fields, bytes),
            Kind::Enum { tag_size, variants, .. } => {
                let (tag, body) = bytes.split_at(*tag_size);
                let variant = variants.iter().find(|v| u128::from(v.tag()) == number(tag))?;
                self.canonical.extend(tag);
                let name = quoted(variant.name());
                if variant.fields().is_empty() {
                    self.json += &name;
                } else {
                    self.json += &format!("{{{name}:");
                    self.fields(variant.fields(), &body[..variant.size()])?;
                    self.json += "}";
                }
                self.canonical.extend(vec![0; body.len() - variant.size()]);
                Some(())
            }
            Kind::NonZero(_) if number(bytes) == 0 => None,
            Kind::NonZero(integer) => self.single(integer, bytes),
            kind => self.single(kind, bytes),
        }
    }

    fn fields(&mut self, fields: &[Node], bytes: &[u8]) -> Option<()> {
        let is_tuple = fields.iter().enumerate().all(|(n, field)| field.name() == n.to_string());
        let (open, close) = match (fields.len(), is_tuple) {
            (0, _) => ("null", ""),
            (1, true) => ("", ""),
            (_, true) => ("[", "]"),
            (_, false) => ("{", "}"),
        };
        self.json += open;
        for (index, field) in fields.iter().enumerate() {
            self.json += if index == 0 { "" } else { "," };
            if !is_tuple {
                self.json += &format!("{}:", quoted(field.name()));
            }
            self.node(field, &bytes[field.offset()..][..field.size()])?;
        }
        self.json += close;
        Some(())
    }

    fn single(&mut self, kind: &Kind, bytes: &[u8]) -> Option<()> {
        let json = match kind {
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 | Kind::U128 | Kind::Timestamp => {
                number(bytes).to_string()
            }
            Kind::I8 | Kind::I16 | Kind::I32 | Kind::I64 | Kind::I128 => signed(bytes).to_string(),
            Kind::F32 => float!(f32, bytes),
            Kind::F64 => float!(f64, bytes),
            Kind::Bool => ["false", "true"].get(number(bytes) as usize)?.to_string(),
            Kind::Char => quoted(&char::from_u32(number(bytes) as u32)?.to_string()),
            Kind::Unit => "null".into(),
            Kind::Str => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                let text = std::str::from_utf8(&bytes[..end]).ok()?;
                if text.contains('\0') {
                    return None;
                }
                quoted(text)
            }
            Kind::Bytes | Kind::Opaque(_) => {
                format!(
                    "\"{}\"",
                    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
                )
            }
            Kind::Duration => {
                let (secs, nanos) = (number(&bytes[..8]), number(&bytes[8..]));
                if 999_999_999 < nanos {
                    return None;
                }
                format!("{{\"secs\":{secs},\"nanos\":{nanos}}}")
            }
            Kind::Ipv4 => format!(
                "\"{}\"",
                Ipv4Addr::from_bits(u32::from_be_bytes(bytes.try_into().unwrap()))
            ),
            Kind::Ipv6 => format!(
                "\"{}\"",
                Ipv6Addr::from_bits(u128::from_be_bytes(bytes.try_into().unwrap()))
            ),
            other => panic!("{other:?} is none of the types of the format"),
        };
        self.scalar(bytes, &json)
    }
}

/// A number that has to come back as it was from its text; `null` if there is none.
macro_rules! float {
    ($type:ty, $bytes:expr) => {{
        let value = <$type>::from_le_bytes($bytes.try_into().unwrap());
        let text = serde_json::to_string(&value).unwrap();
        match value.is_finite() {
            true => assert_eq!(text.parse::<$type>().unwrap().to_bits(), value.to_bits()),
            false => assert_eq!(text, "null"),
        }
        text
    }};
}
use float;
