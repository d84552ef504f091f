//! The canonical text of a parsed schema, and the fingerprint of a text.

use alloc::{boxed::Box, string::String};
use core::fmt::Write;

use super::{Kind, Node, Notes, Variant};
use crate::schema::Hash;

/// Of a text that was parsed: the hash of its lines that are no annotations.
pub(super) fn fingerprint(text: &str) -> u64 {
    let mut hash = Hash::new();
    for line in text.split_inclusive('\n') {
        if !line.trim_start_matches(' ').starts_with('#') {
            line.bytes().for_each(|byte| hash.byte(byte));
        }
    }
    hash.finish()
}

pub(super) fn render(root: &Node) -> String {
    let mut text = Text(String::new());
    text.head(&root.kind);
    text.line(format_args!(" {}", root.size));
    text.notes(root.notes.as_deref(), 1);
    text.inside(&root.kind, 1);
    text.0
}

struct Text(String);

impl Text {
    fn put(&mut self, part: core::fmt::Arguments<'_>) {
        // A `String` takes whatever is written to it.
        let _ = self.0.write_fmt(part);
    }

    fn line(&mut self, end: core::fmt::Arguments<'_>) {
        self.put(end);
        self.0.push('\n');
    }

    fn indent(&mut self, indent: usize) {
        self.0.extend(core::iter::repeat_n(' ', indent));
    }

    /// The words of a type.
    fn head(&mut self, kind: &Kind) {
        match kind {
            Kind::Struct { name, .. } => self.put(format_args!("struct {name}")),
            Kind::Enum { name, tag_size, .. } => self.put(format_args!("enum {name} {tag_size}")),
            Kind::Array { count, .. } => self.put(format_args!("array {count}")),
            Kind::Opaque(name) => self.put(format_args!("opaque {name}")),
            Kind::NonZero(integer) => self.put(format_args!("nonzero {}", integer.word())),
            one_word => self.0.push_str(one_word.word()),
        }
    }

    fn notes(&mut self, notes: Option<&Notes>, indent: usize) {
        let Some(notes) = notes else { return };
        let Notes { was, record_was, default, unit, doc, unknown } = notes;
        self.names("# was", was, indent);
        self.names("# record-was", record_was, indent);
        let default = default.then_some("");
        let keys =
            [("# default", default), ("# unit ", unit.as_deref()), ("# doc ", doc.as_deref())];
        for (key, text) in keys {
            if let Some(text) = text {
                self.indent(indent);
                self.line(format_args!("{key}{text}"));
            }
        }
        for line in unknown {
            self.indent(indent);
            self.line(format_args!("{line}"));
        }
    }

    fn names(&mut self, key: &str, names: &[Box<str>], indent: usize) {
        if names.is_empty() {
            return;
        }
        self.indent(indent);
        self.put(format_args!("{key}"));
        for name in names {
            self.put(format_args!(" {name}"));
        }
        self.0.push('\n');
    }

    /// The lines below a node.
    fn inside(&mut self, kind: &Kind, indent: usize) {
        match kind {
            Kind::Struct { fields, .. } => self.nodes(fields, indent),
            Kind::Enum { variants, .. } => {
                for Variant { name, tag, size, fields, notes } in variants {
                    self.indent(indent);
                    self.line(format_args!("{name} {tag} {size}"));
                    self.notes(notes.as_deref(), indent + 1);
                    self.nodes(fields, indent + 1);
                }
            }
            Kind::Array { element, .. } => self.node(element, indent),
            Kind::Option(value) => self.node(value, indent),
            _ => {}
        }
    }

    fn nodes(&mut self, nodes: &[Node], indent: usize) {
        nodes.iter().for_each(|node| self.node(node, indent));
    }

    fn node(&mut self, node: &Node, indent: usize) {
        self.indent(indent);
        self.put(format_args!("{} {} {} ", node.name, node.offset, node.size));
        self.head(&node.kind);
        self.0.push('\n');
        self.notes(node.notes.as_deref(), indent + 1);
        self.inside(&node.kind, indent + 1);
    }
}
