//! What a shop's shelves and walls do to levels, as far as a survey heard it: corrections of path loss around each point.
//!
//! What strays from path loss is bound to the place and correlated over a step or two: shadowing as Gudmundson measured
//! it ("Correlation model for shadow fading", 1991), an exponential of distance. Its best estimate between the points is
//! Gaussian process regression.

use super::grid::Grid;
use super::model::{Anchor, PathLoss};
use crate::config::surveyed::SurveyPoint;
use crate::gateway::advertisement::GatewayIndex;

/// After so many metres shadowing has a third in common: indoors 1 to 3 were measured, and of 2 to 4 the recordings prefer
/// the shorter, which also claims the least.
const COMMON_M: f64 = 2.0;

/// How strong shadowing is beside a gateway's own offset, 3 dB, in dB².
const SHADOW_DB2: f64 = 9.0;

/// How well 20 s of listening know a level, 1.5 dB, in dB² (zones, "The method to build").
const NOISE_DB2: f64 = 2.25;

/// Conjugate gradients end when so little is left to explain, in dB².
const EXPLAINED_DB2: f64 = 1e-6;

/// The survey, prepared: where it listened, and what each anchor heard beyond path loss there.
#[derive(Clone, Debug)]
pub(super) struct RadioMap {
    places: Vec<(f64, f64)>,
    /// By point, by anchor: dB above what path loss expects.
    shadows_db: Vec<Vec<(usize, f64)>>,
}

impl RadioMap {
    /// The map of a survey's points. Levels are held against `loss` and the anchors' offsets; what all have in common is
    /// the tag's power.
    pub(super) fn new(points: &[SurveyPoint], anchors: &[Option<Anchor>], loss: PathLoss) -> Self {
        let shadow = |place, (gateway, level_dbm): &(GatewayIndex, f64)| {
            let index = usize::from(gateway.0);
            let anchor = anchors.get(index).copied().flatten()?;
            Some((index, level_dbm - anchor.level_dbm(place, loss)))
        };
        let of_point = |point: &SurveyPoint| {
            point.levels_dbm.iter().filter_map(|level| shadow(point.position_m, level)).collect::<Vec<_>>()
        };
        let mut shadows_db: Vec<Vec<(usize, f64)>> = points.iter().map(of_point).collect();
        let (sum, count) = shadows_db.iter().flatten().fold((0.0, 0.0), |(sum, n), (_, db)| (sum + db, n + 1.0));
        for (_, db) in shadows_db.iter_mut().flatten() {
            *db -= sum / count;
        }
        Self { places: points.iter().map(|point| point.position_m).collect(), shadows_db }
    }

    /// What is to be added to the level that `anchor` should hear in each cell, in dB; nothing where it heard nothing.
    pub(super) fn corrections_db(&self, anchor: usize, grid: &Grid) -> Option<Vec<f64>> {
        let heard = |shadows: &Vec<(usize, f64)>| shadows.iter().find(|(index, _)| *index == anchor).map(|(_, db)| *db);
        let heard_at = self.places.iter().zip(&self.shadows_db);
        let (places, shadows): (Vec<_>, Vec<_>) =
            heard_at.filter_map(|(place, shadows)| Some((*place, heard(shadows)?))).unzip();
        if places.is_empty() {
            return None;
        }
        let weights = weights(&places, &shadows);
        let at = |cell| places.iter().zip(&weights).map(|(place, weight)| weight * common_db2(cell, *place)).sum();
        Some(grid.middles().map(at).collect())
    }
}

/// How much the shadows of two places have in common.
fn common_db2((ax, ay): (f64, f64), (bx, by): (f64, f64)) -> f64 {
    SHADOW_DB2 * libm::exp(-libm::sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by)) / COMMON_M)
}

/// The weights of the points, with which what they have in common with any place foretells its shadow: the solution of
/// (K + noise) w = shadows by conjugate gradients, which end after as many steps as there are points.
fn weights(places: &[(f64, f64)], shadows: &[f64]) -> Vec<f64> {
    let times = |vector: &[f64]| -> Vec<f64> {
        let row = |place: &(f64, f64)| {
            places.iter().zip(vector).map(|(other, v)| v * common_db2(*place, *other)).sum::<f64>()
        };
        places.iter().zip(vector).map(|(place, v)| row(place) + NOISE_DB2 * v).collect()
    };
    let mut weights = vec![0.0; shadows.len()];
    let mut left = shadows.to_vec();
    let mut direction = left.clone();
    let mut squares = dot(&left, &left);
    for _ in 0..places.len() {
        if squares < EXPLAINED_DB2 {
            break;
        }
        let towards = times(&direction);
        let step = squares / dot(&direction, &towards);
        add(&mut weights, step, &direction);
        add(&mut left, -step, &towards);
        let before = std::mem::replace(&mut squares, dot(&left, &left));
        for (direction, left) in direction.iter_mut().zip(&left) {
            *direction = left + squares / before * *direction;
        }
    }
    weights
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(sum: &mut [f64], factor: f64, vector: &[f64]) {
    for (sum, v) in sum.iter_mut().zip(vector) {
        *sum += factor * v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: Anchor = Anchor { position_m: (0.0, 0.0), height_m: 2.4, offset_db: 0.0 };

    fn survey(shadows: &[((f64, f64), f64)]) -> RadioMap {
        let point = |((x, y), shadow_db): &((f64, f64), f64)| {
            let level_dbm = ANCHOR.level_dbm((*x, *y), PathLoss::default()) + shadow_db;
            SurveyPoint { position_m: (*x, *y), levels_dbm: vec![(GatewayIndex(0), level_dbm)] }
        };
        let points: Vec<_> = shadows.iter().map(point).collect();
        RadioMap::new(&points, &[Some(ANCHOR)], PathLoss::default())
    }

    #[test]
    fn beside_a_point_most_of_its_shadow_is_believed_and_far_from_all_none() {
        let grid = Grid::of_plan((40.0, 1.0));
        let map = survey(&[((5.5, 0.5), -6.0), ((15.5, 0.5), 6.0)]);
        let db = map.corrections_db(0, &grid).unwrap();
        assert!((-6.0..-4.0).contains(&db[5]) && (4.0..6.0).contains(&db[15]), "{} {}", db[5], db[15]);
        assert!(db[7].abs() < db[5].abs() / 2.0 && db[39].abs() < 0.01, "{} {}", db[7], db[39]);
        assert_eq!(map.corrections_db(1, &grid), None, "another gateway heard nothing");
    }

    #[test]
    fn the_tags_power_is_no_shadow() {
        let map = survey(&[((5.5, 0.5), 9.0), ((15.5, 0.5), 9.0), ((25.5, 0.5), 9.0)]);
        let db = map.corrections_db(0, &Grid::of_plan((40.0, 1.0))).unwrap();
        assert!(db.iter().all(|db| db.abs() < 1e-6), "{db:?}");
    }

    #[test]
    fn two_surveys_of_one_place_are_believed_in_the_middle() {
        let db = survey(&[((5.5, 0.5), 4.0), ((5.5, 0.5), 0.0), ((30.5, 0.5), -4.0)]);
        let db = db.corrections_db(0, &Grid::of_plan((40.0, 1.0))).unwrap();
        assert!((1.0..2.1).contains(&db[5]), "{}", db[5]);
    }
}
