//! The words and the sizes of kinds.

use super::Kind;

impl Kind {
    /// The first word of the type.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Kind::U8 => "u8",
            Kind::U16 => "u16",
            Kind::U32 => "u32",
            Kind::U64 => "u64",
            Kind::U128 => "u128",
            Kind::I8 => "i8",
            Kind::I16 => "i16",
            Kind::I32 => "i32",
            Kind::I64 => "i64",
            Kind::I128 => "i128",
            Kind::F32 => "f32",
            Kind::F64 => "f64",
            Kind::Bool => "bool",
            Kind::Char => "char",
            Kind::NonZero(_) => "nonzero",
            Kind::Unit => "unit",
            Kind::Str => "str",
            Kind::Bytes => "bytes",
            Kind::Timestamp => "timestamp",
            Kind::Duration => "duration",
            Kind::Ipv4 => "ipv4",
            Kind::Ipv6 => "ipv6",
            Kind::Opaque(_) => "opaque",
            Kind::Array { .. } => "array",
            Kind::Option(_) => "option",
            Kind::Struct { .. } => "struct",
            Kind::Enum { .. } => "enum",
        }
    }

    /// The kind that is spelled by that word alone.
    pub(super) fn of_word(word: &str) -> Option<Kind> {
        Some(match word {
            "u8" => Kind::U8,
            "u16" => Kind::U16,
            "u32" => Kind::U32,
            "u64" => Kind::U64,
            "u128" => Kind::U128,
            "i8" => Kind::I8,
            "i16" => Kind::I16,
            "i32" => Kind::I32,
            "i64" => Kind::I64,
            "i128" => Kind::I128,
            "f32" => Kind::F32,
            "f64" => Kind::F64,
            "bool" => Kind::Bool,
            "char" => Kind::Char,
            "unit" => Kind::Unit,
            "str" => Kind::Str,
            "bytes" => Kind::Bytes,
            "timestamp" => Kind::Timestamp,
            "duration" => Kind::Duration,
            "ipv4" => Kind::Ipv4,
            "ipv6" => Kind::Ipv6,
            _ => return None,
        })
    }

    /// The size of what has the same everywhere.
    pub(super) fn fixed_size(&self) -> Option<usize> {
        Some(match self {
            Kind::Unit => 0,
            Kind::U8 | Kind::I8 | Kind::Bool => 1,
            Kind::U16 | Kind::I16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 | Kind::Char | Kind::Ipv4 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 | Kind::Timestamp => 8,
            Kind::Duration => 12,
            Kind::U128 | Kind::I128 | Kind::Ipv6 => 16,
            Kind::NonZero(integer) => return integer.fixed_size(),
            _ => return None,
        })
    }

    /// Whether there can be a `nonzero` of it.
    pub(super) fn is_integer(&self) -> bool {
        matches!(
            self,
            Kind::U8
                | Kind::U16
                | Kind::U32
                | Kind::U64
                | Kind::U128
                | Kind::I8
                | Kind::I16
                | Kind::I32
                | Kind::I64
                | Kind::I128
        )
    }
}
