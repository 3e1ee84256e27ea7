//! The portable driver against a stand-in bluetoothd: what is transmitted arrives as advertising data, and outages pass.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/bus.rs"]
mod bus;
#[path = "common/fakebluez.rs"]
mod fakebluez;
#[path = "common/radio.rs"]
mod radio;
#[path = "common/tetam.rs"]
mod tetam;

use std::io::Cursor;
use std::path::Path;

use bus::PrivateBus;
use emma::radio::{capture, encode};
use fakebluez::{FakeBluez, Report};
use radio::Process;
use tetam::{BEACON, Reading, Tetam};

const TAG: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 1];
const OTHER: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 2];
const EDDYSTONE: &str = "0000feaa-0000-1000-8000-00805f9b34fb";
const LONG_UUID: &str = "f7826da6-4fa2-4e98-8024-bc5b71e0893e";

/// A radio's own process; on its own a test of nothing.
#[test]
fn radio_process() {
    radio::process();
}

/// A bus, a stand-in and a radio that listens to it; nothing where there is no bus.
async fn listening(skipped: &str) -> Option<(PrivateBus, FakeBluez, Process)> {
    let bus = PrivateBus::start(skipped)?;
    let bluez = FakeBluez::start(&bus.address()).await;
    let mut radio = Process::start(&bus, "btleplug", "");
    bluez.until_scanning().await;
    radio.next("status0 true 0 Some(\"hci0\")").await;
    Some((bus, bluez, radio))
}

fn report(address: [u8; 6], rssi_dbm: i16, data: &[u8]) -> Report {
    Report { address, rssi_dbm, manufacturer: vec![(0x004c, data.to_vec())], ..Report::default() }
}

#[tokio::test]
async fn a_first_report_and_those_after_it_arrive_with_their_own_rssi() {
    let Some((_bus, bluez, mut radio)) = listening("reports and their RSSI").await else { return };
    // Each device's RSSI belongs to its own next payload, however the devices take turns.
    for (round, rssi_dbm) in [(1, -40), (2, -41), (3, -41), (3, -41)] {
        bluez.report(report(TAG, rssi_dbm, &[2, 0x15, round])).await;
        bluez.report(report(OTHER, rssi_dbm - 40, &[2, 0x15, round])).await;
        assert_eq!(radio.heard().await, format!("c0ffee000001 random {rssi_dbm} 06ff4c000215{round:02x}"));
        let rssi_dbm = rssi_dbm - 40;
        assert_eq!(radio.heard().await, format!("c0ffee000002 random {rssi_dbm} 06ff4c000215{round:02x}"));
    }
    assert_eq!((bluez.calls("SetDiscoveryFilter"), bluez.calls("StartDiscovery")), (1, 1));
    radio.stop().await;
    assert_eq!(bluez.calls("StopDiscovery"), 1);
}

#[tokio::test]
async fn a_report_without_rssi_is_not_heard() {
    let Some((_bus, bluez, mut radio)) = listening("RSSI 127").await else { return };
    bluez.report(report(TAG, 127, &[1])).await;
    // Events keep their order: once the other device is heard, the first report has been dealt with.
    bluez.report(report(OTHER, -60, &[1])).await;
    assert_eq!(radio.heard().await, "c0ffee000002 random -60 04ff4c0001");
    bluez.report(report(TAG, -50, &[2])).await;
    bluez.report(report(TAG, 127, &[3])).await;
    bluez.report(report(TAG, -52, &[4])).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -50 04ff4c0002");
    assert_eq!(radio.heard().await, "c0ffee000001 random -52 04ff4c0004");
}

#[tokio::test]
async fn service_data_of_short_uuids_arrives_and_joins_a_first_reports_manufacturer_data() {
    let Some((_bus, bluez, mut radio)) = listening("service data").await else { return };
    let service = vec![(EDDYSTONE, vec![0x00, 0xee]), (LONG_UUID, vec![1])];
    bluez.report(Report { public: true, service: service.clone(), ..report(TAG, -50, &[9]) }).await;
    assert_eq!(radio.heard().await, "c0ffee000001 public -50 04ff4c00090516aafe00ee");
    bluez.report(Report { address: TAG, rssi_dbm: -51, service, ..Report::default() }).await;
    let several = vec![(0x0118, vec![0xbe, 0xac]), (0x004c, vec![9])];
    bluez.report(Report { address: TAG, rssi_dbm: -52, manufacturer: several, ..Report::default() }).await;
    assert_eq!(radio.heard().await, "c0ffee000001 public -51 0516aafe00ee");
    assert_eq!(radio.heard().await, "c0ffee000001 public -52 04ff4c000905ff1801beac");
}

