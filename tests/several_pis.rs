//! Several Pis of one shop, used as a shop uses them: each a process of its own, between them a real broker, and radios that
//! hear what captures hold.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;

use std::fs;
use std::process::Command;
use std::time::Duration;

use broker::Mosquitto;
use daemon::{CONSENT, Daemon, IBEACON, Shop};
use emma::clock::Clock;
use emma::radio::encode;
use listener::{Listener, until};
use scanner::Scanner;
use serde_json::Value;

const QUIET: &str = "persistence false";
const NO_BUS: &str = "unix:path=/nowhere";

/// What identifies the customer of [`CONSENT`], in every form in which it could be written down.
const TRACES: [&str; 5] = [
    "karoline-7",
    "q7JrInbox",
    "ABCDEFGHIJKLMNOP",
    "4142434445464748494a4b4c4d4e4f50",
    "41424344-4546-4748-494a-4b4c4d4e4f50",
];

const SITE: &str = r#"
name = "Hall"
time-zone = "Europe/Zurich"
[[gateway]]
id = "gw-till"
[[gateway]]
id = "gw-shoes"
[[gateway]]
id = "gw-hall"
[[fixed-beacon]]
id = "wall"
ibeacon = { uuid = "f7826da6-4fa2-4e98-8024-bc5b71e0893e", major = 1, minor = 7 }
"#;

const ZONES: &str = r#"
enter-after = "1s"
[[zone]]
id = "shoes"
name = { de = "Schuhe", en = "Shoes" }
near = "gw-shoes"
enter-dbm = -75
leave-dbm = -85
[[zone]]
id = "desk"
name = { de = "Tisch", en = "Desk" }
near = "gw-hall"
enter-dbm = -75
leave-dbm = -85
"#;

fn gateway(id: &str, role: &str, brokers: &[(&str, u16)], state: &str) -> String {
    let table = |(name, port): &(&str, u16)| format!("[{name}]\nurl = \"mqtt://127.0.0.1:{port}\"\n");
    let brokers = brokers.iter().map(table).collect::<Vec<_>>().concat();
    format!(
        "site = \"hall\"\ngateway = \"{id}\"\nroles = [\"{role}\"]\n[radio]\ndriver = \"none\"\n{brokers}\
         [ledger]\npath = {state:?}\n[clock]\ntrust = \"assume\"\n[log]\nlevel = \"trace\"\n"
    )
}

/// The Pi that decides; it hears nothing itself.
fn decider(brokers: &[(&str, u16)]) -> Shop {
    let shop = Shop::new(0);
    shop.write("gateway.toml", &gateway("gw-till", "decide", brokers, &shop.state().display().to_string()));
    shop.write("site.toml", SITE);
    shop.write("zones.toml", ZONES);
    shop
}

/// A Pi that only scans, with gateway.toml and nothing else, and what its radio will hear: the customer with this strength
/// by the second, strangers, and the beacon on the wall.
fn scanning(id: &str, port: u16, rssi_dbm: impl Fn(usize) -> i8) -> Shop {
    let shop = Shop::new(0);
    for file in ["site.toml", "zones.toml", "offers.toml", "promise.toml"] {
        fs::remove_file(shop.config().join(file)).unwrap();
    }
    let capture = "[capture]\nfiles = [\"walk.jsonl\"]\n";
    let text = gateway(id, "scan", &[("shop-mqtt", port)], &shop.state().display().to_string()) + capture;
    shop.write("gateway.toml", &text);
    let customer = encode::manufacturer_data(0x004c, &IBEACON).unwrap();
    let stranger = encode::ibeacon(b"nobody we know..", 1, 2, -59);
    let wall = encode::ibeacon(b"\xf7\x82\x6d\xa6\x4f\xa2\x4e\x98\x80\x24\xbc\x5b\x71\xe0\x89\x3e", 1, 7, -59);
    let line = |t_ms: usize, address: &str, rssi_dbm: i8, payload: &[u8]| {
        format!(
            "{{\"t\":{t_ms}000,\"gateway\":\"{id}\",\"address\":\"{address}\",\"address_type\":\"random\",\"rssi\":{rssi_dbm},\"data\":\"{}\"}}\n",
            hex::encode(payload)
        )
    };
    let all: String = (0..6_000_usize)
        .map(|tenth| {
            let rssi_dbm = rssi_dbm(tenth / 10);
            line(tenth * 100, "C0:FF:EE:00:00:01", rssi_dbm, &customer)
                + &line(tenth * 100 + 1, "DE:AD:BE:EF:13:37", -50, &stranger)
                + &line(tenth * 100 + 2, "C0:FF:EE:00:00:07", -70, &wall)
        })
        .collect();
    shop.write("walk.jsonl", &all);
    shop
}

