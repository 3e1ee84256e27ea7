//! Home Assistant is told of a gateway where a shop wants that: a real broker, the real `emma run`, and somebody who reads
//! what stands below `homeassistant/`.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;

use std::collections::BTreeSet;
use std::fs;

use broker::Mosquitto;
use daemon::Shop;
use listener::{Listener, until};
use serde_json::Value;

const TOPIC: &str = "homeassistant/device/emma_hall_sensor10/config";

/// Emma in three lives, as `[home-assistant]` has it.
struct Scene {
    broker: Mosquitto,
    shop: Shop,
    gateway: String,
}

impl Scene {
    fn begin(skipped: &str) -> Option<Self> {
        let broker = Mosquitto::start(skipped, "persistence false")?;
        let shop = Shop::new(broker.port);
        let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap().replace("\"auto\"", "\"none\"");
        Some(Self { broker, shop, gateway })
    }

    /// A life with these lines more; what a subscriber of everything has heard by the first health message.
    async fn live(&self, listens: &str, lines: &str) -> Listener {
        self.shop.write("gateway.toml", &format!("{}{lines}", self.gateway));
        let listener = Listener::start_at(listens, self.broker.port, "#").await;
        let before = listener.heard("/health").len();
        let emma = self.shop.run("unix:path=/nowhere");
        until("health", || listener.heard("/health").len() > before).await;
        drop(emma);
        listener
    }

    /// What the broker has kept below `homeassistant/`. The state, which it keeps too, shows that nothing more comes.
    async fn kept(&self) -> Vec<String> {
        let newcomer = Listener::start_at("newcomer", self.broker.port, "#").await;
        until("the state", || newcomer.state().is_some()).await;
        newcomer.heard("homeassistant/").iter().map(|said| String::from_utf8_lossy(&said.topic).into_owned()).collect()
    }
}

/// What a template like `{{ value_json.outbox.depth }}` takes from a message; nothing where there is no such field.
fn evaluated<'a>(template: &Value, message: &'a Value) -> Option<&'a Value> {
    let path = template.as_str()?.strip_prefix("{{ value_json.")?.strip_suffix(" }}")?;
    path.split('.').try_fold(message, |value, key| value.get(key))
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_nothing_is_said_to_home_assistant() {
    let Some(scene) = Scene::begin("silence towards Home Assistant") else { return };
    let heard = scene.live("first", "").await;
    assert!(heard.heard("homeassistant").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_home_assistant_is_told_is_where_it_says_and_is_taken_back_when_it_is_switched_off() {
    let Some(scene) = Scene::begin("Home Assistant discovery") else { return };
    let heard = scene.live("first", "[home-assistant]\ndiscovery = true\n").await;
    let told: Value = serde_json::from_str(&heard.last(TOPIC).unwrap()).unwrap();
    assert_eq!(scene.kept().await, [TOPIC]);
    assert!(told["origin"]["name"].is_string() && told["device"]["identifiers"][0] == "emma_hall_sensor10");
    let components = told["components"].as_object().unwrap();
    let names: Vec<&str> = components.keys().map(String::as_str).collect();
    assert_eq!(names, ["clock", "dropped", "heard", "online", "outbox_age", "outbox_depth", "scanning"]);
    let mut ids = BTreeSet::new();
    for (name, component) in components {
        let topic = component["state_topic"].as_str().unwrap();
        let message: Value = serde_json::from_str(&heard.last(topic).unwrap()).unwrap();
        let value = evaluated(&component["value_template"], &message);
        let value = value.unwrap_or_else(|| panic!("{name}: {} is not in {message}", component["value_template"]));
        let is_sound = match name.as_str() {
            "online" => [&component["payload_on"], &component["payload_off"]].contains(&value),
            "scanning" => value.is_boolean(),
            "clock" => component["options"].as_array().unwrap().contains(value),
            "outbox_age" => value.is_null() || value.is_u64(),
            _ => value.is_u64(),
        };
        assert!(is_sound, "{name}: {value}");
        if let Some(available) = component.get("availability_topic") {
            let state: Value = serde_json::from_str(&heard.last(available.as_str().unwrap()).unwrap()).unwrap();
            let word = evaluated(&component["availability_template"], &state).and_then(Value::as_str);
            assert!(matches!(word, Some("online" | "offline")), "the words that Home Assistant expects: {name}");
        }
        assert!(component["platform"].is_string() && component["name"].is_string());
        assert!(ids.insert(component["unique_id"].as_str().unwrap().to_owned()), "one id each: {name}");
    }
    scene.live("second", "[home-assistant]\ndiscovery = false\n").await;
    assert!(scene.kept().await.is_empty(), "it is taken back");
    scene.live("third", "[home-assistant]\ndiscovery = true\nprefix = \"ha\"\n").await;
    assert!(scene.kept().await.is_empty(), "under another prefix");
}
