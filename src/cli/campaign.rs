//! `emma campaign`: what is said, and what is not any more.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::door::{Door, refusal};
use super::halt::halt;
use super::tester::{Events, choose};
use super::{Stop, complain, say};
use crate::control::{CampaignListed, Halting, Reply, Request};
use crate::counter::preview::PreviewText;
use crate::exit;
use crate::gateway::consent::record::ConsentRecord;

/// What it is asked.
#[derive(Args)]
pub struct Arguments {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Stop a campaign at once, and take back what was said of it.
    Stop {
        /// The campaign's id.
        id: String,
    },
    /// Say a campaign again that was stopped.
    Start {
        /// The campaign's id.
        id: String,
    },
    /// Take back one offer that was said, from every recipient that may have it.
    RecallOffer {
        /// The offer's id, as a recipient's event had it.
        id: String,
    },
    /// Every campaign, and whether it runs.
    List,
    /// Show a campaign as it would be said, and send it to a tester's own device.
    Preview {
        /// The campaign's id.
        id: String,
        /// The tester's pseudonym, where there are several.
        #[arg(long, value_name = "CUSTOMER")]
        to: Option<String>,
        /// Show this language alone; the tester is sent all of them.
        #[arg(long)]
        lang: Option<String>,
    },
}

/// Does what is asked.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let outcome = match &arguments.command {
        Command::Stop { id } => return halt(&arguments.config, Halting::Stop { campaign: id.clone() }),
        Command::Start { id } => return halt(&arguments.config, Halting::Start { campaign: id.clone() }),
        Command::RecallOffer { id } => Door::open(&arguments.config).and_then(|mut door| recall(&mut door, id)),
        Command::List => Door::open(&arguments.config).and_then(|mut door| list(&mut door)),
        Command::Preview { id, to, lang } => {
            Door::open(&arguments.config).and_then(|mut door| preview(&mut door, id, to.as_deref(), lang.as_deref()))
        }
    };
    match outcome {
        Ok(page) => say(&page),
        Err((code, what)) => complain(code, what),
    }
}

fn recall(door: &mut Door, id: &str) -> Result<String, Stop> {
    match door.ask(Request::Recall { offer: id.to_owned() })? {
        Reply::Done { sentence } => Ok(format!("{sentence}\n")),
        other => Err(refusal(other)),
    }
}

fn list(door: &mut Door) -> Result<String, Stop> {
    let (paused, campaigns) = match door.ask(Request::Campaigns)? {
        Reply::Campaigns { paused, campaigns } => (paused, campaigns),
        other => return Err(refusal(other)),
    };
    let width = campaigns.iter().map(|listed| listed.campaign.chars().count()).max().unwrap_or(0);
    let line = |CampaignListed { campaign, standing, .. }: &CampaignListed| format!("{campaign:<width$}  {standing}\n");
    let lines: Vec<String> = campaigns.iter().map(line).collect();
    let running = campaigns.iter().filter(|listed| listed.runs).count();
    let paused = paused.map(|until| format!("The whole shop is silent until {until}.\n")).unwrap_or_default();
    Ok(format!("{paused}{}{running} of {} campaigns run\n", lines.concat(), campaigns.len()))
}

/// Shows the texts, and sends the campaign to the tester who is named, or the only one there is.
fn preview(door: &mut Door, id: &str, to: Option<&str>, lang: Option<&str>) -> Result<String, Stop> {
    let shown = ask(door, id, None)?;
    let Reply::Previewed { zone, trigger, texts } = shown else { return Err(refusal(shown)) };
    let page = page(id, &zone, &trigger, &texts, lang)?;
    // The texts are shown whatever becomes of the sending.
    say(&page);
    let to = match (to, &*door) {
        (Some(to), _) => to.to_owned(),
        (None, Door::Ledger(..)) => return Ok("Nothing was sent: no Emma runs on this folder.\n".to_owned()),
        (None, Door::Daemon(_)) => {
            let Some(to) = the_tester(door)? else {
                let hint = "import a consent with \"test\": true (emma consent import FILE)";
                return Ok(format!("Nothing was sent: there is no test tag; {hint}.\n"));
            };
            to
        }
    };
    match ask(door, id, Some(to.clone()))? {
        Reply::Previewed { .. } => Ok(format!("On its way to {to}, marked as a test; it counts in no cap.\n")),
        other => Err(refusal(other)),
    }
}

fn ask(door: &mut Door, id: &str, to: Option<String>) -> Result<Reply, Stop> {
    door.ask(Request::Preview { campaign: id.to_owned(), to })
}

fn page(id: &str, zone: &str, trigger: &str, texts: &[PreviewText], lang: Option<&str>) -> Result<String, Stop> {
    let wanted: Vec<&PreviewText> = texts.iter().filter(|text| lang.is_none_or(|lang| text.language == lang)).collect();
    if wanted.is_empty() {
        let known: Vec<&str> = texts.iter().map(|text| &*text.language).collect();
        return Err((exit::USAGE, format!("this campaign has no text in that language; it has {}", known.join(", "))));
    }
    let line = |PreviewText { language, title, body }: &&PreviewText| format!("{language:<4}{title}\n    {body}\n");
    let lines: String = wanted.iter().map(line).collect();
    let moment = match trigger {
        "entered" => "on entering",
        "left" => "on leaving",
        _ => "after a stay in",
    };
    Ok(format!("{id}, {moment} {zone}\n\n{lines}\n"))
}

/// The only tester, or the one who is chosen of several.
fn the_tester(door: &mut Door) -> Result<Option<String>, Stop> {
    let reply = door.ask(Request::Testers)?;
    let Reply::Testers { records } = reply else { return Err(refusal(reply)) };
    let testers: Vec<ConsentRecord> = records.iter().filter_map(|record| serde_json::from_str(record).ok()).collect();
    let names: Vec<&str> = testers.iter().map(|tester| tester.customer.as_str()).collect();
    match names[..] {
        [] => Ok(None),
        [only] => Ok(Some(only.to_owned())),
        _ => choose(&names, &Events::begin()?).map(Some),
    }
}
