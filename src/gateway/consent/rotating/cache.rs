//! What was found for addresses, for 16 minutes: a customer's and, as a rule, nobody's.
//!
//! It holds keyed hashes and not addresses: a memory image without the installation's key tells nothing of who was in
//! the shop. It is as large as it will ever be from the first address on, so a stranger's costs no allocation.

use siphasher::sip::SipHasher24;

use crate::gateway::consent::registry::Match;
use crate::gateway::key::Key;

/// Longer than the 15 minutes for which a device keeps an address (Core 5.4, Vol 3 Part C, Appendix A,
/// `T_GAP(private_addr_int)`), in microseconds (semantics, Matching).
const KEPT_US: u64 = 960_000_000;

/// With four entries each, 16,384 addresses of 16 minutes in 400 KB. More than that and the one of the same bucket that
/// ends first goes; it costs a resolving, and nothing else.
const BUCKETS: usize = 4_096;

/// Entries that share a bucket: 96 bytes, two lines of a processor's cache.
const WAYS: usize = 4;

/// What has ended is wiped so often, in microseconds: what is kept of a stranger is kept for 17 minutes at the most
/// while anybody is heard. It walks through 400 KB.
const WIPE_EVERY_US: u64 = 60_000_000;

/// One address: 64 bits of keyed hash. A stranger's is taken for another's in 4 of 2^64 lookups.
#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    until_us: u64,
    found: Match,
}

const EMPTY: Entry = Entry { hash: 0, until_us: 0, found: Match::Nobody };

/// What was found for the addresses heard lately.
pub(super) struct Cache {
    hasher: SipHasher24,
    /// Empty until there is a key to resolve with.
    buckets: Vec<[Entry; WAYS]>,
    wiped_us: u64,
}

impl Cache {
    /// Nothing was found yet. `key` is the installation's.
    pub(super) fn new(key: &Key) -> Self {
        let hasher = SipHasher24::new_with_key(&key.digest(&[b"addresses"]));
        Self { hasher, buckets: Vec::new(), wiped_us: 0 }
    }

    /// What was found for `address` at most 16 minutes before `now_us` (monotonic), or what `find` says now.
    pub(super) fn get_or(&mut self, address: [u8; 6], now_us: u64, find: impl FnOnce() -> Match) -> Match {
        if self.buckets.is_empty() {
            self.buckets = vec![[EMPTY; WAYS]; BUCKETS];
        }
        if now_us.saturating_sub(self.wiped_us) >= WIPE_EVERY_US {
            self.wipe(now_us);
        }
        let hash = self.hasher.hash(&address);
        // The remainder is below BUCKETS, which fits in every usize.
        let index = usize::try_from(hash % BUCKETS as u64).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(index) else { return find() };
        if let Some(known) = bucket.iter().find(|entry| entry.hash == hash && entry.until_us > now_us) {
            return known.found;
        }
        let found = find();
        if let Some(first_to_end) = bucket.iter_mut().min_by_key(|entry| entry.until_us) {
            *first_to_end = Entry { hash, until_us: now_us.saturating_add(KEPT_US), found };
        }
        found
    }

    /// Forgets everything: the keys are others now.
    pub(super) fn clear(&mut self) {
        self.buckets = Vec::new();
    }

    fn wipe(&mut self, now_us: u64) {
        self.wiped_us = now_us;
        for entry in self.buckets.iter_mut().flatten().filter(|entry| entry.until_us <= now_us) {
            *entry = EMPTY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::consent::registry::Slot;

    const MINE: [u8; 6] = [0x40, 1, 2, 3, 4, 5];
    const ONE: Match = Match::One(Slot(1));

    fn cache() -> Cache {
        Cache::new(&Key::new([7; 32]))
    }

    fn unasked() -> Match {
        panic!("it was to be known")
    }

    #[test]
    fn what_was_found_is_known_for_16_minutes_and_so_is_nobody() {
        for found in [ONE, Match::Nobody, Match::Several] {
            let mut cache = cache();
            assert_eq!(cache.get_or(MINE, 5, || found), found);
            assert_eq!(cache.get_or(MINE, 5 + KEPT_US - 1, unasked), found);
            assert_eq!(cache.get_or(MINE, 5 + KEPT_US, || Match::One(Slot(9))), Match::One(Slot(9)));
        }
    }

    #[test]
    fn it_holds_hashes_that_another_key_does_not_make() {
        let mut cache = cache();
        cache.get_or(MINE, 0, || ONE);
        let held: Vec<u64> = cache.buckets.iter().flatten().map(|entry| entry.hash).filter(|hash| *hash != 0).collect();
        assert_eq!(held, [cache.hasher.hash(&MINE)]);
        assert_ne!(held, [Cache::new(&Key::new([8; 32])).hasher.hash(&MINE)]);
    }

    #[test]
    fn a_flood_grows_nothing_and_a_minute_after_its_end_nothing_is_left_of_it() {
        let mut cache = cache();
        for n in 0..100_000_u32 {
            let [a, b, c, d] = n.to_be_bytes();
            assert_eq!(cache.get_or([0x40, 0, a, b, c, d], u64::from(n), || Match::Nobody), Match::Nobody);
        }
        assert_eq!(cache.buckets.iter().flatten().count(), BUCKETS * WAYS);
        cache.get_or(MINE, KEPT_US + WIPE_EVERY_US, || ONE);
        assert_eq!(cache.buckets.iter().flatten().filter(|entry| entry.until_us > 0).count(), 1);
    }
}
