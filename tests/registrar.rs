//! Consents over the network: a real broker, the real `emma run`, and a registrar that tells, withdraws and beats.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "one offer is all that is needed")]
#[path = "common/deliveries.rs"]
mod deliveries;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/registrar.rs"]
mod registrar;
#[path = "common/scanner.rs"]
mod scanner;

use std::process::Command;

use broker::Mosquitto;
use daemon::{CONSENT, Daemon, Shop};
use emma::clock::Clock;
use emma::gateway::effect::Answer;
use emma::ledger::Store;
use listener::{Listener, until};
use registrar::Registrar;
use scanner::Scanner;
use serde_json::{Value, json};

const DAY_US: i64 = 86_400_000_000;

/// A shop that knows nobody, and a registrar.
struct Scene {
    broker: Mosquitto,
    listener: Listener,
    shop: Shop,
    emma: Option<Daemon>,
    registrar: Registrar,
    clock: Clock,
}

impl Scene {
    async fn begin(skipped: &str) -> Option<Self> {
        let broker = Mosquitto::start(skipped, "persistence false")?;
        let listener = Listener::start(broker.port).await;
        let shop = Shop::new(broker.port);
        let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
        shop.write("gateway.toml", &gateway.replace("\"auto\"", "\"none\"").replace("trace", "debug"));
        let registrar = Registrar::start("hq", broker.port).await;
        let mut scene = Self { broker, listener, shop, emma: None, registrar, clock: Clock::start() };
        scene.start().await;
        Some(scene)
    }

    async fn start(&mut self) {
        self.emma = Some(self.shop.run("unix:path=/nowhere"));
        until("it listens", || self.incoming()["listening"] == true).await;
    }

    /// So many seconds from now, as RFC 3339 has it.
    fn at(&self, secs: i64) -> String {
        instant(self.clock.wall_us() + secs * 1_000_000)
    }

    /// A record of this customer, good for ten days.
    fn record(&self, customer: &str, epoch: u64) -> Value {
        json!({
            "customer": customer, "epoch": epoch, "tier": "contextual", "purposes": ["offers"],
            "identifiers": [{"phone": {"id": format!("phone-{customer}")}}],
            "valid_from": self.at(-3_600), "valid_until": self.at(10 * 86_400),
        })
    }

    async fn tell(&mut self, record: &Value) -> Value {
        self.registrar.ask(&record.to_string()).await
    }

    async fn withdraw(&mut self, customer: &str, epoch: u64) -> Value {
        self.tell(&json!({"customer": customer, "epoch": epoch, "withdrawn": true})).await
    }

    /// A beat that sums up these customers and epochs; what the state topic makes of it.
    async fn beat(&mut self, registrar: &str, secs: i64, told: &[(&str, u64)]) -> Value {
        let at = self.at(secs);
        let message = json!({
            "registrar": registrar, "at": at, "count": told.len(), "digest": registrar::digest(told),
        });
        self.registrar.keep("consent-feed", &message.to_string()).await;
        until("the beat is heard", || self.feed()["at"] == json!(at)).await;
        self.feed()
    }

    fn feed(&self) -> Value {
        let state: Value = serde_json::from_str(&self.listener.last("/state").unwrap()).unwrap();
        state["consent_feed"].clone()
    }

    fn emma(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        let output = command.args(arguments).arg("--config").arg(self.shop.config()).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }

    fn incoming(&self) -> Value {
        let status: Value = serde_json::from_str(&self.emma(&["status", "--json"])).unwrap_or_default();
        status["health"]["incoming"].clone()
    }

    async fn rejected(&self, why: &str, times: u64) {
        until(why, || self.incoming()["rejected"][why].as_u64().unwrap_or(0) >= times).await;
    }

    fn customers(&self) -> Value {
        let status: Value = serde_json::from_str(&self.emma(&["status", "--json"])).unwrap_or_default();
        status["customers"].clone()
    }

    /// Whether it ends about a day from now.
    fn is_a_day_ahead(&self, answer: &Value) -> bool {
        let until_us = micros(&answer["valid_until"]);
        (until_us - self.clock.wall_us() - DAY_US).abs() < 120_000_000
    }
}

fn instant(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).unwrap().to_string()
}

