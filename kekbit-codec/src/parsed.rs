//! [`ParsedSchema`]: the schema of a file, read from its text at run time.

mod kind;
mod line;
mod notes;
mod read;
mod text;

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use notes::Notes;

/// The most bytes a schema text may have.
pub(crate) const TEXT_LEN_MAX: usize = 1 << 20;
/// The most bytes a record, or a part of one, may have.
pub(crate) const SIZE_MAX: usize = u32::MAX as usize;
/// The most values that a record may have, those of its arrays included.
pub(crate) const VALUES_MAX: u64 = 1 << 28;
/// The most values in arrays whose elements have no bytes, of all of a record together: these cost
/// a file nothing.
pub(crate) const EMPTY_VALUES_MAX: u64 = 1 << 16;

/// What a schema text says, without the Rust type it was made from.
///
/// The text is input: whatever it says, parsing ends in bounded time and memory, in a schema or in
/// a [`SchemaError`]. Only canonical text is taken, so the schema gives back the very text that it
/// was parsed from.
///
/// # Examples
/// ```
/// use kekbit_codec::{Kind, ParsedSchema, Record};
///
/// #[derive(Record)]
/// struct Order {
///     id: u64,
///     limit: Option<i64>,
/// }
///
/// let schema = ParsedSchema::parse(&Order::SCHEMA.text())?;
/// assert_eq!((schema.name(), schema.size()), ("Order", 17));
/// assert_eq!(schema.text(), Order::SCHEMA.text());
/// assert_eq!(schema.fingerprint(), Order::SCHEMA.fingerprint());
///
/// let Kind::Struct { fields, .. } = schema.root().kind() else { panic!("not a struct") };
/// assert_eq!((fields[1].name(), fields[1].offset(), fields[1].size()), ("limit", 8, 9));
/// # Ok::<(), kekbit_codec::SchemaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedSchema {
    root: Node,
    fingerprint: u64,
}

/// A part of a record that has a place: a field, an element of an array, the value of an option,
/// or the record itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    name: Box<str>,
    offset: usize,
    size: usize,
    kind: Kind,
    /// Most nodes have none.
    notes: Option<Box<Notes>>,
}

/// What lies at a [`Node`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
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
    /// An integer that is not zero: one of the ten kinds from `U8` to `I128`.
    NonZero(Box<Kind>),
    /// Nothing: no bytes.
    Unit,
    /// UTF-8, padded with zeroes.
    Str,
    /// Bytes.
    Bytes,
    /// Eight bytes, nanoseconds since the Unix epoch.
    Timestamp,
    /// Eight bytes of seconds, four of nanoseconds below a second.
    Duration,
    /// Four octets.
    Ipv4,
    /// Sixteen octets.
    Ipv6,
    /// Bytes whose meaning the schema only names.
    Opaque(String),
    /// Elements one behind the other.
    Array {
        /// How many there are.
        count: usize,
        /// What each of them is.
        element: Box<Node>,
    },
    /// One byte, 0 or 1, and room for the value.
    Option(Box<Node>),
    /// Fields one behind the other.
    Struct {
        /// The name of the record.
        name: String,
        /// The fields. Those of a tuple are named `0`, `1` and so on.
        fields: Vec<Node>,
    },
    /// A tag, and behind it room for the largest variant.
    Enum {
        /// The name of the record.
        name: String,
        /// Bytes of the tag: 1 or 2.
        tag_size: usize,
        /// The variants in the order of the declaration; there is at least one.
        variants: Vec<Variant>,
    },
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    name: Box<str>,
    tag: u16,
    size: usize,
    fields: Vec<Node>,
    notes: Option<Box<Notes>>,
}

impl ParsedSchema {
    /// Parses a canonical schema text.
    ///
    /// # Errors
    /// The first line at which the text is not what the format says, what is found there, and what
    /// could have stood there.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::ParsedSchema;
    ///
    /// let invalid = ParsedSchema::parse("struct Order 9\n id 0 8 u64\n").unwrap_err();
    /// assert_eq!(invalid.line(), 1);
    /// assert_eq!(
    ///     invalid.to_string(),
    ///     "line 1 of the schema: found size 9, expected 8, which the fields below add up to"
    /// );
    /// ```
    pub fn parse(text: &str) -> Result<ParsedSchema, SchemaError> {
        let root = read::root(text)?;
        Ok(ParsedSchema { root, fingerprint: text::fingerprint(text) })
    }

