//! `emma replay --explain`: each transition shows the readings and the numbers that moved it, and a sensitive zone none.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use emma::radio::encode;
use serde_json::{Value, json};
use tempfile::TempDir;

const CONSENT: &str = r#"{"customer":"ann","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2021-01-01T00:00:00Z"}"#;

const SITE: &str = "name = \"Shop\"\ntime-zone = \"Europe/Zurich\"\nlanguage = \"en\"\nfloor-plan = { width-m = 20.0, height-m = 10.0 }\n";

const PROMISE: &str = "[caps]\ncustomer = [{ at-most = 2, per = \"1d\" }]\n[responsible]\ncontroller = \"a\"\ncontact = \"b\"\n\
    withdraw = \"c\"\nrecipients = [{ id = \"push\", name = \"d\", purpose = \"e\" }]\n";

/// Where the gateways hang; `gw-0` and so on.
const GATEWAYS: [(f64, f64); 4] = [(1.0, 1.0), (1.0, 9.0), (19.0, 1.0), (19.0, 9.0)];

/// What each gateway hears each second: from, until, and the levels.
type Scene = (i64, i64, [Option<i8>; 4]);

fn replay(zones: &str, scenes: &[Scene], arguments: &[&str]) -> Vec<Value> {
    let dir = TempDir::new().unwrap();
    let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
    let gateway = |(index, (x, y)): (usize, &(f64, f64))| {
        format!("[[gateway]]\nid = \"gw-{index}\"\nposition-m = [{x:?}, {y:?}]\n")
    };
    write("gateway.toml", "site = \"shop\"\ngateway = \"gw-0\"\n[radio]\ndriver = \"none\"\n");
    write("site.toml", &(SITE.to_owned() + &GATEWAYS.iter().enumerate().map(gateway).collect::<String>()));
    write("zones.toml", zones);
    write("offers.toml", "");
    write("promise.toml", PROMISE);
    write("consents.jsonl", CONSENT);
    let data = hex::encode([encode::flags(0x06), encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59)].concat());
    let mut capture = String::new();
    for (from_s, until_s, levels) in scenes {
        for second in *from_s..*until_s {
            for (index, rssi) in levels.iter().enumerate().filter_map(|(index, rssi)| Some((index, (*rssi)?))) {
                let t = 1_581_249_600_000_000 + second * 1_000_000;
                let line = json!({"t": t, "gateway": format!("gw-{index}"), "address": "C0:FF:EE:00:00:01",
                    "address_type": "random", "rssi": rssi, "data": data});
                writeln!(capture, "{line}").unwrap();
            }
        }
    }
    write("walk.jsonl", &capture);
    let output = Command::new(env!("CARGO_BIN_EXE_emma"))
        .args(["replay", "--config", ".", "--consents", "consents.jsonl"])
        .args(arguments)
        .arg("walk.jsonl")
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The events of zones, with why.
fn moves(zones: &str, scenes: &[Scene]) -> Vec<(String, Value)> {
    let lines = replay(zones, scenes, &["--explain"]).into_iter();
    let moves = lines.filter(|line| line["event"].as_str().unwrap().starts_with("zone."));
    moves
        .map(|line| {
            (format!("{} {}", line["event"].as_str().unwrap(), line["zone"].as_str().unwrap()), line["why"].clone())
        })
        .collect()
}

const NEAR: &str = "[[zone]]\nid = \"till\"\nname = \"Till\"\nnear = \"gw-0\"\n[[zone]]\nid = \"rack\"\nname = \"Rack\"\nnear = \"gw-2\"\n";

#[test]
fn a_near_zone_shows_its_level_its_readings_and_its_rival() {
    let scenes = [(0, 20, [Some(-60), None, Some(-68), None]), (20, 40, [Some(-75), None, Some(-58), None])];
    let moves = moves(NEAR, &scenes);
    let order: Vec<&str> = moves.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(order, ["zone.entered till", "zone.left till", "zone.entered rack", "zone.left rack"]);
    let expected = json!({
        "because": "it was reached for as long as it takes", "held_secs": 5.0, "heard_secs_ago": 0.0, "near": "gw-0",
        "level_dbm": -60.0, "lasting_dbm": -60.0, "last_dbm": -60.0, "readings": 6, "enter_dbm": -65.0, "leave_dbm": -73.0,
        "rival": { "zone": "rack", "level_dbm": -68.0, "margin_db": 8.0 },
    });
    assert_eq!(moves[0].1, expected);
    assert_eq!(moves[1].1["because"], "another zone was entered");
    assert_eq!(moves[1].1["replaced_by"], "rack");
    assert_eq!(
        (&moves[3].1["because"], &moves[3].1["without_evidence_secs"]),
        (&json!("no gateway hears the device any more"), &json!(45.0))
    );
    assert_eq!((&moves[3].1["readings"], &moves[3].1["heard_secs_ago"]), (&json!(0), &json!(45.0)));
}

