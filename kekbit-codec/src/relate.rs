//! [`relate`]: what two schemas are to each other. One walk over two canonical texts, the same at
//! compile time, for lock files and when a channel is opened.
//!
//! The rules are those of FORMAT.md, "The relation of two schemas". The texts go down side by side:
//!
//! ```text
//! record:   same kind, names kept;                      then its fields or variants
//! fields:   those of the old one come first, each the same; more are options or have defaults
//! field:    same offset, names and default kept, same type; as large as before, or the last
//! variants: each of the old ones is there under its tag
//! array:    as many elements, each as large as before
//! ```
//!
//! A walk ends at the first line that breaks a rule. On texts that are none it ends as well, with
//! an error or not: whoever has texts from outside parses them first.

mod cursor;
mod difference;

use cursor::{Cursor, FieldLine, Names, Notes, Part, VariantLine};
pub use difference::{Difference, Reason};

use crate::message::{same, text};

/// The longest text that is looked at, in bytes.
pub(crate) const TEXT_LEN_MAX: usize = 1 << 20;

/// How deep types may be nested in a text: as deep as in a schema.
const LEVELS_MAX: usize = 32;

/// How many bytes are gone past to find variants and former names that have changed places: for
/// each of `n` that are out of order it may be all of them, and texts come from strangers. What
/// keeps its order, and is added to anywhere, costs nothing of this.
const SEARCHED_MAX: usize = 1 << 26;

/// What an old schema is to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "at compile time there is no heap to put it on")]
#[non_exhaustive]
pub enum Relation<'a> {
    /// Each reads the other's records as its own.
    Identical,
    /// The new one reads records of the old one, and has something that the old one lacks.
    Older,
    /// The old one reads records of the new one, which lacks something.
    Newer,
    /// Neither.
    Incompatible(Difference<'a>),
}

/// Compares two canonical texts, by the rules of `docs/FORMAT.md`.
///
/// Reflexive and transitive: what reads version 2 of a type that reads version 1 reads version 1.
///
/// The time it takes grows with the length of the texts, whatever is in them. That is why some
/// thousand variants or former names in another order than before are not searched for one by one
/// but refused ([`Reason::OutOfOrder`]).
///
/// # Examples
/// ```
/// use kekbit_codec::{Relation, relate};
///
/// let v1 = "struct Order 8\n id 0 8 u64\n";
/// let v2 = "struct Order 11\n id 0 8 u64\n limit 8 3 option\n  - 1 2 u16\n";
/// const { assert!(matches!(relate("struct A 0\n", "struct A 0\n"), Relation::Identical)) };
/// assert_eq!(relate(v1, v2), Relation::Older);
/// assert_eq!(relate(v2, v1), Relation::Newer);
///
/// let Relation::Incompatible(difference) = relate(v1, "struct Order 8\n id 0 8 i64\n") else {
///     panic!("a type never changes");
/// };
/// assert_eq!(difference.path(), "id");
/// assert_eq!((difference.expected(), difference.found()), ("u64", "i64"));
/// ```
#[must_use]
pub const fn relate<'a>(old: &'a str, new: &'a str) -> Relation<'a> {
    relate_bytes(old.as_bytes(), new.as_bytes())
}

pub(crate) const fn relate_bytes<'a>(old: &'a [u8], new: &'a [u8]) -> Relation<'a> {
    if same(old, new) && old.len() <= TEXT_LEN_MAX && !old.is_empty() {
        return Relation::Identical;
    }
    // What gets smaller is refused, so the other way need not be gone. And the larger record is
    // taken for the later one: what it has done to the other is told.
    let (old_size, new_size) = (record_size(old), record_size(new));
    if new_size < old_size {
        return match difference(new, old) {
            None => Relation::Newer,
            Some(difference) => Relation::Incompatible(difference.backward()),
        };
    }
    match difference(old, new) {
        None if old_size < new_size => Relation::Older,
        None => match difference(new, old) {
            None => Relation::Identical,
            Some(_) => Relation::Older,
        },
        Some(difference) if old_size < new_size => Relation::Incompatible(difference),
        Some(forward) => match difference(new, old) {
            None => Relation::Newer,
            Some(_) => Relation::Incompatible(forward),
        },
    }
}

