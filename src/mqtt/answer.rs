//! What is answered to whoever asks, as they see it: plain JSON, kept by nobody.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::event::{self, MAX_EVENT_LEN, json};
use crate::export::Export;
use crate::gateway::effect::Reason;
use crate::gateway::offer::ask::Answered;
use crate::words::{self, Language, Reader};

/// What an answer says besides the export in it: `"result":"export",`.
const RESULT_LEN: usize = 32;
const TAKEN: &str = "taken";
const FORGOTTEN: &str = "forgotten";

/// The answer to `ask`: what there is here now, at `at_us` (wall), and for which reasons the rest is not said, each once.
/// Of whoever is in no zone, or unknown, it says the same: nothing.
pub fn asked(answered: &Answered, language: Option<&str>, at_us: i64, site: &str) -> String {
    let reasons: BTreeSet<Reason> = answered.withheld.iter().map(|(_, reason)| *reason).collect();
    let withheld =
        reasons.into_iter().map(|reason| Withheld { reason: reason.as_str(), text: sentence(reason, language) });
    json(&Asked {
        offers: answered.offers.iter().map(|offer| event::asked(offer, at_us, site)).collect(),
        withheld: withheld.collect(),
    })
}

/// The answer to feedback that asks why an offer was made: `why` as the offer had it, JSON, if it is still remembered.
pub fn why(offer_id: &str, why: Option<&str>) -> String {
    let why = why.and_then(|why| serde_json::from_str(why).ok()).unwrap_or_else(|| Value::from("unknown"));
    json(&WhyAnswer { offer_id, why })
}

/// The answer to a message that was taken: what it changes is on disk.
pub fn taken() -> String {
    json(&Done { result: TAKEN })
}

/// The answer to whoever wanted somebody forgotten, when they are: no byte of them is left.
pub fn forgotten() -> String {
    json(&Done { result: FORGOTTEN })
}

/// The answer to whoever asks what is stored of somebody, in at most `room` bytes, and no more than an event has room for.
pub fn exported(export: Export, room: usize) -> String {
    let most = room.min(MAX_EVENT_LEN).saturating_sub(RESULT_LEN);
    json(&Exported { result: "export", export: export.within(most) })
}

/// The answer to a message of no use: the word for why, and what is wrong with it, a sentence each. Nothing of the message
/// is repeated.
pub fn rejected(reason: &str, problems: &[String]) -> String {
    json(&Rejected { result: "rejected", reason, problems })
}

/// A reason in the customer's language, else in English.
fn sentence(reason: Reason, language: Option<&str>) -> String {
    words::reason(reason, language.and_then(Language::of).unwrap_or(Language::En), Reader::Customer)
}

/// The answer to a question: what there is for the customer, where they are. Nothing of it is kept, no cap counts it, and
/// nothing can be said back about it. Of an inbox that nobody has, and of somebody in no zone, it is two empty lists.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Asked<T: Serialize> {
    /// At most five, best first; without `offer_id`, `notify_until` and `actions`.
    offers: Vec<T>,
    /// Why the rest is not said, each reason once.
    withheld: Vec<Withheld>,
}

#[derive(JsonSchema, Serialize)]
struct Withheld {
    /// The gate that said no.
    #[schemars(extend("enum" = Reason::ALL.map(Reason::as_str)))]
    reason: &'static str,
    /// The same in a sentence for the customer, in their language.
    text: String,
}

/// The answer to feedback of the kind `why`.
#[derive(JsonSchema, Serialize)]
pub(crate) struct WhyAnswer<'a> {
    /// The offer that was asked about.
    offer_id: &'a str,
    /// The offer's own `why`, or `"unknown"` where it is not remembered any more.
    #[schemars(with = "Remembered")]
    why: Value,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "what is remembered is JSON already; this is the shape that it has")]
enum Remembered {
    Why(event::Why<'static>),
    #[schemars(extend("const" = "unknown"))]
    Forgotten(String),
}

/// The answer to a message that was taken.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Done {
    /// What became of it: `taken`, what it changes is on disk; `forgotten`, nothing is stored of that person any more.
    #[schemars(extend("enum" = [TAKEN, FORGOTTEN]))]
    result: &'static str,
}

/// The answer to whoever asks what is stored of somebody.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Exported {
    /// What became of the message.
    #[schemars(extend("const" = "export"))]
    result: &'static str,
    #[serde(flatten)]
    export: Export,
}

/// The answer to a message of no use. Nothing of the message is repeated.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Rejected<'a> {
    /// What became of the message.
    #[schemars(extend("const" = "rejected"))]
    result: &'static str,
    /// Why, in one word; the documents list them.
    #[schemars(regex(pattern = "^[a-z-]+$"))]
    reason: &'a str,
    /// What is wrong, a sentence each, where there is more to say.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    problems: &'a [String],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_use_is_answered_with_the_word_for_why() {
        assert_eq!(rejected("fields", &[]), r#"{"result":"rejected","reason":"fields"}"#);
        let told = rejected("epoch", &["a later epoch was seen".to_owned()]);
        assert_eq!(told, r#"{"result":"rejected","reason":"epoch","problems":["a later epoch was seen"]}"#);
    }
}
