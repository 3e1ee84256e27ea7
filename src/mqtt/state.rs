//! What a gateway says of itself: the retained state, also its last will, and its health. Plain JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::consent::ConsentFeed;
use super::event::{instant, json};
use crate::config::Name;
use crate::config::gateway::Gateway;

/// So many problems of a refused configuration are said on the wire, the rest counted: `emma check` lists them all.
const MAX_PROBLEMS: usize = 50;

/// How far the wall clock is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockTrust {
    /// The system says that it is synchronised.
    Synchronised,
    /// `[clock] trust = "assume"`: believed without asking.
    Assumed,
    /// Nothing is said that needs the time.
    #[default]
    Untrusted,
}

/// What the retained state message says, but for online or offline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// This Pi.
    pub gateway: Name,
    /// The shop.
    pub site: Name,
    /// Which life of the process this is; never the same twice.
    pub incarnation: Name,
    /// Emma's version.
    pub version: Name,
    /// When this life started (wall, microseconds).
    pub since_us: i64,
    /// Whether the time is known.
    pub clock: ClockTrust,
    /// The configuration in force.
    pub in_force: InForce,
    /// A change that was refused, while it is the last thing that happened to the configuration.
    pub refused: Option<RefusedChange>,
    /// What it listens with, the radio of this machine first.
    pub sources: Vec<SourceState>,
    /// Nothing is said before this instant (wall, microseconds); `i64::MAX` is until somebody resumes.
    pub paused_until_us: Option<i64>,
    /// Campaigns that were stopped, by hand or by their own dismissals.
    pub stopped_campaigns: Vec<StoppedCampaign>,
    /// The registrar's feed; nothing where there never was one.
    pub consent_feed: Option<ConsentFeed>,
}

/// A campaign that was stopped.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct StoppedCampaign {
    /// Its id.
    pub id: String,
    /// Why, in words for a person.
    pub why: String,
}

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Tells one content of the five files from another.
    pub digest: Name,
    /// Since when (wall, microseconds).
    pub at_us: i64,
}

/// A change of the configuration that was refused whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedChange {
    /// When (wall, microseconds).
    pub at_us: i64,
    /// Why, a line each.
    pub problems: Vec<Name>,
}

/// One source of advertisements, as far as anyone outside needs to know.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SourceState {
    /// What it is: `bluez`, `btleplug`, `none`, a format of remote scanners, `phone` or `capture`.
    pub kind: String,
    /// Which adapter, topic or file.
    pub name: Option<String>,
    /// Whether it listens.
    pub listening: bool,
    /// How a radio scans: `passive` or `active`.
    pub scan: Option<String>,
    /// Why so, where that is worth knowing.
    pub reason: Option<String>,
    /// Times that it listened again after it had not.
    pub restarts: u64,
    /// Why it does not listen, or last did not.
    pub last_error: Option<String>,
}

impl SourceState {
    /// One that is known by its name alone.
    pub fn new(kind: &str, name: Option<&str>, listening: bool) -> Self {
        Self {
            kind: kind.into(),
            name: name.map(str::to_owned),
            listening,
            scan: None,
            reason: None,
            restarts: 0,
            last_error: None,
        }
    }
}

/// Whether a gateway is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It says so itself, at every connect.
    Online,
    /// Said on a clean stop, and by the broker as its last will.
    Offline,
}

impl State {
    /// What is said at the start of a life, at that wall time in microseconds, which also names the life.
    pub fn begin(gateway: &Gateway, clock: ClockTrust, digest: &str, sources: Vec<SourceState>, now_us: i64) -> Self {
        Self {
            gateway: gateway.gateway.clone(),
            site: gateway.site.clone(),
            incarnation: now_us.to_string().into(),
            version: env!("CARGO_PKG_VERSION").into(),
            since_us: now_us,
            clock,
            in_force: InForce { digest: digest.into(), at_us: now_us },
            refused: None,
            sources,
            paused_until_us: None,
            stopped_campaigns: Vec::new(),
            consent_feed: None,
        }
    }

    /// The message for the state topic.
    pub fn message(&self, state: Presence) -> String {
        json(&StateMessage {
            state,
            gateway: &self.gateway,
            site: &self.site,
            incarnation: &self.incarnation,
            version: &self.version,
            since: instant(self.since_us),
            clock: self.clock,
            configuration: ConfigurationMessage {
                in_force: InForceMessage { digest: &self.in_force.digest, at: instant(self.in_force.at_us) },
                refused: self.refused.as_ref().map(refused_message),
            },
            radio: self.sources.first().map(|radio| RadioMessage {
                driver: &radio.kind,
                adapter: radio.name.as_deref(),
                scanning: radio.listening,
            }),
            sources: &self.sources,
            paused_until: self.paused_until_us.map(instant),
            stopped_campaigns: &self.stopped_campaigns,
            consent_feed: self.consent_feed.as_ref(),
        })
    }
}

