//! What a day in a shop costs the SD card: 300 visits of a quarter of an hour, each through the core and the ledger's own thread,
//! in a file. A tenth of the day is simulated, 30 visits in 2.4 hours, and taken ten times. Its gaps are not waited for: the
//! ledger's clock is led by the shop's, and what would have been committed in a gap is committed before it goes on.
//!
//! What is told is `write_bytes` of `/proc/self/io`: the pages of 4 KiB that this process has written and the system has to bring
//! to the block device. A page that two syncs write counts twice. The file system's own journal and what the card makes of it
//! are not in it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at what it did not expect, and tells")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use emma::clock::{Clock, Moment};
use emma::config::{self, Config, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::{Effect, Input};
use emma::ledger::Store;
use emma::ledger::leases::Feed;
use emma::ledger::order::Told;
use emma::ledger::said::Feedback;
use emma::ledger::thread::{Answers, Ledger};
use emma::mqtt::{Outbox, Outcome};
use emma::radio::encode;
use emma::standalone::Standalone;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Of a day's visits and hours so much is simulated.
const SHARE: u16 = 10;
const VISITS: u16 = 300 / SHARE;
/// A shop is open for ten hours, and counts the clock for twenty-four.
const OPEN_US: u64 = 36_000_000_000 / SHARE as u64;
const DAY_US: u64 = 86_400_000_000 / SHARE as u64;
/// Each stays in three zones for five minutes, and is heard every other second.
const STAYS: u64 = 3;
const STAY_US: u64 = 300_000_000;
const HEARD_EVERY_US: u64 = 2_000_000;
/// The time, the totals and the registrar's beat are written this often.
const QUARTER_US: u64 = 900_000_000;
/// What lies no further apart shares a commit, as in `src/ledger/thread.rs`.
const TOGETHER_US: u64 = 1_000_000;
/// As the caps below allow, the first zone and the third.
const OFFERS_A_VISIT: u64 = 2;
/// Every offer is displayed; of so many one is opened, and of so many one is dismissed.
const OPENED_OF: u64 = 3;
const DISMISSED_OF: u64 = 10;
/// What is aimed at, in bytes a day.
const TARGET: u64 = 5_000_000;

/// How far the simulated day is ahead of the machine's clock.
static AHEAD_US: AtomicU64 = AtomicU64::new(0);

const UUID: &[u8; 16] = b"ABCDEFGHIJKLMNOP";

fn main() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (file, config) = (folder.path().join("ledger.db"), config());
    let mut shop = Shop::open(Store::open(&file, [7; 32]).unwrap(), config);
    let before = written();
    shop.day();
    shop.ledger.stop();
    let after = written();
    let share = u64::from(SHARE);
    let bytes = (after - before) * share;
    let (commits, offers) = (shop.ledger.gauges().commits() * share, shop.offers * share);
    let visits = u64::from(VISITS) * share;
    println!("a day of {visits} visits and {offers} offers: {commits} commits, {} KB in pages written", bytes / 1_000);
    println!("the target is {} KB", TARGET / 1_000);
    assert_eq!(offers, visits * OFFERS_A_VISIT, "the caps allow so many");
    assert!(bytes > 0, "a file system in memory writes nothing: CARGO_TARGET_DIR has to be on a disk");
}

/// Bytes that this process gave the system for the block device.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}

