//! A withdrawal that is killed with -9 before each call by which it changes the ledger's files, under the real `emma run`.
//! Either it was acknowledged, and then no byte of the person is in any file; or it was not, and then the broker tells it
//! again, and it holds. `EMMA_ROUNDS=all` kills before every call; else a few of those that write are left out.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::print_stdout, reason = "the figures of a run")]

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

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use listener::until;
use scene::{INBOX, Scene, consents};
use serde_json::json;
use tempfile::TempDir;

/// What of the one who walks must be in no file.
const TRACES: [&str; 4] = ["karoline", INBOX, "41424344", "ABCDEFGHIJKLMNOP"];

/// The calls that change a file, and how many of them are passed over between two kills of a short run: those that write
/// are a hundred and more, a page each.
const CALLS: [(&str, usize); 2] = [("fsync,fdatasync,ftruncate,unlink", 1), ("write,pwrite64", 29)];

/// A withdrawal makes fewer calls than this, by far.
const MOST_CALLS: usize = 1_000;

/// Nothing here waits for a speed: whoever waits so long has a real fault.
const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(20);

/// What watches the calls of a process, and kills it before one of them.
struct Killer(Child);

impl Killer {
    /// Kills the process before the `nth` of these calls on the ledger's files; nothing where no process may be watched here.
    fn attach(strace: &Path, scene: &Scene, calls: &str, nth: usize) -> Option<Self> {
        let mut command = Command::new(strace);
        command.args(["-f", "-o", "/dev/null", "-p", &scene.emma.as_ref().unwrap().id()]);
        for file in ["ledger.db", "ledger.db-wal"] {
            command.arg("-P").arg(scene.shop.state().join(file));
        }
        command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:signal=KILL:when={nth}")]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        // What else it says has somewhere to go, or it would wait for a reader.
        thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let killer = Self(child);
        line.contains("attached").then_some(killer)
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        // It lets go of who it watches.
        Command::new("kill").arg(self.0.id().to_string()).status().ok();
        self.0.wait().ok();
    }
}

impl Scene {
    /// How often Emma acknowledged to the broker what the registrar told her.
    fn acknowledged(&self) -> usize {
        self.broker.log().matches("Received PUBACK from emma-hall-sensor10-hears-registrar").count()
    }

    fn offers_given(&self) -> usize {
        let log = self.broker.log();
        log.lines().filter(|line| line.contains("Received PUBLISH") && line.contains("/offer/")).count()
    }

    fn is_forgotten(&self, when: &str) {
        for trace in TRACES {
            assert!(!self.shop.holds(trace), "{trace} is still there, {when}");
        }
    }

    /// The state folder as it was, with somebody in it who was told something.
    fn remember(&self, folder: &Path) {
        fs::remove_dir_all(self.shop.state()).unwrap();
        copy(folder, &self.shop.state());
        assert!(self.shop.holds("karoline-7") && self.shop.holds(INBOX));
    }

    /// Whether the process was killed before the withdrawal was acknowledged, or ended.
    fn is_killed(&mut self, acknowledged: usize) -> bool {
        for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
            if self.emma.as_mut().unwrap().has_ended() {
                return true;
            }
            if self.acknowledged() > acknowledged {
                return false;
            }
            thread::sleep(STEP);
        }
        panic!("neither killed nor acknowledged:\n{}", self.shop.log());
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_is_killed_at_any_step_was_not_acknowledged_or_leaves_no_byte() {
    let skipped = "kill -9 at every step of a withdrawal";
    let Some(strace) = broker::find("strace", skipped) else { return };
    let Some(mut scene) = Scene::begin(skipped, &consents()).await else { return };
    scene.is_told("omg", 1).await;
    until("it is acknowledged", || scene.status()["health"]["outbox"]["depth"] == 0).await;
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    let kept = TempDir::new().unwrap();
    let folder = kept.path().join("state");
    copy(&scene.shop.state(), &folder);
    let every_call = env::var_os("EMMA_ROUNDS").is_some_and(|rounds| rounds == "all");
    for (calls, stride) in CALLS {
        let steps: Vec<usize> = (1..MOST_CALLS).step_by(if every_call { 1 } else { stride }).collect();
        let mut kills = 0;
        for nth in steps {
            match round(&strace, &mut scene, &folder, calls, nth).await {
                Some(true) => kills += 1,
                Some(false) => break,
                None => return eprintln!("skipped, no process may be watched here: {skipped}"),
            }
        }
        println!("{kills} kills before one of {calls}");
        assert!(kills >= 3, "a withdrawal takes more calls than {kills}: {calls}");
    }
}

/// One withdrawal; whether it was killed, nothing where it cannot be.
async fn round(strace: &Path, scene: &mut Scene, folder: &Path, calls: &str, nth: usize) -> Option<bool> {
    scene.remember(folder);
    scene.start().await;
    let (acknowledged, offers) = (scene.acknowledged(), scene.offers_given());
    let visits = scene.shop.log().matches("a visit began").count();
    let killer = Killer::attach(strace, scene, calls, nth)?;
    scene.say("consent", &json!({"customer": "karoline-7", "epoch": 2, "withdrawn": true})).await;
    let is_killed = scene.is_killed(acknowledged);
    if scene.acknowledged() > acknowledged {
        scene.is_forgotten("though it is acknowledged");
    }
    drop(killer);
    if is_killed {
        scene.emma = None;
        scene.start().await;
        until("it is acknowledged", || scene.acknowledged() > acknowledged).await;
        scene.is_forgotten(&format!("killed before {nth} of {calls}"));
    }
    for _ in 0..3 {
        scene.is_heard_at("omg").await;
    }
    assert_eq!(scene.offers_given(), offers, "something is said after a withdrawal");
    assert_eq!(scene.shop.log().matches("a visit began").count(), visits, "a stranger is seen");
    assert_eq!(scene.emma.take().unwrap().terminate(), Some(0));
    scene.is_forgotten("once it has ended");
    Some(is_killed)
}
