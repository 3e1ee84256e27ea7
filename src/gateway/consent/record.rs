//! The consent record: JSON, the same object in a file, by the command line and over MQTT (the contract in `captures`).
//!
//! [`parse`] takes one line and answers with a record or with everything that is wrong with it, in sentences that name
//! the field. A field that nobody knows is refused, for it may be a restriction; no sentence holds an identifier, a
//! key or a pseudonym.

mod check;

mod identifiers;

pub use identifiers::IdentifierRecord;

mod read;

mod shape;

use std::collections::BTreeMap;
use std::fmt;

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
}

/// A consent as it is written. [`ConsentRecord::check`] makes the core's type of it; what the core does not use yet is
/// checked and kept here.
#[derive(Clone, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the contract, one by one")]
pub struct ConsentRecord {
    pub customer: String,
    pub epoch: u64,
    pub tier: String,
    pub purposes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    pub identifiers: Vec<IdentifierRecord>,
    pub valid_from: String,
    pub valid_until: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<[String; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<CapsRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interests: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_band: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_categories: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wishes: Option<Vec<WishRecord>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adult: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestTag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<String>,
}

/// `caps`: the names of promise.toml in `snake_case`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the contract, one by one")]
pub struct CapsRecord {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customer: Vec<CapRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub campaign: Vec<CapRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<CapRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zone: Vec<CapRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub site: Vec<CapRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<CapRecord>,
}

/// At most N in any rolling window; without `per`, for as long as the consent is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the contract, one by one")]
pub struct CapRecord {
    pub at_most: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
}

/// Remind me in the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the contract, one by one")]
pub struct WishRecord {
    pub category: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The notice that the customer accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the contract, one by one")]
pub struct Notice {
    pub version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A tester's tag: a name for the test, or plain `true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TestTag {
    /// Whether it is one.
    Flag(bool),
    /// The test's name.
    Name(String),
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
        match read::record(value).map_err(serde::de::Error::custom)? {
            Record::Grant(record) => Ok(*record),
            Record::Withdraw { .. } => Err(serde::de::Error::custom("this is a withdrawal, not a consent")),
        }
    }
}

/// What [`topic_level`] takes.
const TOPIC_LEVEL: &str = "a short text without `/`, `+`, `#` or control characters";

/// `text` if it can be one level of an MQTT topic: 1 to `max` characters, none of them with a meaning there.
fn topic_level(text: &str, max: usize) -> Option<String> {
    let legal = |c: char| !c.is_control() && !matches!(c, '/' | '+' | '#');
    ((1..=max).contains(&text.chars().count()) && text.chars().all(legal)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
