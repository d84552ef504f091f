//! What the compiler is asked of schemas: `extends`, `pin`, `lock`, and sizes of variants. Each
//! panics at compile time, at the attribute, with what to do.

use alloc::string::{String, ToString};
use core::fmt::Display;

use crate::{
    message::{Message, same, text},
    relate::{Difference, Reason, Relation, difference, relate_bytes},
    schema::Schema,
};

/// Room for an error with a schema text in it.
type Complaint = Message<16384>;

/// The command that brings lock files up to date.
const UPDATE: &str = "KEKBIT_LOCK=update cargo test kekbit_lock";

/// Refuses to compile if the new schema does not read records of the old one.
///
/// ```
/// use kekbit_codec::{Record, assert_extends};
///
/// #[derive(Record)]
/// struct V1<T> {
///     payload: T,
/// }
///
/// #[derive(Record)]
/// #[record(was = "V1")]
/// struct V2<T> {
///     payload: T,
///     #[record(default = 1)]
///     version: u16,
/// }
///
/// assert_extends!(V1<u64> => V2<u64>);
/// ```
///
/// For generic records, which cannot say `#[record(extends = ...)]`: they have a schema for each of
/// their arguments, and each is checked only where it is named.
#[macro_export]
macro_rules! assert_extends {
    ($old:ty => $new:ty $(,)?) => {
        #[allow(long_running_const_eval)]
        const _: () = {
            const OLD: &$crate::Schema = <$old as $crate::Record>::SCHEMA;
            const NEW: &$crate::Schema = <$new as $crate::Record>::SCHEMA;
            $crate::__private::extends(
                &$crate::Schema::text_bytes::<{ OLD.text_len() }>(OLD),
                &$crate::Schema::text_bytes::<{ NEW.text_len() }>(NEW),
            )
        };
    };
}

/// Whether a record reads what it extends.
///
/// # Panics
/// If not, which is a compile error.
#[track_caller]
pub const fn extends(old: &[u8], new: &[u8]) {
    if let Some(difference) = difference(old, new) {
        let mut message = Complaint::new();
        message.str("`");
        message.bytes(record_name(new));
        message.str("` does not read the records of `");
        message.bytes(record_name(old));
        message.str("`: ");
        difference.tell(&mut message);
        panic!("{}", message.as_str());
    }
}

/// Whether the layout is the one that was pinned.
///
/// # Panics
/// If not, which is a compile error.
#[track_caller]
pub const fn pinned(schema: &Schema, text: &[u8], pin: u64) {
    let fingerprint = schema.fingerprint();
    if fingerprint == pin {
        return;
    }
    let mut message = Complaint::new();
    message.str("the layout of `");
    message.str(schema.name());
    message.str("` is not the one that was pinned: its fingerprint is ");
    message.hexadecimal(fingerprint);
    message.str(", not ");
    message.hexadecimal(pin);
    message.str(". If that is meant, write `pin = \"");
    message.hexadecimal(fingerprint);
    message.str("\"`. The schema now is\n");
    finish(&mut message, text);
    panic!("{}", message.as_str());
}

/// Whether a record reads all that its lock file holds, and is in it itself. With `update`, the
/// value of `KEKBIT_LOCK`, being `update`, it need not be in it: the file is about to be written.
/// Whoever leaves that set still cannot build what does not read released records.
///
/// # Panics
/// If not, which is a compile error.
#[track_caller]
pub const fn locked(schema: &[u8], path: &str, lock: &str, update: Option<&str>) {
    let updates = match update {
        Some(update) => same(update.as_bytes(), b"update"),
        None => false,
    };
    let mut message = Complaint::new();
    if judge(schema, path, lock, updates, &mut message) {
        panic!("{}", message.as_str());
    }
}

/// Writes down what is wrong with a lock file, if anything is. If it is about to be written, a
/// schema may be missing.
const fn judge(
    schema: &[u8],
    path: &str,
    lock: &str,
    updates: bool,
    message: &mut Complaint,
) -> bool {
    let mut lock = Lock::new(lock);
    let (mut is_empty, mut is_listed) = (true, false);
    while let Some((released, line)) = lock.next() {
        is_empty = false;
        match relate_bytes(released, schema) {
            Relation::Identical => is_listed = true,
            Relation::Older => {}
            _ => {
                complain(schema, path, released, line, message);
                return true;
            }
        }
    }
    if is_empty || is_listed || updates {
        return false;
    }
    message.str("the schema of `");
    message.bytes(record_name(schema));
    message.str("` is not in `");
    message.str(path);
    message.str("`. If it is to be released, run `");
    message.str(UPDATE);
    message.str("`, or add these lines to the file, without the blanks before all of them\n");
    finish(message, schema);
    true
}

