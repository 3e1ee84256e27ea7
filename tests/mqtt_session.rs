//! The session against real brokers: what is committed arrives, under one id, whatever happens to the broker.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/listener.rs"]
mod listener;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use broker::{Mosquitto, find, make_certificates};
use emma::config::gateway::{Mqtt, Protocol};
use emma::mqtt::Outcome;
use emma::mqtt::state::RefusedChange;
use emma::mqtt::status::Standing;
use listener::{Emma, Listener, event, mqtt, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const KEEPS_NOTHING: &str = "persistence false";
/// Every change is on disk before the next, so that a kill keeps the session.
const KEEPS_ALL: &str = "persistence true\npersistence_location {dir}/\nautosave_on_changes true\nautosave_interval 1";

/// Each row was settled once, and acknowledged.
fn assert_all_acknowledged(emma: &Emma, rows: impl IntoIterator<Item = i64>) {
    let mut settled = emma.outbox.settled();
    settled.sort_unstable_by_key(|(row, _)| *row);
    let expected: Vec<_> = rows.into_iter().map(|row| (row, Outcome::Acknowledged)).collect();
    assert_eq!(settled, expected);
}

/// The listener heard each row, and under one id.
fn assert_heard_under_one_id(listener: &Listener, rows: impl IntoIterator<Item = i64>) {
    let mut ids: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for publish in listener.heard("/offer/") {
        ids.entry(publish.topic.clone()).or_default().insert(publish.payload.clone());
    }
    for row in rows {
        let topic = format!("emma/v1/bern/offer/push/inbox-{row}");
        assert_eq!(ids.get(topic.as_bytes()).map(BTreeSet::len), Some(1), "row {row}");
    }
}

async fn rows_arrive_once_with_their_properties(port: u16) {
    let listener = Listener::start(port).await;
    let emma = Emma::start(port);
    emma.push(1..=50, 30);
    emma.settled(50).await;
    assert_all_acknowledged(&emma, 1..=50);
    until("all heard", || listener.heard("/offer/").len() >= 50).await;
    let heard = listener.heard("/offer/");
    assert_eq!(heard.len(), 50);
    for publish in &heard {
        let properties = publish.properties.as_ref().unwrap();
        assert_eq!(properties.content_type.as_deref(), Some("application/cloudevents+json"));
        assert_eq!(properties.payload_format_indicator, Some(1));
        assert!(properties.message_expiry_interval.is_some_and(|secs| (1..=30).contains(&secs)));
    }
    let in_order: Vec<_> = (1..=50).map(|row| format!("emma/v1/bern/offer/push/inbox-{row}")).collect();
    assert_eq!(heard.iter().map(|p| String::from_utf8_lossy(&p.topic).into_owned()).collect::<Vec<_>>(), in_order);
    until("the counters", || emma.session.status.borrow().outstanding == 0).await;
    let status = emma.session.status.borrow().clone();
    assert_eq!((status.sent, status.acknowledged, status.nobody_listening, status.outages), (50, 50, 0, 0));
    emma.stop().await;
}

async fn online_then_offline(port: u16, protocol: Protocol) {
    let listener = Listener::start(port).await;
    let emma = Emma::speaking(protocol, port);
    until("online", || listener.state().as_deref() == Some("online")).await;
    until("health", || !listener.heard("/gateway/gw-till/health").is_empty()).await;
    emma.state.send_modify(|state| {
        state.refused = Some(RefusedChange { at_us: 0, problems: vec!["offers.toml:7".into()] });
    });
    until("a refused change", || {
        listener.heard("/state").iter().any(|said| String::from_utf8_lossy(&said.payload).contains("offers.toml:7"))
    })
    .await;
    emma.stop().await;
    until("offline", || listener.state().as_deref() == Some("offline")).await;
    let newcomer = Listener::start_as("newcomer", port).await;
    until("retained", || newcomer.state().as_deref() == Some("offline")).await;
}

async fn last_will(port: u16, protocol: Protocol) {
    let listener = Listener::start(port).await;
    let emma = Emma::speaking(protocol, port);
    until("online", || listener.state().as_deref() == Some("online")).await;
    emma.session.task.abort();
    until("offline", || listener.state().as_deref() == Some("offline")).await;
}

/// Neither broker's word can be read by the client library; the one that stays is whichever was not ousted first.
async fn two_deciders(port: u16, protocol: Protocol) {
    let first = Emma::speaking(protocol, port);
    first.connected().await;
    let second = Emma::speaking(protocol, port);
    let taken_over = |emma: &Emma| emma.session.status.borrow().standing == Standing::TakenOver;
    until("one stands down", || taken_over(&first) || taken_over(&second)).await;
    let (down, stays) = if taken_over(&first) { (first, second) } else { (second, first) };
    until("its task ends", || down.session.task.is_finished()).await;
    down.push(1..=1, 60);
    stays.push(2..=2, 60);
    stays.settled(1).await;
    assert_eq!(down.outbox.waiting(), 1, "it says nothing more");
    stays.stop().await;
}

#[tokio::test]
async fn of_two_deciders_one_stands_down() {
    let Some(broker) = Mosquitto::start("two deciders over mosquitto", KEEPS_NOTHING) else { return };
    two_deciders(broker.port, Protocol::Mqtt5).await;
}

#[tokio::test]
async fn rows_arrive_once_and_are_settled() {
    let Some(broker) = Mosquitto::start("delivery over mosquitto", KEEPS_NOTHING) else { return };
    rows_arrive_once_with_their_properties(broker.port).await;
}

#[tokio::test]
async fn a_clean_stop_says_offline() {
    let Some(broker) = Mosquitto::start("the state topic over mosquitto", KEEPS_NOTHING) else { return };
    online_then_offline(broker.port, Protocol::Mqtt5).await;
}

#[tokio::test]
async fn a_crash_lets_the_broker_say_offline() {
    let Some(broker) = Mosquitto::start("the last will over mosquitto", KEEPS_NOTHING) else { return };
    last_will(broker.port, Protocol::Mqtt5).await;
}

#[tokio::test]
async fn rows_wait_for_a_broker_that_is_absent_at_start() {
    let Some(mut broker) = Mosquitto::prepared("a broker absent at start", KEEPS_NOTHING) else { return };
    let emma = Emma::start(broker.port);
    emma.push(1..=30, 300);
    until("an outage", || emma.session.status.borrow().outages == 1).await;
    assert_eq!(emma.outbox.waiting(), 30, "nothing is handed over without a broker");
    broker.restart();
    emma.settled(30).await;
    assert_all_acknowledged(&emma, 1..=30);
    assert_eq!(emma.session.status.borrow().outages, 1);
}

/// Kills the broker twice in the middle of a stream. `KEEPS_NOTHING` loses the session, `KEEPS_ALL` keeps it.
async fn killed_in_the_stream(lines: &str, protocol: Protocol) {
    let Some(mut broker) = Mosquitto::start("a broker killed in the stream", lines) else { return };
    let listener = Listener::start(broker.port).await;
    let emma = Emma::speaking(protocol, broker.port);
    emma.push(1..=200, 300);
    emma.settled(20).await;
    for more in [201..=400, 401..=600] {
        broker.kill();
        emma.push(more, 300);
        broker.restart();
        let before = emma.outbox.settled().len();
        emma.settled(before + 20).await;
    }
    emma.settled(600).await;
    assert_all_acknowledged(&emma, 1..=600);
    let log = broker.log();
    for row in 1..=600 {
        assert!(log.contains(&format!("/inbox-{row}'")), "the broker never received row {row}");
    }
    for publish in listener.heard("/offer/") {
        let row = String::from_utf8_lossy(&publish.topic).rsplit('-').next().unwrap().to_owned();
        assert_eq!(publish.payload, event(row.parse().unwrap()), "one row, one id");
    }
    until("the counters", || emma.session.status.borrow().outstanding == 0).await;
}

#[tokio::test]
async fn a_broker_killed_with_its_session_lost_loses_nothing() {
    killed_in_the_stream(KEEPS_NOTHING, Protocol::Mqtt5).await;
}

#[tokio::test]
async fn a_broker_killed_with_its_session_kept_loses_nothing() {
    killed_in_the_stream(KEEPS_ALL, Protocol::Mqtt5).await;
}

/// A broker that stays away for a while keeps nothing from a subscriber that was away too.
#[tokio::test]
async fn what_is_committed_during_an_outage_is_heard_after_it() {
    let Some(mut broker) = Mosquitto::start("an outage", KEEPS_ALL) else { return };
    let listener = Listener::start(broker.port).await;
    let emma = Emma::start(broker.port);
    emma.connected().await;
    broker.kill();
    until("the outage", || emma.session.status.borrow().outages == 1).await;
    emma.push(1..=40, 300);
    broker.restart();
    emma.settled(40).await;
    until("all heard", || listener.heard("/offer/").len() >= 40).await;
    assert_heard_under_one_id(&listener, 1..=40);
}

#[tokio::test]
async fn nobody_listening_counts_as_acknowledged_and_alerts() {
    let Some(broker) = Mosquitto::start_unrecorded("PUBACK 0x10", KEEPS_NOTHING) else { return };
    let emma = Emma::start(broker.port);
    emma.push(1..=3, 60);
    emma.settled(3).await;
    assert_all_acknowledged(&emma, 1..=3);
    until("counted", || emma.session.status.borrow().nobody_listening == 3).await;
}

#[tokio::test]
async fn a_refused_row_reached_nobody() {
    let acl = "acl_file {dir}/acl";
    let Some(mut broker) = Mosquitto::prepared("PUBACK 0x87", acl) else { return };
    std::fs::write(broker.dir.path().join("acl"), "topic readwrite emma/v1/bern/gateway/#\n").unwrap();
    broker.restart();
    let emma = Emma::start(broker.port);
    // One after the other: the library closes the connection at a refusal, and what else was on its way is in doubt.
    for row in 1..=2 {
        emma.push(row..=row, 60);
        emma.settled(usize::try_from(row).unwrap()).await;
    }
    assert_eq!(emma.outbox.settled(), [(1, Outcome::Refused), (2, Outcome::Refused)]);
}

#[tokio::test]
async fn an_address_that_is_no_topic_level_is_refused_without_asking() {
    let Some(broker) = Mosquitto::start("a malformed topic", KEEPS_NOTHING) else { return };
    let emma = Emma::start(broker.port);
    let expires_us = emma.clock.wall_us() + 60_000_000;
    let topic = "emma/v1/bern/offer/push/#".to_owned();
    let row = emma::mqtt::OutboxRow { row: 1, event_id: "e".into(), topic, payload: String::new(), expires_us };
    emma.outbox.push(row);
    emma.settled(1).await;
    assert_eq!(emma.outbox.settled(), [(1, Outcome::Refused)]);
}

#[tokio::test]
async fn a_session_taken_over_is_not_fought_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let emma = Emma::start(listener.local_addr().unwrap().port());
    let mut silent = accept_silently(&listener).await;
    emma.connected().await;
    // DISCONNECT, session taken over, no properties.
    silent.write_all(&[0xE0, 2, 0x8E, 0]).await.unwrap();
    until("it stands down", || emma.session.status.borrow().standing == Standing::TakenOver).await;
    until("its task ends", || emma.session.task.is_finished()).await;
    emma.push(1..=1, 60);
    assert_eq!(emma.outbox.waiting(), 1, "it says nothing more");
}

