use kekbit_codec::Record;

#[derive(Record)]
#[record(size = 32)]
enum EventV1 {
    Opened { id: u64 },
    Closed,
}

#[derive(Record)]
#[record(extends = EventV1)]
enum Event {
    Opened { id: u64 },
    Closed,
}

fn main() {}