/// Tells why a record does not read a text of its lock file, which starts in that line.
const fn complain(schema: &[u8], path: &str, released: &[u8], line: u64, message: &mut Complaint) {
    let difference = difference(released, schema);
    if let Some(Difference { reason: Reason::Malformed, old_line, .. }) = &difference {
        message.str("line ");
        message.number(line + (*old_line as u64).saturating_sub(1));
        message.str(" of `");
        message.str(path);
        message.str("` is no line of a schema, or not in its place");
        return;
    }
    message.str("`");
    message.bytes(record_name(schema));
    message.str("` does not read what was released, line ");
    message.number(line);
    message.str(" of `");
    message.str(path);
    message.str("`: ");
    match &difference {
        Some(difference) => difference.tell(message),
        None => message.str("the two cannot be compared"),
    }
    message.str(match &difference {
        Some(difference) if difference.is_of_another_record() => {
            ". If that is another type, give each of them a lock file of its own"
        }
        _ => ". If that schema was never released, take it out of the file",
    });
}

/// Ends an error with a schema text, if it fits.
const fn finish(message: &mut Complaint, schema: &[u8]) {
    if schema.len() <= message.room() {
        message.bytes(schema);
    } else {
        message.str("(too long to be shown here: `Record::SCHEMA.text()` gives it)");
    }
}

const fn record_name(schema: &[u8]) -> &[u8] {
    let (_, rest) = split(schema, b' ');
    split(rest, b' ').0
}

/// The texts in a lock file: each from a line that is not indented to the next. Between them there
/// may be blank lines, and comments, which start with `#`.
struct Lock<'a> {
    text: &'a [u8],
    /// Where the next line starts.
    at: usize,
    line: u64,
}

impl<'a> Lock<'a> {
    const fn new(text: &'a str) -> Lock<'a> {
        Lock { text: text.as_bytes(), at: 0, line: 0 }
    }

    /// The next text and the number of its first line.
    const fn next(&mut self) -> Option<(&'a [u8], u64)> {
        while self.at < self.text.len() && matches!(self.text[self.at], b'#' | b'\n' | b'\r') {
            self.skip_line();
        }
        if self.at == self.text.len() {
            return None;
        }
        let (start, first_line) = (self.at, self.line + 1);
        loop {
            self.skip_line();
            if self.at == self.text.len() || self.text[self.at] != b' ' {
                break;
            }
        }
        Some((self.text.split_at(self.at).0.split_at(start).1, first_line))
    }

    const fn skip_line(&mut self) {
        let (text, len) = (self.text, self.text.len());
        let mut at = self.at;
        while at < len && text[at] != b'\n' {
            at += 1;
        }
        self.at = if at < len { at + 1 } else { at };
        self.line += 1;
    }
}

/// What stands in front of the first such byte, and what behind it.
const fn split(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let (mut index, len) = (0, bytes.len());
    while index < len {
        if bytes[index] == at {
            let (before, rest) = bytes.split_at(index);
            return (before, rest.split_at(1).1);
        }
        index += 1;
    }
    (bytes, &[])
}

/// The test that is written beside a record with a lock file. It judges the file as it is now, and
/// with `update` adds the schema if it is not in it.
///
/// # Panics
/// The file cannot be read or written, or holds what the record does not read.
pub fn lock_test<'p, E: Display>(
    schema: &Schema,
    path: &'p str,
    update: Option<&str>,
    read: impl FnOnce(&'p str) -> Result<String, E>,
    write: impl FnOnce(&'p str, String) -> Result<(), E>,
) {
    let mut lock = match read(path) {
        Ok(lock) => lock,
        Err(error) => panic!("cannot read `{path}`: {error}"),
    };
    let released = schema.relation_text();
    let listed = texts(&lock)
        .any(|text| relate_bytes(text.as_bytes(), released.as_bytes()) == Relation::Identical);
    let adds = update == Some("update") && !listed;
    if adds {
        if !lock.is_empty() {
            lock.push_str(if lock.ends_with('\n') { "\n" } else { "\n\n" });
        }
        lock.push_str(&released);
    }
    let mut message = Complaint::new();
    assert!(!judge(released.as_bytes(), path, &lock, false, &mut message), "{}", message.as_str());
    // A file that stays as it is is not touched: it may be read-only, another test may be reading
    // it at this moment, and to cargo it would be a changed source.
    if adds && let Err(error) = write(path, lock) {
        panic!("cannot write `{path}`: {error}");
    }
}

fn texts(lock: &str) -> impl Iterator<Item = String> {
    let mut lock = Lock::new(lock);
    core::iter::from_fn(move || lock.next().map(|(found, _)| text(found).to_string()))
}

/// Refuses to compile an enum of which a variant takes more bytes than allowed.
///
/// # Panics
/// One does, which is a compile error.
#[track_caller]
pub const fn variants_fit(variants: &[(&str, usize)], size_max: usize) {
    let mut rest = variants;
    let mut widest: (&str, usize) = ("", 0);
    while let [variant, tail @ ..] = rest {
        if widest.1 < variant.1 {
            widest = *variant;
        }
        rest = tail;
    }
    if size_max < widest.1 {
        let mut message = Message::<512>::new();
        message.str("variant `");
        message.str(widest.0);
        message.str("` takes ");
        message.number(widest.1 as u64);
        message.str(" bytes with its tag, more than the ");
        message.number(size_max as u64);
        message.str(" allowed; make it smaller or the limit larger");
        panic!("{}", message.as_str());
    }
}