#[tokio::test]
async fn a_broker_that_flaps_is_one_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let emma = Emma::start(listener.local_addr().unwrap().port());
    for _ in 0..4 {
        drop(accept_silently(&listener).await);
    }
    let _stays = accept_silently(&listener).await;
    emma.connected().await;
    assert_eq!(emma.session.status.borrow().outages, 1);
}

#[tokio::test]
async fn tls_believes_the_named_authority_and_no_other() {
    tls_with_certificate_and_password(Protocol::Mqtt5).await;
}

async fn tls_with_certificate_and_password(protocol: Protocol) {
    let skipped = "TLS against mosquitto";
    let Some(openssl) = find("openssl", skipped) else { return };
    let tls = "cafile {dir}/ca.pem\ncertfile {dir}/cert.pem\nkeyfile {dir}/key.pem\nrequire_certificate true\n\
               password_file {dir}/passwords";
    let Some(mut broker) = Mosquitto::prepared(skipped, tls) else { return };
    let Some(passwd) = find("mosquitto_passwd", skipped) else { return };
    let dir = broker.dir.path().to_owned();
    make_certificates(&openssl, &dir);
    let status = Command::new(passwd).args(["-b", "-c"]).arg(dir.join("passwords")).args(["emma", "s3cret"]).status();
    assert!(status.unwrap().success());
    std::fs::write(dir.join("password"), "s3cret\n").unwrap();
    broker.restart();
    let trusted = Mqtt {
        tls: true,
        username: Some("emma".into()),
        password_file: Some(dir.join("password")),
        ca_file: Some(dir.join("ca.pem")),
        cert_file: Some(dir.join("cert.pem")),
        key_file: Some(dir.join("key.pem")),
        protocol,
        ..mqtt(broker.port)
    };
    let emma = Emma::with(&trusted);
    emma.push(1..=5, 60);
    emma.settled(5).await;
    emma.stop().await;

    let other = tempfile::tempdir().unwrap();
    make_certificates(&openssl, other.path());
    let stranger = Emma::with(&Mqtt { ca_file: Some(other.path().join("ca.pem")), ..trusted });
    until("an outage", || stranger.session.status.borrow().outages == 1).await;
    assert!(!stranger.session.status.borrow().is_connected());
}

