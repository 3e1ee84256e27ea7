//! `emma doctor` and `emma status` as a shop's IT person meets them: the real binary, a real bus with a stand-in
//! bluetoothd, a real mosquitto, and a machine made of files.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/bus.rs"]
mod bus;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/fakebluez.rs"]
mod fakebluez;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use broker::{Mosquitto, find, make_certificates};
use bus::PrivateBus;
use daemon::{CONSENT, IBEACON, Shop};
use fakebluez::{FakeBluez, Report};
use futures::StreamExt;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use zbus::message::Type;
use zbus::{Message, MessageStream, ObjectPath, Variant};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);

/// A machine on which nothing is wrong, as far as files tell.
const WELL: [(&str, &str); 7] = [
    ("etc/bluetooth/main.conf", "[General]\nControllerMode = le\n"),
    ("proc/7/cmdline", "/usr/libexec/bluetooth/bluetoothd\0-E\0"),
    ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0"),
    ("proc/self/mountinfo", "1 0 0:1 / / rw - ext4 /dev/root rw\n2 1 0:2 / /var/lib/bluetooth rw - tmpfs tmpfs rw\n"),
    ("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n"),
    ("sys/block/mmcblk0/device/life_time", "0x01 0x02\n"),
    ("sys/class/net/eth0/operstate", "up\n"),
];

