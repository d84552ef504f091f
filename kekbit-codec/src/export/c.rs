//! A schema as a C header.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt::{Arguments, Write as _};

use super::{
    has_fields,
    identifier::{Identifiers, identifier},
};
use crate::parsed::{Kind, Node, ParsedSchema, Variant};

pub(super) fn header(schema: &ParsedSchema) -> String {
    let (root, fingerprint) = (schema.root(), schema.fingerprint());
    let name = identifier(root.name());
    let mut header = Header { root: name.clone(), ..Header::default() };
    header.globals.take(root.name());
    if root.size() != 0 {
        let place = Place { path: String::new(), offset: 0, indent: 0 };
        header.record(&format!(" {name}"), root, "", &place);
    }
    let guard = format!("KEKBIT_{}_{fingerprint:016X}_H", name.to_ascii_uppercase());
    let Header { constants, body, asserts, .. } = header;
    let comment = comment(root.name());
    let size = root.size();
    let mut text = format!(
        "/* {comment}: {size} bytes, fingerprint {fingerprint:016x}. Made from a schema: change \
         that. */\n#ifndef {guard}\n#define {guard}\n\n#include <stddef.h>\n#include \
         <stdint.h>\n\n{PREAMBLE}{constants}"
    );
    if size == 0 {
        text.push_str("/* It has no bytes. */\n");
    } else {
        text.push_str(&format!(
            "{body}\nKEKBIT_ASSERT(sizeof(struct {name}) == {size}, \"size\");\n{asserts}"
        ));
    }
    text.push_str(&format!("\n#endif /* {guard} */\n"));
    text
}

const PREAMBLE: &str = "\
#ifndef KEKBIT_ASSERT
#ifdef __cplusplus
#define KEKBIT_ASSERT(holds, what) static_assert(holds, what)
#else
#define KEKBIT_ASSERT(holds, what) _Static_assert(holds, what)
#endif
#endif
KEKBIT_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, \"records are little-endian\");

";

#[derive(Default)]
struct Header {
    /// The name of the struct.
    root: String,
    constants: String,
    body: String,
    asserts: String,
    /// Names outside of the struct.
    globals: Identifiers,
    /// The name, tags and variants of enums that have their constants.
    enums: BTreeSet<(String, Vec<(u16, String)>)>,
}

/// Where a struct, a union or a member stands.
struct Place {
    /// From the root, as `offsetof` takes it.
    path: String,
    /// Of the first one, if it stands in arrays.
    offset: usize,
    indent: usize,
}

impl Place {
    fn inside(&self, name: &str, offset: usize) -> Place {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{name}", self.path);
        Place { path, offset: self.offset.saturating_add(offset), indent: self.indent + 1 }
    }
}

impl Header {
    fn line(&mut self, indent: usize, line: Arguments<'_>) {
        self.body.extend(core::iter::repeat_n("    ", indent));
        // A `String` takes whatever is written to it.
        let _ = writeln!(self.body, "{line}");
    }

    /// A struct or an enum; `tag` stands behind the keyword, `end` behind the brace.
    fn record(&mut self, tag: &str, node: &Node, end: &str, place: &Place) {
        self.open("struct", tag, place);
        match node.kind() {
            Kind::Struct { fields, .. } => self.fields(fields, place, 0),
            Kind::Enum { name, tag_size, variants } => {
                self.constants(name, variants);
                self.tagged(node, *tag_size, variants, place);
            }
            Kind::Option(value) => {
                let inside = place.inside("present", 0);
                self.single("uint8_t", "present", "", &inside);
                self.member(value, "value", &place.inside("value", value.offset()));
            }
            _ => {}
        }
        self.close(end, place);
    }

    fn open(&mut self, keyword: &str, tag: &str, place: &Place) {
        self.line(place.indent, format_args!("{keyword} __attribute__((packed)){tag} {{"));
    }

    fn close(&mut self, end: &str, place: &Place) {
        self.line(place.indent, format_args!("}}{end};"));
    }

    fn fields(&mut self, fields: &[Node], place: &Place, base: usize) {
        let mut names = Identifiers::default();
        for field in fields.iter().filter(|field| field.size() != 0) {
            let name = names.take(field.name());
            let inside = place.inside(&name, base.saturating_add(field.offset()));
            self.notes(field, &inside);
            self.member(field, &name, &inside);
        }
    }

    fn notes(&mut self, field: &Node, place: &Place) {
        for (what, text) in [("unit: ", field.unit()), ("", field.doc())] {
            if let Some(text) = text {
                self.line(place.indent, format_args!("/* {what}{} */", comment(text)));
            }
        }
    }

