//! The radio: what drives it, what bluetoothd lets it do, and what bluetoothd does besides.

use super::Patient;
use super::bluetoothd::{le_only, monitor, strangers, version};
use super::bluez::{Adapter, Bluez};
use super::daemon::Asked;
use super::finding::Finding;
use super::root::Root;
use super::watch::{self, watch};
use crate::config::gateway::{Adapters, Driver};
use crate::radio::live;

/// The checks of this group.
pub(super) async fn examine(patient: &Patient) -> Vec<Finding> {
    let Patient { root, bluez, daemon, .. } = patient;
    let gateway = patient.loaded.gateway.as_ref();
    let scans = gateway.is_none_or(|gateway| gateway.scans);
    let (driver, reason) = if scans {
        live::choose(gateway.map_or(Driver::Auto, |gateway| gateway.radio.driver))
    } else {
        ("none", "this Pi does not scan")
    };
    let mut findings = vec![Finding::ok("driver", format!("{driver}: {reason}"))];
    if driver == "none" {
        return findings;
    }
    let wanted = match gateway.map(|gateway| &gateway.radio.adapters) {
        Some(Adapters::Named(names)) => names.iter().map(|name| Some(&**name)).collect(),
        Some(Adapters::First | Adapters::All) | None => vec![None],
    };
    let find = |wanted: Option<&str>| {
        bluez.adapters().iter().find(|adapter| wanted.is_none_or(|wanted| wanted == adapter.name))
    };
    // Several sticks are mostly of one make: the chip of the first that is there stands for all.
    let adapter = wanted.iter().find_map(|wanted| find(*wanted));
    let is_passive = driver == "bluez" && adapter.is_some_and(|adapter| adapter.has_monitor);
    let (version, filter) = tokio::join!(version(root), filter(adapter, is_passive));
    let is_running = matches!(daemon, Asked::Running(_));
    findings.extend(wanted.iter().map(|wanted| state(root, bluez, *wanted, find(*wanted), is_running)));
    findings.extend([version, monitor(root, adapter), le_only(root, driver), filter, strangers(root)]);
    findings
}

/// Whether there is an adapter that listens, or why there is none.
fn state(root: &Root, bluez: &Bluez, wanted: Option<&str>, adapter: Option<&Adapter>, is_running: bool) -> Finding {
    const CHECK: &str = "adapter";
    let adapters = match bluez {
        Bluez::Answers(adapters) => adapters,
        Bluez::Elsewhere => return Finding::unknown(CHECK, "only BlueZ on Linux can be asked"),
        Bluez::NoBus(error) => {
            let what = format!("the system's D-Bus, over which BlueZ is asked, is not reached: {error}");
            return Finding::fail(CHECK, what, "sudo systemctl start dbus");
        }
        Bluez::Absent => {
            let what = "bluetoothd does not run";
            return Finding::fail(CHECK, what, "sudo apt install bluez && sudo systemctl enable --now bluetooth");
        }
        Bluez::Denied => {
            let what = "D-Bus does not let this user speak to BlueZ";
            return Finding::fail(
                CHECK,
                what,
                "sudo systemctl reload dbus, then restart emma; installed by hand: deploy/by-hand.md, step 2",
            );
        }
        Bluez::Mute(error) => {
            let what = format!("bluetoothd does not answer as it should: {error}");
            return Finding::fail(CHECK, what, "sudo systemctl restart bluetooth");
        }
    };
    let Some(adapter) = adapter else {
        return missing(root, adapters, wanted);
    };
    let name = &adapter.name;
    match (adapter.powered, blocked(root, name), is_running) {
        (true, _, _) => Finding::ok(CHECK, format!("{name} is there and switched on")),
        (false, Some(Block::Soft), _) => {
            Finding::fail(CHECK, format!("{name} is blocked by a setting"), "sudo rfkill unblock bluetooth")
        }
        (false, Some(Block::Hard), _) => {
            Finding::fail(CHECK, format!("{name} is blocked by a switch"), "turn on the switch of the machine")
        }
        (false, None, true) => {
            let what = format!("{name} is switched off, though Emma runs and switches it on");
            Finding::fail(
                CHECK,
                what,
                "bluetoothctl power on; if it fails, unplug and replug a stick, or restart the Pi",
            )
        }
        (false, None, false) => {
            Finding::note(CHECK, format!("{name} is switched off; Emma switches it on when she runs"))
        }
    }
}

