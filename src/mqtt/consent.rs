//! What the registrar is told (`docs/registrar.md`): the answers to its records, and how its feed fares. Plain JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::event::{instant, json};

/// How the registrar's feed fares, for the state topic.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ConsentFeed {
    /// The registrar whose heartbeats are heeded.
    pub registrar: String,
    /// When its last one was, RFC 3339. A feed that is silent for an hour has missed a dozen, and leaves 23 hours to see to it.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// Whether what it summed up is what is held here: leases hold for 24 h from then.
    pub agrees: bool,
    /// The registrar is to tell every record again.
    pub wants_snapshot: bool,
    /// How many consents that came over the network are held here.
    pub count: u64,
}

/// An instant (wall, microseconds) as it is written on the wire.
pub fn at(us: i64) -> String {
    instant(us)
}

/// The answer to a consent that is on disk: when it ends, `ends_us` (wall, microseconds), its inbox for each recipient, and
/// what is kept of it and not in force, a sentence each.
pub fn accepted<'a>(
    epoch: u64,
    ends_us: i64,
    inbox: impl Iterator<Item = (&'a str, &'a str)>,
    warnings: &[String],
) -> String {
    json(&Accepted { result: ACCEPTED, epoch, valid_until: instant(ends_us), inbox: inbox.collect(), warnings })
}

/// The answer to a withdrawal, once nothing of its customer is left.
pub fn forgotten(epoch: u64) -> String {
    json(&Forgotten { result: FORGOTTEN, epoch })
}

/// The answer to a consent, once it is on disk.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Accepted<'a> {
    /// What became of it.
    #[schemars(extend("const" = ACCEPTED))]
    result: &'static str,
    /// The record's epoch.
    epoch: u64,
    /// When it ends as things stand, its lease included.
    #[schemars(extend("format" = "date-time"))]
    valid_until: String,
    /// The address for each recipient: those of the record, or else those that were drawn. Whoever passes offers on has to be
    /// told.
    inbox: BTreeMap<&'a str, &'a str>,
    /// What is kept of it and not in force, a sentence each.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// The answer to a withdrawal, once nothing of its customer is left.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Forgotten {
    /// What became of it.
    #[schemars(extend("const" = FORGOTTEN))]
    result: &'static str,
    /// The withdrawal's epoch.
    epoch: u64,
}

const ACCEPTED: &str = "accepted";
const FORGOTTEN: &str = "forgotten";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrar_is_told_when_a_lease_ends_and_where_offers_go() {
        let inbox = [("push", "q7Jr")];
        let told = accepted(4, 1_790_000_000_000_000, inbox.into_iter(), &[]);
        let expected =
            r#"{"result":"accepted","epoch":4,"valid_until":"2026-09-21T14:13:20Z","inbox":{"push":"q7Jr"}}"#;
        assert_eq!(told, expected);
        let told = accepted(4, 0, std::iter::empty(), &["irk: kept".to_owned()]);
        assert!(told.ends_with(r#""inbox":{},"warnings":["irk: kept"]}"#), "{told}");
        assert_eq!(forgotten(5), r#"{"result":"forgotten","epoch":5}"#);
    }
}
