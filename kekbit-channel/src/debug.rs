//! `Debug` for types whose type parameter is a name only, without asking `Debug` of it.

/// Implements `Debug` for a generic type, showing the given fields.
macro_rules! debug_fields {
    ([$($generics:tt)*] $type:ty, $name:literal, $($field:ident),+) => {
        impl<$($generics)*> ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct($name)$(.field(stringify!($field), &self.$field))+.finish()
            }
        }
    };
}
pub(crate) use debug_fields;
