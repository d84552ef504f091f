//! [`Row`]: a datum as the cells of a table, and the names of the columns.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::{Content, Datum, Scalar, trail::Trail};
use crate::{
    error::Invalid,
    parsed::{Kind, Node, ParsedSchema, Variant},
};

const COLUMNS_MAX: usize = 1 << 16;
/// Of all column names together: paths repeat the names that they go through.
const NAMES_LEN_MAX: usize = 1 << 24;

/// A schema that makes too wide a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// There are too many columns.
    #[error("{found} columns, expected at most {max}; arrays take a column for each element")]
    Count {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// Their names are too long.
    #[error("columns whose names have more than {max} bytes in all, expected at most that")]
    Names {
        /// How long they may be.
        max: usize,
    },
}

impl ParsedSchema {
    /// The columns of a table of such records, each named by the path of the field that it shows:
    /// `id`, `legs[0].side`, `hedge.qty`. An enum has a column for the name of the variant, and
    /// then one for each field of each variant (`Opened.order.id`); if the record itself is an
    /// enum, the first is named after it. A duration has two, `secs` and `nanos`. An option has
    /// those of its value, or, if that has no bytes, one that says whether it is there. What has no
    /// bytes has no column.
    ///
    /// # Errors
    /// There are more than 65 536 columns, or their names have more than 16 MiB.
    ///
    /// # Examples
    /// ```
    /// let text = "struct Order 5\n id 0 2 u16\n side 2 3 enum Side 1\n  Buy 0 2\n   0 0 2 u16\n";
    /// let schema = kekbit_codec::ParsedSchema::parse(text)?;
    /// assert_eq!(schema.columns()?, ["id", "side", "side.Buy.0"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn columns(&self) -> Result<Vec<String>, ColumnError> {
        let count = check_count(self.root())?;
        let mut columns = Columns { names: Vec::with_capacity(count), left: NAMES_LEN_MAX };
        match self.root().kind() {
            Kind::Enum { name, variants, .. } => {
                columns.push(name)?;
                columns.variants(variants, "")?;
            }
            _ => columns.node(self.root(), "")?,
        }
        Ok(columns.names)
    }
}

fn check_count(node: &Node) -> Result<usize, ColumnError> {
    match column_count(node) {
        found if found <= COLUMNS_MAX => Ok(found),
        found => Err(ColumnError::Count { found, max: COLUMNS_MAX }),
    }
}

fn column_count(node: &Node) -> usize {
    let of_fields = |fields: &[Node]| {
        fields.iter().fold(0_usize, |count, field| count.saturating_add(column_count(field)))
    };
    match node.kind() {
        _ if node.size() == 0 => 0,
        Kind::Duration => 2,
        Kind::Array { count, element } => column_count(element).saturating_mul(*count),
        Kind::Option(value) => column_count(value).max(1),
        Kind::Struct { fields, .. } => of_fields(fields),
        Kind::Enum { variants, .. } => variants
            .iter()
            .fold(1, |count, variant| count.saturating_add(of_fields(variant.fields()))),
        _ => 1,
    }
}

struct Columns {
    names: Vec<String>,
    /// Bytes that names may still take.
    left: usize,
}

impl Columns {
    fn push(&mut self, path: &str) -> Result<(), ColumnError> {
        match self.left.checked_sub(path.len()) {
            Some(left) => self.left = left,
            None => return Err(ColumnError::Names { max: NAMES_LEN_MAX }),
        }
        self.names.push(path.to_owned());
        Ok(())
    }

    fn node(&mut self, node: &Node, path: &str) -> Result<(), ColumnError> {
        match node.kind() {
            _ if node.size() == 0 => Ok(()),
            Kind::Duration => {
                self.push(&format!("{path}.secs"))?;
                self.push(&format!("{path}.nanos"))
            }
            Kind::Array { count, element } => {
                (0..*count).try_for_each(|index| self.node(element, &format!("{path}[{index}]")))
            }
            Kind::Option(value) if value.size() != 0 => self.node(value, path),
            Kind::Struct { fields, .. } => self.fields(fields, path),
            Kind::Enum { variants, .. } => {
                self.push(path)?;
                self.variants(variants, path)
            }
            _ => self.push(path),
        }
    }

    fn variants(&mut self, variants: &[Variant], path: &str) -> Result<(), ColumnError> {
        variants
            .iter()
            .try_for_each(|variant| self.fields(variant.fields(), &join(path, variant.name())))
    }

