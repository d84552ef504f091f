use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    id: u64,
    legs: Vec<u64>,
}

fn main() {}
