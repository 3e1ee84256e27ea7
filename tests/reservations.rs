//! What happens while the ledger is asked: a customer pauses, leaves or withdraws, a file is edited. Nothing that was
//! taken back meanwhile is said.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;

use emma::clock::Moment;
use emma::config::{self, Config, Sources};
use emma::gateway::Gateway;
use emma::gateway::advertisement::{Address, AddressKind, Advertisement, GatewayIndex};
use emma::gateway::cap::CapScope;
use emma::gateway::consent::Consent;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::{Answer, DeliveryId, Effect, Ending, Input, Memory, Purchase, What};
use emma::gateway::halt::Halts;
use emma::gateway::key::Key;
use emma::gateway::stance::{Signal, Stance, matter};
use emma::radio::encode;

/// 2026-06-01T10:00:00Z.
const START_US: i64 = 1_780_308_000_000_000;

const ZONES: &str = "[[zone]]\nid = 'till'\nname = 'Till'\nnear = 'gw'\n";

fn offers(ids: &[&str]) -> String {
    let campaign = |id: &&str| {
        format!(
            "[[campaign]]\nid = '{id}'\nclass = 'reward'\nzones = 'any'\ntrigger = 'entered'\n\
             [campaign.text.en]\ntitle = 't'\nbody = 'b'\n"
        )
    };
    ids.iter().map(campaign).collect()
}

fn config(zones: &str, offers: &str) -> Arc<Config> {
    let sources = Sources {
        gateway: "site = 's'\ngateway = 'gw'\n".into(),
        site: "name = 'S'\ntime-zone = 'Europe/Zurich'\n[[gateway]]\nid = 'gw'\n".into(),
        zones: zones.into(),
        offers: offers.into(),
        promise: "[caps]\ncustomer = [{ at-most = 9, per = '1d' }]\n".into(),
        ..Sources::default()
    };
    Arc::new(config::check(&sources).config.unwrap())
}

fn line(epoch: u64, rest: &str) -> String {
    format!(
        r#"{{"customer":"ann","epoch":{epoch},"tier":"contextual","purposes":["offers"],
        "identifiers":[{{"ibeacon":{{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}}}],
        "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z"{rest}}}"#
    )
}

fn consent(epoch: u64, rest: &str) -> Arc<Consent> {
    consent_of(&line(epoch, rest))
}

fn consent_of(line: &str) -> Arc<Consent> {
    let Record::Grant(grant) = record::parse(line).unwrap() else { panic!("no grant") };
    Arc::new(grant.check().unwrap())
}

fn at(secs: u64) -> Moment {
    let us = secs * 1_000_000;
    Moment { monotonic_us: 86_400_000_000 + us, wall_us: Some(START_US + us.cast_signed()) }
}

/// Someone who has just entered the till, and the reservation that the ledger is asked for.
fn entered(campaigns: &[&str]) -> (Gateway, DeliveryId) {
    let mut gateway = Gateway::new(config(ZONES, &offers(campaigns)), Key::new([7; 32]), 0);
    gateway.handle(Input::Consent(consent(1, "")), at(0));
    let delivery = asked(&enter(&mut gateway)).unwrap();
    (gateway, delivery)
}

/// The customer walks up to the till, until something is asked for.
fn enter(gateway: &mut Gateway) -> Vec<Effect> {
    let payload = encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59);
    let address = Address { bytes: [1; 6], kind: AddressKind::Random };
    for secs in 0..=5 {
        let heard = Advertisement { address, payload: &payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
        let effects = gateway.handle(Input::Advertisement(heard), at(secs));
        if asked(&effects).is_some() {
            return effects;
        }
    }
    panic!("nothing was asked for");
}

fn asked(effects: &[Effect]) -> Option<DeliveryId> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reserve(reservation) => Some(reservation.delivery.id.clone()),
        _ => None,
    })
}

fn reasons(effects: &[Effect]) -> Vec<&'static str> {
    let reason = |effect: &Effect| match effect {
        Effect::Happened(happening) => match &happening.what {
            What::Withheld { reason, .. } => Some(reason.as_str()),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(reason).collect()
}

fn ends_offers(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::EndOffers(..)))
}

const FULL: Answer = Answer::Refused(CapScope::Campaign);

#[test]
fn a_refusal_lets_the_next_in_rank_ask() {
    let (mut gateway, delivery) = entered(&["a", "b"]);
    let effects = gateway.handle(Input::Reserved(delivery, FULL), at(6));
    assert_eq!(reasons(&effects), ["cap-campaign"]);
    assert!(asked(&effects).is_some());
}

