//! What a shop halts at a terminal, over the socket of a running Emma and on the ledger itself: silence is at once, takes back
//! what is on its way, and outlives a restart.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/shipped.rs"]
mod shipped;

use broker::Mosquitto;
use daemon::{CONSENT, IBEACON};
use listener::{Listener, until};
use serde_json::Value;
use shipped::{Shop, emma};

#[test]
fn a_pause_and_a_stop_are_remembered_without_a_daemon() {
    let shop = Shop::new();
    let said = |arguments: &[&str]| {
        let ended = shop.emma(arguments);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{arguments:?}");
        ended.out
    };
    assert!(said(&["campaign", "list"]).ends_with("order-ready    runs\n5 of 5 campaigns run\n"));
    let paused = said(&["pause"]);
    assert!(
        paused.contains("until somebody resumes") && paused.contains("No Emma runs on this folder now"),
        "{paused}"
    );
    assert!(said(&["campaign", "stop", "shoes-socks"]).starts_with("shoes-socks is stopped"));
    let list = said(&["campaign", "list"]);
    assert!(list.starts_with("The whole shop is silent until somebody resumes.\n"), "{list}");
    assert!(list.contains("shoes-socks    stopped by hand\n") && list.ends_with("4 of 5 campaigns run\n"), "{list}");
    assert_eq!(said(&["resume"]), "Emma speaks again. Still stopped: shoes-socks.\n");
    assert_eq!(said(&["campaign", "start", "shoes-socks"]), "shoes-socks runs again.\n");
    assert_eq!(said(&["resume"]), "Emma was not paused.\n");
    assert!(said(&["pause", "--until", "2999-12-24 18:30"]).contains("until 2999-12-24 18:30;"));
}

