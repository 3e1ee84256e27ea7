//! What devices with a rotating identifier transmit about now: this period's identifier and its neighbours', of each.
//!
//! The table is moved on when something is heard, never by a timer, and by so many identifiers at a time: what was
//! late is only the identifier after the next, which nobody transmits yet whose clock is right.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use super::{Claim, Eid, Rolling, Rotating};
use crate::gateway::consent::registry::{Match, Slot};
use crate::gateway::decode::Frame;

/// Two days' keys of every customer that may be registered. Each costs 0.2 KB with its three identifiers in the table
/// (`benches/registry.rs`): 80 MB. A shop has a few hundred. The newcomer is refused.
pub(super) const MAX_ROTATING: usize = 400_000;

/// Beacons that rotate faster than every 64 s are for the bench: their neighbouring periods forgive a clock so little
/// that they are lost within weeks. So many cost 64 moves a second, and all others together at most 400,000 / 64 = 6,250, of
/// two derivations each: 2.5 % of one core at the 0.5 million a second of a Pi without AES instructions.
pub(super) const MAX_SWIFT: usize = 64;

/// An exponent below it is a swift beacon's: 2^6 = 64 s.
pub(super) const SWIFT_BELOW_K: u8 = 6;

/// Identifiers moved on for one input, six derivations each at most and two as a rule. 2 ms on a build machine
/// (`benches/rotating.rs`, before it was two), and 8 ms more at the 0.5 million derivations a second of a Pi without AES
/// instructions (reckoned, not measured). A shop with fewer is up to date at once; 400,000 need 200 advertisements.
const MOVES_AN_INPUT: usize = 2_000;

/// A clock may be set back by so much and the neighbouring periods forgive it; beyond it everything is computed anew.
/// A jump beyond it is one that the core distrusts as well.
const SET_BACK_US: i64 = 60_000_000;

/// What a device transmits in one period.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ephemeral {
    /// The UUID of an iBeacon, a rolling id.
    Rolling([u8; 16]),
    /// Eddystone-EID.
    Eid([u8; 8]),
}

impl Ephemeral {
    /// What `frame` says, if it is of a format that rotates.
    fn of(frame: &Frame<'_>) -> Option<Self> {
        match *frame {
            Frame::IBeacon { uuid, major, minor, .. } => {
                ((major, minor) == super::rolling::MAJOR_AND_MINOR).then_some(Self::Rolling(uuid))
            }
            Frame::EddystoneEid { eid, .. } => Some(Self::Eid(eid)),
            Frame::AltBeacon { .. }
            | Frame::EddystoneUid { .. }
            | Frame::EddystoneUrl { .. }
            | Frame::EddystoneTlm { .. } => None,
        }
    }

    /// Its first 64 bits, by which it is matched; of an EID that is all there is. With 1.2 million in the table a stranger's
    /// is one of them by chance in 7 of 10^14.
    fn short(self) -> u64 {
        let (Self::Rolling([head @ .., _, _, _, _, _, _, _, _]) | Self::Eid(head)) = self;
        u64::from_be_bytes(head)
    }
}

/// When an identifier changes: periods of one length, counted from a zero, of which some exist.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    /// The wall time at which period 0 begins, in microseconds.
    pub(super) zero_us: i64,
    /// The length of a period in microseconds.
    pub(super) len_us: i64,
    /// The first period there is.
    pub(super) first: i64,
    /// The last period there is.
    pub(super) last: i64,
}

impl Schedule {
    /// The period at `wall_us`, whether it exists or not.
    pub(super) fn period(self, wall_us: i64) -> i64 {
        wall_us.saturating_sub(self.zero_us).div_euclid(self.len_us)
    }

    /// The periods that a device may be in at `wall_us`: this one and its neighbours, as far as they exist. And until
    /// when that is so; nothing once there are none any more.
    pub(super) fn window(self, wall_us: i64) -> (RangeInclusive<i64>, Option<i64>) {
        let period = self.period(wall_us);
        let periods = period.saturating_sub(1).max(self.first)..=period.saturating_add(1).min(self.last);
        let starts = |period: i64| period.saturating_mul(self.len_us).saturating_add(self.zero_us);
        let next = period.saturating_add(1).max(self.first.saturating_sub(1));
        (periods, (period <= self.last.saturating_add(1)).then(|| starts(next)))
    }
}

/// Which identifiers of one device are in the table, and when that changes. They are computed again when they go, and a key
/// stands in its claim alone: kept twice, they would double what a customer costs.
struct Entry {
    /// What the claim does not say of an Eddystone-EID beacon: when its counter stood at 0, and its exponent.
    zero_us: i64,
    k: u8,
    slot: Slot,
    /// The first period in the table, and how many there are.
    first: i64,
    count: u8,
    /// `i64::MAX` once it is over.
    due_us: i64,
}

impl Entry {
    /// Nothing of it is in the table, and that is overdue since ever.
    fn new(rotating: &Rotating, slot: Slot) -> Self {
        let (zero_us, k) = match rotating {
            Rotating::EddystoneEid(eid) => (eid.zero_us, eid.k),
            Rotating::Rolling(_) | Rotating::Irk(_) => (0, 0),
        };
        Self { zero_us, k, slot, first: 0, count: 0, due_us: i64::MIN }
    }

