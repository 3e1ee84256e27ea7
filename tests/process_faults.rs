//! The real process in need, with a real broker: killed with -9 in the stream while its link is whole, stalled or closed, its
//! disk full, and an outbox with all the rows that it can have. Counted by a subscriber that shares no code with it.
//! `EMMA_SEED` and `EMMA_ROUNDS` change the run; `tests/long/run` makes it hundreds.

#![allow(clippy::unwrap_used, reason = "a test stops and says why")]
#![allow(clippy::print_stdout, reason = "the figures of a run")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/chance.rs"]
mod chance;
#[path = "common/crowd.rs"]
mod crowd;
#[path = "common/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "common/deliveries.rs"]
mod deliveries;
#[path = "common/disk.rs"]
mod disk;
#[path = "common/link.rs"]
mod link;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/mortal.rs"]
mod mortal;
#[path = "common/reckoning.rs"]
mod reckoning;
#[path = "common/snapshot.rs"]
mod snapshot;
#[path = "common/teller.rs"]
mod teller;
#[path = "common/witness.rs"]
mod witness;

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use chance::Chance;
use daemon::{Daemon, Shop};
use deliveries::{KEY, reservation};
use emma::clock::Clock;
use emma::gateway::effect::Answer;
use emma::ledger::folder::Folder;
use link::{Link, Way};
use listener::until;
use mortal::{Kind, Mortal};
use reckoning::{Evidence, Figures, reckon};
use snapshot::Memory;
use teller::{Committed, Wanted, drafts_of, reservation_of};
use tokio::time::sleep;
use witness::Witness;

/// Any number will do; a fixed one keeps a red test red until it is understood.
const SEED: u64 = 20_261_124;
const ROUNDS: u64 = 20;

/// Lives of one shop; the next ones have a shop of their own.
const LIVES: u64 = 10;
/// So many come in one life, one each 20 ms.
const A_LIFE: u16 = 60;
const EVERY_US: u64 = 20_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What happens to a life before it is killed.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Nothing,
    /// No acknowledgement arrives any more.
    Stalled,
    /// There is no way to the broker.
    Closed,
    /// Its disk is full for a while.
    DiskFull,
}

/// A shop, the way to its broker, and who counts.
struct Scene {
    shop: Shop,
    link: Link,
    witness: Witness,
    memory: Memory,
    _broker: Mortal,
}

impl Scene {
    async fn new(skipped: &str, kind: Kind, customers: u16) -> Option<Self> {
        let broker = Mortal::start(skipped, kind).await?;
        let witness = Witness::start(skipped, broker.port()).await?;
        let link = Link::to(broker.port()).await;
        let shop = crowd::shop(link.port, customers);
        Some(Self { shop, link, witness, memory: Memory::default(), _broker: broker })
    }

    async fn run(&self) -> Daemon {
        let lives = self.shop.log().matches("Emma is up").count();
        let emma = self.shop.run_on_a_small_disk();
        until("Emma is up", || self.shop.log().matches("Emma is up").count() > lives).await;
        emma
    }

    async fn live_and_die(&mut self, trouble: Trouble, chance: &mut Chance) {
        let emma = self.run().await;
        // Whoever comes is told something a second later.
        sleep(Duration::from_millis(1_000 + chance.below(1_200))).await;
        match trouble {
            Trouble::Nothing => {}
            Trouble::Stalled => self.link.stall(Some(Way::ToEmma)),
            Trouble::Closed => self.link.close(true),
            Trouble::DiskFull => emma.fill_disk(true),
        }
        sleep(Duration::from_millis(chance.below(800))).await;
        if matches!(trouble, Trouble::DiskFull) && chance.once_in(2) {
            emma.fill_disk(false);
            sleep(Duration::from_millis(chance.below(1_500))).await;
        }
        emma.kill();
        self.link.stall(None);
        self.link.close(false);
        self.memory.look(&self.shop.state());
    }

    /// A last life, in which nobody comes, says what is left.
    async fn end(mut self) -> Evidence {
        crowd::come(&self.shop, 0..0, 1);
        let emma = self.run().await;
        until("the outbox empties", || snapshot::waiting(&self.shop.state()) == 0).await;
        assert_eq!(emma.terminate(), Some(0));
        self.memory.look(&self.shop.state());
        self.evidence().await
    }

