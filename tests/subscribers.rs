//! The subscribers of docs/subscribers/, run as whoever builds one runs them: a real broker, the events of the real `emma
//! run`, and what a broker or a careless publisher makes of them.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/program.rs"]
mod program;
#[path = "common/scanner.rs"]
mod scanner;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use broker::Mosquitto;
use daemon::{CONSENT, Daemon, Shop};
use emma::clock::Clock;
use listener::{Listener, until};
use program::{Program, ended_well, node, python, rust};
use scanner::Scanner;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

const OFFER: &str = "emma/v1/hall/offer/push/q7JrInbox";
const RECALL: &str = "emma/v1/hall/control/campaign/oak";

/// What no recipient may stumble over.
const RUBBISH: [&str; 9] = [
    "",
    "not json",
    "[]",
    "7",
    "null",
    r#"{"id":"x"}"#,
    r#"{"data":{"offer_id":7}}"#,
    r#"{"data":7,"expirytime":"2100-01-01T00:00:00Z"}"#,
    r#"{"id":7,"type":"emma.offer.ended.v1","expirytime":"soon","data":{"offer_id":"x"}}"#,
];

/// A broker, whoever listens to everything on it, and the first offer of a real Emma.
struct Scene {
    broker: Mosquitto,
    listener: Listener,
    publisher: Scanner,
    shop: Shop,
    emma: Option<Daemon>,
}

impl Scene {
    async fn prepare(skipped: &str) -> Option<Self> {
        let broker = Mosquitto::start(skipped, "persistence false")?;
        let listener = Listener::start(broker.port).await;
        let publisher = Scanner::new("publisher", broker.port);
        let shop = Shop::with_capture(broker.port);
        shop.import(CONSENT);
        Some(Self { broker, listener, publisher, shop, emma: None })
    }

    /// The real Emma makes her offer.
    async fn first_offer(&mut self) -> Value {
        self.emma = Some(self.shop.run("unix:path=/nowhere"));
        until("the offer arrives", || !self.listener.heard("/offer/").is_empty()).await;
        serde_json::from_slice(&self.listener.heard("/offer/")[0].payload).unwrap()
    }

    /// The offer again as another: its ids end in `mark`, and it is worth saying for so many seconds.
    async fn say(&mut self, offer: &Value, mark: &str, secs: i64, change: impl Fn(&mut Value)) -> String {
        let mut event = offer.clone();
        event["id"] = json!(format!("event-{mark}"));
        event["data"]["offer_id"] = json!(format!("offer-{mark}"));
        for member in ["expirytime", "notify_until"] {
            let data = if member == "expirytime" { &mut event } else { &mut event["data"] };
            data[member] = json!(in_secs(secs));
        }
        change(&mut event);
        self.publisher.say(OFFER, &event.to_string()).await;
        format!("offer-{mark}")
    }

    /// The subscription of that client is in force.
    async fn subscribed(&self, client: &str) {
        let line = format!("Sending SUBACK to {client}");
        until("it has subscribed", || self.broker.log().contains(&line)).await;
    }
}

