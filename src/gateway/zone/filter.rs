//! A grid Bayes filter: what is believed of one device's place, moved on by each burst in which it was heard.
//!
//! The method is that of the design's page on zones, "The method to build", by the burst instead of by the second; where
//! a number is another one, the constant says why. Exponents are quarters and sixteenths, so that what a burst costs a
//! cell is multiplications, divisions and roots, which every processor rounds alike.

use super::grid::Grid;
use super::model::{Lanes, narrow};
use super::motion::{self, Unrest};
use super::weigh::Weighed;

/// Of those who stand, so many start to walk in a second, and the other way round.
const TURNS_A_SECOND: f64 = 0.05;

/// A longer time is taken in steps of at most so many seconds: who walked on may have stood in between.
const LONGEST_STEP_S: f64 = 4.0;

/// After so many seconds nothing of a place is left to believe.
const FORGOTTEN_S: f64 = 60.0;

/// Of all mass, so much is spread evenly every second: whoever was lost is found again.
const FLOOR: f32 = 0.001;

/// What was heard counts the less the longer ago it is: of what is believed, mass^(1/16) is forgotten for every quarter
/// of a second since the last burst, up to four. Residuals stay alike for 10 s and more (zones, "What the numbers say").
const MOST_QUARTERS: u8 = 4;

/// How often a burst's likelihood counts at rest, and how much more often for a walker: whoever stands still is heard with
/// the same residual again and again, while a step or two later it is another one. Chosen on simulated shops, so that
/// of what is said with 0.9 nine in ten come true at rest and on the way; the recordings agree.
const COUNTS_AT_REST: f32 = 0.7;
const COUNTS_MORE_ON_THE_WAY: f32 = 1.0;

/// Residuals of fewer gateways than this do not even out, so that what they say counts in proportion: two told six zones of
/// a simulated shop in a quarter of all seconds, and wrongly in a third of those.
const ENOUGH_GATEWAYS: f32 = 4.0;

/// The largest exponent, in quarters: that of a second of somebody who walks for certain.
const MOST_EXPONENT: u8 = 20;

/// Nobody knows what a device's "-59 dBm at 1 m" is worth, nor the body it hangs on: 6 dB either way, in dB².
const POWER_DB2: f32 = 36.0;

/// What a body changes from burst to burst, in dB².
const BODY_DB2: f32 = 1.0;

/// One burst teaches a fifth of what it would were bursts independent.
const POWER_CAUTION: f32 = 5.0;

/// How fast a power that was learned is doubted again, in dB² a second.
const POWER_DRIFT_DB2: f32 = 0.002;

/// What one gateway heard in a burst.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    /// The level that the model expects of it in each cell, in dBm.
    pub(super) expected: &'a [Lanes],
    /// The mean of the burst, in dBm.
    pub(super) level_dbm: f32,
    /// How many readings that is the mean of.
    pub(super) count: f32,
}

/// What one burst is worth beside the belief of before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    /// Quarters of a second since the last one, 1 to 4.
    quarters: u8,
    /// How many gateways heard the device in this burst, and how many lately.
    gateways: (f32, f32),
    /// How levels have changed against what was usual.
    unrest: Unrest,
}

impl Burst {
    /// One that comes `seconds` after the last, heard by so many gateways of those that heard the device lately.
    pub(super) fn new(seconds: f64, gateways: (usize, usize), unrest: Unrest) -> Self {
        let quarters = (1..MOST_QUARTERS).find(|quarters| seconds * 4.0 < f64::from(*quarters) + 0.5);
        let gateways = (narrow_count(gateways.0), narrow_count(gateways.1.max(1)));
        Self { quarters: quarters.unwrap_or(MOST_QUARTERS), gateways, unrest }
    }

    /// How many sixteenths are forgotten: few gateways prove little against much.
    fn forgets_sixteenths(self) -> u8 {
        let all = f32::from(self.quarters) * self.gateways.0 / self.gateways.1;
        (1..self.quarters).find(|sixteenths| all < f32::from(*sixteenths) + 0.5).unwrap_or(self.quarters)
    }

    /// The exponent of what the likelihood is divided by, in quarters; a Student t distribution's own is 3, (5 + 1) / 2,
    /// of which a burst has half, and the other half as much as time has passed.
    fn exponent_quarters(self, walking: f32) -> u8 {
        let own = 4.0 + 2.0 * f32::from(self.quarters);
        let counts = COUNTS_AT_REST + COUNTS_MORE_ON_THE_WAY * walking;
        let wanted = own * counts * (self.gateways.1 / ENOUGH_GATEWAYS).min(1.0);
        (1..MOST_EXPONENT).find(|exponent| wanted < f32::from(*exponent) + 0.5).unwrap_or(MOST_EXPONENT)
    }
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

    /// How much louder than it says the device is, as carried, and the standard deviation of that, in dB.
    pub(super) fn power(&self) -> (f32, f32) {
        (self.power_db, self.power_db2.sqrt())
    }

