//! What the fuzz targets check: each module takes the bytes that the fuzzer made.
//!
//! A check ends in a panic if a promise of `docs/FORMAT.md` or of the documentation is broken.

pub mod decode;

mod naive;
mod records;

#[path = "../../examples/tests/support/every.rs"]
#[allow(dead_code, reason = "records whose fields are written but never read")]
mod every;
