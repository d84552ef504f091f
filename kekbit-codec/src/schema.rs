//! [`Schema`]: names, types, offsets and sizes of a record, as a constant tree.
//!
//! Offsets are not stored: a field starts where the one before it ends.

mod notes;
mod place;
mod text;

use alloc::{string::String, vec};

pub use notes::Fill;
use notes::{Notes, RecordNames};
pub(crate) use place::unknown_tag_of;
pub use place::{Place, unknown_tag};
pub(crate) use text::Hash;
use text::{Annotations, Sink};

use crate::message::same;

/// How deep types may be nested in a record. Each record, array and `Option` is one level.
pub const DEPTH_MAX: usize = 32;

/// What a record is made of. Obtained from [`Record::SCHEMA`](crate::Record::SCHEMA).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    name: &'static str,
    size: usize,
    depth: usize,
    converts: bool,
    shape: Shape,
    /// Former names, as the type says.
    was: &'static [&'static str],
    /// The version of which this is the next.
    extends: Option<&'static Schema>,
}

/// A struct or an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Fields one behind the other, in the order of the declaration.
    Struct {
        /// The fields.
        fields: &'static [FieldDef],
    },
    /// A tag, and behind it room for the largest variant.
    Enum {
        /// Bytes of the tag: 1 or 2.
        tag_size: usize,
        /// The variants in the order of the declaration.
        variants: &'static [VariantDef],
    },
}

/// A field of a struct or of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDef {
    /// The identifier, or the number of a tuple field.
    pub name: &'static str,
    /// What lies there.
    pub ty: Type,
    /// Whether a `TryFrom` of the user's stands between the image and the value.
    converts: bool,
    notes: Notes,
}

