use kekbit_codec::Record;

#[derive(Record)]
enum Maybe<T> {
    There(T),
    Missing,
}

fn main() {}
