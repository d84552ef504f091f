//! Puts the parts of an expansion together. They are the same for every kind of record.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Generics;

use super::{field::with_was, versions};
use crate::{ast::Input, bound};

/// The parts of the impls of `Field` and `Record`. In the bodies the image is `__kekbit_wire`.
pub(super) struct Parts {
    /// What stands beside the record: the definitions of its views.
    pub(super) definitions: TokenStream,
    /// Hidden items that the bodies use.
    pub(super) items: TokenStream,
    pub(super) wire: TokenStream,
    pub(super) view: TokenStream,
    pub(super) put: TokenStream,
    pub(super) check: TokenStream,
    pub(super) get: TokenStream,
    pub(super) look: TokenStream,
    /// Puts it and feeds it; `None` if the image is put in one piece.
    pub(super) feed: Option<TokenStream>,
    pub(super) schema: TokenStream,
    /// The impls of the views.
    pub(super) view_impls: TokenStream,
}

impl Parts {
    pub(super) fn assemble(self, input: &Input<'_>, generics: &Generics) -> TokenStream {
        let private = &input.private;
        let Parts { definitions, items, view_impls, .. } = &self;
        let field = self.field_impl(input, generics);
        let record = self.record_impl(input, generics);
        let (versions, lock_test) = (versions::checks(input), versions::lock_test(input));
        // The lints are those that code for any record cannot always satisfy.
        quote! {
            #definitions
            #lock_test

            #[allow(clippy::all, clippy::pedantic)]
            #[allow(deprecated, unreachable_patterns, unused_qualifications)]
            const _: () = {
                // One name is quicker to compile than a path.
                use #private as __kekbit;
                #items
                #field
                #record
                #view_impls
                #versions
            };
        }
    }

    fn field_impl(&self, input: &Input<'_>, generics: &Generics) -> TokenStream {
        let Parts { wire, view, put, check, get, look, feed, .. } = self;
        let feed = feed.as_ref().map(|feed| {
            quote! {
                #[inline(always)]
                fn put_and_feed<__KekbitH: __kekbit::Hasher>(
                    &self,
                    __kekbit_wire: &mut Self::Wire,
                    __kekbit_hasher: &mut __KekbitH,
                ) {
                    #feed
                }
            }
        });
        let ident = input.ident();
        let lifetime = bound::lifetime();
        let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #impl_generics __kekbit::Field for #ident #ty_generics #where_clause {
                type Wire = #wire;
                type View<#lifetime> = #view;
                const TYPE: __kekbit::Type =
                    __kekbit::Type::Record(<Self as __kekbit::Record>::SCHEMA);

                #[inline]
                fn put(&self, __kekbit_wire: &mut Self::Wire) {
                    #put
                }

                #[inline(always)]
                fn check(__kekbit_wire: &Self::Wire) -> __kekbit::Result<(), __kekbit::Invalid> {
                    #check
                }

                #[inline]
                fn get(__kekbit_wire: &Self::Wire) -> Self {
                    #get
                }

                #[inline]
                fn view(__kekbit_wire: &Self::Wire) -> Self::View<'_> {
                    #look
                }

                #feed
            }
        }
    }

    fn record_impl(&self, input: &Input<'_>, generics: &Generics) -> TokenStream {
        let (ident, schema) = (input.ident(), &self.schema);
        let was = with_was(input.attrs.was.as_deref());
        let extending = versions::extending(input);
        let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #impl_generics __kekbit::Record for #ident #ty_generics #where_clause {
                const SCHEMA: &'static __kekbit::Schema = &#schema #was #extending;
            }
        }
    }
}
