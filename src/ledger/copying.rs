//! A ledger as bytes: what a backup takes away. It is copied in memory, where no copy is left behind by whoever pulls the
//! plug, and rewritten, so that no byte of who was forgotten lies in a corner of a page.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::ffi::{self, ErrorCode};
use rusqlite::{Connection, OpenFlags};

use super::LedgerError;
use super::fault::{check_file, is_whole};

type Result<T> = std::result::Result<T, LedgerError>;

/// A copy of a ledger, and what is in it.
pub struct Copy {
    /// The file of `SQLite`'s, without a journal.
    pub bytes: Vec<u8>,
    /// The version of its tables.
    pub schema: i64,
    /// Consents.
    pub consents: i64,
    /// Deliveries that are remembered.
    pub deliveries: i64,
}

/// Copies the ledger in `file` as of its last commit. A running Emma goes on meanwhile: she commits beside it. Whoever
/// `is_alone` with it holds the folder's lock; beside a running Emma its journal is being written, and she has looked at it.
///
/// # Errors
/// It is damaged, or cannot be read.
pub fn copy(file: &Path, is_alone: bool) -> Result<Copy> {
    let db = open(file)?;
    if is_alone {
        check_file(&db, file)?;
    }
    let mut copy = Connection::open_in_memory()?;
    // All pages in one step are those of one commit.
    match Backup::new(&db, &mut copy)?.step(-1)? {
        StepResult::Done => {}
        _ => return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None).into()),
    }
    drop(db);
    if !is_whole(&copy)? {
        return Err(LedgerError::damaged(&file.display().to_string(), "is damaged"));
    }
    copy.execute_batch("VACUUM")?;
    facts(&copy, copy.serialize("main")?.to_vec())
}

/// What is in a copy, given as bytes, for whoever looks at a backup.
///
/// # Errors
/// It is no ledger, or damaged.
pub fn look(bytes: &[u8], path: &str) -> Result<Copy> {
    let db = load(bytes, path)?;
    facts(&db, Vec::new()).map_err(|_| useless(path, "holds something else than a ledger"))
}

fn facts(db: &Connection, bytes: Vec<u8>) -> Result<Copy> {
    let ask = |sql: &str| db.query_row(sql, [], |row| row.get(0));
    Ok(Copy {
        bytes,
        schema: ask("PRAGMA user_version")?,
        consents: ask("SELECT count(*) FROM consent")?,
        deliveries: ask("SELECT count(*) FROM delivery")?,
    })
}

/// Opens a ledger that is there; none is made.
pub(super) fn open(file: &Path) -> Result<Connection> {
    Ok(Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

/// The bytes of a copy as a database in memory; every page was looked at.
pub(super) fn load(bytes: &[u8], path: &str) -> Result<Connection> {
    let mut db = Connection::open_in_memory()?;
    // What a file holds is not run: a ledger has neither views nor triggers.
    db.pragma_update(None, "trusted_schema", false)?;
    let loaded = db.deserialize_read_exact("main", bytes, bytes.len(), false);
    match loaded {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) => Err(error.into()),
        Ok(()) if is_whole(&db)? => Ok(db),
        Ok(()) | Err(_) => Err(useless(path, "is damaged")),
    }
}

/// A backup that cannot be used.
pub(super) fn useless(path: &str, what: &str) -> LedgerError {
    LedgerError::Damaged(format!("{path} {what}: take another backup"))
}
