//! Restraint, measured: a week of totals, and nothing of anybody (semantics, "Restraint, measured").
//!
//! Pure: from what the ledger has counted to what may be told. A group smaller than twenty is not told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::config::promise::Cap;
use crate::gateway::cap;
use crate::gateway::effect::Reason;

/// Groups smaller than this are not reported: few enough are somebody (semantics).
pub const SMALLEST_GROUP: u64 = 20;

/// The totals of a civil week of the site.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The shop.
    pub site: String,
    /// The week, as ISO 8601 names it: `2026-W47`.
    #[schemars(regex(pattern = "^[0-9]{4}-W[0-9]{2}$"))]
    pub week: String,
    /// Its first instant, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub from: String,
    /// The first instant after it, or now where it is not over.
    #[schemars(extend("format" = "date-time"))]
    pub until: String,
    /// It is not over.
    pub unfinished: bool,
    /// Visits; nothing where there were fewer than twenty.
    pub visits: Option<u64>,
    /// Of a hundred visits, those in which no offer was made.
    pub without_offer_percent: Option<u64>,
    /// The most offers that anybody received in any window of the promise that ended in this week, against its cap; nothing
    /// of a week of fewer than twenty visits.
    pub most: Vec<Most>,
    /// Offers not made, by reason, each of them; nothing for a reason where there were fewer than twenty.
    #[schemars(extend("propertyNames" = { "enum": Reason::ALL.map(Reason::as_str) }))]
    pub withheld: BTreeMap<String, Option<u64>>,
    /// Of a hundred offers, those that were dismissed.
    pub dismissed_percent: Option<u64>,
    /// Of a hundred offers, those that were called helpful.
    pub helpful_percent: Option<u64>,
    /// The longest time from a withdrawal to when nothing could be said any more, in seconds; nothing where nobody withdrew.
    pub withdrawal_longest_secs: Option<f64>,
    /// The age of the oldest personal datum that is kept, in days; nothing where none is.
    pub oldest_datum_days: Option<u64>,
    /// Each campaign that was said.
    pub campaigns: Vec<CampaignTotals>,
}

/// The most offers in one of the promise's windows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct Most {
    /// What the promise allows.
    pub at_most: u32,
    /// In which time, in the words of promise.toml; `visit` for one visit, nothing for ever.
    pub per: Option<String>,
    /// What the one person received who received most.
    pub received: u64,
}

/// How one campaign fared. Shares are of a hundred deliveries, and none is told of fewer than twenty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct CampaignTotals {
    /// Which.
    pub id: String,
    /// How often it was said.
    pub delivered: Option<u64>,
    /// Shown on a screen.
    pub displayed_percent: Option<u64>,
    /// Opened.
    pub opened_percent: Option<u64>,
    /// Redeemed.
    pub redeemed_percent: Option<u64>,
    /// Dismissed.
    pub dismissed_percent: Option<u64>,
    /// How often its control group would have heard it; nothing for fewer than twenty.
    pub control: Option<u64>,
}

/// What a report is made of.
pub struct Figures<'a> {
    /// The configuration in force.
    pub config: &'a Config,
    /// The week, by the instant it began (wall, microseconds).
    pub week_us: i64,
    /// Now (wall, microseconds).
    pub now_us: i64,
    /// The ledger's totals of the week.
    pub totals: &'a BTreeMap<String, u64>,
    /// When each customer was told of something, oldest first, and in which visit (wall, microseconds).
    pub received: &'a [Vec<(i64, i64)>],
    /// The date of the oldest personal datum (wall, microseconds).
    pub oldest_us: Option<i64>,
}

