//! A made-up shop in which a test tag is carried about: what its gateways hear follows path loss, each a little louder or
//! weaker than the rest.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use emma::radio::encode;
use serde_json::json;
use tempfile::TempDir;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The gateways: id, place in metres, and how much louder than the rest each hears, in dB.
pub(crate) const GATEWAYS: [(&str, (f64, f64), f64); 6] = [
    ("gw-a", (1.0, 1.0), 4.0),
    ("gw-b", (10.0, 1.0), -3.0),
    ("gw-c", (19.0, 1.0), 1.0),
    ("gw-d", (1.0, 15.0), -2.0),
    ("gw-e", (10.0, 15.0), 3.0),
    ("gw-f", (19.0, 15.0), -3.0),
];

/// The truth: exponent, and level at 1 m in dBm.
pub(crate) const TRUTH: (f64, f64) = (1.7, -57.0);

/// Where time begins in captures, in microseconds since 1970 UTC.
pub(crate) const BEGIN_US: i64 = 1_795_510_800_000_000;

const SECOND_US: i64 = 1_000_000;

const UUID: [u8; 16] = *b"ABCDEFGHIJKLMNOP";

const PROMISE: &str = "[caps]\ncustomer = [{ at-most = 1, per = \"1d\" }]\n[responsible]\ncontroller = \"a\"\ncontact = \"b\"\n\
    withdraw = \"c\"\nrecipients = [{ id = \"push\", name = \"d\", purpose = \"e\" }]\n";

/// `zones.toml`: the shop's two halves, drawn, a place where people are left alone, and a till around a gateway.
const ZONES: &str = r#"
[[zone]]
id = "shoes"
name = { de = "Schuhe", en = "Shoes" }
polygon-m = [[0.0, 0.0], [10.0, 0.0], [10.0, 16.0], [0.0, 16.0]]
[[zone]]
id = "jackets"
name = { de = "Jacken", en = "Jackets" }
polygon-m = [[10.0, 0.0], [20.0, 0.0], [20.0, 16.0], [10.0, 16.0]]
[[zone]]
id = "advice"
name = { de = "Beratung", en = "Advice" }
polygon-m = [[19.0, 7.0], [20.0, 7.0], [20.0, 8.0], [19.0, 8.0]]
sensitive = true
[[zone]]
id = "till"
name = { de = "Kasse", en = "Till" }
near = "gw-e"
reach = "arm"
"#;

/// Where the tag is from when: seconds, and metres.
pub(crate) type Way = Vec<(i64, (f64, f64))>;

/// A shop in a folder: five files, a state folder, and what the tag transmits.
pub(crate) struct Shop {
    pub(crate) dir: TempDir,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let shop = Self { dir: TempDir::new().unwrap() };
        fs::create_dir(shop.path("config")).unwrap();
        shop.hears(None);
        let mut site = "# The shop.\nname = \"Hall\"\ntime-zone = \"Europe/Zurich\"\nlanguage = \"de\"\n\
            floor-plan = { width-m = 20.0, height-m = 16.0 } # measured in May\n"
            .to_owned();
        for (id, (x, y), _) in GATEWAYS {
            write!(site, "\n[[gateway]]\nid = \"{id}\" # {id} hangs here\nposition-m = [{x:?}, {y:?}]\n").unwrap();
        }
        shop.write("config/site.toml", &site);
        shop.write("config/zones.toml", ZONES);
        shop.write("config/offers.toml", "");
        shop.write("config/promise.toml", PROMISE);
        shop.write("testers.jsonl", &consent("tester-anna", 7, true));
        shop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `gateway.toml`, whose radio plays a capture if there is one.
    pub(crate) fn hears(&self, capture: Option<(&str, u32)>) {
        let state = self.path("state").display().to_string();
        let capture = capture.map_or(String::new(), |(file, speed)| {
            format!("[capture]\nfiles = [\"{}\"]\nspeed = {speed}\n", self.path(file).display())
        });
        self.write(
            "config/gateway.toml",
            &format!(
                "site = \"hall\"\ngateway = \"gw-a\"\n[radio]\ndriver = \"none\"\n[ledger]\npath = \"{state}\"\n\
                 [clock]\ntrust = \"assume\"\n[log]\nlevel = \"debug\"\n{capture}"
            ),
        );
    }

