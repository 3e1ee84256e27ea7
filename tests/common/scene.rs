//! A shop with two desks on a real broker, the real `emma run`, and somebody who walks between the desks.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use emma::clock::Clock;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::broker::Mosquitto;
use crate::daemon::{CONSENT, Daemon, Shop};
use crate::listener::{Listener, until};
use crate::scanner::Scanner;

const PATIENCE: Duration = Duration::from_mins(1);

/// The inbox of [`CONSENT`].
pub(crate) const INBOX: &str = "q7JrInbox";

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

pub(crate) const OFFERS: &str = r#"
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
pub(crate) struct Scene {
    pub(crate) broker: Mosquitto,
    pub(crate) listener: Listener,
    pub(crate) shop: Shop,
    pub(crate) emma: Option<Daemon>,
    pub(crate) scanner: Scanner,
    pub(crate) backend: Scanner,
    pub(crate) clock: Clock,
}

impl Scene {
    pub(crate) async fn begin(skipped: &str, consents: &[String]) -> Option<Self> {
        Self::begin_with(skipped, consents, |_| {}).await
    }

    /// The same in a shop whose files were changed before Emma reads them.
    pub(crate) async fn begin_with(skipped: &str, consents: &[String], prepare: impl FnOnce(&Shop)) -> Option<Self> {
        Self::begin_on(skipped, "persistence false", consents, prepare).await
    }

    /// The same on a broker with these lines in its configuration.
    pub(crate) async fn begin_on(
        skipped: &str,
        lines: &str,
        consents: &[String],
        prepare: impl FnOnce(&Shop),
    ) -> Option<Self> {
        let broker = Mosquitto::start(skipped, lines)?;
        let listener = Listener::start(broker.port).await;
        let shop = Shop::new(broker.port);
        let change = |file: &str, change: &dyn Fn(String) -> String| {
            shop.write(file, &change(fs::read_to_string(shop.config().join(file)).unwrap()));
        };
        let remote = "\n[[remote]]\nformat = \"openmqttgateway\"\ntopic = \"home/+/BTtoMQTT/#\"\n";
        change("gateway.toml", &|text| text.replace("\"auto\"", "\"none\"").replace("trace", "debug") + remote);
        let gateways = ["omg", "omg2"].map(|id| format!("[[gateway]]\nid = \"{id}\"\nposition-m = [1.0, 1.0]\n"));
        change("site.toml", &|text| text + &gateways.concat());
        change("promise.toml", &|text| text.replace("at-most = 1", "at-most = 100"));
        shop.write("zones.toml", ZONES);
        shop.write("offers.toml", OFFERS);
        prepare(&shop);
        shop.import(&consents.join("\n"));
        let (scanner, backend) = (Scanner::new("esp32", broker.port), Scanner::new("backend", broker.port));
        let mut scene = Self { broker, listener, shop, emma: None, scanner, backend, clock: Clock::start() };
        scene.start().await;
        Some(scene)
    }

    pub(crate) async fn start(&mut self) {
        self.emma = Some(self.shop.run("unix:path=/nowhere"));
        until("it listens", || self.incoming()["listening"] == true).await;
        let state = || serde_json::from_str::<Value>(&self.listener.last("/state").unwrap_or_default()).ok();
        let hears =
            |state: Value| state["sources"].as_array().is_some_and(|all| all.iter().any(|s| s["listening"] == true));
        until("it hears", || state().is_some_and(hears)).await;
    }

    /// The beacon is loud at one desk and faint at the other.
    pub(crate) async fn is_heard_at(&mut self, gateway: &str) {
        for desk in ["omg", "omg2"] {
            let heard = if desk == gateway { HEARD.to_owned() } else { HEARD.replace("-60", "-90") };
            self.scanner.say(&format!("home/{desk}/BTtoMQTT/C0FFEE000001"), &heard).await;
        }
        sleep(Duration::from_millis(300)).await;
    }

    /// The customer stands at a desk until something has come of it.
    pub(crate) async fn stand(&mut self, gateway: &str, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..200 {
            self.is_heard_at(gateway).await;
            if condition(self) {
                return;
            }
        }
        panic!("never happened at {gateway}: {what}\n{}", self.shop.log());
    }

    /// They walk to and fro until something has come of it: after a kill nobody knows at which desk they are taken to be.
    pub(crate) async fn walk(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        for nth in 0..200 {
            self.is_heard_at(if nth / 30 % 2 == 0 { "omg" } else { "omg2" }).await;
            if condition(self) {
                return;
            }
        }
        panic!("never happened between the desks: {what}\n{}", self.shop.log());
    }

    /// They stand there until a campaign is withheld for the `nth` time for this reason.
    pub(crate) async fn is_withheld(&mut self, gateway: &str, campaign: &str, reason: &str, nth: usize) {
        let what = format!("{campaign} is withheld: {reason}");
        self.stand(gateway, &what, |scene| scene.withheld(campaign, reason) >= nth).await;
    }

    /// They stand there until so many offers have come in all; the last one's data.
    pub(crate) async fn is_told(&mut self, gateway: &str, nth: usize) -> Value {
        self.stand(gateway, "an offer", |scene| scene.offers().len() >= nth).await;
        self.offers().pop().unwrap()["data"].clone()
    }

