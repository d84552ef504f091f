//! What is written for one field: calls of the field trait, shown where the user wrote the type.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use crate::{
    ast::Field,
    attr::{Filler, Written},
};

/// `<T as Field>::ITEM`, shown where the user wrote `T`: all that fails if a type has no layout is
/// shown from its first to its last token, which makes the compiler's errors one and the same, so
/// that they are told once.
pub(super) fn field_item(field: &Field<'_>, item: &str) -> TokenStream {
    let ty = field.wire_ty();
    let (first, last) = field.span;
    let item = Ident::new(item, last);
    let open = quote_spanned!(first=> <);
    let rest = quote_spanned!(last=> as __kekbit::Field>::#item);
    quote!(#open #ty #rest)
}

/// `<Proxy as ProxyOf<T>>::ITEM`, shown where the user wrote the proxy.
pub(super) fn proxy_item(field: &Field<'_>, item: &str) -> TokenStream {
    let (ty, proxy) = (field.ty(), field.wire_ty());
    let (first, last) = field.span;
    let item = Ident::new(item, last);
    let open = quote_spanned!(first=> <);
    let rest = quote_spanned!(last=> as __kekbit::ProxyOf<#ty>>::#item);
    quote!(#open #proxy #rest)
}

/// Arguments whose parentheses end where the type of the field does.
pub(super) fn args(field: &Field<'_>, args: TokenStream) -> TokenTree {
    let mut group = Group::new(Delimiter::Parenthesis, args);
    group.set_span(field.span.1);
    group.into()
}

/// The definitions of fields for the schema.
pub(super) fn field_defs(fields: &[Field<'_>]) -> TokenStream {
    let defs = fields.iter().map(|field| {
        let name = &field.name;
        let ty = field_item(field, "TYPE");
        let new = if field.attrs.proxy.is_some() { quote!(converted) } else { quote!(new) };
        let was = with_was(field.attrs.was.as_deref());
        let default = field.attrs.default.as_ref().map(|default| with_default(field, default));
        let unit = field.attrs.unit.as_ref().map(|unit| &unit.value);
        let unit = unit.map(|unit| quote!(.with_unit(#unit)));
        let doc = with_doc(field.attrs.doc.as_ref());
        quote!(__kekbit::FieldDef::#new(#name, #ty) #was #default #unit #doc,)
    });
    quote!(&[#(#defs)*])
}

/// Adds former names to a definition.
pub(super) fn with_was(was: Option<&[Written<String>]>) -> Option<TokenStream> {
    let names = was?.iter().map(|name| &name.value);
    Some(quote!(.with_was(&[#(#names),*])))
}

/// Adds a description to a definition.
pub(super) fn with_doc(doc: Option<&Written<String>>) -> Option<TokenStream> {
    let doc = &doc?.value;
    Some(quote!(.with_doc(#doc)))
}

fn with_default(field: &Field<'_>, default: &Filler) -> TokenStream {
    let (ty, wire_ty) = (field.ty(), field.wire_ty());
    let value = match default {
        Filler::OfType(span) => {
            let span = Span::call_site().located_at(*span);
            quote_spanned!(span=> <#ty as __kekbit::Default>::default())
        }
        Filler::Value(value) => value.clone(),
    };
    let fill = if field.attrs.proxy.is_some() {
        quote!(fill_as::<#wire_ty, #ty>)
    } else {
        quote!(fill::<#ty>)
    };
    // The type stands at the value, so that it is there that a wrong one is told; in a function of
    // its own, so that a `return` in it gives that value and does not pass it over.
    quote! {
        .with_default(|__kekbit_image| {
            let __kekbit_value = || -> #ty { #value };
            __kekbit::#fill(&__kekbit_value(), __kekbit_image)
        })
    }
}

/// Puts the value of which `value` is a reference.
pub(super) fn put(field: &Field<'_>, value: &TokenStream, wire: &TokenStream) -> TokenStream {
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
pub(super) fn check(field: &Field<'_>, wire: &TokenStream, enclose: &TokenStream) -> TokenStream {
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

/// Puts the value of which `value` is a reference, and feeds it to the hasher.
pub(super) fn feed(field: &Field<'_>, value: &TokenStream, wire: &TokenStream) -> TokenStream {
    if field.attrs.proxy.is_some() {
        let put = put(field, value, wire);
        let image = field_item(field, "Wire");
        return quote! {
            #put
            __kekbit::feed_whole::<#image, _>(#wire, __kekbit_hasher);
        };
    }
    let feed = field_item(field, "put_and_feed");
    let args = args(field, quote!(#value, #wire, __kekbit_hasher));
    quote!(#feed #args;)
}

pub(super) fn get(field: &Field<'_>, wire: &TokenStream) -> TokenStream {
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
