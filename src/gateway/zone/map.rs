//! The shop as the filter needs it: the grid, what each anchor should hear in each cell, and whose each cell is.

use geo::Polygon;

use super::filter::Belief;
use super::grid::Grid;
use super::model::{Lanes, narrow};
use super::radio_map::RadioMap;
use crate::config::Config;
use crate::config::fixed::FixedBeacon;
use crate::config::site::SiteGateway;
use crate::config::zones::Shape;

/// Who is taken up again in a zone is there with this probability; the rest lies evenly on the floor.
const RESUMED: f32 = 0.5;

/// The floor, prepared for the polygons of one configuration. 64 gateways and as many fixed beacons on 600 cells are
/// 0.3 MB, and a zone of the whole floor 10 KB: below 3 MB, once a shop.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) grid: Grid,
    /// By anchor, the gateways and then the fixed beacons; nothing for one whose place is not known.
    expected: Vec<Option<Vec<Lanes>>>,
    /// By zone: each cell's share in it; nothing for `near` zones.
    shares: Vec<Option<Vec<(usize, f32)>>>,
    pub(super) sigma_db: f32,
}

impl Map {
    /// The map of `config`, or nothing where no anchor has a place or no zone is drawn.
    pub(super) fn new(config: &Config) -> Option<Self> {
        let drawn: Vec<Option<&Polygon<f64>>> = config
            .zones
            .zones
            .iter()
            .map(|zone| match &zone.shape {
                Shape::Polygon(polygon) => Some(polygon),
                Shape::Near { .. } => None,
            })
            .collect();
        let gateways = config.site.gateways.iter().map(SiteGateway::anchor);
        // By reciprocity a phone's reading of a beacon is what a gateway in the beacon's place would hear of the phone.
        let anchors: Vec<_> = gateways.chain(config.site.fixed_beacons.iter().map(FixedBeacon::anchor)).collect();
        let places: Vec<_> = anchors.iter().flatten().map(|anchor| anchor.position_m).collect();
        if places.is_empty() || drawn.iter().all(Option::is_none) {
            return None;
        }
        let around = || Grid::around(drawn.iter().flatten().copied(), places.iter().copied());
        let grid = config.site.floor_m.map(Grid::of_plan).or_else(around)?;
        let loss = config.site.path_loss;
        let radio_map = RadioMap::new(&config.site.survey_points, &anchors, loss);
        let expected = anchors.iter().enumerate().map(|(index, anchor)| {
            let corrections_db = radio_map.corrections_db(index, &grid);
            Some((*anchor)?.levels(&grid, loss, corrections_db.as_deref()))
        });
        Some(Self {
            expected: expected.collect(),
            shares: drawn.iter().map(|polygon| polygon.map(|polygon| grid.shares(polygon))).collect(),
            sigma_db: narrow(loss.sigma_db),
            grid,
        })
    }

    /// What this anchor should hear in each cell, if its place is known.
    pub(super) fn expected(&self, anchor: usize) -> Option<&[Lanes]> {
        self.expected.get(anchor)?.as_deref()
    }

    /// Where a device may be of which nothing has been heard: anywhere, but rather in the zone it was in.
    pub(super) fn prior(&self, zone: Option<usize>) -> Vec<f32> {
        let shares = zone.and_then(|zone| self.shares.get(zone)?.as_ref()).filter(|shares| !shares.is_empty());
        let evenly = shares.map_or(1.0, |_| 1.0 - RESUMED);
        let mut prior = vec![evenly / narrow_count(self.grid.len()); self.grid.len()];
        let sum: f32 = shares.into_iter().flatten().map(|(_, share)| share).sum();
        for (cell, share) in shares.into_iter().flatten() {
            prior.get_mut(*cell).into_iter().for_each(|mass| *mass += RESUMED * share / sum);
        }
        prior
    }

    /// The mass of each zone, 0 to 1; 0 for `near` zones.
    pub(super) fn confidences(&self, belief: &Belief) -> Vec<f64> {
        let masses: Vec<f32> = belief.masses().collect();
        let mass = |(cell, share): &(usize, f32)| masses.get(*cell).map_or(0.0, |mass| f64::from(mass * share));
        // What is no number stays none, and reaches no level; the lesser of it and 1 would be 1.
        let zone = |shares: &Option<Vec<_>>| shares.iter().flatten().map(mass).sum::<f64>().clamp(0.0, 1.0);
        self.shares.iter().map(zone).collect()
    }

    /// The mass outside all of these zones, 0 to 1.
    pub(super) fn outside(&self, belief: &Belief, is_one: impl Fn(usize) -> bool) -> f64 {
        let mut left = vec![1.0_f32; self.grid.len()];
        let zones = self.shares.iter().enumerate().filter(|(zone, _)| is_one(*zone));
        for (cell, share) in zones.flat_map(|(_, shares)| shares.iter().flatten()) {
            // Of nested zones the wider has whatever the narrower has.
            left.get_mut(*cell).into_iter().for_each(|left| *left = left.min(1.0 - share));
        }
        belief.masses().zip(left).map(|(mass, left)| f64::from(mass * left)).sum::<f64>().min(1.0)
    }

    /// Whether all of one drawn zone lies in another.
    pub(super) fn covers(&self, wider: usize, narrower: usize) -> bool {
        let shares = |zone: usize| self.shares.get(zone).and_then(Option::as_deref);
        let (Some(wider), Some(narrower)) = (shares(wider), shares(narrower)) else { return false };
        let share_of = |cell: usize| wider.iter().find(|(own, _)| *own == cell).map_or(0.0, |(_, share)| *share);
        narrower.iter().all(|(cell, share)| share_of(*cell) >= *share)
    }

    /// Whether some of this cell lies in this zone.
    pub(super) fn has_in(&self, zone: usize, cell: usize) -> bool {
        self.shares.get(zone).is_some_and(|shares| shares.iter().flatten().any(|(own, _)| *own == cell))
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are at most a few hundred cells")]
fn narrow_count(count: usize) -> f32 {
    count as f32
}
