//! From readings to a level: what one gateway hears of one device, smoothed so that a stray reading moves nobody.

use std::collections::VecDeque;

use crate::config::zones::Hearing;

/// Readings closer together than this share of the window are one value: a burst is heard through one state of the
/// channel and proves no more than a single packet.
const BURSTS_A_WINDOW: u64 = 25;

/// One more than [`BURSTS_A_WINDOW`] fits a window whatever its phase.
const MAX_VALUES: usize = 26;

/// A channel without a direct path, as in a shop, shows most often what is 1.6 dB below its mean power (the median of
/// Rayleigh fading, 10 lg ln 2): that is the reading which whoever measures at 1 m and at a zone's edge writes down.
const MEDIAN_BELOW_POWER_DB: f64 = 1.6;

/// Decibels as powers of e.
const NEPERS_A_DB: f64 = std::f64::consts::LN_10 / 10.0;

/// Of so few values the later ones are no fewer: a device that advertises once in two seconds has three in a window.
const FEWEST_LATER: usize = 3;

/// How strongly one gateway hears a device, in dBm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// Over the window: what somebody stays by.
    pub(super) dbm: f64,
    /// No more than over the later half of it: what somebody enters by, so that whoever walked past, and is loud in the
    /// window still, does not.
    pub(super) lasting_dbm: f64,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    first_us: u64,
    last_us: u64,
    sum_dbm: f64,
    /// The power of the values' mean in milliwatts, kept since an exponential is what costs most.
    power_mw: f64,
    count: u32,
}

impl Value {
    fn new(level_dbm: f64, now_us: u64) -> Self {
        Self { first_us: now_us, last_us: now_us, sum_dbm: level_dbm, power_mw: power_mw(level_dbm), count: 1 }
    }

    fn add(&mut self, level_dbm: f64, now_us: u64) {
        self.sum_dbm += level_dbm;
        self.count = self.count.saturating_add(1);
        self.last_us = now_us;
        self.power_mw = power_mw(self.mean_dbm());
    }

    fn mean_dbm(self) -> f64 {
        self.sum_dbm / f64::from(self.count)
    }
}

/// The recent readings of one device at one gateway; at most 26 values of 40 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    values: VecDeque<Value>,
}

impl Readings {
    /// Takes one reading, corrected for the device's measured power.
    pub(super) fn push(&mut self, level_dbm: f64, now_us: u64, hearing: Hearing) {
        let burst_us = hearing.window_us / BURSTS_A_WINDOW;
        match self.values.back_mut() {
            Some(last) if now_us.saturating_sub(last.first_us) < burst_us => last.add(level_dbm, now_us),
            _ => self.values.push_back(Value::new(level_dbm, now_us)),
        }
        while self.values.len() > MAX_VALUES || self.front_is_older_than(now_us, hearing.silence_us) {
            self.values.pop_front();
        }
    }

    /// Whether the last value is no longer ago than a silence.
    pub(super) fn is_heard(&self, now_us: u64, hearing: Hearing) -> bool {
        self.values.back().is_some_and(|last| now_us.saturating_sub(last.last_us) <= hearing.silence_us)
    }

    /// The level of the window, of the last value if the window is empty, nothing after a longer silence.
    pub(super) fn level(&self, now_us: u64, hearing: Hearing) -> Option<Level> {
        let last = self.values.back().filter(|_| self.is_heard(now_us, hearing))?;
        let from_us = now_us.saturating_sub(hearing.window_us);
        let window: Vec<Value> = self.values.iter().filter(|value| value.last_us >= from_us).copied().collect();
        if window.is_empty() {
            return Some(Level { dbm: last.mean_dbm(), lasting_dbm: last.mean_dbm() });
        }
        let later = window.len().saturating_sub(FEWEST_LATER).min(window.len() / 2);
        let later_dbm = level_dbm(window.get(later..).unwrap_or_default());
        let dbm = level_dbm(&window);
        Some(Level { dbm, lasting_dbm: dbm.min(later_dbm) })
    }

    /// How many values the window has, and the last there is, in dBm.
    pub(super) fn shown(&self, now_us: u64, hearing: Hearing) -> (usize, Option<f64>) {
        let from_us = now_us.saturating_sub(hearing.window_us);
        let count = self.values.iter().filter(|value| value.last_us >= from_us).count();
        (count, self.values.back().map(|last| last.mean_dbm()))
    }

