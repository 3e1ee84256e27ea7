//! What is said when an offer is welcome: its words and its two lifetimes.

use std::sync::Arc;

use super::Person;
use super::civil::{self, Civil};
use crate::config::offers::{Campaign, Category, Text, Trigger};
use crate::config::zones::Zone;
use crate::config::{Config, Name};
use crate::gateway::consent::Consent;
use crate::gateway::effect::{Offer, Used};

/// The moment is the message: after 90 s nothing is pushed (the MQTT contract, Two lifetimes).
pub(in crate::gateway) const NOTIFY_US: i64 = 90_000_000;

/// The offer of `campaign` to one customer in `zone`, triggered at `at_us` (wall, microseconds).
pub(super) fn offer(config: &Config, campaign: &Arc<Campaign>, consent: &Consent, zone: &Zone, at_us: i64) -> Offer {
    let valid_until_us = valid_until_us(config, campaign, consent, at_us);
    let language = language(config, campaign, consent);
    let mut texts: Vec<(Name, Text)> =
        campaign.text.iter().map(|(lang, text)| (lang.clone(), fill(text, zone, lang, config))).collect();
    texts.sort_by_key(|(lang, _)| Some(lang) != language.as_ref());
    Offer {
        zone: zone.id.clone(),
        zone_name: zone.name.clone(),
        trigger: match campaign.trigger {
            Trigger::Entered => "entered",
            Trigger::Dwelled(_) => "dwelled",
            Trigger::Left => "left",
        },
        texts,
        notify_until_us: at_us.saturating_add(NOTIFY_US).min(valid_until_us),
        valid_until_us,
        recipients: recipients(config, consent),
        used: Vec::new(),
        notice: consent.notice.clone(),
        test: consent.test,
        campaign: Arc::clone(campaign),
    }
}

/// What the decision read of the customer: the zone, how long they were in it, what they agreed to, and whatever else a
/// gate, a cap or their wish asked for.
pub(super) fn used(
    config: &Config,
    campaign: &Campaign,
    person: Person<'_>,
    (capped, wished): (bool, bool),
) -> Vec<Used> {
    let replaced = |category: &Category| category.replacement_interval.is_some();
    let category = config.offers.categories.iter().find(|category| Some(&category.id) == campaign.category.as_ref());
    let purchases = person.is_personal() && category.is_some_and(replaced);
    let asked = [
        (Used::Zone, true),
        (Used::Consent, true),
        (Used::Dwell, matches!(campaign.trigger, Trigger::Dwelled(_))),
        (Used::EarlierOffers, capped),
        (Used::Interests, !campaign.audience.interests.is_empty()),
        (Used::Wishes, wished),
        (Used::PriceBand, !campaign.audience.price_bands.is_empty()),
        (Used::Purchases, purchases),
        (Used::Feedback, !person.stance.is_empty()),
    ];
    asked.into_iter().filter(|(_, was)| *was).map(|(used, _)| used).collect()
}

/// The least of campaign end, `valid-for`, closing time and consent end.
fn valid_until_us(config: &Config, campaign: &Campaign, consent: &Consent, at_us: i64) -> i64 {
    let zone = &config.site.time_zone;
    let campaign_end = campaign.active.until.and_then(|until| civil::end_of_day_us(until, zone));
    let valid_for = campaign.valid_for.map(|span| civil::after_us(at_us, span, zone));
    let closing = config.zones.opening_hours.as_ref().and_then(|hours| Civil::at(at_us, zone).closes_us(hours));
    [campaign_end, valid_for, closing].into_iter().flatten().fold(consent.valid_until_us, i64::min)
}

/// The customer's language, else the site's, else the first the campaign has.
fn language(config: &Config, campaign: &Campaign, consent: &Consent) -> Option<Name> {
    let wished = [consent.language.as_ref(), config.site.language.as_ref()];
    let spoken = wished.into_iter().flatten().find(|lang| campaign.text.contains_key(*lang));
    spoken.or_else(|| campaign.text.keys().next()).cloned()
}

fn fill(text: &Text, zone: &Zone, lang: &Name, config: &Config) -> Text {
    let site_language = config.site.language.as_ref();
    let name = zone.name.get(lang).or_else(|| zone.name.get(site_language?)).or_else(|| zone.name.values().next());
    let name: &str = name.map_or(&zone.id, |name| name);
    Text { title: text.title.replace("{zone}", name).into(), body: text.body.replace("{zone}", name).into() }
}

fn recipients(config: &Config, consent: &Consent) -> Vec<(Name, Name)> {
    let promised = config.promise.responsible.iter().flat_map(|responsible| &responsible.recipients);
    promised.filter_map(|recipient| Some((recipient.id.clone(), consent.inbox_at(&recipient.id)?.into()))).collect()
}
