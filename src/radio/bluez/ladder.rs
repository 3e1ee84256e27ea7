//! The watchdog: what is done when nothing at all is heard, and how long after.
//!
//! An empty shop is silent, and so is a dead radio. What tells them apart is evidence that something ought to be heard:
//! fixed beacons in the configuration, or, less surely, that something was heard before. The surer it is, the further the
//! ladder goes; without evidence the scan is only started again, ever more rarely, which disturbs nobody.
//!
//! Time is handed in, in microseconds on any clock that never runs backwards.

const MINUTE_US: u64 = 60_000_000;

/// Silence that is worth a thought: a fixed beacon transmits each second or so, a phone several times.
const FIRST_LOOK_US: u64 = MINUTE_US;

/// From then on the scan is started again at most so rarely.
const LONGEST_PAUSE_US: u64 = 10 * MINUTE_US;

/// When beacons ought to be heard: two fresh scans have not helped by then.
const POWER_CYCLE_US: u64 = 5 * MINUTE_US;

/// When something was heard before: as a shop that closes falls silent too, later, and once in each silence.
const POWER_CYCLE_WITHOUT_BEACONS_US: u64 = 20 * MINUTE_US;

/// Only bluetoothd is left to be wrong, or the stick's own program.
const RESTART_US: u64 = 10 * MINUTE_US;

/// Nothing has helped: somebody has to come and look.
const SAY_SO_US: u64 = 15 * MINUTE_US;

/// While beacons ought to be heard, the adapter is switched off and on again so often.
const AGAIN_US: u64 = 60 * MINUTE_US;

/// How surely something ought to be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing speaks for it.
    None,
    /// Something was heard before.
    HeardBefore,
    /// Fixed beacons are in the configuration.
    FixedBeacons,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    /// The scan is started again, the monitor registered anew.
    ScanAgain,
    /// The adapter is switched off and on.
    PowerCycle,
    /// bluetoothd is started again, where that is allowed.
    RestartBluetoothd,
    /// It is said that nothing is heard.
    SaySo,
}

/// Where one adapter stands on the ladder.
#[derive(Debug)]
pub(super) struct Ladder {
    silent_since_us: u64,
    was_heard: bool,
    /// Signs of life that were counted so far.
    signs: u64,
    /// Rungs of this silence that are behind.
    cycled_us: Option<u64>,
    restarted: bool,
    said: bool,
    pause_us: u64,
    next_scan_us: u64,
}

impl Ladder {
    /// A silence that begins now.
    pub(super) fn new(now_us: u64) -> Self {
        Self {
            silent_since_us: now_us,
            was_heard: false,
            signs: 0,
            cycled_us: None,
            restarted: false,
            said: false,
            pause_us: FIRST_LOOK_US,
            next_scan_us: now_us.saturating_add(FIRST_LOOK_US),
        }
    }

    /// Listening begins, and signs of life are counted from 0. What nobody heard before it is no silence, unless the
    /// outage was a rung of this ladder: then it is `climbing`.
    pub(super) fn begin(&mut self, now_us: u64, climbing: bool) {
        self.signs = 0;
        if !climbing && !self.said {
            *self = Self { was_heard: self.was_heard, ..Self::new(now_us) };
        }
    }

    /// Whether it has been said that nothing is heard, and nothing was since.
    pub(super) fn has_said(&self) -> bool {
        self.said
    }

    /// There have been so many signs of life. Answers whether any is new, which ends the silence.
    pub(super) fn counts(&mut self, signs: u64, now_us: u64) -> bool {
        let is_new = signs != self.signs;
        if is_new {
            *self = Self { was_heard: true, signs, ..Self::new(now_us) };
        }
        is_new
    }

    /// Whether a beacon that ought to be heard is known, or at least something was heard before.
    fn evidence(&self, beacons: bool) -> Evidence {
        match (beacons, self.was_heard) {
            (true, _) => Evidence::FixedBeacons,
            (false, true) => Evidence::HeardBefore,
            (false, false) => Evidence::None,
        }
    }

