//! What a person may ask of whoever keeps something of them, over MQTT and at a terminal: all of it, and to be forgotten.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;
#[path = "common/scene.rs"]
mod scene;

use std::time::Duration;

use daemon::CONSENT;
use listener::until;
use scene::{INBOX, RELAY_INBOX, Scene, ask, consents, of_both, with_a_relay};
use serde_json::{Value, json};

const SUBJECT: &str = "emma/v1/hall/subject";
const ANSWERS: &str = "emma/v1/hall/answer/subject/1";

/// Enough that some are erased while they are written.
const NEWCOMERS: u64 = 60;

/// What of the one who walks must be in no file once they are forgotten.
const TRACES: [&str; 5] = ["karoline", INBOX, RELAY_INBOX, "41424344", "ABCDEFGHIJKLMNOP"];

impl Scene {
    async fn asks(&self, request: &Value) -> Value {
        ask(self.broker.port, SUBJECT, &request.to_string(), ANSWERS).await.unwrap().0
    }

    /// What `emma consent export` prints.
    fn exported(&self, more: &[&str]) -> String {
        let output = self.shop.consent(&[&["export", "karoline-7"][..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn is_forgotten(&self) {
        for trace in TRACES {
            assert!(!self.shop.holds(trace), "{trace} is still there");
        }
    }
}

/// The items of one kind.
fn items<'a>(export: &'a Value, what: &str) -> &'a Vec<Value> {
    let stored = export["stored"].as_array().unwrap();
    stored.iter().find(|stored| stored["what"] == what).unwrap()["items"].as_array().unwrap()
}

/// The kinds that there is something of.
fn full(export: &Value) -> Vec<&str> {
    let stored = export["stored"].as_array().unwrap().iter();
    let full = stored.filter(|stored| !stored["items"].as_array().unwrap().is_empty());
    full.map(|stored| stored["what"].as_str().unwrap()).collect()
}

/// The same without items: what every export has in common.
fn shape(export: &Value) -> Value {
    let mut shape = export["stored"].clone();
    shape.as_array_mut().unwrap().iter_mut().for_each(|stored| stored["items"] = json!([]));
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_stored_is_told_with_what_for_and_for_how_long() {
    let personal =
        of_both().replace("contextual", "personal").replace(r#"["offers"]"#, r#"["offers","personalisation"]"#);
    let Some(mut scene) = Scene::begin_with("exports", &[personal], with_a_relay).await else { return };
    scene.is_told("omg", 2).await;
    let oak = scene.heard("/hall/offer/push/").pop().unwrap()["data"].clone();
    scene.say_back(&oak, "displayed").await;
    scene.say_back(&oak, "dismissed").await;
    let sale = json!({"inbox": INBOX, "category": "tables", "kind": "sale", "at": scene.at(-60)});
    scene.say("purchase", &sale).await;
    scene.taken(3).await;
    let export = scene.asks(&json!({"do": "export", "customer": "karoline-7"})).await;
    assert_eq!(export["result"], "export");
    assert_eq!(export["controller"], "Hall Ltd");
    let expected = ["consent", "offers-made", "offers-that-hold", "stance", "visit", "visit-now", "lease"];
    assert_eq!(full(&export), expected, "{export:#}");
    assert_eq!(items(&export, "consent")[0]["record"]["inbox"]["push"], INBOX);
    assert_eq!(items(&export, "offers-made")[0]["campaign"], "oak");
    let said = items(&export, "offers-that-hold");
    assert_eq!(said.len(), 2, "one for each recipient");
    let push = said.iter().find(|said| said["recipient"] == "push").unwrap();
    assert_eq!((&push["offer"], &push["heard"]), (&oak["offer_id"], &json!(["displayed", "dismissed"])));
    assert_eq!(push["why"], oak["why"]);
    assert!(items(&export, "stance")[0]["stance"]["matters"]["tables"]["bought"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        (&items(&export, "visit")[0]["zone"], &items(&export, "visit-now")[0]["zone"]),
        (&json!("desk"), &json!("desk"))
    );
    for stored in export["stored"].as_array().unwrap() {
        for words in ["purpose", "origin", "kept"] {
            assert!(stored[words].as_str().unwrap().len() > 10, "{words} of {}", stored["what"]);
        }
    }
    // The other way to name them, and a terminal, tell the same.
    let by_inbox = scene.asks(&json!({"do": "export", "inbox": RELAY_INBOX})).await;
    let printed: Value = serde_json::from_str(&scene.exported(&["--json"])).unwrap();
    for kind in expected.iter().take(4) {
        assert_eq!(items(&by_inbox, kind), items(&export, kind), "{kind}");
        assert_eq!(items(&printed, kind), items(&export, kind), "{kind}");
    }
    let page = scene.exported(&[]);
    for part in [
        "stored of karoline-7",
        "Hall Ltd",
        "offers-made, on the disk",
        "heard: displayed, dismissed",
        "visit-now, in memory",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // Of somebody whom nobody knows there is the same, empty.
    for nobody in [json!({"do": "export", "customer": "emil-9"}), json!({"do": "export", "inbox": "ofNobody"})] {
        let unknown = scene.asks(&nobody).await;
        assert_eq!(full(&unknown), Vec::<&str>::new());
        assert_eq!(shape(&unknown), shape(&export));
    }
    scene.say("subject", &json!({"do": "export", "customer": "karoline-7"})).await;
    scene.rejected("answer-topic", 1).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    // Without a daemon the ledger itself is asked.
    let printed: Value = serde_json::from_str(&scene.exported(&["--json"])).unwrap();
    assert_eq!(full(&printed), ["consent", "offers-made", "offers-that-hold", "stance", "visit"]);
    assert_eq!(shape(&printed), shape(&export));
}

/// Records and erasures come by two connections, so that either may be the later; but nobody is half forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_while_their_consent_is_written_is_in_memory_and_on_the_disk_or_in_neither() {
    let Some(mut scene) = Scene::begin_with("erasures of newcomers", &[of_both()], with_a_relay).await else { return };
    let (from, until_then) = (scene.at(-60), scene.at(7_200));
    for n in 0..NEWCOMERS {
        let record = json!({"customer": format!("new-{n}"), "epoch": 1, "tier": "contextual", "purposes": ["offers"],
            "identifiers": [{"phone": {"id": format!("phone-{n}")}}], "valid_from": from, "valid_until": until_then});
        scene.say("consent", &record).await;
        scene.say("subject", &json!({"do": "erase", "customer": format!("new-{n}")})).await;
    }
    // A record that comes while its customer is being forgotten is answered so, and not taken.
    let answered = || {
        let incoming = scene.incoming();
        [&incoming["taken"], &incoming["rejected"]["being-forgotten"]]
            .iter()
            .filter_map(|count| count.as_u64())
            .sum::<u64>()
    };
    until("all are answered", || answered() >= 2 * NEWCOMERS).await;
    let listed = scene.shop.consent(&["list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    for customer in (0..NEWCOMERS).map(|n| format!("new-{n}")) {
        let is_written = scene.shop.consent(&["show", &customer]).status.success();
        assert_eq!(listed.split_whitespace().any(|word| word == customer), is_written, "{customer}: {listed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_to_be_forgotten_is_in_the_middle_of_a_visit() {
    let Some(mut scene) = Scene::begin_with("erasures", &[of_both()], with_a_relay).await else { return };
    scene.is_told("omg", 2).await;
    let offers: Vec<Value> = scene.offers().iter().map(|offer| offer["data"]["offer_id"].clone()).collect();
    assert!(scene.shop.holds("karoline-7"));
    let forgotten = json!({"result": "forgotten"});
    assert_eq!(scene.asks(&json!({"do": "erase", "inbox": INBOX})).await, forgotten);
    scene.is_forgotten();
    let is_told = |scene: &Scene, offer: &Value| {
        scene.ends().contains(&(offer.as_str().unwrap().to_owned(), "withdrawn".to_owned()))
    };
    until("both recipients are told", || offers.iter().all(|offer| is_told(&scene, offer))).await;
    assert_eq!(scene.status()["present"], 0);
    // Whoever is unknown is forgotten as well, and the ledger is not written for a name of nobody.
    let before = scene.resting_ledger().await;
    for whom in [json!({"do": "erase", "customer": "karoline-7"}), json!({"do": "erase", "inbox": INBOX})] {
        assert_eq!(scene.asks(&whom).await, forgotten);
    }
    assert!(scene.ledger() == before);
    let export = scene.asks(&json!({"do": "export", "customer": "karoline-7"})).await;
    assert_eq!(full(&export), ["forgotten", "withdrawn-lately"], "a keyed hash and a date; and for a day an epoch");
    assert_eq!(items(&export, "forgotten")[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["at", "hash"]);
    for (request, why) in [(json!({"do": "burn", "inbox": "x"}), "kind"), (json!({"do": "erase"}), "fields")] {
        assert_eq!(scene.asks(&request).await, json!({"result": "rejected", "reason": why}));
    }
    // Their beacon is a stranger's now.
    for _ in 0..5 {
        scene.is_heard_at("omg2").await;
    }
    scene.is_forgotten();
    assert_eq!(scene.offers().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_asked_for_is_done_whatever_dies_meanwhile() {
    let Some(mut scene) = Scene::begin("erasures over a kill", &consents()).await else { return };
    scene.is_told("omg", 1).await;
    // Somebody holds the file, so that it cannot be done, and then the power goes.
    let ledger = rusqlite::Connection::open(scene.shop.state().join("ledger.db")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let erase = json!({"do": "erase", "customer": "karoline-7"});
    scene.say("subject", &erase).await;
    until("silence is at once", || scene.status()["customers"] == 0).await;
    scene.emma.take().unwrap().kill();
    ledger.execute_batch("ROLLBACK").unwrap();
    drop(ledger);
    assert!(scene.shop.holds("karoline-7"), "it was not done");
    scene.start().await;
    // The broker has it still.
    scene.taken(1).await;
    scene.is_forgotten();
    // So has it while Emma is down.
    scene.shop.import(CONSENT);
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    assert!(scene.shop.holds("karoline-7"));
    scene.say("subject", &erase).await;
    scene.start().await;
    scene.taken(1).await;
    scene.is_forgotten();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_a_broker_keeps_does_not_forget_whoever_comes_back() {
    let Some(mut scene) = Scene::begin("a retained erasure", &consents()).await else { return };
    scene.keep("subject", &json!({"do": "erase", "customer": "karoline-7"})).await;
    scene.taken(1).await;
    scene.is_forgotten();
    scene.shop.import(CONSENT);
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.start().await;
    scene.rejected("retained", 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(scene.status()["customers"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_in_an_answer_is_counted_and_is_told_at_a_terminal() {
    let lines = "persistence false\nmax_packet_size 9000";
    let wishes: Vec<Value> = (0..32).map(|n| json!({"category": format!("wish-{n}")})).collect();
    let wishes = format!(r#""wishes":{},"language""#, json!(wishes));
    let personal = CONSENT.replace("contextual", "personal").replace(r#""language""#, &wishes);
    let Some(mut scene) = Scene::begin_on("a broker that takes little", lines, &[personal], |_| {}).await else {
        return;
    };
    let export = scene.asks(&json!({"do": "export", "customer": "karoline-7"})).await;
    assert_eq!(items(&export, "consent").len(), 1, "it fits");
    for nth in 1..=6 {
        scene.is_told(if nth % 2 == 1 { "omg" } else { "omg2" }, nth).await;
    }
    let export = scene.asks(&json!({"do": "export", "customer": "karoline-7"})).await;
    let left_out: u64 = export["stored"].as_array().unwrap().iter().filter_map(|kind| kind["left_out"].as_u64()).sum();
    assert!(left_out > 0 && export.to_string().len() < 9_000, "{left_out}");
    let printed: Value = serde_json::from_str(&scene.exported(&["--json"])).unwrap();
    assert_eq!(items(&printed, "offers-made").len(), 6);
    assert_eq!(scene.incoming()["taken"], 2, "a connection was lost over it");
}
