use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    #[record(with = u64)]
    id: u64,
}

fn main() {}
