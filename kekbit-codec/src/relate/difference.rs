//! [`Difference`]: where and why one schema does not read records of another, and the words for it,
//! which are the same for the compiler and at run time.

use alloc::string::String;
use core::fmt::{self, Write as _};

use super::cursor::Part;
use crate::message::{Message, text};

/// Names in a path: of fields and variants, one for each level at most.
const PATH_LEN_MAX: usize = 72;

/// The first rule that two schemas break, with the place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Difference<'a> {
    /// Names in the later text, from where to where; nothing for the elements of an array.
    path: [(usize, usize); PATH_LEN_MAX],
    path_len: usize,
    later: &'a [u8],
    pub(crate) reason: Reason,
    pub(super) old: &'a str,
    pub(super) new: &'a str,
    pub(crate) old_line: usize,
    pub(super) new_line: usize,
    backward: bool,
}

/// Which rule is broken. What was and what is can be asked of the [`Difference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A line of one of the texts is none of a schema.
    Malformed,
    /// A text of more than 1 MiB.
    TooLong,
    /// Types nested more than 32 levels deep.
    TooDeep,
    /// Thousands of variants or former names are in another order.
    OutOfOrder,
    /// A struct became an enum, or the other way round.
    RecordKind,
    /// A record has another name.
    RecordName,
    /// A record has lost one of its former names.
    RecordNameLost,
    /// Tags have another size.
    TagSize,
    /// A field has gone.
    Removed,
    /// A field has another name.
    Renamed,
    /// Fields have changed places.
    Reordered,
    /// A field stands in front of older ones.
    Inserted,
    /// A new field has nothing that stands for it in older records.
    NoDefault,
    /// A field or variant has lost one of its former names.
    NameLost,
    /// A field has lost its default.
    DefaultLost,
    /// A field has another type.
    Type,
    /// A text, or bytes, of another length.
    Length,
    /// An array of another length.
    Count,
    /// The elements of an array have another size.
    Element,
    /// A field has grown that is not the last.
    Grown,
    /// Something takes less room than before.
    Shrunk,
    /// A variant has gone.
    VariantRemoved,
    /// A variant has another name.
    VariantRenamed,
    /// A variant has another tag.
    VariantTag,
}

impl<'a> Difference<'a> {
    pub(super) const fn new(later: &'a [u8]) -> Difference<'a> {
        Difference {
            path: [(0, 0); PATH_LEN_MAX],
            path_len: 0,
            later,
            reason: Reason::Malformed,
            old: "",
            new: "",
            old_line: 0,
            new_line: 0,
            backward: false,
        }
    }

    /// The same, found from the new schema to the old one.
    pub(super) const fn backward(mut self) -> Difference<'a> {
        self.backward = true;
        self
    }

    pub(super) const fn push(&mut self, name: Part<'_>) {
        if self.path_len < PATH_LEN_MAX {
            self.path[self.path_len] = (name.start, name.end);
        }
        self.path_len += 1;
    }

    pub(super) const fn push_element(&mut self) {
        self.push(Part::EMPTY);
    }

    pub(super) const fn pop(&mut self) {
        self.path_len -= 1;
    }

    /// Which rule is broken.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether the records as such do not fit, so that they may be different ones altogether.
    pub(crate) const fn is_of_another_record(&self) -> bool {
        self.path_len == 0 && matches!(self.reason, Reason::RecordKind | Reason::RecordName)
    }

    /// Whether this is what the *old* schema has done to the new one: its record is the larger one,
    /// so it is taken for the later.
    #[must_use]
    pub const fn is_backward(&self) -> bool {
        self.backward
    }

