//! Calibration while running: by how much each gateway hears less or more than it did, as the shop's own fixed beacons
//! tell it, and what customers' signals would propose.
//!
//! Where a beacon hangs levels are bound to the place by more than gateways differ, so that only a change says something:
//! what is heard in the first hour is what the configured `offset-db` is taken to be true for. A beacon's battery, its
//! place and a shelf in front of it change too; so a gateway has changed by what its beacons agree on, and a beacon by what
//! its gateways do. Fixed beacons are labelled and safe; customers are not, so they propose and nothing more.

mod proposal;

pub use proposal::{Proposal, Proposals};

use std::collections::VecDeque;

use super::advertisement::GatewayIndex;
use crate::config::Name;
use crate::config::fixed::FixedBeacon;
use crate::config::site::{Site, SiteGateway};

/// What is heard is taken together for so long, in microseconds: whoever walks past has gone by then.
const INTERVAL_US: u64 = 600_000_000;

/// Now is the median of so many intervals, two hours: a change shows after one, a crowd of half an hour never.
const MAX_INTERVALS: usize = 12;

/// The first hour is what the configuration is taken to be true for.
const FIRST_INTERVALS: usize = 6;

/// An interval with fewer readings says nothing; a chip that filters duplicates hears a beacon sixty times in one.
const FEWEST_READINGS: u32 = 10;

/// Fewer beacons than this cannot be told from the gateway that hears them.
const FEWEST_BEACONS: usize = 2;

/// Less than this is the weather, and the crowd; gateways differ by 2.2 dB to begin with (zones, "What the numbers say").
const LEAST_APPLIED_DB: f64 = 2.0;

/// More than this is not corrected, only told: the antenna is off, or somebody has moved the gateway.
const MOST_APPLIED_DB: f64 = 6.0;

/// Gateways and beacons are judged by turns so often; what one turn leaves, the next has half of.
const ROUNDS: usize = 4;

/// How one gateway hears, against when it was set up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    /// How much more it hears than it did, in dB, against the other gateways; nothing while too little is known.
    pub drift_db: Option<f64>,
    /// What of it is taken off whatever it hears, in dB.
    pub applied_db: f64,
    /// How many fixed beacons say so.
    pub beacons: usize,
}

impl Drift {
    /// Whether it has changed by more than is corrected.
    pub fn is_beyond(&self) -> bool {
        self.drift_db.is_some_and(|drift_db| drift_db.abs() > MOST_APPLIED_DB)
    }
}

/// What is known of one gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayCalibration {
    /// Its id.
    pub gateway: Name,
    /// What the fixed beacons say.
    pub drift: Drift,
    /// What customers' signals would propose, once it rests on enough of them.
    pub proposal: Option<Proposal>,
}

/// What the fixed beacons say of the gateways. One entry a gateway and beacon, of 120 bytes: 64 of either are 0.5 MB.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    gateways: Vec<SiteGateway>,
    beacons: Vec<FixedBeacon>,
    /// By gateway and then beacon.
    pairs: Vec<Pair>,
    /// Since when the interval is open, on the monotonic clock.
    opened_us: Option<u64>,
    drifts: Vec<Drift>,
}

/// What one gateway hears of one fixed beacon.
#[derive(Clone, Debug, Default)]
struct Pair {
    sum_dbm: f64,
    count: u32,
    /// What it heard in the first hour.
    first_dbm: Option<f32>,
    /// What it heard in the last intervals, the newest at the back.
    recent_dbm: VecDeque<f32>,
    silent_intervals: usize,
}

impl Calibration {
    /// Nothing is known yet of this site's gateways.
    pub fn new(site: &Site) -> Self {
        let (gateways, beacons) = (site.gateways.clone(), site.fixed_beacons.clone());
        let pairs = vec![Pair::default(); gateways.len() * beacons.len()];
        let mut new = Self { gateways, beacons, pairs, opened_us: None, drifts: Vec::new() };
        new.judge();
        new
    }

    /// The same after a reload: a gateway and a beacon that are both as they were keep what is known of them. One that
    /// was moved, or was given another `offset-db`, begins again.
    #[must_use]
    pub fn configured(&self, site: &Site) -> Self {
        let mut new = Self::new(site);
        new.opened_us = self.opened_us;
        for (index, pair) in new.pairs.iter_mut().enumerate() {
            let (gateway, beacon) = (index / new.beacons.len().max(1), index % new.beacons.len().max(1));
            let old = new.gateways.get(gateway).zip(new.beacons.get(beacon)).and_then(|(gateway, beacon)| {
                let gateway = self.gateways.iter().position(|old| old == gateway)?;
                let beacon = self.beacons.iter().position(|old| old == beacon)?;
                self.pairs.get(gateway * self.beacons.len() + beacon)
            });
            *pair = old.cloned().unwrap_or_default();
        }
        new.judge();
        new
    }

    /// A gateway hears a fixed beacon, counted as in `site.toml`: the mean of so many readings. Always told alike by one
    /// gateway: only changes count.
    pub fn hear(&mut self, beacon: usize, gateway: GatewayIndex, mean_dbm: f64, readings: u8, now_us: u64) {
        self.close_until(now_us);
        // What hangs on the gateway itself is as loud as can be, whatever the gateway hears.
        if self.beacons.get(beacon).is_none_or(|beacon| beacon.gateway == Some(gateway)) {
            return;
        }
        let index = usize::from(gateway.0) * self.beacons.len() + beacon;
        if let Some(pair) = self.pairs.get_mut(index) {
            pair.sum_dbm += mean_dbm * f64::from(readings);
            pair.count = pair.count.saturating_add(u32::from(readings));
        }
    }

