//! Files that offers.toml names and that lie beside it: lists of codes, keys.

use std::cell::Cell;
use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use super::civil::Refusal;
use crate::discretion::is_open_to_all;

/// All of them together are no longer, in bytes: a million codes of 15 characters. It bounds what a reload can cost.
const LARGEST_BESIDE: u64 = 16 << 20;

/// Where these files are looked for, and how much of them may still be read.
pub(super) struct Beside<'a> {
    place: Place<'a>,
    bytes_left: Cell<u64>,
    /// Codes that were read so far.
    pub(super) codes: Cell<usize>,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Folder(&'a Path),
    Texts(&'a [(String, String)]),
}

/// What a file holds.
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    /// Every user of this machine can get at it.
    pub(super) is_open: bool,
}

impl<'a> Beside<'a> {
    pub(super) fn in_folder(folder: &'a Path) -> Self {
        Self::at(Place::Folder(folder))
    }

    /// In memory, by name and content.
    pub(super) fn of_texts(texts: &'a [(String, String)]) -> Self {
        Self::at(Place::Texts(texts))
    }

    fn at(place: Place<'a>) -> Self {
        Self { place, bytes_left: Cell::new(LARGEST_BESIDE), codes: Cell::new(0) }
    }

    /// The folder, where there is one.
    pub(super) fn folder(&self) -> Option<&'a Path> {
        match self.place {
            Place::Folder(folder) => Some(folder),
            Place::Texts(_) => None,
        }
    }

    /// How a command line on this machine names the file.
    pub(super) fn path(&self, name: &str) -> String {
        self.folder().map_or_else(|| name.to_owned(), |folder| folder.join(name).display().to_string())
    }

    /// What the file `name` holds, or what stands in the way and what to do; `if_missing` says how it comes about.
    pub(super) fn read(&self, name: &str, if_missing: &str) -> Result<Found, Refusal> {
        let left = self.bytes_left.get();
        let found = self.found(name, left + 1).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                (format!("there is no file {} beside offers.toml", self.path(name)), if_missing.to_owned())
            }
            ErrorKind::PermissionDenied => (
                format!("{} cannot be read: {error}", self.path(name)),
                "if it is for Emma's own user alone, check as that user: sudo -u emma emma check".to_owned(),
            ),
            _ => (format!("{} cannot be read: {error}", self.path(name)), "it must be a file of text".to_owned()),
        })?;
        let length = found.bytes.len() as u64;
        let Some(left) = left.checked_sub(length) else {
            let mib = LARGEST_BESIDE >> 20;
            return Err((
                format!("with {name} the files that offers.toml names are larger than {mib} MiB"),
                "leave the codes away that are given already, or cut the list".to_owned(),
            ));
        };
        self.bytes_left.set(left);
        Ok(found)
    }

    fn found(&self, name: &str, at_most: u64) -> io::Result<Found> {
        match self.place {
            Place::Folder(folder) => {
                let path = folder.join(name);
                let metadata = fs::metadata(&path)?;
                // A pipe would wait for its writer.
                if !metadata.is_file() {
                    return Err(io::Error::other("it is no file"));
                }
                let mut bytes = Vec::new();
                fs::File::open(&path)?.take(at_most).read_to_end(&mut bytes)?;
                Ok(Found { bytes, is_open: is_open_to_all(&metadata) })
            }
            Place::Texts(texts) => {
                let (_, text) = texts.iter().find(|(file, _)| file == name).ok_or(ErrorKind::NotFound)?;
                Ok(Found { bytes: text.clone().into_bytes(), is_open: false })
            }
        }
    }
}
