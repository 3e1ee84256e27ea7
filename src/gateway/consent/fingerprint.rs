//! What a scanner is given in the place of an identifier: 64 bits that know it again and do not tell it.
//!
//! A fingerprint is `SipHash-2-4` of what is transmitted, keyed with a salt that lives for hours. Whoever has both can ask
//! whether a guess is right, and for a UUID, a rolling id or an Eddystone-EID nobody can guess; no list of customers'
//! identifiers can be read out of it. A stranger's frame is taken for one of 10,000 in 5 of 10^16.

use std::fmt;

use siphasher::sip::SipHasher24;

use super::Identifier;
use crate::gateway::advertisement::{Address, AddressKind};
use crate::gateway::decode::Frame;

/// The key of all fingerprints of one table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

/// `Debug` shows nothing, so that no log line can carry what fingerprints are compared by.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// 64 bits in the place of something transmitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

/// `Debug` shows nothing: it is as good as the identifier for whoever has the salt.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// What is transmitted, told apart by kind: no two kinds have one fingerprint because their bytes are alike.
#[derive(Clone, Copy)]
enum Kind {
    IBeacon = 1,
    AltBeacon = 2,
    EddystoneUid = 3,
    EddystoneEid = 4,
    PublicAddress = 5,
}

impl Salt {
    /// Of an identifier that is matched as it is.
    pub fn of_identifier(self, identifier: &Identifier) -> Fingerprint {
        match identifier {
            Identifier::IBeacon(uuid, major, minor) => self.of_numbered(Kind::IBeacon, uuid, *major, *minor),
            Identifier::AltBeacon(id1, id2, id3) => self.of_numbered(Kind::AltBeacon, id1, *id2, *id3),
            Identifier::EddystoneUid(namespace, instance) => self.of(Kind::EddystoneUid, [namespace, instance]),
            Identifier::PublicAddress(bytes) => self.of(Kind::PublicAddress, [bytes, &[]]),
        }
    }

    /// Of a frame, unless nobody can be known by it. A rolling id is an iBeacon like any other.
    pub fn of_frame(self, frame: &Frame<'_>) -> Option<Fingerprint> {
        match frame {
            Frame::IBeacon { uuid, major, minor, .. } => Some(self.of_numbered(Kind::IBeacon, uuid, *major, *minor)),
            Frame::AltBeacon { id1, id2, id3, .. } => Some(self.of_numbered(Kind::AltBeacon, id1, *id2, *id3)),
            Frame::EddystoneUid { namespace, instance, .. } => Some(self.of(Kind::EddystoneUid, [namespace, instance])),
            Frame::EddystoneEid { eid, .. } => Some(self.of_eid(*eid)),
            Frame::EddystoneUrl { .. } | Frame::EddystoneTlm { .. } => None,
        }
    }

    /// Of an address, if it is public: of any other nobody is known.
    pub fn of_address(self, address: Address) -> Option<Fingerprint> {
        (address.kind == AddressKind::Public).then(|| self.of(Kind::PublicAddress, [&address.bytes, &[]]))
    }

    /// Of a rolling id.
    pub(super) fn of_rolling(self, uuid: &[u8; 16], (major, minor): (u16, u16)) -> Fingerprint {
        self.of_numbered(Kind::IBeacon, uuid, major, minor)
    }

    /// Of an Eddystone-EID.
    pub(super) fn of_eid(self, eid: [u8; 8]) -> Fingerprint {
        self.of(Kind::EddystoneEid, [&eid, &[]])
    }

    fn of_numbered(self, kind: Kind, id: &[u8; 16], first: u16, second: u16) -> Fingerprint {
        let ([a, b], [c, d]) = (first.to_be_bytes(), second.to_be_bytes());
        self.of(kind, [id, &[a, b, c, d]])
    }

    /// Each kind has one length, so its number before the bytes is all that tells any two apart.
    fn of(self, kind: Kind, parts: [&[u8]; 2]) -> Fingerprint {
        let mut bytes = [0; 21];
        let all = [kind as u8].into_iter().chain(parts.into_iter().flatten().copied());
        let len = bytes.iter_mut().zip(all).map(|(to, from)| *to = from).count();
        Fingerprint(SipHasher24::new_with_key(&self.0).hash(bytes.get(..len).unwrap_or(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::decode::frames;
    use crate::radio::encode;

    const SALT: Salt = Salt([7; 16]);

    /// What a scanner makes of the one frame of these AD structures.
    fn heard(payload: &[u8]) -> Option<Fingerprint> {
        frames(payload).find_map(|frame| SALT.of_frame(&frame))
    }

    #[test]
    fn what_is_transmitted_has_the_fingerprint_of_its_identifier() {
        for (identifier, payload) in [
            (Identifier::IBeacon([1; 16], 2, 3), encode::ibeacon(&[1; 16], 2, 3, -59)),
            (Identifier::AltBeacon([1; 16], 2, 3), encode::altbeacon(0x0118, &[1; 16], 2, 3, -59)),
            (Identifier::EddystoneUid([1; 10], [2; 6]), encode::eddystone_uid(&[1; 10], &[2; 6], -18)),
        ] {
            assert_eq!(heard(&payload), Some(SALT.of_identifier(&identifier)), "{identifier:?}");
        }
        assert_eq!(heard(&encode::eddystone_eid(&[4; 8], -18)), Some(SALT.of_eid([4; 8])));
        assert_eq!(heard(&encode::ibeacon(&[9; 16], 0, 0, -59)), Some(SALT.of_rolling(&[9; 16], (0, 0))));
        let public = Address { bytes: [6; 6], kind: AddressKind::Public };
        assert_eq!(SALT.of_address(public), Some(SALT.of_identifier(&Identifier::PublicAddress([6; 6]))));
        assert_eq!(SALT.of_address(Address { kind: AddressKind::Random, ..public }), None);
    }

    #[test]
    fn kinds_numbers_and_salts_tell_apart() {
        let all = [
            SALT.of_identifier(&Identifier::IBeacon([1; 16], 2, 3)),
            SALT.of_identifier(&Identifier::IBeacon([1; 16], 3, 2)),
            SALT.of_identifier(&Identifier::AltBeacon([1; 16], 2, 3)),
            SALT.of_identifier(&Identifier::EddystoneUid([1; 10], [1; 6])),
            SALT.of_identifier(&Identifier::PublicAddress([1; 6])),
            SALT.of_eid([1; 8]),
            Salt([8; 16]).of_identifier(&Identifier::IBeacon([1; 16], 2, 3)),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other != one), "{index}");
        }
    }

    /// The bytes of an iBeacon under this salt, as another implementation of `SipHash-2-4` has them: the first vector of
    /// its authors' (`vectors.h`) is of no bytes under the key 00 01 … 0f.
    #[test]
    fn it_is_siphash_2_4() {
        let key: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        assert_eq!(SipHasher24::new_with_key(&key).hash(&[]), 0x726f_db47_dd0e_0e31);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{SALT:?} {:?}", SALT.of_eid([1; 8])), "Salt(..) Fingerprint(..)");
    }
}
