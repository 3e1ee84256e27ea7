//! A campaign as it would be said, for whoever edits it: no gate is asked, no cap, and no control group.

use std::collections::BTreeMap;

use super::{Menu, Person, compose, speaks_in};
use crate::config::Name;
use crate::config::offers::Campaign;
use crate::config::zones::Zone;
use crate::gateway::effect::{Delivery, Offer, Reservation};

/// Stands for what is not known now.
const UNKNOWN: &str = "…";

impl Menu {
    /// The campaign as it would be said to this customer at `wall_us`, in the first of its zones, marked as a test. Nothing
    /// where there is no such campaign, or no zone in which it speaks.
    pub(in crate::gateway) fn preview(&self, campaign: &str, person: Person<'_>, wall_us: i64) -> Option<Reservation> {
        let campaign = self.campaigns.iter().find(|known| *known.id == *campaign)?;
        let zone = self.first_zone(campaign)?;
        let delivery = self.delivery(zone, campaign, wall_us, person, wall_us);
        let offer = compose::offer(&self.config, campaign, person, zone, &self.values(campaign, wall_us), wall_us);
        // One that has not begun or is over is shown all the same.
        let notify_until_us = wall_us.saturating_add(super::NOTIFY_US);
        let valid_until_us = offer.valid_until_us.max(notify_until_us);
        let used = compose::used(&self.config, campaign, person, (false, false));
        let offer = Offer { notify_until_us, valid_until_us, used, test: true, ..offer };
        let delivery = Delivery { ghost: false, test: true, ..delivery };
        Some(Reservation { delivery, caps: Vec::new(), wishes: Vec::new(), codes: Vec::new(), offer })
    }

    fn first_zone(&self, campaign: &Campaign) -> Option<&Zone> {
        let zones = || self.config.zones.zones.iter().filter(|zone| self.stands(zone));
        let first = campaign.zones.iter().flatten().find_map(|id| zones().find(|zone| zone.id == *id));
        first.or_else(|| zones().find(|zone| speaks_in(campaign, &zone.id)))
    }

    /// The values that are fresh now; what is not known stands open.
    fn values(&self, campaign: &Campaign, wall_us: i64) -> BTreeMap<Name, Name> {
        let mut values = self.shop.values.fresh(wall_us);
        for name in &campaign.values {
            values.entry(name.clone()).or_insert_with(|| UNKNOWN.into());
        }
        values
    }
}
