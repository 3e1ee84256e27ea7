//! The offer event, field by field.

use std::sync::Arc;

use jiff::civil::date;
use serde_json::{Value, json};

use super::*;
use crate::config::offers::{Active, CouponKey, Text, Trigger};
use crate::coupon;
use crate::gateway::cap::{CapRule, CapScope, Window};
use crate::gateway::consent::{CustomerId, Tier};
use crate::gateway::effect::{Delivery, Offer, Used};

/// 2026-11-02T10:00:00Z.
const AT_US: i64 = 1_793_613_600_250_000;

fn name(text: &str) -> Name {
    text.into()
}

fn campaign() -> Campaign {
    let text = |title: &str, body: &str| Text { title: name(title), body: name(body) };
    Campaign {
        id: name("boots-autumn"),
        class: Class::Offer,
        category: Some(name("shoes")),
        zones: None,
        trigger: Trigger::Dwelled(20_000_000),
        tier: Tier::Contextual,
        priority: 50,
        active: Active::default(),
        caps: Vec::new(),
        valid_for: None,
        image: None,
        link: Some(name("https://shop.example/01/09506000134352")),
        coupon: Some(offers::Coupon { scheme: Scheme::Fixed(name("BOOTS10")), single_use: false }),
        text: [(name("de"), text("10 % auf Stiefel", "Nur hier: {zone}."))].into(),
        values: std::collections::BTreeSet::new(),
        nearest: std::collections::BTreeSet::new(),
        audience: offers::Audience::default(),
        price: None,
        control_share: 0.0,
        once_per: None,
        lock_screen: [(name("fr"), name("Un bonjour de la boutique"))].into(),
    }
}

fn reservation(campaign: Campaign) -> Reservation {
    let texts = campaign.text.iter().map(|(lang, text)| (lang.clone(), text.clone())).collect();
    Reservation {
        delivery: Delivery {
            id: DeliveryId(name("00112233445566778899aabbccddeeff")),
            customer: CustomerId::new("pseudonym-7").unwrap(),
            at_us: AT_US,
            class: campaign.class,
            campaign: campaign.id.clone(),
            category: campaign.category.clone(),
            zone: name("zone-shoes"),
            site: name("bern"),
            visit_us: AT_US - 60_000_000,
            epoch: 3,
            ghost: false,
            test: false,
        },
        wishes: Vec::new(),
        codes: Vec::new(),
        caps: vec![CapRule {
            scope: CapScope::Customer,
            at_most: 2,
            after_us: None,
            promised: true,
            window: Window::Ever,
        }],
        offer: Offer {
            zone: name("zone-shoes"),
            zone_name: [(name("de"), name("Schuhe")), (name("en"), name("Shoes"))].into(),
            trigger: "dwelled",
            texts,
            notify_until_us: AT_US + 90_000_000,
            valid_until_us: AT_US + 7_200_000_000,
            recipients: vec![(name("push"), name("inbox-a")), (name("till"), name("inbox-b"))],
            used: vec![Used::Zone, Used::Consent, Used::Dwell, Used::EarlierOffers],
            notice: Some(name("2026-10")),
            test: false,
            campaign: Arc::new(campaign),
        },
    }
}

fn drafts_of(reservation: &Reservation) -> Vec<Draft> {
    let ids = |recipient: &str| OfferIds::derive(&Key::new([7; 32]), &reservation.delivery.id, recipient);
    let coupon = reservation.offer.campaign.coupon.as_ref();
    let code = |_: &str, offer_id: &str| coupon::code(coupon?, "boots-autumn", offer_id, date(2026, 11, 2));
    drafts(reservation, ids, code, "emma", "bern", "gw-till")
}

/// A coupon, and the codes of its recipients.
fn coupons_of(scheme: Scheme, single_use: bool, code: impl Fn(&str, &str) -> Option<Name>) -> Vec<Value> {
    let coupon = Some(offers::Coupon { scheme, single_use });
    let reservation = reservation(Campaign { coupon, ..campaign() });
    let ids = |recipient: &str| OfferIds::derive(&Key::new([7; 32]), &reservation.delivery.id, recipient);
    let drafts = drafts(&reservation, ids, code, "emma", "bern", "gw-till");
    drafts.iter().map(|draft| parsed(draft)["data"]["coupon"].clone()).collect()
}

fn parsed(draft: &Draft) -> Value {
    serde_json::from_str(&with_sequence(&draft.payload, 42)).unwrap()
}

