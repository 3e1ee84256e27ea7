use std::fmt::Write as _;

use super::*;
use crate::config::{Sources, check};

const MINUTE_US: u64 = 60_000_000;

/// A site of `gateways` gateways and `beacons` fixed beacons; the last beacon hangs on the first gateway if `on_a_pi`.
fn site(gateways: usize, beacons: usize, on_a_pi: bool) -> Site {
    let mut sources = Sources::shipped();
    sources.zones = String::new();
    sources.offers = String::new();
    sources.gateway = "site = 'shop'\ngateway = 'g0'\n[radio]\ndriver = 'none'\n".into();
    sources.site = "name = 'S'\ntime-zone = 'Europe/Zurich'\nlanguage = 'en'\n".into();
    for gateway in 0..gateways {
        writeln!(sources.site, "[[gateway]]\nid = 'g{gateway}'").unwrap();
    }
    for beacon in 0..beacons {
        let on = if on_a_pi && beacon + 1 == beacons { "gateway = 'g0'\n" } else { "" };
        let uuid = "f7826da6-4fa2-4e98-8024-bc5b71e0893e";
        let ibeacon = format!("{{ uuid = '{uuid}', major = 1, minor = {beacon} }}");
        writeln!(sources.site, "[[fixed-beacon]]\nid = 'b{beacon}'\nibeacon = {ibeacon}\n{on}").unwrap();
    }
    let loaded = check(&sources);
    let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    loaded.config.unwrap_or_else(|| panic!("{}", told.join("\n"))).site
}

/// Everybody hears every beacon for so many minutes, at a level of its own and so much louder.
fn listen(all: &mut Calibration, from_min: u64, minutes: u64, louder_db: impl Fn(usize, usize) -> i8) {
    let (gateways, beacons) = (all.gateways.len(), all.beacons.len());
    for tick in 0..minutes * 6 {
        for (gateway, beacon) in (0..gateways).flat_map(|gateway| (0..beacons).map(move |beacon| (gateway, beacon))) {
            let place_db = i8::try_from((gateway * 7 + beacon * 5) % 17).unwrap();
            let fading_db = i8::try_from((tick * 5 + gateway as u64) % 7).unwrap() - 3;
            let rssi_dbm = -75 + place_db + fading_db + louder_db(gateway, beacon);
            let now_us = (from_min + tick / 6) * MINUTE_US + tick % 6 * 10_000_000;
            all.hear(beacon, GatewayIndex(u16::try_from(gateway).unwrap()), f64::from(rssi_dbm), 1, now_us);
        }
    }
}

fn rounded(all: &Calibration) -> Vec<Option<i32>> {
    #[expect(clippy::cast_possible_truncation, reason = "a few dB")]
    let round = |drift: &Drift| drift.drift_db.map(|drift_db| drift_db.round() as i32);
    all.drifts().iter().map(round).collect()
}

fn applied(all: &Calibration) -> Vec<f64> {
    (0..all.gateways.len())
        .map(|gateway| all.correction_db(GatewayIndex(u16::try_from(gateway).unwrap())).round())
        .collect()
}

/// An hour as it was set up, then three as `louder_db` has it.
fn after(gateways: usize, beacons: usize, louder_db: impl Fn(usize, usize) -> i8) -> Calibration {
    let mut all = Calibration::new(&site(gateways, beacons, false));
    listen(&mut all, 0, 70, |_, _| 0);
    listen(&mut all, 70, 190, louder_db);
    all
}

#[test]
fn in_the_first_hour_nothing_is_said_and_then_that_nothing_has_changed() {
    let mut all = Calibration::new(&site(3, 3, false));
    listen(&mut all, 0, 55, |_, _| 0);
    assert_eq!(rounded(&all), [None; 3]);
    listen(&mut all, 55, 60, |_, _| 0);
    assert_eq!(rounded(&all), [Some(0); 3]);
    assert_eq!(all.drifts()[0].beacons, 3);
}

