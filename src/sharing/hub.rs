//! The decider's side of all its scanners: what they say is taken and told by name, and each is told the table.
//!
//! What a scanner has is known by what its batches name. One that names too little for too long is given the whole table
//! again, whatever the reason, so that nothing has to be remembered of what was sent.

use std::collections::{BTreeMap, BTreeSet};

use super::directory::{Change, Directory};
use super::intake::{Intake, Refusal};
use super::wire::{Answers, Batch, Edition, Nonce, Page, Part, Row};
use super::{MAX_LAG_US, RENEW_US, SILENT_US};
use crate::config::Name;
use crate::gateway::effect::Sighted;
use crate::gateway::sharing::Shared;

/// What was told and is not confirmed by a batch after so long is told anew, in microseconds: eight batches.
const PATIENCE_US: u64 = 2_000_000;

/// Whole tables told in one quarter of a second: of the largest, 1.2 MB. When a shop's power comes back, the sixteenth
/// scanner waits for a second.
const TABLES_A_BEAT: usize = 4;

/// A page for a scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// To which gateway.
    pub gateway: Name,
    /// The message.
    pub page: String,
}

/// Somebody whom a scanner heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Who.
    pub who: Sighted,
    /// The mean level in dBm, as if the device transmitted -59 dBm at 1 m.
    pub level_dbm: f64,
    /// Of how many readings.
    pub count: u8,
}

/// What a batch came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Whom the scanner heard.
    pub sightings: Vec<Sighting>,
    /// What of it was not taken, and batches that never came, by the word for it.
    pub rejected: Vec<(&'static str, u64)>,
}

/// Why nothing of a message is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No gateway of the site publishes there.
    UnknownScanner,
    /// A gateway of the site does, and it cannot be used.
    Batch(Refusal),
}

/// One scanner.
#[derive(Default)]
struct Peer {
    intake: Intake,
    /// The batch that pages answer, and when it came.
    last: Option<(Nonce, u64, u64)>,
    /// When it was last told something, if it has been given the table there is, and up to which number.
    told: Option<(u64, u64)>,
    /// The least number that it has not confirmed, and since when it could have.
    unconfirmed: Option<(u64, u64)>,
}

/// The decider's state of its scanners.
#[derive(Default)]
pub struct Hub {
    directory: Directory,
    gateways: BTreeSet<Name>,
    /// Gateways of the site that were ever heard of.
    peers: BTreeMap<Name, Peer>,
    letters: Vec<Letter>,
}

impl Hub {
    /// The gateways of the site that may be scanners; nobody else is believed.
    pub fn configure(&mut self, gateways: BTreeSet<Name>) {
        self.peers.retain(|gateway, _| gateways.contains(gateway));
        self.gateways = gateways;
    }

    /// Takes over who may be heard from now on; a table that begins is named `fresh`.
    pub fn share(&mut self, shared: &Shared, fresh: Nonce, now_us: u64) {
        let before = self.directory.edition().table;
        let changes = self.directory.update(shared, fresh);
        if self.directory.edition().table != before {
            for peer in self.peers.values_mut() {
                (peer.told, peer.unconfirmed) = (None, None);
            }
        }
        let (directory, letters) = (&self.directory, &mut self.letters);
        for (gateway, peer) in &mut self.peers {
            if peer.told.is_some() && !peer.is_silent(now_us) {
                letters.extend(changes.iter().filter_map(|change| peer.change(gateway, directory, change, now_us)));
            }
        }
    }

    /// Takes what the scanner `gateway` says at `now_us` (monotonic).
    ///
    /// # Errors
    /// Why nothing of it is taken.
    pub fn take(&mut self, gateway: &str, payload: &[u8], retained: bool, now_us: u64) -> Result<Account, Refused> {
        let gateway = self.gateways.get(gateway).ok_or(Refused::UnknownScanner)?;
        if retained {
            return Err(Refused::Batch(Refusal::Retained));
        }
        let peer = self.peers.entry(gateway.clone()).or_default();
        let taken = peer.intake.take(payload, now_us).map_err(Refused::Batch)?;
        if taken.is_first {
            *peer = Peer { intake: std::mem::take(&mut peer.intake), ..Peer::default() };
        }
        peer.note(&taken.batch, self.directory.edition(), now_us);
        let mut account = Account::default();
        let mut rejected = BTreeMap::from([("lost", taken.lost)]);
        let table = taken.batch.edition.map(|edition| edition.table);
        for entry in taken.batch.heard {
            let age_us = u64::from(entry.age_ms).saturating_mul(1_000).saturating_add(taken.lag_us);
            let who = table.and_then(|table| self.directory.who(table, entry.handle));
            match who {
                None => *rejected.entry("unknown-handle").or_default() += 1,
                Some(_) if age_us > MAX_LAG_US => *rejected.entry(Refusal::Late.word()).or_default() += 1,
                Some(who) => account.sightings.push(Sighting {
                    who: who.clone(),
                    level_dbm: f64::from(entry.level_ddbm) / 10.0,
                    count: entry.count,
                }),
            }
        }
        account.rejected.extend(rejected.into_iter().filter(|(_, count)| *count > 0));
        Ok(account)
    }

