//! `emma fleet` as retail ops ask it: a hundred shops on a real broker, who needs a hand, and whatever else lies on its topics.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "common/broker.rs"]
mod broker;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use broker::{Mosquitto, find};
use emma::clock::Clock;
use serde_json::{Value, json};

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(20);

fn fleet(port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    command.args(["fleet", "--broker", &format!("mqtt://127.0.0.1:{port}")]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn publish(port: u16, topic: &str, message: &[u8], retain: bool) {
    let port = port.to_string();
    let mut command = Command::new("mosquitto_pub");
    // An empty message takes back what is retained.
    let what = if message.is_empty() { "-n" } else { "-s" };
    command.args(["-V", "5", "-q", "1", "-p", &port, "-t", topic, what]).args(retain.then_some("-r"));
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), message).unwrap();
    assert!(child.wait().unwrap().success());
}

fn state(changes: &Value) -> Vec<u8> {
    let mut state = json!({
        "state": "online", "gateway": "gw", "site": "s", "incarnation": "1", "version": "0.1.0",
        "since": "2026-11-02T10:00:00Z", "clock": "synchronised",
        "configuration": { "in_force": { "digest": "abc", "at": "2026-11-02T10:00:00Z" }, "refused": null },
        "radio": null, "paused_until": null, "stopped_campaigns": [], "consent_feed": null,
        "sources": [{
            "kind": "bluez", "name": "hci0", "listening": true, "scan": "passive", "reason": null, "restarts": 0, "last_error": null,
        }],
    });
    state.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    state.to_string().into_bytes()
}

fn health(changes: &Value) -> Vec<u8> {
    let now = jiff::Timestamp::from_microsecond(Clock::start().wall_us()).unwrap();
    let mut health = json!({
        "at": now.to_string(), "heard": 1, "matched": 0, "dropped": 0, "rejected": 0, "ambiguous": 0,
        "scan_restarts": 0, "sources": [], "outbox": { "depth": 0, "oldest_age_secs": null }, "delivery_trouble": null,
        "ledger_writable": true, "clock": "synchronised", "fixed_beacons": [], "calibration": [], "incoming": null,
    });
    health.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    health.to_string().into_bytes()
}

fn state_topic(shop: usize) -> String {
    format!("emma/v1/s{shop:03}/gateway/gw/state")
}

/// A broker that nobody but who is tested listens to, and that keeps the states of so many shops.
fn shops(count: usize) -> Option<Mosquitto> {
    find("mosquitto_pub", "no fleet is looked at")?;
    let broker = Mosquitto::start("no fleet is looked at", "")?;
    (0..count).for_each(|shop| publish(broker.port, &state_topic(shop), &state(&json!({})), true));
    Some(broker)
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// Waits until a `fleet` listens to health.
fn until_it_listens(broker: &Mosquitto, times: usize) {
    let steps = PATIENCE.as_millis() / STEP.as_millis();
    for _ in 0..steps {
        let log = broker.log();
        let who = |line: &&str| line.contains("Sending SUBACK to emma-fleet-");
        if log.lines().filter(who).count() >= times {
            return;
        }
        sleep(STEP);
    }
    panic!("it never subscribed:\n{}", broker.log());
}

#[test]
fn a_hundred_and_twenty_shops_are_one_sentence_and_who_needs_a_hand() {
    let Some(broker) = shops(120) else { return };
    let asking = fleet(broker.port, &[]).spawn().unwrap();
    until_it_listens(&broker, 1);
    let say = |shop: usize, changes: &Value| {
        publish(broker.port, &format!("emma/v1/s{shop:03}/gateway/gw/health"), &health(changes), false);
    };
    (0..119).for_each(|shop| say(shop, &json!({})));
    say(119, &json!({ "delivery_trouble": "nobody-listens" }));
    // It ends by itself as soon as everybody has told, and not at a time.
    let (code, text) = said(&asking.wait_with_output().unwrap());
    let expected = "\
119 of 120 Pis in 120 shops are quiet and well; one needs a hand.

s119 / gw
  nobody-listening nobody listens to its offers, and they count as said
                   to do: is the recipient connected, under the topics of this shop? until then: emma pause
";
    assert_eq!((code, text.as_str()), (Some(2), expected));
}

#[test]
fn what_the_broker_keeps_is_told_at_once_and_what_was_not_waited_for_is_said() {
    let Some(broker) = shops(3) else { return };
    let (code, text) = said(&fleet(broker.port, &["--wait", "0s"]).output().unwrap());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("All 3 Pis in 3 shops are quiet and well.\n\nOf 3 the state alone is known"), "{text}");

    publish(broker.port, &state_topic(1), &state(&json!({ "state": "offline" })), true);
    let refused = json!({ "in_force": {}, "refused": { "at": "x", "problems": ["zones.toml:4: no such key"] } });
    publish(broker.port, &state_topic(2), &state(&json!({ "version": "0.0.9", "configuration": refused })), true);
    let list = broker.dir.path().join("shops.txt");
    fs::write(&list, "s000\ns001\ns002/gw # the hall\ns003 # opens in May\n").unwrap();
    let (code, text) =
        said(&fleet(broker.port, &["--wait", "0s", "--json", "--expect", list.to_str().unwrap()]).output().unwrap());
    assert_eq!(code, Some(2));
    let verdict: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&verdict["well"], &verdict["total"], &verdict["shops"]), (&json!(1), &json!(4), &json!(4)));
    let words = |pi: &Value| -> Vec<String> {
        let findings = pi["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect()
    };
    let words: Vec<Vec<String>> = verdict["pis"].as_array().unwrap().iter().map(words).collect();
    assert_eq!(
        words,
        [
            &[][..],
            &["offline".to_owned()],
            &["configuration".to_owned(), "version".to_owned()],
            &["missing".to_owned()]
        ]
    );
    let (code, text) = said(&fleet(broker.port, &["--wait", "0s", "--site", "s000"]).output().unwrap());
    assert!(code == Some(0) && text.starts_with("1 Pi in 1 shop: quiet and well."), "{text}");
}

