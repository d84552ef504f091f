//! [`Raise`]: how records of an older schema become those of a type that reads it.
//!
//! The two schemas are compared once, and the comparison is written down as a few steps: copy these
//! bytes there, fill those with a default, look at this tag and take the steps of its variant.
//! The image starts out as zeroes, so an option that was appended needs no step. Where nothing was
//! added inside, one copy goes over all of it.

use alloc::{boxed::Box, vec, vec::Vec};
use core::{fmt, marker::PhantomData};

use once_cell::race::OnceBox;
use zerocopy::{FromZeros, IntoBytes};

use crate::{
    error::Invalid,
    parsed::{Kind, Node, ParsedSchema, Variant},
    record::{Record, encode, judge, size},
    relate::{Relation, relate},
    schema::{FieldDef, Schema, Shape, Type},
};

/// The way from records of an older schema to a `T`.
///
/// # Examples
/// ```
/// use kekbit_codec::{ParsedSchema, Raise, Record};
///
/// #[derive(Record, Debug, PartialEq)]
/// struct Order {
///     id: u64,
///     #[record(default = 7)]
///     venue: u16,
/// }
///
/// let older = ParsedSchema::parse("struct Order 8\n id 0 8 u64\n")?;
/// let raise = Raise::<Order>::new(&older).expect("only a field with a default was added");
/// assert_eq!(raise.decode(&[9, 0, 0, 0, 0, 0, 0, 0])?, Order { id: 9, venue: 7 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Raise<T> {
    plan: Plan,
    record: PhantomData<fn() -> T>,
}

impl<T: Record> Raise<T> {
    /// Compares the schemas. `None` if a `T` cannot be made of every record of the older one: if it
    /// is not [`Older`](Relation::Older) and not [`Identical`](Relation::Identical).
    #[must_use]
    pub fn new(older: &ParsedSchema) -> Option<Raise<T>> {
        let (old, new) = (older.text(), T::SCHEMA.text());
        match relate(&old, &new) {
            Relation::Identical | Relation::Older => {
                Some(Raise { plan: Plan::new(older, T::SCHEMA), record: PhantomData })
            }
            Relation::Newer | Relation::Incompatible(_) => None,
        }
    }

    /// Whether the images are the same, so that there is nothing to do: [`decode`](crate::decode)
    /// and [`view`](crate::view) work on the older records, too.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plan.is_plain()
    }

    /// The value of an older record.
    ///
    /// # Errors
    /// As [`decode`](crate::decode); the offset in the error is that in a `T`.
    #[inline]
    pub fn decode(&self, payload: &[u8]) -> Result<T, Invalid> {
        self.plan.decode(payload)
    }

    /// Puts the image of an older record, to be decoded by [`decode`](crate::decode).
    ///
    /// # Errors
    /// The payload has another length than records of the older schema, or a tag that it does not
    /// know.
    #[inline]
    pub fn image(&self, payload: &[u8], image: &mut T::Wire) -> Result<(), Invalid> {
        self.plan.image(payload, image.as_mut_bytes())
    }
}

impl<T> fmt::Debug for Raise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

/// The plan between two types of a program, made when it is first used.
#[derive(Debug)]
pub struct OnceRaise(OnceBox<Plan>);

impl OnceRaise {
    /// No plan yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is made in statics, which take a constant")]
    pub const fn new() -> OnceRaise {
        OnceRaise(OnceBox::new())
    }
}

/// An older value as one of the type that extends its own.
///
/// # Errors
/// A conversion of the user's refuses it.
pub fn raised<O: Record, N: Record>(older: &O, once: &OnceRaise) -> Result<N, Invalid> {
    let plan = once.0.get_or_try_init(|| match ParsedSchema::parse(&O::SCHEMA.text()) {
        Ok(schema) => Ok(Box::new(Plan::new(&schema, N::SCHEMA))),
        Err(error) => Err(Invalid::new(error, "a schema within the limits")),
    })?;
    let mut payload = vec![0; size::<O>()];
    encode(older, &mut payload)?;
    plan.decode(&payload)
}

#[derive(Debug)]
struct Plan {
    old_size: usize,
    new_size: usize,
    steps: Steps,
}

type Steps = Box<[Step]>;

/// Offsets count from the start of the record, within `Repeat` from that of the element.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Copy { from: usize, to: usize, len: usize },
    Fill { to: usize, bytes: Box<[u8]> },
    Option { from: usize, to: usize, inside: Steps },
    Enum { from: usize, to: usize, tag_size: usize, variants: Box<[(u16, Steps)]> },
    Repeat { from: usize, to: usize, count: usize, size: usize, inside: Steps },
}

impl Plan {
    fn new(old: &ParsedSchema, new: &Schema) -> Plan {
        let mut steps = Vec::new();
        record(old.root(), new, 0, 0, &mut steps);
        Plan { old_size: old.size(), new_size: new.size(), steps: steps.into() }
    }

    fn is_plain(&self) -> bool {
        self.old_size == self.new_size && is_copy(&self.steps, 0, 0, self.old_size)
    }

    #[inline]
    fn decode<T: Record>(&self, payload: &[u8]) -> Result<T, Invalid> {
        let mut wire = T::Wire::new_zeroed();
        self.image(payload, wire.as_mut_bytes())?;
        judge(&wire)
    }

    fn image(&self, payload: &[u8], image: &mut [u8]) -> Result<(), Invalid> {
        if payload.len() != self.old_size {
            return Err(Invalid::length(payload.len(), self.old_size));
        }
        image.fill(0);
        run(&self.steps, payload, image)
    }
}

