use kekbit_codec::Record;

#[derive(Record)]
#[record(name = "two words", tag_size = 2)]
struct Order {
    pair: (u8, u8),
    rest: [u8],
}

fn main() {}
