//! A grid Bayes filter: what is believed of one device's place, moved on by each second in which it was heard.
//!
//! The method and its numbers are those of the design's page on zones, "The method to build". What a gateway hears
//! strays from the model by a Student t distribution, so that one gateway behind a body or a rack cannot outvote the
//! rest; its exponent is whole and forgetting goes by eighths, so that a second costs multiplications and roots alone,
//! which every processor rounds alike.

use super::grid::Grid;
use super::model::{LANES, Lanes, narrow};
use super::motion;

/// Of those who stand, so many start to walk in a second, and the other way round.
const TURNS_A_SECOND: f64 = 0.05;

/// A longer time is taken in steps of at most so many seconds: who walked on may have stood in between.
const LONGEST_STEP_S: f64 = 4.0;

/// After so many seconds nothing of a place is left to believe.
const FORGOTTEN_S: f64 = 60.0;

/// Of all mass, so much is spread evenly every second: whoever was lost is found again.
const FLOOR: f32 = 0.001;

/// Fading in place of a single reading, in dB²: readings of one second share a part of it.
const FADING_DB2: f32 = 9.0;

/// The Student t distribution's degrees of freedom.
const NU: f32 = 5.0;

/// The belief of before counts this many eighths less in a second in which all gateways hear: p becomes p^(1 - 3/8).
/// Residuals are bound to the place and stay for 10 s and more; counted anew each second they would make anybody who
/// stands still certain of a wrong place. 3/8 lets one second of listening weigh as much as listening for ever.
const FORGET_EIGHTHS: usize = 3;

/// Nobody knows what a device's "-59 dBm at 1 m" is worth, nor the body it hangs on: 6 dB either way, in dB².
const POWER_DB2: f32 = 36.0;

/// What a body changes from second to second, in dB².
const BODY_DB2: f32 = 1.0;

/// One second teaches a fifth of what it would were seconds independent.
const POWER_CAUTION: f32 = 5.0;

/// How fast a power that was learned is doubted again, in dB² a second.
const POWER_DRIFT_DB2: f32 = 0.002;

/// What one gateway heard in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    /// The level that the model expects of it in each cell, in dBm.
    pub(super) expected: &'a [Lanes],
    /// The mean of the second, in dBm.
    pub(super) level_dbm: f32,
    /// How many readings that is the mean of.
    pub(super) count: f32,
}

/// What is believed of a device's place. Two numbers of four bytes a cell.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    /// The mass of each cell of standing there; with `walking` it sums to 1.
    still: Vec<f32>,
    /// The mass of each cell of walking through it.
    walking: Vec<f32>,
    /// How much louder than it says the device is, as carried, in dB.
    power_db: f32,
    power_db2: f32,
}

/// What a second says of each cell. The last lanes are filled up and mean nothing.
#[derive(Default)]
struct Weighed {
    /// By what the cell's likelihood is divided, before it is cubed.
    against: Vec<[f64; LANES]>,
    /// The device's power, more than was believed, if it is there, in dB; and how much was heard that says so, a dB².
    power_db: Vec<Lanes>,
    weight: Vec<Lanes>,
}

impl Belief {
    /// Nothing is known of the device, and `prior` of its place: masses that sum to 1.
    pub(super) fn new(prior: &[f32]) -> Self {
        let half: Vec<f32> = prior.iter().map(|mass| mass / 2.0).collect();
        Self { still: half.clone(), walking: half, power_db: 0.0, power_db2: POWER_DB2 }
    }

