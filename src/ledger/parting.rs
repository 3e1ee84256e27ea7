//! What recipients are still told of somebody who was forgotten: that the offers which they hold of them have ended.
//!
//! No file may have a byte of who was forgotten, so it lives in memory alone: put together before the rows go, said after
//! the deletion is committed, and lost with the process. It names no person: an offer and a recipient's address of it.

use std::collections::VecDeque;

use rusqlite::{OptionalExtension, params};

use super::LedgerError;
use super::said::{COLUMNS, Said};
use super::store::Store;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::Ending;
use crate::mqtt::OutboxRow;
use crate::mqtt::ended::{self, Ended};

type Result<T> = std::result::Result<T, LedgerError>;

/// So many at the most, of 1 KB each: a few hundred customers who withdraw while the broker is away. The oldest goes.
const MAX_PARTINGS: usize = 1_000;

/// None is kept longer than this, in microseconds: a day after somebody was forgotten nothing of them is in memory either.
const LONGEST_US: i64 = 86_400_000_000;

/// What is left to be said.
#[derive(Debug, Default)]
pub(super) struct Partings {
    /// Of deletions that are not committed yet, without numbers.
    uncommitted: Vec<OutboxRow>,
    waiting: VecDeque<OutboxRow>,
    /// The number of the last; below zero, where no row of the outbox is.
    last_row: i64,
}

impl Partings {
    /// The deletion is on disk: it may be said.
    pub(super) fn commit(&mut self) {
        for row in self.uncommitted.drain(..) {
            self.last_row -= 1;
            self.waiting.push_back(OutboxRow { row: self.last_row, ..row });
        }
        while self.waiting.len() > MAX_PARTINGS {
            self.waiting.pop_front();
        }
    }

    /// Nothing was deleted, and nothing ended.
    pub(super) fn roll_back(&mut self) {
        self.uncommitted.clear();
    }

    pub(super) fn expire(&mut self, now_us: i64) {
        self.waiting.retain(|row| row.expires_us > now_us);
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }
}

impl Store {
    /// Puts together what recipients are told of a customer who is about to be forgotten: of each offer that still holds at
    /// `now_us` (wall) and may have been said. It is said after the commit.
    pub(super) fn part_with(&self, customer: &CustomerId, now_us: i64) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM said WHERE customer = ?1 AND valid_until_us > ?2");
        for said in self.said(&sql, &[&customer.as_str(), &now_us])? {
            if let Some(reason) = self.untold(&said.offer)? {
                let row = self.parting(&said, &reason, now_us);
                self.partings.borrow_mut().uncommitted.push(row);
            }
        }
        Ok(())
    }

    /// Why an offer ends for its recipient, if they may have it and were not told of an end before.
    fn untold(&self, offer: &str) -> Result<Option<String>> {
        let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE offer = ?1 AND row > ?2)";
        let never_said =
            self.db.query_one(sql, params![offer, self.taken_row.max(self.recovered_row)], |row| row.get(0))?;
        if never_said {
            return Ok(None);
        }
        let sql = "SELECT ending, ended FROM said WHERE offer = ?1";
        let (ending, ended): (Option<String>, bool) =
            self.db.query_one(sql, [offer], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // Of an offer that was left the coupon holds, until now.
        let Some(reason) = ending.filter(|ending| ending != Ending::Left.as_str()) else {
            return Ok(Some(Ending::Withdrawn.as_str().to_owned()));
        };
        let is_under_way = || {
            let event_id = ended::event_id(offer, &reason, self.key());
            let sql = "SELECT 1 FROM outbox WHERE event_id = ?1";
            self.db.query_row(sql, [&*event_id], |_| Ok(())).optional().map(|found| found.is_some())
        };
        Ok(if !ended || is_under_way()? { Some(reason) } else { None })
    }

    fn parting(&self, said: &Said, reason: &str, now_us: i64) -> OutboxRow {
        let until_us = said.valid_until_us.min(now_us.saturating_add(LONGEST_US));
        let Said { offer, recipient, inbox, test, .. } = said;
        let ended = Ended { offer_id: offer, recipient, inbox, reason, at_us: now_us, until_us, test: *test };
        let ended::Message { event_id, topic, payload } = ended::message(ended, &self.speaker, self.key());
        OutboxRow { row: 0, event_id, topic, payload, expires_us: until_us }
    }

    /// Up to `limit` messages that wait and have not expired at `now_us`, each given its sequence number: what is left to be
    /// said of those who were forgotten, then the rows of the outbox, oldest first.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn take(&mut self, limit: usize, now_us: i64) -> Result<Vec<OutboxRow>> {
        let partings = self.partings.get_mut();
        partings.expire(now_us);
        let waiting: Vec<OutboxRow> = partings.waiting.iter().take(limit).cloned().collect();
        let mut rows = waiting.into_iter().map(|row| self.number(row, None)).collect::<Result<Vec<_>>>()?;
        rows.extend(self.take_rows(limit.saturating_sub(rows.len()), now_us)?);
        // Only now, so that an error half-way leaves none of them behind.
        self.partings.get_mut().waiting.retain(|waiting| rows.iter().all(|row| row.row != waiting.row));
        Ok(rows)
    }
}
