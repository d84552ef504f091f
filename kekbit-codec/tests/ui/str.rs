use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    id: u64,
    note: &'static str,
}

fn main() {}
