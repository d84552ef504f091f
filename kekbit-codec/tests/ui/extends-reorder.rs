use kekbit_codec::Record;

#[derive(Record)]
struct OrderV1 {
    id: u64,
    price: i64,
}

#[derive(Record)]
#[record(extends = OrderV1)]
struct Order {
    price: i64,
    id: u64,
}

fn main() {}
