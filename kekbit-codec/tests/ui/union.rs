use kekbit_codec::Record;

#[derive(Record)]
union Number {
    integer: u64,
    float: f64,
}

fn main() {}
