use kekbit_codec::Record;

#[derive(Record)]
#[record(extends = Order)]
struct Order {
    id: u64,
}

fn main() {}
