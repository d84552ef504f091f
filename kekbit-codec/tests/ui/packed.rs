use kekbit_codec::Record;

#[derive(Record)]
#[repr(C, packed)]
struct Order {
    side: u8,
    id: u64,
}

fn main() {}
