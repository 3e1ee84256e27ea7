//! The plug is pulled while the real process makes offers and forgets customers: what it wrote and synced is recorded, and the
//! state folder is put together again as a cut at many moments could have left it. Each time Emma starts on it, and what she had
//! said, or answered, is in it. `CUTS` and `SEED` change the run; `tests/long/run` makes it thousands.

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
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/mind.rs"]
mod mind;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/post.rs"]
mod post;
#[path = "common/power.rs"]
mod power;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/rules.rs"]
mod rules;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/story.rs"]
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use audit::Audit;
use broker::{Mosquitto, find};
use chance::Chance;
use daemon::{PROMISE, Shop};
use emma::config::{self, Config};
use emma::gateway::consent::CustomerId;
use emma::gateway::consent::record::{self, Record};
use emma::ledger::folder::Folder;
use power::{Disk, Event};
use rusqlite::Connection;
use tempfile::TempDir;

/// Any number will do; a fixed one keeps a red test red until it is understood.
const SEED: u64 = 20_261_124;
const CUSTOMERS: u16 = 100;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_promised() {
    const SKIPPED: &str = "power cuts under load";
    let (seed, cuts) = (number("SEED", SEED), number("CUTS", 25));
    println!("SEED={seed} CUTS={cuts}");
    let Some(strace) = find("strace", SKIPPED) else { return };
    let Some(broker) = Mosquitto::start(SKIPPED, "persistence false") else { return };
    let shop = crowd::shop(broker.port, CUSTOMERS);
    // Tight, so that a single delivery that is forgotten is one too many.
    shop.write("promise.toml", PROMISE);
    crowd::come(&shop, 0..CUSTOMERS, 100_000);
    let config = Arc::new(config::load(&shop.config()).config.unwrap());
    let before = Disk::of(&shop.state());
    let Some(events) = record(&shop, &strace) else { return };

    let mut chance = Chance(seed);
    let said_at: Vec<usize> = (0..events.len()).filter(|n| matches!(events[*n], Event::Said(_))).collect();
    let first = *said_at.first().expect("something is said");
    let mut at: Vec<usize> = (0..cuts)
        .map(|cut| match cut % 3 {
            // Right behind what was said: there it has to be remembered.
            0 => chance.one_of(&said_at) + 1,
            1 => usize::try_from(chance.below(events.len() as u64)).unwrap(),
            _ => first + usize::try_from(chance.below((events.len() - first) as u64)).unwrap(),
        })
        .collect();
    at.sort_unstable();
    let (mut disk, mut witness, mut done) = (before, Witness::default(), 0);
    for at in at {
        for event in &events[done..at] {
            disk.take(event);
            if let Event::Said(bytes) = event {
                witness.hears(bytes);
            }
        }
        done = at;
        witness.looks(&disk, &config, &mut chance, at);
    }
    let Witness { said, answered, unsynced } = &witness;
    println!(
        "{} calls, {} offers said, {answered} withdrawals answered; {unsynced} cuts found something unsynced",
        events.len(),
        said.len()
    );
    assert!(witness.said.len() > 20, "too little was said to say anything: {}", witness.said.len());
    assert!(witness.unsynced > cuts / 4, "too little was on its way at the cuts: {}", witness.unsynced);
}

