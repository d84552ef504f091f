use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    id: u64,
    next: *const u64,
}

fn main() {}
