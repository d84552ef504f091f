use kekbit_codec::Record;

#[derive(Record)]
enum Side {
    Buy,
    Sell,
}

#[derive(Record)]
struct Order {
    id: u64,
    #[record(default)]
    side: Side,
}

fn main() {}
