use kekbit_codec::Record;

#[derive(Record)]
#[record(pin = "0xBEEF")]
struct Order {
    id: u64,
}

fn main() {}
