use kekbit_codec::Record;

#[derive(Record)]
enum Event {
    #[record(tag = 0)]
    Opened(u64),
    Closed,
}

fn main() {}
