//! The state folder: owner-only, and used by one Emma at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{LedgerError, Store, restoring};

/// Where a service's state lies when nobody says otherwise (Filesystem Hierarchy Standard 3.0, 5.8).
const DEFAULT: &str = "/var/lib/emma";

/// The smallest page of `SQLite`'s, in bytes (<https://www.sqlite.org/fileformat2.html#pages>): what is shorter it takes for
/// a file that was never written, and begins anew.
const SHORTEST: u64 = 512;

/// Everyone but the owner (`chmod(1)`).
pub const OTHERS: u32 = 0o077;

/// What Emma makes in the folder, by the beginnings of its names: no other file there is touched.
const OURS: [&str; 2] = ["ledger.db", "emma."];

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
    /// It cannot be made or written, others can get into it, or another Emma holds it.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        make(path).map_err(|source| failed(path, source))?;
        close(path)?;
        let file = path.join("emma.lock");
        let lock = owner_only(OpenOptions::new().create(true).write(true).truncate(false))
            .open(&file)
            .map_err(|source| failed(&file, source))?;
        match lock.try_lock() {
            Ok(()) => {
                let folder = Self { path: path.to_owned(), _lock: lock };
                // What a restore that was cut short had not put in its place yet.
                remove(&folder.coming())?;
                Ok(folder)
            }
            Err(TryLockError::WouldBlock) => Err(LedgerError::Locked { path: path.display().to_string() }),
            Err(TryLockError::Error(source)) => Err(failed(&file, source)),
        }
    }

    /// Opens the ledger; a new one takes `fresh_key` as the installation's.
    ///
    /// # Errors
    /// It cannot be opened, or there was one once and it is gone: whoever lost it decides whether to begin anew.
    pub fn store(&self, fresh_key: [u8; 32]) -> Result<Store, LedgerError> {
        let (file, mark) = (self.ledger(), self.path.join("emma.lock"));
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
        self.mark()?;
        Ok(store)
    }

    /// Notes that there is a ledger: from now on one that is gone is missed.
    fn mark(&self) -> Result<(), LedgerError> {
        let mark = self.path.join("emma.lock");
        fs::write(&mark, "This folder has a ledger.\n").map_err(|source| failed(&mark, source))
    }

    /// Puts a ledger, as bytes, in the place of whatever lies here: a crash at any point leaves the old one, whole, or the new
    /// one. Of one that was damaged it may leave neither, and Emma starts on nothing.
    ///
    /// # Errors
    /// Another program has the old one open, or the folder cannot be written.
    pub fn put(&self, ledger: &[u8]) -> Result<(), LedgerError> {
        let (file, coming) = (self.ledger(), self.coming());
        self.write(&coming, ledger).map_err(|source| failed(&coming, source))?;
        if let Err(error) = restoring::end_journal(&file) {
            let LedgerError::Damaged(_) = error else {
                remove(&coming)?;
                return Err(error);
            };
            // Gone before its journal is, and missed: without it a damaged one might pass for whole, and lack what was committed.
            self.mark()?;
            remove(&file)?;
            self.sync()?;
        }
        // The journal of one ledger must never be read as that of another.
        for journal in ["ledger.db-wal", "ledger.db-shm", "ledger.db-journal"] {
            remove(&self.path.join(journal))?;
        }
        self.sync()?;
        fs::rename(&coming, &file).map_err(|source| failed(&file, source))?;
        self.mark()?;
        self.sync()
    }

    /// Writes a file for the folder's own user, who may not be the one that restores.
    fn write(&self, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut written = owner_only(OpenOptions::new().create_new(true).write(true)).open(file)?;
        own(&written, &self.path)?;
        written.write_all(bytes)?;
        written.sync_all()
    }

    /// Brings what was made, renamed and removed here to the disk.
    fn sync(&self) -> Result<(), LedgerError> {
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(|source| failed(&self.path, source))
    }

    /// The ledger's file.
    pub fn ledger(&self) -> PathBuf {
        ledger(&self.path)
    }

    fn coming(&self) -> PathBuf {
        self.path.join("ledger.db.coming")
    }
}

/// The folder that `gateway.toml` names, else systemd's, else the usual one.
pub fn path(configured: Option<&Path>) -> PathBuf {
    let given = configured.map(Path::to_owned);
    given.or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from)).unwrap_or_else(|| DEFAULT.into())
}

/// Whether a ledger lies in this folder: that of a Pi that decides, or once did.
pub fn has_ledger(folder: &Path) -> bool {
    ledger(folder).exists()
}

/// The file of a folder's ledger.
pub fn ledger(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

/// The socket over which the command line speaks to the daemon of this folder.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("emma.sock")
}

/// A file that is not there is gone already.
fn remove(file: &Path) -> Result<(), LedgerError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(failed(file, source)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(path: &Path, source: std::io::Error) -> LedgerError {
    LedgerError::Folder { path: path.display().to_string(), source }
}

/// For its owner alone: a folder that is open to others is left as it is and refused, for somebody may have named one that
/// is not ours; our own files in it are closed, which a copy or a restored backup may have opened.
#[cfg(unix)]
fn close(path: &Path) -> Result<(), LedgerError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = |metadata: &fs::Metadata| metadata.permissions().mode() & 0o777;
    let folder = mode(&fs::metadata(path).map_err(|source| failed(path, source))?);
    if folder & OTHERS != 0 {
        return Err(LedgerError::Open { path: path.display().to_string(), mode: folder });
    }
    for entry in fs::read_dir(path).map_err(|source| failed(path, source))?.filter_map(Result::ok) {
        let is_ours = OURS.iter().any(|ours| entry.file_name().to_string_lossy().starts_with(ours));
        let is_open = entry.metadata().is_ok_and(|file| file.is_file() && mode(&file) & OTHERS != 0);
        if is_ours && is_open {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600))
                .map_err(|source| failed(&entry.path(), source))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn close(_: &Path) -> Result<(), LedgerError> {
    Ok(())
}

#[cfg(unix)]
fn make(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Gives a file to whoever owns the folder.
#[cfg(unix)]
fn own(file: &File, folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let (made, folder) = (file.metadata()?, fs::metadata(folder)?);
    if (made.uid(), made.gid()) == (folder.uid(), folder.gid()) {
        return Ok(());
    }
    fchown(file, Some(folder.uid()), Some(folder.gid()))
}

#[cfg(not(unix))]
fn own(_: &File, _: &Path) -> std::io::Result<()> {
    Ok(())
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
