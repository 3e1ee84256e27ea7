//! Identifiers that rotate, through the real binary: a device that changes what it says is one visit.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::sync::Arc;

use emma::clock::Moment;
use emma::config::{self, Sources};
use emma::gateway::Gateway;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::rotating::{MAJOR_AND_MINOR, Rolling};
use emma::gateway::effect::Input;
use emma::gateway::key::Key;
use emma::radio::encode;

use shipped::{Shop, TUESDAY_10};

/// The day of `TUESDAY_10`, 2026-11-24, in days since 1970.
const DAY: i32 = 20_781;

const DAY_KEY: [u8; 32] = *b"a key that is good for one day..";

/// Core 5.4, Vol 3 Part H, appendix D.7: a key, and an address that it makes.
const IRK: &str = "ec0234a357c8ad05341010a60a397d9b";
const ADDRESS_OF_THE_SPECIFICATION: &str = "70:81:94:0D:FB:AA";

/// Another of the same key (Bluetooth-Devices/bluetooth-data-tools, `tests/test_privacy.py`).
const ANOTHER_ADDRESS: &str = "40:01:02:B2:12:DA";

fn consent(identifiers: &str) -> String {
    format!(
        r#"{{"customer":"customer-01","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{identifiers}],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2028-01-01T00:00:00Z","inbox":{{"push":"inbox"}},"language":"de"}}"#
    )
}

/// What `gw-shoes` hears of a device that stands beside it, one line.
fn heard(t: i64, address: &str, payload: &[u8]) -> String {
    format!(
        "{{\"t\":{t}000000,\"gateway\":\"gw-shoes\",\"address\":\"{address}\",\"address_type\":\"random\",\"rssi\":-58,\"data\":\"{}\"}}\n",
        hex::encode(payload)
    )
}

/// The timeline of a capture as the words of its events, and what was said beside it.
fn replay(identifiers: &str, capture: &str) -> (Vec<String>, String) {
    let shop = Shop::new();
    let consents = shop.write("consents.jsonl", consent(identifiers));
    let capture = shop.write("tuesday.jsonl", capture);
    let ended = shop.emma(&["replay", "--consents", &consents, &capture]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let event = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["event"].as_str().unwrap().to_owned()
    };
    (ended.out.lines().map(event).collect(), ended.err)
}

fn count(events: &[String], event: &str) -> usize {
    events.iter().filter(|said| *said == event).count()
}

#[test]
fn a_rolling_id_and_its_address_that_change_together_are_one_visit() {
    let rolling = Rolling::new(&DAY_KEY, DAY);
    let (major, minor) = MAJOR_AND_MINOR;
    let second = |t: i64| {
        let id = rolling.at(t * 1_000_000).unwrap();
        heard(t, &format!("4{}:00:00:00:00:01", t / 600 % 10), &encode::ibeacon(&id, major, minor, -59))
    };
    let from = TUESDAY_10 + 540;
    let capture: String = (from..from + 120).map(second).collect();
    let identifier = format!(r#"{{"rolling":{{"day_key":"{}","day":"2026-11-24"}}}}"#, hex::encode(DAY_KEY));
    let (events, said) = replay(&identifier, &capture);
    assert!(said.contains("120 heard, 120 of consenting customers"), "{said}");
    assert!(!said.contains("not matched"), "{said}");
    for event in ["visit.started", "zone.entered", "offer.delivered", "zone.left", "visit.ended"] {
        assert_eq!(count(&events, event), 1, "{event}: {events:?}");
    }
}

#[test]
fn an_address_that_a_bonded_device_changes_is_one_visit() {
    let second = |t: i64| {
        let address = if t < TUESDAY_10 + 60 { ADDRESS_OF_THE_SPECIFICATION } else { ANOTHER_ADDRESS };
        let stranger = heard(t, "70:81:94:0D:FB:AB", &encode::flags(0x06));
        heard(t, address, &encode::flags(0x06)) + &stranger
    };
    let capture: String = (TUESDAY_10..TUESDAY_10 + 120).map(second).collect();
    let (events, said) = replay(&format!(r#"{{"irk":"{IRK}"}}"#), &capture);
    assert!(said.contains("240 heard, 120 of consenting customers"), "{said}");
    for event in ["visit.started", "zone.entered", "visit.ended"] {
        assert_eq!(count(&events, event), 1, "{event}: {events:?}");
    }
}

/// The identifiers of one key at the counters 0 and 2000, by k = 10 (`RadiusNetworks/ephemeral_calc`,
/// `spec/encryptor_spec.rb`).
#[test]
fn an_eddystone_eid_is_recognised_by_its_key_and_clock() {
    let identifier = r#"{"eddystone_eid":{"identity_key":"0102030405060708090a111213141516","k":10,"counter_at":[0,"2026-11-24T09:00:00Z"]}}"#;
    let at_0 = encode::eddystone_eid(b"\xa9\xb7\x6a\x71\xc5\xf8\x92\x90", -18);
    let at_2000 = encode::eddystone_eid(b"\x41\x44\x41\x3e\x45\xfe\xfa\x58", -18);
    let capture = [
        heard(TUESDAY_10, "C0:FF:EE:00:00:01", &at_0),
        heard(TUESDAY_10 + 2_000, "C0:FF:EE:00:00:01", &at_2000),
        heard(TUESDAY_10 + 2_000, "C0:FF:EE:00:00:01", &at_0),
        // Two periods late: whoever transmits it now has recorded it.
        heard(TUESDAY_10 + 2_048, "C0:FF:EE:00:00:01", &at_0),
    ];
    let (events, said) = replay(identifier, &capture.concat());
    assert!(said.contains("4 heard, 3 of consenting customers"), "{said}");
    assert_eq!(count(&events, "visit.started"), 2, "more than 15 min lie between: {events:?}");
}

#[test]
fn addresses_are_needed_while_a_consent_in_force_names_one() {
    let grant = |identifiers: &str| {
        let Record::Grant(grant) = record::parse(&consent(identifiers)).unwrap() else { panic!("no grant") };
        grant.check().unwrap()
    };
    let at =
        |seconds: i64| Moment { monotonic_us: seconds.unsigned_abs() * 1_000_000, wall_us: Some(seconds * 1_000_000) };
    let rolling = format!(r#"{{"rolling":{{"day_key":"{}","day":"2026-11-24"}}}}"#, hex::encode(DAY_KEY));
    let irk = format!(r#"{{"irk":"{IRK}"}}"#);
    let tag = r#"{"address":"00:11:22:33:44:55"}"#.to_owned();
    for (identifiers, needed) in [(rolling, false), (irk, true), (tag, true)] {
        let config = Arc::new(config::check(&Sources::shipped()).config.unwrap());
        let mut gateway = Gateway::new(config, Key::new([7; 32]), 0);
        let consent = grant(&identifiers);
        let (customer, until) = (consent.customer.clone(), consent.valid_until_us / 1_000_000);
        assert!(!gateway.needs().addresses);
        gateway.handle(Input::Consent(Arc::new(consent)), at(TUESDAY_10));
        assert_eq!(gateway.needs().addresses, needed, "{identifiers}");
        gateway.handle(Input::Tick, at(until));
        assert!(!gateway.needs().addresses, "it is over");
        gateway.handle(Input::Tick, Moment { wall_us: None, ..at(until) });
        assert_eq!(gateway.needs().addresses, needed, "nobody knows that it is over");
        gateway.handle(Input::Withdraw(customer), at(until));
        assert!(!gateway.needs().addresses);
    }
}
