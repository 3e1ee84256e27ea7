//! Where somebody goes in a visit, and what the gateways make of it: levels that place them, and no radio physics.

use fastrand::Rng;
use geo::InteriorPoint;
use jiff::ToSpan;
use jiff::civil::{Date, Time};

use crate::config::Config;
use crate::config::zones::{DayRange, Shape};
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::offer::civil;

/// Somebody who is in a `near` zone is heard so much better than it takes to enter it, in dB.
const CLEARLY_DB: f64 = 6.0;

/// A gateway hears nothing weaker, in dBm (a chip's usual sensitivity).
const FAINTEST_DBM: f64 = -95.0;

/// From how many to how many zones somebody walks through.
const STOPS: (usize, usize) = (2, 6);

/// The shortest and the longest stay, and the way between two, in seconds. Short ones are as frequent as long ones are long:
/// the logarithm is even.
const STAY_SECS: (f64, f64) = (20.0, 480.0);
const WAY_SECS: (f64, f64) = (10.0, 30.0);

/// Whoever arrives is heard every second for so long, then every few seconds: often enough that no zone is left.
const ARRIVAL_SECS: u32 = 12;
const THEN_EVERY_SECS: u32 = 4;

/// Nobody comes in the last minutes before closing.
const LAST_MINUTES: i64 = 10;

/// Where nothing says when the shop is open, people come in these hours: minutes since midnight.
const USUAL_HOURS: DayRange = DayRange { start_min: 600, end_min: 1_140 };

const SECOND_US: i64 = 1_000_000;

/// A zone, and what each gateway hears of somebody in it, in dBm.
pub(super) struct Place {
    /// Its index in the file.
    pub(super) zone: usize,
    /// By gateway.
    pub(super) levels: Vec<(GatewayIndex, f64)>,
}

/// Somebody is heard in a place.
pub(super) struct Heard {
    /// When (wall, microseconds).
    pub(super) at_us: i64,
    /// Which customer.
    pub(super) customer: usize,
    /// Which place.
    pub(super) place: usize,
}

/// The places where somebody can be told from elsewhere; sensitive ones are nobody's.
pub(super) fn places(config: &Config) -> Vec<Place> {
    let zones = config.zones.zones.iter().enumerate().filter(|(_, zone)| !zone.sensitive);
    zones.map(|(zone, told)| Place { zone, levels: levels(&told.shape, config) }).collect()
}

fn levels(shape: &Shape, config: &Config) -> Vec<(GatewayIndex, f64)> {
    match shape {
        Shape::Near { gateway, enter_dbm, .. } => vec![(*gateway, enter_dbm + CLEARLY_DB)],
        Shape::Polygon(polygon) => {
            let Some(spot) = polygon.interior_point() else { return Vec::new() };
            let gateways = config.site.gateways.iter();
            let heard = gateways.filter_map(|gateway| {
                let level_dbm = gateway.anchor()?.level_dbm((spot.x(), spot.y()), config.site.path_loss);
                Some((config.site.gateway(&gateway.id)?, level_dbm))
            });
            heard.filter(|(_, level_dbm)| *level_dbm >= FAINTEST_DBM).collect()
        }
    }
}

/// What was assumed of walks.
pub(super) fn assumptions(config: &Config) -> Vec<String> {
    let hours = match config.zones.opening_hours {
        Some(_) => "spread over the opening hours",
        None => "from 10:00 to 19:00, for no opening hours are configured",
    };
    let ((fewest, most), (shortest, longest)) = (STOPS, STAY_SECS);
    vec![format!(
        "visits: {hours}; {fewest} to {most} zones, all alike, a stay of {shortest} s to {:.0} min in each",
        longest / 60.0
    )]
}

/// The instants between which people come on one day (wall, microseconds); none where the shop is closed.
pub(super) fn open_us(config: &Config, date: Date) -> Vec<(i64, i64)> {
    let usual = vec![USUAL_HOURS];
    let ranges = config.zones.opening_hours.as_ref().map_or(&usual, |hours| {
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        hours.exceptions.get(&date).or_else(|| hours.week.get(weekday)).unwrap_or(&usual)
    });
    let at = |minutes: i64| {
        let local = date.to_datetime(Time::midnight()).checked_add(minutes.minutes()).ok()?;
        civil::instant_us(local, &config.site.time_zone)
    };
    let open = ranges.iter().filter_map(|range| {
        let wraps = if range.start_min < range.end_min { 0 } else { 24 * 60 };
        let (opens, closes) = (i64::from(range.start_min), i64::from(range.end_min) + wraps);
        Some((at(opens)?, at((closes - LAST_MINUTES).max(opens + 1))?))
    });
    open.collect()
}

/// An instant at which somebody comes.
pub(super) fn begins_us(open_us: &[(i64, i64)], rng: &mut Rng) -> Option<i64> {
    let length_us: i64 = open_us.iter().map(|(from_us, until_us)| until_us - from_us).sum();
    let mut die_us = rng.i64(0..length_us.max(1));
    for (from_us, until_us) in open_us {
        if die_us < until_us - from_us {
            return Some(from_us + die_us);
        }
        die_us -= until_us - from_us;
    }
    None
}

/// One visit.
pub(super) fn visit(customer: usize, begins_us: i64, places: usize, rng: &mut Rng, heard: &mut Vec<Heard>) {
    let (mut at_us, mut last) = (begins_us, None);
    for _ in 0..rng.usize(STOPS.0..=STOPS.1) {
        let place = elsewhere(places, last, rng);
        let stay_secs = (between(STAY_SECS.0.ln(), STAY_SECS.1.ln(), rng)).exp();
        let mut secs = 0;
        while f64::from(secs) < stay_secs {
            heard.push(Heard { at_us: at_us + i64::from(secs) * SECOND_US, customer, place });
            secs += if secs < ARRIVAL_SECS { 1 } else { THEN_EVERY_SECS };
        }
        at_us += i64::from(secs) * SECOND_US + micros(between(WAY_SECS.0, WAY_SECS.1, rng));
        last = Some(place);
    }
}

fn elsewhere(places: usize, last: Option<usize>, rng: &mut Rng) -> usize {
    match last {
        Some(last) if places > 1 => (last + rng.usize(1..places)) % places,
        _ => rng.usize(..places.max(1)),
    }
}

fn between(least: f64, most: f64, rng: &mut Rng) -> f64 {
    least + (most - least) * rng.f64()
}

#[expect(clippy::cast_possible_truncation, reason = "a few seconds are far from the end of an i64")]
fn micros(secs: f64) -> i64 {
    (secs * 1e6) as i64
}
