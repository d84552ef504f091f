//! Schemas as trees, their texts, and the relation of two of them: all written from
//! `docs/FORMAT.md` alone, as plainly as can be.

use std::fmt::Write as _;

pub(crate) type Name = &'static str;

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) name: Name,
    pub(crate) was: Vec<Name>,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Struct(Vec<Field>),
    /// The room is that behind the tag which is there in any case.
    Enum {
        tag_size: usize,
        room: usize,
        variants: Vec<Variant>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: Name,
    pub(crate) was: Vec<Name>,
    pub(crate) default: bool,
    pub(crate) unit: Name,
    pub(crate) ty: Ty,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variant {
    pub(crate) name: Name,
    pub(crate) was: Vec<Name>,
    pub(crate) tag: u16,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ty {
    /// The words of the type, and the bytes.
    Scalar(Name, usize),
    Array(Box<Ty>, usize),
    Option(Box<Ty>),
    Record(Box<Tree>),
}

pub(crate) const U8: Ty = Ty::Scalar("u8", 1);
pub(crate) const U16: Ty = Ty::Scalar("u16", 2);

pub(crate) fn option(ty: Ty) -> Ty {
    Ty::Option(Box::new(ty))
}

pub(crate) fn array(ty: Ty, count: usize) -> Ty {
    Ty::Array(Box::new(ty), count)
}

pub(crate) fn record(tree: Tree) -> Ty {
    Ty::Record(Box::new(tree))
}

pub(crate) fn structure(name: Name, fields: Vec<Field>) -> Tree {
    Tree { name, was: vec![], shape: Shape::Struct(fields) }
}

pub(crate) fn choice(name: Name, tag_size: usize, room: usize, variants: Vec<Variant>) -> Tree {
    Tree { name, was: vec![], shape: Shape::Enum { tag_size, room, variants } }
}

pub(crate) fn field(name: Name, ty: Ty) -> Field {
    Field { name, was: vec![], default: false, unit: "", ty }
}

pub(crate) fn variant(name: Name, tag: u16, fields: Vec<Field>) -> Variant {
    Variant { name, was: vec![], tag, fields }
}

impl Field {
    pub(crate) fn with_default(mut self) -> Field {
        self.default = true;
        self
    }

    pub(crate) fn with_was(mut self, was: &[Name]) -> Field {
        self.was = was.to_vec();
        self
    }
}

impl Variant {
    pub(crate) fn with_was(mut self, was: &[Name]) -> Variant {
        self.was = was.to_vec();
        self
    }
}

pub(crate) fn sum(fields: &[Field]) -> usize {
    fields.iter().map(|field| field.ty.size()).sum()
}

impl Ty {
    pub(crate) fn size(&self) -> usize {
        match self {
            Ty::Scalar(_, size) => *size,
            Ty::Array(element, count) => element.size() * count,
            Ty::Option(value) => 1 + value.size(),
            Ty::Record(tree) => tree.size(),
        }
    }

    fn words(&self) -> String {
        match self {
            Ty::Scalar(words, _) => (*words).to_owned(),
            Ty::Array(_, count) => format!("array {count}"),
            Ty::Option(_) => "option".to_owned(),
            Ty::Record(tree) => tree.words(),
        }
    }

    /// What stands below the line and its annotations.
    fn below(&self, indent: usize, text: &mut String) {
        let (element, at) = match self {
            Ty::Scalar(..) => return,
            Ty::Record(tree) => return tree.below(indent, text),
            Ty::Array(element, _) => (element, 0),
            Ty::Option(value) => (value, 1),
        };
        let anonymous = field("-", (**element).clone());
        anonymous.line(at, indent, text);
    }
}

impl Tree {
    pub(crate) fn with_was(mut self, was: &[Name]) -> Tree {
        self.was = was.to_vec();
        self
    }

    pub(crate) fn size(&self) -> usize {
        match &self.shape {
            Shape::Struct(fields) => sum(fields),
            Shape::Enum { tag_size, room, variants } => {
                let bodies = variants.iter().map(|variant| sum(&variant.fields));
                tag_size + bodies.fold(*room, usize::max)
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.words(), self.size());
        annotation(1, "record-was", &self.was, &mut text);
        self.below(1, &mut text);
        text
    }

    fn words(&self) -> String {
        match &self.shape {
            Shape::Struct(_) => format!("struct {}", self.name),
            Shape::Enum { tag_size, .. } => format!("enum {} {tag_size}", self.name),
        }
    }

    fn below(&self, indent: usize, text: &mut String) {
        match &self.shape {
            Shape::Struct(fields) => lines(fields, indent, text),
            Shape::Enum { variants, .. } => {
                for variant in variants {
                    let (name, tag, size) = (variant.name, variant.tag, sum(&variant.fields));
                    writeln!(text, "{:indent$}{name} {tag} {size}", "").unwrap();
                    annotation(indent + 1, "was", &variant.was, text);
                    lines(&variant.fields, indent + 1, text);
                }
            }
        }
    }
}

fn lines(fields: &[Field], indent: usize, text: &mut String) {
    let mut offset = 0;
    for field in fields {
        field.line(offset, indent, text);
        offset += field.ty.size();
    }
}

impl Field {
    fn line(&self, offset: usize, indent: usize, text: &mut String) {
        let (name, size, words) = (self.name, self.ty.size(), self.ty.words());
        writeln!(text, "{:indent$}{name} {offset} {size} {words}", "").unwrap();
        annotation(indent + 1, "was", &self.was, text);
        if let Ty::Record(tree) = &self.ty {
            annotation(indent + 1, "record-was", &tree.was, text);
        }
        if self.default {
            writeln!(text, "{:indent$} # default", "").unwrap();
        }
        if !self.unit.is_empty() {
            writeln!(text, "{:indent$} # unit {}", "", self.unit).unwrap();
        }
        self.ty.below(indent + 1, text);
    }
}

fn annotation(indent: usize, key: Name, names: &[Name], text: &mut String) {
    if !names.is_empty() {
        writeln!(text, "{:indent$}# {key} {}", "", names.join(" ")).unwrap();
    }
}

/// Whether every record of the old schema can be read by the new one: rule by rule.
pub(crate) fn reads(old: &Tree, new: &Tree) -> bool {
    let inside = match (&old.shape, &new.shape) {
        (Shape::Struct(old), Shape::Struct(new)) => fields_read(old, new),
        (
            Shape::Enum { tag_size: old_tag, variants: old, .. },
            Shape::Enum { tag_size: new_tag, variants: new, .. },
        ) => {
            old_tag == new_tag
                && old.iter().all(|old| {
                    new.iter().any(|new| {
                        new.tag == old.tag
                            && names_kept((old.name, &old.was), (new.name, &new.was))
                            && fields_read(&old.fields, &new.fields)
                    })
                })
        }
        _ => false,
    };
    inside && names_kept((old.name, &old.was), (new.name, &new.was)) && old.size() <= new.size()
}

fn names_kept(old: (Name, &[Name]), new: (Name, &[Name])) -> bool {
    let mut names = std::iter::once(&old.0).chain(old.1);
    names.all(|name| *name == new.0 || new.1.contains(name))
}

fn fields_read(old: &[Field], new: &[Field]) -> bool {
    if new.len() < old.len() {
        return false;
    }
    let (kept, appended) = new.split_at(old.len());
    let appended_well =
        appended.iter().all(|field| field.default || matches!(field.ty, Ty::Option(_)));
    let kept_well = old.iter().zip(kept).enumerate().all(|(index, (before, now))| {
        let last = index + 1 == old.len();
        names_kept((before.name, &before.was), (now.name, &now.was))
            && (now.default || !before.default)
            && sum(&old[..index]) == sum(&new[..index])
            && size_kept(&before.ty, &now.ty, last)
            && type_reads(&before.ty, &now.ty)
    });
    appended_well && kept_well
}

fn size_kept(old: &Ty, new: &Ty, may_grow: bool) -> bool {
    let grows = matches!(new, Ty::Record(_) | Ty::Option(_));
    old.size() == new.size() || may_grow && grows && old.size() < new.size()
}

fn type_reads(old: &Ty, new: &Ty) -> bool {
    match (old, new) {
        (Ty::Scalar(old, _), Ty::Scalar(new, _)) => old == new,
        (Ty::Array(old, old_count), Ty::Array(new, new_count)) => {
            old_count == new_count && size_kept(old, new, false) && type_reads(old, new)
        }
        (Ty::Option(old), Ty::Option(new)) => size_kept(old, new, true) && type_reads(old, new),
        (Ty::Record(old), Ty::Record(new)) => reads(old, new),
        _ => false,
    }
}
