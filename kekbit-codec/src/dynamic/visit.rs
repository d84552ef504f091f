//! [`Visitor`]: a walk over a datum that keeps nothing.

use super::{Content, Datum, Fields, Scalar, trail::Trail};
use crate::error::Invalid;

/// Is told of all parts of a datum, in the order of their bytes.
///
/// `name` is that of the node: a field's, `-` for an element of an array and for the value of an
/// option, the record's for the root. What a method is not written for is passed over; an error of
/// the visitor's ends the walk. Parts in front of the first invalid one are told.
///
/// # Examples
/// ```
/// use kekbit_codec::{Invalid, ParsedSchema, Scalar, Visitor};
///
/// struct Sum(u128);
///
/// impl Visitor for Sum {
///     type Error = Invalid;
///
///     fn scalar(&mut self, _: &str, scalar: Scalar<'_>) -> Result<(), Invalid> {
///         self.0 += scalar.as_u128().unwrap_or(0);
///         Ok(())
///     }
/// }
///
/// let schema = ParsedSchema::parse("struct Axes 3\n at 0 3 array 3\n  - 0 1 u8\n")?;
/// let mut sum = Sum(0);
/// schema.datum(&[1, 2, 3])?.visit(&mut sum)?;
/// assert_eq!(sum.0, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Visitor {
    /// What ends a walk.
    type Error: From<Invalid>;

    /// A single value.
    ///
    /// # Errors
    /// The visitor's own, as with all methods.
    fn scalar(&mut self, name: &str, scalar: Scalar<'_>) -> Result<(), Self::Error> {
        let _ = (name, scalar);
        Ok(())
    }

    /// A struct begins; its fields follow.
    ///
    /// # Errors
    /// The visitor's own.
    fn begin_struct(&mut self, name: &str, record: &str) -> Result<(), Self::Error> {
        let _ = (name, record);
        Ok(())
    }

    /// The struct ends.
    ///
    /// # Errors
    /// The visitor's own.
    fn end_struct(&mut self, name: &str) -> Result<(), Self::Error> {
        let _ = name;
        Ok(())
    }

    /// An array begins; that many elements follow.
    ///
    /// # Errors
    /// The visitor's own.
    fn begin_array(&mut self, name: &str, count: usize) -> Result<(), Self::Error> {
        let _ = (name, count);
        Ok(())
    }

    /// The array ends.
    ///
    /// # Errors
    /// The visitor's own.
    fn end_array(&mut self, name: &str) -> Result<(), Self::Error> {
        let _ = name;
        Ok(())
    }

    /// An option begins; its value follows if it is there.
    ///
    /// # Errors
    /// The visitor's own.
    fn begin_option(&mut self, name: &str, presence: Presence) -> Result<(), Self::Error> {
        let _ = (name, presence);
        Ok(())
    }

    /// The option ends.
    ///
    /// # Errors
    /// The visitor's own.
    fn end_option(&mut self, name: &str) -> Result<(), Self::Error> {
        let _ = name;
        Ok(())
    }

    /// A variant of the enum `record` begins; its fields follow.
    ///
    /// # Errors
    /// The visitor's own.
    fn begin_variant(
        &mut self,
        name: &str,
        record: &str,
        variant: &str,
        tag: u16,
    ) -> Result<(), Self::Error> {
        let _ = (name, record, variant, tag);
        Ok(())
    }

    /// The variant ends.
    ///
    /// # Errors
    /// The visitor's own.
    fn end_variant(&mut self, name: &str) -> Result<(), Self::Error> {
        let _ = name;
        Ok(())
    }
}

/// Whether the value of an option is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is not.
    Absent,
    /// It is.
    Present,
}

impl Datum<'_> {
    /// Tells `visitor` of all parts.
    ///
    /// # Errors
    /// The visitor's own, or the first part whose bytes are no value.
    pub fn visit<V: Visitor>(&self, visitor: &mut V) -> Result<(), V::Error> {
        visit(*self, visitor, &Trail::START)
    }
}

fn visit<V: Visitor>(datum: Datum<'_>, visitor: &mut V, trail: &Trail<'_>) -> Result<(), V::Error> {
    let name = datum.node().name();
    match datum.content().map_err(|invalid| trail.enclose(invalid))? {
        Content::Scalar(scalar) => visitor.scalar(name, scalar),
        Content::Array(elements) => {
            visitor.begin_array(name, elements.len())?;
            for (index, element) in elements.enumerate() {
                visit(element, visitor, &trail.element(index, element.bytes().len()))?;
            }
            visitor.end_array(name)
        }
        Content::Option(None) => {
            visitor.begin_option(name, Presence::Absent)?;
            visitor.end_option(name)
        }
        Content::Option(Some(value)) => {
            visitor.begin_option(name, Presence::Present)?;
            visit(value, visitor, &trail.value())?;
            visitor.end_option(name)
        }
        Content::Struct { name: record, fields } => {
            visitor.begin_struct(name, record)?;
            visit_fields(fields, visitor, trail)?;
            visitor.end_struct(name)
        }
        Content::Variant { name: record, variant, tag, fields } => {
            visitor.begin_variant(name, record, variant, tag)?;
            let trail = trail.within(variant, datum.node().tag_size());
            visit_fields(fields, visitor, &trail)?;
            visitor.end_variant(name)
        }
    }
}

fn visit_fields<V: Visitor>(
    fields: Fields<'_>,
    visitor: &mut V,
    trail: &Trail<'_>,
) -> Result<(), V::Error> {
    for (name, field) in fields {
        visit(field, visitor, &trail.within(name, field.node().offset()))?;
    }
    Ok(())
}
