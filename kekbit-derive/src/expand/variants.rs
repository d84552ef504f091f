//! The view of an enum with data: an enum of the views of its variants.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Generics;

use super::{plain, tagged::Arm, view};
use crate::{ast::Input, bound};

pub(super) struct EnumView {
    pub(super) ty: TokenStream,
    pub(super) definitions: TokenStream,
    pub(super) look: TokenStream,
    pub(super) impls: TokenStream,
}

/// As long as no variant has a field the enum is its own view.
pub(super) fn view(input: &Input<'_>, arms: &[Arm<'_>]) -> EnumView {
    if arms.iter().all(|arm| arm.variant.fields.is_empty()) {
        let (definitions, impls) = (TokenStream::new(), TokenStream::new());
        return EnumView { ty: quote!(Self), definitions, look: plain::look(), impls };
    }
    let (mut definitions, mut impls) = enum_of_views(input, arms);
    for arm in arms.iter().filter(|arm| !arm.variant.fields.is_empty()) {
        let view = view::of_variant(input, arm.variant, &arm.accessors(input));
        definitions.extend(view.definition);
        impls.extend(view.impls);
    }
    let (view, lifetime) = (input.view(), bound::lifetime());
    EnumView { ty: quote!(#view<#lifetime>), definitions, look: look(input, arms), impls }
}

fn enum_of_views(input: &Input<'_>, arms: &[Arm<'_>]) -> (TokenStream, TokenStream) {
    let (ident, vis, view) = (input.ident(), &input.original.vis, input.view());
    let lifetime = bound::lifetime();
    let variants = arms.iter().map(|Arm { variant, .. }| {
        let name = &variant.original.ident;
        let doc = format!("[`{ident}::{name}`].");
        if variant.fields.is_empty() {
            quote!(#[doc = #doc] #name,)
        } else {
            let view = input.variant_view(variant);
            quote!(#[doc = #doc] #name(#view<#lifetime>),)
        }
    });
    let shows = arms.iter().map(|Arm { variant, .. }| {
        let (name, text) = (&variant.original.ident, &variant.name);
        if variant.fields.is_empty() {
            quote!(Self::#name => __kekbit::Formatter::write_str(__kekbit_f, #text),)
        } else {
            quote!(Self::#name(__kekbit_0) => __kekbit::Debug::fmt(__kekbit_0, __kekbit_f),)
        }
    });
    let doc = format!("A [`{ident}`] in place: the view of the variant that is there.");
    let definition = quote! {
        #[doc = #doc]
        #[allow(dead_code, unreachable_pub)]
        #vis enum #view<#lifetime> { #(#variants)* }
    };
    let copy = view::copy(&view, &Generics::default());
    let impls = quote! {
        #copy

        #[automatically_derived]
        impl __kekbit::Debug for #view<'_> {
            fn fmt(&self, __kekbit_f: &mut __kekbit::Formatter<'_>) -> __kekbit::FmtResult {
                match self { #(#shows)* }
            }
        }
    };
    (definition, impls)
}

fn look(input: &Input<'_>, arms: &[Arm<'_>]) -> TokenStream {
    let view = input.view();
    let looks = arms.iter().map(|Arm { variant, tag, .. }| {
        let name = &variant.original.ident;
        if variant.fields.is_empty() {
            quote!(#tag => __kekbit::Ok(#view::#name),)
        } else {
            let variant_view = input.variant_view(variant);
            quote!(#tag => __kekbit::Ok(#view::#name(#variant_view(__kekbit_wire))),)
        }
    });
    quote! {
        let __kekbit_tree = __kekbit::tree::<__KekbitTree, _>(__kekbit_wire);
        match __kekbit::Tag::read(&__kekbit_tree.tag) {
            #(#looks)*
            __kekbit_tag => __kekbit::Err(__kekbit::unknown_tag(
                __kekbit_tag,
                <Self as __kekbit::Record>::SCHEMA,
            )),
        }
    }
}
