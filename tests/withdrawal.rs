//! Whoever withdraws is forgotten at once, and whoever still holds an offer of theirs is told that it has ended: from memory
//! alone, since no file may have a byte of them.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/deliveries.rs"]
mod deliveries;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;
#[path = "common/scene.rs"]
mod scene;

use std::fs;
use std::path::Path;

use deliveries::{HOUR_US, MINUTE_US, customer, draft, open, reservation};
use emma::gateway::effect::Ending;
use emma::ledger::Store;
use emma::mqtt::{OutboxRow, Outcome};
use listener::until;
use scanner::Scanner;
use scene::{INBOX, RELAY_INBOX, Scene, of_both, with_a_relay};
use serde_json::Value;
use tempfile::TempDir;

/// What of the one who walks must be in no file.
const TRACES: [&str; 5] = ["karoline", INBOX, RELAY_INBOX, "41424344", "ABCDEFGHIJKLMNOP"];

impl Scene {
    /// They withdraw at a terminal; nothing of them is left when that returns.
    fn withdraws(&self) {
        let ended = self.shop.consent(&["withdraw", "karoline-7"]);
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        self.is_forgotten();
    }

    fn is_forgotten(&self) {
        for trace in TRACES {
            assert!(!self.shop.holds(trace), "{trace} is still there");
        }
    }

