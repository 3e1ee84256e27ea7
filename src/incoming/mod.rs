//! What comes in over MQTT besides what is heard (`docs/talking-back.md`): what customers say back and ask, what they buy,
//! live values, and what the shop wants silent.
//!
//! Reading a message is pure. A flaw names its kind and holds nothing of the message; fields that are not known are passed
//! over, and a known one of another type is a flaw.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::config::Name;
use crate::config::span::Span;
use crate::gateway::consent::CustomerId;
use crate::gateway::feedback::Kind;
use crate::ledger::halts::Word;

pub mod consent;

pub mod ear;

pub mod feed;

pub mod room;

pub mod subject;

pub mod tally;

pub mod withdrawn;

use subject::Wish;

/// The longest message, in bytes: none has more than a handful of short fields.
pub const MAX_MESSAGE_LEN: usize = 4 * 1024;

/// The longest level of a topic, and the longest id in a message, in characters: an inbox of a consent has as many.
const MAX_LEVEL: usize = 128;

/// The longest text of a value, in characters: it stands in the middle of a sentence.
const MAX_VALUE: usize = 64;

const SALE: &str = "sale";
const RETURN: &str = "return";
const PAUSE: &str = "pause";
const RESUME: &str = "resume";
const STOP: &str = "stop";
const START: &str = "start";
const RECALL: &str = "recall";

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A customer said something back about an offer.
    Feedback {
        /// The inbox that the offer went to.
        inbox: Name,
        /// The offer.
        offer_id: Name,
        /// What was said.
        kind: Kind,
        /// How long a snooze lasts, where that was said.
        snooze: Option<Span>,
    },
    /// A customer asks what there is for them here.
    Ask {
        /// Through which of their inboxes.
        inbox: Name,
    },
    /// Something was bought, or given back.
    Purchase {
        /// By whom.
        whom: Whom,
        /// Of which category.
        category: Name,
        /// It was given back.
        is_return: bool,
        /// When (wall, microseconds).
        at_us: i64,
    },
    /// A live value for texts.
    Value {
        /// Its name in texts.
        name: Name,
        /// What is put in its place.
        text: Name,
        /// When it was true (wall, microseconds).
        at_us: i64,
        /// For how long from then, in microseconds.
        good_for_us: i64,
    },
    /// The shop wants something silent, or not any more.
    Control {
        /// What.
        word: Word,
        /// When it was said (wall, microseconds).
        at_us: i64,
    },
    /// The shop takes back one offer.
    Recall {
        /// By the id that any of its recipients knows it by.
        offer_id: Name,
    },
    /// Somebody asks for all that is stored of them, or to be forgotten.
    Subject {
        /// Who.
        whom: Whom,
        /// Which of the two.
        wish: Wish,
    },
    /// An empty message: whoever kept something with the broker lets go of it.
    LetGo,
}

impl Message {
    /// Whether somebody wants less said or kept: of all that comes in it must not be lost.
    pub fn is_no(&self) -> bool {
        match self {
            Self::Feedback { kind, .. } => {
                matches!(kind, Kind::Dismissed | Kind::NoMore | Kind::Snooze | Kind::Stop)
            }
            Self::Control { word, .. } => matches!(word, Word::Pause(_) | Word::Stop(_)),
            Self::Subject { wish, .. } => *wish == Wish::Erase,
            Self::Recall { .. } => true,
            Self::Ask { .. } | Self::Purchase { .. } | Self::Value { .. } | Self::LetGo => false,
        }
    }
}

/// `Debug` names the kind and nothing more: an inbox is somebody's.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Feedback { .. } => "Feedback(..)",
            Self::Ask { .. } => "Ask(..)",
            Self::Purchase { .. } => "Purchase(..)",
            Self::Value { .. } => "Value(..)",
            Self::Control { .. } => "Control(..)",
            Self::Recall { .. } => "Recall(..)",
            Self::Subject { .. } => "Subject(..)",
            Self::LetGo => "LetGo",
        })
    }
}

/// Whom a message is about.
#[derive(Clone, PartialEq, Eq)]
pub enum Whom {
    /// By their pseudonym.
    Customer(CustomerId),
    /// By one of their inboxes.
    Inbox(Name),
}

