//! A score for people, and for programs.

use serde::Serialize;

use super::score::{Group, Score, ratio};
use crate::config::Name;

/// A score as JSON: shares from 0 to 1, `null` where there is nothing to divide by.
#[derive(Serialize)]
pub(super) struct Sheet {
    customers: usize,
    all: GroupSheet,
    walking: GroupSheet,
    at_rest: GroupSheet,
    moves: MovesSheet,
    stays: StaysSheet,
    zones: Vec<ZoneSheet>,
    unjudged_secs: u64,
}

#[derive(Serialize)]
struct GroupSheet {
    secs: u64,
    precision: Option<f64>,
    coverage: Option<f64>,
    forced: Option<f64>,
    forced_far: Option<f64>,
    flaps: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    flaps_per_minute: Option<f64>,
    said_at_90: u64,
    right_at_90: Option<f64>,
    calibration_error: Option<f64>,
}

#[derive(Serialize)]
struct MovesSheet {
    true_moves: u32,
    announced: usize,
    delay_median_secs: Option<u32>,
    delay_p90_secs: Option<u32>,
}

#[derive(Serialize)]
struct StaysSheet {
    true_stays: u32,
    announced: u32,
}

#[derive(Serialize)]
struct ZoneSheet {
    id: String,
    true_secs: u64,
    announced_secs: u64,
    precision: Option<f64>,
    found: Option<f64>,
}

impl Sheet {
    /// The score of `customers`; `ids` are the zones' in the order of zones.toml.
    pub(super) fn new(score: &Score, ids: &[Name], customers: usize) -> Self {
        let zone = |(id, zone): (&Name, &super::score::ZoneScore)| ZoneSheet {
            id: id.to_string(),
            true_secs: zone.there,
            announced_secs: zone.announced,
            precision: ratio(zone.right, zone.announced).map(digits),
            found: ratio(zone.right, zone.there).map(digits),
        };
        Self {
            customers,
            all: GroupSheet::new(&score.all, false),
            walking: GroupSheet::new(&score.walking, false),
            at_rest: GroupSheet::new(&score.at_rest, true),
            moves: MovesSheet {
                true_moves: score.moves,
                announced: score.delays_secs.len(),
                delay_median_secs: score.delay_secs(0.5),
                delay_p90_secs: score.delay_secs(0.9),
            },
            stays: StaysSheet { true_stays: score.stays, announced: score.stays_announced },
            zones: ids.iter().zip(&score.zones).map(zone).collect(),
            unjudged_secs: score.unjudged_secs,
        }
    }

    /// One JSON object, with the end of its line.
    pub(super) fn json(&self) -> String {
        // Strings, numbers and lists of them: serialising cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// A table in percent and seconds.
    pub(super) fn table(&self) -> String {
        let mut lines =
            vec![row(&format!("% and seconds, {}", people(self.customers)), &["all", "walking", "at rest"])];
        lines.extend(self.group_lines());
        lines.push(String::new());
        lines.extend(self.move_lines());
        lines.push(String::new());
        lines.push(row("zone", &["truly there s", "of it found", "said: right"]));
        lines.extend(
            self.zones
                .iter()
                .map(|zone| row(&zone.id, &[zone.true_secs.to_string(), percent(zone.found), percent(zone.precision)])),
        );
        lines.join("\n") + "\n"
    }

    fn group_lines(&self) -> [String; 6] {
        let groups = [&self.all, &self.walking, &self.at_rest];
        let decimal = |value: Option<f64>, digits: usize| value.map_or_else(dash, |value| format!("{value:.digits$}"));
        let pair = |a, sign, b| format!("{} {sign} {}", percent(a), percent(b));
        [
            row("seconds with a known truth", &groups.map(|group| group.secs.to_string())),
            row("announced: right @ covered", &groups.map(|group| pair(group.precision, '@', group.coverage))),
            row("forced, last entry: all / > 1.5 m", &groups.map(|group| pair(group.forced, '/', group.forced_far))),
            row("flaps a minute", &groups.map(|group| decimal(group.flaps_per_minute, 2))),
            row(
                "said at 0.9 or more: right, of",
                &groups.map(|group| format!("{} % of {}", percent(group.right_at_90), group.said_at_90)),
            ),
            row("calibration error", &groups.map(|group| decimal(group.calibration_error, 3))),
        ]
    }

    fn move_lines(&self) -> Vec<String> {
        let MovesSheet { true_moves, announced, delay_median_secs, delay_p90_secs } = self.moves;
        let [median, p90] =
            [delay_median_secs, delay_p90_secs].map(|secs| secs.map_or_else(dash, |secs| secs.to_string()));
        let StaysSheet { true_stays, announced: stays_announced } = self.stays;
        let mut lines = vec![
            format!("true moves: {announced} of {true_moves} announced, after {median} s (median), {p90} s (p90)"),
            format!("true stays of 20 s or more: {stays_announced} of {true_stays} announced"),
        ];
        if self.unjudged_secs > 0 {
            lines.push(format!(
                "{} s in a `near` zone are not judged: a point on the plan does not say how far a gateway hears well",
                self.unjudged_secs
            ));
        }
        lines
    }
}

impl GroupSheet {
    fn new(group: &Group, is_at_rest: bool) -> Self {
        let (said_at_90, right_at_90) = group.at_90();
        Self {
            secs: group.secs,
            precision: group.precision().map(digits),
            coverage: group.coverage().map(digits),
            forced: group.forced_share().map(digits),
            forced_far: group.forced_far_share().map(digits),
            flaps: group.flaps,
            flaps_per_minute: group.flaps_per_minute().filter(|_| is_at_rest).map(digits),
            said_at_90,
            right_at_90: right_at_90.map(digits),
            calibration_error: group.calibration_error().map(digits),
        }
    }
}

/// Four digits say more than any recording can.
fn digits(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// A line of the table.
fn row(title: &str, cells: &[impl AsRef<str>; 3]) -> String {
    let [all, walking, at_rest] = cells.each_ref().map(AsRef::as_ref);
    format!("{title:<34}{all:>14}{walking:>14}{at_rest:>14}")
}

fn dash() -> String {
    "-".to_owned()
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(dash, |share| format!("{:.0}", share * 100.0))
}

fn people(customers: usize) -> String {
    if customers == 1 { "one customer".to_owned() } else { format!("{customers} customers") }
}
