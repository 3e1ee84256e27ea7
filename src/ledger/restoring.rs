//! From a backup to a ledger that may take its place: brought up to date, held back, and without those of whom the ledger that
//! it replaces still knows that they withdrew.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, params};

use super::copying::{self, open, useless};
use super::fault::check_file;
use super::store::{Store, forgotten_hash};
use super::{LedgerError, schema};
use crate::gateway::consent::CustomerId;
use crate::gateway::key::Key;

type Result<T> = std::result::Result<T, LedgerError>;

/// What a ledger that is replaced knows better than the backup, where both have the same tables: what was said meanwhile and
/// what customers said to it, which codes were given away, and what was halted.
const KNOWN_BETTER: [&str; 5] = [
    "INSERT OR IGNORE INTO delivery SELECT * FROM present.delivery WHERE customer IN (SELECT customer FROM consent)",
    "INSERT OR REPLACE INTO stance SELECT * FROM present.stance WHERE customer IN (SELECT customer FROM consent)",
    "INSERT OR REPLACE INTO declined SELECT * FROM present.declined",
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
    for customer in customers(db, "main")? {
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
        take_over(store)?;
    }
    Ok(left_out)
}

/// Takes over what the present ledger, the same one and later, knows better.
fn take_over(store: &Store) -> Result<()> {
    let db = &store.db;
    db.execute_batch(FORGOTTEN)?;
    let version = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    if version("PRAGMA present.user_version")? == version("PRAGMA main.user_version")? {
        KNOWN_BETTER.iter().try_for_each(|sql| db.execute_batch(sql))?;
        leave_out_former(store)?;
    }
    Ok(())
}

/// Leaves out the noes of those whose consent had ended before the backup, and who were erased since. Whoever has come back since
/// is to be told again, and keeps theirs.
fn leave_out_former(store: &Store) -> Result<()> {
    let back = customers(&store.db, "present")?;
    let back: BTreeSet<[u8; 16]> = back.iter().map(|customer| store.forgotten_hash(customer)).collect();
    let mut rows = store.db.prepare("SELECT hash FROM declined EXCEPT SELECT hash FROM present.declined")?;
    let gone = rows.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<[u8; 16]>>>()?;
    for hash in gone.iter().filter(|hash| !back.contains(*hash)) {
        store.db.execute("DELETE FROM declined WHERE hash = ?1", [hash])?;
    }
    Ok(())
}

fn customers(db: &Connection, ledger: &str) -> Result<Vec<CustomerId>> {
    let mut rows = db.prepare(&format!("SELECT customer FROM {ledger}.consent"))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::stance::Signal;
    use crate::ledger::retention::Kept;

    const NOW_US: i64 = 1_795_510_800_000_000;
    const KEPT: Kept = Kept { deliveries_us: None, ended_us: 31 * 86_400_000_000, forgotten_us: 86_400_000_000 };

    fn customer(name: &str) -> CustomerId {
        CustomerId::new(name).unwrap()
    }

    fn says_no(store: &Store, name: &str, about: &str) {
        store.save_consent(&customer(name), 1, "{}").unwrap();
        store.note(&customer(name), Signal::NoMore(about.into()), NOW_US).unwrap();
    }

    /// Somebody who said no, and whose consent has ended since.
    fn leaves(store: &Store, name: &str) {
        store.prune(&KEPT, &[customer(name)], NOW_US).unwrap();
    }

    /// What a restore of a ledger makes of it, after `meanwhile` in the same ledger.
    fn restored(before: &Store, meanwhile: impl FnOnce(&Store)) -> Store {
        let bytes = before.db.serialize("main").unwrap().to_vec();
        meanwhile(before);
        let dir = tempfile::TempDir::new().unwrap();
        let present = dir.path().join("ledger.db");
        std::fs::write(&present, &*before.db.serialize("main").unwrap()).unwrap();
        restore(&bytes, "the backup", Some(&present)).unwrap().store
    }

    #[test]
    fn who_had_gone_and_was_erased_since_is_not_brought_back_by_their_no() {
        let store = Store::in_memory([7; 32]).unwrap();
        for name in ["ann", "bob", "cyd"] {
            says_no(&store, name, "shoes");
            leaves(&store, name);
        }
        let store = restored(&store, |store| {
            store.forget(&customer("ann"), NOW_US).unwrap();
            store.save_consent(&customer("cyd"), 1, "{}").unwrap();
        });
        assert!(!store.names(&customer("ann")).unwrap(), "she was erased");
        assert!(store.refusals(&customer("bob")).unwrap().is_some(), "nothing has happened to his");
        assert!(store.refusals(&customer("cyd")).unwrap().is_some(), "she is back, is to be told anew, and said no");
    }

    #[test]
    fn a_no_of_after_the_backup_holds_whether_their_consent_lasts_or_has_ended() {
        let store = Store::in_memory([7; 32]).unwrap();
        for name in ["ann", "bob", "cyd"] {
            says_no(&store, name, "shoes");
        }
        let store = restored(&store, |store| {
            for name in ["ann", "bob"] {
                says_no(store, name, "coats");
            }
            leaves(store, "bob");
        });
        let matters = |stance: Option<crate::gateway::stance::Stance>| stance.unwrap().matters.len();
        assert_eq!(matters(store.stance(&customer("ann")).unwrap()), 2);
        assert_eq!(matters(store.refusals(&customer("bob")).unwrap()), 2);
        assert_eq!(matters(store.stance(&customer("cyd")).unwrap()), 1);
        assert_eq!(store.stance(&customer("bob")).unwrap(), None, "his consent is not in force");
    }
}
