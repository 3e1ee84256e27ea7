//! Streams of offers through everything that can happen to a broker and to the way there: a real ledger and a real session,
//! a real broker, a link that the test breaks, and a subscriber that shares no code with Emma. Each round is its seed's:
//! `EMMA_SEED` and `EMMA_ROUNDS` change the run, and a failure says which seed does it again. `tests/long/run` makes it hundreds.

#![allow(clippy::unwrap_used, reason = "a test stops and says why")]
#![allow(clippy::print_stdout, reason = "the figures of a run")]
#![allow(unreachable_pub, reason = "the helpers' modules are shared by tests")]

#[path = "common/broker.rs"]
mod broker;
#[path = "common/chance.rs"]
mod chance;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "common/deliveries.rs"]
mod deliveries;
#[path = "common/link.rs"]
mod link;
#[path = "common/listener.rs"]
mod listener;
#[path = "common/mortal.rs"]
mod mortal;
#[path = "common/reckoning.rs"]
mod reckoning;
#[path = "common/teller.rs"]
mod teller;
#[path = "common/witness.rs"]
mod witness;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chance::Chance;
use emma::clock::Clock;
use emma::ledger::thread::Ledger;
use link::{Link, Way};
use listener::until;
use mortal::{Kind, Mortal};
use reckoning::{Evidence, Figures, reckon};
use teller::{Committed, Teller, Wanted};
use tokio::task::JoinSet;
use tokio::time::sleep;
use witness::Witness;

/// Any number will do; a fixed one keeps a red test red until it is understood.
const SEED: u64 = 20_261_124;
const ROUNDS: u64 = 20;

/// Rounds at the same time: they wait far more than they work.
const AT_ONCE: usize = 4;

/// Long enough that no machine lets an offer expire that is not meant to; the ledger hands over nothing fresher than 150 s.
const FRESH_MS: i64 = 120_000;
/// Whatever has not arrived so long after the last fault was forgotten, not late.
const ENOUGH_US: i64 = 60_000_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What happens in the middle of a stream.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The broker is killed with -9, and comes back after so many milliseconds. Where `waits`, Emma reaches it only once its
    /// subscriber has.
    Killed { away_ms: u64, waits: bool },
    /// The link is cut after so many bytes.
    Cut { way: Way, bytes: usize },
    /// Every piece comes so much later for a while.
    Slow { late_ms: u64, for_ms: u64 },
    /// Nothing passes one way for a while, and nobody is told; then it does again, or the link is cut.
    Stalled { way: Way, for_ms: u64, ends_cut: bool },
    /// There is no way to the broker for a while.
    Away { for_ms: u64 },
}

impl Fault {
    fn draw(chance: &mut Chance) -> Self {
        let way = chance.one_of(&[Way::ToBroker, Way::ToEmma]);
        match chance.below(7) {
            0..=2 => Self::Killed { away_ms: chance.below(800), waits: chance.once_in(2) },
            3 => {
                Self::Cut { way, bytes: if way == Way::ToBroker { small(chance, 40_000) } else { small(chance, 200) } }
            }
            4 => Self::Slow { late_ms: 1 + chance.below(30), for_ms: 300 + chance.below(1_200) },
            5 => Self::Stalled { way, for_ms: 100 + chance.below(1_400), ends_cut: chance.once_in(2) },
            _ => Self::Away { for_ms: 100 + chance.below(2_400) },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Killed { .. } => "broker killed",
            Self::Cut { .. } => "link cut",
            Self::Slow { .. } => "link delayed",
            Self::Stalled { .. } => "link stalled",
            Self::Away { .. } => "broker away",
        }
    }
}

fn small(chance: &mut Chance, below: u64) -> usize {
    usize::try_from(chance.below(below)).unwrap()
}

/// All of a round that its seed decides.
#[derive(Debug)]
struct Plan {
    /// Offers, in bursts.
    bursts: Vec<Vec<Wanted>>,
    /// Between two bursts.
    pause_ms: u64,
    /// Each comes when so many messages were sent.
    faults: Vec<(usize, Fault)>,
}

impl Plan {
    fn draw(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let customers = 1 + chance.below(6);
        let bursts: Vec<Vec<Wanted>> = (0..10 + chance.below(10))
            .map(|_| (0..=chance.below(20)).map(|_| wanted(&mut chance, customers)).collect())
            .collect();
        let offers = bursts.iter().map(Vec::len).sum::<usize>() as u64;
        let faults = 1 + chance.below(2);
        let faults = (0..faults).map(|_| (small(&mut chance, offers), Fault::draw(&mut chance))).collect();
        Self { bursts, pause_ms: chance.below(60), faults }
    }

    fn kills(&self) -> bool {
        self.faults.iter().any(|(_, fault)| matches!(fault, Fault::Killed { .. }))
    }
}

/// One in six is soon too late.
fn wanted(chance: &mut Chance, customers: u64) -> Wanted {
    let short_ms = 100 + i64::try_from(chance.below(2_000)).unwrap();
    Wanted {
        customer: chance.below(customers),
        also: chance.once_in(3).then_some("window"),
        fresh_ms: if chance.once_in(6) { short_ms } else { FRESH_MS },
    }
}

/// What a fault happens to.
struct Scene {
    broker: Mortal,
    link: Link,
    witness: Witness,
}

