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
use emma::gateway::effect::{Answer, DeliveryId, Effect, Ending, Input, What};
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

fn consent(epoch: u64, rest: &str) -> Arc<Consent> {
    let line = format!(
        r#"{{"customer":"ann","epoch":{epoch},"tier":"contextual","purposes":["offers"],
        "identifiers":[{{"ibeacon":{{"uuid":"41424344-4546-4748-494a-4b4c4d4e4f50","major":1,"minor":2}}}}],
        "valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z"{rest}}}"#
    );
    let Record::Grant(grant) = record::parse(&line).unwrap() else { panic!("no grant") };
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
    let payload = encode::ibeacon(b"ABCDEFGHIJKLMNOP", 1, 2, -59);
    let address = Address { bytes: [1; 6], kind: AddressKind::Random };
    for secs in 0..=5 {
        let heard = Advertisement { address, payload: &payload, rssi_dbm: -50, gateway: GatewayIndex(0) };
        if let Some(delivery) = asked(&gateway.handle(Input::Advertisement(heard), at(secs))) {
            return (gateway, delivery);
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
fn an_answer_for_someone_who_withdrew_changes_nothing() {
    let (mut gateway, delivery) = entered(&["a", "b"]);
    gateway.handle(Input::Withdraw(consent(1, "").customer.clone()), at(6));
    assert!(gateway.handle(Input::Reserved(delivery, Answer::Granted), at(6)).is_empty());
    assert_eq!(gateway.snapshot().counters.delivered, 0);
}
