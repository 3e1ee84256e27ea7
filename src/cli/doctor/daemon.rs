//! The running Emma, and what she alone knows.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use super::Patient;
use super::finding::Finding;
use super::folder::AS_EMMA;
use crate::cli::daemon::{Daemon, Health, Source, State};
use crate::control::Status;
use crate::ledger::folder::socket;

/// A daemon that is well answers at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the daemon answers, where there is one.
pub(super) enum Asked {
    /// It runs, and does so.
    Running(Box<Status>),
    /// Nobody answers.
    Absent,
    /// It may run; it does not speak to this user, or not in this language.
    Mute(String),
}

/// Asks the daemon of that folder.
pub(super) fn ask(state_folder: &Path) -> Asked {
    let status = Daemon::find(state_folder).and_then(|mut daemon| {
        daemon.set_patience(PATIENCE)?;
        daemon.status()
    });
    match status {
        Ok(status) => Asked::Running(Box::new(status)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Asked::Absent,
        Err(error) => Asked::Mute(error.to_string()),
    }
}

/// The checks of this group.
pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let mut findings = vec![state(&patient.daemon, &patient.state_folder), addresses(&patient.daemon)];
    if let Asked::Running(status) = &patient.daemon {
        let health = Health::of(status);
        findings.extend(fixed_beacons(&health));
        findings.extend(calibration(&health));
    }
    findings
}

fn state(asked: &Asked, state_folder: &Path) -> Finding {
    const CHECK: &str = "daemon";
    match asked {
        Asked::Running(status) => running(status),
        Asked::Absent => {
            let socket = socket(state_folder);
            let is_left = fs::symlink_metadata(&socket).is_ok_and(|left| left.file_type().is_socket());
            let died = if is_left { ", and the last one did not end in order" } else { "" };
            Finding::note(CHECK, format!("none runs on {}{died}", state_folder.display()))
                .advise("sudo systemctl start emma, then journalctl -u emma")
        }
        Asked::Mute(error) => Finding::unknown(CHECK, format!("{}: {error}", state_folder.display())).advise(AS_EMMA),
    }
}

/// What a daemon that runs says of itself, the worst first.
fn running(status: &Status) -> Finding {
    const CHECK: &str = "daemon";
    // A source without an error waits for something to do: phones, for a consent that names one.
    let State { clock, configuration, sources, .. } = State::of(status);
    if status.broker.as_deref() == Some("taken-over") {
        let what = "it is silent: another Emma decides for this site";
        return Finding::fail(
            CHECK,
            what,
            "one decides: change `site` in gateway.toml, or stop one, and restart the other",
        );
    }
    if let Some(Source { kind, name, last_error, .. }) =
        sources.iter().find(|source| !source.listening && source.last_error.is_some() && source.kind != "capture")
    {
        let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let why = last_error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let what = format!("it runs, and does not hear by {kind}{name}{why}");
        return Finding::fail(CHECK, what, "mend what fails below; it is tried again by itself");
    }
    if configuration.refused.is_some() {
        let what = "it runs with an older configuration: the change on disk was refused";
        return Finding::warn(CHECK, what, "emma status says why; correct the files, and it is taken over");
    }
    // A Pi that only scans asks for no time of day.
    if clock == "untrusted" && status.table.is_none() {
        let what = "it runs, and makes no offer: it does not trust the clock";
        return Finding::warn(CHECK, what, "see `clock`; after a jump it waits ten minutes, behind its ledger a day");
    }
    Finding::ok(CHECK, "it runs and hears")
}

/// What devices cost that a consent knows by their address alone, bare or resolvable: no pattern tells them apart.
fn addresses(daemon: &Asked) -> Finding {
    const CHECK: &str = "addresses";
    let Asked::Running(status) = daemon else {
        return Finding::unknown(CHECK, "a running Emma knows whether a consent names an address")
            .advise("ask again while she runs");
    };
    match status.by_address {
        0 => Finding::ok(CHECK, "no consent names an address, so the radio need not hear what is not a beacon"),
        count => {
            let what = format!(
                "consents that name an address: {count}. For them the radio hears everything: every device around is asked \
                 for more, each report of a stranger costs some 80 µs of processor, and BlueZ caches their names"
            );
            Finding::warn(CHECK, what, "register these tags by what they transmit, iBeacon or Eddystone, where they do")
        }
    }
}

/// The shop's own transmitters, where there are any.
fn fixed_beacons(health: &Health) -> Option<Finding> {
    const CHECK: &str = "fixed-beacons";
    let missing: Vec<&str> =
        health.fixed_beacons.iter().filter(|beacon| beacon.missing_secs.is_some()).map(|beacon| &*beacon.id).collect();
    match (health.fixed_beacons.len(), missing.is_empty()) {
        (0, _) => None,
        (count, true) => Some(Finding::ok(CHECK, format!("none is missing of {count}"))),
        (_, false) => {
            let what = format!("missing: {}", missing.join(", "));
            Some(Finding::warn(CHECK, what, "look at their batteries and places; emma status says for how long"))
        }
    }
}

