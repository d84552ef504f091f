//! What keeps records on a disk, for threads that each wait until theirs is there.

use std::path::Path;

pub mod kekbit;
pub mod okaywal;
pub mod redb;
pub mod sqlite;

/// Bytes of a record.
pub const LEN: usize = 64;

/// A store in a folder.
pub trait Store: Sync {
    const NAME: &'static str;

    /// What one thread has of it.
    type Session<'s>: Session
    where
        Self: 's;

    /// Makes one for that many records.
    fn create(folder: &Path, count: u64) -> Self;

    fn session(&self) -> Self::Session<'_>;
}

pub trait Session {
    /// Returns when the record would survive a power cut.
    fn put(&mut self, number: u64, payload: &[u8; LEN]);
}
