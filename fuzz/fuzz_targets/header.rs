//! Headers and whoever opens files; see `kekbit_fuzz::header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kekbit_fuzz::header::check(input));
