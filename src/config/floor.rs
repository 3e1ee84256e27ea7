//! The shapes of zones on the floor: whether a polygon is one, and how polygons, gateways and the plan fit together.

use geo::orient::{Direction, Orient};
use geo::{Area, BooleanOps, BoundingRect, Coord, Intersects, Line, LineString, Polygon};

use super::civil::Refusal;
use super::site::WIDEST_M;

/// No zone needs more corners; it bounds what checking and telling zones costs.
const MOST_CORNERS: usize = 100;

/// Less than this, in square metres, is a line drawn by an unsteady hand.
const LEAST_AREA_M2: f64 = 0.01;

/// A zone less than a hand across, in metres, was meant in another unit: degrees, or kilometres.
const LEAST_SIDE_M: f64 = 0.1;

/// The polygon with these corners, made to go counterclockwise; a corner that is named twice running is one, and so is a
/// last one equal to the first.
pub(super) fn polygon(corners: &[(f64, f64)]) -> Result<Polygon<f64>, Refusal> {
    let mut corners: Vec<Coord<f64>> = corners.iter().map(|&(x, y)| Coord { x, y }).collect();
    corners.dedup();
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
    let line = LineString::new(corners.clone());
    if line.bounding_rect().is_some_and(|around| around.width().max(around.height()) < LEAST_SIDE_M) {
        return Err((
            "the zone is smaller than a hand: are these degrees, or kilometres?".to_owned(),
            "write metres on the floor plan".to_owned(),
        ));
    }
    let polygon = Polygon::new(line, Vec::new()).orient(Direction::Default);
    let has_area = polygon.unsigned_area() >= LEAST_AREA_M2;
    if let Some(Coord { x, y }) = spike(&corners).filter(|_| has_area) {
        return Err((
            format!("at the corner [{x}, {y}] the edge turns back on itself"),
            "leave that corner out".to_owned(),
        ));
    }
    if let Some((first, second)) = crossing(&corners) {
        return Err((
            format!("the edge from {} crosses the edge from {}", shown(first), shown(second)),
            "name the corners in order, walking along the edge of the zone".to_owned(),
        ));
    }
    if !has_area {
        return Err((
            "the corners lie on one line: the zone has no area".to_owned(),
            "name the corners in order, in metres".to_owned(),
        ));
    }
    Ok(polygon)
}

/// The first corner from which the edge goes back the way it came.
fn spike(corners: &[Coord<f64>]) -> Option<Coord<f64>> {
    let around = |steps| corners.iter().cycle().skip(steps);
    corners.iter().zip(around(1)).zip(around(2)).find_map(|((before, corner), after)| {
        let (come, go) = (*corner - *before, *after - *corner);
        let (cross, dot) = (come.x * go.y - come.y * go.x, come.x * go.x + come.y * go.y);
        // The sine of the angle, so small that the edges are a millimetre apart after a metre.
        (dot < 0.0 && cross.abs() < 1e-3 * dot.abs()).then_some(*corner)
    })
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

/// The first corner that is not on a plan so wide and deep, in metres, and what was probably meant.
pub(super) fn corner_outside(polygon: &Polygon<f64>, plan: (f64, f64)) -> Option<((f64, f64), String)> {
    let mut corners: Vec<_> = polygon.exterior().coords().map(|corner| (corner.x, corner.y)).collect();
    // The ring ends with the corner that it begins with.
    corners.pop();
    let outside = corners.iter().find(|corner| !is_on(**corner, plan))?;
    Some((*outside, meant(&corners, plan)))
}

/// What is wrong with a place that is in no shop at all.
pub(super) fn far_away((x, y): (f64, f64)) -> Option<Refusal> {
    let away_m = x.abs().max(y.abs());
    let what =
        || format!("[{x}, {y}] is {:.0} km away from the plan's corner: are these millimetres?", away_m / 1_000.0);
    (away_m > WIDEST_M).then(|| (what(), "write metres".to_owned()))
}

/// What is wrong with a place, unless it is on a plan so wide and deep, in metres.
pub(super) fn place_outside(place: (f64, f64), plan: (f64, f64)) -> Option<Refusal> {
    let (x, y) = place;
    (!is_on(place, plan)).then(|| (format!("[{x}, {y}] is outside the floor plan"), meant(&[place], plan)))
}

fn is_on((x, y): (f64, f64), (width, depth): (f64, f64)) -> bool {
    (0.0..=width).contains(&x) && (0.0..=depth).contains(&y)
}

/// How large the plan is, and by which change all of the places, some of which are outside, would be on it.
fn meant(places: &[(f64, f64)], plan: (f64, f64)) -> String {
    let (width, depth) = plan;
    let would_fit = |change: &dyn Fn((f64, f64)) -> (f64, f64)| places.iter().all(|place| is_on(change(*place), plan));
    // One corner of many is a slip of the pen, and a step outside is one of the tape; a wrong unit is three shops away.
    let is_one_slip = places.iter().filter(|place| !is_on(**place, plan)).count() * 2 < places.len();
    let is_far = places.iter().any(|(x, y)| *x > 3.0 * width || *y > 3.0 * depth);
    let guess = if is_far && would_fit(&|(x, y)| (x / 100.0, y / 100.0)) {
        ": are these centimetres?"
    } else if is_far && would_fit(&|(x, y)| (x / 1_000.0, y / 1_000.0)) {
        ": are these millimetres?"
    } else if is_one_slip {
        ""
    } else if would_fit(&|(x, y)| (y, x)) {
        ": are the two numbers the wrong way round? The first goes to the right, the second into the depth"
    } else if would_fit(&|(x, y)| (x, -y)) {
        ": the second number counts into the depth, from 0 up"
    } else {
        ""
    };
    format!("the plan goes from [0, 0] to [{width}, {depth}]{guess}")
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
    fn winding_and_repeated_corners_do_not_matter() {
        let clockwise = polygon(&[(0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (2.0, 2.0), (2.0, 0.0), (0.0, 0.0)]).unwrap();
        assert!(clockwise.signed_area() > 0.0, "every polygon goes counterclockwise from here on");
        assert_eq!(sharing(&clockwise, &square(0.0, 0.0, 2.0)), Sharing::Same);
    }

    #[test]
    fn an_edge_that_turns_back_names_its_corner() {
        let (what, _) = polygon(&[(0.0, 0.0), (3.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]).unwrap_err();
        assert_eq!(what, "at the corner [3, 0] the edge turns back on itself");
        let (what, _) = polygon(&[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0), (0.0, -1.0)]).unwrap_err();
        assert_eq!(what, "at the corner [0, -1] the edge turns back on itself");
        assert!(polygon(&[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 2.0)]).is_ok(), "straight on is no spike");
    }

    #[test]
    fn what_was_meant_is_guessed_where_one_change_explains_it() {
        let plan = (21.0, 18.0);
        let meant = |place| place_outside(place, plan).unwrap().1;
        assert_eq!(place_outside((21.0, 18.0), plan), None, "the wall is in the shop");
        assert_eq!(meant((22.0, 20.0)), "the plan goes from [0, 0] to [21, 18]");
        assert!(meant((700.0, 600.0)).ends_with("are these centimetres?"));
        assert!(meant((7_000.0, 6_000.0)).ends_with("are these millimetres?"));
        assert!(meant((5.0, 20.0)).contains("the wrong way round?"));
        assert!(meant((5.0, -3.0)).ends_with("from 0 up"));
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
