//! [`Cursor`]: a canonical text, line by line, also at compile time. Blank lines are passed over
//! and a carriage return at the end of a line is no part of it, as texts may come from a file that
//! people edit.

use crate::message::same;

/// A line of a text, and the way to the next.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    /// Where the line behind this one starts.
    next: usize,
    /// Spaces in front of the line.
    indent: usize,
    /// The line without them.
    line: &'a [u8],
    /// From 1; that of the last line at the end.
    pub(super) number: usize,
    /// Whether there is no line any more.
    pub(super) done: bool,
}

/// The line of a field, an element or the value of an option.
#[derive(Clone, Copy)]
pub(super) struct FieldLine<'a> {
    pub(super) name: &'a [u8],
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) size_digits: &'a [u8],
    /// The type word and what belongs to it.
    pub(super) ty: &'a [u8],
}

/// The line of a variant.
#[derive(Clone, Copy)]
pub(super) struct VariantLine<'a> {
    pub(super) name: &'a [u8],
    pub(super) tag: u64,
    pub(super) tag_digits: &'a [u8],
}

/// The annotations that matter to the relation.
#[derive(Clone, Copy)]
pub(super) struct Notes<'a> {
    /// Former names, separated by spaces.
    pub(super) was: &'a [u8],
    /// Former names of the record that the line names.
    pub(super) record_was: &'a [u8],
    pub(super) default: bool,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Cursor<'a> {
        let mut cursor = Cursor { text, next: 0, indent: 0, line: &[], number: 0, done: false };
        cursor.advance();
        cursor
    }

    pub(super) const fn advance(&mut self) {
        let text = self.text;
        while self.next < text.len() {
            let start = self.next;
            let mut at = start;
            while at < text.len() && text[at] == b' ' {
                at += 1;
            }
            let first = at;
            while at < text.len() && text[at] != b'\n' {
                at += 1;
            }
            let end = if first < at && text[at - 1] == b'\r' { at - 1 } else { at };
            self.next = at + 1;
            self.number += 1;
            if first < end {
                self.indent = first - start;
                self.line = text.split_at(end).0.split_at(first).1;
                return;
            }
        }
        self.done = true;
        self.indent = 0;
        self.line = &[];
    }

    pub(super) const fn line(&self) -> &'a [u8] {
        self.line
    }

    /// Whether this is a line of the layout with that indent.
    pub(super) const fn is(&self, indent: usize) -> bool {
        !self.done && self.indent == indent && !self.is_note()
    }

    /// Whether this line is below one with a smaller indent.
    pub(super) const fn is_below(&self, indent: usize) -> bool {
        !self.done && indent <= self.indent
    }

    const fn is_note(&self) -> bool {
        matches!(self.line, [b'#', ..])
    }

    pub(super) const fn field(&self) -> Option<FieldLine<'a>> {
        let (name, rest) = word(self.line);
        let (offset, rest) = word(rest);
        let (size_digits, ty) = word(rest);
        match (number(offset), number(size_digits), ty) {
            (Some(offset), Some(size), [_, ..]) => {
                Some(FieldLine { name, offset, size, size_digits, ty })
            }
            _ => None,
        }
    }

    pub(super) const fn variant(&self) -> Option<VariantLine<'a>> {
        let (name, rest) = word(self.line);
        let (tag_digits, size) = word(rest);
        match (number(tag_digits), number(size)) {
            (Some(tag), Some(_)) => Some(VariantLine { name, tag, tag_digits }),
            _ => None,
        }
    }

    /// Goes to the next line and past its annotations.
    pub(super) const fn enter(&mut self) -> Notes<'a> {
        let mut notes = Notes { was: &[], record_was: &[], default: false };
        self.advance();
        while !self.done && self.is_note() {
            let (_, rest) = word(self.line);
            let (key, value) = word(rest);
            match key {
                b"was" => notes.was = value,
                b"record-was" => notes.record_was = value,
                b"default" => notes.default = true,
                _ => {}
            }
            self.advance();
        }
        notes
    }

    /// Goes past all that is below this line.
    pub(super) const fn skip(&mut self, indent: usize) {
        while self.is_below(indent + 1) {
            self.advance();
        }
    }

    /// From a line with that indent on: the one with that name, or that once had it, before the
    /// indent gets smaller.
    pub(super) const fn find(mut self, indent: usize, name: &[u8]) -> Option<Cursor<'a>> {
        while self.is_below(indent) {
            if self.is(indent) {
                let line = self;
                let names = Names { name: word(self.line).0, was: self.enter().was };
                if names.has(name) {
                    return Some(line);
                }
            } else {
                self.advance();
            }
        }
        None
    }

    /// Bytes of the text between an earlier line and this one.
    pub(super) const fn behind(&self, earlier: &Cursor<'_>) -> usize {
        self.next - earlier.next
    }
}

/// What stands in front of the first space, and what behind it.
pub(super) const fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b' ' {
            let (word, rest) = text.split_at(at);
            return (word, rest.split_at(1).1);
        }
        at += 1;
    }
    (text, &[])
}

/// A decimal number of up to ten digits.
pub(super) const fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || 10 < digits.len() {
        return None;
    }
    let mut number = 0;
    let mut rest = digits;
    while let [digit, tail @ ..] = rest {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + (*digit - b'0') as u64;
        rest = tail;
    }
    Some(number)
}

/// What stands behind `name` in a list of names, which are separated by spaces; `None` if it is
/// none of them.
pub(super) const fn behind<'a>(list: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = list;
    while !rest.is_empty() {
        let (first, tail) = word(rest);
        if same(first, name) {
            return Some(tail);
        }
        rest = tail;
    }
    None
}

/// A name with the former ones.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) name: &'a [u8],
    pub(super) was: &'a [u8],
}

impl Names<'_> {
    pub(super) const fn has(&self, name: &[u8]) -> bool {
        same(self.name, name) || behind(self.was, name).is_some()
    }
}
