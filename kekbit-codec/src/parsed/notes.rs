//! [`Notes`]: the annotations of a line.

use alloc::{boxed::Box, vec::Vec};

use super::{
    SchemaError,
    line::{Line, Lines, Words, excerpt},
};

/// What the annotations below a line say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Notes {
    pub(super) was: Vec<Box<str>>,
    pub(super) record_was: Vec<Box<str>>,
    pub(super) default: bool,
    pub(super) unit: Option<Box<str>>,
    pub(super) doc: Option<Box<str>>,
    /// Whole lines without their indent, each starting with `#`: those that this version does not
    /// know, which stand behind the others.
    pub(super) unknown: Vec<Box<str>>,
}

/// What a line is, as far as its annotations are concerned.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) is_field: bool,
    pub(super) is_variant: bool,
    /// Its type is a struct or an enum.
    pub(super) is_record: bool,
}

/// The annotations in the order in which they stand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Was,
    RecordWas,
    Default,
    Unit,
    Doc,
    Unknown,
}

impl Key {
    fn of(word: &str) -> Key {
        match word {
            "was" => Key::Was,
            "record-was" => Key::RecordWas,
            "default" => Key::Default,
            "unit" => Key::Unit,
            "doc" => Key::Doc,
            _ => Key::Unknown,
        }
    }

    fn fits(self, subject: Subject) -> bool {
        match self {
            Key::Was | Key::Doc => subject.is_field || subject.is_variant,
            Key::RecordWas => subject.is_record,
            Key::Default | Key::Unit => subject.is_field,
            Key::Unknown => true,
        }
    }
}

/// Takes all annotations that come next; they belong to `subject` and are indented by `indent`.
pub(super) fn read(
    lines: &mut Lines<'_>,
    indent: usize,
    subject: Subject,
) -> Result<Option<Box<Notes>>, SchemaError> {
    let mut notes: Option<Box<Notes>> = None;
    let mut last = None;
    while let Some(line) = lines.peek().filter(|line| line.is_annotation()) {
        if line.indent != indent {
            return Err(lines.error(format_args!(
                "an annotation of the line above, indented by {indent}, or none"
            )));
        }
        lines.next();
        let (key, words) = split(line);
        if !key.fits(subject) {
            return Err(line.error(excerpt(line.rest), "an annotation that fits the line above"));
        }
        if last >= Some(key) && !(key == Key::Unknown && last == Some(key)) {
            let expected = "was, record-was, default, unit, doc, others: in this order, none twice";
            return Err(line.error(excerpt(line.rest), expected));
        }
        last = Some(key);
        note(notes.get_or_insert_default(), line, key, words)?;
    }
    Ok(notes)
}

fn split(line: Line<'_>) -> (Key, Words<'_>) {
    let mut words = line.words();
    // NB: `#unit` is not `# unit` but an annotation that is not known.
    let key = match (words.word(""), words.word("")) {
        (Ok("#"), Ok(word)) => Key::of(word),
        _ => Key::Unknown,
    };
    (key, words)
}

fn note(
    notes: &mut Notes,
    line: Line<'_>,
    key: Key,
    mut words: Words<'_>,
) -> Result<(), SchemaError> {
    match key {
        Key::Was => notes.was = names(&mut words)?,
        Key::RecordWas => notes.record_was = names(&mut words)?,
        Key::Default => {
            words.end()?;
            notes.default = true;
        }
        Key::Unit => notes.unit = Some(text(line, words.rest())?),
        Key::Doc => notes.doc = Some(text(line, words.rest())?),
        Key::Unknown => notes.unknown.push(text(line, Some(line.rest))?),
    }
    Ok(())
}

fn names(words: &mut Words<'_>) -> Result<Vec<Box<str>>, SchemaError> {
    let mut names = Vec::new();
    loop {
        names.push(words.name("a former name")?.into());
        if words.is_empty() {
            return Ok(names);
        }
    }
}

/// Text that is shown to people: no control characters, which could do things to a terminal.
fn text(line: Line<'_>, text: Option<&str>) -> Result<Box<str>, SchemaError> {
    match text {
        Some(text) if !text.is_empty() && !text.contains(char::is_control) => Ok(text.into()),
        _ => Err(line.error(excerpt(line.rest), "some text without control characters")),
    }
}
