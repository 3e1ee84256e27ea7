//! What a message tells, message by message.

use serde_json::{Value, json};

use super::*;

/// 2026-11-02T10:00:00Z.
const NOW_US: i64 = 1_793_613_600_000_000;

fn state(changes: &Value) -> Standing {
    let mut state = json!({
        "state": "online", "version": "0.1.0", "clock": "synchronised",
        "configuration": { "in_force": { "digest": "a", "at": "2026-11-02T09:00:00Z" }, "refused": null },
        "sources": [{ "kind": "bluez", "name": "hci0", "listening": true, "last_error": "was unplugged" }],
        "paused_until": null, "stopped_campaigns": [], "consent_feed": null,
    });
    merge(&mut state, changes);
    of_state(state.to_string().as_bytes(), NOW_US).unwrap()
}

fn health(changes: &Value) -> Vec<Finding> {
    let mut health = json!({
        "at": "2026-11-02T10:00:01Z", "outbox": { "depth": 1, "oldest_age_secs": 90 }, "delivery_trouble": null,
        "ledger_writable": true, "clock": "synchronised", "fixed_beacons": [{ "id": "wall", "heard": true }],
        "calibration": [{ "gateway": "gw", "drift_db": -5.0, "applied_db": -5.0, "from": 2 }],
        "incoming": { "listening": true },
    });
    merge(&mut health, changes);
    of_health(health.to_string().as_bytes(), NOW_US).unwrap()
}

fn merge(message: &mut Value, changes: &Value) {
    let changes = changes.as_object().unwrap().clone();
    message.as_object_mut().unwrap().extend(changes);
}

/// What needs a hand, by the word for it and the sentence.
fn hands(findings: &[Finding]) -> Vec<(&'static str, &str)> {
    findings.iter().filter(|finding| finding.needs_hand()).map(|finding| (finding.what, &*finding.sentence)).collect()
}

#[test]
fn a_pi_that_is_well_says_nothing_to_be_told() {
    let standing = state(&json!({}));
    assert_eq!(standing.findings, []);
    assert!(standing.online && standing.decides && standing.version == "0.1.0");
    assert_eq!(health(&json!({})), []);
}

#[test]
fn what_a_state_tells_is_a_sentence_each() {
    let deaf = |kind: &str| json!([{ "kind": kind, "listening": false, "last_error": "gone" }]);
    let feed =
        |at: &str, agrees: bool| json!({ "registrar": "hq", "at": at, "agrees": agrees, "wants_snapshot": !agrees });
    for (changes, what, sentence) in [
        (json!({ "sources": deaf("bluez") }), "deaf", "its radio is deaf: gone"),
        (json!({ "sources": deaf("ruuvi") }), "deaf", "it does not hear by ruuvi: gone"),
        (json!({ "sources": deaf("decider") }), "no-table", "nobody tells it whom to hear: gone"),
        (json!({ "clock": "untrusted" }), "clock", "it does not trust its clock, and makes no offer"),
        (
            json!({ "consent_feed": feed("2026-11-02T07:00:00Z", true) }),
            "feed-silent",
            "the registrar hq has been silent for 3 h",
        ),
        (
            json!({ "consent_feed": feed("2026-11-02T09:59:00Z", false) }),
            "feed-disagrees",
            "it and the registrar hq do not agree on whose consents hold",
        ),
        (
            json!({ "configuration": { "refused": { "problems": ["zones.toml:4: no such key\n  hint"] } } }),
            "configuration",
            "a change of its configuration was refused, the older one holds: zones.toml:4: no such key",
        ),
    ] {
        assert_eq!(hands(&state(&changes).findings), [(what, sentence)]);
    }
}

#[test]
fn what_health_tells_is_a_sentence_each() {
    for (changes, what, sentence) in [
        (json!({ "ledger_writable": false }), "ledger", "it cannot write its ledger, and makes no offer"),
        (
            json!({ "delivery_trouble": "nobody-listens" }),
            "nobody-listening",
            "nobody listens to its offers, and they count as said",
        ),
        (json!({ "delivery_trouble": "refused" }), "broker-refuses", "the broker refuses its offers"),
        (
            json!({ "outbox": { "depth": 7, "oldest_age_secs": 600 } }),
            "outbox",
            "7 messages wait for the broker, the oldest for 10 min",
        ),
        (
            json!({ "incoming": { "listening": false, "last_error": "refused" } }),
            "not-heard",
            "it does not hear what customers and the shop say back: refused",
        ),
        (json!({ "at": "2026-11-02T12:30:00Z" }), "clock-differs", "its clock is 2 h ahead of this machine's"),
        (
            json!({ "fixed_beacons": [{ "id": "wall", "missing_secs": 700 }, { "id": "door", "missing_secs": 700 }] }),
            "fixed-beacons",
            "fixed beacons are missing: wall, door",
        ),
        (
            json!({ "calibration": [{ "gateway": "gw", "drift_db": -15.0, "applied_db": -6.0 }] }),
            "calibration",
            "these hear otherwise than they did: gw",
        ),
    ] {
        assert_eq!(hands(&health(&changes)), [(what, sentence)]);
    }
}

