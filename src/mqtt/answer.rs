//! What is answered to whoever asks, as they see it: plain JSON, kept by nobody.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::event::{self, MAX_EVENT_LEN, json};
use crate::export::Export;
use crate::gateway::effect::Reason;
use crate::gateway::offer::ask::Answered;
use crate::words::{self, Language, Reader};

/// What an answer says besides the export in it: `"result":"export",`.
const RESULT_LEN: usize = 32;

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
    json(&Done { result: "taken" })
}

/// The answer to whoever wanted somebody forgotten, when they are: no byte of them is left.
pub fn forgotten() -> String {
    json(&Done { result: "forgotten" })
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

#[derive(Serialize)]
struct Asked<T: Serialize> {
    offers: Vec<T>,
    withheld: Vec<Withheld>,
}

#[derive(Serialize)]
struct Withheld {
    reason: &'static str,
    text: String,
}

#[derive(Serialize)]
struct WhyAnswer<'a> {
    offer_id: &'a str,
    why: Value,
}

#[derive(Serialize)]
struct Done {
    result: &'static str,
}

#[derive(Serialize)]
struct Exported {
    result: &'static str,
    #[serde(flatten)]
    export: Export,
}

#[derive(Serialize)]
struct Rejected<'a> {
    result: &'static str,
    reason: &'a str,
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