/// A life of the daemon under `strace`, three withdrawals in it; nothing where it cannot be followed.
fn record(shop: &Shop, strace: &Path) -> Option<Vec<Event>> {
    let trace = shop.config().parent().unwrap().join("trace");
    let emma =
        shop.run_under(strace, &["-D", "-f", "-y", "-xx", "-s", "1000000", "--seccomp-bpf"], &trace, power::CALLS);
    shop.until("it is up", |log| log.contains("Emma is up"));
    // The log tells sixty of a kind at once, and then few: what is waited for stays below.
    let committed = || shop.log().matches("an offer is committed").count();
    for (nth, customer) in WITHDRAWN.iter().enumerate() {
        shop.until("offers are made", |_| committed() > (nth + 1) * 15);
        assert!(shop.consent(&["withdraw", customer]).status.success());
    }
    shop.until("offers are made", |_| committed() > 55);
    assert_eq!(emma.terminate(), Some(0));
    let read = || fs::read_to_string(&trace).unwrap_or_default();
    shop.until("the trace is written", |_| read().lines().last().is_some_and(|line| line.contains("+++ exited")));
    let events = power::read(&read(), &shop.state());
    // Of a process that may not be looked into strace shows addresses, and no bytes.
    let has_bytes = |event: &Event| matches!(event, Event::Wrote { bytes, .. } if !bytes.is_empty());
    if !events.iter().any(has_bytes) {
        eprintln!("skipped, strace may not look into the process here, which root may: power cuts under load");
        return None;
    }
    Some(events)
}

/// Who withdraws, one after the other: two who were told something, and one who will not come.
const WITHDRAWN: [&str; 3] = ["c00003", "c00012", "c00099"];

/// What was said and answered before a cut, and what is there after it.
#[derive(Default)]
struct Witness {
    /// Offers by their id, and to whom.
    said: BTreeMap<String, String>,
    /// Withdrawals that were answered.
    answered: usize,
    unsynced: u64,
}

impl Witness {
    fn hears(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.answered += text.matches(r#""answer":"forgotten""#).count();
        for message in text.split("/inbox-").skip(1) {
            let offer = message.split(r#""offer_id":""#).nth(1).and_then(|rest| rest.split('"').next());
            // The end of an offer names it as well.
            let is_issued = message.contains("campaign_id") && message.contains(r#""zone""#);
            if let Some(offer) = offer.filter(|_| is_issued) {
                self.said.insert(offer.to_owned(), format!("c{}", &message[..5]));
            }
        }
    }

    fn looks(&mut self, disk: &Disk, config: &Arc<Config>, chance: &mut Chance, at: usize) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("state");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        self.unsynced += u64::from(disk.cut(&path, chance) > 0);
        let opened = Folder::open(&path).and_then(|folder| folder.store([9; 32]));
        let store = opened.unwrap_or_else(|error| panic!("a cut at {at}: Emma does not start: {error}"));
        for customer in &WITHDRAWN[..self.answered] {
            let customer = CustomerId::new(customer).unwrap();
            assert!(!store.names(&customer).unwrap(), "a cut at {at}: {customer:?} was forgotten, and is back");
        }
        drop(store);
        for name in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = fs::read(&name).unwrap();
            for customer in &WITHDRAWN[..self.answered] {
                let is_there = bytes.windows(customer.len()).any(|window| window == customer.as_bytes());
                assert!(!is_there, "a cut at {at}: a byte of who was forgotten in {}", name.display());
            }
        }
        let db = Connection::open(path.join("ledger.db")).unwrap();
        let whole: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok", "a cut at {at}");
        let remembered = names(&db, "SELECT offer FROM said WHERE delivery IN (SELECT id FROM delivery)");
        for (offer, customer) in &self.said {
            let is_forgotten = WITHDRAWN.contains(&&**customer);
            assert!(
                is_forgotten || remembered.contains(offer),
                "a cut at {at}: {offer} was said, and is not remembered"
            );
        }
        let mut audit = Audit::new(Arc::clone(config), &path.join("ledger.db"));
        for n in 0..CUSTOMERS {
            let Ok(Record::Grant(grant)) = record::parse(&crowd::consent(n)) else { panic!("no consent") };
            audit.consented(0, Arc::new(grant.check().unwrap()));
        }
        let (_, mut wrongs) = audit.judge(0);
        // Totals count what was said to those who were forgotten since, whom this auditor never met.
        wrongs.retain(|wrong| !wrong.starts_with("the total of"));
        assert!(wrongs.is_empty(), "a cut at {at}: {} breaches of the promise:\n{}", wrongs.len(), wrongs.join("\n"));
    }
}

fn names(db: &Connection, sql: &str) -> BTreeSet<String> {
    let mut rows = db.prepare(sql).unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}
