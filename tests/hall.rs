//! Real walks through a real hall, replayed: the zones that Emma announces are those the beacon was truly in, and the
//! offers follow. Whoever has no recordings is told what was skipped.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/tetam.rs"]
mod tetam;

use std::fs;
use std::process::Command;

use emma::radio::encode;
use serde_json::Value;
use tempfile::TempDir;
use tetam::{Reading, Tetam, capture_jsonl, zone_at, zones_toml};

const TRACKS: [&str; 4] = ["rectangular_without_rotation", "straight_01", "straight_02", "zigzagging_without_rotation"];

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
fn hall(tetam: &Tetam, walk: &[Reading]) -> TempDir {
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
            replay(&hall(&tetam, &walk)).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
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
    // The margin rule is right in 85 of 100 seconds where each zone has gateways of its own, when it has to answer.
    assert!(right * 100 >= announced * 80, "{right} of {announced}");
    assert!(announced * 100 >= all * 50, "{announced} of {all}");
}

#[test]
fn the_walk_around_the_hall_is_offered_something_where_it_is_and_no_more_than_promised() {
    let Some(tetam) = Tetam::find("the offers of a real walk") else { return };
    let walk = tetam.track("rectangular_without_rotation_all_sensors.mbd");
    let dir = hall(&tetam, &walk);
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
