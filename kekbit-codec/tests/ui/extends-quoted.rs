//! A type in quotes.

use kekbit_codec::Record;

#[derive(Record)]
struct V1 {
    id: u64,
}

#[derive(Record)]
#[record(extends = "V1")]
struct V2 {
    id: u64,
}

fn main() {}
