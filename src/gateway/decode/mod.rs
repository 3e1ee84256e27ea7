//! What an advertisement says: AD structures in, frames out. Malformed bytes are no frame, never an error.

/// A beacon format's content. Identifiers are as on air, most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// AltBeacon 1.0.
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
        /// Scheme prefix, 0 to 3.
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
