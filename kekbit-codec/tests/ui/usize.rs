use kekbit_codec::Record;

#[derive(Record)]
enum Event {
    Opened { at: u64, index: usize },
    Closed,
}

fn main() {}
