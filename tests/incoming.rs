//! What customers and the shop say over MQTT: a real broker, the real `emma run`, and somebody who walks between two desks.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use broker::Mosquitto;
use daemon::{CONSENT, Daemon, Shop};
use emma::clock::Clock;
use listener::{Listener, until};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use scanner::Scanner;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_mins(1);

/// The inbox of [`CONSENT`].
const INBOX: &str = "q7JrInbox";

/// What an ESP32 with `OpenMQTTGateway` says of the beacon of [`CONSENT`].
const HEARD: &str = r#"{"id":"C0:FF:EE:00:00:01","mac_type":1,"rssi":-60,"mfid":"4c00","uuid":"4142434445464748494a4b4c4d4e4f50","major":1,"minor":2,"txpower":-59}"#;

const ZONES: &str = r#"
enter-after = "1s"
[[zone]]
id = "desk"
name = "Desk"
near = "omg"
enter-dbm = -78
leave-dbm = -95
[[zone]]
id = "bench"
name = "Bench"
near = "omg2"
enter-dbm = -78
leave-dbm = -95
"#;

const OFFERS: &str = r#"
[[category]]
id = "tables"
replacement-interval = "30d"
[[campaign]]
id = "oak"
category = "tables"
zones = ["desk"]
trigger = "entered"
valid-for = "2h"
coupon = { code = "OAK10" }
[campaign.text.en]
title = "Oak"
body = "Right at the {zone}."
[[campaign]]
id = "elm"
category = "tables"
zones = ["bench"]
trigger = "entered"
[campaign.text.en]
title = "Elm"
body = "Right at the {zone}."
"#;

/// A shop with two desks, and whoever walks between them.
struct Scene {
    broker: Mosquitto,
    listener: Listener,
    shop: Shop,
    emma: Option<Daemon>,
    scanner: Scanner,
    backend: Scanner,
    clock: Clock,
}

impl Scene {
    async fn begin(skipped: &str, consents: &[String]) -> Option<Self> {
        Self::begin_with(skipped, consents, "").await
    }

    /// With a line more in `[mqtt]`.
    async fn begin_with(skipped: &str, consents: &[String], mqtt: &str) -> Option<Self> {
        let broker = Mosquitto::start(skipped, "persistence false")?;
        let listener = Listener::start(broker.port).await;
        let shop = Shop::new(broker.port);
        let change = |file: &str, change: &dyn Fn(String) -> String| {
            shop.write(file, &change(fs::read_to_string(shop.config().join(file)).unwrap()));
        };
        let remote = "\n[[remote]]\nformat = \"openmqttgateway\"\ntopic = \"home/+/BTtoMQTT/#\"\n";
        change("gateway.toml", &|text| text.replace("\"auto\"", "\"none\"").replace("trace", "debug") + remote);
        change("gateway.toml", &|text| text.replace("[mqtt]\n", &format!("[mqtt]\n{mqtt}\n")));
        let gateways = ["omg", "omg2"].map(|id| format!("[[gateway]]\nid = \"{id}\"\nposition-m = [1.0, 1.0]\n"));
        change("site.toml", &|text| text + &gateways.concat());
        change("promise.toml", &|text| text.replace("at-most = 1", "at-most = 100"));
        shop.write("zones.toml", ZONES);
        shop.write("offers.toml", OFFERS);
        shop.import(&consents.join("\n"));
        let (scanner, backend) = (Scanner::new("esp32", broker.port), Scanner::new("backend", broker.port));
        let mut scene = Self { broker, listener, shop, emma: None, scanner, backend, clock: Clock::start() };
        scene.start().await;
        Some(scene)
    }

    async fn start(&mut self) {
        self.emma = Some(self.shop.run("unix:path=/nowhere"));
        until("it listens", || self.incoming()["listening"] == true).await;
        let state = || serde_json::from_str::<Value>(&self.listener.last("/state").unwrap_or_default()).ok();
        let hears =
            |state: Value| state["sources"].as_array().is_some_and(|all| all.iter().any(|s| s["listening"] == true));
        until("it hears", || state().is_some_and(hears)).await;
    }