    fn front_is_older_than(&self, now_us: u64, age_us: u64) -> bool {
        self.values.front().is_some_and(|front| now_us.saturating_sub(front.last_us) > age_us)
    }
}

/// The level of at least one value.
///
/// Fades are deep and go one way: a channel that cancels itself out, or a body that passes, takes 10 or 20 dB for a
/// moment and says nothing of distance. So it is the power that is averaged, in which a fade hardly counts, told as the
/// reading that such a channel shows most often; a steady channel's is the readings' own mean. On recordings this tells
/// near from far better than mean, median or quantile of the readings.
fn level_dbm(values: &[Value]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(|a, b| a.power_mw.total_cmp(&b.power_mw));
    if let [.., next, stray] = values.as_mut_slice() {
        // A stray reading moves nobody: the strongest proves no more than the next.
        *stray = *next;
    }
    let mean = |of: fn(&Value) -> f64| values.iter().map(of).sum::<f64>() / count(&values);
    let fading_dbm = libm::log(mean(|value| value.power_mw)) / NEPERS_A_DB - MEDIAN_BELOW_POWER_DB;
    mean(|value| value.mean_dbm()).max(fading_dbm)
}

fn power_mw(level_dbm: f64) -> f64 {
    libm::exp(level_dbm * NEPERS_A_DB)
}

#[expect(clippy::cast_precision_loss, reason = "there are at most 26")]
fn count(values: &[Value]) -> f64 {
    values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARING: Hearing = Hearing { window_us: 5_000_000, silence_us: 12_000_000, second_us: 1_000_000 };

    fn level(readings: &[(u64, f64)], now_ms: u64) -> Option<f64> {
        let mut all = Readings::default();
        for (at_ms, dbm) in readings {
            all.push(*dbm, at_ms * 1_000, HEARING);
        }
        all.level(now_ms * 1_000, HEARING).map(|level| level.dbm)
    }

    /// Levels a second apart, judged with the last.
    fn seconds(dbm: &[f64]) -> Option<f64> {
        let readings: Vec<_> = (0..).map(|second| second * 1_000).zip(dbm.iter().copied()).collect();
        level(&readings, readings[readings.len() - 1].0)
    }

    #[test]
    fn a_steady_level_is_what_is_read() {
        assert_eq!(seconds(&[-65.0; 6]), Some(-65.0));
    }

    #[test]
    fn one_stray_does_not_show_however_strong() {
        assert!((seconds(&[-80.0, -20.0, -81.0]).unwrap() + 80.3).abs() < 0.1);
        assert!((seconds(&[-80.0, -80.0, -20.0, -80.0, -80.0]).unwrap() + 80.0).abs() < 1e-9);
    }

    #[test]
    fn a_burst_is_one_value() {
        let burst = [(0, -80.0), (1_000, -80.0), (2_000, -50.0), (2_010, -50.0), (2_020, -50.0), (2_030, -50.0)];
        assert_eq!(level(&burst, 2_030), Some(-80.0));
    }

    #[test]
    fn deep_fades_are_ridden_out() {
        // Two of five are behind a body, or in a hole of the channel: the rest say how far it is.
        let faded = seconds(&[-64.0, -84.0, -63.0, -90.0, -64.0]).unwrap();
        assert!((-69.0..=-66.0).contains(&faded), "{faded}; the mean is -73");
        // What is far and steady is far.
        assert_eq!(seconds(&[-73.0; 5]), Some(-73.0));
    }

    #[test]
    fn a_device_heard_once_in_ten_seconds_has_a_level() {
        assert_eq!(level(&[(0, -70.0)], 10_000), Some(-70.0));
        assert_eq!(level(&[(0, -70.0)], 12_001), None);
    }

    #[test]
    fn what_was_loud_a_moment_ago_does_not_last() {
        let mut all = Readings::default();
        for (second, dbm) in (0..).zip([-60.0, -60.0, -60.0, -75.0, -75.0, -75.0]) {
            all.push(dbm, second * 1_000_000, HEARING);
        }
        let level = all.level(5_000_000, HEARING).unwrap();
        assert!(level.dbm > -66.0 && level.lasting_dbm < -74.0, "{level:?}");
    }

    #[test]
    fn memory_is_bounded() {
        let mut all = Readings::default();
        for at_ms in 0..100_000 {
            all.push(-70.0, at_ms * 1_000, HEARING);
        }
        assert!(all.values.len() <= MAX_VALUES);
    }
}