    /// The mass of each cell.
    pub(super) fn masses(&self) -> impl Iterator<Item = f32> + '_ {
        self.still.iter().zip(&self.walking).map(|(still, walking)| still + walking)
    }

    /// Moves the belief on by a time in which nothing was heard, in seconds. `prior` is what is left after a long one.
    pub(super) fn predict(&mut self, grid: &Grid, seconds: f64, prior: &[f32]) {
        if seconds > FORGOTTEN_S {
            *self = Self { power_db: self.power_db, power_db2: self.power_db2, ..Self::new(prior) };
            return;
        }
        let mut left = seconds;
        while left > 0.0 {
            let step = left.min(LONGEST_STEP_S);
            self.step(grid, step);
            left -= step;
        }
    }

    fn step(&mut self, grid: &Grid, seconds: f64) {
        let turns = narrow(TURNS_A_SECOND * seconds);
        for (still, walking) in self.still.iter_mut().zip(&mut self.walking) {
            let started = *still * turns;
            let stopped = *walking * turns;
            *still += stopped - started;
            *walking += started - stopped;
        }
        self.walking = motion::walk(grid, &self.walking, seconds);
    }

    /// Takes in what was heard in one second. `share` of the gateways that heard the device lately did in this second;
    /// `sigma_db` is how far they stray from the model.
    pub(super) fn update(&mut self, heard: &[Heard<'_>], share: f32, sigma_db: f32) {
        let mut weighed = Weighed::default();
        let mut residuals = Vec::with_capacity(heard.len());
        for lane in 0..self.still.len().div_ceil(LANES) {
            residuals.clear();
            residuals.extend(heard.iter().filter_map(|heard| {
                let level = heard.level_dbm - self.power_db;
                let weight = 1.0 / (sigma_db * sigma_db + FADING_DB2 / heard.count);
                Some((heard.expected.get(lane)?.map(|expected| level - expected), weight))
            }));
            weighed.weigh(&residuals, 1.0 / (self.power_db2 + BODY_DB2));
        }
        self.multiply(weighed.against.as_flattened(), eighths(share));
        self.learn_power(&weighed);
    }

    /// Bayes: the belief of before, a part of it forgotten, times the likelihood, summing to 1 again.
    fn multiply(&mut self, against: &[f64], eighths: usize) {
        let cells = narrow_count(self.still.len());
        let (all, floor) = (self.masses().sum::<f32>(), FLOOR / (2.0 * cells));
        let least = against.iter().zip(&self.still).map(|(against, _)| *against).fold(f64::INFINITY, f64::min);
        let (scale, relative) = (1.0 / all, 1.0 / least);
        for ((still, walking), against) in self.still.iter_mut().zip(&mut self.walking).zip(against) {
            (*still, *walking) = (*still * scale + floor, *walking * scale + floor);
            let against = narrow(against * relative);
            // (NU + 1) / 2 is 3.
            let factor = 1.0 / (against * against * against * kept(*still + *walking, eighths));
            (*still, *walking) = (*still * factor, *walking * factor);
        }
        let scale = 1.0 / self.masses().sum::<f32>();
        for mass in self.still.iter_mut().chain(&mut self.walking) {
            *mass *= scale;
        }
    }

    /// What all gateways hear louder than expected, wherever the device is, is the device.
    fn learn_power(&mut self, weighed: &Weighed) {
        let (mut mean, mut square, mut weight) = (0.0, 0.0, 0.0);
        let cells = weighed.power_db.as_flattened().iter().zip(weighed.weight.as_flattened());
        for (mass, (power_db, heard)) in self.masses().zip(cells) {
            mean += mass * power_db;
            square += mass * power_db * power_db;
            weight += mass * heard;
        }
        let spread_db2 = (square - mean * mean).max(0.0) + 1.0 / weight + BODY_DB2;
        let gain = self.power_db2 / (self.power_db2 + POWER_CAUTION * spread_db2);
        self.power_db += gain * mean;
        self.power_db2 = (1.0 - gain) * self.power_db2 + POWER_DRIFT_DB2;
    }
}