/// How the gateways hear, where fixed beacons tell.
fn calibration(health: &Health) -> Option<Finding> {
    const CHECK: &str = "calibration";
    let drifts = || health.calibration.iter().filter_map(|told| Some((told, told.drift_db?)));
    let beyond =
        drifts().filter(|(told, drift_db)| told.applied_db != 0.0 && (drift_db - told.applied_db).abs() > 0.05);
    let beyond: Vec<String> = beyond.map(|(told, drift_db)| format!("{} by {drift_db:+.0} dB", told.gateway)).collect();
    match (drifts().count(), beyond.is_empty()) {
        (0, _) => None,
        (count, true) => Some(Finding::ok(CHECK, format!("{count} gateways hear as they did, or are corrected"))),
        (_, false) => {
            let what = format!("hears otherwise than it did, and too much so to be corrected: {}", beyond.join(", "));
            Some(Finding::warn(
                CHECK,
                what,
                "look at its antenna, and whether somebody moved it or put something before it",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::finding::Verdict;
    use super::*;

    fn status(state: Value, health: Value, broker: &str) -> Status {
        Status {
            state,
            health,
            broker: Some(broker.to_owned()),
            customers: 3,
            by_address: 0,
            present: 0,
            table: None,
            last_error: None,
            counted: None,
            restored: None,
        }
    }

    #[test]
    fn what_a_running_emma_says_is_told_the_worst_first() {
        let source =
            |listening| json!([{ "kind": "bluez", "name": "hci0", "listening": listening, "last_error": "unplugged" }]);
        let refused = json!({ "refused": { "at": "x" } });
        for (state, broker, verdict, words) in [
            (
                json!({ "sources": source(false), "configuration": refused }),
                "taken-over",
                Verdict::Fail,
                "another Emma",
            ),
            (
                json!({ "sources": source(false), "configuration": refused }),
                "connected",
                Verdict::Fail,
                "bluez hci0: unplugged",
            ),
            (json!({ "sources": source(true), "configuration": refused }), "connected", Verdict::Warn, "refused"),
            (json!({ "sources": source(true), "clock": "untrusted" }), "connected", Verdict::Warn, "clock"),
            (json!({ "sources": source(true), "clock": "synchronised" }), "connecting", Verdict::Ok, "hears"),
            (
                json!({ "sources": [{ "kind": "phone", "listening": false, "reason": "it begins with the first" }] }),
                "connected",
                Verdict::Ok,
                "hears",
            ),
            (json!({ "radio": { "driver": "none", "scanning": false } }), "connected", Verdict::Ok, "hears"),
            (json!("rubbish"), "connected", Verdict::Ok, "runs"),
        ] {
            let found = running(&status(state, Value::Null, broker));
            assert!(found.verdict == verdict && found.what.contains(words), "{found:?}");
        }
    }

    #[test]
    fn consents_by_address_cost_restraint() {
        let asked = |by_address| {
            Asked::Running(Box::new(Status { by_address, ..status(Value::Null, Value::Null, "connected") }))
        };
        assert_eq!(addresses(&asked(0)).verdict, Verdict::Ok);
        let found = addresses(&asked(2));
        assert!(found.verdict == Verdict::Warn && found.what.contains("address: 2"), "{found:?}");
        assert_eq!(addresses(&Asked::Absent).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_missing_beacon_is_named() {
        let told = |health| fixed_beacons(&Health::of(&status(Value::Null, health, "connected")));
        assert_eq!(told(json!({})), None);
        let wall = json!({ "id": "wall", "heard": true, "missing_secs": null });
        assert_eq!(told(json!({ "fixed_beacons": [wall] })).unwrap().verdict, Verdict::Ok);
        let door = json!({ "id": "door", "heard": false, "missing_secs": 900 });
        assert_eq!(told(json!({ "fixed_beacons": [wall, door] })).unwrap().what, "missing: door");
    }

    #[test]
    fn a_gateway_that_cannot_be_corrected_is_named() {
        let told = |gateways| calibration(&Health::of(&status(Value::Null, json!({ "calibration": gateways }), "")));
        assert_eq!(told(json!([])), None);
        assert_eq!(told(json!([{ "gateway": "till", "drift_db": null }])), None);
        let (till, door) = (
            json!({ "gateway": "till", "drift_db": -4.2, "applied_db": -4.2 }),
            json!({ "gateway": "door", "drift_db": -15.2, "applied_db": -6.0 }),
        );
        assert_eq!(told(json!([till])).unwrap().verdict, Verdict::Ok);
        let found = told(json!([till, door])).unwrap();
        assert!(found.verdict == Verdict::Warn && found.what.ends_with("corrected: door by -15 dB"), "{found:?}");
    }
}
