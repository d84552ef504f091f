//! Shows an image by its schema: the `Debug` of views, which thus asks nothing of the field types.
//! What is no value is shown as such.

use core::{
    fmt::{self, Debug, Formatter},
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use crate::{
    error::Invalid,
    field::Field,
    fixed,
    record::decode,
    schema::{FieldDef, Schema, Shape, Type},
    time::Timestamp,
};

pub(crate) fn record(f: &mut Formatter<'_>, schema: &Schema, bytes: &[u8]) -> fmt::Result {
    match *schema.shape() {
        Shape::Struct { fields } => self::fields(f, schema.name(), fields, bytes),
        Shape::Enum { tag_size, variants } => {
            let (tag, body) = bytes.split_at_checked(tag_size).unwrap_or((bytes, &[]));
            let tag = match *tag {
                [tag] => u16::from(tag),
                [low, high] => u16::from_le_bytes([low, high]),
                _ => 0,
            };
            match variants.iter().find(|variant| variant.tag == tag) {
                Some(variant) => self::fields(f, variant.name, variant.fields, body),
                None => write!(f, "<tag {tag}>"),
            }
        }
    }
}

fn fields(f: &mut Formatter<'_>, name: &str, fields: &[FieldDef], bytes: &[u8]) -> fmt::Result {
    let mut rest = bytes;
    let parts = fields.iter().map(|field| {
        let (bytes, behind) = rest.split_at_checked(field.ty.size()).unwrap_or((rest, &[]));
        rest = behind;
        (field.name, Shown { ty: field.ty, bytes })
    });
    if fields.first().is_some_and(|field| field.name == "0") {
        let mut tuple = f.debug_tuple(name);
        parts.for_each(|(_, shown)| {
            tuple.field(&shown);
        });
        tuple.finish()
    } else {
        let mut named = f.debug_struct(name);
        parts.for_each(|(name, shown)| {
            named.field(name, &shown);
        });
        named.finish()
    }
}

/// Bytes and what they are.
pub(crate) struct Shown<'a> {
    pub(crate) ty: Type,
    pub(crate) bytes: &'a [u8],
}

impl Debug for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes;
        match self.ty {
            Type::U8 => scalar::<u8>(f, bytes),
            Type::U16 => scalar::<u16>(f, bytes),
            Type::U32 => scalar::<u32>(f, bytes),
            Type::U64 => scalar::<u64>(f, bytes),
            Type::U128 => scalar::<u128>(f, bytes),
            Type::I8 => scalar::<i8>(f, bytes),
            Type::I16 => scalar::<i16>(f, bytes),
            Type::I32 => scalar::<i32>(f, bytes),
            Type::I64 => scalar::<i64>(f, bytes),
            Type::I128 => scalar::<i128>(f, bytes),
            Type::F32 => scalar::<f32>(f, bytes),
            Type::F64 => scalar::<f64>(f, bytes),
            Type::Bool => scalar::<bool>(f, bytes),
            Type::Char => scalar::<char>(f, bytes),
            Type::Timestamp => scalar::<Timestamp>(f, bytes),
            Type::Duration => scalar::<Duration>(f, bytes),
            Type::Ipv4 => scalar::<Ipv4Addr>(f, bytes),
            Type::Ipv6 => scalar::<Ipv6Addr>(f, bytes),
            Type::NonZero(integer) => Shown { ty: *integer, bytes }.fmt(f),
            Type::Unit => f.write_str("()"),
            Type::Str(_) => shown(f, fixed::text(bytes)),
            Type::Bytes(_) => hexadecimal(f, bytes),
            Type::Array { element, count } => {
                let size = element.size();
                let element = |index| {
                    let start = size * index;
                    let bytes = bytes.get(start..start + size).unwrap_or_default();
                    Shown { ty: *element, bytes }
                };
                f.debug_list().entries((0..count).map(element)).finish()
            }
            Type::Option(body) => match bytes {
                [0, ..] => f.write_str("None"),
                [1, bytes @ ..] => {
                    f.debug_tuple("Some").field(&Shown { ty: *body, bytes }).finish()
                }
                [presence, ..] => write!(f, "<presence {presence}>"),
                [] => f.write_str("<nothing>"),
            },
            Type::Record(schema) => record(f, schema, bytes),
            Type::Opaque(opaque) => {
                write!(f, "{} ", opaque.name())?;
                hexadecimal(f, bytes)
            }
        }
    }
}

fn scalar<T: Field + Debug>(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    shown(f, decode::<T>(bytes))
}

fn shown<T: Debug>(f: &mut Formatter<'_>, value: Result<T, Invalid>) -> fmt::Result {
    match value {
        Ok(value) => value.fmt(f),
        Err(invalid) => write!(f, "<{}>", invalid.found()),
    }
}

fn hexadecimal(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
