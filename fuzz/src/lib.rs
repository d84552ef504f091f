//! What the fuzz targets check: each module takes the bytes that the fuzzer made.
//!
//! A check ends in a panic if a promise of `docs/FORMAT.md` or of the documentation is broken.

pub mod decode;
pub mod frames;
pub mod header;
pub mod operations;
pub mod schema_text;

mod ends;
mod naive;
mod reading;
mod records;
mod scan;
mod scratch;
mod sealing;
mod trees;

#[path = "../../examples/tests/support/every.rs"]
#[allow(dead_code, reason = "records whose fields are written but never read")]
mod every;
#[path = "../../kekbit-channel/tests/support/image.rs"]
mod image;
#[path = "../../kekbit-codec/tests/relate/model.rs"]
#[allow(dead_code, reason = "its relation is over trees; here it is over what was parsed")]
mod model;
