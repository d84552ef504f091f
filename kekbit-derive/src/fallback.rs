//! Stub impls for a type that was refused, so that its users are not told of it again.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, GenericParam, Type, ext::IdentExt, parse_quote};

use crate::{
    ast::private_path,
    attr::{Errors, TypeAttrs},
};

pub(crate) fn stub(input: &DeriveInput, facade: &str) -> TokenStream {
    // Their errors are reported already.
    let attrs = TypeAttrs::parse(&input.attrs, &mut Errors::default());
    let k = private_path(attrs.root.as_ref(), facade);
    let mut generics = input.generics.clone();
    if generics.lifetimes().next().is_some() || is_unsized(input) {
        // A record is `'static` and `Sized`; the stub would be an error of its own.
        return TokenStream::new();
    }
    let types: Vec<_> = generics.type_params().map(|param| param.ident.clone()).collect();
    for param in &types {
        generics.make_where_clause().predicates.push(parse_quote!(#param: 'static));
    }
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => param.default = None,
            GenericParam::Const(param) => param.default = None,
            GenericParam::Lifetime(_) => {}
        }
    }
    let ident = &input.ident;
    let view = attrs.view.unwrap_or_else(|| format_ident!("{}View", ident.unraw()));
    let vis = &input.vis;
    let name = ident.unraw().to_string();
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[allow(dead_code, missing_docs, missing_debug_implementations)]
        #vis struct #view<'record>(&'record ());

        const _: () = {
            #[automatically_derived]
            impl #impl_generics #k::Field for #ident #ty_generics #where_clause {
                type Wire = #k::Nothing;
                type View<'record> = #k::Result<#view<'record>, #k::Invalid>;
                const TYPE: #k::Type = #k::Type::Unit;

                fn put(&self, _: &mut Self::Wire) {}
                fn check(_: &Self::Wire) -> #k::Result<(), #k::Invalid> {
                    #k::Ok(())
                }
                fn get(_: &Self::Wire) -> Self {
                    loop {}
                }
                fn view(_: &Self::Wire) -> Self::View<'_> {
                    #k::Ok(#view(&()))
                }
            }

            #[automatically_derived]
            impl #impl_generics #k::Record for #ident #ty_generics #where_clause {
                const SCHEMA: &'static #k::Schema = &#k::Schema::of_struct(#name, &[]);
            }
        };
    }
}

fn is_unsized(input: &DeriveInput) -> bool {
    let Data::Struct(data) = &input.data else { return false };
    let last = data.fields.iter().last().map(|field| &field.ty);
    matches!(last, Some(Type::Slice(_) | Type::TraitObject(_)))
}
