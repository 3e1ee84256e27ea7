//! Is one welcome: a trigger's campaigns pass the gates, are ranked, and one by one ask the ledger for room.

pub mod civil;
mod compose;
mod gates;
mod nearest;

pub(super) use compose::NOTIFY_US;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::cap;
use super::consent::Consent;
use super::effect::{Answer, Delivery, DeliveryId, Effect, Happening, Reason, Reservation, What};
use super::key::Key;
use crate::clock::Moment;
use crate::config::offers::{Campaign, Trigger};
use crate::config::zones::Zone;
use crate::config::{Config, Name};

/// A configuration's campaigns, found by zone and trigger.
#[derive(Clone, Debug)]
pub(super) struct Menu {
    config: Arc<Config>,
    campaigns: Vec<Arc<Campaign>>,
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
    open: (DeliveryId, Arc<Campaign>),
    behind: VecDeque<Arc<Campaign>>,
}

/// What decides besides the configuration.
#[derive(Clone, Copy)]
pub(super) struct Person<'a> {
    pub(super) consent: &'a Consent,
    /// When each campaign was last delivered to them (wall, microseconds).
    pub(super) last_deliveries: &'a BTreeMap<Name, i64>,
    pub(super) key: &'a Key,
}

impl Menu {
    pub(super) fn new(config: &Arc<Config>) -> Self {
        let campaigns = config.offers.campaigns.iter().cloned().map(Arc::new).collect();
        Self { config: Arc::clone(config), campaigns }
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
        let mut passed = Vec::new();
        let reached =
            |campaign: &&Arc<Campaign>| campaign.trigger == occasion.trigger && speaks_in(campaign, &occasion.zone.id);
        for campaign in self.campaigns.iter().filter(reached) {
            let wall_us = occasion.at.wall_us;
            match gates::refuse(gates::Case { config: &self.config, campaign, consent: person.consent, wall_us }) {
                Some(reason) => effects.push(withheld(&occasion, person, campaign, reason)),
                None => passed.push(Arc::clone(campaign)),
            }
        }
        // Without a trusted clock no campaign has passed, so there is nothing left to rank.
        let wall_us = occasion.at.wall_us?;
        passed.sort_by_cached_key(|campaign| rank(campaign, person));
        let visit_us = occasion.visit_us.unwrap_or(wall_us);
        self.reserve_next(occasion, wall_us, visit_us, passed.into(), person, effects)
    }

