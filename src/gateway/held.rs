//! What the core holds in memory of one customer and the ledger does not have, for whoever asks what is stored of them.

use super::Gateway;
use super::consent::CustomerId;
use crate::clock::Moment;
use crate::config::Name;

/// A customer's visit as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// When it began (wall, microseconds), as far as the time is known.
    pub started_us: Option<i64>,
    /// When they were last heard (wall, microseconds).
    pub last_seen_us: Option<i64>,
    /// The zone they are in, and since when (wall, microseconds).
    pub zone: Option<(Name, Option<i64>)>,
    /// Confidence in it is lost.
    pub is_unsure: bool,
    /// Which lengths of stay have passed in which zone, in microseconds.
    pub dwelled: Vec<(Name, u64)>,
    /// The zones whose campaigns are being decided on.
    pub undecided: Vec<Name>,
}

impl Gateway {
    /// What is held of a customer who is in the shop at `now`; nothing of anybody else.
    pub fn held(&self, customer: &CustomerId, now: Moment) -> Option<Held> {
        let guest = self.guests.get(&self.registry.slot_of(customer)?)?;
        let presence = guest.presence.as_ref()?;
        let wall = |us: u64| now.at_monotonic(us).wall_us;
        let zone = presence.whereabouts.zone(&self.floor).and_then(|zone| self.floor.zone_id(zone)).cloned();
        let since_us = presence.stay.and_then(|stay| wall(stay.since_us));
        Some(Held {
            started_us: presence.visit_us.or(wall(presence.started_us)),
            last_seen_us: wall(presence.last_seen_us),
            zone: zone.map(|zone| (zone, since_us)),
            is_unsure: presence.whereabouts.is_unsure(),
            dwelled: presence.dwelled.iter().cloned().collect(),
            undecided: guest.waiting.iter().map(|occasion| occasion.zone.id.clone()).collect(),
        })
    }
}
