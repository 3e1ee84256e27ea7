//! The sheet at the end of a walk, to be filed: Markdown, or JSON. Nobody is named on it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::round::{Round, Row};

/// What was walked, when, and with which Emma.
pub(super) struct Head {
    pub(super) shop: String,
    /// As the shop's clock shows it.
    pub(super) begun: String,
    pub(super) ended: String,
    pub(super) version: String,
    /// Tells one content of the five files from another.
    pub(super) configuration: String,
    /// By gateway, or fixed beacon that a phone heard: how many readings.
    pub(super) gateways: Vec<(String, u64)>,
    pub(super) tag: String,
    /// What this terminal was too slow for.
    pub(super) missed_lines: u64,
}

/// Markdown.
pub(super) fn markdown(head: &Head, round: &Round) -> String {
    let mut sheet = String::new();
    let gateways: Vec<String> =
        head.gateways.iter().map(|(id, count)| format!("{} ({count} readings)", plain(id))).collect();
    let lines = [
        ("Shop", plain(&head.shop)),
        ("When", format!("{} to {}", head.begun, head.ended)),
        ("Tag", plain(&head.tag)),
        ("Gateways", gateways.join(", ")),
        ("Configuration", head.configuration.clone()),
        ("Emma", head.version.clone()),
    ];
    writeln!(sheet, "# A walk through {}\n\n| | |\n|---|---|", plain(&head.shop)).unwrap_or_default();
    for (what, text) in lines {
        // Writing to a text cannot fail.
        writeln!(sheet, "| {what} | {text} |").unwrap_or_default();
    }
    let columns = "Zone | Arrived | Seen | Seen after (median / worst) | Confidence (least / median) | Wrong | Missed";
    writeln!(sheet, "\n| {columns} |\n|---|---|---|---|---|---|---|").unwrap_or_default();
    for row in &round.rows {
        writeln!(sheet, "| {} |", cells(row).join(" | ")).unwrap_or_default();
    }
    writeln!(sheet).unwrap_or_default();
    for remark in remarks(head, round) {
        writeln!(sheet, "- {remark}").unwrap_or_default();
    }
    sheet
}

fn cells(row: &Row) -> [String; 7] {
    let name = plain(&row.name);
    if row.sensitive {
        let none = || "-".to_owned();
        let (arrivals, silence) = match (row.arrivals, row.told_in_it) {
            (0, _) => (none(), "never, on purpose".to_owned()),
            (arrivals, 0) => (arrivals.to_string(), "silent, as it must be".to_owned()),
            (arrivals, count) => (arrivals.to_string(), format!("announced elsewhere: {count}")),
        };
        return [name, arrivals, silence, none(), none(), none(), none()];
    }
    let after = match (median(&row.after_arrival_secs), worst(&row.after_arrival_secs)) {
        (Some(median), Some(worst)) => format!("{median:.0} s / {worst:.0} s"),
        _ => "-".to_owned(),
    };
    let sure = match (least(&row.confidences), median(&row.confidences)) {
        (Some(least), Some(median)) => format!("{least:.2} / {median:.2}"),
        _ => "-".to_owned(),
    };
    let seen = if row.is_seen() { (row.confidences.len() + row.seen_already).to_string() } else { "never".to_owned() };
    [name, row.arrivals.to_string(), seen, after, sure, row.wrong.to_string(), row.missed.to_string()]
}

fn remarks(head: &Head, round: &Round) -> Vec<String> {
    let mut remarks = vec![
        "*Seen after* counts from when whoever carried the tag said that they had arrived. A zone around one gateway \
         (`near`) always says confidence 1."
            .to_owned(),
    ];
    let named = |which: &dyn Fn(&&Row) -> bool| {
        round.rows.iter().filter(which).map(|row| plain(&row.name)).collect::<Vec<_>>().join(", ")
    };
    let timed = |row: &&Row| !row.after_other_secs.is_empty();
    let others: Vec<f64> = round.rows.iter().flat_map(|row| row.after_other_secs.iter().copied()).collect();
    if let (true, Some(median)) = (round.rows.iter().any(|row| timed(&row)), median(&others)) {
        remarks.push(format!(
            "Unasked, after the zone before was given up or the tag was first heard: {} (median {median:.0} s). How long \
             anybody stood there is not known.",
            named(&timed)
        ));
    }
    let sensitive = named(&|row| row.sensitive);
    if !sensitive.is_empty() {
        remarks.push(format!("Sensitive, so that nobody is ever placed there, on purpose: {sensitive}."));
    }
    let broken = named(&|row| row.told_in_it > 0);
    if !broken.is_empty() {
        remarks.push(format!("**Another zone was announced while somebody stood in a sensitive one: {broken}.**"));
    }
    let never = named(&|row| !row.sensitive && !row.is_seen());
    if !never.is_empty() {
        remarks.push(format!("Never seen on this walk: {never}."));
    }
    let wrong = named(&|row| row.wrong > 0);
    if !wrong.is_empty() {
        remarks.push(format!("Wrongly announced while somebody stood elsewhere: {wrong}."));
    }
    if round.missed_unnamed > 0 {
        let count = round.missed_unnamed;
        remarks.push(format!("After {count} arrivals at a place that was not named nothing was announced."));
    }
    if head.gateways.iter().all(|(_, count)| *count == 0) {
        remarks.push("The tag was never heard: is it switched on, and is it the one of this consent?".to_owned());
    }
    if head.missed_lines > 0 {
        remarks.push(format!("{} lines were missed, since the terminal was slow.", head.missed_lines));
    }
    remarks
}

