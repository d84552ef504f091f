//! `#[derive(Record)]` for kekbit.
