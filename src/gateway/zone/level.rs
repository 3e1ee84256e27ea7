//! From readings to a level: what one gateway hears of one device, smoothed so that a stray reading moves nobody.

use std::collections::VecDeque;

use crate::config::zones::Hearing;

/// Readings closer together than this share of the window are one value: a burst is heard through one state of the
/// channel and proves no more than a single packet.
const BURSTS_A_WINDOW: u64 = 25;

/// One more than [`BURSTS_A_WINDOW`] fits a window whatever its phase.
const MAX_VALUES: usize = 26;

#[derive(Clone, Copy, Debug)]
struct Value {
    first_us: u64,
    last_us: u64,
    sum_dbm: f64,
    count: u32,
}

impl Value {
    fn mean_dbm(self) -> f64 {
        self.sum_dbm / f64::from(self.count)
    }
}

/// The recent readings of one device at one gateway; at most 26 values of 32 bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    values: VecDeque<Value>,
}

impl Readings {
    /// Takes one reading, corrected for the device's measured power.
    pub(super) fn push(&mut self, level_dbm: f64, now_us: u64, hearing: Hearing) {
        let burst_us = hearing.window_us / BURSTS_A_WINDOW;
        match self.values.back_mut() {
            Some(last) if now_us.saturating_sub(last.first_us) < burst_us => {
                last.sum_dbm += level_dbm;
                last.count = last.count.saturating_add(1);
                last.last_us = now_us;
            }
            _ => self.values.push_back(Value { first_us: now_us, last_us: now_us, sum_dbm: level_dbm, count: 1 }),
        }
        while self.values.len() > MAX_VALUES || self.front_is_older_than(now_us, hearing.silence_us) {
            self.values.pop_front();
        }
    }

    /// The median of the window, the last value if the window is empty, nothing after a longer silence.
    pub(super) fn level_dbm(&self, now_us: u64, hearing: Hearing) -> Option<f64> {
        let last = self.values.back()?;
        if now_us.saturating_sub(last.last_us) > hearing.silence_us {
            return None;
        }
        let from_us = now_us.saturating_sub(hearing.window_us);
        let mut window: Vec<f64> =
            self.values.iter().filter(|value| value.last_us >= from_us).map(|value| value.mean_dbm()).collect();
        if window.is_empty() {
            return Some(last.mean_dbm());
        }
        window.sort_by(f64::total_cmp);
        let upper = *window.get(window.len() / 2)?;
        let lower = *window.get((window.len() - 1) / 2)?;
        Some(f64::midpoint(lower, upper))
    }

    fn front_is_older_than(&self, now_us: u64, age_us: u64) -> bool {
        self.values.front().is_some_and(|front| now_us.saturating_sub(front.last_us) > age_us)
    }
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
        all.level_dbm(now_ms * 1_000, HEARING)
    }

    #[test]
    fn one_stray_among_three_does_not_show() {
        assert_eq!(level(&[(0, -80.0), (1_000, -50.0), (2_000, -81.0)], 2_000), Some(-80.0));
    }

    #[test]
    fn a_burst_is_one_value() {
        let burst = [(0, -80.0), (1_000, -80.0), (2_000, -50.0), (2_010, -50.0), (2_020, -50.0), (2_030, -50.0)];
        assert_eq!(level(&burst, 2_030), Some(-80.0));
    }

    #[test]
    fn a_device_heard_once_in_ten_seconds_has_a_level() {
        assert_eq!(level(&[(0, -70.0)], 10_000), Some(-70.0));
        assert_eq!(level(&[(0, -70.0)], 12_001), None);
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
