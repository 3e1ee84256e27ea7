//! What is found in one message of a Pi. It is judged as it comes, so that of a message no more is held than what a person
//! has to know.

use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;
use crate::cli::daemon::{Calibration, ConsentFeed, Health, Source, State, StoppedCampaign};
use crate::cli::printable::printable;
use crate::cli::status::FEED_IS_SILENT;

/// An offer is gone after 90 s, and a broker that is back is found within half a minute: what waits longer waits for
/// something else.
const OUTBOX_IS_OLD_SECS: u64 = 120;

/// Clocks that are synchronised agree within a second; a message takes a few on its way.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(2);

/// The longest version that is kept, in characters.
const MAX_VERSION: usize = 40;

/// So many of a kind are named; the rest is counted.
const MAX_NAMED: usize = 5;

/// What is held of a state message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// It is there, as far as the broker knows.
    pub(super) online: bool,
    /// It decides for its shop; a Pi that only scans hears for another.
    pub(super) decides: bool,
    /// Emma's version.
    pub(super) version: String,
    /// What is amiss.
    pub(super) findings: Vec<Finding>,
}

/// What a state message tells at that wall time, in microseconds; nothing if it is none.
pub(super) fn of_state(payload: &[u8], now_us: i64) -> Option<Standing> {
    let state: State = serde_json::from_slice(payload).ok()?;
    let online = match &*state.presence {
        "online" => true,
        "offline" => false,
        _ => return None,
    };
    // A Pi that only scans says how the Pi fares that it hears for.
    let decides = state.sources.iter().all(|source| source.kind != "decider");
    // What it said of itself before it went is old, but that it was asked for something that it refused.
    let of_life = || [deaf(&state.sources), clock(&state, decides), feed(&state, now_us)].into_iter().flatten();
    let mut findings: Vec<Finding> = if online { of_life().collect() } else { Vec::new() };
    findings.extend([refused(&state), paused(&state), stopped(&state.stopped_campaigns)].into_iter().flatten());
    Some(Standing { online, decides, version: printable(&state.version, MAX_VERSION), findings })
}

/// What a health message tells at that wall time, in microseconds; nothing if it is none.
pub(super) fn of_health(payload: &[u8], now_us: i64) -> Option<Vec<Finding>> {
    let health: Health = serde_json::from_slice(payload).ok()?;
    let at: Timestamp = health.at.parse().ok()?;
    let found = [
        ledger(&health),
        restored(&health),
        delivery(&health),
        outbox(&health),
        incoming(&health),
        differs(&health, at, now_us),
        fixed_beacons(&health),
        calibration(&health.calibration),
    ];
    Some(found.into_iter().flatten().collect())
}

/// A source without an error waits for something to do, and a capture ends: neither is deaf.
fn deaf(sources: &[Source]) -> Option<Finding> {
    let is_deaf = |source: &&Source| !source.listening && source.last_error.is_some() && source.kind != "capture";
    let Source { kind, name, last_error, .. } = sources.iter().find(is_deaf)?;
    let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let why = last_error.as_deref().unwrap_or_default();
    Some(match &**kind {
        "bluez" | "btleplug" => {
            let to_do = "on it: emma doctor, the lines adapter, bluez-version and power; it listens again by itself";
            Finding::hand("deaf", format!("its radio{name} is deaf: {why}"), to_do)
        }
        "decider" => {
            let to_do = "does another Pi of this shop decide, and does its site.toml name this one? on it: emma doctor";
            Finding::hand("no-table", format!("nobody tells it whom to hear: {why}"), to_do)
        }
        kind => {
            let to_do = "is what it hears by switched on, and may this Pi read its topic? on it: emma status";
            Finding::hand("deaf", format!("it does not hear by {kind}{name}: {why}"), to_do)
        }
    })
}

/// A Pi that only scans asks for no time of day.
fn clock(state: &State, decides: bool) -> Option<Finding> {
    (decides && state.clock == "untrusted").then(|| {
        let sentence = "it does not trust its clock, and makes no offer";
        Finding::hand(
            "clock",
            sentence,
            "on it: timedatectl, and emma doctor, the line clock; does it reach a time server?",
        )
    })
}

fn feed(state: &State, now_us: i64) -> Option<Finding> {
    let ConsentFeed { registrar, at, agrees, wants_snapshot, .. } = state.consent_feed.as_ref()?;
    let now = Timestamp::from_microsecond(now_us).ok()?;
    let silent_for = at.parse::<Timestamp>().ok().map(|at| now.duration_since(at))?;
    if silent_for > FEED_IS_SILENT {
        let sentence = format!("the registrar {registrar} has been silent for {}", span(silent_for));
        let to_do = "is it running? consents that came from it end 24 h after its last beat";
        return Some(Finding::hand("feed-silent", sentence, to_do));
    }
    (!agrees && *wants_snapshot).then(|| {
        let sentence = format!("it and the registrar {registrar} do not agree on whose consents hold");
        Finding::hand("feed-disagrees", sentence, "does the registrar answer a changed digest with all its records?")
    })
}

fn refused(state: &State) -> Option<Finding> {
    let refused = state.configuration.refused.as_ref()?;
    let first = refused.problems.iter().find_map(|problem| problem.lines().next()).unwrap_or("no reason is told");
    let sentence = format!("a change of its configuration was refused, the older one holds: {first}");
    Some(Finding::hand(
        "configuration",
        sentence,
        "on it: emma check, and correct the files; they are taken over as they are",
    ))
}

