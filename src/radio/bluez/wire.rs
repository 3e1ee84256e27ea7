//! What bluetoothd says over D-Bus, as far as Emma reads it: names, paths, properties. Everything else is skipped.
//!
//! Documented in `BlueZ`'s `org.bluez.Adapter`, `org.bluez.Device` and `org.bluez.AdvertisementMonitor` (section 5 of its manual).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use zbus::Type;
use zbus::as_variant::Deserialize as Variant;

use crate::gateway::advertisement::{Address, AddressKind};
use crate::radio::{encode, formats};

pub(super) const BLUEZ: &str = "org.bluez";
pub(super) const ADAPTER: &str = "org.bluez.Adapter1";
pub(super) const DEVICE: &str = "org.bluez.Device1";
pub(super) const MONITOR: &str = "org.bluez.AdvertisementMonitor1";
pub(super) const MONITOR_MANAGER: &str = "org.bluez.AdvertisementMonitorManager1";
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
pub(super) const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
pub(super) const DBUS: &str = "org.freedesktop.DBus";
pub(super) const DBUS_PATH: &str = "/org/freedesktop/DBus";

/// Where adapters and devices are.
pub(super) const BLUEZ_PATH: &str = "/org/bluez/";

/// What stands behind a 16-bit UUID when it is written out (Core 5.4, Vol 3 Part B, 2.5.1).
const BASE_UUID: &str = "-0000-1000-8000-00805f9b34fb";

/// What `BlueZ` says instead of a signal strength that it does not have.
const RSSI_NOT_AVAILABLE: i16 = 127;

/// Properties of an adapter; what is not said has not changed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Type)]
#[zbus(signature = "a{sv}")]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Adapter {
    #[serde(deserialize_with = "variant")]
    pub(super) powered: Option<bool>,
    #[serde(deserialize_with = "variant")]
    pub(super) discovering: Option<bool>,
}

/// Properties of a device; what is not said has not changed. It has no `Debug`: it is what somebody transmits.
#[derive(Default, Deserialize, Type)]
#[zbus(signature = "a{sv}")]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Device<'a> {
    #[serde(deserialize_with = "variant", borrow)]
    address_type: Option<&'a str>,
    #[serde(rename = "RSSI", deserialize_with = "variant")]
    rssi_dbm: Option<i16>,
    #[serde(deserialize_with = "variant", borrow)]
    manufacturer_data: Option<BTreeMap<u16, Variant<'a, &'a [u8]>>>,
    #[serde(deserialize_with = "variant", borrow)]
    service_data: Option<BTreeMap<&'a str, Variant<'a, &'a [u8]>>>,
}

impl Device<'_> {
    /// How its address was chosen, if that is said.
    pub(super) fn kind(&self) -> Option<AddressKind> {
        self.address_type.map(|kind| if kind == "public" { AddressKind::Public } else { AddressKind::Random })
    }

    /// Its strength in dBm, if `BlueZ` knows it; where nothing is said of it, that of `before`.
    pub(super) fn rssi_dbm(&self, before: Option<i8>) -> Option<i8> {
        let known = |rssi_dbm: i16| i8::try_from(rssi_dbm).ok().filter(|_| rssi_dbm != RSSI_NOT_AVAILABLE);
        self.rssi_dbm.map_or(before, known)
    }

    /// Whether it says how strongly it was heard.
    pub(super) fn has_strength(&self) -> bool {
        self.rssi_dbm.is_some()
    }

    /// Whether it says what it advertised.
    pub(super) fn advertises(&self) -> bool {
        self.manufacturer_data.is_some() || self.service_data.is_some()
    }

    /// Whether anything of what it advertised may be of a format in use.
    pub(super) fn is_in_use(&self) -> bool {
        let manufacturer = self.manufacturer();
        manufacturer.into_iter().any(|(company, data)| formats::in_use(0xff, company, data))
            || self.service().any(|(uuid, data)| formats::in_use(0x16, uuid, data))
    }

    /// What it advertised as AD structures, in one order.
    pub(super) fn payload(&self) -> Vec<u8> {
        encode::from_maps(self.manufacturer(), self.service())
    }

    fn manufacturer(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.manufacturer_data.iter().flatten().map(|(company, data)| (*company, data.0))
    }

    fn service(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.service_data.iter().flatten().filter_map(|(uuid, data)| Some((short_uuid(uuid)?, data.0)))
    }
}

/// The interfaces of an object, with their properties.
#[derive(Default, Deserialize, Type)]
#[zbus(signature = "a{sa{sv}}")]
#[serde(default)]
pub(super) struct Interfaces<'a> {
    #[serde(rename = "org.bluez.Adapter1", deserialize_with = "there")]
    pub(super) adapter: Option<Adapter>,
    #[serde(rename = "org.bluez.Device1", deserialize_with = "there", borrow)]
    pub(super) device: Option<Device<'a>>,
}

