use kekbit_codec::Record;

#[derive(Record)]
#[record(lock = "locks/none.lock")]
struct Order {
    id: u64,
}

fn main() {}
