//! Scanners and phones over MQTT: what they publish comes out with the right gateway, and one that is broken or hostile
//! costs its own messages only.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;

use std::collections::BTreeSet;
use std::sync::Arc;

use broker::Mosquitto;
use emma::config::remote::Format;
use emma::gateway::advertisement::MAX_PAYLOAD_LEN;
use emma::gateway::consent::PhoneId;
use emma::radio::{phone, remote};
use listener::until;
use proptest::prelude::*;
use scanner::{Orders, Scanner, shop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const QUIET: &str = "persistence false";

const OMG: &str = r#"{"id":"60:87:57:4C:9B:C2","mac_type":1,"rssi":-78,"model_id":"IBEACON","mfid":"4c00","uuid":"1de4b189115e45f6b44e509352269977","major":0,"minor":0,"txpower":-66}"#;
const THEENGS: &str = r#"{"manufacturerdata": "0100010103787664", "id": "D0:30:38:35:5D:6F", "rssi": -68}"#;
const ESPRESENSE: &str = r#"{"mac":"dd8800003777","id":"iBeacon:426c7565-4368-6172-6d42-6561636f6e73-3838-4949","rssi@1m":-59,"rssi":-81.10}"#;
const RUUVI: &str = r#"{"gw_mac":"C8:25:2D:8E:9C:2C","rssi":-26,"aoa":[],"gwts":"1653668027","ts":"1653668027","data":"0201061BFF99040515AE4C6DC6D7000CFFF803F4ADB6AD697FF41F0C28CBD6","coords":""}"#;

const OMG_TREE: (&str, &str) = ("openmqttgateway", "+/+/BTtoMQTT/#");

#[tokio::test]
async fn each_kind_of_scanner_is_a_gateway_of_the_shop() {
    let Some(broker) = Mosquitto::start("scanners over mosquitto", QUIET) else { return };
    let remotes = [
        ("openmqttgateway", "home/omg/#"),
        ("theengs", "home/TheengsGateway/#"),
        ("espresense", "espresense/#"),
        ("ruuvi", "ruuvi/#"),
    ];
    let orders = Orders::new(shop(broker.port, &remotes, &["omg", "theengsgateway", "kitchen", "c8252d8e9c2c"]));
    let (_listener, memory) = orders.scanners();
    until("all four listen", || memory.heard().listening() == 4).await;
    let mut scanner = Scanner::new("scanner", broker.port);
    scanner.say("home/omg/BTtoMQTT/6087574C9BC2", OMG).await;
    scanner.say("home/omg/LWT", "online").await;
    scanner.say("home/TheengsGateway/BTtoMQTT/D03038355D6F", THEENGS).await;
    scanner.say("espresense/devices/iBeacon:426c7565/kitchen", ESPRESENSE).await;
    scanner.say("ruuvi/C8:25:2D:8E:9C:2C/F4:1F:0C:28:CB:D6", RUUVI).await;
    until("all four heard", || memory.heard().gateways.len() == 4).await;
    let heard = memory.heard();
    let of = ["omg", "theengsgateway", "kitchen", "c8252d8e9c2c"].map(|gateway| heard.of(gateway));
    assert_eq!(of, [&[-78], &[-68], &[-81], &[-26]]);
    assert_eq!((heard.rejected("not-an-advertisement"), heard.outages().len()), (1, 0));
}

#[tokio::test]
async fn a_broken_or_hostile_scanner_costs_its_own_messages_only() {
    let Some(broker) = Mosquitto::start("a hostile scanner over mosquitto", QUIET) else { return };
    let mut kept = Scanner::new("kept", broker.port);
    kept.publish("home/good/BTtoMQTT/kept", true, [OMG.replace("-78", "-1").into_bytes()]).await;
    let orders = Orders::new(shop(broker.port, &[OMG_TREE], &["good", "bad"]));
    let (_listener, memory) = orders.scanners();
    until("listening", || memory.heard().listening() == 1).await;

    let (mut good, mut bad) = (Scanner::new("good", broker.port), Scanner::new("bad", broker.port));
    let garbage = [b"\xff\xfe".to_vec(), b"[[[[".to_vec(), vec![b'['; 4_000], vec![b'x'; 5_000], Vec::new()];
    bad.publish("home/bad/BTtoMQTT/x", false, garbage).await;
    bad.publish("home/bad/BTtoMQTT/x", false, [vec![b'x'; 1 << 20]]).await;
    bad.say("home/stranger/BTtoMQTT/x", OMG).await;
    bad.say("\u{e9}t\u{e9}/bad\u{e9}/BTtoMQTT/x", OMG).await;
    for _ in 0..20 {
        bad.publish("home/bad/BTtoMQTT/x", false, (0..100).map(|_| OMG.into())).await;
        good.say("home/good/BTtoMQTT/x", OMG).await;
    }
    until("all of the good one's", || memory.heard().of("good").len() == 20).await;
    let taken = || {
        let heard = memory.heard();
        heard.of("bad").len() as u64
            + heard.rejected("too-many")
            + heard.rejected("not-json")
            + heard.rejected("too-long")
    };
    until("all of the bad one's", || taken() == 2_005).await;
    let heard = memory.heard();
    assert!(heard.of("good").iter().all(|rssi_dbm| *rssi_dbm == -78), "what the broker kept is not heard");
    assert_eq!((heard.rejected("unknown-scanner"), heard.rejected("too-long")), (2, 1));
    assert_eq!(heard.outages(), [""; 0], "what is too long is passed over by the broker");
}

#[tokio::test]
async fn a_broker_that_was_away_is_listened_to_again() {
    let Some(mut broker) = Mosquitto::prepared("a broker that is away", QUIET) else { return };
    let orders = Orders::new(shop(broker.port, &[OMG_TREE], &["good"]));
    let (listener, memory) = orders.scanners();
    until("it is missed", || !memory.heard().outages().is_empty()).await;
    for life in 1..=2 {
        broker.restart();
        until("listening", || (memory.heard().listening(), memory.heard().restarts()) == (1, life - 1)).await;
        Scanner::new("good", broker.port).say("home/good/BTtoMQTT/x", OMG).await;
        until("heard", || memory.heard().of("good").len() as u64 == life).await;
        broker.kill();
    }
    broker.restart();
    until("listening", || (memory.heard().listening(), memory.heard().restarts()) == (1, 2)).await;
    drop(listener);
    until("it is gone", || broker.log().contains("Client emma-bern-gw-own-listens closed its connection")).await;
}

#[tokio::test]
async fn a_gateway_that_is_written_into_the_site_is_heard_from_then_on() {
    let Some(broker) = Mosquitto::start("a site that changes", QUIET) else { return };
    let orders = Orders::new(shop(broker.port, &[OMG_TREE], &["good"]));
    let (_listener, memory) = orders.scanners();
    until("listening", || memory.heard().listening() == 1).await;
    let mut scanner = Scanner::new("late", broker.port);
    scanner.say("home/late/BTtoMQTT/x", OMG).await;
    until("it is a stranger", || memory.heard().rejected("unknown-scanner") == 1).await;
    orders.config.send_replace(Arc::new(shop(broker.port, &[OMG_TREE], &["good", "late"])));
    scanner.say("home/late/BTtoMQTT/x", OMG).await;
    until("it is heard", || memory.heard().of("late") == [-78]).await;
}

#[tokio::test]
async fn phones_are_heard_once_a_consent_names_one() {
    let Some(broker) = Mosquitto::start("phones over mosquitto", QUIET) else { return };
    let orders = Orders::new(shop(broker.port, &[], &[]));
    let (_listener, memory) = orders.listen_to_phones();
    let mut phone = Scanner::new("phone", broker.port);
    phone.say("emma/v1/bern/heard/p-1", "[]").await;
    assert!(!broker.log().contains("hears-phones"), "nobody has a phone that reports");
    orders.phones.send_replace(Arc::new(BTreeSet::from([PhoneId("p-1".into())])));
    until("listening", || memory.heard().listening() == 1).await;

    let beacon = r#"{"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":7}"#;
    let report = |ago_us: i64| format!(r#"[{beacon},"rssi":-67,"t":{}}}]"#, orders.clock.wall_us() - ago_us);
    phone.say("emma/v1/bern/heard/p-1", &report(0)).await;
    phone.say("emma/v1/bern/heard/p-1", &report(3_600_000_000)).await;
    phone.say("emma/v1/bern/heard/p-2", &report(0)).await;
    phone.say("emma/v1/basel/heard/p-1", &report(0)).await;
    phone.say("emma/v1/bern/heard/p-1", "{").await;
    until("all came", || memory.heard().rejected("not-json") == 1).await;
    orders.synchronised.send_replace(false);
    phone.say("emma/v1/bern/heard/p-1", &report(0)).await;
    until("without a clock", || memory.heard().rejected("no-clock") == 1).await;
    let heard = memory.heard();
    assert_eq!(heard.phones.get("p-1").map(Vec::as_slice), Some(&[-67][..]));
    assert_eq!((heard.phones.len(), heard.rejected("passed-over"), heard.rejected("unknown-phone")), (1, 1, 1));
}

/// Takes a connection, and answers a SUBSCRIBE with these codes (MQTT 5, 3.9.3).
async fn accept(listener: &TcpListener, codes: &[u8]) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut packet = [0; 1_024];
    assert!(stream.read(&mut packet).await.unwrap() > 0, "CONNECT");
    stream.write_all(&[0x20, 0x03, 0, 0, 0]).await.unwrap();
    assert!(stream.read(&mut packet).await.unwrap() > 4, "SUBSCRIBE");
    let mut answer = vec![0x90, u8::try_from(codes.len() + 3).unwrap(), packet[2], packet[3], 0];
    answer.extend_from_slice(codes);
    stream.write_all(&answer).await.unwrap();
    stream
}

/// A PUBLISH of quality 0 without properties (MQTT 5, 3.3).
fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut rest = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    rest.extend_from_slice(topic.as_bytes());
    rest.push(0);
    rest.extend_from_slice(payload);
    let mut packet = vec![0x30];
    let mut len = rest.len();
    while len >= 0x80 {
        packet.push(u8::try_from(len % 0x80).unwrap() | 0x80);
        len /= 0x80;
    }
    packet.push(u8::try_from(len).unwrap());
    packet.extend(rest);
    packet
}

