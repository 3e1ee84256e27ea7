//! The registrar's feed, as far as it is heard: which registrar is heeded, and whether what it sums up is what is held here.
//! Pure: time comes in with each beat.

use super::consent::Beat;
use crate::config::Name;
use crate::gateway::consent::lease::{Beats, LEASE_US, Summary};
use crate::ledger::leases;

/// A beat that says it is newer than now by more than this was dated by a wrong clock, in microseconds.
const FROM_THE_FUTURE_US: i64 = 60_000_000;

/// A registrar of another name is heeded once the one before was silent for so long, in microseconds: then no lease rests on
/// it any more, and nobody can say that two registrars take turns.
const SILENT_US: i64 = LEASE_US;

/// What is known of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The registrar that is heeded.
    pub registrar: Name,
    /// When its last beat was (wall, microseconds).
    pub heard_us: i64,
    /// Whether it agreed.
    pub agrees: bool,
    /// What is held here was found to be something else: the registrar is asked to tell everything again.
    pub wants_snapshot: bool,
    /// How many consents were held here then.
    pub count: u64,
}

impl Feed {
    /// What the ledger remembers of it, `held` being what is held now.
    pub fn remembered(feed: &leases::Feed, held: Summary) -> Self {
        Self {
            registrar: feed.registrar.as_str().into(),
            heard_us: feed.heard_us,
            agrees: feed.beats.last_us >= feed.heard_us,
            wants_snapshot: false,
            count: held.count,
        }
    }

    /// Takes a beat at `now_us` (wall), `held` telling what is held here as of an instant; `known` is what is known so far.
    ///
    /// # Errors
    /// The word for why it is not taken.
    pub fn hear(
        known: Option<&Self>,
        beat: &Beat,
        now_us: i64,
        held: impl FnOnce(i64) -> Summary,
    ) -> Result<Self, &'static str> {
        if beat.at_us > now_us.saturating_add(FROM_THE_FUTURE_US) {
            return Err("from-the-future");
        }
        let is_another = |known: &Self| known.registrar != beat.registrar;
        if let Some(known) = known {
            if is_another(known) && now_us.saturating_sub(known.heard_us) < SILENT_US {
                return Err("registrar");
            }
            if beat.at_us < known.heard_us {
                return Err("older");
            }
        }
        let held = held(beat.at_us);
        let agrees = held == beat.summary;
        // What was told after a beat that the broker kept may be the difference; the next one tells.
        let wanted = known.is_some_and(|known| known.wants_snapshot && !is_another(known));
        let wants_snapshot = !agrees && (!beat.is_kept || wanted);
        Ok(Self { registrar: beat.registrar.clone(), heard_us: beat.at_us, agrees, wants_snapshot, count: held.count })
    }

    /// What the ledger is to remember of it.
    pub fn memory(&self, beats: Beats) -> leases::Feed {
        leases::Feed { registrar: self.registrar.to_string(), heard_us: self.heard_us, beats }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;
    const MINUTE_US: i64 = 60_000_000;

    fn summary(count: u64) -> Summary {
        Summary { count, digest: [u8::try_from(count).unwrap(); 32] }
    }

    fn beat(registrar: &str, at_us: i64, count: u64) -> Beat {
        Beat { registrar: registrar.into(), at_us, summary: summary(count), is_kept: false }
    }

    /// Hears it when it was said; three consents are held here.
    fn hear(known: Option<&Feed>, beat: &Beat) -> Result<Feed, &'static str> {
        Feed::hear(known, beat, beat.at_us, |_| summary(3))
    }

    #[test]
    fn a_beat_agrees_or_asks_for_a_snapshot() {
        let first = hear(None, &beat("hq", 0, 3)).unwrap();
        assert!(first.agrees && !first.wants_snapshot);
        let other = hear(Some(&first), &beat("hq", 1, 4)).unwrap();
        assert!(!other.agrees && other.wants_snapshot);
        assert_eq!((other.count, other.heard_us), (3, 1));
        let again = hear(Some(&other), &beat("hq", 2, 3)).unwrap();
        assert!(again.agrees && !again.wants_snapshot);
        let same_count = Beat { summary: Summary { count: 3, digest: [9; 32] }, ..beat("hq", 3, 3) };
        assert!(hear(Some(&again), &same_count).unwrap().wants_snapshot);
    }

    #[test]
    fn a_beat_that_the_broker_kept_can_agree_and_asks_for_nothing() {
        let kept = |count| Beat { is_kept: true, ..beat("hq", 5, count) };
        assert!(hear(None, &kept(3)).unwrap().agrees);
        let unsure = hear(None, &kept(4)).unwrap();
        assert!(!unsure.agrees && !unsure.wants_snapshot);
        let wanted = hear(None, &beat("hq", 4, 4)).unwrap();
        assert!(hear(Some(&wanted), &kept(4)).unwrap().wants_snapshot, "what is wanted stays wanted");
    }

    #[test]
    fn a_beat_from_the_future_an_older_one_and_another_registrars_are_not_taken() {
        let at =
            |at_us, now_us| Feed::hear(None, &beat("hq", at_us, 3), now_us, |_| summary(3)).map(|feed| feed.heard_us);
        assert_eq!(at(MINUTE_US, 0), Ok(MINUTE_US));
        assert_eq!(at(MINUTE_US + 1, 0), Err("from-the-future"));
        let known = hear(None, &beat("hq", HOUR_US, 3)).unwrap();
        assert_eq!(hear(Some(&known), &beat("hq", HOUR_US - 1, 3)), Err("older"));
        assert!(hear(Some(&known), &beat("hq", HOUR_US, 4)).is_ok(), "the same may be said again");
        assert_eq!(hear(Some(&known), &beat("branch", 24 * HOUR_US, 3)), Err("registrar"));
        let taken_over = hear(Some(&known), &beat("branch", 25 * HOUR_US, 3)).unwrap();
        assert_eq!(&*taken_over.registrar, "branch");
        assert_eq!(hear(Some(&taken_over), &beat("hq", 26 * HOUR_US, 3)), Err("registrar"));
    }
}
