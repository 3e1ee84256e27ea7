use super::*;
use crate::gateway::advertisement::{Address, GatewayIndex};
use crate::gateway::consent::record;
use crate::radio::encode;

const UUID: [u8; 16] = *b"ABCDEFGHIJKLMNOP";
const TAG: [u8; 6] = [0x00, 0x11, 0x22, 0x33, 0x44, 0x55];
const TAG_PRINTED: &str = r#"{"address":"00:11:22:33:44:55"}"#;

fn ibeacon(minor: u16) -> String {
    format!(r#"{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}"#, hex::encode(UUID))
}

/// 2026-01-01T12:00:00Z, while the consents last.
const NOW: Moment = Moment { monotonic_us: 86_400_000_000, wall_us: Some(1_767_268_800_000_000) };

fn registry() -> Registry {
    Registry::new(&Key::new([7; 32]))
}

fn consent(customer: &str, epoch: u64, identifiers: &str) -> Arc<Consent> {
    let line = format!(
        r#"{{"customer":"{customer}","epoch":{epoch},"tier":"contextual","purposes":["offers"],
        "identifiers":[{identifiers}],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2026-01-02T00:00:00Z"}}"#
    );
    let Ok(record::Record::Grant(grant)) = record::parse(&line) else { panic!("no grant: {line}") };
    Arc::new(grant.check().unwrap())
}

fn attribute(registry: &mut Registry, structures: &[Vec<u8>], address: ([u8; 6], AddressKind)) -> Attribution {
    let payload = structures.concat();
    let address = Address { bytes: address.0, kind: address.1 };
    let heard = Advertisement { address, payload: &payload, rssi_dbm: -60, gateway: GatewayIndex(0) };
    registry.attribute(&heard, NOW)
}

fn heard(registry: &mut Registry, structures: &[Vec<u8>]) -> Attribution {
    attribute(registry, structures, ([0; 6], AddressKind::Random))
}

fn beacon(minor: u16) -> Vec<u8> {
    encode::ibeacon(&UUID, 1, minor, -55)
}

#[test]
fn a_customer_is_matched_by_a_frame_and_its_power_is_handed_on() {
    let mut registry = registry();
    let slot = registry.accept(consent("ann", 1, &ibeacon(1)), None).unwrap();
    let url = encode::eddystone_url(0, b"a", -10).unwrap();
    let found = Attribution::Customer { slot, measured_power_dbm: Some(-55) };
    assert_eq!(heard(&mut registry, &[beacon(1)]), found);
    assert_eq!(heard(&mut registry, &[url.clone(), beacon(1), url]), found);
    assert_eq!(heard(&mut registry, &[beacon(2)]), Attribution::Nobody);
    assert_eq!(heard(&mut registry, &[]), Attribution::Nobody);
}

#[test]
fn a_public_address_is_matched_and_a_random_one_is_not() {
    let mut registry = registry();
    let slot = registry.accept(consent("ann", 1, TAG_PRINTED), None).unwrap();
    let found = |measured_power_dbm| Attribution::Customer { slot, measured_power_dbm };
    assert_eq!(attribute(&mut registry, &[], (TAG, AddressKind::Public)), found(None));
    assert_eq!(attribute(&mut registry, &[beacon(9)], (TAG, AddressKind::Public)), found(Some(-55)));
    assert_eq!(attribute(&mut registry, &[], (TAG, AddressKind::Random)), Attribution::Nobody);
    registry.withdraw(&CustomerId::new("ann").unwrap()).unwrap();
    assert_eq!(attribute(&mut registry, &[], (TAG, AddressKind::Public)), Attribution::Nobody);
}

#[test]
fn two_customers_in_one_advertisement_are_nobody() {
    let mut registry = registry();
    registry.accept(consent("ann", 1, &format!("{},{TAG_PRINTED}", ibeacon(1))), None).unwrap();
    registry.accept(consent("bob", 1, &ibeacon(2)), None).unwrap();
    assert_eq!(heard(&mut registry, &[beacon(1), beacon(2)]), Attribution::Ambiguous);
    assert_eq!(attribute(&mut registry, &[beacon(2)], (TAG, AddressKind::Public)), Attribution::Ambiguous);
    let both_hers = attribute(&mut registry, &[beacon(1)], (TAG, AddressKind::Public));
    assert!(matches!(both_hers, Attribution::Customer { .. }));
}

#[test]
fn an_older_epoch_is_refused_and_the_same_again_replaces() {
    let mut registry = registry();
    let slot = registry.accept(consent("ann", 2, &ibeacon(1)), None).unwrap();
    assert_eq!(registry.accept(consent("ann", 1, &ibeacon(2)), None), Err(Refusal::StaleEpoch));
    assert_eq!(registry.accept(consent("ann", 2, &ibeacon(1)), None), Ok(slot));
    assert_eq!(registry.accept(consent("ann", 2, &ibeacon(3)), None), Err(Refusal::Widens));
    assert!(matches!(heard(&mut registry, &[beacon(1)]), Attribution::Customer { .. }));
    assert_eq!(registry.accept(consent("ann", 3, &ibeacon(3)), None), Ok(slot));
    assert_eq!(heard(&mut registry, &[beacon(1)]), Attribution::Nobody);
    assert!(matches!(heard(&mut registry, &[beacon(3)]), Attribution::Customer { .. }));
    assert_eq!(registry.len(), 1);
}

#[test]
fn after_a_restart_an_identifier_is_its_last_owner_s_in_any_order() {
    let ended = consent("ended", 1, &ibeacon(1));
    let mut later = (*consent("a-later", 1, &ibeacon(1))).clone();
    later.valid_until_us += 1;
    let later = Arc::new(later);
    for order in [[&ended, &later], [&later, &ended]] {
        let mut registry = registry();
        for consent in order {
            registry.restore(Arc::clone(consent));
        }
        assert_eq!(registry.len(), 2);
        let owner = registry.owner_of.get(&Identifier::IBeacon(UUID, 1, 1)).copied();
        assert_eq!(owner, registry.slot_of(&later.customer));
    }
}

#[test]
fn a_taken_identifier_is_refused_while_its_consent_lasts() {
    let mut registry = registry();
    let ann = consent("ann", 1, &ibeacon(1));
    let end_us = ann.valid_until_us;
    let ann_slot = registry.accept(ann, None).unwrap();
    let bob = consent("bob", 1, &format!("{},{}", ibeacon(1), ibeacon(2)));
    assert_eq!(registry.accept(bob.clone(), None), Err(Refusal::IdentifierTaken));
    assert_eq!(registry.accept(bob.clone(), Some(end_us - 1)), Err(Refusal::IdentifierTaken));
    assert_eq!(heard(&mut registry, &[beacon(2)]), Attribution::Nobody);
    let bob_slot = registry.accept(bob, Some(end_us)).unwrap();
    assert_ne!(bob_slot, ann_slot);
    // What was taken over stays so when its former owner goes.
    assert_eq!(registry.withdraw(&CustomerId::new("ann").unwrap()), Some(ann_slot));
    let bobs = Attribution::Customer { slot: bob_slot, measured_power_dbm: Some(-55) };
    assert_eq!(heard(&mut registry, &[beacon(1)]), bobs);
}

#[test]
fn a_slot_is_used_again_and_customers_come_in_order() {
    let mut registry = registry();
    for (name, minor) in [("cid", 1), ("ann", 2), ("bob", 3)] {
        registry.accept(consent(name, 1, &ibeacon(minor)), None).unwrap();
    }
    let cid = CustomerId::new("cid").unwrap();
    assert_eq!(registry.withdraw(&cid), Some(Slot(0)));
    assert_eq!(registry.withdraw(&cid), None);
    assert!(registry.get(Slot(0)).is_none());
    assert_eq!(registry.accept(consent("dan", 1, &ibeacon(1)), None), Ok(Slot(0)));
    let names: Vec<_> = registry.iter().map(|(slot, consent)| (slot.0, consent.customer.as_str())).collect();
    assert_eq!(names, [(1, "ann"), (2, "bob"), (0, "dan")]);
}

#[test]
fn a_full_registry_refuses_newcomers_alone() {
    let mut registry = registry();
    let template = consent("x", 1, &ibeacon(1));
    for n in 0..MAX_CUSTOMERS {
        let customer = CustomerId::new(&format!("c{n}")).unwrap();
        let consent = Consent { customer, identifiers: Box::new([]), ..(*template).clone() };
        registry.accept(Arc::new(consent), None).unwrap();
    }
    assert_eq!(registry.accept(template, None), Err(Refusal::Full));
    assert_eq!(registry.accept(consent("c7", 2, &ibeacon(1)), None), Ok(Slot(7)));
}

const DAY_KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn rolling(day: &str) -> String {
    format!(r#"{{"rolling":{{"day_key":"{DAY_KEY}","day":"{day}"}}}}"#)
}

/// What a device with that key transmits at `NOW`.
fn rolled() -> Vec<u8> {
    let rolling = super::super::rotating::Rolling::new(&hex::decode(DAY_KEY).unwrap(), 20_454);
    encode::ibeacon(&rolling.at(NOW.wall_us.unwrap()).unwrap(), 0, 0, -62)
}

fn irk(n: u8) -> String {
    format!(r#"{{"irk":"{}"}}"#, hex::encode([n; 16]))
}

#[test]
fn a_rotating_identifier_is_matched_while_there_is_a_clock() {
    let mut registry = registry();
    let slot = registry.accept(consent("ann", 1, &rolling("2026-01-01")), None).unwrap();
    let found = Attribution::Customer { slot, measured_power_dbm: Some(-62) };
    assert_eq!(heard(&mut registry, &[rolled()]), found);
    let payload = rolled();
    let address = Address { bytes: [0; 6], kind: AddressKind::Random };
    let advertisement = Advertisement { address, payload: &payload, rssi_dbm: -60, gateway: GatewayIndex(0) };
    let without_clock = Moment { wall_us: None, ..NOW };
    assert_eq!(registry.attribute(&advertisement, without_clock), Attribution::Nobody);
    assert_eq!(registry.attribute(&advertisement, NOW), found);
}

#[test]
fn an_exact_and_a_rotating_identifier_of_two_customers_are_ambiguous() {
    let mut registry = registry();
    registry.accept(consent("ann", 1, &rolling("2026-01-01")), None).unwrap();
    registry.accept(consent("bob", 1, &ibeacon(1)), None).unwrap();
    assert_eq!(heard(&mut registry, &[rolled(), beacon(1)]), Attribution::Ambiguous);
    // The same frame, named exactly by one and computed by the other.
    let id = hex::encode(rolled().get(6..22).unwrap());
    let exact = format!(r#"{{"ibeacon":{{"uuid":"{id}","major":0,"minor":0}}}}"#);
    registry.accept(consent("cid", 1, &exact), None).unwrap();
    assert_eq!(heard(&mut registry, &[rolled()]), Attribution::Ambiguous);
    registry.withdraw(&CustomerId::new("ann").unwrap());
    assert!(matches!(heard(&mut registry, &[rolled()]), Attribution::Customer { .. }));
}

#[test]
fn a_key_that_is_live_for_one_is_taken_for_another() {
    let eid = |counter: u32| {
        format!(
            r#"{{"eddystone_eid":{{"identity_key":"{DAY_KEY}","k":10,"counter_at":[{counter},"2026-01-01T00:00:00Z"]}}}}"#
        )
    };
    for (hers, his) in [(rolling("2026-01-01"), rolling("2026-01-01")), (eid(0), eid(77)), (irk(1), irk(1))] {
        let mut registry = registry();
        let ann = consent("ann", 1, &hers);
        let end_us = ann.valid_until_us;
        registry.accept(ann, None).unwrap();
        let bob = consent("bob", 1, &his);
        assert_eq!(registry.accept(bob.clone(), Some(end_us - 1)), Err(Refusal::IdentifierTaken));
        registry.accept(consent("ann", 2, &hers), None).unwrap();
        registry.accept(bob, Some(end_us)).unwrap();
    }
    let mut registry = registry();
    registry.accept(consent("ann", 1, &rolling("2026-01-01")), None).unwrap();
    assert!(registry.accept(consent("bob", 1, &rolling("2026-01-02")), None).is_ok());
}

#[test]
fn after_a_restart_a_key_is_its_last_owner_s_in_any_order() {
    let ended = consent("ended", 1, &rolling("2026-01-01"));
    let mut later = (*consent("a-later", 1, &rolling("2026-01-01"))).clone();
    later.valid_until_us += 1;
    let later = Arc::new(later);
    for order in [[&ended, &later], [&later, &ended]] {
        let mut registry = registry();
        for consent in order {
            registry.restore(Arc::clone(consent));
        }
        let slot = registry.slot_of(&later.customer).unwrap();
        let found = Attribution::Customer { slot, measured_power_dbm: Some(-62) };
        assert_eq!(heard(&mut registry, &[rolled()]), found);
    }
}

#[test]
fn a_site_has_fifty_keys_for_addresses_and_a_customer_may_change_theirs() {
    let mut registry = registry();
    for n in 0..50 {
        registry.accept(consent(&format!("c{n}"), 1, &irk(n)), None).unwrap();
    }
    let id = |customer: &str| CustomerId::new(customer).unwrap();
    // The record stands, and what else it names is matched.
    let new = registry.accept(consent("new", 1, &format!("{},{}", irk(50), ibeacon(1))), None).unwrap();
    assert_eq!(registry.left_out(&id("new")), ["irk"]);
    assert_eq!(heard(&mut registry, &[beacon(1)]), Attribution::Customer { slot: new, measured_power_dbm: Some(-55) });
    registry.accept(consent("c7", 2, &irk(51)), None).unwrap();
    assert_eq!(registry.left_out(&id("c7")), [""; 0]);
    registry.withdraw(&id("c8"));
    registry.accept(consent("new", 2, &irk(50)), None).unwrap();
    assert_eq!(registry.left_out(&id("new")), [""; 0]);
}

#[test]
fn a_site_has_so_many_swift_beacons() {
    let eid = |n: u8, k: u8| {
        let key = hex::encode([n; 16]);
        format!(r#"{{"eddystone_eid":{{"identity_key":"{key}","k":{k},"counter_at":[0,"2026-01-01T00:00:00Z"]}}}}"#)
    };
    let mut registry = registry();
    for n in 0..64 {
        registry.accept(consent(&format!("c{n}"), 1, &eid(n, 5)), None).unwrap();
    }
    assert_eq!(registry.accept(consent("new", 1, &eid(64, 5)), None), Err(Refusal::RotatingFull));
    assert!(registry.accept(consent("new", 1, &eid(64, 6)), None).is_ok());
    assert!(registry.accept(consent("c7", 2, &eid(7, 0)), None).is_ok());
}

#[test]
fn a_phone_is_one_customers_like_every_other_identifier() {
    let mut registry = registry();
    let phone = r#"{"phone":{"id":"ph-1"}}"#;
    let ann = registry.accept(consent("ann", 1, phone), None).unwrap();
    assert_eq!((registry.owner_of_phone("ph-1"), registry.owner_of_phone("ph-2")), (Some(ann), None));
    assert_eq!(registry.phones().map(|phone| &*phone.0).collect::<Vec<_>>(), ["ph-1"]);
    assert_eq!(registry.accept(consent("bob", 1, phone), None), Err(Refusal::IdentifierTaken));
    assert_eq!(registry.accept(consent("ann", 2, &ibeacon(1)), None), Ok(ann));
    assert_eq!(registry.owner_of_phone("ph-1"), None);
    let bob = registry.accept(consent("bob", 1, phone), None).unwrap();
    assert_eq!(registry.owner_of_phone("ph-1"), Some(bob));
    assert_eq!(format!("{:?}", registry.get(bob).unwrap().phones), "[PhoneId(..)]");
}

#[test]
fn an_inbox_says_whose_it_is_unless_two_have_it() {
    let with_inbox = |customer: &str, epoch, inboxes: &str| {
        let mut consent = (*consent(customer, epoch, &ibeacon(customer.len().try_into().unwrap()))).clone();
        let mut terms = (*consent.terms).clone();
        terms.recipients = inboxes.lines().map(Into::into).collect();
        (consent.terms, consent.inboxes) = (Arc::new(terms), inboxes.into());
        Arc::new(consent)
    };
    let mut registry = registry();
    let ann = registry.accept(with_inbox("a", 1, "push-1\nmail-1"), None).unwrap();
    registry.restore(with_inbox("bo", 1, "push-2"));
    assert_eq!((registry.owner_of_inbox("push-1"), registry.owner_of_inbox("mail-1")), (Some(ann), Some(ann)));
    assert_eq!(registry.owner_of_inbox("push-2"), registry.slot_of(&CustomerId::new("bo").unwrap()));
    assert_eq!((registry.owner_of_inbox("push-3"), registry.owner_of_inbox("")), (None, None));
    registry.accept(with_inbox("bo", 2, "push-1"), None).unwrap();
    assert_eq!((registry.owner_of_inbox("push-1"), registry.owner_of_inbox("push-2")), (None, None));
    registry.withdraw(&CustomerId::new("bo").unwrap()).unwrap();
    assert_eq!(registry.owner_of_inbox("push-1"), Some(ann));
    registry.accept(with_inbox("a", 2, "push-9"), None).unwrap();
    assert_eq!((registry.owner_of_inbox("push-1"), registry.owner_of_inbox("push-9")), (None, Some(ann)));
}

#[test]
fn who_agreed_to_the_same_shares_it_and_the_last_to_go_takes_it_along() {
    let mut registry = registry();
    for (name, minor) in [("ann", 1), ("bob", 2)] {
        registry.accept(consent(name, 1, &ibeacon(minor)), None).unwrap();
    }
    let terms: Vec<_> = registry.iter().map(|(_, consent)| Arc::as_ptr(&consent.terms)).collect();
    assert_eq!((terms[0], registry.terms.len()), (terms[1], 1));
    let mut own = (*consent("cid", 1, &ibeacon(3))).clone();
    Arc::make_mut(&mut own.terms).adult = true;
    let cid = registry.accept(Arc::new(own), None).unwrap();
    assert!(registry.get(cid).unwrap().adult && registry.terms.len() == 2);
    registry.withdraw(&CustomerId::new("cid").unwrap());
    assert_eq!(registry.terms.len(), 1);
}

#[test]
fn what_the_shop_transmits_itself_is_nobodys() {
    let mut registry = registry();
    registry.keep_for_the_shop([Identifier::IBeacon(UUID, 1, 1)].into_iter());
    assert_eq!(registry.accept(consent("ann", 1, &ibeacon(1)), None), Err(Refusal::IdentifierTaken));
    registry.keep_for_the_shop(std::iter::empty());
    registry.accept(consent("ann", 1, &ibeacon(1)), None).unwrap();
}

/// The same, told over the network so many hours after [`NOW`], by a record that lasts for long.
fn leased(customer: &str, hour: i64) -> Arc<Consent> {
    let told_us = NOW.wall_us.unwrap() + hour * 3_600_000_000;
    let consent = (*consent(customer, 1, &ibeacon(1))).clone();
    Arc::new(Consent { told_us: Some(told_us), valid_until_us: i64::MAX, ..consent })
}

fn hours(hour: i64) -> i64 {
    NOW.wall_us.unwrap() + hour * 3_600_000_000
}

#[test]
fn an_identifier_is_free_when_a_lease_has_run_out_and_stays_with_whoever_took_it() {
    let (ann, bob) = (leased("ann", 0), leased("bob", 30));
    let mut registry = registry();
    registry.accept(Arc::clone(&ann), Some(hours(0))).unwrap();
    registry.hold(registry.beats().and(hours(1)));
    assert_eq!(registry.accept(Arc::clone(&bob), Some(hours(25) - 1)), Err(Refusal::IdentifierTaken));
    let slot = registry.accept(Arc::clone(&bob), Some(hours(30))).unwrap();
    assert_eq!(registry.accept(Arc::clone(&ann), Some(hours(31))), Err(Refusal::IdentifierTaken));
    // Beats since then hold bob's, and bring back nothing of ann's.
    registry.hold(registry.beats().and(hours(40)));
    assert_eq!((bob.ends_us(registry.beats()), ann.ends_us(registry.beats())), (hours(64), hours(24)));
    let mut by_file = (*consent("cat", 1, &ibeacon(1))).clone();
    by_file.valid_until_us = hours(20);
    let by_file = Arc::new(by_file);
    for order in [[&ann, &bob, &by_file], [&bob, &by_file, &ann], [&by_file, &ann, &bob], [&bob, &ann, &by_file]] {
        let mut registry = self::registry();
        for consent in order {
            registry.restore(Arc::clone(consent));
        }
        let owner = registry.owner_of.get(&Identifier::IBeacon(UUID, 1, 1)).copied();
        assert_eq!(owner, registry.slot_of(&bob.customer));
    }
    assert_eq!(registry.owner_of.get(&Identifier::IBeacon(UUID, 1, 1)), Some(&slot));
}

#[test]
fn what_came_over_the_network_is_summed_up_while_it_lasts() {
    let mut registry = registry();
    let names = |names: &[&str]| {
        let names: Vec<CustomerId> = names.iter().map(|name| CustomerId::new(name).unwrap()).collect();
        Summary::of(names.iter().map(|name| (name, 1)))
    };
    let told = |customer: &str, minor: u16, hour: i64| {
        let consent = (*consent(customer, 1, &ibeacon(minor))).clone();
        Arc::new(Consent { told_us: Some(hours(hour)), ..consent })
    };
    // The record of each ends twelve hours after NOW.
    registry.accept(consent("by-file", 1, &ibeacon(9)), None).unwrap();
    registry.accept(told("cid", 1, 0), None).unwrap();
    registry.accept(told("ann", 2, -20), None).unwrap();
    registry.accept(told("ann.b", 3, 0), None).unwrap();
    assert_eq!(registry.told(hours(0)), names(&["ann", "ann.b", "cid"]));
    assert_eq!(registry.told(hours(4)), names(&["ann.b", "cid"]), "a lease that has run out");
    registry.hold(registry.beats().and(hours(0)));
    assert_eq!(registry.told(hours(4)), names(&["ann", "ann.b", "cid"]), "it is held");
    assert_eq!(registry.told(hours(12)), names(&[]), "the records end");
    registry.withdraw(&CustomerId::new("cid").unwrap());
    assert_eq!(registry.told(hours(4)), names(&["ann", "ann.b"]));
    registry.end_leases_after(hours(-1));
    assert_eq!((registry.told(hours(0)), registry.beats()), (names(&["ann"]), Beats::NONE));
}
