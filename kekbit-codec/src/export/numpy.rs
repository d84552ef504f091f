//! A schema as a dtype of numpy.

use alloc::{format, string::String};
use core::fmt::Write as _;

use super::has_fields;
use crate::parsed::{Kind, Node};

pub(super) fn dtype(root: &Node) -> String {
    let mut text = Dtype(String::new());
    match root.kind() {
        // The root is always a `dict`, so that it can be taken apart the same way everywhere.
        Kind::Enum { tag_size, .. } => text.tagged(root.size(), *tag_size),
        Kind::Struct { fields, .. } => text.fields(fields, root.size()),
        _ => text.format(root),
    }
    text.0
}

struct Dtype(String);

impl Dtype {
    fn put(&mut self, part: core::fmt::Arguments<'_>) {
        // A `String` takes whatever is written to it.
        let _ = self.0.write_fmt(part);
    }

    fn fields(&mut self, fields: &[Node], size: usize) {
        let fields = || fields.iter().filter(|field| field.size() != 0);
        self.0.push_str("{'names': [");
        self.list(fields(), |text, field| text.quoted(field.name()));
        self.0.push_str("], 'formats': [");
        self.list(fields(), |text, field| text.format(field));
        self.0.push_str("], 'offsets': [");
        self.list(fields(), |text, field| text.put(format_args!("{}", field.offset())));
        self.put(format_args!("], 'itemsize': {size}}}"));
    }

    fn list<'a>(
        &mut self,
        nodes: impl Iterator<Item = &'a Node>,
        mut put: impl FnMut(&mut Dtype, &'a Node),
    ) {
        for (index, node) in nodes.enumerate() {
            if index != 0 {
                self.0.push_str(", ");
            }
            put(self, node);
        }
    }

    /// An enum as a `dict`.
    fn tagged(&mut self, size: usize, tag_size: usize) {
        match size.saturating_sub(tag_size) {
            0 => self.put(format_args!(
                "{{'names': ['tag'], 'formats': ['<u{tag_size}'], 'offsets': [0], \
                 'itemsize': {size}}}"
            )),
            body => self.put(format_args!(
                "{{'names': ['tag', 'body'], 'formats': ['<u{tag_size}', 'V{body}'], \
                 'offsets': [0, {tag_size}], 'itemsize': {size}}}"
            )),
        }
    }

    fn format(&mut self, node: &Node) {
        match node.kind() {
            Kind::Array { .. } => self.array(node),
            Kind::Option(value) if value.size() == 0 => self.0.push_str("[('present', '?')]"),
            Kind::Option(value) => {
                self.0.push_str("[('present', '?'), ('value', ");
                self.format(value);
                self.0.push_str(")]");
            }
            Kind::Struct { fields, .. } => self.fields(fields, node.size()),
            Kind::Enum { tag_size, variants, .. } => match node.size().saturating_sub(*tag_size) {
                0 if has_fields(variants) => {
                    self.put(format_args!("[('tag', '<u{tag_size}')]"));
                }
                0 => self.put(format_args!("'<u{tag_size}'")),
                body => {
                    self.put(format_args!("[('tag', '<u{tag_size}'), ('body', 'V{body}')]"));
                }
            },
            Kind::Str => self.put(format_args!("'S{}'", node.size())),
            Kind::Bytes | Kind::Opaque(_) => self.put(format_args!("'V{}'", node.size())),
            kind => self.0.push_str(scalar(kind)),
        }
    }

    /// Arrays of arrays as one of several dimensions: numpy takes two types, of which one is an
    /// array of the other, for another type than that. An address is an array, too.
    fn array(&mut self, node: &Node) {
        let (mut node, mut shape) = (node, String::new());
        while let Kind::Array { count, element } = node.kind() {
            shape.push_str(&format!("{count}, "));
            node = element;
        }
        self.0.push('(');
        match node.kind() {
            Kind::Ipv4 | Kind::Ipv6 => {
                self.0.push_str("'u1'");
                shape.push_str(&format!("{}, ", node.size()));
            }
            _ => self.format(node),
        }
        // A tuple of one needs the comma behind it.
        let several = shape.matches(',').count() != 1;
        let shape = shape.trim_end_matches(if several { ", " } else { " " });
        self.put(format_args!(", ({shape}))"));
    }

    /// A literal of Python, in ASCII.
    fn quoted(&mut self, text: &str) {
        self.0.push('\'');
        for letter in text.chars() {
            match letter {
                '\'' | '\\' => self.put(format_args!("\\{letter}")),
                ' '..='~' => self.0.push(letter),
                _ => self.put(format_args!("\\U{:08x}", u32::from(letter))),
            }
        }
        self.0.push('\'');
    }
}

fn scalar(kind: &Kind) -> &'static str {
    match kind {
        Kind::U8 => "'<u1'",
        Kind::U16 => "'<u2'",
        Kind::U32 | Kind::Char => "'<u4'",
        Kind::U64 => "'<u8'",
        Kind::U128 => "[('low', '<u8'), ('high', '<u8')]",
        Kind::I8 => "'<i1'",
        Kind::I16 => "'<i2'",
        Kind::I32 => "'<i4'",
        Kind::I64 => "'<i8'",
        Kind::I128 => "[('low', '<u8'), ('high', '<i8')]",
        Kind::F32 => "'<f4'",
        Kind::F64 => "'<f8'",
        Kind::Bool => "'?'",
        Kind::NonZero(integer) => scalar(integer),
        Kind::Timestamp => "'<M8[ns]'",
        Kind::Duration => "[('secs', '<u8'), ('nanos', '<u4')]",
        Kind::Ipv4 => "('u1', (4,))",
        Kind::Ipv6 => "('u1', (16,))",
        // `format` spells these out, and a unit has no bytes.
        Kind::Unit
        | Kind::Str
        | Kind::Bytes
        | Kind::Opaque(_)
        | Kind::Array { .. }
        | Kind::Option(_)
        | Kind::Struct { .. }
        | Kind::Enum { .. } => "'V0'",
    }
}
