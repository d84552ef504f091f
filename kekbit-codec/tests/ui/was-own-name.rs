use kekbit_codec::Record;

#[derive(Record)]
#[record(was = "Order")]
struct Order {
    #[record(was = "id")]
    id: u64,
}

fn main() {}
