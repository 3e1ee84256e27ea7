//! Consents on a lease, in a core and a ledger that are driven by moments: when they end, what holds them, and what of that
//! a restart and a wrong clock make.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::sync::Arc;

use emma::clock::Moment;
use emma::config::{self, Config, Sources};
use emma::counter;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::lease::Beats;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::{Consent, CustomerId};
use emma::gateway::effect::{Effect, Happening, Input, What};
use emma::ledger::Store;
use emma::ledger::leases::{Feed, Leased};
use emma::radio::encode;
use emma::standalone::Standalone;
use tempfile::TempDir;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const YEAR: i64 = 365 * 24 * HOUR;

/// 2026-06-01T10:00:00Z.
const TEN: i64 = 1_780_308_000_000_000;

fn config() -> Arc<Config> {
    let sources = Sources {
        gateway: "site = 's'\ngateway = 'gw'\n".into(),
        site: "name = 'S'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n".into(),
        zones: "enter-after = '1s'\n[[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw'\n".into(),
        offers: "[[category]]\nid = 'coats'\n[[campaign]]\nid = 'a'\ncategory = 'coats'\nzones = 'any'\ntrigger = 'entered'\n\
                 valid-for = '30d'\ncoupon = { code = 'A' }\n[campaign.text.en]\ntitle = 't'\nbody = 'b'\n"
            .into(),
        promise: "[caps]\ncustomer = [{ at-most = 100, per = '1d' }]\n".into(),
        ..Sources::default()
    };
    Arc::new(config::check(&sources).config.unwrap())
}

const RECORD: &str = r#"{"customer":"ann","epoch":1,"tier":"contextual","purposes":["offers"],"identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2036-01-01T00:00:00Z"}"#;

fn ann() -> CustomerId {
    CustomerId::new("ann").unwrap()
}

fn consent(told_us: Option<i64>) -> Arc<Consent> {
    let Record::Grant(grant) = record::parse(RECORD).unwrap() else { panic!("no grant") };
    Arc::new(Consent { told_us, ..grant.check().unwrap() })
}

/// A shop on a ledger in a folder, at an hour that counts from [`TEN`].
struct Pi {
    standalone: Standalone,
    now_us: i64,
    folder: TempDir,
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("ledger.db"), [7; 32]).unwrap()
}

fn moment(wall_us: i64) -> Moment {
    Moment { monotonic_us: (wall_us - TEN + YEAR).unsigned_abs(), wall_us: Some(wall_us) }
}

impl Pi {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self::on(folder, TEN)
    }

    fn on(folder: TempDir, now_us: i64) -> Self {
        let store = open(folder.path());
        let (gateway, effects) = counter::wake(&config(), &store, moment(now_us)).unwrap();
        let mut standalone = Standalone { gateway, store };
        standalone.perform(effects, moment(now_us)).unwrap();
        Self { standalone, now_us, folder }
    }

    /// The process is killed and begun anew.
    fn restarts(self) -> Self {
        let Self { standalone, now_us, folder } = self;
        drop(standalone);
        Self::on(folder, now_us)
    }

    fn hands(&mut self, input: Input<'_>) -> Vec<Happening> {
        self.standalone.handle(input, moment(self.now_us)).unwrap()
    }

    fn at(&mut self, hour: i64) -> Vec<Happening> {
        self.now_us = TEN + hour * HOUR;
        self.standalone.run_until(moment(self.now_us)).unwrap()
    }

    /// The registrar tells the record now; whether it is taken.
    fn is_told(&mut self) -> bool {
        let (told_us, consent) = (self.now_us, consent(Some(self.now_us)));
        let leased =
            Leased { customer: ann(), epoch: 1, record: RECORD.into(), told_us, valid_from_us: consent.valid_from_us };
        let saved = self.standalone.store.transaction(|store| store.save_leased(&leased)).unwrap();
        if saved {
            self.hands(Input::Consent(consent));
        }
        saved
    }

    /// The feed beats now, agrees, and that is written.
    fn beats(&mut self) {
        self.hands(Input::Beat(self.now_us));
        let beats = self.standalone.gateway.beats();
        let feed = Feed { registrar: "hq".into(), heard_us: self.now_us, beats };
        self.standalone.store.save_feed(&feed).unwrap();
    }

    /// Ann is heard at the till for a few seconds; what came of it.
    fn is_heard(&mut self) -> Vec<Happening> {
        let payload = encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59);
        let address = Address { bytes: [0; 6], kind: AddressKind::Random };
        let mut happened = Vec::new();
        for _ in 0..8 {
            self.now_us += 500_000;
            let heard = Advertisement { address, payload: &payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
            happened.extend(self.hands(Input::Advertisement(heard)));
        }
        happened
    }

    fn is_known(&mut self) -> bool {
        let matched = |pi: &Self| pi.standalone.gateway.snapshot().counters.matched;
        let before = matched(self);
        self.is_heard();
        matched(self) > before
    }
}

