//! The outbox: committed messages, handed over in order, gone when they are acknowledged or expired.
//!
//! A delivery is refunded only if each of its messages provably reached nobody: still queued when it expired or was
//! ended, in the life of the process that committed it, or refused by the broker. Unknown counts as shown.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::LedgerError;
use super::store::Store;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::Ending;
use crate::mqtt::event::with_sequence;
use crate::mqtt::topic::Kind;
use crate::mqtt::{OutboxRow, Outcome};

type Result<T> = std::result::Result<T, LedgerError>;

/// No offer is said longer than 90 s after its trigger; one that seems fresh for longer was dated by a clock that has
/// been set back since. A minute is left for a clock that is merely adjusted.
pub(super) const FRESHEST_US: i64 = 150_000_000;

/// A row that was handed over is the session's to settle. One that expired so long ago was settled while the disk
/// could not be written.
const ABANDONED_AFTER_US: i64 = 60_000_000;

/// How full the outbox is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Rows that wait or are on their way.
    pub rows: u64,
    /// When the oldest of them was committed, on the wall clock in microseconds.
    pub oldest_us: Option<i64>,
}

impl Store {
    /// Up to `limit` rows that wait and have not expired at `now_us`, oldest first, each given its sequence number.
    pub(super) fn take_rows(&mut self, limit: usize, now_us: i64) -> Result<Vec<OutboxRow>> {
        let sql = "SELECT row, event_id, topic, payload, expires_us, sequence FROM outbox
                   WHERE row > ?1 AND expires_us > ?2 AND (expires_us <= ?3 OR delivery = '') ORDER BY row LIMIT ?4";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found: Vec<(OutboxRow, Option<i64>)> = {
            let mut rows = self.db.prepare_cached(sql)?;
            let read =
                rows.query_map(params![self.taken_row, now_us, now_us.saturating_add(FRESHEST_US), limit], |row| {
                    let event_id: String = row.get(1)?;
                    let (topic, payload) = (row.get(2)?, row.get(3)?);
                    Ok((
                        OutboxRow {
                            row: row.get(0)?,
                            event_id: event_id.into(),
                            topic,
                            payload,
                            expires_us: row.get(4)?,
                        },
                        row.get(5)?,
                    ))
                })?;
            read.collect::<rusqlite::Result<_>>()?
        };
        let rows = found.into_iter().map(|(row, given)| self.number(row, given)).collect::<Result<Vec<_>>>()?;
        if let Some(last) = rows.last() {
            // What expired among them is passed over, and ends while it is known that nobody got it.
            self.end_stale(last.row, now_us)?;
            // Only now, so that an error half-way leaves none of them behind.
            self.taken_row = last.row;
        }
        Ok(rows)
    }

    pub(super) fn number(&mut self, mut row: OutboxRow, given: Option<i64>) -> Result<OutboxRow> {
        let sequence = if let Some(given) = given {
            given.cast_unsigned()
        } else {
            let kind = Kind::of(&row.topic);
            let next = self.sequences.get(&kind).copied().unwrap_or_default().saturating_add(1);
            self.set_meta(sequence_of(kind), &next.to_be_bytes())?;
            let sql = "UPDATE outbox SET sequence = ?1 WHERE row = ?2";
            self.db.execute(sql, params![next.cast_signed(), row.row])?;
            self.sequences.insert(kind, next);
            next
        };
        row.payload = with_sequence(&row.payload, sequence);
        Ok(row)
    }

    /// The last number given to an event of each kind. They were numbered together once: none is given twice.
    pub(super) fn read_sequences(&self) -> Result<BTreeMap<Kind, u64>> {
        let together = self.meta_or(sequence_of(Kind::Offer), &[0; 8])?;
        let read = |kind| Ok((kind, u64::from_be_bytes(self.meta_or(sequence_of(kind), &together)?)));
        Kind::ALL.into_iter().map(read).collect()
    }

    /// A row that was handed over is done.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn settle(&self, row: i64, outcome: Outcome) -> Result<()> {
        // A row of an earlier life may have been said then, whatever the broker says of it now.
        self.end_rows(&[row], outcome == Outcome::Refused && row > self.recovered_row)
    }

    /// Which of these rows, handed over before, are still wanted: their customer was not forgotten and did not leave. What is
    /// said of who was forgotten always is.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn wanted(&self, rows: &[i64]) -> Result<Vec<i64>> {
        let mut exists = self.db.prepare_cached("SELECT ?1 < 0 OR EXISTS (SELECT 1 FROM outbox WHERE row = ?1)")?;
        let mut wanted = Vec::new();
        for row in rows {
            wanted.extend(exists.query_row([row], |found| found.get(0)).map(|found: bool| found.then_some(*row))?);
        }
        Ok(wanted)
    }

    /// Lets expired rows that still wait go; those on their way are the session's to settle.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn expire(&self, now_us: i64) -> Result<()> {
        self.partings.borrow_mut().expire(now_us);
        self.end_stale(i64::MAX, now_us)?;
        let abandoned = "SELECT row FROM outbox WHERE row <= ?1 AND expires_us <= ?2";
        let long_ago_us = now_us.saturating_sub(ABANDONED_AFTER_US);
        self.end_rows(&self.rows(abandoned, params![self.taken_row, long_ago_us])?, false)
    }

    /// Lets rows up to `last` go that still wait and are not said any more.
    fn end_stale(&self, last: i64, now_us: i64) -> Result<()> {
        let stale = "SELECT row FROM outbox WHERE row > ?1 AND row <= ?2
                     AND (expires_us <= ?3 OR (expires_us > ?4 AND delivery <> ''))";
        let freshest_us = now_us.saturating_add(FRESHEST_US);
        self.end_waiting(&self.rows(stale, params![self.taken_row, last, now_us, freshest_us])?)
    }

    /// Lets what is not settled for one customer go: they left the zone, or want silence. What was handed over may have
    /// been said: it is not said again ([`Store::wanted`]), and its recipients are told that it ended.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn end_offers(&self, customer: &CustomerId, ending: Ending, now_us: i64) -> Result<()> {
        self.take_back_fresh(customer, ending, now_us)?;
        let handed_over = "SELECT row FROM outbox WHERE row <= ?1 AND customer = ?2 AND delivery <> ''";
        self.end_rows(&self.rows(handed_over, params![self.taken_row, customer.as_str()])?, false)?;
        let waiting = "SELECT row FROM outbox WHERE row > ?1 AND customer = ?2 AND delivery <> ''";
        self.end_waiting(&self.rows(waiting, params![self.taken_row, customer.as_str()])?)
    }

    /// How full the outbox is.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn depth(&self) -> Result<OutboxDepth> {
        let sql = "SELECT count(*), min(at_us) FROM outbox LEFT JOIN delivery ON delivery.id = outbox.delivery";
        Ok(self.db.query_one(sql, [], |row| {
            let rows = row.get::<_, i64>(0)?.unsigned_abs().saturating_add(self.partings.borrow().waiting());
            Ok(OutboxDepth { rows, oldest_us: row.get(1)? })
        })?)
    }

    /// Rows that an earlier life of the process left may have been said: they are ended, not refunded.
    fn end_waiting(&self, rows: &[i64]) -> Result<()> {
        let (earlier, ours): (Vec<i64>, Vec<i64>) = rows.iter().partition(|row| **row <= self.recovered_row);
        self.end_rows(&earlier, false)?;
        self.end_rows(&ours, true)
    }

    pub(super) fn end_rows(&self, rows: &[i64], reached_nobody: bool) -> Result<()> {
        for row in rows {
            if !reached_nobody {
                let sql = "UPDATE delivery SET reached = 1 WHERE id = (SELECT delivery FROM outbox WHERE row = ?1)";
                self.db.execute(sql, [row])?;
            }
            self.refund(*row)?;
            self.db.execute("DELETE FROM outbox WHERE row = ?1", [row])?;
        }
        Ok(())
    }

    /// The delivery of a row that ends is taken back if none of its other rows reached anyone, or can.
    fn refund(&self, row: i64) -> Result<()> {
        let sql = "DELETE FROM delivery WHERE reached = 0 AND id = (SELECT delivery FROM outbox WHERE row = ?1)
                   AND NOT EXISTS (SELECT 1 FROM outbox other WHERE other.delivery = delivery.id AND row <> ?1)
                   RETURNING id, campaign, test";
        let mut refund = self.db.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let refunded: Option<(String, String, bool)> = refund.query_row([row], read).optional()?;
        if let Some((id, campaign, test)) = refunded {
            self.db.execute("DELETE FROM said WHERE delivery = ?1", [&id])?;
            self.uncount(&campaign, test)?;
        }
        Ok(())
    }

    fn rows(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<i64>> {
        let mut rows = self.db.prepare_cached(sql)?;
        let read = rows.query_map(values, |row| row.get(0))?;
        Ok(read.collect::<rusqlite::Result<_>>()?)
    }
}

/// Where the ledger has the last number of that kind.
fn sequence_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Offer => "sequence",
        Kind::OfferEnd => "sequence-offer-end",
        Kind::Report => "sequence-report",
    }
}