#[tokio::test]
async fn a_subscription_that_is_refused_leaves_the_others_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let remotes = [OMG_TREE, ("ruuvi", "ruuvi/#")];
    let orders = Orders::new(shop(port, &remotes, &["good"]));
    let (_listener, memory) = orders.scanners();
    let mut stream = accept(&listener, &[0x00, 0x87]).await;
    stream.write_all(&publish("home/good/BTtoMQTT/x", OMG.as_bytes())).await.unwrap();
    until("heard", || memory.heard().of("good") == [-78]).await;
    assert_eq!(memory.heard().listening(), 1);
    assert_eq!(memory.heard().outages(), ["the broker refuses the subscription: NotAuthorized"]);
    drop(stream);
    let _stream = accept(&listener, &[0x00, 0x00]).await;
    until("asked again", || memory.heard().listening() == 2).await;
}

#[tokio::test]
async fn a_broker_that_sends_more_than_is_taken_is_left_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let orders = Orders::new(shop(listener.local_addr().unwrap().port(), &[OMG_TREE], &["good"]));
    let (_listener, memory) = orders.scanners();
    let mut stream = accept(&listener, &[0x00]).await;
    stream.write_all(&publish("home/good/BTtoMQTT/x", OMG.as_bytes())).await.unwrap();
    // It may be gone before all is written.
    stream.write_all(&publish("home/good/BTtoMQTT/x", &vec![b'x'; 1 << 20])).await.unwrap_or_default();
    let mut stream = accept(&listener, &[0x00]).await;
    stream.write_all(&publish("home/good/BTtoMQTT/x", OMG.as_bytes())).await.unwrap();
    until("heard before and after", || memory.heard().of("good").len() == 2).await;
    let heard = memory.heard();
    assert_eq!((heard.listening(), heard.restarts(), heard.outages().len()), (1, 1, 1));
}

