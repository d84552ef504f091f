//! Payloads and values of every kind of field; see `kekbit_fuzz::decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kekbit_fuzz::decode::check(input));
