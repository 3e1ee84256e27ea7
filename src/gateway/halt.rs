//! What the shop has told Emma not to say for now: a pause, and campaigns that were stopped.

use std::collections::BTreeSet;

use crate::config::Name;

/// What is halted; the ledger remembers it, the core has a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halts {
    /// The whole site is silent until this instant (wall, microseconds); `i64::MAX` is until somebody resumes.
    pub paused_until_us: Option<i64>,
    /// The campaigns that were stopped, by hand or by their own dismissals.
    pub campaigns: BTreeSet<Name>,
}

impl Halts {
    /// Whether this campaign may not speak at `now_us` (wall).
    pub fn hold(&self, campaign: &str, now_us: i64) -> bool {
        self.paused_until_us.is_some_and(|until_us| now_us < until_us) || self.campaigns.contains(campaign)
    }
}

/// Of so many offers at the least a share of dismissals says something (semantics).
const ENOUGH_OFFERS: u64 = 20;

/// Whether a campaign that was said `delivered` times and dismissed `dismissed` times pauses itself: three in ten, of at
/// least twenty (semantics).
pub fn is_unwelcome(delivered: u64, dismissed: u64) -> bool {
    delivered >= ENOUGH_OFFERS && dismissed.saturating_mul(10) >= delivered.saturating_mul(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_ten_of_at_least_twenty_are_too_many() {
        assert!(is_unwelcome(20, 6) && is_unwelcome(100, 30));
        assert!(!is_unwelcome(20, 5) && !is_unwelcome(19, 19) && !is_unwelcome(100, 29));
    }

    #[test]
    fn a_pause_ends_and_a_stop_does_not() {
        let halts = Halts { paused_until_us: Some(10), campaigns: ["boots".into()].into() };
        assert!(halts.hold("socks", 9) && !halts.hold("socks", 10) && halts.hold("boots", i64::MAX));
    }
}