/// A broker that accepts sessions and never acknowledges.
async fn accept_silently(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut connect = [0; 2_048];
    assert!(stream.read(&mut connect).await.unwrap() > 0);
    // CONNACK, session present, success, no properties.
    stream.write_all(&[0x20, 3, 1, 0, 0]).await.unwrap();
    stream
}

async fn read_until(stream: &mut TcpStream, needle: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(needle) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "closed before {needle}");
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn what_expires_unacknowledged_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let emma = Emma::start(listener.local_addr().unwrap().port());
    let mut silent = accept_silently(&listener).await;
    emma.push(1..=1, 2);
    emma.push(2..=2, 600);
    read_until(&mut silent, "inbox-2").await;
    let expires_us = emma.clock.wall_us() + 2_000_000;
    until("the first row's end", || emma.clock.wall_us() > expires_us).await;
    drop(silent);
    let mut silent = accept_silently(&listener).await;
    let again = read_until(&mut silent, "inbox-2").await;
    assert!(!again.contains("inbox-1"), "an expired row is not said again");
    assert_eq!(emma.outbox.settled(), [(1, Outcome::Expired)]);
    assert_eq!(emma.session.status.borrow().outstanding, 1);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_broker_that_is_silent_or_absent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let emma = Emma::start(port);
    let silent = accept_silently(&listener).await;
    emma.connected().await;
    emma.stop().await;
    drop((silent, listener));
    let emma = Emma::start(port);
    until("an outage", || emma.session.status.borrow().outages == 1).await;
    emma.stop().await;
}

