//! `ESPresense` on an ESP32 (<https://espresense.com>): `espresense/devices/{id}/{room}`, one JSON object a device every few
//! seconds.
//!
//! | field | what becomes of it |
//! |---|---|
//! | the topic's last level | the scanner's name: the room |
//! | `mac` | the address, 12 hex digits, random, since it does not say which are public |
//! | `rssi` | the strength: a median over the last readings, less the scanner's own adjustment, with a fraction |
//! | `id` `iBeacon:{uuid}-{major}-{minor}` | an iBeacon; its measured power is `rssi@1m` |
//! | `id` `altBeacon:{id1}-{id2}-{id3}` | an `AltBeacon` of the company 0xbeac, the only one that it takes for one |
//! | `id` `eddy:{namespace}-{instance}` | an Eddystone-UID; its power at 0 m is `rssi@1m` and 41 dB |
//! | any other `id`, an alias among them | an address without bytes |
//!
//! It prints the fifth byte of a namespace twice, so that 22 digits with that byte twice are the 20 that were meant. A
//! calibration in its settings takes the place of the frame's own measured power; that is what it is for. Time: none; each
//! message is sent when something was heard.

use serde::Deserialize;

use super::{Flaw, Parsed, fields};
use crate::gateway::advertisement::{Address, AddressKind};
use crate::radio::encode;

/// What an Eddystone loses over the first metre, in dB (eddystone-uid, "Tx Power").
const LOSS_TO_1M_DB: i8 = 41;

/// The company under which it looks for an `AltBeacon`.
const ALTBEACON_COMPANY: u16 = 0xbeac;

/// The message; fields that are not named here are ignored.
#[derive(Deserialize)]
struct Message {
    mac: Option<String>,
    id: Option<String>,
    rssi: Option<f64>,
    #[serde(rename = "rssi@1m")]
    rssi_at_1m: Option<f64>,
}

/// The last level of `…/devices/{id}/{room}`.
pub(super) fn scanner(topic: &str) -> Option<&str> {
    let mut levels = topic.rsplit('/');
    let (room, _, devices) = (levels.next()?, levels.next()?, levels.next()?);
    (devices == "devices").then_some(room)
}

pub(super) fn parse(topic: &str, payload: &[u8]) -> Result<Parsed, Flaw> {
    if scanner(topic).is_none() {
        return Err(Flaw::NotAnAdvertisement);
    }
    let message: Message = fields::object(payload)?;
    let rssi_dbm = fields::rssi_dbm(message.rssi.ok_or(Flaw::NotAnAdvertisement)?)?;
    let bytes = fields::address(message.mac.as_deref().ok_or(Flaw::Fields)?)?;
    let payload = beacon(message.id.as_deref().ok_or(Flaw::Fields)?, message.rssi_at_1m)?;
    Ok(Parsed { address: Address { bytes, kind: AddressKind::Random }, payload, rssi_dbm, lag_us: 0 })
}

/// The frame that `id` stands for; nothing if it is no beacon's, a flaw if it is half of one.
fn beacon(id: &str, rssi_at_1m: Option<f64>) -> Result<Vec<u8>, Flaw> {
    let Some((kind, rest)) = id.split_once(':') else { return Ok(Vec::new()) };
    let power_dbm = || rssi_at_1m.and_then(fields::decibel).ok_or(Flaw::Fields);
    match kind {
        "iBeacon" => {
            let (uuid, major, minor) = numbered(rest).ok_or(Flaw::Fields)?;
            Ok(encode::ibeacon(&uuid, major, minor, power_dbm()?))
        }
        "altBeacon" => {
            let (id1, id2, id3) = numbered(rest).ok_or(Flaw::Fields)?;
            Ok(encode::altbeacon(ALTBEACON_COMPANY, &id1, id2, id3, power_dbm()?))
        }
        "eddy" => {
            let (namespace, instance) = rest.split_once('-').ok_or(Flaw::Fields)?;
            let (namespace, instance) = (namespace10(namespace), fields::exactly(instance));
            let (Some(namespace), Some(instance)) = (namespace, instance) else { return Err(Flaw::Fields) };
            Ok(encode::eddystone_uid(&namespace, &instance, power_dbm()?.saturating_add(LOSS_TO_1M_DB)))
        }
        _ => Ok(Vec::new()),
    }
}

/// `{uuid}-{major}-{minor}`; the UUID has dashes of its own.
fn numbered(text: &str) -> Option<([u8; 16], u16, u16)> {
    let (rest, minor) = text.rsplit_once('-')?;
    let (uuid, major) = rest.rsplit_once('-')?;
    Some((fields::exactly(uuid)?, major.parse().ok()?, minor.parse().ok()?))
}

