//! Lines and the words on them: the lowest step of parsing.

use alloc::{boxed::Box, format, string::String};
use core::fmt;

use super::{SIZE_MAX, SchemaError};

/// A line, split into its indent and the rest.
#[derive(Clone, Copy)]
pub(super) struct Line<'t> {
    /// Counted from 1.
    pub(super) number: usize,
    /// Spaces in front.
    pub(super) indent: usize,
    pub(super) rest: &'t str,
}

impl<'t> Line<'t> {
    pub(super) fn is_annotation(self) -> bool {
        self.rest.starts_with('#')
    }

    pub(super) fn error(
        self,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> SchemaError {
        SchemaError::new(self.number, found, expected)
    }

    pub(super) fn words(self) -> Words<'t> {
        Words { line: self, rest: Some(self.rest) }
    }
}

/// All lines of a text, of which one can be looked at ahead.
pub(super) struct Lines<'t> {
    rest: &'t str,
    next: Option<Line<'t>>,
    /// The number of the line in `next`, or of the end of the text.
    number: usize,
}

impl<'t> Lines<'t> {
    /// The last line needs a line feed as well.
    pub(super) fn new(text: &'t str) -> Result<Lines<'t>, SchemaError> {
        if !text.is_empty() && !text.ends_with('\n') {
            let number = text.split('\n').count();
            let expected = "a line feed behind every line, the last one included";
            return Err(SchemaError::new(number, "the end of the text", expected));
        }
        let mut lines = Lines { rest: text, next: None, number: 0 };
        lines.step();
        Ok(lines)
    }

    fn step(&mut self) {
        self.number += 1;
        self.next = self.rest.split_once('\n').map(|(line, behind)| {
            self.rest = behind;
            let rest = line.trim_start_matches(' ');
            Line { number: self.number, indent: line.len() - rest.len(), rest }
        });
    }

    pub(super) fn peek(&self) -> Option<Line<'t>> {
        self.next
    }

    pub(super) fn next(&mut self) -> Option<Line<'t>> {
        let line = self.next?;
        self.step();
        Some(line)
    }

    /// An error about what comes next.
    pub(super) fn error(&self, expected: impl fmt::Display) -> SchemaError {
        match self.next {
            Some(line) if line.rest.is_empty() => line.error("an empty line", expected),
            Some(line) => line.error(
                format_args!("{} indented by {}", excerpt(line.rest), line.indent),
                expected,
            ),
            None => SchemaError::new(self.number, "the end of the text", expected),
        }
    }
}

/// The words of a line, each separated from the next by one space.
pub(super) struct Words<'t> {
    line: Line<'t>,
    /// `None` behind the last word.
    rest: Option<&'t str>,
}

impl<'t> Words<'t> {
    /// The next word, empty where a space is followed by another one or by nothing.
    pub(super) fn word(&mut self, expected: &str) -> Result<&'t str, SchemaError> {
        let Some(rest) = self.rest else {
            return Err(self.line.error("the end of the line", expected));
        };
        let (word, behind) = match rest.split_once(' ') {
            Some((word, behind)) => (word, Some(behind)),
            None => (rest, None),
        };
        self.rest = behind;
        Ok(word)
    }

    /// A name: what can stand in a text of words and lines.
    pub(super) fn name(&mut self, of: &str) -> Result<&'t str, SchemaError> {
        let name = self.word(of)?;
        if is_name(name) { Ok(name) } else { Err(no_name(self.line, name)) }
    }

    /// A number without leading zeroes.
    pub(super) fn number(&mut self, what: &str) -> Result<usize, SchemaError> {
        let word = self.word(what)?;
        let canonical = word.bytes().all(|byte| byte.is_ascii_digit())
            && !word.is_empty()
            && (word == "0" || !word.starts_with('0'));
        if !canonical {
            let expected = format!("{what}, a decimal number without leading zeroes");
            return Err(self.line.error(excerpt(word), expected));
        }
        match word.parse() {
            Ok(number) if number <= SIZE_MAX => Ok(number),
            _ => {
                let expected = format!("{what} of at most {SIZE_MAX}");
                Err(self.line.error(excerpt(word), expected))
            }
        }
    }

    /// Nothing else may stand on the line.
    pub(super) fn end(&self) -> Result<(), SchemaError> {
        match self.rest {
            None => Ok(()),
            Some(rest) => {
                let found = format!(" {rest}");
                Err(self.line.error(excerpt(&found), "the end of the line"))
            }
        }
    }

    /// All that is left on the line, behind a space.
    pub(super) fn rest(&mut self) -> Option<&'t str> {
        self.rest.take()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_none()
    }
}

const NAME_LEN_MAX: usize = 255;

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_LEN_MAX
        && !name.starts_with(['#', '-'])
        && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

#[cold]
fn no_name(line: Line<'_>, name: &str) -> SchemaError {
    let found: Box<str> = if NAME_LEN_MAX < name.len() {
        format!("a name of {} bytes", name.len()).into()
    } else {
        excerpt(name).into()
    };
    line.error(
        found,
        "a name: 1 to 255 bytes, no white space, no control characters, not starting with `#` or \
         `-`",
    )
}

/// The beginning of what was found, fit to be shown.
pub(super) fn excerpt(text: &str) -> String {
    const LETTERS_MAX: usize = 60;
    if text.is_empty() {
        return "no word".into();
    }
    let cut = if text.chars().nth(LETTERS_MAX).is_some() { "..." } else { "" };
    let letters = text.chars().take(LETTERS_MAX);
    let mut shown = String::from("`");
    for letter in letters {
        if letter == '\'' || letter == '"' {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_debug());
        }
    }
    shown.push_str(cut);
    shown.push('`');
    shown
}
