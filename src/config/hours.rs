//! How `[opening-hours]` is read.

use super::civil;
use super::file::File;
use super::reader::Table;
use super::tree::{Node, Value};
use super::values::{text_of, wrong_type};
use super::zones::{DayRange, OpeningHours};

/// Reads `[opening-hours]`: a day or a range of days each, and `exceptions` by date.
pub(super) fn read(mut table: Table<'_>) -> OpeningHours {
    let mut hours = OpeningHours::default();
    let mut named = [false; 7];
    let file = table.file;
    let exceptions = table.table("exceptions", "`exceptions`");
    for (key, at, node) in table.entries().filter(|(key, ..)| *key != "exceptions") {
        let days = match civil::days(key) {
            Ok(days) => days,
            Err((what, hint)) => {
                file.error(at, what, hint);
                continue;
            }
        };
        let ranges = read_day(file, node, key);
        for (index, _) in days.iter().enumerate().filter(|(_, is_meant)| **is_meant) {
            if named[index] {
                file.error(at, format!("`{}` has hours already", civil::day_name(index)), "name each day once");
            }
            named[index] = true;
            hours.week[index].clone_from(&ranges);
        }
    }
    for (key, at, node) in exceptions.iter().flat_map(Table::entries) {
        let ranges = read_day(file, node, key);
        match civil::date(key) {
            Ok(date) => {
                hours.exceptions.insert(date, ranges);
            }
            Err((what, hint)) => file.error(at, what, hint),
        }
    }
    hours
}

fn read_day(file: &File<'_>, node: &Node, key: &str) -> Vec<DayRange> {
    if !matches!(node.value, Value::Text(_)) {
        return wrong_type(file, node, key, "\"09:00-19:00\" or \"closed\"").unwrap_or_default();
    }
    let Some(text) = text_of(file, node, key) else { return Vec::new() };
    let ranges = civil::day(&text).unwrap_or_else(|(what, hint)| {
        file.error(&node.at, what, hint);
        Vec::new()
    });
    if ranges.iter().any(|range| range.start_min > range.end_min) {
        // A shop may be open over midnight; most that say so have the two the wrong way round.
        file.warning(
            &node.at,
            format!("`{key}` is open overnight, until the next morning"),
            "if not, swap the two times",
        );
    }
    ranges
}