/// Why a message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// Its topic is none of those that are read.
    Topic,
    /// It is longer than [`MAX_MESSAGE_LEN`].
    TooLong,
    /// It is no JSON object.
    NotJson,
    /// A field is missing, or is of another type.
    Fields,
    /// It wants something that nobody knows.
    Kind,
    /// A time is not written as RFC 3339 has it, or a length of time not as in the configuration.
    Time,
    /// A text is empty, too long, or cannot be written.
    Text,
}

impl Flaw {
    /// The word for every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::TooLong => "too-long",
            Self::NotJson => "not-json",
            Self::Fields => "fields",
            Self::Kind => "kind",
            Self::Time => "time",
            Self::Text => "text",
        }
    }
}

/// What `payload` says on `topic`, of which `{root}/v1/{site}/` is taken off.
///
/// # Errors
/// Why it is of no use.
pub fn parse(topic: &str, payload: &[u8]) -> Result<Message, Flaw> {
    if payload.len() > MAX_MESSAGE_LEN {
        return Err(Flaw::TooLong);
    }
    let (what, of) = topic.split_once('/').unwrap_or((topic, ""));
    match what {
        "feedback" => feedback(level(of)?, read(payload)?),
        // What is asked is told by the topic alone.
        "ask" => Ok(Message::Ask { inbox: level(of)? }),
        "purchase" if of.is_empty() => purchase(read(payload)?),
        "subject" if of.is_empty() => subject::request(read(payload)?),
        "value" | "control" if payload.is_empty() => Ok(Message::LetGo),
        "value" => value(level(of)?, read(payload)?),
        "control" => match of.split_once('/') {
            Some(("campaign", campaign)) => campaign_word(level(campaign)?, &read(payload)?),
            Some(("offer", offer)) => recall(level(offer)?, &read(payload)?),
            None if of == "pause" => pause_word(&read(payload)?),
            _ => Err(Flaw::Topic),
        },
        _ => Err(Flaw::Topic),
    }
}

/// Whose inbox a topic names, where it names one: who speaks.
pub fn inbox_of(topic: &str) -> Option<&str> {
    topic.strip_prefix("feedback/").or_else(|| topic.strip_prefix("ask/")).filter(|inbox| level(inbox).is_ok())
}

fn feedback(inbox: Name, fields: FeedbackFields) -> Result<Message, Flaw> {
    let kind = Kind::of(&fields.kind).ok_or(Flaw::Kind)?;
    let snooze = fields.length.filter(|_| kind == Kind::Snooze);
    let snooze = snooze.map(|length| length.parse()).transpose().map_err(|_| Flaw::Time)?;
    Ok(Message::Feedback { inbox, offer_id: text(&fields.offer_id, MAX_LEVEL)?, kind, snooze })
}

fn purchase(fields: PurchaseFields) -> Result<Message, Flaw> {
    let whom = whom(fields.customer, fields.inbox)?;
    let is_return = match &*fields.kind {
        SALE => false,
        RETURN => true,
        _ => return Err(Flaw::Kind),
    };
    Ok(Message::Purchase { whom, category: text(&fields.category, MAX_LEVEL)?, is_return, at_us: instant(&fields.at)? })
}

/// A person is named by their pseudonym or by one of their inboxes, and not by both.
fn whom(customer: Option<String>, inbox: Option<String>) -> Result<Whom, Flaw> {
    match (customer, inbox) {
        (Some(customer), None) => Ok(Whom::Customer(CustomerId::new(&customer).ok_or(Flaw::Text)?)),
        (None, Some(inbox)) => Ok(Whom::Inbox(level(&inbox)?)),
        _ => Err(Flaw::Fields),
    }
}

fn value(name: Name, fields: ValueFields) -> Result<Message, Flaw> {
    let written = match fields.value {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    };
    let good_for_us = i64::try_from(fields.good_for_secs).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    Ok(Message::Value { name, text: text(&written, MAX_VALUE)?, at_us: instant(&fields.at)?, good_for_us })
}

fn pause_word(fields: &ControlFields) -> Result<Message, Flaw> {
    let word = match &*fields.what {
        PAUSE => Word::Pause(fields.until.as_deref().map(instant).transpose()?.unwrap_or(i64::MAX)),
        RESUME => Word::Resume,
        _ => return Err(Flaw::Kind),
    };
    Ok(Message::Control { word, at_us: instant(&fields.at)? })
}

