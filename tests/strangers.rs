//! Whoever did not opt in leaves no trace: a crowd passes every ear that the real program has, at the most verbose level,
//! and then every byte that it wrote or said is searched for each of them, in every notation.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/bus.rs"]
mod bus;
#[path = "common/chance.rs"]
mod chance;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/fakebluez.rs"]
mod fakebluez;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/radio.rs"]
mod radio;
#[path = "common/scanner.rs"]
mod scanner;
#[path = "common/strangers.rs"]
mod strangers;
#[path = "common/tap.rs"]
mod tap;
#[path = "common/tetam.rs"]
mod tetam;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use broker::Mosquitto;
use bus::PrivateBus;
use chance::Chance;
use daemon::{CONSENT, IBEACON, Shop};
use emma::radio::encode;
use fakebluez::{FakeBluez, Report};
use listener::until;
use scanner::Scanner;
use strangers::{Stranger, Traces, printed, strangers};
use tap::Tap;
use tempfile::TempDir;
use tetam::{BEACON, Tetam};
use tokio::time::sleep;

/// As many as pass a shop in an afternoon.
const CROWD: usize = 200;

/// So many of those on the air change their addresses with each round: each kind of device among them.
const CHANGING: usize = 8;

/// Enough of the corpus for every class of transmission.
const CORPUS_RECORDS: &str = "20000";

/// Those who agreed: a customer, a tester, and somebody who changes their mind.
const CUSTOMER: [u8; 6] = [0xc0, 0xff, 0xee, 0x5a, 0x17, 0x01];
const TESTER: [u8; 6] = [0xc0, 0xff, 0xee, 0x5a, 0x17, 0x02];
const LEAVER: [u8; 6] = [0xc0, 0xff, 0xee, 0x5a, 0x17, 0x03];

/// What the three transmit.
fn beacon(minor: u8) -> Vec<u8> {
    let mut data = IBEACON.to_vec();
    data[21] = minor;
    data
}

