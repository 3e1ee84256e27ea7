//! Identifiers that rotate: what a device says changes, and the key it is computed from tells whose it is.
//!
//! `eid` and `rolling` compute an identifier from a key and the time; `table` has those of about now. They need a wall
//! clock that is believed, and without one match nobody. `resolve` tries keys on an address, with `cache` before it.
//!
//! No type here wipes its key when it goes: the record it came from passes through memory as text, and wiping one of
//! several copies would promise what it does not keep. The process wipes all memory that is given back (`src/main.rs`).

mod cache;
mod eid;
mod resolve;
mod rolling;
mod table;

use std::fmt;

use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

pub use eid::Eid;
pub use rolling::{MAJOR_AND_MINOR, Rolling};

use super::fingerprint::{Fingerprint, Salt};
use super::registry::{Match, Refusal, Slot};
use crate::clock::Moment;
use crate::gateway::advertisement::Address;
use crate::gateway::decode::Frame;
use crate::gateway::key::Key;
use resolve::Resolver;
use table::{Ephemeral, MAX_ROTATING, MAX_SWIFT, SWIFT_BELOW_K, Schedule, Table};

/// A second in microseconds.
const SECOND_US: i64 = 1_000_000;

/// An identifier that rotates, by what it is computed from.
#[derive(Clone, Copy, PartialEq)]
pub enum Rotating {
    /// An Eddystone-EID beacon's.
    EddystoneEid(Eid),
    /// A rolling id, for one day.
    Rolling(Rolling),
    /// A bonded device's identity resolving key, most significant byte first.
    Irk([u8; 16]),
}

/// `Debug` names the kind and nothing more, so that no log line can carry a key by accident.
impl fmt::Debug for Rotating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EddystoneEid(_) => "EddystoneEid(..)",
            Self::Rolling(_) => "Rolling(..)",
            Self::Irk(_) => "Irk(..)",
        })
    }
}

/// What only one customer can have: a key, and for a rolling id its day. How a beacon's clock was read is no part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    EddystoneEid([u8; 16]),
    Rolling([u8; 16], i32),
    Irk([u8; 16]),
}

impl Rotating {
    fn claim(&self) -> Claim {
        match self {
            Self::EddystoneEid(eid) => Claim::EddystoneEid(eid.identity_key),
            Self::Rolling(rolling) => Claim::Rolling(rolling.id_key, rolling.day),
            Self::Irk(irk) => Claim::Irk(*irk),
        }
    }

    /// Whether it may be that of the same device as `known`: it has the same key, or that of another day.
    pub(super) fn may_follow(&self, known: &Self) -> bool {
        match (self.claim(), known.claim()) {
            (Claim::Rolling(_, day), Claim::Rolling(_, before)) if day != before => true,
            (claim, known) => claim == known,
        }
    }

    /// When it changes; nothing for an address, whose device changes it when it likes.
    fn schedule(&self) -> Option<Schedule> {
        match self {
            Self::EddystoneEid(eid) => Some(eid.schedule()),
            Self::Rolling(rolling) => Some(rolling.schedule()),
            Self::Irk(_) => None,
        }
    }

    fn of_period(&self, period: i64) -> Option<Ephemeral> {
        match self {
            Self::EddystoneEid(eid) => Some(Ephemeral::Eid(eid.of_period(period))),
            Self::Rolling(rolling) => Some(Ephemeral::Rolling(rolling.of_interval(period))),
            Self::Irk(_) => None,
        }
    }

    /// Whether it is the key of a device's addresses.
    pub(super) fn is_irk(&self) -> bool {
        matches!(self, Self::Irk(_))
    }

    fn is_swift(&self) -> bool {
        matches!(self, Self::EddystoneEid(eid) if eid.k() < SWIFT_BELOW_K)
    }
}

/// Every customer's keys, and whose what they make is.
pub(super) struct Keyring {
    table: Table,
    resolver: Resolver,
}

impl Keyring {
    /// Without any. `key` is the installation's.
    pub(super) fn new(key: &Key) -> Self {
        Self { table: Table::default(), resolver: Resolver::new(key) }
    }

    /// Who has claimed it.
    pub(super) fn owner(&self, rotating: &Rotating) -> Option<Slot> {
        match rotating.claim() {
            Claim::Irk(irk) => self.resolver.owner(&irk),
            claim @ (Claim::EddystoneEid(_) | Claim::Rolling(..)) => self.table.owner(&claim),
        }
    }

