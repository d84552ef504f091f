//! Input to impls: read, judge, expand. Paths are absolute, no `unsafe` is emitted, and whatever is
//! not for the user is called `__kekbit_...`.

mod enums;
mod layout;
mod structs;
mod view;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
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

/// `<T as Field>::ITEM`, shown where the user wrote `T`.
fn field_item(k: &TokenStream, field: &Field<'_>, item: &str) -> TokenStream {
    let ty = field.wire_ty();
    let item = Ident::new(item, Span::call_site());
    let open = located_across(quote!(<), ty);
    let rest = located_at(quote!(as #k::Field>::#item), ends(ty).1);
    quote!(#open #ty #rest)
}

/// The tokens, shown from the first to the last token of `ty`. All that fails if a type has no
/// layout is shown there, which makes its errors one and the same, so that they are told once.
fn located_across(tokens: TokenStream, ty: &syn::Type) -> TokenStream {
    let (first, last) = ends(ty);
    let located = |(index, mut token): (usize, TokenTree)| {
        // A leading `::` is two tokens.
        if index < 2 {
            token.set_span(first);
        }
        token
    };
    located_at(tokens, last).into_iter().enumerate().map(located).collect()
}

/// The arguments of a function of the field trait: the parentheses end where the type does.
fn located_args(args: TokenStream, field: &Field<'_>) -> TokenStream {
    let mut group = Group::new(Delimiter::Parenthesis, args);
    group.set_span(ends(field.wire_ty()).1);
    TokenTree::from(group).into()
}

/// Where a type starts and where it ends.
fn ends(ty: &syn::Type) -> (Span, Span) {
    let mut tokens = ty.to_token_stream().into_iter();
    let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
    (first, tokens.last().map_or(first, |token| token.span()))
}

/// The tokens, shown at `span`. Names of the expansion stay its own: in a record that a macro
/// writes, the span of a type may not see them.
fn located_at(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = |mut token: TokenTree| {
        match &token {
            TokenTree::Group(group) => {
                let inner = located_at(group.stream(), span);
                token = Group::new(group.delimiter(), inner).into();
                token.set_span(span);
            }
            TokenTree::Ident(ident) if is_hidden(ident) => {
                token.set_span(span.resolved_at(Span::call_site()));
            }
            _ => token.set_span(span),
        }
        token
    };
    tokens.into_iter().map(moved).collect()
}

fn is_hidden(ident: &Ident) -> bool {
    let name = ident.to_string();
    name.starts_with("__kekbit_") || name == "record"
}

/// The definitions of fields for the schema.
fn field_defs(k: &TokenStream, fields: &[Field<'_>]) -> TokenStream {
    let defs = fields.iter().map(|field| {
        let name = &field.name;
        let ty = field_item(k, field, "TYPE");
        quote!(#k::FieldDef { name: #name, ty: #ty },)
    });
    quote!(&[#(#defs)*])
}

/// Puts the value of which `value` is a reference.
fn put(k: &TokenStream, field: &Field<'_>, value: &TokenStream, wire: &TokenStream) -> TokenStream {
    if field.attrs.proxy.is_some() {
        let (ty, proxy) = (field.ty(), field.wire_ty());
        quote!(#k::put_as::<#ty, #proxy>(#value, #wire);)
    } else {
        let put = field_item(k, field, "put");
        let args = located_args(quote!(#value, #wire), field);
        quote!(#put #args;)
    }
}

/// Checks one field; `enclose` makes of an error that of the record.
fn check(
    k: &TokenStream,
    field: &Field<'_>,
    wire: &TokenStream,
    enclose: &TokenStream,
) -> TokenStream {
    let checked = if field.attrs.proxy.is_some() {
        let (ty, proxy) = (field.ty(), field.wire_ty());
        quote!(#k::check_as::<#ty, #proxy>(#wire))
    } else {
        let check = field_item(k, field, "check");
        let args = located_args(wire.clone(), field);
        quote!(#check #args)
    };
    quote! {
        if let #k::Err(__kekbit_invalid) = #checked {
            return #k::Err(#enclose);
        }
    }
}

fn get(k: &TokenStream, field: &Field<'_>, wire: &TokenStream) -> TokenStream {
    if field.attrs.proxy.is_some() {
        let (ty, proxy) = (field.ty(), field.wire_ty());
        quote!(#k::get_as::<#ty, #proxy>(#wire))
    } else {
        let get = field_item(k, field, "get");
        let args = located_args(wire.clone(), field);
        quote!(#get #args)
    }
}

/// The impl of `Record`, and the lints that generated code cannot always satisfy.
fn record_impl(input: &Input<'_>, generics: &syn::Generics, schema: &TokenStream) -> TokenStream {
    let k = &input.private;
    let ident = input.ident();
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #k::Record for #ident #ty_generics #where_clause {
            const SCHEMA: &'static #k::Schema = &#schema;
        }
    }
}

/// A name of the expansion.
fn hidden(name: impl core::fmt::Display) -> Ident {
    quote::format_ident!("__kekbit_{}", name.to_string())
}
