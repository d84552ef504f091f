//! Frames behind a good header; see `kekbit_fuzz::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kekbit_fuzz::frames::check(input));