/// A shop of four zones, with an offer in each and a promise of two a day.
fn config() -> Arc<Config> {
    let zones = ["till", "rack", "desk", "door"];
    let each = |text: fn(&str) -> String| zones.map(text).concat();
    let sources = Sources {
        gateway: "site = 's'\ngateway = 'till'\n".into(),
        site: "name = 'S'\ntime-zone = 'Europe/Zurich'\n".to_owned() + &each(|id| format!("[[gateway]]\nid = '{id}'\n")),
        zones: each(|id| format!("[[zone]]\nid = 'at-{id}'\nname = '{id}'\nnear = '{id}'\n")),
        offers: "[[category]]\nid = 'coats'\n".to_owned()
            + &each(|id| {
                format!(
                    "[[campaign]]\nid = 'for-{id}'\ncategory = 'coats'\nzones = ['at-{id}']\ntrigger = 'entered'\n\
                     [campaign.text.en]\ntitle = 'Half the price today'\nbody = 'Right here at the {{zone}}, until six.'\n"
                )
            }),
        promise: "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\ngap = '9m'\n[responsible]\ncontroller = 'S'\n\
                  contact = 'a@b.example'\nwithdraw = 'at the till'\nrecipients = [{ id = 'push', name = 'App', purpose = 'shows it' }]\n"
            .into(),
        ..Sources::default()
    };
    let loaded = config::check(&sources);
    Arc::new(loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.problems)))
}

fn consent(minor: u16) -> String {
    format!(
        r#"{{"customer":"c{minor:05}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{{"ibeacon":{{"uuid":"{}","major":1,"minor":{minor}}}}}],"valid_from":"2020-01-01T00:00:00Z","valid_until":"2099-01-01T00:00:00Z","inbox":{{"push":"{minor:032}"}}}}"#,
        hex::encode(UUID)
    )
}

struct Shop {
    runtime: Runtime,
    core: Standalone,
    ledger: Ledger,
    answers: Answers,
    began_us: i64,
    /// When something was last asked to be remembered and is not committed yet.
    asked_us: Option<u64>,
    offers: u64,
}

