//! `emma status`: how the running Emma does, for people as a page and for programs as JSON. Nothing personal.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::daemon::{
    Calibration, Change, ConsentFeed, Daemon, FixedBeacon, Health, Incoming, Outbox, Proposal, Source, SourceCounts,
    State,
};
use super::{Stop, complain, say};
use crate::control::{Counted, LastError, Restored, Status};
use crate::ledger::folder;
use crate::{config, exit};

mod watching;

/// A registrar beats every few minutes: by then it has missed a dozen beats, and somebody has 23 hours to see to it.
pub(super) const FEED_IS_SILENT: SignedDuration = SignedDuration::from_hours(1);

/// What it is asked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the five configuration files; it says where the state folder is.
    #[arg(long, value_name = "DIR", default_value = "/etc/emma")]
    config: PathBuf,
    /// The state folder, where gateway.toml cannot be read.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Print one JSON object: the messages of the state and health topics, and totals.
    #[arg(long)]
    json: bool,
    /// Go on saying it every two seconds, over restarts, until ctrl-c; a line each where it is no terminal.
    #[arg(long)]
    watch: bool,
}

/// Asks and prints.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let state_folder = state_folder(&arguments.config, arguments.state.as_deref());
    if arguments.watch {
        return watching::watch(&state_folder, arguments.json);
    }
    match ask(&state_folder) {
        Ok(status) if arguments.json => say(&format!("{:#}\n", serde_json::to_value(&status).unwrap_or_default())),
        Ok(status) => say(&page(&status)),
        Err((code, what)) => complain(code, what),
    }
}

/// Where the daemon's socket is looked for: what is given, what the configuration names, or the usual place.
pub(super) fn state_folder(config_folder: &Path, given: Option<&Path>) -> PathBuf {
    let configured = || config::load(config_folder).gateway.and_then(|gateway| gateway.ledger_path);
    given.map_or_else(|| folder::path(configured().as_deref()), Path::to_owned)
}

fn ask(state_folder: &Path) -> Result<Status, Stop> {
    let status = Daemon::find(state_folder).and_then(|mut daemon| daemon.status());
    status.map_err(|error| unreachable(state_folder, &error))
}

/// What is said where the daemon cannot be asked.
pub(super) fn unreachable(state_folder: &Path, error: &std::io::Error) -> Stop {
    let place = state_folder.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            (exit::UNAVAILABLE, format!("no Emma runs on {place}: systemctl status emma says why, emma run starts one"))
        }
        ErrorKind::PermissionDenied => {
            (exit::UNAVAILABLE, format!("{place} is not this user's: ask as Emma's, sudo -u emma emma status"))
        }
        _ => (exit::UNAVAILABLE, format!("the Emma on {place} does not answer: {error}")),
    }
}

fn page(status: &Status) -> String {
    let (state, health) = (State::of(status), Health::of(status));
    let mut lines = vec![(
        "Emma",
        format!("{} of {}, version {}, up since {}", state.gateway, state.site, state.version, state.since),
    )];
    lines.push(("decides", decides_line(status).to_owned()));
    lines.push(("clock", state.clock));
    let Change { digest, at, .. } = state.configuration.in_force;
    lines.push(("configuration", format!("{} in force since {at}", digest.chars().take(12).collect::<String>())));
    if let Some(Change { at, problems, .. }) = state.configuration.refused {
        lines.push(("", format!("a change was refused at {at}:")));
        lines.extend(problems.iter().flat_map(|problem| problem.lines()).map(|line| ("", line.to_owned())));
    }
    lines.extend(status.restored.as_ref().map(|restored| ("RESTORED", restored_line(restored))));
    lines.extend(state.paused_until.as_deref().map(|until| ("PAUSED", paused_line(until))));
    lines.extend(state.stopped_campaigns.iter().map(|stopped| ("stopped", format!("{}: {}", stopped.id, stopped.why))));
    lines.extend(state.sources.iter().map(|source| ("listens", source_line(source))));
    lines.push(("broker", status.broker.clone().unwrap_or_else(|| "none is configured: no offer leaves".to_owned())));
    if status.table.is_none() {
        lines.push(("outbox", outbox_line(&health.outbox)));
    }
    lines.extend(health.incoming.as_ref().map(|incoming| ("comes in", incoming_line(incoming))));
    lines.extend(state.consent_feed.as_ref().map(|feed| ("registrar", feed_line(feed, &health.at))));
    let Health { heard, matched, dropped, rejected, ambiguous, .. } = health;
    lines.push((
        "heard",
        format!("{heard}, of customers {matched}; dropped {dropped}, rejected {rejected}, ambiguous {ambiguous}"),
    ));
    lines.extend(health.sources.iter().filter_map(rejected_line).map(|line| ("rejected", line)));
    lines.push(match status.table {
        Some(many) => ("table", format!("{many} may be heard, for the Pi that decides")),
        None => ("customers", format!("{} registered, {} in the shop", status.customers, status.present)),
    });
    lines.extend(status.counted.as_ref().map(|counted| ("offers", offers_line(counted))));
    lines.extend(
        status
            .last_error
            .as_ref()
            .map(|LastError { at, level, what }| ("last error", format!("{level} at {at}: {what}"))),
    );
    lines.extend(health.fixed_beacons.iter().map(|beacon| ("beacon", beacon_line(beacon))));
    // Without fixed beacons nobody can tell, and only customers' signals propose.
    let told = health.calibration.iter().filter(|_| !health.fixed_beacons.is_empty());
    lines.extend(told.map(|calibration| ("gateway", drift_line(calibration))));
    lines.extend(health.calibration.iter().filter_map(proposal_line).map(|line| ("proposal", line)));
    lines.into_iter().fold(String::new(), |mut text, (name, line)| {
        // Writing to a text cannot fail.
        writeln!(text, "{name:<15}{line}").unwrap_or_default();
        text
    })
}

