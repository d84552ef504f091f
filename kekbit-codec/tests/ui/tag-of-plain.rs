use kekbit_codec::Record;

#[derive(Record)]
enum Side {
    #[record(tag = 2)]
    Buy,
    Sell,
}

fn main() {}