    pub(crate) fn withheld(&self, campaign: &str, reason: &str) -> usize {
        let (campaign, reason) = (format!("campaign={campaign} "), format!("reason=\"{reason}\""));
        self.shop.log().lines().filter(|line| line.contains(&campaign) && line.contains(&reason)).count()
    }

    pub(crate) fn heard(&self, part: &str) -> Vec<Value> {
        self.listener.heard(part).iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
    }

    pub(crate) fn offers(&self) -> Vec<Value> {
        self.heard("/hall/offer/")
    }

    pub(crate) fn ends(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ends = self.heard("/offer-end/").into_iter();
        ends.map(|end| {
            assert_eq!(end["type"], "emma.offer.ended.v1");
            (text(&end["data"]["offer_id"]), text(&end["data"]["reason"]))
        })
        .collect()
    }

    pub(crate) fn state(&self) -> Value {
        serde_json::from_str(&self.listener.last("/state").unwrap()).unwrap()
    }

    pub(crate) async fn say(&mut self, topic: &str, message: &Value) {
        self.backend.say(&format!("emma/v1/hall/{topic}"), &message.to_string()).await;
    }

    pub(crate) async fn keep(&mut self, topic: &str, message: &Value) {
        let topic = format!("emma/v1/hall/{topic}");
        self.backend.publish(&topic, true, [message.to_string().into_bytes()]).await;
    }

    /// The same, with a place for an answer.
    pub(crate) async fn keep_asking(&self, topic: &str, message: &str, answer_to: &str) {
        let topic = format!("emma/v1/hall/{topic}");
        let (client, mut eventloop) = AsyncClient::new(MqttOptions::new("keeps", "127.0.0.1", self.broker.port), 10);
        let properties =
            PublishProperties { response_topic: Some(answer_to.to_owned()), ..PublishProperties::default() };
        client.try_publish_with_properties(topic, QoS::AtLeastOnce, true, message.to_owned(), properties).unwrap();
        while !matches!(eventloop.poll().await.unwrap(), Event::Incoming(Packet::PubAck(_))) {}
    }

    pub(crate) async fn say_back(&mut self, offer: &Value, kind: &str) {
        let said = json!({"offer_id": offer["offer_id"], "kind": kind});
        self.say(&format!("feedback/{INBOX}"), &said).await;
    }

    /// So many seconds from now, as RFC 3339 has it.
    pub(crate) fn at(&self, secs: i64) -> String {
        jiff::Timestamp::from_microsecond(self.clock.wall_us() + secs * 1_000_000).unwrap().to_string()
    }

    pub(crate) fn status(&self) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        let output = command.arg("status").arg("--json").arg("--config").arg(self.shop.config()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// How what comes in fares.
    pub(crate) fn incoming(&self) -> Value {
        self.status()["health"]["incoming"].clone()
    }

    pub(crate) async fn taken(&self, times: u64) {
        until("it is taken", || self.incoming()["taken"].as_u64().unwrap_or(0) >= times).await;
    }

    pub(crate) async fn rejected(&self, why: &str, times: u64) {
        until(why, || self.incoming()["rejected"][why].as_u64().unwrap_or(0) >= times).await;
    }

    /// Every byte of the ledger, once nothing is written any more of what was before.
    pub(crate) async fn resting_ledger(&self) -> BTreeMap<String, Vec<u8>> {
        loop {
            let before = self.ledger();
            // Longer than between two looks of the loop.
            sleep(Duration::from_secs(6)).await;
            if self.ledger() == before {
                return before;
            }
        }
    }

    pub(crate) fn ledger(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.shop.state()).unwrap().map(|entry| entry.unwrap().path());
        let read = |path: std::path::PathBuf| Some((path.display().to_string(), fs::read(&path).ok()?));
        files.filter_map(read).collect()
    }
}

/// A client that asks, and waits for an answer below `answer/` or not.
pub(crate) async fn ask(port: u16, topic: &str, payload: &str, answer_to: &str) -> Option<(Value, Vec<u8>)> {
    let patience = if answer_to.contains("/answer/") { PATIENCE.as_secs() } else { 3 };
    ask_within(patience, port, topic, payload, answer_to).await
}

/// The same, for so many seconds.
pub(crate) async fn ask_within(
    secs: u64,
    port: u16,
    topic: &str,
    payload: &str,
    answer_to: &str,
) -> Option<(Value, Vec<u8>)> {
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
    let answer = timeout(Duration::from_secs(secs), answered).await.ok()?;
    let correlation = answer.properties.unwrap().correlation_data.unwrap();
    Some((serde_json::from_slice(&answer.payload).unwrap(), correlation.to_vec()))
}

/// Offers go to a relay as well.
pub(crate) fn with_a_relay(shop: &Shop) {
    let relay = "recipients = [{ id = \"relay\", name = \"Relay\", purpose = \"wakes your phone\" }, ";
    let promise = fs::read_to_string(shop.config().join("promise.toml")).unwrap();
    shop.write("promise.toml", &promise.replace("recipients = [", relay));
}

/// The inbox at that relay.
pub(crate) const RELAY_INBOX: &str = "wM3sRelay";

/// The one who walks, and their offers go to both.
pub(crate) fn of_both() -> String {
    CONSENT.replace(r#""push":"#, &format!(r#""relay":"{RELAY_INBOX}","push":"#))
}

/// The one who walks.
pub(crate) fn consents() -> Vec<String> {
    vec![CONSENT.to_owned()]
}
