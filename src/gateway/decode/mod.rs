//! What an advertisement says: AD structures in, frames out. Malformed bytes are no frame, never an error.
//!
//! One file a format. To add one: its variant in [`Frame`], its file, and its line in `decode`. Nothing here
//! allocates, and nothing can panic: bytes are only ever split where they are long enough.

pub mod ad;

mod altbeacon;
pub mod eddystone;
mod ibeacon;

use std::fmt;

use ad::{AdStructure, AdStructures};

/// Every frame in `payload` (advertising data as on air), in the order of its AD structures.
///
/// One advertisement may hold several. Nothing past the end of `payload` or of a structure is read.
pub fn frames(payload: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    AdStructures::new(payload).filter_map(decode)
}

/// Asks each decoder in turn; their prefixes exclude one another, so the order does not matter.
#[inline]
fn decode(ad: AdStructure<'_>) -> Option<Frame<'_>> {
    ibeacon::decode(ad).or_else(|| altbeacon::decode(ad)).or_else(|| eddystone::decode(ad))
}

/// What an Eddystone's strength loses over the first metre, in dB (eddystone-uid, "Tx Power").
const LOSS_TO_1M_DB: i8 = 41;

/// A beacon format's content. Identifiers are as on air, most significant byte first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Apple iBeacon.
    IBeacon {
        /// Proximity UUID.
        uuid: [u8; 16],
        /// Major number.
        major: u16,
        /// Minor number.
        minor: u16,
        /// The transmitter's own measure of its strength at 1 m, in dBm.
        measured_power_dbm: i8,
    },
    /// `AltBeacon` 1.0.
    AltBeacon {
        /// Company identifier of the manufacturer (little endian on air).
        company: u16,
        /// First 16 bytes of the beacon id.
        id1: [u8; 16],
        /// Second part of the beacon id.
        id2: u16,
        /// Third part of the beacon id.
        id3: u16,
        /// Strength at 1 m, in dBm.
        measured_power_dbm: i8,
        /// The manufacturer's own byte.
        reserved: u8,
    },
    /// Eddystone-UID.
    EddystoneUid {
        /// Namespace.
        namespace: [u8; 10],
        /// Instance.
        instance: [u8; 6],
        /// Strength at 0 m, in dBm (41 dB above what is measured at 1 m).
        power_0m_dbm: i8,
    },
    /// Eddystone-URL: the scheme's number and the encoded rest; see [`eddystone::expand_url`].
    EddystoneUrl {
        /// Scheme prefix: 0 to 3 are defined.
        scheme: u8,
        /// The encoded URL after the scheme.
        encoded: &'a [u8],
        /// Strength at 0 m, in dBm.
        power_0m_dbm: i8,
    },
    /// Eddystone-TLM, version 0 (unencrypted).
    EddystoneTlm {
        /// Battery, in millivolts; 0 where there is none.
        voltage_mv: u16,
        /// Temperature in 1/256 degree Celsius; -32768 where it is not measured.
        temperature_c256: i16,
        /// Advertisements since power-up.
        advertisements: u32,
        /// Time since power-up in tenths of a second.
        uptime_ds: u32,
    },
    /// Eddystone-EID: an identifier that rotates.
    EddystoneEid {
        /// The ephemeral identifier.
        eid: [u8; 8],
        /// Strength at 0 m, in dBm.
        power_0m_dbm: i8,
    },
}

impl Frame<'_> {
    /// What the transmitter says it measures at 1 m, in dBm. Telemetry says nothing of it.
    pub fn measured_power_dbm(&self) -> Option<i8> {
        match *self {
            Self::IBeacon { measured_power_dbm, .. } | Self::AltBeacon { measured_power_dbm, .. } => {
                Some(measured_power_dbm)
            }
            Self::EddystoneUid { power_0m_dbm, .. }
            | Self::EddystoneUrl { power_0m_dbm, .. }
            | Self::EddystoneEid { power_0m_dbm, .. } => Some(power_0m_dbm.saturating_sub(LOSS_TO_1M_DB)),
            Self::EddystoneTlm { .. } => None,
        }
    }

    /// The format's name, for counters.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::IBeacon { .. } => "ibeacon",
            Self::AltBeacon { .. } => "altbeacon",
            Self::EddystoneUid { .. } => "eddystone-uid",
            Self::EddystoneUrl { .. } => "eddystone-url",
            Self::EddystoneTlm { .. } => "eddystone-tlm",
            Self::EddystoneEid { .. } => "eddystone-eid",
        }
    }
}

/// `Debug` names the format and nothing more, so that no log line can carry what a stranger transmits.
impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({})", self.kind())
    }
}

#[cfg(test)]
mod testing {
    use super::{Frame, frames};

    /// The one frame of `payload`, or nothing; more than one fails the test.
    pub(super) fn only_frame(payload: &[u8]) -> Option<Frame<'_>> {
        let mut found = frames(payload);
        let first = found.next();
        assert_eq!(found.next(), None);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_frames_come_in_order() {
        let uid = "1516aafe00e700010203040506070809010203040506";
        let ibeacon = "1aff4c000215e2c56db5dffb48d2b060d0f5a71096e000640000c5";
        let bytes = hex::decode(format!("020106{uid}{ibeacon}")).unwrap();
        let kinds: Vec<_> = frames(&bytes).map(|frame| frame.kind()).collect();
        assert_eq!(kinds, ["eddystone-uid", "ibeacon"]);
    }

    #[test]
    fn power_at_0_m_becomes_power_at_1_m() {
        let url = |power_0m_dbm| Frame::EddystoneUrl { scheme: 0, encoded: &[], power_0m_dbm };
        assert_eq!(url(-18).measured_power_dbm(), Some(-59));
        assert_eq!(url(-128).measured_power_dbm(), Some(-128));
    }

    #[test]
    fn debug_shows_nothing_transmitted() {
        let frame = Frame::EddystoneUrl { scheme: 3, encoded: b"secret", power_0m_dbm: -18 };
        assert_eq!(format!("{frame:?}"), "Frame(eddystone-url)");
    }
}