fn micros(instant: &Value) -> i64 {
    instant.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn reason(answer: &Value) -> &str {
    assert_eq!(answer["result"], "rejected", "{answer}");
    answer["reason"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_accepted_on_a_lease_and_withdrawn() {
    let Some(mut scene) = Scene::begin("consents over the network").await else { return };
    let record = scene.record("karoline-7", 4);
    let answer = scene.tell(&record).await;
    assert_eq!((&answer["result"], &answer["epoch"]), (&json!("accepted"), &json!(4)), "{answer}");
    assert!(scene.is_a_day_ahead(&answer), "{answer}");
    let inbox = answer["inbox"]["push"].as_str().unwrap().to_owned();
    assert_eq!(inbox.len(), 32);
    let shown = scene.emma(&["consent", "show", "karoline-7"]);
    assert!(shown.contains(&inbox) && shown.contains("on a lease"), "{shown}");
    assert!(scene.emma(&["consent", "list"]).contains("on a lease"));
    // Told again it keeps its inbox, and a change of it is a later epoch.
    assert_eq!(scene.tell(&record).await["inbox"]["push"], inbox);
    let mut changed = scene.record("karoline-7", 5);
    changed["valid_until"] = json!(scene.at(7_200));
    let answer = scene.tell(&changed).await;
    assert_eq!(
        (&answer["epoch"], &answer["valid_until"]),
        (&json!(5), &changed["valid_until"]),
        "a lease is no longer"
    );
    assert_eq!(answer["inbox"]["push"], inbox);
    assert_eq!(reason(&scene.tell(&record).await), "stale-epoch");
    assert_eq!(reason(&scene.withdraw("karoline-7", 4).await), "stale-epoch");
    assert_eq!(scene.customers(), 1);
    // A kill in the middle costs nothing that was answered.
    scene.emma.take().unwrap().kill();
    scene.start().await;
    let answer = scene.tell(&changed).await;
    assert_eq!(answer["inbox"]["push"], inbox);
    let asked_us = scene.clock.monotonic_us();
    assert_eq!(scene.withdraw("karoline-7", 5).await, json!({"result": "forgotten", "epoch": 5}));
    let took_us = scene.clock.monotonic_us() - asked_us;
    assert!(took_us < 30_000_000, "a withdrawal took {took_us} us");
    assert!(!scene.shop.holds("karoline-7") && !scene.shop.holds(&inbox), "something of them is left");
    assert_eq!(scene.withdraw("karoline-7", 5).await["result"], "forgotten", "twice is once");
    assert_eq!(scene.withdraw("nobody-1", 1).await["result"], "forgotten");
    assert_eq!(scene.customers(), 0);
    assert!(!scene.shop.holds("nobody-1"));
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_answered_with_the_word_for_why() {
    let Some(mut scene) = Scene::begin("records that are refused").await else { return };
    let record = scene.record("ann-1", 1);
    assert_eq!(scene.tell(&record).await["result"], "accepted");
    let mut taken = scene.record("ben-2", 1);
    taken["identifiers"] = record["identifiers"].clone();
    assert_eq!(reason(&scene.tell(&taken).await), "identifier-taken");
    let mut unknown = scene.record("ben-2", 1);
    unknown["only_on_sundays"] = json!(true);
    let answer = scene.tell(&unknown).await;
    assert_eq!(reason(&answer), "record");
    assert!(answer["problems"][0].as_str().unwrap().contains("only_on_sundays"), "{answer}");
    for rubbish in ["", "[", "null", "{}", "\u{feff}[1]", r#"{"customer":"ben-2","epoch":-1}"#] {
        let answer = scene.registrar.ask(rubbish).await;
        assert_eq!(reason(&answer), "record", "{rubbish}");
        assert!(!answer["problems"].as_array().unwrap().is_empty());
    }
    let mut secret = scene.record("ben-2", 1);
    secret["identifiers"] = json!([{"irk": "00112233445566778899aabbccddee"}]);
    let answer = scene.tell(&secret).await.to_string();
    assert!(!answer.contains("00112233") && !answer.contains("ben-2"), "{answer}");
    assert_eq!(reason(&scene.registrar.ask(&" ".repeat(16 * 1024 + 1)).await), "too-long");
    assert_eq!(reason(&scene.registrar.ask_bytes(&[0xff, 0xfe]).await), "not-json");
    let mut elsewhere = scene.record("ben-2", 1);
    elsewhere["sites"] = json!(["bern"]);
    let answer = scene.tell(&elsewhere).await;
    assert!(answer["warnings"][0].as_str().unwrap().starts_with("sites:"), "{answer}");
    // Answered only where answers go.
    for elsewhere in ["emma/v1/hall/offer/push/x", "emma/v1/bern/answer/7", "emma/v1/hall/answer", "elsewhere"] {
        let withdrawal = json!({"customer": "ben-2", "epoch": 1, "withdrawn": true}).to_string();
        assert!(scene.registrar.ask_at(withdrawal.as_bytes(), elsewhere).await.is_none(), "{elsewhere} is answered");
    }
    until("it is forgotten all the same", || scene.customers() == 1).await;
    // What the broker repeats is not heeded.
    let kept = scene.record("cat-3", 1).to_string();
    scene.registrar.keep("consent", &kept).await;
    until("it is taken", || scene.customers() == 2).await;
    assert_eq!(scene.withdraw("cat-3", 1).await["result"], "forgotten");
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.start().await;
    scene.rejected("retained", 1).await;
    assert_eq!(scene.customers(), 1);
    let log = scene.shop.log();
    for name in ["ann-1", "ben-2", "cat-3", "only_on_sundays"] {
        assert!(!log.contains(name), "{name} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_agrees_holds_and_one_that_does_not_asks_for_a_snapshot() {
    let Some(mut scene) = Scene::begin("a feed").await else { return };
    assert_eq!(scene.feed(), Value::Null);
    scene.shop.import(CONSENT);
    let (ann, ben) = (scene.record("ann-1", 3), scene.record("ben-2", 1));
    assert_eq!(scene.tell(&ann).await["result"], "accepted");
    let feed = scene.beat("hq", -60, &[("ann-1", 3)]).await;
    assert_eq!(
        (&feed["registrar"], &feed["agrees"], &feed["count"]),
        (&json!("hq"), &json!(true), &json!(1)),
        "{feed}"
    );
    let feed = scene.beat("hq", -50, &[("ann-1", 3), ("ben-2", 1)]).await;
    assert_eq!((&feed["agrees"], &feed["wants_snapshot"]), (&json!(false), &json!(true)), "{feed}");
    assert!(scene.emma(&["status"]).contains("NOT AGREE"), "{}", scene.emma(&["status"]));
    for record in [&ann, &ben] {
        assert_eq!(scene.tell(record).await["result"], "accepted");
    }
    let feed = scene.beat("hq", -40, &[("ann-1", 3), ("ben-2", 1)]).await;
    assert_eq!((&feed["agrees"], &feed["wants_snapshot"]), (&json!(true), &json!(false)), "{feed}");
    assert_eq!(scene.shop.log().matches("asked for a snapshot").count(), 1);
    assert_eq!(scene.withdraw("ann-1", 3).await["result"], "forgotten");
    assert_eq!(scene.beat("hq", -30, &[("ben-2", 1)]).await["agrees"], true);
    // Another registrar, an older beat, and one from the future.
    let beat = |scene: &Scene, registrar: &str, secs| {
        let digest = registrar::digest(&[("ben-2", 1)]);
        json!({"registrar": registrar, "at": scene.at(secs), "count": 1, "digest": digest}).to_string()
    };
    for (registrar, secs, why) in [("branch", -10, "registrar"), ("hq", -45, "older"), ("hq", 600, "from-the-future")] {
        let message = beat(&scene, registrar, secs);
        scene.registrar.say("consent-feed", &message).await;
        scene.rejected(why, 1).await;
    }
    scene.registrar.say("consent-feed", r#"{"registrar":"hq","at":"soon","count":1,"digest":"00"}"#).await;
    scene.rejected("text", 1).await;
    // It is remembered over a clean stop and a kill, and what the broker keeps of it asks for nothing.
    let last = beat(&scene, "hq", -20);
    scene.registrar.keep("consent-feed", &last).await;
    until("it agrees", || scene.feed()["at"] == json!(serde_json::from_str::<Value>(&last).unwrap()["at"])).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.start().await;
    until("it agrees still", || scene.feed()["agrees"] == true).await;
    assert_eq!(scene.feed()["registrar"], "hq");
    assert_eq!(scene.withdraw("ben-2", 2).await["result"], "forgotten");
    scene.emma.take().unwrap().kill();
    scene.start().await;
    until("it is heard", || scene.feed()["agrees"] == false).await;
    assert_eq!(scene.feed()["wants_snapshot"], false, "a withdrawal may have come after it");
    assert_eq!(scene.beat("hq", 0, &[]).await["agrees"], true, "what came by file is not in it");
    assert_eq!(scene.customers(), 1);
    let log = scene.shop.log();
    assert!(!log.contains("ann-1") && !log.contains("ben-2"), "somebody is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_records_is_taken_in_order_and_delays_nobody_else() {
    let Some(mut scene) = Scene::begin("a flood of records").await else { return };
    let many = 1_200;
    let names: Vec<String> = (0..many).map(|nth| format!("c-{nth:04}")).collect();
    for name in &names {
        let record = scene.record(name, 1).to_string();
        scene.registrar.say("consent", &record).await;
    }
    // A customer asks meanwhile, by another connection, and a record that is told after the flood is the last.
    let mut app = Scanner::new("app", scene.broker.port);
    let asked = scene.customers().as_u64().unwrap();
    app.say("emma/v1/hall/feedback/anybody", r#"{"offer_id":"x","kind":"liked"}"#).await;
    scene.rejected("kind", 1).await;
    let at_answer = scene.customers().as_u64().unwrap();
    assert_eq!(scene.withdraw("c-0000", 1).await["result"], "forgotten");
    assert_eq!(scene.customers(), many - 1, "{asked} when the customer asked, {at_answer} when they were heard");
    let mut told: Vec<(&str, u64)> = names.iter().map(|name| (&**name, 1)).collect();
    told.remove(0);
    let feed = scene.beat("hq", 0, &told).await;
    assert_eq!((&feed["agrees"], &feed["count"]), (&json!(true), &json!(many - 1)), "{feed}");
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_withdrew_is_not_brought_back_by_what_was_said_before() {
    let Some(mut scene) = Scene::begin("old records").await else { return };
    let record = scene.record("ann-1", 1);
    assert_eq!(scene.tell(&record).await["result"], "accepted");
    scene.emma.take().unwrap().terminate();
    let store = Store::open(&scene.shop.state().join("ledger.db"), [0; 32]).unwrap();
    assert_eq!(deliveries::grant(&store, "ann-1", scene.clock.wall_us(), &[]), Answer::Granted);
    drop(store);
    scene.start().await;
    assert_eq!(scene.withdraw("ann-1", 1).await["result"], "forgotten");
    assert_eq!(reason(&scene.tell(&record).await), "stale-epoch");
    // A restart knows of the withdrawal no more than that there was one, and when.
    scene.emma.take().unwrap().kill();
    scene.start().await;
    let answer = scene.tell(&record).await;
    assert_eq!(reason(&answer), "forgotten");
    assert!(answer["problems"][0].as_str().unwrap().contains("valid_from"), "{answer}");
    assert_eq!(scene.customers(), 0);
    assert!(!scene.shop.holds("ann-1"));
    // Who agrees anew says so from then on.
    let mut anew = scene.record("ann-1", 2);
    anew["valid_from"] = json!(scene.at(0));
    assert_eq!(scene.tell(&anew).await["result"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_cannot_be_written_everything_waits_in_its_order() {
    let Some(mut scene) = Scene::begin("a disk that cannot be written").await else { return };
    let store = Store::open(&scene.shop.state().join("ledger.db"), [0; 32]).unwrap();
    store.begin().unwrap();
    let record = scene.record("ann-1", 7).to_string();
    scene.registrar.say("consent", &record).await;
    scene.registrar.say("consent", r#"{"customer":"ann-1","epoch":8,"withdrawn":true}"#).await;
    until("the ledger has given up", || scene.shop.log().contains("until the ledger can be written again")).await;
    assert_eq!(scene.emma(&["consent", "list"]).lines().count(), 2, "it counts before it is on disk");
    assert_eq!(scene.incoming()["taken"], 0);
    store.rollback();
    // The record came first and the withdrawal after it; this one may find it being forgotten.
    let later = scene.record("ann-1", 7).to_string();
    let answer = scene.registrar.ask(&later).await;
    assert!(matches!(reason(&answer), "stale-epoch" | "being-forgotten"), "{answer}");
    assert_eq!(scene.customers(), 0);
    until("the first two are taken", || scene.incoming()["taken"].as_u64().unwrap_or(0) >= 2).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}