    /// What is to be done now, if anything; `beacons` says whether fixed beacons ought to be heard.
    pub(super) fn due(&mut self, now_us: u64, beacons: bool) -> Option<Rung> {
        let silent_us = now_us.saturating_sub(self.silent_since_us);
        let rung = match self.evidence(beacons) {
            Evidence::None => None,
            Evidence::HeardBefore => {
                let is_due = self.cycled_us.is_none() && silent_us >= POWER_CYCLE_WITHOUT_BEACONS_US;
                is_due.then_some(Rung::PowerCycle)
            }
            Evidence::FixedBeacons => self.due_with_beacons(now_us, silent_us),
        };
        let rung = rung.or_else(|| (now_us >= self.next_scan_us).then_some(Rung::ScanAgain))?;
        match rung {
            Rung::PowerCycle => self.cycled_us = Some(now_us),
            Rung::RestartBluetoothd => self.restarted = true,
            Rung::SaySo => self.said = true,
            Rung::ScanAgain => {}
        }
        if rung != Rung::SaySo {
            // Every rung starts the scan again.
            self.pause_us = (self.pause_us * 2).min(LONGEST_PAUSE_US);
            self.next_scan_us = now_us.saturating_add(self.pause_us);
        }
        Some(rung)
    }

    fn due_with_beacons(&self, now_us: u64, silent_us: u64) -> Option<Rung> {
        let cycle_again = self.cycled_us.is_some_and(|cycled_us| now_us.saturating_sub(cycled_us) >= AGAIN_US);
        if silent_us >= SAY_SO_US && !self.said {
            Some(Rung::SaySo)
        } else if silent_us >= RESTART_US && !self.restarted {
            Some(Rung::RestartBluetoothd)
        } else if (silent_us >= POWER_CYCLE_US && self.cycled_us.is_none()) || cycle_again {
            Some(Rung::PowerCycle)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rungs of so many minutes of silence, looked at every 10 s: minute and rung.
    fn climb(ladder: &mut Ladder, from_us: u64, minutes: u64, beacons: bool) -> Vec<(u64, Rung)> {
        let looks = (0..minutes * 6).map(|look| from_us + look * MINUTE_US / 6);
        looks.filter_map(|now_us| Some(((now_us - from_us) / MINUTE_US, ladder.due(now_us, beacons)?))).collect()
    }

    #[test]
    fn an_empty_shop_is_scanned_again_ever_more_rarely_and_nothing_else() {
        let rungs = climb(&mut Ladder::new(0), 0, 60, false);
        let minutes: Vec<_> = rungs.iter().map(|(minute, _)| *minute).collect();
        assert_eq!(minutes, [1, 3, 7, 15, 25, 35, 45, 55]);
        assert!(rungs.iter().all(|(_, rung)| *rung == Rung::ScanAgain));
    }

    #[test]
    fn with_fixed_beacons_the_whole_ladder_is_climbed() {
        let rungs = climb(&mut Ladder::new(0), 0, 130, true);
        let steep: Vec<_> = rungs.into_iter().filter(|(_, rung)| *rung != Rung::ScanAgain).collect();
        let expected = [
            (5, Rung::PowerCycle),
            (10, Rung::RestartBluetoothd),
            (15, Rung::SaySo),
            (65, Rung::PowerCycle),
            (125, Rung::PowerCycle),
        ];
        assert_eq!(steep, expected);
    }

    #[test]
    fn what_was_heard_before_is_worth_one_power_cycle_a_silence() {
        let mut ladder = Ladder::new(0);
        ladder.counts(1, 0);
        let rungs = climb(&mut ladder, 0, 600, false);
        let cycles: Vec<_> = rungs.into_iter().filter(|(_, rung)| *rung != Rung::ScanAgain).collect();
        assert_eq!(cycles, [(20, Rung::PowerCycle)]);
    }

    #[test]
    fn an_outage_is_no_silence_unless_it_is_a_rung() {
        let mut ladder = Ladder::new(0);
        ladder.begin(60 * MINUTE_US, false);
        assert_eq!(ladder.due(60 * MINUTE_US, true), None);
        let rungs = climb(&mut ladder, 60 * MINUTE_US, 11, true);
        assert_eq!(rungs.last(), Some(&(10, Rung::RestartBluetoothd)));
        ladder.begin(71 * MINUTE_US, true);
        assert_eq!(climb(&mut ladder, 71 * MINUTE_US, 5, true).last(), Some(&(4, Rung::SaySo)));
        assert!(ladder.has_said());
    }

    #[test]
    fn a_sound_ends_the_silence() {
        let mut ladder = Ladder::new(0);
        assert_eq!(climb(&mut ladder, 0, 16, true).last(), Some(&(15, Rung::SaySo)));
        assert!(ladder.counts(1, 17 * MINUTE_US));
        assert!(!ladder.counts(1, 17 * MINUTE_US));
        assert_eq!(climb(&mut ladder, 17 * MINUTE_US, 2, true), [(1, Rung::ScanAgain)]);
    }
}
