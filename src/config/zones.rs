//! `zones.toml`: where things are and when the shop is open. The store manager edits it.

use std::collections::BTreeMap;

use geo::Polygon;
use jiff::civil::Date;

use super::file::File;
use super::floor;
use super::hours;
use super::reader::Table;
use super::tree::At;
use super::values::{check_known, check_unique, point_of};
use super::{Name, Texts};
use crate::gateway::advertisement::GatewayIndex;

/// What `zones.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Zones {
    /// When the shop is open; nothing is always.
    pub opening_hours: Option<OpeningHours>,
    /// The zones, in the order of the file.
    pub zones: Vec<Zone>,
    /// How readings become a level; fixed in production, scaled by the demo alone.
    pub hearing: Hearing,
}

/// How readings become a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// The level is that of the readings of so many microseconds.
    pub window_us: u64,
    /// A gateway that heard nothing for so many microseconds has no level.
    pub silence_us: u64,
    /// A second of the polygons' time, in microseconds.
    pub second_us: u64,
}

impl Default for Hearing {
    /// Five seconds hold several advertisements of a phone or tag, and a walk of five steps. A chip that filters
    /// duplicates reports a tag once in about ten seconds (what was measured of radios): one that a gateway has not
    /// heard for twelve is out of its reach.
    fn default() -> Self {
        Self { window_us: 5_000_000, silence_us: 12_000_000, second_us: 1_000_000 }
    }
}

/// One named area.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its id.
    pub id: Name,
    /// Its name for people, by language.
    pub name: Texts,
    /// How it is told.
    pub shape: Shape,
    /// How sure, and for how long.
    pub holds: Holds,
    /// Nobody is placed here.
    pub sensitive: bool,
    /// What is sold here; for people and for `zones = "any"` campaigns nothing follows from it.
    pub categories: Vec<Name>,
    /// What it is, for `{nearest.KIND}` in a text.
    pub kind: Option<Name>,
}

impl Zone {
    /// Its name for somebody who runs the shop, in the shop's own language where it has one.
    pub fn name_in(&self, language: Option<&str>) -> &str {
        let own = language.and_then(|language| self.name.get(language));
        own.or_else(|| self.name.values().next()).unwrap_or(&self.id)
    }
}

/// How a zone is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// What one Pi hears well, or where a fixed beacon is heard well: levels in dBm, as if the device transmitted
    /// -59 dBm at 1 m.
    Near {
        /// The Pi; counted on from the Pis, the fixed beacon.
        gateway: GatewayIndex,
        /// Entered at or above.
        enter_dbm: f64,
        /// Left below.
        leave_dbm: f64,
    },
    /// An area of the plan, in metres.
    Polygon(Polygon<f64>),
}

/// `enter-confidence`, `enter-after`, `leave-after`, `unsure-below`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holds {
    /// A polygon is entered at or above this confidence; 0.8.
    pub enter_confidence: f64,
    /// … held for so long; 2 s for a polygon, 5 s for a `near` zone.
    pub enter_after_us: u64,
    /// Left after so long below the leave level or without evidence; 45 s.
    pub leave_after_us: u64,
    /// A polygon's customer is unsure below this confidence; 0.4.
    pub unsure_below: f64,
}

/// A range of a civil day, in minutes since midnight, half-open. `start > end` wraps midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// First minute inside, 0 to 1439.
    pub start_min: u16,
    /// First minute outside, 0 to 1440; never equal to the start.
    pub end_min: u16,
}

/// Opening hours by day of the week, and exceptions by date. A day without a range is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningHours {
    /// Monday first.
    pub week: [Vec<DayRange>; 7],
    /// Replaces the week's rule on that date.
    pub exceptions: BTreeMap<Date, Vec<DayRange>>,
}

/// More zones than any shop has; it bounds what each device can cost.
const MOST_ZONES: usize = 256;

/// Levels in dBm (enter, leave) as if the device transmitted -59 dBm at 1 m: at arm's length, across an aisle, across a
/// department.
const REACHES: [(&str, (f64, f64)); 3] =
    [("arm", (-55.0, -63.0)), ("aisle", (-65.0, -73.0)), ("department", (-78.0, -84.0))];

