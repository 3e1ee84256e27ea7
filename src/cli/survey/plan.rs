//! Where to stand: nine points over the floor, and one for each zone that has none; or those of a file.

use geo::{Centroid, Contains, InteriorPoint, Point as GeoPoint};
use jiff::Timestamp;

use super::notebook::{LONGEST, MAX_POINTS, Point};
use crate::config::Config;
use crate::config::zones::{Shape, Zone};

/// So far into the plan the outer points stand, as a share of it: where customers walk, and not along the wall.
const OUTER: f64 = 0.125;

/// Nobody stands nearer to a wall than this, in metres, where the plan is wide enough.
const OFF_THE_WALL_M: f64 = 1.0;

/// The points of a file, and when each was measured, in microseconds since 1970 UTC, where it says so.
pub(super) type Given = Vec<(Point, Option<(i64, i64)>)>;

/// Nine points, from the front left on and back and forth, so that the way is short; then one in each drawn zone that has
/// none.
pub(super) fn proposed(config: &Config, plan_m: (f64, f64)) -> Vec<Point> {
    let [xs, ys] = [plan_m.0, plan_m.1].map(|length_m| {
        let outer_m = (length_m * OUTER).max(OFF_THE_WALL_M).min(length_m / 2.0);
        [outer_m, length_m / 2.0, length_m - outer_m].map(rounded)
    });
    let rows = ["front", "middle", "back"].into_iter().zip(ys).enumerate();
    let mut points: Vec<Point> = rows
        .flat_map(|(row, (depth, y_m))| {
            let mut across: Vec<Point> = ["left", "middle", "right"]
                .into_iter()
                .zip(xs)
                .map(|(side, x_m)| Point::new(named(depth, side), x_m, y_m))
                .collect();
            if row % 2 == 1 {
                across.reverse();
            }
            across
        })
        .collect();
    for zone in &config.zones.zones {
        let Shape::Polygon(polygon) = &zone.shape else { continue };
        let has_one = points.iter().any(|point| polygon.contains(&GeoPoint::new(point.x_m, point.y_m)));
        let middle = polygon.centroid().filter(|middle| polygon.contains(middle)).or_else(|| polygon.interior_point());
        if let (false, Some(middle)) = (has_one || zone.sensitive || points.len() >= MAX_POINTS, middle) {
            let name = format!("in {}", zone.name_in(config.site.language.as_deref()));
            points.push(Point::new(name, rounded(middle.x()), rounded(middle.y())));
        }
    }
    points
}

fn named(depth: &str, side: &str) -> String {
    match (depth, side) {
        ("middle", "middle") => "centre".to_owned(),
        ("middle", side) => format!("half-way {side}"),
        (depth, side) => format!("{depth} {side}"),
    }
}

/// A hand's breadth is as well as anybody stands.
fn rounded(metres: f64) -> f64 {
    (metres * 10.0).round() / 10.0
}

/// Where a point is, for somebody who has to find it: its metres, its zone, and the gateway next to it.
pub(super) fn described(config: &Config, point: &Point) -> String {
    let language = config.site.language.as_deref();
    let at = GeoPoint::new(point.x_m, point.y_m);
    let holds =
        |zone: &&Zone| matches!(&zone.shape, Shape::Polygon(polygon) if polygon.contains(&at)) && !zone.sensitive;
    let zone = config.zones.zones.iter().find(holds).map(|zone| format!(", in {}", zone.name_in(language)));
    let gateways = config.site.gateways.iter().filter_map(|gateway| {
        let (x, y) = gateway.position_m?;
        Some((gateway, libm::hypot(x - point.x_m, y - point.y_m)))
    });
    let nearest = gateways.min_by(|a, b| a.1.total_cmp(&b.1));
    let nearest = nearest.map(|(gateway, metres)| format!(", {metres:.1} m from {}", gateway.id));
    let (zone, nearest) = (zone.unwrap_or_default(), nearest.unwrap_or_default());
    format!("{:.1} m to the right, {:.1} m into the depth{zone}{nearest}", point.x_m, point.y_m)
}

/// Reads a table of points: `name,x_m,y_m`, and `from,until` where they are measured already.
///
/// # Errors
/// The first line that is none, with what is wrong.
pub(super) fn read(text: &str, plan_m: (f64, f64)) -> Result<Given, String> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let (_, head) = lines.next().ok_or("it is empty: begin with a line `name,x_m,y_m`")?;
    let columns: Vec<&str> = head.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
    let has_spans = match &columns[..] {
        ["name", "x_m", "y_m"] => false,
        ["name", "x_m", "y_m", "from", "until"] => true,
        _ if head.contains(';') => {
            return Err(
                "it is separated by semicolons: write commas between, and numbers with a point, as in 3.5".to_owned()
            );
        }
        _ => return Err("its first line is none: write `name,x_m,y_m` or `name,x_m,y_m,from,until`".to_owned()),
    };
    let mut given: Given = Vec::new();
    for (index, line) in lines {
        let one = one(line, has_spans, plan_m).map_err(|what| format!("line {}: {what}", index + 1))?;
        if given.iter().any(|(point, _)| point.name == one.0.name) {
            return Err(format!("line {}: a point is called `{}` already", index + 1, one.0.name));
        }
        given.push(one);
    }
    match given.len() {
        0 => Err("it names no point".to_owned()),
        1..=MAX_POINTS => Ok(given),
        _ => Err(format!("it names more than {MAX_POINTS} points")),
    }
}

