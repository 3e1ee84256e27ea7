//! A stranger's transmission costs nothing that grows: not one allocation, whatever its bytes.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;

use emma::clock::Moment;
use emma::config::{self, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::registry::Registry;
use emma::gateway::effect::Input;
use emma::gateway::key::Key;
use emma::radio::encode;

const CONSENT: &str = r#"{"customer":"c-0001","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}},{"address":"00:11:22:33:44:55"},{"rolling":{"day_key":"000102030405060708090a0b0c0d0e0f","day":"2026-09-21"}},{"eddystone_eid":{"identity_key":"0102030405060708090a111213141516","k":10,"counter_at":[7,"2026-01-01T00:00:00Z"]}},{"irk":"ec0234a357c8ad05341010a60a397d9b"}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z"}"#;

const FIXED_BEACON: &str = "[[fixed-beacon]]\nid = 'wall'\neddystone-uid = { namespace = '01010101010101010101', instance = '020202020202' }\n";

#[test]
fn what_is_no_sighting_allocates_nothing() {
    let mut sources = Sources::shipped();
    sources.site.push_str(FIXED_BEACON);
    let config = Arc::new(config::check(&sources).config.unwrap());
    let mut gateway = Gateway::new(config, Key::new([7; 32]), 0);
    let Record::Grant(grant) = record::parse(CONSENT).unwrap() else { panic!("no grant") };
    let at = |us: u64| Moment { monotonic_us: us, wall_us: Some(1_790_000_000_000_000 + us.cast_signed()) };
    gateway.handle(Input::Consent(Arc::new(grant.check().unwrap())), at(0));
    let strangers = [
        encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 3, -59),
        encode::ibeacon(b"ABCDEFGHIJKLMNOP", 0, 0, -59),
        encode::eddystone_eid(&[7; 8], -18),
        encode::altbeacon(0x0118, b"ABCDEFGHIJKLMNOP", 1, 2, -59),
        encode::eddystone_uid(&[7; 10], &[7; 6], -18),
        encode::eddystone_tlm(2_900, 0x1580, 1, 1),
        // A fixed beacon costs none either.
        encode::eddystone_uid(&[1; 10], &[2; 6], -18),
        encode::eddystone_url(3, b"shop.example\x07deal", -18).unwrap(),
        encode::manufacturer_data(0x004c, &[0x10, 0x05, 0x0b, 0x18, 0x77]).unwrap(),
        vec![0x1e, 0xff, 0x4c, 0x00, 0x02, 0x15],
        Vec::new(),
    ];
    let mut hear = |times: u64| {
        for time in 0..times {
            for payload in &strangers {
                let kind = if time % 2 == 0 { AddressKind::Random } else { AddressKind::Public };
                let mut bytes: [u8; 6] = time.to_be_bytes()[2..].try_into().unwrap();
                bytes[0] = 0x40;
                // A random address that begins with 01 may be somebody's whose key is known: it is resolved.
                let address = Address { bytes, kind };
                let heard = Advertisement { address, payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
                assert!(gateway.handle(Input::Advertisement(heard), at(time)).is_empty());
            }
        }
    };
    // The first moves the table of rotating identifiers on and makes the cache of addresses: what customers cost.
    hear(1);
    let measured = allocation_counter::measure(|| hear(1_000));
    assert_eq!(measured.count_total, 0, "{measured:?}");
    assert_eq!(gateway.snapshot().counters.heard, 11 * 1_001);
    assert_eq!(gateway.snapshot().counters.matched, 0);
    assert_eq!(gateway.snapshot().present, 0);
}

/// As `benches/registry.rs` counts for 100,000: 600 bytes each are the 60 MB that a Pi may spend on them.
#[test]
fn a_customer_with_a_rolling_id_and_an_inbox_costs_under_600_bytes() {
    const CUSTOMERS: u32 = 20_000;
    let mut registry = Registry::new(&Key::new([7; 32]));
    let now = Moment { monotonic_us: 0, wall_us: Some(1_780_308_000_000_000) };
    let register = |registry: &mut Registry, n: u32| {
        let line = format!(
            r#"{{"customer":"c{n:06}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{{"rolling":{{"day_key":"{n:064x}","day":"2026-06-01"}}}}],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z","language":"de","time_zone":"Europe/Zurich","inbox":{{"push":"{n:032x}"}}}}"#
        );
        let Record::Grant(grant) = record::parse(&line).unwrap() else { panic!("no grant") };
        registry.accept(grant.check().unwrap().into(), now.wall_us).unwrap();
        // What they transmit now is in the table as well.
        registry.advance(now);
    };
    let measured = allocation_counter::measure(|| (0..CUSTOMERS).for_each(|n| register(&mut registry, n)));
    assert!(measured.bytes_current < 600 * i64::from(CUSTOMERS), "{measured:?}");
    assert_eq!(registry.len(), CUSTOMERS as usize);
    assert_eq!(registry.owner_of_inbox(&format!("{:032x}", 77)).and_then(|slot| registry.get(slot)).unwrap().epoch, 1);
}
