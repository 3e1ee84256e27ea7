//! `emma pause` and `emma resume`: nothing is said in the whole shop, at once and without an edit, until somebody says so.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::door::{Door, refusal};
use super::{Stop, complain, say};
use crate::clock::Clock;
use crate::control::{Halting, Reply, Request};
use crate::counter::when;
use crate::exit;

/// What a pause is asked.
#[derive(clap::Args)]
#[command(after_help = "\
What is on its way to customers is taken back. A pause outlives a restart.

  emma pause                 until emma resume
  emma pause --for 2h
  emma pause --until 18:30   in the shop's time; also 2026-12-24 or \"2026-12-24 18:30\"")]
pub struct Pause {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// For how long: 30m, 2h, 1d.
    #[arg(long = "for", value_name = "TIME", conflicts_with = "until")]
    length: Option<String>,
    /// Until when, in the shop's time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// What a resumption is asked.
#[derive(clap::Args)]
pub struct Resume {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
}

/// Pauses.
pub(super) fn pause(arguments: &Pause) -> u8 {
    let until = arguments.length.clone().or_else(|| arguments.until.clone());
    match until.as_deref().map_or(Ok(()), legible) {
        Ok(()) => halt(&arguments.config, Halting::Pause { until }),
        Err((code, what)) => complain(code, what),
    }
}

/// Resumes.
pub(super) fn resume(arguments: &Resume) -> u8 {
    halt(&arguments.config, Halting::Resume)
}

/// Whether a time can be read at all; the shop's zone is for whoever answers.
pub(super) fn legible(time: &str) -> Result<(), Stop> {
    when::read(time, Clock::start().wall_us(), &TimeZone::UTC).map(|_| ()).map_err(|what| (exit::USAGE, what))
}

/// Does it, and says what holds from now on.
pub(super) fn halt(config_folder: &Path, what: Halting) -> u8 {
    match Door::open(config_folder).and_then(|mut door| door.ask(Request::Halt { what })) {
        Ok(Reply::Done { sentence }) => say(&format!("{sentence}\n")),
        Ok(other) => {
            let (code, what) = refusal(other);
            complain(code, what)
        }
        Err((code, what)) => complain(code, what),
    }
}
