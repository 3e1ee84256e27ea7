//! Fixed beacons keep the gateways' offsets true while Emma runs; customers' own signals never do.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fmt::Write as _;
use std::sync::Arc;

use emma::clock::Moment;
use emma::config::{self, Config, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::calibration::GatewayCalibration;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::{Effect, Happening, Input, What};
use emma::gateway::key::Key;
use emma::radio::encode;

const BEACONS: [u8; 16] = *b"beacons of shop!";
const TAGS: [u8; 16] = *b"tags of the shop";

/// A hall of 20 x 10 m: four gateways in its corners, four fixed beacons on its walls.
const GATEWAYS: [(f64, f64); 4] = [(1.0, 1.0), (1.0, 9.0), (19.0, 1.0), (19.0, 9.0)];
const WALLS: [(f64, f64); 4] = [(7.0, 0.0), (13.0, 0.0), (7.0, 10.0), (13.0, 10.0)];

const POLYGONS: &str = "[[zone]]\nid = 'west'\nname = 'West'\npolygon-m = [[0, 0], [10, 0], [10, 10], [0, 10]]\n\
    [[zone]]\nid = 'east'\nname = 'East'\npolygon-m = [[10, 0], [20, 0], [20, 10], [10, 10]]\n";

/// As heard by a sound gateway: path loss in free space.
fn rssi_dbm((x, y): (f64, f64), gateway: usize, higher_m: f64) -> i8 {
    let (gx, gy) = GATEWAYS[gateway];
    let metres = ((gx - x).powi(2) + (gy - y).powi(2) + higher_m.powi(2)).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "a level is a small number")]
    let dbm = (-60.0 - 20.0 * metres.log10()).round() as i8;
    dbm
}

fn config(zones: &str) -> Arc<Config> {
    let mut site =
        "name = 'Hall'\ntime-zone = 'Europe/Zurich'\nfloor-plan = { width-m = 20.0, height-m = 10.0 }\n".to_owned();
    for (index, (x, y)) in GATEWAYS.iter().enumerate() {
        writeln!(site, "[[gateway]]\nid = 'gw-{index}'\nposition-m = [{x:?}, {y:?}]").unwrap();
    }
    for (index, (x, y)) in WALLS.iter().enumerate() {
        let uuid = hex::encode(BEACONS);
        writeln!(site, "[[fixed-beacon]]\nid = 'wall-{index}'\nibeacon = {{ uuid = '{uuid}', major = 1, minor = {index} }}\nposition-m = [{x:?}, {y:?}]").unwrap();
    }
    let gateway = "site = 'hall'\ngateway = 'gw-0'\n[radio]\ndriver = 'none'\n".to_owned();
    let sources = Sources { gateway, site, zones: zones.to_owned(), offers: String::new(), ..Sources::shipped() };
    let loaded = config::check(&sources);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    Arc::new(loaded.config.unwrap_or_else(|| panic!("{}", problems.join("\n"))))
}

/// A hall in which each gateway hears so much less than it should, in dB.
struct Hall {
    gateway: Gateway,
    second: u64,
    deaf_db: [i8; 4],
}

impl Hall {
    fn new(zones: &str) -> Self {
        let mut gateway = Gateway::new(config(zones), Key::new([7; 32]), 0);
        for tag in 0..60 {
            let uuid = hex::encode(TAGS);
            let line = format!(
                r#"{{"customer":"c-{tag}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{{"ibeacon":{{"uuid":"{uuid}","major":1,"minor":{tag}}}}}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z"}}"#
            );
            let Record::Grant(grant) = record::parse(&line).unwrap() else { panic!("{line}") };
            gateway.handle(Input::Consent(Arc::new(grant.check().unwrap())), at(0));
        }
        Self { gateway, second: 0, deaf_db: [0; 4] }
    }

    fn heard(&mut self, uuid: &[u8; 16], minor: u16, place: (f64, f64), higher_m: f64) -> Vec<String> {
        let payload = encode::ibeacon(uuid, 1, minor, -59);
        let mut told = Vec::new();
        for (gateway, index) in (0..GATEWAYS.len()).zip(0_u16..) {
            let rssi_dbm = rssi_dbm(place, gateway, higher_m) - self.deaf_db[gateway];
            let address = Address { bytes: [9; 6], kind: AddressKind::Random };
            let heard = Advertisement { address, payload: &payload, rssi_dbm, gateway: GatewayIndex(index) };
            told.extend(names(&self.gateway.handle(Input::Advertisement(heard), at(self.second))));
        }
        told
    }

    /// So many minutes in which the walls' beacons are heard every ten seconds. Some stand elsewhere than they should.
    fn minutes(&mut self, minutes: u64, walls: [(f64, f64); 4]) {
        for _ in 0..minutes * 6 {
            self.second += 10;
            for (place, minor) in walls.into_iter().zip(0..) {
                self.heard(&BEACONS, minor, place, 0.0);
            }
        }
    }