    /// Takes the ledger's answer; a refusal lets the next in rank ask.
    pub(super) fn answered(
        &self,
        contest: Contest,
        answer: Answer,
        person: Person<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<Contest> {
        let Contest { occasion, wall_us, visit_us, open: (delivery, campaign), behind } = contest;
        let reason = match answer {
            Answer::Granted => {
                effects.push(delivered(&occasion, person, &campaign, delivery));
                let outranked = behind.iter().map(|campaign| withheld(&occasion, person, campaign, Reason::Outranked));
                effects.extend(outranked);
                return None;
            }
            Answer::Refused(scope) => Reason::Cap(scope),
            Answer::Unavailable => Reason::Ledger,
            Answer::OutboxFull => Reason::Outbox,
        };
        effects.push(withheld(&occasion, person, &campaign, reason));
        let mut still = VecDeque::new();
        for campaign in behind {
            match self.taken_back(&occasion, &campaign, person) {
                Some(reason) => effects.push(withheld(&occasion, person, &campaign, reason)),
                None => still.push_back(campaign),
            }
        }
        self.reserve_next(occasion, wall_us, visit_us, still, person, effects)
    }

    /// What a reload or a changed consent has taken back since the trigger, while the ledger was asked.
    fn taken_back(&self, occasion: &Occasion, campaign: &Campaign, person: Person<'_>) -> Option<Reason> {
        let current = self.campaigns.iter().find(|current| current.id == campaign.id);
        match current.filter(|current| self.stands(&occasion.zone) && speaks_in(current, &occasion.zone.id)) {
            Some(campaign) => gates::refuse(gates::Case {
                config: &self.config,
                campaign,
                consent: person.consent,
                wall_us: occasion.at.wall_us,
            }),
            None => Some(Reason::Inactive),
        }
    }

    /// Whether a zone is still one in which something may be said.
    fn stands(&self, zone: &Zone) -> bool {
        self.config.zones.zones.iter().any(|current| current.id == zone.id && !current.sensitive)
    }

    fn reserve_next(
        &self,
        occasion: Occasion,
        wall_us: i64,
        visit_us: i64,
        mut candidates: VecDeque<Arc<Campaign>>,
        person: Person<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<Contest> {
        let campaign = candidates.pop_front()?;
        let Person { consent, key, .. } = person;
        let id = key.id(&[
            b"delivery",
            consent.customer.as_str().as_bytes(),
            campaign.id.as_bytes(),
            &wall_us.to_be_bytes(),
        ]);
        let delivery = Delivery {
            id: DeliveryId(id),
            customer: consent.customer.clone(),
            at_us: wall_us,
            class: campaign.class,
            campaign: campaign.id.clone(),
            category: campaign.category.clone(),
            zone: occasion.zone.id.clone(),
            site: self.config.gateway.site.clone(),
            visit_us,
            epoch: consent.epoch,
        };
        let caps = cap::rules(&self.config.promise.caps, &campaign, consent, &delivery, &self.config.site.time_zone);
        let offer = compose::offer(&self.config, &campaign, consent, &occasion.zone, &BTreeMap::new(), wall_us);
        let open = (delivery.id.clone(), campaign);
        effects.push(Effect::Reserve(Box::new(Reservation { delivery, caps, offer })));
        Some(Contest { occasion, wall_us, visit_us, open, behind: candidates })
    }
}

impl Contest {
    /// The delivery that waits for its answer.
    pub(super) fn delivery(&self) -> &DeliveryId {
        &self.open.0
    }

    /// Whether the customer, who is in `zone` now, has left the one that the offer is about.
    pub(super) fn is_about_being_elsewhere_than(&self, zone: Option<&Name>) -> bool {
        self.occasion.trigger != Trigger::Left && zone != Some(&self.occasion.zone.id)
    }

    /// The campaign that waits, and the wall time it would be dated, in microseconds.
    pub(super) fn campaign(&self) -> (&Name, i64) {
        (&self.open.1.id, self.wall_us)
    }
}

fn speaks_in(campaign: &Campaign, zone: &str) -> bool {
    campaign.zones.as_ref().is_none_or(|zones| zones.iter().any(|named| **named == *zone))
}

/// Priority, then the least recently delivered to this customer, then a keyed hash. Lowest first. All campaigns of an
/// occasion speak in the same zone, so "the narrower zone" never decides between them.
fn rank(campaign: &Campaign, person: Person<'_>) -> (u8, Option<i64>, [u8; 16]) {
    let last = person.last_deliveries.get(&campaign.id).copied();
    let customer = person.consent.customer.as_str().as_bytes();
    (100 - campaign.priority.min(100), last, person.key.digest(&[b"rank", customer, campaign.id.as_bytes()]))
}

fn delivered(occasion: &Occasion, person: Person<'_>, campaign: &Campaign, delivery: DeliveryId) -> Effect {
    let what = What::Delivered { zone: occasion.zone.id.clone(), campaign: campaign.id.clone(), delivery };
    Effect::Happened(Happening { at: occasion.at, customer: person.consent.customer.clone(), what })
}

fn withheld(occasion: &Occasion, person: Person<'_>, campaign: &Campaign, reason: Reason) -> Effect {
    let what = What::Withheld { zone: occasion.zone.id.clone(), campaign: campaign.id.clone(), reason };
    Effect::Happened(Happening { at: occasion.at, customer: person.consent.customer.clone(), what })
}