/// Among the shoes for 20 s, in the hall from then on.
fn walk(port: u16) -> (Shop, Shop) {
    let shoes = scanning("gw-shoes", port, |second| if second < 20 { -60 } else { -92 });
    let hall = scanning("gw-hall", port, |second| if second < 20 { -92 } else { -60 });
    (shoes, hall)
}

/// What `emma status --json` says; null while nobody answers.
fn status(shop: &Shop) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    let output = command.args(["status", "--json", "--config"]).arg(shop.config()).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// A field of the source of that kind and name, of the state topic or the health topic.
fn source(shop: &Shop, topic: &str, kind: &str, name: &str) -> Value {
    let status = status(shop);
    let sources = status[topic]["sources"].as_array().cloned().unwrap_or_default();
    sources.into_iter().find(|source| source["kind"] == kind && source["name"] == name).unwrap_or_default()
}

fn heard_by(decider: &Shop, scanner: &str) -> u64 {
    source(decider, "health", "scanner", scanner)["heard"].as_u64().unwrap_or(0)
}

/// Waits until the decider has taken more of that scanner than it had.
async fn until_heard(decider: &Shop, scanner: &str) {
    let before = heard_by(decider, scanner);
    // A life of the decider begins to count anew.
    until(&format!("{scanner} is heard"), || heard_by(decider, scanner) > before + 3).await;
}

