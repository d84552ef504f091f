//! [`Invalid`]: bytes that are no value, with the place and the reason.

use alloc::{boxed::Box, format, string::String, string::ToString};
use core::fmt;

/// Bytes that are no value of the type they should hold.
///
/// Names the field by its path from the record that was decoded, as one would write it in Rust:
/// `legs[2].side`. The field of a variant follows the variant's name (`Opened.order.px`), a tuple
/// field is a number (`Moved.0`), and an `Option` adds nothing. The path is empty if the value has
/// no name, as when a payload has the wrong length.
///
/// # Examples
/// ```
/// use kekbit_codec::{Record, decode};
///
/// #[derive(Debug, Record)]
/// struct Light {
///     id: u32,
///     on: bool,
/// }
///
/// let invalid = decode::<Light>(&[7, 0, 0, 0, 2]).unwrap_err();
/// assert_eq!(invalid.path(), "on");
/// assert_eq!(invalid.offset(), 4);
/// assert_eq!(invalid.to_string(), "field `on` at byte 4: found 2, expected 0 or 1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    path: String,
    offset: usize,
    found: String,
    expected: String,
    unknown_variant: bool,
}

impl Invalid {
    /// An error at the first byte of a value, for implementors of [`Field`](crate::Field).
    ///
    /// # Examples
    /// ```
    /// let invalid = kekbit_codec::Invalid::new(101, "a percentage");
    /// assert_eq!(invalid.to_string(), "at byte 0: found 101, expected a percentage");
    /// ```
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn new(found: impl fmt::Display, expected: impl fmt::Display) -> Invalid {
        Invalid(Box::new(Inner {
            path: String::new(),
            offset: 0,
            found: found.to_string(),
            expected: expected.to_string(),
            unknown_variant: false,
        }))
    }

    /// The same error, of a tag that no variant has.
    pub(crate) fn of_unknown_variant(mut self) -> Invalid {
        self.0.unknown_variant = true;
        self
    }

    /// The same error seen from outside: from the value in which a part called `name` starts at
    /// byte `offset`. An empty name adds to the offset alone.
    ///
    /// # Examples
    /// ```
    /// let invalid = kekbit_codec::Invalid::new(9, "a digit below 8").within("octal", 4);
    /// assert_eq!(invalid.within("mode", 10).path(), "mode.octal");
    /// ```
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn within(mut self, name: &str, offset: usize) -> Invalid {
        let inner = &mut *self.0;
        inner.offset = inner.offset.saturating_add(offset);
        if inner.path.is_empty() {
            inner.path.push_str(name);
        } else if !name.is_empty() {
            let dot = if inner.path.starts_with('[') { "" } else { "." };
            inner.path = format!("{name}{dot}{}", inner.path);
        }
        self
    }

    /// The same error seen from the array whose element `index` it is about.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn within_element(self, index: usize, element_size: usize) -> Invalid {
        self.within(&format!("[{index}]"), index.saturating_mul(element_size))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn length(found: usize, expected: usize) -> Invalid {
        let unit = |count| if count == 1 { "byte" } else { "bytes" };
        Invalid::new(
            format_args!("{found} {}", unit(found)),
            format_args!("{expected} {}", unit(expected)),
        )
    }

    /// Where the field stands, as a path from the record: `legs[2].side`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The first byte of the field, counted from the start of the payload.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// Whether an enum has a tag that none of its variants has: in a record of a newer schema a
    /// variant that was added since.
    #[must_use]
    pub fn is_unknown_variant(&self) -> bool {
        self.0.unknown_variant
    }

    /// What the bytes say: `tag 9`.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// What they could have said: `one of 1 (Buy), 2 (Sell)`.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.0.expected
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, offset, found, expected, .. } = &*self.0;
        if !path.is_empty() {
            write!(f, "field `{path}` ")?;
        }
        write!(f, "at byte {offset}: found {found}, expected {expected}")
    }
}

impl core::error::Error for Invalid {}
