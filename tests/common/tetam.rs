//! Real walks through a hall: what its receivers heard of one carried beacon, and where that truly was.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

/// The hall's width (x) and depth (y) in metres.
pub(crate) const HALL_M: (f64, f64) = (20.7, 17.7);

/// Where the hall is cut into four zones, in metres.
pub(crate) const CUT_M: (f64, f64) = (10.0, 9.2);

/// The walks.
pub(crate) const TRACKS: [&str; 4] =
    ["rectangular_without_rotation", "straight_01", "straight_02", "zigzagging_without_rotation"];

/// The carried beacon's address, most significant byte first.
pub(crate) const BEACON: [u8; 6] = [0xe7, 0x8f, 0x13, 0x56, 0x24, 0xce];

/// One advertisement heard by one receiver, and where the beacon was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Microseconds since 1970 UTC.
    pub(crate) t_us: i64,
    /// The receiver's name: `sensor10` and so on.
    pub(crate) sensor: String,
    /// As received.
    pub(crate) rssi_dbm: i8,
    /// The beacon's true place in metres.
    pub(crate) x_m: f64,
    /// The beacon's true place in metres.
    pub(crate) y_m: f64,
}

/// A receiver.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sensor {
    /// `sensor10` and so on.
    pub(crate) name: String,
    /// Its MAC, as the tracks write it.
    mac: String,
    /// x, y and height in metres.
    pub(crate) position_m: [f64; 3],
}

impl Sensor {
    /// One that was never recorded.
    pub(crate) fn new(name: String, position_m: [f64; 3]) -> Self {
        Self { name, mac: String::new(), position_m }
    }
}

/// The recordings, where they are.
pub(crate) struct Tetam {
    folder: PathBuf,
    /// In the order of their names.
    pub(crate) sensors: Vec<Sensor>,
}

impl Tetam {
    /// Finds the recordings under `EMMA_SHARED` (`../shared` if not set), or says what is skipped.
    pub(crate) fn find(skipped: &str) -> Option<Self> {
        let shared = env::var_os("EMMA_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
        let folder = shared.join("data/tetam");
        let Ok(devices) = fs::read_to_string(folder.join("tetam.dev")) else {
            eprintln!("skipped, there are no recordings in {}: {skipped}", folder.display());
            return None;
        };
        Some(Self { folder, sensors: sensors(&devices) })
    }

    /// The track in `name` (`straight_01_all_sensors.mbd`), in order of time.
    pub(crate) fn track(&self, name: &str) -> Vec<Reading> {
        let text = fs::read_to_string(self.folder.join(name)).unwrap();
        let mut readings: Vec<_> = text.lines().map(|line| self.reading(line)).collect();
        readings.sort_by_key(|reading| reading.t_us);
        readings
    }

    /// The points at which the beacon lay still, each a recording of its own; nothing where `gzip` is not installed.
    pub(crate) fn resting(&self) -> Option<Vec<Vec<Reading>>> {
        let packed = self.folder.join("stationary_set_1_120s.csv.gz");
        let output = Command::new("gzip").arg("-dc").arg(packed).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut points: Vec<Vec<Reading>> = Vec::new();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let [x, y, _z, t, sensor, rssi] = fields[..] else { panic!("{line}") };
            let (x_m, y_m) = (x.parse().unwrap(), y.parse().unwrap());
            let rssi_dbm = rssi.parse().unwrap();
            let reading = Reading { t_us: micros(t), sensor: sensor.to_owned(), rssi_dbm, x_m, y_m };
            match points.last_mut().filter(|point| (point[0].x_m - x_m).hypot(point[0].y_m - y_m) < 0.01) {
                Some(point) => point.push(reading),
                None => points.push(vec![reading]),
            }
        }
        for point in &mut points {
            point.sort_by_key(|reading| reading.t_us);
        }
        Some(points)
    }

    fn reading(&self, line: &str) -> Reading {
        let mut fields = line.split(',');
        let mut next = || fields.next().unwrap();
        let (time, mac, _beacon, rssi, x, y) = (next(), next(), next(), next(), next(), next());
        let sensor = self.sensors.iter().find(|sensor| sensor.mac == mac).unwrap();
        Reading {
            t_us: micros(time),
            sensor: sensor.name.clone(),
            rssi_dbm: rssi.parse().unwrap(),
            x_m: x.parse().unwrap(),
            y_m: y.parse().unwrap(),
        }
    }

