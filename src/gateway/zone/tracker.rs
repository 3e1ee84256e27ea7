//! One device on the map: its readings gathered by the second, and what they make believe.

use super::filter::{Belief, Heard};
use super::map::Map;
use super::model::narrow;
use crate::config::zones::Hearing;

/// Gateways that heard the device in so many seconds are those that could have heard it in this one (zones, "Predict").
const LATELY_SECONDS: u64 = 10;

/// What one gateway hears of a device: the second that is open, and the last one in which it heard it.
#[derive(Clone, Copy, Debug, Default)]
struct Ear {
    sum_db: f32,
    count: u16,
    last_dbm: f32,
    last_count: u16,
    last_us: Option<u64>,
}

/// What is known of one device's place. 32 bytes an anchor, 8 a zone and 8 a cell: at 20 gateways, 20 zones and 600
/// cells 6 KB; at 64 gateways, 64 fixed beacons and 256 zones 11 KB.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracker {
    /// When the open second began: with the first reading after the last.
    opened_us: Option<u64>,
    ears: Vec<Ear>,
    belief: Option<Belief>,
    believed_us: u64,
    confidences: Vec<f64>,
}

impl Tracker {
    /// Takes one reading of a gateway whose place is known.
    pub(super) fn hear(&mut self, gateway: usize, gateways: usize, level_dbm: f64, now_us: u64) {
        self.ears.resize(gateways, Ear::default());
        let Some(ear) = self.ears.get_mut(gateway) else { return };
        ear.sum_db += narrow(level_dbm);
        ear.count = ear.count.saturating_add(1);
        self.opened_us = self.opened_us.or(Some(now_us));
    }

    /// When the second that is open is over, on the monotonic clock.
    pub(super) fn due_us(&self, hearing: Hearing) -> Option<u64> {
        self.opened_us.map(|opened_us| opened_us.saturating_add(hearing.second_us))
    }

    /// Takes in the second that is over, and says when it began. Who was in `zone` before anything was heard is likely
    /// to be there.
    pub(super) fn close(&mut self, map: &Map, hearing: Hearing, zone: Option<usize>, now_us: u64) -> Option<u64> {
        let opened_us = self.opened_us.take()?;
        let mut belief = self.belief.take().unwrap_or_else(|| {
            self.believed_us = now_us;
            Belief::new(&map.prior(zone))
        });
        belief.predict(&map.grid, seconds(now_us.saturating_sub(self.believed_us), hearing), &map.prior(None));
        self.believed_us = now_us;
        let heard: Vec<Heard<'_>> =
            self.ears.iter().enumerate().filter_map(|(gateway, ear)| ear.heard(map, gateway)).collect();
        let lately_us = hearing.second_us.saturating_mul(LATELY_SECONDS);
        let lately = self.ears.iter().filter(|ear| ear.count > 0 || ear.is_younger_than(lately_us, now_us)).count();
        belief.update(&heard, share(heard.len(), lately), map.sigma_db);
        self.confidences = map.confidences(&belief);
        self.belief = Some(belief);
        self.ears.iter_mut().for_each(|ear| ear.close(now_us));
        Some(opened_us)
    }

    /// How sure one can be that the device is in this zone, 0 to 1, as of the last second in which it was heard.
    pub(super) fn confidence(&self, zone: usize) -> f64 {
        self.confidences.get(zone).copied().unwrap_or(0.0)
    }
}

impl Ear {
    fn heard<'a>(&self, map: &'a Map, gateway: usize) -> Option<Heard<'a>> {
        let expected = map.expected(gateway).filter(|_| self.count > 0)?;
        Some(Heard { expected, level_dbm: self.mean_dbm(), count: f32::from(self.count) })
    }

    fn mean_dbm(&self) -> f32 {
        self.sum_db / f32::from(self.count.max(1))
    }

    fn is_younger_than(&self, age_us: u64, now_us: u64) -> bool {
        self.last_us.is_some_and(|last_us| now_us.saturating_sub(last_us) <= age_us)
    }

    fn close(&mut self, now_us: u64) {
        if self.count > 0 {
            *self = Self {
                sum_db: 0.0,
                count: 0,
                last_dbm: self.mean_dbm(),
                last_count: self.count,
                last_us: Some(now_us),
            };
        }
    }
}

/// Seconds as the filter counts them: the demo's are shorter.
#[expect(clippy::cast_precision_loss, reason = "a time that is long is long")]
fn seconds(us: u64, hearing: Hearing) -> f64 {
    us as f64 / hearing.second_us.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "there are at most a few dozen gateways")]
fn share(now: usize, lately: usize) -> f32 {
    now as f32 / lately.max(1) as f32
}

/// What a device is believed to be, for [`super::why`].
pub(super) struct Believed<'a> {
    pub(super) masses: &'a Belief,
    pub(super) cell: usize,
    pub(super) place_m: Option<(f64, f64)>,
    pub(super) power_db: f32,
    pub(super) power_sigma_db: f32,
    pub(super) ears: Vec<Shown>,
}

/// What one gateway heard in the last second, and what it should have heard of a device in the likeliest cell that is as
/// loud as it says.
pub(super) struct Shown {
    pub(super) anchor: usize,
    pub(super) mean_dbm: f32,
    pub(super) count: u16,
    pub(super) expected_dbm: f32,
}

impl Tracker {
    /// What is believed as of the last second in which the device was heard, and what was heard in it.
    pub(super) fn told(&self, map: &Map) -> Option<Believed<'_>> {
        let belief = self.belief.as_ref()?;
        let (cell, _) = belief.masses().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let (power_db, power_sigma_db) = belief.power();
        let heard = self.ears.iter().enumerate().filter(|(_, ear)| ear.last_us == Some(self.believed_us));
        let shown = |(anchor, ear): (usize, &Ear)| {
            let expected_dbm = *map.expected(anchor)?.as_flattened().get(cell)?;
            Some(Shown { anchor, mean_dbm: ear.last_dbm, count: ear.last_count, expected_dbm })
        };
        let place_m = map.grid.middles().nth(cell);
        Some(Believed {
            masses: belief,
            cell,
            place_m,
            power_db,
            power_sigma_db,
            ears: heard.filter_map(shown).collect(),
        })
    }
}
