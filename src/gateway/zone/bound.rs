//! What the gateways' places allow: how far off anybody's place must be told, before anything was ever heard.
//!
//! The Cramér-Rao bound of a place from levels: no method that is right on average strays less.

use geo::{BoundingRect, Contains, Point, Polygon};

use super::model::{Anchor, PathLoss};

/// Readings of one gateway stay alike for 10 s and more, so that a stop of half a minute has two that prove something.
const SAMPLES: f64 = 2.0;

/// The zone is judged at so many places along a side.
const PLACES_A_SIDE: u8 = 8;

/// Below this the gateways say nothing along some direction; a floor's information is around 1.
const SINGULAR: f64 = 1e-9;

/// The least error along x and y in metres with which a device can be placed at the median place of this zone;
/// infinite where the gateways do not say. The device's transmit power is unknown.
pub fn least_error_m(zone: &Polygon<f64>, anchors: &[Anchor]) -> (f64, f64) {
    let variances = || places_in(zone).into_iter().map(|place| variance_at(place, anchors));
    (libm::sqrt(median(variances().map(|(x, _)| x))), libm::sqrt(median(variances().map(|(_, y)| y))))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// Places all over the zone, in metres; at least one.
fn places_in(zone: &Polygon<f64>) -> Vec<(f64, f64)> {
    let Some(bounds) = zone.bounding_rect() else { return Vec::new() };
    let at = |share: (f64, f64)| {
        let min = bounds.min();
        (min.x + share.0 * bounds.width(), min.y + share.1 * bounds.height())
    };
    let steps = || (0..PLACES_A_SIDE).map(|step| (f64::from(step) + 0.5) / f64::from(PLACES_A_SIDE));
    let all = steps().flat_map(|y| steps().map(move |x| (x, y))).map(at);
    let inside: Vec<_> = all.filter(|(x, y)| zone.contains(&Point::new(*x, *y))).collect();
    if inside.is_empty() { vec![at((0.5, 0.5))] } else { inside }
}

/// The least variance along x and y at one place, in m².
fn variance_at(place: (f64, f64), anchors: &[Anchor]) -> (f64, f64) {
    // The information of x, y and the transmit power: sums of products of how a level changes with each.
    // Whatever a survey says: places alone are judged, so that whoever surveys a shop is not warned of zones that were well
    // before.
    let PathLoss { exponent, sigma_db, .. } = PathLoss::default();
    let (mut xx, mut xy, mut yy, mut x, mut y, mut n) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for anchor in anchors {
        let db_a_m2 = -10.0 * exponent / std::f64::consts::LN_10 / anchor.distance_m(place).powi(2);
        let (dx, dy) = (db_a_m2 * (place.0 - anchor.position_m.0), db_a_m2 * (place.1 - anchor.position_m.1));
        (xx, xy, yy) = (xx + dx * dx, xy + dx * dy, yy + dy * dy);
        (x, y, n) = (x + dx, y + dy, n + 1.0);
    }
    // The power is unknown, so that what all levels have in common says nothing.
    let (xx, xy, yy) = (xx - x * x / n, xy - x * y / n, yy - y * y / n);
    let determinant = xx * yy - xy * xy;
    if n < 3.0 || determinant < SINGULAR {
        return (f64::INFINITY, f64::INFINITY);
    }
    let sample = sigma_db * sigma_db / SAMPLES / determinant;
    (yy * sample, xx * sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::polygon;

    fn anchors(places: &[(f64, f64)]) -> Vec<Anchor> {
        places.iter().map(|place| Anchor { position_m: *place, height_m: 2.4, offset_db: 0.0 }).collect()
    }

    fn room() -> Polygon<f64> {
        polygon![(x: 0.0, y: 0.0), (x: 10.0, y: 0.0), (x: 10.0, y: 8.0), (x: 0.0, y: 8.0)]
    }

    #[test]
    fn more_gateways_tell_more_and_two_tell_nothing() {
        let corners = [(0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0), (5.0, 4.0), (5.0, 0.0)];
        let error = |count: usize| least_error_m(&room(), &anchors(&corners[..count]));
        assert_eq!(error(2), (f64::INFINITY, f64::INFINITY));
        assert!(error(6).0 < error(4).0 && error(4).0 < error(3).0 && error(3).0.is_finite());
        assert!(error(6).0 > 0.5, "nobody is told half a metre by levels: {:?}", error(6));
    }

    #[test]
    fn gateways_in_a_row_do_not_tell_across_it() {
        let row = anchors(&[(1.0, 4.0), (4.0, 4.0), (7.0, 4.0), (9.5, 4.0)]);
        let (along, across) = least_error_m(&room(), &row);
        assert!(across > along, "{along} {across}");
    }
}
