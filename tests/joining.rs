//! Joining from end to end, as docs/joining.md has it: the registrar and the phone of examples/, a real broker and the real
//! `emma run`, from the notice at the door to the last byte that is forgotten.

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

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use listener::until;
use scene::Scene;
use serde_json::{Value, json};

/// Two campaigns that no word about one silences in the other.
const OFFERS: &str = r#"
[[category]]
id = "tables"
[[category]]
id = "benches"
[[campaign]]
id = "oak"
category = "tables"
zones = ["desk"]
trigger = "entered"
valid-for = "2h"
[campaign.text.en]
title = "Oak"
body = "Right at the {zone}."
[[campaign]]
id = "elm"
category = "benches"
zones = ["bench"]
trigger = "entered"
valid-for = "2h"
[campaign.text.en]
title = "Elm"
body = "Right at the {zone}."
"#;

/// An example in a process of its own, which is told lines and prints some.
struct Example {
    child: Child,
    input: ChildStdin,
    out: Arc<Mutex<String>>,
}

impl Example {
    /// Nothing once it has said what is skipped: `cargo test` builds examples, `cargo test --test …` does not.
    fn start(name: &str, settings: &[(&str, &str)]) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let binary = Path::new(env!("CARGO_BIN_EXE_emma")).parent().unwrap().join("examples").join(name);
        let written = |file: &Path| file.metadata().and_then(|file| file.modified()).ok();
        let sources = [root.join("examples").join(name).with_extension("rs"), root.join("examples/joining/mod.rs")];
        if sources.iter().any(|source| written(&binary) < written(source)) {
            eprintln!("skipped, not built since it was written: cargo build --example {name}");
            return None;
        }
        let mut command = Command::new(binary);
        command.envs(settings.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let out: Arc<Mutex<String>> = Arc::default();
        let into = Arc::clone(&out);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Some(Self { child, input, out })
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// How many of the lines that it printed begin so.
    fn said(&self, beginning: &str) -> usize {
        self.out.lock().unwrap().lines().filter(|line| line.starts_with(beginning)).count()
    }

    /// It is told a line, and prints one more that begins so.
    async fn says(&mut self, line: &str, beginning: &str) {
        let before = self.said(beginning);
        self.tell(line);
        self.prints(beginning, before + 1).await;
    }

    async fn prints(&self, beginning: &str, times: usize) {
        let what = format!("{beginning} {times} times");
        until(&what, || self.said(beginning) >= times).await;
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The records that were published, without the withdrawals.
fn records(scene: &Scene) -> Vec<Value> {
    scene.heard("/hall/consent").into_iter().filter(|said| said["tier"].is_string()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Whether both agree on whom the shop may know, which are so many.
fn agrees(scene: &Scene, count: u64) -> bool {
    let feed = &scene.state()["consent_feed"];
    feed["agrees"] == true && feed["count"] == count
}

/// A shop, a registrar and a phone.
async fn begin(skipped: &str) -> Option<(Scene, Example, Example)> {
    let prepare = |shop: &daemon::Shop| shop.write("offers.toml", OFFERS);
    let scene = Scene::begin_with(skipped, &[], prepare).await?;
    let (port, registrar_port) = (scene.broker.port.to_string(), broker::free_port().to_string());
    let settings =
        [("EMMA_PORT", port.as_str()), ("REGISTRAR_PORT", &registrar_port), ("NOTICE", "1a2b3c4d"), ("BEAT_SECS", "1")];
    let registrar = Example::start("registrar", &settings)?;
    let phone = Example::start("phone", &settings)?;
    registrar.prints("listening", 1).await;
    Some((scene, registrar, phone))
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_joins_is_offered_something_says_no_pauses_and_is_forgotten() {
    let Some((mut scene, registrar, mut phone)) = begin("joining from end to end").await else { return };

    // The notice at the door: who read another one is asked to read this one.
    phone.says("join 00000000", "join rejected another-notice").await;
    phone.says("join 1a2b3c4d", "join joined").await;
    assert_eq!(registrar.said("proof "), 1);

    // Whoever joined and did not arrive is a stranger, although the phone transmits.
    phone.tell("at omg");
    let transmitted = || scene.broker.log().matches("home/omg/BTtoMQTT/").count();
    until("the phone transmits", || transmitted() > 20).await;
    phone.says("ask", "nobody sees you").await;
    assert_eq!((records(&scene).len(), scene.shop.log().matches("a visit began").count()), (0, 0));

    // A lease for this shop, of a few hours, with a key of the day.
    phone.says("arrive", "arrive accepted").await;
    let record = records(&scene).pop().unwrap();
    let (customer, inbox) = (text(&record["customer"]), text(&record["inbox"]["push"]));
    assert_eq!(registrar.said(&format!("proof {}: {customer} accepted", text(&record["proof"]))), 1);
    assert_eq!((&record["state"], &record["given_at"]), (&json!("given"), &record["valid_from"]));
    assert_eq!((&record["sites"], &record["notice"]["version"]), (&json!(["hall"]), &json!("1a2b3c4d")));
    let until_at: jiff::Timestamp = text(&record["valid_until"]).parse().unwrap();
    let hours = (until_at.as_microsecond() - scene.clock.wall_us()) / 3_600_000_000;
    assert!(hours <= 4, "{record}");
    phone.prints("show ", 1).await;
    phone.says("ask", "hello, I see you").await;
    until("both agree", || agrees(&scene, 1)).await;

    // It says that the offer is displayed; then the customer says no.
    let kinds = |scene: &Scene| -> Vec<String> {
        scene.heard(&format!("/feedback/{inbox}")).iter().map(|said| text(&said["kind"])).collect()
    };
    until("it is displayed", || kinds(&scene) == ["displayed"]).await;
    phone.says("dismiss", "answer taken").await;
    assert_eq!(kinds(&scene), ["displayed", "dismissed"]);

    // The ledger is lost: the next beat does not agree, and everything is told again.
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    std::fs::remove_dir_all(scene.shop.state()).unwrap();
    phone.tell("at");
    scene.start().await;
    registrar.prints("snapshot of 1", 1).await;
    until("both agree again", || agrees(&scene, 1)).await;

    // A pause is a new epoch: nothing is said, and nothing is forgotten.
    phone.says("pause 60", "pause accepted").await;
    let epoch = |scene: &Scene| records(scene).last().unwrap()["epoch"].as_u64();
    assert!(epoch(&scene) > record["epoch"].as_u64() && records(&scene).last().unwrap()["paused_until"].is_string());
    phone.tell("at omg2");
    until("the pause withholds", || scene.withheld("elm", "paused") > 0).await;
    assert_eq!((phone.said("show "), scene.shop.holds(&customer)), (1, true));
    phone.says("pause", "pause accepted").await;
    phone.tell("at omg");
    phone.prints("show ", 2).await;

    // They withdraw: what still holds is taken back, and no file has a byte of them.
    let days: Vec<String> = records(&scene)
        .iter()
        .flat_map(|record| record["identifiers"].as_array().unwrap().clone())
        .map(|identifier| text(&identifier["rolling"]["day_key"]))
        .collect();
    assert!(scene.shop.holds(&inbox) && scene.shop.holds(&days[0]));
    phone.says("withdraw", "withdraw forgotten").await;
    phone.prints("drop ", 1).await;
    let ended = scene.ends().pop().unwrap();
    assert_eq!((phone.said(&format!("drop {} withdrawn", ended.0)), ended.1.as_str()), (1, "withdrawn"));
    until("nobody is left", || agrees(&scene, 0)).await;
    for trace in days.iter().chain([&customer, &inbox]) {
        assert!(!scene.shop.holds(trace), "{trace} is still in a file");
        let key = hex::decode(trace).unwrap_or_else(|_| trace.clone().into_bytes());
        let is_held = |bytes: &Vec<u8>| bytes.windows(key.len()).any(|window| window == key);
        assert!(!scene.ledger().values().any(is_held), "{trace} is still in a file, as bytes");
    }
    phone.says("arrive", "arrive ").await;
    assert_eq!((phone.said("arrive accepted"), agrees(&scene, 0)), (1, true), "nobody comes back by asking");
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_withdraws_at_the_till_is_not_brought_back_by_the_registrar() {
    let Some((mut scene, registrar, mut phone)) = begin("a withdrawal at the till").await else { return };
    phone.says("join 1a2b3c4d", "join joined").await;
    phone.says("arrive", "arrive accepted").await;
    phone.tell("at omg");
    phone.prints("show ", 1).await;
    until("both agree", || agrees(&scene, 1)).await;
    let customer = text(&records(&scene)[0]["customer"]);
    let ended = scene.shop.consent(&["withdraw", &customer]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    phone.prints("drop ", 1).await;

    // The beat does not agree, everything is told again, and what is refused is taken for what it is.
    registrar.prints("snapshot of 1", 1).await;
    until("nobody is left", || agrees(&scene, 0)).await;
    phone.says("arrive", "arrive nothing-to-tell").await;
    assert!(!scene.shop.holds(&customer), "{customer} is back");
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
}
