//! The one renderer of the canonical text. It counts, hashes and writes in the same pass, so text
//! and fingerprint cannot disagree.

use super::{FieldDef, Notes, Schema, Shape, Type};

/// FNV-1a, 64 bits: the hash behind fingerprints.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) const fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) const fn byte(&mut self, byte: u8) {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        self.0 = (self.0 ^ byte as u64).wrapping_mul(PRIME);
    }

    pub(crate) const fn finish(self) -> u64 {
        self.0
    }
}

/// Which annotations are part of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Annotations {
    /// None: the layout, of which the fingerprint is taken.
    None,
    /// Those that matter to the relation of two schemas.
    Relation,
    /// Units and docs, too.
    All,
}

/// Where the text goes: always into the count and the hash, and into a buffer if there is one.
pub(super) struct Sink<'a> {
    buffer: &'a mut [u8],
    annotations: Annotations,
    len: usize,
    hash: Hash,
}

impl Sink<'_> {
    pub(super) const fn measure(annotations: Annotations) -> Sink<'static> {
        Sink { buffer: &mut [], annotations, len: 0, hash: Hash::new() }
    }

    pub(super) const fn write(buffer: &mut [u8], annotations: Annotations) -> Sink<'_> {
        Sink { buffer, annotations, len: 0, hash: Hash::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub(super) const fn schema(&mut self, schema: &Schema) {
        self.head(schema);
        self.byte(b' ');
        self.number(schema.size);
        self.byte(b'\n');
        self.record_notes(schema, 1);
        self.shape(&schema.shape, 1);
    }

    /// `struct NAME` or `enum NAME TAG_SIZE`.
    const fn head(&mut self, schema: &Schema) {
        match schema.shape {
            Shape::Struct { .. } => {
                self.str("struct ");
                self.str(schema.name);
            }
            Shape::Enum { tag_size, .. } => {
                self.str("enum ");
                self.str(schema.name);
                self.byte(b' ');
                self.number(tag_size);
            }
        }
    }

    const fn shape(&mut self, shape: &Shape, indent: usize) {
        match shape {
            Shape::Struct { fields } => self.fields(fields, indent),
            Shape::Enum { variants, .. } => {
                let mut rest = *variants;
                while let [variant, tail @ ..] = rest {
                    self.indent(indent);
                    self.str(variant.name);
                    self.byte(b' ');
                    self.number(variant.tag as usize);
                    self.byte(b' ');
                    self.number(variant.size());
                    self.byte(b'\n');
                    self.notes(&variant.notes, indent + 1);
                    self.fields(variant.fields, indent + 1);
                    rest = tail;
                }
            }
        }
    }

    const fn fields(&mut self, fields: &[FieldDef], indent: usize) {
        let mut offset = 0;
        let mut rest = fields;
        while let [field, tail @ ..] = rest {
            self.node(field.name, offset, &field.ty, &field.notes, indent);
            offset += field.ty.size();
            rest = tail;
        }
    }

    const fn node(&mut self, name: &str, offset: usize, ty: &Type, notes: &Notes, indent: usize) {
        self.indent(indent);
        self.str(name);
        self.byte(b' ');
        self.number(offset);
        self.byte(b' ');
        self.number(ty.size());
        self.byte(b' ');
        match ty {
            Type::Array { element, count } => {
                self.str("array ");
                self.number(*count);
                self.byte(b'\n');
                self.notes(notes, indent + 1);
                self.node("-", 0, element, &Notes::NONE, indent + 1);
            }
            Type::Option(body) => {
                self.str("option\n");
                self.notes(notes, indent + 1);
                self.node("-", 1, body, &Notes::NONE, indent + 1);
            }
            Type::Record(schema) => {
                self.head(schema);
                self.byte(b'\n');
                self.was(notes.was, indent + 1);
                self.record_notes(schema, indent + 1);
                self.marks(notes, indent + 1);
                self.shape(&schema.shape, indent + 1);
            }
            scalar => {
                match scalar {
                    Type::NonZero(integer) => {
                        self.str("nonzero ");
                        self.str(word(integer));
                    }
                    Type::Opaque(opaque) => {
                        self.str("opaque ");
                        self.str(opaque.name);
                    }
                    scalar => self.str(word(scalar)),
                }
                self.byte(b'\n');
                self.notes(notes, indent + 1);
            }
        }
    }

    const fn notes(&mut self, notes: &Notes, indent: usize) {
        self.was(notes.was, indent);
        self.marks(notes, indent);
    }

    const fn was(&mut self, was: &[&str], indent: usize) {
        if was.is_empty() || self.has_no(Annotations::Relation) {
            return;
        }
        self.indent(indent);
        self.str("# was");
        let mut rest = was;
        while let [name, tail @ ..] = rest {
            self.byte(b' ');
            self.str(name);
            rest = tail;
        }
        self.byte(b'\n');
    }

    /// The former names of a record.
    const fn record_notes(&mut self, schema: &Schema, indent: usize) {
        if self.has_no(Annotations::Relation) {
            return;
        }
        let mut names = schema.record_names();
        let Some(first) = names.next() else { return };
        self.indent(indent);
        self.str("# record-was ");
        self.str(first);
        while let Some(name) = names.next() {
            self.byte(b' ');
            self.str(name);
        }
        self.byte(b'\n');
    }

    /// What stands behind the names.
    const fn marks(&mut self, notes: &Notes, indent: usize) {
        if notes.default.is_some() && !self.has_no(Annotations::Relation) {
            self.indent(indent);
            self.str("# default\n");
        }
        if self.has_no(Annotations::All) {
            return;
        }
        if !notes.unit.is_empty() {
            self.line("# unit ", notes.unit, indent);
        }
        if !notes.doc.is_empty() {
            self.line("# doc ", notes.doc, indent);
        }
    }

    const fn line(&mut self, key: &str, text: &str, indent: usize) {
        self.indent(indent);
        self.str(key);
        self.str(text);
        self.byte(b'\n');
    }

    const fn has_no(&self, annotations: Annotations) -> bool {
        (self.annotations as u8) < annotations as u8
    }

    const fn indent(&mut self, indent: usize) {
        let mut left = indent;
        while 0 < left {
            self.byte(b' ');
            left -= 1;
        }
    }

    const fn number(&mut self, number: usize) {
        if 10 <= number {
            self.number(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8);
    }

    const fn str(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let [byte, tail @ ..] = rest {
            self.byte(*byte);
            rest = tail;
        }
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < self.buffer.len() {
            self.buffer[self.len] = byte;
        }
        self.len += 1;
        self.hash.byte(byte);
    }
}

/// The word for a type that is one word.
const fn word(ty: &Type) -> &'static str {
    match ty {
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::U128 => "u128",
        Type::I8 => "i8",
        Type::I16 => "i16",
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::I128 => "i128",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Bool => "bool",
        Type::Char => "char",
        Type::Unit => "unit",
        Type::Str(_) => "str",
        Type::Bytes(_) => "bytes",
        Type::Timestamp => "timestamp",
        Type::Duration => "duration",
        Type::Ipv4 => "ipv4",
        Type::Ipv6 => "ipv6",
        // Those above it in the tree spell these out; a `NonZero` of one of them says it is none.
        Type::NonZero(_)
        | Type::Array { .. }
        | Type::Option(_)
        | Type::Record(_)
        | Type::Opaque(_) => "?",
    }
}
