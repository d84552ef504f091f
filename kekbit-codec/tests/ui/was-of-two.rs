//! Two fields that were both called so.

use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    #[record(was = "px")]
    price: i64,
    #[record(was = ["amount", "px"])]
    quantity: u32,
}

fn main() {}
