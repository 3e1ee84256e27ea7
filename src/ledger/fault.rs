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
    let mut journal_file = file.as_os_str().to_owned();
    journal_file.push("-wal");
    let unreadable = |source| LedgerError::Folder { path: path.clone(), source };
    if journal::has_lost_commits(Path::new(&journal_file)).map_err(unreadable)? {
        return Err(LedgerError::damaged(&path, "its journal is damaged"));
    }
    match db.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(found) if found == "ok" => Ok(()),
        Err(error) if !is_damage(&error) => Err(error.into()),
        Ok(_) | Err(_) => Err(LedgerError::damaged(&path, "is damaged")),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

impl LedgerError {
    /// The file at `path` is not what was written: caps rest on it, so only a person may begin anew.
    pub(super) fn damaged(path: &str, what: &str) -> Self {
        Self::Damaged(format!(
            "{path}: {what}, so nobody knows what was said to whom, and nothing is said; wait for as long as your longest cap, \
             then restore the whole folder from a backup, or move it away and import the consents anew"
        ))
    }
}

/// What to do about a folder.
pub(super) fn of_folder(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing",
        io::ErrorKind::PermissionDenied => "; give the folder to the user that Emma runs as",
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
            "; it is damaged: stop Emma and restore the whole state folder from a backup"
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            "; look at the disk of the state folder: `df` says whether it is full, `dmesg` whether it fails"
        }
        _ => "",
    }
}
