//! Everything that says no, one by one, through the whole core and a ledger: a customer comes into the shop, and what is
//! said to them, or why not, is told.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/shop.rs"]
mod shop;

use std::collections::BTreeSet;

use emma::clock::Moment;
use emma::gateway::Gateway;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::{Consent, CustomerId, State};
use emma::gateway::effect::{Happening, Input, Purchase, Reason, What};
use emma::gateway::halt::Halts;
use emma::gateway::key::Key;
use emma::gateway::stance::Signal;
use emma::ledger::Store;
use emma::standalone::Standalone;
use emma::words::{self, Language, Reader};
use jiff::Timestamp;
use shop::{DAY_US, SECOND_US, Shop, beacon, campaign, heard, identifier};

const ZONES: &str = "[[zone]]\nid = 'shoes'\nname = 'Shoes'\nnear = 'gw'\n\
    [[zone]]\nid = 'till'\nname = { en = 'Till 2' }\nnear = 'far'\nkind = 'till'\n";

const SHOES: &str = "category = 'shoes'";

/// A Monday.
const MONDAY_NOON: &str = "2026-11-02T12:00:00+01:00";

/// When a visit at noon is looked at.
const MOMENT_LATER: &str = "2026-11-02T12:00:11+01:00";

/// A shop, one customer, and the time.
struct Stage {
    standalone: Standalone,
    start_us: i64,
}

/// What a shop offers: its categories, and campaigns in the shoes by id and further lines.
fn offers(campaigns: &[(&str, &str)]) -> String {
    let categories = "[[category]]\nid = 'shoes'\nreplacement-interval = '6 months'\n[[category]]\nid = 'socks'\n\
        [[category]]\nid = 'intimate'\nsensitive = true\n";
    let campaigns = campaigns.iter().map(|(id, rest)| campaign(id, "'entered'", "['shoes']", rest));
    categories.to_owned() + &campaigns.collect::<String>()
}

fn consent(tier: &str, purposes: &str, rest: &str) -> Consent {
    let line = format!(
        r#"{{"customer":"ann","epoch":1,"tier":"{tier}","purposes":["offers"{purposes}],"identifiers":[{}],
        "valid_from":"2026-01-01T00:00:00Z","valid_until":"2030-01-01T00:00:00Z","inbox":{{"push":"inbox-7"}}{rest}}}"#,
        identifier(1)
    );
    let Record::Grant(grant) = record::parse(&line).unwrap() else { panic!("no grant") };
    grant.check().unwrap()
}

