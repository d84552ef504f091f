//! [`SchemaDifference`]: why the records of a file are not for a type, shown like a diff.

use core::fmt;

use kekbit_codec::{Difference, Reason, Schema};
use similar::{ChangeTag, TextDiff};

/// Lines of each text that are compared; what lies behind is not shown.
const LINES_COMPARED_MAX: usize = 2_000;
/// Lines of the comparison that are shown.
const LINES_SHOWN_MAX: usize = 60;
/// Letters of a line that are shown: a description may have a mebibyte of them.
const LETTERS_SHOWN_MAX: usize = 200;
/// Equal lines shown around each difference.
const CONTEXT: usize = 2;

/// Two schemas neither of which reads records of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaDifference {
    /// The schema text of the program's type.
    pub expected: String,
    /// The schema text of the file.
    pub found: String,
    /// Fingerprint of the program's type.
    pub expected_fingerprint: u64,
    /// Fingerprint in the file.
    pub found_fingerprint: u64,
    /// The first rule that is broken, in words.
    pub reason: String,
}

impl SchemaDifference {
    pub(crate) fn new(
        ours: &Schema,
        found: &str,
        found_fingerprint: u64,
        difference: &Difference<'_>,
    ) -> SchemaDifference {
        let reason = match (difference.reason(), difference.is_backward()) {
            (Reason::RecordName, _) if difference.path().is_empty() => {
                let theirs = found.split(' ').nth(1).unwrap_or_default();
                format!(
                    "the file holds `{}`, the program's type is `{}`; if it was renamed, the later \
                     of the two has to say `#[record(was = ...)]`",
                    theirs.escape_debug(),
                    ours.name()
                )
            }
            (_, true) => format!("from the program's type to the file's, {difference}"),
            (_, false) => format!("from the file's type to the program's, {difference}"),
        };
        SchemaDifference {
            expected: ours.text(),
            found: found.to_owned(),
            expected_fingerprint: ours.fingerprint(),
            found_fingerprint,
            reason,
        }
    }
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.reason)?;
        let (ours, theirs) = (first_lines(&self.expected), first_lines(&self.found));
        let diff = TextDiff::from_lines(ours, theirs);
        let mut left = LINES_SHOWN_MAX;
        for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
            if index != 0 {
                writeln!(f, "  ...")?;
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let Some(rest) = left.checked_sub(1) else { break };
                left = rest;
                let mark = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                let line = change.value().trim_end_matches('\n');
                match line.char_indices().nth(LETTERS_SHOWN_MAX) {
                    None => writeln!(f, "{mark} {}", line.escape_debug())?,
                    Some((end, _)) => {
                        let start = line.get(..end).unwrap_or(line);
                        writeln!(f, "{mark} {}...", start.escape_debug())?;
                    }
                }
            }
        }
        if left == 0 {
            writeln!(f, "  (there is more)")?;
        }
        write!(
            f,
            "`-` the program's type (fingerprint {:016x}), `+` the file's ({:016x}); name, offset, \
             size, type of each field. Read it with the type that wrote it (`ReadOptions::upcast` \
             converts), or without any (`DynamicReader`)",
            self.expected_fingerprint, self.found_fingerprint
        )
    }
}

fn first_lines(text: &str) -> &str {
    let ends = text.match_indices('\n').map(|(end, _)| end + 1);
    let end = ends.take(LINES_COMPARED_MAX).last().unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}