fn refused_message(refused: &RefusedChange) -> RefusedMessage<'_> {
    let problems = refused.problems.iter().take(MAX_PROBLEMS).map(AsRef::as_ref).collect();
    let more = refused.problems.len().saturating_sub(MAX_PROBLEMS);
    RefusedMessage { at: instant(refused.at_us), problems, more }
}

/// What one source of advertisements has counted since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SourceHealth {
    /// What it is, as in the state.
    pub kind: String,
    /// Which adapter, topic or file.
    pub name: Option<String>,
    /// Advertisements and reports handed on.
    pub heard: u64,
    /// Those that were dropped because too many came at once.
    pub dropped: u64,
    /// What could not be used, by the word for why.
    pub rejected: BTreeMap<String, u64>,
}

/// What became of the last offer or ending that the broker answered, where it did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryTrouble {
    /// The broker took it, and nobody subscribes to it: it counts as said.
    NobodyListens,
    /// The broker refused it.
    Refused,
}

/// What a gateway has counted since it started; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Advertisements heard.
    pub heard: u64,
    /// Advertisements that a consent matched.
    pub matched: u64,
    /// Advertisements dropped because too many came at once.
    pub dropped: u64,
    /// Frames that two customers matched, so that nobody was.
    pub ambiguous: u64,
    /// Advertisements and messages that no source could use.
    pub rejected: u64,
    /// Times that scanning had to be started again.
    pub scan_restarts: u64,
    /// What each source has counted, in the order of the state's sources.
    pub sources: Vec<SourceHealth>,
    /// Rows that wait for the broker.
    pub outbox_depth: u64,
    /// Age of the oldest of them in seconds.
    pub outbox_oldest_secs: Option<u64>,
    /// Why offers do not arrive, while they do not; the session's to say.
    pub delivery_trouble: Option<DeliveryTrouble>,
    /// Whether the ledger can be written; nothing on a Pi that only scans, which has none.
    pub ledger_writable: Option<bool>,
    /// Whether it was restored from a backup, and waits; nothing likewise.
    pub ledger_restored: Option<bool>,
    /// Whether the time is known.
    pub clock: ClockTrust,
    /// The shop's own transmitters.
    pub fixed_beacons: Vec<FixedBeaconHealth>,
    /// How the gateways hear.
    pub calibration: Vec<CalibrationHealth>,
    /// What comes in over MQTT and is no sighting; nothing where nobody listens to it.
    pub incoming: Option<IncomingHealth>,
}

/// How what comes in fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct IncomingHealth {
    /// Whether all of it is listened to.
    pub listening: bool,
    /// Why not.
    pub last_error: Option<String>,
    /// Messages taken.
    pub taken: u64,
    /// Messages of no use, by the word for why.
    pub rejected: BTreeMap<String, u64>,
}

/// How one gateway hears, against when it was set up.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct CalibrationHealth {
    /// Its id in `site.toml`.
    pub gateway: String,
    /// How much more it hears than it did, in dB; nothing while that is not known.
    pub drift_db: Option<f64>,
    /// What of it is taken off whatever it hears, in dB.
    pub applied_db: f64,
    /// How many fixed beacons say so.
    pub from: usize,
    /// What customers' signals would propose; it never acts by itself.
    pub proposal: Option<ProposalHealth>,
}

/// What customers' signals would propose for one gateway.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct ProposalHealth {
    /// How much more it hears than the map expects, in dB.
    pub offset_db: f64,
    /// The standard deviation of that from entry to entry, in dB.
    pub spread_db: f64,
    /// On how many visits it rests.
    pub visits: u32,
    /// Into how many zones they went.
    pub zones: usize,
}

/// How a fixed beacon fares.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct FixedBeaconHealth {
    /// Its id in `site.toml`.
    pub id: String,
    /// Whether it was heard in the last ten minutes.
    pub heard: bool,
    /// For how long nobody has heard it, in seconds, once it is missed.
    pub missing_secs: Option<u64>,
    /// What its battery had when it last said so, in millivolts.
    pub battery_mv: Option<u16>,
    /// What it measured when it last said so, in degrees Celsius.
    pub temperature_c: Option<f64>,
}

