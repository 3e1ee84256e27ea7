//! Why somebody moved: the readings and numbers of one transition, for `emma replay --explain`. Made only when asked for.
//!
//! A sensitive zone tells nothing here either: none is named, nor a gateway that hears from inside one, nor a place in it,
//! nor that somebody left another zone for one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Whereabouts;
use super::floor::{Floor, Kind, Plot};
use super::map::Map;
use super::tracker::Shown;
use crate::gateway::advertisement::GatewayIndex;

/// Of the gateways that heard a device in a burst, so many are told, the loudest first: the others hardly count.
const GATEWAYS_TOLD: usize = 16;

/// What moved somebody into a zone, out of it, or made it doubtful.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// In words.
    pub because: &'static str,
    /// For how many seconds the zone had been reached without a break.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_secs: Option<f64>,
    /// How many seconds ago the last evidence was that kept somebody in the zone that is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_evidence_secs: Option<f64>,
    /// How many seconds ago any gateway heard the device: what follows is of then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_secs_ago: Option<f64>,
    /// The zone that was entered in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// What was heard.
    #[serde(flatten)]
    pub told: Told,
}

/// What a zone is told by.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// The level at one gateway.
    Near(Near),
    /// The belief of where on the floor the device is.
    Polygon(Polygon),
}

/// What one gateway, or of a phone one fixed beacon, says of a device. Levels in dBm, as if it transmitted -59 dBm at 1 m.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Near {
    /// The gateway or fixed beacon.
    pub near: String,
    /// Over the window; nothing when it is not heard.
    pub level_dbm: Option<f64>,
    /// No more than over the later half of the window: what is entered by.
    pub lasting_dbm: Option<f64>,
    /// The last reading, of a burst its mean.
    pub last_dbm: Option<f64>,
    /// How many readings the window has; a burst is one.
    pub readings: usize,
    /// Entered at or above.
    pub enter_dbm: f64,
    /// Left below.
    pub leave_dbm: f64,
    /// The strongest `near` zone of another gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rival: Option<Rival>,
}

/// A `near` zone of another gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rival {
    /// Which.
    pub zone: String,
    /// The level at its gateway.
    pub level_dbm: f64,
    /// By how much the zone in question is stronger.
    pub margin_db: Option<f64>,
}

/// What is believed of a device's place, as of the last burst in which it was heard.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Polygon {
    /// The probability of the zone, 0 to 1.
    pub probability: f64,
    /// The likeliest zone but for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Likely>,
    /// The probability of being in no zone.
    pub no_zone: f64,
    /// Entered at or above.
    pub enter_confidence: f64,
    /// Unsure below.
    pub unsure_below: f64,
    /// How much louder than it says the device is, as carried, in dB, and how far that may be off.
    pub device_db: f64,
    /// The standard deviation of it.
    pub device_sigma_db: f64,
    /// The middle of the likeliest cell, in metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_m: Option<[f64; 2]>,
    /// What each gateway heard in that burst.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<String, Ear>,
}

/// A zone and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Likely {
    /// Which.
    pub zone: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// What one gateway heard in a burst.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ear {
    /// The mean, in dBm.
    pub mean_dbm: f64,
    /// Of how many readings.
    pub readings: u16,
    /// What it should have heard of the device in the likeliest cell.
    pub expected_dbm: f64,
    /// By how much it heard more than that.
    pub residual_db: f64,
}

/// What happened to the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Entered.
    Entered,
    /// Doubted.
    Unsure,
    /// Sure again.
    Sure,
    /// Left.
    Left,
}

