//! From lines to nodes: forms, names, offsets and sizes are judged here.

use alloc::{boxed::Box, collections::BTreeSet, format, vec::Vec};

use super::{
    EMPTY_VALUES_MAX, Kind, Node, SIZE_MAX, SchemaError, TEXT_LEN_MAX, VALUES_MAX, Variant,
    line::{Line, Lines, Words, excerpt},
    notes::{self, Subject},
};
use crate::schema::DEPTH_MAX;

const TYPE: &str = "a type of this version; perhaps the schema is of a later one";
const FIELD: &str = "`NAME OFFSET SIZE TYPE`";
const PRESENCE_SIZE: usize = 1;

/// A part and what it comes to.
struct Counted<T> {
    part: T,
    size: usize,
    values: Values,
}

/// How many values lie somewhere at most.
#[derive(Debug, Clone, Copy, Default)]
struct Values {
    all: u64,
    /// Those in arrays whose elements have no bytes.
    empty: u64,
}

impl Values {
    /// A value, beside those in it.
    const ONE: Values = Values { all: 1, empty: 0 };

    fn plus(self, other: Values) -> Values {
        let Values { all, empty } = other;
        Values { all: self.all.saturating_add(all), empty: self.empty.saturating_add(empty) }
    }

    fn times(self, count: u64) -> Values {
        let Values { all, empty } = self;
        Values { all: all.saturating_mul(count), empty: empty.saturating_mul(count) }
    }

    /// Of two of which one lies there.
    fn max(self, other: Values) -> Values {
        Values { all: self.all.max(other.all), empty: self.empty.max(other.empty) }
    }
}

/// What the words of a line say, before the lines below it are read.
struct Head<'t> {
    line: Line<'t>,
    size: usize,
    word: Word<'t>,
}

enum Word<'t> {
    Scalar(Kind),
    Array(usize),
    Option,
    Struct(&'t str),
    Enum(&'t str, usize),
}

/// What is below a line.
struct Level {
    /// Spaces in front of the lines there.
    indent: usize,
    /// How many records, arrays and options enclose them.
    depth: usize,
}

impl Level {
    fn below(&self) -> Level {
        Level { indent: self.indent + 1, depth: self.depth }
    }

    fn inside(&self) -> Level {
        Level { indent: self.indent + 1, depth: self.depth + 1 }
    }
}

pub(super) fn root(text: &str) -> Result<Node, SchemaError> {
    if TEXT_LEN_MAX < text.len() {
        let found = format!("{} bytes of text", text.len());
        return Err(SchemaError::new(1, found, format_args!("at most {TEXT_LEN_MAX}")));
    }
    let mut reader = Reader { lines: Lines::new(text)? };
    let form = "`struct NAME SIZE` or `enum NAME TAG_SIZE SIZE`";
    let first = reader.lines.peek().filter(|line| line.indent == 0 && !line.rest.is_empty());
    let Some(line) = first else { return Err(reader.lines.error(form)) };
    reader.lines.next();
    let mut words = line.words();
    let word = match words.word(form)? {
        "struct" => Word::Struct(words.name("the name of the record")?),
        "enum" => Word::Enum(words.name("the name of the record")?, tag_size(line, &mut words)?),
        other => return Err(line.error(excerpt(other), form)),
    };
    let (Word::Struct(name) | Word::Enum(name, _)) = word else {
        return Err(line.error(excerpt(line.rest), form));
    };
    let size = words.number("a size")?;
    words.end()?;
    let subject = Subject { is_field: false, is_variant: false, is_record: true };
    let head = Head { line, size, word };
    let node = reader.node(name, 0, head, subject, &Level { indent: 0, depth: 0 })?;
    match reader.lines.peek() {
        None => Ok(node.part),
        Some(_) => Err(reader.lines.error("a line that belongs to the record, or the end")),
    }
}

struct Reader<'t> {
    lines: Lines<'t>,
}

impl<'t> Reader<'t> {
    /// A node whose own line was read; `level` is where that line stands.
    fn node(
        &mut self,
        name: &str,
        offset: usize,
        head: Head<'t>,
        subject: Subject,
        level: &Level,
    ) -> Result<Counted<Node>, SchemaError> {
        let Head { line, size, word } = head;
        let notes = notes::read(&mut self.lines, level.indent + 1, subject)?;
        if level.depth == DEPTH_MAX && !matches!(word, Word::Scalar(_)) {
            let found = format!("{} levels of records, arrays and options", DEPTH_MAX + 1);
            return Err(line.error(found, format_args!("at most {DEPTH_MAX}")));
        }
        let inside = level.inside();
        let Counted { part: kind, values, .. } = match word {
            Word::Scalar(kind) => Counted { part: kind, size, values: Values::ONE },
            Word::Array(count) => self.array(line, size, count, &inside)?,
            Word::Option => self.option(line, size, &inside)?,
            Word::Struct(name) => self.structure(line, size, name, &inside)?,
            Word::Enum(name, tag_size) => self.enumeration(line, size, name, tag_size, &inside)?,
        };
        let Values { all, empty } = values;
        if EMPTY_VALUES_MAX < empty {
            return Err(line.error(
                format_args!("{empty} values without bytes in its arrays"),
                format_args!("at most {EMPTY_VALUES_MAX}"),
            ));
        }
        if VALUES_MAX < all {
            return Err(line.error(
                format_args!("{all} values, those of arrays counted one by one"),
                format_args!("at most {VALUES_MAX}"),
            ));
        }
        let part = Node { name: name.into(), offset, size, kind, notes };
        Ok(Counted { part, size, values })
    }

