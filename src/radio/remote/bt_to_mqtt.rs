//! The message that `OpenMQTTGateway` and Theengs Gateway have in common: `…/{scanner}/BTtoMQTT/{address}`, one JSON object
//! an advertisement. What differs stands in their own files.
//!
//! | field | what becomes of it |
//! |---|---|
//! | `id`, `mac` | the address; `mac` where both are there, since `id` may be an iBeacon's UUID |
//! | `rssi` | the strength; a message without it reports something else |
//! | `manufacturerdata` | hex, company identifier first: manufacturer data, as on air |
//! | `servicedata`, `servicedatauuid` | hex without the UUID: service data, where the UUID is there and has 16 bits |
//! | `mfid` = `4c00`, `uuid`, `major`, `minor`, and `txpower`, `power` or `volt` | an iBeacon that the decoder took apart |
//!
//! The decoder (<https://decoder.theengs.io>) takes major and minor for signed numbers, so that they may be negative. An
//! iBeacon's last byte is told as `txpower`, or as `power` by older ones; where it is positive it is taken for a battery and
//! told as `volt`, in tenths. `AltBeacon` and Eddystone are not taken apart: they come as bytes, or not at all.

use serde::Deserialize;

use super::{Flaw, fields};
use crate::radio::encode;

/// The company identifier of an iBeacon, Apple's, as on air.
const APPLE: &str = "4c00";

/// The message; fields that are not named here are ignored.
#[derive(Deserialize)]
pub(super) struct Message {
    id: Option<String>,
    mac: Option<String>,
    pub(super) mac_type: Option<u8>,
    rssi: Option<f64>,
    manufacturerdata: Option<String>,
    servicedata: Option<String>,
    servicedatauuid: Option<String>,
    mfid: Option<String>,
    uuid: Option<String>,
    major: Option<f64>,
    minor: Option<f64>,
    txpower: Option<f64>,
    power: Option<f64>,
    volt: Option<f64>,
}

/// The level before `BTtoMQTT`, where a device follows it.
pub(super) fn scanner(topic: &str) -> Option<&str> {
    let (before, device) = topic.rsplit_once("/BTtoMQTT/")?;
    (!device.is_empty()).then(|| before.rsplit('/').next().unwrap_or(before))
}

/// Reads the message.
pub(super) fn read(topic: &str, payload: &[u8]) -> Result<Message, Flaw> {
    if scanner(topic).is_none() { Err(Flaw::NotAnAdvertisement) } else { fields::object(payload) }
}

impl Message {
    pub(super) fn rssi_dbm(&self) -> Result<i8, Flaw> {
        fields::rssi_dbm(self.rssi.ok_or(Flaw::NotAnAdvertisement)?)
    }

    pub(super) fn address(&self) -> Result<[u8; 6], Flaw> {
        fields::address(self.mac.as_deref().or(self.id.as_deref()).ok_or(Flaw::Fields)?)
    }

    /// The advertising data, as far as the message has it.
    pub(super) fn payload(&self) -> Result<Vec<u8>, Flaw> {
        let manufacturer_data = match &self.manufacturerdata {
            Some(hex) => Some(manufacturer_data(hex)?),
            None => self.ibeacon()?,
        };
        let structures = [manufacturer_data, self.service_data()?];
        Ok(encode::payload(structures.iter().flatten().map(Vec::as_slice), encode::EXTENDED_PAYLOAD_LEN))
    }

    fn service_data(&self) -> Result<Option<Vec<u8>>, Flaw> {
        let (Some(data), Some(uuid)) = (&self.servicedata, &self.servicedatauuid) else { return Ok(None) };
        let Some(uuid) = short_uuid(uuid) else { return Ok(None) };
        encode::service_data16(uuid, &fields::data(data)?).map(Some).ok_or(Flaw::Data)
    }

