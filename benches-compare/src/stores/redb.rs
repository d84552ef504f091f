//! redb; its writers take turns, and each commit is durable.

use std::path::Path;

use redb::{Database, Durability, TableDefinition};

use crate::stores::{LEN, Session, Store};

const RECORDS: TableDefinition<'_, u64, [u8; LEN]> = TableDefinition::new("records");

pub struct Redb(Database);

impl Store for Redb {
    const NAME: &'static str = "redb, Durability::Immediate";

    type Session<'s> = &'s Database;

    fn create(folder: &Path, _: u64) -> Redb {
        Redb(Database::create(folder.join("records.redb")).expect("a new database"))
    }

    fn session(&self) -> &Database {
        &self.0
    }
}

impl Session for &Database {
    fn put(&mut self, number: u64, payload: &[u8; LEN]) {
        let mut transaction = self.begin_write().expect("a database");
        transaction.set_durability(Durability::Immediate).expect("no savepoints");
        {
            let mut table = transaction.open_table(RECORDS).expect("a table");
            table.insert(number, payload).expect("room for it");
        }
        transaction.commit().expect("a disk");
    }
}