    /// The field, as a path from the record: `legs[].side`; empty for the record itself.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for (index, &(start, end)) in self.path.iter().take(self.path_len).enumerate() {
            if start == end {
                path.push_str("[]");
            } else {
                path.push_str(if index == 0 { "" } else { "." });
                path.push_str(text(self.later.split_at(end).0.split_at(start).1));
            }
        }
        path
    }

    /// What the earlier schema has there: a type, a name, a tag.
    #[must_use]
    pub const fn expected(&self) -> &'a str {
        self.old
    }

    /// What the later schema has there instead.
    #[must_use]
    pub const fn found(&self) -> &'a str {
        self.new
    }

    const fn write_path<const N: usize>(&self, message: &mut Message<N>) {
        let mut index = 0;
        while index < self.path_len && index < PATH_LEN_MAX {
            let (start, end) = self.path[index];
            if start == end {
                message.str("[]");
            } else {
                if 0 < index {
                    message.str(".");
                }
                message.bytes(self.later.split_at(end).0.split_at(start).1);
            }
            index += 1;
        }
    }

    /// `PREFIX`path`SUFFIX`, or the record.
    const fn place<const N: usize>(&self, message: &mut Message<N>) {
        if self.path_len == 0 {
            message.str("the record");
        } else {
            message.str("`");
            self.write_path(message);
            message.str("`");
        }
    }

    /// The part of the path above a name that is told anyway.
    const fn within<const N: usize>(&self, message: &mut Message<N>) {
        if self.path_len != 0 {
            message.str(" in `");
            self.write_path(message);
            message.str("`");
        }
    }

    /// Tells what is wrong and what to do.
    pub(crate) const fn tell<const N: usize>(&self, message: &mut Message<N>) {
        match self.reason {
            Reason::Malformed | Reason::TooLong | Reason::TooDeep | Reason::OutOfOrder => {
                self.tell_text(message);
            }
            Reason::RecordKind | Reason::RecordName | Reason::RecordNameLost | Reason::TagSize => {
                self.tell_record(message);
            }
            Reason::VariantRemoved | Reason::VariantRenamed | Reason::VariantTag => {
                self.tell_variant(message);
            }
            Reason::Removed | Reason::Renamed | Reason::Reordered | Reason::Inserted => {
                self.tell_order(message);
            }
            Reason::NoDefault | Reason::NameLost | Reason::DefaultLost => self.tell_mark(message),
            Reason::Type
            | Reason::Length
            | Reason::Count
            | Reason::Element
            | Reason::Grown
            | Reason::Shrunk => self.tell_type(message),
        }
    }

    const fn tell_text<const N: usize>(&self, message: &mut Message<N>) {
        match self.reason {
            Reason::TooLong => message.str("a schema text of more than 1 MiB"),
            Reason::TooDeep => {
                message.str("field ");
                self.place(message);
                message.str(" is nested more than 32 levels deep");
            }
            Reason::OutOfOrder => {
                self.place(message);
                message.str(
                    " has thousands of variants or former names in another order than before; \
                     give them back their order",
                );
            }
            _ => {
                message.str("line ");
                message.number(self.old_line as u64);
                message.str(" of the earlier schema text (`");
                message.str(self.old);
                message.str("`) or line ");
                message.number(self.new_line as u64);
                message.str(" of the later one (`");
                message.str(self.new);
                message.str("`) is not what belongs there");
            }
        }
    }

    const fn tell_record<const N: usize>(&self, message: &mut Message<N>) {
        match self.reason {
            Reason::RecordKind => {
                self.place(message);
                self.change(message, " was of kind ", " and is of kind ");
                message.str("; a record keeps its kind");
            }
            Reason::TagSize => {
                message.str("the tag of ");
                self.place(message);
                self.change(message, " had ", " bytes and has ");
                message.str(
                    "; write the `tag_size` that it had (an enum that was released without data \
                     stays without, unless it had `tag_size = 2` from the start)",
                );
            }
            Reason::RecordName => {
                message.str("the type of ");
                self.place(message);
                self.change(message, " was called ", " and is called ");
                message.str("; if it was renamed, write `#[record(was = \"");
                message.str(self.old);
                message.str("\")]` on it");
            }
            _ => {
                message.str("the type of ");
                self.place(message);
                message.str(" was once called `");
                message.str(self.old);
                message.str("` and says so no more; former names stay in `was`");
            }
        }
    }

    const fn tell_variant<const N: usize>(&self, message: &mut Message<N>) {
        if matches!(self.reason, Reason::VariantTag) {
            message.str("the tag of ");
            self.place(message);
            self.change(message, " was ", " and is ");
            message.str("; give the variant back its tag with `#[record(tag = ");
            message.str(self.old);
            message.str(")]`, or with `= ");
            message.str(self.old);
            message.str("` in an enum without data");
            return;
        }
        message.str("variant `");
        message.str(self.old);
        message.str("`");
        self.within(message);
        match self.reason {
            Reason::VariantRenamed => {
                message.str(" is called `");
                message.str(self.new);
                message.str("`; if it was renamed, write `#[record(was = \"");
                message.str(self.old);
                message.str("\")]` on it, else give the new one a new tag");
            }
            _ => message.str(" has gone; variants stay for good"),
        }
    }

    const fn tell_order<const N: usize>(&self, message: &mut Message<N>) {
        message.str("field `");
        message.str(match self.reason {
            Reason::Reordered | Reason::Inserted => self.new,
            _ => self.old,
        });
        message.str("`");
        self.within(message);
        match self.reason {
            Reason::Removed => message.str(" has gone; fields stay for good"),
            Reason::Renamed => {
                message.str(" is called `");
                message.str(self.new);
                message.str("`; if it was renamed, write `#[record(was = \"");
                message.str(self.old);
                message.str("\")]` on it");
            }
            _ => {
                message.str(" stands where `");
                message.str(self.old);
                message.str(match self.reason {
                    Reason::Reordered => "` was; fields keep their order",
                    _ => "` was; new fields go to the end",
                });
            }
        }
    }

    const fn tell_mark<const N: usize>(&self, message: &mut Message<N>) {
        self.place(message);
        match self.reason {
            Reason::NoDefault => message.str(
                " is new, and older records have nothing for it; make it an `Option`, or write \
                 `#[record(default = ...)]` on it",
            ),
            Reason::DefaultLost => message.str(
                " had a default and has none; older records still need it: keep \
                 `#[record(default = ...)]`",
            ),
            _ => {
                message.str(" was once called `");
                message.str(self.old);
                message.str("` and says so no more; former names stay in `was`");
            }
        }
    }

    const fn tell_type<const N: usize>(&self, message: &mut Message<N>) {
        self.place(message);
        match self.reason {
            Reason::Type => {
                self.change(message, " was of type ", " and is of type ");
                message.str("; types never change: append a new field instead");
            }
            Reason::Count => {
                self.change(message, " was ", " and is ");
                message.str("; arrays keep their length: append a new field instead");
            }
            reason => {
                self.change(message, " had ", " bytes and has ");
                message.str(match reason {
                    Reason::Length => "; lengths never change: append a new field instead",
                    Reason::Element => "; elements of an array keep their size",
                    Reason::Grown => {
                        ", but other fields of the earlier version stand behind it, and only its \
                         last field may grow; append to the record itself instead"
                    }
                    _ => "; nothing may shrink: give the enum the `size` that it had",
                });
            }
        }
    }

    const fn change<const N: usize>(&self, message: &mut Message<N>, was: &str, is: &str) {
        message.str(was);
        message.str("`");
        message.str(self.old);
        message.str("`");
        message.str(is);
        message.str("`");
        message.str(self.new);
        message.str("`");
    }
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = Message::<4096>::new();
        self.tell(&mut message);
        // Names come from files, too: what reorders or hides text is shown as what it is.
        for letter in message.as_str().chars() {
            if matches!(letter, '\'' | '"') {
                f.write_char(letter)?;
            } else {
                write!(f, "{}", letter.escape_debug())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Difference")
            .field("path", &self.path())
            .field("reason", &self.reason)
            .field("expected", &self.old)
            .field("found", &self.new)
            .finish_non_exhaustive()
    }
}
