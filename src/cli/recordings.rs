//! What a replay is given: a configuration, consents and captures, as the command line names them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Stop;
use super::replay::warn;
use crate::config::{self, Config, Name};
use crate::exit;
use crate::gateway::consent::record::{self, Record};
use crate::radio::capture::{self, Capture, CaptureError};

/// The records of a consents file, each with its place, and how many lines are none.
pub(super) type Records = (Vec<(String, Record)>, usize);

/// What is replayed, and in which shop.
#[derive(Args)]
pub(super) struct Recordings {
    /// The folder with the five configuration files.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// Consent records, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    consents: Option<PathBuf>,
    /// Which gateway a btsnoop file is of; else it is the file's name.
    #[arg(long, value_name = "FILE=ID", value_parser = file_and_gateway)]
    gateway_of: Vec<(PathBuf, Name)>,
    /// Captures: JSON Lines or btsnoop, told apart by content and merged by time.
    #[arg(required = true, value_name = "CAPTURE")]
    pub(super) captures: Vec<PathBuf>,
}

impl Recordings {
    /// The shop. Its problems are told; one that is an error ends the command.
    pub(super) fn config(&self) -> Result<Arc<Config>, Stop> {
        let loaded = config::load(&self.config);
        for problem in &loaded.problems {
            writeln!(io::stderr(), "{problem}").unwrap_or_default();
        }
        loaded.config.map(Arc::new).ok_or_else(|| (exit::CONFIG, "the configuration has an error".to_owned()))
    }

    /// The captures, opened. A gateway of none of them is a slip of the pen.
    pub(super) fn open(&self) -> Result<Vec<Capture>, Stop> {
        if let Some((file, _)) = self.gateway_of.iter().find(|(file, _)| !self.captures.contains(file)) {
            return Err((exit::USAGE, format!("--gateway-of {}: is none of the captures", file.display())));
        }
        let captures = self.captures.iter().map(|path| open(path, &self.gateway_of));
        captures.collect::<Result<Vec<_>, _>>().map_err(|error| (exit::NO_INPUT, error.to_string()))
    }

    /// The consents; none where no file is named. Lines that are none are told.
    pub(super) fn records(&self) -> Result<Records, Stop> {
        self.consents.as_deref().map(read_records).transpose().map(Option::unwrap_or_default)
    }
}

fn open(path: &Path, named: &[(PathBuf, Name)]) -> Result<Capture, CaptureError> {
    let gateway = named.iter().find(|(file, _)| file == path).map(|(_, gateway)| gateway.clone());
    capture::open(path, gateway)
}

pub(super) fn read_records(path: &Path) -> Result<Records, Stop> {
    let text =
        std::fs::read_to_string(path).map_err(|error| (exit::NO_INPUT, format!("{}: {error}", path.display())))?;
    let (mut records, mut refused) = (Vec::new(), 0);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match record::parse(line) {
            Ok(record) => records.push((format!("{}:{}", path.display(), index + 1), record)),
            Err(error) => {
                refused += 1;
                warn(&format!("{}:{}: refused: {error}", path.display(), index + 1));
            }
        }
    }
    Ok((records, refused))
}

fn file_and_gateway(text: &str) -> Result<(PathBuf, Name), String> {
    let (file, gateway) = text.rsplit_once('=').ok_or("write FILE=ID, such as till.btsnoop=gw-till")?;
    Ok((file.into(), gateway.into()))
}
