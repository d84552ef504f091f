//! Views: a reference to an image, and an accessor for each field.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Generics, Member, Visibility};

use super::field::{args, field_item, proxy_item};
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
    view.impls.extend(own_value(&input.view(), generics));
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
pub(super) fn own_value(view: &Ident, generics: &Generics) -> TokenStream {
    let view_generics = bound::for_view(generics);
    let (impl_generics, ty_generics, where_clause) = view_generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics __kekbit::FieldView for #view #ty_generics #where_clause {
            type Value = Self;

            #[inline]
            fn value(self) -> __kekbit::Result<Self, __kekbit::Invalid> {
                __kekbit::Ok(self)
            }
        }
    }
}

/// Written out rather than derived: a derive would ask for bounds on the parameters.
pub(super) fn copy(view: &Ident, generics: &Generics) -> TokenStream {
    let view_generics = bound::for_view(generics);
    let (impl_generics, ty_generics, where_clause) = view_generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics __kekbit::Clone for #view #ty_generics #where_clause {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl #impl_generics __kekbit::Copy for #view #ty_generics #where_clause {}
    }
}

fn holder(
    input: &Input<'_>,
    view: &Ident,
    doc: &str,
    generics: &Generics,
    accessors: &[Accessor<'_>],
) -> View {
    let (ident, vis, private) = (input.ident(), &input.original.vis, &input.private);
    let lifetime = bound::lifetime();
    let (_, record_args, _) = generics.split_for_impl();
    let view_generics = bound::for_view(generics);
    let (impl_generics, ty_generics, where_clause) = view_generics.split_for_impl();
    let accessors = accessors.iter().map(|accessor| accessor.expand());
    let copy = copy(view, generics);
    View {
        definition: quote! {
            #[doc = #doc]
            #[allow(dead_code, private_bounds, unreachable_pub)]
            #vis struct #view #view_generics (
                &#lifetime <#ident #record_args as #private::Field>::Wire
            ) #where_clause;
        },
        impls: quote! {
            #[automatically_derived]
            #[allow(dead_code, private_interfaces, unreachable_pub)]
            impl #impl_generics #view #ty_generics #where_clause {
                #(#accessors)*
            }

            #copy

            #[automatically_derived]
            impl #impl_generics __kekbit::Debug for #view #ty_generics #where_clause {
                fn fmt(&self, __kekbit_f: &mut __kekbit::Formatter<'_>) -> __kekbit::FmtResult {
                    __kekbit::show::<#ident #record_args>(__kekbit_f, self.0)
                }
            }
        },
    }
}

impl Accessor<'_> {
    fn expand(&self) -> TokenStream {
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
            let ty = field.ty();
            let look = proxy_item(field, "view_as");
            let leaf = args(field, leaf.clone());
            (quote!(__kekbit::Result<#ty, __kekbit::Invalid>), quote!(#look #leaf))
        } else {
            let ty = field.ty();
            let view = Ident::new("View", field.span.1);
            let view = quote_spanned!(field.span.0=> __kekbit::#view);
            let look = field_item(field, "view");
            let lifetime = quote_spanned!(field.span.1=> <#lifetime, #ty>);
            let leaf = args(field, leaf.clone());
            (quote!(#view #lifetime), quote!(#look #leaf))
        };
        let (first, last) = field.span;
        let within = Ident::new("within", last);
        let within = quote_spanned!(first=> __kekbit::FieldView::#within);
        let args = args(field, quote!(#value, #place));
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
