//! A configuration that becomes wider while Emma runs widens nobody's consent: a recipient, a purpose, a category that is sensitive or
//! is so no longer. Whoever agreed before is served as they agreed, whoever agrees anew is served what they name.

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

use daemon::CONSENT;
use listener::until;
use scene::{Scene, consents};
use serde_json::Value;

/// Whoever walks, with another epoch and what they agree to under it.
fn anew(epoch: u64, change: impl Fn(&mut Value)) -> String {
    let mut record: Value = serde_json::from_str(CONSENT).unwrap();
    record["epoch"] = epoch.into();
    change(&mut record);
    record.to_string()
}

/// Changes a file, and returns when Emma goes by it.
async fn reload(scene: &Scene, file: &str, change: impl Fn(String) -> String) {
    let digest = || scene.state()["configuration"]["in_force"]["digest"].clone();
    let (before, text) = (digest(), std::fs::read_to_string(scene.shop.config().join(file)).unwrap());
    let changed = change(text.clone());
    assert_ne!(text, changed, "nothing is changed in {file}");
    scene.shop.write(file, &changed);
    until("the change is in force", || digest() != before).await;
    assert!(scene.state()["configuration"]["refused"].is_null());
}

/// The recipients that were told so far.
fn recipients(scene: &Scene) -> Vec<String> {
    let topics = scene.listener.heard("/hall/offer/").into_iter();
    topics.map(|message| String::from_utf8_lossy(&message.topic).split('/').nth(4).unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_that_is_promised_later_gets_nothing_of_whoever_agreed_before() {
    // Nothing is said of an inbox: the recipients are those of that day.
    let of_that_day = anew(1, |record| drop(record.as_object_mut().unwrap().remove("inbox")));
    let Some(mut scene) = Scene::begin("a recipient that comes later", std::slice::from_ref(&of_that_day)).await else {
        return;
    };
    reload(&scene, "promise.toml", |text| {
        let other = "recipients = [{ id = \"other\", name = \"Other\", purpose = \"shows it too\" }, ";
        text.replace("recipients = [", other)
    })
    .await;
    scene.is_told("omg", 1).await;
    // Told again, paused and resumed: under a later epoch it is still what they agreed to.
    let again = anew(2, |record| drop(record.as_object_mut().unwrap().remove("inbox")));
    scene.shop.import(&of_that_day);
    scene.shop.import(&again);
    scene.is_told("omg2", 2).await;
    assert_eq!(recipients(&scene), ["push", "push"]);
    let named = anew(3, |record| record["inbox"]["other"] = "wM3sOther".into());
    let same_epoch = named.replace(r#""epoch":3"#, r#""epoch":2"#);
    let file = scene.shop.config().join("wider.jsonl");
    std::fs::write(&file, same_epoch).unwrap();
    let refused = scene.shop.consent(&["import", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("refused: widens: "));
    scene.shop.import(&named);
    scene.is_told("omg", 4).await;
    let mut told = recipients(&scene).split_off(2);
    told.sort();
    assert_eq!(told, ["other", "push"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_that_is_configured_later_is_for_whoever_agrees_to_it() {
    let Some(mut scene) = Scene::begin("a purpose that comes later", &consents()).await else { return };
    reload(&scene, "offers.toml", |text| text.replace("id = \"oak\"", "id = \"oak\"\ntier = \"personal\"")).await;
    scene.is_withheld("omg", "oak", "consent", 1).await;
    scene.is_told("omg2", 1).await;
    // The tier alone is not the purpose.
    scene.shop.import(&anew(2, |record| record["tier"] = "personal".into()));
    scene.is_withheld("omg", "oak", "consent", 2).await;
    scene.shop.import(&anew(3, |record| {
        record["tier"] = "personal".into();
        record["purposes"] = serde_json::json!(["offers", "personalisation"]);
    }));
    scene.stand("omg2", "they are at the other desk", |scene| scene.offers().len() >= 2).await;
    assert_eq!(scene.is_told("omg", 3).await["campaign_id"], "oak");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sensitive_when_somebody_agreed_stays_so_for_them() {
    let sensitive = |text: String| text.replace("id = \"tables\"", "id = \"tables\"\nsensitive = true");
    let agreed = consents();
    let begun = Scene::begin_with("a category that is sensitive", &agreed, |shop| {
        shop.write("offers.toml", &sensitive(scene::OFFERS.to_owned()));
    });
    let Some(mut scene) = begun.await else { return };
    scene.is_withheld("omg", "oak", "consent", 1).await;
    reload(&scene, "offers.toml", |text| text.replace("sensitive = true\n", "")).await;
    scene.is_withheld("omg2", "elm", "consent", 1).await;
    // Under a later epoch too, as long as they do not name it.
    scene.shop.import(&anew(2, |record| record["language"] = "de".into()));
    scene.is_withheld("omg", "oak", "consent", 2).await;
    assert!(scene.offers().is_empty());
    scene.shop.import(&anew(3, |record| record["categories"] = serde_json::json!(["tables"])));
    assert_eq!(scene.is_told("omg2", 1).await["campaign_id"], "elm");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_that_becomes_sensitive_is_for_whoever_names_it() {
    let Some(mut scene) = Scene::begin("a category that becomes sensitive", &consents()).await else { return };
    scene.is_told("omg", 1).await;
    reload(&scene, "offers.toml", |text| text.replace("id = \"tables\"", "id = \"tables\"\nsensitive = true")).await;
    scene.is_withheld("omg2", "elm", "consent", 1).await;
    scene.shop.import(&anew(2, |record| record["categories"] = serde_json::json!(["tables"])));
    assert_eq!(scene.is_told("omg", 2).await["campaign_id"], "oak");
}