#[test]
fn a_gateway_that_becomes_deaf_is_corrected_whether_there_are_two_or_four() {
    for gateways in [2, 3, 4] {
        let all = after(gateways, 3, |gateway, _| if gateway == 1 { -5 } else { 0 });
        let expected: Vec<f64> = (0..gateways).map(|gateway| if gateway == 1 { -5.0 } else { 0.0 }).collect();
        assert_eq!(applied(&all), expected);
    }
}

#[test]
fn a_lost_antenna_is_told_and_corrected_no_further_than_6_db() {
    let all = after(3, 3, |gateway, _| if gateway == 0 { -15 } else { 0 });
    assert_eq!((rounded(&all), applied(&all)), (vec![Some(-15), Some(0), Some(0)], vec![-6.0, 0.0, 0.0]));
    assert!(all.drifts()[0].is_beyond() && !all.drifts()[1].is_beyond());
}

#[test]
fn a_beacon_that_moves_or_fades_is_outvoted() {
    let moved = |gateway: usize, beacon| if beacon == 0 { [8, -5, -9, 3][gateway] } else { 0 };
    assert_eq!(applied(&after(4, 3, moved)), [0.0; 4]);
    assert_eq!(applied(&after(4, 2, moved)), [0.0; 4]);
    let weak = |_, beacon| if beacon == 0 { -9 } else { 0 };
    assert_eq!(applied(&after(4, 3, weak)), [0.0; 4]);
    let both = |gateway, beacon| moved(gateway, beacon) + if gateway == 2 { -5 } else { 0 };
    assert_eq!(applied(&after(4, 4, both)), [0.0, 0.0, -5.0, 0.0]);
}

#[test]
fn what_all_gateways_have_in_common_is_nobodys_change() {
    assert_eq!(applied(&after(3, 3, |_, _| -4)), [0.0; 3]);
    assert_eq!(rounded(&after(1, 3, |_, _| -4)), [None]);
}

#[test]
fn half_an_hour_changes_nothing_and_neither_does_a_little() {
    let mut all = after(3, 3, |_, _| 0);
    listen(&mut all, 260, 30, |gateway, _| if gateway == 0 { -9 } else { 0 });
    assert_eq!(rounded(&all), [Some(0); 3]);
    let little = after(3, 3, |gateway, _| if gateway == 0 { -1 } else { 0 });
    assert_eq!((rounded(&little)[0], applied(&little)[0]), (Some(-1), 0.0));
}

#[test]
fn gateways_hear_each_other_by_the_beacons_that_hang_on_them() {
    let mut all = Calibration::new(&site(3, 2, true));
    listen(&mut all, 0, 70, |_, _| 0);
    listen(&mut all, 70, 190, |gateway, _| if gateway == 1 { -5 } else { 0 });
    assert_eq!(applied(&all), [0.0, -5.0, 0.0]);
    assert_eq!(all.drifts()[0].beacons, 1, "its own says nothing of it");
}

#[test]
fn a_reload_keeps_what_is_known_of_those_that_stayed() {
    let all = after(3, 3, |gateway, _| if gateway == 1 { -5 } else { 0 });
    assert_eq!(applied(&all.configured(&site(3, 3, false))), [0.0, -5.0, 0.0]);
    assert_eq!(applied(&all.configured(&site(4, 3, false))), [0.0, -5.0, 0.0, 0.0]);
    let mut surveyed = site(3, 3, false);
    surveyed.gateways[1].offset_db = -5.0;
    assert_eq!(rounded(&all.configured(&surveyed)), [Some(0), None, Some(0)]);
}

#[test]
fn a_gateway_that_is_silent_for_an_hour_has_no_drift_and_a_site_without_beacons_nothing_to_say() {
    let mut all = after(3, 3, |gateway, _| if gateway == 1 { -5 } else { 0 });
    for tick in 0..600 {
        for (gateway, beacon) in [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2)] {
            all.hear(beacon, GatewayIndex(gateway), -70.0, 1, (261 + tick / 6) * MINUTE_US);
        }
    }
    assert_eq!((all.drifts()[1].drift_db, all.correction_db(GatewayIndex(1))), (None, 0.0));
    let none = Calibration::new(&site(3, 0, false));
    assert_eq!((none.drifts(), none.correction_db(GatewayIndex(9))), (&[][..], 0.0));
}
