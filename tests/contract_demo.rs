//! `emma demo --contract` as whoever builds a subscriber sees it: everything there is, and whether what comes back fits.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/program.rs"]
mod program;
#[path = "common/scanner.rs"]
mod scanner;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use broker::{Mosquitto, find};
use emma::clock::Clock;
use listener::{Listener, until};
use program::{Program, python};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};
use scanner::Scanner;
use serde_json::{Value, json};

fn emma(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.args(["demo", "--contract"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A demo that runs, its port known.
struct Demo {
    child: Child,
    port: u16,
    told: JoinHandle<String>,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut child = emma(arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let to_copy = lines.find(|line| line.contains("mosquitto_sub")).unwrap();
        let port = to_copy.split_whitespace().nth(4).unwrap().parse().unwrap();
        let told = std::thread::spawn(move || lines.map(|line| line + "\n").collect());
        Self { child, port, told }
    }

    /// The exit code, what it told, and what it complained of.
    fn end(mut self) -> (Option<i32>, String, String) {
        let told = self.told.join().unwrap();
        let mut complaints = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        (self.child.wait().unwrap().code(), told, complaints)
    }
}

/// A subscriber that looks at nothing: it says `displayed` of whatever comes, in the way of `feedback`.
fn careless(port: u16) -> Vec<Value> {
    let mut options = MqttOptions::new("careless", "127.0.0.1", port);
    options.set_clean_start(true);
    let (client, mut connection) = Client::new(options, 100);
    client.subscribe("emma/v1/corner-shop/offer/push/+", QoS::AtLeastOnce).unwrap();
    client.subscribe("emma/v1/corner-shop/offer-end/push/+", QoS::AtLeastOnce).unwrap();
    let mut heard = Vec::new();
    for event in connection.iter() {
        match event {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let mut event: Value = serde_json::from_slice(&publish.payload).unwrap();
                let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
                let feedback = format!("emma/v1/corner-shop/feedback/{}", topic.rsplit('/').next().unwrap());
                let said = json!({ "offer_id": event["data"]["offer_id"], "kind": "displayed" }).to_string();
                client.try_publish(feedback, QoS::AtLeastOnce, false, said).unwrap();
                event["expires"] = json!(publish.properties.unwrap().message_expiry_interval);
                event["arrived"] = json!(Clock::start().wall_us());
                heard.push(event);
            }
            Ok(Event::Incoming(Packet::Disconnect(_))) | Err(_) => break,
            Ok(_) => {}
        }
    }
    heard
}

fn us(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

#[test]
fn every_event_is_played_and_a_careless_subscriber_is_told_what_does_not_fit() {
    let demo = Demo::start(&["--pace", "0.4", "--times", "2", "--port", "0"]);
    let heard = careless(demo.port);
    let (code, told, complaints) = demo.end();
    assert_eq!(code, Some(2), "{told}");
    assert!(complaints.contains("did not fit"), "{complaints}");
    for part in [
        "push says `displayed`. Fits.",
        "Does not fit: once is enough",
        "Does not fit: it had expired when it came",
        "Does not fit: its `expirytime` had passed when it came",
        "Does not fit: nobody can know what an event of its type says",
        "display said `displayed` of 0 of ",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
    let of_type = |kind: &str| heard.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let (offers, ends) = (of_type("emma.offer.issued.v1"), of_type("emma.offer.ended.v1"));
    let reasons: BTreeSet<&str> = ends.iter().map(|end| end["data"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, BTreeSet::from(["expired", "left", "recalled", "withdrawn"]));
    let classes: BTreeSet<&str> = offers.iter().map(|offer| offer["data"]["class"].as_str().unwrap()).collect();
    assert_eq!(classes, BTreeSet::from(["offer", "reward", "service"]));
    let ids: BTreeSet<&str> = offers.iter().map(|offer| offer["id"].as_str().unwrap()).collect();
    assert!(ids.len() < offers.len(), "a duplicate");
    let any = |what: &str, holds: &dyn Fn(&Value) -> bool| assert!(offers.iter().any(|offer| holds(offer)), "{what}");
    any("a tester's", &|offer| offer["test"] == true);
    any("fields nobody knows", &|offer| !offer["mood"].is_null() && !offer["data"]["scent"].is_null());
    let arrived_us = |offer: &Value| offer["arrived"].as_i64().unwrap();
    any("over", &|offer| us(&offer["data"]["valid_until"]) < arrived_us(offer) && offer["expires"].is_null());
    any("late", &|offer| {
        us(&offer["expirytime"]) < arrived_us(offer) && arrived_us(offer) < us(&offer["data"]["valid_until"])
    });
    any("in time", &|offer| offer["expires"].as_u64().is_some_and(|secs| (1..=90).contains(&secs)));
    assert!(!of_type("emma.offer.issued.v2").is_empty());
}

#[test]
fn a_good_subscriber_fits() {
    let Some(command) = python("subscriber.py") else { return };
    let demo = Demo::start(&["--pace", "0.3", "--times", "2", "--port", "0"]);
    let subscriber = Program::start(command, demo.port, &[]);
    let (code, told, complaints) = demo.end();
    assert_eq!((code, complaints.as_str()), (Some(0), ""), "{told}");
    assert!(told.contains("push says `displayed`. Fits.") && told.contains("nothing that does not fit"), "{told}");
    for reason in ["left", "withdrawn", "recalled", "expired"] {
        assert!(subscriber.out().lines().any(|line| line.starts_with("drop ") && line.ends_with(reason)), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_named_is_played_at_and_left_as_it_was() {
    let Some(passwd) = find("mosquitto_passwd", "the contract at a broker that is named") else { return };
    let lines = "persistence false\nallow_anonymous true\npassword_file {dir}/passwords";
    let Some(mut broker) = Mosquitto::prepared("the contract at a broker that is named", lines) else { return };
    let (passwords, secret) = (broker.dir.path().join("passwords"), broker.dir.path().join("secret"));
    let made = Command::new(passwd).args(["-c", "-b"]).arg(&passwords).args(["tester", "s3cret"]).status().unwrap();
    assert!(made.success());
    fs::write(&secret, "s3cret\n").unwrap();
    broker.restart();
    let listener = Listener::start(broker.port).await;
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let arguments = |user| {
        [
            "--pace",
            "0.1",
            "--times",
            "1",
            "--broker",
            &url,
            "--username",
            user,
            "--password-file",
            secret.to_str().unwrap(),
        ]
        .map(str::to_owned)
    };
    let output = emma(&arguments("tester").each_ref().map(String::as_str)).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said =
        |topic: &str| -> Vec<bool> { listener.heard(topic).iter().map(|message| message.payload.is_empty()).collect() };
    until("the report is said, and forgotten", || said("/report/restraint") == [false, true]).await;
    until("offline is said, and forgotten", || said("/state") == [false, false, false, true]).await;
    let newcomer = Listener::start_as("newcomer", broker.port).await;
    Scanner::new("marker", broker.port).say("emma/v1/marker", "{}").await;
    until("the marker is heard", || !newcomer.heard("emma/v1/marker").is_empty()).await;
    let kept: Vec<_> = newcomer.heard("emma/").into_iter().map(|message| message.topic).collect();
    assert_eq!(kept, ["emma/v1/marker"], "nothing is kept");
    let refused = emma(&arguments("stranger").each_ref().map(String::as_str)).output().unwrap();
    assert_eq!(refused.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the broker refuses the connection"));
}

#[test]
fn what_cannot_be_played_is_said() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, code, part) in [
        (&["--port", &port][..], 69, port.as_str()),
        (&["--broker", "http://broker"], 64, "mqtt"),
        (&["--broker", "mqtts://broker"], 64, "nobody vouches"),
        (&["--pace", "0"], 64, "0.05"),
        (&["--username", "x"], 64, "--broker"),
    ] {
        let output = emma(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        assert!(complaint.contains(part), "{arguments:?}: {complaint}");
    }
    let alone = Command::new(env!("CARGO_BIN_EXE_emma")).args(["demo", "--times", "1"]).output().unwrap();
    assert_eq!(alone.status.code(), Some(64));
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let mut child = emma(&["--pace", "0.05", "--port", "0"]).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
