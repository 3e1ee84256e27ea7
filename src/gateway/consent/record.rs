//! The consent record: JSON, the same object in a file, by the command line and over MQTT (the contract in `captures`).
//!
//! [`parse`] takes one line and answers with a record or with everything that is wrong with it, in sentences that name
//! the field. A field that nobody knows is refused, for it may be a restriction; no sentence holds an identifier, a
//! key or a pseudonym.

mod check;

mod identifiers;

pub use identifiers::{BEACONS, IdentifierRecord};

mod read;

mod shape;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{CustomerId, Identifier};

/// The longest record, in bytes: eight identifiers, full lists and inboxes fit in with room to spare.
pub const MAX_RECORD_LEN: usize = 16 * 1024;

/// The most identifiers of one customer: a phone, a watch, a few tags.
pub const MAX_IDENTIFIERS: usize = 8;

/// One line of a consent file.
#[derive(Clone, Debug)]
pub enum Record {
    /// A consent, checked.
    Grant(Box<ConsentRecord>),
    /// Forget me.
    Withdraw {
        /// Who.
        customer: CustomerId,
        /// The epoch of the withdrawal.
        epoch: u64,
    },
    /// It holds no longer, by the word of whoever registers customers.
    Lapse {
        /// Whose.
        customer: CustomerId,
        /// The epoch of that word.
        epoch: u64,
    },
}

/// A consent: what one customer agreed to, as whoever registers customers says it. A field that nobody knows is refused, for
/// it may be a restriction.
// [`ConsentRecord::check`] makes the core's type of it; what the core does not use yet is checked and kept here.
#[derive(Clone, Default, PartialEq, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct ConsentRecord {
    /// Their pseudonym.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    pub customer: String,
    /// Grows with each change that the customer makes; a record below the last one seen is refused.
    #[schemars(range(max = i64::MAX))]
    pub epoch: u64,
    /// What became of it: `given`, as without one, or `renewed`. Any other state is a message of its own (`consent-ended`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = check::open_states()))]
    pub state: Option<String>,
    /// Whether they are told only when they ask, of what suits the place, or of what suits them.
    #[schemars(extend("enum" = check::tiers()))]
    pub tier: String,
    /// What their data may be used for; an offer needs `offers`.
    #[schemars(extend("items" = { "type": "string", "enum": check::purposes() }))]
    pub purposes: Vec<String>,
    /// The shops it is for; without it, every shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = read::MAX_WORDS))]
    pub sites: Option<Vec<String>>,
    /// The categories it is for; without it, or empty, every one that is not sensitive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = read::MAX_WORDS))]
    pub categories: Option<Vec<String>>,
    /// The categories that were sensitive when it was taken. Without a list of `categories` none of them is served, whatever
    /// becomes of them later; where the record names none, those of that day are written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<Vec<String>>,
    /// What their devices transmit.
    #[schemars(length(min = 1, max = MAX_IDENTIFIERS))]
    pub identifiers: Vec<IdentifierRecord>,
    /// Since when it holds.
    #[schemars(extend("format" = "date-time"))]
    pub valid_from: String,
    /// Until when it holds; over the network at most 24 h ahead, unless the registrar's feed beats.
    #[schemars(extend("format" = "date-time"))]
    pub valid_until: String,
    /// When they agreed; not after `valid_from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub given_at: Option<String>,
    /// Under which reference whoever registers customers keeps the proof. It says nothing of who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = check::MAX_PROOF))]
    pub proof: Option<String>,
    /// For each recipient of promise.toml the opaque address that offers go to; without one, a random one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = read::MAX_INBOXES))]
    pub inbox: Option<BTreeMap<String, String>>,
    /// At most so many offers under this epoch, in this site: how a chain shares one promise over its shops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u32>,
    /// Their language, a tag such as `de` or `de-CH` (BCP 47).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Their time zone, such as `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// A start and an end of the day between which nothing is said, such as `["22:00", "06:00"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(regex(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")))]
    pub quiet_hours: Option<[String; 2]>,
    /// Their own caps, only ever tighter than promise.toml.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<CapsRecord>,
    /// What they say interests them; tier `personal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = read::MAX_WORDS))]
    pub interests: Option<Vec<String>>,
    /// What they say they like to spend; tier `personal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_band: Option<String>,
    /// What comes first for them; tier `personal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = read::MAX_WORDS))]
    pub pinned_categories: Option<Vec<String>>,
    /// What they want to be reminded of in the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = read::MAX_WISHES))]
    pub wishes: Option<Vec<WishRecord>>,
    /// They are of age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adult: Option<bool>,
    /// The notice that they accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    /// A tester's tag, or plain `true`: marked on the wire, never in a report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestTag>,
    /// Nothing is said before this time, and nothing is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub paused_until: Option<String>,
}

