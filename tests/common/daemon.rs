//! The real `emma run` in a process of its own: its radio on a private D-Bus with a stand-in bluetoothd, its broker a
//! real mosquitto.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(2);
const STEP: Duration = Duration::from_millis(20);

/// A shop in a folder: five files and a state folder.
pub(crate) struct Shop {
    dir: TempDir,
}

impl Shop {
    /// A shop whose broker is on `port`; the files can be written over afterwards.
    pub(crate) fn new(port: u16) -> Self {
        let shop = Self { dir: TempDir::new().unwrap() };
        fs::create_dir(shop.config()).unwrap();
        let state = shop.state().display().to_string();
        shop.write(
            "gateway.toml",
            &format!(
                "site = \"hall\"\ngateway = \"sensor10\"\n[radio]\ndriver = \"auto\"\n\
                 [mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n[ledger]\npath = {state:?}\n\
                 [clock]\ntrust = \"assume\"\n[log]\nlevel = \"trace\"\n"
            ),
        );
        shop.write(
            "site.toml",
            "name = \"Hall\"\ntime-zone = \"Europe/Zurich\"\n[[gateway]]\nid = \"sensor10\"\nposition-m = [7.0, 7.1]\n",
        );
        shop.write("zones.toml", ZONES);
        shop.write("offers.toml", OFFERS);
        shop.write("promise.toml", PROMISE);
        shop
    }

    /// A shop whose one source is a capture of twenty seconds with the beacon of [`CONSENT`], ten times as fast.
    pub(crate) fn with_capture(port: u16) -> Self {
        let shop = Self::new(port);
        let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
        let capture = "\n[capture]\nfiles = [\"walk.jsonl\"]\nspeed = 10\n";
        shop.write("gateway.toml", &(gateway.replace("\"auto\"", "\"none\"") + capture));
        let payload = hex::encode(emma::radio::encode::manufacturer_data(0x004c, &IBEACON).unwrap());
        let line = |t: usize| {
            format!(
                r#"{{"t":{t},"gateway":"sensor10","address":"C0:FF:EE:00:00:01","address_type":"random","rssi":-60,"data":"{payload}"}}"#
            )
        };
        let lines: Vec<_> = (0..40).map(|half_secs| line(half_secs * 500_000)).collect();
        shop.write("walk.jsonl", &lines.join("\n"));
        shop
    }