/// Why the new schema does not read records of the old one; `None` if it does.
pub(crate) const fn difference<'a>(old: &'a [u8], new: &'a [u8]) -> Option<Difference<'a>> {
    let mut walk = Walk {
        old: Cursor::new(old),
        new: Cursor::new(new),
        difference: Difference::new(new),
        level: 1,
        searched: 0,
        same_at: (0, 0),
    };
    let read = if TEXT_LEN_MAX < old.len() || TEXT_LEN_MAX < new.len() {
        walk.fail(Reason::TooLong, Part::EMPTY, Part::EMPTY)
    } else {
        walk.record()
    };
    if read { None } else { Some(walk.difference) }
}

/// The size that the first line tells; 0 if it is none.
const fn record_size(text: &[u8]) -> u64 {
    match head(&Cursor::new(text)) {
        Some(head) => head.size,
        None => 0,
    }
}

/// The first line of a text.
#[derive(Clone, Copy)]
struct Head<'a> {
    kind: Part<'a>,
    name: Part<'a>,
    /// Of an enum.
    tag_size: Part<'a>,
    size: u64,
    size_digits: Part<'a>,
}

const fn head<'a>(cursor: &Cursor<'a>) -> Option<Head<'a>> {
    let (kind, rest) = cursor.line().split();
    let (name, rest) = rest.split();
    let (tag_size, size_digits) = if kind.is(b"struct") {
        (Part::EMPTY, rest)
    } else if kind.is(b"enum") {
        rest.split()
    } else {
        return None;
    };
    match size_digits.number() {
        Some(size) if cursor.is(0) => Some(Head { kind, name, tag_size, size, size_digits }),
        _ => None,
    }
}

/// Two texts, gone down side by side. The functions say whether the rules hold so far.
struct Walk<'a> {
    old: Cursor<'a>,
    new: Cursor<'a>,
    /// Where the walk is, and at last why it ended.
    difference: Difference<'a>,
    /// Records, arrays and options that it is in.
    level: usize,
    /// Bytes gone past in searches; at most [`SEARCHED_MAX`], and a text more.
    searched: usize,
    /// Where the lines behind were when the lines of both were last found the same.
    same_at: (usize, usize),
}

/// A line of both texts that was gone past, with the annotations below.
#[derive(Clone, Copy)]
struct Pair<'a> {
    old: FieldLine<'a>,
    new: FieldLine<'a>,
    old_notes: Notes<'a>,
    new_notes: Notes<'a>,
}

impl<'a> Walk<'a> {
    const fn fail(&mut self, reason: Reason, old: Part<'a>, new: Part<'a>) -> bool {
        self.difference.reason = reason;
        self.difference.old = text(old.bytes());
        self.difference.new = text(new.bytes());
        self.difference.old_line = self.old.number;
        self.difference.new_line = self.new.number;
        false
    }

    const fn malformed(&mut self) -> bool {
        self.fail(Reason::Malformed, self.old.line(), self.new.line())
    }

    const fn record(&mut self) -> bool {
        let (Some(old), Some(new)) = (head(&self.old), head(&self.new)) else {
            return self.malformed();
        };
        if !old.kind.same(new.kind) {
            return self.fail(Reason::RecordKind, old.kind, new.kind);
        }
        let (old_notes, new_notes) = (self.old.enter(), self.new.enter());
        let old_names = Names { name: old.name, was: old_notes.record_was };
        let new_names = Names { name: new.name, was: new_notes.record_was };
        if !self.record_names(old_names, new_names) {
            return false;
        }
        let inside = if old.kind.is(b"struct") {
            self.fields(1)
        } else if old.tag_size.same(new.tag_size) {
            self.variants(1)
        } else {
            self.fail(Reason::TagSize, old.tag_size, new.tag_size)
        };
        if !inside {
            return false;
        }
        if !self.old.done || !self.new.done {
            return self.malformed();
        }
        new.size >= old.size || self.fail(Reason::Shrunk, old.size_digits, new.size_digits)
    }

    const fn record_names(&mut self, old: Names<'a>, new: Names<'a>) -> bool {
        if !new.has(old.name) {
            return self.fail(Reason::RecordName, old.name, new.name);
        }
        self.former_names(old, new, Reason::RecordNameLost)
    }

    /// Whether the former names of the old one are among all names of the new one.
    const fn former_names(&mut self, old: Names<'a>, new: Names<'a>, reason: Reason) -> bool {
        let (mut rest, mut likely) = (old.was, new.was);
        while !rest.is_empty() {
            let (name, tail) = rest.split();
            // Mostly behind the one before; else wherever it is.
            match likely.behind(name) {
                Some(next) => {
                    self.searched += likely.len() - next.len() - name.len();
                    likely = next;
                }
                None if new.has(name) => self.searched += likely.len() + new.was.len(),
                None => return self.fail(reason, name, new.name),
            }
            if SEARCHED_MAX < self.searched {
                return self.fail(Reason::OutOfOrder, Part::EMPTY, Part::EMPTY);
            }
            rest = tail;
        }
        true
    }

