//! The installation's key: what makes ids unguessable without asking for randomness.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Name;

/// 256 bits, made once by the ledger and handed in; fixed in a replay. Kept as an HMAC that has taken it in: each digest
/// then costs half as much, and a decision makes one or two.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(hmac_sha256(&bytes))
    }

    /// HMAC-SHA256 over the parts, each preceded by its length so that no two lists of parts can collide,
    /// cut to 128 bits.
    pub fn digest(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        full.first_chunk().copied().unwrap_or_default()
    }

    /// [`Key::digest`] as 32 hex digits.
    pub fn id(&self, parts: &[&[u8]]) -> Name {
        hex::encode(self.digest(parts)).into()
    }
}

/// HMAC-SHA256 under `key`, ready for what it is to authenticate.
fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC itself pads a key with zeros to the hash's block of 64 bytes (RFC 2104, section 2).
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::<Sha256>::new(&block.into())
}

/// The first `N` bytes, at most 32, that HKDF-SHA256 makes of `secret` for the purpose `info`, without a salt: extract,
/// then one step of expand (RFC 5869, sections 2.2 and 2.3).
pub(super) fn hkdf_sha256<const N: usize>(secret: &[u8], info: &[u8]) -> [u8; N] {
    const { assert!(N <= 32, "one step makes 32 bytes") };
    let extract = hmac_sha256(&[0; 32]).chain_update(secret);
    let expand = hmac_sha256(&extract.finalize().into_bytes().into()).chain_update(info).chain_update([1]);
    let full: [u8; 32] = expand.finalize().into_bytes().into();
    full.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, appendix A.3: no salt, no info.
    #[test]
    fn hkdf_equals_rfc_5869() {
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
        assert_eq!(hex::encode(hkdf_sha256::<32>(&[0x0b; 22], b"")), expected);
    }

    #[test]
    fn equals_rfc_2104_for_a_short_key() {
        use hmac::digest::KeyInit as _;
        let mut reference = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
        reference.update(&1_u64.to_be_bytes());
        reference.update(b"x");
        let expected = reference.finalize().into_bytes();
        assert_eq!(Key::new([7; 32]).digest(&[b"x"]), expected[..16]);
    }

    #[test]
    fn tells_ab_c_from_a_bc() {
        let key = Key::new([7; 32]);
        assert_ne!(key.digest(&[b"ab", b"c"]), key.digest(&[b"a", b"bc"]));
    }
}
