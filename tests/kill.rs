//! `kill -9` of the real process under load, again and again on the same folder, with a real broker: the ledger and everything that
//! a subscriber was sent are held against the promise after each. `KILLS` and `SEED` change the run (a variable that begins with
//! `EMMA_` would be a setting of the shop); `tests/long/run` makes it a hundred.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops and says why")]
#![allow(clippy::print_stdout, reason = "the seed repeats a run")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/audit.rs"]
mod audit;
#[path = "common/broker.rs"]
mod broker;
#[path = "common/chance.rs"]
mod chance;
#[path = "common/crowd.rs"]
mod crowd;
#[path = "common/daemon.rs"]
mod daemon;
#[path = "common/listener.rs"]
mod listener;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/mind.rs"]
mod mind;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/post.rs"]
mod post;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/rules.rs"]
mod rules;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/story.rs"]
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::Audit;
use broker::Mosquitto;
use chance::Chance;
use daemon::Shop;
use emma::clock::Clock;
use emma::config::{self, Config};
use emma::gateway::consent::record::{self, Record};
use jiff::Timestamp;
use listener::{Listener, until};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

const SECOND_US: i64 = 1_000_000;
/// Any number will do; a fixed one keeps a red test red until it is understood.
const SEED: u64 = 20_261_124;
/// So many come in one life, half of them those of the life before, one each 20 ms.
const A_LIFE: u16 = 100;
const EVERY_US: u64 = 20_000;

/// Tight, so that a single delivery that is forgotten is one too many; and the gap lets the second wait.
const PROMISE: &str = r#"
[caps]
customer = [{ at-most = 2, per = "1d" }]
campaign = [{ at-most = 1, per = "1d" }]
gap = "3s"
[responsible]
controller = "Hall Ltd"
contact = "privacy@hall.example"
withdraw = "at the desk"
recipients = [{ id = "push", name = "Hall App", purpose = "shows you the offer" }]
"#;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_keeps_the_promise() {
    let (seed, kills) = (number("SEED", SEED), number("KILLS", 10));
    println!("SEED={seed} KILLS={kills}");
    let mut chance = Chance(seed);
    let lives = u16::try_from(kills).unwrap();
    let customers = (lives + 1) * A_LIFE / 2;
    let Some(broker) = Mosquitto::start("kill -9 under load", "persistence false") else { return };
    let listener = Listener::start(broker.port).await;
    let shop = crowd::shop(broker.port, customers);
    shop.write("promise.toml", PROMISE);
    // An offer that nobody was told within two seconds is told to nobody.
    shop.write("offers.toml", &crowd::OFFERS.replace("\"entered\"\n", "\"entered\"\nvalid-for = \"2s\"\n"));
    let config = Arc::new(config::load(&shop.config()).config.unwrap());
    let mut witness = Witness::default();
    for life in 0..lives {
        let first = life * A_LIFE / 2;
        crowd::come(&shop, first..first + A_LIFE, EVERY_US);
        let started_us = Clock::start().wall_us();
        let emma = shop.run("unix:path=/nowhere");
        until("it is up", || shop.log().matches("Emma is up").count() > usize::from(life)).await;
        until("online is said", || listener.state().as_deref() == Some("online")).await;
        sleep(Duration::from_millis(800 + chance.below(1_500))).await;
        emma.kill();
        // The last will comes behind all that this life said.
        until("its will is told", || listener.state().as_deref() == Some("offline")).await;
        witness.hears(&listener, started_us);
        witness.looks(&shop, &config, customers);
        if chance.once_in(4) {
            sleep(Duration::from_millis(2_500)).await;
        }
    }
    println!("{} deliveries, {} messages, {} waiting at a kill", witness.deliveries, witness.heard, witness.waiting);
    assert!(witness.deliveries as u64 > 5 * kills, "too quiet a shop to say anything: {}", witness.deliveries);
    assert!(witness.heard as u64 > 5 * kills, "too little was said to say anything: {}", witness.heard);
}

/// What a subscriber was sent, and what the ledger says after each kill.
#[derive(Default)]
struct Witness {
    /// How many messages were looked at.
    heard: usize,
    /// Each event by its id, but for its sequence number: that is written within a second, and a crash may cost it.
    events: BTreeMap<String, Value>,
    deliveries: usize,
    waiting: i64,
}

impl Witness {
    /// Looks at what was said since the last time, by a process that was started at `started_us`.
    fn hears(&mut self, listener: &Listener, started_us: i64) {
        let messages = listener.heard("/offer/");
        for message in &messages[self.heard..] {
            let mut event: Value = serde_json::from_slice(&message.payload).unwrap();
            event.as_object_mut().unwrap().remove("sequence");
            event["topic"] = String::from_utf8_lossy(&message.topic).into();
            // Whoever is told is told the second.
            assert!(
                instant_us(&event["expirytime"]) / SECOND_US >= started_us / SECOND_US,
                "it had expired before this life began: {event}"
            );
            let id = event["id"].as_str().unwrap().to_owned();
            let known = self.events.entry(id).or_insert_with(|| event.clone());
            assert_eq!(*known, event, "one id, two contents");
        }
        self.heard = messages.len();
    }

    /// Holds a copy of the ledger, and everything heard so far, against the promise.
    fn looks(&mut self, shop: &Shop, config: &Arc<Config>, customers: u16) {
        let copy = TempDir::new().unwrap();
        for file in ["ledger.db", "ledger.db-wal"] {
            fs::copy(shop.state().join(file), copy.path().join(file)).unwrap();
        }
        let ledger = copy.path().join("ledger.db");
        let mut audit = Audit::new(Arc::clone(config), &ledger);
        for n in 0..customers {
            let Ok(Record::Grant(grant)) = record::parse(&crowd::consent(n)) else { panic!("no consent") };
            audit.consented(0, Arc::new(grant.check().unwrap()));
        }
        let (deliveries, wrongs) = audit.judge(0);
        assert!(wrongs.is_empty(), "{} breaches of the promise:\n{}", wrongs.len(), wrongs.join("\n"));
        self.deliveries = deliveries;
        let remembered = self.remembered(&ledger);
        let mut said: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for event in self.events.values() {
            let inbox = event["topic"].as_str().unwrap().rsplit('/').next().unwrap();
            let (campaign, at_us) = (event["data"]["campaign_id"].as_str().unwrap(), instant_us(&event["time"]));
            let customer = inbox.replace("inbox-", "c");
            let row = (customer, campaign.to_owned(), at_us / SECOND_US);
            assert!(remembered.contains(&row), "said and not remembered: {row:?}");
            said.entry(inbox).or_default().push(at_us);
        }
        // The same windows over what was said alone, in case the ledger forgot with it what it should not.
        for (inbox, mut at_us) in said {
            at_us.sort_unstable();
            assert!(at_us.len() <= 2, "more than two in a day to {inbox}: {at_us:?}");
            assert!(
                at_us.windows(2).all(|two| two[1] - two[0] >= 3 * SECOND_US),
                "no gap of 3 s to {inbox}: {at_us:?}"
            );
        }
    }

    /// Customer, campaign and second, as on the wire, of every delivery on record.
    fn remembered(&mut self, ledger: &Path) -> BTreeSet<(String, String, i64)> {
        let db = Connection::open(ledger).unwrap();
        self.waiting += db.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0)).unwrap();
        let mut read = db.prepare("SELECT customer, campaign, at_us / 1000000 FROM delivery").unwrap();
        let rows = read.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }
}

fn instant_us(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<Timestamp>().unwrap().as_microsecond()
}
