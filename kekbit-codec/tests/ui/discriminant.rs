use kekbit_codec::Record;

#[derive(Record)]
enum Side {
    Buy = -1,
    Sell,
}

fn main() {}
