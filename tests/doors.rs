//! A record means the same wherever it comes in: as a message on MQTT, by the command line while Emma runs, and by the command
//! line on the ledger itself. What becomes of a consent in each of its ten states, at a real broker and the real `emma run`.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/registrar.rs"]
mod registrar;

use broker::Mosquitto;
use daemon::{Daemon, Shop};
use emma::clock::Clock;
use emma::gateway::consent::{Meaning, State};
use listener::{Listener, until};
use registrar::Registrar;
use serde_json::{Value, json};

/// A record of this customer, with `changes` made to it; `null` takes a field out.
fn record(customer: &str, epoch: u64, changes: &Value) -> String {
    let mut record = json!({
        "customer": customer, "epoch": epoch, "tier": "contextual", "purposes": ["offers"],
        "identifiers": [{"phone": {"id": format!("phone-{customer}")}}],
        "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2035-01-01T00:00:00Z",
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(record.as_object_mut().unwrap().remove(name)),
            value => record[name] = value.clone(),
        }
    }
    record.to_string()
}

/// Good and bad records, in the order in which they are told, and what becomes of each.
fn told() -> Vec<(String, &'static str)> {
    let ann = |epoch, changes: Value| record("ann", epoch, &changes);
    let ben = |changes: Value| record("ben", 1, &changes);
    vec![
        (ann(3, json!({})), "accepted"),
        (ann(3, json!({})), "accepted"),
        (
            ann(3, json!({"purposes": [], "given_at": "2025-12-24T00:00:00Z", "proof": "p/1", "state": "given"})),
            "accepted",
        ),
        (ann(3, json!({})), "widens"),
        (ann(2, json!({})), "stale-epoch"),
        (ann(4, json!({"tier": "personal", "state": "renewed", "notice": {"version": "4"}})), "accepted"),
        (ann(4, json!({"tier": "personal", "sites": ["hall"]})), "accepted"),
        (ann(4, json!({"tier": "personal", "inbox": {"push": "a", "other": "b"}})), "widens"),
        (ben(json!({"identifiers": [{"phone": {"id": "phone-ann"}}]})), "identifier-taken"),
        (ben(json!({"tier": "contxtual"})), "record"),
        (ben(json!({"only_on_sundays": true})), "record"),
        (ben(json!({"purposes": null})), "record"),
        (ben(json!({"given_at": "2026-01-02T00:00:00Z"})), "record"),
        (ben(json!({"state": "taken"})), "record"),
        (ben(json!({"proof": ""})), "record"),
        (ben(json!({"valid_until": "2025-01-01T00:00:00Z", "tier": 7})), "record"),
        (ben(json!({"withdrawn": true})), "record"),
        (ben(json!({"state": "requested"})), "forgotten"),
        (ben(json!({"state": "unknown"})), "forgotten"),
        ("{".to_owned(), "record"),
        ("[]".to_owned(), "record"),
        (r#"{"customer":"ben","epoch":1,"epoch":2,"state":"expired"}"#.to_owned(), "record"),
        (format!("{}{}", ben(json!({})), " ".repeat(17 * 1024)), "too-long"),
        (r#"{"customer":"ann","epoch":3,"state":"expired"}"#.to_owned(), "stale-epoch"),
        (r#"{"customer":"ann","epoch":5,"state":"deferred"}"#.to_owned(), "lapsed"),
        (ann(5, json!({})), "widens"),
        (ann(6, json!({})), "accepted"),
        (r#"{"customer":"ann","epoch":6,"state":"revoked","tier":null}"#.to_owned(), "forgotten"),
    ]
}

/// What the command line makes of each record, and the sentences it has for a refusal.
fn by_command_line(shop: &Shop) -> Vec<(String, Vec<String>)> {
    let verdict = |(record, _): (String, &str)| {
        let file = shop.config().join("told.jsonl");
        std::fs::write(&file, record).unwrap();
        let output = shop.consent(&["import", file.to_str().unwrap()]);
        let out = String::from_utf8(output.stdout).unwrap();
        let refused: Vec<String> = String::from_utf8(output.stderr)
            .unwrap()
            .lines()
            .filter_map(|line| Some(line.split_once("told.jsonl:1: refused: ")?.1.to_owned()))
            .collect();
        let word = refused.first().and_then(|line| line.split_once(": ")).map(|(word, _)| word.to_owned());
        let done = match &out {
            out if out.starts_with("1 consents taken") => "accepted",
            out if out.contains("1 consents lapsed") => "lapsed",
            out if out.contains("0 records refused") => "forgotten",
            _ => "nothing",
        };
        let code = if word.is_some() { 65 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{out}{refused:?}");
        let word = word.unwrap_or_else(|| done.to_owned());
        let sentences = refused.iter().map(|line| sentence(line, &word)).collect();
        (word, sentences)
    };
    told().into_iter().map(verdict).collect()
}

/// A sentence without the word that it may begin with.
fn sentence(line: &str, word: &str) -> String {
    line.strip_prefix(&format!("{word}: ")).unwrap_or(line).to_owned()
}

/// The same of an answer.
fn verdict(answer: &Value, now_us: i64) -> (String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match answer["result"].as_str().unwrap() {
        "rejected" => {
            let reason = text(&answer["reason"]);
            let problems = answer["problems"].as_array().cloned().unwrap_or_default();
            let sentences = problems.iter().map(|problem| sentence(&text(problem), &reason)).collect();
            (reason, sentences)
        }
        "accepted" if text(&answer["valid_until"]).parse::<jiff::Timestamp>().unwrap().as_microsecond() <= now_us => {
            ("lapsed".to_owned(), Vec::new())
        }
        other => (other.to_owned(), Vec::new()),
    }
}

/// A shop without a radio, which knows nobody, and a registrar.
struct Scene {
    _broker: Mosquitto,
    _listener: Listener,
    shop: Shop,
    _emma: Daemon,
    registrar: Registrar,
    clock: Clock,
}

impl Scene {
    async fn begin(skipped: &str) -> Option<Self> {
        let broker = Mosquitto::start(skipped, "persistence false")?;
        let listener = Listener::start(broker.port).await;
        let shop = shop_without_radio(broker.port);
        let registrar = Registrar::start("hq", broker.port).await;
        let emma = shop.run("unix:path=/nowhere");
        until("it listens", || {
            let ended = shop.status();
            ended["health"]["incoming"]["listening"] == true
        })
        .await;
        Some(Self { _broker: broker, _listener: listener, shop, _emma: emma, registrar, clock: Clock::start() })
    }

    async fn tell(&mut self, record: &str) -> (String, Vec<String>) {
        let answer = self.registrar.ask(record).await;
        verdict(&answer, self.clock.wall_us() + 1_000_000)
    }
}

fn shop_without_radio(port: u16) -> Shop {
    let shop = Shop::new(port);
    let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    shop.write("gateway.toml", &gateway.replace("\"auto\"", "\"none\"").replace("trace", "debug"));
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_record_is_judged_the_same_at_each_door() {
    let Some(mut scene) = Scene::begin("one validation at three doors").await else { return };
    let mut by_message = Vec::new();
    for (record, wanted) in told() {
        // Over the network a record that is this long is passed over before it is looked at.
        let verdict =
            if record.len() > 20_000 { ("too-long".to_owned(), Vec::new()) } else { scene.tell(&record).await };
        assert_eq!(verdict.0, wanted, "{record}: {verdict:?}");
        by_message.push(verdict);
    }
    // The same shop, which knows nobody any more, over the socket; and another one without a daemon.
    let over_socket = by_command_line(&scene.shop);
    let on_ledger = by_command_line(&shop_without_radio(1));
    for (nth, (record, _)) in told().iter().enumerate() {
        assert_eq!(over_socket[nth], on_ledger[nth], "with and without a daemon: {record}");
        assert_eq!(over_socket[nth].0, by_message[nth].0, "{record}");
        if by_message[nth].0 != "too-long" {
            assert_eq!(over_socket[nth].1, by_message[nth].1, "{record}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_ten_states_are_a_yes_and_of_whoever_never_said_it_nothing_is_kept() {
    let Some(mut scene) = Scene::begin("ten states").await else { return };
    for state in State::ALL {
        let word = state.word();
        let (known, new) = (format!("known-{word}-7"), format!("new-{word}-7"));
        assert_eq!(scene.tell(&record(&known, 1, &json!({}))).await.0, "accepted");
        let said = |customer: &str, epoch| record(customer, epoch, &json!({"state": word}));
        let (of_known, of_new) = (scene.tell(&said(&known, 2)).await.0, scene.tell(&said(&new, 2)).await.0);
        let shown = scene.shop.consent(&["show", &known]);
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap_or_default();
        let is_kept = |customer: &str| scene.shop.holds(customer);
        match state.meaning() {
            Meaning::Opens => {
                assert_eq!((&*of_known, &*of_new, &shown["state"]), ("accepted", "accepted", &json!(word)));
            }
            Meaning::Lapses => {
                assert_eq!(
                    (&*of_known, &*of_new, &shown["state"]),
                    ("lapsed", "forgotten", &json!("expired")),
                    "{word}"
                );
                assert_eq!(shown["epoch"], 2);
                assert!(is_kept(&known) && !is_kept(&new), "{word}");
                let taken = record(
                    &format!("another-{word}"),
                    1,
                    &json!({"identifiers": [{"phone": {"id": format!("phone-{known}")}}]}),
                );
                assert_eq!(scene.tell(&taken).await.0, "accepted", "its devices are free: {word}");
                let withdrawal = json!({"customer": format!("another-{word}"), "epoch": 1, "withdrawn": true});
                assert_eq!(scene.tell(&withdrawal.to_string()).await.0, "forgotten");
                // Whoever was asked and says yes is taken, at the next epoch.
                assert_eq!(scene.tell(&record(&known, 2, &json!({}))).await.0, "widens", "{word}");
                assert_eq!(scene.tell(&record(&known, 3, &json!({"state": "renewed"}))).await.0, "accepted", "{word}");
            }
            Meaning::Forgets => {
                assert_eq!((&*of_known, &*of_new, &shown), ("forgotten", "forgotten", &Value::Null), "{word}");
                assert!(!is_kept(&known) && !is_kept(&new), "{word}");
                assert_eq!(scene.tell(&record(&known, 2, &json!({}))).await.0, "stale-epoch", "{word}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_lapsed_is_so_after_a_kill_and_in_no_beat() {
    let Some(mut scene) = Scene::begin("a lapse and a kill").await else { return };
    assert_eq!(scene.tell(&record("ann-7", 1, &json!({}))).await.0, "accepted");
    assert_eq!(scene.tell(r#"{"customer":"ann-7","epoch":2,"state":"expired"}"#).await.0, "lapsed");
    let Scene { _broker: broker, _listener: listener, shop, _emma: emma, mut registrar, clock } = scene;
    emma.kill();
    let emma = shop.run("unix:path=/nowhere");
    until("it listens", || shop.status()["health"]["incoming"]["listening"] == true).await;
    let at = jiff::Timestamp::from_microsecond(clock.wall_us()).unwrap().to_string();
    let beat = json!({"registrar": "hq", "at": at, "count": 0, "digest": registrar::digest(&[])});
    registrar.keep("consent-feed", &beat.to_string()).await;
    let feed = || shop.status()["state"]["consent_feed"].clone();
    until("the beat is heard", || feed()["at"] == json!(at)).await;
    assert_eq!((&feed()["agrees"], &feed()["count"]), (&json!(true), &json!(0)), "{}", feed());
    let shown = shop.consent(&["show", "ann-7"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(r#""state": "expired""#));
    drop((listener, broker));
    emma.kill();
}
