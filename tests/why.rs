//! Why an offer was made is told from what was really looked at: each thing that a decision can look at is changed, and the
//! sentences change in every language; what it did not look at is changed, and not a byte of them does.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "common/shop.rs"]
mod shop;

use emma::clock::Moment;
use emma::gateway::Gateway;
use emma::gateway::consent::CustomerId;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::effect::{Answer, Effect, Input, Reservation};
use emma::gateway::key::Key;
use emma::gateway::stance::{Signal, Stance};
use emma::mqtt::event::{self, OfferIds};
use jiff::Timestamp;
use serde_json::Value;
use shop::{SECOND_US, Shop, beacon, campaign, heard, identifier};

/// A Monday.
const NOON: &str = "2026-11-02T12:00:00+01:00";

/// What a decision rests on.
#[derive(Clone, Copy)]
struct Given {
    zone: &'static str,
    trigger: &'static str,
    /// Further lines of the campaign.
    campaign: &'static str,
    /// Of the category that it is of.
    category: &'static str,
    tier: &'static str,
    /// Purposes besides offers.
    purposes: &'static str,
    /// Further members of the consent.
    consent: &'static str,
    identifier: Option<&'static str>,
    has_answered: bool,
}

/// As little as a promise says.
const PROMISE: &str = "[caps]\ncustomer = [{ at-most = 9, per = '1d' }]\nservice = [{ at-most = 9, per = '1d' }]\n";

/// Somebody comes near the shoes, and nothing else is looked at.
const PLAIN: Given = Given {
    zone: "Shoes",
    trigger: "'entered'",
    campaign: "category = 'shoes'",
    category: "",
    tier: "contextual",
    purposes: "",
    consent: "",
    identifier: None,
    has_answered: false,
};

/// A message that somebody waits for.
const SERVICE: Given = Given { campaign: "class = 'service'", ..PLAIN };

/// The same of somebody who declares things.
const PERSONAL: Given = Given { tier: "personal", purposes: r#","personalisation""#, ..PLAIN };

impl Given {
    fn gateway(&self) -> Gateway {
        let categories = format!("[[category]]\nid = 'shoes'\n{}\n[[category]]\nid = 'socks'\n", self.category);
        let shop = Shop {
            gateways: vec![("gw".to_owned(), (5.0, 5.0)), ("far".to_owned(), (50.0, 30.0))],
            zones: format!(
                "[[zone]]\nid = 'shoes'\nname = '{}'\nnear = 'gw'\n[[zone]]\nid = 'till'\nname = 'Till'\nnear = 'far'\n",
                self.zone
            ),
            offers: categories + &campaign("boots", self.trigger, "['shoes']", self.campaign),
            promise: PROMISE.to_owned(),
        };
        Gateway::new(shop.config(), Key::new([7; 32]), 0)
    }

    /// What is said of why, as recipients have it.
    fn why(&self) -> Value {
        let mut gateway = self.gateway();
        let start_us = NOON.parse::<Timestamp>().unwrap().as_microsecond();
        let at = |secs: u64| Moment {
            monotonic_us: (1 + secs) * SECOND_US,
            wall_us: Some(start_us + (secs * SECOND_US).cast_signed()),
        };
        let line = format!(
            r#"{{"customer":"ann","epoch":1,"tier":"{}","purposes":["offers"{}],"identifiers":[{}],
            "valid_from":"2026-01-01T00:00:00Z","valid_until":"2030-01-01T00:00:00Z","inbox":{{"push":"inbox-7"}}{}}}"#,
            self.tier,
            self.purposes,
            self.identifier.map_or_else(|| identifier(1), str::to_owned),
            self.consent
        );
        let Record::Grant(grant) = record::parse(&line).unwrap() else { panic!("no grant") };
        gateway.handle(Input::Consent(grant.check().unwrap().into()), at(0));
        if self.has_answered {
            let mut stance = Stance::default();
            stance.hear(Signal::More("socks".into()), start_us);
            gateway.handle(Input::Stance(CustomerId::new("ann").unwrap(), Box::new(stance)), at(0));
        }
        for secs in 1..600 {
            let near = u16::from(self.trigger == "'left'" && secs > 60);
            let payload = if self.identifier.is_some() { uid() } else { beacon(1, -59) };
            let effects = gateway.handle(Input::Advertisement(heard(&payload, near, -50)), at(secs));
            let asked = effects.into_iter().find_map(|effect| match effect {
                Effect::Reserve(reservation) => Some(reservation),
                _ => None,
            });
            if let Some(reservation) = asked {
                gateway.handle(Input::Reserved(reservation.delivery.id.clone(), Answer::Granted), at(secs));
                return told(&reservation);
            }
        }
        panic!("nothing is offered");
    }
}