    /// The beacon is loud at one desk and faint at the other.
    async fn is_heard_at(&mut self, gateway: &str) {
        for desk in ["omg", "omg2"] {
            let heard = if desk == gateway { HEARD.to_owned() } else { HEARD.replace("-60", "-90") };
            self.scanner.say(&format!("home/{desk}/BTtoMQTT/C0FFEE000001"), &heard).await;
        }
        sleep(Duration::from_millis(300)).await;
    }

    /// The customer stands at a desk until something has come of it.
    async fn stand(&mut self, gateway: &str, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..200 {
            self.is_heard_at(gateway).await;
            if condition(self) {
                return;
            }
        }
        panic!("never happened at {gateway}: {what}\n{}", self.shop.log());
    }

    /// They walk to and fro until something has come of it: after a kill nobody knows at which desk they are taken to be.
    async fn walk(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        for nth in 0..200 {
            self.is_heard_at(if nth / 30 % 2 == 0 { "omg" } else { "omg2" }).await;
            if condition(self) {
                return;
            }
        }
        panic!("never happened between the desks: {what}\n{}", self.shop.log());
    }

    /// They stand there until a campaign is withheld for the `nth` time for this reason.
    async fn is_withheld(&mut self, gateway: &str, campaign: &str, reason: &str, nth: usize) {
        let what = format!("{campaign} is withheld: {reason}");
        self.stand(gateway, &what, |scene| scene.withheld(campaign, reason) >= nth).await;
    }

    /// They stand there until so many offers have come in all; the last one's data.
    async fn is_told(&mut self, gateway: &str, nth: usize) -> Value {
        self.stand(gateway, "an offer", |scene| scene.offers().len() >= nth).await;
        self.offers().pop().unwrap()["data"].clone()
    }

    fn withheld(&self, campaign: &str, reason: &str) -> usize {
        let (campaign, reason) = (format!("campaign={campaign} "), format!("reason=\"{reason}\""));
        self.shop.log().lines().filter(|line| line.contains(&campaign) && line.contains(&reason)).count()
    }

    fn heard(&self, part: &str) -> Vec<Value> {
        self.listener.heard(part).iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
    }

    fn offers(&self) -> Vec<Value> {
        self.heard("/offer/")
    }

    fn ends(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ends = self.heard("/offer-end/").into_iter();
        ends.map(|end| {
            assert_eq!(end["type"], "emma.offer.ended.v1");
            (text(&end["data"]["offer_id"]), text(&end["data"]["reason"]))
        })
        .collect()
    }

    fn state(&self) -> Value {
        serde_json::from_str(&self.listener.last("/state").unwrap()).unwrap()
    }

    async fn say(&mut self, topic: &str, message: &Value) {
        self.backend.say(&format!("emma/v1/hall/{topic}"), &message.to_string()).await;
    }

    async fn keep(&mut self, topic: &str, message: &Value) {
        let topic = format!("emma/v1/hall/{topic}");
        self.backend.publish(&topic, true, [message.to_string().into_bytes()]).await;
    }

    async fn say_back(&mut self, offer: &Value, kind: &str) {
        let said = json!({"offer_id": offer["offer_id"], "kind": kind});
        self.say(&format!("feedback/{INBOX}"), &said).await;
    }

    /// So many seconds from now, as RFC 3339 has it.
    fn at(&self, secs: i64) -> String {
        jiff::Timestamp::from_microsecond(self.clock.wall_us() + secs * 1_000_000).unwrap().to_string()
    }

    fn status(&self) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        let output = command.arg("status").arg("--json").arg("--config").arg(self.shop.config()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// How what comes in fares.
    fn incoming(&self) -> Value {
        self.status()["health"]["incoming"].clone()
    }

    async fn taken(&self, times: u64) {
        until("it is taken", || self.incoming()["taken"].as_u64().unwrap_or(0) >= times).await;
    }

    async fn rejected(&self, why: &str, times: u64) {
        until(why, || self.incoming()["rejected"][why].as_u64().unwrap_or(0) >= times).await;
    }

    /// Every byte of the ledger, once nothing is written any more of what was before.
    async fn resting_ledger(&self) -> BTreeMap<String, Vec<u8>> {
        loop {
            let before = self.ledger();
            // Longer than between two looks of the loop.
            sleep(Duration::from_secs(6)).await;
            if self.ledger() == before {
                return before;
            }
        }
    }

    fn ledger(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.shop.state()).unwrap().map(|entry| entry.unwrap().path());
        let read = |path: std::path::PathBuf| Some((path.display().to_string(), fs::read(&path).ok()?));
        files.filter_map(read).collect()
    }
}

