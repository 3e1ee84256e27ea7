//! The shapes of zones on the floor: whether a polygon is one, and how polygons, gateways and the plan fit together.

use geo::{Area, BooleanOps, BoundingRect, Coord, Intersects, Line, LineString, Polygon};

use super::civil::Refusal;

/// No zone needs more corners; it bounds what checking and telling zones costs.
const MOST_CORNERS: usize = 100;

/// Less than this, in square metres, is a line drawn by an unsteady hand.
const LEAST_AREA_M2: f64 = 0.01;

/// The polygon with these corners, whichever way round; a last corner equal to the first is not counted twice.
pub(super) fn polygon(corners: &[(f64, f64)]) -> Result<Polygon<f64>, Refusal> {
    let mut corners: Vec<Coord<f64>> = corners.iter().map(|&(x, y)| Coord { x, y }).collect();
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    if corners.len() < 3 {
        return Err((
            format!("a polygon has at least 3 corners, not {}", corners.len()),
            "name the corners in order, walking along the edge".to_owned(),
        ));
    }
    if corners.len() > MOST_CORNERS {
        return Err((
            format!("a polygon with {} corners", corners.len()),
            format!("{MOST_CORNERS} are enough for any zone"),
        ));
    }
    if let Some((first, second)) = crossing(&corners) {
        return Err((
            format!("the edge from {} crosses the edge from {}", shown(first), shown(second)),
            "name the corners in order, walking along the edge of the zone".to_owned(),
        ));
    }
    let polygon = Polygon::new(LineString::new(corners), Vec::new());
    if polygon.unsigned_area() < LEAST_AREA_M2 {
        return Err((
            "the corners lie on one line: the zone has no area".to_owned(),
            "name the corners in order, in metres".to_owned(),
        ));
    }
    Ok(polygon)
}

/// The first two edges that meet where they should not.
fn crossing(corners: &[Coord<f64>]) -> Option<(Line<f64>, Line<f64>)> {
    let next = corners.iter().cycle().skip(1);
    let edges: Vec<Line<f64>> = corners.iter().zip(next).map(|(start, end)| Line::new(*start, *end)).collect();
    for (index, first) in edges.iter().enumerate() {
        for (offset, second) in edges.iter().enumerate().skip(index + 1) {
            let are_neighbours = offset == index + 1 || (index == 0 && offset + 1 == edges.len());
            if !are_neighbours && first.intersects(second) {
                return Some((*first, *second));
            }
        }
    }
    None
}

fn shown(edge: Line<f64>) -> String {
    format!("[{}, {}] to [{}, {}]", edge.start.x, edge.start.y, edge.end.x, edge.end.y)
}

/// The first corner that is not on a plan `width` by `depth` metres.
pub(super) fn corner_outside(polygon: &Polygon<f64>, (width, depth): (f64, f64)) -> Option<(f64, f64)> {
    let is_inside = |corner: &&Coord<f64>| (0.0..=width).contains(&corner.x) && (0.0..=depth).contains(&corner.y);
    polygon.exterior().coords().find(|corner| !is_inside(corner)).map(|corner| (corner.x, corner.y))
}

/// How two polygons share the floor.
#[derive(Debug, PartialEq)]
pub(super) enum Sharing {
    /// Apart, touching, or one within the other.
    Clean,
    /// They cover each other in part, so many square metres.
    Partly(f64),
    /// They are the same area.
    Same,
}

/// How `a` and `b` share the floor.
pub(super) fn sharing(a: &Polygon<f64>, b: &Polygon<f64>) -> Sharing {
    let apart = a.bounding_rect().zip(b.bounding_rect()).is_none_or(|(a, b)| !a.intersects(&b));
    if apart {
        return Sharing::Clean;
    }
    let shared = a.intersection(b).unsigned_area();
    let (a, b) = (a.unsigned_area(), b.unsigned_area());
    if shared > a.max(b) - LEAST_AREA_M2 && shared > LEAST_AREA_M2 {
        Sharing::Same
    } else if shared > LEAST_AREA_M2 && shared < a.min(b) - LEAST_AREA_M2 {
        Sharing::Partly(shared)
    } else {
        Sharing::Clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64, side: f64) -> Polygon<f64> {
        polygon(&[(x, y), (x + side, y), (x + side, y + side), (x, y + side)]).unwrap()
    }

    #[test]
    fn a_bow_tie_names_its_edges() {
        let (what, _) = polygon(&[(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)]).unwrap_err();
        assert_eq!(what, "the edge from [0, 0] to [2, 2] crosses the edge from [2, 0] to [0, 2]");
    }

    #[test]
    fn what_is_no_area_is_refused() {
        assert!(polygon(&[(0.0, 0.0), (1.0, 0.0)]).is_err());
        assert!(polygon(&[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)]).is_err());
        assert!(polygon(&[(0.0, 0.0); 5]).is_err());
    }

    #[test]
    fn winding_and_a_repeated_first_corner_do_not_matter() {
        assert!(polygon(&[(0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (2.0, 0.0), (0.0, 0.0)]).is_ok());
    }

    #[test]
    fn zones_may_touch_and_nest_but_not_overlap() {
        assert_eq!(sharing(&square(0.0, 0.0, 2.0), &square(2.0, 0.0, 2.0)), Sharing::Clean);
        assert_eq!(sharing(&square(0.0, 0.0, 4.0), &square(1.0, 1.0, 1.0)), Sharing::Clean);
        assert_eq!(sharing(&square(0.0, 0.0, 2.0), &square(0.0, 0.0, 2.0)), Sharing::Same);
        assert!(
            matches!(sharing(&square(0.0, 0.0, 2.0), &square(1.0, 1.0, 2.0)), Sharing::Partly(m2) if (m2 - 1.0).abs() < 1e-6)
        );
    }
}
