//! A customer's visit, from the first sighting to the last deadline: the part of the core that moves with time.

use std::sync::Arc;

use super::Gateway;
use super::advertisement::GatewayIndex;
use super::calibration::Proposals;
use super::consent::Tier;
use super::consent::registry::Slot;
use super::effect::{Effect, Ending, Evidence, Memory, What};
use super::guest::{AT_WORK_US, Guest, Presence, SAVE_EVERY_US, Stay, VISIT_GRACE_US};
use super::offer::{Menu, civil};
use super::zone::why::Turn;
use super::zone::{Floor, Move, Whereabouts};
use crate::clock::Moment;
use crate::config::Config;
use crate::config::offers::Trigger;

/// Without a trusted clock nobody knows when the next day begins; a working day is over after 12 h.
const NEXT_DAY_US: u64 = 43_200_000_000;

impl Gateway {
    /// One sighting of a consenting customer.
    pub(super) fn sighting(
        &mut self,
        slot: Slot,
        gateway: GatewayIndex,
        level_dbm: f64,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        if !self.is_present(slot) {
            self.guests.entry(slot).or_default().presence = Some(Presence::begin(now));
            self.counters.visits += u64::from(!self.is_tester(slot));
            self.happened(slot, now, What::VisitStarted, effects);
            self.save(slot, now, effects);
        }
        let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) else { return };
        presence.last_seen_us = now.monotonic_us;
        presence.name_visit(now);
        if now.monotonic_us.saturating_sub(presence.started_us) > AT_WORK_US {
            self.ignore_until_tomorrow(slot, now, effects);
            return;
        }
        let save_due = now.monotonic_us.saturating_sub(presence.saved_us) >= SAVE_EVERY_US;
        let moves = presence.whereabouts.hear(&self.floor, gateway, level_dbm, now.monotonic_us);
        for step in moves {
            self.step(slot, step, now, effects);
        }
        if save_due {
            self.save(slot, now, effects);
        }
        self.list_deadline(slot, now);
    }

    /// Deals with every deadline up to `now`, each at the instant it was due.
    pub(super) fn run_deadlines(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        while let Some((due_us, slot)) =
            self.deadlines.first().copied().filter(|(due_us, _)| *due_us <= now.monotonic_us)
        {
            self.deadlines.remove(&(due_us, slot));
            if let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) {
                presence.listed_us = None;
            }
            let at = now.at_monotonic(due_us);
            self.deadline(slot, at, effects);
            self.list_deadline(slot, at);
        }
    }

    /// Whose consent or visit ends at an instant, or who leaves, is gone at that instant: the end comes before moving,
    /// and moving before dwelling.
    fn deadline(&mut self, slot: Slot, at: Moment, effects: &mut Vec<Effect>) {
        let Some(presence) = self.guests.get(&slot).and_then(|guest| guest.presence.as_ref()) else { return };
        if presence.ends_us() <= at.monotonic_us || !self.may_be_seen(slot, at) {
            self.end_visit(slot, at, effects);
            return;
        }
        let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) else { return };
        for step in presence.whereabouts.tick(&self.floor, at.monotonic_us) {
            self.step(slot, step, at, effects);
        }
        self.dwell(slot, at, effects);
    }

    fn dwell(&mut self, slot: Slot, at: Moment, effects: &mut Vec<Effect>) {
        let Some((zone, due_us, dwell_us)) = self.next_dwell(slot) else { return };
        if due_us > at.monotonic_us {
            return;
        }
        let name = self.zone_name(zone);
        if let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) {
            presence.dwelled.insert((name.clone(), dwell_us));
        }
        self.happened(slot, at, What::Dwelled { zone: name, dwell_us }, effects);
        self.save(slot, at, effects);
        self.occasion(slot, zone, Trigger::Dwelled(dwell_us), at, effects);
    }

    fn next_dwell(&self, slot: Slot) -> Option<(usize, u64, u64)> {
        let presence = self.guests.get(&slot)?.presence.as_ref()?;
        let zone = presence.stay?.zone;
        let name = self.floor.zone_id(zone)?;
        let (due_us, dwell_us) = presence.next_dwell(name, &self.menu.dwell_lengths_us(name))?;
        Some((zone, due_us, dwell_us))
    }

    /// One transition: the dwell clock follows it, it is told and remembered, and campaigns may speak on it.
    fn step(&mut self, slot: Slot, step: Move, at: Moment, effects: &mut Vec<Effect>) {
        let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) else { return };
        let now_us = at.monotonic_us;
        match step {
            Move::Entered(zone, confidence) => {
                presence.stay = Some(Stay { zone, since_us: now_us, unsure_since_us: None });
                let evidence = self.evidence(slot, zone, Turn::Entered, at);
                self.happened(slot, at, What::Entered { zone: self.zone_name(zone), confidence, evidence }, effects);
                self.propose(slot, zone);
                self.save(slot, at, effects);
                self.occasion(slot, zone, Trigger::Entered, at, effects);
            }
            Move::Unsure(zone, confidence) => {
                if let Some(stay) = presence.stay.as_mut() {
                    stay.unsure_since_us = Some(now_us);
                }
                let evidence = self.evidence(slot, zone, Turn::Unsure, at);
                self.happened(slot, at, What::Unsure { zone: self.zone_name(zone), confidence, evidence }, effects);
            }
            Move::Sure(zone, confidence) => {
                if let Some(stay) = presence.stay.as_mut() {
                    let stood_us = stay.unsure_since_us.take().map_or(0, |since_us| now_us.saturating_sub(since_us));
                    stay.since_us = stay.since_us.saturating_add(stood_us);
                }
                let evidence = self.evidence(slot, zone, Turn::Sure, at);
                self.happened(slot, at, What::Sure { zone: self.zone_name(zone), confidence, evidence }, effects);
            }
            Move::Left(zone) => {
                self.left(slot, zone, at, effects);
                self.occasion(slot, zone, Trigger::Left, at, effects);
            }
        }
    }

    /// What moved someone, for whoever asked; for nobody else is it put together.
    fn evidence(&self, slot: Slot, zone: usize, turn: Turn, at: Moment) -> Evidence {
        let presence = self.guests.get(&slot).filter(|_| self.explains)?.presence.as_ref()?;
        presence.whereabouts.why(&self.floor, zone, turn, at.monotonic_us).map(Box::new)
    }

    /// What this entry says of the gateways goes into sums over everybody.
    fn propose(&mut self, slot: Slot, zone: usize) {
        let keeps = self.registry.get(slot).is_some_and(|consent| consent.tier > Tier::OnRequest);
        let presence = self.guests.get_mut(&slot).filter(|_| keeps).and_then(|guest| guest.presence.as_mut());
        let Some(presence) = presence else { return };
        let residuals_db = presence.whereabouts.residuals_db(&self.floor, zone, self.config.site.gateways.len());
        if !residuals_db.is_empty() {
            self.proposals.add(zone, &residuals_db, !presence.proposes);
            presence.proposes = true;
        }
    }

    /// The zone is left. No campaign speaks on it here: who withdrew, went to work or was gone when Emma woke did not
    /// walk out of a zone.
    fn left(&mut self, slot: Slot, zone: usize, at: Moment, effects: &mut Vec<Effect>) {
        let Some(guest) = self.guests.get_mut(&slot) else { return };
        let offer_is_fresh = at.monotonic_us < guest.offer_fresh_until_us;
        let Some(presence) = guest.presence.as_mut() else { return };
        presence.stay = None;
        let evidence = self.evidence(slot, zone, Turn::Left, at);
        // Remembered before it is told: after a crash between the two it must not be told again.
        self.save(slot, at, effects);
        self.happened(slot, at, What::Left { zone: self.zone_name(zone), evidence }, effects);
        if offer_is_fresh {
            self.end_offers(slot, Ending::Left, effects);
        }
    }

    /// What is on its way to this customer is no longer wanted.
    pub(super) fn end_offers(&self, slot: Slot, ending: Ending, effects: &mut Vec<Effect>) {
        let customer = self.registry.get(slot).map(|consent| consent.customer.clone());
        effects.extend(customer.map(|customer| Effect::EndOffers(customer, ending)));
    }

    /// The visit is over: left first, then ended, and nothing of it need be remembered.
    pub(super) fn end_visit(&mut self, slot: Slot, at: Moment, effects: &mut Vec<Effect>) {
        let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) else { return };
        if let Some(Move::Left(zone)) = presence.whereabouts.leave_now(&self.floor) {
            self.left(slot, zone, at, effects);
        }
        let presence = self.guests.get_mut(&slot).and_then(|guest| guest.presence.take());
        if let Some(listed_us) = presence.as_ref().and_then(|presence| presence.listed_us) {
            self.deadlines.remove(&(listed_us, slot));
        }
        if let Some(presence) = presence.filter(|_| !self.is_tester(slot)) {
            self.counters.visits_ended += 1;
            self.counters.visits_without_offer += u64::from(!presence.had_offer);
        }
        self.drop_visit(slot, effects);
        self.happened(slot, at, What::VisitEnded, effects);
        if self.guests.get(&slot).is_some_and(Guest::is_empty) {
            self.guests.remove(&slot);
        }
    }

    fn is_tester(&self, slot: Slot) -> bool {
        self.registry.get(slot).is_some_and(|consent| consent.test)
    }

    /// Nothing of the visit is kept on the disk.
    pub(super) fn drop_visit(&self, slot: Slot, effects: &mut Vec<Effect>) {
        let customer = self.registry.get(slot).map(|consent| consent.customer.clone());
        effects.extend(customer.map(Effect::DropVisit));
    }

    /// Present for more than three hours: at work. Nothing more is said or kept until the next day.
    fn ignore_until_tomorrow(&mut self, slot: Slot, now: Moment, effects: &mut Vec<Effect>) {
        let midnight_us = now.wall_us.and_then(|wall| civil::next_midnight_us(wall, &self.config.site.time_zone));
        let pause_us = midnight_us.zip(now.wall_us).map_or(NEXT_DAY_US, |(until, wall)| until.abs_diff(wall));
        if let Some(guest) = self.guests.get_mut(&slot) {
            guest.ignored_until_us = Some(now.monotonic_us.saturating_add(pause_us));
        }
        let customer = self.registry.get(slot).map(|consent| consent.customer.clone());
        // Remembered before the visit is dropped: between the two a crash must not make a newcomer of them.
        effects.extend(customer.zip(midnight_us).map(|(customer, until_us)| Effect::IgnoreUntil(customer, until_us)));
        self.end_visit(slot, now, effects);
    }

    /// Puts the presence's next deadline on the list, unless an earlier one is there already: that one is looked at
    /// again when it comes, so that a sighting need not move anything.
    pub(super) fn list_deadline(&mut self, slot: Slot, now: Moment) {
        let Some(due_us) = self.due_us(slot, now) else { return };
        let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) else { return };
        if presence.listed_us.is_none_or(|listed_us| due_us < listed_us) {
            if let Some(listed_us) = presence.listed_us.replace(due_us) {
                self.deadlines.remove(&(listed_us, slot));
            }
            self.deadlines.insert((due_us, slot));
        }
    }

    fn due_us(&self, slot: Slot, now: Moment) -> Option<u64> {
        let presence = self.guests.get(&slot)?.presence.as_ref()?;
        let consent_ends_us = now.wall_us.zip(self.registry.get(slot)).map(|(wall_us, consent)| {
            let ends_us = consent.ends_us(self.registry.beats());
            let left_us = u64::try_from(ends_us.saturating_sub(wall_us)).unwrap_or(0);
            now.monotonic_us.saturating_add(left_us)
        });
        let dwells_us = self.next_dwell(slot).map(|(_, due_us, _)| due_us);
        let zone_us = presence.whereabouts.due_us(&self.floor);
        let due_us = [Some(presence.ends_us()), zone_us, dwells_us, consent_ends_us].into_iter().flatten().min()?;
        // What fell due while nobody was there to see it (a restart, a shorter dwell in a reload) happens now.
        Some(due_us.max(now.monotonic_us))
    }

    /// Remembers the open visit, unless this customer asked that nothing be kept.
    fn save(&mut self, slot: Slot, now: Moment, effects: &mut Vec<Effect>) {
        let Some(consent) = self.registry.get(slot).filter(|consent| consent.tier > Tier::OnRequest) else { return };
        let Some(presence) = self.guests.get_mut(&slot).and_then(|guest| guest.presence.as_mut()) else { return };
        let zone = presence.whereabouts.zone(&self.floor).and_then(|zone| self.floor.zone_id(zone));
        presence.name_visit(now);
        let memory = presence.memory(&consent.customer, zone, now);
        if memory.is_some() {
            presence.saved_us = now.monotonic_us;
        }
        effects.extend(memory.map(Effect::SaveVisit));
    }

    /// Remembers every open visit as it is now, for a stop. Without a trusted clock ([`super::Snapshot::clock_trusted`])
    /// nobody can say when that is, and nothing is remembered.
    pub fn save_all(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        let now = self.trust.judge(now);
        self.wall_us = now.wall_us;
        let slots: Vec<Slot> = self.guests.keys().copied().collect();
        for slot in slots {
            self.save(slot, now, &mut effects);
        }
        effects
    }

    /// Takes up what the ledger remembered of a customer.
    pub(super) fn resume(&mut self, memory: &Memory, now: Moment, effects: &mut Vec<Effect>) {
        let Some(slot) = self.registry.slot_of(&memory.customer) else { return };
        self.keep_stance(slot, memory.stance.clone().unwrap_or_default());
        // Their consent may have changed while Emma was down.
        self.review_stance(slot, effects);
        if self.wants_silence(slot, now) {
            // They may have said so in the last moment before a crash, with an offer on its way.
            self.end_offers(slot, Ending::Withdrawn, effects);
        }
        let guest = self.guests.entry(slot).or_default();
        guest.last_deliveries.extend(memory.last_deliveries.iter().cloned());
        let last_us = memory.last_deliveries.iter().map(|(_, at_us)| *at_us).max();
        // Without a trusted clock, which a Pi has not when it boots, all that is known of that day is that it was over
        // when they were seen again.
        let seen_us = memory.visit.as_ref().map(|visit| visit.last_seen_us);
        let still = memory.ignore_until_us.filter(|until_us| seen_us.is_none_or(|seen_us| seen_us < *until_us));
        guest.ignored_until_us = still.and_then(|until_us| {
            let left_us = match now.wall_us {
                Some(wall_us) => u64::try_from(until_us.saturating_sub(wall_us)).ok()?,
                None => NEXT_DAY_US,
            };
            Some(now.monotonic_us.saturating_add(left_us))
        });
        let Some(visit) = &memory.visit else { return };
        let zone = visit.zone.as_ref().and_then(|(zone, _)| self.floor.zone(zone));
        let zone = zone.filter(|zone| !self.floor.is_sensitive(*zone));
        guest.presence = Some(Presence {
            had_offer: last_us.is_some_and(|last_us| last_us >= visit.started_us),
            ..Presence::resume(visit, memory.slack_us, zone, now)
        });
        if let (None, Some((zone, _))) = (zone, &visit.zone) {
            // The zone went, or became sensitive, while Emma was down.
            self.happened(slot, now, What::Left { zone: zone.clone(), evidence: None }, effects);
            self.save(slot, now, effects);
        }
        let grace_us = VISIT_GRACE_US.saturating_add(memory.slack_us);
        let ended = now.wall_us.is_some_and(|wall| wall.abs_diff(visit.last_seen_us) >= grace_us);
        if ended || !self.may_be_seen(slot, now) {
            self.end_visit(slot, now, effects);
        }
        self.list_deadline(slot, now);
    }

    /// Takes over a new configuration: whoever is in a zone that still exists stays in it, and hears nothing twice.
    pub(super) fn configure(&mut self, config: Arc<Config>, now: Moment, effects: &mut Vec<Effect>) {
        let slots: Vec<Slot> = self.guests.keys().copied().collect();
        let new_floor = Floor::new(&config);
        for slot in &slots {
            let Some(presence) = self.guests.get_mut(slot).and_then(|guest| guest.presence.as_mut()) else { continue };
            let Some(old) = presence.whereabouts.zone(&self.floor) else {
                presence.whereabouts = Whereabouts::default();
                continue;
            };
            let new =
                self.floor.zone_id(old).and_then(|id| new_floor.zone(id)).filter(|zone| !new_floor.is_sensitive(*zone));
            if let Some(zone) = new {
                let unsure = presence.whereabouts.is_unsure();
                presence.whereabouts = Whereabouts::resumed(zone, unsure, now.monotonic_us);
                presence.stay = presence.stay.map(|stay| Stay { zone, ..stay });
            } else if let Some(Move::Left(zone)) = presence.whereabouts.leave_now(&self.floor) {
                self.left(*slot, zone, now, effects);
                self.guests.entry(*slot).or_default().presence.iter_mut().for_each(|presence| {
                    presence.whereabouts = Whereabouts::default();
                });
            }
        }
        self.floor = new_floor;
        self.fixtures = self.fixtures.configured(&config.site, now.monotonic_us);
        self.calibration = self.calibration.configured(&config.site);
        if (&config.site, &config.zones) != (&self.config.site, &self.config.zones) {
            // What was held against another map says nothing of this one.
            self.proposals = Proposals::default();
        }
        self.registry.keep_for_the_shop(self.fixtures.identifiers());
        self.menu = Menu::new(&config, std::mem::take(&mut self.menu.shop));
        let (menu, mut values) = (&self.menu, self.menu.shop.values.clone());
        values.keep(|name| menu.names_value(name));
        self.menu.shop.values = values;
        self.config = config;
        for slot in slots {
            self.list_deadline(slot, now);
        }
    }
}
