//! A customer asks, in a zone, what there is for them here. The answer is no delivery: it counts in no cap, and nothing is
//! kept of it.

use std::sync::Arc;

use super::gates::{self, Case, Now};
use super::{Menu, Person, sort_by_rank, speaks_in, wish};
use crate::config::Name;
use crate::config::offers::{Campaign, Trigger};
use crate::config::zones::Zone;
use crate::gateway::effect::{Offer, Reason};

/// As many as somebody reads standing in front of a shelf.
const MOST_ANSWERS: usize = 5;

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// What there is, best first, at most five.
    pub offers: Vec<Offer>,
    /// What there is not, and why: the campaigns of this zone that a gate refused.
    pub withheld: Vec<(Name, Reason)>,
}

impl Menu {
    /// What may be said to whoever asks in `zone` at `wall_us`; nothing is known without a trusted clock.
    pub(in crate::gateway) fn ask(&self, zone: &Zone, wall_us: Option<i64>, person: Person<'_>) -> Answered {
        let mut answered = Answered::default();
        if !self.stands(zone) {
            return answered;
        }
        let now = wall_us.map(|wall_us| Now::at(wall_us, &self.config, person));
        let mut passed: Vec<Arc<Campaign>> = Vec::new();
        let reached = |campaign: &&Arc<Campaign>| campaign.trigger != Trigger::Left && speaks_in(campaign, &zone.id);
        for campaign in self.campaigns.iter().filter(reached) {
            let case = Case { asked: true, ..self.case(campaign, person, now.as_ref()) };
            match gates::refuse(case) {
                Some(reason) => answered.withheld.push((campaign.id.clone(), reason)),
                None => passed.push(Arc::clone(campaign)),
            }
        }
        let Some(now) = now else { return answered };
        sort_by_rank(&mut passed, person, &now);
        let offers = passed.iter().take(MOST_ANSWERS);
        let said = |campaign: &Arc<Campaign>| {
            let wished = !wish::granted(campaign, person, &now).is_empty();
            self.offer(campaign, person, zone, now.wall_us, (false, wished))
        };
        answered.offers = offers.map(said).collect();
        answered
    }
}
