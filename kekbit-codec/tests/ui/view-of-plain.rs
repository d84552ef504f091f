use kekbit_codec::Record;

#[derive(Record)]
#[record(view = Look)]
enum Side {
    Buy,
    Sell,
}

fn main() {}