    /// Where a recording lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `site.toml` of the hall, its receivers being the gateways.
    pub(crate) fn site_toml(&self) -> String {
        self.site_toml_with(|_| true)
    }

    /// The same with some of the receivers, chosen by name.
    pub(crate) fn site_toml_with(&self, is_chosen: impl Fn(&str) -> bool) -> String {
        let (width, depth) = HALL_M;
        let mut toml = format!(
            "name = \"Hall\"\ntime-zone = \"Europe/Zurich\"\nlanguage = \"en\"\n\
             floor-plan = {{ image = \"floor.png\", width-m = {width:?}, height-m = {depth:?} }}\n"
        );
        for Sensor { name, position_m: [x, y, height], .. } in
            self.sensors.iter().filter(|sensor| is_chosen(&sensor.name))
        {
            let lines = format!("id = {name:?}\nposition-m = [{x:?}, {y:?}]\nheight-m = {height:?}");
            write!(toml, "\n[[gateway]]\n{lines}\n").unwrap();
        }
        toml
    }
}

/// `zones.toml` of the hall: its four quadrants, always open.
pub(crate) fn zones_toml() -> String {
    let ((width, depth), (x, y)) = (HALL_M, CUT_M);
    let quadrants = [
        ("south-west", 0.0, 0.0, x, y),
        ("south-east", x, 0.0, width, y),
        ("north-west", 0.0, y, x, depth),
        ("north-east", x, y, width, depth),
    ];
    let mut toml = String::new();
    for (id, x0, y0, x1, y1) in quadrants {
        let polygon = format!("[[{x0:?}, {y0:?}], [{x1:?}, {y0:?}], [{x1:?}, {y1:?}], [{x0:?}, {y1:?}]]");
        writeln!(toml, "[[zone]]\nid = \"{id}\"\nname = {{ en = \"{id}\" }}\npolygon-m = {polygon}\n").unwrap();
    }
    toml
}

/// The zone of [`zones_toml`] that a place is truly in.
pub(crate) fn zone_at(x_m: f64, y_m: f64) -> &'static str {
    match (y_m < CUT_M.1, x_m < CUT_M.0) {
        (true, true) => "south-west",
        (true, false) => "south-east",
        (false, true) => "north-west",
        (false, false) => "north-east",
    }
}

/// A JSON Lines capture of the readings, in which the beacon sends `payload`: AD structures.
pub(crate) fn capture_jsonl(readings: &[Reading], payload: &[u8]) -> String {
    let address = BEACON.map(|byte| format!("{byte:02X}")).join(":");
    let data = hex::encode(payload);
    let mut capture = String::new();
    for Reading { t_us, sensor, rssi_dbm, .. } in readings {
        let line = json!({
            "t": t_us, "gateway": sensor, "address": address, "address_type": "random", "rssi": rssi_dbm, "data": data,
        });
        writeln!(capture, "{line}").unwrap();
    }
    capture
}

/// `1581252284.7799156` in microseconds, rounded down; read as digits, so that no float has a say.
fn micros(seconds: &str) -> i64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    whole.parse::<i64>().unwrap() * 1_000_000 + digits.parse::<i64>().unwrap()
}

/// `Dongles:{mac: [[x, y, height], colour, name], …}` on the first line.
fn sensors(devices: &str) -> Vec<Sensor> {
    let dongles = devices.lines().find_map(|line| line.strip_prefix("Dongles:")).unwrap();
    let dongles: serde_json::Value = serde_json::from_str(dongles).unwrap();
    let read = |(mac, entry): (&String, &serde_json::Value)| Sensor {
        name: entry[2].as_str().unwrap().to_owned(),
        mac: mac.clone(),
        position_m: [0, 1, 2].map(|axis| entry[0][axis].as_f64().unwrap()),
    };
    let mut sensors: Vec<_> = dongles.as_object().unwrap().iter().map(read).collect();
    sensors.sort_by(|a, b| a.name.cmp(&b.name));
    sensors
}