#[test]
fn what_cannot_be_halted_is_told_and_halts_nothing() {
    let shop = Shop::new();
    let ended = shop.emma(&["campaign", "stop", "shoe-socks"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("`shoes-socks`"), "the nearest one is named: {}", ended.err);
    assert!(shop.emma(&["campaign", "start", "xyzzy"]).err.contains("emma campaign list"));
    for (arguments, says) in [
        (["pause", "--until", "noon"], "18:30"),
        (["pause", "--for", "two hours"], "2h"),
        (["pause", "--until", ""], "18:30"),
    ] {
        let ended = shop.emma(&arguments);
        assert_eq!(ended.code, 64, "{arguments:?}");
        assert!(ended.err.contains(says), "{}", ended.err);
    }
    assert_eq!(shop.emma(&["pause", "--until", "2001-01-01"]).code, 69);
    assert!(!shop.emma(&["campaign", "list"]).out.contains("silent"));
    assert_eq!(emma(&["pause", "--for", "1h", "--until", "18:30"]).code, 64);
}

#[test]
fn a_campaign_that_its_file_names_no_more_can_be_started_again() {
    let shop = Shop::new();
    assert_eq!(shop.emma(&["campaign", "stop", "order-ready"]).code, 0);
    let offers = std::fs::read_to_string(shop.path("config/offers.toml")).unwrap();
    shop.write("config/offers.toml", offers.replace("id = \"order-ready\"", "id = \"order-here\""));
    let list = shop.emma(&["campaign", "list"]).out;
    assert!(list.contains("order-ready    stopped by hand; offers.toml names it no more\n"), "{list}");
    assert_eq!(shop.emma(&["campaign", "start", "order-ready"]).code, 0);
    assert_eq!(shop.emma(&["campaign", "stop", "order-ready"]).code, 1);
}

/// `emma …` on the shop of a daemon.
fn emma_on(shop: &daemon::Shop, arguments: &[&str]) -> shipped::Ended {
    emma(&[arguments, &["--config", shop.config().to_str().unwrap()]].concat())
}

/// The beacon of [`CONSENT`] as it stands before the only Pi for `half_secs` half seconds, as a capture that plays at
/// once.
fn plays(shop: &daemon::Shop, half_secs: usize) {
    let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    let radio = "driver = \"auto\"";
    let capture = "\n[capture]\nfiles = [\"walk.jsonl\"]\nspeed = 10\n";
    shop.write("gateway.toml", &(gateway.replace(radio, "driver = \"none\"") + capture));
    let payload = hex::encode(emma::radio::encode::manufacturer_data(0x004c, &IBEACON).unwrap());
    let line = |half_sec: usize| {
        let t = half_sec * 500_000;
        format!(
            r#"{{"t":{t},"gateway":"sensor10","address":"C0:FF:EE:00:00:01","address_type":"random","rssi":-60,"data":"{payload}"}}"#
        )
    };
    shop.write("walk.jsonl", &(0..half_secs).map(line).collect::<Vec<_>>().join("\n"));
}

fn offers(listener: &Listener, kind: &str) -> Vec<Value> {
    let heard = listener.heard("/offer");
    let events = heard.iter().map(|message| serde_json::from_slice::<Value>(&message.payload).unwrap());
    events.filter(|event| event["type"].as_str().unwrap().contains(kind)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_price_is_taken_back_by_whoever_stands_at_a_terminal() {
    let Some(broker) = Mosquitto::start("a campaign stopped by hand", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = daemon::Shop::new(broker.port);
    plays(&shop, 40);
    shop.import(CONSENT);
    let running = shop.run("unix:path=/nowhere");
    until("the offer arrives", || offers(&listener, "offer.issued").len() == 1).await;
    // Even with the files half-way through an edit.
    shop.write("offers.toml", "[[campaign]]\nid = ");
    let ended = emma_on(&shop, &["campaign", "stop", "oak"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    until("its end arrives", || offers(&listener, "offer.ended").len() == 1).await;
    let (offer, end) = (&offers(&listener, "offer.issued")[0], &offers(&listener, "offer.ended")[0]);
    assert_eq!(end["data"]["offer_id"], offer["data"]["offer_id"]);
    assert_eq!(end["data"]["reason"], "recalled");
    let list = emma_on(&shop, &["campaign", "list"]).out;
    assert!(list.contains("oak  stopped by hand"), "{list}");
    assert_eq!(running.terminate(), Some(0));
    shop.write("offers.toml", daemon::OFFERS);
    let again = shop.run("unix:path=/nowhere");
    until("Emma is back", || emma_on(&shop, &["status"]).code == 0).await;
    let list = emma_on(&shop, &["campaign", "list"]).out;
    assert!(list.contains("oak  stopped by hand"), "it outlives a restart: {list}");
    assert_eq!(emma_on(&shop, &["campaign", "start", "oak"]).code, 0);
    assert!(emma_on(&shop, &["campaign", "list"]).out.contains("oak  runs"));
    again.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_whose_codes_are_used_up_does_not_run() {
    let Some(broker) = Mosquitto::start("codes that are used up", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = daemon::Shop::new(broker.port);
    plays(&shop, 40);
    let with_coupon = "\ncoupon = { scheme = \"pool\", file = \"oak.codes\" }\ntrigger = ";
    shop.write("offers.toml", &daemon::OFFERS.replace("\ntrigger = ", with_coupon));
    shop.write("oak.codes", "O-1\n");
    shop.import(CONSENT);
    assert!(emma_on(&shop, &["campaign", "list"]).out.contains("oak  runs\n"));
    let running = shop.run("unix:path=/nowhere");
    until("the offer arrives", || offers(&listener, "offer.issued").len() == 1).await;
    let is_told = || {
        let list = emma_on(&shop, &["campaign", "list"]).out;
        assert_eq!(list, "oak  its list of codes is used up\n0 of 1 campaigns run\n");
        let explained = emma_on(&shop, &["explain", "karoline-7", "oak"]).out;
        assert!(explained.contains("\n  NO  inactive"), "{explained}");
    };
    is_told();
    assert_eq!(running.terminate(), Some(0));
    is_told();
    shop.write("oak.codes", "O-1\nO-2\n");
    assert!(emma_on(&shop, &["campaign", "list"]).out.contains("oak  runs\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_shop_is_paused_nothing_is_said() {
    let Some(broker) = Mosquitto::start("a paused shop", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = daemon::Shop::new(broker.port);
    plays(&shop, 40);
    shop.import(CONSENT);
    assert_eq!(emma_on(&shop, &["pause", "--for", "2h"]).code, 0, "on the ledger itself");
    let running = shop.run("unix:path=/nowhere");
    until("the walk is over", || listener.last("/state").is_some_and(|state| state.contains("played to their end")))
        .await;
    until("the offer is withheld", || shop.log().contains("reason=\"paused\"")).await;
    assert!(offers(&listener, "offer").is_empty());
    let ended = emma_on(&shop, &["resume"]);
    assert_eq!(ended.out, "Emma speaks again.\n");
    assert_eq!(emma_on(&shop, &["resume"]).out, "Emma was not paused.\n", "the daemon knows");
    running.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_does_not_wait_for_a_disk_that_cannot_be_written() {
    let shop = daemon::Shop::new(1);
    let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    shop.write("gateway.toml", &gateway.replace("\"auto\"", "\"none\""));
    shop.import(CONSENT);
    let running = shop.run("unix:path=/nowhere");
    until("Emma is up", || emma_on(&shop, &["status"]).code == 0).await;
    let explained = || emma_on(&shop, &["explain", "karoline-7", "oak"]).out;
    assert!(explained().ends_with("\nwould be told\n"), "{}", explained());
    let ledger = rusqlite::Connection::open(shop.state().join("ledger.db")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ended = emma_on(&shop, &["campaign", "stop", "oak"]);
    assert_eq!(ended.code, 74, "{}", ended.err);
    assert!(ended.err.contains("nothing of it is said from now on"), "{}", ended.err);
    assert!(explained().contains("  NO  paused "), "{}", explained());
    let ended = emma_on(&shop, &["campaign", "start", "oak"]);
    assert_eq!(ended.code, 74, "what is said again waits for the disk");
    assert!(explained().contains("  NO  paused "), "{}", explained());
    ledger.execute_batch("ROLLBACK").unwrap();
    assert_eq!(emma_on(&shop, &["campaign", "start", "oak"]).code, 0);
    until("it is said again", || explained().ends_with("\nwould be told\n")).await;
    running.kill();
}
