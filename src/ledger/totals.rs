//! Totals of a civil week: counts of what happened, and never to whom.

use std::collections::BTreeMap;

use rusqlite::params;

use super::LedgerError;
use super::store::Store;
use crate::gateway::effect::Delivery;

type Result<T> = std::result::Result<T, LedgerError>;

/// So many weeks are kept: a year, to compare with.
const KEPT_WEEKS: i64 = 60;

const WEEK_US: i64 = 7 * 86_400_000_000;

impl Store {
    /// From now on totals are those of the civil week that began at `week_us` (wall).
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin_week(&mut self, week_us: i64) -> Result<()> {
        if week_us == self.week_us {
            return Ok(());
        }
        self.set_meta("week", &week_us.to_be_bytes())?;
        if self.week_us == 0 {
            // What was counted before anybody knew the date.
            self.db.execute("UPDATE OR IGNORE total SET week_us = ?1 WHERE week_us = 0", [week_us])?;
        }
        self.db.execute("DELETE FROM total WHERE week_us < ?1", [week_us.saturating_sub(KEPT_WEEKS * WEEK_US)])?;
        self.week_us = week_us;
        Ok(())
    }

    /// The week that is counted in now, by the instant it began (wall); 0 before the first is known.
    pub fn week_us(&self) -> i64 {
        self.week_us
    }

    /// Counts `n` more of `what` in this week, or fewer where something was taken back.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn count(&self, what: &str, n: i64) -> Result<()> {
        let sql = "INSERT INTO total VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET count = max(count + excluded.count, 0)";
        self.db.prepare_cached(sql)?.execute(params![self.week_us, what, n])?;
        Ok(())
    }

    /// The largest of `what` in this week is at least `n`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn count_longest(&self, what: &str, n: i64) -> Result<()> {
        let sql = "INSERT INTO total VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = max(count, excluded.count)";
        self.db.prepare_cached(sql)?.execute(params![self.week_us, what, n])?;
        Ok(())
    }

    /// The totals of the week that began at `week_us` (wall), by what was counted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn totals(&self, week_us: i64) -> Result<BTreeMap<String, u64>> {
        let mut rows = self.db.prepare("SELECT what, count FROM total WHERE week_us = ?1")?;
        let read = rows.query_map([week_us], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        Ok(read.collect::<rusqlite::Result<_>>()?)
    }

    /// The weeks that there are totals of, by the instants they began (wall), the latest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn weeks_us(&self) -> Result<Vec<i64>> {
        let mut rows = self.db.prepare("SELECT DISTINCT week_us FROM total ORDER BY week_us DESC")?;
        let read = rows.query_map([], |row| row.get(0))?;
        Ok(read.collect::<rusqlite::Result<_>>()?)
    }

    /// A delivery was made, or a ghost.
    pub(super) fn count_delivery(&self, delivery: &Delivery) -> Result<()> {
        if delivery.test {
            return Ok(());
        }
        if delivery.ghost {
            return self.count(&format!("ghost:{}", delivery.campaign), 1);
        }
        self.count(&format!("delivered:{}", delivery.campaign), 1)?;
        self.try_campaign(&delivery.campaign, 1, 0).map(|_| ())
    }

    /// A delivery provably reached nobody.
    pub(super) fn uncount(&self, campaign: &str, test: bool) -> Result<()> {
        if test {
            return Ok(());
        }
        self.count(&format!("delivered:{campaign}"), -1)?;
        self.try_campaign(campaign, -1, 0).map(|_| ())
    }
}
