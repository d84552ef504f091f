use kekbit_codec::Record;

#[derive(Record)]
#[record(lock = "locks/order.lock")]
struct Order {
    id: u64,
    price: i64,
}

fn main() {}
