use kekbit_codec::Record;

const BASE: isize = 255;

#[derive(Record)]
enum Side {
    Buy = -1,
    Sell = 256,
    Short = BASE,
    Cover,
}

fn main() {}
