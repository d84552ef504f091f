//! A writer and its readers against a model; see `kekbit_fuzz::operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kekbit_fuzz::operations::check(input));
