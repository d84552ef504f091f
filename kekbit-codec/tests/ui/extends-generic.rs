use kekbit_codec::Record;

#[derive(Record)]
struct V1<T> {
    payload: T,
}

#[derive(Record)]
#[record(extends = V1<T>)]
struct V2<T> {
    payload: T,
    note: Option<u16>,
}

fn main() {}