    /// From now on it is `slot`'s, taken over from an ended consent if need be.
    pub(super) fn claim(&mut self, rotating: Rotating, slot: Slot) {
        match rotating {
            Rotating::Irk(irk) => self.resolver.claim(irk, slot),
            Rotating::EddystoneEid(_) | Rotating::Rolling(_) => self.table.claim(rotating, slot),
        }
    }

    /// Frees it, if it is still `slot`'s.
    pub(super) fn release(&mut self, rotating: &Rotating, slot: Slot) {
        match rotating.claim() {
            Claim::Irk(irk) => self.resolver.release(&irk, slot),
            claim @ (Claim::EddystoneEid(_) | Claim::Rolling(..)) => self.table.release(&claim, slot),
        }
    }

    /// Whether there is room for `new` in the place of what the same customer has in `slot`, `old`. Keys that resolve
    /// addresses always have: those that are too many are not tried ([`Resolver::claim`]).
    pub(super) fn has_room(&self, new: &[Rotating], old: &[Rotating], slot: Option<Slot>) -> Result<(), Refusal> {
        let is_swift = |rotating: &&Rotating| rotating.is_swift();
        let freed = || old.iter().filter(|rotating| self.owner(rotating) == slot);
        let fits = |held: usize, freed: usize, new: usize, most: usize| held.saturating_sub(freed) + new <= most;
        let swift = new.iter().filter(is_swift).count();
        if swift > 0 && !fits(self.table.swift(), freed().filter(is_swift).count(), swift, MAX_SWIFT) {
            return Err(Refusal::RotatingFull);
        }
        let is_tabled = |rotating: &&Rotating| !rotating.is_irk();
        let (tabled, tabled_freed) = (new.iter().filter(is_tabled).count(), freed().filter(is_tabled).count());
        if tabled > 0 && !fits(self.table.len(), tabled_freed, tabled, MAX_ROTATING) {
            return Err(Refusal::RotatingFull);
        }
        Ok(())
    }

    /// Brings the table up to `now`, for what is heard at that moment.
    pub(super) fn advance(&mut self, now: Moment) {
        if let Some(wall_us) = now.wall_us {
            self.table.advance(wall_us);
        }
    }

    /// Whose `frame` is at `now`: nobody's where nobody knows what time it is.
    pub(super) fn find_frame(&self, frame: &Frame<'_>, now: Moment) -> Match {
        if now.wall_us.is_some() { self.table.find(frame) } else { Match::Nobody }
    }

    /// Whose `address` is at `now`.
    pub(super) fn find_address(&mut self, address: Address, now: Moment) -> Match {
        self.resolver.find(address, now.monotonic_us)
    }

    /// What `slot`'s device transmits about now by this key, as fingerprints. Of a device that is known by its address there
    /// are none: its key would have to be told for that, and a key is good for ever.
    pub(super) fn fingerprints(&self, rotating: &Rotating, slot: Slot, salt: Salt) -> Vec<Fingerprint> {
        let claim = rotating.claim();
        let is_its = self.owner(rotating) == Some(slot);
        let ephemerals = self.table.ephemerals(&claim).filter(|_| is_its);
        let fingerprint = |ephemeral| match ephemeral {
            Ephemeral::Rolling(uuid) => salt.of_rolling(&uuid, MAJOR_AND_MINOR),
            Ephemeral::Eid(eid) => salt.of_eid(eid),
        };
        ephemerals.map(fingerprint).collect()
    }

    /// Whether anybody is known by the address alone.
    pub(super) fn resolves(&self) -> bool {
        self.resolver.len() > 0
    }
}

/// One block of AES-128.
fn encrypt(key: [u8; 16], block: [u8; 16]) -> [u8; 16] {
    let mut block = block.into();
    Aes128Enc::new(&key.into()).encrypt_block(&mut block);
    block.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let all = [
            Rotating::Irk([7; 16]),
            Rotating::Rolling(Rolling::new(&[7; 32], 7)),
            Rotating::EddystoneEid(Eid::new([7; 16], 7, 7, 7)),
        ];
        assert_eq!(format!("{all:?}"), "[Irk(..), Rolling(..), EddystoneEid(..)]");
    }
}