/// Who decides what is said in this shop.
fn decides_line(status: &Status) -> &'static str {
    match (status.table, status.broker.as_deref()) {
        (Some(_), _) => "another Pi; this one hears for it",
        (None, Some("taken-over")) => "ANOTHER EMMA of this name: this one says nothing until it is restarted",
        (None, _) => "this Pi",
    }
}

/// What came of visits since the start, caps among the gates that said no.
fn offers_line(counted: &Counted) -> String {
    let told = counted.withheld.iter().filter_map(|(reason, count)| Some(format!("{reason} {}", (*count)?)));
    let told: Vec<String> = told.collect();
    let number = |count: Option<u64>| count.map_or("fewer than 20".to_owned(), |count| count.to_string());
    let withheld = if told.is_empty() { "no reason 20 times".to_owned() } else { told.join(", ") };
    format!("{} made, {} visits; not made: {withheld}", number(counted.offers), number(counted.visits))
}

/// A pause without an end is one until a time that nobody lives to see.
fn paused_line(until: &str) -> String {
    if until.starts_with("9999") {
        "nothing is said until somebody resumes".to_owned()
    } else {
        format!("nothing is said until {until}")
    }
}

/// After a restore nobody is told anything for a while, and somebody has to see to those who wait for longer.
fn restored_line(restored: &Restored) -> String {
    let Restored { at, unconfirmed } = restored;
    let since =
        at.as_deref().map_or("until the clock is known, and on from then,".to_owned(), |at| format!("since {at}"));
    let rest = match unconfirmed {
        0 => String::new(),
        n => format!("; {n} consents wait to be told again: by the registrar, or emma consent import"),
    };
    format!("{since} each cap's window is full until it has passed once{rest}")
}

fn source_line(source: &Source) -> String {
    let Source { kind, name, listening, scan, reason, restarts, last_error } = source;
    if kind == "none" {
        return "by no radio of its own, as configured".to_owned();
    }
    let mut line = kind.clone();
    let mut add = |text: &str| line.push_str(text);
    if let Some(name) = name {
        add(&format!(" {name}"));
    }
    // Without an error it waits for something to do: phones, for a consent that names one.
    let standing = match (listening, last_error) {
        (true, _) => ": yes",
        (false, None) => ": waits",
        (false, Some(_)) => ": NO",
    };
    add(standing);
    if let Some(scan) = scan {
        add(&format!(", {scan}"));
    }
    if *restarts > 0 {
        add(&format!(", restarts: {restarts}"));
    }
    match (listening, last_error, reason) {
        (false, Some(why), _) | (_, _, Some(why)) => add(&format!(" ({why})")),
        _ => {}
    }
    line
}

/// What a source could not use, and why.
fn rejected_line(source: &SourceCounts) -> Option<String> {
    let name = source.name.as_ref().filter(|_| source.kind == "scanner").map(|name| format!(" {name}"));
    let whys = whys(&source.rejected)?;
    Some(format!("by {}{}: {whys}", source.kind, name.unwrap_or_default()))
}

fn whys(rejected: &BTreeMap<String, u64>) -> Option<String> {
    let whys: Vec<String> = rejected.iter().map(|(why, count)| format!("{why} {count}")).collect();
    (!whys.is_empty()).then(|| whys.join(", "))
}

