//! Advertising data, built: for the simulated radio, for tests, and for drivers that hand over parsed maps only.
//!
//! Each function gives one AD structure (length, type, data); a payload is several, one after the other. A structure
//! holds at most 254 bytes of data (its length is one byte); what is longer gives nothing, for half a structure would
//! say something that was not sent. [`payload`] joins them within what a radio can send.

use crate::gateway::advertisement::MAX_PAYLOAD_LEN;
use crate::gateway::decode::ad::{MANUFACTURER_DATA, SERVICE_DATA_16};

/// The longest advertising data of a legacy advertisement (Core 5.4, Vol 6 Part B, 2.3.1), in bytes.
pub const LEGACY_PAYLOAD_LEN: usize = 31;

/// The longest of an extended one, in bytes.
pub const EXTENDED_PAYLOAD_LEN: usize = MAX_PAYLOAD_LEN;

/// The most data that a structure's one-byte length, less the type, leaves room for.
const MAX_DATA_LEN: usize = 254;

/// AD type of the flags (Assigned Numbers, 2.3).
const FLAGS: u8 = 0x01;

/// Eddystone's service UUID.
const EDDYSTONE: u16 = 0xfeaa;

/// Apple's company identifier.
const APPLE: u16 = 0x004c;

/// One AD structure, or nothing where `parts` do not fit into it.
fn structure(ad_type: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let data_len: usize = parts.iter().map(|part| part.len()).sum();
    if data_len > MAX_DATA_LEN {
        return None;
    }
    let mut bytes = Vec::with_capacity(data_len + 2);
    bytes.push(u8::try_from(data_len + 1).ok()?);
    bytes.push(ad_type);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Some(bytes)
}

/// A structure whose `parts` are known to fit.
fn short_structure(ad_type: u8, parts: &[&[u8]]) -> Vec<u8> {
    structure(ad_type, parts).unwrap_or_default()
}

/// The flags, such as 0x06 (general discoverable, no classic Bluetooth).
pub fn flags(flags: u8) -> Vec<u8> {
    short_structure(FLAGS, &[&[flags]])
}

/// Manufacturer specific data of `company`; nothing if `data` is longer than 252 bytes.
pub fn manufacturer_data(company: u16, data: &[u8]) -> Option<Vec<u8>> {
    structure(MANUFACTURER_DATA, &[&company.to_le_bytes(), data])
}

/// Service data of a 16-bit UUID; nothing if `data` is longer than 252 bytes.
pub fn service_data16(uuid: u16, data: &[u8]) -> Option<Vec<u8>> {
    structure(SERVICE_DATA_16, &[&uuid.to_le_bytes(), data])
}

/// An iBeacon; `measured_power_dbm` is at 1 m.
pub fn ibeacon(uuid: &[u8; 16], major: u16, minor: u16, measured_power_dbm: i8) -> Vec<u8> {
    let power = measured_power_dbm.to_be_bytes();
    let parts: [&[u8]; 6] =
        [&APPLE.to_le_bytes(), &[0x02, 0x15], uuid, &major.to_be_bytes(), &minor.to_be_bytes(), &power];
    short_structure(MANUFACTURER_DATA, &parts)
}

/// An `AltBeacon`; `measured_power_dbm` is at 1 m, and the manufacturer's own byte is 0.
pub fn altbeacon(company: u16, id1: &[u8; 16], id2: u16, id3: u16, measured_power_dbm: i8) -> Vec<u8> {
    let tail = [measured_power_dbm.cast_unsigned(), 0];
    let parts: [&[u8]; 6] = [&company.to_le_bytes(), &[0xbe, 0xac], id1, &id2.to_be_bytes(), &id3.to_be_bytes(), &tail];
    short_structure(MANUFACTURER_DATA, &parts)
}

/// An Eddystone frame of type `frame_type`.
fn eddystone(frame_type: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let (uuid, frame_type) = (EDDYSTONE.to_le_bytes(), [frame_type]);
    let mut all: Vec<&[u8]> = vec![&uuid, &frame_type];
    all.extend_from_slice(parts);
    structure(SERVICE_DATA_16, &all)
}

/// An Eddystone-UID with its two reserved bytes; `power_0m_dbm` is at 0 m.
pub fn eddystone_uid(namespace: &[u8; 10], instance: &[u8; 6], power_0m_dbm: i8) -> Vec<u8> {
    eddystone(0x00, &[&power_0m_dbm.to_be_bytes(), namespace, instance, &[0, 0]]).unwrap_or_default()
}

