//! A schema for those who do not have Rust: as a numpy dtype, a C header, JSON.

mod c;
mod identifier;
mod json;
mod numpy;

use alloc::string::String;

use crate::parsed::{ParsedSchema, Variant};

/// Whether some variant holds something, which may take no bytes. Otherwise the enum is its tag.
fn has_fields(variants: &[Variant]) -> bool {
    variants.iter().any(|variant| !variant.fields().is_empty())
}

impl ParsedSchema {
    /// A Python expression that `numpy.dtype` takes, evaluated by `ast.literal_eval`: a `dict` of
    /// names, formats and offsets. An array with this dtype over payloads of one size, one behind
    /// the other, reads them in place.
    ///
    /// An option is a pair of `present` and `value`, an enum whose variants have fields a pair of
    /// `tag` and `body`. What has no bytes is left out.
    ///
    /// # Examples
    /// ```
    /// let schema = kekbit_codec::ParsedSchema::parse("struct Tick 9\n at 0 8 u64\n up 8 1 bool\n")?;
    /// assert_eq!(
    ///     schema.to_numpy(),
    ///     "{'names': ['at', 'up'], 'formats': ['<u8', '?'], 'offsets': [0, 8], 'itemsize': 9}"
    /// );
    /// # Ok::<(), kekbit_codec::SchemaError>(())
    /// ```
    #[must_use]
    pub fn to_numpy(&self) -> String {
        numpy::dtype(self.root())
    }

    /// A header for C11 and C++11, for gcc and clang: a packed struct, the tags of all enums, and
    /// assertions of its size and of the offset of each member.
    ///
    /// Names that are no identifiers of C are turned into some. What has no bytes is left out, and
    /// of a record without bytes nothing is left.
    ///
    /// # Examples
    /// ```
    /// let schema = kekbit_codec::ParsedSchema::parse("struct Tick 9\n at 0 8 u64\n up 8 1 bool\n")?;
    /// let header = schema.to_c_header();
    /// assert!(header.contains("\n    uint64_t at;\n"));
    /// assert!(header.contains("KEKBIT_ASSERT(offsetof(struct Tick, up) == 8, "));
    /// # Ok::<(), kekbit_codec::SchemaError>(())
    /// ```
    #[must_use]
    pub fn to_c_header(&self) -> String {
        c::header(self)
    }

    /// The tree as JSON, with all names, types, offsets, sizes, tags and annotations.
    ///
    /// # Examples
    /// ```
    /// let schema = kekbit_codec::ParsedSchema::parse("struct Tick 1\n up 0 1 bool\n")?;
    /// let expected = concat!(
    ///     r#"{"fingerprint":"1811500104c78ff0","root":{"name":"Tick","offset":0,"size":1,"#,
    ///     r#""type":"struct","record":"Tick","#,
    ///     r#""fields":[{"name":"up","offset":0,"size":1,"type":"bool"}]}}"#
    /// );
    /// assert_eq!(schema.to_json(), expected);
    /// # Ok::<(), kekbit_codec::SchemaError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        json::tree(self)
    }
}