    /// What is to be taken off whatever this gateway hears, in dB.
    pub fn correction_db(&self, gateway: GatewayIndex) -> f64 {
        self.drifts.get(usize::from(gateway.0)).map_or(0.0, |drift| drift.applied_db)
    }

    /// How every gateway hears, in the order of the site; nothing without fixed beacons.
    pub fn drifts(&self) -> &[Drift] {
        if self.beacons.is_empty() { &[] } else { &self.drifts }
    }

    fn close_until(&mut self, now_us: u64) {
        let opened_us = *self.opened_us.get_or_insert(now_us);
        let passed = now_us.saturating_sub(opened_us) / INTERVAL_US;
        if passed == 0 {
            return;
        }
        self.opened_us = Some(opened_us.saturating_add(passed * INTERVAL_US));
        for _ in 0..passed.min(MAX_INTERVALS as u64) {
            self.pairs.iter_mut().for_each(Pair::close);
        }
        self.judge();
    }

    fn judge(&mut self) {
        let changes = self.changes();
        let by_gateway = drifts_of(&changes, self.beacons.len());
        // What all gateways have in common, a full shop or a damp day, is nobody's change.
        let common_db = agreed(by_gateway.iter().flatten().copied().collect(), 2);
        let told = by_gateway.into_iter().zip(&changes).map(|(drift_db, changes)| {
            let drift_db = drift_db.zip(common_db).map(|(drift_db, common_db)| drift_db - common_db);
            let worthwhile_db = drift_db.filter(|drift_db| drift_db.abs() >= LEAST_APPLIED_DB).unwrap_or(0.0);
            let applied_db = worthwhile_db.clamp(-MOST_APPLIED_DB, MOST_APPLIED_DB);
            Drift { drift_db, applied_db, beacons: changes.iter().flatten().count() }
        });
        self.drifts = told.collect();
    }

    /// By gateway and then beacon, where anything is known.
    fn changes(&self) -> Vec<Vec<Option<f64>>> {
        let count = self.beacons.len();
        let of = |gateway: usize| self.pairs.iter().skip(gateway * count).take(count).map(Pair::change_db).collect();
        (0..self.gateways.len()).map(of).collect()
    }
}

/// By how much each gateway has changed, and beside it each beacon, by turns: of what one gateway hears of one beacon
/// nobody can say whose change it is.
fn drifts_of(changes: &[Vec<Option<f64>>], beacons: usize) -> Vec<Option<f64>> {
    let mut by_beacon = vec![0.0; beacons];
    let mut by_gateway = Vec::new();
    for _ in 0..ROUNDS {
        let gateway = |changes: &Vec<Option<f64>>| {
            let of = changes.iter().zip(&by_beacon).filter_map(|(change, beacon)| Some((*change)? - beacon));
            agreed(of.collect(), FEWEST_BEACONS)
        };
        by_gateway = changes.iter().map(gateway).collect();
        let beacon = |beacon: usize| {
            let of = changes.iter().zip(&by_gateway);
            let of = of.filter_map(|(changes, gateway)| Some(changes.get(beacon).copied().flatten()? - (*gateway)?));
            agreed(of.collect(), 2).unwrap_or(0.0)
        };
        by_beacon = (0..beacons).map(beacon).collect();
    }
    by_gateway
}

impl Pair {
    fn close(&mut self) {
        let (sum_dbm, readings) = (std::mem::take(&mut self.sum_dbm), std::mem::take(&mut self.count));
        if readings < FEWEST_READINGS {
            self.silent_intervals = self.silent_intervals.saturating_add(1);
            if self.silent_intervals >= FIRST_INTERVALS {
                // What it said before it was silent for an hour is nothing of now.
                self.recent_dbm.clear();
            }
            return;
        }
        self.silent_intervals = 0;
        if self.recent_dbm.len() >= MAX_INTERVALS {
            self.recent_dbm.pop_front();
        }
        #[expect(clippy::cast_possible_truncation, reason = "a level has three digits")]
        self.recent_dbm.push_back((sum_dbm / f64::from(readings)) as f32);
        if self.first_dbm.is_none() && self.recent_dbm.len() >= FIRST_INTERVALS {
            self.first_dbm = median(&self.recent_dbm);
        }
    }

    fn change_db(&self) -> Option<f64> {
        let now_dbm = median(&self.recent_dbm).filter(|_| self.recent_dbm.len() >= FIRST_INTERVALS)?;
        Some(f64::from(now_dbm - self.first_dbm?))
    }
}

fn median(values: &VecDeque<f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.iter().copied().collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What at least so many agree on: their median; of an even number the middle one that claims less, and nothing where the
/// two middle ones contradict each other.
fn agreed(mut values: Vec<f64>, fewest: usize) -> Option<f64> {
    if values.len() < fewest {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let lower = *values.get((values.len() - 1) / 2)?;
    let upper = *values.get(values.len() / 2)?;
    Some(if lower > 0.0 { lower } else { upper.min(0.0) })
}

#[cfg(test)]
mod tests;
