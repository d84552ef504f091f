use kekbit_codec::Record;

struct Leg {
    qty: u64,
}

#[derive(Record)]
struct Order {
    id: u64,
    legs: [Leg; 2],
    hedge: Option<Leg>,
    first: Leg,
}

fn main() {}
