//! Resolvable private addresses: a device that was bonded is known by the key with which it made its address (Core 5.4,
//! Vol 6 Part B, 1.3.2.3).
//!
//! An address has 24 bits of hash. So a stranger's is taken for one of 50 customers' in 50 of 16.8 million cases: with
//! 4,000 strangers' addresses a day about once in 80 days. That is what the limit is for.

use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

use super::cache::Cache;
use crate::gateway::advertisement::{Address, AddressKind};
use crate::gateway::consent::registry::{Match, Slot};
use crate::gateway::key::Key;

/// The most keys of a site (semantics, Matching). An address that is not cached costs one AES block for each:
/// 1.3 us on a build machine (`benches/rotating.rs`), 50 us at 1 us a block on a Pi without AES instructions (reckoned,
/// not measured), so 20,000 new addresses a second at the most.
/// The newcomer is refused.
pub(in crate::gateway::consent) const MAX_IRKS: usize = 50;

/// A key, expanded so that one trial is one block, and whose it is.
struct Resolving {
    irk: [u8; 16],
    cipher: Aes128Enc,
    slot: Slot,
}

/// Every identity resolving key, and what was found for the addresses of the last 16 minutes.
pub(super) struct Resolver {
    resolving: Vec<Resolving>,
    cache: Cache,
}

impl Resolver {
    /// Nobody's. `key` is the installation's.
    pub(super) fn new(key: &Key) -> Self {
        Self { resolving: Vec::new(), cache: Cache::new(key) }
    }

    /// How many keys it has.
    pub(super) fn len(&self) -> usize {
        self.resolving.len()
    }

    /// Who has claimed the key.
    pub(super) fn owner(&self, irk: &[u8; 16]) -> Option<Slot> {
        self.resolving.iter().find(|resolving| resolving.irk == *irk).map(|resolving| resolving.slot)
    }

    /// From now on the key is `slot`'s, whoever had it before.
    pub(super) fn claim(&mut self, irk: [u8; 16], slot: Slot) {
        self.resolving.retain(|resolving| resolving.irk != irk);
        if self.resolving.len() < MAX_IRKS {
            self.resolving.push(Resolving { irk, cipher: Aes128Enc::new(&irk.into()), slot });
        }
        self.cache.clear();
    }

    /// Frees the key, if it is `slot`'s. Without any, nothing is cached.
    pub(super) fn release(&mut self, irk: &[u8; 16], slot: Slot) {
        self.resolving.retain(|resolving| resolving.irk != *irk || resolving.slot != slot);
        self.cache.clear();
    }

    /// Whose `address` is at `now_us` (monotonic). Only a random address whose two upper bits are 01 is resolvable.
    pub(super) fn find(&mut self, address: Address, now_us: u64) -> Match {
        let [first, ..] = address.bytes;
        if self.resolving.is_empty() || address.kind != AddressKind::Random || first >> 6 != 0b01 {
            return Match::Nobody;
        }
        let Self { resolving, cache } = self;
        cache.get_or(address.bytes, now_us, || resolve(resolving, address.bytes))
    }
}

/// Every key is tried: two customers' may both have made it, and then it is nobody's.
fn resolve(resolving: &[Resolving], address: [u8; 6]) -> Match {
    let [p0, p1, p2, hash @ ..] = address;
    let made_it = |resolving: &&Resolving| ah(&resolving.cipher, [p0, p1, p2]) == hash;
    let all = resolving.iter().filter(made_it).map(|resolving| Match::One(resolving.slot));
    all.fold(Match::Nobody, Match::and)
}

