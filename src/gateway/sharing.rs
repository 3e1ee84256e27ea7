//! What this Pi lets the shop's other Pis hear for it, and what it takes from them: they know nobody, they are given
//! fingerprints of what the consenting transmit just now, and answer with levels.

use super::Gateway;
use super::consent::Identifier;
use super::consent::fingerprint::{Fingerprint, Salt};
use super::effect::{Effect, Sighted, Sighting};
use crate::clock::Moment;

/// The most fingerprints that are handed to other Pis: two or three of every customer of a shop that has thousands. Each
/// costs a scanner 50 bytes and this Pi 0.2 µs a second; on the wire they are 200 KB. Those of whom there is no
/// more room are heard by this Pi alone.
pub const MOST_SHARED: usize = 10_000;

/// The most readings that one sighting counts for: a device that transmits every 20 ms is heard 12 times in the quarter
/// of a second that one sums up, on each of its formats.
pub const MOST_READINGS: u8 = 50;

/// What scanners match by at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// What the fingerprints are keyed with.
    pub salt: Salt,
    /// Everybody who may be heard, fixed beacons first, and what they transmit about now. In the order of their names.
    pub rows: Vec<(Sighted, Vec<Fingerprint>)>,
    /// Some of them are known by a public address, which a radio has to be told to deliver.
    pub addresses: bool,
    /// Customers for whom there was no room.
    pub left_out: usize,
}

impl Shared {
    /// Nobody may be heard.
    pub fn nobody(salt: Salt) -> Self {
        Self { salt, rows: Vec::new(), addresses: false, left_out: 0 }
    }
}

impl Gateway {
    /// What the shop's other Pis may know: of those who could be made an offer at `now`, and of nobody else. Without a
    /// wall clock that is believed nobody knows whose consent is over, and there is no customer in it.
    pub fn shared(&mut self, salt: Salt, now: Moment) -> Shared {
        let mut shared = Shared::nobody(salt);
        let beacons = self.fixtures.named();
        shared.rows.extend(
            beacons.map(|(id, identifier)| (Sighted::FixedBeacon(id.clone()), vec![salt.of_identifier(identifier)])),
        );
        let now = self.trust.judge(now);
        self.wall_us = now.wall_us;
        if now.wall_us.is_none() {
            return shared;
        }
        self.registry.advance(now);
        let mut room = MOST_SHARED.saturating_sub(shared.rows.len());
        for (slot, consent) in self.registry.iter().filter(|(slot, _)| !self.wants_silence(*slot, now)) {
            let fingerprints = self.registry.fingerprints(slot, salt);
            if fingerprints.len() > room {
                shared.left_out += 1;
            } else if !fingerprints.is_empty() {
                room -= fingerprints.len();
                let is_address = |identifier: &Identifier| matches!(identifier, Identifier::PublicAddress(_));
                shared.addresses |= consent.identifiers.iter().any(is_address);
                shared.rows.push((Sighted::Customer(consent.customer.clone()), fingerprints));
            }
        }
        shared
    }

    /// Another Pi heard somebody. Whether they may be seen is judged here and now, whatever that Pi was told before.
    pub(super) fn sighted(&mut self, sighting: &Sighting<'_>, now: Moment, effects: &mut Vec<Effect>) {
        let customer = match sighting.who {
            Sighted::FixedBeacon(id) => {
                if let Some(beacon) = self.fixtures.hear(id, sighting.gateway, now.monotonic_us) {
                    let readings = sighting.count.min(MOST_READINGS);
                    self.calibration.hear(beacon, sighting.gateway, sighting.level_dbm, readings, now.monotonic_us);
                }
                return;
            }
            Sighted::Customer(customer) => customer,
        };
        let level_dbm = sighting.level_dbm - self.calibration.correction_db(sighting.gateway);
        let Some(slot) = self.registry.slot_of(customer) else { return };
        let heard = (whole(sighting.level_dbm), sighting.level_dbm);
        for _ in 0..sighting.count.min(MOST_READINGS) {
            self.tell_reading(slot, sighting.gateway, heard, now, effects);
            if !self.may_be_seen(slot, now) {
                return;
            }
            self.counters.heard += 1;
            self.counters.matched += 1;
            self.sighting(slot, sighting.gateway, level_dbm, now, effects);
        }
    }
}

/// A level as a chip would tell it: what was received is not known here, only what it is worth.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
fn whole(level_dbm: f64) -> i8 {
    libm::round(level_dbm) as i8
}

#[cfg(test)]
mod tests;
