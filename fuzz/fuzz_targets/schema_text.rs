//! Schema texts and their relation; see `kekbit_fuzz::schema_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kekbit_fuzz::schema_text::check(input));
