//! Who is where, when: walks from the door to the things people came for, and out again. Times are the shop's.

use std::time::Duration;

use fastrand::Rng;

use super::shop::STORY;

/// A place on the floor, in metres as in site.toml.
pub(super) type Spot = (f64, f64);

/// The door: as far from the jackets' gateway as from the others, so that whoever comes in is nowhere yet.
const DOOR: Spot = (6.0, 0.2);

/// A shopper's pace, in metres a second.
const STEP_M: f64 = 1.1;

/// Between small steps at the shelf, in seconds.
const SHUFFLE_SECS: f64 = 6.0;

/// Of the customers so many in a hundred add a stop that they had not meant to.
const WANDER_PERCENT: u8 = 40;

/// By this share of the story everyone has come in, unless their visit takes longer than the rest.
const LAST_TURN: f64 = 0.8;

/// Where one stops, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Long enough for the offer there.
    Jackets,
    /// A look.
    Shoes,
    /// To pay or to collect.
    Till,
    /// To pay, and a chat.
    LongTill,
}

impl Stop {
    /// Around which spot, how far from it at most (m), and from how many to how many seconds.
    fn plan(self) -> (Spot, f64, (f64, f64)) {
        match self {
            Self::Jackets => ((2.3, 4.4), 1.0, (27.0, 35.0)),
            Self::Shoes => ((7.6, 5.6), 1.0, (13.0, 22.0)),
            Self::Till => ((10.5, 1.6), 0.3, (15.0, 20.0)),
            Self::LongTill => ((10.5, 1.6), 0.3, (62.0, 68.0)),
        }
    }
}

/// One way through the shop: when one is where, straight lines in between.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// In ascending order of time.
    corners: Vec<(Duration, Spot)>,
}

impl Walk {
    /// When it begins and ends.
    pub(super) fn span(&self) -> (Duration, Duration) {
        let at = |corner: Option<&(Duration, Spot)>| corner.map_or(Duration::ZERO, |(at, _)| *at);
        (at(self.corners.first()), at(self.corners.last()))
    }

    /// Where one is at `at`; before and after at the door.
    pub(super) fn spot(&self, at: Duration) -> Spot {
        let next = self.corners.partition_point(|(when, _)| *when <= at);
        let before = next.checked_sub(1).and_then(|before| self.corners.get(before));
        match (before, self.corners.get(next)) {
            (Some((from, (x0, y0))), Some((to, (x1, y1)))) => {
                let share = at.saturating_sub(*from).as_secs_f64() / to.saturating_sub(*from).as_secs_f64();
                (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)
            }
            (Some((_, spot)), None) | (None, Some((_, spot))) => *spot,
            (None, None) => DOOR,
        }
    }

    fn begin(spot: Spot) -> Self {
        Self { corners: vec![(Duration::ZERO, spot)] }
    }

    fn go_to(&mut self, (x, y): Spot) {
        let (now, (x0, y0)) = self.corners.last().copied().unwrap_or_default();
        let metres = ((x - x0) * (x - x0) + (y - y0) * (y - y0)).sqrt();
        self.corners.push((now + Duration::from_secs_f64(metres / STEP_M), (x, y)));
    }

    fn stay(&mut self, secs: f64) {
        let (now, spot) = self.corners.last().copied().unwrap_or_default();
        self.corners.push((now + Duration::from_secs_f64(secs), spot));
    }

    fn delayed(mut self, by: Duration) -> Self {
        for (at, _) in &mut self.corners {
            *at += by;
        }
        self
    }
}

/// A customer's visit: the `turn`th of `of` to come, early enough to be out of the door before the story ends.
pub(super) fn visit(stops: &[Stop], turn: u32, of: u32, rng: &mut Rng) -> Walk {
    let mut walk = Walk::begin(DOOR);
    let on_a_whim = [Stop::Jackets, Stop::Shoes, Stop::Till].map(|stop| (stop, rng.u8(..100)));
    let whim = on_a_whim.into_iter().find(|(stop, _)| !stops.contains(stop)).filter(|(_, die)| *die < WANDER_PERCENT);
    // Nobody who came for a long chat walks on to try shoes, or there would be no time for it.
    let whim = whim.filter(|_| stops.len() < 2 && !stops.contains(&Stop::LongTill)).map(|(stop, _)| stop);
    for stop in stops.iter().copied().chain(whim) {
        let (around, within_m, (least, most)) = stop.plan();
        let mut left_secs = between(least, most, rng);
        while left_secs > 0.0 {
            walk.go_to(near(around, within_m, rng));
            let secs = left_secs.min(between(SHUFFLE_SECS / 2.0, SHUFFLE_SECS, rng));
            walk.stay(secs);
            left_secs -= secs;
        }
    }
    walk.go_to(DOOR);
    let (_, takes) = walk.span();
    let latest = STORY.saturating_sub(takes);
    let begins = STORY.mul_f64(LAST_TURN * (f64::from(turn) + rng.f64()) / f64::from(of));
    walk.delayed(begins.min(latest))
}

/// A stranger's way: in by the door, here and there, and out again, or in the shop all day like the till's printer.
pub(super) fn pass(rng: &mut Rng, floor_m: Spot) -> Walk {
    let somewhere = |rng: &mut Rng| (rng.f64() * floor_m.0, rng.f64() * floor_m.1);
    if rng.u8(..6) == 0 {
        let mut walk = Walk::begin(somewhere(rng));
        walk.stay(STORY.as_secs_f64());
        return walk;
    }
    let mut walk = Walk::begin(DOOR);
    for _ in 0..rng.u8(1..=4) {
        walk.go_to(somewhere(rng));
        walk.stay(between(1.0, 15.0, rng));
    }
    walk.go_to(DOOR);
    let begins = rng.f64() * STORY.as_secs_f64() * 0.8;
    walk.delayed(Duration::from_secs_f64(begins))
}

fn near((x, y): Spot, within_m: f64, rng: &mut Rng) -> Spot {
    (x + between(-within_m, within_m, rng), y + between(-within_m, within_m, rng))
}

fn between(least: f64, most: f64, rng: &mut Rng) -> f64 {
    least + (most - least) * rng.f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_begins_and_ends_at_the_door_within_the_story() {
        for seed in 0..50 {
            let mut rng = Rng::with_seed(seed);
            let walk = visit(&[Stop::Shoes, Stop::Jackets], 11, 12, &mut rng);
            let (begins, ends) = walk.span();
            assert!(ends <= STORY && ends.saturating_sub(begins) > Duration::from_secs(40));
            assert_eq!((walk.spot(begins), walk.spot(ends)), (DOOR, DOOR));
        }
    }

    #[test]
    fn between_two_corners_one_is_on_the_way() {
        let mut walk = Walk::begin((0.0, 0.0));
        walk.go_to((STEP_M * 10.0, 0.0));
        let (x, y) = walk.spot(Duration::from_secs(5));
        assert!((x - STEP_M * 5.0).abs() < 1e-9 && y.abs() < 1e-9);
    }
}
