//! Real walks through a real hall, replayed: the zones that Emma announces are those the beacon was truly in, and the
//! offers follow. Whoever has no recordings is told what was skipped.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/hall_goals.rs"]
mod hall_goals;
#[path = "common/margin.rs"]
mod margin;
#[path = "common/score.rs"]
mod score;
#[path = "common/tetam.rs"]
mod tetam;

use std::fs;
use std::process::Command;

use emma::gateway::zone::Floor;
use emma::radio::encode;
use hall_goals::{Engine, Setup, Survey};
use margin::Margin;
use score::Score;
use serde_json::Value;
use tempfile::TempDir;
use tetam::{Reading, TRACKS, Tetam, capture_jsonl, zone_at, zones_toml};

const CONSENT: &str = r#"{"customer":"c-0001","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2021-01-01T00:00:00Z"}"#;

const PROMISE: &str = "[caps]\ncustomer = [{ at-most = 2, per = \"1d\" }]\n[responsible]\ncontroller = \"a\"\ncontact = \"b\"\n\
    withdraw = \"c\"\nrecipients = [{ id = \"push\", name = \"d\", purpose = \"e\" }]\n";

/// One campaign for each quarter of the hall, said after ten seconds there.
fn offers() -> String {
    let quarter = |id: &str| {
        format!(
            "[[campaign]]\nid = \"in-{id}\"\nclass = \"reward\"\nzones = [\"{id}\"]\ntrigger = {{ dwelled = \"10s\" }}\n\
             [campaign.text.en]\ntitle = \"t\"\nbody = \"b\"\n"
        )
    };
    ["south-west", "south-east", "north-west", "north-east"].map(quarter).concat()
}

/// The hall as a shop, with a track as its capture.
fn shop(tetam: &Tetam, walk: &[Reading]) -> TempDir {
    let dir = TempDir::new().unwrap();
    let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
    write("gateway.toml", "site = \"hall\"\ngateway = \"sensor10\"\n[radio]\ndriver = \"none\"\n");
    write("site.toml", &tetam.site_toml());
    write("zones.toml", &zones_toml());
    write("offers.toml", &offers());
    write("promise.toml", PROMISE);
    write("consents.jsonl", CONSENT);
    let payload = [encode::flags(0x06), encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59)].concat();
    write("walk.jsonl", &capture_jsonl(walk, &payload));
    dir
}

