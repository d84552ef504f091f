//! What a schema says beyond the layout: former names, defaults, units and docs.

use core::fmt;

use super::Schema;

/// Annotations of a field or a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notes {
    pub(super) was: &'static [&'static str],
    pub(super) default: Option<Fill>,
    pub(super) unit: &'static str,
    pub(super) doc: &'static str,
}

impl Notes {
    pub(super) const NONE: Notes = Notes { was: &[], default: None, unit: "", doc: "" };
}

/// Writes the image of the value that `#[record(default = ...)]` gives.
#[derive(Clone, Copy)]
pub struct Fill(pub(super) fn(&mut [u8]));

impl Fill {
    /// Fills the image of the field. One of another size stays as it is.
    pub fn fill(self, image: &mut [u8]) {
        (self.0)(image);
    }
}

/// Two schemas do not differ by what their defaults are.
impl PartialEq for Fill {
    fn eq(&self, _: &Fill) -> bool {
        true
    }
}

impl Eq for Fill {}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fill")
    }
}

/// The former names of a record, one after the other: those it says itself, then the name and the
/// former names of what it extends. None is given twice, and none that is its name now.
#[derive(Clone, Copy)]
pub(crate) struct RecordNames<'s> {
    record: &'s Schema,
    /// Whose names are being given.
    current: Option<&'s Schema>,
    /// The next of them; 0 is the name of what is extended, or nothing for the record itself.
    next: usize,
    given: usize,
}

impl<'s> RecordNames<'s> {
    pub(super) const fn of(record: &'s Schema) -> RecordNames<'s> {
        RecordNames { record, current: Some(record), next: 1, given: 0 }
    }

    pub(crate) const fn next(&mut self) -> Option<&'static str> {
        while let Some(schema) = self.current {
            let at = self.next;
            self.next += 1;
            let name = if at == 0 {
                schema.name
            } else if at <= schema.was.len() {
                schema.was[at - 1]
            } else {
                self.current = schema.extends;
                self.next = 0;
                continue;
            };
            if !same(name, self.record.name) && !self.has_given(name) {
                self.given += 1;
                return Some(name);
            }
        }
        None
    }

    const fn has_given(&self, name: &str) -> bool {
        let mut again = RecordNames::of(self.record);
        let mut index = 0;
        while index < self.given {
            if let Some(given) = again.next()
                && same(given, name)
            {
                return true;
            }
            index += 1;
        }
        false
    }
}

const fn same(one: &str, other: &str) -> bool {
    crate::message::same(one.as_bytes(), other.as_bytes())
}