impl Whereabouts {
    /// Why this turn was taken, just after it was; nothing of what a sensitive zone tells.
    pub fn why(&self, floor: &Floor, zone: usize, turn: Turn, now_us: u64) -> Option<Why> {
        let plot = floor.plots.get(zone).filter(|plot| !plot.sensitive)?;
        let told = match plot.kind {
            Kind::Near { gateway, enter_dbm, leave_dbm } => {
                Told::Near(self.why_near(floor, plot, gateway, [enter_dbm, leave_dbm], now_us)?)
            }
            Kind::Polygon { .. } => Told::Polygon(self.why_polygon(floor, plot, zone)?),
        };
        let left = self.before.filter(|before| turn == Turn::Left && before.zone == zone);
        let entered = self.zone(floor).filter(|entered| *entered != zone).and_then(|entered| floor.zone_id(entered));
        let held_us = self.held_since_us.get(zone).copied().flatten().filter(|_| turn != Turn::Left);
        let is_heard = self.heard_us.is_some_and(|us| now_us.saturating_sub(us) <= floor.hearing.silence_us);
        if turn == Turn::Left && entered.is_none() && is_heard && floor.has_a_sensitive_zone() {
            // Whoever is heard and is in no zone that is told may be in one that is not.
            return None;
        }
        Some(Why {
            because: match (turn, entered.is_some(), is_heard) {
                (Turn::Entered, ..) => "it was reached for as long as it takes",
                (Turn::Sure, ..) => "it was reached again for as long as it takes",
                (Turn::Unsure, ..) => "the evidence no longer keeps the device in it",
                (Turn::Left, true, _) => "another zone was entered",
                (Turn::Left, false, true) => "for as long as it takes nothing kept the device in it",
                (Turn::Left, false, false) => "no gateway hears the device any more",
            },
            held_secs: held_us.map(|since_us| seconds(now_us.saturating_sub(since_us))),
            without_evidence_secs: left.map(|before| seconds(now_us.saturating_sub(before.evidence_us))),
            heard_secs_ago: self.heard_us.map(|heard_us| seconds(now_us.saturating_sub(heard_us))),
            replaced_by: entered.filter(|_| turn == Turn::Left).map(ToString::to_string),
            told,
        })
    }

    /// By how much each of the first `gateways` anchors heard more of the device than it should in the likeliest cell, in
    /// dB, in the last burst; nothing for a `near` zone, nor where so few heard it that its own power explains them all.
    pub fn residuals_db(&self, floor: &Floor, zone: usize, gateways: usize) -> Vec<(usize, f64)> {
        const FEWEST: usize = 4;
        let drawn = floor.plots.get(zone).filter(|plot| !plot.is_near() && !plot.sensitive);
        let told = drawn.and(floor.map.as_ref()).and_then(|map| self.tracker.told(map));
        let Some(told) = told else { return Vec::new() };
        let heard = told.ears.iter().filter(|ear| ear.anchor < gateways);
        let residual = |ear: &Shown| (ear.anchor, f64::from(ear.mean_dbm - ear.expected_dbm - told.power_db));
        let residuals: Vec<_> = heard.map(residual).collect();
        if residuals.len() < FEWEST { Vec::new() } else { residuals }
    }

    fn why_near(
        &self,
        floor: &Floor,
        plot: &Plot,
        gateway: GatewayIndex,
        [enter_dbm, leave_dbm]: [f64; 2],
        now_us: u64,
    ) -> Option<Near> {
        let anchor = usize::from(gateway.0);
        let near = floor.anchor_id(anchor).filter(|_| !floor.tells_a_sensitive_zone(anchor))?.to_string();
        let levels = self.levels(floor, now_us);
        let level = plot.near_level(&levels);
        let rivals = floor.plots.iter().filter(|rival| match rival.kind {
            Kind::Near { gateway: other, .. } => {
                other != gateway && !floor.tells_a_sensitive_zone(usize::from(other.0)) && !rival.sensitive
            }
            Kind::Polygon { .. } => false,
        });
        let heard = rivals.filter_map(|rival| Some((rival, rival.near_level(&levels)?)));
        let strongest = heard.max_by(|(_, a), (_, b)| a.dbm.total_cmp(&b.dbm));
        let readings = self.readings.get(anchor);
        let (count, last_dbm) = readings.map_or((0, None), |readings| readings.shown(now_us, floor.hearing));
        Some(Near {
            near,
            level_dbm: level.map(|level| tenths(level.dbm)),
            lasting_dbm: level.map(|level| tenths(level.lasting_dbm)),
            last_dbm: last_dbm.map(tenths),
            readings: count,
            enter_dbm,
            leave_dbm,
            rival: strongest.map(|(rival, heard)| Rival {
                zone: rival.id.to_string(),
                level_dbm: tenths(heard.dbm),
                margin_db: level.map(|level| tenths(level.dbm - heard.dbm)),
            }),
        })
    }

