//! Input to impls: read, judge, expand. Paths are absolute, no `unsafe` is emitted, and whatever is
//! not for the user is called `__kekbit_...`.

mod assemble;
mod field;
mod layout;
mod plain;
mod structs;
mod tagged;
mod variants;
mod versions;
mod view;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

use crate::{
    ast::{Input, Kind},
    attr::Errors,
    fallback,
    valid::validate,
};

pub(crate) fn derive(input: TokenStream, facade: &str) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    match try_derive(&input, facade) {
        Ok(expanded) => expanded,
        Err(error) => {
            let errors = error.into_compile_error();
            let stub = fallback::stub(&input, facade);
            quote!(#errors #stub)
        }
    }
}

fn try_derive(input: &DeriveInput, facade: &str) -> Result<TokenStream> {
    let mut errors = Errors::default();
    let input = Input::new(input, facade, &mut errors);
    validate(&input, &mut errors);
    errors.into_result(())?;
    Ok(match &input.kind {
        Kind::Struct(fields) => structs::expand(&input, fields),
        Kind::Plain(variants) => plain::expand(&input, variants),
        Kind::Tagged(variants) => tagged::expand(&input, variants),
        Kind::Union => TokenStream::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(input: TokenStream) -> String {
        derive(input, "facade").to_string()
    }

    #[test]
    fn a_renamed_root_is_the_only_path() {
        for input in [
            quote!(
                #[record(crate = renamed)]
                struct Order {
                    id: u64,
                    side: Side,
                }
            ),
            quote!(
                #[record(crate = renamed)]
                struct Pair<T>(T, [u8; 4]);
            ),
            quote!(
                #[record(crate = renamed)]
                enum Side {
                    Buy,
                    Sell = 7,
                }
            ),
            quote!(
                #[record(crate = renamed)]
                enum Event {
                    Opened { id: u64 },
                    Moved(i32),
                    Closed,
                }
            ),
            quote!(
                #[record(crate = renamed)]
                struct Refused {
                    note: &'static str,
                }
            ),
        ] {
            let expanded = expand(input);
            assert!(!expanded.contains("facade"), "{expanded}");
            assert!(!expanded.contains("kekbit_c"), "{expanded}");
        }
    }

    /// Not a case of compile errors: the compiler refuses these itself, in words that change.
    #[test]
    fn default_field_values_are_refused() {
        let input: TokenStream = "struct Order { id: u64, qty: u64 = 7 }".parse().unwrap();
        assert!(expand(input).contains("implement `Default` instead"));
    }

    #[test]
    fn nothing_that_panics_or_is_unsafe_is_written() {
        let expanded = expand(quote! {
            enum Event { Opened { id: u64, legs: [Leg; 4] }, Moved(Option<i32>), Closed }
        });
        for word in ["unsafe", "unwrap", "expect", "panic", "unreachable !"] {
            assert!(!expanded.contains(word), "{word}");
        }
    }
}
