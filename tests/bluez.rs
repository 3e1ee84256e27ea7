//! The Linux driver against a stand-in bluetoothd: passively and actively, what is transmitted arrives once and with its own
//! strength, and what cannot be heard passively is said.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/bus.rs"]
mod bus;
#[path = "common/fakebluez.rs"]
mod fakebluez;
#[path = "common/radio.rs"]
mod radio;

use bus::PrivateBus;
use fakebluez::{FakeBluez, Report};
use radio::Process;

const TAG: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 1];
const OTHER: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 2];
const BARE: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 3];
const STRANGER: [u8; 6] = [0xde, 0xad, 0xbe, 0xef, 0x13, 0x37];
const EDDYSTONE: &str = "0000feaa-0000-1000-8000-00805f9b34fb";

/// A radio's own process; on its own a test of nothing.
#[test]
fn radio_process() {
    radio::process();
}

/// A bus, a stand-in with `-E` or without, and a radio that listens to it; nothing where there is no bus.
async fn listening(skipped: &str, experimental: bool) -> Option<(PrivateBus, FakeBluez, Process)> {
    let bus = PrivateBus::start(skipped)?;
    let bluez = FakeBluez::start_with(&bus.address(), experimental).await;
    let mut radio = Process::start(&bus, "bluez", "");
    let scan = if experimental { "passive" } else { "active" };
    radio.next(&format!("status0 true 0 Some(\"hci0\") Some(\"{scan}\")")).await;
    bluez.until_scanning().await;
    Some((bus, bluez, radio))
}

/// An iBeacon, as far as a pattern looks.
fn beacon(address: [u8; 6], rssi_dbm: i16, round: u8) -> Report {
    Report { address, rssi_dbm, manufacturer: vec![(0x004c, vec![2, 0x15, round])], ..Report::default() }
}

/// A phone that is nobody's business.
fn phone(address: [u8; 6], rssi_dbm: i16) -> Report {
    Report { address, rssi_dbm, manufacturer: vec![(0x004c, vec![0x10, 5, 0xab, 0xcd])], ..Report::default() }
}

#[tokio::test]
async fn passively_each_report_arrives_once_with_the_strength_told_last() {
    let Some((_bus, bluez, mut radio)) = listening("passive reports", true).await else { return };
    for (rssi_dbm, heard_dbm, round) in [(-40, -40, 1), (-41, -40, 1), (-60, -60, 1), (-61, -60, 2)] {
        bluez.report(beacon(TAG, rssi_dbm, round)).await;
        assert_eq!(radio.heard().await, format!("c0ffee000001 random {heard_dbm} 06ff4c000215{round:02x}"));
    }
    assert_eq!(bluez.calls("StartDiscovery"), 0, "nobody was asked anything");
    radio.stop().await;
}

#[tokio::test]
async fn actively_each_report_arrives_once_with_its_own_strength() {
    let Some((_bus, bluez, mut radio)) = listening("active reports", false).await else { return };
    for (rssi_dbm, round) in [(-40, 1), (-41, 1), (-41, 1), (-60, 2)] {
        bluez.report(beacon(TAG, rssi_dbm, round)).await;
        bluez.report(beacon(OTHER, rssi_dbm - 30, round)).await;
        assert_eq!(radio.heard().await, format!("c0ffee000001 random {rssi_dbm} 06ff4c000215{round:02x}"));
        assert_eq!(radio.heard().await, format!("c0ffee000002 random {} 06ff4c000215{round:02x}", rssi_dbm - 30));
    }
    radio.stop().await;
}

#[tokio::test]
async fn without_e_it_says_why_it_scans_actively() {
    let Some(bus) = PrivateBus::start("the reason for an active scan") else { return };
    let _bluez = FakeBluez::start_with(&bus.address(), false).await;
    let mut radio = Process::start(&bus, "bluez", "");
    let status = radio.next("status0 true 0").await;
    assert!(status.contains("bluetoothd runs without -E"), "{status}");
}

#[tokio::test]
async fn actively_only_the_formats_in_use_are_handed_on() {
    let Some((_bus, bluez, mut radio)) = listening("strangers, actively", false).await else { return };
    bluez.report(phone(STRANGER, -40)).await;
    bluez.report(phone(STRANGER, -41)).await;
    let service = vec![(EDDYSTONE, vec![0x20, 0])];
    bluez.report(Report { address: TAG, public: true, rssi_dbm: -50, service, ..Report::default() }).await;
    assert_eq!(radio.heard().await, "c0ffee000001 public -50 0516aafe2000");
}

#[tokio::test]
async fn a_strength_that_is_not_available_is_no_report() {
    for experimental in [true, false] {
        let Some((_bus, bluez, mut radio)) = listening("RSSI 127", experimental).await else { return };
        bluez.report(beacon(TAG, 127, 1)).await;
        bluez.report(beacon(TAG, 127, 2)).await;
        bluez.report(beacon(TAG, -52, 3)).await;
        assert_eq!(radio.heard().await, "c0ffee000001 random -52 06ff4c00021503");
    }
}

#[tokio::test]
async fn a_device_that_bluetoothd_knew_before_is_asked_for_once() {
    let Some(bus) = PrivateBus::start("a device known before") else { return };
    let bluez = FakeBluez::start_with(&bus.address(), true).await;
    let mut first = Process::start(&bus, "bluez", "");
    first.next("status0 true").await;
    bluez.report(beacon(TAG, -50, 1)).await;
    first.heard().await;
    first.stop().await;
    let mut second = Process::start(&bus, "bluez", "");
    second.next("status0 true").await;
    for _ in 0..2 {
        bluez.report(beacon(TAG, -50, 1)).await;
        assert_eq!(second.heard().await, "c0ffee000001 random -50 06ff4c00021501");
    }
    assert_eq!(bluez.calls("GetAll"), 1);
}