    fn rotating(&self, claim: &Claim) -> Rotating {
        match *claim {
            Claim::EddystoneEid(identity_key) => {
                Rotating::EddystoneEid(Eid { identity_key, k: self.k, zero_us: self.zero_us })
            }
            Claim::Rolling(id_key, day) => Rotating::Rolling(Rolling { id_key, day }),
            Claim::Irk(irk) => Rotating::Irk(irk),
        }
    }

    fn periods(&self) -> Range<i64> {
        self.first..self.first.saturating_add(self.count.into())
    }
}

/// Every rotating identifier that is computed from time, and the table that matches what is transmitted.
#[derive(Default)]
pub(super) struct Table {
    entries: BTreeMap<Claim, Entry>,
    /// A set and not a map: where two customers' identifiers collide, both are in it, and nobody is matched.
    transmitted: BTreeSet<(u64, Slot)>,
    /// When each entry has to move on; one that never was moved is due since ever.
    due: BTreeSet<(i64, Claim)>,
    swift: usize,
    /// The latest wall time at which it was moved on.
    latest_us: i64,
}

impl Table {
    /// How many identifiers it has.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them are swift beacons'.
    pub(super) fn swift(&self) -> usize {
        self.swift
    }

    /// Who has claimed it.
    pub(super) fn owner(&self, claim: &Claim) -> Option<Slot> {
        self.entries.get(claim).map(|entry| entry.slot)
    }

    /// What it transmits about now, as far as the table has been moved on.
    pub(super) fn ephemerals(&self, claim: &Claim) -> impl Iterator<Item = Ephemeral> {
        let entry = self.entries.get(claim).map(|entry| (entry.rotating(claim), entry.periods()));
        entry.into_iter().flat_map(|(rotating, periods)| periods.filter_map(move |period| rotating.of_period(period)))
    }

    /// From now on it is `slot`'s, whoever had it before. It is in the table from the next input with a clock on.
    pub(super) fn claim(&mut self, rotating: Rotating, slot: Slot) {
        let claim = rotating.claim();
        if let Some(owner) = self.owner(&claim) {
            self.release(&claim, owner);
        }
        if self.entries.len() < MAX_ROTATING {
            self.swift += usize::from(rotating.is_swift());
            self.due.insert((i64::MIN, claim));
            self.entries.insert(claim, Entry::new(&rotating, slot));
        }
    }

    /// Frees it, if it is `slot`'s.
    pub(super) fn release(&mut self, claim: &Claim, slot: Slot) {
        if self.owner(claim) != Some(slot) {
            return;
        }
        let Some(entry) = self.entries.remove(claim) else { return };
        let rotating = entry.rotating(claim);
        self.swift -= usize::from(rotating.is_swift());
        for ephemeral in entry.periods().filter_map(|period| rotating.of_period(period)) {
            self.transmitted.remove(&(ephemeral.short(), slot));
        }
        self.due.remove(&(entry.due_us, *claim));
    }

    /// Moves what is due at `wall_us` on, the longest overdue first, up to [`MOVES_AN_INPUT`].
    pub(super) fn advance(&mut self, wall_us: i64) {
        if wall_us < self.latest_us.saturating_sub(SET_BACK_US) {
            self.begin_anew();
            self.latest_us = wall_us;
        }
        self.latest_us = self.latest_us.max(wall_us);
        for _ in 0..MOVES_AN_INPUT {
            let Some((due_us, claim)) = self.due.first().copied().filter(|(due_us, _)| *due_us <= wall_us) else {
                return;
            };
            self.due.remove(&(due_us, claim));
            self.advance_entry(&claim, wall_us);
        }
    }

    /// Whose `frame` is. The table has been moved on to now.
    pub(super) fn find(&self, frame: &Frame<'_>) -> Match {
        if self.transmitted.is_empty() {
            return Match::Nobody;
        }
        let Some(ephemeral) = Ephemeral::of(frame) else { return Match::Nobody };
        let short = ephemeral.short();
        let all = self.transmitted.range((short, Slot(0))..=(short, Slot(u32::MAX)));
        all.fold(Match::Nobody, |found, (_, slot)| found.and(Match::One(*slot)))
    }

    fn advance_entry(&mut self, claim: &Claim, wall_us: i64) {
        let Some(entry) = self.entries.get_mut(claim) else { return };
        let rotating = entry.rotating(claim);
        let Some(schedule) = rotating.schedule() else { return };
        let (periods, until_us) = schedule.window(wall_us);
        let before = entry.periods();
        entry.first = *periods.start();
        // Three at the most.
        entry.count = u8::try_from(periods.count()).unwrap_or(0);
        entry.due_us = until_us.unwrap_or(i64::MAX);
        let (now, slot) = (entry.periods(), entry.slot);
        let shorts = |period: i64| rotating.of_period(period).map(|ephemeral| (ephemeral.short(), slot));
        for gone in before.clone().filter(|period| !now.contains(period)).filter_map(shorts) {
            self.transmitted.remove(&gone);
        }
        self.transmitted.extend(now.filter(|period| !before.contains(period)).filter_map(shorts));
        self.due.extend(until_us.map(|until_us| (until_us, *claim)));
    }

    /// The clock was set back: what is in the table may be hours ahead. It is emptied at once, however long that takes,
    /// for such a clock has cost ten minutes of distrust already.
    fn begin_anew(&mut self) {
        self.transmitted.clear();
        for entry in self.entries.values_mut() {
            entry.count = 0;
            entry.due_us = i64::MIN;
        }
        self.due = self.entries.keys().map(|claim| (i64::MIN, *claim)).collect();
    }
}

#[cfg(test)]
mod tests;