    fn why_polygon(&self, floor: &Floor, plot: &Plot, zone: usize) -> Option<Polygon> {
        let map = floor.map.as_ref()?;
        let told = self.tracker.told(map)?;
        // A zone around this one holds whatever this one does, and is no other answer.
        let is_other = |other: usize, plot: &Plot| other != zone && !plot.sensitive && !map.covers(other, zone);
        let others = floor.plots.iter().enumerate().filter(|(other, plot)| is_other(*other, plot));
        let likely = others.map(|(other, plot)| (plot, self.tracker.confidence(other)));
        let next = likely.filter(|(_, p)| *p > 0.0).max_by(|(_, a), (_, b)| a.total_cmp(b));
        let loudest = told.ears.iter().max_by(|a, b| a.mean_dbm.total_cmp(&b.mean_dbm));
        let is_by_a_sensitive_one = loudest.is_some_and(|ear| floor.tells_a_sensitive_zone(ear.anchor));
        let hides = is_by_a_sensitive_one || hides(floor, map, told.cell);
        let mut heard: Vec<_> = told
            .ears
            .iter()
            .filter(|ear| !hides && !floor.tells_a_sensitive_zone(ear.anchor))
            .filter_map(|ear| Some((floor.anchor_id(ear.anchor)?.to_string(), ear)))
            .collect();
        heard.sort_by(|(_, a), (_, b)| b.mean_dbm.total_cmp(&a.mean_dbm));
        heard.truncate(GATEWAYS_TOLD);
        let ear = |(id, ear): (String, &Shown)| {
            let expected_dbm = f64::from(ear.expected_dbm + told.power_db);
            let mean_dbm = f64::from(ear.mean_dbm);
            let residual_db = tenths(mean_dbm - expected_dbm);
            let (mean_dbm, expected_dbm) = (tenths(mean_dbm), tenths(expected_dbm));
            (id, Ear { mean_dbm, readings: ear.count, expected_dbm, residual_db })
        };
        Some(Polygon {
            probability: thousandths(self.tracker.confidence(zone)),
            next: next.map(|(plot, p)| Likely { zone: plot.id.to_string(), probability: thousandths(p) }),
            no_zone: thousandths(map.outside(told.masses, |zone| !floor.is_sensitive(zone))),
            enter_confidence: plot.holds.enter_confidence,
            unsure_below: plot.holds.unsure_below,
            device_db: tenths(f64::from(told.power_db)),
            device_sigma_db: tenths(f64::from(told.power_sigma_db)),
            place_m: told.place_m.filter(|_| !hides).map(|(x, y)| [tenths(x), tenths(y)]),
            gateways: heard.into_iter().map(ear).collect(),
        })
    }
}

/// Whether a place may not be told: in a shop with a sensitive polygon, one that is in no other zone. Were only those in
/// it kept back, that would tell them.
fn hides(floor: &Floor, map: &Map, cell: usize) -> bool {
    let lies_in = |sensitive: bool| {
        let zones = floor.plots.iter().enumerate().filter(move |(_, plot)| plot.sensitive == sensitive);
        zones.map(|(zone, _)| zone).any(|zone| map.has_in(zone, cell))
    };
    let is_drawn = floor.plots.iter().any(|plot| plot.sensitive && !plot.is_near());
    is_drawn && (lies_in(true) || !lies_in(false))
}

#[expect(clippy::cast_precision_loss, reason = "a time that is long is long")]
fn seconds(us: u64) -> f64 {
    tenths(us as f64 / 1e6)
}

/// A tenth of a dB, a second or a metre is finer than any of them is known.
fn tenths(value: f64) -> f64 {
    libm::round(value * 10.0) / 10.0
}

fn thousandths(probability: f64) -> f64 {
    libm::round(probability * 1_000.0) / 1_000.0
}