/// What may be told of a week.
pub fn compose(figures: &Figures<'_>) -> Report {
    let Figures { config, week_us, now_us, totals, .. } = *figures;
    let zone = &config.site.time_zone;
    let until_us = next_week_us(week_us, zone);
    let total = |what: &str| totals.get(what).copied().unwrap_or(0);
    let every = |kind: &str| {
        let of_kind = totals.iter().filter(|(what, _)| what.split(':').next() == Some(kind));
        of_kind.map(|(_, count)| count).sum::<u64>()
    };
    let visits = total("visits");
    let delivered = every("delivered");
    // All of them, so that a reason that is named says of nobody that they were refused for it.
    let withheld = Reason::ALL.into_iter().map(|reason| (reason, total(&format!("withheld:{}", reason.as_str()))));
    let is_told = group(visits).is_some();
    Report {
        site: config.gateway.site.to_string(),
        week: week_name(week_us, zone),
        from: instant(week_us),
        until: instant(until_us.min(now_us)),
        unfinished: now_us < until_us,
        visits: group(visits),
        without_offer_percent: percent(total("visits-without-offer"), visits),
        most: if is_told { most(figures, until_us) } else { Vec::new() },
        withheld: withheld.map(|(reason, count)| (reason.as_str().to_owned(), group(count))).collect(),
        dismissed_percent: percent(every("dismissed"), delivered),
        helpful_percent: percent(every("helpful"), delivered),
        withdrawal_longest_secs: totals.get("withdrawal-us").filter(|_| is_told).map(|us| milliseconds(*us)),
        oldest_datum_days: figures.oldest_us.map(|us| now_us.saturating_sub(us).max(0).unsigned_abs() / DAY_US),
        campaigns: campaigns(totals),
    }
}

const DAY_US: u64 = 86_400_000_000;

/// The week as ISO 8601 names it.
pub fn week_name(week_us: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_microsecond(week_us).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    let week = at.date().iso_week_date();
    format!("{}-W{:02}", week.year(), week.week())
}

/// The first instant of the week after the one that began at `week_us`.
fn next_week_us(week_us: i64, zone: &TimeZone) -> i64 {
    let at = Timestamp::from_microsecond(week_us).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    at.checked_add(jiff::Span::new().weeks(1)).map_or(i64::MAX, |next| next.timestamp().as_microsecond())
}

/// Seconds to the millisecond.
fn milliseconds(us: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a withdrawal takes far less than 285 years")]
    let ms = (us / 1_000) as f64;
    ms / 1_000.0
}