    fn fields(&mut self, fields: &[Node], path: &str) -> Result<(), ColumnError> {
        fields.iter().try_for_each(|field| self.node(field, &join(path, field.name())))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A datum as cells, one for each of the [`columns`](ParsedSchema::columns) of its node.
///
/// With the feature `serde` it serializes as one flat sequence of cells.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    datum: Datum<'a>,
    len: usize,
}

/// Why a walk over cells ended.
pub(super) enum Stop<E> {
    Invalid(Invalid),
    Taker(E),
}

impl<'a> Datum<'a> {
    /// The datum as a row of a table. Reads nothing yet.
    ///
    /// # Errors
    /// There are more than 65 536 columns.
    pub fn row(&self) -> Result<Row<'a>, ColumnError> {
        Ok(Row { datum: *self, len: check_count(self.node())? })
    }
}

impl<'a> Row<'a> {
    /// The cells, as many as there are columns: `None` for what is not there, as the value of an
    /// option or the fields of another variant.
    ///
    /// # Errors
    /// The first part whose bytes are no value.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::{ParsedSchema, Scalar};
    ///
    /// let schema = ParsedSchema::parse("struct A 3\n b 0 1 u8\n c 1 2 option\n  - 1 1 u8\n")?;
    /// assert_eq!(schema.datum(&[7, 0, 0])?.row()?.cells()?, [Some(Scalar::U8(7)), None]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cells(&self) -> Result<Vec<Option<Scalar<'a>>>, Invalid> {
        let mut cells = Vec::with_capacity(self.len);
        let walk = self.each(|cell| {
            cells.push(cell);
            Ok::<_, core::convert::Infallible>(())
        });
        match walk {
            Err(Stop::Invalid(invalid)) => Err(invalid),
            Err(Stop::Taker(never)) => match never {},
            Ok(()) => Ok(cells),
        }
    }

    /// How many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none, as of a record without bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives one cell after the other.
    pub(super) fn each<E>(
        &self,
        mut take: impl FnMut(Option<Scalar<'a>>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        Cells { take: &mut take }.datum(self.datum, &Trail::START)
    }
}

struct Cells<'t, 'a, E> {
    take: &'t mut dyn FnMut(Option<Scalar<'a>>) -> Result<(), E>,
}

impl<'a, E> Cells<'_, 'a, E> {
    fn put(&mut self, scalar: Scalar<'a>) -> Result<(), Stop<E>> {
        (self.take)(Some(scalar)).map_err(Stop::Taker)
    }

    fn skip(&mut self, count: usize) -> Result<(), Stop<E>> {
        (0..count).try_for_each(|_| (self.take)(None).map_err(Stop::Taker))
    }

    fn datum(&mut self, datum: Datum<'a>, trail: &Trail<'_>) -> Result<(), Stop<E>> {
        let content = datum.content().map_err(|error| Stop::Invalid(trail.enclose(error)))?;
        match content {
            // Has no column, and nothing that could be invalid.
            _ if datum.bytes().is_empty() => Ok(()),
            Content::Scalar(Scalar::Duration(span)) => {
                self.put(Scalar::U64(span.as_secs()))?;
                self.put(Scalar::U32(span.subsec_nanos()))
            }
            Content::Scalar(scalar) => self.put(scalar),
            Content::Array(elements) => {
                for (index, element) in elements.enumerate() {
                    self.datum(element, &trail.element(index, element.bytes().len()))?;
                }
                Ok(())
            }
            Content::Option(value) => match (value, datum.node().kind()) {
                (value, Kind::Option(node)) if node.size() == 0 => {
                    self.put(Scalar::Bool(value.is_some()))
                }
                (Some(value), _) => self.datum(value, &trail.value()),
                (None, _) => self.skip(column_count(datum.node())),
            },
            Content::Struct { fields, .. } => {
                for (name, field) in fields {
                    self.datum(field, &trail.within(name, field.node().offset()))?;
                }
                Ok(())
            }
            Content::Variant { variant, .. } => {
                self.put(Scalar::Str(variant))?;
                self.variants(datum, variant, trail)
            }
        }
    }

    /// The fields of all variants, of which one is there.
    fn variants(
        &mut self,
        datum: Datum<'a>,
        present: &str,
        trail: &Trail<'_>,
    ) -> Result<(), Stop<E>> {
        let Kind::Enum { variants, tag_size, .. } = datum.node().kind() else { return Ok(()) };
        let body = datum.bytes().get(*tag_size..).unwrap_or_default();
        for variant in variants {
            let trail = trail.within(variant.name(), *tag_size);
            for node in variant.fields() {
                let bytes = body.get(node.offset()..).and_then(|rest| rest.get(..node.size()));
                match bytes {
                    Some(bytes) if variant.name() == present => {
                        let field = Datum { node, bytes };
                        self.datum(field, &trail.within(node.name(), node.offset()))?;
                    }
                    _ => self.skip(column_count(node))?,
                }
            }
        }
        Ok(())
    }
}
