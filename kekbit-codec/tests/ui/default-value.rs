use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    id: u64,
    qty: u64 = 7,
}

fn main() {}
