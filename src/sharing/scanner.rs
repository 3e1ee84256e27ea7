//! A scanner: what it hears is matched by the table, summed up and said four times a second; what the decider says back is
//! the table, and how long it is good for.

use std::collections::VecDeque;

use super::batch::Sums;
use super::table::{Found, Table, Taken};
use super::wire::{Batch, Edition, Flaw, Nonce, Page};
use super::{IDLE_US, LEASE_US};
use crate::gateway::advertisement::Advertisement;

/// What a scanner has counted since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Advertisements heard.
    pub heard: u64,
    /// Those of somebody in the table.
    pub matched: u64,
    /// Those of two at once.
    pub ambiguous: u64,
}

/// Why a page did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is none.
    Flaw(Flaw),
    /// It answers no batch of this life that a lease could still run from.
    NotAsked,
    /// A page before it is missing.
    Gap,
    /// It brings more than a table can have.
    TooMany,
}

impl Refusal {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Flaw(flaw) => flaw.word(),
            Self::NotAsked => "not-asked",
            Self::Gap => "gap",
            Self::TooMany => "too-many",
        }
    }
}

/// The state of a scanner. What it knows of customers is in here and nowhere else.
pub struct Scanner {
    life: Nonce,
    began_us: u64,
    seq: u64,
    /// When the last batches were sent, oldest first; none that is older than a lease.
    sent: VecDeque<(u64, u64)>,
    said_us: Option<u64>,
    /// The edition that the last batch named.
    named: Option<Edition>,
    /// When the decider last said something that was of use.
    answered_us: u64,
    way_us: Option<u64>,
    table: Table,
    sums: Sums,
    counts: Counts,
}

impl Scanner {
    /// One that knows nobody; `life` is drawn at random.
    pub fn new(life: Nonce, now_us: u64) -> Self {
        Self {
            life,
            began_us: now_us,
            seq: 0,
            sent: VecDeque::new(),
            said_us: None,
            named: None,
            answered_us: now_us,
            way_us: None,
            table: Table::default(),
            sums: Sums::default(),
            counts: Counts::default(),
        }
    }

    /// Takes one advertisement; most end here, without a trace.
    pub fn hear(&mut self, heard: &Advertisement<'_>, now_us: u64) {
        self.counts.heard += 1;
        self.let_go(now_us);
        match self.table.find(heard) {
            Found::Nobody => {}
            Found::Several => self.counts.ambiguous += 1,
            Found::One(handle, level_dbm) => {
                self.counts.matched += 1;
                self.sums.hear(handle, level_dbm, now_us);
            }
        }
    }

    /// Takes what the decider says.
    ///
    /// # Errors
    /// Why it did nothing.
    pub fn take(&mut self, payload: &[u8], now_us: u64) -> Result<(), Refusal> {
        let page = Page::read(payload).map_err(Refusal::Flaw)?;
        let asked = self.sent.iter().find(|(seq, _)| page.answers.life == self.life && *seq == page.answers.seq);
        let sent_us = asked.map(|(_, sent_us)| *sent_us).ok_or(Refusal::NotAsked)?;
        if sent_us.saturating_add(LEASE_US) <= now_us {
            return Err(Refusal::NotAsked);
        }
        let way_us = now_us.saturating_sub(sent_us).saturating_sub(page.answers.held_ms.saturating_mul(1_000));
        self.way_us = Some(self.way_us.map_or(way_us, |least_us| least_us.min(way_us)));
        self.let_go(now_us);
        let before = self.table.edition().map(|edition| edition.table);
        let taken = self.table.take(&page, sent_us);
        if self.table.edition().map(|edition| edition.table) != before {
            // Handles of another table are other people's.
            self.sums.clear();
        }
        self.sums.keep(|handle| self.table.has(handle));
        match taken {
            Taken::InForce | Taken::Coming => {
                self.answered_us = now_us;
                Ok(())
            }
            Taken::Gap => Err(Refusal::Gap),
            Taken::TooMany => Err(Refusal::TooMany),
        }
    }

    /// The next message, if it is time for one. Asked every quarter of a second while there is a connection. Where no answer
    /// came for as long as a lease, another life begins, for which `fresh` is drawn at random.
    pub fn beat(&mut self, now_us: u64, fresh: Nonce) -> Option<String> {
        self.let_go(now_us);
        if now_us.saturating_sub(self.answered_us) >= LEASE_US {
            // Perhaps what this life says is late for good, since its clock stood still: the next is measured anew.
            *self = Self { counts: self.counts, ..Self::new(fresh, now_us) };
        }
        let heard = self.sums.take(now_us);
        let is_idle = self.said_us.is_none_or(|said_us| now_us.saturating_sub(said_us) >= IDLE_US);
        // What was told is confirmed at once: the decider gives the whole table to a scanner that it believes has missed it.
        let edition = self.table.edition();
        if heard.is_empty() && !is_idle && edition == self.named {
            return None;
        }
        self.seq += 1;
        (self.said_us, self.named) = (Some(now_us), edition);
        self.sent.push_back((self.seq, now_us));
        while self.sent.front().is_some_and(|(_, sent_us)| sent_us.saturating_add(LEASE_US) <= now_us) {
            self.sent.pop_front();
        }
        let batch = Batch {
            life: self.life,
            seq: self.seq,
            at_ms: now_us.saturating_sub(self.began_us) / 1_000,
            way_ms: self.way_us.map(|way_us| way_us / 1_000),
            edition,
            heard,
        };
        Some(batch.message())
    }

    /// The table at `now_us` (monotonic). Also where nothing is heard and nothing said, whoever looks ends a lease that is
    /// over.
    pub fn table(&mut self, now_us: u64) -> &Table {
        self.let_go(now_us);
        &self.table
    }

    /// What it has counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets everybody when the lease has ended.
    fn let_go(&mut self, now_us: u64) {
        if self.table.expire(now_us) {
            self.sums.clear();
        }
    }
}
