//! Which zone a place is truly in, and how near it is to where another begins.

use geo::{Area, Distance, Euclidean, Intersects, Line, Point, Polygon};

use super::truth::Place;
use crate::config::Config;
use crate::config::zones::{Shape, Zone};

/// Closer than this to the edge of the floor plan, in metres, an edge is drawn along the wall.
const ALONG_THE_WALL_M: f64 = 0.1;

/// The shop's floor as the truth sees it.
pub(in crate::cli) struct Ground {
    /// The drawn zones, the narrowest first, each with its place in zones.toml.
    polygons: Vec<(usize, Polygon<f64>)>,
    /// The edges behind which it is another zone, or none. Behind a wall there is nothing to be mistaken for.
    edges: Vec<Line<f64>>,
    /// Whether somebody can be placed there, by the zone's place in zones.toml.
    is_placed: Vec<bool>,
    /// By the zone's place in zones.toml.
    is_near: Vec<bool>,
    plan_m: Option<(f64, f64)>,
}

impl Ground {
    pub(in crate::cli) fn new(config: &Config) -> Self {
        let zones = &config.zones.zones;
        let polygon = |(index, zone): (usize, &Zone)| match &zone.shape {
            Shape::Polygon(polygon) => Some((index, polygon.clone())),
            Shape::Near { .. } => None,
        };
        let mut polygons: Vec<_> = zones.iter().enumerate().filter_map(polygon).collect();
        polygons.sort_by(|(_, a), (_, b)| a.unsigned_area().total_cmp(&b.unsigned_area()));
        let plan_m = config.site.floor_m;
        let edges = polygons.iter().flat_map(|(_, polygon)| polygon.exterior().lines());
        let edges = edges.filter(|edge| !plan_m.is_some_and(|plan| is_along_a_wall(edge, plan))).collect();
        let is_placed = zones.iter().map(|zone| !zone.sensitive).collect();
        let is_near = zones.iter().map(|zone| matches!(zone.shape, Shape::Near { .. })).collect();
        Self { polygons, edges, is_placed, is_near, plan_m }
    }

    /// The zone that somebody at `place` should be told to be in: the narrowest; none in a sensitive one.
    pub(in crate::cli) fn zone(&self, place: Place) -> Option<usize> {
        let zone = match place {
            Place::Zone(zone) => zone,
            Place::Point(x, y) => {
                let holds = |(_, polygon): &&(usize, Polygon<f64>)| polygon.intersects(&Point::new(x, y));
                self.polygons.iter().find(holds).map(|(index, _)| *index)
            }
        };
        zone.filter(|index| self.is_placed.get(*index).copied().unwrap_or_default())
    }

    /// How far, in metres, it is to the nearest edge between zones; nothing where the truth is no point.
    pub(in crate::cli) fn to_edge_m(&self, place: Place) -> Option<f64> {
        let Place::Point(x, y) = place else { return None };
        let distance = |edge: &Line<f64>| Euclidean.distance(&Point::new(x, y), edge);
        Some(self.edges.iter().map(distance).fold(f64::INFINITY, f64::min))
    }

    /// Whether `zone` can be judged by `place`: how far a gateway hears well is drawn nowhere.
    pub(super) fn is_judged(&self, zone: usize, place: Place) -> bool {
        matches!(place, Place::Zone(_)) || !self.is_near(zone)
    }

    /// Whether the zone is a gateway's surroundings.
    pub(super) fn is_near(&self, zone: usize) -> bool {
        self.is_near.get(zone).copied().unwrap_or_default()
    }

    /// Whether `place` can be in this shop.
    pub(super) fn is_inside(&self, place: Place) -> bool {
        match (place, self.plan_m) {
            (Place::Point(x, y), Some((width, depth))) => (0.0..=width).contains(&x) && (0.0..=depth).contains(&y),
            _ => true,
        }
    }
}

fn is_along_a_wall(edge: &Line<f64>, (width, depth): (f64, f64)) -> bool {
    let both_at = |from: f64, to: f64, wall: f64| (from - wall).abs().max((to - wall).abs()) < ALONG_THE_WALL_M;
    let (start, end) = (edge.start, edge.end);
    [0.0, width].into_iter().any(|wall| both_at(start.x, end.x, wall))
        || [0.0, depth].into_iter().any(|wall| both_at(start.y, end.y, wall))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    fn ground(zones: &str) -> Ground {
        let shipped = Sources::shipped();
        let sources = Sources { zones: zones.to_owned(), offers: String::new(), ..shipped };
        Ground::new(&check(&sources).config.unwrap())
    }

    const ZONES: &str = "\
        [[zone]]\nid = 'hall'\nname = 'Hall'\npolygon-m = [[0, 0], [8, 0], [8, 8], [0, 8]]\n\
        [[zone]]\nid = 'shelf'\nname = 'Shelf'\npolygon-m = [[1, 1], [3, 1], [3, 3], [1, 3]]\n\
        [[zone]]\nid = 'advice'\nname = 'Advice'\nsensitive = true\npolygon-m = [[5, 5], [7, 5], [7, 7], [5, 7]]\n\
        [[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw-till'\n";

    #[test]
    fn the_narrowest_zone_is_the_true_one_and_a_sensitive_one_is_none() {
        let ground = ground(ZONES);
        let at = |x, y| ground.zone(Place::Point(x, y));
        assert_eq!([at(4.0, 4.0), at(2.0, 2.0), at(6.0, 6.0), at(11.0, 1.0)], [Some(0), Some(1), None, None]);
        assert_eq!(ground.zone(Place::Zone(Some(3))), Some(3));
        assert_eq!(ground.zone(Place::Zone(Some(2))), None);
        assert!(!ground.is_judged(3, Place::Point(11.0, 1.0)) && ground.is_judged(3, Place::Zone(None)));
        assert!(ground.is_inside(Place::Point(12.0, 8.0)) && !ground.is_inside(Place::Point(1_200.0, 8.0)));
    }

    #[test]
    fn a_wall_is_no_edge_between_zones() {
        // The plan is 12 by 8 m: the hall's one free edge is at x = 8.
        let ground = ground(ZONES.split("[[zone]]\nid = 'shelf'").next().unwrap());
        let distance = |x, y| ground.to_edge_m(Place::Point(x, y)).unwrap();
        assert!((distance(1.0, 0.5) - 7.0).abs() < 1e-9 && (distance(9.0, 4.0) - 1.0).abs() < 1e-9);
        assert_eq!(ground.to_edge_m(Place::Zone(None)), None);
    }
}