fn consents() -> String {
    let of = |customer: &str, minor: u8, inbox: &str| {
        let record = CONSENT.replace("karoline-7", customer).replace("q7JrInbox", inbox);
        record.replace(r#""minor":2"#, &format!(r#""minor":{minor}"#))
    };
    let tester = of("tester-9", 9, "inboxOfTester").replace(r#""epoch":1"#, r#""epoch":1,"test":true"#);
    [CONSENT.to_owned(), tester, of("leaver-4", 4, "inboxOfLeaver")].join("\n")
}

/// The corpus by its own generator, none of whose people are registered here; nothing without the generator or Python.
fn corpus(folder: &Path) -> Option<PathBuf> {
    let shared = std::env::var_os("EMMA_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let generator = shared.join("bench/gen_corpus.py");
    let mut command = Command::new("python3");
    command.arg(&generator).args(["-n", CORPUS_RECORDS, "--seed", "7", "--seconds", "20", "-o"]).arg(folder);
    let made = generator.is_file() && command.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !made {
        eprintln!("skipped, no corpus: {}", generator.display());
    }
    made.then(|| begun_at_zero(&folder.join("capture.jsonl")))
}

/// The same capture with its first line at zero, so that several are heard together.
fn begun_at_zero(file: &Path) -> PathBuf {
    let text = fs::read_to_string(file).unwrap();
    let time = |line: &str| line["{\"t\":".len()..].split(',').next().unwrap().parse::<i64>().unwrap();
    let first = time(&text);
    let moved = text.lines().map(|line| line.replacen(&time(line).to_string(), &(time(line) - first).to_string(), 1));
    let file = file.with_extension("from-zero.jsonl");
    fs::write(&file, moved.collect::<Vec<_>>().join("\n")).unwrap();
    file
}

/// A recorded walk past this Pi, of somebody who is not registered here.
fn walk(folder: &Path) -> Option<PathBuf> {
    let tetam = Tetam::find("a recorded walk of a stranger")?;
    let track = tetam.track("straight_01_all_sensors.mbd");
    let unknown = encode::ibeacon(b"nobodys-beacon-1", 4_711, 815, -59);
    let (address, data) = (printed(BEACON, ":"), hex::encode(unknown));
    let line = |reading: &tetam::Reading| {
        let (t, rssi) = (reading.t_us - track[0].t_us, reading.rssi_dbm);
        format!(
            r#"{{"t":{t},"gateway":"sensor10","address":"{address}","address_type":"random","rssi":{rssi},"data":"{data}"}}"#
        )
    };
    let file = folder.join("walk.jsonl");
    fs::write(&file, track.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    Some(file)
}

/// Everybody of a capture becomes somebody to look for.
fn look_for_capture(traces: &mut Traces, file: &Path) {
    for line in fs::read_to_string(file).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let address = hex::decode(line["address"].as_str().unwrap().replace(':', "")).unwrap();
        traces.address(address.try_into().unwrap());
        traces.payload(&hex::decode(line["data"].as_str().unwrap()).unwrap());
    }
}

/// The shop with every ear open: a driver, captures, and a scanner over MQTT.
fn open_every_ear(shop: &Shop, driver: &str, captures: &[PathBuf]) {
    let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    let captures: Vec<_> = captures.iter().map(|file| file.display().to_string()).collect();
    let more = format!(
        "\n[capture]\nfiles = {captures:?}\nspeed = 10\n[[remote]]\nformat = \"openmqttgateway\"\ntopic = \"home/+/BTtoMQTT/#\"\n"
    );
    shop.write("gateway.toml", &(gateway.replace("\"auto\"", &format!("{driver:?}")) + &more));
    let site = fs::read_to_string(shop.config().join("site.toml")).unwrap();
    let gateways = (0..20).map(|index| format!("gw{index:02}")).chain(["omg".to_owned()]);
    let gateways =
        gateways.enumerate().map(|(x, id)| format!("[[gateway]]\nid = \"{id}\"\nposition-m = [{x}.0, 1.0]\n"));
    shop.write("site.toml", &(site + &gateways.collect::<String>()));
}

/// A program that is killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// `mosquitto_sub` on everything of Emma's, into a file.
fn subscribe(port: u16, file: &Path) -> Option<Killed> {
    let program = broker::find("mosquitto_sub", "an independent subscriber")?;
    let mut command = Command::new(program);
    command.args(["-p", &port.to_string(), "-V", "mqttv5", "-t", "emma/#", "-F", "%t %C %D %P %R %p"]);
    command.stdin(Stdio::null()).stdout(fs::File::create(file).unwrap()).stderr(Stdio::null());
    Some(Killed(command.spawn().unwrap()))
}

fn emma(shop: &Shop, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.args(arguments).arg("--config").arg(shop.config()).env("RUST_LOG", "trace").output().unwrap()
}

/// Everybody is on the air once, as bluetoothd says it: passers-by under an address each, and the three who agreed.
async fn transmit(bluez: &FakeBluez, passing: &[Stranger]) {
    for (address, minor) in [(CUSTOMER, 2), (TESTER, 9), (LEAVER, 4)] {
        let manufacturer = vec![(0x004c, beacon(minor))];
        bluez.report(Report { address, rssi_dbm: -60, manufacturer, ..Report::default() }).await;
    }
    for stranger in passing {
        let service = stranger.service.iter().map(|((uuid, _), data)| (*uuid, data.clone())).collect();
        let (name, manufacturer) = (stranger.name.clone(), stranger.manufacturer.clone());
        bluez
            .report(Report {
                address: stranger.address,
                rssi_dbm: -50,
                manufacturer,
                service,
                name,
                ..Report::default()
            })
            .await;
        // Who has the same beacon in their pocket, with a number that nobody registered.
        let manufacturer = vec![(0x004c, beacon(77))];
        bluez.report(Report { address: stranger.address, rssi_dbm: -52, manufacturer, ..Report::default() }).await;
    }
}

/// They are the same devices under other addresses, and are looked for under each.
fn readdress(passing: &mut [Stranger], chance: &mut Chance, traces: &mut Traces) {
    for stranger in passing {
        stranger.change_address(chance);
        traces.address(stranger.address);
    }
}

/// Every file below that folder, with its content; a socket has none.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            found.push((path, bytes));
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What is played: the corpus and a walk where they are, and some of the crowd.
fn captures(folder: &Path, recorded: &[Stranger]) -> Vec<PathBuf> {
    let passing = folder.join("passing.jsonl");
    let times_us = (0..).step_by(20_000);
    let lines = recorded.iter().zip(times_us).map(|(stranger, t_us)| stranger.line(t_us, "sensor10"));
    fs::write(&passing, lines.collect::<Vec<_>>().join("\n")).unwrap();
    [corpus(folder), walk(folder)].into_iter().flatten().chain([passing]).collect()
}

fn whom_to_look_for(captures: &[PathBuf], crowd: &[Stranger]) -> Traces {
    let mut traces = Traces::default();
    for file in captures {
        look_for_capture(&mut traces, file);
    }
    for stranger in crowd {
        traces.stranger(stranger);
    }
    // Who agreed is known by the beacon; the address below it is nobody's business, but for a tester's in a capture.
    traces.address(CUSTOMER);
    traces.address(LEAVER);
    // An address in the corpus and the shop's own end alike.
    traces.spare(b".example");
    for minor in [2, 4, 9] {
        traces.spare(&encode::manufacturer_data(0x004c, &beacon(minor)).unwrap());
    }
    traces
}

/// `emma record`, its log beside the capture.
fn record(shop: &Shop, bus: &PrivateBus, capture: &Path) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.arg("record").arg(capture).arg("--config").arg(shop.config()).env("RUST_LOG", "trace");
    command.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address()).stdin(Stdio::null()).stdout(Stdio::null());
    Killed(command.stderr(fs::File::create(capture.with_extension("log")).unwrap()).spawn().unwrap())
}

/// A scanner of the shop and one that nobody knows tell of them, and phones and recipients that nobody knows speak.
async fn tell_scanner(port: u16, strangers: &[Stranger]) {
    let mut scanner = Scanner::new("scanner", port);
    for stranger in strangers {
        for of in ["omg", "nobody"] {
            let topic = format!("home/{of}/BTtoMQTT/{}", printed(stranger.address, ""));
            scanner.say(&topic, &stranger.by_scanner()).await;
        }
        scanner.say(&format!("emma/v1/hall/heard/{}", stranger.name.len()), "[]").await;
        scanner.say(&format!("emma/v1/hall/ask/{}", stranger.name.len()), "{\"zone\":").await;
    }
}

/// A crowd passes, somebody is told, somebody is recorded, somebody leaves; then everything is searched.
async fn a_crowd_passes(driver: &str) {
    let skipped = "a crowd of strangers";
    let Some(broker) = Mosquitto::start(skipped, "persistence false") else { return };
    let Some(bus) = PrivateBus::start(skipped) else { return };
    let bluez = FakeBluez::start_with(&bus.address(), true).await;
    let (outside, tap) = (TempDir::new().unwrap(), Tap::on(broker.port));
    let heard = outside.path().join("subscriber");
    let Some(subscriber) = subscribe(broker.port, &heard) else { return };

    let crowd = strangers(CROWD, &mut Chance(7));
    let (on_air, rest) = crowd.split_at(CROWD / 2);
    let (recorded, by_scanner) = rest.split_at(rest.len() / 2);
    let captures = captures(outside.path(), recorded);
    let mut traces = whom_to_look_for(&captures, &crowd);
    let (mut on_air, mut chance) = (on_air.to_vec(), Chance(17));

    let shop = Shop::new(tap.port);
    open_every_ear(&shop, driver, &captures);
    shop.import(&consents());
    let daemon = shop.run(&bus.address());
    bluez.until_scanning().await;
    let capture = outside.path().join("record.jsonl");
    let mut record = record(&shop, &bus, &capture);

    tell_scanner(broker.port, by_scanner).await;
    let said = || fs::read(&heard).unwrap_or_default();
    let wanted = [
        ("an offer to the customer", "q7JrInbox"),
        ("one to who leaves", "inboxOfLeaver"),
        ("the captures' end", "played to their end"),
    ];
    let is_recorded = || fs::read_to_string(&capture).is_ok_and(|lines| lines.contains(&printed(TESTER, ":")));
    for round in 0.. {
        let missing: Vec<_> = wanted.iter().filter(|(_, text)| !holds(&said(), text)).map(|(what, _)| what).collect();
        if missing.is_empty() && is_recorded() {
            break;
        }
        assert!(round < 400, "never happened: {missing:?}, recorded: {}\n{}", is_recorded(), shop.log());
        // Some change their addresses in the middle of it, and say the same as before.
        readdress(&mut on_air[..CHANGING], &mut chance, &mut traces);
        transmit(&bluez, &on_air).await;
        sleep(Duration::from_millis(100)).await;
    }
    let asked: Vec<Output> = [
        &["status"][..],
        &["status", "--json"],
        &["report"],
        &["consent", "list"],
        &["consent", "export", "karoline-7"],
    ]
    .iter()
    .map(|arguments| emma(&shop, arguments))
    .collect();
    let gone = emma(&shop, &["consent", "withdraw", "leaver-4"]);
    assert!(gone.status.success(), "{}", String::from_utf8_lossy(&gone.stderr));
    readdress(&mut on_air[..CHANGING], &mut chance, &mut traces);
    transmit(&bluez, &on_air).await;
    assert!(Command::new("kill").args(["-TERM", &record.0.id().to_string()]).status().unwrap().success());
    assert!(record.0.wait().unwrap().success());
    let doctor = emma(&shop, &["doctor"]);
    let running: Vec<_> = files(&shop.state());
    assert_eq!(daemon.terminate(), Some(0));
    until("offline is heard", || holds(&said(), "\"offline\"")).await;
    drop(subscriber);

    let mut searched = vec![
        ("what emma said over TCP".to_owned(), tap.said()),
        ("what a subscriber heard".to_owned(), said()),
        ("the log".to_owned(), shop.log().into_bytes()),
        ("the capture".to_owned(), fs::read(&capture).unwrap()),
        ("what its recorder said".to_owned(), fs::read(capture.with_extension("log")).unwrap()),
    ];
    let outputs = asked.iter().chain([&gone, &doctor]);
    searched
        .extend(outputs.map(|output| ("a command's output".to_owned(), [&output.stdout[..], &output.stderr].concat())));
    let state = running.into_iter().chain(files(&shop.state()));
    searched.extend(state.map(|(path, bytes)| (path.display().to_string(), bytes)));
    let found = searched
        .iter()
        .flat_map(|(name, bytes)| traces.found(bytes).into_iter().map(move |trace| format!("{name}: {trace}")));
    let found: Vec<_> = found.collect();
    assert!(found.is_empty(), "strangers in\n{}", found.join("\n"));

    let status = serde_json::from_slice(&asked[1].stdout).unwrap();
    assert_searched(&searched, &status, &files(&shop.state()));
    let fed = captures.iter().all(|file| !traces.found(&fs::read(file).unwrap()).is_empty());
    assert!(fed && traces.len() > 10 * CROWD, "the search finds strangers where they are");
}

/// Everybody was heard, and those who agreed are where they may be: what was searched is what was written.
fn assert_searched(searched: &[(String, Vec<u8>)], status: &serde_json::Value, after: &[(PathBuf, Vec<u8>)]) {
    let sources = status["health"]["sources"].as_array().unwrap_or_else(|| panic!("{status}"));
    let heard = sources.iter().filter(|source| source["heard"].as_u64() > Some(20)).count();
    assert!(heard >= 3, "{status}");
    let of = |name: &str| {
        searched.iter().filter(|(of, _)| of.contains(name)).map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>().concat()
    };
    assert!(holds(&of("ledger.db"), "karoline-7") && holds(&of("over TCP"), "q7JrInbox"));
    assert!(!after.iter().any(|(_, bytes)| holds(bytes, "leaver-4") || holds(bytes, "inboxOfLeaver")));
    let log = of("the log");
    let named = ["karoline-7", "tester-9", "leaver-4", "q7JrInbox"].map(|name| holds(&log, name));
    assert_eq!(named, [false; 4], "customers have names in no log");
    let mut tester = Traces::default();
    tester.address(TESTER);
    assert!(!tester.found(&of("the capture")).is_empty());
    assert!(tester.found(&log).is_empty() && tester.found(&of("over TCP")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_strangers_leaves_no_trace() {
    a_crowd_passes("bluez").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_strangers_leaves_no_trace_through_the_portable_driver_either() {
    a_crowd_passes("btleplug").await;
}

#[test]
fn a_stranger_is_found_in_every_notation() {
    let one = &strangers(1, &mut Chance(11))[0];
    let mut traces = Traces::default();
    traces.stranger(one);
    let mut backwards = one.address;
    backwards.reverse();
    let mut notations =
        vec![one.address.to_vec(), backwards.to_vec(), one.payload.clone(), one.name.clone().into_bytes()];
    for address in [one.address, backwards] {
        for between in ["", ":", "-", "_", " "] {
            let text = printed(address, between);
            notations.extend([text.to_lowercase().into_bytes(), text.into_bytes()]);
        }
        notations.push(format!("{address:?}").into_bytes());
    }
    notations.push(hex::encode(&one.payload).into_bytes());
    notations.push(hex::encode_upper(&one.payload[3..14]).into_bytes());
    notations.push(format!("{:?}", &one.payload[2..12]).into_bytes());
    notations.push(format!("{:#?}", one.payload).into_bytes());
    for notation in notations {
        let hidden = [b"2026-11-24 INFO a line, 12 and ", &notation[..], b" and what follows"].concat();
        assert!(!traces.found(&hidden).is_empty(), "{}", hidden.escape_ascii());
    }
    assert!(traces.found(b"2026-11-24T15:00:00.000000Z  INFO an offer is committed zone=desk campaign=oak").is_empty());
}

/// A radio's own process; on its own a test of nothing.
#[test]
fn radio_process() {
    radio::process();
}

#[tokio::test]
async fn what_libraries_log_at_trace_would_name_a_stranger() {
    let Some(bus) = PrivateBus::start("what libraries log") else { return };
    let bluez = FakeBluez::start_with(&bus.address(), false).await;
    let crowd = strangers(8, &mut Chance(13));
    let mut traces = Traces::default();
    for stranger in &crowd {
        traces.stranger(stranger);
    }
    let mut radio = radio::Process::start(&bus, "btleplug", "");
    bluez.until_scanning().await;
    transmit(&bluez, &crowd).await;
    radio.heard().await;
    // That process lets every library speak, as no `emma` does: the crowd would leave its traces here.
    for _ in 0..100 {
        if !traces.found(radio.log().as_bytes()).is_empty() {
            return radio.stop().await;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("libraries say nothing of strangers any more: what holds them may go");
}
