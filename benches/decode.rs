//! How many advertisements a second one core decodes, and attributes with 500 customers registered.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

mod common;

use common::{consents, mix};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use emma::clock::Moment;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::registry::{Attribution, Registry};
use emma::gateway::decode::frames;
use emma::gateway::key::Key;

fn main() {
    divan::main();
}

fn registry() -> Registry {
    let mut registry = Registry::new(&Key::new([7; 32]));
    for consent in consents() {
        registry.accept(consent.into(), None).unwrap();
    }
    registry
}

#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let mix = mix();
    bencher.counter(ItemsCount::new(mix.len())).bench_local(|| {
        let decoded = |payload: &Vec<u8>| frames(black_box(payload)).map(black_box).count();
        mix.iter().map(decoded).sum::<usize>()
    });
}

#[divan::bench]
fn attribute(bencher: Bencher<'_, '_>) {
    let (mix, mut registry) = (mix(), registry());
    let address = Address { bytes: [0xc0, 0xff, 0xee, 0, 0, 1], kind: AddressKind::Random };
    // 2026-06-01T10:00:00Z, inside the customers' consents.
    let now = Moment { monotonic_us: 0, wall_us: Some(1_780_308_000_000_000) };
    bencher.counter(ItemsCount::new(mix.len())).bench_local(|| {
        let mut ours = |payload: &&Vec<u8>| {
            let heard = Advertisement { address, payload, rssi_dbm: -60, gateway: GatewayIndex(0) };
            matches!(registry.attribute(black_box(&heard), now), Attribution::Customer { .. })
        };
        mix.iter().filter(|payload| ours(payload)).count()
    });
}
