//! One device on the map: its readings gathered by the burst, and what they make believe.

use super::filter::{Belief, Burst, Heard};
use super::map::Map;
use super::model::narrow;
use super::motion::Unrest;
use crate::config::zones::Hearing;

/// Gateways that heard the device in so many seconds are those that could have heard it in this one (zones, "Predict").
const LATELY_SECONDS: u64 = 10;

/// Gateways hear one transmission within milliseconds of each other, and scanners report four times a second: a burst is
/// what comes within so many parts of a second. It is judged when it is over, since what is announced a second late is
/// wrong for a second.
const BURSTS_A_SECOND: u64 = 4;

/// What was usual is a mean over about so many seconds.
const USUAL_SECONDS: f32 = 8.0;

/// Fewer readings than this are not usual yet.
const LEAST_USUAL: f32 = 1.2;

/// What one gateway hears of a device: the burst that is open, the last one in which it heard it, and what was usual.
#[derive(Clone, Copy, Debug, Default)]
struct Ear {
    sum_db: f32,
    count: u16,
    last_dbm: f32,
    last_count: u16,
    last_us: Option<u64>,
    /// The mean level of the last seconds, and of how many readings.
    usual_dbm: f32,
    usual: f32,
}

/// What is known of one device's place. 40 bytes an anchor, 8 a zone and 8 a cell: at 20 gateways, 20 zones and 600
/// cells 6 KB; at 64 gateways, 64 fixed beacons and 256 zones 12 KB.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracker {
    /// When the open burst began: with the first reading after the last one.
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

    /// When the burst that is open is over, on the monotonic clock.
    pub(super) fn due_us(&self, hearing: Hearing) -> Option<u64> {
        self.opened_us.map(|opened_us| opened_us.saturating_add(hearing.second_us / BURSTS_A_SECOND))
    }

    /// Takes in the burst that is over, and says when it began. Who was in `zone` before anything was heard is likely
    /// to be there.
    pub(super) fn close(&mut self, map: &Map, hearing: Hearing, zone: Option<usize>, now_us: u64) -> Option<u64> {
        let opened_us = self.opened_us.take()?;
        let since = self.belief.as_ref().map(|_| seconds(now_us.saturating_sub(self.believed_us), hearing));
        let mut belief = self.belief.take().unwrap_or_else(|| Belief::new(&map.prior(zone)));
        belief.predict(&map.grid, since.unwrap_or_default(), || map.prior(None));
        self.believed_us = now_us;
        let heard: Vec<Heard<'_>> =
            self.ears.iter().enumerate().filter_map(|(gateway, ear)| ear.heard(map, gateway)).collect();
        let lately_us = hearing.second_us.saturating_mul(LATELY_SECONDS);
        let lately = self.ears.iter().filter(|ear| ear.count > 0 || ear.is_younger_than(lately_us, now_us)).count();
        // The first burst is worth a whole second: nothing was heard before it.
        let burst = Burst::new(since.unwrap_or(1.0), (heard.len(), lately), self.unrest(hearing, now_us));
        belief.update(&heard, burst, map.sigma_db);
        self.confidences = map.confidences(&belief);
        self.belief = Some(belief);
        self.ears.iter_mut().for_each(|ear| ear.close(hearing, now_us));
        Some(opened_us)
    }

    /// How what is heard in this burst differs from what was usual.
    fn unrest(&self, hearing: Hearing, now_us: u64) -> Unrest {
        let mut unrest = Unrest::default();
        for ear in self.ears.iter().filter(|ear| ear.count > 0) {
            let usual = ear.usual_readings(hearing, now_us);
            if usual >= LEAST_USUAL {
                unrest.add((ear.mean_dbm(), f32::from(ear.count)), (ear.usual_dbm, usual));
            }
        }
        unrest
    }

    /// How sure one can be that the device is in this zone, 0 to 1, as of the last burst in which it was heard.
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

    /// How many readings the usual level still stands for.
    fn usual_readings(&self, hearing: Hearing, now_us: u64) -> f32 {
        let Some(last_us) = self.last_us else { return 0.0 };
        self.usual * USUAL_SECONDS / (USUAL_SECONDS + narrow(seconds(now_us.saturating_sub(last_us), hearing)))
    }

    fn close(&mut self, hearing: Hearing, now_us: u64) {
        if self.count > 0 {
            let before = self.usual_readings(hearing, now_us);
            let usual = before + f32::from(self.count);
            let usual_dbm = (self.usual_dbm * before + self.sum_db) / usual;
            let (last_dbm, last_count, last_us) = (self.mean_dbm(), self.count, Some(now_us));
            *self = Self { sum_db: 0.0, count: 0, last_dbm, last_count, last_us, usual_dbm, usual };
        }
    }
}

