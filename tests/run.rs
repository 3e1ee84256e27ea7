//! `emma run`, used as a shop uses it: a real process, a real broker, a radio that hears a recorded walk.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/bus.rs"]
mod bus;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/fakebluez.rs"]
mod fakebluez;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;
#[path = "common/tetam.rs"]
mod tetam;

use std::time::Duration;

use broker::Mosquitto;
use bus::PrivateBus;
use daemon::{CONSENT, IBEACON, Shop};
use fakebluez::{FakeBluez, Report};
use listener::{Listener, until};
use scanner::Scanner;
use serde_json::Value;
use tetam::{BEACON, Tetam};
use tokio::time::sleep;

const STRANGER: [u8; 6] = [0xde, 0xad, 0xbe, 0xef, 0x13, 0x37];

/// Everything a shop needs, or nothing once it has said what is skipped.
async fn street(skipped: &str) -> Option<(Mosquitto, PrivateBus, FakeBluez, Shop)> {
    let broker = Mosquitto::start(skipped, "persistence false")?;
    let bus = PrivateBus::start(skipped)?;
    let bluez = FakeBluez::start_with(&bus.address(), true).await;
    let shop = Shop::new(broker.port);
    Some((broker, bus, bluez, shop))
}

/// The beacon is heard at `rssi_dbm` for so many half seconds.
async fn stand(bluez: &FakeBluez, rssi_dbm: i16, half_secs: usize) {
    for _ in 0..half_secs {
        let manufacturer = vec![(0x004c, IBEACON.to_vec())];
        bluez.report(Report { address: BEACON, rssi_dbm, manufacturer, ..Report::default() }).await;
        let manufacturer = vec![(0x004c, vec![0x10, 0x05, 0x0b, 0x18, 0x77])];
        bluez.report(Report { address: STRANGER, rssi_dbm: -50, manufacturer, ..Report::default() }).await;
        sleep(Duration::from_millis(500)).await;
    }
}

