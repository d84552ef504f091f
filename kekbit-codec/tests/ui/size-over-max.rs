use kekbit_codec::Record;

#[derive(Record)]
#[record(size = 64, max_size = 32)]
enum Event {
    Opened(u64),
    Closed,
}

fn main() {}
