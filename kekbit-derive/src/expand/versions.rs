//! What a record has to do with its other versions: checks for the compiler, the way from an older
//! one, the test of a lock file.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{ext::IdentExt, spanned::Spanned};

use crate::{ast::Input, valid::fingerprint};

/// Adds what the record extends to its schema.
pub(super) fn extending(input: &Input<'_>) -> Option<TokenStream> {
    let older = input.attrs.extends.as_ref()?;
    Some(quote!(.extending(<#older as __kekbit::Record>::SCHEMA)))
}

/// One constant a promise, each shown where it was made.
pub(super) fn checks(input: &Input<'_>) -> TokenStream {
    let attrs = &input.attrs;
    if attrs.extends.is_none() && attrs.pin.is_none() && attrs.lock.is_none() {
        return TokenStream::new();
    }
    let ident = input.ident();
    let extends = extends(input);
    let pin = attrs.pin.as_ref().and_then(|pin| {
        let span = Span::call_site().located_at(pin.span);
        let number = Literal::u64_suffixed(fingerprint(&pin.value)?);
        Some(quote_spanned! {span=>
            #[allow(long_running_const_eval)]
            const _: () = __kekbit::pinned(__KEKBIT_SCHEMA, &__KEKBIT_TEXT, #number);
        })
    });
    let lock = attrs.lock.as_ref().map(|lock| {
        let (span, path) = (Span::call_site().located_at(lock.span), &lock.value);
        quote_spanned! {span=>
            #[allow(long_running_const_eval)]
            const _: () = __kekbit::locked(
                &__KEKBIT_TEXT,
                #path,
                __kekbit::include_str!(
                    __kekbit::concat!(__kekbit::env!("CARGO_MANIFEST_DIR"), "/", #path)
                ),
                __kekbit::option_env!("KEKBIT_LOCK"),
            );
        }
    });
    quote! {
        const __KEKBIT_SCHEMA: &__kekbit::Schema = <#ident as __kekbit::Record>::SCHEMA;
        #[allow(long_running_const_eval)]
        const __KEKBIT_TEXT: [__kekbit::u8; __KEKBIT_SCHEMA.text_len()] =
            __kekbit::Schema::text_bytes(__KEKBIT_SCHEMA);
        #extends
        #pin
        #lock
    }
}

fn extends(input: &Input<'_>) -> Option<TokenStream> {
    let older = input.attrs.extends.as_ref()?;
    let (ident, vis) = (input.ident(), &input.original.vis);
    let span = Span::call_site().located_at(older.span());
    let check = quote_spanned! {span=>
        #[allow(long_running_const_eval)]
        const _: () = __kekbit::extends(&__KEKBIT_OLDER_TEXT, &__KEKBIT_TEXT);
    };
    Some(quote! {
        const __KEKBIT_OLDER: &__kekbit::Schema = <#older as __kekbit::Record>::SCHEMA;
        #[allow(long_running_const_eval)]
        const __KEKBIT_OLDER_TEXT: [__kekbit::u8; __KEKBIT_OLDER.text_len()] =
            __kekbit::Schema::text_bytes(__KEKBIT_OLDER);
        #check

        impl #ident {
            /// What an older record is in this version: what was added since has its default.
            ///
            /// # Errors
            /// Only if a conversion of `#[record(as = ...)]`, or a field type with an
            /// implementation of its own, refuses what the older one took.
            #[allow(dead_code, private_interfaces, unreachable_pub)]
            #vis fn from_older(
                older: &#older,
            ) -> __kekbit::Result<Self, __kekbit::Invalid> {
                static __KEKBIT_RAISE: __kekbit::OnceRaise = __kekbit::OnceRaise::new();
                // The type once more, so that what is no record is told at one place, once.
                __kekbit::raised::<#older, Self>(older, &__KEKBIT_RAISE)
            }
        }
    })
}

/// Beside the record, as tests are found at the level of modules only.
pub(super) fn lock_test(input: &Input<'_>) -> Option<TokenStream> {
    let path = &input.attrs.lock.as_ref()?.value;
    let (ident, private) = (input.ident(), &input.private);
    let name = format_ident!("__kekbit_lock_{}", ident.unraw(), span = Span::call_site());
    Some(quote! {
        #[cfg(test)]
        #[#private::test]
        #[allow(non_snake_case, unnameable_test_items)]
        fn #name() {
            extern crate std as __kekbit_std;
            #private::lock_test(
                <#ident as #private::Record>::SCHEMA,
                #private::concat!(#private::env!("CARGO_MANIFEST_DIR"), "/", #path),
                #private::option_env!("KEKBIT_LOCK"),
                |path| __kekbit_std::fs::read_to_string(path),
                |path, lock| __kekbit_std::fs::write(path, lock),
            );
        }
    })
}