    /// Writes one of the five files.
    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.config().join(file), text).unwrap();
    }

    /// The folder of the five files.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// What the daemon has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Starts the daemon on that bus.
    pub(crate) fn run(&self, bus_address: &str) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.arg("run").arg("--config").arg(self.config()).env("DBUS_SYSTEM_BUS_ADDRESS", bus_address);
        // What the environment asks of the log is not done.
        self.start(command.env("RUST_LOG", "trace"))
    }

    /// Starts the daemon without a radio, with these variables, as a service manager would set them.
    pub(crate) fn run_with(&self, environment: &[(&str, &str)]) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.arg("run").arg("--config").arg(self.config()).env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere");
        self.start(command.envs(environment.iter().copied()))
    }

    /// Starts the daemon so that [`Daemon::fill_disk`] fails its writes and does not kill it.
    pub(crate) fn run_on_a_small_disk(&self) -> Daemon {
        let mut command = Command::new("sh");
        command.args(["-ec", "trap '' XFSZ; exec \"$1\" run --config \"$2\"", "sh"]);
        command.arg(env!("CARGO_BIN_EXE_emma")).arg(self.config()).env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere");
        self.start(&mut command)
    }

    /// Starts the daemon in a mount namespace of its own, once `prepare` was done there by a shell: `$1` is the state folder.
    pub(crate) fn run_after(&self, prepare: &str) -> Daemon {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec"]);
        command.arg(format!("{prepare}\nexec \"$2\" run --config \"$3\"")).arg("sh").arg(self.state());
        command.arg(env!("CARGO_BIN_EXE_emma")).arg(self.config()).env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere");
        self.start(&mut command)
    }

    /// Starts the daemon under `strace`, which writes into `trace` what it does of these calls. It is followed, and not begun, by
    /// it: with `-D` it stays this process's own child.
    pub(crate) fn run_under(&self, strace: &Path, options: &[&str], trace: &Path, calls: &str) -> Daemon {
        let mut command = Command::new(strace);
        command.args(options).args(["-e", &format!("trace={calls}"), "-o"]).arg(trace);
        command.arg(env!("CARGO_BIN_EXE_emma")).arg("run").arg("--config").arg(self.config());
        self.start(command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere"))
    }

    fn start(&self, command: &mut Command) -> Daemon {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Daemon { child: unsettled(command).spawn().unwrap() }
    }

    /// Waits until what the daemon has logged is as `condition` wants it.
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&str) -> bool) {
        for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
            if condition(&self.log()) {
                return;
            }
            std::thread::sleep(STEP);
        }
        panic!("never happened: {what}\n{}", self.log());
    }

    /// Waits until it has logged a few more lines with `what`.
    pub(crate) fn until_more(&self, what: &str) {
        let so_far = self.log().matches(what).count();
        self.until(what, |log| log.matches(what).count() > so_far + 2);
    }

    /// `emma consent …` on this shop.
    pub(crate) fn consent(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.arg("consent").args(arguments).arg("--config").arg(self.config());
        unsettled(&mut command).output().unwrap()
    }

    /// What `emma status --json` says; nothing while no Emma answers.
    pub(crate) fn status(&self) -> serde_json::Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        let output = command.args(["status", "--json", "--config"]).arg(self.config()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Takes a consent through the command line.
    pub(crate) fn import(&self, record: &str) {
        let file = self.dir.path().join("consents.jsonl");
        fs::write(&file, record).unwrap();
        let output = self.consent(&["import", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Whether `trace` is in any file of the shop but the five and the one that consents were read from.
    pub(crate) fn holds(&self, trace: &str) -> bool {
        let mut files = vec![self.dir.path().join("log")];
        files.extend(fs::read_dir(self.state()).unwrap().map(|entry| entry.unwrap().path()));
        files.iter().any(|file| read(file).windows(trace.len()).any(|window| window == trace.as_bytes()))
    }
}

/// Without the variables that change the run of a test, and would be settings of the shop.
fn unsettled(command: &mut Command) -> &mut Command {
    command.env_remove("EMMA_ROUNDS").env_remove("EMMA_SEED")
}

fn read(file: &Path) -> Vec<u8> {
    // A socket cannot be read, and holds nothing.
    fs::read(file).unwrap_or_default()
}

/// The running daemon, killed when dropped.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        self.exit_code()
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
    }

    /// Its exit code, once it ends by itself.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(STEP);
        }
        panic!("it does not stop");
    }

    /// Whether it has ended, by itself or by another's doing.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// A file as the daemon sees it, which may live in a mount namespace of its own.
    pub(crate) fn sees(&self, file: &Path) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join("root").join(file.strip_prefix("/").unwrap())
    }

    /// Its process, as `/proc` names it.
    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// No file of its grows beyond a page any more, or all do again as they like. It needs no rights, which a full file system
    /// of the test's own would.
    pub(crate) fn fill_disk(&self, full: bool) {
        let limit = if full { "--fsize=4096:" } else { "--fsize=unlimited:" };
        let status = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), limit]).status().unwrap();
        assert!(status.success());
    }

    /// Most memory it ever had, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const ZONES: &str = r#"
enter-after = "1s"
[[zone]]
id = "desk"
name = { de = "Tisch", en = "Desk" }
near = "sensor10"
enter-dbm = -78
leave-dbm = -95
"#;

/// What is offered there.
pub(crate) const OFFERS: &str = r#"
[[category]]
id = "tables"
[[campaign]]
id = "oak"
category = "tables"
zones = ["desk"]
trigger = "entered"
[campaign.text.de]
title = "Eiche"
body = "Hier am {zone}."
[campaign.text.en]
title = "Oak"
body = "Right at the {zone}."
"#;

/// One offer a day and customer, and a relay that may have it.
pub(crate) const PROMISE: &str = r#"
[caps]
customer = [{ at-most = 1, per = "1d" }]
[responsible]
controller = "Hall Ltd"
contact = "privacy@hall.example"
withdraw = "at the desk"
recipients = [{ id = "push", name = "Hall App", purpose = "shows you the offer" }]
"#;

/// The consent of the one who carries the beacon; `{end}` is far off.
pub(crate) const CONSENT: &str = r#"{"customer":"karoline-7","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2035-01-01T00:00:00Z","inbox":{"push":"q7JrInbox"},"language":"en"}"#;

/// The manufacturer data of that beacon (company 0x004C).
pub(crate) const IBEACON: [u8; 23] = *b"\x02\x15ABCDEFGHIJKLMNOP\x00\x01\x00\x02\xc5";
