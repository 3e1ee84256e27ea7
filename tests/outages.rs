//! Everything that can end a scan, against a stand-in bluetoothd on a real bus: each recovers by itself, is counted once, and
//! is one line in the log when it begins and one when it ends.

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
    radio.next("status0 true 0").await;
    bluez.until_scanning().await;
    Some((bus, bluez, radio))
}

/// The radio says why it does not listen, then listens again, which is counted once and logged in two lines, and hears.
async fn recovers(bluez: &FakeBluez, radio: &mut Process, reason: &str) {
    let status = radio.next("status0 false 0").await;
    assert!(status.contains(reason), "{status}");
    listens_again(bluez, radio).await;
}

async fn listens_again(bluez: &FakeBluez, radio: &mut Process) {
    radio.next("status0 true 1").await;
    bluez.until_scanning().await;
    let manufacturer = vec![(0x004c, vec![2, 0x15])];
    bluez.report(Report { address: TAG, rssi_dbm: -50, manufacturer, ..Report::default() }).await;
    assert_eq!(radio.heard().await, "c0ffee000001 random -50 05ff4c000215");
    let log = radio.log();
    for line in ["the radio does not listen", "the radio listens again"] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
}

#[tokio::test]
async fn an_adapter_unplugged_and_back() {
    for experimental in [true, false] {
        let Some((_bus, bluez, mut radio)) = listening("an adapter unplugged", experimental).await else { return };
        bluez.unplug("hci0").await;
        let status = radio.next("status0 false 0").await;
        assert!(status.contains("there is no adapter hci0"), "{status}");
        bluez.plug("hci0").await;
        listens_again(&bluez, &mut radio).await;
    }
}

#[tokio::test]
async fn bluetoothd_restarted() {
    for experimental in [true, false] {
        let Some((bus, bluez, mut radio)) = listening("bluetoothd restarted", experimental).await else { return };
        drop(bluez);
        let status = radio.next("status0 false 0").await;
        assert!(status.contains("bluetoothd does not run"), "{status}");
        let bluez = FakeBluez::start_with(&bus.address(), experimental).await;
        listens_again(&bluez, &mut radio).await;
    }
}

#[tokio::test]
async fn bluetoothd_restarted_with_e_is_listened_to_passively_again() {
    let Some((bus, bluez, mut radio)) = listening("bluetoothd restarted with -E", false).await else { return };
    drop(bluez);
    radio.next("status0 false 0").await;
    let bluez = FakeBluez::start_with(&bus.address(), true).await;
    radio.next("status0 true 1 Some(\"hci0\") Some(\"passive\") None").await;
    assert_eq!(bluez.calls("StartDiscovery"), 0);
}

#[tokio::test]
async fn power_switched_off_by_another_program() {
    for experimental in [true, false] {
        let Some((_bus, bluez, mut radio)) = listening("power switched off", experimental).await else { return };
        bluez.set_powered(false).await;
        // The monitor is let go first; on a slow machine that is noticed by itself.
        let status = radio.next("status0 false 0").await;
        assert!(status.contains("switched off") || status.contains("let the monitor go"), "{status}");
        listens_again(&bluez, &mut radio).await;
    }
}

#[tokio::test]
async fn an_adapter_that_is_blocked_says_so_until_it_is_not() {
    let Some((_bus, bluez, mut radio)) = listening("an adapter blocked", true).await else { return };
    bluez.set_blocked(true);
    bluez.set_powered(false).await;
    radio.next("status0 false 0").await;
    let status = radio.next("status0 false 0").await;
    assert!(status.contains("cannot switch the adapter on") && status.contains("rfkill"), "{status}");
    bluez.set_blocked(false);
    listens_again(&bluez, &mut radio).await;
}

#[tokio::test]
async fn d_bus_restarted() {
    for experimental in [true, false] {
        let Some((mut bus, bluez, mut radio)) = listening("D-Bus restarted", experimental).await else { return };
        bus.kill();
        drop(bluez);
        let status = radio.next("status0 false 0").await;
        assert!(status.contains("D-Bus"), "{status}");
        bus.restart();
        let bluez = FakeBluez::start_with(&bus.address(), experimental).await;
        listens_again(&bluez, &mut radio).await;
    }
}

#[tokio::test]
async fn a_monitor_released() {
    let Some((_bus, bluez, mut radio)) = listening("a monitor released", true).await else { return };
    bluez.end_monitors(true).await;
    recovers(&bluez, &mut radio, "let the monitor go").await;
    assert_eq!((bluez.calls("RegisterMonitor"), bluez.calls("StartDiscovery")), (2, 0));
}

#[tokio::test]
async fn a_discovery_ended_by_another_program() {
    let Some((_bus, bluez, mut radio)) = listening("a discovery ended", false).await else { return };
    bluez.end_discovery().await;
    recovers(&bluez, &mut radio, "the scan was ended").await;
}

#[tokio::test]
async fn a_bluetoothd_that_does_not_answer() {
    let Some(bus) = PrivateBus::start("a bluetoothd that hangs") else { return };
    let bluez = FakeBluez::start_with(&bus.address(), false).await;
    bluez.hang("StartDiscovery", true);
    let mut radio = Process::start(&bus, "bluez", "");
    let status = radio.next("status0 false 0 None").await;
    let status = if status.contains("no answer") { status } else { radio.next("status0 false 0").await };
    assert!(status.contains("cannot start the scan: no answer within 5 s"), "{status}");
    bluez.hang("StartDiscovery", false);
    radio.next("status0 true 0").await;
}

#[tokio::test]
async fn a_bluetoothd_that_does_not_list_its_adapters() {
    let Some(bus) = PrivateBus::start("a bluetoothd that lists nothing") else { return };
    let bluez = FakeBluez::start_with(&bus.address(), true).await;
    bluez.hang("GetManagedObjects", true);
    let mut radio = Process::start(&bus, "bluez", "");
    let status = radio.next("status0 false 0 None None None Some").await;
    assert!(status.contains("cannot list the adapters: no answer within 5 s"), "{status}");
    bluez.hang("GetManagedObjects", false);
    radio.next("status0 true 0").await;
}

#[tokio::test]
async fn bluetoothd_absent_at_start_is_said_and_waited_for() {
    let Some(mut bus) = PrivateBus::start("bluetoothd absent") else { return };
    let mut radio = Process::start(&bus, "bluez", "all");
    let status = radio.next("status0 false 0 None None None Some").await;
    assert!(status.contains("bluetoothd does not run"), "{status}");
    let _bluez = FakeBluez::start_with(&bus.address(), true).await;
    radio.next("status0 true 0 Some(\"hci0\")").await;
    // Not even a bus that is gone keeps the radio from stopping.
    bus.kill();
    radio.stop().await;
}