/// An Eddystone-URL, already encoded; nothing if `encoded` is longer than 249 bytes.
pub fn eddystone_url(scheme: u8, encoded: &[u8], power_0m_dbm: i8) -> Option<Vec<u8>> {
    eddystone(0x10, &[&power_0m_dbm.to_be_bytes(), &[scheme], encoded])
}

/// An Eddystone-TLM, version 0: millivolts, 1/256 degree Celsius, advertisements and tenths of a second since power-up.
pub fn eddystone_tlm(voltage_mv: u16, temperature_c256: i16, advertisements: u32, uptime_ds: u32) -> Vec<u8> {
    let (voltage, temperature) = (voltage_mv.to_be_bytes(), temperature_c256.to_be_bytes());
    let (count, uptime) = (advertisements.to_be_bytes(), uptime_ds.to_be_bytes());
    eddystone(0x20, &[&[0x00], &voltage, &temperature, &count, &uptime]).unwrap_or_default()
}

/// An Eddystone-EID; `power_0m_dbm` is at 0 m.
pub fn eddystone_eid(eid: &[u8; 8], power_0m_dbm: i8) -> Vec<u8> {
    eddystone(0x30, &[&power_0m_dbm.to_be_bytes(), eid]).unwrap_or_default()
}

/// The structures joined, as far as whole ones fit into `limit` bytes ([`LEGACY_PAYLOAD_LEN`] or
/// [`EXTENDED_PAYLOAD_LEN`]): the first that does not fit ends the payload.
pub fn payload<'a>(structures: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for structure in structures {
        if bytes.len() + structure.len() > limit.min(EXTENDED_PAYLOAD_LEN) {
            break;
        }
        bytes.extend_from_slice(structure);
    }
    bytes
}

/// Advertising data from what a driver hands over as maps: by company identifier and by 16-bit service UUID, in that order
/// and each in the order of its identifiers, so that the same report gives the same bytes.
pub fn from_maps<'a>(
    manufacturer: impl IntoIterator<Item = (u16, &'a [u8])>,
    service: impl IntoIterator<Item = (u16, &'a [u8])>,
) -> Vec<u8> {
    let sorted = |mut data: Vec<(u16, &'a [u8])>| {
        data.sort_unstable();
        data
    };
    let manufacturer = sorted(manufacturer.into_iter().collect()).into_iter();
    let service = sorted(service.into_iter().collect()).into_iter();
    let structures: Vec<_> = manufacturer
        .filter_map(|(company, data)| manufacturer_data(company, data))
        .chain(service.filter_map(|(uuid, data)| service_data16(uuid, data)))
        .collect();
    payload(structures.iter().map(Vec::as_slice), EXTENDED_PAYLOAD_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::decode::{Frame, frames};

    #[test]
    fn a_beacon_and_its_flags_fill_a_legacy_payload() {
        let (flags, beacon) = (flags(0x06), ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59));
        assert_eq!(payload([&*flags, &*beacon], LEGACY_PAYLOAD_LEN).len(), 30);
        let too_long = [&*flags, &*beacon, &*flags];
        assert_eq!(payload(too_long, LEGACY_PAYLOAD_LEN).len(), 30);
        assert_eq!(payload(too_long, EXTENDED_PAYLOAD_LEN).len(), 33);
    }

    #[test]
    fn what_does_not_fit_into_a_structure_gives_nothing() {
        assert!(manufacturer_data(APPLE, &[0; 252]).is_some());
        assert_eq!(manufacturer_data(APPLE, &[0; 253]), None);
        assert_eq!(service_data16(EDDYSTONE, &[0; 253]), None);
        assert_eq!(eddystone_url(0, &[b'a'; 250], -18), None);
    }

    #[test]
    fn maps_become_structures_in_one_order() {
        let manufacturer: [(u16, &[u8]); 3] = [(0x0118, &[2]), (0x004c, &[1]), (0x0059, &[0; 253])];
        let service: [(u16, &[u8]); 1] = [(EDDYSTONE, &[0])];
        let expected = [4, 0xff, 0x4c, 0x00, 1, 4, 0xff, 0x18, 0x01, 2, 4, 0x16, 0xaa, 0xfe, 0];
        assert_eq!(from_maps(manufacturer, service), expected);
    }

    #[test]
    fn parsed_maps_become_what_was_on_air() {
        let mut data = vec![0x02, 0x15];
        data.extend_from_slice(b"ABCDEFGHIJKLMNOP\x00\x01\x00\x02\xc5");
        assert_eq!(manufacturer_data(APPLE, &data), Some(ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59)));
        let telemetry = eddystone_tlm(2950, 21 * 256, 7, 9);
        assert!(matches!(frames(&telemetry).next(), Some(Frame::EddystoneTlm { voltage_mv: 2950, .. })));
    }
}
