//! The rolling id, defined in docs/rolling-id.md: 128 bits in an iBeacon's UUID that change every ten minutes, from a
//! key that is good for one day, in the manner of the exposure notification's rolling proximity identifier (Exposure
//! Notification, Cryptography Specification 1.2).

use super::table::Schedule;
use super::{SECOND_US, encrypt};
use crate::gateway::key::hkdf_sha256;

/// An id lasts as long as an exposure notification's, in seconds: about as long as a phone keeps a radio address, with
/// which it changes.
const INTERVAL_SECS: i64 = 600;

/// The intervals of a day. UTC knows no other length; a leap second is not counted in it.
const INTERVALS_A_DAY: i64 = 86_400 / INTERVAL_SECS;

/// What makes an id key of a day key. Not the exposure notification's `EN-RPIK`: no id can be both.
const ID_KEY_INFO: &[u8] = b"EMMA-RIK";

/// The major and minor beside every rolling id. Two numbers of one's own would join what the ids keep apart.
pub const MAJOR_AND_MINOR: (u16, u16) = (0, 0);

/// One day's ids of one device. Of the day key only what derives ids is kept.
#[derive(Clone, Copy, PartialEq)]
pub struct Rolling {
    pub(super) id_key: [u8; 16],
    pub(super) day: i32,
}

impl Rolling {
    /// The ids of `day`, counted in days of UTC since 1970-01-01, by that day's key.
    pub fn new(day_key: &[u8], day: i32) -> Self {
        Self { id_key: hkdf_sha256(day_key, ID_KEY_INFO), day }
    }

    pub(super) fn schedule(self) -> Schedule {
        let first = i64::from(self.day) * INTERVALS_A_DAY;
        Schedule { zero_us: 0, len_us: INTERVAL_SECS * SECOND_US, first, last: first + INTERVALS_A_DAY - 1 }
    }

    /// The id of an interval, counted since 1970: AES-128 of `EMMA-RID`, four zeros, and the interval's number, little
    /// endian.
    pub(super) fn of_interval(self, interval: i64) -> [u8; 16] {
        let [i0, i1, i2, i3] = u32::try_from(interval).unwrap_or(0).to_le_bytes();
        let block = [b'E', b'M', b'M', b'A', b'-', b'R', b'I', b'D', 0, 0, 0, 0, i0, i1, i2, i3];
        encrypt(self.id_key, block)
    }

    /// The id transmitted at `wall_us`, by whoever is to be recognised; nothing outside the key's day.
    pub fn at(self, wall_us: i64) -> Option<[u8; 16]> {
        let schedule = self.schedule();
        let interval = schedule.period(wall_us);
        (schedule.first..=schedule.last).contains(&interval).then(|| self.of_interval(interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22, and its vectors in docs/rolling-id.md, computed there by another implementation.
    const DAY: i32 = 20_779;

    const DOCUMENT: &str = include_str!("../../../../docs/rolling-id.md");

    /// What stands in the document's table of vectors beside `name`.
    fn documented<const N: usize>(name: &str) -> [u8; N] {
        let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect(name);
        let text = row.split('`').nth(1).unwrap();
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn equals_the_document_s_vectors() {
        let long_key: [u8; 32] = documented("long key");
        let info = [&b"EMMA-DAY"[..], &u32::try_from(DAY).unwrap().to_le_bytes()].concat();
        let day_key: [u8; 32] = hkdf_sha256(&long_key, &info);
        assert_eq!(day_key, documented("day key of 2026-11-22"));
        let rolling = Rolling::new(&day_key, DAY);
        assert_eq!(rolling.id_key, documented("id key"));
        let midnight_us = i64::from(DAY) * 86_400 * SECOND_US;
        let times = [("00:00:00", 0), ("00:09:59", 599), ("00:10:00", 600), ("14:35:00", 52_500), ("23:59:59", 86_399)];
        for (name, seconds) in times {
            let id = rolling.at(midnight_us + seconds * SECOND_US);
            assert_eq!(id, Some(documented(&format!("id at {name}"))), "{name}");
        }
        let of_16_bytes = Rolling::new(&documented::<16>("short day key"), DAY);
        assert_eq!(of_16_bytes.at(midnight_us), Some(documented("its id at 00:00:00")));
    }

    #[test]
    fn a_day_s_key_has_no_ids_of_another_day() {
        let rolling = Rolling::new(&[7; 32], DAY);
        let midnight_us = i64::from(DAY) * 86_400 * SECOND_US;
        assert_eq!(rolling.at(midnight_us - 1), None);
        assert_eq!(rolling.at(midnight_us + 86_400 * SECOND_US), None);
    }

    /// The pieces are those of the exposure notification, whose vectors Google published
    /// (google/exposure-notifications-internals, `TestVectors.java`).
    #[test]
    fn the_same_pieces_make_the_exposure_notification_s_identifiers() {
        let key: [u8; 16] = hkdf_sha256(&hex::decode("75c734c6dd1a782de7a965da5eb93125").unwrap(), b"EN-RPIK");
        assert_eq!(hex::encode(key), "185ad91db69ec7dd048960f1f3ba6175");
        let identifiers = [
            "8be6cd371c5c891604bfbe49df845096",
            "3c9a1de5dd6b02afa7fded7b570b3e56",
            "243ffe9a3b08bded3094bac8630bb8ad",
        ];
        for (interval, expected) in (2_642_976_u32..).zip(identifiers) {
            let mut block = *b"EN-RPI\0\0\0\0\0\0....";
            block[12..].copy_from_slice(&interval.to_le_bytes());
            assert_eq!(hex::encode(encrypt(key, block)), expected);
        }
    }
}