    /// How often the broker was given something on a topic that starts so, by its own account.
    fn given(&self, topic: &str) -> usize {
        self.broker.log().lines().filter(|line| line.contains("Received PUBLISH") && line.contains(topic)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_of_an_offer_that_holds_is_told() {
    let skipped = "the end of offers at a withdrawal";
    let Some(mut scene) = Scene::begin_with(skipped, &[of_both()], with_a_relay).await else { return };
    scene.is_told("omg", 2).await;
    let id = |offer: &Value| offer["data"]["offer_id"].as_str().unwrap().to_owned();
    let ended: Vec<_> = scene.offers().iter().map(|offer| (id(offer), "withdrawn".to_owned())).collect();
    assert!(scene.shop.holds("karoline-7") && scene.shop.holds(INBOX));
    scene.withdraws();
    until("both are told", || ended.iter().all(|end| scene.ends().contains(end))).await;
    let events = scene.heard("/offer-end/push/").into_iter().chain(scene.heard("/offer-end/relay/"));
    for event in events {
        assert_eq!(event["sequence"].as_str().map(str::len), Some(20));
        assert_eq!(event["subject"], event["data"]["offer_id"]);
        for trace in TRACES {
            assert!(!event.to_string().contains(trace), "{trace}: {event}");
        }
    }
    scene.is_forgotten();
    until("nothing is left to say", || scene.status()["health"]["outbox"]["depth"] == 0).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.is_forgotten();
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_told_when_the_broker_is_back_and_the_offer_is_not_said_again() {
    let Some(mut scene) = Scene::begin("a withdrawal without a broker", &scene::consents()).await else { return };
    let oak = scene.is_told("omg", 1).await["offer_id"].as_str().unwrap().to_owned();
    until("it is acknowledged", || scene.status()["health"]["outbox"]["depth"] == 0).await;
    scene.broker.kill();
    scene.withdraws();
    let said = scene.given("/offer/");
    scene.broker.restart();
    until("they are told", || scene.given("/offer-end/push/q7JrInbox") == 1).await;
    assert_eq!(scene.given("/offer/"), said);
    scene.is_forgotten();
    assert!(!scene.shop.log().contains(&oak), "an offer is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_what_was_left_to_say_and_nothing_else() {
    let Some(mut scene) = Scene::begin("a crash after a withdrawal", &scene::consents()).await else { return };
    scene.is_told("omg", 1).await;
    until("it is acknowledged", || scene.status()["health"]["outbox"]["depth"] == 0).await;
    scene.broker.kill();
    scene.withdraws();
    scene.emma.take().unwrap().kill();
    scene.is_forgotten();
    scene.broker.restart();
    scene.scanner = Scanner::new("esp32-again", scene.broker.port);
    scene.start().await;
    scene.is_forgotten();
    for _ in 0..5 {
        scene.is_heard_at("omg").await;
    }
    assert_eq!((scene.given("/offer-end/"), scene.shop.log().matches("a visit began").count()), (0, 1));
}

/// An offer in copies to these, that holds for an hour; each is handed over and acknowledged.
fn say(store: &mut Store, who: &str, offers: &[&str]) {
    let drafts: Vec<_> = offers.iter().map(|offer| draft(offer, HOUR_US + MINUTE_US)).collect();
    commit(store, who, &drafts);
    for row in store.take(10_000, HOUR_US).unwrap() {
        store.settle(row.row, Outcome::Acknowledged).unwrap();
    }
}

fn commit(store: &Store, who: &str, drafts: &[emma::mqtt::event::Draft]) {
    let mut wanted = reservation(who, HOUR_US);
    (wanted.offer.notify_until_us, wanted.offer.valid_until_us) = (HOUR_US + MINUTE_US, 2 * HOUR_US);
    store.transaction(|store| store.reserve(&wanted, drafts)).unwrap();
}

/// Of each row the offer and the reason.
fn ends(rows: &[OutboxRow]) -> Vec<(String, String)> {
    let data = |row: &OutboxRow| serde_json::from_str::<Value>(&row.payload).unwrap()["data"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(data).map(|data| (text(&data["offer_id"]), text(&data["reason"]))).collect()
}

fn end(offer: &str, reason: &str) -> (String, String) {
    (offer.to_owned(), reason.to_owned())
}

#[test]
fn nothing_is_said_before_the_deletion_is_on_disk_nor_after_one_that_is_not() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    say(&mut store, "ann", &["o1", "o2"]);
    store.begin().unwrap();
    store.forget(&customer("ann"), HOUR_US + 1).unwrap();
    assert!(store.take(9, HOUR_US + 1).unwrap().is_empty(), "not committed");
    store.rollback();
    assert!(store.take(9, HOUR_US + 1).unwrap().is_empty(), "not forgotten");
    store.forget_now(&customer("ann"), HOUR_US + 1).unwrap();
    assert_eq!(store.depth().unwrap().rows, 2);
    let one = store.take(1, HOUR_US + 1).unwrap();
    assert_eq!(ends(&one), [end("o1", "withdrawn")]);
    let rows: Vec<_> = one.into_iter().chain(store.take(9, HOUR_US + 1).unwrap()).collect();
    assert_eq!(ends(&rows), [end("o1", "withdrawn"), end("o2", "withdrawn")]);
    assert!(rows[0].payload < rows[1].payload, "numbered one after the other");
    let numbers: Vec<i64> = rows.iter().map(|row| row.row).collect();
    assert_eq!(store.wanted(&numbers).unwrap(), numbers, "a lost session sends them again");
    store.settle(numbers[0], Outcome::Refused).unwrap();
    assert_eq!(store.depth().unwrap().rows, 0);
    store.forget_now(&customer("ann"), HOUR_US + 2).unwrap();
    assert!(store.take(9, HOUR_US + 2).unwrap().is_empty(), "once");
}

/// Whether these bytes are in any file of a folder.
fn lies_in(folder: &Path, trace: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(trace.len()).any(|window| window == trace.as_bytes()))
}

/// The ledger as a process leaves it that ends here, opened again.
fn after_a_crash(dir: &TempDir) -> (TempDir, Store) {
    let crashed = TempDir::new().unwrap();
    for entry in fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), crashed.path().join(entry.file_name())).unwrap();
    }
    let store = open(&crashed);
    (crashed, store)
}

#[test]
fn a_ledger_that_was_left_at_any_step_of_a_forgetting_knows_them_or_has_no_byte_of_them() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let name = |n: usize| format!("somebody-{n:04}-x");
    store.begin().unwrap();
    for n in 0..300 {
        let record = format!(r#"{{"customer":"{}","inbox":"{n:0200}"}}"#, name(n));
        store.save_consent(&customer(&name(n)), 1, &record).unwrap();
        // Rows of others are moved about where theirs were.
        for hour in 0..i64::try_from(n % 7).unwrap() {
            store.reserve(&reservation(&name(n), (hour + 1) * 48 * HOUR_US), &[]).unwrap();
        }
    }
    store.commit().unwrap();
    let left = |folder: &Path, who: usize| lies_in(folder, &name(who));
    for who in (0..300).step_by(10) {
        let knows = |store: &Store| store.names(&customer(&name(who))).unwrap();
        store.begin().unwrap();
        store.forget(&customer(&name(who)), HOUR_US).unwrap();
        let (crashed, again) = after_a_crash(&dir);
        assert!(knows(&again) && left(crashed.path(), who), "not committed");
        store.commit().unwrap();
        assert!(left(dir.path(), who), "until it is scrubbed the journal has what was before");
        let (crashed, again) = after_a_crash(&dir);
        assert!(!knows(&again) && !left(crashed.path(), who), "a start leaves what a crash left");
    }
    store.scrub().unwrap();
    assert!((0..300).all(|who| left(dir.path(), who) != who.is_multiple_of(10)));
}

#[test]
fn only_who_may_have_an_offer_that_holds_is_told_of_its_end() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    say(&mut store, "ann", &["shown"]);
    commit(&store, "bob", &[draft("under-way", HOUR_US + MINUTE_US)]);
    let under_way = store.take(9, HOUR_US).unwrap()[0].row;
    commit(&store, "cleo", &[draft("waits", HOUR_US + MINUTE_US)]);
    let mut forgotten = |who: &str, at_us: i64| {
        store.forget_now(&customer(who), at_us).unwrap();
        let rows = store.take(9, at_us).unwrap();
        (ends(&rows), rows.first().map(|row| row.expires_us))
    };
    assert_eq!(forgotten("cleo", HOUR_US), (vec![], None), "it never left");
    assert_eq!(forgotten("bob", HOUR_US), (vec![end("under-way", "withdrawn")], Some(2 * HOUR_US)));
    assert_eq!(forgotten("ann", 2 * HOUR_US), (vec![], None), "it is over");
    assert!(store.wanted(&[under_way]).unwrap().is_empty(), "an offer to bob is said again");
}

