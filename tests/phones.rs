//! The phone as the receiver: what it hears of the shop's fixed beacons places its owner as the shop's hearing of it would.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::sync::Arc;

use emma::clock::Moment;
use emma::config::{self, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::Identifier;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::{Effect, Input, Report, What};
use emma::gateway::key::Key;
use emma::radio::encode;

const SHOPS: [u8; 16] = *b"beacons of shop!";
const TAGS: [u8; 16] = *b"tags of the shop";
const SECOND_US: u64 = 1_000_000;

/// The fixed beacons by their minor: one fixed to the till's Pi and 6 dB weaker than usual, one among the shoes, one
/// among the jackets, and one by the shelf of medicines.
const SITE: &str = r#"
name = "Shop"
time-zone = "Europe/Zurich"
floor-plan = { width-m = 20.0, height-m = 10.0 }
[[gateway]]
id = "gw-till"
position-m = [18.0, 5.0]
[[gateway]]
id = "gw-shoes"
position-m = [5.0, 5.0]
[[gateway]]
id = "gw-jackets"
position-m = [10.0, 5.0]
"#;

const ZONES: &str = r#"
[[zone]]
id = "till"
name = "Till"
near = "gw-till"
[[zone]]
id = "shelf"
name = "Shelf"
near = "shelf-beacon"
sensitive = true
[[zone]]
id = "bench"
name = "Bench"
near = "bench-beacon"
[[zone]]
id = "shoes"
name = "Shoes"
polygon-m = [[2.0, 0.0], [8.0, 0.0], [8.0, 10.0], [2.0, 10.0]]
"#;

const TILL: u16 = 1;
const SHOES: u16 = 2;
const JACKETS: u16 = 3;
const SHELF: u16 = 4;
const BENCH: u16 = 5;

fn at(us: u64) -> Moment {
    Moment { monotonic_us: us, wall_us: Some(1_790_000_000_000_000 + us.cast_signed()) }
}

fn shop() -> Gateway {
    let mut site = SITE.to_owned();
    for (id, minor, more) in [
        ("till-beacon", TILL, "gateway = 'gw-till'\nmeasured-power-dbm = -65"),
        ("shoes-beacon", SHOES, "position-m = [5.0, 5.0]"),
        ("jackets-beacon", JACKETS, "position-m = [10.0, 5.0]"),
        ("shelf-beacon", SHELF, "position-m = [19.0, 9.0]"),
        ("bench-beacon", BENCH, ""),
    ] {
        let uuid = hex::encode(SHOPS);
        let ibeacon = format!("{{ uuid = '{uuid}', major = 1, minor = {minor} }}");
        site.push_str(&["[[fixed-beacon]]\nid = '", id, "'\nibeacon = ", &ibeacon, "\n", more, "\n"].concat());
    }
    let shipped = Sources::shipped();
    let gateway = "site = 'shop'\ngateway = 'gw-till'\n".to_owned();
    let sources = Sources { gateway, site, zones: ZONES.to_owned(), offers: String::new(), ..shipped };
    let loaded = config::check(&sources);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let config = loaded.config.unwrap_or_else(|| panic!("{}", problems.join("\n")));
    let mut gateway = Gateway::new(Arc::new(config), Key::new([7; 32]), 0);
    let Record::Grant(grant) = record::parse(&consent("ann", r#"{"phone":{"id":"ph-ann"}}"#)).unwrap() else {
        panic!("no grant")
    };
    gateway.handle(Input::Consent(Arc::new(grant.check().unwrap())), at(0));
    gateway
}

fn consent(customer: &str, more: &str) -> String {
    let tag = format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":1}}}}"#, hex::encode(TAGS));
    format!(
        r#"{{"customer":"{customer}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{tag},{more}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z"}}"#
    )
}

/// Her phone hears that beacon so strongly.
fn report(gateway: &mut Gateway, phone: &str, minor: u16, rssi_dbm: i8, second: u64) -> Vec<Effect> {
    let beacon = Identifier::IBeacon(SHOPS, 1, minor);
    gateway.handle(Input::Report(Report { phone, beacon, rssi_dbm }), at(second * SECOND_US))
}

/// A gateway hears an iBeacon so strongly.
fn hear(gateway: &mut Gateway, uuid: &[u8; 16], minor: u16, by: u16, rssi_dbm: i8, second: u64) -> Vec<Effect> {
    let payload = encode::ibeacon(uuid, 1, minor, -59);
    let address = Address { bytes: [0xc0, 1, 2, 3, 4, 5], kind: AddressKind::Random };
    let heard = Advertisement { address, payload: &payload, rssi_dbm, gateway: GatewayIndex(by) };
    gateway.handle(Input::Advertisement(heard), at(second * SECOND_US))
}

/// What happened, with its time and confidence.
fn told(effects: &[Effect]) -> Vec<String> {
    let told = effects.iter().filter_map(|effect| {
        let Effect::Happened(happening) = effect else { return None };
        let second = happening.at.monotonic_us / SECOND_US;
        Some(match &happening.what {
            What::VisitStarted => format!("{second} visit"),
            What::Entered { zone, confidence, .. } => format!("{second} {zone} {confidence:.2}"),
            other => format!("{second} {other:?}"),
        })
    });
    told.collect()
}

#[test]
fn a_phone_that_hears_the_till_s_beacon_is_near_the_till_just_as_the_till_hears_a_tag() {
    let (mut by_phone, mut by_tag) = (shop(), shop());
    let (mut phone, mut tag) = (Vec::new(), Vec::new());
    for second in 1..10 {
        // The till's beacon is 6 dB weaker than the one that `reach` is told for.
        phone.extend(report(&mut by_phone, "ph-ann", TILL, -68, second));
        tag.extend(hear(&mut by_tag, &TAGS, 1, 0, -62, second));
    }
    assert_eq!(told(&phone), ["1 visit", "6 till 1.00"]);
    assert_eq!(told(&phone), told(&tag));
}

#[test]
fn a_phone_that_hears_the_shoes_beacon_best_is_among_the_shoes_just_as_a_tag_is() {
    let (mut by_phone, mut by_tag) = (shop(), shop());
    let (mut phone, mut tag) = (Vec::new(), Vec::new());
    for second in 1..20 {
        // The beacons hang where the gateways do; the till's is fixed to its Pi, and 6 dB weaker than usual.
        phone.extend(report(&mut by_phone, "ph-ann", SHOES, -58, second));
        phone.extend(report(&mut by_phone, "ph-ann", JACKETS, -80, second));
        phone.extend(report(&mut by_phone, "ph-ann", TILL, -92, second));
        tag.extend(hear(&mut by_tag, &TAGS, 1, 1, -58, second));
        tag.extend(hear(&mut by_tag, &TAGS, 1, 2, -80, second));
        tag.extend(hear(&mut by_tag, &TAGS, 1, 0, -86, second));
    }
    assert!(told(&phone).iter().any(|told| told.contains(" shoes ")), "{:?}", told(&phone));
    assert_eq!(told(&phone), told(&tag));
}

#[test]
fn what_a_phone_hears_and_what_gateways_hear_is_one_customer_s_evidence() {
    let mut gateway = shop();
    let mut effects = Vec::new();
    for second in 1..10 {
        effects.extend(if second % 2 == 0 {
            report(&mut gateway, "ph-ann", TILL, -68, second)
        } else {
            hear(&mut gateway, &TAGS, 1, 0, -62, second)
        });
    }
    assert_eq!(told(&effects), ["1 visit", "6 till 1.00"]);
    assert_eq!(gateway.snapshot().present, 1);
}

#[test]
fn a_beacon_that_hangs_by_itself_has_a_zone_and_a_sensitive_one_never_shows() {
    let mut gateway = shop();
    let mut effects = Vec::new();
    for second in 1..20 {
        effects.extend(report(&mut gateway, "ph-ann", SHELF, -50, second));
    }
    for second in 20..40 {
        effects.extend(report(&mut gateway, "ph-ann", BENCH, -50, second));
    }
    let told = told(&effects);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].ends_with("bench 1.00"), "{told:?}");
}

