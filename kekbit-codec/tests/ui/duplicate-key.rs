use kekbit_codec::Record;

#[derive(Record)]
#[record(name = "order", view = Look, name = "Order")]
struct Order {
    id: u64,
}

fn main() {}
