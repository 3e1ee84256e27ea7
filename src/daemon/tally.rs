//! What the core has counted, told to the ledger now and then, so that the week's totals outlive a restart.

use std::collections::BTreeMap;

use super::Daemon;
use crate::gateway::Counters;
use crate::gateway::offer::civil;

/// Totals are written this often: what a crash costs is a quarter of an hour of counts, and each costs the SD card a page.
const TELL_EVERY_US: u64 = 900_000_000;

/// What was told so far.
#[derive(Default)]
pub(super) struct Tally {
    told: Counters,
    told_us: u64,
    week_us: Option<i64>,
}

impl Daemon {
    /// Tells the ledger which week it is, and what has happened since it was last told.
    pub(super) fn tally(&mut self) {
        let now = self.now();
        let week_us = now.wall_us.filter(|_| self.gateway.snapshot().clock_trusted);
        let week_us = week_us.and_then(|wall_us| civil::week_began_us(wall_us, &self.config.site.time_zone));
        let begins = week_us.is_some() && week_us != self.tally.week_us;
        if begins || now.monotonic_us.saturating_sub(self.tally.told_us) >= TELL_EVERY_US {
            // What happened until now belongs to the week that ends.
            self.tell_counts();
            // Said again each time: a disk that could not be written does not know it yet.
            if let Some(week_us) = week_us {
                self.ledger.begin_week(week_us);
                self.tally.week_us = Some(week_us);
            }
        }
    }

    /// Tells the ledger what has happened since it was last told.
    pub(crate) fn tell_counts(&mut self) {
        let counters = self.gateway.snapshot().counters;
        let counts = difference(&self.tally.told, &counters);
        if !counts.is_empty() {
            self.ledger.count(counts);
        }
        (self.tally.told, self.tally.told_us) = (counters, self.now().monotonic_us);
    }
}

/// What was counted between `before` and `after`, by the names of the ledger's totals.
fn difference(before: &Counters, after: &Counters) -> Vec<(String, i64)> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let mut add = |what: &str, before: u64, after: u64| {
        counts.insert(what.to_owned(), after.saturating_sub(before).try_into().unwrap_or(i64::MAX));
    };
    add("visits", before.visits_ended, after.visits_ended);
    add("visits-without-offer", before.visits_without_offer, after.visits_without_offer);
    for (reason, n) in &after.withheld {
        let before = before.withheld.get(reason).copied().unwrap_or(0);
        add(&format!("withheld:{}", reason.as_str()), before, *n);
    }
    counts.into_iter().filter(|(_, n)| *n > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::effect::Reason;

    #[test]
    fn what_is_told_is_what_came_since() {
        let before = Counters { visits_ended: 3, withheld: [(Reason::Quiet, 2)].into(), ..Counters::default() };
        let after = Counters {
            visits_ended: 5,
            visits_without_offer: 1,
            withheld: [(Reason::Quiet, 2), (Reason::Bought, 4)].into(),
            ..Counters::default()
        };
        let told = difference(&before, &after);
        let expected = [("visits", 2), ("visits-without-offer", 1), ("withheld:bought", 4)];
        assert_eq!(told, expected.map(|(what, n)| (what.to_owned(), n)));
    }
}