/// What the zone says of its holds; nothing where the file's own word or the default is meant.
#[derive(Clone, Copy, Default)]
struct HoldsRead {
    enter_confidence: Option<f64>,
    enter_after_us: Option<u64>,
    leave_after_us: Option<u64>,
    unsure_below: Option<f64>,
}

impl HoldsRead {
    fn or(self, other: Self) -> Self {
        Self {
            enter_confidence: self.enter_confidence.or(other.enter_confidence),
            enter_after_us: self.enter_after_us.or(other.enter_after_us),
            leave_after_us: self.leave_after_us.or(other.leave_after_us),
            unsure_below: self.unsure_below.or(other.unsure_below),
        }
    }

    fn holds(self, is_polygon: bool) -> Holds {
        Holds {
            enter_confidence: self.enter_confidence.unwrap_or(0.8),
            enter_after_us: self.enter_after_us.unwrap_or(if is_polygon { 2_000_000 } else { 5_000_000 }),
            leave_after_us: self.leave_after_us.unwrap_or(45_000_000),
            unsure_below: self.unsure_below.unwrap_or(0.4),
        }
    }
}

/// One `[[zone]]` as it was read, complete or not.
pub(super) struct ZoneRead {
    pub(super) id: Option<Name>,
    pub(super) id_at: At,
    pub(super) sensitive: bool,
    pub(super) categories: Vec<(Name, At)>,
    pub(super) shape: Option<Shape>,
    pub(super) shape_at: At,
    holds: HoldsRead,
    name: Option<Texts>,
    pub(super) kind: Option<Name>,
}

/// What was read, and what the other files are held against, even where the rest is wrong.
pub(super) struct Read {
    pub(super) zones: Vec<ZoneRead>,
    opening_hours: Option<OpeningHours>,
}

impl Read {
    /// The ids, in the order of the file.
    pub(super) fn ids(&self) -> Vec<Name> {
        self.zones.iter().filter_map(|zone| zone.id.clone()).collect()
    }

    /// The checked zones, if everything in them is complete.
    pub(super) fn into_zones(self) -> Option<Zones> {
        let zone = |read: ZoneRead| {
            let shape = read.shape?;
            let holds = read.holds.holds(matches!(shape, Shape::Polygon(_)));
            let categories = read.categories.into_iter().map(|(category, _)| category).collect();
            Some(Zone {
                id: read.id?,
                name: read.name?,
                shape,
                holds,
                sensitive: read.sensitive,
                categories,
                kind: read.kind,
            })
        };
        let zones = self.zones.into_iter().map(zone).collect::<Option<_>>()?;
        Some(Zones { opening_hours: self.opening_hours, zones, hearing: Hearing::default() })
    }
}

/// What a zone can be near: its id, and its place among what a level can be told for.
type Anchor = (Name, GatewayIndex);

/// Reads `zones.toml`. `anchors` are the shop's gateways and fixed beacons, where `site.toml` could be read.
pub(super) fn read(file: &File<'_>, anchors: Option<&[Anchor]>, language: &str) -> Read {
    let mut table = file.root("zones.toml");
    let everywhere = read_holds(&mut table);
    let opening_hours = table.table("opening-hours", "[opening-hours]").map(hours::read);
    let tables = table.tables("zone", "a zone");
    if let Some(excess) = tables.get(MOST_ZONES) {
        file.error(&excess.here, format!("more than {MOST_ZONES} zones"), "join some that lie side by side");
    }
    let zones: Vec<ZoneRead> = tables.into_iter().map(|zone| read_zone(zone, anchors, language, everywhere)).collect();
    let ids: Vec<_> = zones.iter().filter_map(|zone| Some((zone.id.clone()?, zone.id_at.clone()))).collect();
    check_unique(file, &ids, "zone");
    table.finish();
    Read { zones, opening_hours }
}