/// The same as an object.
pub(super) fn json(head: &Head, round: &Round) -> Value {
    let row = |row: &Row| {
        json!({
            "id": row.id, "name": row.name, "sensitive": row.sensitive, "arrivals": row.arrivals,
            "seen": row.confidences.len(), "confidences": row.confidences,
            "seen_after_arrival_secs": row.after_arrival_secs, "seen_after_other_secs": row.after_other_secs,
            "seen_already": row.seen_already, "wrong": row.wrong, "missed": row.missed,
            "announced_elsewhere": row.told_in_it,
        })
    };
    let gateways: serde_json::Map<String, Value> =
        head.gateways.iter().map(|(id, count)| (id.clone(), (*count).into())).collect();
    json!({
        "shop": head.shop, "begun": head.begun, "ended": head.ended, "version": head.version,
        "configuration": head.configuration, "tag": head.tag, "readings": gateways,
        "zones": round.rows.iter().map(row).collect::<Vec<_>>(),
        "missed_unnamed": round.missed_unnamed, "missed_lines": head.missed_lines,
    })
}

/// Names as a table of Markdown can hold them.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().replace('|', "/")
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*lower, *upper))
}

fn worst(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;

    #[test]
    fn the_sheet_says_of_a_sensitive_zone_whether_it_was_silent() {
        let row = Row { name: "Beratung".to_owned(), sensitive: true, ..Row::default() };
        assert_eq!(cells(&row)[1..3], ["-", "never, on purpose"]);
        let row = Row { arrivals: 2, ..row };
        assert_eq!(cells(&row)[1..3], ["2", "silent, as it must be"]);
        let row = Row { told_in_it: 3, ..row };
        assert_eq!(cells(&row)[1..3], ["2", "announced elsewhere: 3"]);
        let mut round = Round::new(&shipped());
        round.rows.push(row);
        assert_eq!(json(&head(), &round)["zones"][3]["announced_elsewhere"], 3);
        assert!(markdown(&head(), &round).contains("stood in a sensitive one: Beratung."));
    }

    fn head() -> Head {
        Head {
            shop: "Corner | Shop".to_owned(),
            begun: "2026-11-02 08:00".to_owned(),
            ended: "08:10".to_owned(),
            version: "0.1.0".to_owned(),
            configuration: "0123456789abcdef".to_owned(),
            gateways: vec![("gw-shoes".to_owned(), 120), ("gw-till".to_owned(), 0)],
            tag: "red, ibeacon".to_owned(),
            missed_lines: 0,
        }
    }

    #[test]
    fn the_sheet_says_what_was_seen_and_what_was_not() {
        let mut round = Round::new(&shipped());
        round.arrived(Some(1), 0);
        round.entered("shoes", 0.91, 6_000_000);
        round.arrived(Some(2), 10_000_000);
        round.entered("shoes", 0.85, 12_000_000);
        round.begins_in("jackets", false);
        round.arrived(Some(0), 20_000_000);
        round.end();
        let head = head();
        insta::assert_snapshot!(markdown(&head, &round), @"
        # A walk through Corner / Shop

        | | |
        |---|---|
        | Shop | Corner / Shop |
        | When | 2026-11-02 08:00 to 08:10 |
        | Tag | red, ibeacon |
        | Gateways | gw-shoes (120 readings), gw-till (0 readings) |
        | Configuration | 0123456789abcdef |
        | Emma | 0.1.0 |

        | Zone | Arrived | Seen | Seen after (median / worst) | Confidence (least / median) | Wrong | Missed |
        |---|---|---|---|---|---|---|
        | Jacken | 1 | 1 | 0 s / 0 s | - | 0 | 0 |
        | Schuhe | 1 | 2 | 6 s / 6 s | 0.85 / 0.88 | 1 | 0 |
        | Kasse | 1 | never | - | - | 0 | 1 |

        - *Seen after* counts from when whoever carried the tag said that they had arrived. A zone around one gateway (`near`) always says confidence 1.
        - Never seen on this walk: Kasse.
        - Wrongly announced while somebody stood elsewhere: Schuhe.
        ");
        assert_eq!(json(&head, &round)["zones"][1]["seen_after_arrival_secs"], json!([6.0]));
    }
}
