use kekbit_codec::Record;

#[derive(Record)]
enum Event {
    Opened(u64),
    #[record(tag = 1)]
    Closed,
}

fn main() {}
