//! `emma explain`: why one customer would, or would not, be told of a campaign, gate by gate (`docs/explain-customer.md`).

use std::path::PathBuf;

use super::door::{Door, refusal};
use super::halt::legible;
use super::{Stop, complain, say};
use crate::control::{Reply, Request};
use crate::counter::explaining::{CampaignExplained, Explained, Verdict};

/// What it is asked.
#[derive(clap::Args)]
#[command(after_help = "\
Nothing is said, counted or kept. With the daemon running it is asked; without one the ledger is read.

  emma explain c-7f3a
  emma explain c-7f3a jackets-tenth
  emma explain c-7f3a jackets-tenth --at 18:30")]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// The customer's pseudonym.
    customer: String,
    /// The campaign's id; without it each is explained.
    campaign: Option<String>,
    /// When, in the shop's time: 18:30, 2h (from now), 2026-12-24 or "2026-12-24 18:30".
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The language of the sentences.
    #[arg(long, value_parser = ["de", "en", "fr", "it"])]
    lang: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match ask(arguments) {
        Ok(explained) if arguments.json => {
            say(&format!("{:#}\n", serde_json::to_value(&explained).unwrap_or_default()))
        }
        Ok(explained) => say(&page(&explained)),
        Err((code, what)) => complain(code, what),
    }
}

fn ask(arguments: &Arguments) -> Result<Explained, Stop> {
    let Arguments { config, customer, campaign, at, lang, .. } = arguments;
    at.as_deref().map_or(Ok(()), legible)?;
    let (customer, campaign, at, language) = (customer.clone(), campaign.clone(), at.clone(), lang.clone());
    match Door::open(config)?.ask(Request::Explain { customer, campaign, at, language })? {
        Reply::Explained { explained } => Ok(*explained),
        other => Err(refusal(other)),
    }
}

fn page(explained: &Explained) -> String {
    let at = explained.at.as_deref().unwrap_or("a time that is not known for certain");
    let place = match (&explained.zone, explained.in_the_shop) {
        (Some(zone), _) => format!("in the shop, in {zone}"),
        (None, true) => "in the shop, in no zone".to_owned(),
        (None, false) => "not in the shop".to_owned(),
    };
    let head = format!("At {at}, {place}.\n\n");
    match &explained.campaigns[..] {
        [only] => format!("{head}{}\n{}\n", gates(only), of_one(only, explained)),
        all => format!("{head}{}\n{}\n", overview(all, explained), of_all(all)),
    }
}

/// One campaign, gate by gate.
fn gates(one: &CampaignExplained) -> String {
    let judged = match &one.zone {
        Some(zone) if !one.is_there => format!("judged as if in {zone}"),
        Some(zone) => format!("in {zone}"),
        None => "it speaks in no zone".to_owned(),
    };
    let gates: Vec<String> = one.gates.iter().map(gate).collect();
    format!("{}, {judged}\n{}", one.campaign, gates.concat())
}

/// A line for each campaign.
fn overview(all: &[CampaignExplained], explained: &Explained) -> String {
    let width = all.iter().map(|one| one.campaign.chars().count()).max().unwrap_or(0);
    let line = |one: &CampaignExplained| format!("{:<width$}  {}\n", one.campaign, of_one(one, explained));
    all.iter().map(line).collect()
}

fn gate(Verdict { gate, passes, says }: &Verdict) -> String {
    let (mark, says) = (if *passes { "ok" } else { "NO" }, says.as_deref().unwrap_or_default());
    format!("  {mark}  {gate:<14}{says}").trim_end().to_owned() + "\n"
}

/// The last line.
fn of_all(all: &[CampaignExplained]) -> String {
    let told: Vec<&str> = all.iter().filter(|one| one.would_be_told).map(|one| &*one.campaign).collect();
    let hint = "emma explain CUSTOMER CAMPAIGN shows each gate";
    match told.join(", ") {
        none if none.is_empty() => format!("would not be told of any; {hint}"),
        told => format!("would be told of {told}; {hint}"),
    }
}

fn of_one(one: &CampaignExplained, explained: &Explained) -> String {
    match &one.why {
        _ if explained.at_work => {
            "would not: here for more than three hours, taken for staff until tomorrow".to_owned()
        }
        Some(why) if one.reason.as_deref() == Some("control") => {
            format!("would not: {why} It would be recorded and not said.")
        }
        Some(why) => format!("would not: {why}"),
        None if one.zone.is_none() => "would not: the campaign speaks in no zone".to_owned(),
        None => "would be told".to_owned(),
    }
}