    /// Moves the belief on by a time in which nothing was heard, in seconds. `prior` is what is left after a long one.
    pub(super) fn predict(&mut self, grid: &Grid, seconds: f64, prior: impl FnOnce() -> Vec<f32>) {
        if seconds > FORGOTTEN_S {
            *self = Self { power_db: self.power_db, power_db2: self.power_db2, ..Self::new(&prior()) };
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

    /// Takes in what was heard in one burst; `sigma_db` is how far gateways stray from the model.
    pub(super) fn update(&mut self, heard: &[Heard<'_>], burst: Burst, sigma_db: f32) {
        let walking = self.notice(burst.unrest);
        let doubt = 1.0 / (self.power_db2 + BODY_DB2);
        let weighed = Weighed::new(heard, self.still.len(), (self.power_db, doubt), sigma_db);
        self.multiply(weighed.against.as_flattened(), burst, walking);
        // Of one gateway alone nobody knows whether the device is loud or near.
        if heard.len() > 1 {
            self.learn_power(&weighed);
        }
    }

    /// Whoever walks is heard differently from burst to burst. Returns how likely they do.
    fn notice(&mut self, unrest: Unrest) -> f32 {
        let odds = unrest.odds_of_walking();
        let (mut still, mut walking) = (0.0, 0.0);
        for (standing, going) in self.still.iter().zip(&mut self.walking) {
            *going *= odds;
            still += standing;
            walking += *going;
        }
        walking / (still + walking)
    }

    /// Bayes: the belief of before, a part of it forgotten, times the likelihood, summing to 1 again.
    fn multiply(&mut self, against: &[f64], burst: Burst, walking: f32) {
        let (exponent_quarters, sixteenths) = (burst.exponent_quarters(walking), burst.forgets_sixteenths());
        let cells = narrow_count(self.still.len());
        let (all, floor) = (self.masses().sum::<f32>(), FLOOR * f32::from(burst.quarters) / (8.0 * cells));
        let least = against.iter().zip(&self.still).map(|(against, _)| *against).fold(f64::INFINITY, f64::min);
        let (scale, relative) = (1.0 / all, 1.0 / least);
        for ((still, walking), against) in self.still.iter_mut().zip(&mut self.walking).zip(against) {
            (*still, *walking) = (*still * scale + floor, *walking * scale + floor);
            let against = raised(narrow(against * relative).sqrt().sqrt(), exponent_quarters);
            let factor = 1.0 / (against * raised((*still + *walking).sqrt().sqrt().sqrt().sqrt(), sixteenths));
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

/// base^exponent for exponents below 32, by squaring: the same steps for every cell, several of which are computed at a
/// time.
fn raised(base: f32, exponent: u8) -> f32 {
    let (mut power, mut square) = (1.0, base);
    for bit in 0..5 {
        if exponent >> bit & 1 == 1 {
            power *= square;
        }
        square *= square;
    }
    power
}

#[expect(clippy::cast_precision_loss, reason = "there are at most a few hundred cells")]
fn narrow_count(count: usize) -> f32 {
    count as f32
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
            let rows = anchors.iter().map(|anchor| anchor.levels(&grid, PathLoss::default(), None)).collect();
            let prior = vec![1.0 / narrow_count(grid.len()); grid.len()];
            Self { grid, anchors, rows, prior }
        }

        /// A burst at a place, with each gateway's level changed by so many dB.
        fn listen(&self, belief: &mut Belief, place: (f64, f64), changed_db: impl Fn(usize) -> f64) {
            belief.predict(&self.grid, 0.75, || self.prior.clone());
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
            belief.update(&heard, Burst::new(0.75, (8, 8), Unrest::default()), 6.0);
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
        belief.predict(&hall.grid, 61.0, || hall.prior.clone());
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
            belief.update(&heard, Burst::new(1.0, (64, 64), Unrest::default()), 1.0);
            assert!((belief.masses().sum::<f32>() - 1.0).abs() < 1e-3, "{level_dbm}");
            assert!(belief.power_db.is_finite() && belief.power_db2.is_finite());
        }
    }

    #[test]
    fn levels_that_no_place_explains_say_nothing() {
        let hall = Hall::new();
        let mut belief = Belief::new(&hall.prior);
        hall.listen(&mut belief, (5.0, 4.0), |_| 0.0);
        let before = hall.miss_m(&belief, (5.0, 4.0));
        // Every gateway and every fixed beacon a site may have, each heard as no device anywhere is.
        let heard: Vec<Heard<'_>> = (0..128)
            .map(|index| Heard {
                expected: &hall.rows[index % 8],
                level_dbm: if index % 2 == 0 { 300.0 } else { -300.0 },
                count: 9.0,
            })
            .collect();
        belief.update(&heard, Burst::new(1.0, (128, 128), Unrest::default()), 1.0);
        assert!((belief.masses().sum::<f32>() - 1.0).abs() < 1e-3);
        assert!(hall.miss_m(&belief, (5.0, 4.0)) < before + 2.0, "{}", hall.miss_m(&belief, (5.0, 4.0)));
    }

    #[test]
    fn few_gateways_and_quick_bursts_forget_little() {
        let forgets = |seconds, now| Burst::new(seconds, (now, 20), Unrest::default()).forgets_sixteenths();
        assert_eq!([1, 6, 10, 14, 20].map(|now| forgets(1.0, now)), [1, 1, 2, 3, 4]);
        assert_eq!([0.1, 0.25, 0.5, 0.7, 30.0].map(|seconds| forgets(seconds, 20)), [1, 1, 2, 3, 4]);
    }

    #[test]
    fn a_walker_is_listened_to_more_and_fewer_than_four_gateways_less() {
        let counts =
            |gateways, walking| Burst::new(1.0, (gateways, gateways), Unrest::default()).exponent_quarters(walking);
        assert_eq!([0.0, 0.5, 1.0].map(|walking| counts(12, walking)), [8, 14, 20]);
        assert_eq!([1, 2, 3, 4, 64].map(|gateways| counts(gateways, 0.5)), [4, 7, 11, 14, 14]);
    }

    #[test]
    fn a_power_is_what_it_says() {
        for exponent in 0..=MOST_EXPONENT {
            assert!((raised(1.1, exponent) / libm::powf(1.1, f32::from(exponent)) - 1.0).abs() < 1e-5, "{exponent}");
        }
    }
}
