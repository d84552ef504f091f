use kekbit_codec::{Record, assert_extends};

#[derive(Record)]
struct V1<T> {
    payload: T,
}

#[derive(Record)]
#[record(was = "V1")]
struct V2<T> {
    payload: T,
    note: Option<u16>,
}

assert_extends!(V1<u64> => V2<u64>);
assert_extends!(V1<u64> => V2<i64>);

fn main() {}