impl Weighed {
    /// Holds what each gateway heard, less what it should hear there, and how much it counts, against a few cells. The
    /// power that the gateways have in common is put right first, those that stray counting less the second time;
    /// `doubt` says how well the power is known, as 1 / dB².
    fn weigh(&mut self, residuals: &[(Lanes, f32)], doubt: f32) {
        let mut rough = [0.0; LANES];
        for (residual, counts) in residuals {
            for (rough, r) in rough.iter_mut().zip(residual) {
                *rough += counts * r;
            }
        }
        let share = 1.0 / residuals.iter().fold(doubt, |sum, (_, counts)| sum + counts);
        let rough = rough.map(|rough| rough * share);
        let (mut sum, mut weight) = ([0.0; LANES], [0.0; LANES]);
        for (residual, counts) in residuals {
            for (((sum, weight), r), rough) in sum.iter_mut().zip(&mut weight).zip(residual).zip(&rough) {
                let stray = r - rough;
                let counts = counts * (NU + 1.0) / (NU + counts * stray * stray);
                *weight += counts;
                *sum += counts * r;
            }
        }
        let (mut common, mut power_db) = (sum, sum);
        for ((common, power), weight) in common.iter_mut().zip(&mut power_db).zip(&weight) {
            *common /= weight + doubt;
            *power /= weight;
        }
        let mut against = common.map(|common| f64::from(1.0 + doubt / NU * common * common));
        // A stray of 150 dB is a factor of some 10^3: eight of them fit a number of four bytes, and 64 one of eight.
        for few in residuals.chunks(8) {
            let mut product = [1.0; LANES];
            for (residual, counts) in few {
                let counts = counts / NU;
                for ((product, r), common) in product.iter_mut().zip(residual).zip(&common) {
                    let stray = r - common;
                    *product *= 1.0 + counts * stray * stray;
                }
            }
            for (against, product) in against.iter_mut().zip(product) {
                *against *= f64::from(product);
            }
        }
        self.against.push(against);
        self.power_db.push(power_db);
        self.weight.push(weight);
    }
}

/// How many eighths are forgotten if this share of the gateways is heard: few gateways prove little against much.
fn eighths(share: f32) -> usize {
    (1..FORGET_EIGHTHS)
        .find(|eighths| share * narrow_count(FORGET_EIGHTHS) <= narrow_count(*eighths) + 0.5)
        .unwrap_or(FORGET_EIGHTHS)
}

/// mass^(eighths / 8), by roots, which every processor computes alike. One to three eighths, written out so that
/// several cells are computed at a time.
fn kept(mass: f32, eighths: usize) -> f32 {
    let root = mass.sqrt().sqrt().sqrt();
    let (second, third) = (if eighths > 1 { root } else { 1.0 }, if eighths > 2 { root } else { 1.0 });
    root * second * third
}

#[expect(clippy::cast_precision_loss, reason = "there are at most a few hundred cells")]
fn narrow_count(count: usize) -> f32 {
    count as f32
}

