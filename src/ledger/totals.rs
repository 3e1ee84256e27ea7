//! Totals of a civil week: counts of what happened, and never to whom.

use std::collections::BTreeMap;

use rusqlite::params;

use super::LedgerError;
use super::store::Store;
use crate::gateway::effect::Delivery;

type Result<T> = std::result::Result<T, LedgerError>;

/// So many weeks are kept: a year, to compare with.
const KEPT_WEEKS: i64 = 60;

impl Store {
    /// From now on totals are those of the civil week that began at `week_us` (wall). The week that ended with it, if one did.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin_week(&mut self, week_us: i64) -> Result<Option<i64>> {
        let ended_us = self.week_us;
        if week_us == ended_us {
            return Ok(None);
        }
        self.set_meta("week", &week_us.to_be_bytes())?;
        if self.week_us == 0 {
            // What was counted before anybody knew the date.
            self.db.execute("UPDATE OR IGNORE total SET week_us = ?1 WHERE week_us = 0", [week_us])?;
        }
        if week_us < ended_us {
            self.bring_back_weeks(week_us)?;
        }
        // The latest by their order and not by their age: a clock that is years ahead for a minute deletes nothing.
        let sql = "DELETE FROM total WHERE week_us NOT IN
                   (SELECT DISTINCT week_us FROM total ORDER BY week_us DESC LIMIT ?1)";
        self.db.execute(sql, [KEPT_WEEKS])?;
        self.week_us = week_us;
        Ok((0 < ended_us && ended_us < week_us).then_some(ended_us))
    }

    /// The clock was ahead, and has counted in weeks that are not yet: what it counted has happened in this one.
    fn bring_back_weeks(&self, week_us: i64) -> Result<()> {
        let sql = "INSERT INTO total
                   SELECT ?1, what, CASE WHEN what LIKE '%-us' THEN max(count) ELSE sum(count) END
                   FROM total WHERE week_us > ?1 GROUP BY what
                   ON CONFLICT DO UPDATE SET count =
                   CASE WHEN what LIKE '%-us' THEN max(count, excluded.count) ELSE count + excluded.count END";
        self.db.execute(sql, [week_us])?;
        self.db.execute("DELETE FROM total WHERE week_us > ?1", [week_us])?;
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
        let sql = "INSERT INTO total VALUES (?1, ?2, max(?3, 0)) ON CONFLICT DO UPDATE SET count = max(count + ?3, 0)";
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

    /// When each customer was told of something since `since_us`, oldest first, and in which visit (wall, microseconds): what
    /// they received, without service messages, ghosts and testers.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn received(&self, since_us: i64) -> Result<Vec<Vec<(i64, i64)>>> {
        let sql = "SELECT customer, at_us, visit_us FROM delivery
                   WHERE at_us >= ?1 AND ghost = 0 AND test = 0 AND class <> 'service' ORDER BY customer, at_us";
        let mut rows = self.db.prepare(sql)?;
        let mut read = rows.query([since_us])?;
        let mut received: Vec<Vec<(i64, i64)>> = Vec::new();
        let mut last = None;
        while let Some(row) = read.next()? {
            let customer: String = row.get(0)?;
            if last.as_ref() != Some(&customer) {
                received.push(Vec::new());
                last = Some(customer);
            }
            let one = (row.get(1)?, row.get(2)?);
            received.last_mut().into_iter().for_each(|of_one| of_one.push(one));
        }
        Ok(received)
    }

    /// The date of the oldest delivery, open visit or hash of somebody forgotten (wall, microseconds).
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn oldest_us(&self) -> Result<Option<i64>> {
        let sql = "SELECT min(us) FROM (SELECT min(at_us) us FROM delivery UNION ALL SELECT min(started_us) FROM visit
                   UNION ALL SELECT min(at_us) FROM forgotten)";
        Ok(self.db.query_one(sql, [], |row| row.get(0))?)
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