fn instant(us: i64) -> String {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

pub(crate) fn group(count: u64) -> Option<u64> {
    (count >= SMALLEST_GROUP).then_some(count)
}

/// As many of `count` as make whole groups, for what is told again and again: a count that goes up by one is somebody.
pub fn in_groups(count: u64) -> u64 {
    count / SMALLEST_GROUP * SMALLEST_GROUP
}

/// So many of a hundred, where they are a part of enough.
fn percent(part: u64, whole: u64) -> Option<u64> {
    group(whole).map(|whole| (part.min(whole) * 100 + whole / 2) / whole)
}

fn campaigns(totals: &BTreeMap<String, u64>) -> Vec<CampaignTotals> {
    let said = totals.keys().filter_map(|what| what.strip_prefix("delivered:").or_else(|| what.strip_prefix("ghost:")));
    let mut ids: Vec<&str> = said.collect();
    ids.sort_unstable();
    ids.dedup();
    let of = |kind: &str, id: &str| totals.get(&format!("{kind}:{id}")).copied().unwrap_or(0);
    let campaign = |id: &str| {
        let delivered = of("delivered", id);
        CampaignTotals {
            id: id.to_owned(),
            delivered: group(delivered),
            displayed_percent: percent(of("displayed", id), delivered),
            opened_percent: percent(of("opened", id), delivered),
            redeemed_percent: percent(of("redeemed", id), delivered),
            dismissed_percent: percent(of("dismissed", id), delivered),
            control: group(of("ghost", id)),
        }
    };
    ids.into_iter().map(campaign).collect()
}

/// The promise's customer windows, its gap and its visit.
fn most(figures: &Figures<'_>, until_us: i64) -> Vec<Most> {
    let caps = &figures.config.promise.caps;
    let gap = caps.gap.map(|gap| Cap { at_most: 1, per: Some(gap) });
    let windows = caps.customer.iter().copied().chain(gap).map(|cap| Most {
        at_most: cap.at_most,
        per: cap.per.map(|per| per.to_string()),
        received: most_in(figures, cap, until_us),
    });
    let visit = caps.visit.map(|at_most| Most {
        at_most,
        per: Some("visit".to_owned()),
        received: most_in_a_visit(figures, until_us),
    });
    windows.chain(visit).collect()
}

/// The most that anybody received in a window that ended with one of their offers of this week.
fn most_in(figures: &Figures<'_>, cap: Cap, until_us: i64) -> u64 {
    let zone = &figures.config.site.time_zone;
    let mut most = 0;
    for received in figures.received {
        for (end_us, _) in received.iter().filter(|(at_us, _)| (figures.week_us..until_us).contains(at_us)) {
            let after_us = cap::window_began_us(cap.per, *end_us, zone);
            let inside = |at_us: i64| after_us.is_none_or(|after_us| after_us < at_us) && at_us <= *end_us;
            most = most.max(received.iter().filter(|(at_us, _)| inside(*at_us)).count() as u64);
        }
    }
    most
}

fn most_in_a_visit(figures: &Figures<'_>, until_us: i64) -> u64 {
    let mut most = 0;
    for received in figures.received {
        for (_, visit_us) in received.iter().filter(|(at_us, _)| (figures.week_us..until_us).contains(at_us)) {
            most = most.max(received.iter().filter(|(_, visit)| visit == visit_us).count() as u64);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;
    use crate::gateway::offer::civil;

    fn week() -> (i64, TimeZone) {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let noon: Timestamp = "2026-11-18T12:00:00Z".parse().unwrap();
        (civil::week_began_us(noon.as_microsecond(), &zone).unwrap(), zone)
    }

    fn report(totals: &[(&str, u64)], received: &[Vec<(i64, i64)>]) -> Report {
        let mut config = shipped();
        let (week_us, zone) = week();
        config.site.time_zone = zone;
        let totals = totals.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect();
        let now_us = week_us + 8 * 86_400_000_000;
        compose(&Figures { config: &config, week_us, now_us, totals: &totals, received, oldest_us: None })
    }

    #[test]
    fn the_week_has_the_name_of_the_calendar() {
        let told = report(&[], &[]);
        assert_eq!((&*told.week, &*told.from, told.unfinished), ("2026-W47", "2026-11-15T23:00:00Z", false));
        assert_eq!(told.until, "2026-11-22T23:00:00Z");
    }

    #[test]
    fn fewer_than_twenty_are_not_told() {
        let told = report(&[("visits", 19), ("visits-without-offer", 19), ("withheld:quiet", 19)], &[]);
        assert_eq!((told.visits, told.without_offer_percent, told.withheld["quiet"]), (None, None, None));
        let told = report(&[("visits", 20), ("visits-without-offer", 5), ("withheld:quiet", 20)], &[]);
        assert_eq!((told.visits, told.without_offer_percent, told.withheld["quiet"]), (Some(20), Some(25), Some(20)));
    }

    #[test]
    fn a_campaign_is_told_in_shares_of_enough() {
        let told = report(
            &[("delivered:a", 200), ("dismissed:a", 3), ("delivered:b", 5), ("opened:b", 5), ("ghost:b", 30)],
            &[],
        );
        let [a, b] = &told.campaigns[..] else { panic!("{told:?}") };
        assert_eq!((a.delivered, a.dismissed_percent), (Some(200), Some(2)));
        assert_eq!((b.delivered, b.opened_percent, b.control), (None, None, Some(30)));
        assert_eq!(told.dismissed_percent, Some(1));
    }

    #[test]
    fn the_most_is_counted_in_windows_that_end_in_the_week() {
        let (week_us, _) = week();
        let hour_us = 3_600_000_000;
        let one = vec![(week_us - hour_us, 1), (week_us + hour_us, 2), (week_us + 2 * hour_us, 2)];
        let told = report(&[("visits", 20)], &[one.clone(), vec![(week_us + hour_us, 1)]]);
        let day = told.most.iter().find(|most| most.per.as_deref() == Some("1d")).unwrap();
        assert_eq!(day.received, 3);
        let visit = told.most.iter().find(|most| most.per.as_deref() == Some("visit")).unwrap();
        assert_eq!(visit.received, 2);
        assert!(report(&[("visits", 19)], &[one]).most.is_empty(), "of a few, the most is somebody's");
    }
}