impl Scene {
    async fn strike(&mut self, fault: Fault, is_over: impl Fn() -> bool) {
        match fault {
            Fault::Killed { away_ms, waits } => {
                let connects = self.witness.connects();
                self.broker.kill();
                self.link.close(waits);
                sleep(Duration::from_millis(away_ms)).await;
                self.broker.restart().await;
                until("the witness is back", || self.witness.connects() > connects).await;
                self.witness.subscribed().await;
                self.link.close(false);
            }
            Fault::Cut { way, bytes } => {
                self.link.cut_after(way, bytes);
                until("the cut", || !self.link.is_to_be_cut() || is_over()).await;
            }
            Fault::Slow { late_ms, for_ms } => {
                self.link.delay(late_ms);
                sleep(Duration::from_millis(for_ms)).await;
                self.link.delay(0);
            }
            Fault::Stalled { way, for_ms, ends_cut } => {
                self.link.stall(Some(way));
                sleep(Duration::from_millis(for_ms)).await;
                if ends_cut {
                    self.link.cut();
                }
                self.link.stall(None);
            }
            Fault::Away { for_ms } => {
                self.link.close(true);
                sleep(Duration::from_millis(for_ms)).await;
                self.link.close(false);
            }
        }
    }

    /// Every fault when it is due, or when nothing more comes.
    async fn suffer(&mut self, faults: &[(usize, Fault)], is_fed: &AtomicBool, ledger: &Ledger) {
        let is_over = || is_fed.load(Ordering::Relaxed) && ledger.gauges().outbox_rows() == 0;
        for (due, fault) in faults {
            until("the fault is due", || self.link.sent_so_far() >= *due || is_over()).await;
            self.strike(*fault, is_over).await;
        }
    }
}

async fn feed(teller: &mut Teller, plan: &Plan, is_fed: &AtomicBool) -> Vec<Committed> {
    let mut committed = Vec::new();
    for burst in &plan.bursts {
        committed.extend(teller.commit(burst).await);
        sleep(Duration::from_millis(plan.pause_ms)).await;
    }
    is_fed.store(true, Ordering::Relaxed);
    committed
}

/// One round: its figures by fault, or what broke the contract. Nothing where a program is not installed.
async fn round(kind: Kind, seed: u64) -> Option<(Vec<&'static str>, Figures, Vec<String>)> {
    let mut plan = Plan::draw(seed);
    plan.faults.sort_by_key(|(due, _)| *due);
    let skipped = "faults of brokers and links";
    let broker = Mortal::start(skipped, kind).await?;
    let witness = Witness::start(skipped, broker.port()).await?;
    let link = Link::to(broker.port()).await;
    let mut teller = Teller::start(link.port);
    let mut scene = Scene { broker, link, witness };
    let (is_fed, ledger) = (AtomicBool::new(false), teller.ledger.clone());
    let (mut committed, ()) =
        tokio::join!(feed(&mut teller, &plan, &is_fed), scene.suffer(&plan.faults, &is_fed, &ledger));
    let whole_us = Clock::start().wall_us();
    teller.emptied().await;
    // What comes last comes behind all others.
    let last = Wanted { customer: 0, also: None, fresh_ms: FRESH_MS };
    committed.extend(teller.commit(&[last]).await);
    let last = committed.last().unwrap().event.clone();
    until("the last offer is heard", || scene.witness.has_heard(&last)).await;
    teller.emptied().await;
    let remembered = teller.stop().await;
    let evidence = Evidence {
        committed,
        sent: scene.link.sent(),
        heard: scene.witness.heard(),
        remembered,
        broker_died: plan.kills(),
        emma_died: false,
        taken_back: HashSet::new(),
        received: scene.broker.received(),
        enough_us: whole_us + ENOUGH_US,
    };
    let (figures, wrongs) = reckon(&evidence);
    let names = plan.faults.iter().map(|(_, fault)| fault.name()).collect();
    Some((names, figures, wrongs))
}

async fn rounds(kind: Kind) {
    let (seed, rounds) = (number("EMMA_SEED", SEED), number("EMMA_ROUNDS", ROUNDS));
    let mut left = (seed..seed + rounds).fuse();
    let mut running = JoinSet::new();
    let mut totals: BTreeMap<String, Figures> = BTreeMap::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(seed) = left.next()
        {
            running.spawn(async move { (seed, tokio::spawn(round(kind, seed)).await) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (seed, ended) = ended.unwrap();
        let again = format!("EMMA_SEED={seed} EMMA_ROUNDS=1 does it again: {kind:?}, {:?}", Plan::draw(seed).faults);
        let Some((names, figures, wrongs)) = ended.unwrap_or_else(|error| panic!("{again}: {error}")) else { return };
        assert!(wrongs.is_empty(), "{again}\n{figures}\n{}", wrongs.join("\n"));
        *totals.entry("all".to_owned()).or_default() += figures;
        let name = if let [name] = names[..] { name } else { "two faults" };
        *totals.entry(name.to_owned()).or_default() += figures;
    }
    for (name, figures) in totals {
        println!("{kind:?}, {name}: {figures}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broker_that_keeps_its_sessions_is_told_everything_once() {
    rounds(Kind::MosquittoThatKeeps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broker_that_loses_its_sessions_is_told_everything_once() {
    rounds(Kind::MosquittoThatForgets).await;
}

#[cfg(feature = "demo")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_embedded_broker_is_told_everything_once() {
    rounds(Kind::Embedded).await;
}
