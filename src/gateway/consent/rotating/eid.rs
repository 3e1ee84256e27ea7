//! Eddystone-EID: an identifier of 8 bytes that a beacon computes from its key and its clock
//! (<https://github.com/google/eddystone/tree/master/eddystone-eid>, eid-computation.md).

use super::table::Schedule;
use super::{SECOND_US, encrypt};

/// A beacon's identity key, and what is known of its clock: the exponent k, by which its identifier changes every 2^k
/// seconds, and the wall time at which its counter of seconds stood at 0.
#[derive(Clone, Copy, PartialEq)]
pub struct Eid {
    pub(super) identity_key: [u8; 16],
    pub(super) k: u8,
    pub(super) zero_us: i64,
}

impl Eid {
    /// The beacon with this key whose counter of seconds stood at `counter` at `read_us` (wall, microseconds); `k` is 0
    /// to 15.
    pub fn new(identity_key: [u8; 16], k: u8, counter: u32, read_us: i64) -> Self {
        let zero_us = read_us.saturating_sub(i64::from(counter) * SECOND_US);
        Self { identity_key, k: k.min(15), zero_us }
    }

    /// The rotation exponent.
    pub(super) fn k(self) -> u8 {
        self.k
    }

    pub(super) fn schedule(self) -> Schedule {
        // The counter has 32 bits: after 136 years it is over, and the specification says nothing of what follows.
        let last = i64::from(u32::MAX >> self.k);
        Schedule { zero_us: self.zero_us, len_us: SECOND_US << self.k, first: 0, last }
    }

    /// What is transmitted in the period of this number. Its counter is the period's first, for the lowest k bits are
    /// masked; the temporary key changes with the counter's upper half, each 65,536 s.
    pub(super) fn of_period(self, period: i64) -> [u8; 8] {
        let [c3, c2, c1, c0] = u32::try_from(period << self.k).unwrap_or(0).to_be_bytes();
        let temporary_key = encrypt(self.identity_key, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, c3, c2]);
        let block = encrypt(temporary_key, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, self.k, c3, c2, c1, c0]);
        block.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RADIUS: &str = "0102030405060708090a111213141516";
    const SHORT: &str = "7c91330e61dfea4606b5b3ecb4457d76";

    /// Key, k, counter and identifier. The first two are of `RadiusNetworks/ephemeral_calc` (`spec/encryptor_spec.rb`),
    /// the third of a resolver in Python; the others, about the change of the temporary key and the counter's end, were
    /// computed by another implementation that agrees with those three.
    const VECTORS: [(&str, u8, u32, &str); 18] = [
        (RADIUS, 10, 0, "a9b76a71c5f89290"),
        (RADIUS, 10, 2000, "4144413e45fefa58"),
        (SHORT, 0, 0, "436bfe57d5a09505"),
        (RADIUS, 0, 65_279, "2499a3ad8920abcc"),
        (RADIUS, 0, 65_280, "82c818187c157277"),
        (RADIUS, 0, 65_535, "d8aec84dc3e98b13"),
        (RADIUS, 0, 65_536, "77f111e89d01e7a9"),
        (RADIUS, 0, 4_294_967_295, "e1ebc3ba7ad93fe5"),
        (RADIUS, 10, 65_279, "a2a2bd394ff76ef2"),
        (RADIUS, 10, 65_280, "a2a2bd394ff76ef2"),
        (RADIUS, 10, 65_535, "a2a2bd394ff76ef2"),
        (RADIUS, 10, 65_536, "396973b40660265b"),
        (RADIUS, 10, 4_294_967_295, "a3ad9cdfad092be4"),
        (RADIUS, 15, 65_279, "88ac6ee14d18e6f5"),
        (RADIUS, 15, 65_280, "88ac6ee14d18e6f5"),
        (RADIUS, 15, 65_535, "88ac6ee14d18e6f5"),
        (RADIUS, 15, 65_536, "078bf863b67343bb"),
        (RADIUS, 15, 4_294_967_295, "cd58cbba04aadce5"),
    ];

    #[test]
    fn equals_the_published_vectors() {
        for (key, k, counter, expected) in VECTORS {
            let eid = Eid::new(hex::decode(key).unwrap().try_into().unwrap(), k, counter, 0);
            let found = eid.of_period(eid.schedule().period(0));
            assert_eq!(hex::encode(found), expected, "k {k}, counter {counter}");
        }
    }

    #[test]
    fn a_counter_that_has_run_out_has_no_period() {
        let eid = Eid::new([7; 16], 10, u32::MAX, 0);
        let (periods, _) = eid.schedule().window(2 * 1_024 * SECOND_US);
        assert!(periods.is_empty());
    }
}
