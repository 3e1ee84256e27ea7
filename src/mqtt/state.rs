//! What a gateway says of itself: the retained state, also its last will, and its health. Plain JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::consent::ConsentFeed;
use super::event::{instant, json};
use crate::config::Name;
use crate::config::gateway::Gateway;

/// So many problems of a refused configuration are said on the wire, the rest counted: `emma check` lists them all.
const MAX_PROBLEMS: usize = 50;

/// How far the wall clock is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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
            clock: self.clock,
            fixed_beacons: &self.fixed_beacons,
            calibration: &self.calibration,
            incoming: self.incoming.as_ref(),
        })
    }
}

#[derive(Serialize)]
struct StateMessage<'a> {
    state: Presence,
    gateway: &'a str,
    site: &'a str,
    incarnation: &'a str,
    version: &'a str,
    since: String,
    clock: ClockTrust,
    configuration: ConfigurationMessage<'a>,
    radio: Option<RadioMessage<'a>>,
    sources: &'a [SourceState],
    paused_until: Option<String>,
    stopped_campaigns: &'a [StoppedCampaign],
    consent_feed: Option<&'a ConsentFeed>,
}

#[derive(Serialize)]
struct RadioMessage<'a> {
    driver: &'a str,
    adapter: Option<&'a str>,
    scanning: bool,
}

#[derive(Serialize)]
struct ConfigurationMessage<'a> {
    in_force: InForceMessage<'a>,
    refused: Option<RefusedMessage<'a>>,
}

#[derive(Serialize)]
struct InForceMessage<'a> {
    digest: &'a str,
    at: String,
}

#[derive(Serialize)]
struct RefusedMessage<'a> {
    at: String,
    problems: Vec<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[derive(Serialize)]
struct HealthMessage<'a> {
    at: String,
    heard: u64,
    matched: u64,
    dropped: u64,
    rejected: u64,
    ambiguous: u64,
    scan_restarts: u64,
    sources: &'a [SourceHealth],
    outbox: OutboxMessage,
    clock: ClockTrust,
    fixed_beacons: &'a [FixedBeaconHealth],
    calibration: &'a [CalibrationHealth],
    incoming: Option<&'a IncomingHealth>,
}

#[derive(Serialize)]
struct OutboxMessage {
    depth: u64,
    oldest_age_secs: Option<u64>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn state() -> State {
        State {
            gateway: "gw-till".into(),
            site: "bern".into(),
            incarnation: "7f".into(),
            version: "0.1.0".into(),
            since_us: 1_793_613_600_000_000,
            clock: ClockTrust::Synchronised,
            in_force: InForce { digest: "abc".into(), at_us: 1_793_613_600_000_000 },
            refused: None,
            sources: vec![SourceState::new("bluez", Some("hci0"), true)],
            paused_until_us: Some(1_793_617_200_000_000),
            stopped_campaigns: vec![StoppedCampaign { id: "oak".into(), why: "stopped by hand".to_owned() }],
            consent_feed: None,
        }
    }

    #[test]
    fn the_state_says_what_is_in_force() {
        let message: Value = serde_json::from_str(&state().message(Presence::Online)).unwrap();
        let expected = json!({
            "state": "online", "gateway": "gw-till", "site": "bern", "incarnation": "7f", "version": "0.1.0",
            "since": "2026-11-02T10:00:00Z", "clock": "synchronised",
            "configuration": { "in_force": { "digest": "abc", "at": "2026-11-02T10:00:00Z" }, "refused": null },
            "radio": { "driver": "bluez", "adapter": "hci0", "scanning": true },
            "sources": [{
                "kind": "bluez", "name": "hci0", "listening": true, "scan": null, "reason": null, "restarts": 0,
                "last_error": null,
            }],
            "paused_until": "2026-11-02T11:00:00Z",
            "stopped_campaigns": [{ "id": "oak", "why": "stopped by hand" }], "consent_feed": null,
        });
        assert_eq!(message, expected);
    }

    #[test]
    fn a_pause_without_an_end_is_one_until_nobody_lives_to_see_it() {
        let paused = State { paused_until_us: Some(i64::MAX), ..state() };
        let message: Value = serde_json::from_str(&paused.message(Presence::Online)).unwrap();
        assert_eq!(message["paused_until"], "9999-12-30T22:00:00.999999999Z");
    }

    #[test]
    fn a_refused_change_lists_so_many_problems_and_counts_the_rest() {
        let mut state = state();
        let problems = vec![Name::from("offers.toml:7: unknown key"); MAX_PROBLEMS + 3];
        state.refused = Some(RefusedChange { at_us: 0, problems });
        let message: Value = serde_json::from_str(&state.message(Presence::Offline)).unwrap();
        let refused = &message["configuration"]["refused"];
        assert_eq!(message["state"], "offline");
        assert_eq!(refused["problems"].as_array().unwrap().len(), MAX_PROBLEMS);
        assert_eq!((&refused["more"], &refused["at"]), (&json!(3), &json!("1970-01-01T00:00:00Z")));
    }

    #[test]
    fn health_says_what_was_counted() {
        let health = Health {
            heard: 9,
            matched: 4,
            dropped: 1,
            rejected: 7,
            ambiguous: 2,
            scan_restarts: 3,
            sources: vec![SourceHealth {
                kind: "ruuvi".into(),
                name: None,
                heard: 9,
                dropped: 1,
                rejected: BTreeMap::from([("stale".into(), 7)]),
            }],
            outbox_depth: 5,
            outbox_oldest_secs: Some(6),
            clock: ClockTrust::Untrusted,
            fixed_beacons: vec![FixedBeaconHealth {
                id: "wall".into(),
                heard: false,
                missing_secs: Some(601),
                battery_mv: Some(2_800),
                temperature_c: Some(21.5),
            }],
            calibration: vec![CalibrationHealth {
                gateway: "gw-till".into(),
                drift_db: Some(-8.0),
                applied_db: -6.0,
                from: 3,
                proposal: Some(ProposalHealth { offset_db: -7.5, spread_db: 4.0, visits: 42, zones: 3 }),
            }],
            incoming: Some(IncomingHealth {
                listening: true,
                last_error: None,
                taken: 8,
                rejected: BTreeMap::from([("fields".into(), 2)]),
            }),
        };
        let message: Value = serde_json::from_str(&health.message(0)).unwrap();
        let expected = json!({
            "at": "1970-01-01T00:00:00Z", "heard": 9, "matched": 4, "dropped": 1, "rejected": 7, "ambiguous": 2,
            "scan_restarts": 3,
            "sources": [{ "kind": "ruuvi", "name": null, "heard": 9, "dropped": 1, "rejected": { "stale": 7 } }],
            "outbox": { "depth": 5, "oldest_age_secs": 6 }, "clock": "untrusted",
            "fixed_beacons": [
                { "id": "wall", "heard": false, "missing_secs": 601, "battery_mv": 2800, "temperature_c": 21.5 },
            ],
            "calibration": [{
                "gateway": "gw-till", "drift_db": -8.0, "applied_db": -6.0, "from": 3,
                "proposal": { "offset_db": -7.5, "spread_db": 4.0, "visits": 42, "zones": 3 },
            }],
            "incoming": { "listening": true, "last_error": null, "taken": 8, "rejected": { "fields": 2 } },
        });
        assert_eq!(message, expected);
    }
}