#[tokio::test]
async fn addresses_are_listened_for_only_while_a_consent_names_one() {
    let Some((_bus, bluez, mut radio)) = listening("addresses", true).await else { return };
    radio.need_addresses(true);
    let status = radio.next("status0 true 0 Some(\"hci0\") Some(\"active\")").await;
    assert!(status.contains("a consent names an address"), "{status}");
    bluez.report(phone(STRANGER, -40)).await;
    assert_eq!(radio.heard().await, "deadbeef1337 random -40 07ff4c001005abcd");
    // Of some there is nothing but the address.
    for rssi_dbm in [-45, -46] {
        bluez.report(Report { address: BARE, public: true, rssi_dbm, ..Report::default() }).await;
        assert_eq!(radio.heard().await, format!("c0ffee000003 public {rssi_dbm}"));
    }
    // The monitor runs beside, and still nothing is heard twice.
    bluez.report(beacon(TAG, -50, 1)).await;
    bluez.report(beacon(TAG, -51, 2)).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -50 06ff4c00021501");
    assert_eq!(radio.heard().await, "c0ffee000001 random -51 06ff4c00021502");
    radio.need_addresses(false);
    radio.next("status0 true 0 Some(\"hci0\") Some(\"passive\") None").await;
    bluez.report(phone(STRANGER, -40)).await;
    bluez.report(beacon(TAG, -60, 3)).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -60 06ff4c00021503");
}

#[tokio::test]
async fn another_programs_scan_beside_the_monitor_doubles_nothing() {
    let Some((_bus, bluez, mut radio)) = listening("a foreign scan", true).await else { return };
    bluez.begin_discovery().await;
    for round in 1..4 {
        bluez.report(phone(STRANGER, -40)).await;
        bluez.report(beacon(TAG, -50, round)).await;
        assert_eq!(radio.heard().await, format!("c0ffee000001 random -50 06ff4c000215{round:02x}"));
    }
}

#[tokio::test]
async fn several_adapters_are_sources_of_their_own_and_later_ones_join() {
    let Some(bus) = PrivateBus::start("several adapters") else { return };
    let bluez = FakeBluez::start_with(&bus.address(), true).await;
    let mut radio = Process::start(&bus, "bluez", "all");
    radio.next("status0 true 0 Some(\"hci0\")").await;
    bluez.plug("hci1").await;
    radio.next("status1 true 0 Some(\"hci1\")").await;
    bluez.report_on("hci0", beacon(TAG, -50, 1)).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -50 06ff4c00021501");
    bluez.report_on("hci1", beacon(TAG, -70, 1)).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -70 06ff4c00021501");
    bluez.unplug("hci0").await;
    let status = radio.next("status0 false").await;
    assert!(status.contains("there is no adapter hci0; there is hci1"), "{status}");
    bluez.report_on("hci1", beacon(TAG, -71, 1)).await;
    radio.heard().await;
}

#[tokio::test]
async fn an_adapter_that_is_not_there_is_answered_with_what_there_is() {
    let Some(bus) = PrivateBus::start("no such adapter") else { return };
    let _bluez = FakeBluez::start_with(&bus.address(), true).await;
    let mut radio = Process::start(&bus, "bluez", "hci0,hci7");
    let status = radio.next("status1 false 0 Some(\"hci7\") None None Some").await;
    assert!(status.contains("there is no adapter hci7; there is hci0"), "{status}");
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_harms_nothing() {
    let Some((_bus, bluez, mut radio)) = listening("garbage on the bus", false).await else { return };
    bluez.report(beacon(TAG, -50, 1)).await;
    radio.heard().await;
    let (device, properties) = ("/org/bluez/hci0/dev_C0_FF_EE_00_00_01", "org.freedesktop.DBus.Properties");
    let loud = std::collections::HashMap::from([("RSSI", zbus::Variant::from("loud"))]);
    let nothing: &[&str] = &[];
    bluez.signal(device, properties, "PropertiesChanged", &("org.bluez.Device1", loud, nothing)).await;
    bluez.signal(device, properties, "PropertiesChanged", &("org.bluez.Device1", 7_u32)).await;
    bluez.signal("/org/bluez/hci0/dev_C0", properties, "PropertiesChanged", &("org.bluez.Device1", 7_u32)).await;
    bluez.signal("/org/bluez/hci0", properties, "PropertiesChanged", &("org.bluez.Adapter1", 7_u32)).await;
    bluez.signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", &"nonsense").await;
    bluez.report(beacon(TAG, -51, 2)).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -51 06ff4c00021502");
}

#[tokio::test]
async fn strangers_are_in_no_log_line_at_any_level() {
    for experimental in [true, false] {
        let Some((_bus, bluez, mut radio)) = listening("strangers in the log", experimental).await else { return };
        for rssi_dbm in [-40, -60, -41] {
            bluez.report(phone(STRANGER, rssi_dbm)).await;
            bluez.report(beacon(OTHER, rssi_dbm, 7)).await;
        }
        bluez.set_powered(false).await;
        radio.next("status0 true 1").await;
        let log = radio.log().to_lowercase();
        for trace in ["de:ad:be", "de_ad_be", "deadbeef", "c0:ff:ee", "c0_ff_ee", "c0ffee", "abcd", "4c000215"] {
            assert!(!log.contains(trace), "{trace} in {log}");
        }
        assert!(log.contains("the radio listens again"), "there is a log");
    }
}
