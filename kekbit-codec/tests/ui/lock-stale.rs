use kekbit_codec::Record;

#[derive(Record)]
#[record(lock = "locks/order.lock")]
struct Order {
    id: u64,
    #[record(default)]
    price: i64,
    note: Option<u16>,
}

fn main() {}
