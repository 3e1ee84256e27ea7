//! The gates above rank, written again from the promise, in its order.

use emma::config::Config;
use emma::config::offers::{Campaign, Class, Trigger};
use emma::config::zones::DayRange;
use emma::gateway::consent::{Consent, Tier, Wish};
use emma::gateway::effect::{Happening, What};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::audit::Row;
use crate::mind::{Halted, Holds, Mind};

/// Reasons that only history explains; whoever got so far passed every gate of this file.
const LATER: [&str; 11] = [
    "control",
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

/// What is known when something is judged.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) config: &'a Config,
    pub(crate) consent: &'a Consent,
    pub(crate) mind: &'a Mind,
    pub(crate) halted: &'a Halted,
}

/// The first gate that says no, and those before it of which nobody can tell.
#[derive(Default)]
struct Verdict {
    unclear: Vec<&'static str>,
    no: Option<&'static str>,
}

/// What is wrong with a silence: its reason must be the first gate's that said no.
pub(crate) fn withheld(scene: Scene<'_>, happening: &Happening) -> Option<&'static str> {
    let What::Withheld { campaign, reason, .. } = &happening.what else { return None };
    let Some(campaign) = scene.config.offers.campaigns.iter().find(|known| known.id == *campaign) else {
        return Some("a campaign that does not exist");
    };
    let Verdict { unclear, no } = gate(scene, campaign, happening.at.wall_us);
    let reason = reason.as_str();
    let is_right = unclear.contains(&reason)
        || match no {
            Some(expected) => reason == expected,
            None => LATER.contains(&reason),
        };
    (!is_right).then_some(no.unwrap_or("no gate says no"))
}

/// What is wrong with a delivery, caps aside.
pub(crate) fn delivered(scene: Scene<'_>, row: &Row) -> Vec<&'static str> {
    let config = scene.config;
    let Some(campaign) = config.offers.campaigns.iter().find(|known| *known.id == *row.campaign) else {
        return vec!["a campaign that does not exist"];
    };
    let mut wrongs: Vec<&'static str> = gate(scene, campaign, Some(row.at_us)).no.into_iter().collect();
    if row.ghost && (campaign.control_share <= 0.0 || !scene.consent.purposes.lift_measurement) {
        wrongs.push("a ghost of somebody who is in no control group");
    }
    if row.test != scene.consent.test {
        wrongs.push("a tester's, or not");
    }
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

fn gate(scene: Scene<'_>, campaign: &Campaign, wall_us: Option<i64>) -> Verdict {
    let no = |reason| Verdict { no: Some(reason), ..Verdict::default() };
    let Scene { config, consent, mind, halted } = scene;
    if !reaches(config, campaign, consent, wall_us) {
        return no("consent");
    }
    let Some(wall_us) = wall_us else { return no("clock") };
    let has_stopped = mind.stopped_epoch.is_some_and(|stopped| consent.epoch <= stopped);
    let has_paused = consent.paused_until_us.is_some_and(|until_us| wall_us < until_us);
    if has_paused || has_stopped || halted.holds(&campaign.id, wall_us) {
        return no("paused");
    }
    let here = local(wall_us, &config.site.time_zone);
    let theirs = consent.time_zone.as_ref().map_or(here.clone(), |zone| local(wall_us, zone));
    let quiet = [config.promise.quiet_hours, consent.quiet_hours].into_iter().flatten();
    let is_quiet = quiet.into_iter().any(|hours| within(hours, minute(&theirs)));
    if is_quiet || wall_us < mind.snoozed_until_us || !is_open(config, &here) {
        return no("quiet");
    }
    let active = &campaign.active;
    let weekday = usize::try_from(here.weekday().to_monday_zero_offset()).unwrap();
    let runs = active.from.is_none_or(|from| here.date() >= from)
        && active.until.is_none_or(|until| here.date() <= until)
        && active.days.is_none_or(|days| days[weekday])
        && active.hours.is_none_or(|hours| within(hours, minute(&here)));
    if !runs {
        return no("inactive");
    }
    if !is_for(scene, campaign, wall_us) {
        return no("audience");
    }
    let mut verdict = Verdict::default();
    let about = [("bought", has_one(scene, campaign, wall_us)), ("declined", declines(mind, campaign, wall_us))];
    for (reason, holds) in about {
        match holds {
            Holds::Yes => return Verdict { no: Some(reason), ..verdict },
            Holds::Unclear => verdict.unclear.push(reason),
            Holds::No => {}
        }
    }
    let is_stale = !campaign.values.iter().all(|value| halted.is_fresh(value, wall_us));
    Verdict { no: is_stale.then_some("stale-value"), ..verdict }
}

fn is_for(scene: Scene<'_>, campaign: &Campaign, wall_us: i64) -> bool {
    let Scene { consent, mind, .. } = scene;
    let audience = &campaign.audience;
    let declared = consent.declared.as_ref().filter(|_| is_personal(consent));
    let likes =
        |interest: &_| declared.is_some_and(|declared| declared.interests.contains(interest)) || mind.likes(interest);
    let spends = |band: &_| declared.is_some_and(|declared| declared.price_band.as_ref() == Some(band));
    (audience.interests.is_empty() || audience.interests.iter().any(likes))
        && (audience.price_bands.is_empty() || audience.price_bands.iter().any(spends))
        && (!audience.wishes || !wishes(scene, campaign, wall_us).is_empty())
}

/// The customer's wishes that a campaign would grant.
pub(crate) fn wishes(scene: Scene<'_>, campaign: &Campaign, wall_us: i64) -> Vec<String> {
    let Scene { config, consent, mind, .. } = scene;
    let Some(declared) = consent.declared.as_ref().filter(|_| is_personal(consent)) else { return Vec::new() };
    let zone = consent.time_zone.as_ref().unwrap_or(&config.site.time_zone);
    let today = local(wall_us, zone).date();
    let is_granted = |wish: &&Wish| {
        let is_cheap = wish.max_price.as_ref().is_none_or(|most| {
            campaign
                .price
                .as_ref()
                .is_some_and(|price| price.currency == most.currency && price.hundredths <= most.hundredths)
        });
        Some(&wish.category) == campaign.category.as_ref()
            && is_cheap
            && wish.until.is_none_or(|until| today <= until)
            && mind.still_wishes(&name(wish), wall_us)
    };
    declared.wishes.iter().filter(is_granted).map(name).collect()
}

/// What tells one wish from another.
pub(crate) fn name(wish: &Wish) -> String {
    format!("{:?}", (&wish.category, &wish.max_price, &wish.until))
}

/// Whether taste, wishes and purchases may be used.
pub(crate) fn is_personal(consent: &Consent) -> bool {
    consent.tier == Tier::Personal && consent.purposes.personalisation
}

fn has_one(scene: Scene<'_>, campaign: &Campaign, wall_us: i64) -> Holds {
    let Some(category) = &campaign.category else { return Holds::No };
    let known = scene.config.offers.categories.iter().find(|known| known.id == *category);
    let interval = known.and_then(|known| known.replacement_interval).filter(|_| campaign.class != Class::Service);
    let Some(interval) = interval else { return Holds::No };
    scene.mind.has_one(category, interval, wall_us, &scene.config.site.time_zone)
}

fn declines(mind: &Mind, campaign: &Campaign, wall_us: i64) -> Holds {
    let matter = campaign.category.as_ref().map_or_else(|| format!("campaign:{}", campaign.id), ToString::to_string);
    // What serves and was wiped away was read.
    if campaign.class == Class::Service { mind.has_enough(&matter) } else { mind.declines(&matter, wall_us) }
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