#[test]
fn the_envelope_is_a_cloud_event_with_every_attribute() {
    let draft = &drafts_of(&reservation(campaign()))[0];
    let mut event = parsed(draft);
    event.as_object_mut().unwrap().remove("data");
    let expected = json!({
        "specversion": "1.0",
        "id": *draft.event_id,
        "source": "/sites/bern/gateways/gw-till",
        "type": "emma.offer.issued.v1",
        "subject": *draft.offer_id,
        "time": "2026-11-02T10:00:00Z",
        "expirytime": "2026-11-02T10:01:30Z",
        "sequence": "00000000000000000042",
        "dataschema": "urn:emma:schema:offer-issued:v1",
        "datacontenttype": "application/json",
        "dataclassification": "restricted",
        "dataregulation": "GDPR",
        "purpose": "instore-offer",
    });
    assert_eq!(event, expected);
    assert_eq!(draft.topic, "emma/v1/bern/offer/push/inbox-a");
    assert_eq!((draft.expires_us, draft.valid_until_us), (AT_US + 89_750_000, AT_US + 7_199_750_000));
}

#[test]
fn nothing_but_what_the_shop_says_and_the_second_is_in_both_copies_of_an_offer() {
    fn leaves(at: &str, value: &Value, told: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| leaves(&format!("{at}.{name}"), value, told));
            }
            Value::Array(list) => list.iter().for_each(|value| leaves(at, value, told)),
            value => drop(told.insert(at.to_owned(), value.to_string())),
        }
    }
    let mut reservation = reservation(campaign());
    reservation.offer.recipients = vec![("push".into(), "inbox-a".into()), ("mail".into(), "inbox-b".into())];
    let drafts = drafts_of(&reservation);
    let [one, other] = &drafts[..] else { panic!("two copies") };
    let told = |draft: &Draft| {
        let mut told = BTreeMap::new();
        leaves("", &serde_json::from_str(&draft.payload).unwrap(), &mut told);
        told
    };
    let (one, other) = (told(one), told(other));
    let of_their_own: Vec<&str> =
        one.iter().filter(|(at, said)| other[*at] != **said).map(|(at, _)| at.as_str()).collect();
    assert_eq!(of_their_own, [".data.offer_id", ".id", ".subject"]);
    // Of another offer to somebody else in the same second both copies say the same, but for their ids.
    reservation.delivery.id = DeliveryId("another".into());
    reservation.delivery.at_us += 600_000;
    reservation.offer.notify_until_us += 600_000;
    reservation.offer.valid_until_us += 600_000;
    let somebody_else = told(&drafts_of(&reservation)[0]);
    let differing: Vec<&str> =
        one.iter().filter(|(at, said)| somebody_else[*at] != **said).map(|(at, _)| at.as_str()).collect();
    assert_eq!(differing, of_their_own, "which copies are one offer's cannot be told");
    let ids: std::collections::BTreeSet<&String> =
        [&one, &other, &somebody_else].into_iter().flat_map(|told| [&told[".id"], &told[".subject"]]).collect();
    assert_eq!(ids.len(), 6, "an event and an offer each, and none is another's");
}

#[test]
fn the_data_is_the_offer_and_why() {
    let draft = &drafts_of(&reservation(campaign()))[0];
    let expected = json!({
        "offer_id": *draft.offer_id,
        "campaign_id": "boots-autumn",
        "class": "offer",
        "site": "bern",
        "zone": { "id": "zone-shoes", "name": { "de": "Schuhe", "en": "Shoes" } },
        "category": "shoes",
        "text": { "de": { "title": "10 % auf Stiefel", "body": "Nur hier: {zone}." } },
        "lock_screen": {
            "de": "Emma hat etwas für Sie",
            "en": "Emma has something for you",
            "fr": "Un bonjour de la boutique",
            "it": "Emma ha qualcosa per Lei",
        },
        "link": "https://shop.example/01/09506000134352",
        "coupon": { "scheme": "fixed", "code": "BOOTS10", "single_use": false },
        "notify_until": "2026-11-02T10:01:30Z",
        "valid_from": "2026-11-02T10:00:00Z",
        "valid_until": "2026-11-02T12:00:00Z",
        "why": {
            "text": {
                "de": "Sie waren mindestens 20 Sekunden im Bereich «Schuhe». \
                       Sie haben zugestimmt, in diesem Geschäft Angebote zu erhalten. \
                       Wir haben berücksichtigt, was wir Ihnen schon gesagt haben, damit es nicht zu viel wird. \
                       Sie können jederzeit Nein sagen: zu solchen Dingen, zu allem oder für eine Weile.",
                "en": "You were in the area “Shoes” for at least 20 seconds. \
                       You agreed to receive offers in this shop. \
                       We took into account what we have told you before, so that it does not become too much. \
                       You can say no at any time: to such things, to everything, or for a while.",
                "fr": "Vous avez passé au moins 20 secondes dans la zone «\u{202f}Schuhe\u{202f}». \
                       Vous avez accepté de recevoir des offres dans ce magasin. \
                       Nous avons tenu compte de ce que nous vous avons déjà dit, pour ne pas vous déranger trop souvent. \
                       Vous pouvez dire non à tout moment\u{202f}: à ce genre de choses, à tout, ou pour quelque temps.",
                "it": "Ha trascorso almeno 20 secondi nella zona «Schuhe». \
                       Ha acconsentito a ricevere offerte in questo negozio. \
                       Abbiamo tenuto conto di quanto Le abbiamo già detto, per non disturbarLa troppo spesso. \
                       Può dire di no in ogni momento: a queste cose, a tutto o per un po’.",
            },
            "trigger": "dwelled",
            "data_used": ["zone", "consent", "dwell", "earlier-offers"],
            "purpose": "instore-offer",
            "notice": "2026-10",
        },
        "actions": ["opened", "redeemed", "dismissed", "no-more", "more", "helpful", "snooze", "stop", "why"],
    });
    assert_eq!(parsed(draft)["data"], expected);
}