impl Shop {
    fn open(store: Store, config: Arc<Config>) -> Self {
        let clock = Clock::start_ahead(&AHEAD_US);
        let mut gateway = Gateway::new(config, store.key().clone(), 0);
        for minor in 0..VISITS {
            let line = consent(minor);
            let Record::Grant(grant) = record::parse(&line).unwrap() else { panic!("no grant") };
            let consent = Arc::new(grant.check().unwrap());
            store.save_consent(&consent.customer, 1, &line).unwrap();
            gateway.restore(consent);
        }
        let (ledger, _, answers) = Ledger::start(store, clock).unwrap();
        // It makes the messages; what is remembered goes to the thread.
        let core = Standalone { gateway, store: Store::in_memory([7; 32]).unwrap() };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, core, ledger, answers, began_us: clock.wall_us(), asked_us: None, offers: 0 }
    }

    fn moment(&self, at_us: u64) -> Moment {
        // A core that has just begun believes a clock that is steady.
        Moment { monotonic_us: at_us, wall_us: Some(self.began_us + at_us.cast_signed()) }
    }

    fn day(&mut self) {
        let mut heard: Vec<(u64, u16, u16)> = Vec::new();
        for visit in 0..VISITS {
            let begins_us = OPEN_US / u64::from(VISITS) * u64::from(visit);
            let each = STAY_US / HEARD_EVERY_US;
            let stay = |n: u64| u16::try_from((u64::from(visit) + n / each) % 4).unwrap();
            heard.extend((0..STAYS * each).map(|n| (begins_us + n * HEARD_EVERY_US, visit, stay(n))));
        }
        heard.sort_unstable();
        let mut quarter_us = 0;
        for (at_us, visit, gateway) in heard {
            self.run_until(at_us, &mut quarter_us);
            let payload = encode::ibeacon(UUID, 1, visit, -59);
            let address = Address { bytes: [0; 6], kind: AddressKind::Random };
            let gateway = GatewayIndex(gateway);
            self.hand(
                Input::Advertisement(Advertisement { address, payload: &payload, rssi_dbm: -50, gateway }),
                at_us,
            );
        }
        self.run_until(DAY_US, &mut quarter_us);
        self.commit();
    }

    /// Everything that is due until then, each at its own time.
    fn run_until(&mut self, until_us: u64, quarter_us: &mut u64) {
        loop {
            let due_us = self.core.gateway.next_wakeup().unwrap_or(u64::MAX);
            let next_us = due_us.min(*quarter_us);
            if next_us > until_us {
                break;
            }
            if next_us == *quarter_us {
                self.each_quarter(next_us);
                *quarter_us += QUARTER_US;
            } else {
                self.hand(Input::Tick, next_us);
            }
        }
    }

    fn each_quarter(&mut self, at_us: u64) {
        let wall_us = self.moment(at_us).wall_us.unwrap();
        self.asks(at_us);
        self.ledger.note_wall(wall_us);
        self.ledger.count(vec![("visits".to_owned(), 8), ("withheld:cap-gap".to_owned(), 20)]);
        let beats = self.core.gateway.beats();
        self.ledger.save_feed(Feed { registrar: "hq".to_owned(), heard_us: wall_us, beats });
    }

    fn hand(&mut self, input: Input<'_>, at_us: u64) {
        AHEAD_US.store(at_us, Ordering::Relaxed);
        let effects = self.core.gateway.handle(input, self.moment(at_us));
        for effect in effects {
            match effect {
                Effect::SaveVisit(visit) => {
                    self.asks(at_us);
                    self.ledger.save_visit(visit);
                }
                Effect::DropVisit(customer) => {
                    self.asks(at_us);
                    self.ledger.drop_visit(customer);
                }
                Effect::EndOffers(customer, ending) => {
                    self.asks(at_us);
                    self.ledger.end_offers(customer, ending);
                }
                Effect::Reserve(wanted) => {
                    self.asks(at_us);
                    let drafts = self.core.messages(&wanted);
                    let offer = drafts.first().map(|draft| draft.offer_id.to_string()).unwrap();
                    let inbox = drafts.first().and_then(|draft| draft.topic.rsplit('/').next()).unwrap().to_owned();
                    self.ledger.reserve(wanted, drafts);
                    let Told::Reserved(id, answer) = self.answers.blocking_recv().unwrap() else { panic!("no answer") };
                    let granted = answer == emma::gateway::effect::Answer::Granted;
                    self.hand(Input::Reserved(id, answer), at_us);
                    if granted {
                        self.say(&inbox, &offer, at_us);
                    }
                }
                _ => {}
            }
        }
    }

    /// The broker takes it, and the customer's phone says that it was displayed, and now and then what was done with it.
    fn say(&mut self, inbox: &str, offer: &str, at_us: u64) {
        self.offers += 1;
        self.asked_us = Some(at_us);
        let ledger = self.ledger.clone();
        self.runtime.block_on(async {
            ledger.settled().await.unwrap();
            let rows = ledger.take(20).await;
            assert_eq!(rows.len(), 1, "what was granted is on its way");
            for row in rows {
                ledger.settle(row.row, Outcome::Acknowledged).await;
            }
            let did = [("opened", OPENED_OF), ("dismissed", DISMISSED_OF)];
            let did = did.into_iter().filter(|(_, of)| self.offers.is_multiple_of(*of)).map(|(kind, _)| kind);
            for kind in std::iter::once("displayed").chain(did) {
                let kind = emma::gateway::feedback::Kind::of(kind).unwrap();
                let told = Feedback {
                    inbox: inbox.to_owned(),
                    offer_id: offer.to_owned(),
                    kind,
                    snooze_until_us: at_us.cast_signed(),
                };
                ledger.feedback(told).await.unwrap();
            }
        });
        while self.answers.try_recv().is_ok() {}
    }

    /// Something is to be remembered at `at_us`: what was asked long before is committed by then.
    fn asks(&mut self, at_us: u64) {
        if self.asked_us.is_some_and(|asked_us| at_us - asked_us >= TOGETHER_US) {
            self.commit();
        }
        self.asked_us.get_or_insert(at_us);
    }

    fn commit(&mut self) {
        self.asked_us = None;
        let ledger = self.ledger.clone();
        self.runtime.block_on(async { ledger.settled().await.unwrap() });
    }
}