/// Ten bytes, or eleven of which the fifth is there twice.
fn namespace10(text: &str) -> Option<[u8; 10]> {
    if text.len() == 22 {
        let (head, rest) = text.split_at_checked(10)?;
        let fifth = head.get(8..)?;
        return fields::exactly(&format!("{head}{}", rest.strip_prefix(fifth)?));
    }
    fields::exactly(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::remote::Format;
    use crate::gateway::decode::{Frame, frames};

    /// A Blue Charm beacon, as `ESPresense` 4 reports it; its UUID is its maker's name.
    const IBEACON: &str = r#"{"mac":"dd8800003777","id":"iBeacon:426c7565-4368-6172-6d42-6561636f6e73-3838-4949","rssi@1m":-59,"rssi":-81.10,"rxAdj":0,"rssiVar":7.42,"distance":6.58,"var":4.00,"int":2028}"#;
    /// As version 2 reported a device without a beacon's format.
    const BARE: &str = r#"{"id":"bc7e8b2e9a71","idType":55,"rssi@1m":-71,"rssi":-95,"raw":4.85,"distance":5.18,"speed":-0.02,"mac":"bc7e8b2e9a71","interval":2800}"#;

    fn parse(message: &str) -> Result<Parsed, Flaw> {
        super::super::parse(Format::Espresense, "espresense/devices/some-id/kitchen", message.as_bytes())
    }

    fn frame_of(id: &str) -> Result<Vec<u8>, Flaw> {
        let old = "iBeacon:426c7565-4368-6172-6d42-6561636f6e73-3838-4949";
        parse(&IBEACON.replace(old, id)).map(|parsed| parsed.payload)
    }

    #[test]
    fn an_ibeacon_is_put_together_from_its_id() {
        let parsed = parse(IBEACON).unwrap();
        let uuid = *b"BlueCharmBeacons";
        let expected = Frame::IBeacon { uuid, major: 3_838, minor: 4_949, measured_power_dbm: -59 };
        assert!(frames(&parsed.payload).eq([expected]));
        assert_eq!((parsed.rssi_dbm, parsed.address.bytes), (-81, [0xdd, 0x88, 0x00, 0x00, 0x37, 0x77]));
    }

    #[test]
    fn an_altbeacon_and_an_eddystone_are_put_together_too() {
        let altbeacon = frame_of("altBeacon:426c7565-4368-6172-6d42-6561636f6e73-1-2").unwrap();
        assert!(matches!(
            frames(&altbeacon).next(),
            Some(Frame::AltBeacon { id2: 1, id3: 2, measured_power_dbm: -59, .. })
        ));
        let namespace = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        let instance = [0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6];
        for digits in ["0102030405060708090a", "010203040505060708090a"] {
            let eddystone = frame_of(&format!("eddy:{digits}-a1a2a3a4a5a6")).unwrap();
            assert!(frames(&eddystone).eq([Frame::EddystoneUid { namespace, instance, power_0m_dbm: -18 }]));
        }
    }

    #[test]
    fn any_other_id_is_an_address_without_bytes() {
        let parsed = parse(BARE).unwrap();
        assert_eq!((parsed.payload.len(), parsed.rssi_dbm, parsed.address.kind), (0, -95, AddressKind::Random));
        for id in ["keys", "apple:1005:9-12", "irk:0102", "iTag:dd8800003777", ""] {
            assert_eq!(frame_of(id), Ok(Vec::new()), "{id}");
        }
    }

    #[test]
    fn half_a_beacon_is_none() {
        for id in [
            "iBeacon:",
            "iBeacon:426c7565-1-2",
            "altBeacon:x-1-2",
            "eddy:01-02",
            "eddy:",
            "eddy:0102030405ff060708090a-a1a2a3a4a5a6",
        ] {
            assert_eq!(frame_of(id), Err(Flaw::Fields), "{id}");
        }
        assert_eq!(frame_of("iBeacon:426c7565-4368-6172-6d42-6561636f6e73-65536-1"), Err(Flaw::Fields));
        assert_eq!(parse(&IBEACON.replace("rssi@1m", "x")), Err(Flaw::Fields));
        assert_eq!(parse(&IBEACON.replace("-59,", "-590,")), Err(Flaw::Fields));
    }

    #[test]
    fn the_scanner_is_the_room_and_the_rest_of_the_tree_is_no_advertisement() {
        assert_eq!(scanner("espresense/devices/iBeacon:426c/kitchen"), Some("kitchen"));
        for topic in ["espresense/rooms/kitchen/telemetry", "espresense/rooms/kitchen/status", "kitchen", ""] {
            assert_eq!(scanner(topic), None, "{topic}");
            let parsed = super::super::parse(Format::Espresense, topic, IBEACON.as_bytes());
            assert_eq!(parsed, Err(Flaw::NotAnAdvertisement));
        }
        assert_eq!(parse(r#"{"mac":"dd8800003777","id":"x"}"#), Err(Flaw::NotAnAdvertisement));
    }
}
