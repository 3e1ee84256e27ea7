//! What counts as wider.

use super::*;
use crate::notice::facts::Caps;

fn caps(text: &str) -> Vec<Cap> {
    let cap = |text: &str| {
        let (at_most, per) = text.split_once('/').map_or((text, None), |(n, per)| (n, Some(per.to_owned())));
        Cap { at_most: at_most.parse().unwrap(), per }
    };
    text.split(" + ").filter(|text| !text.is_empty()).map(cap).collect()
}

fn with_caps(text: &str) -> Facts {
    Facts { caps: Caps { customer: caps(text), ..Caps::default() }, ..Facts::default() }
}

fn sides(old: &Facts, new: &Facts) -> Vec<Side> {
    between(old, new).iter().map(|change| change.side).collect()
}

#[test]
fn a_cap_is_wider_where_something_that_was_forbidden_no_longer_is() {
    for (tight, loose) in [
        ("1/1d", "2/1d"),
        ("2/7d", "2/1d"),
        ("2/1d + 5/7d", "2/1d"),
        ("2/1d + 5/7d", "2/1d + 6/7d"),
        ("0/1d", "1/7d"),
        ("0/1d", ""),
        ("3", "3/7d"),
        ("3", "4"),
        ("2/1 month", "2/28d"),
        ("2/31d", "2/1 month"),
    ] {
        assert_eq!(sides(&with_caps(tight), &with_caps(loose)), [Side::Wider], "{tight} to {loose}");
        assert_eq!(sides(&with_caps(loose), &with_caps(tight)), [Side::Narrower], "{loose} to {tight}");
    }
    // Each lets pass what the other does not: somebody may hear more than before.
    for (one, other) in [("1/1d", "3/7d"), ("2/30d", "2/1 month")] {
        assert_eq!(sides(&with_caps(one), &with_caps(other)), [Side::Wider], "{one} to {other}");
    }
    assert_eq!(
        sides(&with_caps("2/1d + 2/2d"), &with_caps("2/2d")),
        [Side::Otherwise],
        "one of the two never mattered"
    );
}

#[test]
fn quiet_hours_are_wider_where_a_quiet_minute_is_no_longer_quiet() {
    let quiet = |hours: Option<[&str; 2]>| Facts {
        quiet_hours: hours.map(|hours| hours.map(str::to_owned)),
        ..Facts::default()
    };
    let night = quiet(Some(["21:00", "08:00"]));
    for (other, side) in [
        (Some(["21:00", "07:59"]), Side::Wider),
        (Some(["20:00", "07:00"]), Side::Wider),
        (None, Side::Wider),
        (Some(["20:00", "08:00"]), Side::Narrower),
        (Some(["00:00", "24:00"]), Side::Narrower),
    ] {
        assert_eq!(sides(&night, &quiet(other)), [side], "{other:?}");
    }
}

#[test]
fn whatever_is_kept_for_longer_is_wider() {
    let kept = |secs| Facts { kept: vec![Kept { what: "offers-made".into(), secs }], ..Facts::default() };
    assert_eq!(sides(&kept(Some(60)), &kept(Some(61))), [Side::Wider]);
    assert_eq!(sides(&kept(Some(60)), &kept(None)), [Side::Wider], "until a withdrawal is longer than any time");
    assert_eq!(sides(&kept(Some(61)), &kept(Some(60))), [Side::Narrower]);
    assert_eq!(sides(&Facts::default(), &kept(Some(60))), [Side::Wider]);
}

#[test]
fn what_concerns_others_most_is_told_first_and_nothing_is_told_of_nothing() {
    let old = Facts { adults_only: true, contact: "a".into(), ..with_caps("2/1d") };
    let new = Facts { contact: "b".into(), opening_hours: true, ..with_caps("2/1d") };
    assert_eq!(sides(&old, &new), [Side::Wider, Side::Narrower, Side::Otherwise]);
    assert_eq!(between(&new, &new), []);
}

#[test]
fn a_translated_name_is_no_other_controller() {
    let names = |text: &str| Names::from([("de".into(), text.into()), ("en".into(), "Corner".into())]);
    let facts = |controller: &str, each: Names| Facts {
        controller: controller.into(),
        controller_in: each,
        authority: Some("EDÖB".into()),
        ..Facts::default()
    };
    let one = facts("Corner", Names::new());
    assert_eq!(sides(&one, &facts("Corner", names("Ecke"))), [Side::Otherwise]);
    assert_eq!(sides(&facts("Corner", names("Ecke")), &facts("Corner", names("Laden"))), [Side::Otherwise]);
    assert_eq!(
        sides(&one, &facts("Other", names("Ecke"))),
        [Side::Wider],
        "somebody else answers for it, and it is told once"
    );
    let in_french = Facts { authority_in: names("EDÖB"), ..one.clone() };
    assert_eq!(sides(&one, &in_french), [Side::Otherwise]);
}

#[test]
fn facts_outlive_fields_that_nobody_knows_yet() {
    let facts = Facts { version: "1a2b3c4d".into(), controller: "x".into(), ..with_caps("2/1d") };
    let text = facts.to_json();
    assert_eq!(Facts::from_json(&text).unwrap(), facts);
    let later = text.replacen('{', "{\"of-later\": [1, 2],", 1);
    assert_eq!(Facts::from_json(&later).unwrap(), facts);
}
