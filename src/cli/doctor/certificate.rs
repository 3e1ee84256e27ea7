//! Until when a certificate holds. The TLS library judges certificates; it does not tell how much time is left.

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, SliceReader, Tag, Tagged};

/// The last second of a certificate in DER, since 1970 UTC: `notAfter` (RFC 5280, 4.1.2.5); nothing if it is none.
pub(super) fn not_after_secs(certificate: &[u8]) -> Option<u64> {
    // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version OPTIONAL, serialNumber, signature, issuer,
    //   validity SEQUENCE { notBefore, notAfter }, … }, … }
    let certificate = AnyRef::from_der(certificate).ok()?;
    let to_be_signed = SliceReader::new(certificate.value()).and_then(|mut reader| AnyRef::decode(&mut reader)).ok()?;
    let mut fields = SliceReader::new(to_be_signed.value()).ok()?;
    let mut next = || AnyRef::decode(&mut fields).ok();
    let first = next()?;
    if first.tag().is_context_specific() {
        next()?;
    }
    let (_signature, _issuer, validity) = (next()?, next()?, next()?);
    let mut times = SliceReader::new(validity.value()).ok()?;
    let (_not_before, not_after) = (AnyRef::decode(&mut times).ok()?, AnyRef::decode(&mut times).ok()?);
    let since_1970 = match not_after.tag() {
        Tag::UtcTime => not_after.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        Tag::GeneralizedTime => not_after.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
        _ => return None,
    };
    Some(since_1970.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate as far as it is read, with that version field and that `notAfter`.
    fn certificate(version: &[u8], not_after: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat();
        let validity = wrap(0x30, &[&wrap(0x17, b"260101000000Z")[..], not_after].concat());
        let fields = [version, &wrap(0x02, &[7]), &wrap(0x30, &[]), &wrap(0x30, &[]), &validity].concat();
        wrap(0x30, &wrap(0x30, &fields))
    }

    const UTC: &[u8] = b"\x17\x0d270101000000Z";
    const VERSION: &[u8] = b"\xa0\x03\x02\x01\x02";

    #[test]
    fn both_forms_of_time_are_read_with_a_version_and_without() {
        let new_year_2027 = Some(1_798_761_600);
        assert_eq!(not_after_secs(&certificate(VERSION, UTC)), new_year_2027);
        assert_eq!(not_after_secs(&certificate(&[], UTC)), new_year_2027);
        assert_eq!(not_after_secs(&certificate(VERSION, b"\x18\x0f20270101000000Z")), new_year_2027);
    }

    #[test]
    fn what_is_cut_or_no_certificate_has_no_end() {
        let whole = certificate(VERSION, UTC);
        for length in 0..whole.len() {
            assert_eq!(not_after_secs(&whole[..length]), None, "{length}");
        }
        assert_eq!(not_after_secs(&certificate(VERSION, b"\x02\x01\x00")), None);
    }
}
