//! The messages about a gateway, field by field.

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
        delivery_trouble: Some(DeliveryTrouble::NobodyListens),
        ledger_writable: Some(true),
        ledger_restored: Some(false),
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
        "outbox": { "depth": 5, "oldest_age_secs": 6 }, "delivery_trouble": "nobody-listens", "ledger_writable": true,
        "ledger_restored": false,
        "clock": "untrusted",
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
