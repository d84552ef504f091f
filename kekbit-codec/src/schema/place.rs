//! [`Place`]: where in a record a view came from, so that its errors can say so.

use alloc::vec::Vec;

use super::{FieldDef, Schema, Shape, Type};
use crate::error::Invalid;

/// Where a view came from: a field of a record, and in it perhaps an element of an array.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    root: Root,
    /// How many arrays were entered, and the byte of the field that was reached by it.
    depth: usize,
    skip: usize,
}

#[derive(Debug, Clone, Copy)]
enum Root {
    Type(Type),
    Field { schema: &'static Schema, field: usize },
    Variant { schema: &'static Schema, variant: usize, field: usize },
}

impl Place {
    /// A value that lies in no record.
    pub(crate) const fn of_type(ty: Type) -> Place {
        Place { root: Root::Type(ty), depth: 0, skip: 0 }
    }

    /// The field of a struct, by number.
    #[doc(hidden)]
    #[must_use]
    pub const fn field(schema: &'static Schema, field: usize) -> Place {
        Place { root: Root::Field { schema, field }, depth: 0, skip: 0 }
    }

    /// The field of a variant, by number; offsets are counted from the start of the enum.
    #[doc(hidden)]
    #[must_use]
    pub const fn variant(schema: &'static Schema, variant: usize, field: usize) -> Place {
        Place { root: Root::Variant { schema, variant, field }, depth: 0, skip: 0 }
    }

    /// An element of the array at this place.
    pub(crate) fn element(self, index: usize, element_size: usize) -> Place {
        Place {
            depth: self.depth.saturating_add(1),
            skip: self.skip.saturating_add(index.saturating_mul(element_size)),
            ..self
        }
    }

    /// The error of the value at this place, told from where the place is counted.
    #[cold]
    #[inline(never)]
    pub(crate) fn enclose(self, invalid: Invalid) -> Invalid {
        match self.root {
            Root::Type(ty) => self.enclose_elements(invalid, ty),
            Root::Field { schema, field } => match schema.shape {
                Shape::Struct { fields } => self.enclose_field(invalid, fields, field),
                Shape::Enum { .. } => invalid,
            },
            Root::Variant { schema, variant, field } => match schema.shape {
                Shape::Enum { tag_size, variants } => match variants.get(variant) {
                    Some(def) => {
                        self.enclose_field(invalid, def.fields, field).within(def.name, tag_size)
                    }
                    None => invalid,
                },
                Shape::Struct { .. } => invalid,
            },
        }
    }

    fn enclose_field(self, invalid: Invalid, fields: &[FieldDef], field: usize) -> Invalid {
        let offset = fields.iter().take(field).map(|field| field.ty.size()).sum();
        match fields.get(field) {
            Some(def) => self.enclose_elements(invalid, def.ty).within(def.name, offset),
            None => invalid,
        }
    }

    /// The indexes follow from the byte, as the types say how large each element is.
    fn enclose_elements(self, mut invalid: Invalid, mut ty: Type) -> Invalid {
        let mut skip = self.skip;
        let mut steps = Vec::new();
        for _ in 0..self.depth {
            let Type::Array { element, .. } = ty else { break };
            let index = skip.checked_div(element.size()).unwrap_or(0);
            skip -= index * element.size();
            steps.push((index, element.size()));
            ty = *element;
        }
        while let Some((index, element_size)) = steps.pop() {
            invalid = invalid.within_element(index, element_size);
        }
        invalid
    }
}

/// The error of an enum whose tag no variant has.
#[doc(hidden)]
#[must_use]
#[cold]
#[inline(never)]
pub fn unknown_tag(tag: u16, schema: &Schema) -> Invalid {
    let Shape::Enum { variants, .. } = schema.shape else {
        return Invalid::new(format_args!("tag {tag}"), "a struct");
    };
    unknown_tag_of(tag, variants.iter().map(|variant| (variant.tag, variant.name)))
}

/// The same, of tags and names that are known at run time only.
#[cold]
#[inline(never)]
pub(crate) fn unknown_tag_of<'a>(
    tag: u16,
    variants: impl ExactSizeIterator<Item = (u16, &'a str)>,
) -> Invalid {
    const LISTED_MAX: usize = 16;
    let count = variants.len();
    let mut expected = alloc::string::String::new();
    for (index, (tag, name)) in variants.take(LISTED_MAX).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        expected.push_str(&alloc::format!("{comma}{tag} ({name})"));
    }
    if LISTED_MAX < count {
        expected.push_str(&alloc::format!(" or {} more", count - LISTED_MAX));
    }
    let one_of = if count == 1 { "" } else { "one of " };
    Invalid::new(format_args!("tag {tag}"), format_args!("{one_of}{expected}")).of_unknown_variant()
}