fn uid() -> Vec<u8> {
    emma::radio::encode::eddystone_uid(&[7; 10], &[1; 6], -18)
}

fn told(reservation: &Reservation) -> Value {
    let ids = |_: &str| OfferIds { offer_id: "o".into(), event_id: "e".into() };
    let drafts = event::drafts(reservation, ids, |_, _| None, "emma", "shop", "gw");
    let event: Value = serde_json::from_str(&drafts[0].payload).unwrap();
    event["data"]["why"].clone()
}

/// In each of these languages the sentences differ.
fn differ(one: &Value, other: &Value, what: &str) {
    for language in ["de", "en", "fr", "it"] {
        let of = |why: &Value| why["text"][language].as_str().unwrap().to_owned();
        assert_ne!(of(one), of(other), "{what} is not told in {language}");
    }
}

const WISH: &str = r#","wishes":[{"category":"shoes"}]"#;

#[test]
fn whatever_is_looked_at_changes_the_sentences_in_every_language() {
    let interests = "category = 'shoes'\ntier = 'personal'\naudience = { interests = ['outdoor'] }";
    let band = "category = 'shoes'\ntier = 'personal'\naudience = { price-band = 'mid' }";
    let pairs = [
        ("the zone", PLAIN, Given { zone: "Boots", ..PLAIN }, None),
        ("leaving it", SERVICE, Given { trigger: "'left'", ..SERVICE }, None),
        ("the stay", PLAIN, Given { trigger: "{ dwelled = '3m' }", ..PLAIN }, Some("dwell")),
        (
            "its length",
            Given { trigger: "{ dwelled = '3m' }", ..PLAIN },
            Given { trigger: "{ dwelled = '5m' }", ..PLAIN },
            None,
        ),
        ("a service", PLAIN, SERVICE, None),
        (
            "an interest",
            PERSONAL,
            Given { campaign: interests, consent: r#","interests":["outdoor"]"#, ..PERSONAL },
            Some("interests"),
        ),
        (
            "a price band",
            PERSONAL,
            Given { campaign: band, consent: r#","price_band":"mid""#, ..PERSONAL },
            Some("price-band"),
        ),
        ("a wish", PERSONAL, Given { consent: WISH, ..PERSONAL }, Some("wishes")),
        ("purchases", PERSONAL, Given { category: "replacement-interval = '6 months'", ..PERSONAL }, Some("purchases")),
        ("an answer", PLAIN, Given { has_answered: true, ..PLAIN }, Some("feedback")),
    ];
    for (what, plain, changed, used) in pairs {
        let (before, after) = (plain.why(), changed.why());
        differ(&before, &after, what);
        let uses = |why: &Value, word: &str| why["data_used"].as_array().unwrap().iter().any(|used| used == word);
        if let Some(word) = used {
            assert!(uses(&after, word) && !uses(&before, word), "{what}: {after}");
        } else {
            assert_eq!(before["data_used"], after["data_used"], "{what}");
        }
    }
}

#[test]
fn the_notice_that_was_accepted_is_named_beside_the_sentences() {
    let accepted = Given { consent: r#","notice":{"version":"1a2b3c4d","language":"en"}"#, ..PLAIN };
    let (without, with) = (PLAIN.why(), accepted.why());
    assert_eq!((without.get("notice"), &with["notice"]), (None, &Value::from("1a2b3c4d")));
    assert_eq!((&with["purpose"], &with["text"]), (&Value::from("instore-offer"), &without["text"]));
}

#[test]
fn what_was_not_looked_at_changes_nothing() {
    let declared = r#","interests":["outdoor"],"price_band":"mid","wishes":[{"category":"socks"}]"#;
    let uid = Some(r#"{"eddystone_uid":{"namespace":"07070707070707070707","instance":"010101010101"}}"#);
    for (what, plain, changed) in [
        ("interests, a band and wishes for other things", PERSONAL, Given { consent: declared, ..PERSONAL }),
        ("a further purpose", PLAIN, Given { purposes: r#","lift-measurement""#, ..PLAIN }),
        ("another language", PLAIN, Given { consent: r#","language":"fr""#, ..PLAIN }),
        ("another kind of tag", PLAIN, Given { identifier: uid, ..PLAIN }),
        (
            "purchases that a contextual consent does not keep",
            PLAIN,
            Given { category: "replacement-interval = '6 months'", ..PLAIN },
        ),
        ("quiet hours that are over", PLAIN, Given { consent: r#","quiet_hours":["20:00","08:00"]"#, ..PLAIN }),
    ] {
        assert_eq!(plain.why(), changed.why(), "{what}");
    }
}
