//! Deliveries and messages for tests of the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use emma::config::offers::Class;
use emma::config::{self, Sources};
use emma::gateway::cap::{CapRule, CapScope, Window};
use emma::gateway::consent::CustomerId;
use emma::gateway::effect::{Answer, Delivery, DeliveryId, Offer, Reservation};
use emma::ledger::Store;
use emma::ledger::order::Told;
use emma::mqtt::event::Draft;
use tempfile::TempDir;

pub(crate) const KEY: [u8; 32] = [7; 32];
pub(crate) const HOUR_US: i64 = 3_600_000_000;
pub(crate) const MINUTE_US: i64 = 60_000_000;

pub(crate) fn customer(id: &str) -> CustomerId {
    CustomerId::new(id).unwrap()
}

/// One offer to `who` at `at_us`, one a customer and day.
pub(crate) fn reservation(who: &str, at_us: i64) -> Reservation {
    let config = config::check(&Sources::shipped()).config.unwrap();
    let campaign = Arc::new(config.offers.campaigns[0].clone());
    Reservation {
        delivery: Delivery {
            id: DeliveryId(format!("{who}-{at_us}").into()),
            customer: customer(who),
            at_us,
            class: Class::Offer,
            campaign: campaign.id.clone(),
            category: None,
            zone: "shoes".into(),
            site: "corner-shop".into(),
            visit_us: at_us,
            epoch: 1,
            ghost: false,
            test: false,
        },
        caps: vec![CapRule {
            scope: CapScope::Customer,
            at_most: 1,
            after_us: Some(at_us - 24 * HOUR_US),
            promised: true,
            window: Window::Ever,
        }],
        wishes: Vec::new(),
        codes: Vec::new(),
        offer: Offer {
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
            campaign,
        },
    }
}

pub(crate) fn draft(event: &str, expires_us: i64) -> Draft {
    Draft {
        recipient: "push".into(),
        inbox: "inbox-7".into(),
        topic: "emma/v1/corner-shop/offer/push/inbox-7".into(),
        event_id: event.into(),
        offer_id: event.into(),
        payload: r#"{"specversion":"1.0"}"#.into(),
        why: "{}".into(),
        expires_us,
        valid_until_us: expires_us,
    }
}

pub(crate) fn answer(told: &Told) -> Answer {
    let Told::Reserved(_, answer) = told else { panic!("an answer: {told:?}") };
    *answer
}

pub(crate) fn open(dir: &TempDir) -> Store {
    Store::open(&dir.path().join("ledger.db"), KEY).unwrap()
}

pub(crate) fn grant(store: &Store, who: &str, at_us: i64, drafts: &[Draft]) -> Answer {
    store.begin().unwrap();
    let answer = store.reserve(&reservation(who, at_us), drafts).unwrap();
    store.commit().unwrap();
    answer
}
