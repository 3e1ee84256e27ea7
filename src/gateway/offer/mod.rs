//! Is one welcome: a trigger's campaigns pass the gates, are ranked, and one by one ask the ledger for room.

pub mod ask;
pub mod civil;
mod compose;
mod control;
pub mod explain;
mod gates;
mod nearest;
mod preview;
pub(super) mod wish;

pub(super) use compose::NOTIFY_US;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::cap;
use super::consent::lease::Beats;
use super::consent::{Consent, Declared, Tier};
use super::effect::{Answer, Delivery, DeliveryId, Effect, Ending, Happening, Offer, Reason, Reservation, What};
use super::halt::Halts;
use super::key::Key;
use super::stance::{Stance, WishId};
use super::value::Values;
use crate::clock::Moment;
use crate::config::offers::{Campaign, Trigger};
use crate::config::zones::Zone;
use crate::config::{Config, Name};
use gates::{Case, Now};

/// A configuration's campaigns, found by zone and trigger, and what the shop says of them meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Menu {
    config: Arc<Config>,
    campaigns: Vec<Arc<Campaign>>,
    pub(super) shop: Shop,
}

/// What changes while the configuration stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Shop {
    pub(super) halts: Halts,
    pub(super) values: Values,
}

/// One zone event that campaigns may speak on.
#[derive(Clone, Debug)]
pub(super) struct Occasion {
    pub(super) at: Moment,
    pub(super) zone: Arc<Zone>,
    pub(super) trigger: Trigger,
    /// Wall time of the visit's first sighting, in microseconds: which visit it is.
    pub(super) visit_us: Option<i64>,
}

/// A reservation that waits for its answer, and the campaigns behind it.
#[derive(Clone, Debug)]
pub(super) struct Contest {
    occasion: Occasion,
    wall_us: i64,
    visit_us: i64,
    open: Open,
    behind: VecDeque<Arc<Campaign>>,
}

/// The campaign that has asked the ledger.
#[derive(Clone, Debug)]
struct Open {
    delivery: DeliveryId,
    campaign: Arc<Campaign>,
    ghost: bool,
    wishes: Vec<WishId>,
}

/// What decides besides the configuration.
#[derive(Clone, Copy)]
pub(super) struct Person<'a> {
    pub(super) consent: &'a Consent,
    /// When each campaign was last delivered to them (wall, microseconds).
    pub(super) last_deliveries: &'a BTreeMap<Name, i64>,
    pub(super) stance: &'a Stance,
    pub(super) key: &'a Key,
    /// What holds their lease.
    pub(super) beats: Beats,
}

impl<'a> Person<'a> {
    /// Whether what they declared may be used: the tier, and the purpose.
    pub(super) fn is_personal(self) -> bool {
        self.consent.tier >= Tier::Personal && self.consent.purposes.personalisation
    }

    /// What they declared, where it may be used.
    fn declared(self) -> Option<&'a Declared> {
        self.consent.declared.as_deref().filter(|_| self.is_personal())
    }

    /// Whether they paused, or said stop.
    pub(super) fn wants_silence(self, wall_us: i64) -> bool {
        self.consent.paused_until_us.is_some_and(|until_us| wall_us < until_us)
            || self.stance.has_stopped(self.consent.epoch)
    }
}

impl Menu {
    pub(super) fn new(config: &Arc<Config>, shop: Shop) -> Self {
        let campaigns = config.offers.campaigns.iter().cloned().map(Arc::new).collect();
        Self { config: Arc::clone(config), campaigns, shop }
    }

    /// Whether a text of some campaign names this value.
    pub(super) fn names_value(&self, name: &str) -> bool {
        self.campaigns.iter().any(|campaign| campaign.values.contains(name))
    }

    /// The lengths of stay, in microseconds, that some campaign waits for in `zone`; ascending, each once.
    pub(super) fn dwell_lengths_us(&self, zone: &str) -> Vec<u64> {
        let lengths = self.campaigns.iter().filter(|campaign| speaks_in(campaign, zone));
        let mut lengths: Vec<u64> = lengths
            .filter_map(|campaign| match campaign.trigger {
                Trigger::Dwelled(us) => Some(us),
                Trigger::Entered | Trigger::Left => None,
            })
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }

