use kekbit_codec::Record;

#[derive(Record)]
enum EventV1 {
    Opened { id: u64 },
    Closed,
}

#[derive(Record)]
#[record(extends = EventV1)]
enum Event {
    Opened { id: u64 },
    Moved { to: i64 },
    Closed,
}

fn main() {}
