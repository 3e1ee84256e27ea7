//! What the stand-in bluetoothd says of devices: one transmission as properties, and whether a monitor's patterns are in it.

use std::collections::BTreeMap;

use zbus::{ObjectPath, Variant};

pub(crate) type Properties = BTreeMap<&'static str, Variant<'static>>;

/// Offset, AD type and bytes, as a monitor asks for them.
pub(crate) type Patterns = Vec<(u8, u8, Vec<u8>)>;

/// One transmission of a device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Most significant byte first.
    pub(crate) address: [u8; 6],
    /// Public rather than random.
    pub(crate) public: bool,
    /// In dBm; 127 is "not available".
    pub(crate) rssi_dbm: i16,
    /// By company identifier.
    pub(crate) manufacturer: Vec<(u16, Vec<u8>)>,
    /// By UUID, in full.
    pub(crate) service: Vec<(&'static str, Vec<u8>)>,
    /// What it calls itself; empty if it does not.
    pub(crate) name: String,
}

impl Report {
    /// All properties of its device on that adapter.
    pub(crate) fn device(&self, adapter_path: &str) -> Properties {
        let mut properties = self.advertised();
        properties.extend([
            ("Address", Variant::from(printed(self.address, ":"))),
            ("AddressType", Variant::from(if self.public { "public" } else { "random" })),
            ("Alias", Variant::from(printed(self.address, "-"))),
            ("Adapter", Variant::from(ObjectPath::try_from(adapter_path.to_owned()).unwrap())),
        ]);
        for no in ["Paired", "Trusted", "Blocked", "LegacyPairing", "Connected", "ServicesResolved"] {
            properties.insert(no, Variant::from(false));
        }
        properties
    }

    /// What it says itself; a map that it does not carry is left out.
    pub(crate) fn advertised(&self) -> Properties {
        let mut properties = self.data();
        properties.insert("RSSI", Variant::from(self.rssi_dbm));
        properties
    }

    /// What a monitor alone makes known, after `before`: strengths that moved by 8 dB or more, and data that is new.
    pub(crate) fn news(&self, before: &Self) -> Properties {
        let mut properties = Properties::new();
        if self.rssi_dbm.abs_diff(before.rssi_dbm) >= 8 {
            properties.insert("RSSI", Variant::from(self.rssi_dbm));
        }
        let known = before.data();
        properties.extend(self.data().into_iter().filter(|(name, data)| known.get(name) != Some(data)));
        properties
    }

    fn data(&self) -> Properties {
        let mut properties = Properties::new();
        if !self.name.is_empty() {
            properties.insert("Name", Variant::from(self.name.clone()));
        }
        if !self.manufacturer.is_empty() {
            let data = self.manufacturer.iter().map(|(company, data)| (*company, Variant::from(data.clone())));
            properties.insert("ManufacturerData", Variant::from(data.collect::<BTreeMap<_, _>>()));
        }
        if !self.service.is_empty() {
            let data = self.service.iter().map(|(uuid, data)| (*uuid, Variant::from(data.clone())));
            properties.insert("ServiceData", Variant::from(data.collect::<BTreeMap<_, _>>()));
        }
        properties
    }

    /// Whether any of the patterns is in it.
    pub(crate) fn matches(&self, patterns: &Patterns) -> bool {
        let manufacturer = self.manufacturer.iter().map(|(company, data)| (0xff, *company, data));
        let service =
            self.service.iter().map(|(uuid, data)| (0x16, u16::from_str_radix(&uuid[4..8], 16).unwrap(), data));
        let structures: Vec<(u8, Vec<u8>)> =
            manufacturer.chain(service).map(|(ad, id, data)| (ad, [&id.to_le_bytes()[..], data].concat())).collect();
        patterns.iter().any(|(offset, ad, bytes)| {
            structures
                .iter()
                .any(|(of, data)| of == ad && data.get(usize::from(*offset)..).is_some_and(|at| at.starts_with(bytes)))
        })
    }

    /// The object path of its device.
    pub(crate) fn path(&self, adapter_path: &str) -> String {
        device_path(adapter_path, self.address)
    }
}

pub(crate) fn device_path(adapter_path: &str, address: [u8; 6]) -> String {
    format!("{adapter_path}/dev_{}", printed(address, "_"))
}

fn printed(address: [u8; 6], between: &str) -> String {
    address.map(|byte| format!("{byte:02X}")).join(between)
}
