use kekbit_codec::Record;

#[derive(Record)]
pub struct Order {
    pub id: u64,
    pub note: String,
    pub limit: Option<i64>,
}

fn main() {}
