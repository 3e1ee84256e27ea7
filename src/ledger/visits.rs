//! What a start has to know: open visits, who is at work, and what of each customer the core keeps in memory.

use rusqlite::{Row, params};

use super::LedgerError;
use super::store::{Store, name};
use crate::config::Name;
use crate::gateway::SAVE_EVERY_US;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Memory, VisitMemory};

type Result<T> = std::result::Result<T, LedgerError>;

impl Store {
    /// Remembers an open visit.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_visit(&self, visit: &VisitMemory) -> Result<()> {
        let dwelled: Vec<(&str, u64)> = visit.dwelled.iter().map(|(zone, us)| (&**zone, *us)).collect();
        let dwelled = serde_json::to_string(&dwelled).map_err(|error| LedgerError::Damaged(error.to_string()))?;
        let (zone, since_us) = visit.zone.as_ref().map(|(zone, since_us)| (&**zone, *since_us)).unzip();
        let customer = visit.customer.as_str();
        let values = params![customer, visit.started_us, visit.last_seen_us, zone, since_us, dwelled];
        self.db.execute("INSERT OR REPLACE INTO visit VALUES (?1, ?2, ?3, ?4, ?5, ?6)", values)?;
        self.note_wall(visit.last_seen_us)
    }

    /// Forgets a visit that is over.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn drop_visit(&self, customer: &CustomerId) -> Result<()> {
        self.db.execute("DELETE FROM visit WHERE customer = ?1", [customer.as_str()])?;
        Ok(())
    }

    /// Remembers that a customer is at work until `until_us` (wall).
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn ignore_until(&self, customer: &CustomerId, until_us: i64) -> Result<()> {
        self.db.execute("INSERT OR REPLACE INTO ignored VALUES (?1, ?2)", params![customer.as_str(), until_us])?;
        Ok(())
    }

    /// What is remembered of each customer with a consent, for the core after a start. After a crash nobody knows when
    /// an open visit's last sighting was, only that it may be so much later than the last time it was saved: the longer
    /// visit is assumed, because a second one would have caps of its own.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn memories(&self) -> Result<Vec<Memory>> {
        let sql = "SELECT customer, started_us, last_seen_us, zone, zone_since_us, dwelled, until_us
                   FROM consent LEFT JOIN visit USING (customer) LEFT JOIN ignored USING (customer) ORDER BY customer";
        let mut rows = self.db.prepare(sql)?;
        let mut read = rows.query([])?;
        let mut memories = Vec::new();
        while let Some(row) = read.next()? {
            let customer = CustomerId::new(&row.get::<_, String>(0)?)
                .ok_or_else(|| LedgerError::Damaged("a pseudonym that is none".to_owned()))?;
            let last_deliveries = self.last_deliveries(&customer)?;
            let ignore_until_us = row.get(6)?;
            let slack_us = if self.stopped_cleanly { 0 } else { SAVE_EVERY_US };
            let visit = visit(&customer, row)?;
            let stance = self.stance(&customer)?;
            memories.push(Memory { customer, visit, slack_us, ignore_until_us, last_deliveries, stance });
        }
        Ok(memories)
    }

    fn last_deliveries(&self, customer: &CustomerId) -> Result<Vec<(Name, i64)>> {
        let sql = "SELECT campaign, max(at_us) FROM delivery WHERE customer = ?1 GROUP BY campaign ORDER BY campaign";
        let mut rows = self.db.prepare_cached(sql)?;
        let pairs = rows.query_map([customer.as_str()], |row| Ok((name(row, 0)?, row.get(1)?)))?;
        Ok(pairs.collect::<rusqlite::Result<_>>()?)
    }
}

fn visit(customer: &CustomerId, row: &Row<'_>) -> Result<Option<VisitMemory>> {
    let (Some(started_us), Some(last_seen_us)) = (row.get(1)?, row.get(2)?) else { return Ok(None) };
    let zone: Option<String> = row.get(3)?;
    let dwelled: Vec<(String, u64)> = serde_json::from_str(&row.get::<_, String>(5)?)
        .map_err(|_| LedgerError::Damaged("a visit's dwell marks".to_owned()))?;
    Ok(Some(VisitMemory {
        customer: customer.clone(),
        started_us,
        last_seen_us,
        zone: zone.map(Into::into).zip(row.get(4)?),
        dwelled: dwelled.into_iter().map(|(zone, us)| (zone.into(), us)).collect(),
    }))
}
