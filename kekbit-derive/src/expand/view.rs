//! Views: a reference to an image, and an accessor for each field.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Generics, Member, Visibility};

use super::{ends, field_item, located_across, located_args, located_at};
use crate::{
    ast::{Field, Input, Variant},
    bound,
};

/// What an accessor needs to know.
pub(super) struct Accessor<'a> {
    pub(super) field: &'a Field<'a>,
    pub(super) vis: &'a Visibility,
    /// Statements that bind the tree.
    pub(super) tree: TokenStream,
    /// A reference to the image of the field in that tree.
    pub(super) leaf: TokenStream,
    /// Where the field lies.
    pub(super) place: TokenStream,
}

/// The type stands beside the record, so that it can be named; its impls are hidden.
pub(super) struct View {
    pub(super) definition: TokenStream,
    pub(super) impls: TokenStream,
}

pub(super) fn of_struct(input: &Input<'_>, generics: &Generics, of: &[Accessor<'_>]) -> View {
    let ident = input.ident();
    let doc = format!("A [`{ident}`] in place: each field is read, and judged, when asked for.");
    let mut view = holder(input, &input.view(), &doc, generics, of);
    view.impls.extend(own_value(input, &input.view(), generics));
    view
}

/// The view of one variant with fields; it holds the image of the whole enum.
pub(super) fn of_variant(input: &Input<'_>, variant: &Variant<'_>, of: &[Accessor<'_>]) -> View {
    let name = format!("{}::{}", input.ident(), variant.original.ident);
    let doc = format!("A [`{name}`] in place: each field is read, and judged, when asked for.");
    let generics = Generics::default();
    holder(input, &input.variant_view(variant), &doc, &generics, of)
}

/// A view that is what its error leaves over.
pub(super) fn own_value(input: &Input<'_>, view: &Ident, generics: &Generics) -> TokenStream {
    let k = &input.private;
    let view_generics = bound::for_view(generics);
    let (impl_generics, ty_generics, where_clause) = view_generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #k::FieldView for #view #ty_generics #where_clause {
            type Value = Self;

            #[inline]
            fn value(self) -> #k::Result<Self, #k::Invalid> {
                #k::Ok(self)
            }
        }
    }
}

/// Written out rather than derived: a derive would ask for bounds on the parameters.
pub(super) fn copy(input: &Input<'_>, view: &Ident, generics: &Generics) -> TokenStream {
    let k = &input.private;
    let view_generics = bound::for_view(generics);
    let (impl_generics, ty_generics, where_clause) = view_generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #k::Clone for #view #ty_generics #where_clause {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl #impl_generics #k::Copy for #view #ty_generics #where_clause {}
    }
}

fn holder(
    input: &Input<'_>,
    view: &Ident,
    doc: &str,
    generics: &Generics,
    accessors: &[Accessor<'_>],
) -> View {
    let k = &input.private;
    let (ident, vis) = (input.ident(), &input.original.vis);
    let lifetime = bound::lifetime();
    let (_, record_args, _) = generics.split_for_impl();
    let view_generics = bound::for_view(generics);
    let (impl_generics, ty_generics, where_clause) = view_generics.split_for_impl();
    let accessors = accessors.iter().map(|accessor| accessor.expand(k));
    let copy = copy(input, view, generics);
    View {
        definition: quote! {
            #[doc = #doc]
            #[allow(dead_code, private_bounds)]
            #vis struct #view #view_generics (
                &#lifetime <#ident #record_args as #k::Field>::Wire
            ) #where_clause;
        },
        impls: quote! {
            #[automatically_derived]
            #[allow(dead_code, private_interfaces)]
            impl #impl_generics #view #ty_generics #where_clause {
                #(#accessors)*
            }

            #copy

            #[automatically_derived]
            impl #impl_generics #k::Debug for #view #ty_generics #where_clause {
                fn fmt(&self, __kekbit_f: &mut #k::Formatter<'_>) -> #k::FmtResult {
                    #k::show::<#ident #record_args>(__kekbit_f, self.0)
                }
            }
        },
    }
}

impl Accessor<'_> {
    fn expand(&self, k: &TokenStream) -> TokenStream {
        let Accessor { field, vis, tree, leaf, place } = self;
        let name = accessor_name(field);
        let docs = field.original.attrs.iter().filter(|attr| attr.path().is_ident("doc"));
        let docs = quote!(#(#docs)*);
        let docs = if docs.is_empty() {
            let doc = format!("The field `{}`.", field.name);
            quote!(#[doc = #doc])
        } else {
            docs
        };
        let lifetime = bound::lifetime();
        let (result, value) = if field.attrs.proxy.is_some() {
            let (ty, proxy) = (field.ty(), field.wire_ty());
            (quote!(#k::Result<#ty, #k::Invalid>), quote!(#k::view_as::<#ty, #proxy>(#leaf)))
        } else {
            let view = field_item(k, field, "View");
            let look = field_item(k, field, "view");
            let args = located_at(quote!(<#lifetime>), ends(field.ty()).1);
            let leaf = located_args(leaf.clone(), field);
            (quote!(#view #args), quote!(#look #leaf))
        };
        let within = located_across(quote!(#k::FieldView::within), field.wire_ty());
        let args = located_args(quote!(#value, #place), field);
        quote! {
            #docs
            #[inline]
            #vis fn #name(self) -> #result {
                #tree
                #within #args
            }
        }
    }
}

/// The name of the field; `field_0` for the first field of a tuple.
fn accessor_name(field: &Field<'_>) -> TokenStream {
    match &field.member {
        Member::Named(ident) => ident.to_token_stream(),
        Member::Unnamed(index) => format_ident!("field_{}", index.index).into_token_stream(),
    }
}
