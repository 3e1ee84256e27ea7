//! How what comes in fares: whether it is listened to, how much was taken, and why the rest was not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};

use crate::mqtt::state::IncomingHealth;

/// One kind of rubbish is one line of the log in so long, however much of it there is, in microseconds.
const LOG_EVERY_US: u64 = 60_000_000;

/// Shared by whoever listens and whoever takes.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    taken: u64,
    /// By the word for why: how often, and when that was last logged (monotonic, microseconds).
    rejected: BTreeMap<&'static str, (u64, Option<u64>)>,
    /// By filter: nothing while it is listened to, else why not.
    standing: BTreeMap<&'static str, Option<String>>,
}

impl Counts {
    /// Nothing before the first of them has said how it stands.
    fn all_listen(&self) -> Option<bool> {
        (!self.standing.is_empty()).then(|| self.standing.values().all(Option::is_none))
    }
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole whatever their holder was doing when it panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message was taken.
    pub fn take(&self) {
        self.counts().taken += 1;
    }

    /// A message was of no use, at `now_us` (monotonic). Nothing of it is logged, whatever it is.
    pub fn reject(&self, why: &'static str, now_us: u64) {
        let mut counts = self.counts();
        let (count, logged_us) = counts.rejected.entry(why).or_default();
        *count += 1;
        if logged_us.is_none_or(|logged_us| now_us.saturating_sub(logged_us) >= LOG_EVERY_US) {
            *logged_us = Some(now_us);
            warn!(why, so_far = *count, "a message that came in is of no use; docs/talking-back.md says what is");
        }
    }

    /// A filter of topics is listened to.
    pub fn listening(&self, filter: &'static str) {
        if self.stands(filter, None) {
            info!("what comes in is listened to");
        }
    }

    /// A filter is not listened to, and why.
    pub fn outage(&self, filter: &'static str, reason: &str) {
        if self.stands(filter, Some(reason.to_owned())) {
            warn!(filter, reason, "what comes in is not listened to; the broker keeps it for a day");
        }
    }

    /// Whether that is news of the whole.
    fn stands(&self, filter: &'static str, standing: Option<String>) -> bool {
        let mut counts = self.counts();
        let before = counts.all_listen();
        counts.standing.insert(filter, standing);
        counts.all_listen() != before
    }

    /// As the health topic tells of it; nothing where there is no broker.
    pub fn health(&self) -> Option<IncomingHealth> {
        let counts = self.counts();
        let reason = counts.standing.values().flatten().next();
        (!counts.standing.is_empty()).then(|| IncomingHealth {
            listening: reason.is_none(),
            last_error: reason.cloned(),
            taken: counts.taken,
            rejected: counts.rejected.iter().map(|(why, (count, _))| ((*why).to_owned(), *count)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_use_is_counted_by_its_kind() {
        let tally = Tally::default();
        assert!(tally.health().is_none(), "without a broker nothing comes in");
        tally.listening("ask/+");
        tally.outage("value/+", "no answer in time");
        (0..3).for_each(|_| tally.reject("fields", 0));
        tally.reject("kind", 0);
        tally.take();
        let health = tally.health().unwrap();
        assert_eq!((health.listening, health.last_error.as_deref()), (false, Some("no answer in time")));
        assert_eq!((health.taken, health.rejected["fields"], health.rejected["kind"]), (1, 3, 1));
        tally.listening("value/+");
        assert!(tally.health().unwrap().listening);
    }
}
