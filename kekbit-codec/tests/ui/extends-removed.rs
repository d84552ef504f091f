use kekbit_codec::Record;

#[derive(Record)]
struct OrderV1 {
    id: u64,
    price: i64,
    quantity: u32,
}

#[derive(Record)]
#[record(extends = OrderV1)]
struct Order {
    id: u64,
    quantity: u32,
}

fn main() {}
