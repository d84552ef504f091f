use kekbit_codec::Record;

#[derive(Record)]
enum Never {}

fn main() {}
