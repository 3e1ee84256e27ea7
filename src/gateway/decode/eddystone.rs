//! Eddystone (<https://github.com/google/eddystone>, protocol-specification.md and one document a frame type).
//!
//! Service data of UUID 0xFEAA: frame type (1), then by type
//!
//! | type | frame | bytes with the type |
//! |---|---|---|
//! | 0x00 | UID: power at 0 m, namespace (10), instance (6), reserved (2) | 20; 18 where the reserved ones are left out, as the specification lets a beacon do |
//! | 0x10 | URL: power at 0 m, scheme, encoded rest | at least 3 |
//! | 0x20 | TLM: version 0, voltage (2), temperature (2), count (4), uptime (4) | 14 |
//! | 0x30 | EID: power at 0 m, identifier (8) | 10 |
//!
//! Numbers are big endian. Encrypted telemetry (TLM version 1) is no frame: without its key it says nothing.

use super::Frame;
use super::ad::{AdStructure, SERVICE_DATA_16, take};

/// The UUID 0xFEAA, little endian on air.
const SERVICE_UUID: [u8; 2] = [0xaa, 0xfe];

/// TLM's version that is not encrypted.
const TLM_PLAIN: u8 = 0x00;

/// The Eddystone frame in `ad`, if it is one.
#[inline]
pub(super) fn decode(ad: AdStructure<'_>) -> Option<Frame<'_>> {
    if ad.ad_type != SERVICE_DATA_16 {
        return None;
    }
    let (&frame_type, body) = ad.data.strip_prefix(&SERVICE_UUID)?.split_first()?;
    match frame_type {
        0x00 => uid(body),
        0x10 => url(body),
        0x20 => tlm(body),
        0x30 => eid(body),
        _ => None,
    }
}

fn uid(body: &[u8]) -> Option<Frame<'_>> {
    let ([power], body) = take::<1>(body)?;
    let (namespace, body) = take::<10>(body)?;
    let (instance, reserved) = take::<6>(body)?;
    let known_length = matches!(reserved.len(), 0 | 2);
    known_length.then_some(Frame::EddystoneUid { namespace, instance, power_0m_dbm: power.cast_signed() })
}

/// A URL frame is whole once it has a scheme byte: the rest may be empty, and a scheme that nobody defined yet is
/// still a frame, only not one that [`expand_url`] can print.
fn url(body: &[u8]) -> Option<Frame<'_>> {
    let ([power, scheme], encoded) = take::<2>(body)?;
    Some(Frame::EddystoneUrl { scheme, encoded, power_0m_dbm: power.cast_signed() })
}

fn tlm(body: &[u8]) -> Option<Frame<'_>> {
    let body: [u8; 13] = body.try_into().ok()?;
    let [TLM_PLAIN, v1, v0, t1, t0, a3, a2, a1, a0, u3, u2, u1, u0] = body else { return None };
    Some(Frame::EddystoneTlm {
        voltage_mv: u16::from_be_bytes([v1, v0]),
        temperature_c256: i16::from_be_bytes([t1, t0]),
        advertisements: u32::from_be_bytes([a3, a2, a1, a0]),
        uptime_ds: u32::from_be_bytes([u3, u2, u1, u0]),
    })
}

fn eid(body: &[u8]) -> Option<Frame<'_>> {
    let ([power], body) = take::<1>(body)?;
    let eid: [u8; 8] = body.try_into().ok()?;
    Some(Frame::EddystoneEid { eid, power_0m_dbm: power.cast_signed() })
}

/// The schemes by number (eddystone-url, "URL Scheme Prefix").
const SCHEMES: [&str; 4] = ["http://www.", "https://www.", "http://", "https://"];

/// The expansions by code (eddystone-url, "Eddystone-URL HTTP URL encoding").
const EXPANSIONS: [&str; 14] = [
    ".com/", ".org/", ".edu/", ".net/", ".info/", ".biz/", ".gov/", ".com", ".org", ".edu", ".net", ".info", ".biz",
    ".gov",
];