/// Real messages, for slips of the hand.
const MESSAGES: [(Format, &str, &str); 4] = [
    (Format::OpenMqttGateway, "home/omg/BTtoMQTT/6087574C9BC2", OMG),
    (Format::Theengs, "home/TheengsGateway/BTtoMQTT/D03038355D6F", THEENGS),
    (Format::Espresense, "espresense/devices/iBeacon:426c7565/kitchen", ESPRESENSE),
    (Format::Ruuvi, "ruuvi/C8:25:2D:8E:9C:2C/F4:1F:0C:28:CB:D6", RUUVI),
];

/// What is taken is within what the core is promised.
fn assert_parsed(format: Format, topic: &str, payload: &[u8]) {
    if let Ok(parsed) = remote::parse(format, topic, payload) {
        assert!(parsed.payload.len() <= MAX_PAYLOAD_LEN && (-127..=20).contains(&parsed.rssi_dbm));
        assert!(remote::scanner(format, topic).is_some());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_survived(topic in "\\PC{0,40}", payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (format, real, _) in MESSAGES {
            assert_parsed(format, &topic, &payload);
            assert_parsed(format, real, &payload);
        }
        prop_assert!(phone::parse(&payload, Some(0)).is_err() || payload.trim_ascii() == b"[]");
    }

    #[test]
    fn slips_in_real_messages_are_survived(
        which in 0..MESSAGES.len(), at in 0..400_usize, slip in any::<u8>(), cut in 0..400_usize, number in any::<f64>(),
    ) {
        let (format, topic, message) = MESSAGES[which];
        let mut bytes = message.as_bytes().to_vec();
        let len = bytes.len();
        bytes[at % len] = slip;
        assert_parsed(format, topic, &bytes);
        assert_parsed(format, topic, &bytes[..cut % len]);
        assert_parsed(format, topic, message.replace("-59", &number.to_string()).replace("-66", &number.to_string()).as_bytes());
    }
}
