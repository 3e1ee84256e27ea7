use std::sync::Arc;

use super::*;
use crate::config::{Sources, check};
use crate::gateway::advertisement::GatewayIndex;
use crate::gateway::consent::rotating::{MAJOR_AND_MINOR, Rolling};
use crate::gateway::consent::{CustomerId, record};
use crate::gateway::decode::frames;
use crate::gateway::effect::Input;
use crate::gateway::key::Key;
use crate::radio::encode;

const SALT: Salt = Salt([7; 16]);
const SECOND_US: u64 = 1_000_000;

/// 2026-01-01T12:00:00Z.
const NOON_US: i64 = 1_767_268_800_000_000;

/// That day in days since 1970.
const DAY: i32 = 20_454;

fn at(secs: u64) -> Moment {
    let wall_us = NOON_US + i64::try_from(secs * SECOND_US).unwrap();
    Moment { monotonic_us: (1_000 + secs) * SECOND_US, wall_us: Some(wall_us) }
}

fn gateway(beacons: &str) -> Gateway {
    let site = format!("name = 'A'\ntime-zone = 'UTC'\n[[gateway]]\nid = 'a'\n[[gateway]]\nid = 'b'\n{beacons}");
    let sources = Sources { gateway: "site = 's'\ngateway = 'a'\n".into(), site, ..Sources::shipped() };
    let sources = Sources { zones: String::new(), offers: String::new(), ..sources };
    Gateway::new(Arc::new(check(&sources).config.unwrap()), Key::new([7; 32]), 0)
}

/// Takes the consent of one who has these identifiers, with `more` of its fields.
fn accept(gateway: &mut Gateway, customer: &str, epoch: u64, identifiers: &str, more: &str) {
    let line = format!(
        r#"{{"customer":"{customer}","epoch":{epoch},"tier":"contextual","purposes":["offers"],"identifiers":[{identifiers}],
        "valid_from":"2026-01-01T00:00:00Z","valid_until":"2026-01-02T00:00:00Z"{more}}}"#
    );
    let Ok(record::Record::Grant(grant)) = record::parse(&line) else { panic!("no grant: {line}") };
    gateway.handle(Input::Consent(Arc::new(grant.check().unwrap())), at(0));
}

fn ibeacon(minor: u16) -> String {
    format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}"#, hex::encode([1; 16]))
}

fn of(minor: u16) -> Fingerprint {
    SALT.of_identifier(&Identifier::IBeacon([1; 16], 1, minor))
}

fn customer(name: &str) -> Sighted {
    Sighted::Customer(CustomerId::new(name).unwrap())
}

