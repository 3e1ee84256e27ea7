//! Who is held, and who is not.

use super::*;

const ONLINE: &[u8] = br#"{"state":"online","version":"1"}"#;
const OFFLINE: &[u8] = br#"{"state":"offline","version":"1"}"#;
const HEALTH: &[u8] = br#"{"at":"1970-01-01T00:00:00Z"}"#;

fn at(secs: u64) -> Now {
    Now { monotonic_us: secs * 1_000_000, wall_us: 0 }
}

/// Both kinds are heard from second 100 on.
fn roll() -> Roll {
    let mut roll = Roll::new("emma", None);
    for filter in [0, 1] {
        roll.hears(filter, Some(at(100).monotonic_us));
    }
    roll
}

fn pi<'a>(roll: &'a Roll, site: &str, gateway: &str) -> Option<&'a Pi> {
    roll.pis.get(&Place { site: site.to_owned(), gateway: gateway.to_owned() })
}

#[test]
fn who_is_there_is_told_by_the_topic_alone() {
    let mut roll = roll();
    let lie = br#"{"state":"online","site":"chur","gateway":"x"}"#;
    assert!(roll.take("emma/v1/bern/gateway/gw/state", lie, true, at(100)));
    assert!(pi(&roll, "bern", "gw").is_some_and(Pi::is_online) && roll.pis.len() == 1);
    assert!(roll.take("emma/v1/bern/gateway/gw/state", b"", false, at(101)), "what is retained is taken back");
    assert!(roll.pis.is_empty() && roll.useless.is_empty());
}

#[test]
fn what_is_of_no_use_is_counted_by_why() {
    let mut roll = roll();
    let long = format!("emma/v1/{}/gateway/gw/state", "x".repeat(65));
    for (topic, payload, retained, why) in [
        ("emma/v1/bern/gateway/gw", ONLINE, true, "topic"),
        ("emma/v1/bern/gateway/gw/state/x", ONLINE, true, "topic"),
        ("other/v1/bern/gateway/gw/state", ONLINE, true, "topic"),
        ("emma/v1//gateway/gw/state", ONLINE, true, "name"),
        ("emma/v1/b\u{1b}[2J/gateway/gw/state", ONLINE, true, "name"),
        (&*long, ONLINE, true, "name"),
        ("emma/v1/bern/gateway/gw/health", b"rubbish", false, "no-health"),
        ("emma/v1/bern/gateway/gw/health", HEALTH, true, "retained-health"),
        ("emma/v1/bern/gateway/gw/state", b"rubbish", true, "no-state"),
    ] {
        let before = roll.useless.get(why).copied().unwrap_or_default();
        assert!(!roll.take(topic, payload, retained, at(100)));
        assert_eq!(roll.useless.get(why), Some(&(before + 1)), "{topic}");
    }
    let known = pi(&roll, "bern", "gw").unwrap();
    assert_eq!((&known.state, roll.pis.len()), (&Last::Unreadable, 1), "whoever has no readable state is not hidden");
}

#[test]
fn whatever_a_broker_sends_so_many_are_held() {
    let mut roll = roll();
    for n in 0..MAX_PIS + 7 {
        roll.take(&format!("emma/v1/s{n}/gateway/gw/state"), ONLINE, true, at(100));
    }
    assert_eq!((roll.pis.len(), roll.useless["too-many"]), (MAX_PIS, 7));
    assert!(roll.take("emma/v1/s0/gateway/gw/state", OFFLINE, false, at(101)), "who is held is heard on");
}

#[test]
fn who_misses_two_beats_is_silent_and_who_could_not_be_heard_is_not() {
    let mut roll = roll();
    roll.take("emma/v1/bern/gateway/gw/state", ONLINE, true, at(100));
    roll.take("emma/v1/bern/gateway/off/state", OFFLINE, true, at(100));
    let is_silent = |roll: &Roll, secs| roll.is_silent(pi(roll, "bern", "gw").unwrap(), at(secs).monotonic_us);
    assert!(!roll.has_heard_all() && !is_silent(&roll, 230) && is_silent(&roll, 231));
    roll.take("emma/v1/bern/gateway/gw/health", HEALTH, false, at(229));
    assert!(roll.has_heard_all(), "nobody waits for who is offline");
    assert!(!is_silent(&roll, 359) && is_silent(&roll, 360));
    roll.hears(1, None);
    assert!(!is_silent(&roll, 999) && roll.has_heard_all(), "without the right to read health nobody waits for it");
    roll.hears(1, Some(at(1_000).monotonic_us));
    assert!(!is_silent(&roll, 1_100) && is_silent(&roll, 1_131));
}
