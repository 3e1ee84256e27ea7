use super::*;
use crate::config::promise::Cap;
use crate::config::span::Span;
use crate::gateway::consent::{Identifier, Meaning, State, Tier};

/// The record of the contract, with an inbox that is not abbreviated.
const EXAMPLE: &str = r#"{"customer":"c-0001","epoch":1,"tier":"contextual","purposes":["offers"],"sites":["bern-marktgasse"],
     "identifiers":[{"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":2}}],
     "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z",
     "inbox":{"push":"q7Jr"},"language":"de","time_zone":"Europe/Berlin","quiet_hours":["22:00","06:00"],
     "notice":{"version":"3","language":"de"},"adult":true}"#;

fn grant(line: &str) -> ConsentRecord {
    match parse(line) {
        Ok(Record::Grant(record)) => *record,
        other => panic!("no grant: {other:?}"),
    }
}

fn problems(line: &str) -> Vec<String> {
    parse(line).expect_err("it was taken").problems().to_vec()
}

/// The example with a field set to a value; `null` takes it out.
fn with(field: &str, value: &str) -> String {
    let mut record: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    match serde_json::from_str(value).unwrap() {
        serde_json::Value::Null => drop(record.as_object_mut().unwrap().remove(field)),
        value => record[field] = value,
    }
    record.to_string()
}

#[test]
fn the_contracts_example_is_taken() {
    let consent = grant(EXAMPLE).check().unwrap();
    let uuid = *b"\xf7\x82\x6d\xa6\x4f\xa2\x4e\x98\x80\x24\xbc\x5b\x71\xe0\x89\x3e";
    assert_eq!(consent.customer.as_str(), "c-0001");
    assert_eq!(consent.tier, Tier::Contextual);
    assert!(consent.purposes.offers && !consent.purposes.lift_measurement);
    assert_eq!(*consent.identifiers, [Identifier::IBeacon(uuid, 1, 2)]);
    assert_eq!(consent.valid_from_us, 1_767_225_600_000_000);
    assert!(consent.covers_site("bern-marktgasse") && !consent.covers_site("basel"));
    assert_eq!(consent.quiet_hours.map(|hours| (hours.start_min, hours.end_min)), Some((1320, 360)));
    assert!(consent.adult && !consent.test);
    assert_eq!(consent.inbox_at("push"), Some("q7Jr"));
}

#[test]
fn a_record_is_written_as_it_was_read() {
    let everything = with(
        "identifiers",
        r#"[{"altbeacon":{"id1":"2f234454-cf6d-4a0f-adf2-f4911ba9ffa6","id2":1,"id3":2}},
            {"eddystone_uid":{"namespace":"00010203040506070809","instance":"010203040506"}},
            {"eddystone_eid":{"identity_key":"0102030405060708090a111213141516","k":10,"counter_at":[7,"2026-01-01T00:00:00Z"]}},
            {"rolling":{"day_key":"0102030405060708090a111213141516","day":"2026-11-22"}},
            {"irk":"ec0234a357c8ad05341010a60a397d9b"},{"address":"00:11:22:33:44:AA"},{"phone":{"id":"p1"}}]"#,
    );
    let mut value: serde_json::Value = serde_json::from_str(&everything).unwrap();
    value["caps"] = serde_json::json!({"customer": [{"at_most": 1, "per": "1d"}], "visit": 1, "gap": "2h"});
    value["wishes"] = serde_json::json!([{"category": "coats", "max_price": "150 CHF", "until": "2026-12-31"}]);
    value["interests"] = serde_json::json!(["shoes"]);
    value["test"] = "lab".into();
    value["budget"] = 3.into();
    value["paused_until"] = "2026-02-01T00:00:00Z".into();
    let record = grant(&value.to_string());
    assert_eq!(serde_json::to_value(&record).unwrap(), value);
    let again: ConsentRecord = serde_json::from_value(value).unwrap();
    assert!(again == record);
    let consent = record.check().unwrap();
    assert_eq!((consent.identifiers.len(), consent.rotating.len(), consent.phones.len()), (3, 3, 1));
    assert_eq!(format!("{:?}", consent.rotating), "[EddystoneEid(..), Rolling(..), Irk(..)]");
}