fn offers(listener: &Listener) -> Vec<Value> {
    listener.heard("/offer/").iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_walk_past_one_receiver_becomes_an_offer_on_a_real_broker() {
    let Some(tetam) = Tetam::find("a recorded walk, heard live") else { return };
    let Some((broker, bus, bluez, shop)) = street("a recorded walk, heard live").await else { return };
    let listener = Listener::start(broker.port).await;
    shop.import(CONSENT);
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    let walk = tetam.track("rectangular_without_rotation_all_sensors.mbd");
    let begin_us = walk[0].t_us;
    let heard = walk.iter().filter(|reading| reading.sensor == "sensor10").map(|reading| {
        let offset_us = u64::try_from(reading.t_us - begin_us).unwrap();
        (offset_us, BEACON, i16::from(reading.rssi_dbm), (0x004c, IBEACON.to_vec()))
    });
    assert!(bluez.play(heard, 4.0).await > 100);
    until("the offer arrives", || !offers(&listener).is_empty()).await;
    let offer = &offers(&listener)[0];
    assert_eq!(offer["type"], "emma.offer.issued.v1");
    assert_eq!(offer["data"]["campaign_id"], "oak");
    assert_eq!(offer["data"]["text"]["en"]["body"], "Right at the Desk.");
    let message = &listener.heard("/offer/")[0];
    assert_eq!(message.topic, "emma/v1/hall/offer/push/q7JrInbox");
    assert_eq!(emma.terminate(), Some(0));
    until("offline is said", || listener.state().as_deref() == Some("offline")).await;
    assert_eq!(offers(&listener).len(), 1, "one a day was promised");
    assert_eq!(shop.log().matches("an offer is committed").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_heard_as_if_it_were_live_and_says_when_it_is_over() {
    let Some(broker) = Mosquitto::start("a capture as a source", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = Shop::with_capture(broker.port);
    shop.import(CONSENT);
    let emma = shop.run("unix:path=/nowhere");
    until("the offer arrives", || offers(&listener).len() == 1).await;
    until("its end is said", || listener.last("/state").is_some_and(|state| state.contains("played to their end")))
        .await;
    assert_eq!(emma.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_that_is_published_is_verified_with_the_key_alone() {
    let Some(broker) = Mosquitto::start("derived coupons", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = Shop::with_capture(broker.port);
    let key = shop.config().join("desk.key");
    let coupon = |arguments: &[&str]| {
        assert_cmd::Command::new(env!("CARGO_BIN_EXE_emma")).arg("coupon").args(arguments).output().unwrap()
    };
    assert!(coupon(&["key", key.to_str().unwrap()]).status.success());
    let offers_toml = std::fs::read_to_string(shop.config().join("offers.toml")).unwrap();
    let with_coupon = "\ncoupon = { scheme = \"derived\", key-file = \"desk.key\" }\ntrigger = ";
    assert_eq!(offers_toml.matches("\ntrigger = ").count(), 1);
    shop.write("offers.toml", &offers_toml.replace("\ntrigger = ", with_coupon));
    shop.import(CONSENT);
    let emma = shop.run("unix:path=/nowhere");
    until("the offer arrives", || offers(&listener).len() == 1).await;
    let data = offers(&listener).remove(0)["data"].take();
    let given = &data["coupon"];
    assert_eq!((&given["scheme"], &given["single_use"]), (&"derived".into(), &false.into()), "{given}");
    let (campaign, code) = (data["campaign_id"].as_str().unwrap(), given["code"].as_str().unwrap());
    let verify = |campaign: &str| {
        coupon(&["verify", "--key", key.to_str().unwrap(), "--on", "2026-01-01", "--campaign", campaign, code])
    };
    assert_eq!(verify(campaign).status.code(), Some(0));
    assert_eq!(verify("another").status.code(), Some(65));
    assert_eq!(emma.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_codes_that_gets_longer_is_taken_over_while_running() {
    let Some(broker) = Mosquitto::start("a list of codes that changes", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = Shop::with_capture(broker.port);
    let offers_toml = std::fs::read_to_string(shop.config().join("offers.toml")).unwrap();
    let with_coupon = "\ncoupon = { scheme = \"pool\", file = \"desk.codes\" }\ntrigger = ";
    shop.write("offers.toml", &offers_toml.replace("\ntrigger = ", with_coupon));
    shop.write("desk.codes", "D-1\n");
    let emma = shop.run("unix:path=/nowhere");
    until("it is online", || listener.state().as_deref() == Some("online")).await;
    let configuration = || {
        let last: Value = serde_json::from_slice(&listener.heard("/state").pop().unwrap().payload).unwrap();
        last["configuration"].clone()
    };
    let first = configuration()["in_force"]["digest"].clone();
    shop.write("desk.codes", "D-1\nD-1\n");
    until("a code that is there twice is refused", || !configuration()["refused"].is_null()).await;
    let problems = configuration()["refused"]["problems"].to_string();
    assert!(problems.contains("desk.codes, line 2: the same code as in line 1"), "{problems}");
    assert_eq!(configuration()["in_force"]["digest"], first);
    shop.write("desk.codes", "D-1\nD-2\n");
    until("the longer list is in force", || configuration()["in_force"]["digest"] != first).await;
    assert!(configuration()["refused"].is_null());
    assert_eq!(emma.terminate(), Some(0));
}

/// What an ESP32 with `OpenMQTTGateway` says of the beacon of [`CONSENT`].
const OF_AN_ESP32: &str = r#"{"id":"C0:FF:EE:00:00:01","mac_type":1,"rssi":-60,"mfid":"4c00","uuid":"4142434445464748494a4b4c4d4e4f50","major":1,"minor":2,"txpower":-59}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_and_a_phone_are_ears_of_the_shop() {
    let Some(broker) = Mosquitto::start("a scanner and a phone", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = Shop::new(broker.port);
    let change = |file: &str, change: &dyn Fn(String) -> String| {
        shop.write(file, &change(std::fs::read_to_string(shop.config().join(file)).unwrap()));
    };
    let remote = "\n[[remote]]\nformat = \"openmqttgateway\"\ntopic = \"home/+/BTtoMQTT/#\"\n";
    change("gateway.toml", &|text| text.replace("\"auto\"", "\"none\"") + remote);
    let uuid = "f7826da6-4fa2-4e98-8024-bc5b71e0893e";
    let beacon = format!(
        "[[fixed-beacon]]\nid = 'wall'\nibeacon = {{ uuid = '{uuid}', major = 1, minor = 7 }}\ngateway = 'omg'\n"
    );
    change("site.toml", &|text| text + "[[gateway]]\nid = \"omg\"\nposition-m = [1.0, 1.0]\n" + &beacon);
    change("zones.toml", &|text| text.replace("sensor10", "omg"));
    let with_a_phone = CONSENT.replace("karoline-7", "emil-9").replace("q7JrInbox", "ofTheOther");
    let tag = with_a_phone.find(r#"{"ibeacon""#).unwrap()..with_a_phone.find(r#"],"valid_from""#).unwrap();
    let mut with_a_phone = with_a_phone;
    with_a_phone.replace_range(tag, r#"{"phone":{"id":"p-1"}}"#);
    shop.import(&format!("{CONSENT}\n{with_a_phone}"));
    let emma = shop.run("unix:path=/nowhere");
    let sources = || {
        let state: Value = serde_json::from_str(&listener.last("/state").unwrap_or_default()).unwrap_or_default();
        let listening = |source: &&Value| source["listening"] == true;
        state["sources"].as_array().map_or(0, |sources| sources.iter().filter(listening).count())
    };
    until("both are listened to", || sources() == 2).await;
    let (mut esp32, mut phone) = (Scanner::new("esp32", broker.port), Scanner::new("phone", broker.port));
    let clock = emma::clock::Clock::start();
    for _ in 0..8 {
        esp32.say("home/omg/BTtoMQTT/C0FFEE000001", OF_AN_ESP32).await;
        esp32
            .say(
                "home/omg/BTtoMQTT/F0",
                &OF_AN_ESP32
                    .replace("4142434445464748494a4b4c4d4e4f50", &uuid.replace('-', ""))
                    .replace("\"minor\":2", "\"minor\":7"),
            )
            .await;
        let t = clock.wall_us();
        let heard = format!(r#"[{{"ibeacon":{{"uuid":"{uuid}","major":1,"minor":7}},"rssi":-60,"t":{t}}}]"#);
        phone.say("emma/v1/hall/heard/p-1", &heard).await;
        sleep(Duration::from_millis(400)).await;
    }
    until("both are told", || offers(&listener).len() == 2).await;
    let mut topics: Vec<_> = listener.heard("/offer/").into_iter().map(|message| message.topic).collect();
    topics.sort();
    assert_eq!(topics, ["emma/v1/hall/offer/push/ofTheOther", "emma/v1/hall/offer/push/q7JrInbox"]);
    assert_eq!(emma.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_costs_no_promise_and_the_visit_goes_on() {
    let Some((broker, bus, bluez, shop)) = street("a kill in the middle of a visit").await else { return };
    let listener = Listener::start(broker.port).await;
    shop.import(CONSENT);
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    stand(&bluez, -60, 6).await;
    until("the offer arrives", || offers(&listener).len() == 1).await;
    emma.kill();
    until("the last will says offline", || listener.state().as_deref() == Some("offline")).await;
    let emma = shop.run(&bus.address());
    bluez.until_called("RegisterMonitor", 2).await;
    bluez.until_scanning().await;
    stand(&bluez, -60, 6).await;
    assert_eq!(emma.terminate(), Some(0));
    let offers = offers(&listener);
    assert!(offers.iter().all(|offer| offer["id"] == offers[0]["id"]), "one a day was promised");
    assert_eq!(shop.log().matches(" entered").count(), 1, "{}", shop.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_absent_at_start_gets_what_has_not_expired() {
    let skipped = "a broker that comes late";
    let keeps = "persistence true\npersistence_location {dir}/\nautosave_interval 1\nautosave_on_changes true";
    let Some(mut broker) = Mosquitto::start(skipped, keeps) else { return };
    let Some(bus) = PrivateBus::start(skipped) else { return };
    // The listener's session is known to the broker before it goes, so it misses nothing that is said when it is back.
    let listener = Listener::start(broker.port).await;
    let kept = broker.dir.path().join("mosquitto.db");
    until("the session is kept", || std::fs::read(&kept).is_ok_and(|db| holds(&db, b"emma/v1/#"))).await;
    broker.kill();
    let bluez = FakeBluez::start_with(&bus.address(), true).await;
    let shop = Shop::new(broker.port);
    shop.import(CONSENT);
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    stand(&bluez, -60, 6).await;
    until("the offer is committed", || shop.log().contains("an offer is committed")).await;
    assert!(offers(&listener).is_empty());
    broker.restart();
    until("the offer arrives", || !offers(&listener).is_empty()).await;
    broker.kill();
    broker.restart();
    until("it is online again", || listener.heard("/state").len() >= 2).await;
    assert_eq!(emma.terminate(), Some(0));
    // The broker may have been killed before its acknowledgement came: a resend is the same event.
    let offers = offers(&listener);
    assert!(offers.iter().all(|offer| offer["id"] == offers[0]["id"]), "one a day was promised");
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_taken_over_and_a_broken_one_refused_whole() {
    let Some((broker, bus, bluez, shop)) = street("a configuration changed while running").await else { return };
    let listener = Listener::start(broker.port).await;
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    until("it is online", || listener.state().as_deref() == Some("online")).await;
    let configuration = || {
        let last: Value = serde_json::from_slice(&listener.heard("/state").pop().unwrap().payload).unwrap();
        last["configuration"].clone()
    };
    let first = configuration()["in_force"]["digest"].clone();
    shop.write("zones.toml", "[[zone]]\nid = \"desk\"\nname = \"Desk\"\nnear = \"sensor11\"\n");
    until("the change is refused", || !configuration()["refused"].is_null()).await;
    assert_eq!(configuration()["in_force"]["digest"], first);
    let problems = configuration()["refused"]["problems"].to_string();
    assert!(problems.contains("zones.toml:4:"), "{problems}");
    shop.write("zones.toml", "[[zone]]\nid = \"desk\"\nname = \"Desk\"\nnear = \"sensor10\"\nreach = \"arm\"\n");
    until("the change is in force", || configuration()["in_force"]["digest"] != first).await;
    assert!(configuration()["refused"].is_null());
    assert_eq!(emma.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_comes_and_goes_over_the_socket_and_leaves_nothing() {
    let Some((broker, bus, bluez, shop)) = street("consents over the socket").await else { return };
    let listener = Listener::start(broker.port).await;
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    stand(&bluez, -60, 4).await;
    assert!(offers(&listener).is_empty(), "nobody has opted in");
    shop.import(CONSENT);
    let list = shop.consent(&["list"]);
    assert!(String::from_utf8_lossy(&list.stdout).contains("karoline-7"));
    let shown = shop.consent(&["show", "karoline-7"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("q7JrInbox"));
    stand(&bluez, -60, 6).await;
    until("the offer arrives", || offers(&listener).len() == 1).await;
    assert!(shop.consent(&["withdraw", "karoline-7"]).status.success());
    for trace in ["karoline", "q7JrInbox", "4b4c4d4e4f50", "ABCDEFGHIJKLMNOP"] {
        assert!(!shop.holds(trace), "{trace} is left");
    }
    stand(&bluez, -60, 6).await;
    assert_eq!(shop.consent(&["show", "karoline-7"]).status.code(), Some(1));
    assert_eq!(offers(&listener).len(), 1);
    for stranger in ["DE:AD:BE:EF:13:37", "DE_AD_BE_EF_13_37", "deadbeef1337", "dead"] {
        assert!(!shop.holds(stranger), "{stranger} left a trace: {}", shop.log());
    }
    // With the radio's and the broker's libraries at work; a build without optimisation needs more than one with it.
    assert!(emma.peak_kib() < 64 * 1024, "{} KiB", emma.peak_kib());
    assert_eq!(emma.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_radio_is_on_the_state_topic_and_passes() {
    let Some((broker, bus, bluez, shop)) = street("an outage on the state topic").await else { return };
    let listener = Listener::start(broker.port).await;
    let emma = shop.run(&bus.address());
    bluez.until_scanning().await;
    let sources = || -> Vec<Value> {
        let states = listener.heard("/state");
        let states = states.iter().filter_map(|state| serde_json::from_slice::<Value>(&state.payload).ok());
        states.map(|state| state["sources"][0].clone()).collect()
    };
    until("it listens passively", || sources().iter().any(|source| source["scan"] == "passive")).await;
    bluez.unplug("hci0").await;
    until("the outage is said", || sources().last().is_some_and(|source| source["listening"] == false)).await;
    bluez.plug("hci0").await;
    until("it listens again", || sources().last().is_some_and(|source| source["listening"] == true)).await;
    let last = sources().pop().unwrap();
    assert_eq!(
        (&last["kind"], &last["name"], &last["restarts"]),
        (&"bluez".into(), &"hci0".into(), &1.into()),
        "{last}"
    );
    assert_eq!(emma.terminate(), Some(0));
    assert_eq!(shop.log().matches("the radio does not listen").count(), 1);
    assert_eq!(shop.log().matches("the radio listens again").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_emma_on_the_folder_is_told_to_wait() {
    let Some((_broker, bus, bluez, shop)) = street("two on one folder").await else { return };
    let first = shop.run(&bus.address());
    bluez.until_scanning().await;
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_emma"))
        .arg("run")
        .arg("--config")
        .arg(shop.config())
        .env("DBUS_SYSTEM_BUS_ADDRESS", bus.address())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another Emma"), "it says why");
    assert_eq!(first.terminate(), Some(0));
}
