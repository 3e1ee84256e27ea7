//! When a broker is gone and when it is back: pauses between attempts, and the suspicion that someone else is connected.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// First and longest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An outage is over when a broker that took a message has stayed for so long. Until then the pauses keep growing and
/// nothing is logged, so that a flapping link costs one line and not one a second.
const STEADY_AFTER: Duration = Duration::from_secs(10);

/// So many connections in a row that the broker took a message on and closed soon after, without a reason and while it
/// owed no answer, are taken for another decider's: a broker that restarts is absent in between, and one that dislikes a
/// message closes before it has acknowledged it. Two deciders with a ledger each would break the promise, so this errs
/// towards silence.
const TAKEN_OVER_AFTER: u32 = 3;

/// How far a connection has proven itself.
enum Footing {
    /// No message was acknowledged on it. A CONNACK alone proves too little: a broker may accept a session and close it
    /// at the first message, again and again.
    Unproven,
    /// One was, and the timer runs.
    Proven(Pin<Box<Sleep>>),
    /// It has stayed.
    Steady,
}

/// What is known of the broker's being there.
pub(super) struct Outage {
    footing: Footing,
    /// Pauses since it was last steady.
    pauses: u32,
    /// Connections in a row that were closed without a reason.
    closed: u32,
}

/// How a connection, or the attempt at one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Closed without a reason, while nothing waited for an acknowledgement.
    ClosedIdle,
    /// Closed without a reason, perhaps because of what was being sent.
    ClosedBusy,
    /// Anything else.
    Failed,
}

impl Outage {
    pub(super) fn new() -> Self {
        Self { footing: Footing::Unproven, pauses: 0, closed: 0 }
    }

    /// A message was acknowledged. Once the timer has run, [`Outage::steady`] is due.
    pub(super) fn proven(&mut self) {
        if matches!(self.footing, Footing::Unproven) {
            self.footing = Footing::Proven(Box::pin(sleep(STEADY_AFTER)));
        }
    }

    pub(super) fn timer(&mut self) -> Option<&mut Pin<Box<Sleep>>> {
        match &mut self.footing {
            Footing::Proven(timer) => Some(timer),
            Footing::Unproven | Footing::Steady => None,
        }
    }

    /// The connection has stayed; whether an outage ends with it.
    pub(super) fn steady(&mut self) -> bool {
        self.footing = Footing::Steady;
        self.closed = 0;
        std::mem::take(&mut self.pauses) > 0
    }

    /// The connection ended; whether to believe that the session was taken over.
    pub(super) fn ended(&mut self, ending: Ending) -> bool {
        let proven = !matches!(std::mem::replace(&mut self.footing, Footing::Unproven), Footing::Unproven);
        self.closed = match ending {
            Ending::ClosedIdle if proven => self.closed + 1,
            Ending::ClosedBusy => self.closed,
            Ending::ClosedIdle | Ending::Failed => 0,
        };
        self.closed >= TAKEN_OVER_AFTER
    }

    /// Whether an ending begins an outage, rather than continuing one.
    pub(super) fn begins(&self) -> bool {
        self.pauses == 0
    }

    /// The next pause. Pauses double from half a second to half a minute, each shortened by up to a half at random, so
    /// that a chain's shops do not all come back in the same instant.
    pub(super) fn next_pause(&mut self) -> Duration {
        let longest = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(6)).min(LONGEST_PAUSE);
        self.pauses = self.pauses.saturating_add(1);
        // Without randomness the pause is merely a regular one.
        let random = getrandom::u32().unwrap_or(0);
        longest / 2 + (longest / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

/// Ends with the timer; never without one.
pub(super) async fn elapsed(timer: Option<&mut Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_start_again_when_steady() {
        let mut outage = Outage::new();
        assert!(outage.begins());
        let pauses: Vec<_> = (0..40).map(|_| outage.next_pause()).collect();
        assert!(!outage.begins());
        for (nth, pause) in pauses.iter().enumerate() {
            let longest = FIRST_PAUSE.saturating_mul(1 << nth.min(6)).min(LONGEST_PAUSE);
            assert!((longest / 2..=longest).contains(pause), "{nth}: {pause:?}");
        }
        assert!(outage.steady());
        assert!(outage.begins() && outage.next_pause() <= FIRST_PAUSE);
    }

    /// A chain's shops, all of which lost the same broker in the same instant.
    #[test]
    fn a_hundred_that_lost_one_broker_do_not_come_back_together() {
        let fifth = |_: usize| {
            let mut outage = Outage::new();
            (0..5).map(|_| outage.next_pause()).last().unwrap_or_default()
        };
        let mut pauses: Vec<_> = (0..100).map(fifth).collect();
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() > 90, "{} different ones", pauses.len());
        let (first, last) = (pauses[0], pauses[pauses.len() - 1]);
        assert!(
            last > first + Duration::from_secs(2),
            "over most of the 4 s that they may differ by: {first:?} to {last:?}"
        );
    }

    #[tokio::test]
    async fn three_closings_in_a_row_without_a_reason_are_someone_else() {
        use Ending::{ClosedBusy, ClosedIdle, Failed};
        let ends = |endings: &[(bool, Ending)]| {
            let mut outage = Outage::new();
            let suspicions = endings.iter().map(|(proven, ending)| {
                if *proven {
                    outage.proven();
                }
                outage.ended(*ending)
            });
            suspicions.last()
        };
        let idle = (true, ClosedIdle);
        assert_eq!(ends(&[idle, idle]), Some(false));
        assert_eq!(ends(&[idle, idle, idle]), Some(true));
        assert_eq!(ends(&[idle, idle, (true, ClosedBusy), idle]), Some(true));
        assert_eq!(ends(&[(true, ClosedBusy); 9]), Some(false), "perhaps the broker dislikes an offer");
        assert_eq!(ends(&[idle, idle, (false, Failed), idle]), Some(false), "the broker was away");
        assert_eq!(ends(&[(false, ClosedIdle); 9]), Some(false), "it never took a message");
    }
}