#[test]
fn a_pi_that_only_scans_is_asked_for_no_time_and_no_ledger() {
    let decider = json!([{ "kind": "bluez", "listening": true }, { "kind": "decider", "listening": true }]);
    let standing = state(&json!({ "clock": "untrusted", "sources": decider }));
    assert!(!standing.decides && standing.findings.is_empty());
    assert_eq!(
        health(
            &json!({ "ledger_writable": null, "incoming": null, "clock": "untrusted", "at": "1970-01-01T00:00:00Z" })
        ),
        []
    );
}

#[test]
fn what_somebody_meant_so_is_a_note() {
    let stopped: Vec<Value> = (0..7).map(|n| json!({ "id": format!("c{n}"), "why": "by hand" })).collect();
    let standing = state(&json!({ "paused_until": "9999-12-30T22:00:00Z", "stopped_campaigns": stopped }));
    assert!(hands(&standing.findings).is_empty());
    let sentences: Vec<&str> = standing.findings.iter().map(|finding| &*finding.sentence).collect();
    let campaigns =
        "campaigns are stopped: c0 (by hand), c1 (by hand), c2 (by hand), c3 (by hand), c4 (by hand) and 2 more";
    assert_eq!(sentences, ["it says nothing until somebody resumes", campaigns]);
}

#[test]
fn a_restored_ledger_is_a_note_that_says_why_nothing_is_said() {
    let findings = health(&json!({ "ledger_restored": true }));
    assert!(hands(&findings).is_empty());
    let sentence = "its ledger was restored: each cap's window is full until it has passed once";
    assert_eq!((findings[0].what, &*findings[0].sentence), ("restored", sentence));
}

#[test]
fn what_was_said_before_it_went_is_old_but_for_what_it_refused() {
    let standing = state(&json!({
        "state": "offline", "clock": "untrusted", "configuration": { "refused": { "problems": ["no"] } },
        "sources": [{ "kind": "bluez", "listening": false, "last_error": "gone" }],
    }));
    assert!(!standing.online);
    assert_eq!(hands(&standing.findings).iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["configuration"]);
}

#[test]
fn what_an_older_version_does_not_say_is_not_held_against_it() {
    assert_eq!(of_state(br#"{"state":"online"}"#, NOW_US).map(|standing| standing.findings), Some(Vec::new()));
    assert_eq!(of_health(br#"{"at":"2026-11-02T10:00:00Z"}"#, NOW_US), Some(Vec::new()));
}

#[test]
fn rubbish_is_neither_a_state_nor_health() {
    for rubbish in
        [&b""[..], b"\xff", b"null", b"[]", b"{}", br#"{"state":"asleep"}"#, br#"{"state":"online","sources":7}"#]
    {
        assert_eq!(of_state(rubbish, NOW_US), None);
        assert_eq!(of_health(rubbish, NOW_US), None);
    }
    assert_eq!(of_health(br#"{"at":"yesterday"}"#, NOW_US), None);
}

#[test]
fn whatever_a_message_quotes_is_cut_and_moves_no_cursor() {
    let hostile = "\u{1b}[2J\u{7}".repeat(9_999);
    let standing = state(&json!({
        "version": hostile, "sources": [{ "kind": hostile, "name": hostile, "listening": false, "last_error": hostile }],
        "consent_feed": { "registrar": hostile, "at": "2026-11-01T10:00:00Z" }, "paused_until": hostile,
        "configuration": { "refused": { "problems": [hostile] } }, "stopped_campaigns": [{ "id": hostile, "why": hostile }],
    }));
    let findings =
        [standing.findings, health(&json!({ "fixed_beacons": [{ "id": hostile, "missing_secs": 1 }] }))].concat();
    assert_eq!(findings.len(), 6);
    let texts = findings.iter().flat_map(|finding| [&finding.sentence, &finding.to_do]).chain([&standing.version]);
    for text in texts {
        assert!(text.chars().count() <= MAX_VERSION.max(301) && !text.contains(char::is_control), "{text:?}");
    }
}
