use kekbit_codec::Record;

#[derive(Record)]
enum Side {
    Buy = 255,
    Sell,
}

fn main() {}