fn replay(dir: &TempDir) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_emma"))
        .args(["replay", "--config", ".", "--consents", "consents.jsonl", "walk.jsonl"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The zone announced at each whole second from the tenth, and the true one.
fn seconds(timeline: &[Value], walk: &[Reading]) -> Vec<(Option<String>, &'static str)> {
    let (begin, end) = (walk[0].t_us, walk[walk.len() - 1].t_us);
    (begin + 10_000_000..end)
        .step_by(1_000_000)
        .map(|t| {
            let mut announced = None;
            for line in timeline.iter().take_while(|line| line["t"].as_i64().unwrap() <= t) {
                match line["event"].as_str().unwrap() {
                    "zone.entered" | "zone.sure" => announced = line["zone"].as_str().map(str::to_owned),
                    "zone.left" | "zone.unsure" => announced = None,
                    _ => {}
                }
            }
            let there = walk.iter().rev().find(|reading| reading.t_us <= t).unwrap();
            (announced, zone_at(there.x_m, there.y_m))
        })
        .collect()
}

#[test]
fn what_is_announced_in_the_hall_is_mostly_true() {
    let Some(tetam) = Tetam::find("the zones of real walks") else { return };
    let (mut announced, mut right, mut all) = (0_usize, 0_usize, 0_usize);
    for track in TRACKS {
        let walk = tetam.track(&format!("{track}_all_sensors.mbd"));
        let timeline: Vec<Value> =
            replay(&shop(&tetam, &walk)).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (zone, truth) in seconds(&timeline, &walk) {
            all += 1;
            announced += usize::from(zone.is_some());
            right += usize::from(zone.as_deref() == Some(truth));
        }
        let entered = timeline.iter().filter(|line| line["event"] == "zone.entered").count();
        let left = timeline.iter().filter(|line| line["event"] == "zone.left").count();
        assert!(entered >= 2, "{track}: a walk through the hall enters more than one of its quarters");
        assert_eq!(entered, left, "{track}");
        assert_eq!(timeline.first().unwrap()["event"], "visit.started");
        assert_eq!(timeline.last().unwrap()["event"], "visit.ended");
    }
    eprintln!("{right} of {announced} announced seconds are right, of {all} in all");
    assert!(right * 100 >= announced * 80, "{right} of {announced}");
    assert!(announced * 100 >= all * 50, "{announced} of {all}");
}

#[test]
fn the_walk_around_the_hall_is_offered_something_where_it_is_and_no_more_than_promised() {
    let Some(tetam) = Tetam::find("the offers of a real walk") else { return };
    let walk = tetam.track("rectangular_without_rotation_all_sensors.mbd");
    let dir = shop(&tetam, &walk);
    let text = replay(&dir);
    assert_eq!(text, replay(&dir), "the same input gives the same bytes");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let delivered: Vec<&Value> = lines.iter().filter(|line| line["event"] == "offer.delivered").collect();
    assert_eq!(delivered.len(), 2, "two a day were promised");
    for offer in delivered {
        let t = offer["t"].as_i64().unwrap();
        // Ten seconds of staying were asked for: that is where the beacon was in them, though it may be at the door now.
        let mut stay = walk.iter().filter(|reading| (t - 10_000_000..=t).contains(&reading.t_us));
        assert!(stay.any(|reading| zone_at(reading.x_m, reading.y_m) == offer["zone"]), "{offer}");
        assert_eq!(offer["campaign"].as_str().unwrap(), format!("in-{}", offer["zone"].as_str().unwrap()));
    }
    assert!(lines.iter().any(|line| line["reason"] == "cap-customer"), "the third is withheld");
}

/// The walks, and every third of the resting points: a bench takes them all and prints the whole table.
fn scores(tetam: &Tetam, setup: Setup) -> Option<[Score; 4]> {
    let resting = tetam.resting()?;
    let survey = setup.surveyed.then(|| Survey::fit(setup, tetam, &resting));
    let resting: Vec<_> = resting.into_iter().step_by(3).collect();
    let walks: Vec<_> = TRACKS.map(|track| tetam.track(&format!("{track}_all_sensors.mbd"))).into();
    let floor = Floor::new(&setup.config(tetam, survey.as_ref()));
    let (engine, margin) = (|| Engine::new(&floor), || Margin::new(setup, &setup.sensors(tetam)));
    Some([
        setup.score(&walks, engine),
        setup.score(&resting, engine),
        setup.score(&walks, margin),
        setup.score(&resting, margin),
    ])
}

/// Precision at coverage, walking and at rest, with room for noise below the goals of the design.
fn assert_row(setup: Setup, least: [[f64; 2]; 2], least_forced: f64) {
    let Some(tetam) = Tetam::find("the goals' table") else { return };
    let Some([walking, resting, margin_walking, margin_resting]) = scores(&tetam, setup) else { return };
    let shown = |score: &Score| format!("{:.0} @ {:.0}", score.precision(), score.coverage());
    let all = format!(
        "{setup:?}: walking {}, at rest {}, forced {:?}, flaps {:.2}, error {:.3} {:.3}; margin {} and {}, forced {:?}",
        shown(&walking),
        shown(&resting),
        walking.forced(),
        resting.flaps_a_minute(),
        walking.calibration_error(),
        resting.calibration_error(),
        shown(&margin_walking),
        shown(&margin_resting),
        margin_walking.forced(),
    );
    eprintln!("{all}");
    for (score, [precision, coverage]) in [&walking, &resting].into_iter().zip(least) {
        assert!(score.precision() >= precision && score.coverage() >= coverage, "{all}");
    }
    assert!(walking.forced()[0] >= least_forced, "{all}");
    assert!(resting.flaps_a_minute() <= 0.06, "{all}");
    assert!(walking.calibration_error() <= 0.12 && resting.calibration_error() <= 0.12, "{all}");
    let (right, entries) =
        [&walking, &resting].map(Score::sure_entries).into_iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert!(entries < 10 || right * 100 >= entries * 80, "{right} of {entries} sure entries: {all}");
    let (engine, margin) =
        (walking.precision() + resting.precision(), margin_walking.precision() + margin_resting.precision());
    assert!(engine >= margin - 4.0, "never worse than the margin rule: {all}");
}

#[test]
fn four_zones_are_told_by_twelve_gateways_that_nobody_surveyed() {
    assert_row(Setup { gateways: 12, zones: 4, surveyed: false }, [[86.0, 62.0], [91.0, 70.0]], 84.0);
}

#[test]
fn nine_zones_are_told_by_twelve_surveyed_gateways() {
    assert_row(Setup { gateways: 12, zones: 9, surveyed: true }, [[82.0, 40.0], [76.0, 48.0]], 74.0);
}

#[test]
fn four_zones_are_told_by_eight_surveyed_gateways() {
    assert_row(Setup { gateways: 8, zones: 4, surveyed: true }, [[80.0, 50.0], [89.0, 60.0]], 66.0);
}

#[test]
fn four_zones_are_told_by_six_surveyed_gateways() {
    assert_row(Setup { gateways: 6, zones: 4, surveyed: true }, [[88.0, 42.0], [82.0, 60.0]], 76.0);
}

#[test]
fn four_zones_are_told_by_four_gateways_as_far_as_can_be() {
    assert_row(Setup { gateways: 4, zones: 4, surveyed: false }, [[80.0, 42.0], [70.0, 46.0]], 66.0);
}

#[test]
fn nine_points_of_20_s_say_of_the_receivers_what_all_points_say() {
    let Some(tetam) = Tetam::find("the offsets of a real hall") else { return };
    let Some(resting) = tetam.resting() else { return };
    let setup = Setup { gateways: 12, zones: 9, surveyed: true };
    let all = Survey::of(&setup.sensors(&tetam), resting.iter()).offsets_db;
    let nine = Survey::fit(setup, &tetam, &resting).offsets_db;
    let mean = |offsets: &[f64]| offsets.iter().sum::<f64>() / 12.0;
    let apart = nine.iter().zip(&all).map(|(a, b)| (a - mean(&nine) - b + mean(&all)).powi(2)).sum::<f64>();
    let apart_db = (apart / 12.0).sqrt();
    eprintln!("{apart_db:.2} dB apart: {nine:.1?} and {all:.1?}");
    assert!(apart_db < 1.6, "{apart_db}");
}
