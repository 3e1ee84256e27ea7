//! How often somebody may speak: one number each, no clock.

use std::collections::BTreeMap;

use crate::config::Name;

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
    fn is_whole(self, now_us: u64) -> bool {
        self.whole_at_us <= now_us
    }
}

/// Holds each of many to one rate, and at most so many of them: the one who spoke the longest ago is forgotten, and may
/// speak at once.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: Rate,
    most: usize,
    each: BTreeMap<Name, Limit>,
}

impl Limits {
    pub(crate) fn new(rate: Rate, most: usize) -> Self {
        Self { rate, most, each: BTreeMap::new() }
    }

    /// Whether `who` may speak at `now_us` (monotonic, microseconds).
    pub(crate) fn allow(&mut self, who: &str, now_us: u64) -> bool {
        if let Some(limit) = self.each.get_mut(who) {
            return limit.allows(self.rate, now_us);
        }
        if self.each.len() >= self.most {
            self.make_room(now_us);
        }
        let mut limit = Limit::default();
        limit.allows(self.rate, now_us);
        self.each.insert(who.into(), limit);
        true
    }

    /// Forgets everybody but those.
    pub(crate) fn keep(&mut self, those: impl Fn(&str) -> bool) {
        self.each.retain(|who, _| those(who));
    }

    fn make_room(&mut self, now_us: u64) {
        self.each.retain(|_, limit| !limit.is_whole(now_us));
        if self.each.len() >= self.most
            && let Some(first) = self.each.iter().min_by_key(|(_, limit)| **limit).map(|(who, _)| who.clone())
        {
            self.each.remove(&first);
        }
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

    #[test]
    fn each_is_held_to_the_rate_and_all_to_their_number() {
        let mut limits = Limits::new(Rate { interval_us: 500_000, burst: 10 }, 100);
        assert_eq!((0..20).filter(|_| limits.allow("a", 1_000_000)).count(), 10);
        assert!(limits.allow("b", 1_000_000));
        assert!(limits.allow("a", 1_500_000) && !limits.allow("a", 1_500_000));
        for index in 0..200 {
            assert!(limits.allow(&index.to_string(), 1_500_000));
        }
        assert_eq!(limits.each.len(), 100);
    }

    #[test]
    fn who_is_not_kept_is_forgotten() {
        let mut limits = Limits::new(Rate { interval_us: 500_000, burst: 10 }, 100);
        assert!(limits.allow("a", 0) && limits.allow("b", 0));
        limits.keep(|who| who == "b");
        assert_eq!(limits.each.keys().map(|who| &**who).collect::<Vec<_>>(), ["b"]);
    }
}