impl Health {
    /// The message for the health topic, said at that wall time in microseconds.
    pub fn message(&self, at_us: i64) -> String {
        json(&HealthMessage {
            at: instant(at_us),
            heard: self.heard,
            matched: self.matched,
            dropped: self.dropped,
            rejected: self.rejected,
            ambiguous: self.ambiguous,
            scan_restarts: self.scan_restarts,
            sources: &self.sources,
            outbox: OutboxMessage { depth: self.outbox_depth, oldest_age_secs: self.outbox_oldest_secs },
            delivery_trouble: self.delivery_trouble,
            ledger_writable: self.ledger_writable,
            ledger_restored: self.ledger_restored,
            clock: self.clock,
            fixed_beacons: &self.fixed_beacons,
            calibration: &self.calibration,
            incoming: self.incoming.as_ref(),
        })
    }
}

/// What a gateway says of itself: retained, also its last will, said again at every connect.
#[derive(JsonSchema, Serialize)]
pub(crate) struct StateMessage<'a> {
    /// Whether it is there.
    state: Presence,
    /// This Pi, as in the topic.
    gateway: &'a str,
    /// The shop.
    site: &'a str,
    /// Which life of the process this is; never the same twice.
    incarnation: &'a str,
    /// Emma's version.
    version: &'a str,
    /// When this life began.
    #[schemars(extend("format" = "date-time"))]
    since: String,
    /// How far the wall clock is believed.
    clock: ClockTrust,
    /// The five files.
    configuration: ConfigurationMessage<'a>,
    /// The first of `sources`, in short.
    radio: Option<RadioMessage<'a>>,
    /// What it listens with, the radio of this machine first.
    sources: &'a [SourceState],
    /// Nothing is said before this time; one in the year 9999 is until somebody resumes.
    #[schemars(extend("format" = "date-time"))]
    paused_until: Option<String>,
    /// Campaigns that say nothing, by hand or by their own dismissals.
    stopped_campaigns: &'a [StoppedCampaign],
    /// How the registrar's feed fares; nothing before its first heartbeat.
    consent_feed: Option<&'a ConsentFeed>,
}

#[derive(JsonSchema, Serialize)]
struct RadioMessage<'a> {
    /// What it is.
    driver: &'a str,
    /// Which adapter.
    adapter: Option<&'a str>,
    /// Whether it listens.
    scanning: bool,
}

#[derive(JsonSchema, Serialize)]
struct ConfigurationMessage<'a> {
    /// What Emma goes by.
    in_force: InForceMessage<'a>,
    /// A change that was refused whole, while it is the last thing that happened to the files.
    refused: Option<RefusedMessage<'a>>,
}

#[derive(JsonSchema, Serialize)]
struct InForceMessage<'a> {
    /// Tells one content of the five files from another.
    digest: &'a str,
    /// Since when.
    #[schemars(extend("format" = "date-time"))]
    at: String,
}

#[derive(JsonSchema, Serialize)]
struct RefusedMessage<'a> {
    /// When.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// Why, a sentence each with its file and line.
    problems: Vec<&'a str>,
    /// How many more there are than are said.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// What a gateway has counted since it started, once a minute. Counts of what happened, and never to whom.
#[derive(JsonSchema, Serialize)]
pub(crate) struct HealthMessage<'a> {
    /// When it was said.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// Advertisements heard.
    heard: u64,
    /// Those that a consent matched.
    matched: u64,
    /// Those that were dropped because too many came at once.
    dropped: u64,
    /// Advertisements and messages that no source could use.
    rejected: u64,
    /// Frames that two customers matched, so that nobody was.
    ambiguous: u64,
    /// Times that scanning had to be started again.
    scan_restarts: u64,
    /// What each source has counted, in the order of the state's sources.
    sources: &'a [SourceHealth],
    /// What waits for the broker.
    outbox: OutboxMessage,
    /// Why offers do not arrive, by the broker's last answer; nothing while they do, and before the first.
    delivery_trouble: Option<DeliveryTrouble>,
    /// Whether the ledger can be written; while it cannot, no offer is made. Nothing on a Pi that only scans.
    ledger_writable: Option<bool>,
    /// Whether the ledger was restored from a backup, and each cap's window counts as full until it has passed once. Nothing on a
    /// Pi that only scans.
    ledger_restored: Option<bool>,
    /// How far the wall clock is believed.
    clock: ClockTrust,
    /// The shop's own transmitters.
    fixed_beacons: &'a [FixedBeaconHealth],
    /// How the gateways hear, against when they were set up.
    calibration: &'a [CalibrationHealth],
    /// What comes in over MQTT and is no sighting; nothing where nobody listens to it.
    incoming: Option<&'a IncomingHealth>,
}

#[derive(JsonSchema, Serialize)]
struct OutboxMessage {
    /// How many messages.
    depth: u64,
    /// The age of the oldest of them, in seconds.
    oldest_age_secs: Option<u64>,
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
