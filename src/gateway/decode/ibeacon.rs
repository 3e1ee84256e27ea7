//! Apple iBeacon: "Proximity Beacon Specification", release R1, Apple 2015.
//!
//! Manufacturer data of company 0x004C: `02 15`, UUID (16), major (2), minor (2), measured power (1); numbers big
//! endian.

use super::Frame;
use super::ad::{AdStructure, MANUFACTURER_DATA, take};

/// Company 0x004C (Apple, little endian on air), type 0x02 (proximity beacon), 0x15 = 21 bytes to come.
const PREFIX: [u8; 4] = [0x4c, 0x00, 0x02, 0x15];

/// The iBeacon in `ad`, if it is one. What follows its 25 bytes is ignored; fewer are no iBeacon.
#[inline]
pub(super) fn decode(ad: AdStructure<'_>) -> Option<Frame<'_>> {
    if ad.ad_type != MANUFACTURER_DATA {
        return None;
    }
    let body = ad.data.strip_prefix(&PREFIX)?;
    let (uuid, body) = take::<16>(body)?;
    let (major, body) = take::<2>(body)?;
    let (minor, body) = take::<2>(body)?;
    let power = *body.first()?;
    Some(Frame::IBeacon {
        uuid,
        major: u16::from_be_bytes(major),
        minor: u16::from_be_bytes(minor),
        measured_power_dbm: power.cast_signed(),
    })
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test damages bytes by their place")]
mod tests {
    use super::super::{Frame, testing::only_frame};

    /// The advertising data of the HCI packet in `ble_monitor`'s test-suite (an iPhone that plays a beacon).
    const CAPTURED: &str = "02011a1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5";

    #[test]
    fn a_captured_packet_is_decoded() {
        let (uuid, major, minor) = (*b"\xe2\xc5\x6d\xb5\xdf\xfb\x48\xd2\xb0\x60\xd0\xf5\xa7\x10\x96\xe0", 100, 0);
        let bytes = hex::decode(CAPTURED).unwrap();
        assert_eq!(only_frame(&bytes), Some(Frame::IBeacon { uuid, major, minor, measured_power_dbm: -59 }));
    }

    #[test]
    fn one_byte_short_is_none() {
        let mut bytes = hex::decode(CAPTURED).unwrap();
        bytes.pop();
        assert_eq!(only_frame(&bytes), None);
        // The same with an AD length that agrees.
        bytes[3] -= 1;
        assert_eq!(only_frame(&bytes), None);
    }

    #[test]
    fn another_company_or_type_is_none() {
        for (at, byte) in [(5, 0x4d), (6, 0x01), (7, 0x03), (8, 0x14)] {
            let mut bytes = hex::decode(CAPTURED).unwrap();
            bytes[at] = byte;
            assert_eq!(only_frame(&bytes), None);
        }
    }
}