    fn tagged(&mut self, node: &Node, tag_size: usize, variants: &[Variant], place: &Place) {
        self.single(tag_type(tag_size), "tag", "", &place.inside("tag", 0));
        let room = node.size().saturating_sub(tag_size);
        if room == 0 {
            return;
        }
        let body = place.inside("body", tag_size);
        self.check(&body);
        self.open("union", "", &body);
        let mut names = Identifiers::default();
        names.take("bytes");
        if variants.iter().all(|variant| variant.size() < room) {
            let bytes = body.inside("bytes", 0);
            self.single("uint8_t", "bytes", &format!("[{room}]"), &bytes);
        }
        for variant in variants.iter().filter(|variant| variant.size() != 0) {
            let name = names.take(variant.name());
            let inside = body.inside(&name, 0);
            if let Some(doc) = variant.doc() {
                self.line(inside.indent, format_args!("/* {} */", comment(doc)));
            }
            self.open("struct", "", &inside);
            self.fields(variant.fields(), &inside, 0);
            self.close(&format!(" {name}"), &inside);
        }
        self.close(" body", &body);
    }

    /// A member for a node, unless it has no bytes.
    fn member(&mut self, node: &Node, name: &str, place: &Place) {
        if node.size() == 0 {
            return;
        }
        let (mut node, mut counts, mut first) = (node, String::new(), String::new());
        while let Kind::Array { count, element } = node.kind() {
            counts.push_str(&format!("[{count}]"));
            first.push_str("[0]");
            node = element;
        }
        let size = node.size();
        let kind = match node.kind() {
            Kind::NonZero(integer) => integer,
            kind => kind,
        };
        match kind {
            Kind::Str => self.single("char", name, &format!("{counts}[{size}]"), place),
            Kind::Bytes | Kind::Opaque(_) | Kind::Ipv4 | Kind::Ipv6 => {
                self.single("uint8_t", name, &format!("{counts}[{size}]"), place);
            }
            Kind::U128 => self.pair(["uint64_t low", "uint64_t high"], name, &counts, place),
            Kind::I128 => self.pair(["uint64_t low", "int64_t high"], name, &counts, place),
            Kind::Duration => self.pair(["uint64_t secs", "uint32_t nanos"], name, &counts, place),
            Kind::Enum { name: record, tag_size, variants }
                if size == *tag_size && !has_fields(variants) =>
            {
                self.constants(record, variants);
                self.single(tag_type(*tag_size), name, &counts, place);
            }
            Kind::Struct { .. } | Kind::Enum { .. } | Kind::Option(_) => {
                self.check(place);
                let Place { path, offset, indent } = place;
                let first =
                    Place { path: format!("{path}{first}"), offset: *offset, indent: *indent };
                self.record("", node, &format!(" {name}{counts}"), &first);
            }
            kind => self.single(integer(kind), name, &counts, place),
        }
    }

    fn single(&mut self, ty: &str, name: &str, counts: &str, place: &Place) {
        self.line(place.indent, format_args!("{ty} {name}{counts};"));
        self.check(place);
    }

    fn pair(&mut self, members: [&str; 2], name: &str, counts: &str, place: &Place) {
        self.open("struct", "", place);
        for member in members {
            self.line(place.indent + 1, format_args!("{member};"));
        }
        self.close(&format!(" {name}{counts}"), place);
        self.check(place);
    }

    fn check(&mut self, place: &Place) {
        let Place { path, offset, .. } = place;
        let _ = writeln!(
            self.asserts,
            "KEKBIT_ASSERT(offsetof(struct {}, {path}) == {offset}, \"offset\");",
            self.root
        );
    }

    /// The tags of an enum. Two records may have the same name; those with the same tags, too,
    /// share their constants.
    fn constants(&mut self, name: &str, variants: &[Variant]) {
        let tags = variants.iter().map(|variant| (variant.tag(), variant.name().to_string()));
        if !self.enums.insert((name.to_string(), tags.collect())) {
            return;
        }
        let mut prefix = self.root.clone();
        if identifier(name) != prefix {
            prefix = format!("{prefix}_{}", identifier(name));
        }
        self.constants.push_str("enum {\n");
        for variant in variants {
            let name = format!("{prefix}_{}", identifier(variant.name()));
            let constant = self.globals.take_identifier(name);
            let _ = writeln!(self.constants, "    {constant} = {},", variant.tag());
        }
        self.constants.push_str("};\n\n");
    }
}

fn tag_type(tag_size: usize) -> &'static str {
    if tag_size == 1 { "uint8_t" } else { "uint16_t" }
}

fn integer(kind: &Kind) -> &'static str {
    match kind {
        Kind::U16 => "uint16_t",
        Kind::U32 | Kind::Char => "uint32_t",
        Kind::U64 | Kind::Timestamp => "uint64_t",
        Kind::I8 => "int8_t",
        Kind::I16 => "int16_t",
        Kind::I32 => "int32_t",
        Kind::I64 => "int64_t",
        Kind::F32 => "float",
        Kind::F64 => "double",
        // A bool or a byte; `member` knows all that is larger.
        _ => "uint8_t",
    }
}

/// Text that can stand in a comment: it neither ends it nor seems to begin another, and looks the
/// way it is.
fn comment(text: &str) -> String {
    let mut safe = String::new();
    let mut last = ' ';
    for letter in text.chars() {
        if matches!((last, letter), ('*', '/') | ('/', '*')) {
            safe.push(' ');
        }
        // Marks that reorder text, of which compilers warn.
        let reorders = matches!(letter, '\u{61C}' | '\u{200E}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        safe.push(if reorders { '?' } else { letter });
        last = letter;
    }
    safe
}
