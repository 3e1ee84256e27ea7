//! The running daemon, asked over its control socket, and what is read of its answer.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read as _, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::control::{Reply, Request, Status};
use crate::follow::Told;
use crate::ledger::folder;

/// A daemon answers within a group's commit; after so long its disk is the trouble.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is told of a tester is a few words; more is none of it.
const LONGEST_TOLD: u64 = 4_096;

/// A conversation with the daemon of a state folder.
pub(super) struct Daemon(BufReader<UnixStream>);

impl Daemon {
    /// Finds the daemon of this state folder.
    ///
    /// # Errors
    /// None answers there (`NotFound`, `ConnectionRefused`), or not to this user (`PermissionDenied`).
    pub(super) fn find(state_folder: &Path) -> Result<Self> {
        let stream = UnixStream::connect(folder::socket(state_folder))?;
        let daemon = Self(BufReader::new(stream));
        daemon.set_patience(PATIENCE)?;
        Ok(daemon)
    }

    /// Waits at most so long for what is asked from now on.
    pub(super) fn set_patience(&self, patience: Duration) -> Result<()> {
        let stream = self.0.get_ref();
        stream.set_read_timeout(Some(patience)).and_then(|()| stream.set_write_timeout(Some(patience)))
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// It has gone, does not answer in time, or answers what is not understood.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Reply> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.0.get_mut().write_all(&line)?;
        let mut answer = String::new();
        if self.0.read_line(&mut answer)? == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "it has gone away"));
        }
        Ok(serde_json::from_str(&answer)?)
    }

    /// Follows a tester from now on, or says why not.
    ///
    /// # Errors
    /// Those of [`Daemon::ask`].
    pub(super) fn follow(mut self, customer: &str) -> Result<std::result::Result<Following, Vec<String>>> {
        match self.ask(&Request::Follow { customer: customer.to_owned() })? {
            Reply::Following { zone, unsure, at_work } => {
                // A tag may be silent for hours.
                self.0.get_ref().set_read_timeout(None)?;
                Ok(Ok(Following { lines: self.0, zone: zone.map(|zone| (zone, unsure)), at_work }))
            }
            Reply::Refused { problems } => Ok(Err(problems)),
            Reply::Unknown => Ok(Err(vec!["there is no consent of this name".to_owned()])),
            _ => Err(Error::other("it does not know the question: is it of the same version?")),
        }
    }

    /// Asks how it does.
    ///
    /// # Errors
    /// Those of [`Daemon::ask`], and a daemon of a version that does not know the question.
    pub(super) fn status(&mut self) -> Result<Status> {
        match self.ask(&Request::Status)? {
            Reply::Status { status } => Ok(*status),
            _ => Err(Error::other("it does not know the question: is it of the same version?")),
        }
    }
}

/// What the daemon tells of a tester.
pub(super) struct Following {
    lines: BufReader<UnixStream>,
    /// The zone they are in, with confidence in it lost or not.
    pub(super) zone: Option<(String, bool)>,
    /// Zones are not told of them until the next day.
    pub(super) at_work: bool,
}

impl Following {
    /// The next thing that is told, however long it takes; nothing when the daemon has gone.
    ///
    /// # Errors
    /// It says something that is not understood.
    pub(super) fn told(&mut self) -> Result<Option<Told>> {
        let mut line = String::new();
        let length = (&mut self.lines).take(LONGEST_TOLD).read_line(&mut line)?;
        if length == 0 { Ok(None) } else { Ok(Some(serde_json::from_str(&line)?)) }
    }
}

/// What is read of the state message; what another version leaves out is left out.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// `online` or `offline`.
    #[serde(rename = "state")]
    pub(super) presence: String,
    pub(super) gateway: String,
    pub(super) site: String,
    pub(super) version: String,
    pub(super) since: String,
    pub(super) clock: String,
    pub(super) configuration: Configuration,
    pub(super) sources: Vec<Source>,
    pub(super) paused_until: Option<String>,
    pub(super) stopped_campaigns: Vec<StoppedCampaign>,
    pub(super) consent_feed: Option<ConsentFeed>,
}

/// A campaign that was stopped.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct StoppedCampaign {
    pub(super) id: String,
    pub(super) why: String,
}

/// How the registrar's feed fares.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ConsentFeed {
    pub(super) registrar: String,
    pub(super) at: String,
    pub(super) agrees: bool,
    pub(super) wants_snapshot: bool,
    pub(super) count: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    pub(super) in_force: Change,
    pub(super) refused: Option<Change>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) digest: String,
    pub(super) at: String,
    pub(super) problems: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    pub(super) kind: String,
    pub(super) name: Option<String>,
    pub(super) listening: bool,
    pub(super) scan: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) restarts: u64,
    pub(super) last_error: Option<String>,
}

/// What is read of the health message.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Health {
    pub(super) at: String,
    pub(super) heard: u64,
    pub(super) matched: u64,
    pub(super) dropped: u64,
    pub(super) rejected: u64,
    pub(super) ambiguous: u64,
    pub(super) outbox: Outbox,
    pub(super) delivery_trouble: Option<String>,
    pub(super) ledger_writable: Option<bool>,
    pub(super) ledger_restored: Option<bool>,
    pub(super) clock: String,
    pub(super) fixed_beacons: Vec<FixedBeacon>,
    pub(super) calibration: Vec<Calibration>,
    pub(super) sources: Vec<SourceCounts>,
    pub(super) incoming: Option<Incoming>,
}

/// How what comes in over MQTT fares.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming {
    pub(super) listening: bool,
    pub(super) last_error: Option<String>,
    pub(super) taken: u64,
    pub(super) rejected: BTreeMap<String, u64>,
}

/// What one source has counted.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceCounts {
    pub(super) kind: String,
    pub(super) name: Option<String>,
    pub(super) rejected: BTreeMap<String, u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Outbox {
    pub(super) depth: u64,
    pub(super) oldest_age_secs: Option<u64>,
}

/// A transmitter of the shop's own.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FixedBeacon {
    pub(super) id: String,
    pub(super) heard: bool,
    pub(super) missing_secs: Option<u64>,
    pub(super) battery_mv: Option<u16>,
    pub(super) temperature_c: Option<f64>,
}

/// How one gateway hears, against when it was set up.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Calibration {
    pub(super) gateway: String,
    pub(super) drift_db: Option<f64>,
    pub(super) applied_db: f64,
    pub(super) from: usize,
    pub(super) proposal: Option<Proposal>,
}

/// What customers' signals would propose for it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Proposal {
    pub(super) offset_db: f64,
    pub(super) spread_db: f64,
    pub(super) visits: u32,
    pub(super) zones: usize,
}

impl State {
    /// The state message.
    pub(super) fn of(status: &Status) -> Self {
        Self::deserialize(&status.state).unwrap_or_default()
    }
}

impl Health {
    /// The health message.
    pub(super) fn of(status: &Status) -> Self {
        Self::deserialize(&status.health).unwrap_or_default()
    }
}