fn messages(listener: &Listener, part: &str) -> Vec<Value> {
    listener.heard(part).iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

fn table(scanner: &Shop) -> Option<u64> {
    status(scanner)["table"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_only_scanners_hear_is_placed_and_leaves_no_trace_on_them() {
    let Some(broker) = Mosquitto::start("two scanners and a decider", QUIET) else { return };
    let listener = Listener::start(broker.port).await;
    let till = decider(&[("mqtt", broker.port), ("shop-mqtt", broker.port)]);
    let (shoes, hall) = walk(broker.port);
    till.import(CONSENT);
    let deciding = till.run(NO_BUS);
    let scanning = [shoes.run(NO_BUS), hall.run(NO_BUS)];
    until("the shoes are entered", || till.log().contains("entered zone=shoes")).await;
    until("the hall is entered", || till.log().contains("entered zone=desk")).await;
    until("the offer arrives", || !listener.heard("/offer/").is_empty()).await;
    until("the wall is heard", || status(&till)["health"]["fixed_beacons"][0]["heard"] == true).await;
    for id in ["gw-shoes", "gw-hall"] {
        assert_eq!(source(&till, "state", "scanner", id)["listening"], true);
        until("its own state is said", || listener.last(&format!("{id}/state")).is_some()).await;
    }
    assert_eq!((table(&shoes), table(&hall)), (Some(2), Some(2)));

    // Withdrawn three times over, so that a machine that is busy elsewhere once is none that is slow.
    let mut fastest = withdraw(&till, &listener);
    for _ in 0..2 {
        until_told(&listener, || till.import(CONSENT));
        fastest = fastest.min(withdraw(&till, &listener));
    }
    assert!(fastest < Duration::from_secs(2), "{fastest:?}");
    assert_eq!((table(&shoes), table(&hall)), (Some(1), Some(1)));

    for batch in messages(&listener, "/sighting/gw-shoes").windows(2) {
        let [before, after] = batch else { unreachable!() };
        let between_ms = after["at_ms"].as_u64().unwrap() - before["at_ms"].as_u64().unwrap();
        assert!(between_ms >= 240, "more than four a second: {between_ms} ms");
    }
    for part in ["/sighting/", "/registry/", "gw-shoes/state", "gw-hall/state"] {
        for message in listener.heard(part) {
            let text = String::from_utf8(message.payload.to_vec()).unwrap();
            assert!(!TRACES.iter().any(|trace| text.contains(trace)), "{part}: {text}");
            assert!(!message.retain || part.ends_with("state"), "{part} is kept by the broker");
        }
    }
    for process in scanning {
        assert_eq!(process.terminate(), Some(0));
    }
    for scanner in [&shoes, &hall] {
        assert!(!TRACES.iter().any(|trace| scanner.holds(trace)), "a scanner has written of a customer");
        let files = fs::read_dir(scanner.state()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(files.collect::<Vec<_>>(), ["emma.lock"], "the lock and nothing else");
    }
    until("offline is said", || listener.last("gw-hall/state").is_some_and(|state| state.contains("\"offline\"")))
        .await;
    assert_eq!(deciding.terminate(), Some(0));
}

/// How long it takes, from when `change` begins to be made, until both scanners say that they know of it.
fn until_told(listener: &Listener, change: impl FnOnce()) -> Duration {
    let named = |part: &str| {
        let last = messages(listener, part).pop().unwrap_or_default();
        last["edition"]["rev"].as_u64().unwrap_or(0)
    };
    let rev = named("/registry/gw-shoes") + 1;
    let clock = Clock::start();
    let begun_us = clock.monotonic_us();
    let elapsed = || Duration::from_micros(clock.monotonic_us() - begun_us);
    change();
    while named("/sighting/gw-shoes") < rev || named("/sighting/gw-hall") < rev {
        assert!(elapsed() < Duration::from_mins(1), "the scanners are never told");
        std::thread::sleep(Duration::from_millis(10));
    }
    elapsed()
}

/// Withdraws the customer.
fn withdraw(till: &Shop, listener: &Listener) -> Duration {
    let took = until_told(listener, || assert!(till.consent(&["withdraw", "karoline-7"]).status.success()));
    let gone = messages(listener, "/registry/gw-shoes").pop().unwrap();
    assert!(gone["gone"].as_array().is_some_and(|gone| gone.len() == 1), "{gone}");
    took
}

/// The decider and one of them: each Pi is moved by itself.
#[tokio::test(flavor = "multi_thread")]
async fn pis_that_speak_mqtt_3_1_1_hear_for_each_other_too() {
    let Some(broker) = Mosquitto::start("scanners in MQTT 3.1.1", QUIET) else { return };
    let till = decider(&[("shop-mqtt", broker.port)]);
    let (shoes, hall) = walk(broker.port);
    for shop in [&till, &shoes] {
        let text = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
        shop.write("gateway.toml", &text.replace("[shop-mqtt]\n", "[shop-mqtt]\nprotocol = \"3.1.1\"\n"));
    }
    till.import(CONSENT);
    let pis = (till.run(NO_BUS), shoes.run(NO_BUS), hall.run(NO_BUS));
    until_heard(&till, "gw-shoes").await;
    until_heard(&till, "gw-hall").await;
    let speaks = |who: &str, version: &str| broker.log().contains(&format!(" as {who} ({version},"));
    assert!(speaks("emma-hall-decider-shop", "p2") && speaks("emma-hall-gw-shoes", "p2"), "{}", broker.log());
    assert!(speaks("emma-hall-gw-hall", "p5"), "{}", broker.log());
    for process in [pis.0, pis.1, pis.2] {
        assert_eq!(process.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_and_comes_back_is_heard_again() {
    let Some(mut broker) = Mosquitto::start("scanners that come and go", QUIET) else { return };
    let till = decider(&[("shop-mqtt", broker.port)]);
    let (shoes, hall) = walk(broker.port);
    till.import(CONSENT);
    let deciding = till.run(NO_BUS);
    let scanning = (shoes.run(NO_BUS), hall.run(NO_BUS));
    until_heard(&till, "gw-shoes").await;
    until_heard(&till, "gw-hall").await;

    scanning.0.kill();
    until("it is missed", || source(&till, "state", "scanner", "gw-shoes")["listening"] == false).await;
    until_heard(&till, "gw-hall").await;
    let again = shoes.run(NO_BUS);
    until_heard(&till, "gw-shoes").await;
    let silent = |log: &str| log.matches("nothing of use has come from it").count();
    assert_eq!(silent(&till.log()), 1, "one line when it goes");
    assert_eq!(source(&till, "state", "scanner", "gw-shoes")["restarts"], 1);

    broker.kill();
    // Nobody hears anything now, so that no beacon on a wall is missed for it.
    let is_heard = |id: &str| source(&till, "state", "scanner", id)["listening"] == true;
    until("nobody is heard", || !is_heard("gw-shoes") && !is_heard("gw-hall")).await;
    assert_eq!(silent(&till.log()), 1, "the broker's line is enough");
    broker.restart();
    until_heard(&till, "gw-shoes").await;
    until_heard(&till, "gw-hall").await;

    deciding.kill();
    let deciding = till.run(NO_BUS);
    until("it is up", || status(&till)["health"].is_object()).await;
    until_heard(&till, "gw-shoes").await;
    until_heard(&till, "gw-hall").await;
    for process in [again, scanning.1, deciding] {
        assert_eq!(process.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pi_that_nobody_answers_says_so_once_and_one_that_left_the_shop_is_not_missed() {
    let Some(broker) = Mosquitto::start("a scanner before its decider", QUIET) else { return };
    let hall = scanning("gw-hall", broker.port, |_| -60);
    let scanning = hall.run(NO_BUS);
    let link = || source(&hall, "state", "decider", "emma/v1/hall/registry/gw-hall");
    let is_told = || link()["last_error"].as_str().is_some_and(|why| why.starts_with("no Pi that decides answers"));
    until("it says that nobody answers", is_told).await;
    assert_eq!(hall.log().matches("no Pi that decides answers").count(), 1);

    let till = decider(&[("shop-mqtt", broker.port)]);
    till.import(CONSENT);
    let deciding = till.run(NO_BUS);
    until_heard(&till, "gw-hall").await;
    assert_eq!(link()["listening"], true);

    // Nothing is near it any more, and it is no gateway.
    till.write("zones.toml", ZONES.split_once("[[zone]]\nid = \"desk\"").unwrap().0);
    till.write("offers.toml", "");
    till.write("site.toml", &SITE.replace("gw-hall", "gw-door"));
    let entry = || source(&till, "state", "scanner", "gw-hall");
    until("it is no scanner any more", || entry()["listening"] == false).await;
    assert_eq!(
        (&entry()["reason"], &entry()["last_error"]),
        (&"site.toml does not name it any more".into(), &Value::Null)
    );
    for process in [scanning, deciding] {
        assert_eq!(process.terminate(), Some(0));
    }
}

/// Starts a second decider beside the first, and waits until one is left.
async fn takeover(brokers: &[(&str, u16)], scanner: &Shop) {
    let (first, second) = (decider(brokers), decider(brokers));
    first.import(CONSENT);
    second.import(CONSENT);
    let deciding = first.run(NO_BUS);
    let scanning = scanner.run(NO_BUS);
    until_heard(&first, "gw-hall").await;
    // Its connections are proven only once they have stayed for a while.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let taking: Daemon = second.run(NO_BUS);
    until("the first stands down", || status(&first)["broker"] == "taken-over").await;
    assert!(first.log().contains("another Emma decides for this site now"));
    until_heard(&second, "gw-hall").await;
    assert_ne!(status(&second)["broker"], "taken-over", "{}", second.log());
    for process in [deciding, taking, scanning] {
        assert_eq!(process.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_decider_takes_the_scanners_over_and_the_first_stands_down() {
    let Some(broker) = Mosquitto::start("two deciders of one shop", QUIET) else { return };
    takeover(&[("shop-mqtt", broker.port)], &scanning("gw-hall", broker.port, |_| -60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deciders_on_two_brokers_do_not_both_stand_down() {
    let Some(shops) = Mosquitto::start("two deciders on two brokers", QUIET) else { return };
    let Some(outside) = Mosquitto::start("two deciders on two brokers", QUIET) else { return };
    let brokers = [("mqtt", outside.port), ("shop-mqtt", shops.port)];
    takeover(&brokers, &scanning("gw-hall", shops.port, |_| -60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pi_of_one_name_takes_over_from_the_first() {
    let Some(broker) = Mosquitto::start("two scanners of one name", QUIET) else { return };
    let till = decider(&[("shop-mqtt", broker.port)]);
    let [first, second] = [(); 2].map(|()| scanning("gw-hall", broker.port, |_| -60));
    till.import(CONSENT);
    let _deciding = till.run(NO_BUS);
    let _scanning = first.run(NO_BUS);
    until_heard(&till, "gw-hall").await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let _taking = second.run(NO_BUS);
    until("the first stands down", || status(&first)["broker"] == "taken-over").await;
    until_heard(&till, "gw-hall").await;
    assert_ne!(status(&second)["broker"], "taken-over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_pi_costs_its_own_messages_only() {
    let Some(broker) = Mosquitto::start("hostile scanners", QUIET) else { return };
    let till = decider(&[("shop-mqtt", broker.port)]);
    let hall = scanning("gw-hall", broker.port, |_| -60);
    till.import(CONSENT);
    let deciding = till.run(NO_BUS);
    let scanning = hall.run(NO_BUS);
    until_heard(&till, "gw-hall").await;

    // At `trace` each `emma status` here is some lines of the libraries; those that a shop's log would have are counted.
    let lines = || {
        till.log()
            .lines()
            .filter(|line| [" INFO ", " WARN ", "ERROR "].iter().any(|level| line.contains(level)))
            .count()
    };
    let before = lines();
    let mut hostile = Scanner::new("hostile", broker.port);
    let entry = |handle: usize| format!("[{},0,-400,1]", 1_000 + handle);
    let entries = |count: usize| (0..count).map(entry).collect::<Vec<_>>().join(",");
    let batch = |seq: usize, count: usize| {
        let edition = r#""edition":{"table":"00000000000000ff","rev":1}"#;
        format!(r#"{{"life":"00000000000000aa","seq":{seq},"at_ms":{seq},{edition},"heard":[{}]}}"#, entries(count))
    };
    let topic = "emma/v1/hall/sighting/gw-shoes";
    for rubbish in ["", "{", "[]", "\u{e9}", &"[".repeat(8_000), &"x".repeat(12_000), &batch(1, 257)] {
        hostile.say(topic, rubbish).await;
    }
    for seq in 1..300 {
        hostile.say(topic, &batch(seq, 250)).await;
        hostile.say("emma/v1/hall/sighting/gw-nobody", &batch(seq, 1)).await;
        hostile.say("emma/v1/hall/sighting/gw-till", &batch(seq, 1)).await;
        hostile.say("emma/v1/hall/registry/gw-hall", r#"{"edition":{"table":"00000000000000ff","rev":1}}"#).await;
    }
    let counted = |why: &str| source(&till, "health", "scanner", "gw-shoes")["rejected"][why].as_u64().unwrap_or(0);
    until("floods are counted", || counted("too-many") > 10).await;
    until("handles of nobody are counted", || counted("unknown-handle") >= 250).await;
    assert!(counted("not-json") >= 3);
    let unknown =
        || source(&till, "health", "sightings", "emma/v1/hall/sighting/+")["rejected"]["unknown-scanner"].as_u64();
    until("strangers are counted", || unknown() == Some(598)).await;
    until_heard(&till, "gw-hall").await;
    assert_eq!(heard_by(&till, "gw-shoes"), 0);
    until("pages of nobody are counted", || {
        source(&hall, "health", "decider", "emma/v1/hall/registry/gw-hall")["rejected"]["not-json"] == 299
    })
    .await;
    let more = lines() - before;
    assert!(more <= 4, "{more} lines for what strangers sent");
    for process in [scanning, deciding] {
        assert_eq!(process.terminate(), Some(0));
    }
}

#[test]
fn a_pi_that_only_scans_takes_no_consent_and_begins_no_ledger() {
    let hall = scanning("gw-hall", 1, |_| -60);
    for arguments in [&["list"][..], &["show", "karoline-7"], &["withdraw", "karoline-7"]] {
        let output = hall.consent(arguments);
        assert_eq!(output.status.code(), Some(69), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("ask on the one that decides"));
    }
    assert!(!hall.state().exists());
}

#[test]
fn a_pi_that_only_scans_is_not_asked_for_a_broker_that_takes_offers() {
    let hall = scanning("gw-hall", 1, |_| -60);
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    let output = command.args(["doctor", "--config"]).arg(hall.config()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("mqtt://127.0.0.1:1 is not reached") && !told.contains("no offer leaves"), "{told}");
}