    /// A customer stands somewhere for so many seconds: what is told.
    fn stands(&mut self, tag: u16, place: (f64, f64), seconds: u64) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            self.second += 1;
            told.extend(self.heard(&TAGS, tag, place, 1.2));
        }
        told.into_iter().filter(|told| told.starts_with("entered")).collect()
    }

    fn calibration(&self) -> Vec<GatewayCalibration> {
        self.gateway.calibration()
    }

    fn applied_db(&self) -> Vec<f64> {
        self.calibration().iter().map(|told| told.drift.applied_db.round()).collect()
    }
}

fn at(second: u64) -> Moment {
    let us = second * 1_000_000;
    Moment { monotonic_us: us, wall_us: Some(1_790_000_000_000_000 + us.cast_signed()) }
}

fn names(effects: &[Effect]) -> Vec<String> {
    let name = |effect: &Effect| match effect {
        Effect::Happened(Happening { what: What::Entered { zone, .. }, .. }) => Some(format!("entered {zone}")),
        _ => None,
    };
    effects.iter().filter_map(name).collect()
}

#[test]
fn gateways_that_become_deaf_are_corrected_and_polygons_told_right_again() {
    let place = (5.5, 5.0);
    let mut hall = Hall::new(POLYGONS);
    hall.minutes(70, WALLS);
    assert_eq!(hall.stands(0, place, 60), ["entered west"]);
    // Both Pis of the west lose 6 dB at once: whoever stands in the west is heard as if in the middle.
    hall.deaf_db = [6, 6, 0, 0];
    let told = hall.stands(1, place, 60);
    assert!(!told.contains(&"entered west".to_owned()), "{told:?}: deafness must show, or nothing is tested");
    hall.minutes(180, WALLS);
    assert_eq!(hall.applied_db(), [-6.0, -6.0, 0.0, 0.0]);
    assert_eq!(hall.stands(2, place, 60), ["entered west"]);
}

#[test]
fn near_zones_are_corrected_too() {
    let mut hall = Hall::new("[[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw-0'\nenter-dbm = -68\nleave-dbm = -76\n");
    hall.minutes(70, WALLS);
    hall.deaf_db = [6, 0, 0, 0];
    assert_eq!(hall.stands(1, (2.0, 1.0), 60), [""; 0]);
    hall.minutes(180, WALLS);
    assert_eq!(hall.stands(2, (2.0, 1.0), 60), ["entered till"]);
}

#[test]
fn a_beacon_that_was_moved_is_outvoted() {
    let mut hall = Hall::new(POLYGONS);
    hall.minutes(70, WALLS);
    let moved = [(19.0, 5.0), WALLS[1], WALLS[2], WALLS[3]];
    hall.minutes(180, moved);
    assert_eq!(hall.applied_db(), [0.0; 4]);
    hall.deaf_db = [0, 0, 5, 0];
    hall.minutes(180, moved);
    assert_eq!(hall.applied_db(), [0.0, 0.0, -5.0, 0.0]);
}

#[test]
fn a_crowd_in_one_corner_proposes_and_changes_nothing() {
    let mut hall = Hall::new(POLYGONS);
    hall.minutes(70, WALLS);
    // All of them stand behind a rack that takes 8 dB on the way to one gateway.
    hall.deaf_db = [0, 0, 8, 0];
    for tag in 0..19 {
        hall.stands(tag, (4.0, 3.0 + f64::from(tag) / 10.0), 30);
    }
    assert!(hall.calibration().iter().all(|told| told.proposal.is_none()), "fewer than twenty are nobody's business");
    for tag in 19..50 {
        hall.stands(tag, (4.0, 3.0 + f64::from(tag) / 10.0), 30);
    }
    hall.deaf_db = [0; 4];
    hall.minutes(180, WALLS);
    assert_eq!(hall.applied_db(), [0.0; 4]);
    let proposals: Vec<_> = hall.calibration().into_iter().map(|told| told.proposal.unwrap()).collect();
    let least = proposals.iter().map(|proposal| proposal.offset_db).fold(0.0, f64::min);
    assert!((proposals[2].offset_db - least).abs() < 1e-9 && least < -2.0, "{proposals:?}");
    assert!(proposals.iter().all(|proposal| proposal.visits >= 20 && proposal.zones == 1), "{proposals:?}");
}

#[test]
fn a_reload_keeps_what_was_learned_and_a_restart_begins_again() {
    let mut hall = Hall::new(POLYGONS);
    hall.minutes(70, WALLS);
    hall.deaf_db = [0, 5, 0, 0];
    hall.minutes(180, WALLS);
    hall.gateway.handle(Input::Configure(config(&POLYGONS.replace("East", "Orient"))), at(hall.second));
    assert_eq!(hall.applied_db(), [0.0, -5.0, 0.0, 0.0]);
    let mut again = Hall::new(POLYGONS);
    again.deaf_db = [0, 5, 0, 0];
    again.minutes(180, WALLS);
    assert_eq!(again.applied_db(), [0.0; 4]);
}
