//! Eddystone-EID: an identifier of 8 bytes that a beacon computes from its key and its clock
//! (<https://github.com/google/eddystone/tree/master/eddystone-eid>, eid-computation.md).

use super::table::Schedule;
use super::{SECOND_US, encrypt};

/// A beacon's identity key, and what is known of its clock: the exponent k, by which its identifier changes every 2^k
/// seconds, and the wall time at which its counter of seconds stood at 0.
#[derive(Clone, Copy, PartialEq)]
pub struct Eid {
    pub(super) identity_key: [u8; 16],
    k: u8,
    zero_us: i64,
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
    use super::super::testing::{bytes, vectors};
    use super::*;

    #[test]
    fn equals_the_published_vectors() {
        let Some(vectors) = vectors() else { return };
        let lists = ["eid", "eid_computed_here_not_sourced"];
        let mut checked = 0;
        for vector in lists.iter().flat_map(|list| vectors[*list].as_array().unwrap()) {
            let number = |name: &str| vector[name].as_u64().unwrap();
            let k = u8::try_from(number("k")).unwrap();
            let counter = u32::try_from(number("counter")).unwrap();
            let eid = Eid::new(bytes(&vector["identity_key"]), k, counter, 0);
            let period = eid.schedule().period(0);
            assert_eq!(eid.of_period(period), bytes::<8>(&vector["eid"]), "k {k}, counter {counter}");
            checked += 1;
        }
        assert_eq!(checked, 18);
    }

    #[test]
    fn a_counter_that_has_run_out_has_no_period() {
        let eid = Eid::new([7; 16], 10, u32::MAX, 0);
        let (periods, _) = eid.schedule().window(2 * 1_024 * SECOND_US);
        assert!(periods.is_empty());
    }
}
