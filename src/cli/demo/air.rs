//! What is in the air: every device's advertising bytes, and what each gateway hears of them.
//!
//! A level falls with the logarithm of the distance, people and shelves shadow it for a while, each packet fades on its
//! own, now and then deeply, and some are lost. All of it follows from the seed.

use std::time::Duration;

use fastrand::Rng;

use super::cast::{CAST, foreign_beacon};
use super::shop::Pace;
use super::walk::{self, Walk};
use crate::config::Config;
use crate::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use crate::radio::encode;

/// Strangers' devices in the shop during the story.
pub(super) const STRANGERS: u16 = 40;

/// A tag speaks this often in the shop's time, as usual tags do, and no less often in the terminal's than it takes to
/// look alive. Phones and headphones take two to five times as long.
const TAG_INTERVAL: Duration = Duration::from_millis(400);
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// A tag in a pocket or on a bag hangs so high, in metres.
const TAG_HEIGHT_M: f64 = 1.2;
/// Nearer than this a level rises no further, in metres.
const NEAREST_M: f64 = 0.5;
/// Path loss: 20 dB a decade, as in free space; shelves come on top as shadows.
const DB_A_DECADE: f64 = 20.0;
/// Shadows, in dB, and how much of one is left at the next packet: a body turns within a few seconds.
const SHADOW_DB: f64 = 2.0;
const SHADOW_KEPT: f64 = 0.9;
/// Each packet's own fading, in dB.
const FADING_DB: f64 = 2.5;
/// Of a hundred packets so many meet a deep fade, of up to so many dB, and so many are lost to others' packets.
const DEEP_PERCENT: u8 = 8;
const DEEP_DB: f64 = 14.0;
const LOST_PERCENT: u8 = 10;
/// Below this a Pi's chip decodes nothing, in dBm.
const WEAKEST_DBM: f64 = -94.0;

/// Everything that is heard during the story.
pub(super) struct Air {
    devices: Vec<Device>,
    /// In ascending order of time.
    pub(super) heard: Vec<Heard>,
}

/// One packet at one gateway.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Heard {
    /// Since the start, in the terminal's time.
    pub(super) at: Duration,
    device: usize,
    gateway: GatewayIndex,
    rssi_dbm: i8,
}

struct Device {
    address: Address,
    payload: Vec<u8>,
    /// At 1 m, in dBm.
    power_dbm: f64,
    every: Duration,
    walk: Walk,
}

impl Air {
    /// Twelve customers and forty strangers, on the floor of `config`.
    pub(super) fn new(config: &Config, pace: Pace, rng: &mut Rng) -> Self {
        let floor_m = config.site.floor_m.unwrap_or((12.0, 8.0));
        let interval = pace.real(TAG_INTERVAL).min(LEAST_INTERVAL);
        let mut turns: Vec<u32> = (0..).take(CAST.len()).collect();
        rng.shuffle(&mut turns);
        let mut devices = Vec::new();
        for ((person, turn), number) in CAST.iter().zip(turns).zip(0..) {
            let (payload, power_dbm) = person.transmits(number);
            let walk = walk::visit(person.stops, turn, 12, rng);
            devices.push(Device { address: address(rng), payload, power_dbm, every: interval, walk });
        }
        for number in 0..STRANGERS {
            let walk = walk::pass(rng, floor_m);
            let every = interval * rng.u32(2..=5);
            let power_dbm = -55.0 - 15.0 * rng.f64();
            devices.push(Device { address: address(rng), payload: stranger(number, rng), power_dbm, every, walk });
        }
        let mut heard = Vec::new();
        for (index, device) in devices.iter().enumerate() {
            transmit(index, device, config, pace, &mut rng.fork(), &mut heard);
        }
        heard.sort_unstable();
        Self { devices, heard }
    }

    /// What the radio's door hands in for it.
    pub(super) fn advertisement(&self, heard: Heard) -> Option<Advertisement<'_>> {
        let Device { address, payload, .. } = self.devices.get(heard.device)?;
        Some(Advertisement { address: *address, payload, rssi_dbm: heard.rssi_dbm, gateway: heard.gateway })
    }
}

