//! Structs: a tree of pairs, and a view over it.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    assemble::Parts,
    field::{check, feed, field_defs, get, put},
    layout::Layout,
    view::{self, Accessor},
};
use crate::{
    ast::{Field, Input},
    bound,
};

pub(super) fn expand(input: &Input<'_>, fields: &[Field<'_>]) -> TokenStream {
    let (ident, view, lifetime) = (input.ident(), input.view(), bound::lifetime());
    let generics = bound::for_impl(input, fields);
    let (_, ty_generics, _) = generics.split_for_impl();
    let layout = Layout::new(fields);
    let Image { items, wire, tree_of, tree_mut_of } = Image::new(input, &layout);

    let tree = quote!(__kekbit_tree);
    let body = StructBody { fields, layout: &layout, tree: &tree };
    let (puts, checks, gets) = (body.puts(), body.checks(), body.gets());
    let feeds = body.feeds();
    let accessors = body.accessors(&quote!(#ident #ty_generics), &tree_of);
    let view::View { definition, impls } = view::of_struct(input, &generics, &accessors);
    let view_args = bound::view_args(&generics, &quote!(#lifetime));
    let (name, defs) = (input.name(), field_defs(fields));
    let parts = Parts {
        definitions: definition,
        items,
        wire,
        view: quote!(#view #view_args),
        put: quote! {
            let #tree = #tree_mut_of(__kekbit_wire);
            #puts
            let _ = #tree;
        },
        check: quote! {
            let #tree = #tree_of(__kekbit_wire);
            #checks
            let _ = #tree;
            __kekbit::Ok(())
        },
        get: quote! {
            let #tree = #tree_of(__kekbit_wire);
            let _ = #tree;
            Self { #gets }
        },
        look: quote!(#view(__kekbit_wire)),
        feed: Some(quote! {
            let #tree = #tree_mut_of(__kekbit_wire);
            #feeds
            let _ = #tree;
        }),
        schema: quote!(__kekbit::Schema::of_struct(#name, const { #defs })),
        view_impls: impls,
    };
    parts.assemble(input, &generics)
}

/// The image of the struct, and the functions from there to the tree, if it is not the tree.
struct Image {
    items: TokenStream,
    wire: TokenStream,
    tree_of: TokenStream,
    tree_mut_of: TokenStream,
}

impl Image {
    /// Bytes where possible, so that neither docs nor errors show a tree; the tree is an alias then
    /// that one cast reaches. The size of a generic struct cannot be told: its tree is its image.
    fn new(input: &Input<'_>, layout: &Layout) -> Image {
        let (ident, tree) = (input.ident(), &layout.ty);
        if input.is_generic() {
            let (items, wire) = (TokenStream::new(), tree.clone());
            return Image { items, wire, tree_of: quote!(), tree_mut_of: quote!() };
        }
        Image {
            // Spelt out in one signature: whoever names the alias pays for all of the tree again.
            items: quote! {
                type __KekbitTree = #tree;

                #[inline]
                fn __kekbit_tree_of(
                    __kekbit_wire: &<#ident as __kekbit::Field>::Wire,
                ) -> &__KekbitTree {
                    __kekbit::tree(__kekbit_wire)
                }
            },
            wire: quote!([__kekbit::u8; __kekbit::size_of::<__KekbitTree>()]),
            tree_of: quote!(__kekbit_tree_of),
            tree_mut_of: quote!(__kekbit::tree_mut::<__KekbitTree, _>),
        }
    }
}

struct StructBody<'a> {
    fields: &'a [Field<'a>],
    layout: &'a Layout,
    tree: &'a TokenStream,
}

impl StructBody<'_> {
    fn puts(&self) -> TokenStream {
        let Self { fields, layout, tree } = self;
        let put = |(index, field): (usize, &Field<'_>)| {
            let member = &field.member;
            put(field, &quote!(&self.#member), &layout.leaf_mut(index, field, tree))
        };
        fields.iter().enumerate().map(put).collect()
    }

    fn checks(&self) -> TokenStream {
        let Self { fields, layout, tree } = self;
        let check = |(index, field)| {
            let enclose = quote! {
                __kekbit::in_field(__kekbit_invalid, <Self as __kekbit::Record>::SCHEMA, #index)
            };
            check(field, &layout.leaf(index, field, tree), &enclose)
        };
        fields.iter().enumerate().map(check).collect()
    }

    fn feeds(&self) -> TokenStream {
        let Self { fields, layout, tree } = self;
        let feed = |(index, field): (usize, &Field<'_>)| {
            let member = &field.member;
            feed(field, &quote!(&self.#member), &layout.leaf_mut(index, field, tree))
        };
        fields.iter().enumerate().map(feed).collect()
    }

    fn gets(&self) -> TokenStream {
        let Self { fields, layout, tree } = self;
        let get = |(index, field): (usize, &Field<'_>)| {
            let member = &field.member;
            let value = get(field, &layout.leaf(index, field, tree));
            quote!(#member: #value,)
        };
        fields.iter().enumerate().map(get).collect()
    }

    /// One accessor per field.
    fn accessors(&self, record: &TokenStream, tree_of: &TokenStream) -> Vec<Accessor<'_>> {
        let Self { fields, layout, tree } = self;
        let accessor = |(index, field): (usize, _)| Accessor {
            field,
            vis: &field.original.vis,
            tree: quote!(let #tree = #tree_of(self.0);),
            leaf: layout.leaf(index, field, tree),
            place: quote!(__kekbit::Place::field(<#record as __kekbit::Record>::SCHEMA, #index)),
        };
        fields.iter().enumerate().map(accessor).collect()
    }
}