/// Two halves of the shop; the east may be sensitive.
fn halves(east: &str) -> String {
    format!(
        "[[zone]]\nid = \"west\"\nname = \"West\"\npolygon-m = [[0, 0], [10, 0], [10, 10], [0, 10]]\n\
         [[zone]]\nid = \"east\"\nname = \"East\"\npolygon-m = [[10, 0], [20, 0], [20, 10], [10, 10]]\n{east}"
    )
}

/// In the west, then in the east.
const CROSSING: [Scene; 2] =
    [(0, 30, [Some(-73), Some(-73), Some(-85), Some(-85)]), (30, 80, [Some(-85), Some(-85), Some(-73), Some(-73)])];

#[test]
fn a_polygon_shows_its_probability_its_rivals_and_what_was_expected_of_each_gateway() {
    let moves = moves(&halves(""), &CROSSING);
    assert_eq!(moves[0].0, "zone.entered west");
    let why = &moves[0].1;
    let number =
        |pointer: &str| why.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}: {why}"));
    assert!(
        number("/probability") >= 0.8
            && number("/probability") + number("/next/probability") + number("/no_zone") <= 1.01
    );
    assert_eq!(why["next"]["zone"], "east");
    assert_eq!((number("/gateways/gw-2/mean_dbm"), number("/gateways/gw-2/readings")), (-85.0, 1.0));
    let residual_db = number("/gateways/gw-2/mean_dbm") - number("/gateways/gw-2/expected_dbm");
    assert!((residual_db - number("/gateways/gw-2/residual_db")).abs() < 0.11, "{why}");
    assert!(
        number("/place_m/0") < 10.0 && number("/device_db").abs() < 6.0 && number("/device_sigma_db") > 0.0,
        "{why}"
    );
    let left = moves.iter().find(|(what, _)| what == "zone.left west").unwrap();
    assert_eq!(left.1["replaced_by"], "east");
}

#[test]
fn a_sensitive_zone_shows_in_nothing() {
    let moves = moves(&halves("sensitive = true\n"), &CROSSING);
    let order: Vec<&str> =
        moves.iter().map(|(what, _)| what.as_str()).filter(|what| !what.ends_with("sure west")).collect();
    assert_eq!(order, ["zone.entered west", "zone.left west"]);
    for (what, why) in &moves {
        let text = why.to_string();
        assert!(!text.contains("east") && !text.contains("gw-2") && !text.contains("gw-3"), "{what}: {text}");
    }
    // Whoever is in it now is nowhere that could be told, and did not leave for anything that could.
    assert_eq!(moves.last().unwrap().1, Value::Null);
}

#[test]
fn who_leaves_a_near_zone_for_a_sensitive_one_or_for_none_is_told_alike() {
    let sensitive = NEAR.to_owned() + "sensitive = true\n";
    let into_it = [(0, 20, [Some(-60), None, None, None]), (20, 40, [Some(-90), None, Some(-58), None])];
    let away = [(0, 20, [Some(-60), None, None, None]), (20, 80, [Some(-90), None, None, None])];
    for scenes in [into_it, away] {
        let moves = moves(&sensitive, &scenes);
        assert_eq!(moves.len(), 2, "{moves:?}");
        assert_eq!(moves[1], ("zone.left till".to_owned(), Value::Null));
    }
    let gone = moves(&sensitive, &[(0, 20, [Some(-60), None, None, None])]);
    assert_eq!(gone[1].1["because"], "no gateway hears the device any more");
}

#[test]
fn a_device_that_another_gateway_hears_is_heard() {
    let beyond = [(0, 20, [Some(-60), None, None, None]), (20, 80, [None, None, Some(-90), None])];
    let moves = moves(NEAR, &beyond);
    let (what, left) = &moves[1];
    assert_eq!((what.as_str(), &left["level_dbm"]), ("zone.left till", &Value::Null));
    assert_eq!(left["because"], "for as long as it takes nothing kept the device in it");
}

#[test]
fn nothing_is_shown_unless_asked_for() {
    let lines = replay(NEAR, &[(0, 20, [Some(-60), None, None, None])], &[]);
    assert!(lines.len() >= 4 && lines.iter().all(|line| line.get("why").is_none()), "{lines:?}");
}