/// Caps: the names of promise.toml in `snake_case`.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct CapsRecord {
    /// Of all offers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customer: Vec<CapRecord>,
    /// At most so many a visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<u32>,
    /// The least time between two offers, such as `2h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// Of one campaign.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub campaign: Vec<CapRecord>,
    /// Of one category.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<CapRecord>,
    /// In one zone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zone: Vec<CapRecord>,
    /// In one shop.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub site: Vec<CapRecord>,
    /// Of the class `service`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<CapRecord>,
}

/// At most N in any rolling window; without `per`, for as long as the consent is remembered.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct CapRecord {
    /// N.
    pub at_most: u32,
    /// The window, such as `2h`, `7d` or `30 months`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
}

/// Remind me in the shop.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct WishRecord {
    /// Of what, a category of offers.toml.
    pub category: String,
    /// What it may cost, such as `150 CHF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<String>,
    /// The last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date"))]
    pub until: Option<String>,
}

/// The notice that the customer accepted.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct Notice {
    /// Its version.
    pub version: String,
    /// The language that they read it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A tester's tag: a name for the test, or plain `true`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum TestTag {
    /// Whether it is one.
    Flag(bool),
    /// The test's name.
    Name(String),
}

/// A withdrawal: forget me.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "`read` makes a Record of it at once; this is the shape that it reads")]
pub(crate) struct WithdrawalRecord {
    /// Their pseudonym.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    customer: String,
    /// Above the epoch of the consent.
    #[schemars(range(max = i64::MAX))]
    epoch: u64,
    /// That it is one.
    #[schemars(extend("const" = true))]
    withdrawn: bool,
}

/// What became of a consent that is no yes, or no longer one. Whatever else a consent has may stand here as well: it is neither
/// judged nor kept.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "`read` makes a Record of it at once; this is the shape that it reads")]
pub(crate) struct EndedRecord {
    /// Their pseudonym.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    customer: String,
    /// Not below that of the consent.
    #[schemars(range(max = i64::MAX))]
    epoch: u64,
    /// `expired`, `requested` and `deferred` silence, and what was kept ends as after any consent; the others forget at once.
    #[schemars(extend("enum" = check::closed_states()))]
    state: String,
}

impl TestTag {
    /// Whether the customer is a tester.
    pub fn is_test(&self) -> bool {
        *self != Self::Flag(false)
    }
}

/// `Debug` shows nothing, so that no log line can carry a record by accident.
impl fmt::Debug for ConsentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsentRecord(..)")
    }
}

/// Everything that is wrong with a record, a sentence each. None holds an identifier, a key or a pseudonym.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    problems: Vec<String>,
}

impl RecordError {
    /// The sentences; at least one.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }

    /// `value` if there are no problems.
    fn unless<T>(value: T, problems: Vec<String>) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self { problems }) }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for RecordError {}

/// The record in `line`, read and checked.
pub fn parse(line: &str) -> Result<Record, RecordError> {
    // Some editors put a byte order mark before the first line.
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    if line.len() > MAX_RECORD_LEN {
        return Err(RecordError::one(format!("the record is longer than {MAX_RECORD_LEN} bytes")));
    }
    let shape::Strict(value) = serde_json::from_str(line).map_err(|error| not_json(&error))?;
    read::record(value)
}

/// The beacon that `fields` name as an identifier of a record is named, `{"ibeacon": {…}}`: an iBeacon, an `AltBeacon` or an
/// Eddystone-UID. Nothing for another kind, or for one with anything wrong.
pub fn beacon(fields: serde_json::Map<String, serde_json::Value>) -> Option<Identifier> {
    let mut problems = Vec::new();
    let read = IdentifierRecord::read("", fields.into(), &mut problems)?;
    let is_beacon = matches!(
        read,
        IdentifierRecord::IBeacon { .. } | IdentifierRecord::AltBeacon { .. } | IdentifierRecord::EddystoneUid { .. }
    );
    read.matched().filter(|_| is_beacon && problems.is_empty())
}

/// The parser's own words are left out where they could repeat what it read.
fn not_json(error: &serde_json::Error) -> RecordError {
    let what = if error.is_data() { shape::DOUBLED } else { "it is not JSON" };
    RecordError::one(format!("{what} (line {}, column {})", error.line(), error.column()))
}

/// Reads and checks: a stored record passes through the same door as a new one.
impl<'de> Deserialize<'de> for ConsentRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape::Strict(value) = shape::Strict::deserialize(deserializer)?;
        read::consent(value).map_err(serde::de::Error::custom)
    }
}

/// What [`topic_level`] takes.
const TOPIC_LEVEL: &str = "a short text without `/`, `+`, `#` or control characters";

/// The same as a pattern, but for its length and control characters.
const TOPIC_LEVEL_PATTERN: &str = "^[^/+#]*$";

/// `text` if it can be one level of an MQTT topic: 1 to `max` characters, none of them with a meaning there.
fn topic_level(text: &str, max: usize) -> Option<String> {
    let legal = |c: char| !c.is_control() && !matches!(c, '/' | '+' | '#');
    ((1..=max).contains(&text.chars().count()) && text.chars().all(legal)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
