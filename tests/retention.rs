//! Consents that have ended are let go of: short leases fill nothing up, whoever comes back in time finds everything as they
//! left it, and whoever comes back later is a newcomer to whom their no still holds.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;

use emma::clock::{Clock, Moment};
use emma::config::{self, Config, Sources};
use emma::counter;
use emma::gateway::consent::lease::Beats;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::{Consent, CustomerId};
use emma::gateway::effect::Input;
use emma::gateway::stance::Signal;
use emma::ledger::Store;
use emma::ledger::leases::Leased;
use emma::ledger::order::{Saved, Told};
use emma::ledger::retention::{self, Kept};
use emma::ledger::thread::Ledger;
use emma::standalone::Standalone;
use tempfile::TempDir;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// 2026-06-01T10:00:00Z.
const TEN: i64 = 1_780_308_000_000_000;

/// So many come on a day, each with a lease for this day alone.
const A_DAY: usize = 40;

fn config() -> Arc<Config> {
    config_with("7d")
}

/// A shop that promises one offer in so long.
fn config_with(window: &str) -> Arc<Config> {
    let sources = Sources {
        gateway: "site = 's'\ngateway = 'gw'\n".into(),
        site: "name = 'S'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n".into(),
        promise: format!("[caps]\ncustomer = [{{ at-most = 1, per = '{window}' }}]\n"),
        ..Sources::default()
    };
    Arc::new(config::check(&sources).config.unwrap())
}

fn moment(wall_us: i64) -> Moment {
    Moment { monotonic_us: (wall_us - TEN).unsigned_abs(), wall_us: Some(wall_us) }
}

/// A shop whose clock is right, and a registrar that leases for four hours.
struct Shop {
    core: Standalone,
    config: Arc<Config>,
}

impl Shop {
    fn new() -> Self {
        let (config, store) = (config(), Store::in_memory([7; 32]).unwrap());
        let (gateway, _) = counter::wake(&config, &store, moment(TEN)).unwrap();
        Self { core: Standalone { gateway, store }, config }
    }

    /// Somebody arrives, and the registrar leases their consent to the shop for four hours.
    fn arrives(&mut self, who: usize, at_us: i64) {
        let (record, consent) = consent(who, at_us);
        self.core.gateway.admits(&consent, moment(at_us)).unwrap();
        let refusals = self.core.store.refusals(&consent.customer).unwrap();
        let leased = Leased {
            customer: consent.customer.clone(),
            epoch: 1,
            record,
            told_us: at_us,
            valid_from_us: consent.valid_from_us,
        };
        assert!(self.core.store.transaction(|store| store.save_leased(&leased)).unwrap());
        let customer = consent.customer.clone();
        self.core.handle(Input::Consent(consent), moment(at_us)).unwrap();
        if let Some(refusals) = refusals {
            self.core.handle(Input::Stance(customer, Box::new(refusals)), moment(at_us)).unwrap();
        }
    }

    fn kept(&self) -> Kept {
        retention::kept(&self.config, self.core.gateway.consents().map(|consent| &**consent))
    }

    /// What the daemon does once a day: the ledger lets go, and then the core.
    fn prunes(&mut self, at_us: i64) {
        let gateway = &self.core.gateway;
        let consents = gateway.consents().map(|consent| &**consent);
        let over = retention::over(consents, gateway.beats(), &self.kept(), at_us);
        let pruned = self.core.store.transaction(|store| store.prune(&self.kept(), &over, at_us)).unwrap();
        for customer in pruned.forgotten {
            self.core.handle(Input::Withdraw(customer), moment(at_us)).unwrap();
        }
    }

    fn registered(&self) -> usize {
        let in_memory = self.core.gateway.snapshot().customers;
        assert_eq!(in_memory, self.core.store.consents().unwrap().len(), "memory and disk know the same");
        in_memory
    }

    fn says(&self, who: usize, signal: &Signal, at_us: i64) {
        self.core.store.transaction(|store| store.note(&customer(who), signal.clone(), at_us)).unwrap();
    }
}

fn customer(who: usize) -> CustomerId {
    CustomerId::new(&format!("c-{who:06}")).unwrap()
}

/// The grant is of last year; what is leased of it ends in four hours.
fn consent(who: usize, at_us: i64) -> (String, Arc<Consent>) {
    let until = jiff::Timestamp::from_microsecond(at_us + 4 * HOUR).unwrap();
    let record = format!(
        r#"{{"customer":"c-{who:06}","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{{"phone":{{"id":"p-{who:06}"}}}}],"inbox":{{"push":"inbox-{who}"}},"valid_from":"2025-01-01T00:00:00Z","valid_until":"{until}"}}"#
    );
    let Record::Grant(grant) = record::parse(&record).unwrap() else { panic!("a grant") };
    let consent = Consent { told_us: Some(at_us), ..grant.check().unwrap() };
    (record, Arc::new(consent))
}

#[test]
fn short_leases_fill_no_place_for_longer_than_their_life() {
    let mut shop = Shop::new();
    let days = usize::try_from(shop.kept().ended_us / DAY.unsigned_abs()).unwrap();
    assert_eq!(days, 31, "a week is the longest window here, and a month is the least");
    for day in 0..4 * days {
        let at_us = TEN + i64::try_from(day).unwrap() * DAY;
        for one in 0..A_DAY {
            shop.arrives(day * A_DAY + one, at_us);
        }
        shop.prunes(at_us + 12 * HOUR);
        // Those of as many days as they are kept.
        assert_eq!(shop.registered(), (day + 1).min(days) * A_DAY, "on day {day}");
    }
    let last_us = TEN + i64::try_from(6 * days).unwrap() * DAY;
    shop.prunes(last_us);
    assert_eq!(shop.registered(), 0);
}

