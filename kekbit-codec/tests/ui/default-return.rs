//! A default that gives nothing.

use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    id: u64,
    #[record(default = return)]
    venue: u16,
}

fn main() {}