#[test]
fn caps_take_both_forms() {
    let caps =
        grant(&with("caps", r#"{"visit":[{"at_most":1}],"gap":[{"at_most":1,"per":"2h"}],"site":[{"at_most":0}]}"#));
    let caps = caps.check().unwrap().caps.clone();
    assert_eq!((caps.visit, caps.gap), (Some(1), Some(Span::Micros(7_200_000_000))));
    assert_eq!(caps.site, [Cap { at_most: 0, per: None }]);
    assert_eq!(problems(&with("caps", r#"{"gap":[{"at_most":2,"per":"2h"}]}"#)).len(), 1);
    assert_eq!(problems(&with("caps", r#"{"zone":[{"at_most":2,"per":"soon"}]}"#)).len(), 1);
}

#[test]
fn a_withdrawal_has_customer_and_epoch_alone() {
    let line = r#"{"customer":"c-1","epoch":4,"withdrawn":true}"#;
    let Ok(Record::Withdraw { customer, epoch: 4 }) = parse(line) else { panic!("no withdrawal") };
    assert_eq!(customer.as_str(), "c-1");
    let more = r#"{"customer":"c-1","epoch":4,"withdrawn":true,"tier":"personal"}"#;
    assert_eq!(problems(more), ["field `tier` is not known; known are customer, epoch, withdrawn"]);
    assert_eq!(problems(r#"{"withdrawn":true}"#).len(), 2);
    assert_eq!(problems(r#"{"customer":"c-1","epoch":4,"withdrawn":"yes"}"#).len(), 1);
}

#[test]
fn a_state_says_what_becomes_of_a_consent_and_only_two_are_a_yes() {
    for state in State::ALL {
        let whole = parse(&with("state", &format!("{:?}", state.word())));
        let short = parse(&format!(r#"{{"customer":"c-0001","epoch":1,"state":"{}"}}"#, state.word()));
        match (state.meaning(), whole, short) {
            (Meaning::Opens, Ok(Record::Grant(record)), Err(_)) => assert_eq!(record.check().unwrap().state, state),
            (Meaning::Lapses, Ok(Record::Lapse { epoch: 1, .. }), Ok(Record::Lapse { epoch: 1, .. }))
            | (Meaning::Forgets, Ok(Record::Withdraw { epoch: 1, .. }), Ok(Record::Withdraw { epoch: 1, .. })) => {}
            (meaning, whole, short) => panic!("{state:?} is {meaning:?}: {whole:?}, {short:?}"),
        }
    }
    assert_eq!(grant(EXAMPLE).check().unwrap().state, State::Given, "a record that says nothing of it");
    assert_eq!(
        problems(&with("state", r#""givn""#)),
        [
            "`state`: `givn` is none of unknown, requested, deferred, refused, given, renewed, expired, invalidated, revoked, withdrawn"
        ]
    );
    assert_eq!(problems(&with("state", "true")), ["`state`: is not a text in quotes"]);
}

#[test]
fn an_end_is_heeded_whatever_stands_beside_it_but_not_with_a_yes() {
    let unreadable = r#"{"customer":"c-1","epoch":4,"state":"withdrawn","tier":7,"identifiers":"none","x":[]}"#;
    assert!(matches!(parse(unreadable), Ok(Record::Withdraw { epoch: 4, .. })));
    let expired = r#"{"customer":"c-1","epoch":4,"state":"expired","withdrawn":true}"#;
    assert!(matches!(parse(expired), Ok(Record::Withdraw { .. })), "of two words the one that forgets");
    assert_eq!(problems(r#"{"customer":"c-1","epoch":4,"state":"given","withdrawn":true}"#).len(), 1);
    assert_eq!(problems(r#"{"state":"revoked"}"#).len(), 2, "whose, and which epoch");
}

#[test]
fn what_is_kept_of_a_consent_may_have_lapsed() {
    let mut kept = serde_json::to_value(grant(EXAMPLE)).unwrap();
    kept["state"] = "expired".into();
    let kept: ConsentRecord = serde_json::from_value(kept).unwrap();
    assert_eq!(kept.check().unwrap().state, State::Expired);
}

#[test]
fn when_it_was_given_and_where_the_proof_is_are_kept() {
    let record = grant(&with("given_at", r#""2025-12-31T23:59:59Z""#));
    assert_eq!(record.given_at.as_deref(), Some("2025-12-31T23:59:59Z"));
    assert_eq!(grant(&with("proof", r#""2025/proofs/7f3a""#)).proof.as_deref(), Some("2025/proofs/7f3a"));
    assert!(problems(&with("given_at", r#""2026-01-01T00:00:01Z""#))[0].contains("is after `valid_from`"));
    assert_eq!(problems(&with("proof", r#""""#)), ["`proof`: is not a reference of 1 to 256 characters"]);
    assert_eq!(problems(&with("proof", &format!("{:?}", "x".repeat(257)))).len(), 1);
}

#[test]
fn uuids_come_with_or_without_dashes_in_either_case_and_doubles_count_once() {
    let record = grant(&with(
        "identifiers",
        r#"[{"ibeacon":{"uuid":"F7826DA64FA24E988024BC5B71E0893E","major":1,"minor":2}},
            {"ibeacon":{"uuid":"f7826da6-4fa2-4e98-8024-bc5b71e0893e","major":1,"minor":2}}]"#,
    ));
    assert_eq!(record.identifiers, grant(EXAMPLE).identifiers);
}

#[test]
fn sentences_name_the_field_and_what_to_do() {
    assert_eq!(
        problems(&with("tier", r#""contxtual""#)),
        ["`tier`: `contxtual` is none of on-request, contextual, personal"]
    );
    assert_eq!(problems(&with("adlut", "true")), ["field `adlut` is not known; did you mean `adult`?"]);
    assert_eq!(problems(&with("epoch", "null")), ["`epoch`: is missing; it is required"]);
    assert_eq!(problems(&with("epoch", "-1")), ["`epoch`: is not a whole number from 0 to 9223372036854775807"]);
    assert_eq!(
        problems(&with("valid_until", r#""2025-01-01T00:00:00Z""#)),
        ["`valid_until`: is not after `valid_from`; make it later"]
    );
    assert_eq!(
        problems(&with("identifiers", r#"[{"ibeacn":{}}]"#)),
        ["field `ibeacn` in `identifiers[0]` is not known; did you mean `ibeacon`?"]
    );
    assert_eq!(
        problems(&with("identifiers", r#"[{"ibeacon":{"uuid":"1","major":70000}}]"#)).len(),
        3,
        "minor is missing, uuid and major are wrong"
    );
}

#[test]
fn what_is_wrong_is_refused() {
    let wrong = [
        ("identifiers", "[]"),
        ("identifiers", r#"[{"irk":"short"}]"#),
        ("identifiers", r#"[{"address":"00-11-22-33-44-55"}]"#),
        ("identifiers", r#"[{"address":"00:11:22:33:44:55","irk":"ec0234a357c8ad05341010a60a397d9b"}]"#),
        ("identifiers", r#"[{"phone":{"id":"a/b"}}]"#),
        ("identifiers", "[1,2,3,4,5,6,7,8,9]"),
        ("purposes", r#"["offers","tracking"]"#),
        ("customer", r#""Ann Example""#),
        ("time_zone", r#""Europe/Berln""#),
        ("quiet_hours", r#"["22:00","22:00"]"#),
        ("quiet_hours", r#"["22:00","24:00"]"#),
        ("quiet_hours", r#"["22:00"]"#),
        ("language", r#""german language""#),
        ("inbox", r#"{"push":"a/b"}"#),
        ("inbox", r#"{"push":"a+"}"#),
        ("inbox", r#"{"push":""}"#),
        ("sites", "[7]"),
        ("wishes", r#"[{"category":"coats","max_price":"cheap"}]"#),
        ("wishes", r#"[{"category":"coats","until":"soon"}]"#),
        ("caps", r#"{"customers":[]}"#),
        ("budget", "1.5"),
        ("adult", r#""yes""#),
        ("notice", r#""3""#),
        ("valid_from", r#""yesterday""#),
    ];
    for (field, value) in wrong {
        assert_eq!(problems(&with(field, value)).len(), 1, "{field}: {value}");
    }
    assert_eq!(problems("{").len(), 1);
    let no_object = problems("[]");
    assert!(no_object.len() == 1 && no_object[0].starts_with("it is not an object"), "{no_object:?}");
    assert_eq!(problems(&format!("{EXAMPLE}{}", " ".repeat(MAX_RECORD_LEN))).len(), 1);
}

#[test]
fn a_restriction_named_twice_is_refused() {
    let twice = EXAMPLE.replace(r#""epoch":1"#, r#""sites":["basel"],"epoch":1"#);
    assert!(problems(&twice)[0].starts_with("a field is there twice (line"));
}

#[test]
fn no_error_repeats_an_identifier_a_key_or_a_pseudonym() {
    let secret = "ec0234a357c8ad05341010a60a397d9X";
    let lines = [
        with("identifiers", &format!(r#"[{{"irk":"{secret}"}}]"#)),
        with("identifiers", &format!(r#"[{{"{secret}":1}}]"#)),
        with("identifiers", &format!(r#"[{{"ibeacon":{{"uuid":"{secret}","major":1,"minor":2}}}}]"#)),
        with("identifiers", &format!(r#"[{{"phone":"{secret}"}}]"#)),
        with("customer", &format!(r#""{secret} {secret} {secret}""#)),
        with("tier", &format!(r#""{secret}""#)),
        with("inbox", &format!(r#"{{"push":"{secret}/"}}"#)),
        with(secret, "1"),
        format!("{{\"irk\":{secret}"),
    ];
    for line in lines {
        let error = parse(&line).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    assert_eq!(format!("{:?}", grant(EXAMPLE)), "ConsentRecord(..)");
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_record_or_an_error(text in proptest::prelude::any::<String>()) {
        drop(parse(&text));
    }
}