fn read_holds(table: &mut Table<'_>) -> HoldsRead {
    let holds = HoldsRead {
        enter_confidence: table.number("enter-confidence", 0.01..=1.0),
        enter_after_us: table.exact_us("enter-after"),
        leave_after_us: table.exact_us("leave-after"),
        unsure_below: table.number("unsure-below", 0.0..=1.0),
    };
    let HoldsRead { enter_confidence, unsure_below, .. } = holds;
    if enter_confidence.or(unsure_below).is_some() && unsure_below.unwrap_or(0.4) > enter_confidence.unwrap_or(0.8) {
        let key = if table.has("unsure-below") { "unsure-below" } else { "enter-confidence" };
        table.error(
            key,
            "`unsure-below` is above `enter-confidence`: whoever enters would be unsure at once",
            "make it lower, such as 0.4 and 0.8",
        );
    }
    holds
}

fn read_zone(mut table: Table<'_>, anchors: Option<&[Anchor]>, language: &str, everywhere: HoldsRead) -> ZoneRead {
    table.need("id", "\"shoes\"");
    table.need("name", "{ en = \"Shoes\" }");
    let id = table.id("id");
    let name = table.texts("name", language);
    let shape = read_shape(&mut table, anchors);
    let holds = read_holds(&mut table).or(everywhere);
    let sensitive = table.flag("sensitive").unwrap_or(false);
    let categories = table.ids("categories").unwrap_or_default();
    let kind = table.id("kind");
    let shape_key = if table.has("polygon-m") { "polygon-m" } else { "near" };
    let (id_at, shape_at) = (table.at("id"), table.at(shape_key));
    table.finish();
    ZoneRead { id, id_at, sensitive, categories, shape, shape_at, holds, name, kind }
}

fn read_shape(table: &mut Table<'_>, anchors: Option<&[Anchor]>) -> Option<Shape> {
    match (table.has("near"), table.has("polygon-m")) {
        (true, true) => {
            table.error("polygon-m", "a zone is either `near` a gateway or a polygon, not both", "keep one of the two");
            None
        }
        (false, false) => {
            let hint =
                "write `near = \"…\"` with the id of a gateway or fixed beacon, or `polygon-m = [[0.0, 0.0], …]`"
                    .to_owned();
            table.file.lacks(&table.here, "near", "nothing says where the zone is".to_owned(), hint);
            // Known all the same, so that they are suggested for misspelt ones.
            for key in ["reach", "enter-dbm", "leave-dbm"] {
                table.has(key);
            }
            None
        }
        (true, false) => read_near(table, anchors),
        (false, true) => {
            for key in ["reach", "enter-dbm", "leave-dbm"] {
                if table.has(key) {
                    table.error(key, format!("`{key}` belongs to `near`, not to a polygon"), "leave it out");
                }
            }
            read_polygon(table).map(Shape::Polygon)
        }
    }
}

fn read_near(table: &mut Table<'_>, anchors: Option<&[Anchor]>) -> Option<Shape> {
    let gateway = table.id("near");
    if let Some(gateway) = &gateway {
        let known: Option<Vec<Name>> = anchors.map(|anchors| anchors.iter().map(|(id, _)| id.clone()).collect());
        check_known(
            table.file,
            &table.at("near"),
            gateway,
            known.as_deref(),
            "no gateway or fixed beacon of site.toml",
        );
    }
    let reach = table.choice("reach", &REACHES);
    let [enter, leave] = ["enter-dbm", "leave-dbm"].map(|key| (table.has(key), table.number(key, -120.0..=0.0)));
    if table.has("reach") && (enter.0 || leave.0) {
        table.error(
            "reach",
            "`reach` and dBm both say how far the zone goes",
            "keep `reach`, or `enter-dbm` and `leave-dbm`",
        );
    }
    for (given, key, missing) in
        [(enter.0 && !leave.0, "enter-dbm", "leave-dbm"), (leave.0 && !enter.0, "leave-dbm", "enter-dbm")]
    {
        if given {
            table.error(key, format!("`{key}` is nothing without `{missing}`"), format!("write `{missing} = …` too"));
        }
    }
    let (enter_dbm, leave_dbm) = match (enter.1, leave.1) {
        (Some(enter), Some(leave)) if leave >= enter => {
            table.error(
                "leave-dbm",
                format!("`leave-dbm` {leave} is not below `enter-dbm` {enter}"),
                "make it some 8 dB lower, or the zone flickers",
            );
            return None;
        }
        (Some(enter), Some(leave)) => (enter, leave),
        _ if enter.0 || leave.0 => return None,
        _ if table.has("reach") => reach?,
        _ => REACHES[1].1,
    };
    let gateway = gateway?;
    let &(_, gateway) = anchors?.iter().find(|(known, _)| *known == gateway)?;
    Some(Shape::Near { gateway, enter_dbm, leave_dbm })
}

