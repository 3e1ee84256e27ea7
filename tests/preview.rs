//! `emma campaign preview`: a campaign as it would be said, on a tester's own device and in the terminal, and nowhere else.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(unreachable_pub, dead_code, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/shipped.rs"]
mod shipped;

use broker::Mosquitto;
use daemon::CONSENT;
use listener::{Listener, until};
use serde_json::Value;
use shipped::{Ended, Shop, emma};

#[test]
fn without_a_daemon_the_texts_are_shown_in_each_language() {
    let shop = Shop::new();
    let ended = shop.emma(&["campaign", "preview", "shoes-fitting"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    insta::assert_snapshot!(ended.out);
    let one = shop.emma(&["campaign", "preview", "shoes-fitting", "--lang", "it"]).out;
    assert!(one.contains("\n\nit  ") && !one.contains("\nde  "), "{one}");
    for (arguments, code, says) in [
        (&["campaign", "preview", "shoes-fittin"][..], 1, "`shoes-fitting`"),
        (&["campaign", "preview", "shoes-fitting", "--lang", "rm"], 64, "de"),
        (&["campaign", "preview", "shoes-fitting", "--to", "somebody"], 69, "no Emma runs"),
    ] {
        let ended = shop.emma(arguments);
        assert_eq!(ended.code, code, "{arguments:?}");
        assert!(ended.err.contains(says), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tester_is_sent_what_would_be_said_and_nobody_else_is() {
    let Some(broker) = Mosquitto::start("a preview", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = daemon::Shop::new(broker.port);
    let gateway = std::fs::read_to_string(shop.config().join("gateway.toml")).unwrap();
    shop.write("gateway.toml", &gateway.replace("\"auto\"", "\"none\""));
    let tester = CONSENT
        .replace("karoline-7", "tester-1")
        .replace("q7JrInbox", "TestInbox")
        .replace(r#""minor":2"#, r#""minor":3"#);
    let tester = tester.replace(r#""language""#, r#""test":true,"language""#);
    shop.import(CONSENT);
    let running = shop.run("unix:path=/nowhere");
    let config = shop.config().to_str().unwrap().to_owned();
    let preview =
        |more: &[&str]| -> Ended { emma(&[&["campaign", "preview", "oak", "--config", &config], more].concat()) };
    until("Emma is up", || emma(&["status", "--config", &config]).code == 0).await;
    until("Emma is online", || listener.state().as_deref() == Some("online")).await;
    let nobody = preview(&[]);
    assert_eq!(nobody.code, 0, "{}", nobody.err);
    assert!(nobody.out.contains("there is no test tag"), "{}", nobody.out);
    shop.import(&tester);
    let customer = preview(&["--to", "karoline-7"]);
    assert_eq!(customer.code, 69);
    assert!(customer.err.contains("a customer, not a tester"), "{}", customer.err);
    // The daemon looks at its session every few seconds.
    until("the only tester is found", || preview(&[]).out.contains("On its way to tester-1")).await;
    until("it arrives", || !listener.heard("/offer/").is_empty()).await;
    let message = &listener.heard("/offer/")[0];
    assert_eq!(message.topic, "emma/v1/hall/offer/push/TestInbox");
    let offer: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((&offer["test"], &offer["data"]["campaign_id"]), (&Value::from(true), &Value::from("oak")));
    assert_eq!(offer["data"]["text"]["en"]["body"], "Right at the Desk.");
    let explained = emma(&["explain", "tester-1", "oak", "--config", &config]).out;
    assert!(explained.contains("cap-customer  0 of 1 in 1 day"), "it counts in no cap: {explained}");
    let sent = (0..25).map(|_| preview(&[])).filter(|ended| ended.code == 0).count();
    assert!(sent <= 19, "{sent} more than one");
    assert!(preview(&[]).err.contains("20 previews were sent in the last hour"));
    assert!(listener.heard("/offer/").iter().all(|message| message.topic == "emma/v1/hall/offer/push/TestInbox"));
    running.kill();
}
