use kekbit_codec::Record;

struct OrderV1 {
    id: u64,
}

#[derive(Record)]
#[record(extends = OrderV1)]
struct Order {
    id: u64,
}

fn main() {}
