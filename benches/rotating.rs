//! What identifiers that rotate cost: an address that is known, one that is new, and an interval's end.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use std::fmt::Write as _;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use emma::clock::Moment;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::registry::{Attribution, Registry};
use emma::gateway::key::Key;
use emma::radio::encode;

/// 2026-06-01T10:00:00Z.
const START_US: i64 = 1_780_308_000_000_000;
const INTERVAL_US: i64 = 600_000_000;

fn main() {
    divan::main();
}

fn at(wall_us: i64) -> Moment {
    Moment { monotonic_us: 86_400_000_000, wall_us: Some(wall_us) }
}

fn heard(address: [u8; 6], payload: &[u8]) -> Advertisement<'_> {
    let address = Address { bytes: address, kind: AddressKind::Random };
    Advertisement { address, payload, rssi_dbm: -60, gateway: GatewayIndex(0) }
}

/// Customers with one identifier each.
fn registry(customers: u32, identifier: impl Fn(u32) -> String) -> Registry {
    let mut registry = Registry::new(&Key::new([7; 32]));
    let mut line = String::new();
    for n in 0..customers {
        line.clear();
        write!(
            line,
            r#"{{"customer":"c{n}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{}],
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z"}}"#,
            identifier(n)
        )
        .unwrap();
        let Ok(Record::Grant(grant)) = record::parse(&line) else { panic!("a record that is none") };
        registry.accept(grant.check().unwrap().into(), None).unwrap();
    }
    registry
}

/// The most keys there may be.
fn bonded() -> Registry {
    registry(50, |n| format!(r#"{{"irk":"{n:032x}"}}"#))
}

fn rolling(customers: u32) -> Registry {
    registry(customers, |n| format!(r#"{{"rolling":{{"day_key":"{n:064x}","day":"2026-06-01"}}}}"#))
}

/// A resolvable address, as far as its first bits tell.
fn resolvable(n: u32) -> [u8; 6] {
    let mut address = [0x40, 0, 0, 0, 0, 7];
    for (to, from) in address.iter_mut().skip(1).zip(n.to_be_bytes()) {
        *to = from;
    }
    address
}

#[divan::bench]
fn an_address_that_is_known(bencher: Bencher<'_, '_>) {
    const ADDRESSES: u32 = 1_000;
    let mut registry = bonded();
    let mut hear_all = move || {
        let nobody_s =
            |n: &u32| registry.attribute(&black_box(heard(resolvable(*n), &[])), at(START_US)) == Attribution::Nobody;
        (0..ADDRESSES).filter(nobody_s).count()
    };
    hear_all();
    bencher.counter(ItemsCount::new(ADDRESSES)).bench_local(hear_all);
}

#[divan::bench]
fn an_address_that_is_new(bencher: Bencher<'_, '_>) {
    let mut registry = bonded();
    let mut n = 0;
    bencher.bench_local(|| {
        n += 1;
        registry.attribute(&black_box(heard(resolvable(n), &[])), at(START_US))
    });
}

#[divan::bench(args = [500, 100_000])]
fn a_stranger_among_rolling_ids(bencher: Bencher<'_, '_>, customers: u32) {
    let mut registry = rolling(customers);
    let payload = encode::ibeacon(b"ABCDEFGHIJKLMNOP", 0, 0, -59);
    for _ in 0..=customers / 2_000 {
        registry.attribute(&heard([0; 6], &payload), at(START_US));
    }
    bencher.bench_local(|| registry.attribute(&black_box(heard([0; 6], &payload)), at(START_US)));
}

/// The first thing heard after an interval's end: 2,000 are moved on at the most. Then the rest, as much each time.
#[divan::bench(args = [500, 2_000, 20_000], sample_count = 20)]
fn an_interval_s_end(bencher: Bencher<'_, '_>, customers: u32) {
    let turns = customers.div_ceil(2_000);
    let settled = || {
        let mut registry = rolling(customers);
        for _ in 0..turns {
            registry.attribute(&heard([0; 6], &[]), at(START_US));
        }
        registry
    };
    bencher.counter(ItemsCount::new(customers)).with_inputs(settled).bench_local_values(|mut registry| {
        for _ in 0..turns {
            black_box(registry.attribute(&heard([0; 6], &[]), at(START_US + INTERVAL_US)));
        }
        registry
    });
}
