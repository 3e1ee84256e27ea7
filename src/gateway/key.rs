//! The installation's key: what makes ids unguessable without asking for randomness.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Name;

/// 256 bits, made once by the ledger and handed in; fixed in a replay.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA256 over the parts, each preceded by its length so that no two lists of parts can collide,
    /// cut to 128 bits.
    pub fn digest(&self, parts: &[&[u8]]) -> [u8; 16] {
        // HMAC itself pads a key with zeros to the hash's block of 64 bytes (RFC 2104, section 2).
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(self.0) {
            *to = from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
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

#[cfg(test)]
mod tests {
    use super::*;

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
