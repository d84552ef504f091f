use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    id: u64,
    #[record(default = "none")]
    quantity: u32,
}

fn main() {}
