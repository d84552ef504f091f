//! SQLite with a write-ahead log that is synced at each commit; a connection for each thread.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;

use crate::stores::{LEN, Session, Store};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Sqlite(PathBuf);

fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.busy_timeout(PATIENCE).expect("a timeout");
    connection.pragma_update(None, "journal_mode", "WAL").expect("a log");
    connection.pragma_update(None, "synchronous", "FULL").expect("syncs");
    connection
}

impl Store for Sqlite {
    const NAME: &'static str = "SQLite, WAL, synchronous=FULL";

    type Session<'s> = Connection;

    fn create(folder: &Path, _: u64) -> Sqlite {
        let path = folder.join("records.sqlite");
        let table = "CREATE TABLE records (number INTEGER PRIMARY KEY, payload BLOB)";
        connect(&path).execute(table, ()).expect("a new table");
        Sqlite(path)
    }

    fn session(&self) -> Connection {
        connect(&self.0)
    }
}

impl Session for Connection {
    fn put(&mut self, number: u64, payload: &[u8; LEN]) {
        // One statement is a transaction.
        let insert = "INSERT INTO records VALUES (?1, ?2)";
        let mut statement = self.prepare_cached(insert).expect("a statement");
        let number = i64::try_from(number).expect("a small number");
        statement.execute((number, payload.as_slice())).expect("room for it");
    }
}
