//! [`Cursor`]: a canonical text, line by line, also at compile time. Blank lines are passed over
//! and a carriage return at the end of a line is no part of it, as texts may come from a file that
//! people edit.
//!
//! NB: what is found is kept as indexes and not as slices, and loops call nothing, not even `len`.
//! At compile time a call takes several microseconds whatever it does: with them a lock file of 200
//! texts of 2 KiB took 70 s.

/// A part of a text.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    text: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A line of a text, and the way to the next.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    /// The line without the spaces in front of it.
    line: Part<'a>,
    /// Where the line behind this one starts.
    pub(super) next: usize,
    /// Spaces in front of the line.
    indent: usize,
    /// Whether it is an annotation.
    is_note: bool,
    /// From 1; that of the last line at the end.
    pub(super) number: usize,
    /// Whether there is no line any more.
    pub(super) done: bool,
}

/// The line of a field, an element or the value of an option.
#[derive(Clone, Copy)]
pub(super) struct FieldLine<'a> {
    pub(super) name: Part<'a>,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) size_digits: Part<'a>,
    /// The type word and what belongs to it.
    pub(super) ty: Part<'a>,
}

/// The line of a variant.
#[derive(Clone, Copy)]
pub(super) struct VariantLine<'a> {
    pub(super) name: Part<'a>,
    pub(super) tag: u64,
    pub(super) tag_digits: Part<'a>,
}

/// The annotations that matter to the relation.
#[derive(Clone, Copy)]
pub(super) struct Notes<'a> {
    /// Former names, separated by spaces.
    pub(super) was: Part<'a>,
    /// Former names of the record that the line names.
    pub(super) record_was: Part<'a>,
    pub(super) default: bool,
}

impl<'a> Part<'a> {
    pub(super) const EMPTY: Part<'static> = Part { text: &[], start: 0, end: 0 };

