//! Whom a simulation lets come: customers with consents as the configuration's own words allow them. Nobody real.

use std::collections::BTreeSet;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::{Config, Name};
use crate::gateway::consent::record::{self, Record};
use crate::ledger::registrar::{self, Prepared};

/// How often somebody comes: what it is called, its share of the customers in percent, and its visits in four weeks.
const HABITS: [(&str, u32, u32); 3] = [("regulars", 10, 8), ("weekly", 30, 4), ("rare", 60, 1)];

/// Of a hundred customers so many are answered when they ask and told nothing unasked, …
const ON_REQUEST_PERCENT: u32 = 10;

/// … and so many let Emma use what they declare.
const PERSONAL_PERCENT: u32 = 30;

/// Of these so many in a hundred declare each interest, a price band, and a wish.
const INTEREST_PERCENT: u32 = 30;
const BAND_PERCENT: u32 = 50;
const WISH_PERCENT: u32 = 10;

/// Of a hundred customers so many agree to be measured.
const MEASURED_PERCENT: u32 = 50;

/// A customer of the simulation.
pub(super) struct Customer {
    /// The consent, for the core and for the ledger.
    pub(super) prepared: Prepared,
    /// Which of [`habits`].
    pub(super) habit: usize,
}

/// What habits are called.
pub(super) fn habits() -> impl Iterator<Item = &'static str> {
    HABITS.iter().map(|(name, _, _)| *name)
}

/// How likely somebody of a habit is the one who comes next, against others.
pub(super) fn weight(habit: usize) -> u32 {
    HABITS.get(habit).map_or(0, |(_, _, visits)| *visits)
}

/// As many customers as so many visits a day take.
pub(super) fn needed(visits_a_day: u32) -> u32 {
    let visits_of_100: u32 = HABITS.iter().map(|(_, share, visits)| share * visits).sum();
    (visits_a_day.saturating_mul(28).saturating_mul(100) / visits_of_100).max(1)
}

/// What was assumed of them.
pub(super) fn assumptions() -> Vec<String> {
    let habits: Vec<String> =
        HABITS.iter().map(|(name, share, visits)| format!("{share} % {name} ({visits})")).collect();
    vec![
        format!("customers, and how often they come in 4 weeks: {}", habits.join(", ")),
        format!(
            "consents: {ON_REQUEST_PERCENT} % on-request, {} % contextual, {PERSONAL_PERCENT} % personal; {MEASURED_PERCENT} % agree to be measured",
            100 - ON_REQUEST_PERCENT - PERSONAL_PERCENT
        ),
        format!(
            "of the personal {INTEREST_PERCENT} % declare each interest, {BAND_PERCENT} % a price band, {WISH_PERCENT} % a wish"
        ),
    ]
}

/// `count` customers whose consents hold from `from_us` until `until_us` (wall).
///
/// # Errors
/// Why the configuration's words make no consent.
pub(super) fn invite(
    count: u32,
    config: &Config,
    (from_us, until_us): (i64, i64),
    rng: &mut Rng,
) -> Result<Vec<Customer>, String> {
    let words = Words::of(config);
    let time = |us| Timestamp::from_microsecond(us).map_err(|error| error.to_string());
    let (from, until) = (time(from_us)?.to_string(), time(until_us)?.to_string());
    let one = |n: u32| {
        let mut die = rng.u32(..100);
        let habit = HABITS.iter().position(|(_, share, _)| {
            let is_it = die < *share;
            die = die.saturating_sub(*share);
            is_it
        });
        let mut consent = json!({
            "customer": format!("simulated-{n:06}"), "epoch": 1, "adult": true, "valid_from": from, "valid_until": until,
            "identifiers": [{"ibeacon": {"uuid": "00000000-0000-0000-0000-0000656d6d61", "major": n >> 16, "minor": n & 0xffff}}],
        });
        words.choose(&mut consent, rng);
        let Ok(Record::Grant(record)) = record::parse(&consent.to_string()) else {
            return Err(format!("a simulated consent is none: {consent}"));
        };
        let inbox = |recipient: &str| format!("{recipient}-{n}").into();
        let prepared = registrar::prepare(*record, config, None, inbox);
        prepared
            .map(|prepared| Customer { prepared, habit: habit.unwrap_or_default() })
            .map_err(|problems| problems.join("; "))
    };
    (0..count).map(one).collect()
}

/// What somebody can declare in this shop.
struct Words {
    interests: BTreeSet<Name>,
    bands: Vec<Name>,
    categories: Vec<Name>,
}

impl Words {
    fn of(config: &Config) -> Self {
        let categories: Vec<Name> = config.offers.categories.iter().map(|category| category.id.clone()).collect();
        let audiences = || config.offers.campaigns.iter().map(|campaign| &campaign.audience);
        let interests = audiences().flat_map(|audience| &audience.interests).chain(&categories).cloned().collect();
        let bands: BTreeSet<Name> = audiences().flat_map(|audience| &audience.price_bands).cloned().collect();
        Self { interests, bands: bands.into_iter().collect(), categories }
    }

    fn choose(&self, consent: &mut Value, rng: &mut Rng) {
        let percent = |share: u32, rng: &mut Rng| rng.u32(..100) < share;
        let mut purposes = vec!["offers"];
        if percent(MEASURED_PERCENT, rng) {
            purposes.push("lift-measurement");
        }
        let tier = rng.u32(..100);
        consent["tier"] = match tier {
            _ if tier < ON_REQUEST_PERCENT => "on-request",
            _ if tier < ON_REQUEST_PERCENT + PERSONAL_PERCENT => "personal",
            _ => "contextual",
        }
        .into();
        if consent["tier"] == "personal" {
            purposes.push("personalisation");
            let interests = self.interests.iter().filter(|_| percent(INTEREST_PERCENT, rng));
            consent["interests"] = interests.map(ToString::to_string).collect();
            if let Some(band) = rng.choice(&self.bands).filter(|_| percent(BAND_PERCENT, rng)) {
                consent["price_band"] = band.to_string().into();
            }
            if let Some(category) = rng.choice(&self.categories).filter(|_| percent(WISH_PERCENT, rng)) {
                consent["wishes"] = json!([{"category": category.to_string()}]);
            }
        }
        consent["purposes"] = purposes.into();
    }
}

/// Who comes on one day, each once: by weight, without anybody twice.
pub(super) fn come(count: u32, customers: &[Customer], wheel: &[u32], rng: &mut Rng) -> Vec<usize> {
    let mut coming = BTreeSet::new();
    let most = usize::try_from(count).unwrap_or(usize::MAX).min(customers.len());
    let total = wheel.last().copied().unwrap_or(0).max(1);
    // Where nearly everybody comes every day, some are drawn again and again; then the day has fewer visits.
    for _ in 0..most.saturating_mul(20) {
        if coming.len() == most {
            break;
        }
        let die = rng.u32(..total);
        coming.insert(wheel.partition_point(|sum| *sum <= die));
    }
    coming.into_iter().collect()
}

/// The running sum of everybody's weight.
pub(super) fn wheel(customers: &[Customer]) -> Vec<u32> {
    let weights = customers.iter().map(|customer| weight(customer.habit));
    weights
        .scan(0_u32, |sum, weight| {
            *sum = sum.saturating_add(weight);
            Some(*sum)
        })
        .collect()
}