#[test]
fn an_end_that_was_on_its_way_arrives_and_one_that_arrived_is_not_said_twice() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    for (who, offer) in [("ann", "left"), ("bob", "recalled"), ("cleo", "told")] {
        say(&mut store, who, &[offer]);
    }
    let (mut now_us, mut told) = (HOUR_US + 1, Vec::new());
    store.transaction(|store| store.end_offers(&customer("ann"), Ending::Left, HOUR_US + 1)).unwrap();
    store.transaction(|store| store.recall_offer("told", HOUR_US + 1)).unwrap();
    for row in store.take(9, now_us).unwrap() {
        store.settle(row.row, Outcome::Acknowledged).unwrap();
    }
    assert!(store.transaction(|store| store.recall_offer("recalled", HOUR_US + 1)).unwrap());
    for who in ["bob", "ann", "cleo"] {
        now_us += 1;
        store.forget_now(&customer(who), now_us).unwrap();
        told.extend(ends(&store.take(9, now_us).unwrap()));
    }
    assert_eq!(told, [end("recalled", "recalled"), end("left", "withdrawn")], "of what was left the coupon held");
}

#[test]
fn what_is_left_to_say_is_bounded_by_number_and_by_a_day() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    let names: Vec<String> = (0..1_001).map(|n| format!("o{n:04}")).collect();
    say(&mut store, "ann", &names.iter().map(String::as_str).collect::<Vec<_>>());
    store.forget_now(&customer("ann"), HOUR_US + 1).unwrap();
    assert_eq!(store.depth().unwrap().rows, 1_000);
    assert_eq!(ends(&store.take(1, HOUR_US + 1).unwrap()), [end("o0001", "withdrawn")], "the oldest goes");
    store.expire(2 * HOUR_US).unwrap();
    assert_eq!(store.depth().unwrap().rows, 0, "with the offer");
    let mut wanted = reservation("bob", HOUR_US);
    wanted.offer.valid_until_us = 1_000 * HOUR_US;
    store.transaction(|store| store.reserve(&wanted, &[draft("long", HOUR_US + MINUTE_US)])).unwrap();
    store.take(9, HOUR_US).unwrap();
    store.forget_now(&customer("bob"), HOUR_US).unwrap();
    assert!(store.take(9, 25 * HOUR_US).unwrap().is_empty(), "a day later nobody knows of it");
}
