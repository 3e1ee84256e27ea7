//! Cases that others worked out: caps, quiet hours over DST, and a corpus of transmissions with its truth.
//!
//! They lie outside this repository, in the folder that `EMMA_SHARED` names, else `../shared`; what is not there is
//! said and skipped.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at what it did not expect")]

#[path = "common/corpus.rs"]
mod corpus;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/shop.rs"]
mod shop;

use std::path::PathBuf;

use emma::config::offers::Class;
use emma::config::zones::DayRange;
use emma::gateway::cap::{CapRule, CapScope, Missing, Window, judge};
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Delivery, DeliveryId};
use emma::gateway::offer::civil::Civil;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::Value;

/// A file of the shared folder, or nothing once it has said what is skipped.
fn shared(path: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let folder = std::env::var_os("EMMA_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let file = folder.join(path);
    if file.is_file() {
        return Some(file);
    }
    println!("skipped: {path} is not in {}", folder.display());
    None
}

fn json(path: &str) -> Option<Value> {
    Some(serde_json::from_str(&std::fs::read_to_string(shared(path)?).unwrap()).unwrap())
}

fn delivery(n: usize, at_us: i64) -> Delivery {
    Delivery {
        id: DeliveryId(n.to_string().into()),
        customer: CustomerId::new("ann").unwrap(),
        at_us,
        class: Class::Offer,
        campaign: "c".into(),
        category: None,
        zone: "z".into(),
        site: "s".into(),
        visit_us: 0,
        epoch: 1,
        ghost: false,
        test: false,
    }
}

/// A cap over `window_ms`, or over a lifetime, at `now_us`.
fn rule(cap: &Value, now_us: i64) -> CapRule {
    let at_most = u32::try_from(cap["max"].as_u64().unwrap()).unwrap();
    let after_us = cap["window_ms"].as_i64().map(|window_ms| now_us - window_ms * 1_000);
    CapRule { scope: CapScope::Customer, at_most, after_us, promised: false, window: Window::Ever }
}

#[test]
fn caps_agree_with_those_of_browsers() {
    let Some(cases) = json("cases/cap_cases.json") else { return };
    let points = cases["point"].as_array().unwrap();
    for case in points {
        let now_us = case["now_ms"].as_i64().unwrap() * 1_000;
        let mut rules: Vec<CapRule> = case["caps"].as_array().unwrap().iter().map(|cap| rule(cap, now_us)).collect();
        if let Some(lifetime) = case["lifetime"].as_u64() {
            rules.push(rule(&serde_json::json!({ "max": lifetime }), now_us));
        }
        let sent = case["sent_ms"].as_array().unwrap().iter().enumerate();
        let log: Vec<Delivery> = sent.map(|(n, at_ms)| delivery(n, at_ms.as_i64().unwrap() * 1_000)).collect();
        let allowed = judge(&log, &delivery(99, now_us), &rules, Missing::default()).is_ok();
        assert_eq!(Some(allowed), case["allow"].as_bool(), "{}", case["name"]);
    }
    assert!(points.len() > 10);
}

#[test]
fn caps_agree_over_a_sequence_of_attempts() {
    let Some(cases) = json("cases/cap_cases.json") else { return };
    for case in cases["sequence"].as_array().unwrap() {
        let mut log = Vec::new();
        for attempt in case["attempts"].as_array().unwrap() {
            let wanted = delivery(log.len(), attempt[0].as_i64().unwrap() * 1_000);
            let allowed = judge(&log, &wanted, &[rule(&case["cap"], wanted.at_us)], Missing::default()).is_ok();
            assert_eq!(Some(allowed), attempt[1].as_bool(), "{attempt} of {}", case["source"]);
            if allowed {
                log.push(wanted);
            }
        }
    }
}

fn hours(start: &str, end: &str) -> DayRange {
    let minute = |text: &str| {
        let time: Time = text.parse().unwrap();
        u16::try_from(i16::from(time.hour()) * 60 + i16::from(time.minute())).unwrap()
    };
    DayRange { start_min: minute(start), end_min: minute(end) }
}

fn is_quiet(instant: Timestamp, zone: &TimeZone, range: DayRange) -> bool {
    Civil::at(instant.as_microsecond(), zone).is_within(range)
}

#[test]
fn quiet_hours_agree_over_dst() {
    let Some(cases) = json("cases/quiet_dst_cases.json") else { return };
    let rows = cases["rows"].as_array().unwrap();
    for row in rows {
        let text = |column: usize| row[column].as_str().unwrap();
        let zone = TimeZone::get(text(0)).unwrap();
        let instant: Timestamp = text(3).parse().unwrap();
        assert_eq!(Some(is_quiet(instant, &zone, hours(text(1), text(2)))), row[4].as_bool(), "{row}");
    }
    assert!(rows.len() > 10);
}

#[test]
fn a_night_is_as_long_as_its_minutes() {
    let Some(cases) = json("cases/quiet_dst_cases.json") else { return };
    for (night, minutes) in cases["night_length_min_22_06"].as_object().unwrap() {
        let (place, date) = night.split_once(' ').unwrap();
        let zone = ["Europe", "Australia", "America", "Africa"]
            .iter()
            .find_map(|part| TimeZone::get(&format!("{part}/{place}")).ok())
            .unwrap();
        let date: Date = if date == "normal" { "2026-06-10".parse().unwrap() } else { date.parse().unwrap() };
        // From noon to noon every night lies whole, whatever the clocks do.
        let noon = |date: Date| date.at(12, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp();
        let (first, last) = (noon(date), noon(date.checked_add(1.day()).unwrap()));
        let minute = SignedDuration::from_mins(1);
        let each = std::iter::successors(Some(first), |instant| instant.checked_add(minute).ok());
        let range = hours("22:00", "06:00");
        let quiet = each.take_while(|instant| *instant < last).filter(|instant| is_quiet(*instant, &zone, range));
        assert_eq!(Some(quiet.count() as u64), minutes.as_u64(), "{night}");
    }
}

#[test]
fn the_corpus_is_matched_as_its_truth_says_and_to_the_byte() {
    let Some(generator) = shared("bench/gen_corpus.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    if !corpus::generate(&generator, folder.path()) {
        println!("skipped: there is no python3 to make the corpus with");
        return;
    }
    let first = corpus::replay(folder.path());
    assert_eq!(first.counters.ambiguous, 0);
    assert_eq!(first.counters.heard, corpus::RECORDS);
    assert_eq!(first.counters.matched, corpus::customers_in_truth(folder.path()));
    assert!(first.timeline.contains("zone.entered"), "a corpus in which nobody is anywhere tests nothing");
    assert!(first.timeline == corpus::replay(folder.path()).timeline, "the same input gives the same bytes");
}
