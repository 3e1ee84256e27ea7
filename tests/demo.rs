//! `emma demo` as someone sees it who has just downloaded Emma: a story in the terminal, and real offers on the wire.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use emma::clock::Clock;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{Client, Event, MqttOptions};
use serde_json::Value;

fn emma(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.arg("demo").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A demo that runs, its port known.
struct Demo {
    child: Child,
    port: u16,
    story: JoinHandle<String>,
}

impl Demo {
    fn start(seed: &str) -> Self {
        let mut child = emma(&["--seconds", "10", "--port", "0", "--seed", seed]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let to_copy = lines.find(|line| line.contains("mosquitto_sub")).unwrap();
        let port = to_copy.split_whitespace().nth(2).unwrap().parse().unwrap();
        let story = std::thread::spawn(move || lines.map(|line| line + "\n").collect());
        Self { child, port, story }
    }

    /// What it told after the line with the port.
    fn end(mut self) -> String {
        let story = self.story.join().unwrap();
        let mut complaints = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        assert!(self.child.wait().unwrap().success(), "{complaints}");
        assert_eq!(complaints, "");
        story
    }
}

/// Everything that is published until the broker ends, each with the wall time of its arrival in microseconds.
fn look_on(port: u16) -> Vec<(i64, Publish)> {
    let mut options = MqttOptions::new("someone", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("#", QoS::AtLeastOnce).unwrap();
    let clock = Clock::start();
    let mut heard = Vec::new();
    for event in connection.iter() {
        match event {
            Ok(Event::Incoming(Packet::Publish(publish))) => heard.push((clock.wall_us(), publish)),
            Ok(Event::Incoming(Packet::Disconnect(_))) | Err(_) => break,
            Ok(_) => {}
        }
    }
    heard
}

fn assert_is_fresh_offer(arrived_us: i64, publish: &Publish) {
    let event: Value = serde_json::from_slice(&publish.payload).unwrap();
    assert_eq!((&event["specversion"], &event["type"]), (&"1.0".into(), &"emma.offer.issued.v1".into()));
    let us = |member: &str| event[member].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond();
    assert!(us("time") <= arrived_us && arrived_us < us("expirytime"), "{event}");
    let properties = publish.properties.as_ref().unwrap();
    assert_eq!(properties.content_type.as_deref(), Some("application/cloudevents+json"));
    assert!(properties.message_expiry_interval.is_some_and(|secs| (1..=90).contains(&secs)));
}

#[test]
fn the_same_seed_tells_the_same_story_and_the_offers_are_real() {
    let (one, other) = (Demo::start("1"), Demo::start("1"));
    let heard = look_on(one.port);
    let story = one.end();
    assert_eq!(story, other.end());

    for part in ["comes in", "among the jackets", "is told in ", "is told nothing: ", "10 % auf Jacken", "Restraint"] {
        assert!(story.contains(part), "{part}: {story}");
    }
    let summary = |label: &str| {
        let line = story.lines().find(|line| line.trim_start().starts_with(label)).unwrap();
        line.split_whitespace().last().unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(summary("Messages published"), summary("acknowledged"));
    assert!(summary("Offers made") >= 5);
    assert_eq!((summary("the most that anyone received"), summary("Bytes stored")), (1, 0));

    let offers: Vec<_> =
        heard.iter().filter(|(_, publish)| publish.topic.starts_with(b"emma/v1/corner-shop/offer/")).collect();
    // Whoever comes a moment late has missed what was said before.
    assert!(!offers.is_empty() && offers.len() <= summary("Messages published"));
    for (arrived_us, publish) in offers {
        assert_is_fresh_offer(*arrived_us, publish);
    }
    assert!(heard.iter().any(|(_, publish)| publish.topic.ends_with(b"/gateway/gw-entrance/state")));

    let elsewhere = heard.iter().find(|(_, publish)| !publish.topic.starts_with(b"emma/v1/corner-shop/"));
    assert!(elsewhere.is_none(), "{elsewhere:?}");
    assert!(heard.iter().any(|(_, publish)| publish.topic.starts_with(b"emma/v1/corner-shop/offer-end/")));

    let names: Vec<String> =
        story.lines().filter_map(|line| Some(line.get(7..)?.split_once(" comes in")?.0.to_lowercase())).collect();
    assert_eq!(names.len(), 12);
    for (_, publish) in &heard {
        let bytes = format!("{publish:?} {}", String::from_utf8_lossy(&publish.payload)).to_lowercase();
        assert!(names.iter().all(|name| !bytes.contains(name)), "{bytes}");
    }
}

#[test]
fn a_port_that_was_named_and_is_taken_is_an_error() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = emma(&["--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&port));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_story_of_nine_seconds_is_none() {
    let output = emma(&["--seconds", "9"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("10..=3600"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = emma(&["--seconds", "10", "--port", "0"]).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
