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
            true_secs: zone.true_secs,
            announced_secs: zone.announced_secs,
            precision: ratio(zone.right_secs, zone.announced_secs).map(digits),
            found: ratio(zone.right_secs, zone.true_secs).map(digits),
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
        let groups = [&self.all, &self.walking, &self.at_rest];
        let row = |title: &str, cell: &dyn Fn(&GroupSheet) -> String| {
            let cells: String = groups.iter().map(|group| format!("{:>14}", cell(group))).collect();
            format!("{title:<34}{cells}\n")
        };
        let heading = ["all", "walking", "at rest"].map(|word| format!("{word:>14}")).concat();
        let mut text = format!("{:<34}{heading}\n", format!("% and seconds, {}", people(self.customers)));
        text += &row("seconds with a known truth", &|group| group.secs.to_string());
        text += &row("announced: right @ covered", &|group| {
            format!("{} @ {}", percent(group.precision), percent(group.coverage))
        });
        text += &row("forced: right, all / > 1.5 m", &|group| {
            format!("{} / {}", percent(group.forced), percent(group.forced_far))
        });
        text += &row("flaps a minute", &|group| {
            group.flaps_per_minute.map_or_else(|| "-".to_owned(), |flaps| format!("{flaps:.2}"))
        });
        text += &row("said at 0.9 or more: right, of", &|group| {
            format!("{} of {}", percent(group.right_at_90), group.said_at_90)
        });
        text += &row("calibration error", &|group| {
            group.calibration_error.map_or_else(|| "-".to_owned(), |error| format!("{error:.3}"))
        });
        text + &self.moves_and_zones()
    }

    fn moves_and_zones(&self) -> String {
        let MovesSheet { true_moves, announced, delay_median_secs, delay_p90_secs } = self.moves;
        let secs = |secs: Option<u32>| secs.map_or_else(|| "-".to_owned(), |secs| secs.to_string());
        let (median, p90) = (secs(delay_median_secs), secs(delay_p90_secs));
        let mut text =
            format!("\ntrue moves: {announced} of {true_moves} announced, after {median} s (median), {p90} s (p90)\n");
        let StaysSheet { true_stays, announced } = self.stays;
        text += &format!("true stays of 20 s or more: {announced} of {true_stays} announced\n");
        if self.unjudged_secs > 0 {
            text += &format!(
                "{} s in a `near` zone are not judged: a point on the plan does not say how far a gateway hears well\n",
                self.unjudged_secs
            );
        }
        text += &format!("\n{:<34}{:>14}{:>14}{:>14}\n", "zone", "truly there s", "of it found", "said: right");
        for zone in &self.zones {
            let ZoneSheet { id, true_secs, found, precision, .. } = zone;
            text += &format!("{id:<34}{true_secs:>14}{:>14}{:>14}\n", percent(*found), percent(*precision));
        }
        text
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

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0}", share * 100.0))
}

fn people(customers: usize) -> String {
    if customers == 1 { "one customer".to_owned() } else { format!("{customers} customers") }
}