/// What customers and the shop say over MQTT.
fn incoming_line(incoming: &Incoming) -> String {
    let Incoming { listening, last_error, taken, rejected } = incoming;
    let standing = match (listening, last_error) {
        (true, _) => "is heard".to_owned(),
        (false, why) => format!("is NOT heard ({})", why.as_deref().unwrap_or("no connection yet")),
    };
    let rejected = whys(rejected).map(|whys| format!("; rejected: {whys}")).unwrap_or_default();
    format!("{standing}, {taken} taken{rejected}")
}

/// What the registrar told, as of `now`.
fn feed_line(feed: &ConsentFeed, now: &str) -> String {
    let ConsentFeed { registrar, at, agrees, wants_snapshot, count } = feed;
    let instant = |text: &str| text.parse::<Timestamp>().ok();
    let silent = instant(now).zip(instant(at)).is_some_and(|(now, at)| now.duration_since(at) > FEED_IS_SILENT);
    let standing = match (agrees, wants_snapshot) {
        (true, _) => "agrees",
        (false, true) => "does NOT AGREE, and is asked to tell everything again",
        (false, false) => "is not known to agree yet",
    };
    let silence = if silent { ", SILENT since: leases end 24 h after the last beat that agreed" } else { "" };
    format!("{registrar} {standing}; {count} consents on a lease; beat at {at}{silence}")
}

fn outbox_line(outbox: &Outbox) -> String {
    match outbox.oldest_age_secs {
        Some(age_secs) if outbox.depth > 0 => format!("{} waiting, the oldest for {age_secs} s", outbox.depth),
        _ => format!("{} waiting", outbox.depth),
    }
}

fn beacon_line(beacon: &FixedBeacon) -> String {
    let FixedBeacon { id, heard, missing_secs, battery_mv, temperature_c } = beacon;
    let standing = match (missing_secs, heard) {
        (Some(secs), _) => format!("MISSING for {secs} s"),
        (None, true) => "heard".to_owned(),
        (None, false) => "not heard yet".to_owned(),
    };
    let battery = battery_mv.map(|mv| format!(", battery {mv} mV")).unwrap_or_default();
    let temperature = temperature_c.map(|celsius| format!(", {celsius:.1} °C")).unwrap_or_default();
    format!("{id}: {standing}{battery}{temperature}")
}

/// How a gateway hears, where fixed beacons tell.
fn drift_line(calibration: &Calibration) -> String {
    let Calibration { gateway, drift_db, applied_db, from, .. } = calibration;
    let Some(drift_db) = *drift_db else { return format!("{gateway}: not known yet whether it hears as it did") };
    let standing = if drift_db.abs() < 0.05 {
        "hears as it did".to_owned()
    } else {
        format!("hears {:.1} dB {} than it did", drift_db.abs(), if drift_db < 0.0 { "less" } else { "more" })
    };
    let rest_db = (drift_db - applied_db).abs();
    let done = match (*applied_db == 0.0, rest_db > 0.05) {
        (true, false) => "",
        (true, true) => ", too little to correct",
        (false, false) => ", corrected",
        (false, true) => ", TOO MUCH TO CORRECT: look at its antenna and place",
    };
    format!("{gateway}: {standing}, say {from} fixed beacons{done}")
}