    /// The iBeacon that the decoder took apart, if it was one; half of one is a flaw.
    fn ibeacon(&self) -> Result<Option<Vec<u8>>, Flaw> {
        let Some(uuid) = self.uuid.as_deref().filter(|_| self.mfid.as_deref() == Some(APPLE)) else { return Ok(None) };
        let (uuid, major, minor) = (fields::exactly(uuid), number16(self.major), number16(self.minor));
        let (Some(uuid), Some(major), Some(minor), Some(power)) = (uuid, major, minor, self.last_byte()) else {
            return Err(Flaw::Fields);
        };
        Ok(Some(encode::ibeacon(&uuid, major, minor, power)))
    }

    /// An iBeacon's last byte, by whichever name the decoder gave it; `txpower` comes last, for where the byte has another
    /// name it is the transmitter's own power, told beside it.
    fn last_byte(&self) -> Option<i8> {
        let tenths = self.volt.map(|volt| volt * 10.0);
        fields::decibel(tenths.or(self.power).or(self.txpower)?)
    }
}

/// Manufacturer data whose first two bytes are the company's, as on air.
fn manufacturer_data(hex: &str) -> Result<Vec<u8>, Flaw> {
    let bytes = fields::data(hex)?;
    let (company, data) = bytes.split_first_chunk().ok_or(Flaw::Data)?;
    encode::manufacturer_data(u16::from_le_bytes(*company), data).ok_or(Flaw::Data)
}

/// A number of 16 bits that the decoder may have taken for a signed one.
fn number16(number: Option<f64>) -> Option<u16> {
    let number = number.filter(|number| number.fract() == 0.0 && (-32_768.0..=65_535.0).contains(number))?;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    let number = number as i32;
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "these are the 16 bits on air")]
    Some(number as u16)
}

/// A UUID of 16 bits: `feaa`, `0xfeaa`, or whole, upon the Bluetooth base (Core 5.4, Vol 3 Part B, 2.5.1). Others give
/// nothing, for no format here is under one.
fn short_uuid(text: &str) -> Option<u16> {
    const BASE: &str = "-0000-1000-8000-00805f9b34fb";
    let lower = text.to_ascii_lowercase();
    let whole = lower.strip_prefix("0000").and_then(|rest| rest.strip_suffix(BASE));
    let digits = whole.or_else(|| lower.strip_prefix("0x")).unwrap_or(&lower);
    fields::exactly(digits).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scanner_is_the_level_before_the_tree() {
        assert_eq!(scanner("home/OMG_ESP32_BLE/BTtoMQTT/45E174126E00"), Some("OMG_ESP32_BLE"));
        assert_eq!(scanner("home/OMG_ESP32_BLE/BTtoMQTT/undecoded/45E174126E00"), Some("OMG_ESP32_BLE"));
        assert_eq!(scanner("shop/floor/2/TheengsGateway/BTtoMQTT/45E174126E00"), Some("TheengsGateway"));
        for topic in ["home/OMG_ESP32_BLE/LWT", "home/OMG/BTtoMQTT", "home/OMG/BTtoMQTT/", "BTtoMQTT/a", ""] {
            assert_eq!(scanner(topic), None, "{topic}");
        }
    }

    #[test]
    fn a_uuid_of_16_bits_is_read_in_every_printed_form() {
        for text in ["feaa", "FEAA", "0xfeaa", "0000FEAA-0000-1000-8000-00805f9b34fb"] {
            assert_eq!(short_uuid(text), Some(0xfeaa), "{text}");
        }
        for text in
            ["", "fea", "0xfeaa0", "0001feaa-0000-1000-8000-00805f9b34fb", "cba20d00-224d-11e6-9fb8-0002a5d5c51b"]
        {
            assert_eq!(short_uuid(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_of_16_bits_may_have_been_taken_for_a_signed_one() {
        assert_eq!(number16(Some(-3329.0)), Some(62_207));
        assert_eq!(number16(Some(65_535.0)), Some(65_535));
        assert_eq!(
            [number16(Some(65_536.0)), number16(Some(-32_769.0)), number16(Some(0.5)), number16(None)],
            [None; 4]
        );
    }
}