#[test]
fn only_who_could_be_made_an_offer_is_shared() {
    let mut gateway = gateway("");
    for (minor, name, more) in [
        (1, "ann", ""),
        (2, "paused", r#","paused_until":"2026-01-01T12:30:00Z""#),
        (3, "elsewhere", r#","sites":["other"]"#),
        (5, "early", r#","sites":["s"]"#),
    ] {
        accept(&mut gateway, name, 1, &ibeacon(minor), more);
    }
    let names = |gateway: &mut Gateway, secs: u64| -> Vec<Sighted> {
        gateway.shared(SALT, at(secs)).rows.into_iter().map(|(who, _)| who).collect()
    };
    assert_eq!(names(&mut gateway, 0), [customer("ann"), customer("early")]);
    assert_eq!(names(&mut gateway, 1_800).len(), 3, "the pause is over");
    assert_eq!(gateway.shared(SALT, at(1_800)).rows[0], (customer("ann"), vec![of(1)]));
    gateway.handle(Input::Withdraw(CustomerId::new("ann").unwrap()), at(1_801));
    assert_eq!(names(&mut gateway, 1_801), [customer("early"), customer("paused")]);
    assert!(names(&mut gateway, 43_200).is_empty(), "the consents are over");
}

#[test]
fn without_a_clock_that_is_believed_nobody_is_shared() {
    let mut gateway = gateway(
        "[[fixed-beacon]]\nid = 'wall'\nibeacon = { uuid = 'f7826da64fa24e988024bc5b71e0893e', major = 1, minor = 7 }\n",
    );
    accept(&mut gateway, "ann", 1, &ibeacon(1), "");
    let shared = gateway.shared(SALT, Moment { wall_us: None, ..at(1) });
    assert_eq!(shared.rows.len(), 1);
    assert_eq!(shared.rows[0].0, Sighted::FixedBeacon("wall".into()));
}

#[test]
fn of_a_key_only_what_is_transmitted_about_now_is_shared() {
    let mut gateway = gateway("");
    let key = [9; 32];
    let identifiers = format!(
        r#"{{"rolling":{{"day_key":"{}","day":"2026-01-01"}}}},{{"irk":"{}"}}"#,
        hex::encode(key),
        hex::encode([3; 16])
    );
    accept(&mut gateway, "ann", 1, &identifiers, "");
    let transmitted = |secs: u64| {
        let id = Rolling::new(&key, DAY).at(at(secs).wall_us.unwrap()).unwrap();
        let payload = encode::ibeacon(&id, MAJOR_AND_MINOR.0, MAJOR_AND_MINOR.1, -59);
        frames(&payload).find_map(|frame| SALT.of_frame(&frame)).unwrap()
    };
    for (secs, around) in [(0, [600, 0, 600]), (3_000, [2_400, 3_000, 3_600])] {
        let shared = gateway.shared(SALT, at(secs));
        let fingerprints = &shared.rows[0].1;
        assert_eq!(fingerprints.len(), 3, "the address key is not among them");
        assert!(around.iter().all(|secs| fingerprints.contains(&transmitted(*secs))), "{secs}");
        assert!(!fingerprints.contains(&transmitted(secs + 1_200)));
        assert!(!shared.addresses);
    }
}

#[test]
fn a_sighting_is_as_good_as_hearing_and_nobody_s_once_they_withdrew() {
    let mut gateway = gateway("");
    accept(&mut gateway, "ann", 1, &ibeacon(1), "");
    let ann = customer("ann");
    let sighting = Sighting { who: &ann, gateway: GatewayIndex(1), level_dbm: -60.0, count: 3 };
    gateway.handle(Input::Sighting(sighting), at(1));
    let snapshot = gateway.snapshot();
    assert_eq!((snapshot.counters.heard, snapshot.counters.matched, snapshot.present), (3, 3, 1));
    gateway.handle(Input::Withdraw(CustomerId::new("ann").unwrap()), at(2));
    gateway.handle(Input::Sighting(sighting), at(3));
    assert_eq!((gateway.snapshot().counters.matched, gateway.snapshot().present), (3, 0));
}

#[test]
fn a_fixed_beacon_that_another_pi_hears_is_heard() {
    let mut gateway = gateway(
        "[[fixed-beacon]]\nid = 'wall'\nibeacon = { uuid = 'f7826da64fa24e988024bc5b71e0893e', major = 1, minor = 7 }\n",
    );
    let wall = Sighted::FixedBeacon("wall".into());
    gateway
        .handle(Input::Sighting(Sighting { who: &wall, gateway: GatewayIndex(1), level_dbm: -60.0, count: 1 }), at(1));
    let status = gateway.fixed_beacons(at(2).monotonic_us, Some(0));
    assert_eq!(status[0].heard_by, [GatewayIndex(1)]);
    assert_eq!(gateway.snapshot().present, 0);
}

#[test]
fn whom_there_is_no_room_for_is_told() {
    let mut gateway = gateway("");
    let many: Vec<String> = (0..8).map(ibeacon).collect();
    for number in 0..1_251_u16 {
        let identifiers: Vec<String> =
            many.iter().map(|identifier| identifier.replace("\"major\":1", &format!("\"major\":{number}"))).collect();
        accept(&mut gateway, &format!("customer-{number:04}"), 1, &identifiers.join(","), "");
    }
    let shared = gateway.shared(SALT, at(1));
    assert_eq!((shared.rows.len(), shared.left_out), (1_250, 1));
}
