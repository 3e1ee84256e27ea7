//! The offer as recipients see it: a `CloudEvent` in structured mode. These types are the wire's and nobody else's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::envelope::{Envelope, Personal};
use super::topic::Topics;
use crate::config::offers::{self, Campaign, Class, Scheme};
use crate::config::{Name, Texts};
use crate::gateway::effect::{DeliveryId, Offer, Reservation, Used};
use crate::gateway::key::Key;
use crate::words::{self, Language};

/// The content type of every event (`CloudEvents` 1.0, JSON format, structured mode).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// No event is longer, in bytes; the limits of the configuration keep far below it. Brokers and phones' push services
/// have bounds of their own.
pub const MAX_EVENT_LEN: usize = 64 * 1024;

const OFFER_ISSUED: &str = "emma.offer.issued.v1";
const OFFER_ISSUED_SCHEMA: &str = "urn:emma:schema:offer-issued:v1";
pub(super) const PURPOSE: &str = "instore-offer";

/// What a recipient may say back about an offer; `displayed` is said by the recipient itself, not by a customer.
const ACTIONS: [&str; 9] = ["opened", "redeemed", "dismissed", "no-more", "more", "helpful", "snooze", "stop", "why"];

/// The ids of one recipient's copy of an offer. Two recipients' ids have nothing to join them by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferIds {
    /// Names the offer in its data, its subject and all feedback.
    pub offer_id: Name,
    /// The event's id, the same at every resend.
    pub event_id: Name,
}

impl OfferIds {
    /// The ids for `recipient`, derived with a key that never leaves the ledger: the delivery's id cannot be told from
    /// them.
    pub fn derive(key: &Key, delivery: &DeliveryId, recipient: &str) -> Self {
        let id = |what: &[u8]| key.id(&[what, delivery.0.as_bytes(), recipient.as_bytes()]);
        Self { offer_id: id(b"offer"), event_id: id(b"event") }
    }
}

/// An event that is ready but for its `sequence`, which is given at the first hand-over ([`with_sequence`]).
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Whom it goes to.
    pub recipient: Name,
    /// The address that the consent gives for them.
    pub inbox: Name,
    /// Its topic.
    pub topic: String,
    /// The event's id.
    pub event_id: Name,
    /// The offer's id for this recipient.
    pub offer_id: Name,
    /// The event as JSON, without `sequence`.
    pub payload: String,
    /// Why it was made, as JSON; what the event says of it.
    pub why: String,
    /// The wall time after which it is no longer said, in microseconds.
    pub expires_us: i64,
    /// The wall time until which feedback on it is understood, in microseconds.
    pub valid_until_us: i64,
}

/// `Debug` shows the ids alone: the rest names an inbox.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

/// The offer of `reservation` as one event for each of its recipients; `ids` gives a recipient's ids, and `code` the code
/// of the coupon in the copy of a recipient, by their id and that of the offer. Where there is no code the event has no
/// coupon; an offer that promises one is withheld before it comes to this.
pub fn drafts(
    reservation: &Reservation,
    ids: impl Fn(&str) -> OfferIds,
    code: impl Fn(&str, &str) -> Option<Name>,
    root: &str,
    site: &str,
    gateway: &str,
) -> Vec<Draft> {
    let offer = &reservation.offer;
    let topics = Topics { root, site };
    let draft = |(recipient, inbox): &(Name, Name)| {
        let OfferIds { offer_id, event_id } = ids(recipient);
        let code = code(recipient, &offer_id);
        let data = data(offer, Some(&offer_id), code.as_deref(), reservation.delivery.at_us, site);
        Draft {
            recipient: recipient.clone(),
            inbox: inbox.clone(),
            topic: topics.offer(recipient, inbox),
            payload: payload(reservation, &event_id, &data, gateway),
            event_id,
            offer_id,
            why: json(&why(offer)),
            expires_us: offer.notify_until_us,
            valid_until_us: offer.valid_until_us,
        }
    };
    offer.recipients.iter().map(draft).collect()
}

/// The event of `draft` (a [`Draft::payload`]) as the `n`th of its source and type. Twenty digits, because the
/// `CloudEvents` extension wants sequences that sort as text.
pub fn with_sequence(draft: &str, n: u64) -> String {
    let members = draft.strip_prefix('{').unwrap_or(draft);
    format!("{{\"sequence\":\"{n:020}\",{members}")
}

fn payload(reservation: &Reservation, event_id: &str, data: &OfferData<'_>, gateway: &str) -> String {
    let Reservation { delivery, offer, .. } = reservation;
    let envelope = Envelope {
        id: event_id,
        kind: OFFER_ISSUED,
        schema: OFFER_ISSUED_SCHEMA,
        subject: data.offer_id.unwrap_or_default(),
        at_us: delivery.at_us,
        until_us: offer.notify_until_us,
        personal: Some(Personal { purpose: PURPOSE, test: offer.test }),
    };
    envelope.around(data, data.site, gateway)
}

