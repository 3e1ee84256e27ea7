//! What is let go of because its life is over: the table of [`kinds`] says of each kind when that is, and nothing else does.
//!
//! Whoever's consent ended long ago is forgotten as one who withdraws is. Two things are kept by the hash of their pseudonym, and
//! name nobody: the date of their last offer, while a window of the promise can look back on it; and, where they had said no to
//! something, that.
//!
//! [`kinds`]: super::kinds

use rusqlite::{OptionalExtension, params};

use super::LedgerError;
use super::kinds::{Ends, KINDS};
use super::retention::Kept;
use super::store::Store;
use crate::gateway::consent::CustomerId;
use crate::gateway::stance::Stance;

type Result<T> = std::result::Result<T, LedgerError>;

/// What became of it.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Those who were forgotten. The caller commits and then calls [`Store::scrub`].
    pub forgotten: Vec<CustomerId>,
    /// The stances that changed, because an offer had ended unanswered.
    pub stances: Vec<(CustomerId, Stance)>,
}

impl Store {
    /// Lets go of every row whose life is over at `now_us` (wall, believed), and of everything that is of those whose consent is
    /// `over` (see [`super::retention::over`]), unless an offer to them still holds.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn prune(&self, kept: &Kept, over: &[CustomerId], now_us: i64) -> Result<Pruned> {
        // Messages and offers have ways of their own to end, of which somebody is told.
        self.expire(now_us)?;
        let mut pruned = Pruned { stances: self.end_all_said(now_us)?, ..Pruned::default() };
        for customer in over {
            if !self.has_offer(customer)? {
                self.forget_ended(customer, now_us)?;
                pruned.forgotten.push(customer.clone());
            }
        }
        // Dated by a clock that was ahead: without this they would never age.
        for table in ["forgotten", "declined"] {
            self.db.execute(&format!("UPDATE {table} SET at_us = ?1 WHERE at_us > ?1"), [now_us])?;
        }
        for kind in &KINDS {
            if let Ends::After(column, us) = kind.keeping.life(kept).ends {
                let sql = format!("DELETE FROM {} WHERE {column} < ?1", kind.table);
                self.db.execute(&sql, [now_us.saturating_sub_unsigned(us)])?;
            }
        }
        Ok(pruned)
    }

    /// What somebody had said no to before their consent ended, if they did.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn refusals(&self, customer: &CustomerId) -> Result<Option<Stance>> {
        let mut row = self.db.prepare_cached("SELECT stance FROM declined WHERE hash = ?1")?;
        let text: Option<String> = row.query_row([self.forgotten_hash(customer)], |row| row.get(0)).optional()?;
        text.map(|text| super::stances::read(&text)).transpose()
    }

    /// They are back: what they had said no to holds as it did.
    pub(super) fn take_up_refusals(&self, customer: &CustomerId) -> Result<()> {
        let hash = self.forgotten_hash(customer);
        let sql = "INSERT OR IGNORE INTO stance SELECT ?1, stance FROM declined WHERE hash = ?2";
        self.db.prepare_cached(sql)?.execute(params![customer.as_str(), hash])?;
        self.db.prepare_cached("DELETE FROM declined WHERE hash = ?1")?.execute([hash])?;
        Ok(())
    }

    fn has_offer(&self, customer: &CustomerId) -> Result<bool> {
        // Those that have ended are gone.
        let sql = "SELECT EXISTS (SELECT 1 FROM said WHERE customer = ?1)";
        Ok(self.db.query_one(sql, [customer.as_str()], |row| row.get(0))?)
    }

    fn forget_ended(&self, customer: &CustomerId, now_us: i64) -> Result<()> {
        let last: Option<i64> =
            self.db.query_one("SELECT max(at_us) FROM delivery WHERE customer = ?1", [customer.as_str()], |row| {
                row.get(0)
            })?;
        let refusals = self.stance(customer)?.map(|stance| stance.refusals(now_us)).unwrap_or_default();
        self.delete_all_of(customer)?;
        let hash = self.forgotten_hash(customer);
        if let Some(last_us) = last {
            let sql =
                "INSERT INTO forgotten VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at_us = max(at_us, excluded.at_us)";
            self.db.execute(sql, params![hash, last_us])?;
        }
        if !refusals.is_empty() {
            let text = super::stances::written(&refusals)?;
            self.db.execute("INSERT OR REPLACE INTO declined VALUES (?1, ?2, ?3)", params![hash, text, now_us])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