/// A wall time so many seconds from now, as events write it.
fn in_secs(secs: i64) -> String {
    jiff::Timestamp::from_microsecond(Clock::start().wall_us() + secs * 1_000_000).unwrap().to_string()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Every way of starting one that this machine has; each that it has not is named.
fn subscribers(port: u16) -> Vec<Program> {
    [python("subscriber.py"), node("subscriber.js"), rust("subscriber")]
        .into_iter()
        .flatten()
        .map(|command| Program::start(command, port, &[]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_subscriber_shows_an_offer_once_and_nothing_that_is_over() {
    let Some(mut scene) = Scene::prepare("the subscribers of docs/subscribers").await else { return };
    let mut all = subscribers(scene.broker.port);
    for subscriber in &all {
        scene.subscribed(&subscriber.name).await;
    }
    let offer = scene.first_offer().await;
    let first = text(&offer["data"]["offer_id"]).to_owned();
    let shown = |id: &str| format!("show {id} ");
    for subscriber in &all {
        until("it shows the offer", || subscriber.said(&shown(&first)) == 1).await;
    }
    // The same event once more, what is over, a type of the future, rubbish, and fields that nobody knows.
    let again = scene.listener.heard("/offer/")[0].payload.clone();
    scene.publisher.publish(OFFER, false, [again.to_vec()]).await;
    scene.say(&offer, "over", -1, |_| ()).await;
    scene.say(&offer, "future", 60, |event| event["type"] = json!("emma.offer.issued.v2")).await;
    let deep = "[".repeat(9_000);
    for rubbish in RUBBISH.into_iter().chain([deep.as_str()]) {
        scene.publisher.say(OFFER, rubbish).await;
    }
    let odd = scene
        .say(&offer, "odd", 600, |event| {
            event["nobody"] = json!({ "knows": true });
            event["data"]["this"] = json!([1, 2, 3]);
        })
        .await;
    for subscriber in &all {
        until("it shows what has fields that it does not know", || subscriber.said(&shown(&odd)) == 1).await;
        let told = (subscriber.said("show "), subscriber.said(&shown(&first)));
        assert_eq!(told, (2, 1), "{}: {}", subscriber.name, subscriber.out());
    }
    let said_back = |id: &str| {
        let heard = scene.listener.heard("/feedback/q7JrInbox");
        let is_of = |said: &Value| said["offer_id"] == id && said["kind"] == "displayed";
        heard.iter().filter(|said| is_of(&serde_json::from_slice(&said.payload).unwrap())).count()
    };
    until("each says back that it is displayed", || said_back(&first) == all.len()).await;
    until("Emma has taken it", || taken(&scene.shop) >= all.len() as u64).await;

    scene.publisher.publish(RECALL, true, [format!(r#"{{"do":"stop","at":"{}"}}"#, in_secs(0)).into_bytes()]).await;
    for subscriber in &all {
        until("it drops what is recalled", || subscriber.said(&format!("drop {first}")) == 1).await;
    }

    // What comes while it is down is kept by the broker; what is over until it is back is not shown.
    all.iter_mut().for_each(Program::kill);
    let late = scene.say(&offer, "late", 2, |_| ()).await;
    let kept = scene.say(&offer, "kept", 600, |_| ()).await;
    sleep(Duration::from_secs(3)).await;
    for subscriber in &mut all {
        subscriber.restart();
        until("it shows what was kept", || subscriber.said(&shown(&kept)) == 1).await;
        assert_eq!(subscriber.said(&shown(&late)), 0, "{}", subscriber.out());
    }
    assert_eq!(scene.emma.unwrap().terminate(), Some(0));
}

/// Messages that Emma has taken, as she says herself.
fn taken(shop: &Shop) -> u64 {
    let mut status = Command::new(env!("CARGO_BIN_EXE_emma"));
    let output = status.args(["status", "--json", "--config"]).arg(shop.config()).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    told["health"]["incoming"]["taken"].as_u64().unwrap_or_default()
}

/// The relay as a program whose wake-ups are printed instead of pushed.
const RELAY: &str = r"
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import relay
relay.push = lambda *what: print('push', *what, flush=True)
relay.main()
";

/// Asks the relay as an app would: the status, and the answer.
fn ask(port: u16, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let len = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\nauthorization: Bearer {token}\r\ncontent-length: {len}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_wakes_the_app_without_a_word_and_gives_it_the_text_once() {
    let Some(mut scene) = Scene::prepare("the push relay of docs/subscribers").await else { return };
    let Some(mut command) = python("relay.py") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/subscribers");
    command = Command::new(command.get_program());
    command.args(["-c", RELAY]).arg(folder);
    let device = json!({ "inbox": "q7JrInbox", "service": "apns", "device": "d0d0" });
    let devices = scene.broker.dir.path().join("devices.json");
    std::fs::write(&devices, json!({ hex::encode(Sha256::digest("s3cret")): device }).to_string()).unwrap();
    let devices = devices.to_str().unwrap();
    let relay = Program::start(command, scene.broker.port, &[("RELAY_DEVICES", devices), ("RELAY_PORT", "0")]);
    until("the relay listens", || relay.said("listening on port ") == 1).await;
    let port = relay.out().split_whitespace().nth(3).unwrap().parse().unwrap();
    scene.subscribed(&relay.name).await;
    let fetch = || ask(port, "GET", "/offers", "s3cret", "").1;

    let offer = scene.first_offer().await;
    until("the device is woken up", || relay.said("push ") == 1).await;
    let pushed = relay.out().lines().find(|line| line.starts_with("push ")).unwrap().to_owned();
    let ["push", "apns", "d0d0", until_secs] = pushed.split(' ').collect::<Vec<_>>()[..] else { panic!("{pushed}") };
    let notify_until: jiff::Timestamp = text(&offer["data"]["notify_until"]).parse().unwrap();
    assert!(until_secs.starts_with(&notify_until.as_second().to_string()), "{pushed}");

    assert_eq!(ask(port, "GET", "/offers", "another", "").0, 401);
    assert_eq!(ask(port, "GET", "/elsewhere", "s3cret", "").0, 404);
    assert_eq!(fetch(), json!({ "offers": [offer["data"]], "ended": {} }));
    assert_eq!(fetch(), json!({ "offers": [], "ended": {} }), "once");

    let id = text(&offer["data"]["offer_id"]).to_owned();
    let feedback = |id: &str, kind: &str| {
        let said = json!({ "offer_id": id, "kind": kind, "more": "than is asked" }).to_string();
        ask(port, "POST", "/feedback", "s3cret", &said).0
    };
    assert_eq!((feedback(&id, "opened"), feedback(&id, "bought"), feedback("unknown", "opened")), (200, 404, 404));
    let opened = json!({ "offer_id": id, "kind": "opened" });
    let passed_on = || scene.listener.last("/feedback/q7JrInbox").and_then(|said| serde_json::from_str(&said).ok());
    until("it is passed on", || passed_on() == Some(opened.clone())).await;

    // The same again wakes nobody; what is late is silent and can be fetched; rubbish and what is over are nothing.
    let again = scene.listener.heard("/offer/")[0].payload.clone();
    scene.publisher.publish(OFFER, false, [again.to_vec()]).await;
    let deep = "[".repeat(9_000);
    for rubbish in RUBBISH.into_iter().chain([deep.as_str()]) {
        scene.publisher.say(OFFER, rubbish).await;
    }
    for (path, body) in [("/feedback", "[["), ("/feedback", "7"), ("/feedback", "{}"), ("/offers", "{}"), ("//", "")] {
        assert_eq!(ask(port, "POST", path, "s3cret", body).0, 404, "{path} {body}");
    }
    assert_eq!(ask(port, "POST", "/feedback", "s3cret", &deep[..1024]).0, 404);
    let late = scene.say(&offer, "late", -1, |_| ()).await;
    scene.say(&offer, "over", -1, |event| event["data"]["valid_until"] = json!(in_secs(-1))).await;
    let short = scene.say(&offer, "short", 2, |event| event["data"]["valid_until"] = json!(in_secs(2))).await;
    until("it is woken up for what is not late", || relay.said("push ") == 2).await;
    sleep(Duration::from_secs(3)).await;
    let fetched = fetch();
    let ids: Vec<_> = fetched["offers"].as_array().unwrap().iter().map(|data| text(&data["offer_id"])).collect();
    assert_eq!(ids, [&late], "what was valid for two seconds is gone");
    assert_eq!((feedback(&late, "helpful"), feedback(&short, "helpful")), (200, 404));

    // A recall: whoever has it is told, once.
    scene.publisher.publish(RECALL, true, [format!(r#"{{"do":"stop","at":"{}"}}"#, in_secs(0)).into_bytes()]).await;
    until("it is woken up for the recall", || relay.said("push ") == 3).await;
    assert_eq!(fetch(), json!({ "offers": [], "ended": { &id: "recalled" } }));
    assert_eq!(fetch(), json!({ "offers": [], "ended": {} }));
    // What is taken back before it was fetched is gone without a word.
    let unread = scene.say(&offer, "unread", 60, |_| ()).await;
    until("it is woken up", || relay.said("push ") == 4).await;
    let mut end: Value = serde_json::from_str(&scene.listener.last("/offer-end/").unwrap()).unwrap();
    end["id"] = json!("event-end");
    end["data"]["offer_id"] = json!(unread);
    let topic = OFFER.replace("/offer/", "/offer-end/");
    scene.publisher.say(&topic, &end.to_string()).await;
    let marker = scene.say(&offer, "marker", 60, |_| ()).await;
    until("it is woken up again", || relay.said("push ") == 5).await;
    let fetched = fetch();
    assert_eq!(fetched["offers"].as_array().unwrap().len(), 1, "{fetched}");
    assert_eq!((&fetched["offers"][0]["offer_id"], &fetched["ended"]), (&json!(marker), &json!({})));
    for told in ["q7JrInbox", "Oak", "Desk", "desk"] {
        assert!(!relay.out().contains(told), "{told} leaves the relay: {}", relay.out());
    }
    assert_eq!(scene.emma.unwrap().terminate(), Some(0));
}

#[test]
fn a_push_says_nothing_of_what_it_is_about() {
    let Some(mut python) = python("relay.py") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/subscribers");
    let program = python.get_program().to_owned();
    python = Command::new(program);
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "b3arer\n").unwrap();
    // In the place of curl: what it would be told.
    let told = r"
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import relay, time
relay.subprocess.run = lambda arguments, input, check: print(arguments, input.decode())
for service in ('apns', 'fcm'):
    relay.push(service, 'd0d0', time.time() + 45)
";
    python.args(["-c", told]).arg(folder).env("APNS_TOPIC", "example.app").env("FCM_PROJECT", "example");
    python.env("APNS_TOKEN_FILE", secret.path()).env("FCM_TOKEN_FILE", secret.path());
    let output = python.output().unwrap();
    let out = ended_well(&output);
    for part in [
        "https://api.push.apple.com/3/device/d0d0",
        "https://fcm.googleapis.com/v1/projects/example/messages:send",
        "authorization: Bearer b3arer",
        "apns-expiration: ",
        "something-for-you",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_eq!(out.matches("['curl'").count(), 2);
    assert!(
        !out.lines().any(|line| line.starts_with("['curl'") && line.contains("b3arer")),
        "not as an argument: {out}"
    );
}
