use kekbit_codec::Record;

#[derive(Record)]
struct LegV1 {
    quantity: u64,
}

#[derive(Record)]
#[record(extends = LegV1)]
struct Leg {
    quantity: u64,
    note: Option<u16>,
}

#[derive(Record)]
struct OrderV1 {
    legs: [LegV1; 2],
}

#[derive(Record)]
#[record(extends = OrderV1)]
struct Order {
    legs: [Leg; 2],
}

fn main() {}
