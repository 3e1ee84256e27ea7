//! The report of restraint, as ops read it and as a broker keeps it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;

use std::process::Command;

use broker::Mosquitto;
use daemon::Shop;
use emma::gateway::offer::civil;
use emma::ledger::folder::Folder;
use jiff::tz::TimeZone;
use listener::{Listener, until};
use serde_json::Value;

/// A ledger in which the week before this one had 40 visits and 25 offers of one campaign.
fn last_week(shop: &Shop) {
    let now_us = emma::clock::Clock::start().wall_us();
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    let week_us = civil::week_began_us(now_us, &zone).unwrap();
    let week_us = civil::week_began_us(week_us - 1, &zone).unwrap();
    let mut store = Folder::open(&shop.state()).unwrap().store([7; 32]).unwrap();
    store.begin_week(week_us).unwrap();
    for (what, count) in [
        ("visits", 40),
        ("visits-without-offer", 15),
        ("withheld:cap-customer", 30),
        ("withheld:quiet", 3),
        ("delivered:oak", 25),
        ("displayed:oak", 20),
        ("dismissed:oak", 2),
    ] {
        store.count(what, count).unwrap();
    }
}

fn report(shop: &Shop, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    let output = command.arg("report").args(arguments).arg("--config").arg(shop.config()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_week_is_told_in_totals_and_small_groups_are_not() {
    let shop = Shop::new(1);
    last_week(&shop);
    let (code, page, _) = report(&shop, &[]);
    assert_eq!(code, Some(0));
    for line in
        ["visits 40", "of them without an offer 38 %", "cap-customer 30", "quiet –", "oak 25 80 % 0 % 0 % 8 % –"]
    {
        let squeezed = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.contains(line), "{line}: {page}");
    }
    let (_, json, _) = report(&shop, &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["withheld"]["cap-customer"], &json["withheld"]["quiet"]), (&Value::from(30), &Value::Null));
    assert_eq!(json["withheld"].as_object().unwrap().len(), 22, "each reason, whether there was somebody or not");
    let week = json["week"].as_str().unwrap();
    assert_eq!(report(&shop, &["--week", week]).1, page);
    let (_, sentences, _) = report(&shop, &["--lang", "de-CH"]);
    for sentence in [
        "Besuche: 40.",
        "Besuche ohne Angebot: 38\u{202f}%.",
        "Zurückgehalten, 30-mal: Die Höchstzahl an Angeboten für eine Person ist erreicht.",
        "Zurückgehalten, weniger als 20-mal: Ruhezeit, die Person möchte eine Weile nichts hören, oder das Geschäft ist geschlossen.",
    ] {
        assert!(sentences.lines().any(|line| line == sentence), "{sentence}: {sentences}");
    }
    let (code, _, why) = report(&shop, &["--lang", "rm"]);
    assert_eq!(code, Some(64));
    assert!(why.contains("Emma speaks de, en, fr, it"), "{why}");
    for unknown in ["this", "2019-W01", "rubbish"] {
        let (code, _, why) = report(&shop, &["--week", unknown]);
        assert_eq!(code, Some(69), "{unknown}");
        assert!(why.contains("nothing was counted in that week"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_ended_while_emma_was_down_is_said_when_she_is_back_and_kept() {
    let Some(broker) = Mosquitto::start("a report on a broker", "persistence false") else { return };
    let shop = Shop::new(broker.port);
    let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    shop.write("gateway.toml", &gateway.replace("\"auto\"", "\"none\""));
    last_week(&shop);
    let emma = shop.run("unix:path=/nowhere");
    // Whoever comes later finds it.
    let listener = Listener::start(broker.port).await;
    until("the report is said", || listener.last("/report/restraint").is_some()).await;
    let event: Value = serde_json::from_str(&listener.last("/report/restraint").unwrap()).unwrap();
    assert_eq!(event["type"], "emma.report.restraint.v1");
    assert_eq!((&event["data"]["visits"], &event["data"]["campaigns"][0]["id"]), (&40.into(), &"oak".into()));
    drop(listener);
    let late = Listener::start(broker.port).await;
    until("it is kept", || late.last("/report/restraint").is_some()).await;
    let kept = late.heard("/report/restraint").len();
    assert_eq!(emma.terminate(), Some(0));
    let again = shop.run("unix:path=/nowhere");
    until("Emma is back", || late.state().as_deref() == Some("online")).await;
    assert_eq!(again.terminate(), Some(0));
    assert_eq!(late.heard("/report/restraint").len(), kept, "a week is said once");
}
