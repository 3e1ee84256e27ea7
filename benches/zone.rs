//! What following people over the floor costs: microseconds for one update of one device, and bytes a device, as they
//! grow with gateways, floor and customers.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use std::fmt::Write as _;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use emma::config::{self, Sources};
use emma::gateway::advertisement::GatewayIndex;
use emma::gateway::zone::{Floor, Whereabouts};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const SECOND_US: u64 = 1_000_000;

fn main() {
    divan::main();
}

/// A floor of `width` by `depth` metres with twelve zones and so many gateways, evenly spread.
fn floor(width: u16, depth: u16, gateways: u16) -> Floor {
    let mut site = format!(
        "name = 'Bench'\ntime-zone = 'Europe/Zurich'\nfloor-plan = {{ width-m = {width}.0, height-m = {depth}.0 }}\n"
    );
    for n in 0..gateways {
        let (x, y) =
            (f64::from(width) * f64::from(1 + 2 * (n % 5)) / 10.0, f64::from(depth) * f64::from(n / 5 % 13) / 13.0);
        writeln!(site, "[[gateway]]\nid = 'gw{n:02}'\nposition-m = [{x:?}, {y:?}]").unwrap();
    }
    let mut zones = String::new();
    let (w, d) = (f64::from(width) / 4.0, f64::from(depth) / 3.0);
    for n in 0..12_u8 {
        let (x, y) = (f64::from(n % 4) * w, f64::from(n / 4) * d);
        let (x1, y1) = (x + w, y + d);
        let corners = format!("[[{x:?}, {y:?}], [{x1:?}, {y:?}], [{x1:?}, {y1:?}], [{x:?}, {y1:?}]]");
        writeln!(zones, "[[zone]]\nid = 'z{n}'\nname = 'Z'\npolygon-m = {corners}").unwrap();
    }
    let sources = Sources {
        gateway: "site = 'bench'\ngateway = 'gw00'\n".into(),
        site,
        zones,
        offers: String::new(),
        promise: "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".into(),
        ..Sources::default()
    };
    Floor::new(&config::check(&sources).config.unwrap())
}

/// One second of one device: two readings of every gateway, and what follows.
fn second(floor: &Floor, whereabouts: &mut Whereabouts, gateways: u16, at_us: u64) -> usize {
    let mut moves = 0;
    for reading in 0..2 {
        for gateway in 0..gateways {
            let level_dbm =
                -60.0 - f64::from((u32::from(gateway) * 7 + u32::try_from(at_us / SECOND_US % 5).unwrap()) % 25);
            moves += whereabouts.hear(floor, GatewayIndex(gateway), level_dbm, at_us + reading * 400_000).len();
        }
    }
    moves + whereabouts.tick(floor, at_us + SECOND_US).len()
}

fn run(bencher: Bencher<'_, '_>, floor: &Floor, gateways: u16, devices: usize) {
    let mut all = vec![Whereabouts::default(); devices];
    let mut at_us = 1_000_000_000;
    bencher.counter(ItemsCount::new(devices)).bench_local(|| {
        at_us += SECOND_US;
        all.iter_mut().map(|whereabouts| second(black_box(floor), whereabouts, gateways, at_us)).sum::<usize>()
    });
}

/// On 60 x 40 m.
#[divan::bench(args = [1, 4, 12, 20, 64])]
fn by_gateways(bencher: Bencher<'_, '_>, gateways: u16) {
    run(bencher, &floor(60, 40, gateways), gateways, 1);
}

/// With 20 gateways; metres a side, of which depth is two thirds.
#[divan::bench(args = [9, 18, 30, 60, 240])]
fn by_floor(bencher: Bencher<'_, '_>, width: u16) {
    run(bencher, &floor(width, width * 2 / 3, 20), 20, 1);
}

/// On 60 x 40 m with 20 gateways.
#[divan::bench(args = [1, 50, 500])]
fn by_customers(bencher: Bencher<'_, '_>, customers: usize) {
    run(bencher, &floor(60, 40, 20), 20, customers);
}

/// What a thousand devices hold after ten seconds each: read `max alloc` in KB as bytes a device. What an update needs
/// for its own time, 12 KB, is there once.
#[divan::bench(args = [4, 20, 64], sample_count = 1, sample_size = 1)]
fn memory_of_1000(bencher: Bencher<'_, '_>, gateways: u16) {
    let floor = floor(60, 40, gateways);
    bencher.bench_local(|| {
        let mut all = vec![Whereabouts::default(); 1_000];
        for whereabouts in &mut all {
            for at in 0..10 {
                second(&floor, whereabouts, gateways, (1_000 + at) * SECOND_US);
            }
        }
        all
    });
}
