//! Clocks that are wrong: a Pi that boots in 1970, one that jumps a year ahead for a minute, one that is set back; and the
//! days on which a right one jumps. Nothing is said by a wrong clock, and nothing is dead for good once it is right.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;

use emma::clock::Moment;
use emma::config::{self, Config, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::{Consent, CustomerId};
use emma::gateway::effect::{Happening, Input, Purchase, What};
use emma::gateway::stance::Signal;
use emma::ledger::Store;
use emma::ledger::halts::Word;
use emma::radio::encode;
use emma::standalone::Standalone;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

fn us(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

/// 12:00 in Zurich, long before anything of note.
fn noon() -> i64 {
    us("2026-06-01T10:00:00Z")
}

fn config(zones: &str, campaign: &str) -> Arc<Config> {
    let sources = Sources {
        gateway: "site = 's'\ngateway = 'gw'\n".into(),
        site: "name = 'S'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n".into(),
        zones: format!("{zones}\n[[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw'\n"),
        offers: format!(
            "[[category]]\nid = 'coats'\nreplacement-interval = '30d'\n[[campaign]]\nid = 'a'\nzones = 'any'\n\
             trigger = 'entered'\n{campaign}\n[campaign.text.en]\ntitle = 't'\nbody = 'b'\n"
        ),
        promise: "[caps]\ncustomer = [{ at-most = 1, per = '1h' }]\n".into(),
        ..Sources::default()
    };
    Arc::new(config::check(&sources).config.unwrap())
}

const OFFER: &str = "class = 'offer'\ncategory = 'coats'";

fn consent() -> Arc<Consent> {
    let line = r#"{"customer":"ann","epoch":1,"tier":"personal","purposes":["offers","personalisation"],
        "identifiers":[{"ibeacon":{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}],
        "valid_from":"2026-01-01T00:00:00Z","valid_until":"2036-01-01T00:00:00Z"}"#;
    let Record::Grant(grant) = record::parse(line).unwrap() else { panic!("no grant") };
    Arc::new(grant.check().unwrap())
}

/// A shop, its right time, and what its clock says of it.
struct Pi {
    standalone: Standalone,
    monotonic_us: u64,
    true_us: i64,
    error_us: Option<i64>,
}

impl Pi {
    fn boots(store: Store, config: Arc<Config>, true_us: i64, error_us: Option<i64>) -> Self {
        let gateway = Gateway::new(config, store.key().clone(), store.high_water_us().unwrap());
        let standalone = Standalone { gateway, store };
        let mut pi = Self { standalone, monotonic_us: 1_000_000_000, true_us, error_us };
        pi.standalone.store.save_consent(&consent().customer, 1, "{}").unwrap();
        pi.hands(Input::Consent(consent()));
        for memory in pi.standalone.store.memories().unwrap() {
            pi.hands(Input::Resume(memory));
        }
        pi
    }

    fn new(config: Arc<Config>, true_us: i64) -> Self {
        Self::boots(Store::in_memory([7; 32]).unwrap(), config, true_us, Some(0))
    }

    fn now(&self) -> Moment {
        Moment { monotonic_us: self.monotonic_us, wall_us: self.error_us.map(|error_us| self.true_us + error_us) }
    }

    fn hands(&mut self, input: Input<'_>) -> Vec<Happening> {
        let now = self.now();
        self.standalone.handle(input, now).unwrap()
    }

    fn passes(&mut self, for_us: i64) {
        // The daemon looks at its clock now and then.
        let until_us = self.true_us + for_us;
        while self.true_us < until_us {
            let step_us = (until_us - self.true_us).min(5 * MINUTE);
            self.true_us += step_us;
            self.monotonic_us += step_us.unsigned_abs();
            self.hands(Input::Tick);
        }
    }

    fn reboots(self, error_us: Option<i64>) -> Self {
        let config = Arc::clone(self.standalone.gateway.config());
        Self::boots(self.standalone.store, config, self.true_us, error_us)
    }

    /// The customer walks up to the till; what comes of it.
    fn comes(&mut self) -> &'static str {
        // Whoever was there has gone.
        self.passes(20 * MINUTE);
        let payload = encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59);
        let address = Address { bytes: [1; 6], kind: AddressKind::Random };
        let mut told = Vec::new();
        for _ in 0..8 {
            self.passes(SECOND);
            let heard = Advertisement { address, payload: &payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
            told.extend(self.hands(Input::Advertisement(heard)));
        }
        let outcome = |happening: &Happening| match &happening.what {
            What::Delivered { .. } => Some("delivered"),
            What::Withheld { reason, .. } => Some(reason.as_str()),
            _ => None,
        };
        told.iter().find_map(outcome).unwrap_or("nothing")
    }

    fn says(&mut self, signal: Signal) {
        let now_us = self.standalone.gateway.wall_us().unwrap_or(self.standalone.store.high_water_us().unwrap());
        let stance = self.standalone.store.note(&ann(), signal, now_us).unwrap().unwrap();
        self.hands(Input::Stance(ann(), Box::new(stance)));
    }
}

fn ann() -> CustomerId {
    CustomerId::new("ann").unwrap()
}

#[test]
fn a_pi_that_boots_in_1970_says_nothing_until_it_knows_the_time() {
    let mut pi = Pi::new(config("", OFFER), noon());
    assert_eq!(pi.comes(), "delivered");
    // Its clock was set when it was made, and nobody says that it is right.
    let mut pi = pi.reboots(None);
    assert_eq!(pi.comes(), "clock");
    // Somebody says that 1970 is right: the ledger knows better.
    pi.error_us = Some(-pi.true_us);
    assert_eq!(pi.comes(), "clock");
    pi.passes(2 * HOUR);
    pi.error_us = Some(0);
    assert_eq!(pi.comes(), "delivered", "ten minutes after it was put right");
}

#[test]
fn a_new_pi_in_1970_has_no_consent_that_is_live() {
    let mut pi = Pi::boots(Store::in_memory([7; 32]).unwrap(), config("", OFFER), noon(), Some(-noon()));
    assert_eq!(pi.comes(), "nothing");
}

#[test]
fn a_year_ahead_for_a_minute_empties_no_window_and_ends_nothing() {
    let mut pi = Pi::new(config("", OFFER), noon());
    assert_eq!(pi.comes(), "delivered");
    pi.error_us = Some(YEAR);
    pi.hands(Input::Tick);
    pi.says(Signal::Dismissed("coats".into()));
    let purchase = Purchase { customer: ann(), category: "coats".into(), is_return: false, at_us: pi.true_us + YEAR };
    pi.hands(Input::Purchase(purchase));
    assert!(pi.standalone.give_word(&Word::Pause(pi.true_us + 2 * HOUR), pi.true_us, pi.now()).unwrap());
    pi.passes(MINUTE);
    pi.error_us = Some(0);
    assert_eq!(pi.comes(), "paused");
    pi.passes(2 * HOUR);
    assert_eq!(pi.comes(), "bought", "dated by the last time that was right, and not a year ahead");
    pi.passes(31 * DAY);
    assert_eq!(pi.comes(), "delivered");
    assert!(pi.standalone.store.high_water_us().unwrap() <= pi.true_us);
}

/// The clock is a year ahead from the first moment on, and nothing contradicts it: it can only be believed.
fn deceived(campaign: &str) -> Pi {
    let mut pi = Pi::boots(Store::in_memory([7; 32]).unwrap(), config("", campaign), noon(), Some(YEAR));
    assert_eq!(pi.comes(), "delivered");
    pi
}

/// The clock is set back, and is right from now on; a day later the ledger gives its mark up.
fn set_back(pi: &mut Pi) {
    pi.error_us = Some(0);
    assert_eq!(pi.comes(), "clock");
    pi.passes(22 * HOUR);
    assert_eq!(pi.comes(), "clock", "it has a day to prove itself");
    pi.passes(2 * HOUR);
}

#[test]
fn a_clock_that_is_set_back_is_believed_after_a_day_and_deliveries_of_the_future_are_dated_then() {
    let mut pi = deceived(OFFER);
    set_back(&mut pi);
    assert_eq!(pi.comes(), "cap-customer", "dated when the mark was given up, so within the hour");
    pi.passes(HOUR);
    assert_eq!(pi.comes(), "delivered");
}

#[test]
fn no_silence_no_snooze_and_no_purchase_of_a_wrong_clock_lasts() {
    for (signal, reason, until_us) in [
        (Signal::Dismissed("coats".into()), "declined", DAY),
        (Signal::Snooze(i64::MAX), "quiet", 31 * DAY),
        (Signal::Bought("coats".into(), i64::MAX, Vec::new()), "bought", 30 * DAY),
    ] {
        let mut pi = deceived(OFFER);
        pi.says(signal);
        set_back(&mut pi);
        pi.passes(2 * HOUR);
        assert_eq!(pi.comes(), reason);
        pi.passes(until_us);
        assert_eq!(pi.comes(), "delivered", "{reason} ends");
        // And it is no different after a start.
        pi.passes(HOUR);
        assert_eq!(pi.reboots(Some(0)).comes(), "delivered");
    }
}

#[test]
fn a_pause_of_a_wrong_clock_ends_when_it_would_have() {
    let mut pi = deceived(OFFER);
    let word_us = pi.true_us + YEAR;
    assert!(pi.standalone.give_word(&Word::Pause(word_us + 3 * HOUR), word_us, pi.now()).unwrap());
    set_back(&mut pi);
    pi.passes(2 * HOUR);
    assert_eq!(pi.comes(), "paused", "three hours from when the mark was given up");
    pi.passes(2 * HOUR);
    assert_eq!(pi.comes(), "delivered", "in the process that runs, and not after its next start");
}

#[test]
fn a_pause_of_a_wrong_clock_ends_with_a_word_of_the_right_one() {
    let mut pi = deceived(OFFER);
    let (until_us, word_us) = (pi.true_us + YEAR + HOUR, pi.true_us + YEAR);
    assert!(pi.standalone.give_word(&Word::Pause(until_us), word_us, pi.now()).unwrap());
    assert!(pi.standalone.give_word(&Word::Stop("a".into()), word_us, pi.now()).unwrap());
    set_back(&mut pi);
    pi.passes(2 * HOUR);
    assert_eq!(pi.comes(), "paused");
    for word in [Word::Resume, Word::Start("a".into())] {
        assert!(pi.standalone.give_word(&word, pi.true_us, pi.now()).unwrap(), "an earlier date, and the later word");
    }
    assert_eq!(pi.comes(), "delivered");
}

#[test]
fn a_live_value_of_a_wrong_clock_makes_way_for_one_of_the_right() {
    let mut valued = Config::clone(&config("", "class = 'service'"));
    valued.offers.campaigns[0].values.insert("minutes".into());
    let mut pi = Pi::boots(Store::in_memory([7; 32]).unwrap(), Arc::new(valued), noon(), Some(YEAR));
    let tells = |pi: &mut Pi| {
        let at_us = pi.standalone.gateway.wall_us().unwrap();
        pi.standalone.gateway.take_value(&"minutes".into(), &"4".into(), at_us, HOUR)
    };
    pi.hands(Input::Tick);
    tells(&mut pi).unwrap();
    assert_eq!(pi.comes(), "delivered");
    set_back(&mut pi);
    pi.hands(Input::Tick);
    tells(&mut pi).unwrap();
    assert_eq!(pi.comes(), "delivered");
    pi.passes(2 * HOUR);
    assert_eq!(pi.comes(), "stale-value", "and not fresh for a year");
}

#[test]
fn a_week_that_a_wrong_clock_began_neither_swallows_nor_deletes_the_right_ones() {
    let mut store = Store::in_memory([7; 32]).unwrap();
    let week_us = us("2026-05-31T22:00:00Z");
    let count = |store: &Store| store.count("visits", 1).unwrap();
    store.begin_week(week_us).unwrap();
    count(&store);
    // Ten years ahead, and back.
    store.begin_week(week_us + 520 * 7 * DAY).unwrap();
    count(&store);
    store.begin_week(week_us).unwrap();
    count(&store);
    assert_eq!(store.totals(week_us).unwrap().get("visits"), Some(&3), "it goes on where it was");
    assert_eq!(store.weeks_us().unwrap(), [week_us], "what the wrong clock counted happened in this week");
    assert_eq!(store.begin_week(week_us + 7 * DAY).unwrap(), Some(week_us), "and ends as weeks do");
}

#[test]
fn a_snooze_of_a_day_is_24_hours_on_a_day_that_has_25_and_on_one_that_has_23() {
    for change in ["2026-10-24T10:00:00Z", "2026-03-28T10:00:00Z"] {
        let mut pi = Pi::new(config("", OFFER), us(change));
        let until_us = pi.true_us + DAY;
        pi.hands(Input::Tick);
        pi.says(Signal::Snooze(until_us));
        pi.passes(DAY - 21 * MINUTE);
        assert_eq!(pi.comes(), "quiet");
        assert_eq!(pi.comes(), "delivered");
    }
}

fn thanked(pi: &Pi, at: &str) -> bool {
    let log = pi.standalone.store.log(&ann()).unwrap();
    log.iter().any(|delivery| delivery.at_us / HOUR == us(at) / HOUR)
}

#[test]
fn a_reward_thanks_once_a_civil_day_and_week_whatever_their_length() {
    // The clocks go back on Sunday the 25th: the day has 25 hours, and ends an hour later by UTC.
    let reward = |per: &str| format!("class = 'reward'\nonce-per = '{per}'");
    let mut pi = Pi::new(config("", &reward("day")), us("2026-10-24T21:30:00Z"));
    assert_eq!(pi.comes(), "delivered", "Saturday 23:50");
    assert_eq!(pi.comes(), "cap-customer", "Sunday 00:10, within the hour of the promise");
    pi.passes(HOUR);
    assert_eq!(pi.comes(), "delivered", "another day");
    pi.passes(us("2026-10-25T22:20:00Z") - pi.true_us);
    assert_eq!(pi.comes(), "cap-campaign", "Sunday 23:40 by winter time, 25 hours after it began");
    assert_eq!(pi.comes(), "delivered", "Monday 00:00");
    assert!(thanked(&pi, "2026-10-25T23:00:00Z"));

    let mut pi = Pi::new(config("", &reward("week")), us("2026-10-23T10:00:00Z"));
    assert_eq!(pi.comes(), "delivered", "Friday");
    pi.passes(us("2026-10-25T22:20:00Z") - pi.true_us);
    assert_eq!(pi.comes(), "cap-campaign", "Sunday 23:40");
    assert_eq!(pi.comes(), "delivered", "Monday 00:00 begins a week");
}

#[test]
fn opening_hours_and_their_exceptions_are_those_of_the_shops_clock() {
    let zones = "[opening-hours]\nmon-sun = '01:00-05:00'\nexceptions = { 2026-03-29 = '02:30-04:00', 2026-10-25 = '02:30-03:00' }";
    let at = |text: &str| {
        let mut pi = Pi::new(config(zones, OFFER), us(text) - 20 * MINUTE);
        pi.comes()
    };
    // Clocks go forward from 02:00 to 03:00: half past two does not exist, and the shop opens at three.
    assert_eq!(at("2026-03-29T00:50:00Z"), "quiet", "01:50");
    assert_eq!(at("2026-03-29T01:10:00Z"), "delivered", "03:10");
    assert_eq!(at("2026-03-29T02:10:00Z"), "quiet", "04:10");
    // Clocks go back from 03:00 to 02:00: half past two is there twice, and the shop is open twice.
    assert_eq!(at("2026-10-25T00:40:00Z"), "delivered", "02:40, the first time");
    assert_eq!(at("2026-10-25T01:10:00Z"), "quiet", "02:10, the second time");
    assert_eq!(at("2026-10-25T01:40:00Z"), "delivered", "02:40, the second time");
    assert_eq!(at("2026-10-26T01:40:00Z"), "delivered", "02:40 on a day like any other");
}