#[test]
fn rubbish_is_counted_and_nothing_of_it_reaches_the_terminal_raw() {
    let Some(broker) = shops(2) else { return };
    let say = |topic: &str, message: &[u8]| publish(broker.port, topic, message, true);
    let escape = "\u{1b}[2J\u{9b}31m\u{202e}";
    let deaf = json!([{ "kind": escape, "name": escape, "listening": false, "last_error": escape.repeat(3_000) }]);
    say(&state_topic(0), &state(&json!({ "version": escape, "sources": deaf })));
    for (number, rubbish) in
        [&b"\xff\xfe"[..], b"{", b"[]", b"null", b"{\"state\":7}", &b"x".repeat(60_000)].into_iter().enumerate()
    {
        say(&format!("emma/v1/rubbish/gateway/{number}/state"), rubbish);
        say(&format!("emma/v1/rubbish/gateway/{number}/health"), rubbish);
    }
    say("emma/v1/a b;c/gateway/$(reboot)/state", &state(&json!({})));
    // What no packet of Emma's can be the broker passes over.
    say("emma/v1/huge/gateway/gw/state", &b"x".repeat(200_000));
    let (code, text) = said(&fleet(broker.port, &["--wait", "0s"]).output().unwrap());
    assert_eq!(code, Some(2), "{text}");
    assert!(text.starts_with("1 of 8 Pis in 3 shops are quiet and well; 7 need a hand.\n"), "{text}");
    assert!(
        text.contains(
            "Messages on these topics that Emma did not say, or not so: 13 (name 1, no-state 6, retained-health 6)."
        ),
        "{text}"
    );
    assert!(!text.contains("reboot") && text.lines().all(|line| line.chars().count() < 400), "{text}");
    assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
}

#[test]
fn a_broker_that_is_not_there_or_knows_nobody_is_no_fleet_that_is_well() {
    let port = broker::free_port();
    let (code, text) = said(&fleet(port, &[]).output().unwrap());
    assert!(code == Some(69) && text.contains("the broker cannot be read"), "{text}");
    let Some(broker) = shops(0) else { return };
    let (code, text) = said(&fleet(broker.port, &["--wait", "0s"]).output().unwrap());
    assert!(code == Some(69) && text.contains("keeps the state of no Pi"), "{text}");
    for wrong in [&["--site", "a/b"][..], &["--wait", "soon"], &["--wait", "1s", "--watch"]] {
        assert_eq!(fleet(broker.port, wrong).output().unwrap().status.code(), Some(64), "{wrong:?}");
    }
    let list = broker.dir.path().join("list");
    fs::write(&list, "s000\na/b/c\n").unwrap();
    let (code, text) = said(&fleet(broker.port, &["--expect", list.to_str().unwrap()]).output().unwrap());
    assert!(code == Some(65) && text.contains("list:2: a line is SITE or SITE/GATEWAY"), "{text}");
}

/// A `fleet --watch` that runs.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn who_watches_sees_what_changes_and_a_broker_that_goes_and_comes() {
    let Some(mut broker) = shops(2) else { return };
    let mut watch = Watch(fleet(broker.port, &["--watch"]).spawn().unwrap());
    let mut lines = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut until = |start: &str| lines.by_ref().map(Result::unwrap).find(|line| line.starts_with(start)).unwrap();
    until("All 2 Pis in 2 shops are quiet and well.");
    publish(broker.port, &state_topic(1), &state(&json!({ "clock": "untrusted" })), true);
    until("1 of 2 Pis in 2 shops are quiet and well; one needs a hand.");
    until("  clock            it does not trust its clock");
    publish(broker.port, &state_topic(1), b"", true);
    until("1 Pi in 1 shop: quiet and well.");
    broker.kill();
    until("The broker is away");
    broker.restart();
    until("1 Pi in 1 shop: quiet and well.");
}