    /// What is known once everything acknowledged has been heard.
    async fn evidence(self) -> Evidence {
        let sent = self.link.sent();
        let taken = sent.iter().filter(|sent| sent.answer.is_some());
        let taken: HashSet<&str> = taken.map(|sent| sent.event.as_str()).collect();
        until("what was acknowledged is heard", || {
            let heard = self.witness.heard();
            let heard: HashSet<&str> = heard.iter().map(|heard| heard.event.as_str()).collect();
            taken.is_subset(&heard)
        })
        .await;
        Evidence {
            taken_back: self.memory.taken_back(),
            committed: self.memory.committed(),
            remembered: self.memory.remembered,
            sent,
            heard: self.witness.heard(),
            broker_died: false,
            emma_died: true,
            received: None,
            // A life takes seconds, and what it could not say the next one says: nothing here has to expire.
            enough_us: 0,
        }
    }
}

/// Lives of one shop, each killed.
async fn lives(seed: u64, lives: u64) -> Option<Figures> {
    let mut chance = Chance(seed);
    let customers = u16::try_from(lives).unwrap() * A_LIFE;
    let kind = Kind::ALIVE[usize::try_from(seed).unwrap() % Kind::ALIVE.len()];
    let mut scene = Scene::new("the process killed in the stream", kind, customers).await?;
    let mut troubles = Vec::new();
    for life in 0..u16::try_from(lives).unwrap() {
        crowd::come(&scene.shop, life * A_LIFE..(life + 1) * A_LIFE, EVERY_US);
        let trouble = chance.one_of(&[Trouble::Nothing, Trouble::Stalled, Trouble::Closed, Trouble::DiskFull]);
        troubles.push(trouble);
        scene.live_and_die(trouble, &mut chance).await;
    }
    let (figures, wrongs) = reckon(&scene.end().await);
    assert!(wrongs.is_empty(), "EMMA_SEED={seed} EMMA_ROUNDS={lives}: {troubles:?}\n{figures}\n{}", wrongs.join("\n"));
    Some(Figures { rounds: troubles.len(), ..figures })
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_stream_it_loses_nothing_and_says_nothing_twice() {
    let (seed, rounds) = (number("EMMA_SEED", SEED), number("EMMA_ROUNDS", ROUNDS));
    let mut total = Figures::default();
    for (shop, first) in (0..).zip((0..rounds).step_by(usize::try_from(LIVES).unwrap())) {
        let Some(figures) = lives(seed + shop, LIVES.min(rounds - first)).await else { return };
        total += figures;
    }
    println!("process killed, {:?}: {total}", Kind::ALIVE);
    assert!(total.heard as u64 > 2 * rounds, "too little was said to say anything");
}

/// Rows of an outbox at its bound (`MAX_OUTBOX_ROWS`), and those of them that are there before anybody comes.
const FULL: u64 = 10_000;
const THERE_BEFORE: i64 = 9_980;
/// Fresh for as long as the ledger believes of an offer, less a little.
const FRESH_MS: i64 = 140_000;

/// Fills a ledger as an outage fills it: offers to two hundred inboxes in turn.
fn fill(shop: &Shop) -> Vec<Committed> {
    let folder = Folder::open(&shop.state()).unwrap();
    let store = folder.store(KEY).unwrap();
    let at_us = Clock::start().wall_us();
    let pattern = reservation("pattern", at_us);
    let mut committed = Vec::new();
    store.begin().unwrap();
    for nth in 1..=THERE_BEFORE {
        let wanted = Wanted { customer: nth.unsigned_abs() % 200, also: None, fresh_ms: FRESH_MS };
        let reservation = reservation_of(&pattern, &wanted, nth, at_us, Vec::new());
        let drafts = drafts_of(&reservation);
        assert_eq!(store.reserve(&reservation, &drafts).unwrap(), Answer::Granted);
        committed.extend(drafts.iter().map(|draft| teller::committed(draft, &reservation.delivery.id.0, at_us)));
    }
    store.commit().unwrap();
    committed
}

async fn ten_thousand(kind: Kind) {
    let Some(mut scene) = Scene::new("an outbox at its bound", kind, A_LIFE).await else { return };
    scene.link.close(true);
    crowd::come(&scene.shop, 0..A_LIFE, EVERY_US);
    let mut committed = fill(&scene.shop);
    let emma = scene.run().await;
    until("one is withheld", || scene.shop.log().contains("reason=\"outbox\"")).await;
    // Some may have been taken back since: who leaves the desk is not told of it any more.
    assert!((THERE_BEFORE.unsigned_abs()..=FULL).contains(&snapshot::waiting(&scene.shop.state())));
    let waiting_kib = emma.peak_kib();
    scene.link.close(false);
    until("the outbox empties", || snapshot::waiting(&scene.shop.state()) == 0).await;
    let more_kib = emma.peak_kib() - waiting_kib;
    println!("{waiting_kib} KiB while they wait, {more_kib} more while they are said");
    assert!(more_kib < 8 * 1_024, "{more_kib} KiB more for what lies on the disk");
    assert_eq!(emma.terminate(), Some(0));
    scene.memory.look(&scene.shop.state());
    let ours: HashSet<String> = committed.iter().map(|offer| offer.offer.clone()).collect();
    committed.extend(scene.memory.committed().into_iter().filter(|offer| !ours.contains(&offer.offer)));
    let mut evidence = scene.evidence().await;
    evidence.committed = committed;
    // On a machine that is very busy some may.
    evidence.enough_us = i64::MAX;
    let connections: HashSet<usize> = evidence.sent.iter().map(|sent| sent.connection).collect();
    assert_eq!(connections.len(), 1, "one session");
    let (figures, wrongs) = reckon(&evidence);
    assert!(wrongs.is_empty(), "{figures}\n{}", wrongs.join("\n"));
    println!("an outbox at its bound, {kind:?}: {figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_offers_wait_one_more_is_withheld_and_all_arrive_through_one_session() {
    ten_thousand(Kind::MosquittoThatForgets).await;
}

#[cfg(feature = "demo")]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "most of a minute, and the session is the same: tests/long/run"]
async fn ten_thousand_offers_arrive_at_the_embedded_broker_too() {
    ten_thousand(Kind::Embedded).await;
}

const COMMITTED: &str = "an offer is committed";
const WITHHELD: &str = "reason=\"ledger\"";

/// The disk fills and empties in the stream, again and again. What is said is what the ledger has, and it has all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_in_the_stream_costs_offers_and_no_word_that_is_not_kept() {
    let skipped = "a disk that fills in the stream";
    if !disk::has_namespaces(skipped) {
        return;
    }
    let Some(mut scene) = Scene::new(skipped, Kind::MosquittoThatForgets, 300).await else { return };
    crowd::come(&scene.shop, 0..300, 200_000);
    let emma = scene.shop.run_after(disk::IN_MEMORY);
    let filler = scene.shop.state().join("filler");
    let more = |what: &'static str, shop: &Shop| {
        let so_far = shop.log().matches(what).count();
        move |shop: &Shop| shop.log().matches(what).count() > so_far + 2
    };
    for _ in 0..3 {
        let are_made = more(COMMITTED, &scene.shop);
        until("offers are made", || are_made(&scene.shop)).await;
        let filler = emma.sees(&filler);
        disk::fill(&filler);
        let are_withheld = more(WITHHELD, &scene.shop);
        until("offers are withheld", || are_withheld(&scene.shop)).await;
        std::fs::remove_file(filler).unwrap();
    }
    let are_made = more(COMMITTED, &scene.shop);
    until("offers are made again", || are_made(&scene.shop)).await;
    // The file system goes with the last who holds it.
    let state = File::open(emma.sees(&scene.shop.state())).unwrap();
    assert_eq!(emma.terminate(), Some(0));
    scene.memory.look(&PathBuf::from(format!("/proc/self/fd/{}", state.as_raw_fd())));
    let waiting = scene.memory.waiting.clone();
    let mut evidence = scene.evidence().await;
    // What waits at the end waits for the next life.
    let heard: HashSet<&str> = evidence.heard.iter().map(|heard| heard.event.as_str()).collect();
    evidence.committed.retain(|offer| !waiting.contains(&offer.event) || heard.contains(offer.event.as_str()));
    let (figures, wrongs) = reckon(&evidence);
    assert!(wrongs.is_empty(), "{figures}\n{}", wrongs.join("\n"));
    println!("disk full: {figures}");
}
