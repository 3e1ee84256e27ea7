//! `emma log`: more or less in the log for a while, without a restart. Libraries stay where they are held.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::daemon::Daemon;
use super::status::{state_folder, unreachable};
use super::{Stop, complain, door, say};
use crate::clock::Clock;
use crate::control::{Reply, Request};
use crate::counter::when;
use crate::exit;
use crate::logging::LEVELS;

/// What it is asked.
#[derive(clap::Args)]
#[command(after_help = "\
  emma log debug             for an hour, so that nobody forgets it and a card wears out
  emma log debug --for 10m
  emma log                   the configured level again")]
pub struct Arguments {
    /// The level; without one the configured one again.
    #[arg(value_parser = LEVELS)]
    level: Option<String>,
    /// For how long: 10m, 2h, 1d.
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    length: String,
    /// The folder with the five configuration files; it says where the state folder is.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// The state folder, where gateway.toml cannot be read.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Asks the daemon.
pub(super) fn main(arguments: &Arguments) -> u8 {
    match ask(arguments) {
        Ok(sentence) => say(&format!("{sentence}\n")),
        Err((code, what)) => complain(code, what),
    }
}

fn ask(arguments: &Arguments) -> Result<String, Stop> {
    let request = Request::Log { level: arguments.level.clone(), secs: secs(&arguments.length)? };
    let state = state_folder(&arguments.config, arguments.state.as_deref());
    let reply = Daemon::find(&state).and_then(|mut daemon| daemon.ask(&request));
    match reply.map_err(|error| unreachable(&state, &error))? {
        Reply::Done { sentence } => Ok(sentence),
        other => Err(door::refusal(other)),
    }
}

fn secs(length: &str) -> Result<u64, Stop> {
    let now_us = Clock::start().wall_us();
    let ends_us = when::read(length, now_us, &TimeZone::UTC).map_err(|what| (exit::USAGE, what))?;
    let secs = u64::try_from(ends_us.saturating_sub(now_us) / 1_000_000).unwrap_or(0);
    if secs > 0 { Ok(secs) } else { Err((exit::USAGE, format!("`{length}` is over already: write 10m or 2h"))) }
}
