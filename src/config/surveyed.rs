//! What a survey found: `[path-loss]` and `[[survey-point]]` of `site.toml`. `emma survey` writes both.

use std::ops::RangeInclusive;

use super::Name;
use super::problem::nearest;
use super::reader::Table;
use super::site::position;
use super::values::number_of;
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::zone::PathLoss;

/// Nine are a survey, and more than a point a room are a radio map; it bounds what a reload computes.
const MOST_POINTS: usize = 100;

/// Levels that can be, in dBm as if the tag transmitted -59 dBm at 1 m: one that is held to an antenna is at -30, and a 0
/// means that it was not heard.
pub const LEVELS_DBM: RangeInclusive<f64> = -127.0..=-20.0;

/// What gateways heard of a test tag at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyPoint {
    /// Where it was held, in metres from the plan's corner.
    pub position_m: (f64, f64),
    /// The mean level at each gateway that heard it, in dBm as if it transmitted -59 dBm at 1 m.
    pub levels_dbm: Vec<(GatewayIndex, f64)>,
}

/// Reads `[path-loss]`; what it does not say is assumed.
pub(super) fn path_loss(mut table: Table<'_>) -> PathLoss {
    let assumed = PathLoss::default();
    let read = PathLoss {
        exponent: table.number("exponent", 0.5..=6.0).unwrap_or(assumed.exponent),
        at_1m_dbm: table.number("at-1m-dbm", -100.0..=-20.0).unwrap_or(assumed.at_1m_dbm),
        sigma_db: table.number("sigma-db", 1.0..=20.0).unwrap_or(assumed.sigma_db),
    };
    table.finish();
    read
}

/// Reads every `[[survey-point]]`.
pub(super) fn points(table: &mut Table<'_>, gateways: &[Name], floor_m: Option<(f64, f64)>) -> Vec<SurveyPoint> {
    let tables = table.tables("survey-point", "a survey point");
    if let Some(excess) = tables.get(MOST_POINTS) {
        table.file.error(
            &excess.here,
            format!("more than {MOST_POINTS} survey points"),
            "keep those of the last survey",
        );
    }
    tables.into_iter().filter_map(|entry| point(entry, gateways, floor_m)).collect()
}

fn point(mut table: Table<'_>, gateways: &[Name], floor_m: Option<(f64, f64)>) -> Option<SurveyPoint> {
    table.need("position-m", "[2.0, 1.5]");
    table.need("levels-dbm", "{ gw-entrance = -71.5 }");
    table.text("name");
    let position_m = position(&mut table, floor_m);
    let levels_dbm = table.table("levels-dbm", "`levels-dbm`").map(|levels| read_levels(&levels, gateways));
    table.finish();
    Some(SurveyPoint { position_m: position_m?, levels_dbm: levels_dbm? })
}

/// A gateway that was taken down since says nothing any more, which is no mistake but worth a word.
fn read_levels(table: &Table<'_>, gateways: &[Name]) -> Vec<(GatewayIndex, f64)> {
    let mut levels = Vec::new();
    for (key, at, node) in table.entries() {
        let level_dbm = number_of(table.file, node, key, &LEVELS_DBM);
        let index = gateways.iter().position(|gateway| **gateway == *key).and_then(|index| u16::try_from(index).ok());
        if index.is_none() {
            let what = format!("`{key}` heard this survey point and is no gateway of this file");
            let hint = nearest(key, gateways.iter().map(|gateway| &**gateway)).map_or_else(
                || "take it out if it was taken down, or survey again".to_owned(),
                |near| format!("write `{near}` if that is meant, or take it out"),
            );
            table.file.warning(at, what, hint);
        }
        levels.extend(index.map(GatewayIndex).zip(level_dbm));
    }
    if table.entries().next().is_none() {
        table.file.warning(&table.here, "no gateway heard this survey point, so it says nothing", "take it out");
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::File;
    use crate::config::site;

    fn read(text: &str) -> (Vec<SurveyPoint>, Vec<String>) {
        let text = format!(
            "name = 'Bern'\ntime-zone = 'Europe/Zurich'\nfloor-plan = {{ width-m = 12, height-m = 8 }}\n\
             [[gateway]]\nid = 'gw-till'\n[[gateway]]\nid = 'gw-door'\n{text}"
        );
        let file = File::new("site.toml", &text, &[]);
        let points = site::read(&file).site.map(|site| site.survey_points).unwrap_or_default();
        let problems = file.into_problems().into_iter();
        (points, problems.map(|problem| format!("{:?} {}", problem.line, problem.what)).collect())
    }

    #[test]
    fn a_point_says_what_each_gateway_heard_there() {
        let (points, problems) = read(
            "[[survey-point]]\nname = 'by the door'\nposition-m = [2.0, 1.5]\nlevels-dbm = { gw-till = -71.5, gw-door = -60 }\n",
        );
        assert_eq!(problems, [""; 0]);
        let levels_dbm = vec![(GatewayIndex(0), -71.5), (GatewayIndex(1), -60.0)];
        assert_eq!(points, [SurveyPoint { position_m: (2.0, 1.5), levels_dbm }]);
    }

    #[test]
    fn what_is_wrong_with_a_point_is_told() {
        let (_, problems) = read(
            "[[survey-point]]\nposition-m = [20.0, 1.5]\nlevels-dbm = { gw-till = 'loud' }\n\
             [[survey-point]]\nposition-m = [2.0, 1.5]\nlevels-dbm = { gw-tills = -70, gw-door = -700 }\n[[survey-point]]\n",
        );
        assert_eq!(
            problems,
            [
                "Some(9) [20, 1.5] is outside the floor plan",
                "Some(10) `gw-till` is a text",
                "Some(13) `gw-tills` heard this survey point and is no gateway of this file",
                "Some(13) `gw-door` cannot be -700",
                "Some(14) a survey point needs `position-m`",
                "Some(14) a survey point needs `levels-dbm`",
            ]
        );
        let (_, problems) = read("[[survey-point]]\nposition-m = [nan, 1.5]\nlevels-dbm = {}\n");
        assert_eq!(
            problems,
            ["Some(9) `position-m` cannot be NaN", "Some(10) no gateway heard this survey point, so it says nothing"]
        );
    }
}
