//! Input to impls: read, judge, expand. Paths are absolute, no `unsafe` is emitted, and whatever is
//! not for the user is called `__kekbit_...`.

mod enums;
mod layout;
mod structs;
mod view;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Result};

use crate::{
    ast::{Field, Input, Kind},
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
        Kind::Plain(variants) => enums::plain(&input, variants),
        Kind::Tagged(variants) => enums::tagged(&input, variants),
        Kind::Union => TokenStream::new(),
    })
}

/// `<T as Field>::ITEM`, shown where the user wrote `T`: all that fails if a type has no layout is
/// shown from its first to its last token, which makes the compiler's errors one and the same, so
/// that they are told once.
fn field_item(field: &Field<'_>, item: &str) -> TokenStream {
    let ty = field.wire_ty();
    let (first, last) = field.span;
    let item = Ident::new(item, last);
    let open = quote_spanned!(first=> <);
    let rest = quote_spanned!(last=> as __kekbit::Field>::#item);
    quote!(#open #ty #rest)
}

/// `<Proxy as ProxyOf<T>>::ITEM`, shown where the user wrote the proxy.
fn proxy_item(field: &Field<'_>, item: &str) -> TokenStream {
    let (ty, proxy) = (field.ty(), field.wire_ty());
    let (first, last) = field.span;
    let item = Ident::new(item, last);
    let open = quote_spanned!(first=> <);
    let rest = quote_spanned!(last=> as __kekbit::ProxyOf<#ty>>::#item);
    quote!(#open #proxy #rest)
}

/// Arguments whose parentheses end where the type of the field does.
fn args(field: &Field<'_>, args: TokenStream) -> TokenTree {
    let mut group = Group::new(Delimiter::Parenthesis, args);
    group.set_span(field.span.1);
    group.into()
}

/// The definitions of fields for the schema.
fn field_defs(fields: &[Field<'_>]) -> TokenStream {
    let defs = fields.iter().map(|field| {
        let name = &field.name;
        let ty = field_item(field, "TYPE");
        let new = if field.attrs.proxy.is_some() { quote!(converted) } else { quote!(new) };
        quote!(__kekbit::FieldDef::#new(#name, #ty),)
    });
    quote!(&[#(#defs)*])
}

/// Puts the value of which `value` is a reference.
fn put(field: &Field<'_>, value: &TokenStream, wire: &TokenStream) -> TokenStream {
    if field.attrs.proxy.is_some() {
        let put = proxy_item(field, "put_as");
        let args = args(field, quote!(#value, #wire));
        quote!(#put #args;)
    } else {
        let put = field_item(field, "put");
        let args = args(field, quote!(#value, #wire));
        quote!(#put #args;)
    }
}

/// Checks one field; `enclose` makes of an error that of the record.
fn check(field: &Field<'_>, wire: &TokenStream, enclose: &TokenStream) -> TokenStream {
    let checked = if field.attrs.proxy.is_some() {
        let check = proxy_item(field, "check_as");
        let args = args(field, wire.clone());
        quote!(#check #args)
    } else {
        let check = field_item(field, "check");
        let args = args(field, wire.clone());
        quote!(#check #args)
    };
    quote! {
        if let __kekbit::Err(__kekbit_invalid) = #checked {
            return __kekbit::Err(#enclose);
        }
    }
}

fn get(field: &Field<'_>, wire: &TokenStream) -> TokenStream {
    if field.attrs.proxy.is_some() {
        let get = proxy_item(field, "get_as");
        let args = args(field, wire.clone());
        quote!(#get #args)
    } else {
        let get = field_item(field, "get");
        let args = args(field, wire.clone());
        quote!(#get #args)
    }
}

/// The impl of `Record`, and the lints that generated code cannot always satisfy.
fn record_impl(input: &Input<'_>, generics: &syn::Generics, schema: &TokenStream) -> TokenStream {
    let ident = input.ident();
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics __kekbit::Record for #ident #ty_generics #where_clause {
            const SCHEMA: &'static __kekbit::Schema = &#schema;
        }
    }
}

/// A name of the expansion.
fn hidden(name: impl core::fmt::Display) -> Ident {
    quote::format_ident!("__kekbit_{}", name.to_string())
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
