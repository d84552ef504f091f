//! Generic parameters: the bounds of the impls, and the parameters of the views.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Generics, Lifetime, LifetimeParam, parse_quote};

use crate::ast::{Field, Input};

/// The generics of an impl for the record: every type parameter owns its data, every field type
/// that depends on a parameter is a field.
pub(crate) fn for_impl(input: &Input<'_>, fields: &[Field<'_>]) -> Generics {
    let mut generics = input.original.generics.clone();
    let k = &input.private;
    let mut predicates: Vec<syn::WherePredicate> = Vec::new();
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => {
                param.default = None;
                let ident = &param.ident;
                predicates.push(parse_quote!(#ident: 'static));
            }
            GenericParam::Const(param) => {
                param.default = None;
            }
            GenericParam::Lifetime(_) => {}
        }
    }
    for field in fields {
        let (ty, wire_ty) = (field.ty(), field.wire_ty());
        if field.generic_proxy {
            predicates.push(parse_quote!(#wire_ty: #k::ProxyOf<#ty>));
        } else if field.generic {
            predicates.push(parse_quote!(#wire_ty: #k::Field));
        }
    }
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}

/// The same generics with the lifetime of a view in front.
pub(crate) fn for_view(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    generics.params.insert(0, GenericParam::Lifetime(LifetimeParam::new(lifetime())));
    generics
}

/// The lifetime of a view. A record has no lifetimes of its own with which it could collide.
pub(crate) fn lifetime() -> Lifetime {
    Lifetime::new("'record", proc_macro2::Span::call_site())
}

/// The arguments of a view of this record for the lifetime in `lifetime`.
pub(crate) fn view_args(generics: &Generics, lifetime: &TokenStream) -> TokenStream {
    let args = generics.params.iter().map(|param| match param {
        GenericParam::Type(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
        GenericParam::Const(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
        GenericParam::Lifetime(param) => {
            let lifetime = &param.lifetime;
            quote!(#lifetime)
        }
    });
    quote!(<#lifetime #(, #args)*>)
}
