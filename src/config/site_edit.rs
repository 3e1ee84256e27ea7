//! The text of `site.toml` with what a survey found, and everything else as it was.

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::drawing::{put, with_line_ends_of};
use crate::gateway::zone::PathLoss;

/// A point of a survey, as `[[survey-point]]` has it.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyedPoint<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Metres from the plan's corner.
    pub position_m: (f64, f64),
    /// By gateway: the mean of what it heard, in dBm as if the tag transmitted -59 dBm at 1 m.
    pub levels_dbm: Vec<(&'a str, f64)>,
}

/// `site`, a text that has been checked, with this path loss, these offsets in dB, by gateway, and these points in the
/// place of those of an earlier survey; a gateway that is not named keeps its offset. Numbers are rounded to what a survey
/// can tell.
///
/// # Errors
/// The text cannot be read, or lacks one of the gateways: a sentence.
pub fn with_survey(
    site: &str,
    path_loss: PathLoss,
    offsets_db: &[(&str, f64)],
    points: &[SurveyedPoint<'_>],
) -> Result<String, String> {
    let mut document: DocumentMut =
        site.parse().map_err(|error: toml_edit::TomlError| format!("site.toml cannot be read: {}", error.message()))?;
    let PathLoss { exponent, at_1m_dbm, sigma_db } = path_loss;
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    let entry = document.entry("path-loss").or_insert(Item::Table(table));
    let Some(table) = entry.as_table_like_mut() else { return Err("site.toml: `path-loss` is no table".to_owned()) };
    for (key, number) in [
        ("exponent", rounded(exponent, 100.0)),
        ("at-1m-dbm", rounded(at_1m_dbm, 10.0)),
        ("sigma-db", rounded(sigma_db, 10.0)),
    ] {
        put(table, key, number.into());
    }
    for (id, offset_db) in offsets_db {
        let Some(gateway) = gateway(&mut document, id) else { return Err(format!("site.toml has no gateway `{id}`")) };
        put(gateway, "offset-db", rounded(*offset_db, 10.0).into());
    }
    put_points(&mut document, points);
    Ok(with_line_ends_of(site, &document.to_string()))
}

/// What was heard at each point. Points that say the same as those of before are left as they are; what stands above one
/// stays above the one of that name, and what stands above all of them stays there.
fn put_points(document: &mut DocumentMut, points: &[SurveyedPoint<'_>]) {
    let before = document.get("survey-point").and_then(Item::as_array_of_tables).cloned().unwrap_or_default();
    let said = |table: &Table| table.to_string();
    let mut tables = ArrayOfTables::new();
    for (index, point) in points.iter().enumerate() {
        let (x_m, y_m) = point.position_m;
        let levels = point.levels_dbm.iter().map(|(id, dbm)| (*id, Value::from(rounded(*dbm, 10.0))));
        let mut table = Table::new();
        let of_that_name = |old: &&Table| old.get("name").and_then(Item::as_str) == Some(point.name);
        match before.get(0).filter(|_| index == 0).or_else(|| before.iter().skip(1).find(of_that_name)) {
            Some(old) => *table.decor_mut() = old.decor().clone(),
            None => table.decor_mut().set_prefix("\n"),
        }
        table.set_position(before.get(index).and_then(Table::position));
        table.insert("name", value(point.name));
        table.insert("position-m", value([x_m, y_m].into_iter().collect::<Value>()));
        table.insert("levels-dbm", value(levels.collect::<InlineTable>()));
        tables.push(table);
    }
    if before.iter().map(said).ne(tables.iter().map(said)) {
        if tables.is_empty() {
            document.remove("survey-point");
        } else {
            document.insert("survey-point", Item::ArrayOfTables(tables));
        }
    }
}

/// The gateway of this id, whichever way gateways are written.
fn gateway<'a>(document: &'a mut DocumentMut, id: &str) -> Option<&'a mut dyn TableLike> {
    let is_it = |table: &dyn TableLike| table.get("id").and_then(Item::as_str) == Some(id);
    match document.get_mut("gateway")? {
        Item::ArrayOfTables(tables) => {
            tables.iter_mut().find(|table| is_it(*table)).map(|table| table as &mut dyn TableLike)
        }
        Item::Value(Value::Array(list)) => {
            let tables = list.iter_mut().filter_map(Value::as_inline_table_mut);
            tables.map(|table| table as &mut dyn TableLike).find(|table| is_it(*table))
        }
        _ => None,
    }
}