/// A variant of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariantDef {
    /// The identifier.
    pub name: &'static str,
    /// The value of the tag.
    pub tag: u16,
    /// The fields, the first of them right behind the tag.
    pub fields: &'static [FieldDef],
    notes: Notes,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `u128`.
    U128,
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `i128`.
    I128,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// One byte, 0 or 1.
    Bool,
    /// Four bytes, a Unicode scalar value.
    Char,
    /// An integer that is not zero.
    NonZero(&'static Type),
    /// Nothing: no bytes.
    Unit,
    /// That many bytes of UTF-8, padded with zeroes.
    Str(usize),
    /// That many bytes.
    Bytes(usize),
    /// Eight bytes, nanoseconds since the Unix epoch.
    Timestamp,
    /// Eight bytes of seconds, four of nanoseconds below a second.
    Duration,
    /// Four octets.
    Ipv4,
    /// Sixteen octets.
    Ipv6,
    /// Elements one behind the other.
    Array {
        /// What each of them is.
        element: &'static Type,
        /// How many there are.
        count: usize,
    },
    /// One byte, 0 or 1, and room for the value, which is zeroed when the byte is 0.
    Option(&'static Type),
    /// A record.
    Record(&'static Schema),
    /// Bytes to which an implementor of [`Field`](crate::Field) gives a meaning of its own. See
    /// [`Type::opaque`].
    Opaque(Opaque),
}

/// A name and a size. See [`Type::opaque`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opaque {
    name: &'static str,
    size: usize,
}

impl Opaque {
    /// The name of the meaning.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl Schema {
    /// The schema of a struct.
    #[doc(hidden)]
    #[must_use]
    pub const fn of_struct(name: &'static str, fields: &'static [FieldDef]) -> Schema {
        let Measure { size, depth, converts } = measure(fields);
        let depth = deeper(depth);
        Schema {
            name,
            size,
            depth,
            converts,
            shape: Shape::Struct { fields },
            was: &[],
            extends: None,
        }
    }

    /// The schema of an enum that takes `size` bytes with its tag.
    #[doc(hidden)]
    #[must_use]
    pub const fn of_enum(
        name: &'static str,
        size: usize,
        tag_size: usize,
        variants: &'static [VariantDef],
    ) -> Schema {
        let (mut depth, mut converts) = (0, false);
        let mut rest = variants;
        while let [variant, tail @ ..] = rest {
            let variant = measure(variant.fields);
            if depth < variant.depth {
                depth = variant.depth;
            }
            converts |= variant.converts;
            rest = tail;
        }
        let depth = deeper(depth);
        let shape = Shape::Enum { tag_size, variants };
        Schema { name, size, depth, converts, shape, was: &[], extends: None }
    }

    /// The same, once called otherwise.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_was(mut self, was: &'static [&'static str]) -> Schema {
        self.was = was;
        self
    }

    /// The same as the next version of `older`, whose names are former names of this one.
    #[doc(hidden)]
    #[must_use]
    pub const fn extending(mut self, older: &'static Schema) -> Schema {
        // Versions that have nothing to tell are left out, or a long chain of them would be walked
        // through for each of its members.
        self.extends = match older {
            Schema { name, was: [], extends, .. }
                if same(name.as_bytes(), self.name.as_bytes()) =>
            {
                *extends
            }
            older => Some(older),
        };
        self
    }

    /// The name of the record: its identifier, or what `#[record(name = "...")]` says.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Bytes of the record on the wire.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// What it is made of.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The canonical text, which says all that the wire layout depends on, with what
    /// `#[record(...)]` says of former names, defaults, units and docs.
    ///
    /// One line per node, one space of indent per level, each line ended by a line feed:
    /// - the record: `struct NAME SIZE` or `enum NAME TAG_SIZE SIZE`;
    /// - a field: `NAME OFFSET SIZE TYPE`, the offset counted from the enclosing node (in a
    ///   variant: from the end of the tag);
    /// - a variant: `NAME TAG SIZE`, the size being that of its fields;
    /// - the body of an `option` and the element of an `array COUNT`: as a field named `-`.
    ///
    /// The fields of a nested `struct NAME` and the variants of a nested `enum NAME TAG_SIZE`
    /// follow it, one level deeper. Names contain neither white space nor control characters and do
    /// not start with `#` or `-`. Below a line, one level deeper, are its annotations, which start
    /// with `#`: `was`, `record-was`, `default`, `unit`, `doc`.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::Record;
    ///
    /// #[derive(Record)]
    /// struct Order {
    ///     id: u64,
    ///     side: Side,
    ///     limit: Option<i64>,
    /// }
    ///
    /// #[derive(Record)]
    /// enum Side {
    ///     Buy,
    ///     Sell,
    /// }
    ///
    /// let text = "struct Order 18
    ///  id 0 8 u64
    ///  side 8 1 enum Side 1
    ///   Buy 0 0
    ///   Sell 1 0
    ///  limit 9 9 option
    ///   - 1 8 i64
    /// ";
    /// assert_eq!(Order::SCHEMA.text(), text.replace("\n    ", "\n"));
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        self.rendered(Annotations::All)
    }

    /// The text with the annotations that matter to the relation, as in a lock file.
    pub(crate) fn relation_text(&self) -> String {
        self.rendered(Annotations::Relation)
    }

    fn rendered(&self, annotations: Annotations) -> String {
        let mut measure = Sink::measure(annotations);
        measure.schema(self);
        let mut bytes = vec![0; measure.len()];
        Sink::write(&mut bytes, annotations).schema(self);
        // The text is made of `str`s and ASCII alone.
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// Bytes of the text that [`text_bytes`](Self::text_bytes) gives.
    #[must_use]
    pub const fn text_len(&self) -> usize {
        let mut measure = Sink::measure(Annotations::Relation);
        measure.schema(self);
        measure.len()
    }

    /// The canonical text at compile time, with the annotations that matter to
    /// [`relate`](crate::relate): without units and docs.
    ///
    /// # Panics
    /// `N` is not [`text_len`](Self::text_len). In a constant that is a compile error.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::Record;
    ///
    /// #[derive(Record)]
    /// struct Ping(u8);
    ///
    /// const TEXT: [u8; Ping::SCHEMA.text_len()] = Ping::SCHEMA.text_bytes();
    /// assert_eq!(&TEXT, b"struct Ping 1\n 0 0 1 u8\n");
    /// ```
    #[must_use]
    pub const fn text_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let mut sink = Sink::write(&mut bytes, Annotations::Relation);
        sink.schema(self);
        assert!(sink.len() == N, "the length of a schema text is what `text_len` says");
        bytes
    }

    /// A number for the layout: the 64-bit FNV-1a hash of the [`text`](Self::text) without its
    /// annotations. Equal layouts have equal fingerprints; the reverse is likely but not certain,
    /// so compare texts to be sure.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::Record;
    ///
    /// #[derive(Record)]
    /// struct Ping;
    ///
    /// const FINGERPRINT: u64 = Ping::SCHEMA.fingerprint();
    /// assert_eq!(FINGERPRINT, 0x7c25_93a8_34d6_1d66);
    /// ```
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        let mut sink = Sink::measure(Annotations::None);
        sink.schema(self);
        sink.hash()
    }

    /// All names that the record had before: its own, and those of what it extends.
    pub(crate) const fn record_names(&self) -> RecordNames<'_> {
        RecordNames::of(self)
    }
}

