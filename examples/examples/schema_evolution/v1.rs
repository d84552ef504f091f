//! The program of the first version of a record. All three read what any of them has written.
//!
//! ```text
//! cargo run -p kekbit-examples --example schema_evolution_v1 -- write readings.kekbit
//! cargo run -p kekbit-examples --example schema_evolution_v1 -- read readings.kekbit
//! ```

use std::process::ExitCode;

use kekbit_examples::{schema_evolution, terminal};

fn main() -> ExitCode {
    terminal::exit(schema_evolution::run(schema_evolution::v1::reading))
}