    pub(super) const fn bytes(self) -> &'a [u8] {
        self.text.split_at(self.end).0.split_at(self.start).1
    }

    pub(super) const fn len(self) -> usize {
        self.end - self.start
    }

    pub(super) const fn is_empty(self) -> bool {
        self.end == self.start
    }

    pub(super) const fn same(self, other: Part<'_>) -> bool {
        if self.end - self.start != other.end - other.start {
            return false;
        }
        let (mut at, mut other_at) = (self.start, other.start);
        while at < self.end {
            if self.text[at] != other.text[other_at] {
                return false;
            }
            at += 1;
            other_at += 1;
        }
        true
    }

    pub(super) const fn is(self, word: &'static [u8]) -> bool {
        self.same(Part { text: word, start: 0, end: word.len() })
    }

    /// What stands in front of the first space, and what behind it.
    pub(super) const fn split(self) -> (Part<'a>, Part<'a>) {
        let Part { text, start, end } = self;
        let mut at = start;
        while at < end {
            if text[at] == b' ' {
                return (Part { text, start, end: at }, Part { text, start: at + 1, end });
            }
            at += 1;
        }
        (self, Part { text, start: end, end })
    }

    /// A decimal number of up to ten digits.
    pub(super) const fn number(self) -> Option<u64> {
        if self.is_empty() || 10 < self.len() {
            return None;
        }
        let mut number = 0;
        let mut at = self.start;
        while at < self.end {
            let digit = self.text[at];
            if digit < b'0' || b'9' < digit {
                return None;
            }
            number = number * 10 + (digit - b'0') as u64;
            at += 1;
        }
        Some(number)
    }

    /// What stands behind `name` in a list of names; `None` if it is none of them.
    pub(super) const fn behind(self, name: Part<'_>) -> Option<Part<'a>> {
        let mut rest = self;
        while !rest.is_empty() {
            let (first, tail) = rest.split();
            if first.same(name) {
                return Some(tail);
            }
            rest = tail;
        }
        None
    }
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Cursor<'a> {
        let line = Part { text, start: 0, end: 0 };
        let mut cursor =
            Cursor { line, next: 0, indent: 0, is_note: false, number: 0, done: false };
        cursor.advance();
        cursor
    }

    pub(super) const fn advance(&mut self) {
        let text = self.line.text;
        let len = text.len();
        let mut next = self.next;
        while next < len {
            let start = next;
            let mut at = start;
            while at < len && text[at] == b' ' {
                at += 1;
            }
            let first = at;
            while at < len && text[at] != b'\n' {
                at += 1;
            }
            let end = if first < at && text[at - 1] == b'\r' { at - 1 } else { at };
            next = at + 1;
            self.number += 1;
            if first < end {
                self.next = next;
                self.indent = first - start;
                self.line = Part { text, start: first, end };
                self.is_note = text[first] == b'#';
                return;
            }
        }
        self.next = next;
        self.done = true;
        self.indent = 0;
        self.is_note = false;
        self.line = Part { text, start: len, end: len };
    }

    /// Goes to the next line of both, if it is the same; else stays.
    pub(super) const fn advance_both(&mut self, other: &mut Cursor<'_>) -> bool {
        let (text, other_text) = (self.line.text, other.line.text);
        let (len, other_len) = (text.len(), other_text.len());
        let (mut at, mut other_at) = (self.next, other.next);
        let mut first = at;
        loop {
            if at >= len || other_at >= other_len || text[at] != other_text[other_at] {
                return false;
            }
            match text[at] {
                b'\n' => break,
                b' ' if first == at => first += 1,
                _ => {}
            }
            at += 1;
            other_at += 1;
        }
        // Blank, or ended as in a file that people edit.
        if first == at || text[at - 1] == b'\r' {
            return false;
        }
        let (indent, len) = (first - self.next, at - first);
        *self = self.moved(Part { text, start: first, end: at }, indent);
        let start = other_at - len;
        *other = other.moved(Part { text: other_text, start, end: other_at }, indent);
        true
    }

    const fn moved<'b>(&self, line: Part<'b>, indent: usize) -> Cursor<'b> {
        let is_note = line.text[line.start] == b'#';
        Cursor { line, next: line.end + 1, indent, is_note, number: self.number + 1, done: false }
    }

    pub(super) const fn line(&self) -> Part<'a> {
        self.line
    }

    /// Whether this is a line of the layout with that indent.
    pub(super) const fn is(&self, indent: usize) -> bool {
        !self.done && self.indent == indent && !self.is_note
    }

    /// Whether this line is below one with a smaller indent.
    pub(super) const fn is_below(&self, indent: usize) -> bool {
        !self.done && indent <= self.indent
    }

    pub(super) const fn field(&self) -> Option<FieldLine<'a>> {
        let (name, rest) = self.line.split();
        let (offset, rest) = rest.split();
        let (size_digits, ty) = rest.split();
        match (offset.number(), size_digits.number(), ty.is_empty()) {
            (Some(offset), Some(size), false) => {
                Some(FieldLine { name, offset, size, size_digits, ty })
            }
            _ => None,
        }
    }

    pub(super) const fn variant(&self) -> Option<VariantLine<'a>> {
        let (name, rest) = self.line.split();
        let (tag_digits, size) = rest.split();
        match (tag_digits.number(), size.number()) {
            (Some(tag), Some(_)) => Some(VariantLine { name, tag, tag_digits }),
            _ => None,
        }
    }

    /// Goes to the next line and past its annotations.
    pub(super) const fn enter(&mut self) -> Notes<'a> {
        let mut notes = Notes { was: Part::EMPTY, record_was: Part::EMPTY, default: false };
        self.advance();
        while self.is_note {
            let (_, rest) = self.line.split();
            let (key, value) = rest.split();
            if key.is(b"was") {
                notes.was = value;
            } else if key.is(b"record-was") {
                notes.record_was = value;
            } else if key.is(b"default") {
                notes.default = true;
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
    pub(super) const fn find(mut self, indent: usize, name: Part<'_>) -> Option<Cursor<'a>> {
        while self.is_below(indent) {
            if self.is(indent) {
                let line = self;
                let names = Names { name: self.line.split().0, was: self.enter().was };
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

/// A name with the former ones.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) name: Part<'a>,
    pub(super) was: Part<'a>,
}

impl Names<'_> {
    pub(super) const fn has(&self, name: Part<'_>) -> bool {
        self.name.same(name) || self.was.behind(name).is_some()
    }
}
