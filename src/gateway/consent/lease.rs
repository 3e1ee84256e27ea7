//! How long a consent holds that came over the network: on a lease, so that a gateway that is cut off from the world stops
//! by itself.
//!
//! A lease runs for [`LEASE_US`] from when the record was told. While the registrar's feed beats, and what it sums up agrees
//! with what is held here, every lease that has not run out runs from the last beat instead. What has run out is not brought
//! back by a beat: the registrar tells the record again. Which leases a row of beats has held follows from when it began, so
//! that a beat touches no consent.

use sha2::{Digest, Sha256};

use super::{Consent, CustomerId};

/// A lease, and a beat that agrees, is good for so long, in microseconds: 24 h (semantics, Consent).
pub const LEASE_US: i64 = 86_400_000_000;

/// When a consent was told that came back with a restored ledger (wall, microseconds): so long ago that its lease has run out
/// under any clock, and no beat holds it. Whoever registered it tells it again, for it may have been withdrawn meanwhile.
pub const RESTORED_US: i64 = 0;

/// The same, where it had come by file or command line: the registrar may not know of it.
pub const RESTORED_BY_FILE_US: i64 = 1;

/// The registrar's beats that agreed, as long as no two of them were further apart than a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beats {
    /// When the first of them was (wall, microseconds).
    pub since_us: i64,
    /// When the last of them was (wall, microseconds).
    pub last_us: i64,
}

impl Beats {
    /// There was none.
    pub const NONE: Self = Self { since_us: i64::MAX, last_us: i64::MIN };

    /// With one more, at `at_us` (wall). One that is older than the last changes nothing.
    #[must_use]
    pub fn and(self, at_us: i64) -> Self {
        if at_us < self.last_us {
            return self;
        }
        let goes_on = at_us < self.last_us.saturating_add(LEASE_US);
        Self { since_us: if goes_on { self.since_us } else { at_us }, last_us: at_us }
    }
}

impl Consent {
    /// First microsecond (wall) at which it is no longer live: what the record says, or the end of its lease.
    pub fn ends_us(&self, beats: Beats) -> i64 {
        let Some(told_us) = self.told_us else { return self.valid_until_us };
        let own_us = told_us.saturating_add(LEASE_US);
        let is_held = own_us > beats.since_us;
        let held_us = if is_held { beats.last_us.saturating_add(LEASE_US) } else { i64::MIN };
        self.valid_until_us.min(own_us.max(held_us))
    }

    /// Whether it came back with a restored ledger, and nobody has told it again.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.told_us, Some(RESTORED_US | RESTORED_BY_FILE_US))
    }

    /// Whether it is live at `wall_us`: half-open, from `valid_from` until before its end, and a yes still.
    pub fn is_live(&self, wall_us: i64, beats: Beats) -> bool {
        self.state.opens() && (self.valid_from_us..self.ends_us(beats)).contains(&wall_us)
    }

    /// Whether it may be live: without a wall clock that is believed its dates are not judged.
    pub fn may_be_live(&self, wall_us: Option<i64>, beats: Beats) -> bool {
        wall_us.map_or(self.state.opens(), |wall_us| self.is_live(wall_us, beats))
    }
}

/// What a registrar has told a site, as both ends sum it up (`docs/registrar.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many consents.
    pub count: u64,
    /// SHA-256 over a line each, `CUSTOMER EPOCH`, in the order of their bytes.
    pub digest: [u8; 32],
}

