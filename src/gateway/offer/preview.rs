//! A campaign as it would be said, for whoever edits it: no gate is asked, no cap, and no control group.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gates::Now;
use super::{Menu, Person, speaks_in};
use crate::config::Name;
use crate::config::offers::{Campaign, Text};
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
        let now = Now::at(wall_us, &self.config, person);
        let delivery = self.delivery(zone, campaign, wall_us, person, wall_us);
        let filled = Arc::new(Campaign { text: self.with_values(campaign, wall_us), ..(**campaign).clone() });
        let offer = self.offer(&filled, person, zone, &now, false);
        let texts = offer.texts.iter().map(|(lang, text)| (lang.clone(), without_gaps(text, campaign))).collect();
        // One that has not begun or is over is shown all the same.
        let notify_until_us = wall_us.saturating_add(super::NOTIFY_US);
        let valid_until_us = offer.valid_until_us.max(notify_until_us);
        let offer = Offer { texts, notify_until_us, valid_until_us, test: true, ..offer };
        let delivery = Delivery { ghost: false, test: true, ..delivery };
        Some(Reservation { delivery, caps: Vec::new(), wishes: Vec::new(), offer })
    }

    fn first_zone(&self, campaign: &Campaign) -> Option<&Zone> {
        let zones = || self.config.zones.zones.iter().filter(|zone| self.stands(zone));
        let first = campaign.zones.iter().flatten().find_map(|id| zones().find(|zone| zone.id == *id));
        first.or_else(|| zones().find(|zone| speaks_in(campaign, &zone.id)))
    }

    /// Live values are those that are fresh now.
    fn with_values(&self, campaign: &Campaign, wall_us: i64) -> BTreeMap<Name, Text> {
        let values = &self.shop.values;
        let known =
            |name: &Name| values.text(name).filter(|_| values.is_fresh(name, wall_us)).map_or(UNKNOWN, |text| text);
        let fill = |text: &Name| {
            let fill_one = |text: String, name: &Name| text.replace(&format!("{{value.{name}}}"), known(name));
            campaign.values.iter().fold(text.to_string(), fill_one).into()
        };
        let filled = |text: &Text| Text { title: fill(&text.title), body: fill(&text.body) };
        campaign.text.iter().map(|(lang, text)| (lang.clone(), filled(text))).collect()
    }
}

fn without_gaps(text: &Text, campaign: &Campaign) -> Text {
    let fill = |text: &Name| {
        let fill_one = |text: String, kind: &Name| text.replace(&format!("{{nearest.{kind}}}"), UNKNOWN);
        campaign.nearest.iter().fold(text.to_string(), fill_one).into()
    };
    Text { title: fill(&text.title), body: fill(&text.body) }
}
