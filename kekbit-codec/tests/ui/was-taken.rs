use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    #[record(was = "price")]
    cost: i64,
    price: i64,
}

#[derive(Record)]
enum Event {
    #[record(was = "Closed")]
    Ended,
    Closed,
}

fn main() {}