impl Summary {
    /// Of these, in the order of their pseudonyms: every byte of one is above a space, so that it is that of the lines too.
    pub fn of<'a>(told: impl Iterator<Item = (&'a CustomerId, u64)>) -> Self {
        let (mut count, mut hash) = (0, Sha256::new());
        for (customer, epoch) in told {
            count += 1;
            hash.update(customer.as_str());
            hash.update(format!(" {epoch}\n"));
        }
        Self { count, digest: hash.finalize().into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::gateway::consent::record::ConsentRecord;

    const HOUR_US: i64 = 3_600_000_000;

    /// Told at that hour, by a record that holds for a month; hours count from an instant in its middle.
    fn told(hour: i64) -> Consent {
        let line = r#"{"customer":"ann","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"phone":{"id":"a"}}],
            "valid_from":"1969-12-15T00:00:00Z","valid_until":"1970-01-15T00:00:00Z"}"#;
        let record: ConsentRecord = serde_json::from_str(line).unwrap();
        Consent { told_us: Some(hour * HOUR_US), ..record.check().unwrap() }
    }

    fn beats(hours: &[i64]) -> Beats {
        hours.iter().fold(Beats::NONE, |beats, hour| beats.and(hour * HOUR_US))
    }

    fn ends(told_at: i64, hours: &[i64]) -> i64 {
        told(told_at).ends_us(beats(hours)) / HOUR_US
    }

    #[test]
    fn a_lease_ends_a_day_after_it_was_told_or_after_the_last_beat() {
        assert_eq!(ends(0, &[]), 24);
        assert_eq!(ends(0, &[-100]), 24, "what was told after the last beat has its own day");
        assert_eq!(ends(0, &[1, 2, 20]), 44);
        assert_eq!(ends(0, &[1, 20, 43, 66]), 90, "beat by beat");
        assert_eq!(ends(0, &[20, 1]), 44, "an older beat changes nothing");
        assert_eq!(ends(0, &[23]), 47);
        assert_eq!(ends(50, &[1, 20]), 74);
    }

    #[test]
    fn what_has_run_out_is_not_brought_back_by_a_beat() {
        assert_eq!(ends(0, &[24]), 24, "half-open");
        assert_eq!(ends(0, &[1, 25]), 24, "a day of silence is one too long");
        assert_eq!(ends(0, &[1, 20, 70, 71]), 24, "nobody remembers the row of beats that held it");
        assert_eq!(ends(60, &[1, 20, 70, 71]), 95);
    }

    #[test]
    fn no_lease_outlasts_the_record_and_what_came_by_file_has_none() {
        let record = told(0);
        assert_eq!(record.ends_us(beats(&[20, 40, 60, 330, 340])), 24 * HOUR_US);
        let until_us = record.valid_until_us;
        let daily: Vec<i64> = (0..60).map(|n| n * 23).collect();
        assert_eq!(record.ends_us(beats(&daily)), until_us);
        let by_file = Consent { told_us: None, ..record };
        assert_eq!(by_file.ends_us(Beats::NONE), until_us);
        assert!(by_file.is_live(until_us - 1, Beats::NONE) && !by_file.is_live(until_us, Beats::NONE));
    }

    proptest! {
        /// Whoever keeps the end of each lease and moves it at each beat comes to the same, at the time of any beat and after.
        #[test]
        fn a_row_of_beats_is_worth_as_much_as_each_of_them(
            told_at in 0..200_i64,
            gaps in vec(0..30_i64, 0..12),
            later in 0..60_i64,
        ) {
            let hours: Vec<i64> = gaps.iter().scan(0, |hour, gap| { *hour += gap; Some(*hour) }).collect();
            let mut end = told_at + 24;
            for hour in hours.iter().filter(|hour| **hour >= told_at) {
                end = if *hour < end { hour + 24 } else { end };
            }
            let now = hours.last().copied().unwrap_or(0).max(told_at) + later;
            let is_live = told(told_at).is_live(now * HOUR_US, beats(&hours));
            let ends_with_the_record = now * HOUR_US >= told(0).valid_until_us;
            prop_assert_eq!(is_live, now < end && !ends_with_the_record);
        }
    }

    #[test]
    fn the_summary_is_the_one_that_the_document_computes() {
        let names = ["c-0001", "c-0001.b", "c-0002"].map(|name| CustomerId::new(name).unwrap());
        let summary = Summary::of(names.iter().zip([4, 1, 17]));
        let document = include_str!("../../../docs/registrar.md");
        assert!(document.contains(&hex::encode(summary.digest)), "{}", hex::encode(summary.digest));
        assert_eq!(summary.count, 3);
        assert!(document.contains(r"printf 'c-0001 4\nc-0001.b 1\nc-0002 17\n' | sha256sum"));
    }
}