    /// The fields of a struct or of a variant, which have that indent.
    const fn fields(&mut self, indent: usize) -> bool {
        let (old_fields, new_fields) = (self.old, self.new);
        loop {
            match (self.old.is(indent), self.new.is(indent)) {
                (false, false) => return true,
                (false, true) => return self.appended(indent),
                (true, false) => {
                    let (name, _) = self.old.line().split();
                    return self.fail(Reason::Removed, name, Part::EMPTY);
                }
                (true, true) => {}
            }
            if self.same_leaf(indent) {
                continue;
            }
            let Some(pair) = self.enter() else { return self.malformed() };
            let (old, new) = (pair.old.name, pair.new.name);
            let old_names = Names { name: old, was: pair.old_notes.was };
            let new_names = Names { name: new, was: pair.new_notes.was };
            if !new_names.has(old) {
                let is_there = new_fields.find(indent, old).is_some();
                let was_there = old_fields.find(indent, new).is_some();
                let reason = match (is_there, was_there) {
                    (true, true) => Reason::Reordered,
                    (true, false) => Reason::Inserted,
                    (false, true) => Reason::Removed,
                    (false, false) => Reason::Renamed,
                };
                return self.fail(reason, old, new);
            }
            self.difference.push(new);
            if !self.former_names(old_names, new_names, Reason::NameLost) {
                return false;
            }
            if pair.old_notes.default && !pair.new_notes.default {
                return self.fail(Reason::DefaultLost, old, new);
            }
            if !self.ty(pair, indent) {
                return false;
            }
            // The inside may have grown by the rules; whether this field may is told by the next.
            if pair.old.size < pair.new.size && self.old.is(indent) {
                return self.fail(Reason::Grown, pair.old.size_digits, pair.new.size_digits);
            }
            if pair.new.size < pair.old.size {
                return self.fail(Reason::Shrunk, pair.old.size_digits, pair.new.size_digits);
            }
            self.difference.pop();
        }
    }

    /// Goes past a field that is the same in both and has nothing below: most are, and at compile
    /// time each call counts.
    const fn same_leaf(&mut self, indent: usize) -> bool {
        let (old, new) = (self.old, self.new);
        let known = self.same_at.0 == old.next && self.same_at.1 == new.next;
        if !known && !old.line().same(new.line()) {
            return false;
        }
        if self.old.advance_both(&mut self.new) {
            self.same_at = (self.old.next, self.new.next);
        } else {
            self.old.advance();
            self.new.advance();
        }
        if self.old.is_below(indent + 1) || self.new.is_below(indent + 1) {
            (self.old, self.new) = (old, new);
            return false;
        }
        true
    }

    /// Fields that the old text lacks.
    const fn appended(&mut self, indent: usize) -> bool {
        while self.new.is(indent) {
            let Some(field) = self.new.field() else { return self.malformed() };
            let notes = self.new.enter();
            if !notes.default && !field.ty.is(b"option") {
                self.difference.push(field.name);
                return self.fail(Reason::NoDefault, Part::EMPTY, field.name);
            }
            self.new.skip(indent);
        }
        true
    }

