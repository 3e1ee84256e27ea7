//! Surveys of shops whose truth is known, because it was made up.

use super::*;

/// Twelve gateways along the walls and in the middle of 20 by 16 m.
const GATEWAYS: [(f64, f64); 12] = [
    (1.0, 1.0),
    (7.0, 0.5),
    (13.0, 0.5),
    (19.0, 1.0),
    (0.5, 8.0),
    (7.0, 7.0),
    (13.0, 9.0),
    (19.5, 8.0),
    (1.0, 15.0),
    (7.0, 15.5),
    (13.0, 15.5),
    (19.0, 15.0),
];

const TRUTH: PathLoss = PathLoss { exponent: 1.6, at_1m_dbm: -57.0, sigma_db: 4.0 };

/// Numbers that look like chance, with a mean of 0 and a deviation of 1: twelve even ones make a bell.
struct Chance(u64);

impl Chance {
    fn even(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.even()).sum::<f64>() - 6.0
    }
}

struct Shop {
    anchors: Vec<Option<Anchor>>,
    offsets_db: Vec<f64>,
    spots: Vec<Spot>,
}

/// Nine places on an even grid, whose levels stray so far.
fn shop(seed: u64, stray_db: f64, unlike_db: f64) -> Shop {
    let mut chance = Chance(seed);
    let anchor = |place: &(f64, f64)| Some(Anchor { position_m: *place, height_m: 2.4, offset_db: 0.0 });
    let anchors: Vec<_> = GATEWAYS.iter().map(anchor).collect();
    let offsets_db: Vec<f64> = GATEWAYS.iter().map(|_| unlike_db * chance.bell()).collect();
    let grid = [2.5, 10.0, 17.5].into_iter().flat_map(|x| [2.0, 8.0, 14.0].map(|y| (x, y)));
    let spots = grid.map(|place_m| {
        let level = |(gateway, offset): (usize, &f64)| {
            let expected = TRUTH.at_1m_dbm + offset
                - 10.0 * TRUTH.exponent * libm::log10(anchors[gateway].unwrap().distance_m(place_m));
            Level { gateway, level_dbm: expected + stray_db * chance.bell(), count: 40 }
        };
        Spot { place_m, levels: offsets_db.iter().enumerate().map(level).collect() }
    });
    let spots = spots.collect();
    Shop { anchors, offsets_db, spots }
}

impl Shop {
    fn fit(&self) -> Fit {
        fit(&self.anchors, &self.spots).unwrap()
    }

    /// Each gateway's error in dB, and that against what the survey says it may be. What all offsets have in common is
    /// the level at 1 m.
    fn errors_db(&self, fit: &Fit) -> Vec<(f64, f64)> {
        let found: Vec<Estimate> = fit.offsets_db.iter().map(|offset| offset.unwrap()).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / 12.0;
        let (all, truth) = (mean(&found.iter().map(|offset| offset.value).collect::<Vec<_>>()), mean(&self.offsets_db));
        let errors = found.iter().zip(&self.offsets_db).map(|(found, true_db)| {
            let error_db = found.value - all - (true_db - truth);
            (error_db, error_db / found.error)
        });
        errors.collect()
    }
}

fn rms(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0_f64), |(sum, count), value| (sum + value * value, count + 1.0));
    (sum / count).sqrt()
}

#[test]
fn nine_places_tell_offsets_to_eight_tenths_of_a_db() {
    let errors: Vec<_> = (1..=20)
        .flat_map(|seed| {
            let shop = shop(seed, 2.5, 2.2);
            let fit = shop.fit();
            assert!((fit.exponent.value - 1.6).abs() < 4.0 * fit.exponent.error, "{seed}: {:?}", fit.exponent);
            shop.errors_db(&fit)
        })
        .collect();
    let error_db = rms(errors.iter().map(|(db, _)| *db));
    assert!(error_db < 0.85, "{error_db}");
}

