//! Every window of every scope, held against the caps that were in force when each delivery was made.

use std::collections::BTreeMap;

use emma::config::offers::{Campaign, OncePer};
use emma::config::promise::{Cap, Caps};
use emma::config::span::Span;
use jiff::ToSpan as _;
use jiff::civil::Date;

use super::{Row, shown};
use crate::story::Story;

const WEEK: u64 = 7 * 86_400_000_000;

/// Holds the deliveries of one customer, by time, against every cap.
pub(super) fn hold(story: &Story, rows: &[&Row], wrongs: &mut Vec<String>) {
    let marketing: Vec<&Row> = rows.iter().copied().filter(|row| row.is_marketing()).collect();
    // The promise's own customer windows hold over forgetting; everything else begins anew with each era.
    let over_eras = |row: &Row| -> Vec<Cap> {
        let promise = &row.law.config.promise.caps;
        promise.customer.iter().filter(|cap| cap.per.is_some()).copied().chain(gap(promise.gap)).collect()
    };
    within(&marketing, |row| halved(over_eras(row), row.less), "customer", wrongs);
    for (_, rows) in by(&marketing, |row| row.era) {
        within(&rows, |row| halved(levels(row, |caps| &caps.customer), row.less), "customer", wrongs);
        let gaps = |row: &Row| both(row).into_iter().filter_map(|caps| gap(caps.gap)).collect();
        within(&rows, |row| halved(gaps(row), row.less), "gap", wrongs);
        for (_, rows) in by(&rows, |row| story.visit_of(row.at_us)) {
            within(&rows, |row| both(row).into_iter().filter_map(|caps| ever(caps.visit)).collect(), "visit", wrongs);
        }
        for (_, rows) in by(&rows, |row| row.campaign.clone()) {
            within(&rows, |row| levels(row, |caps| &caps.campaign), "campaign", wrongs);
        }
        for (category, rows) in by(&rows, |row| row.category.clone()) {
            if category.is_some() {
                within(&rows, |row| levels(row, |caps| &caps.category), "category", wrongs);
            }
        }
        for (_, rows) in by(&rows, |row| row.zone.clone()) {
            within(&rows, |row| levels(row, |caps| &caps.zone), "zone", wrongs);
        }
        for (_, rows) in by(&rows, |row| row.site.clone()) {
            within(&rows, |row| levels(row, |caps| &caps.site), "site", wrongs);
        }
        for (_, rows) in by(&rows, |row| row.epoch) {
            let budget = |row: &Row| row.law.consent.as_ref().and_then(|consent| consent.budget);
            within(&rows, |row| ever(budget(row)).into_iter().collect(), "budget", wrongs);
        }
    }
    for (_, rows) in by(rows, |row| row.era) {
        for (_, rows) in by(&rows, |row| row.campaign.clone()) {
            let own = |row: &Row| campaign(row).map(|campaign| campaign.caps.clone()).unwrap_or_default();
            within(&rows, own, "campaign", wrongs);
            thanks(story, &rows, wrongs);
        }
        let service: Vec<&Row> = rows.into_iter().filter(|row| !row.is_marketing()).collect();
        within(&service, |row| levels(row, |caps| &caps.service), "service", wrongs);
    }
}

/// A reward thanks once a visit, a civil day, or a civil week that begins on Monday.
fn thanks(story: &Story, rows: &[&Row], wrongs: &mut Vec<String>) {
    let day = |row: &Row| -> Date {
        let zone = row.law.config.site.time_zone.clone();
        jiff::Timestamp::from_microsecond(row.at_us).unwrap().to_zoned(zone).date()
    };
    let week = |row: &Row| day(row).checked_sub(i64::from(day(row).weekday().to_monday_zero_offset()).days()).unwrap();
    for pair in rows.windows(2) {
        let [before, row] = pair else { continue };
        let is_again = match campaign(row).and_then(|campaign| campaign.once_per) {
            None => false,
            Some(OncePer::Visit) => story.visit_of(before.at_us) == story.visit_of(row.at_us),
            Some(OncePer::Day) => day(before) == day(row),
            Some(OncePer::Week) => week(before) == week(row),
        };
        if is_again {
            wrongs.push(format!("thanked twice: {} and {} {row:?}", shown(before.at_us), shown(row.at_us)));
        }
    }
}

fn campaign(row: &Row) -> Option<&Campaign> {
    row.law.config.offers.campaigns.iter().find(|known| *known.id == *row.campaign)
}

fn both(row: &Row) -> Vec<&Caps> {
    let own = row.law.consent.as_ref().map(|consent| &consent.caps);
    std::iter::once(&row.law.config.promise.caps).chain(own).collect()
}

/// The promise's caps and the customer's own, of one kind.
fn levels(row: &Row, list: fn(&Caps) -> &Vec<Cap>) -> Vec<Cap> {
    both(row).into_iter().flat_map(list).copied().collect()
}

fn gap(gap: Option<Span>) -> Option<Cap> {
    gap.map(|per| Cap { at_most: 1, per: Some(per) })
}

fn ever(n: Option<u32>) -> Option<Cap> {
    n.map(|at_most| Cap { at_most, per: None })
}

/// Half of what is allowed: of several, half as many; of one, one in twice the time, up to a week.
fn halved(caps: Vec<Cap>, less: bool) -> Vec<Cap> {
    let half = |cap: Cap| match cap {
        Cap { at_most: 1, per: Some(Span::Micros(us)) } if us < WEEK => {
            Cap { at_most: 1, per: Some(Span::Micros((2 * us).min(WEEK))) }
        }
        Cap { at_most: at_most @ 2.., per } => Cap { at_most: at_most / 2, per },
        other => other,
    };
    if less { caps.into_iter().map(half).collect() } else { caps }
}

/// Whether none of `rows`, by time, is one too many under the caps that held for it. In a list by time, N + 1 in one window
/// are neighbours N apart.
fn within(rows: &[&Row], caps: impl Fn(&Row) -> Vec<Cap>, scope: &str, wrongs: &mut Vec<String>) {
    for (index, row) in rows.iter().enumerate() {
        for cap in caps(row) {
            let before = index.checked_sub(usize::try_from(cap.at_most).unwrap());
            let is_inside = |first: &Row| match cap.per {
                None => true,
                // Half-open: at exactly W the old one has aged out.
                Some(per) => row.at_us - first.at_us < i64::try_from(per.exact_us().expect("no months here")).unwrap(),
            };
            if before.is_some_and(|before| is_inside(rows[before])) {
                wrongs.push(format!("one over the {scope} cap {cap:?}: {} {row:?}", shown(row.at_us)));
            }
        }
    }
}

fn by<'a, K: Ord>(rows: &[&'a Row], key: impl Fn(&Row) -> K) -> BTreeMap<K, Vec<&'a Row>> {
    let mut groups: BTreeMap<K, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}