/// The URL that a [`Frame::EddystoneUrl`] stands for, or nothing where it holds a reserved scheme or byte.
///
/// A stranger chose the text: it is for whoever asked to see this beacon, never for a log.
pub fn expand_url(scheme: u8, encoded: &[u8]) -> Option<String> {
    let mut url = String::from(*SCHEMES.get(usize::from(scheme))?);
    for &byte in encoded {
        match EXPANSIONS.get(usize::from(byte)) {
            Some(expansion) => url.push_str(expansion),
            None if byte.is_ascii_graphic() => url.push(char::from(byte)),
            None => return None,
        }
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::super::{Frame, testing::only_frame};
    use super::expand_url;

    /// Packets from the test-suites of citruz/beacontools and `AltBeacon`.
    const UID: &str = "0201060303aafe1716aafe00e3123456789012346789010000000000010000";
    const UID_SHORT: &str = "0201060303aafe1516aafe00e7000102030405060708090102030405060000000000";
    const URL: &str = "0303aafe1316aafe10f8036769746875620063697472757a";
    const TLM: &str = "0201060303aafe1116aafe20000b1813000000146700002ac4e4";
    const EID: &str = "0303aafe0d16aafe30fc0011223344556677";

    fn decoded(packet: &str, check: impl FnOnce(Option<Frame<'_>>)) {
        check(only_frame(&hex::decode(packet).unwrap()));
    }

    #[test]
    fn a_uid_comes_with_or_without_its_reserved_bytes() {
        decoded(UID, |frame| {
            let namespace = *b"\x12\x34\x56\x78\x90\x12\x34\x67\x89\x01";
            let instance = [0, 0, 0, 0, 0, 1];
            assert_eq!(frame, Some(Frame::EddystoneUid { namespace, instance, power_0m_dbm: -29 }));
        });
        decoded(UID_SHORT, |frame| assert!(matches!(frame, Some(Frame::EddystoneUid { power_0m_dbm: -25, .. }))));
        decoded(&UID.replace("1716aafe", "1616aafe"), |frame| assert_eq!(frame, None));
    }

    #[test]
    fn a_url_is_expanded() {
        decoded(URL, |frame| {
            let Some(Frame::EddystoneUrl { scheme, encoded, power_0m_dbm: -8 }) = frame else { panic!("no URL frame") };
            assert_eq!(expand_url(scheme, encoded).as_deref(), Some("https://github.com/citruz"));
        });
    }

    #[test]
    fn a_url_may_be_bare_and_its_scheme_undefined() {
        decoded("0616aafe10ee7f", |frame| {
            assert_eq!(frame, Some(Frame::EddystoneUrl { scheme: 0x7f, encoded: &[], power_0m_dbm: -18 }));
        });
        decoded("0516aafe10ee", |frame| assert_eq!(frame, None));
        assert_eq!(expand_url(0x7f, b"example"), None);
        assert_eq!(expand_url(1, b"a b"), None);
        assert_eq!(expand_url(1, &[0x80]), None);
        assert_eq!(expand_url(1, b"").as_deref(), Some("https://www."));
    }

    #[test]
    fn plain_telemetry_is_decoded_and_encrypted_is_not() {
        decoded(TLM, |frame| {
            let expected = Frame::EddystoneTlm {
                voltage_mv: 2840,
                temperature_c256: 19 * 256,
                advertisements: 5223,
                uptime_ds: 10_948,
            };
            assert_eq!(frame, Some(expected));
        });
        decoded(&TLM.replace("fe2000", "fe2001"), |frame| assert_eq!(frame, None));
        decoded(&TLM.replace("1116aa", "1216aa"), |frame| assert_eq!(frame, None));
    }

    #[test]
    fn an_eid_has_eight_bytes() {
        decoded(EID, |frame| {
            let eid = *b"\x00\x11\x22\x33\x44\x55\x66\x77";
            assert_eq!(frame, Some(Frame::EddystoneEid { eid, power_0m_dbm: -4 }));
        });
        decoded(&EID.replace("0d16aa", "0c16aa"), |frame| assert_eq!(frame, None));
    }

    #[test]
    fn an_unknown_frame_type_is_none() {
        decoded(&UID.replace("fe00e3", "fe01e3"), |frame| assert_eq!(frame, None));
    }
}
