//! What is said when an offer is welcome: its words and its two lifetimes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Person;
use super::civil::{self, Civil};
use super::nearest::nearest;
use crate::config::offers::{Campaign, Category, Text, Trigger};
use crate::config::zones::Zone;
use crate::config::{Config, Name};
use crate::gateway::consent::Consent;
use crate::gateway::effect::{Offer, Used};

/// The moment is the message: after 90 s nothing is pushed (the MQTT contract, Two lifetimes).
pub(in crate::gateway) const NOTIFY_US: i64 = 90_000_000;

/// The offer of `campaign` to one customer in `zone`, triggered at `at_us` (wall, microseconds). `values` are those that
/// are fresh then, by their names: a campaign whose text names another is withheld before it comes to this.
pub(super) fn offer(
    config: &Config,
    campaign: &Arc<Campaign>,
    person: Person<'_>,
    zone: &Zone,
    values: &BTreeMap<Name, Name>,
    at_us: i64,
) -> Offer {
    let consent = person.consent;
    let valid_until_us = valid_until_us(config, campaign, person, at_us);
    let language = language(config, campaign, consent);
    let fill = |lang: &Name, text: &Text| {
        let [title, body] =
            [&text.title, &text.body].map(|text| filled(text, |word| said(config, zone, values, lang, word)));
        Text { title, body }
    };
    let mut texts: Vec<(Name, Text)> =
        campaign.text.iter().map(|(lang, text)| (lang.clone(), fill(lang, text))).collect();
    texts.sort_by_key(|(lang, _)| Some(lang) != language.as_ref());
    Offer {
        zone: zone.id.clone(),
        zone_name: zone.name.clone(),
        trigger: campaign.trigger.word(),
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
        (Used::Feedback, person.stance.has_answers()),
    ];
    asked.into_iter().filter(|(_, was)| *was).map(|(used, _)| used).collect()
}

/// The least of campaign end, `valid-for`, closing time and consent end.
fn valid_until_us(config: &Config, campaign: &Campaign, person: Person<'_>, at_us: i64) -> i64 {
    let zone = &config.site.time_zone;
    let campaign_end = campaign.active.until.and_then(|until| civil::end_of_day_us(until, zone));
    let valid_for = campaign.valid_for.map(|span| civil::after_us(at_us, span, zone));
    let closing = config.zones.opening_hours.as_ref().and_then(|hours| Civil::at(at_us, zone).closes_us(hours));
    let consent_end = person.consent.ends_us(person.beats);
    [campaign_end, valid_for, closing].into_iter().flatten().fold(consent_end, i64::min)
}

/// The customer's language, else the site's, else the first the campaign has.
fn language(config: &Config, campaign: &Campaign, consent: &Consent) -> Option<Name> {
    let wished = [consent.language.as_ref(), config.site.language.as_ref()];
    let spoken = wished.into_iter().flatten().find(|lang| campaign.text.contains_key(*lang));
    spoken.or_else(|| campaign.text.keys().next()).cloned()
}

/// The text with every `{word}` replaced, in one pass: what is put in is not looked at again.
fn filled(text: &str, said: impl Fn(&str) -> Name) -> Name {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, word, after)) = placeholder(rest) {
        filled.push_str(before);
        filled.push_str(&said(word));
        rest = after;
    }
    filled.push_str(rest);
    filled.into()
}

/// The first `{word}` of a text: what stands before it, the word, and what stands behind it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, behind) = text.split_once('{')?;
    let (word, after) = behind.split_once('}')?;
    Some((before, word, after))
}

/// What a placeholder stands for. The configuration has no other words, and what has no answer is withheld before.
fn said(config: &Config, zone: &Zone, values: &BTreeMap<Name, Name>, lang: &Name, word: &str) -> Name {
    let name = |zone: &Zone| name_in(config, zone, lang);
    match word.split_once('.') {
        Some(("value", value)) => values.get(value).cloned(),
        Some(("nearest", kind)) => nearest(config, zone, kind).map(name),
        _ => Some(name(zone)),
    }
    .unwrap_or_default()
}

/// A zone's name in `lang`, else in the site's language, else in the first that it has.
fn name_in(config: &Config, zone: &Zone, lang: &Name) -> Name {
    let site_language = config.site.language.as_ref();
    let name = zone.name.get(lang).or_else(|| zone.name.get(site_language?)).or_else(|| zone.name.values().next());
    name.unwrap_or(&zone.id).clone()
}

fn recipients(config: &Config, consent: &Consent) -> Vec<(Name, Name)> {
    let promised = config.promise.responsible.iter().flat_map(|responsible| &responsible.recipients);
    promised.filter_map(|recipient| Some((recipient.id.clone(), consent.inbox_at(&recipient.id)?.into()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;

    fn in_language(lang: &str, text: &str) -> String {
        let config = shipped();
        let zone = &config.zones.zones[0];
        let values = BTreeMap::from([("till-minutes".into(), "{zone}".into())]);
        filled(text, |word| said(&config, zone, &values, &lang.into(), word)).to_string()
    }

    #[test]
    fn a_text_is_filled_in_its_language() {
        assert_eq!(in_language("de", "{zone}, dann {nearest.till}"), "Jacken, dann Kasse");
        assert_eq!(in_language("fr", "{nearest.till}{zone}"), "CaisseVestes");
        assert_eq!(in_language("rm", "{nearest.till}"), "Kasse", "the shop's own language");
        assert_eq!(in_language("de", "ohne alles"), "ohne alles");
    }

    #[test]
    fn what_a_value_says_is_not_looked_at_again() {
        assert_eq!(in_language("en", "{value.till-minutes} min"), "{zone} min");
    }
}