    /// Judges every campaign of this zone and trigger; the best of those that pass asks for room.
    pub(super) fn judge(&self, occasion: Occasion, person: Person<'_>, effects: &mut Vec<Effect>) -> Option<Contest> {
        if !self.stands(&occasion.zone) {
            return None;
        }
        let now = occasion.at.wall_us.map(|wall_us| Now::at(wall_us, &self.config, person));
        let Occasion { zone, trigger, .. } = &occasion;
        let passed = self.ranked(zone, *trigger, person, now.as_ref(), |campaign, reason| {
            effects.push(withheld(&occasion, person, campaign, reason));
        });
        // Without a trusted clock no campaign has passed, so there is nothing to ask for.
        let now = now?;
        let visit_us = occasion.visit_us.unwrap_or(now.wall_us);
        self.reserve_next(occasion, &now, visit_us, passed.into(), person, effects)
    }

    /// The campaigns of a zone and trigger that pass the gates, best first; `refused` is told of the others.
    fn ranked(
        &self,
        zone: &Zone,
        trigger: Trigger,
        person: Person<'_>,
        now: Option<&Now>,
        mut refused: impl FnMut(&Campaign, Reason),
    ) -> Vec<Arc<Campaign>> {
        let mut passed = Vec::new();
        let reached = |campaign: &&Arc<Campaign>| campaign.trigger == trigger && speaks_in(campaign, &zone.id);
        for campaign in self.campaigns.iter().filter(reached) {
            match gates::refuse(self.case(campaign, person, now)) {
                Some(reason) => refused(campaign, reason),
                None => passed.push(Arc::clone(campaign)),
            }
        }
        if let Some(now) = now {
            sort_by_rank(&mut passed, person, now);
        }
        passed
    }

    /// What the ledger would be asked for first on this trigger; see [`super::Gateway::first_in_rank`].
    pub(super) fn first_in_rank(
        &self,
        zone: &Zone,
        trigger: Trigger,
        person: Person<'_>,
        wall_us: i64,
        visit_us: i64,
    ) -> Option<(Delivery, Vec<cap::CapRule>)> {
        let now = Now::at(wall_us, &self.config, person);
        let campaign = self.ranked(zone, trigger, person, Some(&now), |_, _| {}).into_iter().next()?;
        let delivery = self.delivery(zone, &campaign, visit_us, person, wall_us);
        let caps = self.caps(&campaign, person, &delivery);
        Some((delivery, caps))
    }

