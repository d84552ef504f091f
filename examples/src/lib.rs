//! What the examples share.
#![forbid(unsafe_code)]

pub mod flights;
pub mod schema_evolution;
pub mod terminal;
