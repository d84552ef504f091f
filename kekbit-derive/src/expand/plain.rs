//! Enums without data: one byte, Rust's discriminant. They are their own views.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Generics, spanned::Spanned};

use super::{
    assemble::Parts,
    field::{with_doc, with_was},
};
use crate::ast::{Input, Tag, Variant};

pub(super) fn expand(input: &Input<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let tags: Vec<_> = (0..variants.len()).map(|n| format_ident!("__KEKBIT_TAG_{n}")).collect();
    let items = tags.iter().zip(variants).map(|(tag, variant)| tag_const(input, tag, variant));
    let idents: Vec<_> = variants.iter().map(|variant| &variant.original.ident).collect();
    let (first, others) = (idents.first(), idents.get(1..).unwrap_or_default());
    let other_tags = tags.get(1..).unwrap_or_default();
    let name = input.name();
    let defs = tags.iter().zip(variants).map(|(tag, variant)| {
        let (name, was) = (&variant.name, with_was(variant.attrs.was.as_deref()));
        let doc = with_doc(variant.attrs.doc.as_ref());
        quote!(__kekbit::VariantDef::new(#name, #tag as __kekbit::u16, &[]) #was #doc,)
    });
    let parts = Parts {
        definitions: TokenStream::new(),
        items: items.collect(),
        wire: quote!(__kekbit::u8),
        view: quote!(__kekbit::Result<Self, __kekbit::Invalid>),
        put: quote! {
            *__kekbit_wire = match self {
                #(Self::#idents => #tags,)*
            };
        },
        check: quote! {
            match *__kekbit_wire {
                #(#tags)|* => __kekbit::Ok(()),
                __kekbit_tag => __kekbit::Err(__kekbit::unknown_tag(
                    __kekbit_tag as __kekbit::u16,
                    <Self as __kekbit::Record>::SCHEMA,
                )),
            }
        },
        // The first variant also stands for bytes that `check` refuses.
        get: quote! {
            match *__kekbit_wire {
                #(#other_tags => Self::#others,)*
                _ => Self::#first,
            }
        },
        look: look(),
        feed: None,
        schema: quote! {
            __kekbit::Schema::of_enum(#name, 1, 1, const {
                &[#(#defs)*]
            })
        },
        view_impls: TokenStream::new(),
    };
    parts.assemble(input, &Generics::default())
}

/// The view of an enum without fields: the value, or why there is none.
pub(super) fn look() -> TokenStream {
    quote! {
        match Self::check(__kekbit_wire) {
            __kekbit::Ok(()) => __kekbit::Ok(Self::get(__kekbit_wire)),
            __kekbit::Err(__kekbit_invalid) => __kekbit::Err(__kekbit_invalid),
        }
    }
}

fn tag_const(input: &Input<'_>, tag: &Ident, variant: &Variant<'_>) -> TokenStream {
    let (ident, name) = (input.ident(), &variant.original.ident);
    let span = match variant.tag {
        Tag::Number(number, _) => {
            let number = Literal::u64_unsuffixed(number);
            return quote!(const #tag: __kekbit::u8 = #number;);
        }
        Tag::Expr(expr) => expr.span(),
        Tag::After => name.span(),
    };
    let span = Span::call_site().located_at(span);
    let value = quote_spanned!(span=> __kekbit::discriminant(#ident::#name as __kekbit::i128));
    quote!(const #tag: __kekbit::u8 = #value;)
}