/// `value` as JSON. The wire's types have text keys and finite numbers only, so this cannot fail.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A wall time in microseconds as RFC 3339 in UTC, its fraction as short as it is exact.
pub(super) fn instant(us: i64) -> String {
    let beyond = if us < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(us).unwrap_or(beyond).to_string()
}

/// What an offer says; `offer_id` names it to its recipient, `code` is their coupon's, and `at_us` is when it was made (wall).
fn data<'a>(
    offer: &'a Offer,
    offer_id: Option<&'a str>,
    code: Option<&'a str>,
    at_us: i64,
    site: &'a str,
) -> OfferData<'a> {
    let campaign = &*offer.campaign;
    let text = offer.texts.iter().map(|(lang, text)| (&**lang, WireText { title: &text.title, body: &text.body }));
    OfferData {
        offer_id,
        campaign_id: &campaign.id,
        class: class(campaign.class),
        site,
        zone: Zone { id: &offer.zone, name: as_strs(&offer.zone_name) },
        category: campaign.category.as_deref(),
        text: text.collect(),
        lock_screen: lock_screen(campaign),
        image: campaign.image.as_deref(),
        link: campaign.link.as_deref(),
        coupon: campaign.coupon.as_ref().zip(code).map(|(given, code)| coupon(given, code)),
        notify_until: Some(instant(offer.notify_until_us)),
        valid_from: instant(at_us),
        valid_until: instant(offer.valid_until_us),
        why: why(offer),
        actions: &ACTIONS,
    }
}

/// What an offer says that is answered to whoever asked: nothing of it is kept, so it has no id, nothing can be said back
/// about it, and there is no code but one that is the same for everybody.
pub(super) fn asked<'a>(offer: &'a Offer, at_us: i64, site: &'a str) -> impl Serialize + 'a {
    let code = offer.campaign.coupon.as_ref().and_then(|coupon| match &coupon.scheme {
        Scheme::Fixed(code) => Some(&**code),
        Scheme::Pool(_) | Scheme::Derived(_) => None,
    });
    let text = Language::ALL.map(|language| (language.word(), words::why_asked(offer, language)));
    let used = offer.used.iter().filter(|used| **used != Used::Dwell).map(|used| used.as_str());
    let why = Why { text: text.into(), trigger: "asked", data_used: used.collect(), ..why(offer) };
    OfferData { notify_until: None, why, actions: &[], ..data(offer, None, code, at_us, site) }
}

fn coupon<'a>(coupon: &offers::Coupon, code: &'a str) -> Coupon<'a> {
    let scheme = match coupon.scheme {
        Scheme::Fixed(_) => "fixed",
        Scheme::Pool(_) => "pool",
        Scheme::Derived(_) => "derived",
    };
    Coupon { scheme, code, single_use: coupon.single_use }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Offer => "offer",
        Class::Reward => "reward",
        Class::Service => "service",
    }
}

fn as_strs(texts: &Texts) -> BTreeMap<&str, &str> {
    texts.iter().map(|(lang, text)| (&**lang, &**text)).collect()
}

/// The neutral lines, and over them what the campaign says instead.
fn lock_screen(campaign: &Campaign) -> BTreeMap<&str, Cow<'_, str>> {
    let neutral = Language::ALL.map(|language| (language.word(), words::lock_screen(language).into()));
    let own = campaign.lock_screen.iter().map(|(lang, line)| (&**lang, Cow::Borrowed(&**line)));
    neutral.into_iter().chain(own).collect()
}

fn why(offer: &Offer) -> Why<'_> {
    let text = Language::ALL.map(|language| (language.word(), words::why(offer, language)));
    Why {
        text: text.into(),
        trigger: offer.trigger,
        data_used: offer.used.iter().map(|used| used.as_str()).collect(),
        purpose: PURPOSE,
        notice: offer.notice.as_deref(),
    }
}

#[derive(Serialize)]
struct OfferData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_id: Option<&'a str>,
    campaign_id: &'a str,
    class: &'static str,
    site: &'a str,
    zone: Zone<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    text: BTreeMap<&'a str, WireText<'a>>,
    lock_screen: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<Coupon<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_until: Option<String>,
    valid_from: String,
    valid_until: String,
    why: Why<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    actions: &'static [&'static str],
}

#[derive(Serialize)]
struct Zone<'a> {
    id: &'a str,
    name: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct WireText<'a> {
    title: &'a str,
    body: &'a str,
}

#[derive(Serialize)]
struct Coupon<'a> {
    scheme: &'static str,
    code: &'a str,
    single_use: bool,
}

#[derive(Serialize)]
struct Why<'a> {
    text: BTreeMap<&'static str, String>,
    trigger: &'static str,
    data_used: Vec<&'static str>,
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
