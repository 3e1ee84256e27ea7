//! The file of a sheet: there from when the walk begins, and gone again if it never does.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::cli::Stop;
use crate::exit;

/// An empty file that waits for its sheet. Dropped without one, it is removed.
#[derive(Debug)]
pub(super) struct Filed {
    path: PathBuf,
    file: File,
    is_written: bool,
}

impl Filed {
    /// Creates the file.
    ///
    /// # Errors
    /// It is there already, or cannot be created.
    pub(super) fn create(path: &Path) -> Result<Self, Stop> {
        let failed = |error: io::Error| {
            let what = match error.kind() {
                ErrorKind::AlreadyExists => "is there already; it is not written over".to_owned(),
                _ => format!("{error}; the walk has not begun"),
            };
            (exit::CANNOT_CREATE, format!("{}: {what}", path.display()))
        };
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, is_written: false })
    }

    /// Writes the sheet, whole or not at all; where it is.
    ///
    /// # Errors
    /// It cannot be written. Whoever asks has printed it, so that nothing is lost.
    pub(super) fn write(mut self, sheet: &str) -> Result<PathBuf, Stop> {
        let written = self.file.write_all(sheet.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            (exit::CANNOT_CREATE, format!("{}: {error}; the sheet is the one above", self.path.display()))
        })?;
        self.is_written = true;
        Ok(self.path.clone())
    }
}

impl Drop for Filed {
    fn drop(&mut self) {
        if !self.is_written {
            // An empty file that stays is in the way of the next walk, which says so.
            remove_file(&self.path).unwrap_or_default();
        }
    }
}
