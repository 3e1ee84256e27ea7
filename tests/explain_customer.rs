//! `emma explain`: why somebody would, or would not, be told, from the ledger of a shop and from one that runs.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/shipped.rs"]
mod shipped;

use serde_json::Value;
use shipped::{Shop, TUESDAY_10, among_the_shoes, consent, customer, emma};

/// A shop that has made one offer, on a Tuesday at ten.
fn shop() -> Shop {
    let shop = Shop::new();
    let consents = shop.write("consents.jsonl", consent(1, 1));
    let capture = shop.write("tuesday.jsonl", among_the_shoes(1, TUESDAY_10, 60));
    let replayed = shop.emma(&["replay", "--consents", &consents, "--state", &shop.text("state"), &capture]);
    assert!(replayed.out.contains(r#""campaign":"shoes-fitting""#), "{} {}", replayed.out, replayed.err);
    assert_eq!(shop.emma(&["consent", "import", &consents]).code, 0);
    shop
}

#[test]
fn caps_are_told_as_they_count_and_when_there_is_room_again() {
    let shop = shop();
    let ended = shop.emma(&["explain", &customer(1), "shoes-fitting", "--at", "2026-11-24 11:00"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    insta::assert_snapshot!(ended.out);
    let all = shop.emma(&["explain", &customer(1), "--at", "2026-11-24 11:00"]).out;
    insta::assert_snapshot!(all);
    let later = shop.emma(&["explain", &customer(1), "shoes-socks", "--at", "2026-12-01 11:00"]).out;
    assert!(later.ends_with("\n\nwould be told\n"), "the fitting had its turn: {later}");
}

#[test]
fn a_program_reads_the_same() {
    let shop = shop();
    let json = shop.emma(&["explain", &customer(1), "jackets-tenth", "--at", "2026-11-24 11:00", "--json"]).out;
    let told: Value = serde_json::from_str(&json).unwrap();
    let campaign = &told["campaigns"][0];
    assert_eq!((&campaign["would_be_told"], &campaign["reason"]), (&Value::from(false), &Value::from("cap-gap")));
    assert_eq!((&told["in_the_shop"], &campaign["is_there"]), (&Value::from(false), &Value::from(false)));
    let night = shop.emma(&["explain", &customer(1), "jackets-tenth", "--at", "2026-11-30 03:00"]).out;
    assert!(
        night.ends_with(
            "would not: Quiet hours, the customer wants to hear nothing for a while, or the shop is closed.\n"
        ),
        "{night}"
    );
}

#[test]
fn what_was_asked_is_neither_said_nor_kept() {
    let shop = shop();
    let ask = || shop.emma(&["explain", &customer(1), "--at", "2026-11-24 11:00"]).out;
    let first = ask();
    assert_eq!(first, ask());
}

#[test]
fn who_and_what_there_is_not_is_told() {
    let shop = shop();
    for (arguments, code, says) in [
        (&["explain", "nobody"][..], 1, "not registered"),
        (&["explain", &customer(1), "shoe-fitting"], 1, "`shoes-fitting`"),
        (&["explain", &customer(1), "--at", "lunch"], 64, "18:30"),
        (&["explain", &customer(1), "--lang", "rm"], 64, "possible values"),
    ] {
        let ended = shop.emma(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{arguments:?}");
        assert!(ended.err.contains(says), "{}", ended.err);
    }
}

#[test]
fn a_stop_and_a_pause_are_a_reason() {
    let shop = shop();
    assert_eq!(shop.emma(&["campaign", "stop", "shoes-socks"]).code, 0);
    let told = shop.emma(&["explain", &customer(1), "shoes-socks", "--at", "2026-12-01 11:00"]).out;
    assert!(told.contains("  NO  paused "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_emma_is_asked() {
    let shop = daemon::Shop::new(1);
    let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    shop.write("gateway.toml", &gateway.replace("\"auto\"", "\"none\""));
    shop.import(daemon::CONSENT);
    let running = shop.run("unix:path=/nowhere");
    let emma_on = |arguments: &[&str]| emma(&[arguments, &["--config", shop.config().to_str().unwrap()]].concat());
    for _ in 0..3_000 {
        if emma_on(&["status"]).code == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let ended = emma_on(&["explain", "karoline-7", "oak"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert!(ended.out.contains("not in the shop.\n\noak, judged as if in desk\n"), "{}", ended.out);
    assert!(ended.out.ends_with("\n\nwould be told\n"), "{}", ended.out);
    assert_eq!(emma_on(&["pause"]).code, 0);
    let paused = emma_on(&["explain", "karoline-7", "oak"]).out;
    assert!(
        paused.ends_with("would not: The customer or the shop asked for a pause, or the campaign is stopped.\n"),
        "{paused}"
    );
    assert_eq!(emma_on(&["explain", "nobody"]).code, 1);
    running.kill();
}
