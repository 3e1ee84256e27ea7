//! What can be wrong with a ledger's file, how it is found, and what to do about it.

use std::io;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, ffi};

use super::{LedgerError, journal};

const NO_ROOM: &str = "; make room on the disk of the state folder";

/// Whether the ledger in `file`, just opened as `db`, is whole: the journal up to its last commit, then every page, row and
/// index. A page that was half overwritten may lack a delivery without saying so; its index still knows of it. 40 MB take a
/// second.
///
/// # Errors
/// It is damaged, or cannot be read.
pub(super) fn check_file(db: &Connection, file: &Path) -> Result<(), LedgerError> {
    let path = file.display().to_string();
    let unreadable = |source| LedgerError::Folder { path: path.clone(), source };
    if journal::has_lost_commits(&journal::of(file)).map_err(unreadable)? {
        return Err(LedgerError::damaged(&path, "has a damaged journal"));
    }
    if is_whole(db)? { Ok(()) } else { Err(LedgerError::damaged(&path, "is damaged")) }
}

/// Whether every page, row and index of a file is as it was written.
///
/// # Errors
/// It cannot be read.
pub(super) fn is_whole(db: &Connection) -> Result<bool, LedgerError> {
    match db.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0)) {
        Err(error) if !is_damage(&error) => Err(error.into()),
        found => Ok(found.is_ok_and(|found| found == "ok")),
    }
}

/// A read that ends before the page does is a file that was cut, and no disk that fails.
fn is_damage(error: &rusqlite::Error) -> bool {
    let is_short = error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHORT_READ);
    is_short || matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Trouble is over once nothing has failed for so long, in microseconds: with a bad block or a program that takes the lock again
/// and again, one order fails and the next does not, and that is one line and not one a second.
const CALM_US: u64 = 5_000_000;

/// Whether writing the ledger fails, said when it begins and when it ends.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    failed_us: Option<u64>,
    is_damaged: bool,
}

impl Trouble {
    /// Whether something failed lately.
    pub(super) fn is_on(&self) -> bool {
        self.failed_us.is_some()
    }

    /// Whether anything may be written. A file that was found damaged stays so: whatever else it says is not believed.
    ///
    /// # Errors
    /// It may not until the next start, which looks at all of it.
    pub(super) fn admits(&self) -> Result<(), LedgerError> {
        if self.is_damaged { Err(LedgerError::Damaged("it is damaged".to_owned())) } else { Ok(()) }
    }

    /// Writing failed at `now_us` (monotonic).
    pub(super) fn failed(&mut self, error: &LedgerError, now_us: u64) {
        let is_damaged = matches!(error, LedgerError::Sqlite(error) if is_damage(error));
        let is_news = self.failed_us.replace(now_us).is_none() || (is_damaged && !self.is_damaged);
        self.is_damaged |= is_damaged;
        if is_news {
            tracing::error!("no offer is made until the ledger can be written again: {error}");
        }
    }

    /// Something was written at `now_us` (monotonic); true where that ends it.
    pub(super) fn ends(&mut self, now_us: u64) -> bool {
        let is_over = self.failed_us.is_some_and(|failed_us| now_us.saturating_sub(failed_us) >= CALM_US);
        if is_over {
            self.failed_us = None;
            tracing::info!("the ledger can be written again");
        }
        is_over
    }
}

impl LedgerError {
    /// The file at `path` is not what was written: caps rest on it, so only a person may begin anew.
    pub(super) fn damaged(path: &str, what: &str) -> Self {
        Self::Damaged(format!(
            "{path} {what}, so nobody knows what was said to whom, and nothing is said; stop Emma and put a backup back: emma restore \
             FILE; without one wait for as long as your longest cap, then move the folder away, and import consents anew"
        ))
    }
}

/// What to do about a folder.
pub(super) fn of_folder(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing",
        io::ErrorKind::PermissionDenied => {
            "; only the user that Emma runs as may: sudo -u emma, or give that user the folder"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room on it",
        _ => "",
    }
}

/// What to do about a file of `SQLite`'s.
pub(super) fn of_file(error: &rusqlite::Error) -> &'static str {
    // The shared memory beside the journal is a file as well: where it finds no room, that is an error of the disk.
    let is_full = error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
    match error.sqlite_error_code() {
        _ if is_full => NO_ROOM,
        Some(ErrorCode::DiskFull) => NO_ROOM,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "; mount the state folder for writing, and give it to the user that Emma runs as"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another program has it open, such as sqlite3 or a backup: close it"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; it is damaged: stop Emma and put a backup back: emma restore --replace FILE"
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            "; look at the disk of the state folder: `df` says whether it is full, `dmesg` whether it fails"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> LedgerError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn trouble_that_comes_and_goes_is_one_until_it_is_calm() {
        let mut trouble = Trouble::default();
        assert!(!trouble.ends(0), "there was none");
        for second in [1, 3, 5] {
            trouble.failed(&sqlite(ffi::SQLITE_IOERR), second * 1_000_000);
            assert!(!trouble.ends(second * 1_000_000 + 999_999) && trouble.is_on() && trouble.admits().is_ok());
        }
        assert!(!trouble.ends(9_999_999) && trouble.ends(10_000_000) && !trouble.is_on());
        assert!(!trouble.ends(11_000_000), "it ends once");
    }

    #[test]
    fn what_was_found_damaged_is_not_written_any_more() {
        let mut trouble = Trouble::default();
        trouble.failed(&sqlite(ffi::SQLITE_FULL), 0);
        assert!(trouble.admits().is_ok());
        trouble.failed(&sqlite(ffi::SQLITE_CORRUPT), 1);
        assert!(trouble.admits().is_err());
    }

    #[test]
    fn every_fault_says_what_to_do() {
        for (code, what) in [
            (ffi::SQLITE_FULL, "make room"),
            (ffi::SQLITE_IOERR_SHMSIZE, "make room"),
            (ffi::SQLITE_READONLY, "mount the state folder for writing"),
            (ffi::SQLITE_BUSY, "another program has it open"),
            (ffi::SQLITE_CORRUPT, "emma restore --replace FILE"),
            (ffi::SQLITE_IOERR, "dmesg"),
        ] {
            let shown = sqlite(code).to_string();
            assert!(shown.starts_with("ledger: ") && shown.contains(what), "{shown}");
        }
    }
}
