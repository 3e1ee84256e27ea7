//! Which zone of a kind is the nearest, for `{nearest.KIND}` in a text: "the nearest till".

use geo::Centroid;

use crate::config::Config;
use crate::config::zones::{Shape, Zone};

/// The zone of `kind` that is the nearest to `from`, from one place to the other in a straight line: nobody's own place
/// is asked. Another zone is preferred to `from` itself, and a sensitive one is never named. Of two that are as near, and
/// where places are not known, the first of zones.toml. Nothing if there is no such zone.
pub(super) fn nearest<'a>(config: &'a Config, from: &Zone, kind: &str) -> Option<&'a Zone> {
    let here = place_m(config, from);
    let distance = |zone: &Zone| match (here, place_m(config, zone)) {
        (Some((x, y)), Some((to_x, to_y))) => (to_x - x) * (to_x - x) + (to_y - y) * (to_y - y),
        _ => f64::INFINITY,
    };
    let of_kind = config.zones.zones.iter().filter(|zone| !zone.sensitive && zone.kind.as_deref() == Some(kind));
    // Of equals `min_by` takes the first.
    of_kind.min_by(|a, b| {
        let is_own = |zone: &Zone| zone.id == from.id;
        is_own(a).cmp(&is_own(b)).then_with(|| distance(a).total_cmp(&distance(b)))
    })
}

/// Where a zone is, in metres on the floor plan: the middle of a polygon, or what a `near` zone is near.
fn place_m(config: &Config, zone: &Zone) -> Option<(f64, f64)> {
    let site = &config.site;
    match &zone.shape {
        Shape::Polygon(polygon) => polygon.centroid().map(|point| (point.x(), point.y())),
        Shape::Near { gateway, .. } => {
            let index = usize::from(gateway.0);
            match index.checked_sub(site.gateways.len()) {
                None => site.gateways.get(index)?.position_m,
                Some(beacon) => site.fixed_beacons.get(beacon)?.position_m,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    const SITE: &str = "name = 'A'\ntime-zone = 'UTC'\nfloor-plan = { width-m = 30, height-m = 10 }\n\
        [[gateway]]\nid = 'gw-a'\nposition-m = [1, 1]\n[[gateway]]\nid = 'gw-b'\nposition-m = [20, 1]\n\
        [[gateway]]\nid = 'gw-nowhere'\n\
        [[fixed-beacon]]\nid = 'wall'\naltbeacon = { id1 = 'f7826da64fa24e988024bc5b71e0893e', id2 = 1, id3 = 7 }\n\
        position-m = [12, 1]\n";

    /// A shop of these zones: id, shape and what else is written of each.
    fn shop(zones: &[(&str, &str, &str)]) -> Config {
        let zone =
            |(id, shape, more): &(&str, &str, &str)| format!("[[zone]]\nid = '{id}'\nname = '{id}'\n{shape}\n{more}\n");
        let gateway = "site = 'a'\ngateway = 'gw-a'\nradio.driver = 'none'\n".to_owned();
        let zones = zones.iter().map(zone).collect();
        let sources = Sources { gateway, site: SITE.into(), zones, offers: String::new(), ..Sources::shipped() };
        let loaded = check(&sources);
        loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.problems))
    }

    fn found(config: &Config, from: &str, kind: &str) -> Option<String> {
        let from = config.zones.zones.iter().find(|zone| &*zone.id == from).unwrap();
        nearest(config, from, kind).map(|zone| zone.id.to_string())
    }

    const TILL: &str = "kind = 'till'";

    #[test]
    fn a_polygon_a_gateway_and_a_fixed_beacon_have_places() {
        let config = shop(&[
            ("far", "near = 'gw-b'", TILL),
            ("beacon", "near = 'wall'", TILL),
            ("shoes", "polygon-m = [[7, 0], [11, 0], [11, 4], [7, 4]]", ""),
            ("door", "near = 'gw-a'", TILL),
        ]);
        assert_eq!(found(&config, "shoes", "till").as_deref(), Some("beacon"));
        assert_eq!(found(&config, "far", "till").as_deref(), Some("beacon"), "another than where one is");
        assert_eq!(found(&config, "door", "till").as_deref(), Some("beacon"));
        assert_eq!(found(&config, "shoes", "lift"), None);
    }

    #[test]
    fn the_zone_itself_is_named_where_there_is_no_other() {
        let config = shop(&[("shoes", "near = 'gw-b'", ""), ("till", "near = 'gw-a'", TILL)]);
        assert_eq!(found(&config, "till", "till").as_deref(), Some("till"));
    }

    #[test]
    fn a_sensitive_zone_is_never_named() {
        let config = shop(&[
            ("shoes", "near = 'gw-a'", ""),
            ("beside", "near = 'wall'", "kind = 'till'\nsensitive = true"),
            ("far", "near = 'gw-b'", TILL),
        ]);
        assert_eq!(found(&config, "shoes", "till").as_deref(), Some("far"));
    }

    #[test]
    fn without_places_the_order_of_the_file_decides() {
        let config = shop(&[
            ("nowhere", "near = 'gw-nowhere'", TILL),
            ("b", "near = 'gw-b'", TILL),
            ("a", "near = 'gw-a'", TILL),
        ]);
        assert_eq!(found(&config, "nowhere", "till").as_deref(), Some("b"), "its own place is not known");
        assert_eq!(found(&config, "a", "till").as_deref(), Some("b"), "a place that is known is nearer than none");
    }
}
