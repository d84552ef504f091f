use kekbit_codec::{Record, decode, view};

#[derive(Record)]
struct Order {
    note: &'static str,
}

fn main() {
    let _ = decode::<Order>(&[]);
    let _ = view::<Order>(&[]);
    let _ = Order::SCHEMA.text();
}
