use kekbit_codec::Record;

struct Leg {
    qty: u64,
}

#[derive(Record)]
struct Order {
    id: u64,
    leg: Leg,
    side: u8,
}

fn main() {}