    /// What is to be told now. Asked every quarter of a second while there is a connection.
    pub fn beat(&mut self, now_us: u64) -> Vec<Letter> {
        let mut letters = std::mem::take(&mut self.letters);
        let mut tables = TABLES_A_BEAT;
        for (gateway, peer) in self.peers.iter_mut().filter(|(_, peer)| !peer.is_silent(now_us)) {
            if peer.wants_table(now_us) {
                if tables > 0 {
                    letters.extend(peer.whole(gateway, &self.directory, now_us));
                    tables -= 1;
                }
            } else if peer.told.is_some_and(|(told_us, _)| now_us.saturating_sub(told_us) >= RENEW_US) {
                letters.extend(peer.renewal(gateway, &self.directory, now_us));
            }
        }
        letters
    }

    /// The connection is gone: what was to be told on it is not, and who is told what begins anew.
    pub fn disconnected(&mut self) {
        self.letters.clear();
        for peer in self.peers.values_mut() {
            (peer.told, peer.unconfirmed) = (None, None);
        }
    }

    /// The scanners of which nothing came for long.
    pub fn silent(&self, now_us: u64) -> impl Iterator<Item = &Name> {
        self.peers.iter().filter(move |(_, peer)| peer.is_silent(now_us)).map(|(gateway, _)| gateway)
    }
}

impl Peer {
    fn is_silent(&self, now_us: u64) -> bool {
        self.last.is_none_or(|(_, _, came_us)| now_us.saturating_sub(came_us) >= SILENT_US)
    }

    /// Notes that a batch came, and what it names.
    fn note(&mut self, batch: &Batch, edition: Edition, now_us: u64) {
        let is_newest = self.last.is_none_or(|(_, seq, _)| batch.seq > seq);
        if !is_newest {
            return;
        }
        if self.is_silent(now_us) {
            // It may have missed anything.
            self.told = None;
        }
        self.last = Some((batch.life, batch.seq, now_us));
        let Some((_, told)) = self.told else { return };
        let named = batch.edition.filter(|named| named.table == edition.table).map(|named| named.rev);
        self.unconfirmed = match (self.unconfirmed, named) {
            (_, Some(rev)) if rev >= told => None,
            (Some((least, _)), Some(rev)) if rev >= least => Some((rev + 1, now_us)),
            (None, _) => Some((told, now_us)),
            (waits @ Some(_), _) => waits,
        };
    }

    fn wants_table(&self, now_us: u64) -> bool {
        self.told.is_none()
            || self.unconfirmed.is_some_and(|(_, since_us)| now_us.saturating_sub(since_us) >= PATIENCE_US)
    }

    /// All pages of the table.
    fn whole(&mut self, gateway: &Name, directory: &Directory, now_us: u64) -> Vec<Letter> {
        let Some((salt, pages)) = directory.whole() else { return Vec::new() };
        let of = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let rev = directory.edition().rev;
        self.told = Some((now_us, rev));
        self.unconfirmed = Some((rev, now_us));
        let part = |(number, rows): (u32, Vec<Row>)| {
            let page = self.page(directory, rev, now_us)?;
            Some(letter(gateway, &Page { part: Some(Part { number, of, salt }), rows, ..page }))
        };
        (1..).zip(pages).filter_map(part).collect()
    }

    fn change(&mut self, gateway: &Name, directory: &Directory, change: &Change, now_us: u64) -> Option<Letter> {
        let page = self.page(directory, change.rev, now_us)?;
        self.told = Some((now_us, change.rev));
        self.unconfirmed = self.unconfirmed.or(Some((change.rev, now_us)));
        Some(letter(gateway, &Page { rows: change.rows.clone(), gone: change.gone.clone(), ..page }))
    }

    fn renewal(&mut self, gateway: &Name, directory: &Directory, now_us: u64) -> Option<Letter> {
        let (_, rev) = self.told?;
        self.told = Some((now_us, rev));
        Some(letter(gateway, &self.page(directory, rev, now_us)?))
    }

    /// An empty page that answers the last batch.
    fn page(&self, directory: &Directory, rev: u64, now_us: u64) -> Option<Page> {
        let (life, seq, came_us) = self.last?;
        let held_ms = now_us.saturating_sub(came_us) / 1_000;
        Some(Page {
            edition: Edition { rev, ..directory.edition() },
            answers: Answers { life, seq, held_ms },
            part: None,
            addresses: directory.needs_addresses(),
            rows: Vec::new(),
            gone: Vec::new(),
        })
    }
}

fn letter(gateway: &Name, page: &Page) -> Letter {
    Letter { gateway: gateway.clone(), page: page.message() }
}

#[cfg(test)]
mod tests;
