//! `emma report`: restraint, measured: the totals of a week, for people as a page and for programs as JSON.

use std::path::PathBuf;

use super::door::Door;
use super::{Stop, complain, say};
use crate::control::{Reply, Request};
use crate::exit;
use crate::report::{CampaignTotals, Most, Report, SMALLEST_GROUP};
use crate::words::{self, Language};

/// What it is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the five configuration files; it says where the state folder is.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// Which week: 2026-W47, `this` (not over yet) or `last`.
    #[arg(long, value_name = "WEEK")]
    week: Option<String>,
    /// Print the data of the topic report/restraint as one JSON object.
    #[arg(long)]
    json: bool,
    /// Say it in sentences: de, en, fr or it.
    #[arg(long = "lang", value_name = "LANG", value_parser = spoken, conflicts_with = "json")]
    language: Option<Language>,
}

/// Asks and prints.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match ask(arguments) {
        Ok(report) if arguments.json => say(&format!("{:#}\n", serde_json::to_value(&report).unwrap_or_default())),
        Ok(report) => say(&arguments.language.map_or_else(|| page(&report), |language| sentences(&report, language))),
        Err((code, what)) => complain(code, what),
    }
}

fn ask(arguments: &Arguments) -> Result<Report, Stop> {
    match Door::open(&arguments.config)?.ask(Request::Report { week: arguments.week.clone() })? {
        Reply::Report { report } => Ok(*report),
        Reply::Refused { problems } => Err((exit::UNAVAILABLE, problems.join("; "))),
        Reply::Failed { problem } => Err((exit::IO, problem)),
        _ => Err((exit::UNAVAILABLE, "the daemon answers something else: is it of the same version?".to_owned())),
    }
}

pub(super) fn spoken(tag: &str) -> Result<Language, String> {
    Language::of(tag).ok_or_else(|| format!("Emma speaks {}", Language::ALL.map(Language::word).join(", ")))
}

fn sentences(report: &Report, language: Language) -> String {
    words::report(report, language).join("\n") + "\n"
}

fn page(report: &Report) -> String {
    let Report { site, week, from, until, unfinished, .. } = report;
    let so_far = if *unfinished { ", so far" } else { "" };
    let mut lines = vec![format!("Restraint of {site} in {week}{so_far}"), format!("{from} to {until}"), String::new()];
    lines.extend(figures(report).into_iter().map(|(label, value)| format!("{label:<44}{value:>14}")));
    if !report.withheld.is_empty() {
        lines.extend([String::new(), "Not said, and why".to_owned()]);
        let withheld = report.withheld.iter();
        lines.extend(withheld.map(|(reason, count)| format!("  {reason:<42}{:>14}", told(*count, ""))));
    }
    if !report.campaigns.is_empty() {
        let head = ["campaign", "delivered", "shown", "opened", "redeemed", "dismissed", "control"].map(str::to_owned);
        lines.extend([String::new(), columns(&head)]);
        lines.extend(report.campaigns.iter().map(|campaign| columns(&row(campaign))));
    }
    lines.extend([String::new(), format!("–: fewer than {SMALLEST_GROUP}, and not told"), String::new()]);
    lines.join("\n")
}

fn figures(report: &Report) -> Vec<(String, String)> {
    let secs = |secs: f64| format!("{secs:.1} s");
    let withdrawal = report.withdrawal_longest_secs.map_or_else(|| "nobody".to_owned(), secs);
    let oldest = report.oldest_datum_days.map_or_else(|| "none".to_owned(), |days| format!("{days} days"));
    let of = |most: &Most| {
        (format!("most offers to anyone, {}", window(most)), format!("{} of {}", most.received, most.at_most))
    };
    let visits = [
        ("visits".to_owned(), told(report.visits, "")),
        ("of them without an offer".to_owned(), told(report.without_offer_percent, " %")),
    ];
    let rest = [
        ("offers dismissed".to_owned(), told(report.dismissed_percent, " %")),
        ("offers called helpful".to_owned(), told(report.helpful_percent, " %")),
        ("longest from withdrawal to silence".to_owned(), withdrawal),
        ("age of the oldest personal datum".to_owned(), oldest),
    ];
    visits.into_iter().chain(report.most.iter().map(of)).chain(rest).collect()
}

fn window(most: &Most) -> String {
    match most.per.as_deref() {
        Some("visit") => "in a visit".to_owned(),
        Some(per) => format!("in {per}"),
        None => "ever".to_owned(),
    }
}

fn row(campaign: &CampaignTotals) -> [String; 7] {
    let percent = |share| told(share, " %");
    [
        campaign.id.clone(),
        told(campaign.delivered, ""),
        percent(campaign.displayed_percent),
        percent(campaign.opened_percent),
        percent(campaign.redeemed_percent),
        percent(campaign.dismissed_percent),
        told(campaign.control, ""),
    ]
}

fn columns([campaign, delivered, shown, opened, redeemed, dismissed, control]: &[String; 7]) -> String {
    format!("{campaign:<24}{delivered:>10}{shown:>8}{opened:>8}{redeemed:>10}{dismissed:>11}{control:>9}")
}

/// A figure, or that it is not told.
fn told(figure: Option<u64>, unit: &str) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure}{unit}"))
}
