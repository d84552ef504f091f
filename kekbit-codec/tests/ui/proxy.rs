use kekbit_codec::Record;

struct Foreign;

#[derive(Record)]
struct Order {
    #[record(as = [u8; 16])]
    id: Foreign,
}

fn main() {}
