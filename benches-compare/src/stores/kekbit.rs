//! Kekbit: a shared writer; threads that sync at the same time share the work.

use std::path::Path;

use kekbit_channel::{ChannelOptions, Record, SharedTypedWriter, TypedWriter};

use crate::stores::{LEN, Session, Store};

#[derive(Record)]
pub struct Bytes {
    bytes: [u8; LEN],
}

impl Store for SharedTypedWriter<Bytes> {
    const NAME: &'static str = "Kekbit";

    type Session<'s> = Self;

    fn create(folder: &Path, count: u64) -> Self {
        let options = ChannelOptions::new().records(count);
        let writer = TypedWriter::create(folder.join("records.kekbit"), &options);
        writer.expect("a new channel").into_shared()
    }

    fn session(&self) -> Self {
        self.clone()
    }
}

impl Session for SharedTypedWriter<Bytes> {
    fn put(&mut self, _: u64, payload: &[u8; LEN]) {
        self.append(&Bytes { bytes: *payload }).expect("room for it");
        self.sync().expect("a disk");
    }
}