fn read_polygon(table: &mut Table<'_>) -> Option<Polygon<f64>> {
    let items = table.list("polygon-m")?;
    let points: Vec<_> = items.iter().filter_map(|item| point_of(table.file, item, "polygon-m")).collect();
    if points.len() < items.len() {
        return None;
    }
    floor::polygon(&points).map_err(|(what, hint)| table.error("polygon-m", what, hint)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> (Option<Zones>, Vec<String>) {
        let file = File::new("zones.toml", text, &[]);
        let read = read(&file, Some(&[("gw-a".into(), GatewayIndex(0)), ("gw-b".into(), GatewayIndex(1))]), "de");
        let zones = read.into_zones();
        (
            zones,
            file.into_problems()
                .into_iter()
                .map(|problem| format!("{:?} {} = {}", problem.line, problem.what, problem.hint))
                .collect(),
        )
    }

    #[test]
    fn a_near_zone_has_the_levels_of_an_aisle() {
        let (zones, problems) = read_all("[[zone]]\nid = 'till'\nname = 'Kasse'\nnear = 'gw-b'\n");
        assert_eq!(problems, [""; 0]);
        let zone = &zones.unwrap().zones[0];
        assert_eq!(zone.shape, Shape::Near { gateway: GatewayIndex(1), enter_dbm: -65.0, leave_dbm: -73.0 });
        assert_eq!(
            zone.holds,
            Holds { enter_confidence: 0.8, enter_after_us: 5_000_000, leave_after_us: 45_000_000, unsure_below: 0.4 }
        );
        assert_eq!(zone.name, Texts::from([("de".into(), "Kasse".into())]));
    }

    #[test]
    fn holds_of_the_file_reach_every_zone_that_says_nothing() {
        let text = "enter-after = '3s'\nleave-after = '60s'\n[[zone]]\nid = 'a'\nname = 'A'\nenter-after = '9s'\npolygon-m = [[0, 0], [2, 0], [2, 2]]\n";
        let holds = read_all(text).0.unwrap().zones[0].holds;
        assert_eq!((holds.enter_after_us, holds.leave_after_us), (9_000_000, 60_000_000));
    }

    #[test]
    fn a_zone_is_near_or_a_polygon() {
        let (_, problems) = read_all("[[zone]]\nid = 'a'\nname = 'A'\n");
        assert!(problems[0].starts_with("Some(1) nothing says where the zone is"), "{problems:?}");
        let (_, problems) = read_all("[[zone]]\nid = 'a'\nname = 'A'\nnear = 'gw-a'\npolygon-m = []\n");
        assert!(problems[0].starts_with("Some(5) a zone is either"), "{problems:?}");
        let (_, problems) =
            read_all("[[zone]]\nid = 'a'\nname = 'A'\nnear = 'gw-a'\nenter-dbm = -70\nleave-dbm = -70\n");
        assert!(problems[0].starts_with("Some(6) `leave-dbm` -70 is not below"), "{problems:?}");
    }

    #[test]
    fn a_day_is_named_once() {
        let (zones, problems) = read_all("[opening-hours]\nmon-fri = '09:00-19:00'\nfri = '09:00-21:00'\n");
        assert_eq!(problems, ["Some(3) `fri` has hours already = name each day once"]);
        assert_eq!(zones.unwrap().opening_hours.unwrap().week[6], []);
        let (_, problems) =
            read_all("[opening-hours]\nmonday = '09:00-25:00'\nexceptions = { 2026-13-01 = 'closed' }\n");
        assert_eq!(problems.len(), 2, "{problems:?}");
        let (_, problems) = read_all("[opening-hours]\nmon = '09:00-25:00'\n");
        assert!(problems[0].contains("`25:00` is no time of day"), "{problems:?}");
    }
}