    /// The binary in this folder, with words typed or nothing.
    pub(crate) fn emma(&self, arguments: &[&str], typed: &str) -> Output {
        let mut child = self.start(arguments, Stdio::piped());
        // Whoever has heard enough closes the door.
        child.stdin.take().unwrap().write_all(typed.as_bytes()).ok();
        child.wait_with_output().unwrap()
    }

    /// The same, still running.
    pub(crate) fn start(&self, arguments: &[&str], stdin: Stdio) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.args(arguments).args(["--config", "config"]).current_dir(self.dir.path());
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Takes consents.
    pub(crate) fn import(&self, file: &str) {
        let output = self.emma(&["consent", "import", file], "");
        assert!(output.status.success(), "{}", told(&output));
    }

    /// The daemon, once it answers.
    pub(crate) fn run(&self) -> Daemon {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.arg("run").arg("--config").arg(self.path("config"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let daemon = Daemon(command.spawn().unwrap());
        until("the daemon answers", || self.emma(&["status"], "").status.success());
        daemon
    }
}

/// A running process, killed when dropped.
pub(crate) struct Daemon(pub(crate) Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap().success());
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let step = Duration::from_millis(50);
    for _ in 0..PATIENCE.as_millis() / step.as_millis() {
        if is_so() {
            return;
        }
        std::thread::sleep(step);
    }
    panic!("it never comes true that {what}");
}

/// Everything that was said.
pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A consent of whoever carries the tag with this minor.
pub(crate) fn consent(customer: &str, minor: u16, test: bool) -> String {
    let record = json!({
        "customer": customer, "epoch": 1, "tier": "contextual", "purposes": ["offers"], "test": test,
        "identifiers": [{"ibeacon": {"uuid": hex::encode(UUID), "major": 1, "minor": minor}}],
        "valid_from": "2020-01-01T00:00:00Z", "valid_until": "2035-01-01T00:00:00Z",
    });
    format!("{record}\n")
}

/// A capture of the tag of [`Shop::new`] going that way until `end_s`, five times a second, each level straying by so
/// many dB.
pub(crate) fn capture(way: &Way, end_s: i64, stray_db: f64) -> String {
    let payload = hex::encode([encode::flags(0x06), encode::ibeacon(&UUID, 1, 7, -59)].concat());
    let mut chance = 1_u64;
    let mut capture = String::new();
    for step in 0..end_s * 5 {
        let (_, place) = way.iter().rev().find(|(from_s, _)| from_s * 5 <= step).unwrap();
        for (index, (id, at, offset_db)) in GATEWAYS.iter().enumerate() {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let even = f64::from(u32::try_from(chance >> 32).unwrap()) / f64::from(u32::MAX);
            let distance_m = (at.0 - place.0).hypot(at.1 - place.1).hypot(2.4 - 1.2);
            let expected = TRUTH.1 + offset_db - 10.0 * TRUTH.0 * distance_m.log10();
            #[expect(clippy::cast_possible_truncation, reason = "a strength in dBm")]
            let rssi = (expected + stray_db * 3.46 * (even - 0.5)).round() as i64;
            let t = BEGIN_US + step * SECOND_US / 5 + i64::try_from(index).unwrap() * 1_000;
            let line = json!({
                "t": t, "gateway": id, "address": "C0:FF:EE:00:00:01", "address_type": "random", "rssi": rssi,
                "data": payload,
            });
            writeln!(capture, "{line}").unwrap();
        }
    }
    capture
}

/// The nine points that a survey of the shop proposes.
pub(crate) fn nine() -> Vec<(f64, f64)> {
    [2.0, 8.0, 14.0].into_iter().flat_map(|y| [2.5, 10.0, 17.5].map(|x| (x, y))).collect()
}
