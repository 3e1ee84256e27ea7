//! What the decider takes of one scanner's batches: each once, in whatever order, if it is not late. Pure, and of one
//! scanner; one that floods or lies costs its own messages only.

use std::collections::VecDeque;

use super::MAX_LAG_US;
use super::wire::{Batch, Flaw, Nonce};
use crate::radio::limit::{Limit, Rate};

/// Four a second and one to spare; 20 at once, since a link that stood still for five seconds brings them together.
const RATE: Rate = Rate { interval_us: 200_000, burst: 20 };

/// Lives that have ended and are not taken up again: a scanner that restarts more often within what a broker holds back is
/// taken for a new one, and costs a few sightings that come late.
const ENDED_LIVES: usize = 8;

/// Numbers behind the highest one that are still told apart: sixteen seconds of a scanner at its fastest.
const WINDOW: u64 = 64;

/// How far two clocks run apart, in parts of a million: crystals of a Pi stray by 50 at the most, and there are two.
const DRIFT_PPM: i64 = 200;

/// Why a batch, or what it says, is not taken. The words are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// It is none.
    Flaw(Flaw),
    /// The broker had kept it: it is old, nobody knows how old.
    Retained,
    /// The scanner says more than four messages a second.
    TooMany,
    /// It has come before.
    Repeated,
    /// It is of a life that has ended, or far behind what came since.
    Old,
    /// It took too long, or nobody knows how long the way is.
    Late,
}

impl Refusal {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Flaw(flaw) => flaw.word(),
            Self::Retained => "retained",
            Self::TooMany => "too-many",
            Self::Repeated => "repeated",
            Self::Old => "old",
            Self::Late => "late",
        }
    }
}

/// A batch that is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// What it says.
    pub batch: Batch,
    /// How much longer than the fastest it was under way, in microseconds.
    pub lag_us: u64,
    /// Batches of which it is certain now that they never came.
    pub lost: u64,
    /// It begins a life of the scanner.
    pub is_first: bool,
}

/// What is known of a scanner's numbers and clock.
#[derive(Default)]
pub struct Intake {
    limit: Limit,
    life: Option<Life>,
    ended: VecDeque<Nonce>,
}

struct Life {
    id: Nonce,
    highest: u64,
    /// A bit for each of the last [`WINDOW`] numbers that came, the highest's lowest.
    came: u64,
    /// The receiver's clock less the scanner's at the fastest batch, in microseconds, and when that was.
    least_us: i64,
    least_at_us: u64,
}

impl Intake {
    /// Takes a batch at `now_us` (monotonic).
    ///
    /// # Errors
    /// Why not.
    pub fn take(&mut self, payload: &[u8], now_us: u64) -> Result<Taken, Refusal> {
        if !self.limit.allows(RATE, now_us) {
            return Err(Refusal::TooMany);
        }
        let batch = Batch::read(payload).map_err(Refusal::Flaw)?;
        let is_first = self.begin(&batch, now_us)?;
        let Some(life) = &mut self.life else { return Err(Refusal::Old) };
        let lost = life.number(batch.seq)?;
        let lag_us = life.lag_us(batch.at_ms, now_us);
        // A way of which nothing is known yet is taken as long as it is for whoever asks for the table first.
        let way_is_long = batch.way_ms.is_some_and(|way_ms| way_ms.saturating_mul(1_000) > MAX_LAG_US);
        if lag_us > MAX_LAG_US || way_is_long {
            return Err(Refusal::Late);
        }
        Ok(Taken { batch, lag_us, lost, is_first })
    }

    /// Whether the batch begins a life, which ends the one before.
    fn begin(&mut self, batch: &Batch, now_us: u64) -> Result<bool, Refusal> {
        if self.life.as_ref().is_some_and(|life| life.id == batch.life) {
            return Ok(false);
        }
        if self.ended.contains(&batch.life) {
            return Err(Refusal::Old);
        }
        let before = self.life.replace(Life::new(batch, now_us));
        self.ended.extend(before.map(|life| life.id));
        if self.ended.len() > ENDED_LIVES {
            self.ended.pop_front();
        }
        Ok(true)
    }
}

impl Life {
    fn new(batch: &Batch, now_us: u64) -> Self {
        // What came before the first is nobody's loss: the decider may have been away.
        let came = u64::MAX << 1;
        Self { id: batch.life, highest: batch.seq, came, least_us: offset_us(batch.at_ms, now_us), least_at_us: now_us }
    }

    /// Notes a number; how many are certain now never to have come.
    fn number(&mut self, seq: u64) -> Result<u64, Refusal> {
        if let Some(behind) = self.highest.checked_sub(seq) {
            let bit = u32::try_from(behind).ok().and_then(|behind| 1_u64.checked_shl(behind)).ok_or(Refusal::Old)?;
            if self.came & bit != 0 {
                return Err(Refusal::Repeated);
            }
            self.came |= bit;
            return Ok(0);
        }
        let ahead = seq - self.highest;
        self.highest = seq;
        // Those that fall out of the window and are not in it, and those that never were in it.
        let leaving = u32::try_from(ahead.min(WINDOW)).unwrap_or(u32::MAX);
        let missing = u64::from((!self.came).checked_shr(64 - leaving).unwrap_or(0).count_ones());
        let never = ahead.saturating_sub(WINDOW);
        self.came = self.came.checked_shl(leaving).unwrap_or(0) | 1;
        Ok(missing + never)
    }