/// The random address hash function `ah` (Core 5.4, Vol 3 Part H, 2.2.2): the lowest 24 bits of the encrypted `prand`.
fn ah(cipher: &Aes128Enc, [p0, p1, p2]: [u8; 3]) -> [u8; 3] {
    let mut block = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, p0, p1, p2].into();
    cipher.encrypt_block(&mut block);
    let block: [u8; 16] = block.into();
    block.last_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(irks: &[([u8; 16], u32)]) -> Resolver {
        let mut resolver = Resolver::new(&Key::new([7; 32]));
        for (irk, slot) in irks {
            resolver.claim(*irk, Slot(*slot));
        }
        resolver
    }

    fn random(bytes: [u8; 6]) -> Address {
        Address { bytes, kind: AddressKind::Random }
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text.replace(':', "")).unwrap().try_into().unwrap()
    }

    /// An address that `irk` makes.
    fn made_by(irk: [u8; 16], prand: [u8; 3]) -> Address {
        let [h0, h1, h2] = ah(&Aes128Enc::new(&irk.into()), prand);
        let [p0, p1, p2] = prand;
        random([p0, p1, p2, h0, h1, h2])
    }

    /// Core 5.4, Vol 3 Part H, appendix D.7.
    #[test]
    fn equals_the_specification_s_vector() {
        let irk = bytes("ec0234a357c8ad05341010a60a397d9b");
        assert_eq!(ah(&Aes128Enc::new(&irk.into()), bytes("708194")), bytes("0dfbaa"));
        assert_eq!(resolver(&[(irk, 3)]).find(random(bytes("70:81:94:0D:FB:AA")), 0), Match::One(Slot(3)));
    }

    /// Bluetooth-Devices/bluetooth-data-tools, `tests/test_privacy.py`.
    #[test]
    fn published_addresses_resolve_or_do_not() {
        let cases = [
            ("ec0234a357c8ad05341010a60a397d9b", "40:01:02:b2:12:da", true),
            ("ec0234a357c8ad05341010a60a397d9b", "55:aa:33:1d:27:08", true),
            ("ec0234a357c8ad05341010a60a397d9b", "7f:ff:fe:7e:0e:08", true),
            ("ec0234a357c8ad05341010a60a397d9b", "40:00:00:45:0c:63", true),
            ("00000000000000000000000000000000", "40:01:02:0a:c4:a6", true),
            ("00000000000000000000000000000000", "40:02:03:d2:74:ce", true),
            ("00000000000000000000000000000000", "40:00:00:d2:74:ce", false),
        ];
        for (irk, address, resolves) in cases {
            let found = resolver(&[(bytes(irk), 1)]).find(random(bytes(address)), 0);
            assert_eq!(found == Match::One(Slot(1)), resolves, "{address}");
        }
    }

    #[test]
    fn only_random_addresses_that_begin_with_01_are_resolved() {
        let irk = [7; 16];
        let mut resolver = resolver(&[(irk, 0)]);
        assert_eq!(resolver.find(made_by(irk, [0x40, 1, 2]), 0), Match::One(Slot(0)));
        for upper in [0x00, 0x80, 0xc0] {
            assert_eq!(resolver.find(made_by(irk, [upper, 1, 2]), 0), Match::Nobody);
        }
        let public = Address { kind: AddressKind::Public, ..made_by(irk, [0x40, 1, 2]) };
        assert_eq!(resolver.find(public, 0), Match::Nobody);
    }

    #[test]
    fn what_is_cached_ends_with_the_key() {
        let irk = [7; 16];
        let mut resolver = resolver(&[(irk, 0), ([8; 16], 1)]);
        let address = made_by(irk, [0x40, 1, 2]);
        assert_eq!(resolver.find(address, 0), Match::One(Slot(0)));
        resolver.release(&irk, Slot(1));
        assert_eq!(resolver.find(address, 0), Match::One(Slot(0)), "it is not slot 1's to free");
        resolver.claim(irk, Slot(2));
        assert_eq!(resolver.find(address, 0), Match::One(Slot(2)));
        resolver.release(&irk, Slot(2));
        assert_eq!(resolver.find(address, 0), Match::Nobody);
    }

    /// Searched for: of 32,768 prands and 50 keys, a few pairs have the same hash.
    #[test]
    fn an_address_of_two_customers_is_nobody_s() {
        let address = random(bytes("407b66f109fe"));
        let (one, other) = ([1; 16], [43; 16]);
        assert_eq!(resolver(&[(one, 1)]).find(address, 0), Match::One(Slot(1)));
        assert_eq!(resolver(&[(one, 1), (other, 2)]).find(address, 0), Match::Several);
        assert_eq!(resolver(&[(one, 1), (other, 1)]).find(address, 0), Match::One(Slot(1)));
    }
}
