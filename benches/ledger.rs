//! What the ledger's promise costs the disk: syncs for a busy second's offers, and how long an offer alone waits.
//!
//! `busy_second` asks for 200 offers over one second and says how many transactions, each one sync, they cost: 50 at the
//! most. `alone` is one offer, from the question to the answer: 20 ms for company that does not come, and one sync.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at what it did not expect, and tells")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use emma::clock::Clock;
use emma::config::offers::{Campaign, Class};
use emma::config::span::Span;
use emma::config::{self, Sources};
use emma::gateway::cap::{CapRule, CapScope, Window};
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Answer, Delivery, DeliveryId, Offer, Reservation};
use emma::ledger::Store;
use emma::ledger::order::Told;
use emma::ledger::thread::{Answers, Ledger};
use tempfile::TempDir;

const DAY_US: i64 = 86_400_000_000;

fn main() {
    divan::main();
}

/// A ledger on a disk: beside what was built, since a system's folder for temporary files may be in memory.
struct OnDisk {
    _folder: TempDir,
    clock: Clock,
    ledger: Ledger,
    answers: Answers,
    campaign: Arc<Campaign>,
}

impl OnDisk {
    fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let clock = Clock::start();
        let store = Store::open(&folder.path().join("ledger.db"), [7; 32]).unwrap();
        let (ledger, _, answers) = Ledger::start(store, clock).unwrap();
        let campaign = Arc::new(config::check(&Sources::shipped()).config.unwrap().offers.campaigns[0].clone());
        Self { _folder: folder, clock, ledger, answers, campaign }
    }

    fn ask(&self, who: usize) {
        self.ledger.reserve(Box::new(reservation(who, &self.campaign, self.clock.wall_us())), Vec::new());
    }

    fn granted(&mut self) {
        let told = self.answers.blocking_recv().unwrap();
        assert!(matches!(told, Told::Reserved(_, Answer::Granted)), "{told:?}");
    }
}

fn reservation(who: usize, campaign: &Arc<Campaign>, at_us: i64) -> Reservation {
    let delivery = Delivery {
        id: DeliveryId(format!("{who}-{at_us}").into()),
        customer: CustomerId::new(&format!("c{who}")).unwrap(),
        at_us,
        class: Class::Offer,
        campaign: campaign.id.clone(),
        category: None,
        zone: "shoes".into(),
        site: "shop".into(),
        visit_us: at_us,
        epoch: 1,
        ghost: false,
        test: false,
    };
    let offer = Offer {
        zone: "shoes".into(),
        zone_name: BTreeMap::new(),
        trigger: "entered",
        texts: Vec::new(),
        notify_until_us: at_us,
        valid_until_us: at_us,
        recipients: Vec::new(),
        used: Vec::new(),
        notice: None,
        test: false,
        campaign: Arc::clone(campaign),
    };
    let cap = CapRule {
        scope: CapScope::Customer,
        at_most: 1,
        after_us: Some(at_us - DAY_US),
        promised: true,
        window: Window::Rolling(Span::Micros(DAY_US.unsigned_abs())),
    };
    Reservation { delivery, caps: vec![cap], wishes: Vec::new(), codes: Vec::new(), offer }
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn busy_second(bencher: Bencher<'_, '_>) {
    let mut who = 0;
    bencher.with_inputs(OnDisk::new).bench_local_values(|mut disk| {
        for _ in 0..200 {
            who += 1;
            disk.ask(who);
            std::thread::sleep(Duration::from_millis(5));
        }
        (0..200).for_each(|_| disk.granted());
        let syncs = disk.ledger.gauges().commits();
        println!("200 offers in a second: {syncs} syncs");
        assert!(syncs <= 50, "{syncs} syncs");
        disk
    });
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn alone(bencher: Bencher<'_, '_>) {
    let mut disk = OnDisk::new();
    let mut who = 0;
    bencher.bench_local(|| {
        who += 1;
        disk.ask(who);
        disk.granted();
    });
}
