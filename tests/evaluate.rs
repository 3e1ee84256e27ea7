//! `emma evaluate`: the real binary scores timelines whose truth is known, and says plainly what cannot be scored.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/shipped.rs"]
mod shipped;

#[path = "common/tetam.rs"]
mod tetam;

#[path = "common/hall.rs"]
mod hall;

use serde_json::Value;
use shipped::{Ended, Shop, TUESDAY_10, among_the_shoes, consent, customer};
use tetam::Tetam;

/// Somewhere among the shoes, and among the jackets, in metres on the shipped plan.
const SHOES: (f64, f64) = (7.5, 5.5);
const JACKETS: (f64, f64) = (2.5, 4.0);

/// A sample each second that customer `n` is at `place`, from `from` on, in seconds since 1970.
fn stands(n: u8, place: (f64, f64), from: i64, seconds: i64) -> String {
    let line =
        |t| format!("{{\"t\":{t}000000,\"customer\":\"{}\",\"x_m\":{},\"y_m\":{}}}\n", customer(n), place.0, place.1);
    (from..from + seconds).map(line).collect()
}

/// A shop in which customer `n` of each stands among the shoes for a minute.
fn minute(customers: &[u8]) -> (Shop, String, String) {
    let shop = Shop::drawn();
    let consents: Vec<String> = customers.iter().map(|n| consent(*n, 1)).collect();
    let consents = shop.write("consents.jsonl", consents.join("\n"));
    let capture: String = customers.iter().map(|n| among_the_shoes(*n, TUESDAY_10, 60)).collect();
    let mut lines: Vec<&str> = capture.lines().collect();
    lines.sort_unstable();
    let capture = shop.write("tuesday.jsonl", lines.join("\n"));
    (shop, consents, capture)
}

fn evaluate((shop, consents, capture): &(Shop, String, String), truth: &str) -> Ended {
    let truth = shop.write("truth.jsonl", truth);
    shop.emma(&["evaluate", "--json", "--truth", &truth, "--consents", consents, capture])
}