    fn array(
        &mut self,
        line: Line<'t>,
        size: usize,
        count: usize,
        inside: &Level,
    ) -> Result<Counted<Kind>, SchemaError> {
        let element = self.nameless(0, inside)?;
        if element.size.checked_mul(count) != Some(size) {
            let expected = format!("{count} times the {} of an element", element.size);
            return Err(line.error(format_args!("size {size}"), expected));
        }
        let count_wide = u64::try_from(count).unwrap_or(u64::MAX);
        let mut values = element.values.times(count_wide).plus(Values::ONE);
        if element.size == 0 {
            values.empty = values.all;
        }
        let part = Kind::Array { count, element: Box::new(element.part) };
        Ok(Counted { part, size, values })
    }

    fn option(
        &mut self,
        line: Line<'t>,
        size: usize,
        inside: &Level,
    ) -> Result<Counted<Kind>, SchemaError> {
        let value = self.nameless(PRESENCE_SIZE, inside)?;
        let expected = value.size.saturating_add(PRESENCE_SIZE);
        if size != expected {
            let expected = format!("{expected}, one more than the value");
            return Err(line.error(format_args!("size {size}"), expected));
        }
        let values = value.values.plus(Values::ONE);
        Ok(Counted { part: Kind::Option(Box::new(value.part)), size, values })
    }

    fn structure(
        &mut self,
        line: Line<'t>,
        size: usize,
        name: &str,
        inside: &Level,
    ) -> Result<Counted<Kind>, SchemaError> {
        let fields = self.fields(inside)?;
        if size != fields.size {
            return Err(no_sum(line, size, fields.size));
        }
        let part = Kind::Struct { name: name.into(), fields: fields.part };
        Ok(Counted { part, size, values: fields.values.plus(Values::ONE) })
    }

    fn enumeration(
        &mut self,
        line: Line<'t>,
        size: usize,
        name: &str,
        tag_size: usize,
        inside: &Level,
    ) -> Result<Counted<Kind>, SchemaError> {
        let mut variants = Vec::new();
        let mut names = BTreeSet::new();
        let mut tags = BTreeSet::new();
        let (mut body_size, mut values) = (0, Values::default());
        while let Some(line) = self.child(inside, "a variant, `NAME TAG BODY_SIZE`")? {
            let variant = self.variant(line, tag_size, inside)?;
            let tag = variant.part.tag;
            if !tags.insert(tag) {
                return Err(line.error(format_args!("tag {tag} again"), "one of its own"));
            }
            let name = line.rest.split(' ').next().unwrap_or_default();
            if !names.insert(name) {
                return Err(twice(line, name));
            }
            body_size = body_size.max(variant.size);
            values = values.max(variant.values);
            variants.push(variant.part);
        }
        if variants.is_empty() {
            return Err(self.lines.error("a variant, `NAME TAG BODY_SIZE`"));
        }
        let size_min = body_size.saturating_add(tag_size);
        if size < size_min {
            let expected = format!("at least {size_min} for the tag and the largest variant");
            return Err(line.error(format_args!("size {size}"), expected));
        }
        let part = Kind::Enum { name: name.into(), tag_size, variants };
        Ok(Counted { part, size, values: values.plus(Values::ONE) })
    }

    fn variant(
        &mut self,
        line: Line<'t>,
        tag_size: usize,
        level: &Level,
    ) -> Result<Counted<Variant>, SchemaError> {
        let mut words = line.words();
        let name = words.name("the name of a variant")?;
        let tag = words.number("a tag")?;
        let tag_max = if tag_size == 1 { u16::from(u8::MAX) } else { u16::MAX };
        let tag = match u16::try_from(tag) {
            Ok(tag) if tag <= tag_max => tag,
            _ => {
                let expected = format!("at most {tag_max}, which fits its {tag_size} bytes");
                return Err(line.error(format_args!("tag {tag}"), expected));
            }
        };
        let size = words.number("a size")?;
        words.end()?;
        let subject = Subject { is_field: false, is_variant: true, is_record: false };
        let notes = notes::read(&mut self.lines, level.indent + 1, subject)?;
        let fields = self.fields(&level.below())?;
        if size != fields.size {
            return Err(no_sum(line, size, fields.size));
        }
        let part = Variant { name: name.into(), tag, size, fields: fields.part, notes };
        Ok(Counted { part, size, values: fields.values })
    }