    /// Goes past the line of a field in both texts. All in front of it being as large as before,
    /// it starts where it did.
    const fn enter(&mut self) -> Option<Pair<'a>> {
        match (self.old.field(), self.new.field()) {
            (Some(old), Some(new)) if old.offset == new.offset => {
                let (old_notes, new_notes) = (self.old.enter(), self.new.enter());
                Some(Pair { old, new, old_notes, new_notes })
            }
            _ => None,
        }
    }

    /// The type of a field whose line was gone past.
    const fn ty(&mut self, pair: Pair<'a>, indent: usize) -> bool {
        let (old, new) = (pair.old.ty, pair.new.ty);
        let ((kind, old_rest), (new_kind, new_rest)) = (old.split(), new.split());
        if !kind.same(new_kind) {
            return self.fail(Reason::Type, old, new);
        }
        let (is_option, is_array, is_enum) =
            (kind.is(b"option"), kind.is(b"array"), kind.is(b"enum"));
        if !(is_option || is_array || is_enum || kind.is(b"struct")) {
            return if !old.same(new) {
                self.fail(Reason::Type, old, new)
            } else if pair.old.size != pair.new.size {
                self.fail(Reason::Length, pair.old.size_digits, pair.new.size_digits)
            } else {
                true
            };
        }
        if self.level == LEVELS_MAX {
            return self.fail(Reason::TooDeep, old, new);
        }
        self.level += 1;
        let holds = if is_option {
            self.element(indent + 1, true)
        } else if is_array {
            if old_rest.same(new_rest) {
                self.difference.push_element();
                let holds = self.element(indent + 1, false);
                if holds {
                    self.difference.pop();
                }
                holds
            } else {
                self.fail(Reason::Count, old, new)
            }
        } else {
            let ((old_name, old_tag), (new_name, new_tag)) = (old_rest.split(), new_rest.split());
            let old_names = Names { name: old_name, was: pair.old_notes.record_was };
            let new_names = Names { name: new_name, was: pair.new_notes.record_was };
            if !self.record_names(old_names, new_names) {
                false
            } else if !old_tag.same(new_tag) {
                self.fail(Reason::TagSize, old_tag, new_tag)
            } else if is_enum {
                self.variants(indent + 1)
            } else {
                self.fields(indent + 1)
            }
        };
        self.level -= 1;
        holds
    }

    /// The element of an array, or the value of an option.
    const fn element(&mut self, indent: usize, may_grow: bool) -> bool {
        if !self.old.is(indent) || !self.new.is(indent) {
            return self.malformed();
        }
        let Some(pair) = self.enter() else { return self.malformed() };
        if !self.ty(pair, indent) {
            return false;
        }
        if pair.old.size == pair.new.size || may_grow && pair.old.size < pair.new.size {
            return true;
        }
        let reason = if may_grow { Reason::Shrunk } else { Reason::Element };
        self.fail(reason, pair.old.size_digits, pair.new.size_digits)
    }

    /// The variants of an enum, which have that indent.
    const fn variants(&mut self, indent: usize) -> bool {
        let first = self.new;
        while self.old.is(indent) {
            let Some(old) = self.old.variant() else { return self.malformed() };
            // Mostly the next; else wherever it is.
            let found = match self.search(self.new, indent, old.tag) {
                None => {
                    // What lies between will be gone past once more.
                    self.searched += self.new.behind(&first);
                    self.search(first, indent, old.tag)
                }
                found => found,
            };
            let Some((at, new)) = found else { return self.lost_variant(first, indent, old) };
            if SEARCHED_MAX < self.searched {
                return self.fail(Reason::OutOfOrder, Part::EMPTY, Part::EMPTY);
            }
            self.new = at;
            let (old_notes, new_notes) = (self.old.enter(), self.new.enter());
            let old_names = Names { name: old.name, was: old_notes.was };
            let new_names = Names { name: new.name, was: new_notes.was };
            if !new_names.has(old.name) {
                // One that was put between others takes the tag of the next.
                return match first.find(indent, old.name) {
                    Some(_) => self.lost_variant(first, indent, old),
                    None => self.fail(Reason::VariantRenamed, old.name, new.name),
                };
            }
            self.difference.push(new.name);
            if !self.former_names(old_names, new_names, Reason::NameLost) {
                return false;
            }
            if !self.fields(indent + 1) {
                return false;
            }
            self.difference.pop();
        }
        while self.new.is_below(indent) {
            self.new.advance();
        }
        true
    }

    /// The variant with that tag, from a line on.
    const fn search(
        &mut self,
        mut at: Cursor<'a>,
        indent: usize,
        tag: u64,
    ) -> Option<(Cursor<'a>, VariantLine<'a>)> {
        let start = at;
        let mut found = None;
        while at.is_below(indent) {
            if at.is(indent)
                && let Some(variant) = at.variant()
                && variant.tag == tag
            {
                found = Some((at, variant));
                break;
            }
            at.advance();
        }
        self.searched += at.behind(&start);
        found
    }

    /// A variant has gone, or has another tag.
    const fn lost_variant(
        &mut self,
        variants: Cursor<'a>,
        indent: usize,
        old: VariantLine<'a>,
    ) -> bool {
        if let Some(found) = variants.find(indent, old.name)
            && let Some(new) = found.variant()
        {
            self.difference.push(new.name);
            return self.fail(Reason::VariantTag, old.tag_digits, new.tag_digits);
        }
        self.fail(Reason::VariantRemoved, old.name, Part::EMPTY)
    }
}