/// The adapter among the interfaces of an object; the rest is skipped, whatever it is.
#[derive(Default, Deserialize, Type)]
#[zbus(signature = "a{sa{sv}}")]
#[serde(default)]
pub(super) struct AdapterAlone {
    #[serde(rename = "org.bluez.Adapter1", deserialize_with = "there")]
    pub(super) adapter: Option<Adapter>,
}

fn variant<'de, T: Type + Deserialize<'de> + 'de, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    Variant::deserialize(value).map(|value| Some(value.0))
}

fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// The 16-bit UUID that is written out as `uuid`.
fn short_uuid(uuid: &str) -> Option<u16> {
    let (head, tail) = uuid.split_at_checked(8)?;
    let short = head.strip_prefix("0000").filter(|_| tail.eq_ignore_ascii_case(BASE_UUID))?;
    u16::from_str_radix(short, 16).ok()
}

/// The object path of the adapter `name`.
pub(super) fn adapter_path(name: &str) -> String {
    format!("{BLUEZ_PATH}{name}")
}

/// The adapter whose object path that is.
pub(super) fn adapter_of(path: &str) -> Option<&str> {
    path.strip_prefix(BLUEZ_PATH).filter(|name| !name.is_empty() && !name.contains('/'))
}

/// The adapter and the address of the device whose object path that is: `/org/bluez/hci0/dev_C0_FF_EE_00_00_01`.
pub(super) fn device_of(path: &str) -> Option<(&str, [u8; 6])> {
    let (adapter, device) = path.strip_prefix(BLUEZ_PATH)?.split_once('/')?;
    let mut digits = device.strip_prefix("dev_")?.split('_');
    let mut bytes = [0; 6];
    for byte in &mut bytes {
        *byte = digits.next().filter(|pair| pair.len() == 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())?;
    }
    digits.next().is_none().then_some((adapter, bytes))
}

/// The address, of a kind that is known or else random, as most are.
pub(super) fn address(bytes: [u8; 6], kind: Option<AddressKind>) -> Address {
    Address { bytes, kind: kind.unwrap_or(AddressKind::Random) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use zbus::wire::serialized::Context;
    use zbus::wire::{LE, to_bytes};

    use super::*;

    #[test]
    fn a_devices_path_holds_its_address() {
        assert_eq!(device_of("/org/bluez/hci1/dev_C0_FF_EE_00_00_01"), Some(("hci1", [0xc0, 0xff, 0xee, 0, 0, 1])));
        for other in ["/org/bluez/hci1", "/org/bluez/hci1/dev_C0_FF", "/org/bluez/hci1/dev_C0_FF_EE_00_00_01/sep1", "/"]
        {
            assert_eq!(device_of(other), None, "{other}");
        }
        assert_eq!(adapter_of("/org/bluez/hci1"), Some("hci1"));
        assert_eq!(adapter_of("/org/bluez/hci1/dev_C0_FF_EE_00_00_01"), None);
    }

    #[test]
    fn only_uuids_of_the_base_are_short() {
        assert_eq!(short_uuid("0000feaa-0000-1000-8000-00805f9b34fb"), Some(0xfeaa));
        assert_eq!(short_uuid("0000FEAA-0000-1000-8000-00805F9B34FB"), Some(0xfeaa));
        assert_eq!(short_uuid("f7826da6-4fa2-4e98-8024-bc5b71e0893e"), None);
        assert_eq!(short_uuid("feaa"), None);
    }

    #[test]
    fn what_is_not_read_is_skipped_and_what_is_of_the_wrong_type_refused() {
        let context = Context::new(LE, 0);
        let read = |properties: &HashMap<&str, zbus::Variant<'_>>| {
            let bytes = to_bytes(context, properties).unwrap();
            let device = bytes.deserialize::<Device<'_>>();
            device.map(|(device, _)| (device.rssi_dbm(Some(-1)), device.payload())).ok()
        };
        let ibeacon = HashMap::from([(0x004c_u16, zbus::Variant::from(vec![0x02_u8, 0x15]))]);
        let mut properties = HashMap::from([
            ("RSSI", zbus::Variant::from(-60_i16)),
            ("Alias", zbus::Variant::from("C0-FF-EE")),
            ("UUIDs", zbus::Variant::from(vec!["a", "b"])),
            ("ManufacturerData", zbus::Variant::from(ibeacon)),
        ]);
        assert_eq!(read(&properties), Some((Some(-60), vec![5, 0xff, 0x4c, 0, 2, 0x15])));
        properties.insert("RSSI", zbus::Variant::from(127_i16));
        assert_eq!(read(&properties).unwrap().0, None);
        properties.insert("RSSI", zbus::Variant::from("loud"));
        assert_eq!(read(&properties), None);
    }
}