fn personal(rest: &str) -> Consent {
    consent("personal", r#","personalisation""#, rest)
}

fn ann() -> CustomerId {
    CustomerId::new("ann").unwrap()
}

fn us(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

impl Stage {
    fn new(offers: &str, promise: &str, consent: Consent) -> Self {
        let shop = Shop {
            gateways: vec![("gw".to_owned(), (5.0, 5.0)), ("far".to_owned(), (50.0, 30.0))],
            zones: ZONES.to_owned(),
            offers: offers.to_owned(),
            promise: promise.to_owned(),
        };
        let store = Store::in_memory([7; 32]).unwrap();
        let gateway = Gateway::new(shop.config(), Key::new([7; 32]), 0);
        let start_us = us(MONDAY_NOON) - DAY_US.cast_signed();
        let mut stage = Self { standalone: Standalone { gateway, store }, start_us };
        stage.standalone.store.save_consent(&ann(), 1, "{}").unwrap();
        stage.standalone.handle(Input::Consent(consent.into()), stage.at(stage.start_us)).unwrap();
        stage
    }

    /// As many as anybody likes are promised, so that other gates are seen.
    fn plenty(campaigns: &[(&str, &str)], consent: Consent) -> Self {
        Self::new(&offers(campaigns), "[caps]\ncustomer = [{ at-most = 99, per = '1d' }]\n", consent)
    }

    fn at(&self, wall_us: i64) -> Moment {
        let monotonic_us = (wall_us - self.start_us).unsigned_abs() + SECOND_US;
        Moment { monotonic_us, wall_us: Some(wall_us) }
    }

    /// [`MOMENT_LATER`] when nobody knows what time it is.
    fn untrusted(&self) -> Moment {
        Moment { wall_us: None, ..self.at(us(MOMENT_LATER)) }
    }

    /// Ann comes at this time, stands among the shoes for ten seconds and goes: what she is told, and what not.
    fn visit(&mut self, when: &str) -> Vec<String> {
        let mut told = self.comes(when);
        told.extend(self.standalone.run_out(self.at(us(when) + 10 * SECOND_US.cast_signed())).unwrap());
        told.iter().filter_map(said).collect()
    }

    /// She comes, and stands among the shoes for ten seconds.
    fn comes(&mut self, when: &str) -> Vec<Happening> {
        let payload = beacon(1, -59);
        let mut told = Vec::new();
        for secs in 0..10 {
            let now = self.at(us(when) + secs * SECOND_US.cast_signed());
            told.extend(self.standalone.handle(Input::Advertisement(heard(&payload, 0, -50)), now).unwrap());
        }
        told
    }

    /// Ann says or does something.
    fn says(&mut self, when: &str, signal: Signal) {
        let at_us = us(when);
        let stance = self.standalone.store.note(&ann(), signal, at_us).unwrap().unwrap();
        self.standalone.handle(Input::Stance(ann(), Box::new(stance)), self.at(at_us)).unwrap();
    }

    fn buys(&mut self, when: &str, category: &str, is_return: bool) {
        let at_us = us(when);
        let purchase = Purchase { customer: ann(), category: category.into(), is_return, at_us };
        self.standalone.handle(Input::Purchase(purchase), self.at(at_us)).unwrap();
    }

    fn halts(&mut self, when: &str, halts: Halts) {
        self.standalone.handle(Input::Halts(halts), self.at(us(when))).unwrap();
    }
}

fn said(happening: &Happening) -> Option<String> {
    match &happening.what {
        What::Delivered { campaign, .. } => Some(format!("{campaign} told")),
        What::Withheld { campaign, reason, .. } => Some(format!("{campaign} {}", reason.as_str())),
        _ => None,
    }
}

#[test]
fn of_ten_states_of_a_consent_two_open_the_gate() {
    for state in State::ALL {
        let mut stage = Stage::plenty(&[("boots", SHOES)], Consent { state, ..consent("contextual", "", "") });
        let told = stage.visit(MONDAY_NOON);
        assert_eq!(told.is_empty(), !matches!(state, State::Given | State::Renewed), "{state:?}: {told:?}");
    }
    // One that lapses under way: whoever is in the shop is told nothing more.
    let mut stage = Stage::plenty(&[("boots", SHOES)], consent("contextual", "", ""));
    let lapsed = consent("contextual", "", "").lapsed(2, us(MONDAY_NOON));
    stage.standalone.handle(Input::Consent(lapsed.into()), stage.at(us(MONDAY_NOON))).unwrap();
    assert_eq!(stage.visit(MONDAY_NOON), [""; 0]);
}

#[test]
fn an_audience_is_who_declared_it() {
    let outdoor = "tier = 'personal'\ncategory = 'shoes'\naudience = { interests = ['outdoor'] }";
    let told = |consent| Stage::plenty(&[("boots", outdoor)], consent).visit(MONDAY_NOON);
    assert_eq!(told(personal(r#","interests":["outdoor","music"]"#)), ["boots told"]);
    assert_eq!(told(personal(r#","interests":["music"]"#)), ["boots audience"]);
    assert_eq!(told(personal("")), ["boots audience"]);
    let switched_off = consent("personal", "", r#","interests":["outdoor"]"#);
    assert_eq!(told(switched_off), ["boots consent"], "the purpose is a switch of its own");
}

#[test]
fn more_of_a_category_is_a_declared_interest() {
    let shoes = "tier = 'personal'\ncategory = 'socks'\naudience = { interests = ['shoes'] }";
    let mut stage = Stage::plenty(&[("socks", shoes)], personal(""));
    assert_eq!(stage.visit(MONDAY_NOON), ["socks audience"]);
    stage.says("2026-11-02T13:00:00+01:00", Signal::More("shoes".into()));
    assert_eq!(stage.visit("2026-11-03T12:00:00+01:00"), ["socks told"]);
}

#[test]
fn a_price_band_is_declared_and_never_guessed() {
    let premium = "tier = 'personal'\ncategory = 'shoes'\naudience = { price-band = 'premium' }";
    let told = |rest| Stage::plenty(&[("boots", premium)], personal(rest)).visit(MONDAY_NOON);
    assert_eq!(told(r#","price_band":"premium""#), ["boots told"]);
    assert_eq!(told(r#","price_band":"basic""#), ["boots audience"]);
    assert_eq!(told(""), ["boots audience"]);
}

#[test]
fn a_wish_comes_first_and_is_gone_when_shown() {
    let campaigns =
        [("loud", "category = 'socks'\npriority = 100"), ("boots", "category = 'shoes'\nprice = '129 CHF'")];
    let wish = r#","wishes":[{"category":"shoes","max_price":"150 CHF","until":"2026-12-31"}]"#;
    let mut stage = Stage::plenty(&campaigns, personal(wish));
    assert_eq!(stage.visit(MONDAY_NOON), ["boots told", "loud outranked"]);
    assert_eq!(stage.visit("2026-11-03T12:00:00+01:00"), ["loud told", "boots outranked"], "it was shown");
    let mut too_dear = Stage::plenty(&campaigns, personal(&wish.replace("150", "100")));
    assert_eq!(too_dear.visit(MONDAY_NOON), ["loud told", "boots outranked"]);
    let mut over = Stage::plenty(&campaigns, personal(&wish.replace("2026-12-31", "2026-11-01")));
    assert_eq!(over.visit(MONDAY_NOON), ["loud told", "boots outranked"]);
}

#[test]
fn a_reminder_is_for_those_who_wished_and_a_purchase_fulfils_it() {
    let reminder = "tier = 'personal'\ncategory = 'socks'\naudience = { wishes = true }";
    let wish = r#","wishes":[{"category":"socks"}]"#;
    assert_eq!(Stage::plenty(&[("socks", reminder)], personal("")).visit(MONDAY_NOON), ["socks audience"]);
    let mut stage = Stage::plenty(&[("socks", reminder)], personal(wish));
    stage.buys("2026-11-02T11:00:00+01:00", "socks", false);
    assert_eq!(stage.visit(MONDAY_NOON), ["socks audience"]);
}

#[test]
fn a_pinned_category_ranks_before_priority() {
    let campaigns = [("loud", "category = 'socks'\npriority = 100"), ("boots", SHOES)];
    let mut stage = Stage::plenty(&campaigns, personal(r#","pinned_categories":["shoes"]"#));
    assert_eq!(stage.visit(MONDAY_NOON), ["boots told", "loud outranked"]);
}

#[test]
fn who_bought_hears_nothing_of_it_until_they_may_need_another() {
    let mut stage = Stage::plenty(&[("boots", SHOES)], personal(""));
    stage.buys("2026-11-02T11:00:00+01:00", "shoes", false);
    assert_eq!(stage.visit(MONDAY_NOON), ["boots bought"]);
    assert_eq!(stage.visit("2027-05-02T10:59:00+02:00"), ["boots bought"], "half a year of the calendar");
    assert_eq!(stage.visit("2027-05-02T13:00:00+02:00"), ["boots told"]);
    stage.buys("2027-05-03T11:00:00+02:00", "shoes", false);
    stage.buys("2027-05-04T11:00:00+02:00", "shoes", true);
    assert_eq!(stage.visit("2027-05-05T12:00:00+02:00"), ["boots told"], "it was given back");
}

#[test]
fn a_contextual_customer_s_purchases_are_dropped() {
    let mut stage = Stage::plenty(&[("boots", SHOES)], consent("contextual", "", ""));
    stage.buys("2026-11-02T11:00:00+01:00", "shoes", false);
    assert_eq!(stage.visit(MONDAY_NOON), ["boots told"]);
    assert_eq!(stage.standalone.store.stance(&ann()).unwrap(), None);
}

#[test]
fn nothing_is_kept_of_whoever_s_consent_is_over() {
    let mut stage = Stage::plenty(&[("boots", SHOES)], personal(""));
    stage.buys("2030-01-01T11:00:00+01:00", "shoes", false);
    assert_eq!(stage.standalone.store.stance(&ann()).unwrap(), None);
}

#[test]
fn what_was_bought_is_forgotten_with_the_purpose_that_it_was_kept_for() {
    let mut stage = Stage::plenty(&[("boots", SHOES)], personal(r#","wishes":[{"category":"shoes"}]"#));
    stage.says("2026-11-02T10:00:00+01:00", Signal::Dismissed("socks".into()));
    stage.buys("2026-11-02T11:00:00+01:00", "shoes", false);
    assert_eq!(stage.visit(MONDAY_NOON), ["boots bought"]);
    let changed = consent("personal", "", "");
    let at = stage.at(us("2026-11-02T13:00:00+01:00"));
    stage.standalone.handle(Input::Consent(changed.into()), at).unwrap();
    let kept = stage.standalone.store.stance(&ann()).unwrap().unwrap();
    assert!(!kept.is_personal() && kept.of("socks").is_some(), "a no stays: {kept:?}");
    assert_eq!(stage.visit("2026-11-02T14:00:00+01:00"), ["boots told"]);
}

#[test]
fn a_dismissal_is_a_day_of_silence_in_that_category_alone() {
    let mut stage = Stage::plenty(&[("boots", SHOES), ("socks", "category = 'socks'")], consent("contextual", "", ""));
    stage.says("2026-11-02T11:00:00+01:00", Signal::Dismissed("shoes".into()));
    assert_eq!(stage.visit(MONDAY_NOON), ["boots declined", "socks told"]);
    assert!(stage.visit("2026-11-03T11:00:00+01:00").contains(&"boots told".to_owned()), "a day later");
}

#[test]
fn no_more_of_a_reward_without_a_category_is_no_more_of_that_reward() {
    let mut stage = Stage::plenty(&[("hello", "class = 'reward'"), ("boots", SHOES)], consent("contextual", "", ""));
    stage.says("2026-11-02T11:00:00+01:00", Signal::NoMore("campaign:hello".into()));
    assert_eq!(stage.visit(MONDAY_NOON), ["hello declined", "boots told"]);
    assert_eq!(stage.visit("2027-11-02T12:00:00+01:00"), ["hello declined", "boots told"]);
}

#[test]
fn a_service_message_that_was_wiped_away_was_read_and_no_more_is_no_more() {
    let promise = "[caps]\ncustomer = [{ at-most = 9, per = '1d' }]\nservice = [{ at-most = 9, per = '1d' }]\n";
    let ready = offers(&[("ready", "class = 'service'")]);
    let mut stage = Stage::new(&ready, promise, consent("contextual", "", ""));
    stage.says("2026-11-02T11:00:00+01:00", Signal::Dismissed("campaign:ready".into()));
    assert_eq!(stage.visit(MONDAY_NOON), ["ready told"]);
    stage.says("2026-11-02T13:00:00+01:00", Signal::NoMore("campaign:ready".into()));
    assert_eq!(stage.visit("2026-11-02T14:00:00+01:00"), ["ready declined"]);
}

#[test]
fn a_snooze_is_quiet_and_a_stop_is_a_pause_until_the_consent_changes() {
    let mut stage = Stage::plenty(&[("boots", SHOES)], consent("contextual", "", ""));
    stage.says("2026-11-02T11:00:00+01:00", Signal::Snooze(us("2026-11-02T13:00:00+01:00")));
    assert_eq!(stage.visit(MONDAY_NOON), ["boots quiet"]);
    stage.says("2026-11-02T13:30:00+01:00", Signal::Stop(1));
    assert_eq!(stage.visit("2026-12-02T13:00:00+01:00"), ["boots paused"]);
    let newer = Consent { epoch: 2, ..consent("contextual", "", "") };
    stage.standalone.handle(Input::Consent(newer.into()), stage.at(us("2026-12-03T11:00:00+01:00"))).unwrap();
    assert_eq!(stage.visit("2026-12-03T12:00:00+01:00"), ["boots told"]);
}

#[test]
fn a_control_group_is_recorded_counts_and_hears_nothing() {
    let share = format!("{SHOES}\ncontrol-group = 0.999999999\npriority = 90");
    let campaigns = [("boots", share.as_str()), ("socks", "category = 'socks'")];
    let measured = consent("contextual", r#","lift-measurement""#, "");
    let mut stage = Stage::plenty(&campaigns, measured.clone());
    assert_eq!(stage.visit(MONDAY_NOON), ["boots control", "socks told"], "the next in rank may speak");
    let log = stage.standalone.store.log(&ann()).unwrap();
    let mut rows: Vec<(&str, bool)> = log.iter().map(|row| (&*row.campaign, row.ghost)).collect();
    rows.sort_unstable();
    assert_eq!(rows, [("boots", true), ("socks", false)]);
    let mut stage = Stage::new(&offers(&campaigns), "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\n", measured);
    assert_eq!(stage.visit(MONDAY_NOON), ["boots control", "socks cap-customer"], "a ghost counts");
    let wish = r#","wishes":[{"category":"shoes"}]"#;
    let mut wishes = Stage::plenty(&campaigns, consent("personal", r#","personalisation","lift-measurement""#, wish));
    wishes.visit(MONDAY_NOON);
    assert_eq!(wishes.standalone.store.stance(&ann()).unwrap(), None, "what is not said grants no wish");
    let mut unmeasured = Stage::plenty(&campaigns, consent("contextual", "", ""));
    assert_eq!(unmeasured.visit(MONDAY_NOON), ["boots told", "socks outranked"]);
}

#[test]
fn a_reward_thanks_once_a_visit_a_day_or_a_week() {
    let told = |once: &str| {
        let reward = format!("class = 'reward'\nonce-per = '{once}'");
        let mut stage = Stage::plenty(&[("hello", &reward)], consent("contextual", "", ""));
        let visits = [
            "2026-11-06T23:00:00+01:00",
            "2026-11-06T23:50:00+01:00",
            "2026-11-07T08:00:00+01:00",
            "2026-11-09T08:00:00+01:00",
        ];
        visits.map(|when| stage.visit(when).concat()).map(|said| said.replace("hello ", "")).join(", ")
    };
    assert_eq!(told("visit"), "told, told, told, told");
    assert_eq!(told("day"), "told, cap-campaign, told, told", "the day of the calendar, not 24 hours");
    assert_eq!(told("week"), "told, cap-campaign, cap-campaign, told", "from Monday on");
}

#[test]
fn a_service_message_says_fresh_values_and_where_to_go_or_nothing() {
    let text = campaign("queue", "'entered'", "['shoes']", "class = 'service'");
    let text = text.replace("Something about queue.", "{value.till-minutes} min, shorter: {nearest.till}");
    let promise = "[caps]\ncustomer = [{ at-most = 1, per = '1d' }]\nservice = [{ at-most = 9, per = '1d' }]\n";
    let mut stage = Stage::new(&text, promise, consent("contextual", "", ""));
    assert_eq!(stage.visit(MONDAY_NOON), ["queue stale-value"]);
    let at_us = us("2026-11-02T12:59:58+01:00");
    stage.standalone.handle(Input::Tick, stage.at(at_us)).unwrap();
    let taken = stage.standalone.gateway.take_value(&"till-minutes".into(), &"4".into(), at_us, 60_000_000);
    assert_eq!(taken, Ok(()));
    assert_eq!(stage.visit("2026-11-02T13:00:00+01:00"), ["queue told"]);
    assert_eq!(stage.visit("2026-11-02T14:00:00+01:00"), ["queue stale-value"]);
}

#[test]
fn what_the_shop_halts_is_not_said() {
    let mut stage = Stage::plenty(&[("boots", SHOES), ("socks", "category = 'socks'")], consent("contextual", "", ""));
    let stopped = Halts { campaigns: ["boots".into()].into(), ..Halts::default() };
    stage.halts("2026-11-02T11:00:00+01:00", stopped);
    assert_eq!(stage.visit(MONDAY_NOON), ["boots paused", "socks told"]);
    let until = us("2026-11-02T14:00:00+01:00");
    stage.halts("2026-11-02T12:30:00+01:00", Halts { paused_until_us: Some(until), ..Halts::default() });
    assert_eq!(stage.visit("2026-11-02T13:00:00+01:00"), ["boots paused", "socks paused"]);
    let last = stage.visit("2026-11-02T14:00:00+01:00");
    assert!(last.iter().any(|said| said.ends_with("told")), "{last:?}");
}

#[test]
fn who_takes_nothing_up_hears_half_as_much() {
    let promise = "[caps]\ncustomer = [{ at-most = 2, per = '1d' }]\n";
    let mut stage = Stage::new(&offers(&[("boots", SHOES)]), promise, consent("contextual", "", ""));
    for hour in 1..5 {
        stage.says(&format!("2026-11-01T1{hour}:00:00+01:00"), Signal::Ignored("socks".into()));
    }
    assert_eq!(stage.visit(MONDAY_NOON), ["boots told"]);
    assert_eq!(stage.visit("2026-11-02T15:00:00+01:00"), ["boots cap-customer"], "one a day instead of two");
    stage.says("2026-11-02T16:00:00+01:00", Signal::Engaged("socks".into()));
    stage.says("2026-11-02T16:01:00+01:00", Signal::Engaged("socks".into()));
    assert_eq!(stage.visit("2026-11-02T17:00:00+01:00"), ["boots told"]);
}

#[test]
fn a_sensitive_category_is_for_who_named_it() {
    let campaigns = [("care", "category = 'intimate'")];
    assert_eq!(Stage::plenty(&campaigns, consent("contextual", "", "")).visit(MONDAY_NOON), ["care consent"]);
    let named = consent("contextual", "", r#","categories":["intimate"]"#);
    assert_eq!(Stage::plenty(&campaigns, named).visit(MONDAY_NOON), ["care told"]);
}

#[test]
fn who_asks_is_answered_and_nothing_is_kept() {
    let campaigns = [("boots", SHOES), ("late", "category = 'socks'\nactive = { from = '2027-01-01' }")];
    let mut stage = Stage::plenty(&campaigns, consent("on-request", "", ""));
    let payload = beacon(1, -59);
    assert!(stage.standalone.gateway.ask(&ann()).is_none(), "in no zone");
    for secs in 0..8 {
        let now = stage.at(us(MONDAY_NOON) + secs * SECOND_US.cast_signed());
        let told = stage.standalone.handle(Input::Advertisement(heard(&payload, 0, -50)), now).unwrap();
        assert!(told.iter().all(|happening| !matches!(happening.what, What::Delivered { .. })));
    }
    let answered = stage.standalone.gateway.ask(&ann()).unwrap();
    assert_eq!(answered.offers.iter().map(|offer| &*offer.campaign.id).collect::<Vec<_>>(), ["boots"]);
    assert_eq!(answered.withheld, [("late".into(), Reason::Inactive)]);
    assert!(stage.standalone.store.log(&ann()).unwrap().is_empty());
}

#[test]
fn whoever_is_explained_to_is_told_the_gates_in_their_order() {
    let mut stage = Stage::plenty(&[("boots", SHOES)], personal(""));
    stage.buys("2026-11-02T11:00:00+01:00", "shoes", false);
    let wall_us = Some(us(MONDAY_NOON));
    let told = stage.standalone.gateway.explain_to(&ann(), None, wall_us).unwrap();
    let refused: Vec<&str> =
        told[0].gates.iter().filter(|(_, passes)| !passes).map(|(reason, _)| reason.as_str()).collect();
    assert_eq!((refused, told[0].is_there), (vec!["bought"], false));
    assert_eq!(told[0].gates.len(), 9);
    assert_eq!(told[0].wanted.as_ref().unwrap().1.len(), 1, "one cap is in force");
    let stranger = CustomerId::new("nobody").unwrap();
    assert!(stage.standalone.gateway.explain_to(&stranger, None, wall_us).is_none());
}

/// One way in which somebody who asks in the shoes is told nothing: what is offered, to whom, and what happened before.
type Silence = (Reason, &'static str, Consent, fn(&mut Stage));

fn silences() -> Vec<Silence> {
    let (contextual, outdoor) = (
        |rest| consent("contextual", "", rest),
        "category = 'shoes'\ntier = 'personal'\naudience = { interests = ['outdoor'] }",
    );
    let nothing: fn(&mut Stage) = |_| {};
    vec![
        (Reason::Consent, "category = 'shoes'\ntier = 'personal'", contextual(""), nothing),
        (Reason::Clock, SHOES, contextual(""), |stage| {
            stage.standalone.gateway.handle(Input::Tick, stage.untrusted()).clear();
        }),
        (Reason::Paused, SHOES, contextual(r#","paused_until":"2026-12-01T00:00:00Z""#), nothing),
        (Reason::Paused, SHOES, contextual(""), |stage| {
            stage.halts(MOMENT_LATER, Halts { campaigns: ["boots".into()].into(), ..Halts::default() });
        }),
        (Reason::Quiet, SHOES, contextual(r#","quiet_hours":["11:00","13:00"]"#), nothing),
        (Reason::Inactive, "category = 'shoes'\nactive = { from = '2027-01-01' }", contextual(""), nothing),
        (Reason::Audience, outdoor, personal(r#","interests":["music"]"#), nothing),
        (Reason::Bought, SHOES, personal(""), |stage| stage.buys(MOMENT_LATER, "shoes", false)),
        (Reason::Declined, SHOES, contextual(""), |stage| stage.says(MOMENT_LATER, Signal::NoMore("shoes".into()))),
    ]
}

#[test]
fn every_silence_that_somebody_can_ask_about_is_told_in_their_language() {
    for (reason, rest, consent, before) in silences() {
        let mut stage = Stage::plenty(&[("boots", rest)], consent);
        stage.comes(MONDAY_NOON);
        before(&mut stage);
        let withheld = stage.standalone.gateway.ask(&ann()).map(|answered| answered.withheld);
        assert_eq!(withheld, Some(vec![("boots".into(), reason)]));
        let wall_us = stage.standalone.gateway.wall_us();
        let gates = stage.standalone.gateway.explain_to(&ann(), None, wall_us).unwrap().remove(0).gates;
        assert_eq!(gates.into_iter().find(|(_, passes)| !passes), Some((reason, false)), "explained as it is answered");
    }
    for language in Language::ALL {
        let told = Reason::ALL.map(|reason| words::reason(reason, language, Reader::Customer));
        let different: BTreeSet<_> = told.iter().collect();
        assert_eq!(different.len(), Reason::ALL.len(), "{language:?}: {told:#?}");
    }
}
