//! The recorded hall as a shop that `emma evaluate` can score: its configuration, what was heard, and the truth.

#![allow(dead_code, reason = "each of its users takes a part")]
#![allow(clippy::unwrap_used, reason = "what fails here fails whoever asked for it")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use emma::radio::encode;
use serde_json::json;

use crate::tetam::{HALL_M, Reading, Tetam, capture_jsonl};

/// The recorded walks.
const WALKS: [&str; 4] = ["rectangular_without_rotation", "straight_01", "straight_02", "zigzagging_without_rotation"];

/// The points at which the beacon stood still.
const POINTS: &str = "stationary_set_1_120s.csv.gz";

/// Before the walks; each point is a recording of its own, and all are put side by side.
const POINTS_AT_US: i64 = 1_581_240_000_000_000;

const PROMISE: &str = "[caps]\ncustomer = [{ at-most = 1, per = \"1d\" }]\n[responsible]\ncontroller = \"a\"\ncontact = \"b\"\nwithdraw = \"c\"\n\
    recipients = [{ id = \"push\", name = \"d\", purpose = \"e\" }]\n";

/// One recording: who carried the beacon, what was heard of it, and whether it stood still.
pub(crate) struct Recording {
    customer: String,
    readings: Vec<Reading>,
    is_at_rest: bool,
}

/// The recordings of somebody walking.
pub(crate) fn walks(tetam: &Tetam) -> Vec<Recording> {
    let walk = |name: &&str| Recording {
        customer: name.replace('_', "-"),
        readings: tetam.track(&format!("{name}_all_sensors.mbd")),
        is_at_rest: false,
    };
    WALKS.iter().map(walk).collect()
}

/// The recordings of a beacon that stands still, each at a point of its own; none where `gzip` is missing.
pub(crate) fn points(tetam: &Tetam) -> Vec<Recording> {
    let Ok(unpacked) = Command::new("gzip").arg("-dc").arg(tetam.path(POINTS)).output() else {
        eprintln!("skipped, there is no gzip: the recordings at rest");
        return Vec::new();
    };
    let mut recordings: Vec<Recording> = Vec::new();
    for line in String::from_utf8(unpacked.stdout).unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [x, y, _height, secs, sensor, rssi] = fields[..] else { panic!("{line}") };
        #[expect(clippy::cast_possible_truncation, reason = "two minutes")]
        let t_us = POINTS_AT_US + (secs.parse::<f64>().unwrap() * 1e6) as i64;
        let (x_m, y_m) = (x.parse().unwrap(), y.parse().unwrap());
        let customer = format!("at-{x}-{y}");
        if recordings.last().is_none_or(|last| last.customer != customer) {
            recordings.push(Recording { customer, readings: Vec::new(), is_at_rest: true });
        }
        let reading = Reading { t_us, sensor: sensor.to_owned(), rssi_dbm: rssi.parse().unwrap(), x_m, y_m };
        recordings.last_mut().unwrap().readings.push(reading);
    }
    recordings
}

/// Which receivers are taken for gateways: 12, 8, 6 or 4, as the recordings' own page names them.
fn is_chosen(receivers: usize, name: &str) -> bool {
    let number = name.trim_start_matches("sensor");
    match receivers {
        8 => ["11", "12", "21", "22", "31", "32", "41", "42"].contains(&number),
        6 => ["10", "12", "22", "30", "32", "42"].contains(&number),
        4 => ["10", "20", "30", "40"].contains(&number),
        _ => true,
    }
}

/// `zones.toml` of the hall, cut into 4 or 9 zones.
fn zones_toml(zones: usize) -> String {
    let (width, depth) = HALL_M;
    let (columns, rows) = if zones == 9 {
        (vec![0.0, 6.9, 13.8, width], vec![0.0, 5.9, 11.8, depth])
    } else {
        (vec![0.0, 10.0, width], vec![0.0, 9.2, depth])
    };
    let mut toml = String::new();
    for (row, y) in rows.windows(2).enumerate() {
        for (column, x) in columns.windows(2).enumerate() {
            let (x0, x1, y0, y1) = (x[0], x[1], y[0], y[1]);
            let corners = format!("[[{x0:?}, {y0:?}], [{x1:?}, {y0:?}], [{x1:?}, {y1:?}], [{x0:?}, {y1:?}]]");
            let id = format!("row-{row}-column-{column}");
            write!(toml, "[[zone]]\nid = \"{id}\"\nname = {{ en = \"{id}\" }}\npolygon-m = {corners}\n\n").unwrap();
        }
    }
    toml
}

/// Writes into `folder` the shop, `consents.jsonl`, `capture.jsonl` and `truth.jsonl`.
pub(crate) fn write(folder: &Path, tetam: &Tetam, receivers: usize, zones: usize, recordings: &[Recording]) {
    let shop = folder.join("shop");
    fs::create_dir_all(&shop).unwrap();
    let put = |path: &str, text: String| fs::write(folder.join(path), text).unwrap();
    put("shop/gateway.toml", "site = \"hall\"\ngateway = \"sensor10\"\n[radio]\ndriver = \"none\"\n".into());
    put("shop/site.toml", tetam.site_toml_with(|name| is_chosen(receivers, name)));
    put("shop/zones.toml", zones_toml(zones));
    put("shop/offers.toml", String::new());
    put("shop/promise.toml", PROMISE.into());
    let (mut consents, mut capture, mut truth) = (String::new(), String::new(), String::new());
    for (recording, minor) in recordings.iter().zip(1_u16..) {
        writeln!(consents, "{}", consent(&recording.customer, minor)).unwrap();
        let payload = [encode::flags(0x06), encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, minor, -59)].concat();
        let heard: Vec<Reading> =
            recording.readings.iter().filter(|reading| is_chosen(receivers, &reading.sensor)).cloned().collect();
        capture += &capture_jsonl(&heard, &payload);
        // Who stands still needs two samples: a sample holds until the next.
        let is_told = |index: usize| !recording.is_at_rest || index == 0 || index + 1 == recording.readings.len();
        let told = recording.readings.iter().enumerate().filter(|(index, _)| is_told(*index));
        for (_, Reading { t_us, x_m, y_m, .. }) in told {
            let sample = json!({
                "t": t_us, "customer": recording.customer, "x_m": x_m, "y_m": y_m, "rest": recording.is_at_rest,
            });
            writeln!(truth, "{sample}").unwrap();
        }
    }
    put("consents.jsonl", consents);
    put("capture.jsonl", in_order(&capture));
    put("truth.jsonl", truth);
}

/// The lines of a capture by time, since recordings that were made at one time are heard side by side.
fn in_order(capture: &str) -> String {
    let time = |line: &&str| line.split("\"t\":").nth(1).and_then(|rest| rest.split([',', '}']).next()?.parse().ok());
    let mut lines: Vec<&str> = capture.lines().collect();
    lines.sort_by_key(|line| time(line).unwrap_or(0_i64));
    lines.join("\n") + "\n"
}

fn consent(customer: &str, minor: u16) -> serde_json::Value {
    json!({
        "customer": customer, "epoch": 1, "tier": "contextual", "purposes": ["offers"],
        "identifiers": [{"ibeacon": {"uuid": "41424344-4546-4748-494a-4b4c4d4e4f50", "major": 1, "minor": minor}}],
        "valid_from": "2020-01-01T00:00:00Z", "valid_until": "2021-01-01T00:00:00Z",
    })
}
