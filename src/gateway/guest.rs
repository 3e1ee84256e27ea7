//! What the core holds of one customer: their visit, and the offer that is being decided.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::effect::VisitMemory;
use super::offer::{Contest, Occasion};
use super::zone::Whereabouts;
use crate::clock::Moment;
use crate::config::Name;
use crate::gateway::consent::CustomerId;

/// A visit lasts until 15 min without a sighting (semantics, the words).
pub const VISIT_GRACE_US: u64 = 900_000_000;

/// Someone present for more than 3 h is at work, not shopping (semantics, Zones).
pub(super) const AT_WORK_US: u64 = 10_800_000_000;

/// An open visit is written this often at the most besides its transitions: late enough to spare the SD card, early
/// enough that a visit read back after a crash is at most so old. In microseconds.
pub const SAVE_EVERY_US: u64 = 300_000_000;

/// Triggers that wait for an open reservation; a customer moves through two or three zones while a disk is slow, so
/// more than this is a broken ledger, and the oldest is the least welcome.
const MAX_WAITING: usize = 8;

/// One customer, as long as there is anything to hold.
#[derive(Debug, Default)]
pub(super) struct Guest {
    pub(super) presence: Option<Presence>,
    /// When each campaign was last delivered to them (wall, microseconds).
    pub(super) last_deliveries: BTreeMap<Name, i64>,
    pub(super) contest: Option<Contest>,
    pub(super) waiting: VecDeque<Occasion>,
    /// They are at work: not seen before this instant of the monotonic clock.
    pub(super) ignored_until_us: Option<u64>,
    /// Until when an offer may still be waiting to be said, on the monotonic clock.
    pub(super) offer_fresh_until_us: u64,
}

impl Guest {
    /// Whether there is nothing to hold: someone who was not spoken to is gone when they have gone.
    pub(super) fn is_empty(&self) -> bool {
        self.presence.is_none()
            && self.last_deliveries.is_empty()
            && self.contest.is_none()
            && self.waiting.is_empty()
            && self.ignored_until_us.is_none()
    }

    /// Puts a trigger behind the reservation that is open.
    pub(super) fn wait(&mut self, occasion: Occasion) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(occasion);
    }
}

/// An open visit.
#[derive(Debug)]
pub(super) struct Presence {
    pub(super) started_us: u64,
    /// The visit's name: the wall time of its first sighting, as soon as there is a trusted one. It never changes
    /// afterwards, so a stepped clock cannot make one visit two.
    pub(super) visit_us: Option<i64>,
    pub(super) last_seen_us: u64,
    pub(super) whereabouts: Whereabouts,
    pub(super) stay: Option<Stay>,
    pub(super) dwelled: BTreeSet<(Name, u64)>,
    pub(super) saved_us: u64,
    /// An offer was made in this visit.
    pub(super) had_offer: bool,
    /// An entry of this visit is among what is proposed of the gateways.
    pub(super) proposes: bool,
    /// The deadline that the core's list holds for this presence, on the monotonic clock.
    pub(super) listed_us: Option<u64>,
}

/// The dwell clock of the zone they are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub(super) zone: usize,
    /// When the clock would have started had confidence never been lost.
    pub(super) since_us: u64,
    /// The clock stands since confidence was lost.
    pub(super) unsure_since_us: Option<u64>,
}

impl Presence {
    pub(super) fn begin(now: Moment) -> Self {
        Self {
            started_us: now.monotonic_us,
            visit_us: now.wall_us,
            last_seen_us: now.monotonic_us,
            whereabouts: Whereabouts::default(),
            stay: None,
            dwelled: BTreeSet::new(),
            saved_us: now.monotonic_us,
            had_offer: false,
            proposes: false,
            listed_us: None,
        }
    }

    /// A visit that was open when Emma stopped. Without a trusted clock nobody knows how long ago that was: it is the
    /// same visit, because a second one would have caps of its own.
    pub(super) fn resume(memory: &VisitMemory, slack_us: u64, zone: Option<usize>, now: Moment) -> Self {
        let wall_us = now.wall_us.unwrap_or(memory.last_seen_us);
        let back =
            |then_us: i64| now.monotonic_us.saturating_sub(u64::try_from(wall_us.saturating_sub(then_us)).unwrap_or(0));
        let since_us = memory.zone.as_ref().map_or(now.monotonic_us, |(_, since_us)| back(*since_us));
        Self {
            started_us: back(memory.started_us),
            visit_us: Some(memory.started_us),
            last_seen_us: back(memory.last_seen_us).saturating_add(slack_us).min(now.monotonic_us),
            whereabouts: zone
                .map_or_else(Whereabouts::default, |zone| Whereabouts::resumed(zone, false, now.monotonic_us)),
            stay: zone.map(|zone| Stay { zone, since_us, unsure_since_us: None }),
            dwelled: memory.dwelled.iter().cloned().collect(),
            saved_us: back(memory.last_seen_us),
            had_offer: false,
            proposes: true,
            listed_us: None,
        }
    }

    /// The first trusted clock names the visit, whether a sighting or a deadline brings it: two names were two caps.
    pub(super) fn name_visit(&mut self, now: Moment) -> Option<i64> {
        self.visit_us = self.visit_us.or(now.at_monotonic(self.started_us).wall_us);
        self.visit_us
    }

    /// What must survive a restart; nothing while the wall clock has never been trusted in this visit.
    pub(super) fn memory(&self, customer: &CustomerId, zone: Option<&Name>, now: Moment) -> Option<VisitMemory> {
        let wall = |us: u64| now.at_monotonic(us).wall_us;
        Some(VisitMemory {
            customer: customer.clone(),
            started_us: self.visit_us?,
            last_seen_us: wall(self.last_seen_us)?,
            zone: match (zone, self.stay) {
                (Some(zone), Some(stay)) => {
                    // As if they had become sure now: the time in which they were not counts for nothing.
                    let stood_us = stay.unsure_since_us.map_or(0, |since_us| now.monotonic_us.saturating_sub(since_us));
                    Some((zone.clone(), wall(stay.since_us.saturating_add(stood_us))?))
                }
                _ => None,
            },
            dwelled: self.dwelled.iter().cloned().collect(),
        })
    }

    pub(super) fn ends_us(&self) -> u64 {
        self.last_seen_us.saturating_add(VISIT_GRACE_US)
    }

    /// The next length of stay that has not fired in this visit: when, and how long.
    pub(super) fn next_dwell(&self, zone: &Name, lengths_us: &[u64]) -> Option<(u64, u64)> {
        let stay = self.stay.filter(|stay| stay.unsure_since_us.is_none())?;
        let open = lengths_us.iter().find(|length| !self.dwelled.contains(&(zone.clone(), **length)));
        open.map(|length| (stay.since_us.saturating_add(*length), *length))
    }
}
