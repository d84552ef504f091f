//! Enums with data, and those that may gain some: a tag, and room for the largest variant.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Generics;

use super::{
    assemble::Parts,
    field::{check, feed, field_defs, get, put, with_doc, with_was},
    layout::Layout,
    variants,
    view::Accessor,
};
use crate::ast::{Input, Tag, Variant};

pub(super) fn expand(input: &Input<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let arms: Vec<_> = variants.iter().enumerate().map(|(n, v)| Arm::new(n, v)).collect();
    let items = arms.iter().map(|arm| arm.items(input));
    let sizes = sizes(input, &arms);
    let puts = arms.iter().map(Arm::put);
    let checks = arms.iter().map(Arm::check);
    let gets = arms.iter().skip(1).map(|arm| {
        let (tag, value) = (&arm.tag, arm.get());
        quote!(#tag => #value)
    });
    let first = arms.first().map(Arm::get);
    let feeds = arms.iter().map(Arm::feed);
    let view = variants::view(input, &arms);
    let view_ty = view.ty;
    let tree = quote! {
        let __kekbit_tree = __kekbit::tree::<__KekbitTree, _>(__kekbit_wire);
    };
    let parts = Parts {
        definitions: view.definitions,
        items: quote!(#(#items)* #sizes),
        wire: quote!([__kekbit::u8; __kekbit::size_of::<__KekbitTree>()]),
        view: quote!(__kekbit::Result<#view_ty, __kekbit::Invalid>),
        put: quote! {
            let __kekbit_tree = __kekbit::tree_mut::<__KekbitTree, _>(__kekbit_wire);
            match self { #(#puts)* }
        },
        check: quote! {
            #tree
            match __kekbit::Tag::read(&__kekbit_tree.tag) {
                #(#checks)*
                __kekbit_tag => return __kekbit::Err(__kekbit::unknown_tag(
                    __kekbit_tag,
                    <Self as __kekbit::Record>::SCHEMA,
                )),
            }
            __kekbit::Ok(())
        },
        // The first variant also stands for tags that `check` refuses.
        get: quote! {
            #tree
            match __kekbit::Tag::read(&__kekbit_tree.tag) {
                #(#gets)*
                _ => #first
            }
        },
        look: view.look,
        feed: Some(quote! {
            let __kekbit_tree = __kekbit::tree_mut::<__KekbitTree, _>(__kekbit_wire);
            match self { #(#feeds)* }
        }),
        schema: schema(input, &arms),
        view_impls: view.impls,
    };
    parts.assemble(input, &Generics::default())
}

/// A variant with what its arms of the four matches share.
pub(super) struct Arm<'a> {
    pub(super) variant: &'a Variant<'a>,
    index: usize,
    pub(super) tag: Literal,
    alias: Ident,
    /// The function from the image of the enum to the body of this variant.
    body_of: Ident,
    layout: Layout,
}

impl<'a> Arm<'a> {
    fn new(index: usize, variant: &'a Variant<'_>) -> Arm<'a> {
        let number = match variant.tag {
            Tag::Number(number, _) => number,
            // Tagged enums have no discriminants.
            Tag::Expr(_) | Tag::After => 0,
        };
        Arm {
            variant,
            index,
            tag: Literal::u64_unsuffixed(number),
            alias: format_ident!("__KekbitVariant{index}"),
            body_of: format_ident!("__kekbit_body_{index}"),
            layout: Layout::new(&variant.fields),
        }
    }

    /// The type of the body, and the way there from the image of the enum.
    fn items(&self, input: &Input<'_>) -> TokenStream {
        let Arm { variant, alias, body_of, layout, .. } = self;
        let (ident, ty) = (input.ident(), &layout.ty);
        let body_of = (!variant.fields.is_empty()).then(|| {
            quote! {
                #[inline]
                fn #body_of(__kekbit_wire: &<#ident as __kekbit::Field>::Wire) -> &#alias {
                    __kekbit::body(&__kekbit::tree::<__KekbitTree, _>(__kekbit_wire).body)
                }
            }
        });
        quote! {
            type #alias = #ty;
            #body_of
        }
    }

    /// `0: __kekbit_0, 1: __kekbit_1`
    fn pattern(&self) -> TokenStream {
        let members = self.variant.fields.iter().enumerate().map(|(n, field)| {
            let (member, name) = (&field.member, hidden(n));
            quote!(#member: #name)
        });
        quote!(#(#members),*)
    }

    /// `Self::Moved { 0: __kekbit_0, 1: __kekbit_1 } => ...`: the same for every shape of variant.
    fn put(&self) -> TokenStream {
        let Arm { variant, tag, alias, layout, .. } = self;
        let ident = &variant.original.ident;
        let pattern = self.pattern();
        let tree = quote!(__kekbit_body);
        let puts = variant.fields.iter().enumerate().map(|(n, field)| {
            let name = hidden(n);
            put(field, &quote!(#name), &layout.leaf_mut(n, field, &tree))
        });
        quote! {
            Self::#ident { #pattern } => {
                __kekbit::Tag::write(&mut __kekbit_tree.tag, #tag);
                let __kekbit_body = __kekbit::body_mut::<#alias, _>(&mut __kekbit_tree.body);
                #(#puts)*
                let _ = __kekbit_body;
            }
        }
    }

    fn check(&self) -> TokenStream {
        let Arm { variant, index, tag, body_of, layout, .. } = self;
        if variant.fields.is_empty() {
            return quote!(#tag => {});
        }
        let tree = quote!(__kekbit_body);
        let schema = quote!(<Self as __kekbit::Record>::SCHEMA);
        let checks = variant.fields.iter().enumerate().map(|(n, field)| {
            let enclose = quote!(__kekbit::in_variant(__kekbit_invalid, #schema, #index, #n));
            check(field, &layout.leaf(n, field, &tree), &enclose)
        });
        quote! {
            #tag => {
                let __kekbit_body = #body_of(__kekbit_wire);
                #(#checks)*
            }
        }
    }

    fn feed(&self) -> TokenStream {
        let Arm { variant, tag, alias, layout, .. } = self;
        let ident = &variant.original.ident;
        let pattern = self.pattern();
        let tree = quote!(__kekbit_body);
        let feeds = variant.fields.iter().enumerate().map(|(n, field)| {
            let name = hidden(n);
            feed(field, &quote!(#name), &layout.leaf_mut(n, field, &tree))
        });
        quote! {
            Self::#ident { #pattern } => {
                __kekbit::Tag::write(&mut __kekbit_tree.tag, #tag);
                __kekbit::feed_whole(&__kekbit_tree.tag, __kekbit_hasher);
                let __kekbit_body = __kekbit::body_mut::<#alias, _>(&mut __kekbit_tree.body);
                #(#feeds)*
                let _ = __kekbit_body;
                __kekbit::feed_zeroes(
                    __KEKBIT_BODY_SIZE - __kekbit::size_of::<#alias>(),
                    __kekbit_hasher,
                );
            }
        }
    }

    fn get(&self) -> TokenStream {
        let Arm { variant, body_of, layout, .. } = self;
        let ident = &variant.original.ident;
        if variant.fields.is_empty() {
            return quote!(Self::#ident {},);
        }
        let tree = quote!(__kekbit_body);
        let gets = variant.fields.iter().enumerate().map(|(n, field)| {
            let member = &field.member;
            let value = get(field, &layout.leaf(n, field, &tree));
            quote!(#member: #value)
        });
        quote! {
            {
                let __kekbit_body = #body_of(__kekbit_wire);
                Self::#ident { #(#gets),* }
            }
        }
    }

    pub(super) fn accessors<'b>(&'b self, input: &'b Input<'_>) -> Vec<Accessor<'b>> {
        let Arm { variant, index, body_of, layout, .. } = self;
        let (ident, tree) = (input.ident(), quote!(__kekbit_body));
        let schema = quote!(<#ident as __kekbit::Record>::SCHEMA);
        let accessor = |(n, field): (usize, _)| Accessor {
            field,
            vis: &input.original.vis,
            tree: quote!(let __kekbit_body = #body_of(self.0);),
            leaf: layout.leaf(n, field, &tree),
            place: quote!(__kekbit::Place::variant(#schema, #index, #n)),
        };
        variant.fields.iter().enumerate().map(accessor).collect()
    }
}

/// The size of the body and the tree, and the check of `size` and `max_size`.
fn sizes(input: &Input<'_>, arms: &[Arm<'_>]) -> TokenStream {
    let one_byte = input.attrs.tag_size.as_ref().is_some_and(|size| size.value == 1);
    let tag = if one_byte { quote!(__kekbit::u8) } else { quote!(__kekbit::U16) };
    let aliases: Vec<_> = arms.iter().map(|arm| &arm.alias).collect();
    let names = || arms.iter().map(|arm| &arm.variant.name);
    let reserved = input.attrs.size.as_ref().map(|size| {
        let size = Literal::u32_unsuffixed(size.value);
        quote!(__kekbit::usize::saturating_sub(#size, __kekbit::size_of::<#tag>()),)
    });
    let limits = [&input.attrs.size, &input.attrs.max_size].into_iter().flatten().map(|limit| {
        let names = names();
        let value = Literal::u32_unsuffixed(limit.value);
        let span = Span::call_site().located_at(limit.span);
        quote_spanned! {span=>
            const _: () = __kekbit::variants_fit(
                &[#((#names, __kekbit::size_of::<#tag>() + __kekbit::size_of::<#aliases>()),)*],
                #value,
            );
        }
    });
    quote! {
        const __KEKBIT_BODY_SIZE: __kekbit::usize =
            __kekbit::largest(&[#reserved #(__kekbit::size_of::<#aliases>()),*]);
        type __KekbitTree = __kekbit::Tagged<#tag, [__kekbit::u8; __KEKBIT_BODY_SIZE]>;
        #(#limits)*
    }
}

fn schema(input: &Input<'_>, arms: &[Arm<'_>]) -> TokenStream {
    let name = input.name();
    let one_byte = input.attrs.tag_size.as_ref().is_some_and(|size| size.value == 1);
    let tag_size = if one_byte { quote!(1) } else { quote!(2) };
    let variants = arms.iter().map(|arm| {
        let (name, tag) = (&arm.variant.name, &arm.tag);
        let defs = field_defs(&arm.variant.fields);
        let was = with_was(arm.variant.attrs.was.as_deref());
        let doc = with_doc(arm.variant.attrs.doc.as_ref());
        quote!(__kekbit::VariantDef::new(#name, #tag, const { #defs }) #was #doc,)
    });
    quote! {
        __kekbit::Schema::of_enum(
            #name,
            __kekbit::size_of::<__KekbitTree>(),
            #tag_size,
            const { &[#(#variants)*] },
        )
    }
}

fn hidden(index: usize) -> Ident {
    format_ident!("__kekbit_{index}")
}
