use kekbit_codec::Record;

#[derive(Record)]
#[record(max_size = 16)]
enum Event {
    Opened { id: u64, order: [u64; 4] },
    Closed(u64),
}

fn main() {}
