//! Files that are put in their place at once: whoever reads them meets the old content or the new, never a part.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{self as unix, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Puts `text` in the place of a file that is there.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one, and what it leads to is replaced.
    let path = path.canonicalize()?;
    let before = fs::metadata(&path)?;
    put_beside(&path, text, |file| {
        // Who could read it can read it again: the daemon has a user of its own.
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
            unix::fchown(file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(before.permissions())
    })
}

/// Puts `text` into a file, there already or not, for its owner alone.
pub(super) fn keep(path: &Path, text: &str) -> io::Result<()> {
    put_beside(path, text, |file| file.set_permissions(fs::Permissions::from_mode(0o600)))
}

/// Makes a file that is not there yet, for its owner alone from its first byte on; on the disk when this returns.
pub(super) fn keep_new(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let beside = beside(path);
    // Left by one that was cut short.
    fs::remove_file(&beside).unwrap_or_default();
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = write(&mut file).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        fs::remove_file(&beside).unwrap_or_default();
    }
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    written.and_then(|()| File::open(folder)?.sync_all())
}

/// Whether a file can be put there; nothing is changed.
pub(super) fn can_put(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let beside = beside(path);
    File::create(&beside).and_then(|_| fs::remove_file(&beside))
}

fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    beside.into()
}

fn put_beside(path: &Path, text: &str, prepare: impl Fn(&File) -> io::Result<()>) -> io::Result<()> {
    let beside = beside(path);
    let written = File::create(&beside).and_then(|mut file| {
        prepare(&file)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        fs::remove_file(&beside).unwrap_or_default();
    }
    written
}
