use kekbit_codec::Record;

struct Leg {
    qty: u64,
}

#[derive(Record)]
enum Event {
    Opened { legs: [Leg; 2], id: u64 },
    Closed(Option<String>),
}

fn main() {}