impl Belief {
    /// How much louder than it says the device is, as carried, and the standard deviation of that, in dB.
    pub(super) fn power(&self) -> (f32, f32) {
        (self.power_db, self.power_db2.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Anchor, PathLoss};
    use super::*;

    const PLACES: [(f64, f64); 8] =
        [(1.0, 1.0), (10.0, 0.5), (19.0, 1.0), (0.5, 8.0), (19.5, 8.0), (1.0, 15.0), (10.0, 15.5), (19.0, 15.0)];

    /// A hall with eight gateways.
    struct Hall {
        grid: Grid,
        anchors: Vec<Anchor>,
        rows: Vec<Vec<Lanes>>,
        prior: Vec<f32>,
    }

    impl Hall {
        fn new() -> Self {
            let grid = Grid::of_plan((20.0, 16.0));
            let anchors: Vec<Anchor> =
                PLACES.iter().map(|place| Anchor { position_m: *place, height_m: 2.4, offset_db: 0.0 }).collect();
            let rows = anchors.iter().map(|anchor| anchor.levels(&grid, PathLoss::default())).collect();
            let prior = vec![1.0 / narrow_count(grid.len()); grid.len()];
            Self { grid, anchors, rows, prior }
        }

        /// A second at a place, with each gateway's level changed by so many dB.
        fn listen(&self, belief: &mut Belief, place: (f64, f64), changed_db: impl Fn(usize) -> f64) {
            belief.predict(&self.grid, 1.0, &self.prior);
            let level = |anchor: &Anchor| -60.0 - 20.0 * libm::log10(anchor.distance_m(place));
            let heard: Vec<Heard<'_>> = self
                .anchors
                .iter()
                .zip(&self.rows)
                .enumerate()
                .map(|(index, (anchor, expected))| Heard {
                    expected,
                    level_dbm: narrow(level(anchor) + changed_db(index)),
                    count: 2.0,
                })
                .collect();
            belief.update(&heard, 1.0, 6.0);
        }

        /// Where the belief is on the average, and its distance from a place in metres.
        fn miss_m(&self, belief: &Belief, (x, y): (f64, f64)) -> f64 {
            let mean = |axis: fn((f64, f64)) -> f64| {
                belief.masses().zip(self.grid.middles()).map(|(mass, at)| f64::from(mass) * axis(at)).sum::<f64>()
            };
            (mean(|at| at.0) - x).hypot(mean(|at| at.1) - y)
        }
    }

    #[test]
    fn a_device_is_found_where_it_is_and_followed() {
        let hall = Hall::new();
        let mut belief = Belief::new(&hall.prior);
        for _ in 0..5 {
            hall.listen(&mut belief, (5.0, 4.0), |_| 0.0);
        }
        assert!(hall.miss_m(&belief, (5.0, 4.0)) < 1.5, "{}", hall.miss_m(&belief, (5.0, 4.0)));
        for _ in 0..8 {
            hall.listen(&mut belief, (15.0, 12.0), |_| 0.0);
        }
        assert!(hall.miss_m(&belief, (15.0, 12.0)) < 1.5, "{}", hall.miss_m(&belief, (15.0, 12.0)));
        assert!((belief.masses().sum::<f32>() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn a_device_that_is_13_db_weaker_than_it_says_is_found_and_its_power_learned() {
        let hall = Hall::new();
        let mut belief = Belief::new(&hall.prior);
        for _ in 0..20 {
            hall.listen(&mut belief, (5.0, 4.0), |_| -13.0);
        }
        assert!(hall.miss_m(&belief, (5.0, 4.0)) < 1.5, "{}", hall.miss_m(&belief, (5.0, 4.0)));
        assert!((belief.power_db + 13.0).abs() < 2.5, "{}", belief.power_db);
    }

    #[test]
    fn one_gateway_behind_a_rack_does_not_outvote_the_rest() {
        let hall = Hall::new();
        let mut belief = Belief::new(&hall.prior);
        for _ in 0..10 {
            hall.listen(&mut belief, (5.0, 4.0), |gateway| if gateway == 4 { -20.0 } else { 0.0 });
        }
        assert!(hall.miss_m(&belief, (5.0, 4.0)) < 2.5, "{}", hall.miss_m(&belief, (5.0, 4.0)));
    }

    #[test]
    fn standing_still_does_not_make_certain() {
        let hall = Hall::new();
        let mut belief = Belief::new(&hall.prior);
        for _ in 0..10 {
            hall.listen(&mut belief, (8.0, 8.0), |_| 0.0);
        }
        let most = |belief: &Belief| belief.masses().fold(0.0, f32::max);
        let early = most(&belief);
        for _ in 0..300 {
            hall.listen(&mut belief, (8.0, 8.0), |_| 0.0);
        }
        assert!(most(&belief) < 2.0 * early, "{early} {}", most(&belief));
    }

    #[test]
    fn after_a_minute_of_silence_nothing_is_known_of_the_place() {
        let hall = Hall::new();
        let mut belief = Belief::new(&hall.prior);
        hall.listen(&mut belief, (5.0, 4.0), |_| 0.0);
        belief.predict(&hall.grid, 61.0, &hall.prior);
        assert!(belief.masses().zip(&hall.prior).all(|(mass, prior)| (mass - prior).abs() < 1e-6));
    }

    #[test]
    fn any_level_and_any_number_of_gateways_leaves_a_belief() {
        let hall = Hall::new();
        let mut belief = Belief::new(&hall.prior);
        for level_dbm in [-127.0, 127.0, 0.0, -300.0] {
            let heard: Vec<Heard<'_>> = (0..64)
                .map(|index| Heard {
                    expected: &hall.rows[index % 8],
                    level_dbm: if index % 2 == 0 { level_dbm } else { -level_dbm },
                    count: 9.0,
                })
                .collect();
            belief.update(&heard, 1.0, 1.0);
            assert!((belief.masses().sum::<f32>() - 1.0).abs() < 1e-3, "{level_dbm}");
            assert!(belief.power_db.is_finite() && belief.power_db2.is_finite());
        }
    }

    #[test]
    fn few_gateways_forget_little() {
        assert_eq!([0.05, 0.33, 0.5, 0.7, 1.0].map(eighths), [1, 1, 1, 2, 3]);
    }
}
