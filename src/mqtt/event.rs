//! The offer as recipients see it: a `CloudEvent` in structured mode. These types are the wire's and nobody else's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::envelope::{Envelope, Personal};
use super::topic::Topics;
use crate::config::offers::{self, Campaign, Class, Scheme, Trigger};
use crate::config::{Name, Texts};
use crate::gateway::effect::{DeliveryId, Offer, Reservation, Used};
use crate::gateway::key::Key;
use crate::words::{self, Language};

/// The content type of every event (`CloudEvents` 1.0, JSON format, structured mode).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// No event is longer, in bytes; the limits of the configuration keep far below it. Brokers and phones' push services
/// have bounds of their own.
pub const MAX_EVENT_LEN: usize = 64 * 1024;

/// A second in microseconds.
const SECOND_US: i64 = 1_000_000;

const OFFER_ISSUED: &str = "emma.offer.issued.v1";
pub(crate) const OFFER_ISSUED_SCHEMA: &str = "urn:emma:schema:offer-issued:v1";
pub(super) const PURPOSE: &str = "instore-offer";

/// What a recipient may say back about an offer; `displayed` is said by the recipient itself, not by a customer.
const ACTIONS: [&str; 9] = ["opened", "redeemed", "dismissed", "no-more", "more", "helpful", "snooze", "stop", "why"];

/// What may have made an offer: the three triggers of a campaign, and a question.
const TRIGGERS: [&str; 4] = [Trigger::Entered.word(), Trigger::Dwelled(0).word(), Trigger::Left.word(), ASKED];
const ASKED: &str = "asked";

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
            expires_us: to_the_second(offer.notify_until_us),
            valid_until_us: to_the_second(offer.valid_until_us),
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

/// The same to the second.
pub(super) fn second(us: i64) -> String {
    instant(to_the_second(us))
}

/// A time of what goes to one person, rounded down to the second: the microsecond would be an id by which two recipients could
/// join their copies.
fn to_the_second(us: i64) -> i64 {
    us.div_euclid(SECOND_US).saturating_mul(SECOND_US)
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
        notify_until: Some(second(offer.notify_until_us)),
        valid_from: second(at_us),
        valid_until: second(offer.valid_until_us),
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
    let why = Why { text: text.into(), trigger: ASKED, data_used: used.collect(), ..why(offer) };
    OfferData { notify_until: None, why, actions: &[], ..data(offer, None, code, at_us, site) }
}

fn coupon<'a>(coupon: &offers::Coupon, code: &'a str) -> Coupon<'a> {
    let scheme = match coupon.scheme {
        Scheme::Fixed(_) => CouponScheme::Fixed,
        Scheme::Pool(_) => CouponScheme::Pool,
        Scheme::Derived(_) => CouponScheme::Derived,
    };
    Coupon { scheme, code, single_use: coupon.single_use }
}

fn class(class: Class) -> OfferClass {
    match class {
        Class::Offer => OfferClass::Offer,
        Class::Reward => OfferClass::Reward,
        Class::Service => OfferClass::Service,
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

/// An offer for one customer, as one recipient is told of it. There is nothing in it about who they are: the inbox in the
/// topic is the address, and this is the text.
#[derive(JsonSchema, Serialize)]
pub(crate) struct OfferData<'a> {
    /// Names this recipient's copy of the offer; feedback about it has to give it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    offer_id: Option<&'a str>,
    /// The campaign of offers.toml.
    campaign_id: &'a str,
    /// What kind of message it is: `offer` is marketing, `reward` a thank-you for coming, `service` a message that somebody waits
    /// for (a recall, an order that is ready).
    class: OfferClass,
    /// The shop.
    site: &'a str,
    /// The zone that it was made in.
    zone: Zone<'a>,
    /// What it is about, a category of offers.toml.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    /// What to show, by language tag (BCP 47). Choose the customer's language, else any.
    text: BTreeMap<&'a str, WireText<'a>>,
    /// What may be shown on a locked screen, by language tag: it tells nobody what the offer is.
    lock_screen: BTreeMap<&'a str, Cow<'a, str>>,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    /// Where there is more to read; a GS1 Digital Link where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    /// What to show at the till.
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<Coupon<'a>>,
    /// Until when the customer may be notified of it, and not a moment later. The same as the event's `expirytime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    notify_until: Option<String>,
    /// Since when it holds.
    #[schemars(extend("format" = "date-time"))]
    valid_from: String,
    /// Until when the coupon holds, shown in silence.
    #[schemars(extend("format" = "date-time"))]
    valid_until: String,
    /// Why they are told: show it to whoever asks.
    why: Why<'a>,
    /// What may be said back about it, on the topic `feedback/{inbox}`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(extend("items" = { "type": "string", "enum": ACTIONS }))]
    actions: &'static [&'static str],
}

/// The offer that is issued has what one that is answered to a question lacks.
pub(crate) fn issued(schema: &mut Schema) {
    if let Some(required) = schema.get_mut("required").and_then(|required| required.as_array_mut()) {
        required.extend(["offer_id", "notify_until", "actions"].map(Into::into));
    }
}

#[derive(Clone, Copy, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OfferClass {
    Offer,
    Reward,
    Service,
}

#[derive(JsonSchema, Serialize)]
struct Zone<'a> {
    /// Its id in zones.toml.
    id: &'a str,
    /// What customers call it, by language tag.
    name: BTreeMap<&'a str, &'a str>,
}

#[derive(JsonSchema, Serialize)]
struct WireText<'a> {
    /// One line.
    title: &'a str,
    /// The rest.
    body: &'a str,
}

#[derive(JsonSchema, Serialize)]
struct Coupon<'a> {
    /// Where its code comes from: `fixed` is one for everyone, `pool` one from a list and nobody else's, `derived` one that a
    /// till can verify offline.
    scheme: CouponScheme,
    /// What the till takes.
    #[schemars(length(min = 1))]
    code: &'a str,
    /// It is good for one purchase.
    single_use: bool,
}

#[derive(Clone, Copy, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
enum CouponScheme {
    Fixed,
    Pool,
    Derived,
}

#[derive(JsonSchema, Serialize)]
pub(crate) struct Why<'a> {
    /// In sentences for the customer, by language tag.
    text: BTreeMap<&'static str, String>,
    /// What made the campaign speak.
    #[schemars(extend("enum" = TRIGGERS))]
    trigger: &'static str,
    /// What was read of the customer to decide it.
    #[schemars(extend("items" = { "type": "string", "enum": Used::ALL.map(Used::as_str) }))]
    data_used: Vec<&'static str>,
    /// What it was used for.
    #[schemars(extend("const" = PURPOSE))]
    purpose: &'static str,
    /// The version of the notice that they accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
