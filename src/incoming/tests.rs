use super::*;

const AT: &str = "2026-11-02T10:00:00Z";
const AT_US: i64 = 1_793_613_600_000_000;

fn said(topic: &str, payload: &str) -> Message {
    parse(topic, payload.as_bytes()).unwrap_or_else(|flaw| panic!("{topic} {payload}: {flaw:?}"))
}

fn flaw(topic: &str, payload: &str) -> Flaw {
    parse(topic, payload.as_bytes()).err().unwrap_or_else(|| panic!("{topic} {payload} is taken"))
}

#[test]
fn what_is_said_back_is_read_in_every_kind() {
    for kind in Kind::ALL {
        let payload = format!(r#"{{"offer_id":"o1","kind":"{}","more":[{{}}]}}"#, kind.as_str());
        let expected = Message::Feedback { inbox: "q7Jr".into(), offer_id: "o1".into(), kind, snooze: None };
        assert!(said("feedback/q7Jr", &payload) == expected);
    }
    let snooze = said("feedback/q7Jr", r#"{"offer_id":"o1","kind":"snooze","for":"2h"}"#);
    assert!(matches!(snooze, Message::Feedback { snooze: Some(Span::Micros(7_200_000_000)), .. }));
    assert_eq!(flaw("feedback/q7Jr", r#"{"offer_id":"o1","kind":"snooze","for":"soon"}"#), Flaw::Time);
    assert_eq!(flaw("feedback/q7Jr", r#"{"offer_id":"o1","kind":"liked"}"#), Flaw::Kind);
}

#[test]
fn a_question_is_told_by_its_topic() {
    for payload in ["", "{}", "\u{1}"] {
        assert!(said("ask/q7Jr", payload) == Message::Ask { inbox: "q7Jr".into() });
    }
    assert_eq!(inbox_of("ask/q7Jr"), Some("q7Jr"));
    assert_eq!((inbox_of("purchase"), inbox_of("ask/")), (None, None));
}

#[test]
fn a_purchase_names_its_customer_by_one_of_two() {
    let with = |whom: &str, kind: &str| format!(r#"{{{whom}"category":"shoes","kind":"{kind}","at":"{AT}"}}"#);
    let expected =
        |whom: Whom, is_return| Message::Purchase { whom, category: "shoes".into(), is_return, at_us: AT_US };
    let customer = Whom::Customer(CustomerId::new("karoline-7").unwrap());
    assert!(said("purchase", &with(r#""customer":"karoline-7","#, "sale")) == expected(customer, false));
    let inbox = Whom::Inbox("q7Jr".into());
    assert!(said("purchase", &with(r#""inbox":"q7Jr","#, "return")) == expected(inbox, true));
    assert_eq!(flaw("purchase", &with("", "sale")), Flaw::Fields);
    assert_eq!(flaw("purchase", &with(r#""inbox":"q7Jr","customer":"karoline-7","#, "sale")), Flaw::Fields);
    assert_eq!(flaw("purchase", &with(r#""customer":"karoline 7","#, "sale")), Flaw::Text);
    assert_eq!(flaw("purchase", &with(r#""inbox":"q7Jr","#, "gift")), Flaw::Kind);
    assert_eq!(flaw("purchase/q7Jr", &with(r#""inbox":"q7Jr","#, "sale")), Flaw::Topic);
}

#[test]
fn a_value_is_a_number_or_a_short_text() {
    let of = |value: &str| format!(r#"{{"value":{value},"at":"{AT}","good_for_secs":90}}"#);
    for (value, text) in [("4", "4"), ("4.5", "4.5"), ("-3", "-3"), (r#""soup""#, "soup")] {
        let expected = Message::Value { name: "x".into(), text: text.into(), at_us: AT_US, good_for_us: 90_000_000 };
        assert!(said("value/x", &of(value)) == expected, "{value}");
    }
    let long = format!("\"{}\"", "x".repeat(65));
    for value in [r#""""#, r#"" ""#, r#""a\u0007""#, &long] {
        assert_eq!(flaw("value/x", &of(value)), Flaw::Text, "{value}");
    }
    for value in ["null", "true", "[4]", "{}"] {
        assert_eq!(flaw("value/x", &of(value)), Flaw::Fields, "{value}");
    }
    assert_eq!(flaw("value/x", r#"{"value":4,"at":"2026-11-02T10:00:00Z","good_for_secs":-1}"#), Flaw::Fields);
    assert_eq!(flaw("value/x", r#"{"value":4,"at":"10 o'clock","good_for_secs":1}"#), Flaw::Time);
}

#[test]
fn the_shop_can_halt_everything_or_one_campaign() {
    let of = |what: &str, until: &str| format!(r#"{{"do":"{what}","at":"{AT}"{until}}}"#);
    let control = |word| Message::Control { word, at_us: AT_US };
    let until = r#","until":"2026-11-02T10:00:01Z""#;
    assert!(said("control/pause", &of("pause", until)) == control(Word::Pause(AT_US + 1_000_000)));
    assert!(said("control/pause", &of("pause", "")) == control(Word::Pause(i64::MAX)));
    assert!(said("control/pause", &of("resume", "")) == control(Word::Resume));
    assert!(said("control/campaign/oak", &of("stop", "")) == control(Word::Stop("oak".into())));
    assert!(said("control/campaign/oak", &of("start", "")) == control(Word::Start("oak".into())));
    assert_eq!(flaw("control/pause", &of("stop", "")), Flaw::Kind);
    assert_eq!(flaw("control/campaign/oak", &of("pause", "")), Flaw::Kind);
    assert!(said("control/offer/b9d1", &of("recall", "")) == Message::Recall { offer_id: "b9d1".into() });
    assert_eq!(flaw("control/offer/b9d1", &of("stop", "")), Flaw::Kind);
    assert_eq!(flaw("control/offer/b9d1", r#"{"do":"recall"}"#), Flaw::Fields);
    for topic in [
        "control/offer",
        "control/offer/",
        "control/offer/a/b",
        "control/campaign",
        "control/campaign/",
        "control/campaign/a/b",
        "control/reboot",
        "control",
    ] {
        assert_eq!(flaw(topic, &of("stop", "")), Flaw::Topic, "{topic}");
    }
}

#[test]
fn what_is_let_go_of_is_no_flaw() {
    assert!(said("value/x", "") == Message::LetGo && said("control/pause", "") == Message::LetGo);
    assert_eq!(flaw("feedback/q7Jr", ""), Flaw::NotJson);
}

#[test]
fn rubbish_is_refused_by_its_kind() {
    let feedback = |payload: &str| flaw("feedback/q7Jr", payload);
    assert_eq!(feedback("[\"o1\",\"stop\",null]"), Flaw::NotJson);
    assert_eq!(feedback(r#"{"offer_id":7,"kind":"stop"}"#), Flaw::Fields);
    assert_eq!(feedback(r#"{"kind":"stop"}"#), Flaw::Fields);
    assert_eq!(feedback(r#"{"offer_id":"","kind":"stop"}"#), Flaw::Text);
    assert_eq!(feedback(&format!(r#"{{"offer_id":"{}","kind":"stop"}}"#, "o".repeat(129))), Flaw::Text);
    assert_eq!(feedback(&" ".repeat(MAX_MESSAGE_LEN + 1)), Flaw::TooLong);
    assert_eq!(feedback(&"[".repeat(MAX_MESSAGE_LEN)), Flaw::NotJson);
    assert_eq!(feedback(&format!("{{\"a\":{}", "[".repeat(4_000))), Flaw::NotJson);
    assert_eq!(parse("feedback/q7Jr", &[b'{', 0xff, b'}']).err(), Some(Flaw::NotJson));
    for topic in ["", "offer/push/q7Jr", "feedback", "feedback/", "feedback/a/b", "feedback/+", "ask/#", "consent"] {
        assert_eq!(flaw(topic, "{}"), Flaw::Topic, "{topic}");
    }
    let long = format!("ask/{}", "q".repeat(129));
    assert_eq!(flaw(&long, ""), Flaw::Topic);
}

#[test]
fn what_wants_less_said_or_kept_is_a_no() {
    let is_no = |topic: &str, payload: &str| parse(topic, payload.as_bytes()).unwrap().is_no();
    let feedback = |kind: &str| is_no("feedback/a", &format!(r#"{{"offer_id":"x","kind":"{kind}"}}"#));
    assert!(["dismissed", "no-more", "snooze", "stop"].iter().all(|kind| feedback(kind)));
    assert!(["displayed", "opened", "redeemed", "more", "helpful", "why"].iter().all(|kind| !feedback(kind)));
    let control = |topic: &str, what: &str| is_no(topic, &format!(r#"{{"do":"{what}","at":"2026-01-01T00:00:00Z"}}"#));
    assert!(control("control/pause", "pause") && !control("control/pause", "resume"));
    assert!(control("control/campaign/oak", "stop") && !control("control/campaign/oak", "start"));
    assert!(control("control/offer/x", "recall"));
    assert!(is_no("subject", r#"{"do":"erase","inbox":"a"}"#) && !is_no("subject", r#"{"do":"export","inbox":"a"}"#));
    assert!(!is_no("ask/a", "") && !is_no("value/x", ""));
}

#[test]
fn nothing_of_a_message_is_shown() {
    let message = said("feedback/q7Jr", r#"{"offer_id":"o1","kind":"stop"}"#);
    assert_eq!(format!("{message:?}"), "Feedback(..)");
}
