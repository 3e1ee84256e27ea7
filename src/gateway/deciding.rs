//! From a trigger to the ledger's answer, and what customers and the shop say meanwhile: the part of the core that decides.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::cap::CapRule;
use super::consent::CustomerId;
use super::consent::registry::Slot;
use super::effect::{Answer, Delivery, DeliveryId, Effect, Ending, Purchase, Reservation};
use super::halt::Halts;
use super::offer::ask::Answered;
use super::offer::explain::Explanation;
use super::offer::{self, Occasion, civil, wish};
use super::stance::{Signal, Stance};
use super::value::ValueRefusal;
use super::{Gateway, Person, count};
use crate::clock::Moment;
use crate::config::Name;
use crate::config::offers::Trigger;
use crate::config::span::Span;

/// Whoever says "not now" late in the evening means more than the rest of the day, in microseconds: four hours at the least.
const SHORTEST_SNOOZE_US: i64 = 4 * 3_600_000_000;

/// Of most customers nothing is kept but that they agreed.
static NO_STANCE: LazyLock<Stance> = LazyLock::new(Stance::default);

impl Gateway {
    /// Judges a zone event now, or after the reservation that is open.
    pub(super) fn occasion(
        &mut self,
        slot: Slot,
        zone: usize,
        trigger: Trigger,
        at: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let Some(zone) = self.config.zones.zones.get(zone).cloned() else { return };
        let Some(guest) = self.guests.get_mut(&slot) else { return };
        let visit_us = guest.presence.as_mut().and_then(|presence| presence.name_visit(at));
        guest.wait(Occasion { at, zone: Arc::new(zone), trigger, visit_us });
        self.judge_waiting(slot, effects);
    }

    /// The ledger has spoken: what it granted is said, what it refused lets the next in rank ask.
    pub(super) fn reserved(&mut self, delivery: &DeliveryId, answer: Answer, now: Moment, effects: &mut Vec<Effect>) {
        let Some(slot) = self.asked.remove(delivery) else { return };
        let Some(consent) = self.registry.get(slot).cloned() else { return };
        let Some(guest) = self.guests.get_mut(&slot) else { return };
        let Some(contest) = guest.contest.take_if(|contest| contest.delivery() == delivery) else { return };
        let is_said = answer == Answer::Granted && !contest.is_ghost();
        let mut too_late = false;
        let stance = self.stances.get(&slot).map_or(&*NO_STANCE, |stance| stance);
        let person = Person {
            consent: &consent,
            last_deliveries: &guest.last_deliveries,
            stance,
            key: &self.key,
            beats: self.registry.beats(),
        };
        // Before what it grants is gone: a reminder is for those who wish still.
        let taken_back = if is_said { self.menu.takes_back(&contest, person) } else { None };
        if answer == Answer::Granted {
            let (campaign, wall_us) = contest.campaign();
            guest.last_deliveries.insert(campaign.clone(), wall_us);
        }
        if is_said {
            guest.offer_fresh_until_us = now.monotonic_us.saturating_add(offer::NOTIFY_US.unsigned_abs());
            let stay = guest.presence.as_ref().and_then(|presence| presence.stay);
            too_late = contest.is_about_being_elsewhere_than(stay.and_then(|stay| self.floor.zone_id(stay.zone)));
            if let Some(presence) = guest.presence.as_mut() {
                presence.had_offer = true;
            }
            if !contest.wishes().is_empty() {
                // As the ledger did, in the transaction of the delivery.
                let shown = Signal::Shown(contest.wishes().to_vec());
                self.stances.entry(slot).or_default().hear(shown, contest.campaign().1);
            }
        }
        let stance = self.stances.get(&slot).map_or(&*NO_STANCE, |stance| stance);
        let person = Person {
            consent: &consent,
            last_deliveries: &guest.last_deliveries,
            stance,
            key: &self.key,
            beats: self.registry.beats(),
        };
        let from = effects.len();
        guest.contest = self.menu.answered(contest, answer, person, effects);
        self.asked.extend(guest.contest.iter().map(|contest| (contest.delivery().clone(), slot)));
        count(&mut self.counters, consent.test, effects.get(from..).unwrap_or_default());
        if is_said && self.wants_silence(slot, now) {
            self.end_offers(slot, Ending::Withdrawn, effects);
        } else if let Some(ending) = taken_back {
            self.end_offers(slot, ending, effects);
        } else if too_late {
            self.end_offers(slot, Ending::Left, effects);
        }
        self.judge_waiting(slot, effects);
    }

