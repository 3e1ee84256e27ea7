//! What a registered customer costs in memory: 100,000 of them, each with the consent that most give.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]
#![expect(clippy::print_stdout, reason = "this one counts bytes, which divan has no table for")]

use emma::clock::Moment;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::registry::Registry;
use emma::gateway::key::Key;

const CUSTOMERS: u32 = 100_000;

/// 2026-06-01T10:00:00Z, on the day of the rolling ids.
const NOW: Moment = Moment { monotonic_us: 86_400_000_000, wall_us: Some(1_780_308_000_000_000) };

/// Registers so many customers with one identifier each, and has what rotates computed.
fn registry(customers: u32, identifier: fn(u32) -> String) -> Registry {
    let mut registry = Registry::new(&Key::new([7; 32]));
    for n in 0..customers {
        let line = format!(
            r#"{{"customer":"c{n:06}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{}],
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z","language":"de",
            "time_zone":"Europe/Zurich","inbox":{{"push":"{:032x}"}},"notice":{{"version":"2026-01"}}}}"#,
            identifier(n),
            u128::from(n) << 64
        );
        let Ok(Record::Grant(grant)) = record::parse(&line) else { panic!("a record that is none") };
        registry.accept(grant.check().unwrap().into(), NOW.wall_us).unwrap();
    }
    let address = Address { bytes: [0; 6], kind: AddressKind::Random };
    for _ in 0..=customers / 2_000 {
        registry.attribute(&Advertisement { address, payload: &[], rssi_dbm: -60, gateway: GatewayIndex(0) }, NOW);
    }
    registry
}

/// What they are known by, and how it is written for the customer of a number.
type Kind = (&'static str, fn(u32) -> String);

fn main() {
    let kinds: [Kind; 2] = [
        ("an iBeacon", |n| {
            let (major, minor) = (n >> 16, n & 0xffff);
            format!(r#"{{"ibeacon":{{"uuid":"f7826da64fa24e988024bc5b71e0893e","major":{major},"minor":{minor}}}}}"#)
        }),
        ("a rolling id", |n| format!(r#"{{"rolling":{{"day_key":"{n:064x}","day":"2026-06-01"}}}}"#)),
    ];
    for (kind, identifier) in kinds {
        let mut kept = None;
        let counted = allocation_counter::measure(|| kept = Some(registry(CUSTOMERS, identifier)));
        let (kept_bytes, most_bytes) = (counted.bytes_current, counted.bytes_max);
        println!(
            "{CUSTOMERS} customers with {kind}: {kept_bytes} bytes, {} each; at the most {most_bytes}",
            kept_bytes / i64::from(CUSTOMERS)
        );
        drop(kept);
    }
}
