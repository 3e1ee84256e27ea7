//! The core's whole path, from an advertisement at the door to a decision: 500 customers in 20 gateways' hearing.
//!
//! `without_zones` is every stage but the zone engine's; `with_zones` adds four polygons over the twenty gateways.
//! Allocations are counted beside the time.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

mod common;

use std::fmt::Write;
use std::sync::Arc;

use common::{consents, mix};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use emma::clock::Moment;
use emma::config::{self, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::effect::Input;
use emma::gateway::key::Key;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// 2026-06-01T10:00:00Z, inside the customers' consents.
const START_US: i64 = 1_780_308_000_000_000;

fn main() {
    divan::main();
}

fn gateway(zones: &str) -> Gateway {
    let mut site =
        String::from("name = 'Bench'\ntime-zone = 'Europe/Zurich'\nfloor-plan = { width-m = 60.0, height-m = 40.0 }\n");
    for n in 0..20 {
        let (x, y) = (6 + 12 * (n % 5), 5 + 10 * (n / 5));
        writeln!(site, "[[gateway]]\nid = 'gw{n:02}'\nposition-m = [{x}.0, {y}.0]").unwrap();
    }
    let sources = Sources {
        gateway: "site = 'bench'\ngateway = 'gw00'\n".into(),
        site,
        zones: zones.into(),
        offers: String::new(),
        promise: "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".into(),
        ..Sources::default()
    };
    let config = config::check(&sources).config.unwrap();
    let mut gateway = Gateway::new(Arc::new(config), Key::new([7; 32]), 0);
    for consent in consents() {
        gateway.handle(Input::Consent(Arc::new(consent)), at(0));
    }
    gateway
}

fn at(us: u64) -> Moment {
    Moment { monotonic_us: 1_000_000_000 + us, wall_us: Some(START_US + us.cast_signed()) }
}

/// 5,000 advertisements a second, as the corpus has them: one every 200 us.
fn run(bencher: Bencher<'_, '_>, zones: &str, only_strangers: bool) {
    let mut gateway = gateway(zones);
    let payloads: Vec<Vec<u8>> =
        mix().into_iter().filter(|payload| !only_strangers || payload.get(4) == Some(&0xff)).collect();
    let payloads: Vec<Vec<u8>> = if only_strangers {
        payloads.into_iter().filter(|payload| payload.get(7..9) != Some(&[0x02, 0x15])).collect()
    } else {
        payloads
    };
    let address = Address { bytes: [0xc0, 0xff, 0xee, 0, 0, 1], kind: AddressKind::Random };
    let mut us = 0;
    bencher.counter(ItemsCount::new(payloads.len())).bench_local(|| {
        let mut effects = 0;
        for (index, payload) in payloads.iter().enumerate() {
            us += 200;
            let gateway_index = GatewayIndex(u16::try_from(index % 20).unwrap());
            let heard = Advertisement { address, payload, rssi_dbm: -60, gateway: gateway_index };
            effects += gateway.handle(Input::Advertisement(black_box(heard)), at(us)).len();
        }
        effects
    });
}

#[divan::bench]
fn without_zones(bencher: Bencher<'_, '_>) {
    run(bencher, "", false);
}

#[divan::bench]
fn with_zones(bencher: Bencher<'_, '_>) {
    let quarter = |id: &str, x: u8, y: u8| {
        let (x1, y1) = (x + 30, y + 20);
        format!(
            "[[zone]]\nid = '{id}'\nname = '{id}'\npolygon-m = [[{x}.0, {y}.0], [{x1}.0, {y}.0], [{x1}.0, {y1}.0], [{x}.0, {y1}.0]]\n"
        )
    };
    let zones = [quarter("sw", 0, 0), quarter("se", 30, 0), quarter("nw", 0, 20), quarter("ne", 30, 20)].concat();
    run(bencher, &zones, false);
}

#[divan::bench]
fn strangers(bencher: Bencher<'_, '_>) {
    run(bencher, "", true);
}