    /// Judges the triggers that waited, until one of them opens a reservation again.
    fn judge_waiting(&mut self, slot: Slot, effects: &mut Vec<Effect>) {
        let Some(consent) = self.registry.get(slot).cloned() else { return };
        let Some(guest) = self.guests.get_mut(&slot) else { return };
        let stance = self.stances.get(&slot).map_or(&*NO_STANCE, |stance| stance);
        let from = effects.len();
        while guest.contest.is_none() {
            let Some(occasion) = guest.waiting.pop_front() else { break };
            let person = Person {
                consent: &consent,
                last_deliveries: &guest.last_deliveries,
                stance,
                key: &self.key,
                beats: self.registry.beats(),
            };
            guest.contest = self.menu.judge(occasion, person, effects);
            self.asked.extend(guest.contest.iter().map(|contest| (contest.delivery().clone(), slot)));
        }
        count(&mut self.counters, consent.test, effects.get(from..).unwrap_or_default());
    }

    /// What the ledger made of something that the customer said or did. What is on its way to somebody who wants silence
    /// now is ended.
    pub(super) fn take_stance(
        &mut self,
        customer: &CustomerId,
        stance: Stance,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.registry.slot_of(customer) else { return };
        self.keep_stance(slot, stance);
        if self.wants_silence(slot, now) {
            self.end_offers(slot, Ending::Withdrawn, effects);
        }
    }

    /// Remembers a stance, where there is one.
    pub(super) fn keep_stance(&mut self, slot: Slot, stance: Stance) {
        if stance.is_empty() {
            self.stances.remove(&slot);
        } else {
            self.stances.insert(slot, Box::new(stance));
        }
    }

    /// What they bought and wished for goes with the purpose that it was kept for.
    pub(super) fn review_stance(&self, slot: Slot, effects: &mut Vec<Effect>) {
        let Some(consent) = self.registry.get(slot) else { return };
        let is_kept = self.stances.get(&slot).is_some_and(|stance| stance.is_personal());
        if is_kept && !self.person(consent, &BTreeMap::new(), None).is_personal() {
            effects.push(Effect::Note(consent.customer.clone(), Signal::Impersonal));
        }
    }

    /// A purchase of somebody who agreed to that; of anybody else it is dropped.
    pub(super) fn purchase(&self, purchase: Purchase, effects: &mut Vec<Effect>) {
        let Purchase { customer, category, is_return, at_us } = purchase;
        let Some(consent) = self.consent_of(&customer) else { return };
        let nothing = BTreeMap::new();
        let person = self.person(consent, &nothing, None);
        let is_known = self.config.offers.categories.iter().any(|known| known.id == category);
        // Of whom nothing may be seen, nothing is kept either.
        if !person.is_personal() || !is_known || !self.is_in_force(consent) {
            return;
        }
        let signal = if is_return {
            Signal::Returned(category, at_us)
        } else {
            let declared = consent.declared.as_deref();
            let wishes = declared.map(|declared| wish::in_category(declared, &category, &self.key)).unwrap_or_default();
            Signal::Bought(category, at_us, wishes)
        };
        effects.push(Effect::Note(customer, signal));
    }

    /// What the shop has halted. What waits for the ledger's answer is judged again when it comes, and the ledger ends
    /// what is on its way.
    pub(super) fn halt(&mut self, halts: Halts) {
        self.menu.shop.halts = halts;
    }

    /// What is halted.
    pub fn halts(&self) -> &Halts {
        &self.menu.shop.halts
    }

    /// Takes a live value of `at_us` (wall) that is good for `good_for_us` microseconds.
    ///
    /// # Errors
    /// Why not.
    pub fn take_value(&mut self, name: &Name, text: &Name, at_us: i64, good_for_us: i64) -> Result<(), ValueRefusal> {
        let is_named = self.menu.names_value(name);
        // Without a clock that is believed nothing is fresh.
        let now_us = self.wall_us.ok_or(ValueRefusal::FromTheFuture)?;
        self.menu.shop.values.take(name, text, (at_us, good_for_us), now_us, is_named)
    }

    /// The customer whose offers go to this inbox.
    pub fn customer_of_inbox(&self, inbox: &str) -> Option<&CustomerId> {
        let slot = self.registry.owner_of_inbox(inbox)?;
        self.registry.get(slot).map(|consent| &consent.customer)
    }

    /// When a snooze ends that the owner of `inbox` asks for at `now_us` (both wall): after `length`, or, where they did not
    /// say for how long, with their day, and in four hours at the earliest.
    pub fn snooze_until_us(&self, inbox: &str, length: Option<Span>, now_us: i64) -> i64 {
        let consent = self.customer_of_inbox(inbox).and_then(|customer| self.consent_of(customer));
        let zone = consent.and_then(|consent| consent.time_zone.as_ref()).unwrap_or(&self.config.site.time_zone);
        let day_ends_us = || civil::next_midnight_us(now_us, zone).unwrap_or(now_us);
        let rest_of_day_us = || day_ends_us().max(now_us.saturating_add(SHORTEST_SNOOZE_US));
        length.map_or_else(rest_of_day_us, |length| civil::after_us(now_us, length, zone))
    }

