//! What came over the network: consents that are on a lease, and the feed that holds it.

use rusqlite::{OptionalExtension, params};

use super::LedgerError;
use super::store::Store;
use crate::gateway::consent::CustomerId;
use crate::gateway::consent::lease::{Beats, LEASE_US};

type Result<T> = std::result::Result<T, LedgerError>;

/// A consent that the registrar told.
#[derive(Clone)]
pub struct Leased {
    /// Whose.
    pub customer: CustomerId,
    /// Its epoch.
    pub epoch: u64,
    /// The record, as JSON.
    pub record: String,
    /// When it was told (wall, microseconds).
    pub told_us: i64,
    /// When it begins (wall, microseconds).
    pub valid_from_us: i64,
}

/// What is remembered of the registrar's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The registrar whose beats are heeded.
    pub registrar: String,
    /// When its last beat was (wall, microseconds).
    pub heard_us: i64,
    /// Those that agreed.
    pub beats: Beats,
}

impl Store {
    /// Remembers a consent that came over the network; false, and nothing is remembered, where its customer was forgotten
    /// since it began. A network repeats what it carries, and whoever withdrew is not brought back by an old record.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_leased(&self, leased: &Leased) -> Result<bool> {
        let Leased { customer, epoch, record, told_us, valid_from_us } = leased;
        if self.forgotten_us(customer)? >= Some(*valid_from_us) {
            return Ok(false);
        }
        self.write_consent(customer, *epoch, record, Some(*told_us))?;
        // A lease is never dated later than the latest time that is remembered.
        self.note_wall(*told_us)?;
        Ok(true)
    }

    /// What is remembered of the registrar's feed, if there ever was one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn feed(&self) -> Result<Option<Feed>> {
        let sql = "SELECT registrar, heard_us, since_us, last_us FROM feed";
        let feed = self.db.query_row(sql, [], |row| {
            let beats = Beats { since_us: row.get(2)?, last_us: row.get(3)? };
            Ok(Feed { registrar: row.get(0)?, heard_us: row.get(1)?, beats })
        });
        Ok(feed.optional()?)
    }

    /// Remembers the registrar's feed in the place of what was remembered of it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_feed(&self, feed: &Feed) -> Result<()> {
        let Feed { registrar, heard_us, beats: Beats { since_us, last_us } } = feed;
        self.db.execute("DELETE FROM feed", [])?;
        self.db.execute("INSERT INTO feed VALUES (?1, ?2, ?3, ?4)", params![registrar, heard_us, since_us, last_us])?;
        Ok(())
    }

    /// The clock was ahead and is right now, at `wall_us`: a lease or a beat that it dated is over, as the core has it
    /// ([`crate::gateway::consent::registry::Registry::end_leases_after`]).
    pub(super) fn end_leases_after(&self, wall_us: i64) -> Result<()> {
        let over_us = wall_us.saturating_sub(LEASE_US);
        self.db.execute("UPDATE consent SET told_us = ?2 WHERE told_us > ?1", [wall_us, over_us])?;
        let Beats { since_us, last_us } = Beats::NONE;
        let sql = "UPDATE feed SET since_us = ?2, last_us = ?3 WHERE last_us > ?1";
        self.db.execute(sql, [wall_us, since_us, last_us])?;
        self.db.execute("UPDATE feed SET heard_us = ?1 WHERE heard_us > ?1", [wall_us])?;
        Ok(())
    }
}
