//! The roll-out by Ansible as retail ops do it, on Debians in folders: canary first, nothing that fails its check lands, a gate
//! that asks the shop, a second run that changes nothing, and a way back. Services are enabled and not started there: what asks a
//! running systemd is not run here, nor is `emma doctor`, to which such a folder is no machine.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "common/broker.rs"]
mod broker;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use broker::{Mosquitto, find};
use serde_json::json;
use tempfile::TempDir;

const SKIPPED: &str = "no roll-out is tried";
const SECRET: &str = "correct horse battery staple";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a Pi has that Ansible needs.
const INCLUDED: &str = "--include=systemd,python3,python3-apt";

/// Runs it to its good end; what it printed.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", said(&output));
    said(&output)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// This machine's Debian, whose libc is the binary's.
fn suite() -> &'static str {
    let here = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if here.contains("VERSION_CODENAME=bookworm") { "bookworm" } else { "trixie" }
}

/// The Debian that is copied for each Pi, made once and kept below target/; nothing once it is said what is skipped.
fn base() -> Option<PathBuf> {
    for program in ["ansible-playbook", "debootstrap", "dpkg-deb", "strip", "mosquitto_pub"] {
        find(program, SKIPPED)?;
    }
    if run(Command::new("id").arg("-u")).trim() != "0" {
        eprintln!("skipped, it needs root: {SKIPPED}");
        return None;
    }
    let plugin = Command::new("ansible-doc").args(["-t", "connection", "community.general.chroot"]).output().unwrap();
    if !said(&plugin).contains("chroot") || !plugin.status.success() {
        eprintln!("skipped, Ansible's collection community.general is not installed: {SKIPPED}");
        return None;
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debootstrap").join(format!("{}-ansible", suite()));
    if kept.exists() {
        return Some(kept);
    }
    let making = kept.with_extension(format!("making-{}", std::process::id()));
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    let made = Command::new("env")
        .args([PATH, "debootstrap", "--variant=minbase", INCLUDED, suite()])
        .arg(&making)
        .output()
        .unwrap();
    if !made.status.success() {
        remove(&making);
        eprintln!("skipped, debootstrap made no {} (no network?): {SKIPPED}", suite());
        return None;
    }
    remove(&making.join("var/cache/apt/archives"));
    remove(&making.join("var/lib/apt/lists"));
    // Whoever else made it meanwhile made the same.
    if fs::rename(&making, &kept).is_err() {
        remove(&making);
    }
    Some(kept)
}

fn remove(folder: &Path) {
    run(Command::new("rm").args(["-rf", "--one-file-system"]).arg(folder));
}

/// A package of the binary under test that is as small as one can be. What is in the real one, and that apt can install, upgrade and purge
/// it, is not tested here.
fn package(dir: &Path, version: &str) -> PathBuf {
    let tree = dir.join(format!("tree-{version}"));
    let put = |path: &str, text: &str, mode: u32| {
        let file = tree.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    let control = format!(
        "Package: emma\nVersion: {version}\nArchitecture: all\nMaintainer: Emma <emma@localhost>\nDescription: a stand-in\n"
    );
    put("DEBIAN/control", &control, 0o644);
    let user = "#!/bin/sh\nset -e\ngetent passwd emma >/dev/null || useradd --system --home-dir /var/lib/emma emma\n";
    put("DEBIAN/postinst", user, 0o755);
    put("DEBIAN/conffiles", "/etc/emma/gateway.toml\n/etc/emma/zones.toml\n", 0o644);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    put("etc/emma/gateway.toml", &format!("# {version}\n{}", shipped("config/gateway.toml")), 0o644);
    put("etc/emma/zones.toml", &format!("# {version}\n{}", shipped("config/zones.toml")), 0o644);
    put("lib/systemd/system/emma.service", &shipped("deploy/emma.service"), 0o644);
    put("usr/bin/emma", "", 0o755);
    run(Command::new("strip").arg("-o").arg(tree.join("usr/bin/emma")).arg(env!("CARGO_BIN_EXE_emma")));
    let deb = dir.join(format!("emma_{version}.deb"));
    run(Command::new("dpkg-deb").args(["--root-owner-group", "-Zgzip", "-z1", "--build"]).arg(&tree).arg(&deb));
    deb
}

/// Two shops and the machine that rolls out.
struct Fleet {
    broker: Mosquitto,
    dir: TempDir,
}

impl Fleet {
    fn new(base: &Path) -> Option<Self> {
        let broker = Mosquitto::start(SKIPPED, "")?;
        // Below target/, since a system's /tmp may be too small for two Debians, or may forbid programs.
        let dir = tempfile::Builder::new().prefix("ansible-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let fleet = Self { broker, dir };
        for pi in ["gw-bern", "gw-chur"] {
            run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(base).arg(fleet.dir.path().join(pi)));
        }
        fleet.inventory();
        for (file, text) in [
            ("common/gateway.toml.j2", GATEWAY),
            ("common/promise.toml", PROMISE),
            ("common/offers.toml", ""),
            (
                "shops/gw-bern/site.toml",
                "name = \"Bern\"\ntime-zone = \"Europe/Zurich\"\n[[gateway]]\nid = \"gw-bern\"\n",
            ),
            ("shops/gw-bern/zones.toml", "[[zone]]\nid = \"till\"\nname = { en = \"Till\" }\nnear = \"gw-bern\"\n"),
            (
                "shops/gw-chur/site.toml",
                "name = \"Chur\"\ntime-zone = \"Europe/Zurich\"\n[[gateway]]\nid = \"gw-chur\"\n",
            ),
            ("shops/gw-chur/zones.toml", "[[zone]]\nid = \"till\"\nname = { en = \"Till\" }\nnear = \"gw-chur\"\n"),
        ] {
            fleet.write(file, text);
        }
        Some(fleet)
    }

    fn write(&self, file: &str, text: &str) {
        let file = self.dir.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn inventory(&self) {
        let pi =
            |pi: &str| json!({ "ansible_host": self.dir.path().join(pi), "emma_site": pi.trim_start_matches("gw-") });
        let inventory = json!({ "all": {
            "vars": {
                "ansible_connection": "community.general.chroot",
                "ansible_python_interpreter": "/usr/bin/python3",
                "emma_manage_service": false,
                "emma_gate_doctor": false,
                "emma_fleet_program": env!("CARGO_BIN_EXE_emma"),
                "emma_fleet_arguments": ["--broker", format!("mqtt://127.0.0.1:{}", self.broker.port), "--wait", "0s"],
                "emma_fleet_retries": 1,
                "emma_fleet_delay": 1,
                "emma_secrets": { "mqtt-password": SECRET },
            },
            "children": {
                "canary": { "hosts": { "gw-bern": pi("gw-bern") } },
                "rest": { "hosts": { "gw-chur": pi("gw-chur") } },
            },
        }});
        // JSON is YAML.
        self.write("inventory.yml", &inventory.to_string());
    }

    /// A shop says on the broker how it does.
    fn say(&self, site: &str, state: &str) {
        let message = json!({ "state": state, "version": "0.1.0", "sources": [] }).to_string();
        let (port, topic) = (self.broker.port.to_string(), format!("emma/v1/{site}/gateway/gw-{site}/state"));
        run(Command::new("mosquitto_pub").args(["-V", "5", "-q", "1", "-r", "-p", &port, "-t", &topic, "-m", &message]));
    }

    /// Plays a playbook; whether it ended well, and what it printed.
    fn play(&self, playbook: &str, arguments: &[&str]) -> (bool, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ansible");
        let mut command = Command::new("ansible-playbook");
        command.current_dir(&folder).arg("-i").arg(self.dir.path().join("inventory.yml")).arg(playbook).args(arguments);
        command.envs([("ANSIBLE_PIPELINING", "1"), ("ANSIBLE_NOCOLOR", "1"), ("LC_ALL", "C.UTF-8")]);
        command.env("ANSIBLE_LOCAL_TEMP", self.dir.path().join("local"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.success(), said(&output))
    }

    fn roll_out(&self, package: &Path) -> (bool, String) {
        let text = self.play("rollout.yml", &["-e", &format!("emma_deb={}", package.display())]);
        assert!(!text.1.contains(SECRET), "a secret is printed");
        text
    }

    fn version(&self, pi: &str) -> String {
        let query = ["dpkg-query", "--show", "--showformat=${Version}", "emma"];
        let output = Command::new("chroot").arg(self.dir.path().join(pi)).args(query).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn file(&self, pi: &str, file: &str) -> PathBuf {
        self.dir.path().join(pi).join("etc/emma").join(file)
    }

    fn text(&self, pi: &str, file: &str) -> String {
        fs::read_to_string(self.file(pi, file)).unwrap()
    }
}

const GATEWAY: &str = "\
site = \"{{ emma_site }}\"
gateway = \"{{ inventory_hostname }}\"
[mqtt]
url = \"mqtt://localhost\"
username = \"{{ inventory_hostname }}\"
password-file = \"mqtt-password\"
";

const PROMISE: &str = "\
[caps]
customer = [{ at-most = 2, per = \"1d\" }]
[responsible]
controller = \"Corner Shop Ltd\"
contact = \"privacy@corner-shop.example\"
withdraw = \"at the till\"
recipients = [{ id = \"push\", name = \"App\", purpose = \"shows you the offer\" }]
";

#[test]
fn a_roll_out_goes_by_the_canary_checks_before_it_replaces_and_can_be_taken_back() {
    let Some(base) = base() else { return };
    let Some(fleet) = Fleet::new(&base) else { return };
    let (older, newer) = (package(fleet.dir.path(), "0.0.9"), package(fleet.dir.path(), "0.1.0"));
    for site in ["bern", "chur"] {
        fleet.say(site, "online");
    }
    let versions = || ["gw-bern", "gw-chur"].map(|pi| fleet.version(pi));

    let (went_well, text) = fleet.roll_out(&older);
    assert!(went_well, "{text}");
    assert_eq!(versions(), ["0.0.9", "0.0.9"]);
    assert!(fleet.text("gw-chur", "gateway.toml").starts_with("site = \"chur\"\ngateway = \"gw-chur\"\n"));
    assert_eq!(fleet.text("gw-bern", "mqtt-password"), SECRET);
    let passwd = fs::read_to_string(fleet.dir.path().join("gw-bern/etc/group")).unwrap();
    let group: u32 =
        passwd.lines().find_map(|line| line.strip_prefix("emma:x:")?.split(':').next()?.parse().ok()).unwrap();
    for file in ["mqtt-password", "gateway.toml", "promise.toml"] {
        let is = fs::metadata(fleet.file("gw-bern", file)).unwrap();
        assert_eq!((is.mode() & 0o7777, is.uid(), is.gid()), (0o640, 0, group), "{file}");
    }
    let staging = fs::metadata(fleet.dir.path().join("gw-bern/var/cache/emma-rollout")).unwrap();
    assert_eq!(staging.mode() & 0o7777, 0o700, "secrets are laid out there");
    let wanted = "gw-bern/etc/systemd/system/multi-user.target.wants/emma.service";
    assert!(fleet.dir.path().join(wanted).symlink_metadata().is_ok(), "it starts with the Pi");

    let (went_well, text) = fleet.roll_out(&older);
    assert!(went_well && text.matches("changed=0 ").count() == 2, "a second run changes nothing:\n{text}");

    // What fails its check does not land, nor does the package that came with it, and no other shop is touched.
    fleet.write("common/promise.toml", &PROMISE.replace("at-most = 2", "at-most = -2"));
    let (went_well, text) = fleet.roll_out(&newer);
    assert!(!went_well && text.contains("promise.toml:2"), "{text}");
    assert_eq!(versions(), ["0.0.9", "0.0.9"]);
    assert_eq!(fleet.text("gw-bern", "promise.toml"), PROMISE);
    assert!(!text.contains("[gw-chur]"), "{text}");

    // A canary that does not come back ends it as well.
    fleet.write("common/promise.toml", &PROMISE.replace("at-most = 2", "at-most = 1"));
    fleet.say("bern", "offline");
    let (went_well, text) = fleet.roll_out(&newer);
    assert!(!went_well && text.contains("0 of 1 Pi in 1 shop are quiet and well; one needs a hand."), "{text}");
    assert_eq!(versions(), ["0.1.0", "0.0.9"]);

    fleet.say("bern", "online");
    let (went_well, text) = fleet.roll_out(&newer);
    assert!(went_well, "{text}");
    assert_eq!(versions(), ["0.1.0", "0.1.0"]);
    assert!(fleet.text("gw-chur", "promise.toml").contains("at-most = 1"));

    let (went_well, text) = fleet.play("rollback.yml", &["--limit", "gw-chur"]);
    assert!(went_well, "{text}");
    assert_eq!(versions(), ["0.1.0", "0.0.9"]);
    assert_eq!(fleet.text("gw-chur", "promise.toml"), PROMISE);
}