/// All packets of one device, as every gateway hears them.
fn transmit(index: usize, device: &Device, config: &Config, pace: Pace, rng: &mut Rng, heard: &mut Vec<Heard>) {
    let (begins, ends) = device.walk.span();
    let (start, end) = (pace.real(begins), pace.real(ends).min(pace.length()));
    let mut shadows_db = vec![0.0; config.site.gateways.len()];
    let mut at = start + device.every.mul_f64(rng.f64());
    while at < end {
        let spot = device.walk.spot(pace.shop(at));
        for ((gateway, shadow_db), number) in config.site.gateways.iter().zip(&mut shadows_db).zip(0..) {
            *shadow_db = SHADOW_KEPT * *shadow_db + bell(rng) * SHADOW_DB * (1.0 - SHADOW_KEPT * SHADOW_KEPT).sqrt();
            let metres = distance_m(spot, gateway.position_m.unwrap_or_default(), gateway.height_m - TAG_HEIGHT_M);
            let deep_db = if rng.u8(..100) < DEEP_PERCENT { DEEP_DB * rng.f64() } else { 0.0 };
            let path_db = DB_A_DECADE * libm::log10(metres.max(NEAREST_M));
            let level_dbm = device.power_dbm - path_db + *shadow_db + FADING_DB * bell(rng) - deep_db;
            let is_lost = rng.u8(..100) < LOST_PERCENT;
            if level_dbm >= WEAKEST_DBM && !is_lost {
                heard.push(Heard { at, device: index, gateway: GatewayIndex(number), rssi_dbm: whole(level_dbm) });
            }
        }
        // Advertisers add up to 10 ms to each interval, so that two never stay in step (Core 5.4, Vol 6 Part B, 4.4.2.2).
        at += device.every.mul_f64(1.0 + 0.1 * rng.f64());
    }
}

fn distance_m((x0, y0): (f64, f64), (x1, y1): (f64, f64), height_m: f64) -> f64 {
    ((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0) + height_m * height_m).sqrt()
}

/// Near enough to a normal distribution of width 1: twelve dice, and the same on every processor.
fn bell(rng: &mut Rng) -> f64 {
    (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
}

#[expect(clippy::cast_possible_truncation, reason = "it is between the weakest level and 20 dBm")]
fn whole(level_dbm: f64) -> i8 {
    level_dbm.clamp(-127.0, 20.0).round() as i8
}

fn address(rng: &mut Rng) -> Address {
    Address { bytes: std::array::from_fn(|_| rng.u8(..)), kind: AddressKind::Random }
}

/// What strangers' devices say: phones, headphones, laptops, watches, somebody else's beacons, and rubbish.
fn stranger(number: u16, rng: &mut Rng) -> Vec<u8> {
    const APPLE: u16 = 0x004c;
    const MICROSOFT: u16 = 0x0006;
    const FAST_PAIR: u16 = 0xfe2c;
    let mut bytes = |len: usize| -> Vec<u8> { (0..len).map(|_| rng.u8(..)).collect() };
    let body = match number % 7 {
        // Continuity, "nearby info": type 0x10, five bytes.
        0 | 1 => encode::manufacturer_data(APPLE, &[&[0x10, 0x05][..], &bytes(5)].concat()),
        2 => encode::service_data16(FAST_PAIR, &bytes(11)),
        3 => encode::manufacturer_data(MICROSOFT, &[&[0x01, 0x09, 0x20, 0x02][..], &bytes(19)].concat()),
        // A complete local name (Assigned Numbers, 2.3).
        4 => Some([&[9, 0x09][..], b"Watch 41"].concat()),
        5 => Some(foreign_beacon(rng)),
        // A length that runs past the end: some toy's firmware.
        _ => Some([&[30, 0xff][..], &bytes(9)].concat()),
    };
    encode::payload([&*encode::flags(0x1a), &*body.unwrap_or_default()], encode::LEGACY_PAYLOAD_LEN)
}