    /// The canonical text, annotations included: what it was parsed from.
    #[must_use]
    pub fn text(&self) -> String {
        text::render(&self.root)
    }

    /// The 64-bit FNV-1a hash of the text without its annotations. It labels a layout; equal
    /// layouts have equal fingerprints, the reverse is likely but not certain.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The record itself. Its offset is 0.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The name of the record.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.root.name
    }

    /// Bytes of the payload of every record.
    #[must_use]
    pub fn size(&self) -> usize {
        self.root.size
    }
}

impl Node {
    /// The name of the field; `-` for an element of an array and for the value of an option; the
    /// name of the record for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first byte, counted from the start of what encloses it: a struct, the body of a variant
    /// (which starts behind the tag), the first element of an array, an option.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// What lies there.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Bytes in front of the body of an enum; of anything else, none.
    pub(crate) fn tag_size(&self) -> usize {
        match self.kind {
            Kind::Enum { tag_size, .. } => tag_size,
            _ => 0,
        }
    }

    /// The names that the field had before.
    pub fn was(&self) -> impl Iterator<Item = &str> {
        names(self.notes.as_deref().map(|notes| &notes.was))
    }

    /// The names that the record which lies there had before.
    pub fn record_was(&self) -> impl Iterator<Item = &str> {
        names(self.notes.as_deref().map(|notes| &notes.record_was))
    }

    /// Whether the code of the field's type has a value for records from before the field.
    #[must_use]
    pub fn has_default(&self) -> bool {
        self.notes.as_deref().is_some_and(|notes| notes.default)
    }

    /// The unit of its numbers.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.notes.as_deref()?.unit.as_deref()
    }

    /// What it means, in a line.
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        self.notes.as_deref()?.doc.as_deref()
    }

    /// Whole lines of annotations that this version does not know.
    pub(crate) fn unknown_annotations(&self) -> impl Iterator<Item = &str> {
        names(self.notes.as_deref().map(|notes| &notes.unknown))
    }
}

impl Variant {
    /// Whole lines of annotations that this version does not know.
    pub(crate) fn unknown_annotations(&self) -> impl Iterator<Item = &str> {
        names(self.notes.as_deref().map(|notes| &notes.unknown))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of the tag.
    #[must_use]
    pub fn tag(&self) -> u16 {
        self.tag
    }

    /// Bytes of the fields.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The fields; their offsets are counted from behind the tag.
    #[must_use]
    pub fn fields(&self) -> &[Node] {
        &self.fields
    }

    /// The names that the variant had before.
    pub fn was(&self) -> impl Iterator<Item = &str> {
        names(self.notes.as_deref().map(|notes| &notes.was))
    }

    /// What it means, in a line.
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        self.notes.as_deref()?.doc.as_deref()
    }
}

fn names(names: Option<&Vec<Box<str>>>) -> impl Iterator<Item = &str> {
    names.into_iter().flatten().map(|name| &**name)
}

/// Why a text is no schema.
///
/// # Examples
/// ```
/// let invalid = kekbit_codec::ParsedSchema::parse("struct A 2\n b 0 2 u17\n").unwrap_err();
/// assert_eq!((invalid.line(), invalid.found()), (2, "type `u17`"));
/// assert_eq!(invalid.expected(), "a type of this version; perhaps the schema is of a later one");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError(Box<Fault>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    line: usize,
    found: String,
    expected: String,
}

impl SchemaError {
    #[cold]
    #[inline(never)]
    fn new(line: usize, found: impl fmt::Display, expected: impl fmt::Display) -> SchemaError {
        let (found, expected) = (alloc::format!("{found}"), alloc::format!("{expected}"));
        SchemaError(Box::new(Fault { line, found, expected }))
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// What is there. Long texts are cut, and control characters are escaped.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// What could have been there.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.0.expected
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { line, found, expected } = &*self.0;
        write!(f, "line {line} of the schema: found {found}, expected {expected}")
    }
}

impl core::error::Error for SchemaError {}
