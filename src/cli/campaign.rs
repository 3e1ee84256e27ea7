//! `emma campaign`: what is said, and what is not any more.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::door::{Door, refusal};
use super::halt::halt;
use super::{Stop, complain, say};
use crate::control::{CampaignListed, Halting, Reply, Request};

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
    /// Every campaign, and whether it runs.
    List,
}

/// Does what is asked.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let outcome = match &arguments.command {
        Command::Stop { id } => return halt(&arguments.config, Halting::Stop { campaign: id.clone() }),
        Command::Start { id } => return halt(&arguments.config, Halting::Start { campaign: id.clone() }),
        Command::List => Door::open(&arguments.config).and_then(|mut door| list(&mut door)),
    };
    match outcome {
        Ok(page) => say(&page),
        Err((code, what)) => complain(code, what),
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
