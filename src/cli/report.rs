//! `emma report`: restraint, measured: the totals of a week, for people as a page and for programs as JSON.

use std::path::PathBuf;

use super::consent::Door;
use super::{Stop, complain, say};
use crate::control::{Reply, Request};
use crate::exit;
use crate::gateway::effect::Reason;
use crate::report::{CampaignTotals, Most, Report};
use crate::words::{self, Language, Line, Window};

/// What it is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the five configuration files; it says where the state folder is.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// Which week: 2026-W47, `this` (not over yet) or `last`.
    #[arg(long, value_name = "WEEK")]
    week: Option<String>,
    /// The language of the sentences: de, en, fr or it.
    #[arg(long, value_name = "LANG", value_parser = language)]
    lang: Option<Language>,
    /// Print the data of the topic report/restraint as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match ask(arguments) {
        Ok(report) if arguments.json => say(&format!("{:#}\n", serde_json::to_value(&report).unwrap_or_default())),
        Ok(report) => say(&page(&report, arguments.lang.unwrap_or(Language::En))),
        Err((code, what)) => complain(code, what),
    }
}

fn language(tag: &str) -> Result<Language, String> {
    Language::of(tag).ok_or_else(|| "Emma speaks de, en, fr and it".to_owned())
}

fn ask(arguments: &Arguments) -> Result<Report, Stop> {
    match Door::open(&arguments.config)?.ask(Request::Report { week: arguments.week.clone() })? {
        Reply::Report { report } => Ok(*report),
        Reply::Refused { problems } => Err((exit::UNAVAILABLE, problems.join("; "))),
        Reply::Failed { problem } => Err((exit::IO, problem)),
        _ => Err((exit::UNAVAILABLE, "the daemon answers something else: is it of the same version?".to_owned())),
    }
}

fn page(report: &Report, language: Language) -> String {
    let Report { site, week, from, until, unfinished, .. } = report;
    let so_far = if *unfinished { " …" } else { "" };
    let mut lines = vec![format!("{site}, {week}{so_far}"), format!("{from} – {until}"), String::new()];
    lines.extend(figures(report).into_iter().map(|line| words::report(line, language)));
    if !report.campaigns.is_empty() {
        let head = ["campaign", "delivered", "displayed", "opened", "redeemed", "dismissed", "control"];
        lines.extend([String::new(), columns(&head.map(str::to_owned))]);
        lines.extend(report.campaigns.iter().map(|campaign| columns(&row(campaign))));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The lines of a report, as sentences know them.
fn figures(report: &Report) -> Vec<Line> {
    let share = |share: Option<u64>| share.and_then(|share| u8::try_from(share).ok());
    let most = |most: &Most| Line::Most { window: window(most), offers: most.received, at_most: most.at_most.into() };
    let withheld = |(word, count): (&String, &Option<u64>)| Some(Line::Withheld(Reason::of(word)?, *count));
    let rounded_up = |secs: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a withdrawal takes seconds")]
        let secs = secs.ceil() as u64;
        secs
    };
    let visits = [Line::Visits(report.visits), Line::Silent(share(report.without_offer_percent))];
    let rest = [
        Line::Dismissed(share(report.dismissed_percent)),
        Line::Helpful(share(report.helpful_percent)),
        Line::LastContact(report.withdrawal_longest_secs.map(rounded_up)),
        Line::Oldest(report.oldest_datum_days),
    ];
    let most = report.most.iter().map(most);
    visits.into_iter().chain(most).chain(report.withheld.iter().filter_map(withheld)).chain(rest).collect()
}

fn window(most: &Most) -> Window {
    match most.per.as_deref() {
        Some("visit") => Window::Visit,
        Some(per) => per.parse().map_or(Window::Ever, Window::Rolling),
        None => Window::Ever,
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