#[test]
fn after_a_pause_the_next_in_rank_does_not_ask() {
    let (mut gateway, delivery) = entered(&["a", "b"]);
    gateway.handle(Input::Consent(consent(2, r#","paused_until":"2026-06-02T00:00:00Z""#)), at(6));
    let effects = gateway.handle(Input::Reserved(delivery, FULL), at(6));
    assert_eq!(reasons(&effects), ["cap-campaign", "paused"]);
    assert_eq!(asked(&effects), None);
}

#[test]
fn a_campaign_that_an_edit_took_away_does_not_ask() {
    let (mut gateway, delivery) = entered(&["a", "b"]);
    gateway.handle(Input::Configure(config(ZONES, "")), at(6));
    let effects = gateway.handle(Input::Reserved(delivery, FULL), at(6));
    assert_eq!(reasons(&effects), ["cap-campaign", "inactive"]);
}

#[test]
fn nothing_is_said_in_a_zone_that_an_edit_made_sensitive() {
    let (mut gateway, delivery) = entered(&["a", "b"]);
    let sensitive = format!("{ZONES}sensitive = true\n");
    gateway.handle(Input::Configure(config(&sensitive, &offers(&["a", "b"]))), at(6));
    let effects = gateway.handle(Input::Reserved(delivery, FULL), at(6));
    assert_eq!(asked(&effects), None);
}

#[test]
fn what_is_granted_to_someone_who_paused_or_left_meanwhile_is_ended() {
    let (mut gateway, delivery) = entered(&["a"]);
    let effects = gateway.handle(Input::Reserved(delivery, Answer::Granted), at(6));
    assert!(!ends_offers(&effects), "still there, still willing");
    let (mut gateway, delivery) = entered(&["a"]);
    gateway.handle(Input::Consent(consent(2, r#","paused_until":"2026-06-02T00:00:00Z""#)), at(6));
    assert!(ends_offers(&gateway.handle(Input::Reserved(delivery, Answer::Granted), at(6))));
    let (mut gateway, delivery) = entered(&["a"]);
    gateway.handle(Input::Tick, at(60));
    assert!(ends_offers(&gateway.handle(Input::Reserved(delivery, Answer::Granted), at(60))));
}

#[test]
fn what_is_granted_after_the_shop_or_the_customer_said_no_to_it_is_ended() {
    let endings = |meanwhile: Input<'_>| {
        let (mut gateway, delivery) = entered(&["a"]);
        gateway.handle(meanwhile, at(6));
        let effects = gateway.handle(Input::Reserved(delivery, Answer::Granted), at(6));
        effects.iter().find_map(|effect| if let Effect::EndOffers(_, ending) = effect { Some(*ending) } else { None })
    };
    let halts = |campaigns: &[&str]| {
        let campaigns = campaigns.iter().map(|id| (*id).into()).collect();
        Input::Halts(Halts { paused_until_us: None, campaigns })
    };
    assert_eq!(endings(halts(&["b"])), None);
    assert_eq!(endings(halts(&["a"])), Some(Ending::Recalled), "stopped by its dismissals");
    assert_eq!(endings(Input::Configure(config(ZONES, ""))), Some(Ending::Recalled), "taken out of offers.toml");
    let mut stance = Stance::default();
    stance.hear(Signal::NoMore(matter(&"a".into(), None)), START_US);
    let told = Input::Stance(consent(1, "").customer.clone(), Box::new(stance));
    assert_eq!(endings(told), Some(Ending::Withdrawn), "no more of it");
}

#[test]
fn a_pause_ends_what_is_on_its_way() {
    let (mut gateway, delivery) = entered(&["a"]);
    gateway.handle(Input::Reserved(delivery, Answer::Granted), at(6));
    let paused = consent(2, r#","paused_until":"2026-06-02T00:00:00Z""#);
    assert!(ends_offers(&gateway.handle(Input::Consent(paused), at(7))));
    assert!(!ends_offers(&gateway.handle(Input::Consent(consent(3, "")), at(8))));
}

#[test]
fn a_consent_that_lets_less_be_said_ends_what_is_on_its_way() {
    let ends = |before: &str, after: &str| {
        let (mut gateway, delivery) = entered(&["a"]);
        gateway.handle(Input::Consent(consent(2, before)), at(6));
        gateway.handle(Input::Reserved(delivery, Answer::Granted), at(6));
        ends_offers(&gateway.handle(Input::Consent(consent(3, after)), at(7)))
    };
    let to = |recipients: &str| format!(r#","inbox":{{{recipients}}}"#);
    let both = to(r#""push":"q7","relay":"w3""#);
    assert!(ends(&both, &to(r#""push":"q7""#)), "a recipient less");
    assert!(ends(&both, &to(r#""push":"q8","relay":"w3""#)), "another address");
    assert!(!ends(&to(r#""push":"q7""#), &both), "one more");
    let in_categories = |named: &str| format!(r#","categories":[{named}]"#);
    assert!(ends("", &in_categories(r#""shoes""#)), "a list where all were meant");
    assert!(ends(&in_categories(r#""shoes","hats""#), &in_categories(r#""shoes""#)));
    assert!(!ends(&in_categories(r#""shoes""#), &in_categories(r#""shoes","hats""#)));
    assert!(ends(r#","adult":true"#, ""));
    assert!(!ends("", r#","language":"fr""#), "nothing was taken back");
}

#[test]
fn an_answer_for_someone_who_withdrew_changes_nothing() {
    let (mut gateway, delivery) = entered(&["a", "b"]);
    gateway.handle(Input::Withdraw(consent(1, "").customer.clone()), at(6));
    assert!(gateway.handle(Input::Reserved(delivery, Answer::Granted), at(6)).is_empty());
    assert_eq!(gateway.snapshot().counters.delivered, 0);
}

/// A shop whose one campaign has a category, and a control group of everybody.
fn measured() -> Arc<Config> {
    let text = offers(&["a"]).replace("class = 'reward'", "category = 'coats'\ncontrol-group = 1.0");
    config(ZONES, &format!("[[category]]\nid = 'coats'\n{text}"))
}

fn wishing(purposes: &str) -> Arc<Consent> {
    let plain = r#""tier":"contextual","purposes":["offers"]"#;
    let personal = format!(r#""tier":"personal","purposes":{purposes},"wishes":[{{"category":"coats"}}]"#);
    consent_of(&line(1, "").replace(plain, &personal))
}

#[test]
fn a_wish_is_gone_when_it_was_shown_and_not_when_a_control_group_heard_nothing() {
    let wishes = |purposes| {
        let mut gateway = Gateway::new(measured(), Key::new([7; 32]), 0);
        gateway.handle(Input::Consent(wishing(purposes)), at(0));
        let effects = enter(&mut gateway);
        let wanted = effects.iter().find_map(|effect| match effect {
            Effect::Reserve(wanted) => {
                Some((wanted.delivery.ghost, wanted.wishes.len(), wanted.offer.recipients.len()))
            }
            _ => None,
        });
        wanted.unwrap()
    };
    assert_eq!(wishes(r#"["offers","personalisation"]"#), (false, 1, 0));
    assert_eq!(wishes(r#"["offers","personalisation","lift-measurement"]"#), (true, 0, 0));
}

/// What the ledger remembers of somebody who said this.
fn memory(signal: Signal) -> Memory {
    let mut stance = Stance::default();
    stance.hear(signal, START_US);
    Memory {
        customer: consent(1, "").customer.clone(),
        visit: None,
        slack_us: 0,
        ignore_until_us: None,
        last_deliveries: Vec::new(),
        stance: Some(stance),
    }
}

#[test]
fn whoever_said_stop_in_the_last_moment_before_a_crash_hears_no_more_after_it() {
    let wakes = |signal| {
        let mut gateway = Gateway::new(config(ZONES, &offers(&["a"])), Key::new([7; 32]), 0);
        gateway.restore(consent(1, ""));
        ends_offers(&gateway.handle(Input::Resume(memory(signal)), at(0)))
    };
    assert!(wakes(Signal::Stop(1)) && wakes(Signal::Snooze(START_US + 3_600_000_000)));
    assert!(!wakes(Signal::Stop(0)) && !wakes(Signal::Dismissed("coats".into())));
}

#[test]
fn a_purchase_is_kept_of_whom_anything_may_be_kept() {
    let buys = |consent: Arc<Consent>, secs| {
        let mut gateway = Gateway::new(measured(), Key::new([7; 32]), 0);
        let customer = consent.customer.clone();
        gateway.handle(Input::Consent(consent), at(0));
        let purchase = Purchase { customer, category: "coats".into(), is_return: false, at_us: START_US };
        let effects = gateway.handle(Input::Purchase(purchase), at(secs));
        effects.iter().any(|effect| matches!(effect, Effect::Note(..)))
    };
    let personal = r#"["offers","personalisation"]"#;
    assert!(buys(wishing(personal), 1));
    assert!(!buys(wishing(r#"["offers"]"#), 1), "without the purpose");
    assert!(!buys(consent(1, ""), 1), "without the tier");
    assert!(!buys(wishing(personal), 366 * 86_400), "after the consent has ended");
    let elsewhere = line(1, r#","sites":["elsewhere"]"#).replace("contextual", "personal");
    let elsewhere = elsewhere.replace(r#"["offers"]"#, personal);
    assert!(!buys(consent_of(&elsewhere), 1), "in a shop that the consent does not name");
}