    fn fields(&mut self, level: &Level) -> Result<Counted<Vec<Node>>, SchemaError> {
        let mut fields = Counted { part: Vec::new(), size: 0, values: Values::default() };
        let mut names = BTreeSet::new();
        while let Some(line) = self.child(level, FIELD)? {
            let mut words = line.words();
            let name = words.name("the name of a field")?;
            if !names.insert(name) {
                return Err(twice(line, name));
            }
            let offset = words.number("an offset")?;
            if offset != fields.size {
                let expected = format!("{}, where the field before it ends", fields.size);
                return Err(line.error(format_args!("offset {offset}"), expected));
            }
            let field = self.typed(line, words, name, offset, true, level)?;
            fields.size = match fields.size.checked_add(field.size) {
                Some(size) if size <= SIZE_MAX => size,
                _ => {
                    let found = "fields that end further away";
                    return Err(line.error(found, format_args!("at most {SIZE_MAX} bytes")));
                }
            };
            fields.values = fields.values.plus(field.values);
            fields.part.push(field.part);
        }
        Ok(fields)
    }

    /// The element of an array or the value of an option.
    fn nameless(&mut self, offset: usize, level: &Level) -> Result<Counted<Node>, SchemaError> {
        let form = format!("`- {offset} SIZE TYPE`");
        let Some(line) = self.child(level, &form)? else {
            return Err(self.lines.error(form));
        };
        let mut words = line.words();
        let (dash, found) = (words.word(&form)?, words.number("an offset")?);
        if dash != "-" || found != offset {
            return Err(line.error(excerpt(line.rest), form));
        }
        self.typed(line, words, dash, offset, false, level)
    }

    /// The rest of a line, from its size on, and all that is below it.
    fn typed(
        &mut self,
        line: Line<'t>,
        mut words: Words<'t>,
        name: &str,
        offset: usize,
        is_field: bool,
        level: &Level,
    ) -> Result<Counted<Node>, SchemaError> {
        let size = words.number("a size")?;
        let word = word(line, &mut words)?;
        words.end()?;
        if let Word::Scalar(kind) = &word
            && let Some(expected) = kind.fixed_size()
            && size != expected
        {
            let expected = format!("{expected}, the size of `{}`", kind.word());
            return Err(line.error(format_args!("size {size}"), expected));
        }
        let is_record = matches!(word, Word::Struct(_) | Word::Enum(..));
        let subject = Subject { is_field, is_variant: false, is_record };
        self.node(name, offset, Head { line, size, word }, subject, level)
    }

    /// The next line if it stands at this level, `None` if it stands further out.
    fn child(&mut self, level: &Level, form: &str) -> Result<Option<Line<'t>>, SchemaError> {
        let Some(line) = self.lines.peek() else { return Ok(None) };
        let indent = level.indent;
        // An annotation that belongs to a line has been taken with it.
        if line.is_annotation() || line.rest.is_empty() || indent < line.indent {
            return Err(self.lines.error(format_args!("{form} indented by at most {indent}")));
        }
        if line.indent < indent {
            return Ok(None);
        }
        self.lines.next();
        Ok(Some(line))
    }
}

fn word<'t>(line: Line<'t>, words: &mut Words<'t>) -> Result<Word<'t>, SchemaError> {
    let first = words.word("a type")?;
    Ok(match first {
        "array" => Word::Array(words.number("a count")?),
        "option" => Word::Option,
        "struct" => Word::Struct(words.name("the name of a record")?),
        "enum" => Word::Enum(words.name("the name of a record")?, tag_size(line, words)?),
        "opaque" => Word::Scalar(Kind::Opaque(words.name("a name")?.into())),
        "nonzero" => {
            let integer = words.word("an integer")?;
            match Kind::of_word(integer) {
                Some(kind) if kind.is_integer() => Word::Scalar(Kind::NonZero(Box::new(kind))),
                _ => return Err(line.error(excerpt(integer), "an integer, `u8` to `i128`")),
            }
        }
        _ => match Kind::of_word(first) {
            Some(kind) => Word::Scalar(kind),
            None => return Err(line.error(format_args!("type {}", excerpt(first)), TYPE)),
        },
    })
}

fn tag_size(line: Line<'_>, words: &mut Words<'_>) -> Result<usize, SchemaError> {
    match words.number("the size of the tag")? {
        tag_size @ (1 | 2) => Ok(tag_size),
        other => Err(line.error(format_args!("a tag of {other} bytes"), "1 or 2")),
    }
}

#[cold]
fn no_sum(line: Line<'_>, found: usize, expected: usize) -> SchemaError {
    line.error(
        format_args!("size {found}"),
        format_args!("{expected}, which the fields below add up to"),
    )
}

#[cold]
fn twice(line: Line<'_>, name: &str) -> SchemaError {
    line.error(format_args!("the name {} again", excerpt(name)), "one of its own")
}