/// A client that asks, and waits for an answer below `answer/` or not.
async fn ask(port: u16, topic: &str, payload: &str, answer_to: &str) -> Option<(Value, Vec<u8>)> {
    let mut options = MqttOptions::new("asks", "127.0.0.1", port);
    options.set_clean_start(true);
    let (client, mut eventloop) = AsyncClient::new(options, 10);
    client.try_subscribe(answer_to, QoS::AtLeastOnce).unwrap();
    let mut asked = false;
    let answered = async {
        loop {
            match eventloop.poll().await.unwrap() {
                Event::Incoming(Packet::SubAck(_)) if !asked => {
                    asked = true;
                    let properties = PublishProperties {
                        response_topic: Some(answer_to.to_owned()),
                        correlation_data: Some("7".into()),
                        ..PublishProperties::default()
                    };
                    let (topic, payload) = (topic.to_owned(), payload.to_owned());
                    client.try_publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties).unwrap();
                }
                Event::Incoming(Packet::Publish(answer)) => return answer,
                _ => {}
            }
        }
    };
    let patience = if answer_to.contains("/answer/") { PATIENCE } else { Duration::from_secs(3) };
    let answer = timeout(patience, answered).await.ok()?;
    let correlation = answer.properties.unwrap().correlation_data.unwrap();
    Some((serde_json::from_slice(&answer.payload).unwrap(), correlation.to_vec()))
}

fn consents() -> Vec<String> {
    vec![CONSENT.to_owned()]
}

