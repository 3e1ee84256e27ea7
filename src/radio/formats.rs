//! The formats in use, as a radio can tell them apart before anything is decoded: what a passive scan asks for, and what
//! an active one keeps of everything around.
//!
//! A format that is new in [`decode`](crate::gateway::decode) has its line here, or a passive scan never hears it.

use crate::gateway::decode::ad::{MANUFACTURER_DATA, SERVICE_DATA_16};

/// Bytes at a place of an AD structure's data. `BlueZ` takes at most 16 of them, of at most 31 bytes each.
#[derive(Debug)]
pub struct Pattern {
    /// The AD type.
    pub ad_type: u8,
    /// Where in the data the bytes begin.
    pub offset: u8,
    /// The bytes.
    pub bytes: &'static [u8],
}

/// One of the patterns of every format that Emma decodes.
pub const PATTERNS: [Pattern; 3] = [
    // iBeacon: Apple's company identifier, type 02, length 15.
    Pattern { ad_type: MANUFACTURER_DATA, offset: 0, bytes: &[0x4c, 0x00, 0x02, 0x15] },
    // AltBeacon: its code after any company identifier.
    Pattern { ad_type: MANUFACTURER_DATA, offset: 2, bytes: &[0xbe, 0xac] },
    // Eddystone, all frames: its service.
    Pattern { ad_type: SERVICE_DATA_16, offset: 0, bytes: &[0xaa, 0xfe] },
];

/// Whether an AD structure may be of a format in use; `id` is the company or the service that its data begins with.
pub fn in_use(ad_type: u8, id: u16, data: &[u8]) -> bool {
    let id = id.to_le_bytes();
    PATTERNS.iter().any(|pattern| {
        let found = id.iter().chain(data).skip(usize::from(pattern.offset)).take(pattern.bytes.len());
        pattern.ad_type == ad_type && found.eq(pattern.bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::decode::ad::AdStructures;
    use crate::radio::encode;

    fn is_in_use(payload: &[u8]) -> bool {
        AdStructures::new(payload).any(|structure| {
            let (id, data) = structure.data.split_first_chunk().unwrap();
            in_use(structure.ad_type, u16::from_le_bytes(*id), data)
        })
    }

    #[test]
    fn every_format_that_is_transmitted_is_asked_for() {
        let formats = [
            encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59),
            encode::altbeacon(0x0118, b"ABCDEFGHIJKLMNOP", 1, 2, -59),
            encode::eddystone_uid(b"ABCDEFGHIJ", b"KLMNOP", -18),
            encode::eddystone_url(0, b"example", -18).unwrap(),
            encode::eddystone_tlm(2950, 21 * 256, 7, 9),
            encode::eddystone_eid(b"ABCDEFGH", -18),
        ];
        assert!(formats.iter().all(|format| is_in_use(format)));
    }

    #[test]
    fn other_peoples_devices_are_not() {
        let nearby = encode::manufacturer_data(0x004c, &[0x10, 0x05, 0x0b, 0x18, 0x77]).unwrap();
        let find_my = encode::manufacturer_data(0x004c, &[0x12, 0x19, 0x00]).unwrap();
        let exposure = encode::service_data16(0xfd6f, &[0; 20]).unwrap();
        let short = encode::manufacturer_data(0x004c, &[0x02]).unwrap();
        assert!(![nearby, find_my, exposure, short].iter().any(|other| is_in_use(other)));
    }
}