    /// Takes the ledger's answer; a refusal, and a ghost, let the next in rank ask.
    pub(super) fn answered(
        &self,
        contest: Contest,
        answer: Answer,
        person: Person<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<Contest> {
        let Contest { occasion, wall_us, visit_us, open, behind } = contest;
        let reason = match answer {
            Answer::Granted if open.ghost => Reason::Control,
            Answer::Granted => {
                effects.push(delivered(&occasion, person, &open.campaign, open.delivery));
                let outranked = behind.iter().map(|campaign| withheld(&occasion, person, campaign, Reason::Outranked));
                effects.extend(outranked);
                return None;
            }
            Answer::Refused(scope) => Reason::Cap(scope),
            Answer::Unavailable => Reason::Ledger,
            Answer::OutboxFull => Reason::Outbox,
            // What it had to give away is given away: it is over.
            Answer::NoCode => Reason::Inactive,
        };
        effects.push(withheld(&occasion, person, &open.campaign, reason));
        let now = Now::at(wall_us, &self.config, person);
        let mut still = VecDeque::new();
        for campaign in behind {
            match self.taken_back(&occasion, &campaign, person, &now) {
                Some(reason) => effects.push(withheld(&occasion, person, &campaign, reason)),
                None => still.push_back(campaign),
            }
        }
        self.reserve_next(occasion, &now, visit_us, still, person, effects)
    }

    fn case<'a>(&'a self, campaign: &'a Campaign, person: Person<'a>, now: Option<&'a Now>) -> Case<'a> {
        Case { config: &self.config, shop: &self.shop, campaign, person, now, asked: false }
    }

    /// What a reload, a changed consent or a halt has taken back since the trigger, while the ledger was asked.
    fn taken_back(&self, occasion: &Occasion, campaign: &Campaign, person: Person<'_>, now: &Now) -> Option<Reason> {
        let current = self.campaigns.iter().find(|current| current.id == campaign.id);
        match current.filter(|current| self.stands(&occasion.zone) && speaks_in(current, &occasion.zone.id)) {
            Some(campaign) => gates::refuse(self.case(campaign, person, Some(now))),
            None => Some(Reason::Inactive),
        }
    }

    /// How an offer that was granted ends at once, because of what was said of it while the ledger was asked: the shop took
    /// it back, or the customer wants no such thing.
    pub(super) fn takes_back(&self, contest: &Contest, person: Person<'_>) -> Option<Ending> {
        let now = Now::at(contest.wall_us, &self.config, person);
        let reason = self.taken_back(&contest.occasion, &contest.open.campaign, person, &now)?;
        let is_theirs = matches!(reason, Reason::Consent | Reason::Audience | Reason::Bought | Reason::Declined);
        Some(if is_theirs { Ending::Withdrawn } else { Ending::Recalled })
    }

    /// Whether a zone is still one in which something may be said.
    fn stands(&self, zone: &Zone) -> bool {
        self.config.zones.zones.iter().any(|current| current.id == zone.id && !current.sensitive)
    }

    fn reserve_next(
        &self,
        occasion: Occasion,
        now: &Now,
        visit_us: i64,
        mut candidates: VecDeque<Arc<Campaign>>,
        person: Person<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<Contest> {
        let campaign = candidates.pop_front()?;
        let wall_us = now.wall_us;
        let reservation = self.reservation(&occasion, &campaign, visit_us, person, now);
        let Delivery { ref id, ghost, .. } = reservation.delivery;
        let open = Open { delivery: id.clone(), campaign, ghost, wishes: reservation.wishes.clone() };
        effects.push(Effect::Reserve(Box::new(reservation)));
        Some(Contest { occasion, wall_us, visit_us, open, behind: candidates })
    }

    /// What the ledger is asked for one campaign.
    fn reservation(
        &self,
        occasion: &Occasion,
        campaign: &Arc<Campaign>,
        visit_us: i64,
        person: Person<'_>,
        now: &Now,
    ) -> Reservation {
        let delivery = self.delivery(&occasion.zone, campaign, visit_us, person, now.wall_us);
        let caps = self.caps(campaign, person, &delivery);
        let mut wishes = wish::granted(campaign, person, now);
        let mut offer =
            self.offer(campaign, person, &occasion.zone, now.wall_us, (!caps.is_empty(), !wishes.is_empty()));
        if delivery.ghost {
            // What is not said goes to nobody, and grants no wish.
            offer.recipients.clear();
            wishes.clear();
        }
        Reservation { delivery, caps, wishes, codes: Vec::new(), offer }
    }

    /// What is said of a campaign to one customer at `wall_us`; whether their earlier offers were asked (`capped`), and whether
    /// they wished for it.
    fn offer(
        &self,
        campaign: &Arc<Campaign>,
        person: Person<'_>,
        zone: &Zone,
        wall_us: i64,
        (capped, wished): (bool, bool),
    ) -> Offer {
        let used = compose::used(&self.config, campaign, person, (capped, wished));
        let values = self.shop.values.fresh(wall_us);
        Offer { used, ..compose::offer(&self.config, campaign, person, zone, &values, wall_us) }
    }

    fn delivery(&self, zone: &Zone, campaign: &Campaign, visit_us: i64, person: Person<'_>, at_us: i64) -> Delivery {
        let Person { consent, key, .. } = person;
        let id =
            key.id(&[b"delivery", consent.customer.as_str().as_bytes(), campaign.id.as_bytes(), &at_us.to_be_bytes()]);
        Delivery {
            id: DeliveryId(id),
            customer: consent.customer.clone(),
            at_us,
            class: campaign.class,
            campaign: campaign.id.clone(),
            category: campaign.category.clone(),
            zone: zone.id.clone(),
            site: self.config.gateway.site.clone(),
            visit_us,
            epoch: consent.epoch,
            ghost: control::is_ghost(campaign, consent, key),
            test: consent.test,
        }
    }

    /// Every cap in force for a delivery.
    fn caps(&self, campaign: &Campaign, person: Person<'_>, delivery: &Delivery) -> Vec<cap::CapRule> {
        let less = person.stance.outcomes.ask_for_less();
        let promise = &self.config.promise.caps;
        cap::rules(promise, campaign, person.consent, delivery, &self.config.site.time_zone, less)
    }
}

impl Contest {
    /// The delivery that waits for its answer.
    pub(super) fn delivery(&self) -> &DeliveryId {
        &self.open.delivery
    }

    /// Whether it is a control group's, of which nothing is said.
    pub(super) fn is_ghost(&self) -> bool {
        self.open.ghost
    }

    /// The wishes that the delivery grants.
    pub(super) fn wishes(&self) -> &[WishId] {
        &self.open.wishes
    }

    /// Whether the customer, who is in `zone` now, has left the one that the offer is about.
    pub(super) fn is_about_being_elsewhere_than(&self, zone: Option<&Name>) -> bool {
        self.occasion.trigger != Trigger::Left && zone != Some(&self.occasion.zone.id)
    }

    /// The campaign that waits, and the wall time it would be dated, in microseconds.
    pub(super) fn campaign(&self) -> (&Name, i64) {
        (&self.open.campaign.id, self.wall_us)
    }
}

fn speaks_in(campaign: &Campaign, zone: &str) -> bool {
    campaign.zones.as_ref().is_none_or(|zones| zones.iter().any(|named| **named == *zone))
}

/// A matching wish, then a pinned category, then priority, then the least recently delivered to this customer, then a keyed
/// hash. Best first. All campaigns of an occasion speak in the same zone, so "the narrower zone" never decides.
fn sort_by_rank(campaigns: &mut Vec<Arc<Campaign>>, person: Person<'_>, now: &Now) {
    if campaigns.len() < 2 {
        return;
    }
    let pinned = person.declared().map(|declared| &declared.pinned_categories);
    let rank = |campaign: &Arc<Campaign>| {
        let wished = !wish::granted(campaign, person, now).is_empty();
        let is_pinned = campaign.category.as_ref().zip(pinned).is_some_and(|(category, all)| all.contains(category));
        let last = person.last_deliveries.get(&campaign.id).copied();
        (!wished, !is_pinned, 100 - campaign.priority.min(100), last)
    };
    let lot = |campaign: &Campaign| {
        let customer = person.consent.customer.as_str().as_bytes();
        person.key.digest(&[b"rank", customer, campaign.id.as_bytes()])
    };
    // A rank is worked out once, since a wish costs a hash to look up; the lot costs one as well, and is drawn for a tie alone.
    let mut ranked: Vec<_> = campaigns.drain(..).map(|campaign| (rank(&campaign), campaign)).collect();
    ranked.sort_by(|(rank, one), (other_rank, other)| rank.cmp(other_rank).then_with(|| lot(one).cmp(&lot(other))));
    campaigns.extend(ranked.into_iter().map(|(_, campaign)| campaign));
}

fn delivered(occasion: &Occasion, person: Person<'_>, campaign: &Campaign, delivery: DeliveryId) -> Effect {
    let what = What::Delivered { zone: occasion.zone.id.clone(), campaign: campaign.id.clone(), delivery };
    Effect::Happened(Happening { at: occasion.at, customer: person.consent.customer.clone(), what })
}

fn withheld(occasion: &Occasion, person: Person<'_>, campaign: &Campaign, reason: Reason) -> Effect {
    let what = What::Withheld { zone: occasion.zone.id.clone(), campaign: campaign.id.clone(), reason };
    Effect::Happened(Happening { at: occasion.at, customer: person.consent.customer.clone(), what })
}