fn one(line: &str, has_span: bool, plan_m: (f64, f64)) -> Result<(Point, Option<(i64, i64)>), String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let (fields, span) = match (&fields[..], has_span) {
        ([name, x, y], false) => ([*name, *x, *y], None),
        ([name, x, y, from, until], true) => ([*name, *x, *y], Some((instant(from)?, instant(until)?))),
        _ => return Err(format!("{} fields, and the first line names {}", fields.len(), if has_span { 5 } else { 3 })),
    };
    let [name, x, y] = fields;
    if span.is_some_and(|(from, until)| from >= until) {
        return Err("it ends before it begins".to_owned());
    }
    if span.is_some_and(|(from, until)| u128::from(until.abs_diff(from)) > LONGEST.as_micros()) {
        return Err(format!("it lasts longer than {} minutes: is the day right?", LONGEST.as_secs() / 60));
    }
    let metres = |text: &str| text.parse::<f64>().map_err(|_| format!("`{}` are no metres", text.escape_debug()));
    Ok((Point::checked(name, metres(x)?, metres(y)?, plan_m)?, span))
}

fn instant(text: &str) -> Result<i64, String> {
    let of_words = || text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
    text.parse().ok().or_else(of_words).ok_or_else(|| {
        format!("`{}` is no time: write microseconds since 1970, or 2026-11-02T10:00:00Z", text.escape_debug())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    const ZONES: &str = "[[zone]]\nid = 'socks'\nname = { de = 'Socken', en = 'Socks' }\npolygon-m = [[2, 2.5], [4, 2.5], [4, 3.5], [2, 3.5]]\n\
        [[zone]]\nid = 'advice'\nname = 'Advice'\nsensitive = true\npolygon-m = [[8, 2.5], [9, 2.5], [9, 3], [8, 3]]\n";

    fn shop() -> Config {
        let sources = Sources { zones: ZONES.to_owned(), offers: String::new(), ..Sources::shipped() };
        check(&sources).config.unwrap()
    }

    #[test]
    fn nine_points_lie_over_the_floor_and_a_zone_without_one_has_its_own() {
        let points = proposed(&shop(), (12.0, 8.0));
        let names: Vec<&str> = points.iter().map(|point| point.name.as_str()).collect();
        assert_eq!(names[..4], ["front left", "front middle", "front right", "half-way right"]);
        assert_eq!((names.len(), names[4], names[9]), (10, "centre", "in Socken"));
        assert_eq!((points[0].x_m, points[0].y_m, points[8].x_m, points[8].y_m), (1.5, 1.0, 10.5, 7.0));
        assert_eq!(
            described(&shop(), &points[9]),
            "3.0 m to the right, 3.0 m into the depth, in Socken, 1.1 m from gw-entrance"
        );
        let tiny = proposed(&shop(), (1.0, 30.0));
        assert!(tiny.iter().all(|point| (0.0..=12.0).contains(&point.x_m)), "{tiny:?}");
    }

    #[test]
    fn a_file_of_points_is_read_or_its_first_flaw_told() {
        let plan = (12.0, 8.0);
        let given = read("name,x_m,y_m,from,until\nbei den Socken,3,2.5,1000,2000\nTill,10.5,1.5,2026-11-02T10:00:00Z,2026-11-02T10:00:20Z\n", plan).unwrap();
        assert_eq!((given[0].0.name.as_str(), given[0].0.x_m, given[0].1), ("bei den Socken", 3.0, Some((1000, 2000))));
        let (from, until) = given[1].1.unwrap();
        assert_eq!(until - from, 20_000_000);
        for (text, wanted) in [
            ("", "it is empty"),
            ("a,b\n", "its first line is none"),
            ("name;x_m;y_m\na;1,5;2\n", "it is separated by semicolons"),
            ("name,x_m,y_m\n", "it names no point"),
            ("name,x_m,y_m\na,1\n", "line 2: 2 fields, and the first line names 3"),
            ("name,x_m,y_m\na,eins,2\n", "line 2: `eins` are no metres"),
            ("name,x_m,y_m\na,120,2\n", "line 2: [120, 2] is outside the floor plan"),
            ("name,x_m,y_m\na,NaN,2\n", "line 2: [NaN, 2] is outside the floor plan"),
            ("name,x_m,y_m\na,1,2\na,2,2\n", "line 3: a point is called `a` already"),
            ("name,x_m,y_m,from,until\na,1,2,5,5\n", "line 2: it ends before it begins"),
            (
                "name,x_m,y_m,from,until\na,1,2,-9000000000000000000,9000000000000000000\n",
                "line 2: it lasts longer than 5",
            ),
            ("name,x_m,y_m,from,until\na,1,2,noon,5\n", "line 2: `noon` is no time"),
            ("name,x_m,y_m\na\u{1b}[2J,1,2\n", "line 2: a name of a point is"),
        ] {
            let told = read(text, plan).unwrap_err();
            assert!(told.starts_with(wanted), "{told}");
        }
    }
}
