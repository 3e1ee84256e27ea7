//! `emma watch` as a developer sees it: what is on a real broker, a line each.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "common/broker.rs"]
mod broker;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use broker::{Mosquitto, find};
use serde_json::{Value, json};

/// A watcher that runs.
struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
    complaints: BufReader<ChildStderr>,
}

impl Watch {
    fn start(port: u16, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.args(["watch", "--broker", &format!("mqtt://127.0.0.1:{port}")]).args(arguments).env("TZ", "UTC");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, complaints) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { child, lines: BufReader::new(lines), complaints: BufReader::new(complaints) }
    }

    /// The next line, without the time of day.
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "it has ended");
        line.trim_end().split_once("  ").unwrap().1.to_owned()
    }

    fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.complaints.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn publish(port: u16, topic: &str, message: &str, retain: bool) {
    let port = port.to_string();
    let mut command = Command::new("mosquitto_pub");
    command.args(["-V", "5", "-q", "1", "-p", &port, "-t", topic, "-m", message]).args(retain.then_some("-r"));
    assert!(command.status().unwrap().success());
}

fn offer(n: u64, campaign: &str) -> Value {
    json!({
        "id": format!("event-{n}"), "source": "/sites/hall/gateways/gw", "type": "emma.offer.issued.v1",
        "sequence": format!("{n:020}"), "data": {
            "offer_id": format!("offer-{n}"), "campaign_id": campaign, "class": "offer", "zone": {"id": "wood"},
            "text": {"en": {"title": "Oak"}}, "notify_until": "2020-01-01T10:00:00Z", "valid_until": "2020-01-01T12:00:00Z",
        },
    })
}

fn ended(n: u64) -> String {
    json!({"id": format!("end-{n}"), "data": {"offer_id": format!("offer-{n}"), "reason": "left"}}).to_string()
}

/// A broker with something that it keeps, so that whoever comes knows when the watcher listens.
fn start(lines: &str) -> Option<Mosquitto> {
    find("mosquitto_pub", "nothing is published to be watched")?;
    let broker = Mosquitto::start("nothing is watched", lines)?;
    publish(broker.port, "emma/v1/hall/gateway/gw/state", r#"{"state":"online","version":"9"}"#, true);
    Some(broker)
}

#[test]
fn what_is_said_is_a_line_each_and_what_came_twice_or_not_at_all_is_remarked() {
    let Some(broker) = start("") else { return };
    let mut watch = Watch::start(broker.port, &[]);
    assert!(watch.line().starts_with("hall  state      gw online, Emma 9"));
    let topic = "emma/v1/hall/offer/push/q7Jr";
    for n in [4, 4, 7] {
        publish(broker.port, topic, &offer(n, "oak").to_string(), false);
    }
    publish(broker.port, "emma/v1/hall/offer-end/push/q7Jr", &ended(7), false);
    publish(broker.port, "emma/v1/hall/offer/push/q7Jr", "rubbish", false);
    let first = watch.line();
    assert!(
        first.starts_with("hall  offer      to push: “Oak”, oak in wood; ") && first.contains("too late"),
        "{first}"
    );
    assert!(!first.contains("q7Jr"), "an inbox is somebody's");
    assert!(watch.line().ends_with("[again, the same event]"));
    assert!(watch.line().ends_with("[2 before it did not come: lost, or not yours to read]"));
    assert_eq!(watch.line(), "hall  offer-end  to push: offer-7 ended, left");
    assert_eq!(watch.line(), "hall  offer      no JSON, which nothing of Emma's is");
}

#[test]
fn filters_leave_out_the_rest() {
    let Some(broker) = start("") else { return };
    let only =
        ["--only", "offer,offer-end,state", "--recipient", "push", "--inbox", "ann", "--campaign", "oak", "--json"];
    let mut watch = Watch::start(broker.port, &only);
    let mut next = || {
        let mut line = String::new();
        watch.lines.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    assert_eq!(next()["retained"], true);
    let say = |topic: &str, message: &str| publish(broker.port, &format!("emma/v1/hall/{topic}"), message, false);
    say("offer/till/ann", &offer(1, "oak").to_string());
    say("offer/push/bob", &offer(2, "oak").to_string());
    say("offer/push/ann", &offer(3, "elm").to_string());
    say("offer-end/push/ann", &ended(3));
    say("offer/push/ann", &offer(4, "oak").to_string());
    say("offer-end/push/ann", &ended(4));
    let told = next();
    assert_eq!(told["topic"], "emma/v1/hall/offer/push/ann");
    assert_eq!(told["message"]["id"], "event-4");
    assert_eq!(next()["message"]["id"], "end-4");
}

#[test]
fn a_broker_that_goes_and_comes_is_told_once_each_and_what_is_refused_by_name() {
    let Some(mut broker) = start("persistence true\npersistence_location {dir}/") else { return };
    let mut watch = Watch::start(broker.port, &[]);
    watch.line();
    broker.kill();
    assert!(watch.complaint().starts_with("emma: what is said is not heard: "));
    broker.restart();
    let again = std::iter::repeat_with(|| watch.complaint()).find(|line| !line.contains("is not heard"));
    assert_eq!(again.as_deref(), Some("emma: what is said is heard again\n"));
}