#[test]
fn it_says_honestly_how_far_off_it_may_be() {
    for (stray_db, unlike_db) in [(2.5, 2.2), (4.5, 3.0), (6.0, 3.0)] {
        let (mut relative, mut exponents, mut sigmas) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 1..=40 {
            let shop = shop(seed, stray_db, unlike_db);
            let fit = shop.fit();
            relative.extend(shop.errors_db(&fit).into_iter().map(|(_, relative)| relative));
            exponents.push((fit.exponent.value - TRUTH.exponent) / fit.exponent.error);
            sigmas.push((fit.path_loss.sigma_db.powi(2) - SWAY_DB2).sqrt());
        }
        let (offsets, exponents) = (rms(relative.into_iter()), rms(exponents.into_iter()));
        let sigma_db = rms(sigmas.into_iter());
        assert!(
            (0.5..1.25).contains(&offsets) && (0.5..1.25).contains(&exponents),
            "{stray_db}: {offsets} {exponents}"
        );
        // A Student t distribution's scale lies below the deviation of what strays evenly.
        assert!((0.75..1.15).contains(&(sigma_db / stray_db)), "{stray_db}: {sigma_db}");
    }
}

#[test]
fn one_bad_place_does_not_decide_and_is_told() {
    for seed in 1..=10 {
        let good = shop(seed, 3.0, 2.2);
        let clean_db = rms(good.errors_db(&good.fit()).into_iter().map(|(db, _)| db));
        // The tag lay under a counter; somebody stood at the other end of the shop; one gateway had a body before it.
        let mut dropped = shop(seed, 3.0, 2.2);
        dropped.spots[4].levels.iter_mut().for_each(|level| level.level_dbm -= 18.0);
        let mut elsewhere = shop(seed, 3.0, 2.2);
        elsewhere.spots[0].levels = good.spots[8].levels.clone();
        let mut body = shop(seed, 3.0, 2.2);
        body.spots[2].levels[3].level_dbm -= 20.0;
        for (what, bad) in [("dropped", &dropped), ("elsewhere", &elsewhere), ("body", &body)] {
            let fit = bad.fit();
            let error_db = rms(bad.errors_db(&fit).into_iter().map(|(db, _)| db));
            assert!(error_db < clean_db + 0.6, "{seed} {what}: {error_db} against {clean_db}");
            assert!((fit.exponent.value - 1.6).abs() < 0.5, "{seed} {what}: {:?}", fit.exponent);
        }
        let told: Vec<bool> = elsewhere.fit().spots.iter().map(|(_, contradicts)| *contradicts).collect();
        assert!(told[0] && told[1..].iter().all(|contradicts| !contradicts), "{seed}: {told:?}");
        assert!(good.fit().spots.iter().all(|(_, contradicts)| !contradicts), "{seed}");
    }
}

#[test]
fn an_exponent_stays_within_what_shops_do() {
    let mut flat = shop(1, 0.5, 0.0);
    flat.spots.iter_mut().flat_map(|spot| &mut spot.levels).for_each(|level| level.level_dbm = -70.0);
    let fit = flat.fit();
    assert!((fit.path_loss.exponent - 1.2).abs() < 1e-3 && fit.exponent.error > 0.01, "{fit:?}");
}

#[test]
fn too_little_says_nothing() {
    let mut few = shop(1, 3.0, 2.0);
    few.spots.truncate(3);
    assert_eq!(fit(&few.anchors, &few.spots), Err(TooLittle::Spots(3)));
    let mut silent = shop(1, 3.0, 2.0);
    silent.spots.iter_mut().for_each(|spot| spot.levels.truncate(1));
    assert_eq!(fit(&silent.anchors, &silent.spots), Err(TooLittle::Gateways(1)));
    assert_eq!(fit(&[], &[]), Err(TooLittle::Spots(0)));
    let mut in_one_place = shop(1, 3.0, 2.0);
    in_one_place.spots.iter_mut().skip(2).for_each(|spot| spot.place_m = (-50.0, -50.0));
    assert_eq!(fit(&in_one_place.anchors, &in_one_place.spots), Err(TooLittle::Spots(3)));
    let shop = shop(1, 3.0, 2.0);
    let mut without = shop.anchors.clone();
    without[3] = None;
    let told = fit(&without, &shop.spots).unwrap();
    assert_eq!(told.offsets_db.iter().filter(|offset| offset.is_none()).count(), 1, "whose place is not known");
}

#[test]
fn what_is_no_level_is_passed_over() {
    let mut odd = shop(1, 3.0, 2.0);
    odd.spots[0].levels[0].level_dbm = f64::NAN;
    odd.spots[1].levels[0] = Level { gateway: 99, level_dbm: -60.0, count: 1 };
    odd.spots[2].levels[0].count = 0;
    assert!(odd.fit().path_loss.exponent.is_finite());
}
