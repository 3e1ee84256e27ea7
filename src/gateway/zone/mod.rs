//! Where they are: one customer's levels in, transitions out.
//!
//! A zone is entered when its level has held for its time and no rival is as strong; it is left after a time without
//! evidence, or at once when another is entered. The evidence is the level of each gateway that hears the device
//! (`level`); what a level means for a zone is `floor`'s.

mod floor;
mod level;

pub use floor::Floor;

use floor::{Kind, Levels, Plot};
use level::Readings;

use super::advertisement::GatewayIndex;
use super::effect::Evidence;

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

/// Where one customer is. Bounded by the site: one set of readings a gateway, one instant a zone.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts {
    readings: Vec<Readings>,
    /// Since when each zone's enter level has held, on the monotonic clock.
    held_since_us: Vec<Option<u64>>,
    heard_us: Option<u64>,
    inside: Option<Inside>,
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
        self.forget_holds_after_silence(floor, now_us);
        self.readings.resize_with(floor.anchor_count(), Readings::default);
        if let Some(readings) = self.readings.get_mut(usize::from(gateway.0)) {
            readings.push(level_dbm, now_us, floor.hearing);
        }
        let levels = self.levels(floor, now_us);
        self.hold(floor, &levels, now_us);
        let mut moves = Vec::new();
        self.reconsider_inside(floor, gateway, &levels, now_us, &mut moves);
        if let Some(zone) = self.winner(floor, gateway, &levels, now_us) {
            self.leave(floor, &mut moves);
            self.enter(floor, zone, &levels, now_us, &mut moves);
        }
        moves
    }

    /// Leaves the zone if its deadline is due.
    pub fn tick(&mut self, floor: &Floor, now_us: u64) -> Option<Move> {
        let mut moves = Vec::new();
        if self.leaves_at_us(floor).is_some_and(|due_us| due_us <= now_us) {
            self.leave(floor, &mut moves);
        }
        moves.pop()
    }

    /// When the zone is left unless evidence comes, on the monotonic clock.
    pub fn leaves_at_us(&self, floor: &Floor) -> Option<u64> {
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

    /// The level of every gateway that hears the device, for `--explain`; those of sensitive zones tell nothing.
    pub fn evidence(&self, floor: &Floor, now_us: u64) -> Evidence {
        let levels = self.levels(floor, now_us);
        let named = levels.iter().enumerate().filter_map(|(index, level)| {
            let gateway = floor.anchor_id(index).filter(|_| !floor.tells_a_sensitive_zone(index))?;
            level.map(|level| (gateway.clone(), level))
        });
        named.collect()
    }

    /// A hold needs evidence all along: two readings a minute apart do not show that a level held in between.
    fn forget_holds_after_silence(&mut self, floor: &Floor, now_us: u64) {
        self.held_since_us.resize(floor.len(), None);
        if self.heard_us.is_some_and(|heard_us| now_us.saturating_sub(heard_us) > floor.hearing.silence_us) {
            self.held_since_us.fill(None);
        }
        self.heard_us = Some(now_us);
    }

    fn levels(&self, floor: &Floor, now_us: u64) -> Vec<Option<f64>> {
        self.readings.iter().map(|readings| readings.level_dbm(now_us, floor.hearing)).collect()
    }

    fn hold(&mut self, floor: &Floor, levels: &Levels, now_us: u64) {
        for (plot, since) in floor.plots.iter().zip(&mut self.held_since_us) {
            *since = if plot.reached(levels) { since.or(Some(now_us)) } else { None };
        }
    }

    /// A gateway's last reading lingers after it: only a further one inside the zone shows that the level held, so that
    /// a single stray one never does, whatever others hear meanwhile.
    fn has_held(&self, floor: &Floor, zone: usize, heard_by: GatewayIndex, now_us: u64) -> bool {
        let Some(plot) = floor.plots.get(zone).filter(|plot| plot.is_told_by(heard_by)) else { return false };
        let since = self.held_since_us.get(zone).copied().flatten();
        since.is_some_and(|since| now_us.saturating_sub(since) >= plot.holds.enter_after_us)
    }

    fn reconsider_inside(
        &mut self,
        floor: &Floor,
        gateway: GatewayIndex,
        levels: &Levels,
        now_us: u64,
        moves: &mut Vec<Move>,
    ) {
        let Some(mut inside) = self.inside else { return };
        let Some(plot) = floor.plots.get(inside.zone) else { return };
        let kept = plot.kept(levels);
        // Evidence is a reading of a gateway of the zone; its last one lingers in the level and is none any more.
        if kept && plot.is_told_by(gateway) {
            inside.evidence_us = now_us;
        }
        let confidence = plot.confidence(levels);
        if matches!(plot.kind, Kind::Polygon { .. }) {
            if !kept && !inside.unsure {
                inside.unsure = true;
                moves.extend((!plot.sensitive).then_some(Move::Unsure(inside.zone, confidence)));
            } else if inside.unsure && self.has_held(floor, inside.zone, gateway, now_us) {
                inside.unsure = false;
                moves.extend((!plot.sensitive).then_some(Move::Sure(inside.zone, confidence)));
            }
        }
        self.inside = Some(inside);
    }

    /// The narrowest zone that has held its time and is allowed to replace the one they are in.
    fn winner(&self, floor: &Floor, gateway: GatewayIndex, levels: &Levels, now_us: u64) -> Option<usize> {
        let eligible = floor.plots.iter().enumerate().filter(|(zone, plot)| {
            self.inside.is_none_or(|inside| inside.zone != *zone)
                && self.has_held(floor, *zone, gateway, now_us)
                && self.may_replace(floor, plot, levels)
                && beats_near_rivals(floor, *zone, plot, levels)
        });
        eligible.min_by(|(_, a), (_, b)| narrower(a, b)).map(|(zone, _)| zone)
    }

    /// While the evidence keeps someone in a zone, only a narrower or a rival zone can be entered.
    fn may_replace(&self, floor: &Floor, wanted: &Plot, levels: &Levels) -> bool {
        let Some(current) = self.inside.and_then(|inside| floor.plots.get(inside.zone)) else { return true };
        if !current.kept(levels) {
            return true;
        }
        match (&wanted.kind, &current.kind) {
            (Kind::Near { gateway: a, .. }, Kind::Near { gateway: b, .. }) if a != b => {
                wanted.near_level(levels) >= current.near_level(levels).map(|level| level + NEAR_MARGIN_DB)
            }
            _ => narrower(wanted, current).is_lt(),
        }
    }

    fn leave(&mut self, floor: &Floor, moves: &mut Vec<Move>) {
        let left = self.inside.take().map(|inside| inside.zone);
        moves.extend(left.filter(|zone| !floor.is_sensitive(*zone)).map(Move::Left));
    }

    fn enter(&mut self, floor: &Floor, zone: usize, levels: &Levels, now_us: u64, moves: &mut Vec<Move>) {
        self.inside = Some(Inside { zone, evidence_us: now_us, unsure: false });
        let confidence = floor.plots.get(zone).map_or(0.0, |plot| plot.confidence(levels));
        moves.extend((!floor.is_sensitive(zone)).then_some(Move::Entered(zone, confidence)));
    }
}

fn narrower(a: &Plot, b: &Plot) -> std::cmp::Ordering {
    a.breadth.0.cmp(&b.breadth.0).then(a.breadth.1.total_cmp(&b.breadth.1))
}

/// A `near` zone is entered only if it is stronger by the margin than every other `near` zone that is reached.
fn beats_near_rivals(floor: &Floor, zone: usize, plot: &Plot, levels: &Levels) -> bool {
    let Kind::Near { gateway, .. } = plot.kind else { return true };
    let level = plot.near_level(levels);
    floor.plots.iter().enumerate().filter(|(rival, _)| *rival != zone).all(|(_, rival)| match rival.kind {
        Kind::Near { gateway: other, .. } if other != gateway && rival.reached(levels) => {
            level >= rival.near_level(levels).map(|level| level + NEAR_MARGIN_DB)
        }
        Kind::Near { .. } | Kind::Polygon { .. } => true,
    })
}
