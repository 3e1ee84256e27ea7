//! The gates that need no history, written again from the promise: consent, clock, pause, quiet, dates and hours.

use emma::config::Config;
use emma::config::offers::{Campaign, Class, Trigger};
use emma::config::zones::DayRange;
use emma::gateway::consent::{Consent, Tier};
use emma::gateway::effect::{Happening, What};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::audit::Row;

/// Reasons that only history explains; whoever got so far passed every gate of this file.
const LATER: [&str; 10] = [
    "outranked",
    "cap-customer",
    "cap-visit",
    "cap-gap",
    "cap-campaign",
    "cap-category",
    "cap-zone",
    "cap-site",
    "cap-budget",
    "cap-service",
];

/// Whether it ends something: told of someone whose consent is over as well.
pub(crate) fn is_closing(happening: &Happening) -> bool {
    matches!(happening.what, What::Left { .. } | What::VisitEnded)
}

/// Whether a consent's dates hold, and it names this shop.
pub(crate) fn is_live(config: &Config, consent: &Consent, wall_us: i64) -> bool {
    (consent.valid_from_us..consent.valid_until_us).contains(&wall_us)
        && consent.sites.as_ref().is_none_or(|sites| sites.contains(&config.gateway.site))
}

/// Whether Emma may keep an open visit of theirs.
pub(crate) fn is_remembered(consent: &Consent) -> bool {
    consent.tier != Tier::OnRequest
}

/// What is wrong with a silence: its reason must be the first gate's that said no.
pub(crate) fn withheld(config: &Config, consent: &Consent, happening: &Happening) -> Option<&'static str> {
    let What::Withheld { campaign, reason, .. } = &happening.what else { return None };
    let Some(campaign) = config.offers.campaigns.iter().find(|known| known.id == *campaign) else {
        return Some("a campaign that does not exist");
    };
    let is_right = match gate(config, campaign, consent, happening.at.wall_us) {
        Some(expected) => reason.as_str() == expected,
        None => LATER.contains(&reason.as_str()),
    };
    (!is_right).then_some("another gate comes first")
}

/// What is wrong with a delivery, caps aside.
pub(crate) fn delivered(config: &Config, consent: &Consent, row: &Row) -> Vec<&'static str> {
    let Some(campaign) = config.offers.campaigns.iter().find(|known| *known.id == *row.campaign) else {
        return vec!["a campaign that does not exist"];
    };
    let mut wrongs: Vec<&'static str> = gate(config, campaign, consent, Some(row.at_us)).into_iter().collect();
    let zone = config.zones.zones.iter().find(|zone| *zone.id == *row.zone);
    if zone.is_none_or(|zone| zone.sensitive) {
        wrongs.push("in a sensitive zone, or in none");
    }
    if campaign.zones.as_ref().is_some_and(|zones| !zones.iter().any(|zone| **zone == *row.zone)) {
        wrongs.push("in a zone that the campaign does not name");
    }
    let class = match campaign.class {
        Class::Offer => "offer",
        Class::Reward => "reward",
        Class::Service => "service",
    };
    if class != row.class || campaign.category.as_deref() != row.category.as_deref() {
        wrongs.push("of another class or category than its campaign's");
    }
    if campaign.trigger == Trigger::Left && campaign.class != Class::Service {
        wrongs.push("called back to buy");
    }
    if *config.gateway.site != *row.site {
        wrongs.push("of another site");
    }
    wrongs
}

/// The first gate that says no.
fn gate(config: &Config, campaign: &Campaign, consent: &Consent, wall_us: Option<i64>) -> Option<&'static str> {
    if !reaches(config, campaign, consent, wall_us) {
        return Some("consent");
    }
    let Some(wall_us) = wall_us else { return Some("clock") };
    if consent.paused_until_us.is_some_and(|until_us| wall_us < until_us) {
        return Some("paused");
    }
    let here = local(wall_us, &config.site.time_zone);
    let theirs = consent.time_zone.as_ref().map_or(here.clone(), |zone| local(wall_us, zone));
    let quiet = [config.promise.quiet_hours, consent.quiet_hours].into_iter().flatten();
    if quiet.into_iter().any(|hours| within(hours, minute(&theirs))) || !is_open(config, &here) {
        return Some("quiet");
    }
    let active = &campaign.active;
    let weekday = usize::try_from(here.weekday().to_monday_zero_offset()).unwrap();
    let runs = active.from.is_none_or(|from| here.date() >= from)
        && active.until.is_none_or(|until| here.date() <= until)
        && active.days.is_none_or(|days| days[weekday])
        && active.hours.is_none_or(|hours| within(hours, minute(&here)));
    (!runs).then_some("inactive")
}

fn reaches(config: &Config, campaign: &Campaign, consent: &Consent, wall_us: Option<i64>) -> bool {
    let live = wall_us.is_none_or(|wall_us| is_live(config, consent, wall_us));
    let tier = consent.tier != Tier::OnRequest
        && (campaign.tier != Tier::Personal || (consent.tier == Tier::Personal && consent.purposes.personalisation));
    let category = campaign.category.as_ref().is_none_or(|category| {
        let sensitive = config.offers.categories.iter().any(|known| known.id == *category && known.sensitive);
        if consent.categories.is_empty() { !sensitive } else { consent.categories.contains(category) }
    });
    let site = consent.sites.as_ref().is_none_or(|sites| sites.contains(&config.gateway.site));
    live && site && tier && category && consent.purposes.offers && (consent.adult || !config.promise.adults_only)
}

/// Ranges of these tests' shops lie within one day.
fn is_open(config: &Config, here: &Zoned) -> bool {
    let Some(hours) = &config.zones.opening_hours else { return true };
    let weekday = usize::try_from(here.weekday().to_monday_zero_offset()).unwrap();
    let today = hours.exceptions.get(&here.date()).unwrap_or(&hours.week[weekday]);
    today.iter().any(|range| within(*range, minute(here)))
}

fn within(hours: DayRange, minute: u16) -> bool {
    let (from, to) = (hours.start_min, hours.end_min);
    if from < to { from <= minute && minute < to } else { minute >= from || minute < to }
}

fn minute(local: &Zoned) -> u16 {
    u16::try_from(i16::from(local.hour()) * 60 + i16::from(local.minute())).unwrap()
}

fn local(wall_us: i64, zone: &TimeZone) -> Zoned {
    Timestamp::from_microsecond(wall_us).unwrap().to_zoned(zone.clone())
}