/// A broker that has no better: offers go, and what is said back is heard, also while nobody listened.
#[tokio::test(flavor = "multi_thread")]
async fn in_mqtt_3_1_1_a_no_is_heeded() {
    let scene = Scene::begin_with("MQTT 3.1.1", &consents(), "protocol = \"3.1.1\"").await;
    let Some(mut scene) = scene else { return };
    let oak = scene.is_told("omg", 1).await;
    scene.say_back(&oak, "dismissed").await;
    scene.taken(1).await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    let log = scene.broker.log();
    assert!(log.contains("as emma-hall-decider (p2, c0") && !log.contains("emma-hall-decider (p5"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_heeded_and_told_twice_it_is_one() {
    let Some(mut scene) = Scene::begin("what customers say back", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    // Duplicates, and what is told in another order, change nothing: one dismissal is a day's silence and not two weeks'.
    for kind in ["displayed", "dismissed", "displayed", "dismissed"] {
        scene.say_back(&oak, kind).await;
    }
    scene.taken(4).await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    let left = (oak["offer_id"].as_str().unwrap().to_owned(), "left".to_owned());
    until("the offer ends with the zone", || scene.ends().contains(&left)).await;
    scene.say_back(&oak, "opened").await;
    scene.taken(5).await;
    let again = scene.is_told("omg", 2).await;
    scene
        .say(&format!("feedback/{INBOX}"), &json!({"offer_id": again["offer_id"], "kind": "snooze", "for": "1h"}))
        .await;
    scene.taken(6).await;
    scene.is_withheld("omg2", "elm", "quiet", 1).await;
    scene.say_back(&again, "stop").await;
    scene.taken(7).await;
    scene.is_withheld("omg", "oak", "paused", 1).await;
    // Nobody says no through another's inbox.
    scene.say("feedback/ofAnother", &json!({"offer_id": oak["offer_id"], "kind": "stop"})).await;
    scene.rejected("unknown-offer", 1).await;
    assert_eq!(scene.offers().len(), 2);
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_that_was_said_while_emma_was_down_is_heard() {
    let Some(mut scene) = Scene::begin("a no that waits", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.say_back(&oak, "no-more").await;
    scene.start().await;
    scene.taken(1).await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    scene.emma.take().unwrap().kill();
    scene.say_back(&oak, "stop").await;
    scene.start().await;
    scene.taken(1).await;
    scene
        .walk("everything is silent", |scene| scene.withheld("oak", "paused") + scene.withheld("elm", "paused") > 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_is_not_offered_until_it_is_given_back() {
    let personal =
        CONSENT.replace("contextual", "personal").replace(r#"["offers"]"#, r#"["offers","personalisation"]"#);
    let other = CONSENT.replace("karoline-7", "emil-9").replace(INBOX, "ofEmil").replace("\"minor\":2", "\"minor\":3");
    let Some(mut scene) = Scene::begin("purchases", &[personal, other]).await else { return };
    let at = scene.at(-60);
    let sale = |whom: &str, who: &str| json!({whom: who, "category": "tables", "kind": "sale", "at": at});
    let before = scene.resting_ledger().await;
    scene.say("purchase", &sale("customer", "emil-9")).await;
    scene.say("purchase", &sale("inbox", "ofEmil")).await;
    scene.say("purchase", &sale("inbox", "ofNobody")).await;
    scene.rejected("no-consent", 3).await;
    assert!(scene.ledger() == before, "the purchase of somebody who was not asked about it left a byte");
    scene.say("purchase", &json!({"inbox": INBOX, "category": "chairs", "kind": "sale", "at": at})).await;
    scene.rejected("unknown-category", 1).await;
    scene.say("purchase", &sale("inbox", INBOX)).await;
    scene.taken(1).await;
    scene.is_withheld("omg", "oak", "bought", 1).await;
    let at = scene.at(-30);
    scene.say("purchase", &json!({"customer": "karoline-7", "category": "tables", "kind": "return", "at": at})).await;
    // The sale again, late: it is the older word.
    scene.say("purchase", &sale("inbox", INBOX)).await;
    scene.taken(3).await;
    assert_eq!(scene.is_told("omg2", 1).await["campaign_id"], "elm");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_said_while_it_is_fresh() {
    let Some(mut scene) = Scene::begin("live values", &consents()).await else { return };
    let offers = OFFERS.replacen("Right at the {zone}.", "{value.till-minutes} min at the till.", 1);
    scene.shop.write("offers.toml", &offers);
    until("the change is in force", || scene.shop.log().contains("the changed configuration is in force")).await;
    scene.is_withheld("omg", "oak", "stale-value", 1).await;
    scene.keep("value/till-minutes", &json!({"value": 4, "at": scene.at(0), "good_for_secs": 3_600})).await;
    scene.taken(1).await;
    scene.is_told("omg2", 1).await;
    assert_eq!(scene.is_told("omg", 2).await["text"]["en"]["body"], "4 min at the till.");
    scene.say("value/weather", &json!({"value": "rain", "at": scene.at(0), "good_for_secs": 60})).await;
    scene.rejected("unknown-value", 1).await;
    scene.keep("value/till-minutes", &json!({"value": 9, "at": scene.at(-3_600), "good_for_secs": 7_200})).await;
    scene.rejected("older", 1).await;
    scene.keep("value/till-minutes", &json!({"value": 9, "at": scene.at(0), "good_for_secs": 1})).await;
    scene.taken(2).await;
    scene.is_told("omg2", 3).await;
    scene.is_withheld("omg", "oak", "stale-value", 2).await;
    // The broker has the value still: after a restart it is as old as it says.
    scene.keep("value/till-minutes", &json!({"value": 2, "at": scene.at(0), "good_for_secs": 3_600})).await;
    scene.taken(3).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.start().await;
    scene.taken(1).await;
    let oaks = |scene: &Scene| scene.offers().iter().filter(|offer| offer["data"]["campaign_id"] == "oak").count();
    scene.walk("it is said again", |scene| oaks(scene) == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_stopped_taken_back_and_stays_stopped() {
    let Some(mut scene) = Scene::begin("a campaign that is stopped", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    let stop = json!({"do": "stop", "at": scene.at(0)});
    scene.keep("control/campaign/oak", &stop).await;
    let recalled = (oak["offer_id"].as_str().unwrap().to_owned(), "recalled".to_owned());
    until("it is taken back", || scene.ends().contains(&recalled)).await;
    let end = scene.listener.heard("/offer-end/").pop().unwrap();
    assert_eq!(end.topic, format!("emma/v1/hall/offer-end/push/{INBOX}"));
    let stopped = |scene: &Scene| scene.state()["stopped_campaigns"].clone();
    until("the state says so", || stopped(&scene) == json!([{"id": "oak", "why": "stopped by hand"}])).await;
    scene.is_told("omg2", 2).await;
    scene.is_withheld("omg", "oak", "paused", 1).await;
    scene.emma.take().unwrap().kill();
    scene.start().await;
    until("it says so still", || scene.state()["state"] == "online" && stopped(&scene)[0]["id"] == "oak").await;
    let shown =
        Command::new(env!("CARGO_BIN_EXE_emma")).arg("status").arg("--config").arg(scene.shop.config()).output();
    assert!(String::from_utf8_lossy(&shown.unwrap().stdout).contains("oak: stopped by hand"));
    scene.walk("it is silent still", |scene| scene.withheld("oak", "paused") >= 2).await;
    assert!(scene.offers().iter().skip(1).all(|offer| offer["data"]["campaign_id"] == "elm"));
    scene.say("control/campaign/oak", &json!({"do": "start", "at": scene.at(0)})).await;
    until("it runs again", || stopped(&scene) == json!([])).await;
    // The broker tells the old word again, and it is old.
    scene.keep("control/campaign/oak", &stop).await;
    let oaks = |scene: &Scene| scene.offers().iter().filter(|offer| offer["data"]["campaign_id"] == "oak").count();
    scene.walk("it is said again", |scene| oaks(scene) == 2).await;
    assert_eq!(stopped(&scene), json!([]));
    scene.say("control/campaign/ash", &stop).await;
    scene.rejected("unknown-campaign", 1).await;
    scene.say("control/campaign/oak", &json!({"do": "start", "at": scene.at(3_600)})).await;
    scene.rejected("from-the-future", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_is_paused_and_resumed() {
    let Some(mut scene) = Scene::begin("a pause", &consents()).await else { return };
    scene.keep("control/pause", &json!({"do": "pause", "at": scene.at(0), "until": scene.at(7_200)})).await;
    until("the state says so", || scene.state()["paused_until"].is_string()).await;
    scene.is_withheld("omg", "oak", "paused", 1).await;
    scene.keep("control/pause", &json!({"do": "resume", "at": scene.at(0)})).await;
    until("the state says so", || scene.state()["paused_until"].is_null()).await;
    scene.is_told("omg2", 1).await;
    scene.keep("control/pause", &json!({"do": "pause", "at": scene.at(0)})).await;
    until("it says so without an end", || scene.state()["paused_until"].to_string().starts_with("\"9999")).await;
    scene.is_withheld("omg", "oak", "paused", 2).await;
    scene.say("control/pause", &json!({"do": "pause", "at": scene.at(1), "until": scene.at(2)})).await;
    until("it is over by itself", || scene.state()["paused_until"].is_null()).await;
    scene.is_told("omg2", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_answered_where_answers_go() {
    let on_request = CONSENT.replace("contextual", "on-request");
    let Some(mut scene) = Scene::begin("questions", &[on_request]).await else { return };
    let port = scene.broker.port;
    let question = format!("emma/v1/hall/ask/{INBOX}");
    let answer_to = "emma/v1/hall/answer/app/7";
    let (nowhere, correlation) = ask(port, &question, "", answer_to).await.unwrap();
    assert_eq!((&nowhere, &*correlation), (&json!({"offers": [], "withheld": []}), &b"7"[..]));
    let (unknown, _) = ask(port, "emma/v1/hall/ask/ofNobody", "", answer_to).await.unwrap();
    assert_eq!(unknown, nowhere, "whoever is elsewhere and whoever is unknown are told apart");
    scene.stand("omg", "they are at the desk", |scene| scene.shop.log().contains(" entered")).await;
    let (answer, _) = ask(port, &question, "{}", answer_to).await.unwrap();
    let offer = &answer["offers"][0];
    assert_eq!((&offer["campaign_id"], &offer["coupon"]["code"]), (&json!("oak"), &json!("OAK10")));
    assert_eq!(offer["text"]["en"]["body"], "Right at the Desk.");
    assert_eq!(offer["why"]["trigger"], "asked");
    for part in ["offer_id", "notify_until", "actions"] {
        assert!(offer[part].is_null(), "{part}: {offer}");
    }
    scene.keep("control/campaign/oak", &json!({"do": "stop", "at": scene.at(0)})).await;
    until("it is stopped", || scene.state()["stopped_campaigns"][0]["id"] == "oak").await;
    let (answer, _) = ask(port, &question, "", answer_to).await.unwrap();
    assert_eq!((&answer["offers"], &answer["withheld"][0]["reason"]), (&json!([]), &json!("paused")));
    assert!(answer["withheld"][0]["text"].as_str().unwrap().contains("on hold"), "{answer}");
    scene.keep("control/campaign/oak", &json!({"do": "start", "at": scene.at(0)})).await;
    until("it is started", || scene.state()["stopped_campaigns"] == json!([])).await;
    for elsewhere in ["emma/v1/hall/offer/push/x", "emma/v1/bern/answer/7", "emma/v1/hall/answer", "elsewhere"] {
        assert!(ask(port, &question, "", elsewhere).await.is_none(), "{elsewhere} is answered");
    }
    scene.rejected("answer-topic", 4).await;
    assert!(scene.offers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_leaves_no_byte() {
    let on_request = CONSENT.replace("contextual", "on-request");
    let Some(mut scene) = Scene::begin("questions without a trace", &[on_request]).await else { return };
    scene.stand("omg", "they are at the desk", |scene| scene.shop.log().contains(" entered")).await;
    let before = scene.resting_ledger().await;
    for nth in 0..5 {
        let (question, answer_to) = (format!("emma/v1/hall/ask/{INBOX}"), format!("emma/v1/hall/answer/{nth}"));
        let (answer, _) = ask(scene.broker.port, &question, "", &answer_to).await.unwrap();
        assert_eq!(answer["offers"][0]["campaign_id"], "oak");
    }
    assert!(scene.ledger() == before, "the ledger was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_is_answered_while_it_is_remembered() {
    let Some(mut scene) = Scene::begin("why", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    let port = scene.broker.port;
    let why = |offer: Value| json!({"offer_id": offer, "kind": "why"}).to_string();
    let topic = format!("emma/v1/hall/feedback/{INBOX}");
    let (answer, _) = ask(port, &topic, &why(oak["offer_id"].clone()), "emma/v1/hall/answer/1").await.unwrap();
    assert_eq!(answer, json!({"offer_id": oak["offer_id"], "why": oak["why"]}));
    let (answer, _) = ask(port, &topic, &why(json!("another")), "emma/v1/hall/answer/1").await.unwrap();
    assert_eq!(answer["why"], "unknown");
    let of_another = "emma/v1/hall/feedback/ofAnother";
    let (answer, _) = ask(port, of_another, &why(oak["offer_id"].clone()), "emma/v1/hall/answer/1").await.unwrap();
    assert_eq!(answer["why"], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_counted_and_a_flood_costs_nobody_else() {
    let Some(mut scene) = Scene::begin("rubbish that comes in", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    for (topic, message) in [
        ("feedback/a", "["),
        ("feedback/a", "{}"),
        ("feedback/a", r#"{"offer_id":"x","kind":"liked"}"#),
        ("feedback/b", r#"{"offer_id":7,"kind":"stop"}"#),
        ("purchase", "null"),
        ("purchase", r#"{"customer":"a","inbox":"b","category":"c","kind":"sale","at":"now"}"#),
        ("value/x", r#"{"value":[],"at":"now","good_for_secs":1}"#),
        ("control/reboot", r#"{"do":"stop","at":"2026-01-01T00:00:00Z"}"#),
        ("control/pause", r#"{"do":"pause","at":"later"}"#),
        ("control/pause", ""),
        ("ask/a", "\0"),
    ] {
        scene.backend.say(&format!("emma/v1/hall/{topic}"), message).await;
    }
    let too_long = [5_000, 100_000].map(|length| vec![b' '; length]);
    scene.backend.publish("emma/v1/hall/feedback/c", false, too_long).await;
    let retained = json!({"offer_id": oak["offer_id"], "kind": "stop"}).to_string().into_bytes();
    scene.backend.publish(&format!("emma/v1/hall/feedback/{INBOX}-2"), true, [retained]).await;
    for why in ["not-json", "fields", "kind", "topic", "time", "too-long", "answer-topic"] {
        scene.rejected(why, 1).await;
    }
    let flood = (0..300).map(|_| br#"{"offer_id":"x","kind":"dismissed"}"#.to_vec());
    scene.backend.publish("emma/v1/hall/feedback/loud", false, flood).await;
    scene.rejected("too-many", 1).await;
    scene.say_back(&oak, "dismissed").await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    let log = scene.shop.log();
    assert!(log.matches("is of no use").count() < 30, "a line each:\n{log}");
    assert!(!log.contains("liked"), "what came in is in the log");
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}
