//! The state folder: owner-only, and used by one Emma at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::{LedgerError, Store};

/// Where a service's state lies when nobody says otherwise (Filesystem Hierarchy Standard 3.0, 5.8).
const DEFAULT: &str = "/var/lib/emma";

/// The smallest page of `SQLite`'s, in bytes (<https://www.sqlite.org/fileformat2.html#pages>): what is shorter it takes for
/// a file that was never written, and begins anew.
const SHORTEST: u64 = 512;

/// A state folder whose lock is held until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing and takes its lock.
    ///
    /// # Errors
    /// It cannot be made or written, or another Emma holds it.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        make(path).map_err(|source| failed(path, source))?;
        let file = path.join("emma.lock");
        let lock = owner_only(OpenOptions::new().create(true).write(true).truncate(false))
            .open(&file)
            .map_err(|source| failed(&file, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::Locked { path: path.display().to_string() }),
            Err(TryLockError::Error(source)) => Err(failed(&file, source)),
        }
    }

    /// Opens the ledger; a new one takes `fresh_key` as the installation's.
    ///
    /// # Errors
    /// It cannot be opened, or there was one once and it is gone: whoever lost it decides whether to begin anew.
    pub fn store(&self, fresh_key: [u8; 32]) -> Result<Store, LedgerError> {
        let (file, mark) = (self.path.join("ledger.db"), self.path.join("emma.lock"));
        let known = fs::metadata(&mark).is_ok_and(|mark| mark.len() > 0);
        let length = fs::metadata(&file).map_or(0, |file| file.len());
        if known && length < SHORTEST {
            return Err(LedgerError::damaged(&file.display().to_string(), "is empty, cut or gone"));
        }
        // SQLite would make the file readable by all; its journal takes over whatever the file has.
        owner_only(OpenOptions::new().create(true).append(true)).open(&file).map_err(|source| failed(&file, source))?;
        let store = Store::open(&file, fresh_key)?;
        if known && store.is_fresh() {
            return Err(LedgerError::damaged(&file.display().to_string(), "is not the one that was here"));
        }
        fs::write(&mark, "This folder has a ledger.\n").map_err(|source| failed(&mark, source))?;
        Ok(store)
    }
}

/// The folder that `gateway.toml` names, else systemd's, else the usual one.
pub fn path(configured: Option<&Path>) -> PathBuf {
    let given = configured.map(Path::to_owned);
    given.or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from)).unwrap_or_else(|| DEFAULT.into())
}

/// Whether a ledger lies in this folder: that of a Pi that decides, or once did.
pub fn has_ledger(folder: &Path) -> bool {
    folder.join("ledger.db").exists()
}

/// The socket over which the command line speaks to the daemon of this folder.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("emma.sock")
}

fn failed(path: &Path, source: std::io::Error) -> LedgerError {
    LedgerError::Folder { path: path.display().to_string(), source }
}

#[cfg(unix)]
fn make(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
