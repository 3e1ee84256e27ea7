//! From a backup to a ledger that may take its place: brought up to date, held back, and without those of whom the ledger that
//! it replaces still knows that they withdrew.

use std::path::Path;

use rusqlite::{Connection, params};

use super::copying::{self, open, useless};
use super::fault::check_file;
use super::store::{Store, forgotten_hash};
use super::{LedgerError, schema};
use crate::gateway::consent::CustomerId;
use crate::gateway::key::Key;

type Result<T> = std::result::Result<T, LedgerError>;

/// What a ledger that is replaced knows better than the backup, where both have the same tables: what was said meanwhile, which
/// codes were given away, and what was halted.
const KNOWN_BETTER: [&str; 3] = [
    "INSERT OR IGNORE INTO delivery SELECT * FROM present.delivery WHERE customer IN (SELECT customer FROM consent)",
    "INSERT OR IGNORE INTO used_code SELECT * FROM present.used_code",
    "INSERT OR REPLACE INTO halt SELECT * FROM present.halt AS there
     WHERE there.word_us > coalesce((SELECT word_us FROM halt WHERE campaign = there.campaign), there.word_us - 1)",
];

/// Who was forgotten meanwhile.
const FORGOTTEN: &str = "INSERT INTO main.forgotten SELECT hash, at_us FROM present.forgotten WHERE true
    ON CONFLICT DO UPDATE SET at_us = max(at_us, excluded.at_us)";

/// A ledger that is ready to take its place.
pub struct Restored {
    store: Store,
    /// Customers of the backup of whom the ledger that it replaces knows that they withdrew.
    pub left_out: usize,
    /// Whether the ledger that it replaces could be asked.
    pub asked: bool,
}

/// Makes a ledger of a backup's bytes. `present` is the one that it is to replace, if there is one; it is left as it is.
///
/// # Errors
/// The bytes are no ledger of Emma's, damaged, or a newer Emma's.
pub fn restore(bytes: &[u8], path: &str, present: Option<&Path>) -> Result<Restored> {
    let mut db = copying::load(bytes, path)?;
    match schema::bring_up(&mut db, path) {
        Err(error @ LedgerError::Newer { .. }) => return Err(error),
        Ok(()) if tables(&db)? == tables(&fresh()?)? => {}
        Ok(()) | Err(_) => return Err(useless(path, "holds something else than a ledger")),
    }
    let mut restored = Restored { store: Store::with(db, [0; 32], path)?, left_out: 0, asked: false };
    if restored.store.is_fresh() {
        return Err(useless(path, "has no key"));
    }
    let sound = present.filter(|file| open(file).and_then(|db| check_file(&db, file)).is_ok());
    if let Some(file) = sound {
        restored.store.db.execute("ATTACH ?1 AS present", [file.to_string_lossy()])?;
        restored.left_out = restored.store.transaction(leave_out)?;
        restored.store.db.execute_batch("DETACH present")?;
        restored.asked = true;
    }
    restored.store.transaction(Store::hold_back)?;
    Ok(restored)
}

impl Restored {
    /// As bytes, without a trace of who was left out.
    ///
    /// # Errors
    /// There is no memory left.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.store.db.execute_batch("VACUUM")?;
        Ok(self.store.db.serialize("main")?.to_vec())
    }
}

/// Takes over from the present ledger what it knows better, and leaves out who withdrew since: so many.
fn leave_out(store: &Store) -> Result<usize> {
    let db = &store.db;
    let key = |sql: &str| db.query_row(sql, [], |row| row.get(0)).map(Key::new);
    let present = key("SELECT value FROM present.meta WHERE name = 'key'")?;
    let is_the_same: bool = db.query_row(
        "SELECT count(DISTINCT value) = 1 FROM (SELECT name, value FROM main.meta UNION SELECT name, value FROM present.meta)
         WHERE name = 'key'",
        [],
        |row| row.get(0),
    )?;
    let mut left_out = 0;
    for customer in customers(db)? {
        let sql = "SELECT (SELECT at_us FROM present.forgotten WHERE hash = ?1),
                          EXISTS (SELECT 1 FROM present.consent WHERE customer = ?2)";
        let hash = forgotten_hash(&present, &customer);
        let (forgotten_us, is_there): (Option<i64>, bool) =
            db.query_row(sql, params![hash, customer.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // A ledger that was begun anew knows nobody of before; of the same one, who is not there any more has withdrawn.
        if is_there || (forgotten_us.is_none() && !is_the_same) {
            continue;
        }
        store.delete_all_of(&customer)?;
        forgotten_us.map_or(Ok(()), |at_us| store.note_forgotten(&forgotten_hash(store.key(), &customer), at_us))?;
        left_out += 1;
    }
    if is_the_same {
        take_over(db)?;
    }
    Ok(left_out)
}

/// Takes over what the present ledger, the same one and later, knows better.
fn take_over(db: &Connection) -> Result<()> {
    db.execute_batch(FORGOTTEN)?;
    let version = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    if version("PRAGMA present.user_version")? == version("PRAGMA main.user_version")? {
        KNOWN_BETTER.iter().try_for_each(|sql| db.execute_batch(sql))?;
    }
    Ok(())
}

fn customers(db: &Connection) -> Result<Vec<CustomerId>> {
    let mut rows = db.prepare("SELECT customer FROM main.consent")?;
    let names = rows.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| CustomerId::new(name)).collect())
}

/// Brings all of a ledger's journal into its file and leaves it without one.
///
/// # Errors
/// It is damaged, or another program has it open.
pub(super) fn end_journal(file: &Path) -> Result<()> {
    if !file.exists() {
        return Ok(());
    }
    let db = open(file)?;
    check_file(&db, file)?;
    let mode: String = db.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode == "delete" { Ok(()) } else { Err(LedgerError::Read) }
}

fn fresh() -> Result<Connection> {
    let mut db = Connection::open_in_memory()?;
    schema::bring_up(&mut db, "memory")?;
    Ok(db)
}

/// Every table and index, as it was made.
fn tables(db: &Connection) -> Result<Vec<(String, Option<String>)>> {
    let mut rows = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    let tables = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(tables.collect::<rusqlite::Result<_>>()?)
}
