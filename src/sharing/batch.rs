//! What a scanner has heard since its last batch: of each handle one sum, so that a loud device costs no more than a quiet
//! one.

use std::collections::{BTreeMap, BTreeSet};

use super::MAX_LAG_US;
use super::wire::{Entry, Handle, MAX_ENTRIES};
use crate::gateway::sharing::MOST_READINGS;

/// What was heard of one handle.
#[derive(Clone, Copy)]
struct Sum {
    first_us: u64,
    last_us: u64,
    total_dbm: f64,
    count: u32,
}

/// The sums of what is not said yet. One a handle of the table at the most.
#[derive(Default)]
pub struct Sums {
    of: BTreeMap<Handle, Sum>,
    /// By when they began: who waited the longest is said first.
    waiting: BTreeSet<(u64, Handle)>,
}

impl Sums {
    /// Adds one reading, at `now_us` (monotonic).
    pub fn hear(&mut self, handle: Handle, level_dbm: f64, now_us: u64) {
        let sum = self.of.entry(handle).or_insert_with(|| {
            self.waiting.insert((now_us, handle));
            Sum { first_us: now_us, last_us: now_us, total_dbm: 0.0, count: 0 }
        });
        sum.last_us = now_us;
        sum.total_dbm += level_dbm;
        sum.count += 1;
    }

    /// Takes what a batch has room for, as of `now_us`; those who waited the longest first. What waited for longer than
    /// anybody takes it is let go.
    pub fn take(&mut self, now_us: u64) -> Vec<Entry> {
        let mut entries = Vec::new();
        while let Some((_, handle)) = (entries.len() < MAX_ENTRIES).then(|| self.waiting.pop_first()).flatten() {
            let sum = self.of.remove(&handle).filter(|sum| now_us.saturating_sub(sum.middle_us()) <= MAX_LAG_US);
            entries.extend(sum.map(|sum| sum.entry(handle, now_us)));
        }
        entries
    }

    /// Forgets everybody else.
    pub fn keep(&mut self, who: impl Fn(Handle) -> bool) {
        self.of.retain(|handle, _| who(*handle));
        self.waiting.retain(|(_, handle)| who(*handle));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Sum {
    fn middle_us(&self) -> u64 {
        self.first_us.midpoint(self.last_us)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a level is a few hundred dB at most")]
    fn entry(&self, handle: Handle, now_us: u64) -> Entry {
        let age_ms = u32::try_from(now_us.saturating_sub(self.middle_us()) / 1_000).unwrap_or(u32::MAX);
        let level_ddbm = (10.0 * self.total_dbm / f64::from(self.count)).round() as i32;
        let count = u8::try_from(self.count).unwrap_or(MOST_READINGS).min(MOST_READINGS);
        Entry { handle, age_ms, level_ddbm, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_of_one_handle_are_one_entry() {
        let mut sums = Sums::default();
        sums.hear(7, -60.0, 1_000_000);
        sums.hear(7, -71.0, 1_200_000);
        sums.hear(3, -80.0, 1_100_000);
        let entry = |handle, age_ms, level_ddbm, count| Entry { handle, age_ms, level_ddbm, count };
        assert_eq!(sums.take(1_250_000), [entry(7, 150, -655, 2), entry(3, 150, -800, 1)]);
        assert_eq!(sums.take(1_250_000), []);
    }

    #[test]
    fn a_loud_device_counts_for_so_much_and_no_more() {
        let mut sums = Sums::default();
        (0..1_000).for_each(|_| sums.hear(7, -60.0, 0));
        assert_eq!(sums.take(0)[0].count, MOST_READINGS);
    }

    #[test]
    fn whoever_finds_no_room_is_next_and_who_waits_too_long_is_let_go() {
        let mut sums = Sums::default();
        let all = u32::try_from(2 * MAX_ENTRIES + 10).unwrap();
        for handle in 0..all {
            sums.hear(handle, -60.0, u64::from(handle));
        }
        let first = sums.take(1_000);
        assert_eq!((first.len(), first[0].handle), (MAX_ENTRIES, 0));
        sums.hear(all, -60.0, 2_000_000);
        let second = sums.take(2_000_000);
        assert_eq!((second.len(), second[0].handle), (MAX_ENTRIES, 256));
        let third = sums.take(4_000_000);
        assert_eq!(third.iter().map(|entry| entry.handle).collect::<Vec<_>>(), [all]);
    }
}