    /// What there is for a customer who asks now, where they are; nothing for whoever is in no zone. The last input's
    /// moment is now: hand in a tick before.
    pub fn ask(&self, customer: &CustomerId) -> Option<Answered> {
        let slot = self.registry.slot_of(customer)?;
        let consent = self.registry.get(slot)?;
        let zone = self.zone_of(slot)?;
        let nothing = BTreeMap::new();
        let last = self.guests.get(&slot).map_or(&nothing, |guest| &guest.last_deliveries);
        Some(self.menu.ask(zone, self.wall_us, self.person(consent, last, Some(slot))))
    }

    /// Why a customer would, or would not, be told of `campaign`, or of each, at `wall_us`: gate by gate, up to the caps,
    /// which the ledger judges. Nothing for a customer whom nobody knows.
    pub fn explain_to(
        &self,
        customer: &CustomerId,
        campaign: Option<&str>,
        wall_us: Option<i64>,
    ) -> Option<Vec<Explanation>> {
        let slot = self.registry.slot_of(customer)?;
        let consent = self.registry.get(slot)?;
        let nothing = BTreeMap::new();
        let guest = self.guests.get(&slot);
        let last = guest.map_or(&nothing, |guest| &guest.last_deliveries);
        let visit_us = guest.and_then(|guest| guest.presence.as_ref()).and_then(|presence| presence.visit_us);
        let person = self.person(consent, last, Some(slot));
        Some(self.menu.explain(campaign, person, self.zone_of(slot), visit_us, wall_us))
    }

    /// What the ledger would be asked for if a customer set off `trigger` in `zone` at `wall_us`: the campaign that passes
    /// every gate and ranks first, as it would be remembered, and the caps in force for it. Nothing of it happens.
    pub fn first_in_rank(
        &self,
        customer: &CustomerId,
        zone: &str,
        trigger: Trigger,
        wall_us: i64,
    ) -> Option<(Delivery, Vec<CapRule>)> {
        let slot = self.registry.slot_of(customer)?;
        let consent = self.registry.get(slot)?;
        let zone = self.config.zones.zones.iter().find(|known| *known.id == *zone)?;
        let nothing = BTreeMap::new();
        let last = self.guests.get(&slot).map_or(&nothing, |guest| &guest.last_deliveries);
        self.menu.first_in_rank(zone, trigger, self.person(consent, last, Some(slot)), wall_us, wall_us)
    }

    /// A campaign as it would be said to whoever holds this consent, without a gate or a cap, marked as a test. Nothing where
    /// there is no such campaign, or no zone in which it speaks.
    pub fn preview(&self, campaign: &str, consent: &super::Consent, wall_us: i64) -> Option<Reservation> {
        let nothing = BTreeMap::new();
        self.menu.preview(campaign, self.person(consent, &nothing, None), wall_us)
    }

    fn zone_of(&self, slot: Slot) -> Option<&crate::config::zones::Zone> {
        let stay = self.guests.get(&slot)?.presence.as_ref()?.stay?;
        self.config.zones.zones.get(stay.zone)
    }

    fn person<'a>(
        &'a self,
        consent: &'a super::Consent,
        last_deliveries: &'a BTreeMap<Name, i64>,
        slot: Option<Slot>,
    ) -> Person<'a> {
        let stance = slot.and_then(|slot| self.stances.get(&slot)).map_or(&*NO_STANCE, |stance| stance);
        Person { consent, last_deliveries, stance, key: &self.key, beats: self.registry.beats() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::key::Key;

    #[test]
    fn a_snooze_lasts_until_the_day_ends_and_four_hours_at_the_least() {
        let gateway = Gateway::new(Arc::new(shipped()), Key::new([7; 32]), 0);
        // The second of November 2026, at eleven in Zurich.
        let (at_eleven_us, hour_us) = (1_793_613_600_000_000, 3_600_000_000);
        let until_us = |after_hours: i64, length: Option<&str>| {
            let now_us = at_eleven_us + after_hours * hour_us;
            let length = length.map(|length| length.parse().unwrap());
            (gateway.snooze_until_us("of-nobody", length, now_us) - at_eleven_us) / hour_us
        };
        assert_eq!([until_us(0, None), until_us(8, None), until_us(10, None)], [13, 13, 14]);
        assert_eq!(until_us(0, Some("2h")), 2);
    }
}