#[tokio::test]
async fn an_aborted_life_leaves_a_session_that_the_next_one_resumes() {
    let Some(broker) = Mosquitto::start("a second life", KEEPS_ALL) else { return };
    let first = Emma::start(broker.port);
    first.connected().await;
    first.session.task.abort();
    let second = Emma::start(broker.port);
    second.push(1..=25, 60);
    second.settled(25).await;
    assert_all_acknowledged(&second, 1..=25);
    assert!(broker.log().contains("as emma-bern-decider"), "a stable client id");
}

/// What is promised of the session, in the older version of the protocol.
mod in_3_1_1 {
    use super::*;

    const OLD: Protocol = Protocol::Mqtt311;

    #[tokio::test]
    async fn rows_arrive_once_and_without_what_it_has_no_word_for() {
        let Some(broker) = Mosquitto::start("delivery in MQTT 3.1.1", KEEPS_NOTHING) else { return };
        let listener = Listener::start(broker.port).await;
        let emma = Emma::speaking(OLD, broker.port);
        emma.push(1..=50, 30);
        emma.settled(50).await;
        assert_all_acknowledged(&emma, 1..=50);
        until("all heard", || listener.heard("/offer/").len() >= 50).await;
        let heard = listener.heard("/offer/");
        assert_eq!(heard.len(), 50);
        let told = |publish: &rumqttc::v5::mqttbytes::v5::Publish| {
            let properties = publish.properties.clone().unwrap_or_default();
            properties.message_expiry_interval.is_some() || properties.content_type.is_some()
        };
        assert!(!heard.iter().any(told));
        assert!(
            broker.log().contains("as emma-bern-decider (p2, c0, k30"),
            "3.1.1 by mosquitto's count, its session kept"
        );
    }

    #[tokio::test]
    async fn a_clean_stop_says_offline() {
        let Some(broker) = Mosquitto::start("the state topic in MQTT 3.1.1", KEEPS_NOTHING) else { return };
        online_then_offline(broker.port, OLD).await;
    }

    #[tokio::test]
    async fn a_crash_lets_the_broker_say_offline() {
        let Some(broker) = Mosquitto::start("the last will in MQTT 3.1.1", KEEPS_NOTHING) else { return };
        last_will(broker.port, OLD).await;
    }

    #[tokio::test]
    async fn of_two_deciders_one_stands_down() {
        let Some(broker) = Mosquitto::start("two deciders in MQTT 3.1.1", KEEPS_NOTHING) else { return };
        two_deciders(broker.port, OLD).await;
    }

