use kekbit_codec::Record;

#[derive(Record)]
#[record(was = ["Ticket", "Ticket"])]
struct Order {
    #[record(was = "px", was = "cost")]
    price: i64,
}

fn main() {}