/// What lies outside of either image is left out; by construction nothing does.
fn run(steps: &[Step], old: &[u8], new: &mut [u8]) -> Result<(), Invalid> {
    for step in steps {
        match step {
            Step::Copy { from, to, len } => copy(old, *from, new, *to, *len),
            Step::Fill { to, bytes } => copy(bytes, 0, new, *to, bytes.len()),
            Step::Option { from, to, inside } => {
                // What is no presence is copied to be judged.
                copy(old, *from, new, *to, 1);
                if old.get(*from).is_some_and(|presence| *presence != 0) {
                    run(inside, old, new)?;
                }
            }
            Step::Enum { from, to, tag_size, variants } => {
                copy(old, *from, new, *to, *tag_size);
                let tag = tag(old, *from, *tag_size);
                match variants.iter().find(|(known, _)| *known == tag) {
                    Some((_, inside)) => run(inside, old, new)?,
                    None => return Err(unknown_tag(tag, *to)),
                }
            }
            Step::Repeat { from, to, count, size, inside } => {
                for index in 0..*count {
                    let skip = index * size;
                    let (from, to) = (from + skip, to + skip);
                    if let (Some(old), Some(new)) =
                        (old.get(from..from + size), new.get_mut(to..to + size))
                    {
                        run(inside, old, new)?;
                    }
                }
            }
        }
    }
    Ok(())
}

#[inline]
fn copy(old: &[u8], from: usize, new: &mut [u8], to: usize, len: usize) {
    if let (Some(old), Some(new)) = (old.get(from..from + len), new.get_mut(to..to + len)) {
        new.copy_from_slice(old);
    }
}

fn tag(image: &[u8], at: usize, size: usize) -> u16 {
    match image.get(at..at + size) {
        Some([tag]) => u16::from(*tag),
        Some([low, high]) => u16::from_le_bytes([*low, *high]),
        _ => 0,
    }
}

#[cold]
#[inline(never)]
fn unknown_tag(tag: u16, offset: usize) -> Invalid {
    Invalid::new(format_args!("tag {tag}"), "a tag of the older schema").within("", offset)
}

/// A struct or an enum at those places.
fn record(old: &Node, new: &Schema, from: usize, to: usize, steps: &mut Vec<Step>) {
    let size = old.size();
    match (old.kind(), new.shape()) {
        (Kind::Struct { fields: old, .. }, Shape::Struct { fields: new }) => {
            fields(old, new, from, to, steps);
        }
        (Kind::Enum { variants: old, tag_size, .. }, Shape::Enum { variants: new, .. }) => {
            let mut is_plain = true;
            let variant = |variant: &Variant| {
                let (from, to) = (from + tag_size, to + tag_size);
                let mut inside = Vec::new();
                if let Some(def) = new.iter().find(|def| def.tag == variant.tag()) {
                    fields(variant.fields(), def.fields, from, to, &mut inside);
                    // Behind a body that has grown there might be anything.
                    is_plain &= def.size() == variant.size();
                }
                is_plain &= is_copy(&inside, from, to, variant.size());
                (variant.tag(), inside.into())
            };
            let variants: Box<[_]> = old.iter().map(variant).collect();
            if is_plain {
                push_copy(from, to, size, steps);
            } else {
                steps.push(Step::Enum { from, to, tag_size: *tag_size, variants });
            }
        }
        _ => {}
    }
}

fn fields(old: &[Node], new: &[FieldDef], from: usize, to: usize, steps: &mut Vec<Step>) {
    let mut to = to;
    for (index, field) in new.iter().enumerate() {
        match (old.get(index), field.default()) {
            (Some(node), _) => field_of(node, &field.ty, from + node.offset(), to, steps),
            (None, Some(default)) => {
                let mut bytes = vec![0; field.ty.size()];
                default.fill(&mut bytes);
                steps.push(Step::Fill { to, bytes: bytes.into() });
            }
            // Zeroes: an option without a value.
            (None, None) => {}
        }
        to += field.ty.size();
    }
}

fn field_of(old: &Node, new: &Type, from: usize, to: usize, steps: &mut Vec<Step>) {
    match (old.kind(), new) {
        (_, Type::Record(schema)) => record(old, schema, from, to, steps),
        (Kind::Option(body), Type::Option(new)) => {
            let (inside_from, inside_to) = (from + 1, to + 1);
            let mut inside = Vec::new();
            field_of(body, new, inside_from, inside_to, &mut inside);
            if is_copy(&inside, inside_from, inside_to, body.size()) {
                push_copy(from, to, 1 + body.size(), steps);
            } else {
                steps.push(Step::Option { from, to, inside: inside.into() });
            }
        }
        (Kind::Array { count, element }, Type::Array { element: new, .. }) => {
            let size = element.size();
            let mut inside = Vec::new();
            field_of(element, new, 0, 0, &mut inside);
            if is_copy(&inside, 0, 0, size) {
                push_copy(from, to, count * size, steps);
            } else {
                let (count, inside) = (*count, inside.into());
                steps.push(Step::Repeat { from, to, count, size, inside });
            }
        }
        _ => push_copy(from, to, old.size(), steps),
    }
}

/// Adds a copy, or makes the one before it longer.
fn push_copy(from: usize, to: usize, len: usize, steps: &mut Vec<Step>) {
    if len == 0 {
        return;
    }
    if let Some(Step::Copy { from: last_from, to: last_to, len: last_len }) = steps.last_mut()
        && *last_from + *last_len == from
        && *last_to + *last_len == to
    {
        *last_len += len;
        return;
    }
    steps.push(Step::Copy { from, to, len });
}

/// Whether the steps copy that many bytes from one place to the other, and nothing else.
fn is_copy(steps: &[Step], from: usize, to: usize, len: usize) -> bool {
    match steps {
        [] => len == 0,
        [step] => *step == Step::Copy { from, to, len },
        _ => false,
    }
}
