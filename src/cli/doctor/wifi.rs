//! 2.4 GHz Wi-Fi on the chip that also listens for Bluetooth: each suffers from the other (raspberrypi/linux#3727).

use std::path::{Component, Path};

use super::finding::Finding;
use super::root::Root;

const CHECK: &str = "wifi";

/// A cable leaves the antenna to Bluetooth.
const MEND: &str = "use a cable, a 5 GHz network, or a USB Bluetooth adapter";

pub(super) async fn check(root: &Root) -> Finding {
    let Ok(interfaces) = root.names("sys/class/net") else {
        return Finding::unknown(CHECK, "/sys does not tell which networks there are");
    };
    let Some(interface) = shared(root, interfaces) else {
        return Finding::ok(CHECK, "none shares a chip with Bluetooth here");
    };
    if root.line(&format!("sys/class/net/{interface}/operstate")).as_deref() != Some("up") {
        return Finding::ok(CHECK, format!("{interface} is on Bluetooth's chip, and is not in use"));
    }
    let Some(link) = root.ask("iw", &["dev", &interface, "link"]).await else {
        let what =
            format!("{interface} is on Bluetooth's chip and in use; its band cannot be read without the program iw");
        return Finding::unknown(CHECK, what).advise(format!("sudo apt install iw; if it is 2.4 GHz: {MEND}"));
    };
    match frequency_mhz(&link) {
        Some(mhz @ 2_400..2_500) => {
            let what = format!("{interface} is on Bluetooth's chip and at {mhz} MHz: each takes time from the other");
            Finding::warn(CHECK, what, MEND)
        }
        Some(mhz) => Finding::ok(CHECK, format!("{interface} is on Bluetooth's chip, but at {mhz} MHz")),
        None => Finding::ok(CHECK, format!("{interface} is on Bluetooth's chip, and joined to no network")),
    }
}

/// A wireless one of `interfaces` that shares its chip with an adapter, if there is one.
fn shared(root: &Root, interfaces: Vec<String>) -> Option<String> {
    let adapters = root.names("sys/class/bluetooth").unwrap_or_default();
    let homes: Vec<_> =
        adapters.iter().filter_map(|adapter| root.resolved(&format!("sys/class/bluetooth/{adapter}"))).collect();
    interfaces.into_iter().find(|interface| {
        let folder = format!("sys/class/net/{interface}");
        let is_wireless = root.at(&folder).join("phy80211").exists() || root.at(&folder).join("wireless").exists();
        is_wireless && homes.iter().any(|home| share_a_chip(root, &folder, home))
    })
}

fn share_a_chip(root: &Root, interface: &str, adapter: &Path) -> bool {
    // A Pi's own chip is one for both: Wi-Fi by brcmfmac over SDIO, Bluetooth over a serial line.
    let driver = root.resolved(&format!("{interface}/device/driver"));
    let is_the_pi_s = driver.is_some_and(|driver| driver.ends_with("brcmfmac"));
    let is_serial = adapter.components().any(|part| name(&part).starts_with("serial"));
    if is_the_pi_s && is_serial {
        return true;
    }
    // A USB stick that does both is one device with several interfaces.
    let wifi = root.resolved(&format!("{interface}/device"));
    wifi.as_deref().and_then(usb_device).is_some_and(|device| usb_device(adapter) == Some(device))
}

/// The USB device that something belongs to: `1-1.2` of `…/usb1/1-1/1-1.2/1-1.2:1.0/…`.
fn usb_device(path: &Path) -> Option<String> {
    let parts = path.components().map(|part| name(&part).into_owned());
    parts
        .filter_map(|part| part.split_once(':').map(|(device, _)| device.to_owned()))
        .rfind(|device| device.contains('-') && device.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '.')))
}

fn name<'a>(part: &'a Component<'_>) -> std::borrow::Cow<'a, str> {
    part.as_os_str().to_string_lossy()
}

/// The line `freq: 2437` (or `2437.0`) of `iw dev … link`.
fn frequency_mhz(link: &str) -> Option<u32> {
    let value = link.lines().find_map(|line| line.trim().strip_prefix("freq:"))?;
    value.trim().split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::super::root::tests::{fake, program};
    use super::*;

    const PI: [(&str, &str); 7] = [
        ("sys/devices/soc/fe201000.serial/serial0/bluetooth/hci0/uevent", ""),
        ("sys/class/bluetooth/hci0", "->../../devices/soc/fe201000.serial/serial0/bluetooth/hci0"),
        ("sys/bus/sdio/drivers/brcmfmac/bind", ""),
        ("sys/devices/soc/mmc1/driver", "->../../../bus/sdio/drivers/brcmfmac"),
        ("sys/class/net/wlan0/device", "->../../../devices/soc/mmc1"),
        ("sys/class/net/wlan0/phy80211/index", "0"),
        ("sys/class/net/wlan0/operstate", "up\n"),
    ];

    #[tokio::test]
    async fn the_pi_s_own_wifi_suffers_at_2_4_ghz_alone() {
        let (dir, root) = fake(&PI);
        assert_eq!(check(&root).await.verdict, Verdict::Unknown, "there is no iw");
        for (printed, verdict) in [
            ("Connected to 02:00:00:00:00:01 (on wlan0)\n\tSSID: Shop\n\tfreq: 2437\n", Verdict::Warn),
            ("Connected to 02:00:00:00:00:01 (on wlan0)\n\tfreq: 2412.0\n", Verdict::Warn),
            ("Connected to 02:00:00:00:00:01 (on wlan0)\n\tfreq: 5180\n", Verdict::Ok),
            ("Not connected.", Verdict::Ok),
        ] {
            program(dir.path(), "usr/sbin/iw", printed);
            let found = check(&root).await;
            assert_eq!(found.verdict, verdict, "{printed}");
            assert!(!found.what.contains("Shop"), "{}", found.what);
        }
    }

    #[tokio::test]
    async fn a_radio_of_its_own_shares_nothing() {
        let (_dir, root) = fake(&[
            ("sys/devices/usb1/1-1/1-1:1.0/bluetooth/hci0/uevent", ""),
            ("sys/class/bluetooth/hci0", "->../../devices/usb1/1-1/1-1:1.0/bluetooth/hci0"),
            ("sys/devices/usb1/1-2/1-2:1.2/modalias", ""),
            ("sys/class/net/wlan0/device", "->../../../devices/usb1/1-2/1-2:1.2"),
            ("sys/class/net/wlan0/phy80211/index", "0"),
        ]);
        assert!(check(&root).await.what.starts_with("none shares"));
    }

    #[test]
    fn a_stick_that_does_both_is_one_chip() {
        let device = |path: &str| usb_device(Path::new(path));
        assert_eq!(device("/sys/devices/pci0000:00/usb1/1-1/1-1.2/1-1.2:1.0/bluetooth/hci0").as_deref(), Some("1-1.2"));
        assert_eq!(device("/sys/devices/pci0000:00/usb1/1-1/1-1.2/1-1.2:1.2").as_deref(), Some("1-1.2"));
        assert_eq!(device("/sys/devices/pci0000:00/0000:00:14.3/net"), None);
    }
}
