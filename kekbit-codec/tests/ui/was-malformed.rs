use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    #[record(was = "limit price")]
    price: i64,
    #[record(was = 5)]
    quantity: u32,
    #[record(was)]
    id: u64,
}

fn main() {}
