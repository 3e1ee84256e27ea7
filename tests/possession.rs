//! A tag is registered, or its consent withdrawn, by whoever holds it at the desk: a real broker, the real `emma run`, and an
//! ESP32 that hears what lies near it.

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
use std::process::{Command, Output, Stdio};

use daemon::CONSENT;
use scene::Scene;

/// Of the tag that [`CONSENT`] names, and of one that it does not: both as an ESP32 tells them.
const MINE: &str = "4142434445464748494a4b4c4d4e4f50";
const STRANGE: &str = "515253545556575859595a5b5c5d5e5f";

/// What of a stranger must be in no file: as it is, and as it was told.
const TRACES: [&str; 3] = ["QRSTUVWXYYZ", "51525354", "C0:FF:EE:00:00:02"];

impl Scene {
    /// The command is asked while these tags are heard at the desk, each with its strength in dBm.
    async fn holds(&mut self, arguments: &[&str], tags: &[(&str, i8)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
        command.arg("consent").args(arguments).arg("--config").arg(self.shop.config());
        let mut asked = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while asked.try_wait().unwrap().is_none() {
            for (number, (uuid, rssi_dbm)) in tags.iter().enumerate() {
                let address = format!("C0:FF:EE:00:00:{:02X}", number + usize::from(*uuid == STRANGE));
                let heard = format!(
                    r#"{{"id":"{address}","mac_type":1,"rssi":{rssi_dbm},"mfid":"4c00","uuid":"{uuid}","major":1,"minor":2,"txpower":-59}}"#
                );
                self.scanner.say("home/omg/BTtoMQTT/C0FFEE000001", &heard).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        asked.wait_with_output().unwrap()
    }

    /// The same, which is refused with this in its sentence and changes nothing.
    async fn is_refused(&mut self, arguments: &[&str], tags: &[(&str, i8)], why: &str) {
        let before = self.customers();
        let output = self.holds(arguments, tags).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(!said.contains("karoline") && !said.contains("4142"), "{said}");
        assert_eq!(self.customers(), before);
    }

    fn customers(&self) -> usize {
        let listed = String::from_utf8(self.shop.consent(&["list"]).stdout).unwrap();
        listed.lines().count() - 2
    }

    /// A file with this record.
    fn file(&self, record: &str) -> String {
        let file = self.shop.config().join("desk.jsonl");
        fs::write(&file, record).unwrap();
        file.display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_registered_and_withdrawn_by_who_holds_it_and_by_nobody_else() {
    let Some(mut scene) = Scene::begin("a tag in somebody's hand", &[]).await else { return };
    let file = scene.file(CONSENT);
    let hold = ["hold", &file, "--at", "omg"];
    scene.is_refused(&hold, &[(STRANGE, -30)], "a tag of the record is not heard here").await;
    scene.is_refused(&hold, &[(STRANGE, -30), (MINE, -55)], "further away than a hand's breadth").await;
    scene.is_refused(&["hold", &file, "--at", "omg2"], &[(MINE, -40)], "not heard here").await;
    scene.is_refused(&["hold", &file, "--at", "attic"], &[], "has no gateway `attic`").await;
    let output = scene.holds(&hold, &[(STRANGE, -30), (MINE, -40)]).await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "held, and taken\n");
    assert_eq!(scene.customers(), 1);

    let theirs = scene.file(&CONSENT.replace("karoline-7", "thief-1"));
    scene.is_refused(&["hold", &theirs, "--at", "omg"], &[(MINE, -40)], "identifier-taken").await;
    let record = scene.file(r#"{"customer":"karoline-7","epoch":2,"withdrawn":true}"#);
    scene.is_refused(&["hold", &record, "--at", "omg"], &[], "withdraw --held").await;
    let nothing = scene.file("");
    scene.is_refused(&["hold", &nothing], &[], "one record, in one line").await;

    let withdraw = ["withdraw", "--held", "--at", "omg"];
    scene.is_refused(&withdraw, &[(STRANGE, -30), (MINE, -60)], "no customer's tag is held here").await;
    let output = scene.holds(&withdraw, &[(STRANGE, -30), (MINE, -40)]).await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "withdrawn and forgotten\n");
    assert_eq!(scene.customers(), 0);
    for trace in TRACES.into_iter().chain(["karoline", "ABCDEFGHIJKLMNOP", MINE]) {
        assert!(!scene.shop.holds(trace), "{trace}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_customers_at_the_desk_nobody_is_withdrawn() {
    let bob = CONSENT
        .replace("karoline-7", "bob-8")
        .replace("41424344-4546-4748-494a-4b4c4d4e4f50", "51525354-5556-5758-5959-5a5b5c5d5e5f");
    let bob = bob.replace("q7JrInbox", "bobsInbox");
    let Some(mut scene) = Scene::begin("two tags in one hand", &[CONSENT.to_owned(), bob]).await else { return };
    let withdraw = ["withdraw", "--held", "--at", "omg"];
    scene.is_refused(&withdraw, &[(STRANGE, -30), (MINE, -40)], "tags of several customers").await;
    scene.emma = None;
    scene.is_refused(&withdraw, &[], "no Emma runs on this folder").await;
}
