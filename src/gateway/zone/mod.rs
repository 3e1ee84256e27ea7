//! Where they are: one customer's levels in, transitions out.
//!
//! A zone is entered when it has been reached for its time and no rival is as strong; it is left after a time without
//! evidence, or at once when another is entered. A `near` zone is reached by the level at its gateway (`level`), judged
//! at each reading; a polygon by the mass that the belief of the device's place (`tracker`, `filter`) has in it, judged
//! once for each burst in which the device was heard.

pub mod bound;
mod equations;
mod filter;
mod floor;
mod grid;
mod level;
mod map;
mod model;
mod motion;
mod radio_map;
pub mod survey;
mod tracker;
mod weigh;
pub mod why;

pub use floor::Floor;
pub use model::{Anchor, PathLoss};

use floor::{Kind, Levels, Plot};
use level::{Level, Readings};
use tracker::Tracker;

use super::advertisement::GatewayIndex;

/// Of two `near` zones the stronger by so many dB wins (semantics, Zones).
const NEAR_MARGIN_DB: f64 = 4.0;

/// A transition of one customer. Sensitive zones never show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move {
    /// A zone was entered, with this confidence.
    Entered(usize, f64),
    /// Confidence was lost inside it.
    Unsure(usize, f64),
    /// Confidence was regained.
    Sure(usize, f64),
    /// It was left.
    Left(usize),
}

/// Where one customer is. Bounded by the site: readings of the gateways of `near` zones, one instant a zone, and one
/// belief over the floor.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts {
    /// By gateway, of those of `near` zones.
    readings: Vec<Readings>,
    tracker: Tracker,
    /// Since when each zone has been reached, on the monotonic clock.
    held_since_us: Vec<Option<u64>>,
    heard_us: Option<u64>,
    inside: Option<Inside>,
    /// The zone that was left last, for [`why`].
    before: Option<Inside>,
}

#[derive(Clone, Copy, Debug)]
struct Inside {
    zone: usize,
    evidence_us: u64,
    unsure: bool,
}

impl Whereabouts {
    /// Someone who was in `zone` before a stop or a reload: there until the evidence says otherwise.
    pub fn resumed(zone: usize, unsure: bool, now_us: u64) -> Self {
        Self { inside: Some(Inside { zone, evidence_us: now_us, unsure }), ..Self::default() }
    }

    /// The zone they are in; sensitive ones do not show.
    pub fn zone(&self, floor: &Floor) -> Option<usize> {
        self.inside.map(|inside| inside.zone).filter(|zone| !floor.is_sensitive(*zone))
    }

    /// Whether they are in a zone and confidence in it is lost.
    pub fn is_unsure(&self) -> bool {
        self.inside.is_some_and(|inside| inside.unsure)
    }

    /// Takes one reading: `level_dbm` as if the device transmitted -59 dBm at 1 m.
    pub fn hear(&mut self, floor: &Floor, gateway: GatewayIndex, level_dbm: f64, now_us: u64) -> Vec<Move> {
        if floor.is_empty() {
            return Vec::new();
        }
        self.forget_holds_after_silence(floor, gateway, now_us);
        if floor.tells_polygons(gateway) {
            self.tracker.hear(usize::from(gateway.0), floor.anchor_count(), level_dbm, now_us);
        }
        let mut moves = Vec::new();
        if floor.tells_a_near_zone(gateway) {
            self.readings.resize_with(floor.anchor_count(), Readings::default);
            if let Some(readings) = self.readings.get_mut(usize::from(gateway.0)) {
                readings.push(level_dbm, now_us, floor.hearing);
            }
            self.judge_near(floor, gateway, now_us, &mut moves);
        }
        moves
    }

