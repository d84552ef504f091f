//! `#[derive(Record)]` for kekbit.
//!
//! Use it through `kekbit_channel` (or `kekbit_codec`), which documents it; this crate only turns
//! tokens into tokens: `attr` and `ast` read them, `valid` judges, `bound` and `expand` write, and
//! `fallback` stands in where something was refused.
#![forbid(unsafe_code)]

// Lowest layer first: a module uses only modules above it in this list.
mod attr;
mod ast;
mod valid;
mod bound;
mod fallback;
mod expand;

use proc_macro::TokenStream;

#[doc = include_str!("record.md")]
#[proc_macro_derive(Record, attributes(record))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    expand::derive(input.into(), "kekbit_channel").into()
}

#[doc = include_str!("record.md")]
#[proc_macro_derive(RecordForCodec, attributes(record))]
pub fn derive_record_for_codec(input: TokenStream) -> TokenStream {
    expand::derive(input.into(), "kekbit_codec").into()
}