    /// How much longer than the fastest a batch was under way. The fastest is let go of as clocks run apart.
    fn lag_us(&mut self, at_ms: u64, now_us: u64) -> u64 {
        let elapsed_us = i64::try_from(now_us.saturating_sub(self.least_at_us)).unwrap_or(i64::MAX);
        let offset_us = offset_us(at_ms, now_us);
        let drifted_us = self.least_us.saturating_add(elapsed_us.saturating_mul(DRIFT_PPM) / 1_000_000);
        if offset_us <= drifted_us {
            (self.least_us, self.least_at_us) = (offset_us, now_us);
        }
        u64::try_from(offset_us.saturating_sub(drifted_us)).unwrap_or(0)
    }
}

fn offset_us(at_ms: u64, now_us: u64) -> i64 {
    let signed = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
    signed(now_us).saturating_sub(signed(at_ms.saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    /// A batch of that life and number, sent at that second of the scanner's own clock.
    fn batch(life: u64, seq: u64, at_secs: u64) -> String {
        let batch =
            Batch { life: Nonce(life), seq, at_ms: at_secs * 1_000, way_ms: None, edition: None, heard: Vec::new() };
        batch.message()
    }

    fn take(intake: &mut Intake, life: u64, seq: u64, at_secs: u64, now_secs: u64) -> Result<u64, Refusal> {
        let taken = intake.take(batch(life, seq, at_secs).as_bytes(), now_secs * SECOND_US);
        taken.map(|taken| (taken.lag_us + SECOND_US / 2) / SECOND_US)
    }

    #[test]
    fn a_batch_counts_once_in_whatever_order() {
        let mut intake = Intake::default();
        for seq in [5, 9, 7, 8, 6, 10] {
            assert_eq!(take(&mut intake, 1, seq, 100, 100), Ok(0), "{seq}");
        }
        for seq in [5, 7, 10] {
            assert_eq!(take(&mut intake, 1, seq, 100, 100), Err(Refusal::Repeated), "{seq}");
        }
        assert_eq!(take(&mut intake, 1, 4, 100, 100), Err(Refusal::Repeated), "what came before the first is over");
        assert_eq!(take(&mut intake, 1, 100, 100, 100), Ok(0));
        assert_eq!(take(&mut intake, 1, 36, 100, 100), Err(Refusal::Old));
        assert_eq!(take(&mut intake, 1, 37, 100, 100), Ok(0));
    }

    #[test]
    fn what_never_comes_is_lost_once_it_cannot_come_any_more() {
        let mut intake = Intake::default();
        let mut lost = |seq: u64| intake.take(batch(1, seq, seq).as_bytes(), seq * SECOND_US).unwrap().lost;
        assert_eq!([lost(1), lost(2), lost(5)], [0, 0, 0], "3 and 4 may still come");
        assert_eq!((6..=66).map(&mut lost).sum::<u64>(), 0);
        assert_eq!([lost(67), lost(68), lost(69)], [1, 1, 0]);
        assert_eq!(lost(69 + 64 + 10), 10, "ten were passed over for good, and 63 may still come");
    }

    #[test]
    fn a_clock_may_say_what_it_likes_as_long_as_it_runs() {
        let mut intake = Intake::default();
        assert_eq!(take(&mut intake, 1, 1, 1_000_000, 10), Ok(0));
        assert_eq!(take(&mut intake, 1, 2, 1_000_005, 15), Ok(0));
        assert_eq!(take(&mut intake, 1, 3, 1_000_008, 20), Ok(2), "two seconds longer than the fastest");
        assert_eq!(take(&mut intake, 1, 4, 1_000_011, 25), Err(Refusal::Late));
        assert_eq!(take(&mut intake, 1, 5, 1_000_020, 30), Ok(0));
    }

    #[test]
    fn clocks_that_run_apart_are_followed() {
        let mut intake = Intake::default();
        // A scanner whose clock loses 100 parts of a million, for two days: 17 s in all.
        for minute in 0..2_880 {
            let now_us = minute * 60 * SECOND_US;
            let at_ms = (now_us - now_us / 10_000) / 1_000;
            let batch = Batch { at_ms, ..Batch::read(batch(1, minute + 1, 0).as_bytes()).unwrap() };
            let taken = intake.take(batch.message().as_bytes(), now_us).unwrap();
            assert!(taken.lag_us < SECOND_US, "minute {minute}");
        }
    }

    #[test]
    fn a_life_that_has_ended_is_not_taken_up_again() {
        let mut intake = Intake::default();
        assert_eq!(take(&mut intake, 1, 500, 100, 100), Ok(0));
        assert_eq!(take(&mut intake, 2, 1, 0, 101), Ok(0), "another clock, another number");
        assert_eq!(take(&mut intake, 1, 501, 101, 102), Err(Refusal::Old));
        assert_eq!(take(&mut intake, 2, 2, 1, 102), Ok(0));
    }

    #[test]
    fn more_than_a_scanner_says_is_not_read() {
        let mut intake = Intake::default();
        let taken = (1..=100).filter(|seq| take(&mut intake, 1, *seq, 100, 100).is_ok()).count();
        assert_eq!(taken, 20);
        assert_eq!(take(&mut intake, 1, 101, 100, 100), Err(Refusal::TooMany));
        assert_eq!(take(&mut intake, 1, 102, 101, 101), Ok(0));
    }
}
