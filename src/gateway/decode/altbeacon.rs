//! `AltBeacon` protocol specification 1.0 (<https://github.com/AltBeacon/spec>).
//!
//! Manufacturer data of any company: `be ac`, beacon id (16 + 2 + 2), reference RSSI (1), reserved (1); numbers big
//! endian. The AD length is 0x1B exactly.

use super::Frame;
use super::ad::{AdStructure, MANUFACTURER_DATA, take};

/// The beacon code that makes manufacturer data an `AltBeacon`.
const BEACON_CODE: [u8; 2] = [0xbe, 0xac];

/// The `AltBeacon` in `ad`, if it is one.
#[inline]
pub(super) fn decode(ad: AdStructure<'_>) -> Option<Frame<'_>> {
    if ad.ad_type != MANUFACTURER_DATA {
        return None;
    }
    let (company, body) = take::<2>(ad.data)?;
    let body = body.strip_prefix(&BEACON_CODE)?;
    let (id1, body) = take::<16>(body)?;
    let (id2, body) = take::<2>(body)?;
    let (id3, body) = take::<2>(body)?;
    let &[power, reserved] = body else { return None };
    Some(Frame::AltBeacon {
        company: u16::from_le_bytes(company),
        id1,
        id2: u16::from_be_bytes(id2),
        id3: u16::from_be_bytes(id3),
        measured_power_dbm: power.cast_signed(),
        reserved,
    })
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test damages bytes by their place")]
mod tests {
    use super::super::{Frame, testing::only_frame};

    /// A `RadBeacon` USB, advertisement and scan response joined and padded, from the `AltBeacon` library's test-suite.
    const CAPTURED: &str = "02011a1bff1801beac2f234454cf6d4a0fadf2f4911ba9ffa600050003be020e09526164426561636f6e205553\
                            42020a0300000000000000000000000000";

    #[test]
    fn a_captured_packet_is_decoded() {
        let id1 = *b"\x2f\x23\x44\x54\xcf\x6d\x4a\x0f\xad\xf2\xf4\x91\x1b\xa9\xff\xa6";
        let bytes = hex::decode(CAPTURED).unwrap();
        let frame = Frame::AltBeacon { company: 0x0118, id1, id2: 5, id3: 3, measured_power_dbm: -66, reserved: 2 };
        assert_eq!(only_frame(&bytes), Some(frame));
    }

    #[test]
    fn a_byte_more_or_less_is_none() {
        let bytes = hex::decode(CAPTURED).unwrap();
        for len in [0x1a, 0x1c] {
            let mut bytes = bytes.clone();
            bytes[3] = len;
            assert_eq!(only_frame(&bytes), None);
        }
    }
}
