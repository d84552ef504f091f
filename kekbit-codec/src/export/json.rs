//! A schema as JSON.

use alloc::string::String;
use core::fmt::{Arguments, Write as _};

use crate::parsed::{Kind, Node, ParsedSchema, Variant};

pub(super) fn tree(schema: &ParsedSchema) -> String {
    let mut json = Json(String::new());
    json.put(format_args!("{{\"fingerprint\":\"{:016x}\",\"root\":", schema.fingerprint()));
    json.node(schema.root());
    json.0.push('}');
    json.0
}

struct Json(String);

impl Json {
    fn put(&mut self, part: Arguments<'_>) {
        // A `String` takes whatever is written to it.
        let _ = self.0.write_fmt(part);
    }

    fn node(&mut self, node: &Node) {
        let (offset, size, word) = (node.offset(), node.size(), node.kind().word());
        self.0.push_str("{\"name\":");
        self.text(node.name());
        self.put(format_args!(",\"offset\":{offset},\"size\":{size},\"type\":\"{word}\""));
        match node.kind() {
            Kind::NonZero(integer) => self.member("integer", integer.word()),
            Kind::Opaque(name) => self.member("meaning", name),
            Kind::Array { count, element } => {
                self.put(format_args!(",\"count\":{count},\"element\":"));
                self.node(element);
            }
            Kind::Option(value) => {
                self.0.push_str(",\"value\":");
                self.node(value);
            }
            Kind::Struct { name, fields } => {
                self.member("record", name);
                self.fields(fields);
            }
            Kind::Enum { name, tag_size, variants } => {
                self.member("record", name);
                self.put(format_args!(",\"tag_size\":{tag_size},\"variants\":"));
                self.list(variants.iter(), Json::variant);
            }
            _ => {}
        }
        self.names("was", node.was());
        self.names("record_was", node.record_was());
        if node.has_default() {
            self.0.push_str(",\"default\":true");
        }
        self.annotation("unit", node.unit());
        self.annotation("doc", node.doc());
        self.names("annotations", node.unknown_annotations());
        self.0.push('}');
    }

    fn variant(&mut self, variant: &Variant) {
        self.0.push_str("{\"name\":");
        self.text(variant.name());
        self.put(format_args!(",\"tag\":{},\"size\":{}", variant.tag(), variant.size()));
        self.fields(variant.fields());
        self.names("was", variant.was());
        self.annotation("doc", variant.doc());
        self.names("annotations", variant.unknown_annotations());
        self.0.push('}');
    }

    fn fields(&mut self, fields: &[Node]) {
        self.0.push_str(",\"fields\":");
        self.list(fields.iter(), Json::node);
    }

    fn member(&mut self, key: &str, text: &str) {
        self.put(format_args!(",\"{key}\":"));
        self.text(text);
    }

    fn annotation(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.member(key, text);
        }
    }

    fn names<'a>(&mut self, key: &str, names: impl Iterator<Item = &'a str>) {
        let mut names = names.peekable();
        if names.peek().is_some() {
            self.put(format_args!(",\"{key}\":"));
            self.list(names, Json::text);
        }
    }

    fn list<T>(&mut self, parts: impl Iterator<Item = T>, mut put: impl FnMut(&mut Json, T)) {
        self.0.push('[');
        for (index, part) in parts.enumerate() {
            if index != 0 {
                self.0.push(',');
            }
            put(self, part);
        }
        self.0.push(']');
    }

    fn text(&mut self, text: &str) {
        self.0.push('"');
        for letter in text.chars() {
            match letter {
                '"' | '\\' => self.put(format_args!("\\{letter}")),
                '\0'..=' ' if letter != ' ' => {
                    self.put(format_args!("\\u{:04x}", u32::from(letter)));
                }
                _ => self.0.push(letter),
            }
        }
        self.0.push('"');
    }
}
