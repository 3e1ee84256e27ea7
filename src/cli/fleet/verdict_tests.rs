//! What everybody together tells.

use serde_json::json;

use super::super::roll::Now;
use super::*;

/// A roll that hears both kinds from second 0 on.
fn roll(expected: Option<&[&str]>) -> Roll {
    let one = |line: &&str| match line.split_once('/') {
        Some((site, gateway)) => Expected::Pi(Place { site: site.to_owned(), gateway: gateway.to_owned() }),
        None => Expected::Shop((*line).to_owned()),
    };
    let mut roll = Roll::new("emma", expected.map(|lines| lines.iter().map(one).collect()));
    for filter in [0, 1] {
        roll.hears(filter, Some(0));
    }
    roll
}

const NOW: Now = Now { monotonic_us: 1_000_000, wall_us: 0 };

/// A Pi says its state, and its health where it is there.
fn say(roll: &mut Roll, pi: &str, state: &str, version: &str, decides: bool) {
    let (site, gateway) = pi.split_once('/').unwrap();
    let sources = if decides { json!([]) } else { json!([{ "kind": "decider", "listening": true }]) };
    let message = json!({ "state": state, "version": version, "sources": sources }).to_string();
    roll.take(&format!("emma/v1/{site}/gateway/{gateway}/state"), message.as_bytes(), true, NOW);
    if state == "online" {
        let health = br#"{"at":"1970-01-01T00:00:00Z"}"#;
        roll.take(&format!("emma/v1/{site}/gateway/{gateway}/health"), health, false, NOW);
    }
}

/// Who has what, by the words for it; notes in brackets.
fn found(verdict: &Verdict) -> Vec<String> {
    let words = |told: &Told| {
        let word = |finding: &Finding| {
            if finding.needs_hand() { finding.what.to_owned() } else { format!("({})", finding.what) }
        };
        let words: Vec<String> = told.findings.iter().map(word).collect();
        format!("{}/{}: {}", told.site, told.gateway.as_deref().unwrap_or("-"), words.join(" "))
    };
    verdict.pis.iter().filter(|told| !told.findings.is_empty()).map(words).collect()
}

fn verdict(roll: &Roll) -> Verdict {
    Verdict::of(roll, NOW.monotonic_us)
}

#[test]
fn a_fleet_that_is_well_is_one_sentence() {
    let mut roll = roll(None);
    (0..120).for_each(|n| say(&mut roll, &format!("s{}/gw{n}", n % 40), "online", "0.1.0", n < 40));
    let verdict = verdict(&roll);
    assert_eq!((verdict.well, verdict.total, verdict.shops, verdict.unheard), (120, 120, 40, 0));
    assert!(verdict.is_well() && found(&verdict).is_empty());
}

#[test]
fn who_is_offline_needs_a_hand_and_who_is_off_the_list_does_not() {
    let mut roll = roll(Some(&["bern/gw", "chur", "genf", "zug/gw-2", "zug"]));
    say(&mut roll, "bern/gw", "offline", "0.1.0", true);
    say(&mut roll, "bern/old", "offline", "0.0.9", true);
    say(&mut roll, "chur/gw", "online", "0.1.0", true);
    say(&mut roll, "zug/gw-1", "online", "0.1.0", false);
    let verdict = verdict(&roll);
    let expected = [
        "bern/gw: offline",
        "bern/old: (retired)",
        "genf/-: missing",
        "zug/-: missing",
        "zug/gw-1: no-decider",
        "zug/gw-2: missing",
    ];
    assert_eq!(found(&verdict), expected);
    assert_eq!((verdict.well, verdict.total), (2, 7));
    let retired = &verdict.pis[1].findings[0].sentence;
    assert!(retired.ends_with("mosquitto_pub -r -n -t emma/v1/bern/gateway/old/state"), "{retired}");
}

#[test]
fn two_who_decide_name_each_other_and_one_that_was_taken_over_says_by_whom() {
    let mut roll = roll(None);
    say(&mut roll, "bern/a", "online", "1", true);
    say(&mut roll, "bern/b", "online", "1", true);
    say(&mut roll, "chur/a", "offline", "1", true);
    say(&mut roll, "chur/b", "online", "1", true);
    say(&mut roll, "zug/a", "online", "1", true);
    say(&mut roll, "zug/b", "online", "1", false);
    let verdict = verdict(&roll);
    assert_eq!(found(&verdict), ["bern/a: two-deciders", "bern/b: two-deciders", "chur/a: offline"]);
    let sentences: Vec<&str> =
        verdict.pis.iter().flat_map(|pi| &pi.findings).map(|finding| &*finding.sentence).collect();
    assert!(sentences[0].starts_with("b decides") && sentences[1].starts_with("a decides"), "{sentences:?}");
    assert_eq!(sentences[2], "it is offline, and b decides in its shop");
}

#[test]
fn a_shop_of_scanners_alone_makes_no_offer_and_is_told_once() {
    let mut roll = roll(None);
    say(&mut roll, "bern/a", "online", "1", false);
    say(&mut roll, "bern/b", "online", "1", false);
    assert_eq!(found(&verdict(&roll)), ["bern/a: no-decider"]);
    say(&mut roll, "bern/c", "offline", "1", true);
    assert_eq!(found(&verdict(&roll)), ["bern/c: offline"], "it has one, and that one is away");
}

#[test]
fn who_is_left_behind_needs_a_hand_and_who_goes_ahead_does_not() {
    let mut roll = roll(None);
    for (pi, version) in [("a/gw", "0.9.0"), ("b/gw", "0.9.0"), ("c/gw", "0.10.0"), ("d/gw", "0.8.12"), ("e/gw", "?")] {
        say(&mut roll, pi, "online", version, true);
    }
    assert_eq!(found(&verdict(&roll)), ["c/gw: (version)", "d/gw: version", "e/gw: version"]);
}

#[test]
fn who_has_no_readable_state_is_not_hidden() {
    let mut roll = roll(None);
    roll.take("emma/v1/bern/gateway/gw/state", b"rubbish", true, NOW);
    roll.take("emma/v1/chur/gateway/gw/health", br#"{"at":"1970-01-01T00:00:00Z"}"#, false, NOW);
    assert_eq!(found(&verdict(&roll)), ["bern/gw: unreadable", "chur/gw: stateless"]);
}

#[test]
fn of_whom_nothing_but_the_state_is_known_is_said_and_silence_is_told_in_time() {
    let mut roll = roll(None);
    roll.take("emma/v1/bern/gateway/gw/state", br#"{"state":"online"}"#, true, NOW);
    let early = verdict(&roll);
    assert_eq!((early.unheard, early.is_well()), (1, true));
    let late = Verdict::of(&roll, 200_000_000);
    assert_eq!((late.unheard, found(&late)), (0, vec!["bern/gw: silent".to_owned()]));
}
