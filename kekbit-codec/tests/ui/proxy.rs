use kekbit_codec::Record;

struct Foreign;

#[derive(Record)]
struct Bytes([u8; 16]);

#[derive(Record)]
struct Order {
    #[record(as = Bytes)]
    id: Foreign,
}

fn main() {}
