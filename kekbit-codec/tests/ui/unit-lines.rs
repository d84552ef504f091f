use kekbit_codec::Record;

#[derive(Record)]
struct Order {
    #[record(unit = "1e-9\nUSD")]
    price: i64,
    #[record(doc = " what is left ")]
    left: u32,
    #[record(unit = "")]
    id: u64,
}

fn main() {}