#[tokio::test]
async fn a_device_that_was_silent_is_discovered_again() {
    let Some((_bus, bluez, mut radio)) = listening("a second discovery").await else { return };
    bluez.report(report(TAG, -50, &[1])).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -50 04ff4c0001");
    bluez.forget(TAG).await;
    bluez.report(report(TAG, -70, &[2])).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -70 04ff4c0002");
    bluez.report(report(TAG, -71, &[3])).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -71 04ff4c0003");
}

#[tokio::test]
async fn bluetoothd_may_come_later_and_come_back() {
    let Some(mut bus) = PrivateBus::start("bluetoothd absent") else { return };
    let mut radio = Process::start(&bus, "btleplug", "all");
    let status = radio.next("status0 false 0").await;
    assert!(status.contains("cannot list the adapters"), "{status}");
    let bluez = FakeBluez::start(&bus.address()).await;
    radio.next("status0 true 0 Some(\"hci0\")").await;
    bluez.report(report(TAG, -50, &[1])).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -50 04ff4c0001");
    // Not even a bus that is gone keeps the radio from stopping.
    bus.kill();
    radio.stop().await;
}

#[tokio::test]
async fn an_adapter_switched_off_is_switched_on_again() {
    let Some((_bus, bluez, mut radio)) = listening("an adapter switched off").await else { return };
    bluez.set_powered(false).await;
    let status = radio.next("status0 false").await;
    assert!(status.contains("switched off"), "{status}");
    radio.next("status0 true 1").await;
    bluez.until_called("StartDiscovery", 2).await;
    bluez.report(report(TAG, -50, &[1])).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -50 04ff4c0001");
}

#[tokio::test]
async fn an_adapter_that_is_not_there_is_answered_with_what_there_is() {
    let Some(bus) = PrivateBus::start("no such adapter") else { return };
    let _bluez = FakeBluez::start(&bus.address()).await;
    let mut radio = Process::start(&bus, "btleplug", "hci7");
    let status = radio.next("status0 false").await;
    assert!(status.contains("there is no adapter hci7; there is hci0"), "{status}");
}

#[tokio::test]
async fn a_real_walk_is_heard_reading_by_reading() {
    let Some(tetam) = Tetam::find("a real walk over D-Bus") else { return };
    let Some((_bus, bluez, mut radio)) = listening("a real walk over D-Bus").await else { return };
    let mut walk = tetam.track("straight_01_all_sensors.mbd");
    walk.retain(|reading| reading.sensor == "sensor10");
    let walked = |readings: &[Reading]| -> Vec<String> {
        readings.iter().map(|reading| format!("e78f135624ce random {} 05ff4c000215", reading.rssi_dbm)).collect()
    };
    let stream = |readings: &[Reading]| -> Vec<_> {
        let offset_us = |reading: &Reading| u64::try_from(reading.t_us - readings[0].t_us).unwrap();
        let played = |reading| (offset_us(reading), BEACON, i16::from(reading.rssi_dbm), (0x004c, vec![2, 0x15]));
        readings.iter().map(played).collect()
    };
    // What a first report said is read afterwards: the next one waits until it was.
    for part in [&walk[..1], &walk[1..]] {
        assert_eq!(bluez.play(stream(part).into_iter(), 1_000.0).await, part.len());
        for expected in walked(part) {
            assert_eq!(radio.heard().await, expected);
        }
    }
}

#[test]
fn a_real_walk_is_a_capture_and_its_hall_a_site() {
    let Some(tetam) = Tetam::find("a real walk as a capture") else { return };
    let walk = tetam.track("straight_01_all_sensors.mbd");
    let payload = encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59);
    let text = tetam::capture_jsonl(&walk, &payload);
    let capture = capture::read(Path::new("walk.jsonl"), Box::new(Cursor::new(text)), None).unwrap();
    let read: Vec<_> = capture.map(Result::unwrap).collect();
    assert_eq!(read.len(), walk.len());
    for (heard, reading) in read.iter().zip(&walk) {
        assert_eq!((heard.t_us, &*heard.gateway, heard.rssi_dbm), (reading.t_us, &*reading.sensor, reading.rssi_dbm));
        assert_eq!((heard.address.bytes, &heard.payload), (BEACON, &payload));
    }
    let site: toml::Table = tetam.site_toml().parse().unwrap();
    assert_eq!(site["gateway"].as_array().unwrap().len(), 12);
    let zones: toml::Table = tetam::zones_toml().parse().unwrap();
    let ids = zones["zone"].as_array().unwrap().iter().map(|zone| zone["id"].as_str().unwrap());
    assert!(ids.clone().any(|id| id == tetam::zone_at(walk[0].x_m, walk[0].y_m)));
    assert_eq!(ids.count(), 4);
}