fn machine(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

/// No such address: whoever needs no bus.
const NO_BUS: &str = "unix:path=/nonexistent/bus";

fn emma(command: &str, config: &Path, bus: &str, more: &[&str]) -> Output {
    let mut emma = Command::new(env!("CARGO_BIN_EXE_emma"));
    emma.arg(command).arg("--config").arg(config).args(more);
    emma.env("DBUS_SYSTEM_BUS_ADDRESS", bus).env_remove("STATE_DIRECTORY").output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What was found, by check; and what anybody who asks the doctor may rely on.
fn examined(output: &Output) -> BTreeMap<String, (String, String)> {
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut checks = BTreeMap::new();
    for finding in found {
        let field = |name: &str| finding[name].as_str().unwrap().to_owned();
        let (verdict, what, to_do) = (field("verdict"), field("what"), field("do"));
        assert!(["ok", "note", "warn", "fail", "unknown"].contains(&verdict.as_str()), "{verdict}");
        assert!(
            verdict == "ok" || verdict == "note" || verdict == "unknown" || !to_do.is_empty(),
            "what to do? {what}"
        );
        assert!(!what.is_empty() && !what.contains('\n') && !to_do.contains('\n'), "one line: {what} {to_do}");
        checks.insert(field("check"), (verdict, what + " / " + &to_do));
    }
    let fails = checks.values().any(|(verdict, _)| verdict == "fail");
    assert_eq!(output.status.code(), Some(if fails { 2 } else { 0 }), "{checks:?}");
    checks
}

async fn doctor(config: &Path, bus: &str, root: &Path) -> BTreeMap<String, (String, String)> {
    let (config, bus, root) = (config.to_owned(), bus.to_owned(), root.to_str().unwrap().to_owned());
    let asked = tokio::task::spawn_blocking(move || emma("doctor", &config, &bus, &["--json", "--root", &root]));
    examined(&asked.await.unwrap())
}

/// The verdict of a check, and that its sentence has these words.
#[track_caller]
fn assert_found(checks: &BTreeMap<String, (String, String)>, check: &str, verdict: &str, words: &str) {
    let (found, what) = &checks[check];
    assert!(found == verdict && what.contains(words), "{check} is {found}, not {verdict} with “{words}”: {what}");
}

/// How a bluetoothd answers that is asked for its objects.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As one that runs with `-E`.
    Well,
    /// As dbus-daemon does in its stead where the policy says no.
    Denied,
    /// Not at all.
    Never,
    /// With types that nobody expects.
    Rubbish,
}

/// A bluetoothd that knows one question.
async fn bluetoothd(bus: &str, manner: Manner) -> JoinHandle<()> {
    let connection = zbus::connection::Builder::address(bus).name("org.bluez").build().await.unwrap();
    tokio::spawn(async move {
        let mut calls = MessageStream::from(&connection);
        while let Some(Ok(call)) = calls.next().await {
            if call.header().message_type() == Type::MethodCall {
                answer(&connection, &call, manner).await.ok();
            }
        }
    })
}

async fn answer(connection: &zbus::Connection, call: &Message, manner: Manner) -> zbus::Result<()> {
    let header = call.header();
    let objects = |powered: Variant<'static>, kinds: Variant<'static>| {
        let adapter = BTreeMap::from([("Powered", powered)]);
        let monitors = BTreeMap::from([("SupportedMonitorTypes", kinds)]);
        let interfaces =
            BTreeMap::from([("org.bluez.Adapter1", adapter), ("org.bluez.AdvertisementMonitorManager1", monitors)]);
        BTreeMap::from([(ObjectPath::try_from("/org/bluez/hci0").unwrap(), interfaces)])
    };
    match manner {
        Manner::Well => connection.reply(&header, &objects(true.into(), vec!["or_patterns"].into())).await,
        Manner::Denied => connection.reply_error(&header, "org.freedesktop.DBus.Error.AccessDenied", &"policy").await,
        Manner::Never => Ok(()),
        Manner::Rubbish => connection.reply(&header, &objects("yes".into(), 7_u8.into())).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_well_machine_is_told_line_by_line() {
    let skipped = "the doctor's whole page";
    let Some(broker) = Mosquitto::start(skipped, "persistence false") else { return };
    let Some(bus) = PrivateBus::start(skipped) else { return };
    let _bluetoothd = bluetoothd(&bus.address(), Manner::Well).await;
    let shop = Shop::new(broker.port);
    let root = machine(&WELL);
    let (config, address, root_path) = (shop.config(), bus.address(), root.path().to_str().unwrap().to_owned());
    let asked = tokio::task::spawn_blocking(move || emma("doctor", &config, &address, &["--root", &root_path]));
    let output = asked.await.unwrap();
    let page = text(&output);
    assert_eq!(output.status.code(), Some(0), "{page}");
    // How much is free is this machine's affair, and whether its clock is synchronised as well.
    let of_this_machine = |line: &str| [" MB free ", " clock ", " checks: "].iter().any(|words| line.contains(words));
    let page: Vec<&str> = page.lines().filter(|line| !of_this_machine(line)).collect();
    let state = shop.state().display().to_string();
    let page = page.join("\n").replace(&state, "STATE").replace(&broker.port.to_string(), "PORT");
    insta::assert_snapshot!(page);
    assert!(!shop.state().exists(), "it makes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bluetoothd_that_does_not_answer_well_is_told_from_one_that_is_not_there() {
    let Some(bus) = PrivateBus::start("bluetoothd in its moods") else { return };
    let (shop, root) = (Shop::new(1), machine(&WELL));
    let asked = async || doctor(&shop.config(), &bus.address(), root.path()).await;
    assert_found(&asked().await, "adapter", "fail", "bluetoothd does not run");
    for (manner, check, verdict, words) in [
        (Manner::Denied, "adapter", "fail", "does not let this user speak"),
        (Manner::Never, "adapter", "fail", "no answer within 3 s"),
        (Manner::Rubbish, "monitor", "warn", "no advertisement monitors"),
    ] {
        let bluetoothd = bluetoothd(&bus.address(), manner).await;
        assert_found(&asked().await, check, verdict, words);
        bluetoothd.abort();
        // Its name is gone once its connection is.
        bluetoothd.await.ok();
    }
    let checks = doctor(&shop.config(), NO_BUS, root.path()).await;
    assert_found(&checks, "adapter", "fail", "D-Bus");
}

/// The beacon and a stranger transmit, `times` times in 20 s or until the doctor has ended.
async fn watched(bluez: &FakeBluez, bus: &PrivateBus, times: u32) -> BTreeMap<String, (String, String)> {
    let (shop, root) = (Shop::new(1), machine(&WELL));
    let transmit = async {
        bluez.until_called("StartDiscovery", 1).await;
        for _ in 0..times {
            for (address, company) in [([0xc0, 1, 2, 3, 4, 5], 0x004c), ([0xde, 0xad, 0xbe, 0xef, 0x13, 0x37], 0x0075)]
            {
                let manufacturer = vec![(company, IBEACON.to_vec())];
                bluez.report(Report { address, rssi_dbm: -60, manufacturer, ..Report::default() }).await;
            }
            sleep(Duration::from_millis(300)).await;
        }
    };
    let (config, address) = (shop.config(), bus.address());
    let (checks, ()) = tokio::join!(doctor(&config, &address, root.path()), transmit);
    assert_eq!(bluez.calls("StopDiscovery"), 1, "what it started it ends");
    let told = format!("{checks:?}").to_lowercase();
    assert!(!told.contains("dead") && !told.contains("c0:01"), "nobody is named: {told}");
    checks
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chip_that_filters_is_seen_by_watching() {
    let Some(bus) = PrivateBus::start("a chip that filters duplicates") else { return };
    let bluez = FakeBluez::start(&bus.address()).await;
    let checks = watched(&bluez, &bus, 2).await;
    assert_found(&checks, "duplicate-filter", "warn", "none more than twice");
    assert_found(&checks, "monitor", "warn", "with -E and offers no");
    assert_found(&checks, "driver", "ok", "bluez: `auto` takes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chip_that_reports_each_time_is_seen_by_watching() {
    let Some(bus) = PrivateBus::start("a chip that filters nothing") else { return };
    let bluez = FakeBluez::start(&bus.address()).await;
    let checks = watched(&bluez, &bus, 20).await;
    assert_found(&checks, "duplicate-filter", "ok", "repeated reports come through: the busiest of 2 devices");
}

/// A broker with TLS, and what the shop's `[mqtt]` says beside its address.
struct Tls {
    broker: Mosquitto,
    shop: Shop,
    root: TempDir,
}

impl Tls {
    fn start(skipped: &str, lines: &str) -> Option<Self> {
        let openssl = find("openssl", skipped)?;
        let tls = "persistence false\ncafile {dir}/ca.pem\ncertfile {dir}/cert.pem\nkeyfile {dir}/key.pem\n";
        let mut broker = Mosquitto::prepared(skipped, &format!("{tls}{lines}"))?;
        make_certificates(&openssl, broker.dir.path());
        broker.restart();
        let shop = Shop::new(broker.port);
        Some(Self { broker, shop, root: machine(&WELL) })
    }

    async fn found(&self, host: &str, more: &str) -> BTreeMap<String, (String, String)> {
        let gateway = format!(
            "site = \"hall\"\ngateway = \"sensor10\"\n[radio]\ndriver = \"none\"\n[mqtt]\nurl = \"mqtts://{host}:{}\"\n{more}\n",
            self.broker.port
        );
        self.shop.write("gateway.toml", &gateway);
        doctor(&self.shop.config(), NO_BUS, self.root.path()).await
    }

    /// Gives the broker a certificate that has run out; nothing where this openssl makes none.
    fn expire(&mut self) -> Option<()> {
        let openssl = find("openssl", "")?;
        let arguments =
            "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out cert.pem -extfile san";
        let mut sign = Command::new(openssl);
        sign.args(arguments.split(' ')).args(["-days", "-1"]).current_dir(self.broker.dir.path());
        if !sign.output().unwrap().status.success() {
            eprintln!("skipped, this openssl makes no certificate of the past: a broker whose certificate has expired");
            return None;
        }
        self.broker.kill();
        self.broker.restart();
        Some(())
    }

    fn file(&self, name: &str) -> String {
        self.broker.dir.path().join(name).to_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_believed_or_it_is_said_why_not() {
    let Some(mut tls) = Tls::start("the broker's certificate", "") else { return };
    let ca = format!("ca-file = {:?}", tls.file("ca.pem"));
    let checks = tls.found("127.0.0.1", &ca).await;
    assert_found(&checks, "broker", "ok", "lets Emma in");
    assert_found(&checks, "certificate", "warn", "the broker's holds for");
    assert!(tls.broker.log().contains("emma-hall-sensor10-doctor"), "{}", tls.broker.log());
    let checks = tls.found("localhost", &ca).await;
    assert_found(&checks, "broker", "fail", "its certificate is not for localhost");
    let other = TempDir::new().unwrap();
    make_certificates(&find("openssl", "").unwrap(), other.path());
    let checks = tls.found("127.0.0.1", &format!("ca-file = {:?}", other.path().join("ca.pem"))).await;
    assert_found(&checks, "broker", "fail", "another authority");
    assert_found(&checks, "certificate", "unknown", "not reached or not believed");
    fs::write(other.path().join("ca.pem"), "rubbish").unwrap();
    let checks = tls.found("127.0.0.1", &format!("ca-file = {:?}", other.path().join("ca.pem"))).await;
    assert_found(&checks, "broker", "fail", "no certificate in it");
    let Some(()) = tls.expire() else { return };
    let checks = tls.found("127.0.0.1", &ca).await;
    assert_found(&checks, "broker", "fail", "has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_wants_a_certificate_gets_one_or_says_so() {
    let Some(tls) = Tls::start("a client certificate", "require_certificate true") else { return };
    let ca = format!("ca-file = {:?}", tls.file("ca.pem"));
    let checks = tls.found("127.0.0.1", &ca).await;
    assert_found(&checks, "broker", "fail", "wants a client certificate");
    let own = format!("{ca}\ncert-file = {:?}\nkey-file = {:?}", tls.file("cert.pem"), tls.file("key.pem"));
    let checks = tls.found("127.0.0.1", &own).await;
    assert_found(&checks, "broker", "ok", "lets Emma in");
    assert_found(&checks, "certificate", "warn", "Emma's own holds for");
    assert_found(&checks, "driver", "ok", "none: as gateway.toml says");
    assert!(!checks.contains_key("adapter"), "a Pi that does not listen needs none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_an_absent_broker_and_one_that_is_none_are_told_apart() {
    let skipped = "brokers that do not let Emma in";
    let passwords = "persistence false\npassword_file {dir}/passwords\n";
    let Some(mut broker) = Mosquitto::prepared(skipped, passwords) else { return };
    let config = broker.dir.path().join("mosquitto.conf");
    let open = fs::read_to_string(&config).unwrap();
    fs::write(&config, open.replace("127.0.0.1\nallow_anonymous true", "127.0.0.1\nallow_anonymous false")).unwrap();
    fs::write(broker.dir.path().join("passwords"), "").unwrap();
    broker.restart();
    let (shop, root) = (Shop::new(broker.port), machine(&WELL));
    let checks = doctor(&shop.config(), NO_BUS, root.path()).await;
    assert_found(&checks, "broker", "fail", "refuses Emma's name or password");
    broker.kill();
    let checks = doctor(&shop.config(), NO_BUS, root.path()).await;
    assert_found(&checks, "broker", "fail", "is not reached: Connection refused");
    let none = TcpListener::bind(("127.0.0.1", broker.port)).unwrap();
    let greeting = std::thread::spawn(move || {
        // Once for the way there, once for the visit; the caller may have gone.
        for _ in 0..2 {
            none.accept().unwrap().0.write_all(b"220 mail.example ESMTP\r\n").ok();
        }
    });
    let checks = doctor(&shop.config(), NO_BUS, root.path()).await;
    assert_found(&checks, "broker", "fail", "does not answer as a broker does");
    greeting.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_everywhere_is_told_and_never_believed() {
    let rubbish: Vec<(&str, &str)> = WELL.iter().map(|(path, _)| (*path, "\u{0}=\n[[[ - - 0x\u{fffd}\n=")).collect();
    let root = machine(&rubbish);
    let shop = Shop::new(1);
    for file in ["gateway.toml", "site.toml", "zones.toml", "offers.toml", "promise.toml"] {
        shop.write(file, "= [");
    }
    let checks = doctor(&shop.config(), "rubbish", root.path()).await;
    assert_found(&checks, "configuration", "fail", "errors: ");
    for check in ["power", "card", "monitor", "broker", "bluez-version"] {
        assert_eq!(checks[check].0, "unknown", "{check}: {}", checks[check].1);
    }
    let checks = doctor(Path::new("/nonexistent/config"), "", Path::new("/nonexistent/root")).await;
    assert_found(&checks, "configuration", "fail", "errors: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_emma_is_asked_and_not_disturbed() {
    let skipped = "a running Emma under examination";
    let Some(broker) = Mosquitto::start(skipped, "persistence false") else { return };
    let Some(bus) = PrivateBus::start(skipped) else { return };
    let bluez = FakeBluez::start(&bus.address()).await;
    let (shop, root) = (Shop::new(broker.port), machine(&WELL));
    let ask = |more: &[&str]| emma("status", &shop.config(), &bus.address(), more);
    let absent = ask(&[]);
    assert_eq!((absent.status.code(), text(&absent).as_str()), (Some(69), ""));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("no Emma runs on"), "{absent:?}");
    shop.import(CONSENT);
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    let status = || serde_json::from_slice::<Value>(&ask(&["--json"]).stdout).unwrap_or_default();
    let connected = async {
        while status()["broker"] != "connected" {
            sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(timeout(PATIENCE, connected).await.is_ok(), "{}", status());
    let listens = async {
        // It says so within a look, that is 5 s.
        while !text(&ask(&[])).contains(": yes") {
            sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(timeout(PATIENCE, listens).await.is_ok(), "{}", text(&ask(&[])));
    let told = status();
    assert_eq!((&told["customers"], &told["present"], &told["by_address"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!((&told["state"]["state"], &told["state"]["gateway"]), (&"online".into(), &"sensor10".into()));
    assert_eq!(told["health"]["outbox"]["depth"], 0);
    let checks = doctor(&shop.config(), &bus.address(), root.path()).await;
    assert_found(&checks, "daemon", "ok", "it runs and hears");
    assert_found(&checks, "addresses", "ok", "no consent names an address");
    assert_eq!(checks["broker"].0, "ok");
    let page = text(&ask(&[]));
    assert!(page.contains("1 registered, 0 in the shop"), "{page}");
    let all = format!("{page} {told} {checks:?}").to_lowercase();
    for personal in ["karoline", "q7jrinbox", "41424344"] {
        assert!(!all.contains(personal), "{personal}: {all}");
    }
    assert_eq!(status()["broker"], "connected", "the session is still Emma's");
    assert!(!shop.log().contains("another"), "{}", shop.log());
    shop.write("zones.toml", "= [");
    let refused = async {
        while status()["state"]["configuration"]["refused"].is_null() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(timeout(PATIENCE, refused).await.is_ok());
    assert!(text(&ask(&[])).contains("a change was refused"));
    let checks = doctor(&shop.config(), &bus.address(), root.path()).await;
    assert_found(&checks, "daemon", "warn", "it runs with an older configuration");
    assert_found(&checks, "configuration", "fail", "errors: ");
    assert_eq!(checks["broker"].0, "ok", "what the other files say is still looked at");
    // Not even the folder is known any more, until it is said.
    shop.write("gateway.toml", "= [");
    let state = shop.state().display().to_string();
    assert_eq!(ask(&["--state", &state]).status.code(), Some(0));
    assert_eq!(emma.terminate(), Some(0));
    assert_eq!(ask(&["--state", &state]).status.code(), Some(69));
}
