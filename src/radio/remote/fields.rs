//! Single fields, as scanners print them.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::Flaw;
use crate::gateway::advertisement::MAX_PAYLOAD_LEN;

/// What radios measure, in dBm (Core 5.4, Vol 4 Part E, 7.7.65.2). 127 is outside: "not available".
const RSSI_DBM: std::ops::RangeInclusive<i8> = -127..=20;

/// Reads a JSON object. Fields that nobody here knows are ignored.
pub(super) fn object<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Flaw> {
    // Without this a list of the values in their order would pass for an object.
    if !payload.trim_ascii_start().starts_with(b"{") {
        return Err(Flaw::NotJson);
    }
    serde_json::from_slice(payload).map_err(|error| match error.classify() {
        Category::Data => Flaw::Fields,
        Category::Syntax | Category::Eof | Category::Io => Flaw::NotJson,
    })
}

/// Six bytes, most significant first: 12 hex digits, with colons, with dashes, or with neither.
pub(super) fn address(text: &str) -> Result<[u8; 6], Flaw> {
    let separated = |separator: u8| text.len() == 17 && text.bytes().skip(2).step_by(3).all(|c| c == separator);
    let digits = if separated(b':') || separated(b'-') { text.replace([':', '-'], "") } else { text.to_owned() };
    let mut bytes = [0; 6];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| Flaw::Address)?;
    Ok(bytes)
}

/// A strength in whole dBm; a scanner that averages gives a fraction, which is rounded.
pub(super) fn rssi_dbm(rssi: f64) -> Result<i8, Flaw> {
    decibel(rssi).filter(|rssi_dbm| RSSI_DBM.contains(rssi_dbm)).ok_or(Flaw::NoRssi)
}

/// The nearest whole number that an `i8` holds.
pub(super) fn decibel(number: f64) -> Option<i8> {
    let rounded = number.round();
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    (-128.0..=127.0).contains(&rounded).then_some(rounded as i8)
}

/// Bytes in hex, in capitals or not, no more than a radio can send.
pub(super) fn data(text: &str) -> Result<Vec<u8>, Flaw> {
    if text.len() > 2 * MAX_PAYLOAD_LEN { Err(Flaw::Data) } else { hex::decode(text).map_err(|_| Flaw::Data) }
}

/// So many bytes in hex; dashes anywhere are passed over.
pub(super) fn exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text.replace('-', ""), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_every_printed_form() {
        let bytes = [0xc0, 0xff, 0xee, 0x00, 0x00, 0x01];
        for text in ["C0:FF:EE:00:00:01", "c0:ff:ee:00:00:01", "C0-FF-EE-00-00-01", "C0FFEE000001", "c0ffee000001"] {
            assert_eq!(address(text), Ok(bytes), "{text}");
        }
        for text in ["", "C0:FF:EE:00:00", "C0:FF-EE:00:00:01", "C0:FF:EE:00:00:0g", "C0FF:EE0000:01", "c0ffee00001"] {
            assert_eq!(address(text), Err(Flaw::Address), "{text}");
        }
    }

    #[test]
    fn a_strength_is_what_a_radio_measures() {
        assert_eq!(
            [rssi_dbm(-67.0), rssi_dbm(-127.0), rssi_dbm(20.4), rssi_dbm(-81.5)],
            [Ok(-67), Ok(-127), Ok(20), Ok(-82)]
        );
        for rssi in [127.0, 21.0, -127.6, -128.0, 1e300, -1e300, f64::NAN] {
            assert_eq!(rssi_dbm(rssi), Err(Flaw::NoRssi), "{rssi}");
        }
    }
}
