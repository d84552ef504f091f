use kekbit_codec::Record;

#[derive(Record)]
#[record(pin = "0000000000000000")]
struct Order {
    id: u64,
    #[record(unit = "USD")]
    price: i64,
}

fn main() {}
