use kekbit_codec::Record;

#[derive(Record)]
#[record(nam = "order")]
struct Order {
    id: u64,
}

fn main() {}