fn is_ended(happened: &[Happening]) -> Option<i64> {
    happened.iter().find(|one| one.what == What::VisitEnded).and_then(|one| one.at.wall_us)
}

#[test]
fn a_lease_ends_a_day_after_it_was_told_and_the_visit_and_every_coupon_with_it() {
    let mut pi = Pi::new();
    assert!(pi.is_told());
    pi.now_us = TEN + 24 * HOUR - 2 * MINUTE;
    let payload = encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59);
    let address = Address { bytes: [0; 6], kind: AddressKind::Random };
    let mut wanted = None;
    for _ in 0..20 {
        pi.now_us += 500_000;
        let heard = Advertisement { address, payload: &payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
        let effects = pi.standalone.gateway.handle(Input::Advertisement(heard), moment(pi.now_us));
        wanted = wanted.or(effects.iter().find_map(|effect| match effect {
            Effect::Reserve(reservation) => Some(reservation.offer.valid_until_us),
            _ => None,
        }));
        pi.standalone.perform(effects, moment(pi.now_us)).unwrap();
    }
    assert_eq!(wanted, Some(TEN + 24 * HOUR), "a coupon outlasts the lease");
    let happened = pi.at(24);
    assert_eq!(is_ended(&happened), Some(TEN + 24 * HOUR), "{happened:?}");
    assert!(!pi.is_known(), "seen without a consent");
    assert!(pi.is_told() && pi.is_known());
}

#[test]
fn beats_hold_a_lease_and_it_ends_a_day_after_they_stop() {
    let mut pi = Pi::new();
    assert!(pi.is_told());
    for hour in [12, 30, 53, 70] {
        pi.at(hour);
        pi.beats();
        assert!(pi.is_known(), "not known at hour {hour}");
    }
    pi.at(93);
    assert!(pi.is_known(), "a day has not passed since the last beat");
    pi.at(94);
    assert!(!pi.is_known(), "a day after the last beat");
    pi.at(95);
    pi.beats();
    assert!(!pi.is_known(), "a beat brings nothing back");
    assert!(pi.is_told() && pi.is_known());
    // It came by file meanwhile: no lease.
    pi.standalone.store.save_consent(&ann(), 1, RECORD).unwrap();
    pi.hands(Input::Consent(consent(None)));
    pi.at(1_000);
    assert!(pi.is_known());
    assert!(pi.restarts().is_known());
}

#[test]
fn what_was_told_and_what_has_beaten_outlives_a_restart() {
    let mut pi = Pi::new();
    assert!(pi.is_told());
    pi.at(20);
    let mut pi = pi.restarts();
    assert!(pi.is_known());
    pi.beats();
    pi.at(40);
    let mut pi = pi.restarts();
    assert!(pi.is_known(), "the beat is forgotten");
    assert_eq!(pi.standalone.gateway.told(pi.now_us).count, 1);
    let feed = pi.standalone.store.feed().unwrap().unwrap();
    assert_eq!((&*feed.registrar, feed.beats), ("hq", pi.standalone.gateway.beats()));
    pi.at(45);
    let mut pi = pi.restarts();
    assert!(!pi.is_known(), "a restart prolongs a lease");
    assert_eq!(pi.standalone.gateway.told(pi.now_us).count, 0, "what has run out is not summed up");
}

#[test]
fn a_lease_that_a_wrong_clock_dated_is_over_once_that_is_known() {
    let mut pi = Pi::new();
    pi.now_us = TEN + YEAR;
    assert!(pi.is_told());
    pi.beats();
    assert_eq!(
        pi.standalone.store.high_water_us().unwrap(),
        TEN + YEAR,
        "a lease is dated later than what is remembered"
    );
    // Behind what is remembered for a day: then the clock is the right one.
    pi.now_us = TEN;
    let mut pi = pi.restarts();
    for hour in 0..=25 {
        pi.at(hour);
        pi.hands(Input::Tick);
    }
    assert!(pi.standalone.gateway.wall_us().is_some());
    assert!(!pi.is_known(), "nobody knows when it was told");
    assert_eq!(pi.standalone.gateway.beats(), Beats::NONE);
    let mut pi = pi.restarts();
    assert!(!pi.is_known());
    assert!(pi.is_told() && pi.is_known());
}

#[test]
fn whoever_was_forgotten_is_not_brought_back_by_a_record_that_began_before() {
    let mut pi = Pi::new();
    assert!(pi.is_told());
    let happened = pi.is_heard();
    assert!(happened.iter().any(|one| matches!(one.what, What::Delivered { .. })), "{happened:?}");
    pi.at(1);
    pi.hands(Input::Withdraw(ann()));
    pi.standalone.store.forget_now(&ann(), pi.now_us).unwrap();
    pi.at(2);
    assert!(!pi.is_told());
    assert!(pi.standalone.store.consents().unwrap().is_empty());
    let anew =
        Leased { customer: ann(), epoch: 2, record: RECORD.into(), told_us: pi.now_us, valid_from_us: pi.now_us };
    assert!(pi.standalone.store.save_leased(&anew).unwrap());
}
