//! `emma record`, the real program on a private bus: test tags and fixed beacons are in the file, and nobody else.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/bus.rs"]
mod bus;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/fakebluez.rs"]
mod fakebluez;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bus::PrivateBus;
use daemon::{CONSENT, IBEACON, Shop};
use emma::gateway::advertisement::{Address, AddressKind};
use emma::radio::capture::write::Writer;
use emma::radio::capture::{self, Format, Heard};
use fakebluez::{FakeBluez, Report};
use tempfile::TempDir;
use tokio::time::sleep;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

const TAG: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 1];
const WALL: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 2];
const CUSTOMER: [u8; 6] = [0xc0, 0xff, 0xee, 0, 0, 3];
const STRANGER: [u8; 6] = [0xde, 0xad, 0xbe, 0xef, 0x13, 0x37];

/// The tester's tag transmits minor 2, the fixed beacon 7, and a customer who is no tester 3.
fn ibeacon(minor: u8) -> Vec<u8> {
    let mut data = IBEACON.to_vec();
    data[21] = minor;
    data
}

const STRANGERS: [u8; 8] = *b"\x10\x06secret";

/// The shop of the daemon's tests with a fixed beacon, a tester and a customer.
fn shop() -> Shop {
    let shop = Shop::new(1);
    shop.write(
        "site.toml",
        "name = \"Hall\"\ntime-zone = \"Europe/Zurich\"\n[[gateway]]\nid = \"sensor10\"\nposition-m = [7.0, 7.1]\n\
         [[fixed-beacon]]\nid = \"wall\"\n\
         ibeacon = { uuid = \"41424344-4546-4748-494a-4b4c4d4e4f50\", major = 1, minor = 7 }\n",
    );
    shop
}