fn rounded(number: f64, parts: f64) -> f64 {
    // Negative zero is written as one.
    (number * parts).round() / parts + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, check};

    const FOUND: PathLoss = PathLoss { exponent: 1.6234, at_1m_dbm: -57.26, sigma_db: 4.449 };

    fn points() -> Vec<SurveyedPoint<'static>> {
        let levels_dbm = vec![("gw-till", -64.52), ("gw-shoes", -60.0)];
        let point = |name, x_m| SurveyedPoint { name, position_m: (x_m, 2.0), levels_dbm: levels_dbm.clone() };
        vec![point("by the door", 1.5), point("centre", 6.0)]
    }

    #[test]
    fn what_a_survey_found_comes_in_and_everything_else_stays() {
        let shipped = Sources::shipped();
        let text = with_survey(&shipped.site, FOUND, &[("gw-shoes", -2.14), ("gw-till", -0.04)], &points()).unwrap();
        let config = check(&Sources { site: text.clone(), ..shipped.clone() }).config.unwrap();
        assert_eq!(config.site.path_loss, PathLoss { exponent: 1.62, at_1m_dbm: -57.3, sigma_db: 4.4 });
        let offsets: Vec<f64> = config.site.gateways.iter().map(|gateway| gateway.offset_db).collect();
        assert_eq!(offsets, [0.0, -2.1, 0.0]);
        assert_eq!(config.site.survey_points.len(), 2);
        assert!((config.site.survey_points[0].levels_dbm[0].1 + 64.5).abs() < 1e-9);
        let before: Vec<&str> = shipped.site.lines().collect();
        let kept = text.lines().filter(|line| before.contains(line)).count();
        assert!(kept >= before.len(), "every line of before: {text}");
        assert!(text.contains("position-m = [7.5, 5.5]\noffset-db = -2.1\n"), "{text}");
        assert_eq!(
            with_survey(&text, FOUND, &[("gw-shoes", -2.14)], &points()).unwrap(),
            text,
            "again it changes no byte"
        );
        let fewer = with_survey(&text, FOUND, &[], &points()[1..]).unwrap();
        assert_eq!(fewer.matches("[[survey-point]]\nname").count(), 1, "those of before are gone: {fewer}");
    }

    #[test]
    fn what_somebody_wrote_around_the_points_stays_there() {
        let site = "[[gateway]]\nid = 'gw-till'\n[[gateway]]\nid = 'gw-shoes'\n\n# Measured in May.\n[[survey-point]]\nname = 'old'\n\n\
            # Where it is loud.\n[[survey-point]]\nname = 'centre'\n\n# The beacons.\n[[fixed-beacon]]\nid = 'b'\n";
        let text = with_survey(site, FOUND, &[], &points()).unwrap();
        let places =
            ["# Measured in May.\n[[", "by the door", "# Where it is loud.\n[[", "centre", "# The beacons.\n[["];
        let places: Vec<Option<usize>> = places.iter().map(|words| text.find(words)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {text}");
        assert_eq!(with_survey(&text, FOUND, &[], &points()).unwrap(), text);
    }

    #[test]
    fn a_file_written_on_windows_keeps_its_line_ends() {
        let site = Sources::shipped().site.replace('\n', "\r\n");
        let text = with_survey(&site, FOUND, &[("gw-shoes", -2.14)], &points()).unwrap();
        assert!(text.contains("offset-db = -2.1\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    }

    #[test]
    fn numbers_are_changed_where_they_stand() {
        let site =
            "gateway = [{ id = 'a', offset-db = 1.0 }, { id = 'b' }] # two\npath-loss = { exponent = 2.0 } # old\n";
        let text = with_survey(site, FOUND, &[("a", 2.0), ("b", 3.0)], &[]).unwrap();
        assert!(text.starts_with("gateway = [{ id = 'a', offset-db = 2.0 }, { id = 'b'"), "{text}");
        assert!(text.contains("offset-db = 3.0 }] # two\n"), "{text}");
        assert!(text.contains("exponent = 1.62") && text.contains("# old"), "{text}");
        let dotted = "[path-loss]\nexponent = 2.0 # measured in May\n\n[[gateway]]\nid = 'a' # by the door\noffset-db = 1 # loud\n";
        let text = with_survey(dotted, FOUND, &[("a", -1.0)], &[]).unwrap();
        assert!(
            text.contains("exponent = 1.62 # measured in May") && text.contains("offset-db = -1.0 # loud"),
            "{text}"
        );
        assert_eq!(with_survey(dotted, FOUND, &[("c", 0.0)], &[]).unwrap_err(), "site.toml has no gateway `c`");
        assert!(with_survey("path-loss = 3", FOUND, &[], &[]).is_err() && with_survey("[[", FOUND, &[], &[]).is_err());
    }
}