impl FieldDef {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, ty: Type) -> FieldDef {
        FieldDef { name, ty, converts: false, notes: Notes::NONE }
    }

    /// A field of a foreign type, laid out as a proxy.
    #[doc(hidden)]
    #[must_use]
    pub const fn converted(name: &'static str, ty: Type) -> FieldDef {
        FieldDef { name, ty, converts: true, notes: Notes::NONE }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_was(mut self, was: &'static [&'static str]) -> FieldDef {
        self.notes.was = was;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_default(mut self, fill: fn(&mut [u8])) -> FieldDef {
        self.notes.default = Some(Fill(fill));
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_unit(mut self, unit: &'static str) -> FieldDef {
        self.notes.unit = unit;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_doc(mut self, doc: &'static str) -> FieldDef {
        self.notes.doc = doc;
        self
    }

    /// The names that the field had before.
    #[must_use]
    pub const fn was(&self) -> &'static [&'static str] {
        self.notes.was
    }

    /// What stands for the field in records that were written before there was one.
    #[must_use]
    pub const fn default(&self) -> Option<Fill> {
        self.notes.default
    }

    /// The unit of its numbers, or nothing.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        self.notes.unit
    }

    /// What it means, in a line, or nothing.
    #[must_use]
    pub const fn doc(&self) -> &'static str {
        self.notes.doc
    }
}

impl VariantDef {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, tag: u16, fields: &'static [FieldDef]) -> VariantDef {
        VariantDef { name, tag, fields, notes: Notes::NONE }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_was(mut self, was: &'static [&'static str]) -> VariantDef {
        self.notes.was = was;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_doc(mut self, doc: &'static str) -> VariantDef {
        self.notes.doc = doc;
        self
    }

    /// Bytes of the fields.
    #[must_use]
    pub const fn size(&self) -> usize {
        measure(self.fields).size
    }

    /// The names that the variant had before.
    #[must_use]
    pub const fn was(&self) -> &'static [&'static str] {
        self.notes.was
    }

    /// What it means, in a line, or nothing.
    #[must_use]
    pub const fn doc(&self) -> &'static str {
        self.notes.doc
    }
}

impl Type {
    /// Bytes with a meaning that the schema only names.
    ///
    /// # Panics
    /// The name is empty, longer than 255 bytes, contains white space or control characters, or
    /// starts with `#` or `-`. In a constant that is a compile error.
    #[must_use]
    pub const fn opaque(name: &'static str, size: usize) -> Type {
        assert!(
            is_name(name),
            "a name in a schema has 1 to 255 bytes, none of them white space or a control \
             character, and does not start with `#` or `-`"
        );
        Type::Opaque(Opaque { name, size })
    }

    /// Bytes on the wire.
    #[must_use]
    pub const fn size(&self) -> usize {
        match self {
            Type::Unit => 0,
            Type::U8 | Type::I8 | Type::Bool => 1,
            Type::U16 | Type::I16 => 2,
            Type::U32 | Type::I32 | Type::F32 | Type::Char | Type::Ipv4 => 4,
            Type::U64 | Type::I64 | Type::F64 | Type::Timestamp => 8,
            Type::Duration => 12,
            Type::U128 | Type::I128 | Type::Ipv6 => 16,
            Type::NonZero(integer) => integer.size(),
            Type::Str(size) | Type::Bytes(size) => *size,
            Type::Array { element, count } => element.size() * *count,
            Type::Option(body) => 1 + body.size(),
            Type::Record(schema) => schema.size,
            Type::Opaque(opaque) => opaque.size,
        }
    }

    /// Whether its image is put in several pieces that differ in size.
    pub(crate) const fn has_parts(&self) -> bool {
        match self {
            Type::Array { element, .. } => element.has_parts(),
            Type::Option(_) | Type::Record(_) | Type::Duration => true,
            _ => false,
        }
    }

    /// Whether a conversion of the user's stands between the image and the value.
    pub(crate) const fn converts(&self) -> bool {
        match self {
            Type::Array { element, .. } => element.converts(),
            Type::Option(body) => body.converts(),
            Type::Record(schema) => schema.converts,
            _ => false,
        }
    }

    const fn depth(&self) -> usize {
        match self {
            Type::Array { element, .. } => 1 + element.depth(),
            Type::Option(body) => 1 + body.depth(),
            Type::Record(schema) => schema.depth,
            _ => 0,
        }
    }
}

/// What a row of fields comes to.
struct Measure {
    size: usize,
    /// The depth of the deepest.
    depth: usize,
    /// Whether any of them does.
    converts: bool,
}

const fn measure(fields: &[FieldDef]) -> Measure {
    let mut all = Measure { size: 0, depth: 0, converts: false };
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        all.size += field.ty.size();
        let depth = field.ty.depth();
        if all.depth < depth {
            all.depth = depth;
        }
        all.converts |= field.converts || field.ty.converts();
        rest = tail;
    }
    all
}

const fn deeper(depth: usize) -> usize {
    assert!(depth < DEPTH_MAX, "records, arrays and options are nested more than 32 levels deep");
    depth + 1
}

/// Whether a line of the text can hold this name.
const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        // Of white space and control characters beyond ASCII the text needs to know nothing.
        if *byte <= b' ' || *byte == 0x7F {
            return false;
        }
        rest = tail;
    }
    !matches!(bytes, [] | [b'#' | b'-', ..]) && bytes.len() <= 255
}
