//! Whether the wall clock can be believed.
//!
//! A Pi has no battery clock, and caps are promises about wall time: a clock that runs ahead for a minute would empty
//! every window. So a jump is distrusted until the clock has been steady again, and a clock that is behind the
//! ledger's high-water mark is distrusted until that mark itself is shown to be the wrong one.

use crate::clock::Moment;

/// Beyond this an adjustment is a jump: NTP slews below 0.128 s and a leap second is one; a minute is neither.
const JUMP_US: u64 = 60_000_000;

/// A clock that jumped must then run steadily for so long before it is believed; longer than the minutes that a
/// wrong time server usually lasts.
const STEADY_AFTER_JUMP_US: u64 = 600_000_000;

/// A high-water mark is given up after 24 h of a steady, synchronised lower clock (semantics, Caps).
const GIVE_UP_AFTER_US: u64 = 86_400_000_000;

/// What is known about the wall clock.
#[derive(Clone, Debug)]
pub struct Trust {
    high_water_us: i64,
    last: Option<Moment>,
    distrusted_until_us: u64,
    behind_since_us: Option<u64>,
    gave_up: bool,
}

impl Trust {
    /// Trust in a clock whose ledger has seen `high_water_us` (wall, microseconds).
    pub fn new(high_water_us: i64) -> Self {
        Self { high_water_us, last: None, distrusted_until_us: 0, behind_since_us: None, gave_up: false }
    }

    /// The moment with its wall time taken away unless it can be believed.
    pub fn judge(&mut self, now: Moment) -> Moment {
        Moment { wall_us: self.believed(now), ..now }
    }

    /// It is so late at the least (wall, microseconds), whether or not the clock can be believed.
    pub fn at_least_us(&self) -> i64 {
        self.high_water_us
    }

    /// Whether the high-water mark was just given up, told once: rows dated after this moment are dated now.
    pub fn take_give_up(&mut self) -> bool {
        std::mem::take(&mut self.gave_up)
    }

    fn believed(&mut self, now: Moment) -> Option<i64> {
        let Some(wall_us) = now.wall_us else {
            self.behind_since_us = None;
            return None;
        };
        if self.jumped(now, wall_us) {
            self.distrusted_until_us = now.monotonic_us.saturating_add(STEADY_AFTER_JUMP_US);
            self.behind_since_us = None;
        }
        self.last = Some(now);
        if wall_us < self.high_water_us {
            return self.behind(now, wall_us);
        }
        self.behind_since_us = None;
        if now.monotonic_us < self.distrusted_until_us {
            return None;
        }
        self.high_water_us = wall_us;
        Some(wall_us)
    }

    fn jumped(&self, now: Moment, wall_us: i64) -> bool {
        let expected = self.last.and_then(|last| last.at_monotonic(now.monotonic_us).wall_us);
        expected.is_some_and(|expected| wall_us.abs_diff(expected) > JUMP_US)
    }

    fn behind(&mut self, now: Moment, wall_us: i64) -> Option<i64> {
        let since = *self.behind_since_us.get_or_insert(now.monotonic_us);
        if now.monotonic_us.saturating_sub(since) < GIVE_UP_AFTER_US {
            return None;
        }
        self.high_water_us = wall_us;
        self.behind_since_us = None;
        self.gave_up = true;
        Some(wall_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    const START: i64 = 1_700_000_000_000_000;

    fn at(seconds: u64, wall_seconds: i64) -> Moment {
        Moment { monotonic_us: seconds * SECOND, wall_us: Some(START + wall_seconds * 1_000_000) }
    }

    #[test]
    fn a_steady_clock_is_believed() {
        let mut trust = Trust::new(0);
        for second in 0..100 {
            assert!(trust.judge(at(second, second.cast_signed())).wall_us.is_some());
        }
    }

    #[test]
    fn a_year_ahead_for_a_minute_is_not_believed_and_leaves_nothing_dead() {
        let mut trust = Trust::new(0);
        assert!(trust.judge(at(0, 0)).wall_us.is_some());
        let year = 365 * 86_400;
        for second in 1..=60 {
            assert_eq!(trust.judge(at(second, year + second.cast_signed())).wall_us, None);
        }
        assert_eq!(trust.judge(at(61, 61)).wall_us, None, "the way back is a jump as well");
        assert_eq!(trust.judge(at(660, 660)).wall_us, None);
        assert!(trust.judge(at(661, 661)).wall_us.is_some(), "ten minutes steady");
    }

    #[test]
    fn a_clock_behind_the_ledger_is_given_a_day_to_prove_itself() {
        let mut trust = Trust::new(START + 10 * 86_400 * 1_000_000);
        for hour in 0..24 {
            assert_eq!(trust.judge(at(hour * 3_600, (hour * 3_600).cast_signed())).wall_us, None);
        }
        assert!(trust.judge(at(86_400, 86_400)).wall_us.is_some());
        assert!(trust.take_give_up());
        assert!(!trust.take_give_up());
    }

    #[test]
    fn losing_synchronisation_restarts_the_day() {
        let mut trust = Trust::new(START + 10 * 86_400 * 1_000_000);
        trust.judge(at(0, 0));
        trust.judge(Moment { monotonic_us: 3_600 * SECOND, wall_us: None });
        trust.judge(at(7_200, 7_200));
        assert_eq!(trust.judge(at(86_400, 86_400)).wall_us, None);
    }
}
