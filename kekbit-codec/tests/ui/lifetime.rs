use kekbit_codec::Record;

#[derive(Record)]
struct Order<'a> {
    note: &'a str,
}

fn main() {}
