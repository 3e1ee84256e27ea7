//! `emma simulate`: what the caps allow before anybody real is told anything, on the real core.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

use std::fs;

use serde_json::Value;
use shipped::{Ended, Shop, emma};

/// Two weeks from a Monday in November, few visits, unless `more` says otherwise.
fn simulate(shop: &Shop, more: &[&str]) -> Ended {
    let usual = [["--days", "14"], ["--visits", "15"], ["--from", "2026-11-23"]];
    let usual = usual.iter().filter(|[option, _]| !more.contains(option)).flatten().copied();
    let arguments: Vec<&str> = ["simulate"].into_iter().chain(usual).chain(more.iter().copied()).collect();
    let ended = shop.emma(&arguments);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    ended
}

fn json(shop: &Shop, more: &[&str]) -> Value {
    serde_json::from_str(&simulate(shop, &[more, &["--json"]].concat()).out).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_seed_tells_the_whole_story() {
    let shop = Shop::new();
    let first = simulate(&shop, &["--seed", "7"]).out;
    assert_eq!(first, simulate(&shop, &["--seed", "7"]).out);
    assert_ne!(first, simulate(&shop, &["--seed", "8"]).out);
    assert!(first.starts_with("14 days from 2026-11-23, 12 of them open; "), "Sundays are closed: {first}");
    assert!(first.lines().all(|line| line.chars().count() <= 80), "{first}");
    assert!(!shop.path("state").exists(), "no ledger is touched");
}

#[test]
fn the_promise_holds_and_every_visit_is_accounted_for() {
    let told = json(&Shop::new(), &[]);
    assert_eq!(number(&told["visits"]), 15 * 12);
    let (offers, without) = (number(&told["offers"]), number(&told["visits_without_offer"]));
    assert!(offers >= number(&told["visits"]) - without && offers > 20, "{told:#}");
    let promise = told["promise"].as_array().unwrap();
    assert_eq!(promise.len(), 5);
    for cap in promise {
        assert_eq!(cap["holds"], true, "{cap}");
        assert!(number(&cap["most"]) <= number(&cap["at_most"]), "{cap}");
    }
    assert!(promise.iter().any(|cap| cap["most"] == cap["at_most"]), "some cap is reached: {told:#}");
    let reasons = |campaign: &Value| campaign["withheld"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let all: Vec<String> = told["campaigns"].as_array().unwrap().iter().flat_map(reasons).collect();
    for reason in ["cap-visit", "cap-campaign", "outranked", "consent"] {
        assert!(all.iter().any(|told| told == reason), "{reason}: {all:?}");
    }
    assert_eq!(told["never_entered"], Value::Array(vec![]));
    assert!(told["assumed"].as_array().unwrap().len() >= 5);
}

#[test]
fn tighter_caps_say_less() {
    let shop = Shop::new();
    let before = number(&json(&shop, &[])["offers"]);
    let promise = fs::read_to_string(shop.path("config/promise.toml")).unwrap();
    shop.write(
        "config/promise.toml",
        promise.replace("{ at-most = 5, per = \"7d\" },", "{ at-most = 1, per = \"30d\" },"),
    );
    let told = json(&shop, &[]);
    let (offers, visitors) = (number(&told["offers"]), number(&told["visitors"]));
    assert!(offers < before && offers <= visitors, "{offers} offers to {visitors} instead of {before}");
}

#[test]
fn polygons_place_people_too() {
    let told = json(&Shop::drawn(), &["--days", "2", "--visits", "6"]);
    assert_eq!(told["never_entered"], Value::Array(vec![]), "{told:#}");
    assert!(number(&told["offers"]) > 0, "{told:#}");
}

#[test]
fn a_campaign_that_everybody_dismisses_stops_itself() {
    let told = json(&Shop::new(), &["--visits", "60", "--dismiss", "1", "--open", "0"]);
    let campaigns = told["campaigns"].as_array().unwrap();
    let stopped: Vec<&Value> = campaigns.iter().filter(|campaign| campaign["stopped_itself"].is_string()).collect();
    assert!(!stopped.is_empty(), "{told:#}");
    for campaign in stopped {
        assert!(number(&campaign["delivered"]) >= 20, "{campaign}");
        assert!(number(&campaign["withheld"]["paused"]) > 0, "{campaign}");
    }
}

#[test]
fn what_cannot_be_simulated_is_told() {
    let shop = Shop::new();
    for (arguments, code) in [
        (&["simulate", "--days", "0"][..], 64),
        (&["simulate", "--visits", "99999999"], 64),
        (&["simulate", "--dismiss", "1.5"], 64),
        (&["simulate", "--dismiss", "0.6", "--open", "0.6"], 64),
        (&["simulate", "--from", "someday"], 64),
        (&["simulate", "--from", "1800-01-01"], 64),
    ] {
        let ended = shop.emma(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{arguments:?}: {}", ended.err);
    }
    let day = shop.emma(&["simulate", "--from", "24.12.2026"]).err;
    assert!(day.contains("write year, month and day: 2026-12-24"), "{day}");
    assert_eq!(emma(&["simulate", "--config", "/nonexistent"]).code, 78);
}

#[test]
fn a_shop_that_is_closed_has_no_visits() {
    let told = json(&Shop::new(), &["--days", "1", "--from", "2026-11-29"]);
    assert_eq!((number(&told["visits"]), number(&told["open_days"])), (0, 0));
    let page = simulate(&Shop::new(), &["--days", "1", "--from", "2026-11-29"]).out;
    assert!(page.starts_with("1 day from 2026-11-29, 0 of them open; ") && page.contains("nobody came"), "{page}");
    assert!(!page.contains("could be placed"), "of nobody it cannot be said: {page}");
}
