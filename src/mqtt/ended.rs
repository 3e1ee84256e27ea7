//! That an offer ended before its time, as recipients see it: a `CloudEvent` like the offer, on a topic of its own.

use schemars::JsonSchema;
use serde::Serialize;

use super::envelope::{Envelope, Personal};
use super::event::PURPOSE;
use super::topic::Topics;
use crate::config::Name;
use crate::config::gateway::Gateway;
use crate::gateway::effect::Ending;
use crate::gateway::key::Key;

const OFFER_ENDED: &str = "emma.offer.ended.v1";
pub(crate) const OFFER_ENDED_SCHEMA: &str = "urn:emma:schema:offer-ended:v1";

/// As whom Emma speaks.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// The first level of every topic.
    pub root: Name,
    /// The shop.
    pub site: Name,
    /// The Pi.
    pub gateway: Name,
}

impl Default for Speaker {
    fn default() -> Self {
        Self { root: "emma".into(), site: "site".into(), gateway: "gateway".into() }
    }
}

impl Speaker {
    /// As whom the Pi that `gateway` configures speaks.
    pub fn of(gateway: &Gateway) -> Self {
        let root = gateway.mqtt.as_ref().map_or_else(|| "emma".into(), |mqtt| mqtt.root.clone());
        Self { root, site: gateway.site.clone(), gateway: gateway.gateway.clone() }
    }
}

/// A recipient's copy of an offer that ends.
#[derive(Clone, Copy)]
pub struct Ended<'a> {
    /// The offer's id for this recipient.
    pub offer_id: &'a str,
    /// Who the recipient is.
    pub recipient: &'a str,
    /// The address that the offer went to.
    pub inbox: &'a str,
    /// Why, in the contract's word.
    pub reason: &'a str,
    /// When it ended (wall, microseconds).
    pub at_us: i64,
    /// Until when this is worth saying: as long as the offer would have held (wall, microseconds).
    pub until_us: i64,
    /// A tester's.
    pub test: bool,
}

/// The message's id, its topic, and itself but for its `sequence`.
pub struct Message {
    /// The event's id, the same at every resend: an offer ends once for each reason, and one that was left can be recalled.
    pub event_id: Name,
    /// Where it goes.
    pub topic: String,
    /// The event as JSON.
    pub payload: String,
}

/// The id of the event that says that an offer ended for this reason.
pub fn event_id(offer_id: &str, reason: &str, key: &Key) -> Name {
    key.id(&[b"ended", offer_id.as_bytes(), reason.as_bytes()])
}

/// What is said of `ended`.
pub fn message(ended: Ended<'_>, speaker: &Speaker, key: &Key) -> Message {
    let Speaker { root, site, gateway } = speaker;
    let event_id = event_id(ended.offer_id, ended.reason, key);
    let envelope = Envelope {
        id: &event_id,
        kind: OFFER_ENDED,
        schema: OFFER_ENDED_SCHEMA,
        subject: ended.offer_id,
        at_us: ended.at_us,
        until_us: ended.until_us,
        personal: Some(Personal { purpose: PURPOSE, test: ended.test }),
    };
    let payload = envelope.around(&Data { offer_id: ended.offer_id, reason: ended.reason }, site, gateway);
    Message { topic: Topics { root, site }.offer_end(ended.recipient, ended.inbox), payload, event_id }
}

/// The words of `reason`. Each offer says itself until when it holds, so that it need not be said that it expired; the word
/// is the contract's all the same.
fn reasons() -> Vec<&'static str> {
    Ending::ALL.into_iter().map(Ending::as_str).chain(["expired"]).collect()
}

/// That an offer ended before its time. Whoever has not shown it does not show it any more.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Data<'a> {
    /// The offer's id, as its event had it.
    #[schemars(length(min = 1))]
    offer_id: &'a str,
    /// `left`: the customer left the zone, do not notify them any more, a coupon holds. `withdrawn`: they withdrew or want
    /// silence, and `recalled`: the shop took it back; of both, coupon and text are to go. `expired` is reserved. Another word
    /// is an end as well.
    #[schemars(extend("enum" = reasons()))]
    reason: &'a str,
}