fn tester() -> String {
    CONSENT.replace(r#""epoch":1"#, r#""epoch":1,"test":true"#)
}

fn customer() -> String {
    CONSENT.replace("karoline-7", "customer-3").replace(r#""minor":2"#, r#""minor":3"#).replace("q7JrInbox", "other")
}

/// Everybody transmits once.
async fn transmit(bluez: &FakeBluez) {
    for (address, data) in [(TAG, ibeacon(2)), (WALL, ibeacon(7)), (CUSTOMER, ibeacon(3)), (STRANGER, STRANGERS.into())]
    {
        bluez.report(Report { address, rssi_dbm: -60, manufacturer: vec![(0x004c, data)], ..Report::default() }).await;
    }
}

/// Everybody transmits until `condition` holds.
async fn transmit_until(bluez: &FakeBluez, what: &str, condition: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 50 {
        if condition() {
            return;
        }
        transmit(bluez).await;
        sleep(Duration::from_millis(50)).await;
    }
    panic!("never happened: {what}");
}

/// A recording under way, killed when dropped.
struct Recording {
    child: Option<Child>,
}

fn record(shop: &Shop, file: &Path, bus: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.arg("record").arg(file).arg("--config").arg(shop.config()).args(more);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", bus).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Recording {
    fn start(shop: &Shop, file: &Path, bus: &PrivateBus, more: &[&str]) -> Self {
        Self { child: Some(record(shop, file, &bus.address(), more).spawn().unwrap()) }
    }

    /// SIGTERM, and how it ended.
    fn stop(mut self) -> Output {
        let child = self.child.take().unwrap();
        assert!(Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap().success());
        child.wait_with_output().unwrap()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Who is in the capture so far, by address; nothing until it is one.
fn addresses(file: &Path) -> Vec<[u8; 6]> {
    let Ok(capture) = capture::open(file, None) else { return Vec::new() };
    let mut addresses: Vec<[u8; 6]> = capture.map(|heard| heard.unwrap().address.bytes).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

fn holds(file: &Path, part: &[u8]) -> bool {
    fs::read(file).unwrap().windows(part.len()).any(|window| window == part)
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The events of a replay of `file`.
fn replay(shop: &Shop, folder: &Path, file: &Path) -> String {
    let consents = folder.join("replayed.jsonl");
    fs::write(&consents, tester()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.arg("replay").arg("--config").arg(shop.config()).arg("--consents").arg(consents);
    let output = command.arg(format!("--gateway-of={}=sensor10", file.display())).arg(file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn testers_and_fixed_beacons_are_in_the_file_and_a_stranger_s_bytes_nowhere() {
    for name in ["walk.jsonl", "walk.btsnoop"] {
        let Some(bus) = PrivateBus::start("a recording") else { return };
        let bluez = FakeBluez::start(&bus.address()).await;
        let (shop, folder) = (shop(), TempDir::new().unwrap());
        shop.import(&format!("{}\n{}\n", tester(), customer()));
        let file = folder.path().join(name);
        let recording = Recording::start(&shop, &file, &bus, &[]);
        bluez.until_scanning().await;
        transmit_until(&bluez, "both are in the file", || addresses(&file) == [TAG, WALL]).await;
        let ended = recording.stop();
        assert_eq!(ended.status.code(), Some(0), "{}", err(&ended));
        assert!(err(&ended).contains("of 1 test tag, 1 fixed beacon"), "{}", err(&ended));
        assert_eq!(addresses(&file), [TAG, WALL]);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let reversed = |address: [u8; 6]| address.into_iter().rev().collect::<Vec<u8>>();
        let traces = [b"secret".to_vec(), b"736563726574".to_vec(), b"DE:AD:BE:EF".to_vec(), reversed(STRANGER)];
        for trace in traces.into_iter().chain([b"C0:FF:EE:00:00:03".to_vec(), reversed(CUSTOMER), ibeacon(3)]) {
            assert!(!holds(&file, &trace), "{name}: {} is in the file", trace.escape_ascii());
        }
        assert!(replay(&shop, folder.path(), &file).contains("visit.started"), "{name}");
        if name.ends_with("btsnoop") {
            tshark_reads(&file);
        }
    }
}

fn tshark_reads(file: &PathBuf) {
    let Ok(output) =
        Command::new("tshark").arg("-r").arg(file).args(["-T", "fields", "-e", "bthci_evt.bd_addr"]).output()
    else {
        eprintln!("skipped: what tshark reads of a recording, for there is none");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("c0:ff:ee:00:00:01") && told.contains("c0:ff:ee:00:00:02"), "{told} {}", err(&output));
}

#[test]
fn other_programs_read_what_is_written() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("long.btsnoop");
    let mut writer = Writer::new(Format::Btsnoop, fs::File::create(&file).unwrap()).unwrap();
    for (length, address) in [(30, TAG), (220, WALL)] {
        // One AD structure after the other. What needs several reports tshark calls malformed: it reads each by itself.
        let payload = std::iter::repeat_n([9, 0xff, 0x4c, 0, 1, 2, 3, 4, 5, 6], 165).flatten().take(length).collect();
        let address = Address { bytes: address, kind: AddressKind::Random };
        let t_us = 1_790_000_000_000_000;
        writer.write(&Heard { t_us, gateway: "gw".into(), address, rssi_dbm: -60, payload }).unwrap();
    }
    writer.flush().unwrap();
    tshark_reads(&file);
    for program in [&["tshark", "-V", "-r"][..], &["btmon", "-r"]] {
        let Ok(output) = Command::new(program[0]).args(&program[1..]).arg(&file).output() else {
            eprintln!("skipped: what {} reads of a recording, for there is none", program[0]);
            continue;
        };
        let told = String::from_utf8_lossy(&output.stdout).to_lowercase();
        assert!(told.contains("c0:ff:ee:00:00:02") && told.contains("-60 dbm"), "{told}");
        assert!(!told.contains("malformed") && !told.contains("invalid"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_says_who_is_a_tester_and_who_withdraws_is_no_longer_recorded() {
    let Some(bus) = PrivateBus::start("a recording beside the daemon") else { return };
    let bluez = FakeBluez::start(&bus.address()).await;
    let (shop, folder) = (shop(), TempDir::new().unwrap());
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    shop.import(&format!("{}\n{}\n", tester(), customer()));
    let file = folder.path().join("walk.jsonl");
    let recording = Recording::start(&shop, &file, &bus, &[]);
    bluez.until_called("StartDiscovery", 2).await;
    transmit_until(&bluez, "both are in the file", || addresses(&file) == [TAG, WALL]).await;
    assert!(shop.consent(&["withdraw", "karoline-7"]).status.success());
    let lines_of = |address: &str| fs::read_to_string(&file).unwrap().matches(address).count();
    let (tag, wall) = ("C0:FF:EE:00:00:01", "C0:FF:EE:00:00:02");
    // The daemon is asked again within a second; what is written from then on is without the tag.
    for _ in 0..60 {
        let (tags, walls) = (lines_of(tag), lines_of(wall));
        transmit_until(&bluez, "the wall is in the file", || lines_of(wall) > walls + 2).await;
        if lines_of(tag) == tags {
            break;
        }
    }
    let (tags, walls) = (lines_of(tag), lines_of(wall));
    transmit_until(&bluez, "the wall is in the file again", || lines_of(wall) > walls + 2).await;
    assert_eq!(lines_of(tag), tags);
    assert_eq!(recording.stop().status.code(), Some(0));
    assert_eq!(emma.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_records_everyone_once_the_shop_is_cleared_and_ends_by_itself() {
    let Some(bus) = PrivateBus::start("a site survey") else { return };
    let bluez = FakeBluez::start(&bus.address()).await;
    let (shop, folder) = (shop(), TempDir::new().unwrap());
    let file = folder.path().join("survey.jsonl");
    let refused = record(&shop, &file, &bus.address(), &["--everything"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(64));
    for words in ["every device in reach", "none of whom were asked", "--i-have-cleared-the-shop", "ten minutes"] {
        assert!(err(&refused).contains(words), "{}", err(&refused));
    }
    assert!(!file.exists());
    let cleared = ["--everything", "--i-have-cleared-the-shop"];
    let recording = Recording::start(&shop, &file, &bus, &cleared);
    bluez.until_scanning().await;
    let everyone = [TAG, WALL, CUSTOMER, STRANGER];
    transmit_until(&bluez, "everyone is in the file", || addresses(&file) == everyone).await;
    assert_eq!(recording.stop().status.code(), Some(0));
    let again = record(&shop, &file, &bus.address(), &cleared).output().unwrap();
    assert_eq!(again.status.code(), Some(73), "{}", err(&again));
    assert_eq!(addresses(&file), everyone);
    let other = folder.path().join("other.jsonl");
    let ended = record(&shop, &other, &bus.address(), &[&cleared[..], &["--for", "2s"]].concat()).output().unwrap();
    // By itself; on a slow machine before the radio had begun to listen.
    assert!(matches!(ended.status.code(), Some(0 | 69)), "{}", err(&ended));
}

#[test]
fn a_recording_of_nobody_or_of_no_format_does_not_begin() {
    let (shop, folder) = (shop(), TempDir::new().unwrap());
    let ended = |file: &str, more: &[&str]| {
        let output = record(&shop, &folder.path().join(file), "unix:path=/nowhere", more).output().unwrap();
        assert!(!folder.path().join(file).exists());
        (output.status.code(), err(&output))
    };
    let (code, told) = ended("walk.pcap", &[]);
    assert_eq!(code, Some(64), "{told}");
    assert!(told.contains("--format"), "{told}");
    assert_eq!(ended("walk.jsonl", &["--for", "3 months"]).0, Some(64));
    shop.write("site.toml", "name = \"Hall\"\ntime-zone = \"Europe/Zurich\"\n[[gateway]]\nid = \"sensor10\"\n");
    let (code, told) = ended("walk.jsonl", &[]);
    assert_eq!(code, Some(69), "{told}");
    assert!(told.contains("nobody to record"), "{told}");
    assert!(!shop.state().exists(), "to look is not to make");
}
