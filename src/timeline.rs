//! The timeline: what happened, one JSON object a line, for the operator's own machine (the contract in `captures`).

use serde::Serialize;

use crate::gateway::effect::{Happening, What};
use crate::gateway::zone;
use crate::words::{self, Language, Reader};

/// Microseconds in a second.
const SECOND_US: u64 = 1_000_000;

/// A line's fields, in the order in which they are written; what an event has not is left out.
#[derive(Default, Serialize)]
struct Line<'a> {
    t: i64,
    event: &'static str,
    customer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why<'a>>,
}

/// Whole where it is whole.
#[derive(Serialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Parts(f64),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Why<'a> {
    Moved(&'a zone::why::Why),
    Sentence(String),
}

/// One line without its end, or nothing for what happened while the clock was not trusted. `explain` adds `why`.
pub fn line(happening: &Happening, explain: bool) -> Option<String> {
    let t = happening.at.wall_us?;
    let mut line = Line { t, customer: happening.customer.as_str(), ..describe(&happening.what) };
    if explain {
        line.why = why(&happening.what);
    }
    // Strings, numbers and maps with string keys: serialising them cannot fail.
    serde_json::to_string(&line).ok()
}

fn describe(what: &What) -> Line<'_> {
    match what {
        What::VisitStarted => Line { event: "visit.started", ..Line::default() },
        What::VisitEnded => Line { event: "visit.ended", ..Line::default() },
        What::Entered { zone, confidence, .. } => placed("zone.entered", zone, *confidence),
        What::Unsure { zone, confidence, .. } => placed("zone.unsure", zone, *confidence),
        What::Sure { zone, confidence, .. } => placed("zone.sure", zone, *confidence),
        What::Dwelled { zone, dwell_us } => {
            Line { event: "zone.dwelled", zone: Some(zone), seconds: Some(seconds(*dwell_us)), ..Line::default() }
        }
        What::Left { zone, .. } => Line { event: "zone.left", zone: Some(zone), ..Line::default() },
        What::Delivered { zone, campaign, delivery } => {
            let offer = Some(&*delivery.0);
            Line { event: "offer.delivered", zone: Some(zone), campaign: Some(campaign), offer, ..Line::default() }
        }
        What::Withheld { zone, campaign, reason } => {
            let reason = Some(reason.as_str());
            Line { event: "offer.withheld", zone: Some(zone), campaign: Some(campaign), reason, ..Line::default() }
        }
    }
}

fn why(what: &What) -> Option<Why<'_>> {
    match what {
        What::Entered { evidence, .. }
        | What::Unsure { evidence, .. }
        | What::Sure { evidence, .. }
        | What::Left { evidence, .. } => evidence.as_deref().map(Why::Moved),
        What::Withheld { reason, .. } => Some(Why::Sentence(words::reason(*reason, Language::En, Reader::Manager))),
        What::VisitStarted | What::VisitEnded | What::Dwelled { .. } | What::Delivered { .. } => None,
    }
}

fn placed<'a>(event: &'static str, zone: &'a str, confidence: f64) -> Line<'a> {
    Line { event, zone: Some(zone), confidence: Some(two_digits(confidence)), ..Line::default() }
}

/// Two digits say all that a confidence can; what is not certain is never written as 1.
fn two_digits(confidence: f64) -> f64 {
    if confidence < 1.0 { hundredths(confidence).min(0.99) } else { 1.0 }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn seconds(us: u64) -> Seconds {
    if us.is_multiple_of(SECOND_US) {
        return Seconds::Whole(us / SECOND_US);
    }
    #[expect(clippy::cast_precision_loss, reason = "a dwell length is far below the 285 years at which this loses one")]
    Seconds::Parts(us as f64 / 1e6)
}