#[test]
fn whoever_comes_each_week_loses_nothing_however_short_their_leases_are() {
    let mut shop = Shop::new();
    for week in 0..30 {
        let at_us = TEN + week * 7 * DAY;
        shop.arrives(7, at_us);
        if week == 0 {
            shop.says(7, &Signal::NoMore("shoes".into()), at_us);
            shop.says(7, &Signal::More("coats".into()), at_us);
        }
        shop.prunes(at_us + 12 * HOUR);
        let stance = shop.core.store.stance(&customer(7)).unwrap().unwrap();
        assert!(stance.of("shoes").unwrap().no_more && stance.of("coats").unwrap().more, "in week {week}");
    }
}

#[test]
fn whoever_comes_back_after_months_is_a_newcomer_whose_no_holds_in_the_core_as_well() {
    let mut shop = Shop::new();
    shop.arrives(7, TEN);
    shop.says(7, &Signal::NoMore("shoes".into()), TEN);
    shop.says(7, &Signal::More("coats".into()), TEN);
    let pruned_us = TEN + 40 * DAY;
    shop.prunes(pruned_us);
    assert_eq!(shop.registered(), 0);
    assert!(!shop.core.gateway.consents().any(|consent| consent.customer == customer(7)));
    // The same grant, leased again.
    let back_us = TEN + 200 * DAY;
    shop.arrives(7, back_us);
    let stance = shop.core.store.stance(&customer(7)).unwrap().unwrap();
    assert!(stance.of("shoes").unwrap().no_more && stance.of("coats").is_none());
}

#[tokio::test]
async fn the_ledger_tells_whom_it_has_let_go_and_nothing_of_them_is_in_its_file() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("ledger.db"), [7; 32]).unwrap();
    let (ledger, thread, mut answers) = Ledger::start(store, Clock::start()).unwrap();
    let (record, _) = consent(7, TEN);
    let leased =
        || Leased { customer: customer(7), epoch: 1, record: record.clone(), told_us: TEN, valid_from_us: TEN - DAY };
    assert_eq!(ledger.save_leased(leased()).await, Ok(Saved::Taken(None)));
    ledger.note_wall(TEN);
    ledger.note(customer(7), Signal::NoMore("shoes".into()));
    let Some(Told::Stance(_, said)) = answers.recv().await else { panic!("what she said") };
    let holds = |trace: &str| {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut bytes = files.map(|file| std::fs::read(file).unwrap());
        bytes.any(|bytes| bytes.windows(trace.len()).any(|window| window == trace.as_bytes()))
    };
    assert!(holds("c-000007") && holds("p-000007"));
    let kept = Kept { deliveries_us: None, ended_us: 0, forgotten_us: 0 };
    ledger.prune(kept, vec![customer(7)], TEN + DAY);
    let Some(Told::Pruned(gone)) = answers.recv().await else { panic!("whom it let go") };
    assert_eq!(gone, [customer(7)]);
    // The last byte goes after the commit that was told of.
    ledger.settled().await.unwrap();
    assert!(!holds("c-000007") && !holds("p-000007") && !holds("inbox-7"));
    // Her next lease brings back what she said no to, before the core hears anything of her.
    assert_eq!(ledger.save_leased(leased()).await, Ok(Saved::Taken(Some(Box::new(said.refusals(TEN + DAY))))));
    ledger.stop();
    thread.join().unwrap();
}

#[test]
fn a_cap_that_a_reload_lengthens_needs_what_is_there_for_longer_and_one_that_it_shortens_lets_go() {
    let (_, consent) = consent(7, TEN);
    let is_over = |window: &str, days: i64| {
        let kept = retention::kept(&config_with(window), [&*consent].into_iter());
        !retention::over([&*consent].into_iter(), Beats::NONE, &kept, TEN + days * DAY + 24 * HOUR).is_empty()
    };
    assert!(is_over("7d", 40), "a month after the end");
    assert!(!is_over("90d", 40) && is_over("90d", 90), "a promise of 90 days looks back 90 days, on everybody");
    assert!(is_over("7d", 40), "and shorter again");
}

#[test]
fn a_cap_that_somebody_set_themselves_keeps_what_it_looks_back_on() {
    let shop = Shop::new();
    let (_, consent) = consent(7, TEN);
    let mut strict = (*consent).clone();
    Arc::make_mut(&mut strict.terms).caps.gap = Some("90d".parse().unwrap());
    let is_over = |consent: &Consent, days: i64| {
        let beats = shop.core.gateway.beats();
        !retention::over([consent].into_iter(), beats, &shop.kept(), TEN + days * DAY + 4 * HOUR).is_empty()
    };
    assert!(!is_over(&consent, 30) && is_over(&consent, 31));
    assert!(!is_over(&strict, 89) && is_over(&strict, 90));
    let told = |consent: &Consent| shop.kept().of(Some(consent)).ended_us;
    assert_eq!(
        [told(&consent), told(&strict)],
        [31, 90].map(|days| days * DAY.unsigned_abs()),
        "and an export says so"
    );
}
