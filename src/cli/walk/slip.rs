//! Slips: an arrival that was typed by mistake is taken back, and what was announced since is judged without it.

use super::round::Round;
use crate::follow::Told;

/// Of so many announcements since the last arrival it can still be taken back: nobody notices a slip later.
const MAX_SINCE: usize = 64;

/// What happened since an arrival.
#[derive(Clone, Debug)]
enum Since {
    Told(Told),
    CalledWrong,
}

/// A walk whose last arrival can be taken back. Times are microseconds of one clock.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) round: Round,
    /// How the walk was before that arrival, and what happened since, and when.
    before: Option<(Round, Vec<(Since, u64)>)>,
}

impl Notes {
    pub(super) fn new(round: Round) -> Self {
        Self { round, before: None }
    }

    /// Somebody says that they have arrived, and perhaps where.
    pub(super) fn arrived(&mut self, zone: Option<usize>, now_us: u64) -> String {
        // What is said twice is no arrival of its own.
        if !zone.is_some_and(|zone| self.round.waits_in(zone)) {
            self.before = Some((self.round.clone(), Vec::new()));
        }
        self.round.arrived(zone, now_us)
    }

    /// Somebody says that what was announced last is wrong.
    pub(super) fn was_wrong(&mut self, now_us: u64) -> String {
        // What was counted as wrong for the place of this arrival can be right without it.
        if self.round.can_be_wrong() {
            self.remember(Since::CalledWrong, now_us);
        }
        self.round.was_wrong()
    }

    /// The daemon tells something: how a zone announces itself, if one does.
    pub(super) fn told(&mut self, told: &Told, now_us: u64) -> Option<String> {
        let words = announce(&mut self.round, told, now_us)?;
        self.remember(Since::Told(told.clone()), now_us);
        Some(words)
    }

    /// The tag was heard, whatever anybody says.
    pub(super) fn heard(&mut self, now_us: u64) {
        self.round.heard(now_us);
        if let Some((before, _)) = &mut self.before {
            before.heard(now_us);
        }
    }

    /// Takes the last arrival back.
    pub(super) fn take_back(&mut self) -> String {
        let Some((mut round, since)) = self.before.take() else {
            return "There is no arrival that can be taken back.".to_owned();
        };
        for (what, at_us) in since {
            match what {
                Since::Told(told) => drop(announce(&mut round, &told, at_us)),
                Since::CalledWrong => drop(round.was_wrong()),
            }
        }
        self.round = round;
        "Your last arrival is taken back, as if it had not been typed.".to_owned()
    }

    fn remember(&mut self, what: Since, now_us: u64) {
        let Some((_, since)) = &mut self.before else { return };
        if since.len() < MAX_SINCE {
            since.push((what, now_us));
        } else {
            self.before = None;
        }
    }
}

/// How a zone announces itself. Readings and the rest announce none.
fn announce(round: &mut Round, told: &Told, now_us: u64) -> Option<String> {
    Some(match told {
        Told::Entered { zone, confidence, .. } => round.entered(zone, *confidence, now_us),
        Told::Unsure { zone, confidence, .. } => round.unsure(zone, *confidence, now_us),
        Told::Sure { zone, confidence, .. } => round.sure(zone, *confidence, now_us),
        Told::Left { zone, .. } => round.left(zone, now_us),
        Told::Reading { .. } | Told::AtWork | Told::Missed { .. } | Told::Ended { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::shipped;

    const S: u64 = 1_000_000;

    fn notes() -> Notes {
        Notes::new(Round::new(&shipped()))
    }

    fn entered(zone: &str) -> Told {
        Told::Entered { t: 0, zone: zone.to_owned(), confidence: 0.9 }
    }

    #[test]
    fn a_wrong_number_that_is_taken_back_counts_nothing() {
        let mut notes = notes();
        notes.heard(S);
        notes.arrived(Some(2), 10 * S);
        assert!(notes.told(&entered("shoes"), 14 * S).unwrap().contains("WRONG"));
        // It was counted as wrong already, so that this calls nothing wrong, then or when the arrival is gone.
        assert_eq!(notes.was_wrong(15 * S), "Nothing was announced that could be wrong.");
        notes.take_back();
        notes.arrived(Some(1), 16 * S);
        notes.round.end();
        let rows = &notes.round.rows;
        assert_eq!((rows[2].arrivals, rows[2].missed), (0, 0));
        assert_eq!((rows[1].arrivals, rows[1].wrong, rows[1].confidences.len()), (1, 0, 1));
        assert_eq!(rows[1].seen_already, 1);
    }

    #[test]
    fn enter_twice_taken_back_waits_from_the_first_and_what_came_since_answers_it() {
        let mut notes = notes();
        notes.arrived(None, 10 * S);
        notes.arrived(None, 12 * S);
        notes.told(&entered("shoes"), 16 * S);
        assert_eq!(notes.round.missed_unnamed, 1);
        notes.take_back();
        assert_eq!((notes.round.missed_unnamed, notes.round.rows[1].after_arrival_secs.as_slice()), (0, &[6.0][..]));
        assert_eq!(notes.take_back(), "There is no arrival that can be taken back.");
    }

    #[test]
    fn what_was_called_wrong_stays_so_and_what_was_said_twice_is_one_arrival() {
        let mut notes = notes();
        notes.arrived(None, 0);
        notes.told(&entered("till"), 2 * S);
        notes.was_wrong(3 * S);
        notes.take_back();
        assert_eq!((notes.round.rows[2].wrong, notes.round.rows[2].arrivals), (1, 0));
        notes.arrived(Some(0), 10 * S);
        notes.arrived(Some(0), 11 * S);
        notes.take_back();
        notes.round.end();
        assert_eq!((notes.round.rows[0].arrivals, notes.round.missed_unnamed), (0, 0));
    }

    #[test]
    fn an_arrival_of_long_ago_stands() {
        let mut notes = notes();
        notes.arrived(Some(0), 0);
        for second in 0..100 {
            notes.told(&entered("shoes"), second * S);
        }
        assert_eq!(notes.take_back(), "There is no arrival that can be taken back.");
        assert_eq!(notes.round.rows[1].wrong, 100);
    }
}
