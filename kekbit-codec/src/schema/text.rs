//! The one renderer of the canonical text. It counts, hashes and writes in the same pass, so text
//! and fingerprint cannot disagree.

use super::{FieldDef, Notes, Schema, Shape, Type};

/// FNV-1a, 64 bits: the hash behind fingerprints.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    pub(crate) const fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) const fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(Hash::PRIME);
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

/// Where the text goes: always into the count, into a buffer if there is one, which has room for
/// all of it, and into the hash if it is the layout alone.
pub(super) struct Sink<'a> {
    buffer: &'a mut [u8],
    writes: bool,
    annotations: Annotations,
    len: usize,
    hash: Hash,
}

impl Sink<'_> {
    pub(super) const fn measure(annotations: Annotations) -> Sink<'static> {
        Sink { buffer: &mut [], writes: false, annotations, len: 0, hash: Hash::new() }
    }

    pub(super) const fn write(buffer: &mut [u8], annotations: Annotations) -> Sink<'_> {
        Sink { buffer, writes: true, annotations, len: 0, hash: Hash::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub(super) const fn schema(&mut self, schema: &Schema) {
        let (name, size) = (Text(schema.name), Number(schema.size));
        match schema.shape {
            Shape::Struct { .. } => self.line(0, &[Text("struct"), name, size]),
            Shape::Enum { tag_size, .. } => {
                self.line(0, &[Text("enum"), name, Number(tag_size), size]);
            }
        }
        self.record_notes(schema, 1);
        self.shape(&schema.shape, 1);
    }

    const fn shape(&mut self, shape: &Shape, indent: usize) {
        match shape {
            Shape::Struct { fields } => self.fields(fields, indent),
            Shape::Enum { variants, .. } => {
                let mut rest = *variants;
                while let [variant, tail @ ..] = rest {
                    let (tag, size) = (variant.tag as usize, variant.size());
                    self.line(indent, &[Text(variant.name), Number(tag), Number(size)]);
                    self.was(&variant.notes, indent + 1);
                    self.marks(&variant.notes, indent + 1);
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
            offset += self.node(field.name, offset, &field.ty, &field.notes, indent);
            rest = tail;
        }
    }

    /// Gives back the size of the node.
    const fn node(
        &mut self,
        name: &str,
        offset: usize,
        ty: &Type,
        notes: &Notes,
        indent: usize,
    ) -> usize {
        let size = ty.size();
        let (name, offset) = (Text(name), Number(offset));
        let below = indent + 1;
        match ty {
            Type::Array { element, count } => {
                let count = Number(*count);
                self.line(indent, &[name, offset, Number(size), Text("array"), count]);
                self.was(notes, below);
                self.marks(notes, below);
                self.node("-", 0, element, &Notes::NONE, below);
            }
            Type::Option(body) => {
                self.line(indent, &[name, offset, Number(size), Text("option")]);
                self.was(notes, below);
                self.marks(notes, below);
                self.node("-", 1, body, &Notes::NONE, below);
            }
            Type::Record(schema) => {
                let record = Text(schema.name);
                match schema.shape {
                    Shape::Struct { .. } => {
                        let parts = &[name, offset, Number(size), Text("struct"), record];
                        self.line(indent, parts);
                    }
                    Shape::Enum { tag_size, .. } => {
                        let tag = Number(tag_size);
                        let parts = &[name, offset, Number(size), Text("enum"), record, tag];
                        self.line(indent, parts);
                    }
                }
                self.was(notes, below);
                self.record_notes(schema, below);
                self.marks(notes, below);
                self.shape(&schema.shape, below);
            }
            Type::NonZero(integer) => {
                let integer = Text(word(integer));
                self.line(indent, &[name, offset, Number(size), Text("nonzero"), integer]);
                self.was(notes, below);
                self.marks(notes, below);
            }
            Type::Opaque(opaque) => {
                let meaning = Text(opaque.name);
                self.line(indent, &[name, offset, Number(size), Text("opaque"), meaning]);
                self.was(notes, below);
                self.marks(notes, below);
            }
            scalar => {
                self.line(indent, &[name, offset, Number(size), Text(word(scalar))]);
                self.was(notes, below);
                self.marks(notes, below);
            }
        }
        size
    }

    const fn was(&mut self, notes: &Notes, indent: usize) {
        let (Annotations::Relation | Annotations::All) = self.annotations else { return };
        let [first, rest @ ..] = notes.was else { return };
        self.parts(indent, &[Text("# was"), Text(first)], false);
        let mut rest = rest;
        while let [name, tail @ ..] = rest {
            self.parts(1, &[Text(name)], false);
            rest = tail;
        }
        self.line(0, &[]);
    }

    /// The former names of a record.
    const fn record_notes(&mut self, schema: &Schema, indent: usize) {
        let (Annotations::Relation | Annotations::All) = self.annotations else { return };
        if let ([], None) = (schema.was, schema.extends) {
            return;
        }
        let mut names = schema.record_names();
        let Some(first) = names.next() else { return };
        self.parts(indent, &[Text("# record-was"), Text(first)], false);
        while let Some(name) = names.next() {
            self.parts(1, &[Text(name)], false);
        }
        self.line(0, &[]);
    }

    /// What stands behind the names.
    const fn marks(&mut self, notes: &Notes, indent: usize) {
        let (Annotations::Relation | Annotations::All) = self.annotations else { return };
        if notes.default.is_some() {
            self.line(indent, &[Text("# default")]);
        }
        let Annotations::All = self.annotations else { return };
        if !notes.unit.is_empty() {
            self.line(indent, &[Text("# unit"), Text(notes.unit)]);
        }
        if !notes.doc.is_empty() {
            self.line(indent, &[Text("# doc"), Text(notes.doc)]);
        }
    }

    const fn line(&mut self, indent: usize, parts: &[Part<'_>]) {
        self.parts(indent, parts, true);
    }

    /// Some spaces, then parts with a space between each two of them.
    ///
    /// NB: one function with all loops in it, which call next to nothing. At compile time a call
    /// takes several microseconds whatever it does, be it `len`: with one for each byte, the text
    /// of a record of eight fields took 3 ms.
    const fn parts(&mut self, indent: usize, parts: &[Part<'_>], ends: bool) {
        let hashes = matches!(self.annotations, Annotations::None);
        let writes = self.writes;
        let mut len = self.len;
        let mut hash = self.hash.0 as u128;
        macro_rules! put {
            ($byte:expr) => {{
                let byte: u8 = $byte;
                if writes {
                    self.buffer[len] = byte;
                }
                if hashes {
                    // As `wrapping_mul` does, which is a call.
                    hash = (hash ^ byte as u128) * Hash::PRIME as u128 & u64::MAX as u128;
                }
                len += 1;
            }};
        }
        let mut spaces = indent;
        let mut rest = parts;
        while let [part, tail @ ..] = rest {
            while 0 < spaces {
                put!(b' ');
                spaces -= 1;
            }
            match part {
                Text(text) => {
                    let bytes = text.as_bytes();
                    let count = bytes.len();
                    if writes || hashes {
                        let mut index = 0;
                        while index < count {
                            put!(bytes[index]);
                            index += 1;
                        }
                    } else {
                        len += count;
                    }
                }
                Number(number) => {
                    let mut divisor = 1;
                    while 10 <= *number / divisor {
                        divisor *= 10;
                    }
                    while 0 < divisor {
                        put!(b'0' + (*number / divisor % 10) as u8);
                        divisor /= 10;
                    }
                }
            }
            spaces = 1;
            rest = tail;
        }
        if ends {
            put!(b'\n');
        }
        self.len = len;
        self.hash.0 = hash as u64;
    }
}

/// What a line is made of.
#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Number(usize),
}

use Part::{Number, Text};

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
