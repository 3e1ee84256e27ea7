//! Remember, then speak: what must survive lies in one `SQLite` file, and one thread owns it.
//!
//! [`store`] is the file: every question and every change, each a plain function. [`thread`] gives it a thread of its
//! own, so that the radio never waits for a disk, and commits in groups. [`folder`] is where it lies, and its lock.

mod fault;
mod gauges;

pub mod folder;

mod journal;

pub mod kinds;

pub mod leases;

mod pruning;

pub mod registrar;

pub mod retention;

mod schema;

pub mod outbox;

pub mod said;

mod parting;

pub mod redating;

pub mod copying;

pub mod restoring;

pub mod restored;

pub mod stances;

pub mod stored;

pub mod halts;

pub mod totals;

mod visits;

pub mod store;

pub mod thread;

mod client;

pub mod order;

use crate::gateway::effect::Delivery;

pub use store::Store;

/// What can go wrong with the ledger, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file or its folder cannot be used.
    #[error("{path}: {source}{advice}", advice = fault::of_folder(source))]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner can get into the folder.
    #[error(
        "{path} is open to others (mode {mode:03o}), and is to hold what customers were promised: sudo chmod 700 {path}"
    )]
    Open {
        /// Which.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// Another Emma holds the lock.
    #[error(
        "{path}: another Emma, or another of her commands, is using this folder: try again in a moment, stop it, or name another folder"
    )]
    Locked {
        /// Which.
        path: String,
    },
    /// A later Emma wrote it.
    #[error("{path}: written by a newer Emma than this one; it is left untouched: install that version again")]
    Newer {
        /// Which.
        path: String,
    },
    /// Somebody reads the file, so that what was forgotten cannot be wiped from its journal.
    #[error("ledger: somebody else is reading it; close what has it open")]
    Read,
    /// `SQLite` says no.
    #[error("ledger: {0}{advice}", advice = fault::of_file(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The schema cannot be brought up to date.
    #[error("ledger: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// What lies in it is not what was written.
    #[error("ledger: {0}")]
    Damaged(String),
}

/// A delivery as an auditor sees it.
pub type Log = Vec<Delivery>;