/// Somebody said so, or the calendar did.
fn paused(state: &State) -> Option<Finding> {
    let until = state.paused_until.as_deref()?;
    // A pause without an end is one until a time in the year 9999.
    let until = if until.starts_with("9999") { "somebody resumes" } else { until };
    Some(Finding::note("paused", format!("it says nothing until {until}")))
}

fn stopped(campaigns: &[StoppedCampaign]) -> Option<Finding> {
    let told = named(campaigns.iter().map(|campaign| format!("{} ({})", campaign.id, campaign.why)))?;
    Some(Finding::note("stopped", format!("campaigns are stopped: {told}")))
}

fn ledger(health: &Health) -> Option<Finding> {
    (health.ledger_writable == Some(false)).then(|| {
        let sentence = "it cannot write its ledger, and makes no offer";
        Finding::hand(
            "ledger",
            sentence,
            "on it: emma doctor, the lines disk, card and state-folder; journalctl -u emma says why",
        )
    })
}

/// Somebody restored it, and is waited for by nobody but customers.
fn restored(health: &Health) -> Option<Finding> {
    let sentence = "its ledger was restored: each cap's window is full until it has passed once";
    (health.ledger_restored == Some(true)).then(|| Finding::note("restored", sentence))
}

fn delivery(health: &Health) -> Option<Finding> {
    match health.delivery_trouble.as_deref()? {
        "nobody-listens" => {
            let sentence = "nobody listens to its offers, and they count as said";
            Some(Finding::hand(
                "nobody-listening",
                sentence,
                "is the recipient connected, under the topics of this shop? until then: emma pause",
            ))
        }
        "refused" => {
            let to_do = "may its user write offer/ on this broker? journalctl -u emma on it says the broker's word";
            Some(Finding::hand("broker-refuses", "the broker refuses its offers", to_do))
        }
        _ => None,
    }
}

fn outbox(health: &Health) -> Option<Finding> {
    let age_secs = health.outbox.oldest_age_secs.filter(|age_secs| *age_secs > OUTBOX_IS_OLD_SECS)?;
    let age = span(SignedDuration::from_secs(age_secs.try_into().unwrap_or(i64::MAX)));
    let sentence = format!("{} messages wait for the broker, the oldest for {age}", health.outbox.depth);
    Some(Finding::hand("outbox", sentence, "on it: emma doctor, the line broker; journalctl -u emma"))
}

fn incoming(health: &Health) -> Option<Finding> {
    let incoming = health.incoming.as_ref().filter(|incoming| !incoming.listening)?;
    let why = incoming.last_error.as_deref()?;
    let sentence = format!("it does not hear what customers and the shop say back: {why}");
    Some(Finding::hand("not-heard", sentence, "may its user read feedback/, consent and control/ on this broker?"))
}

/// A clock that is trusted may be wrong all the same.
fn differs(health: &Health, at: Timestamp, now_us: i64) -> Option<Finding> {
    let now = Timestamp::from_microsecond(now_us).ok().filter(|_| health.clock != "untrusted")?;
    let ahead = at.duration_since(now);
    (ahead.abs() > CLOCKS_DIFFER).then(|| {
        let side = if ahead.is_positive() { "ahead of" } else { "behind" };
        let sentence = format!("its clock is {} {side} this machine's", span(ahead.abs()));
        Finding::hand("clock-differs", sentence, "timedatectl, on it and here: which of the two is wrong?")
    })
}

fn fixed_beacons(health: &Health) -> Option<Finding> {
    let missing = health.fixed_beacons.iter().filter(|beacon| beacon.missing_secs.is_some());
    let told = named(missing.map(|beacon| beacon.id.clone()))?;
    let to_do = "look at their batteries and places; emma status on it says for how long";
    Some(Finding::hand("fixed-beacons", format!("fixed beacons are missing: {told}"), to_do))
}

fn calibration(told: &[Calibration]) -> Option<Finding> {
    let is_beyond = |drift_db: f64, applied_db: f64| applied_db != 0.0 && (drift_db - applied_db).abs() > 0.05;
    let beyond = told.iter().filter(|told| told.drift_db.is_some_and(|drift_db| is_beyond(drift_db, told.applied_db)));
    let beyond = named(beyond.map(|told| told.gateway.clone()))?;
    let to_do = "look at their antennas, and whether somebody moved them or put something before them";
    Some(Finding::hand("calibration", format!("these hear otherwise than they did: {beyond}"), to_do))
}

/// The first few, and how many more there are; nothing where there is none.
fn named(mut names: impl Iterator<Item = String>) -> Option<String> {
    let first: Vec<String> = names.by_ref().take(MAX_NAMED).collect();
    let more = names.count();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!first.is_empty()).then(|| format!("{}{rest}", first.join(", ")))
}

/// A span for people: the largest unit that it has two of.
pub(super) fn span(span: SignedDuration) -> String {
    let secs = span.as_secs();
    match secs {
        172_800.. => format!("{} days", secs / 86_400),
        7_200.. => format!("{} h", secs / 3_600),
        120.. => format!("{} min", secs / 60),
        _ => format!("{secs} s"),
    }
}

#[cfg(test)]
#[path = "said_tests.rs"]
mod tests;