/// Seconds as the filter counts them: the demo's are shorter.
#[expect(clippy::cast_precision_loss, reason = "a time that is long is long")]
fn seconds(us: u64, hearing: Hearing) -> f64 {
    us as f64 / hearing.second_us.max(1) as f64
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

/// What one gateway heard in the last burst, and what it should have heard of a device in the likeliest cell that is as
/// loud as it says.
pub(super) struct Shown {
    pub(super) anchor: usize,
    pub(super) mean_dbm: f32,
    pub(super) count: u16,
    pub(super) expected_dbm: f32,
}

impl Tracker {
    /// What is believed as of the last burst in which the device was heard, and what was heard in it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Config, Sources};

    const HEARING: Hearing = Hearing { window_us: 5_000_000, silence_us: 12_000_000, second_us: 1_000_000 };

    const SECOND_US: u64 = 1_000_000;

    /// A shop of 20 x 10 m in two halves, with a gateway in each corner and in the middle of each half.
    fn shop() -> Config {
        let places = [(0.5, 0.5), (19.5, 0.5), (0.5, 9.5), (19.5, 9.5), (5.0, 5.0), (15.0, 5.0)];
        let gateway =
            |(n, (x, y)): (usize, &(f64, f64))| format!("[[gateway]]\nid = 'gw{n}'\nposition-m = [{x}, {y}]\n");
        let gateways: String = places.iter().enumerate().map(gateway).collect();
        let half = |id: &str, x: u8| {
            let corners = format!("[[{x}, 0], [{}, 0], [{}, 10], [{x}, 10]]", x + 10, x + 10);
            format!("[[zone]]\nid = '{id}'\nname = 'Z'\npolygon-m = {corners}\n")
        };
        let sources = Sources {
            gateway: "site = 's'\ngateway = 'gw0'\n[radio]\ndriver = 'none'\n".into(),
            site: format!(
                "name = 'S'\ntime-zone = 'Europe/Zurich'\nlanguage = 'en'\nfloor-plan = {{ width-m = 20, height-m = 10 }}\n{gateways}"
            ),
            zones: half("left", 0) + &half("right", 10),
            offers: String::new(),
            promise: "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n".into(),
            ..Sources::default()
        };
        config::check(&sources).config.unwrap()
    }

    /// How sure one is of the left half after a device lay at a place in it for so many seconds, heard every `every_us`.
    fn sure_of_left(place: (f64, f64), seconds: u64, every_us: u64) -> f64 {
        let config = shop();
        let map = Map::new(&config).unwrap();
        let mut tracker = Tracker::default();
        let (mut now_us, end_us) = (1_000 * SECOND_US, (1_000 + seconds) * SECOND_US);
        while now_us < end_us {
            for (gateway, at) in config.site.gateways.iter().enumerate() {
                let level_dbm = at.anchor().unwrap().level_dbm(place, config.site.path_loss);
                tracker.hear(gateway, config.site.gateways.len(), level_dbm, now_us);
            }
            tracker.close(&map, HEARING, None, tracker.due_us(HEARING).unwrap());
            now_us += every_us;
        }
        tracker.confidence(0)
    }

    #[test]
    fn who_is_heard_often_is_placed_no_surer_than_who_is_heard_seldom() {
        for place in [(4.0, 3.0), (7.5, 5.0), (9.0, 5.0)] {
            let [often, twice, seldom] =
                [100_000, SECOND_US / 2, SECOND_US].map(|every| sure_of_left(place, 20, every));
            assert!(
                (often - seldom).abs() < 0.1 && (twice - seldom).abs() < 0.1,
                "{place:?}: {often} {twice} {seldom}"
            );
        }
    }

    #[test]
    fn who_is_heard_once_in_two_seconds_is_placed() {
        assert!(sure_of_left((4.0, 3.0), 10, 2 * SECOND_US) > 0.8);
        let at_the_line = sure_of_left((10.0, 5.0), 10, 2 * SECOND_US);
        assert!((0.3..0.7).contains(&at_the_line), "{at_the_line}");
    }

    #[test]
    fn a_burst_is_what_comes_within_a_quarter_of_a_second() {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.due_us(HEARING), None);
        tracker.hear(0, 6, -60.0, SECOND_US);
        tracker.hear(3, 6, -70.0, SECOND_US + 100_000);
        assert_eq!(tracker.due_us(HEARING), Some(SECOND_US + 250_000));
    }
}
