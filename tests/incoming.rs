//! What customers and the shop say over MQTT: a real broker, the real `emma run`, and somebody who walks between two desks.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/scanner.rs"]
mod scanner;
#[path = "common/scene.rs"]
mod scene;

use std::fs;
use std::process::Command;

use daemon::{CONSENT, Shop};
use listener::until;
use scene::{INBOX, OFFERS, RELAY_INBOX, Scene, ask, consents, of_both, with_a_relay};
use serde_json::{Value, json};

/// A broker that has no better: offers go, and what is said back is heard, also while nobody listened.
#[tokio::test(flavor = "multi_thread")]
async fn in_mqtt_3_1_1_a_no_is_heeded() {
    let older = |shop: &Shop| {
        let gateway = fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
        shop.write("gateway.toml", &gateway.replace("[mqtt]\n", "[mqtt]\nprotocol = \"3.1.1\"\n"));
    };
    let scene = Scene::begin_with("MQTT 3.1.1", &consents(), older).await;
    let Some(mut scene) = scene else { return };
    let oak = scene.is_told("omg", 1).await;
    scene.say_back(&oak, "dismissed").await;
    scene.taken(1).await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    let log = scene.broker.log();
    assert!(log.contains("as emma-hall-decider (p2, c0") && !log.contains("emma-hall-decider (p5"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_heeded_and_told_twice_it_is_one() {
    let Some(mut scene) = Scene::begin("what customers say back", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    // Duplicates, and what is told in another order, change nothing: one dismissal is a day's silence and not two weeks'.
    for kind in ["displayed", "dismissed", "displayed", "dismissed"] {
        scene.say_back(&oak, kind).await;
    }
    scene.taken(4).await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    let left = (oak["offer_id"].as_str().unwrap().to_owned(), "left".to_owned());
    until("the offer ends with the zone", || scene.ends().contains(&left)).await;
    scene.say_back(&oak, "opened").await;
    scene.taken(5).await;
    let again = scene.is_told("omg", 2).await;
    scene
        .say(&format!("feedback/{INBOX}"), &json!({"offer_id": again["offer_id"], "kind": "snooze", "for": "1h"}))
        .await;
    scene.taken(6).await;
    scene.is_withheld("omg2", "elm", "quiet", 1).await;
    scene.say_back(&again, "stop").await;
    scene.taken(7).await;
    scene.is_withheld("omg", "oak", "paused", 1).await;
    // Nobody says no through another's inbox.
    scene.say("feedback/ofAnother", &json!({"offer_id": oak["offer_id"], "kind": "stop"})).await;
    scene.rejected("unknown-offer", 1).await;
    assert_eq!(scene.offers().len(), 2);
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_that_was_said_while_emma_was_down_is_heard() {
    let Some(mut scene) = Scene::begin("a no that waits", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.say_back(&oak, "no-more").await;
    scene.start().await;
    scene.taken(1).await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    scene.emma.take().unwrap().kill();
    scene.say_back(&oak, "stop").await;
    scene.start().await;
    scene.taken(1).await;
    scene
        .walk("everything is silent", |scene| scene.withheld("oak", "paused") + scene.withheld("elm", "paused") > 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_is_not_offered_until_it_is_given_back() {
    let personal =
        CONSENT.replace("contextual", "personal").replace(r#"["offers"]"#, r#"["offers","personalisation"]"#);
    let other = CONSENT.replace("karoline-7", "emil-9").replace(INBOX, "ofEmil").replace("\"minor\":2", "\"minor\":3");
    let Some(mut scene) = Scene::begin("purchases", &[personal, other]).await else { return };
    let at = scene.at(-60);
    let sale = |whom: &str, who: &str| json!({whom: who, "category": "tables", "kind": "sale", "at": at});
    let before = scene.resting_ledger().await;
    scene.say("purchase", &sale("customer", "emil-9")).await;
    scene.say("purchase", &sale("inbox", "ofEmil")).await;
    scene.say("purchase", &sale("inbox", "ofNobody")).await;
    scene.rejected("no-consent", 3).await;
    assert!(scene.ledger() == before, "the purchase of somebody who was not asked about it left a byte");
    scene.say("purchase", &json!({"inbox": INBOX, "category": "chairs", "kind": "sale", "at": at})).await;
    scene.rejected("unknown-category", 1).await;
    scene.say("purchase", &sale("inbox", INBOX)).await;
    scene.taken(1).await;
    scene.is_withheld("omg", "oak", "bought", 1).await;
    let at = scene.at(-30);
    scene.say("purchase", &json!({"customer": "karoline-7", "category": "tables", "kind": "return", "at": at})).await;
    // The sale again, late: it is the older word.
    scene.say("purchase", &sale("inbox", INBOX)).await;
    scene.taken(3).await;
    assert_eq!(scene.is_told("omg2", 1).await["campaign_id"], "elm");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_said_while_it_is_fresh() {
    let Some(mut scene) = Scene::begin("live values", &consents()).await else { return };
    let offers = OFFERS.replacen("Right at the {zone}.", "{value.till-minutes} min at the till.", 1);
    scene.shop.write("offers.toml", &offers);
    until("the change is in force", || scene.shop.log().contains("the changed configuration is in force")).await;
    scene.is_withheld("omg", "oak", "stale-value", 1).await;
    scene.keep("value/till-minutes", &json!({"value": 4, "at": scene.at(0), "good_for_secs": 3_600})).await;
    scene.taken(1).await;
    scene.is_told("omg2", 1).await;
    assert_eq!(scene.is_told("omg", 2).await["text"]["en"]["body"], "4 min at the till.");
    scene.say("value/weather", &json!({"value": "rain", "at": scene.at(0), "good_for_secs": 60})).await;
    scene.rejected("unknown-value", 1).await;
    scene.keep("value/till-minutes", &json!({"value": 9, "at": scene.at(-3_600), "good_for_secs": 7_200})).await;
    scene.rejected("older", 1).await;
    scene.keep("value/till-minutes", &json!({"value": 9, "at": scene.at(0), "good_for_secs": 1})).await;
    scene.taken(2).await;
    scene.is_told("omg2", 3).await;
    scene.is_withheld("omg", "oak", "stale-value", 2).await;
    // The broker has the value still: after a restart it is as old as it says.
    scene.keep("value/till-minutes", &json!({"value": 2, "at": scene.at(0), "good_for_secs": 3_600})).await;
    scene.taken(3).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.start().await;
    scene.taken(1).await;
    let oaks = |scene: &Scene| scene.offers().iter().filter(|offer| offer["data"]["campaign_id"] == "oak").count();
    scene.walk("it is said again", |scene| oaks(scene) == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_stopped_taken_back_and_stays_stopped() {
    let Some(mut scene) = Scene::begin("a campaign that is stopped", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    let stop = json!({"do": "stop", "at": scene.at(0)});
    scene.keep("control/campaign/oak", &stop).await;
    let recalled = (oak["offer_id"].as_str().unwrap().to_owned(), "recalled".to_owned());
    until("it is taken back", || scene.ends().contains(&recalled)).await;
    let end = scene.listener.heard("/offer-end/").pop().unwrap();
    assert_eq!(end.topic, format!("emma/v1/hall/offer-end/push/{INBOX}"));
    let stopped = |scene: &Scene| scene.state()["stopped_campaigns"].clone();
    until("the state says so", || stopped(&scene) == json!([{"id": "oak", "why": "stopped by hand"}])).await;
    scene.is_told("omg2", 2).await;
    scene.is_withheld("omg", "oak", "paused", 1).await;
    scene.emma.take().unwrap().kill();
    scene.start().await;
    until("it says so still", || scene.state()["state"] == "online" && stopped(&scene)[0]["id"] == "oak").await;
    let shown =
        Command::new(env!("CARGO_BIN_EXE_emma")).arg("status").arg("--config").arg(scene.shop.config()).output();
    assert!(String::from_utf8_lossy(&shown.unwrap().stdout).contains("oak: stopped by hand"));
    scene.walk("it is silent still", |scene| scene.withheld("oak", "paused") >= 2).await;
    assert!(scene.offers().iter().skip(1).all(|offer| offer["data"]["campaign_id"] == "elm"));
    scene.say("control/campaign/oak", &json!({"do": "start", "at": scene.at(0)})).await;
    until("it runs again", || stopped(&scene) == json!([])).await;
    // The broker tells the old word again, and it is old.
    scene.keep("control/campaign/oak", &stop).await;
    let oaks = |scene: &Scene| scene.offers().iter().filter(|offer| offer["data"]["campaign_id"] == "oak").count();
    scene.walk("it is said again", |scene| oaks(scene) == 2).await;
    assert_eq!(stopped(&scene), json!([]));
    scene.say("control/campaign/ash", &stop).await;
    scene.rejected("unknown-campaign", 1).await;
    scene.say("control/campaign/oak", &json!({"do": "start", "at": scene.at(3_600)})).await;
    scene.rejected("from-the-future", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_offer_is_recalled_in_all_its_copies() {
    let Some(mut scene) = Scene::begin_with("a recall", &[of_both()], with_a_relay).await else { return };
    scene.is_told("omg", 2).await;
    let [one, other] = &scene.offers()[..] else { panic!("{:?}", scene.offers()) };
    let id = |offer: &Value| offer["data"]["offer_id"].as_str().unwrap().to_owned();
    let (one, other) = (id(one), id(other));
    assert_ne!(one, other, "nothing joins two recipients' copies");
    let recall = json!({"do": "recall", "at": scene.at(-60)}).to_string();
    let (topic, answers) = (format!("emma/v1/hall/control/offer/{one}"), "emma/v1/hall/answer/shop");
    let (answer, _) = ask(scene.broker.port, &topic, &recall, answers).await.unwrap();
    assert_eq!(answer, json!({"result": "taken"}));
    let recalled = [&one, &other].map(|id| (id.clone(), "recalled".to_owned()));
    until("both are told", || recalled.iter().all(|end| scene.ends().contains(end))).await;
    let topics: Vec<_> = scene.listener.heard("/offer-end/").into_iter().map(|end| end.topic).collect();
    for place in [format!("push/{INBOX}"), format!("relay/{RELAY_INBOX}")] {
        let topic = format!("emma/v1/hall/offer-end/{place}");
        assert!(topics.iter().any(|told| *told == topic), "{topic}: {topics:?}");
    }
    // Said again it is taken again, and nobody is told twice. The campaign goes on.
    let (answer, _) = ask(scene.broker.port, &topic, &recall, answers).await.unwrap();
    assert_eq!(answer, json!({"result": "taken"}));
    scene.is_told("omg2", 3).await;
    until("both copies are there", || scene.offers().len() >= 4).await;
    assert_eq!(scene.ends().iter().filter(|(_, reason)| reason == "recalled").count(), 2);
    let (answer, _) = ask(scene.broker.port, "emma/v1/hall/control/offer/b9d1", &recall, answers).await.unwrap();
    assert_eq!(answer, json!({"result": "rejected", "reason": "unknown-offer"}));
    let elm = id(&scene.offers()[2]);
    let at_a_terminal = |id: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.args(["campaign", "recall-offer", id, "--config"]).arg(scene.shop.config()).output().unwrap()
    };
    let done = at_a_terminal(&elm);
    assert!(String::from_utf8_lossy(&done.stdout).starts_with("The offer is taken back"), "{done:?}");
    until("its recipients are told", || scene.ends().contains(&(elm.clone(), "recalled".to_owned()))).await;
    assert_eq!(at_a_terminal("b9d1").status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_is_paused_and_resumed() {
    let Some(mut scene) = Scene::begin("a pause", &consents()).await else { return };
    scene.keep("control/pause", &json!({"do": "pause", "at": scene.at(0), "until": scene.at(7_200)})).await;
    until("the state says so", || scene.state()["paused_until"].is_string()).await;
    scene.is_withheld("omg", "oak", "paused", 1).await;
    scene.keep("control/pause", &json!({"do": "resume", "at": scene.at(0)})).await;
    until("the state says so", || scene.state()["paused_until"].is_null()).await;
    scene.is_told("omg2", 1).await;
    scene.keep("control/pause", &json!({"do": "pause", "at": scene.at(0)})).await;
    until("it says so without an end", || scene.state()["paused_until"].to_string().starts_with("\"9999")).await;
    scene.is_withheld("omg", "oak", "paused", 2).await;
    scene.say("control/pause", &json!({"do": "pause", "at": scene.at(1), "until": scene.at(2)})).await;
    until("it is over by itself", || scene.state()["paused_until"].is_null()).await;
    scene.is_told("omg2", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_answered_where_answers_go() {
    let on_request = CONSENT.replace("contextual", "on-request");
    let Some(mut scene) = Scene::begin("questions", &[on_request]).await else { return };
    let port = scene.broker.port;
    let question = format!("emma/v1/hall/ask/{INBOX}");
    let answer_to = "emma/v1/hall/answer/app/7";
    let (nowhere, correlation) = ask(port, &question, "", answer_to).await.unwrap();
    assert_eq!((&nowhere, &*correlation), (&json!({"offers": [], "withheld": []}), &b"7"[..]));
    let (unknown, _) = ask(port, "emma/v1/hall/ask/ofNobody", "", answer_to).await.unwrap();
    assert_eq!(unknown, nowhere, "whoever is elsewhere and whoever is unknown are told apart");
    scene.stand("omg", "they are at the desk", |scene| scene.shop.log().contains(" entered")).await;
    let (answer, _) = ask(port, &question, "{}", answer_to).await.unwrap();
    let offer = &answer["offers"][0];
    assert_eq!((&offer["campaign_id"], &offer["coupon"]["code"]), (&json!("oak"), &json!("OAK10")));
    assert_eq!(offer["text"]["en"]["body"], "Right at the Desk.");
    assert_eq!(offer["why"]["trigger"], "asked");
    for part in ["offer_id", "notify_until", "actions"] {
        assert!(offer[part].is_null(), "{part}: {offer}");
    }
    scene.keep("control/campaign/oak", &json!({"do": "stop", "at": scene.at(0)})).await;
    until("it is stopped", || scene.state()["stopped_campaigns"][0]["id"] == "oak").await;
    let (answer, _) = ask(port, &question, "", answer_to).await.unwrap();
    assert_eq!((&answer["offers"], &answer["withheld"][0]["reason"]), (&json!([]), &json!("paused")));
    assert!(answer["withheld"][0]["text"].as_str().unwrap().contains("on hold"), "{answer}");
    scene.keep("control/campaign/oak", &json!({"do": "start", "at": scene.at(0)})).await;
    until("it is started", || scene.state()["stopped_campaigns"] == json!([])).await;
    for elsewhere in ["emma/v1/hall/offer/push/x", "emma/v1/bern/answer/7", "emma/v1/hall/answer", "elsewhere"] {
        assert!(ask(port, &question, "", elsewhere).await.is_none(), "{elsewhere} is answered");
    }
    scene.rejected("answer-topic", 4).await;
    assert!(scene.offers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_leaves_no_byte() {
    let on_request = CONSENT.replace("contextual", "on-request");
    let Some(mut scene) = Scene::begin("questions without a trace", &[on_request]).await else { return };
    scene.stand("omg", "they are at the desk", |scene| scene.shop.log().contains(" entered")).await;
    let before = scene.resting_ledger().await;
    for nth in 0..5 {
        let (question, answer_to) = (format!("emma/v1/hall/ask/{INBOX}"), format!("emma/v1/hall/answer/{nth}"));
        let (answer, _) = ask(scene.broker.port, &question, "", &answer_to).await.unwrap();
        assert_eq!(answer["offers"][0]["campaign_id"], "oak");
    }
    assert!(scene.ledger() == before, "the ledger was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_is_answered_while_it_is_remembered() {
    let Some(mut scene) = Scene::begin("why", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    let port = scene.broker.port;
    let why = |offer: Value| json!({"offer_id": offer, "kind": "why"}).to_string();
    let topic = format!("emma/v1/hall/feedback/{INBOX}");
    let (answer, _) = ask(port, &topic, &why(oak["offer_id"].clone()), "emma/v1/hall/answer/1").await.unwrap();
    assert_eq!(answer, json!({"offer_id": oak["offer_id"], "why": oak["why"]}));
    let (answer, _) = ask(port, &topic, &why(json!("another")), "emma/v1/hall/answer/1").await.unwrap();
    assert_eq!(answer["why"], "unknown");
    let of_another = "emma/v1/hall/feedback/ofAnother";
    let (answer, _) = ask(port, of_another, &why(oak["offer_id"].clone()), "emma/v1/hall/answer/1").await.unwrap();
    assert_eq!(answer["why"], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_counted_and_a_flood_costs_nobody_else() {
    let Some(mut scene) = Scene::begin("rubbish that comes in", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    for (topic, message) in [
        ("feedback/a", "["),
        ("feedback/a", "{}"),
        ("feedback/a", r#"{"offer_id":"x","kind":"liked"}"#),
        ("feedback/b", r#"{"offer_id":7,"kind":"stop"}"#),
        ("purchase", "null"),
        ("purchase", r#"{"customer":"a","inbox":"b","category":"c","kind":"sale","at":"now"}"#),
        ("value/x", r#"{"value":[],"at":"now","good_for_secs":1}"#),
        ("control/reboot", r#"{"do":"stop","at":"2026-01-01T00:00:00Z"}"#),
        ("control/pause", r#"{"do":"pause","at":"later"}"#),
        ("control/pause", ""),
        ("ask/a", "\0"),
    ] {
        scene.backend.say(&format!("emma/v1/hall/{topic}"), message).await;
    }
    let too_long = [5_000, 100_000].map(|length| vec![b' '; length]);
    scene.backend.publish("emma/v1/hall/feedback/c", false, too_long).await;
    let retained = json!({"offer_id": oak["offer_id"], "kind": "stop"}).to_string().into_bytes();
    scene.backend.publish(&format!("emma/v1/hall/feedback/{INBOX}-2"), true, [retained]).await;
    for why in ["not-json", "fields", "kind", "topic", "time", "too-long", "answer-topic"] {
        scene.rejected(why, 1).await;
    }
    let flood = (0..300).map(|_| br#"{"offer_id":"x","kind":"dismissed"}"#.to_vec());
    scene.backend.publish("emma/v1/hall/feedback/loud", false, flood).await;
    scene.rejected("too-many", 1).await;
    scene.say_back(&oak, "dismissed").await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
    let log = scene.shop.log();
    assert!(log.matches("is of no use").count() < 30, "a line each:\n{log}");
    assert!(!log.contains("liked"), "what came in is in the log");
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_heeded_behind_more_than_all_customers_may_say() {
    let Some(mut scene) = Scene::begin("a flood of everybody's", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    for n in 0..900 {
        let seen = json!({"offer_id": "x", "kind": "displayed"});
        scene.backend.say(&format!("emma/v1/hall/feedback/inbox-{n}"), &seen.to_string()).await;
    }
    scene.say_back(&oak, "dismissed").await;
    scene.rejected("too-many", 1).await;
    scene.is_withheld("omg2", "elm", "declined", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_said_is_answered_where_an_answer_is_wanted() {
    let Some(mut scene) = Scene::begin("answers", &consents()).await else { return };
    let oak = scene.is_told("omg", 1).await;
    let port = scene.broker.port;
    let (now, before) = (scene.at(0), scene.at(-60));
    let said = |topic: &str, message: Value| (format!("emma/v1/hall/{topic}"), message.to_string());
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
    for ((topic, message), answer) in [
        (said("feedback/q7JrInbox", json!({"offer_id": oak["offer_id"], "kind": "displayed"})), "taken"),
        (said("feedback/q7JrInbox", json!({"offer_id": oak["offer_id"], "kind": "displayed"})), "taken"),
        (said("feedback/ofAnother", json!({"offer_id": oak["offer_id"], "kind": "stop"})), "unknown-offer"),
        (said("feedback/q7JrInbox", json!({"offer_id": oak["offer_id"], "kind": "liked"})), "kind"),
        (
            said("purchase", json!({"customer": "karoline-7", "category": "tables", "kind": "sale", "at": now})),
            "no-consent",
        ),
        (said("purchase", json!({"customer": "karoline-7", "category": 7, "kind": "sale", "at": now})), "fields"),
        (said("value/weather", json!({"value": "rain", "at": now, "good_for_secs": 60})), "unknown-value"),
        (said("control/campaign/elm", json!({"do": "stop", "at": now, "by": "hand"})), "taken"),
        (said("control/campaign/elm", json!({"do": "start", "at": before})), "older"),
        (said("control/campaign/ash", json!({"do": "stop", "at": now})), "unknown-campaign"),
        (said("control/reboot", json!({"do": "stop", "at": now})), "topic"),
        (("emma/v1/hall/purchase".to_owned(), deep), "not-json"),
    ] {
        let (answered, correlation) = ask(port, &topic, &message, "emma/v1/hall/answer/till/1").await.unwrap();
        let expected = match answer {
            "taken" => json!({"result": "taken"}),
            why => json!({"result": "rejected", "reason": why}),
        };
        assert_eq!((&answered, &*correlation), (&expected, &b"7"[..]), "{topic} {message}");
    }
    // What is dropped for its rate is not answered: the twenty-first at once, and those after it.
    let flood = (0..100).map(|_| br#"{"offer_id":"x","kind":"dismissed"}"#.to_vec());
    scene.backend.publish("emma/v1/hall/feedback/loud", false, flood).await;
    scene.rejected("too-many", 70).await;
    let rejected = scene.incoming()["rejected"]["too-many"].as_u64().unwrap();
    let answer_to = "emma/v1/hall/answer/loud";
    let silent = scene::ask_within(1, port, "emma/v1/hall/feedback/loud", "{}", answer_to).await;
    assert!(silent.is_none() || scene.incoming()["rejected"]["too-many"] == rejected, "{silent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_keeps_is_heeded_where_it_may_keep_it_and_answered_once() {
    let Some(mut scene) = Scene::begin("what a broker keeps", &consents()).await else { return };
    let answers = "emma/v1/hall/answer/shop";
    let stop = json!({"do": "stop", "at": scene.at(0)}).to_string();
    scene.keep_asking("control/campaign/oak", &stop, answers).await;
    let taken = |scene: &Scene| scene.listener.heard("/answer/shop").len();
    until("it is answered", || taken(&scene) == 1).await;
    // Without the acknowledgement the broker gives the very message again, and its answer is a second one by right.
    let acknowledged =
        || scene.broker.log().lines().any(|line| line.contains("PUBACK from") && line.contains("-hears-shop"));
    until("it is acknowledged", acknowledged).await;
    scene.emma.take().unwrap().kill();
    scene.start().await;
    scene.taken(1).await;
    scene.is_withheld("omg", "oak", "paused", 1).await;
    assert_eq!(scene.incoming()["rejected"], json!({}), "a word that a broker repeats is nobody's mistake");
    assert_eq!(taken(&scene), 1, "answered anew at each connect");
}
