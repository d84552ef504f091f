//! Input to impls: read, judge, expand. Paths are absolute, no `unsafe` is emitted, and whatever is
//! not for the user is called `__kekbit_...`.

mod enums;
mod layout;
mod structs;
mod view;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
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

/// `<T as Field>`, all of it where the user wrote `T`, so that the compiler's errors about a type
/// without a layout are one and the same and are shown once.
fn field_trait(k: &TokenStream, field: &Field<'_>) -> TokenStream {
    let ty = field.wire_ty();
    let span = Span::call_site().located_at(field.span());
    let k = located_at(k.clone(), span);
    quote_spanned!(span=> <#ty as #k::Field>)
}

fn located_at(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            let inner = located_at(group.stream(), span);
            token = Group::new(group.delimiter(), inner).into();
        }
        token.set_span(span);
        token
    };
    tokens.into_iter().map(moved).collect()
}

/// The definitions of fields for the schema.
fn field_defs(k: &TokenStream, fields: &[Field<'_>]) -> TokenStream {
    let defs = fields.iter().map(|field| {
        let name = &field.name;
        let field_trait = field_trait(k, field);
        quote!(#k::FieldDef { name: #name, ty: #field_trait::TYPE },)
    });
    quote!(&[#(#defs)*])
}

/// Puts the value of which `value` is a reference.
fn put(k: &TokenStream, field: &Field<'_>, value: &TokenStream, wire: &TokenStream) -> TokenStream {
    let field_trait = field_trait(k, field);
    if field.attrs.proxy.is_some() {
        let (ty, proxy) = (field.ty(), field.wire_ty());
        quote!(#k::put_as::<#ty, #proxy>(#value, #wire);)
    } else {
        quote!(#field_trait::put(#value, #wire);)
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
        let field_trait = field_trait(k, field);
        quote!(#field_trait::check(#wire))
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
        let field_trait = field_trait(k, field);
        quote!(#field_trait::get(#wire))
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