/// What customers' signals would propose, and what it rests on.
fn proposal_line(calibration: &Calibration) -> Option<String> {
    let Proposal { offset_db, spread_db, visits, zones } = calibration.proposal.as_ref()?;
    let gateway = &calibration.gateway;
    Some(format!(
        "{gateway}: offset-db {offset_db:+.1} on top, spread {spread_db:.1} dB, from {visits} visits to {zones} zones; not applied"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_says_what_is_heard_and_what_is_not() {
        let state = json!({
            "gateway": "gw-till", "site": "bern", "version": "0.1.0", "since": "2026-11-02T10:00:00Z",
            "clock": "synchronised",
            "configuration": {
                "in_force": { "digest": "0123456789abcdef", "at": "2026-11-02T10:00:00Z" },
                "refused": { "at": "2026-11-02T11:00:00Z", "problems": ["zones.toml:4: no such key"] },
            },
            "sources": [
                { "kind": "bluez", "name": "hci0", "listening": true, "scan": "passive", "restarts": 2 },
                { "kind": "bluez", "name": "hci1", "listening": false, "last_error": "unplugged" },
            ],
            "paused_until": "9999-12-30T22:00:00.999999Z",
            "stopped_campaigns": [{ "id": "oak", "why": "three in ten dismissed it" }],
            "consent_feed": { "registrar": "hq", "at": "2026-11-02T10:00:00Z", "agrees": true, "wants_snapshot": false, "count": 6 },
        });
        let health = json!({
            "at": "2026-11-02T11:00:01Z",
            "sources": [{ "kind": "ruuvi", "heard": 8, "rejected": { "stale": 3, "unknown-scanner": 2 } }],
            "incoming": { "listening": true, "taken": 8, "rejected": { "fields": 2, "too-many": 1 } },
            "heard": 12, "matched": 4, "outbox": { "depth": 1, "oldest_age_secs": 9 },
            "fixed_beacons": [
                { "id": "wall", "heard": true, "battery_mv": 2950, "temperature_c": 21.5 },
                { "id": "door", "heard": false, "missing_secs": 720 },
            ],
            "calibration": [
                { "gateway": "gw-till", "drift_db": -0.0, "applied_db": 0.0, "from": 3,
                  "proposal": { "offset_db": 2.14, "spread_db": 4.3, "visits": 57, "zones": 3 } },
                { "gateway": "gw-rack", "drift_db": -4.9, "applied_db": -4.9, "from": 3 },
                { "gateway": "gw-door", "drift_db": -15.2, "applied_db": -6.0, "from": 2 },
                { "gateway": "gw-loft", "drift_db": 1.1, "applied_db": 0.0, "from": 2 },
                { "gateway": "gw-yard", "drift_db": null, "applied_db": 0.0, "from": 1 },
            ],
        });
        let status = Status {
            state,
            health,
            broker: Some("connected".to_owned()),
            customers: 7,
            by_address: 1,
            present: 2,
            table: None,
            last_error: Some(LastError {
                at: "2026-11-02T10:58:00Z".to_owned(),
                level: "warn".to_owned(),
                what: "the broker cannot be reached reason=refused".to_owned(),
            }),
            counted: Some(Counted {
                visits: Some(64),
                offers: None,
                withheld: [
                    ("quiet".to_owned(), Some(25)),
                    ("cap-customer".to_owned(), Some(40)),
                    ("gap".to_owned(), None),
                ]
                .into(),
            }),
            restored: Some(Restored { at: Some("2026-11-02T09:00:00Z".to_owned()), unconfirmed: 3 }),
        };
        insta::assert_snapshot!(page(&status), @"
        Emma           gw-till of bern, version 0.1.0, up since 2026-11-02T10:00:00Z
        decides        this Pi
        clock          synchronised
        configuration  0123456789ab in force since 2026-11-02T10:00:00Z
                       a change was refused at 2026-11-02T11:00:00Z:
                       zones.toml:4: no such key
        RESTORED       since 2026-11-02T09:00:00Z each cap's window is full until it has passed once; 3 consents wait to be told again: by the registrar, or emma consent import
        PAUSED         nothing is said until somebody resumes
        stopped        oak: three in ten dismissed it
        listens        bluez hci0: yes, passive, restarts: 2
        listens        bluez hci1: NO (unplugged)
        broker         connected
        outbox         1 waiting, the oldest for 9 s
        comes in       is heard, 8 taken; rejected: fields 2, too-many 1
        registrar      hq agrees; 6 consents on a lease; beat at 2026-11-02T10:00:00Z, SILENT since: leases end 24 h after the last beat that agreed
        heard          12, of customers 4; dropped 0, rejected 0, ambiguous 0
        rejected       by ruuvi: stale 3, unknown-scanner 2
        customers      7 registered, 2 in the shop
        offers         fewer than 20 made, 64 visits; not made: cap-customer 40, quiet 25
        last error     warn at 2026-11-02T10:58:00Z: the broker cannot be reached reason=refused
        beacon         wall: heard, battery 2950 mV, 21.5 °C
        beacon         door: MISSING for 720 s
        gateway        gw-till: hears as it did, say 3 fixed beacons
        gateway        gw-rack: hears 4.9 dB less than it did, say 3 fixed beacons, corrected
        gateway        gw-door: hears 15.2 dB less than it did, say 2 fixed beacons, TOO MUCH TO CORRECT: look at its antenna and place
        gateway        gw-loft: hears 1.1 dB more than it did, say 2 fixed beacons, too little to correct
        gateway        gw-yard: not known yet whether it hears as it did
        proposal       gw-till: offset-db +2.1 on top, spread 4.3 dB, from 57 visits to 3 zones; not applied
        ");
    }
}
