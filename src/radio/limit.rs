//! How often somebody may speak: one number each, no clock.

/// A limit of one message an interval, with room for a burst. It is the generic cell rate algorithm (ITU-T I.371, Annex A):
/// what is kept is the instant at which the burst is whole again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Limit {
    whole_at_us: u64,
}

/// What a [`Limit`] allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// The time between two messages that may go on for ever, in microseconds.
    pub(crate) interval_us: u64,
    /// So many may come at once.
    pub(crate) burst: u64,
}

impl Limit {
    /// Whether a message at `now_us` (monotonic, microseconds) is within `rate`. One that is not counts for nothing.
    pub(crate) fn allows(&mut self, rate: Rate, now_us: u64) -> bool {
        let whole_at_us = self.whole_at_us.max(now_us).saturating_add(rate.interval_us);
        let allowed = whole_at_us.saturating_sub(now_us) <= rate.interval_us.saturating_mul(rate.burst);
        if allowed {
            self.whole_at_us = whole_at_us;
        }
        allowed
    }

    /// Whether nothing is lost if it is forgotten.
    pub(super) fn is_whole(self, now_us: u64) -> bool {
        self.whole_at_us <= now_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let (mut limit, rate) = (Limit::default(), Rate { interval_us: 1_000, burst: 3 });
        let mut at = |now_us: u64| (0..5).filter(|_| limit.allows(rate, now_us)).count();
        assert_eq!([at(50_000), at(50_999), at(51_000), at(53_000), at(90_000)], [3, 0, 1, 2, 3]);
        assert!(!limit.is_whole(92_999) && limit.is_whole(93_000));
    }
}
