use kekbit_codec::Record;

#[derive(Record)]
#[record(size = 8)]
enum Event {
    Opened(u64),
    Closed,
}

fn main() {}
