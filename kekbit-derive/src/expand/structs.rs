//! Structs: a tree of pairs, and a view over it.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    check, field_defs, get,
    layout::Layout,
    put, record_impl,
    view::{self, Accessor},
};
use crate::{
    ast::{Field, Input},
    bound,
};

pub(super) fn expand(input: &Input<'_>, fields: &[Field<'_>]) -> TokenStream {
    let private = &input.private;
    let ident = input.ident();
    let generics = bound::for_impl(input, fields);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    // Bytes where possible, so that neither docs nor errors show a tree, which is an alias then
    // that one cast reaches. The size of a generic record cannot be told: its tree is its image.
    let layout = Layout::new(fields);
    let (alias, wire, cast, cast_mut);
    if input.is_generic() {
        alias = TokenStream::new();
        wire = layout.ty.clone();
        (cast, cast_mut) = (TokenStream::new(), quote!(__kekbit_wire));
    } else {
        let tree = &layout.ty;
        // Spelt out in one signature: whoever names the alias pays for all of the tree again.
        alias = quote! {
            type __KekbitTree = #tree;

            #[inline]
            fn __kekbit_tree_of(__kekbit_wire: &<#ident as __kekbit::Field>::Wire) -> &__KekbitTree {
                __kekbit::tree(__kekbit_wire)
            }
        };
        wire = quote!([__kekbit::u8; __kekbit::size_of::<__KekbitTree>()]);
        cast = quote!(__kekbit_tree_of);
        cast_mut = quote!(__kekbit::tree_mut::<__KekbitTree, _>(__kekbit_wire));
    }
    let tree = quote!(__kekbit_tree);
    let body = StructBody { fields, layout: &layout, tree: &tree };
    let (puts, checks, gets) = (body.puts(), body.checks(), body.gets());

    let view_ident = input.view();
    let lifetime = bound::lifetime();
    let view_args = bound::view_args(&generics, &quote!(#lifetime));
    let defs = field_defs(fields);
    let name = input.name();
    let schema = quote!(__kekbit::Schema::of_struct(#name, const { #defs }));
    let record = record_impl(input, &generics, &schema);
    let accessors = body.accessors(&quote!(#ident #ty_generics), &cast);
    let view = view::of_struct(input, &generics, &accessors);
    let definition = view.definition;
    let view_impls = view.impls;

    quote! {
        #definition

        #[allow(clippy::all, clippy::pedantic, deprecated, unused_qualifications)]
        const _: () = {
            use #private as __kekbit;
            #alias

            #[automatically_derived]
            impl #impl_generics __kekbit::Field for #ident #ty_generics #where_clause {
                type Wire = #wire;
                type View<#lifetime> = #view_ident #view_args;
                const TYPE: __kekbit::Type = __kekbit::Type::Record(<Self as __kekbit::Record>::SCHEMA);

                #[inline]
                fn put(&self, __kekbit_wire: &mut Self::Wire) {
                    let #tree = #cast_mut;
                    #puts
                    let _ = #tree;
                }

                #[inline]
                fn check(__kekbit_wire: &Self::Wire) -> __kekbit::Result<(), __kekbit::Invalid> {
                    let #tree = #cast(__kekbit_wire);
                    #checks
                    let _ = #tree;
                    __kekbit::Ok(())
                }

                #[inline]
                fn get(__kekbit_wire: &Self::Wire) -> Self {
                    let #tree = #cast(__kekbit_wire);
                    let _ = #tree;
                    Self { #gets }
                }

                #[inline]
                fn view(__kekbit_wire: &Self::Wire) -> Self::View<'_> {
                    #view_ident(__kekbit_wire)
                }
            }

            #record
            #view_impls
        };
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

    fn gets(&self) -> TokenStream {
        let Self { fields, layout, tree } = self;
        let get = |(index, field): (usize, &Field<'_>)| {
            let member = &field.member;
            let value = get(field, &layout.leaf(index, field, tree));
            quote!(#member: #value,)
        };
        fields.iter().enumerate().map(get).collect()
    }

    /// One accessor per field; `cast` is the function from image to tree, if there is one.
    fn accessors(&self, record: &TokenStream, cast: &TokenStream) -> Vec<Accessor<'_>> {
        let Self { fields, layout, tree } = self;
        let accessor = |(index, field): (usize, _)| Accessor {
            field,
            vis: &field.original.vis,
            tree: quote!(let #tree = #cast(self.0);),
            leaf: layout.leaf(index, field, tree),
            place: quote!(__kekbit::Place::field(<#record as __kekbit::Record>::SCHEMA, #index)),
        };
        fields.iter().enumerate().map(accessor).collect()
    }
}