fn campaign_word(campaign: Name, fields: &ControlFields) -> Result<Message, Flaw> {
    let word = match &*fields.what {
        STOP => Word::Stop(campaign),
        START => Word::Start(campaign),
        _ => return Err(Flaw::Kind),
    };
    Ok(Message::Control { word, at_us: instant(&fields.at)? })
}

/// A recall is heeded whenever it was said, for it cannot be taken back; its time is read all the same, so that every word
/// of the shop has the same shape.
fn recall(offer_id: Name, fields: &ControlFields) -> Result<Message, Flaw> {
    instant(&fields.at)?;
    if fields.what == RECALL { Ok(Message::Recall { offer_id }) } else { Err(Flaw::Kind) }
}

/// The fields of a JSON object. Read as an object first: a list would do as well for the fields in their order.
fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Flaw> {
    let object: Map<String, Value> = serde_json::from_slice(payload).map_err(|_| Flaw::NotJson)?;
    serde_json::from_value(Value::Object(object)).map_err(|_| Flaw::Fields)
}

/// One level of a topic.
fn level(name: &str) -> Result<Name, Flaw> {
    let is_level = !name.contains(['/', '+', '#']);
    text(name, MAX_LEVEL).ok().filter(|_| is_level).ok_or(Flaw::Topic)
}

/// A text that can be written in a sentence, of `most` characters at the most.
fn text(text: &str, most: usize) -> Result<Name, Flaw> {
    let is_written = !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if is_written { Ok(text.into()) } else { Err(Flaw::Text) }
}

/// An instant as RFC 3339 has it, in microseconds (wall).
fn instant(text: &str) -> Result<i64, Flaw> {
    text.parse::<Timestamp>().map(Timestamp::as_microsecond).map_err(|_| Flaw::Time)
}

/// What a customer says back about an offer; the topic names the inbox that it went to. Each kind counts once an offer,
/// however often it is told.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FeedbackFields {
    /// The offer's id, as its event had it.
    #[schemars(length(min = 1, max = MAX_LEVEL))]
    offer_id: String,
    /// What is said of it; `displayed` is the recipient's own word, the others are the customer's.
    #[schemars(extend("enum" = Kind::ALL.map(Kind::as_str)))]
    kind: String,
    /// How long a snooze lasts, such as `90m`, `2h` or `3d`; at most 31 days.
    #[serde(rename = "for")]
    length: Option<String>,
}

/// Something was bought, or given back, by the customer or through the inbox that is named: exactly one of the two.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("oneOf" = [{ "required": ["customer"] }, { "required": ["inbox"] }]))]
pub(crate) struct PurchaseFields {
    /// Their pseudonym, as in their consent.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    customer: Option<String>,
    /// One of their inboxes.
    #[schemars(length(min = 1, max = MAX_LEVEL), regex(pattern = "^[^/+#]+$"))]
    inbox: Option<String>,
    /// Of which category of offers.toml.
    #[schemars(length(min = 1, max = MAX_LEVEL))]
    category: String,
    /// Bought, or given back.
    #[schemars(extend("enum" = [SALE, RETURN]))]
    kind: String,
    /// When.
    #[schemars(extend("format" = "date-time"))]
    at: String,
}

/// A live value for texts; the topic has its name.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ValueFields {
    /// A number, or a text of at most 64 characters.
    value: Written,
    /// When it was true. An older one than is known, or one from over a minute ahead, is not taken.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// For how long from then, in seconds; a day at the most. After it what names the value is silent.
    good_for_secs: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    Number(Number),
    Text(#[schemars(length(min = 1, max = MAX_VALUE))] String),
}

/// Silence in the whole shop, of one campaign or of one offer, at once, or not any more; the topic says which. Of two words on one matter
/// the one with the later `at` counts.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ControlFields {
    /// `pause` and `resume` on `control/pause`, `stop` and `start` on `control/campaign/{id}`, `recall` on
    /// `control/offer/{offer_id}`.
    #[serde(rename = "do")]
    #[schemars(extend("enum" = [PAUSE, RESUME, STOP, START, RECALL]))]
    what: String,
    /// When it was said.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// When a pause ends; without it, when somebody resumes.
    #[schemars(extend("format" = "date-time"))]
    until: Option<String>,
}

#[cfg(test)]
mod tests;