#[test]
fn who_did_not_opt_in_and_what_is_no_beacon_of_the_shop_end_unseen() {
    let mut gateway = shop();
    for second in 1..10 {
        assert!(report(&mut gateway, "ph-bob", TILL, -50, second).is_empty());
        assert!(report(&mut gateway, "ph-ann", 99, -50, second).is_empty());
    }
    assert_eq!(gateway.snapshot().present, 0);
}

#[test]
fn a_fixed_beacon_that_a_gateway_hears_is_nobodys_visit_and_no_consent_can_name_it() {
    let mut gateway = shop();
    let shops = format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":{BENCH}}}}}"#, hex::encode(SHOPS));
    let Record::Grant(grant) =
        record::parse(&consent("bob", &shops).replace(r#""minor":1}"#, r#""minor":2}"#)).unwrap()
    else {
        panic!("no grant")
    };
    let refused = gateway.admits(&grant.check().unwrap(), at(0)).unwrap_err();
    assert!(refused.to_string().starts_with("identifier-taken"), "{refused}");
    for second in 1..10 {
        assert!(hear(&mut gateway, &SHOPS, BENCH, 0, -50, second).is_empty());
    }
    let counters = gateway.snapshot().counters;
    assert_eq!((counters.heard, counters.matched, counters.visits), (9, 0, 0));
    let heard_us = |gateway: &Gateway| gateway.fixed_beacons(20 * SECOND_US, None)[usize::from(BENCH - 1)].heard_us;
    assert_eq!(heard_us(&gateway), Some(9 * SECOND_US));
}