#[test]
fn each_recipient_has_a_code_of_their_own_from_a_list() {
    let codes = BTreeMap::from([("push", "B-1"), ("till", "B-2")]);
    let scheme = || Scheme::Pool(["B-1".into(), "B-2".into()].into());
    let coupons = coupons_of(scheme(), true, |recipient, _| codes.get(recipient).map(|code| (*code).into()));
    let coupon = |code: &str| json!({ "scheme": "pool", "code": code, "single_use": true });
    assert_eq!(coupons, [coupon("B-1"), coupon("B-2")]);
    assert_eq!(
        coupons_of(scheme(), true, |_, _| None),
        [Value::Null, Value::Null],
        "without a code there is no coupon"
    );
}

#[test]
fn a_derived_code_is_verified_by_the_key_alone() {
    let key = CouponKey([7; 32]);
    let given = offers::Coupon { scheme: Scheme::Derived(key.clone()), single_use: false };
    let last = date(2026, 11, 2);
    let code = |_: &str, offer_id: &str| coupon::code(&given, "boots-autumn", offer_id, last);
    let coupons = coupons_of(given.scheme.clone(), false, code);
    assert_ne!(coupons[0]["code"], coupons[1]["code"], "recipients have nothing to join their copies by");
    for coupon in coupons {
        assert_eq!((&coupon["scheme"], &coupon["single_use"]), (&json!("derived"), &json!(false)));
        let code = coupon["code"].as_str().unwrap();
        assert_eq!(coupon::verify(&key, "boots-autumn", code, last), Ok(last));
    }
}

#[test]
fn only_a_testers_event_is_marked() {
    let mut reservation = reservation(campaign());
    assert_eq!(parsed(&drafts_of(&reservation)[0]).get("test"), None);
    reservation.offer.test = true;
    assert_eq!(parsed(&drafts_of(&reservation)[0])["test"], true);
}

#[test]
fn a_payload_names_no_person_no_address_and_no_delivery() {
    for draft in drafts_of(&reservation(campaign())) {
        for secret in ["pseudonym-7", "inbox-", "00112233445566778899aabbccddeeff", "at_most"] {
            assert!(!draft.payload.contains(secret), "{secret} is in the payload");
        }
        assert!(!format!("{draft:?}").contains("inbox-"));
    }
}

#[test]
fn two_recipients_have_nothing_to_join_their_copies_by() {
    let drafts = drafts_of(&reservation(campaign()));
    let ids: std::collections::BTreeSet<_> = drafts.iter().flat_map(|d| [&d.offer_id, &d.event_id]).collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| id.len() == 32));
    assert_eq!(drafts, drafts_of(&reservation(campaign())), "the same delivery has the same ids");
}

/// Computed with `openssl dgst -sha256 -mac HMAC`, each part behind its length in eight bytes.
#[test]
fn ids_are_hmacs_of_what_the_contract_says() {
    let ids = OfferIds::derive(&Key::new([7; 32]), &DeliveryId(name("00112233445566778899aabbccddeeff")), "push");
    assert_eq!(
        (&*ids.offer_id, &*ids.event_id),
        ("8af92c5a2e606f4a7937aa458c9e4fc5", "ec775b20c1e24cd16bec201a12ba7b86")
    );
}

/// Titles of 200 and bodies of 1,000 characters in ten languages, every one escaped in JSON, and addresses of 2,048.
#[test]
fn the_longest_configuration_stays_within_the_bound() {
    let mut long = campaign();
    let languages = ["de", "en", "fr", "it", "rm", "es", "pt", "sq", "sr", "tr"];
    let text = |len: usize| name(&"\"".repeat(len));
    long.text = languages.map(|lang| (name(lang), Text { title: text(200), body: text(1_000) })).into();
    long.lock_screen = languages.map(|lang| (name(lang), text(200))).into();
    long.image = Some(text(2_048));
    long.link = Some(text(2_048));
    long.coupon = Some(offers::Coupon { scheme: Scheme::Fixed(text(128)), single_use: false });
    let mut reservation = reservation(long);
    reservation.offer.zone_name = languages.map(|lang| (name(lang), text(100))).into();
    let longest = with_sequence(&drafts_of(&reservation)[0].payload, u64::MAX);
    assert!(longest.len() <= MAX_EVENT_LEN, "{} bytes", longest.len());
}