fn score(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn a_truth_that_the_timeline_tells_scores_everything() {
    let score = score(&evaluate(&minute(&[1]), &stands(1, SHOES, TUESDAY_10, 60)));
    assert_eq!((&score["customers"], &score["all"]["secs"]), (&1.into(), &50.into()), "{score}");
    for group in ["all", "at_rest"] {
        for number in ["precision", "coverage", "forced", "forced_far"] {
            assert_eq!(score[group][number], 1.0, "{group}, {number}: {score}");
        }
    }
    assert_eq!((&score["walking"]["secs"], &score["walking"]["precision"]), (&0.into(), &Value::Null));
    assert_eq!((&score["at_rest"]["flaps"], &score["stays"]["announced"]), (&0.into(), &1.into()));
}

#[test]
fn a_truth_that_the_timeline_misses_scores_nothing() {
    let score = score(&evaluate(&minute(&[1]), &stands(1, JACKETS, TUESDAY_10, 60)));
    assert_eq!((&score["all"]["precision"], &score["all"]["forced"]), (&0.0.into(), &0.0.into()), "{score}");
    assert_eq!(score["stays"]["announced"], 0);
}

#[test]
fn a_truth_that_names_nobody_is_that_of_the_only_customer() {
    let shop = minute(&[1]);
    let truth = "t,zone\n1795510800000000,shoes\n1795510859000000,shoes\n";
    let scored = score(&evaluate(&shop, truth));
    assert_eq!((&scored["all"]["precision"], &scored["at_rest"]["secs"]), (&1.0.into(), &0.into()));
    let two = evaluate(&minute(&[1, 2]), truth);
    assert_eq!((two.code, two.out.as_str()), (65, ""));
    assert!(two.err.contains("names no `customer`, and 2 have a consent"), "{}", two.err);
}

#[test]
fn customers_are_scored_each_against_their_own_truth() {
    let shop = minute(&[1, 2]);
    let right = stands(1, SHOES, TUESDAY_10, 60);
    let truth = [right.clone(), stands(2, JACKETS, TUESDAY_10, 60), stands(9, SHOES, TUESDAY_10, 60)].concat();
    let ended = evaluate(&shop, &truth);
    assert!(ended.err.contains("`customer-09` of the truth has no consent"), "{}", ended.err);
    let score = score(&ended);
    assert_eq!((&score["customers"], &score["all"]["precision"]), (&2.into(), &0.5.into()), "{score}");
    let mixed = right + "{\"t\":1795510800000000,\"x_m\":1,\"y_m\":1}\n";
    let mixed = evaluate(&shop, &mixed);
    assert_eq!(mixed.code, 65);
    assert!(mixed.err.contains("some lines of the truth name a `customer`"), "{}", mixed.err);
}

#[test]
fn what_cannot_be_scored_is_said_plainly() {
    let shop = minute(&[1]);
    for (truth, told) in [
        (stands(1, SHOES, TUESDAY_10 + 86_400, 60), "of different times"),
        (stands(1, SHOES, TUESDAY_10, 5), "less than ten seconds of the truth of `customer-01`"),
        (stands(9, SHOES, TUESDAY_10, 60), "nobody of the truth has a consent in force"),
        (stands(1, (750.0, 550.0), TUESDAY_10, 60), "nobody is ever on the floor plan"),
        (String::new(), "it is empty"),
        ("<html>".into(), "neither JSON nor a table"),
        ("{\"t\":1795510800,\"zone\":\"shoes\"}\n".into(), "truth.jsonl:1: `t` is 1795510800: write microseconds"),
        ("{\"t\":1795510800000000,\"zone\":\"shoos\"}\n".into(), "is it `shoes`?"),
    ] {
        let ended = evaluate(&shop, &truth);
        assert_eq!((ended.code, ended.out.as_str()), (65, ""), "{}", ended.err);
        assert!(ended.err.contains(told), "{told}: {}", ended.err);
    }
    let missing = shop.0.text("missing.jsonl");
    assert_eq!(shop.0.emma(&["evaluate", "--truth", &missing, &shop.2]).code, 66);
}

#[test]
fn people_are_shown_a_table() {
    let (shop, consents, capture) = minute(&[1]);
    let truth = shop.write("truth.jsonl", stands(1, SHOES, TUESDAY_10, 60));
    let ended = shop.emma(&["evaluate", "--truth", &truth, "--consents", &consents, &capture]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    for line in [
        "% and seconds, one customer                  all       walking       at rest",
        "announced: right @ covered             100 @ 100         - @ -     100 @ 100",
        "said at 0.9 or more: right, of          - % of 0      - % of 0      - % of 0",
        "flaps a minute                                 -             -          0.00",
        "true stays of 20 s or more: 1 of 1 announced",
        "shoes                                         50           100           100",
    ] {
        assert!(ended.out.lines().any(|told| told == line), "{line}\n{}", ended.out);
    }
}

#[test]
fn recordings_of_a_real_hall_are_scored() {
    let Some(tetam) = Tetam::find("the score of real walks") else { return };
    let folder = tempfile::tempdir().unwrap();
    let recordings: Vec<_> = hall::walks(&tetam).into_iter().chain(hall::points(&tetam).into_iter().take(3)).collect();
    hall::write(folder.path(), &tetam, 12, 4, &recordings);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (truth, shop, consents, capture) =
        (path("truth.jsonl"), path("shop"), path("consents.jsonl"), path("capture.jsonl"));
    let ended =
        shipped::emma(&["evaluate", "--json", "--truth", &truth, "--config", &shop, "--consents", &consents, &capture]);
    let score = score(&ended);
    assert_eq!(score["customers"].as_u64().unwrap(), recordings.len() as u64);
    let walking = &score["walking"];
    // Four walks of about 75 s each, less the ten seconds with which each begins.
    assert!((200..400).contains(&walking["secs"].as_u64().unwrap()), "{score}");
    // Four zones with receivers of their own are the easy case for any method.
    assert!(walking["precision"].as_f64().unwrap() > 0.8 && walking["coverage"].as_f64().unwrap() > 0.5, "{score}");
    assert!(score["moves"]["true_moves"].as_u64().unwrap() >= 4, "{score}");
    assert_eq!(score["zones"].as_array().unwrap().len(), 4);
}
