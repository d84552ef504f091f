//! okaywal: a log of its own kind, with group commit.

use std::path::Path;

use okaywal::{LogVoid, WriteAheadLog};

use crate::stores::{LEN, Session, Store};

pub struct OkayWal(WriteAheadLog);

impl Store for OkayWal {
    const NAME: &'static str = "okaywal";

    type Session<'s> = &'s WriteAheadLog;

    fn create(folder: &Path, _: u64) -> OkayWal {
        OkayWal(WriteAheadLog::recover(folder.join("wal"), LogVoid).expect("a new log"))
    }

    fn session(&self) -> &WriteAheadLog {
        &self.0
    }
}

impl Session for &WriteAheadLog {
    fn put(&mut self, _: u64, payload: &[u8; LEN]) {
        let mut entry = self.begin_entry().expect("a log");
        entry.write_chunk(payload).expect("room for it");
        entry.commit().expect("a disk");
    }
}