    /// Deals with what is due: a burst that is over, and a zone that is left.
    pub fn tick(&mut self, floor: &Floor, now_us: u64) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.tracker.due_us(floor.hearing).is_some_and(|due_us| due_us <= now_us) {
            self.judge_polygons(floor, now_us, &mut moves);
        }
        if self.leaves_at_us(floor).is_some_and(|due_us| due_us <= now_us) {
            self.leave(floor, &mut moves);
        }
        moves
    }

    /// When [`Self::tick`] is due, on the monotonic clock.
    pub fn due_us(&self, floor: &Floor) -> Option<u64> {
        [self.tracker.due_us(floor.hearing), self.leaves_at_us(floor)].into_iter().flatten().min()
    }

    /// When the zone is left unless evidence comes.
    fn leaves_at_us(&self, floor: &Floor) -> Option<u64> {
        let inside = self.inside?;
        let leave_after_us = floor.plots.get(inside.zone).map_or(0, |plot| plot.holds.leave_after_us);
        Some(inside.evidence_us.saturating_add(leave_after_us))
    }

    /// Leaves whatever zone there is, now.
    pub fn leave_now(&mut self, floor: &Floor) -> Option<Move> {
        let mut moves = Vec::new();
        self.leave(floor, &mut moves);
        moves.pop()
    }

    /// How sure one can be that they are in this polygon, 0 to 1, as of the last burst in which they were heard; 0 for
    /// `near` zones and sensitive ones.
    pub fn confidence(&self, floor: &Floor, zone: usize) -> f64 {
        if floor.is_sensitive(zone) { 0.0 } else { self.tracker.confidence(zone) }
    }

    /// A hold needs evidence all along: two readings a minute apart do not show that a level held in between.
    fn forget_holds_after_silence(&mut self, floor: &Floor, gateway: GatewayIndex, now_us: u64) {
        self.held_since_us.resize(floor.len(), None);
        let device_was_silent =
            self.heard_us.is_some_and(|heard_us| now_us.saturating_sub(heard_us) > floor.hearing.silence_us);
        let readings = self.readings.get(usize::from(gateway.0));
        let gateway_was_silent = readings.is_none_or(|readings| !readings.is_heard(now_us, floor.hearing));
        for (plot, since) in floor.plots.iter().zip(&mut self.held_since_us) {
            if device_was_silent || (gateway_was_silent && plot.is_near() && plot.is_told_by(gateway)) {
                *since = None;
            }
        }
        self.heard_us = Some(now_us);
    }

    /// The level at each gateway of a `near` zone.
    fn levels(&self, floor: &Floor, now_us: u64) -> Vec<Option<Level>> {
        self.readings.iter().map(|readings| readings.level(now_us, floor.hearing)).collect()
    }

    /// What a reading of a gateway means for the `near` zones.
    fn judge_near(&mut self, floor: &Floor, gateway: GatewayIndex, now_us: u64, moves: &mut Vec<Move>) {
        let levels = self.levels(floor, now_us);
        let told = |plot: &Plot| plot.is_near() && plot.is_told_by(gateway);
        self.hold(floor, Plot::is_near, &levels, now_us);
        if let Some(inside) = self.inside
            && floor.plots.get(inside.zone).is_some_and(|plot| told(plot) && self.is_kept(plot, inside.zone, &levels))
        {
            // Evidence is a reading of the zone's gateway; its last one lingers in the level and is none any more.
            self.inside = Some(Inside { evidence_us: now_us, ..inside });
        }
        // Likewise only a further reading of the zone's own gateway shows that the level held, so that a single stray
        // one never does, whatever others hear meanwhile.
        self.replace(floor, told, &levels, now_us, moves);
    }

    /// What the burst that is over means for the polygons.
    fn judge_polygons(&mut self, floor: &Floor, now_us: u64, moves: &mut Vec<Move>) {
        let Some(map) = &floor.map else { return };
        let zone = self.inside.map(|inside| inside.zone);
        let Some(opened_us) = self.tracker.close(map, floor.hearing, zone, now_us) else { return };
        let levels = self.levels(floor, now_us);
        self.hold(floor, |plot| !plot.is_near(), &levels, opened_us);
        self.doubt(floor, &levels, now_us, moves);
        self.replace(floor, |plot| !plot.is_near(), &levels, now_us, moves);
    }

    /// Notes since when each of these zones has been reached.
    fn hold(&mut self, floor: &Floor, which: impl Fn(&Plot) -> bool, levels: &Levels, since_us: u64) {
        for (zone, plot) in floor.plots.iter().enumerate().filter(|(_, plot)| which(plot)) {
            let reached = self.is_reached(floor, plot, zone, levels);
            if let Some(since) = self.held_since_us.get_mut(zone) {
                *since = if reached { since.or(Some(since_us)) } else { None };
            }
        }
    }

    fn has_held(&self, plot: &Plot, zone: usize, now_us: u64) -> bool {
        let since = self.held_since_us.get(zone).copied().flatten();
        since.is_some_and(|since| now_us.saturating_sub(since) >= plot.holds.enter_after_us)
    }

    /// Of the polygon they are in: whether it is still believed.
    fn doubt(&mut self, floor: &Floor, levels: &Levels, now_us: u64, moves: &mut Vec<Move>) {
        let Some(mut inside) = self.inside else { return };
        let Some(plot) = floor.plots.get(inside.zone).filter(|plot| !plot.is_near()) else { return };
        let confidence = self.tracker.confidence(inside.zone);
        if self.is_kept(plot, inside.zone, levels) {
            inside.evidence_us = now_us;
            if inside.unsure && self.has_held(plot, inside.zone, now_us) {
                inside.unsure = false;
                moves.extend((!plot.sensitive).then_some(Move::Sure(inside.zone, confidence)));
            }
        } else if !inside.unsure {
            inside.unsure = true;
            moves.extend((!plot.sensitive).then_some(Move::Unsure(inside.zone, confidence)));
        }
        self.inside = Some(inside);
    }

    /// Enters the narrowest of these zones that has held its time and may replace the one they are in.
    fn replace(
        &mut self,
        floor: &Floor,
        which: impl Fn(&Plot) -> bool,
        levels: &Levels,
        now_us: u64,
        moves: &mut Vec<Move>,
    ) {
        let eligible = floor.plots.iter().enumerate().filter(|(zone, plot)| {
            which(plot)
                && self.inside.is_none_or(|inside| inside.zone != *zone)
                && self.has_held(plot, *zone, now_us)
                && self.may_replace(floor, plot, levels, now_us)
        });
        let Some((zone, plot)) = eligible.min_by(|(_, a), (_, b)| narrower(a, b)) else { return };
        let confidence = if plot.is_near() { 1.0 } else { self.tracker.confidence(zone) };
        self.leave(floor, moves);
        self.inside = Some(Inside { zone, evidence_us: now_us, unsure: false });
        moves.extend((!plot.sensitive).then_some(Move::Entered(zone, confidence)));
    }

    /// While the evidence keeps someone in a zone, only a narrower or a rival zone can be entered. A zone around a `near`
    /// one has been reached all along, so that being in it shows nothing: it is entered only when the `near` one has
    /// been without evidence for as long as it takes to enter.
    fn may_replace(&self, floor: &Floor, wanted: &Plot, levels: &Levels, now_us: u64) -> bool {
        let current = self.inside.and_then(|inside| Some((inside, floor.plots.get(inside.zone)?)));
        let Some((inside, current)) = current else { return true };
        if !self.is_kept(current, inside.zone, levels) {
            let without_us = now_us.saturating_sub(inside.evidence_us);
            return !is_around(wanted, current) || without_us >= current.holds.enter_after_us;
        }
        match (&wanted.kind, &current.kind) {
            (Kind::Near { gateway: a, .. }, Kind::Near { gateway: b, .. }) if a != b => {
                is_stronger(wanted.near_level(levels), current.near_level(levels))
            }
            _ => narrower(wanted, current).is_lt(),
        }
    }

    /// Whether a `near` zone is stronger by the margin than every other that is reached, or as good as: between two
    /// gateways nobody is placed.
    fn beats_near_rivals(floor: &Floor, plot: &Plot, gateway: GatewayIndex, levels: &Levels) -> bool {
        floor.plots.iter().all(|rival| match rival.kind {
            Kind::Near { gateway: other, enter_dbm, .. } if other != gateway => {
                let rivals = rival.near_level(levels).filter(|level| level.dbm >= enter_dbm - NEAR_MARGIN_DB);
                is_stronger(plot.near_level(levels), rivals)
            }
            Kind::Near { .. } | Kind::Polygon { .. } => true,
        })
    }

    /// At or above the level at which it is entered; of a `near` zone, and stronger than its rivals. Both have to hold:
    /// a moment's lead, of which fading makes many, moves nobody.
    fn is_reached(&self, floor: &Floor, plot: &Plot, zone: usize, levels: &Levels) -> bool {
        match plot.kind {
            Kind::Near { gateway, enter_dbm, .. } => {
                plot.near_level(levels).is_some_and(|level| level.lasting_dbm >= enter_dbm)
                    && Self::beats_near_rivals(floor, plot, gateway, levels)
            }
            Kind::Polygon { .. } => self.tracker.confidence(zone) >= plot.holds.enter_confidence,
        }
    }

    /// At or above the level below which it is left.
    fn is_kept(&self, plot: &Plot, zone: usize, levels: &Levels) -> bool {
        match &plot.kind {
            Kind::Near { leave_dbm, .. } => plot.near_level(levels).is_some_and(|level| level.dbm >= *leave_dbm),
            Kind::Polygon { .. } => self.tracker.confidence(zone) >= plot.holds.unsure_below,
        }
    }

    fn leave(&mut self, floor: &Floor, moves: &mut Vec<Move>) {
        let left = self.inside.take();
        self.before = left.or(self.before);
        let left = left.map(|inside| inside.zone);
        moves.extend(left.filter(|zone| !floor.is_sensitive(*zone)).map(Move::Left));
    }
}

/// Whether one level is above the other by the margin of `near` zones; any is above nothing.
fn is_stronger(level: Option<Level>, rival: Option<Level>) -> bool {
    level.map(|level| level.dbm) >= rival.map(|rival| rival.dbm + NEAR_MARGIN_DB)
}

/// Whether `wide` is a zone around the gateway of a `near` zone that is narrower.
fn is_around(wide: &Plot, near: &Plot) -> bool {
    matches!(near.kind, Kind::Near { gateway, .. } if wide.is_told_by(gateway)) && narrower(near, wide).is_lt()
}

fn narrower(a: &Plot, b: &Plot) -> std::cmp::Ordering {
    a.breadth.0.cmp(&b.breadth.0).then(a.breadth.1.total_cmp(&b.breadth.1))
}
