//! Why a customer would, or would not, be told of a campaign now: gate by gate, and nothing of it happens.

use std::sync::Arc;

use super::gates::{self, Now};
use super::{Menu, Person, sort_by_rank, speaks_in};
use crate::config::Name;
use crate::config::offers::Campaign;
use crate::config::zones::Zone;
use crate::gateway::cap::CapRule;
use crate::gateway::effect::{Delivery, Reason};

/// What each gate says of one campaign, at one instant, in one zone.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Which campaign.
    pub campaign: Name,
    /// The zone it was judged in: the customer's, where the campaign speaks there, else the first in which it does.
    /// Nothing where it speaks in none that stands.
    pub zone: Option<Name>,
    /// The customer is in that zone now.
    pub is_there: bool,
    /// Each gate above rank by its reason, and whether it lets the campaign pass; in their order.
    pub gates: Vec<(Reason, bool)>,
    /// The campaigns that rank before it there, best first, of those with the same trigger that pass the gates: the first
    /// that has room, and of which the customer is in no control group, is said in its place.
    pub before: Vec<Wanted>,
    /// What the ledger is to judge. Nothing without a trusted clock.
    pub wanted: Option<Wanted>,
}

/// A delivery as it would be remembered, and the caps in force for it.
pub type Wanted = (Delivery, Vec<CapRule>);

impl Menu {
    /// Explains one campaign, or all of them, to a customer who is in `here`, in the visit that began at `visit_us`.
    pub(in crate::gateway) fn explain(
        &self,
        only: Option<&str>,
        person: Person<'_>,
        here: Option<&Zone>,
        visit_us: Option<i64>,
        wall_us: Option<i64>,
    ) -> Vec<Explanation> {
        let now = wall_us.map(|wall_us| Now::at(wall_us, &self.config, person));
        let asked = self.campaigns.iter().filter(|campaign| only.is_none_or(|only| *campaign.id == *only));
        asked.map(|campaign| self.explain_one(campaign, person, here, visit_us, now.as_ref())).collect()
    }

    fn explain_one(
        &self,
        campaign: &Arc<Campaign>,
        person: Person<'_>,
        here: Option<&Zone>,
        visit_us: Option<i64>,
        now: Option<&Now>,
    ) -> Explanation {
        let speaks = |zone: &&Zone| self.stands(zone) && speaks_in(campaign, &zone.id);
        let there = here.filter(speaks);
        let zone = there.or_else(|| self.config.zones.zones.iter().find(speaks));
        let want = |campaign: &Campaign, zone: &Zone, now: &Now| {
            let delivery = self.delivery(zone, campaign, visit_us.unwrap_or(now.wall_us), person, now.wall_us);
            let caps = self.caps(campaign, person, &delivery);
            (delivery, caps)
        };
        let before = now.zip(zone).map(|(now, zone)| {
            let rivals = self.rank_before(campaign, zone, person, now);
            rivals.iter().map(|rival| want(rival, zone, now)).collect()
        });
        Explanation {
            campaign: campaign.id.clone(),
            zone: zone.map(|zone| zone.id.clone()),
            is_there: there.is_some(),
            gates: gates::each(self.case(campaign, person, now)),
            before: before.unwrap_or_default(),
            wanted: now.zip(zone).map(|(now, zone)| want(campaign, zone, now)),
        }
    }

    /// The campaigns that are taken before this one in `zone`, on the same trigger.
    fn rank_before(&self, campaign: &Campaign, zone: &Zone, person: Person<'_>, now: &Now) -> Vec<Arc<Campaign>> {
        let rivals = self.campaigns.iter().filter(|rival| {
            rival.trigger == campaign.trigger
                && speaks_in(rival, &zone.id)
                && (rival.id == campaign.id || gates::refuse(self.case(rival, person, Some(now))).is_none())
        });
        let mut rivals: Vec<Arc<Campaign>> = rivals.cloned().collect();
        sort_by_rank(&mut rivals, person, now);
        rivals.into_iter().take_while(|rival| rival.id != campaign.id).collect()
    }
}