fn missing(root: &Root, adapters: &[Adapter], wanted: Option<&str>) -> Finding {
    const CHECK: &str = "adapter";
    let names: Vec<&str> = adapters.iter().map(|adapter| adapter.name.as_str()).collect();
    match (wanted, names.is_empty(), root.names("sys/class/bluetooth").is_ok_and(|names| !names.is_empty())) {
        (Some(wanted), false, _) => {
            let what = format!("there is no {wanted}; BlueZ has {}", names.join(", "));
            Finding::fail(CHECK, what, "correct `adapter` in gateway.toml, or plug that one in")
        }
        (_, _, true) => {
            Finding::fail(CHECK, "the kernel has an adapter, BlueZ has none", "sudo systemctl restart bluetooth")
        }
        _ => Finding::fail(
            CHECK,
            "there is no Bluetooth adapter",
            "plug one in; a Pi's own is off where /boot/firmware/config.txt says dtoverlay=disable-bt",
        ),
    }
}

/// How the kernel keeps an adapter off (rfkill).
enum Block {
    Soft,
    Hard,
}

fn blocked(root: &Root, adapter: &str) -> Option<Block> {
    let switches = root.names("sys/class/rfkill").ok()?;
    let mut folders = switches.iter().map(|switch| format!("sys/class/rfkill/{switch}"));
    let folder = folders.find(|folder| root.line(&format!("{folder}/name")).as_deref() == Some(adapter))?;
    let is_on = |file: &str| root.line(&format!("{folder}/{file}")).as_deref() == Some("1");
    match (is_on("hard"), is_on("soft")) {
        (true, _) => Some(Block::Hard),
        (false, true) => Some(Block::Soft),
        (false, false) => None,
    }
}

async fn filter(adapter: Option<&Adapter>, is_passive: bool) -> Finding {
    match adapter {
        None => Finding::unknown(watch::CHECK, "without an adapter there is nothing to watch"),
        Some(_) if is_passive => {
            Finding::ok(watch::CHECK, "not watched: a monitor makes the kernel switch the chip's filter off")
        }
        Some(adapter) if !adapter.powered => {
            Finding::unknown(watch::CHECK, "an adapter that is switched off hears nothing")
                .advise("ask again while Emma runs")
        }
        Some(adapter) => watch(&adapter.name).await,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::super::root::tests::fake;
    use super::*;

    fn hci0(powered: bool) -> Bluez {
        Bluez::Answers(vec![Adapter { name: "hci0".to_owned(), powered, has_monitor: true }])
    }

    fn found(root: &Root, bluez: &Bluez, wanted: Option<&str>, is_running: bool) -> Finding {
        let adapter = bluez.adapters().iter().find(|adapter| wanted.is_none_or(|wanted| wanted == adapter.name));
        state(root, bluez, wanted, adapter, is_running)
    }

    #[test]
    fn an_adapter_that_is_off_is_judged_by_who_should_switch_it_on() {
        let (_dir, root) = fake(&[]);
        let verdict = |powered, is_running| found(&root, &hci0(powered), None, is_running).verdict;
        assert_eq!([verdict(true, false), verdict(true, true)], [Verdict::Ok, Verdict::Ok]);
        assert_eq!([verdict(false, false), verdict(false, true)], [Verdict::Note, Verdict::Fail]);
    }

    #[test]
    fn a_switch_that_keeps_it_off_is_named() {
        let switch = |soft, hard| {
            fake(&[
                ("sys/class/rfkill/rfkill0/name", "phy0\n"),
                ("sys/class/rfkill/rfkill1/name", "hci0\n"),
                ("sys/class/rfkill/rfkill1/soft", soft),
                ("sys/class/rfkill/rfkill1/hard", hard),
            ])
        };
        let (_dir, root) = switch("1\n", "0\n");
        assert!(found(&root, &hci0(false), None, false).to_do.contains("rfkill unblock"));
        let (_dir, root) = switch("0\n", "1\n");
        assert!(found(&root, &hci0(false), None, false).what.contains("switch"));
        let (_dir, root) = switch("0\n", "0\n");
        assert_eq!(found(&root, &hci0(false), None, false).verdict, Verdict::Note);
    }

    #[test]
    fn whoever_keeps_the_adapter_away_is_named() {
        let (_dir, root) = fake(&[("sys/class/bluetooth/hci0/uevent", "")]);
        for (bluez, wanted, word) in [
            (Bluez::NoBus("no such file".to_owned()), None, "D-Bus"),
            (Bluez::Absent, None, "bluetoothd does not run"),
            (Bluez::Denied, None, "let this user"),
            (Bluez::Mute("no answer within 3 s".to_owned()), None, "does not answer"),
            (Bluez::Answers(Vec::new()), None, "the kernel has an adapter"),
            (hci0(true), Some("hci1"), "no hci1; BlueZ has hci0"),
        ] {
            let found = found(&root, &bluez, wanted, false);
            assert_eq!(found.verdict, Verdict::Fail, "{word}");
            assert!(found.what.contains(word) && !found.to_do.is_empty(), "{}", found.what);
        }
        let (_dir, root) = fake(&[]);
        assert!(found(&root, &Bluez::Answers(Vec::new()), None, false).what.contains("no Bluetooth adapter"));
    }
}