    #[tokio::test]
    async fn a_broker_killed_with_its_session_lost_loses_nothing() {
        killed_in_the_stream(KEEPS_NOTHING, OLD).await;
    }

    #[tokio::test]
    async fn a_broker_killed_with_its_session_kept_loses_nothing() {
        killed_in_the_stream(KEEPS_ALL, OLD).await;
    }

    #[tokio::test]
    async fn tls_believes_the_named_authority_and_no_other() {
        tls_with_certificate_and_password(OLD).await;
    }

    /// Nobody says whether anyone listens: such an offer is taken for delivered.
    #[tokio::test]
    async fn an_offer_that_is_refused_or_that_nobody_hears_counts_as_delivered() {
        let acl = "acl_file {dir}/acl";
        let Some(mut broker) = Mosquitto::prepared("an ACL in MQTT 3.1.1", acl) else { return };
        std::fs::write(broker.dir.path().join("acl"), "topic readwrite emma/v1/bern/gateway/#\n").unwrap();
        broker.restart();
        let emma = Emma::speaking(OLD, broker.port);
        emma.push(1..=2, 60);
        emma.settled(2).await;
        assert_all_acknowledged(&emma, 1..=2);
        assert_eq!(emma.session.status.borrow().nobody_listening, 0);
    }
}

#[cfg(feature = "demo")]
mod embedded {
    use std::process::Stdio;

    use emma::mqtt::embedded::{EmbeddedBroker, EmbeddedError};

    use super::broker::recorder::Recorder;
    use super::*;

    #[tokio::test]
    async fn rows_arrive_once_and_are_settled() {
        let broker = EmbeddedBroker::start(0).await.unwrap();
        let _recorder = Recorder::of_port(broker.port());
        rows_arrive_once_with_their_properties(broker.port()).await;
        broker.stop().await;
    }

    #[tokio::test]
    async fn a_clean_stop_says_offline() {
        let broker = EmbeddedBroker::start(0).await.unwrap();
        let _recorder = Recorder::of_port(broker.port());
        online_then_offline(broker.port(), Protocol::Mqtt5).await;
        broker.stop().await;
    }

    #[tokio::test]
    async fn a_crash_lets_the_broker_say_offline() {
        let broker = EmbeddedBroker::start(0).await.unwrap();
        let _recorder = Recorder::of_port(broker.port());
        last_will(broker.port(), Protocol::Mqtt5).await;
        broker.stop().await;
    }

    #[tokio::test]
    async fn of_two_deciders_one_stands_down() {
        let broker = EmbeddedBroker::start(0).await.unwrap();
        two_deciders(broker.port(), Protocol::Mqtt5).await;
        broker.stop().await;
    }

    #[tokio::test]
    async fn a_port_in_use_is_said() {
        let broker = EmbeddedBroker::start(0).await.unwrap();
        let Err(error) = EmbeddedBroker::start(broker.port()).await else { panic!("two brokers on one port") };
        assert!(error.to_string().contains(&broker.port().to_string()));
        assert!(matches!(error, EmbeddedError::Port { .. }));
        let port = broker.port();
        broker.stop().await;
        EmbeddedBroker::start(port).await.unwrap().stop().await;
    }

    #[tokio::test]
    async fn both_versions_of_a_foreign_subscriber_are_served() {
        let Some(program) = find("mosquitto_sub", "foreign subscribers of the embedded broker") else { return };
        let broker = EmbeddedBroker::start(0).await.unwrap();
        let subscribe = |version: &str| {
            let mut command = tokio::process::Command::new(&program);
            command.args(["-V", version, "-h", "127.0.0.1", "-p", &broker.port().to_string()]);
            command.args(["-q", "1", "-t", "emma/v1/#", "-v"]).stdout(Stdio::piped()).kill_on_drop(true);
            command.spawn().unwrap()
        };
        let emma = Emma::start(broker.port());
        for version in ["mqttv5", "mqttv311"] {
            let mut subscriber = subscribe(version);
            let mut lines = subscriber.stdout.take().unwrap();
            let mut read = Vec::new();
            // The retained state proves the subscription; then an offer.
            for needle in ["/state", "/offer/push/inbox-1 "] {
                while !String::from_utf8_lossy(&read).contains(needle) {
                    assert!(lines.read_buf(&mut read).await.unwrap() > 0, "{version} ended before {needle}");
                }
                emma.push(1..=1, 60);
            }
        }
        emma.stop().await;
        broker.stop().await;
    }
}
