use kekbit_codec::Record;

#[derive(Record)]
struct OrderV1 {
    id: u64,
}

#[derive(Record)]
#[record(extends = OrderV1)]
struct Order {
    id: u64,
    price: i64,
}

fn main() {}
