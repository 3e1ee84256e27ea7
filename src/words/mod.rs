//! What Emma says to people, in their language. The sentences are in a catalogue a language beside this file, `de.ftl`
//! and so on (Project Fluent's format); what can be said is what the functions here are asked for.

mod catalogue;

pub mod export;

pub mod notice;

mod receipt;

mod report;

mod time;

pub use catalogue::Language;
use catalogue::Phrase;

use jiff::tz::TimeZone;

use crate::config::Texts;
use crate::config::offers::{Class, Trigger};
use crate::gateway::effect::{Offer, Reason, Used};
use crate::receipt::Receipt;
use crate::report::Report;

/// Who is told a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The customer who asks why nothing was said: a sentence about "you".
    Customer,
    /// The store manager: what happened, in few words.
    Manager,
}

/// The line for a locked screen, which says nothing of the offer.
pub fn lock_screen(language: Language) -> String {
    Phrase::new("lock-screen").say(language)
}

/// Why the offer was made: what set it off, what was looked at for it, and that one may say no.
pub fn why(offer: &Offer, language: Language) -> String {
    let zone = zone_name(offer, language);
    let set_off = happened(offer.campaign.trigger, zone, language);
    told(&why_phrases(set_off, offer.campaign.class, &offer.used), language)
}

/// Why the offer was answered to somebody who asked: the question set it off.
pub fn why_asked(offer: &Offer, language: Language) -> String {
    let set_off = asked(zone_name(offer, language));
    told(&why_phrases(set_off, offer.campaign.class, &offer.used), language)
}

fn told(phrases: &[Phrase<'_>], language: Language) -> String {
    phrases.iter().map(|phrase| phrase.say(language)).collect::<Vec<_>>().join(" ")
}

/// Why an offer was not made.
pub fn reason(reason: Reason, language: Language, reader: Reader) -> String {
    reason_phrase(reason, reader).say(language)
}

/// What the gate of this reason asks before an offer is made, in few words, for the store manager. Yes lets it pass.
pub fn question(reason: Reason, language: Language) -> String {
    question_phrase(reason).say(language)
}

/// The weekly report of restraint, a sentence each.
pub fn report(report: &Report, language: Language) -> Vec<String> {
    report::phrases(report, language).iter().map(|phrase| phrase.say(language)).collect()
}

/// The receipt of a consent given in `shop`, a sentence each, its heading first; times are told in `zone`.
pub fn receipt(receipt: &Receipt, shop: &str, zone: &TimeZone, language: Language) -> Vec<String> {
    receipt::phrases(receipt, shop, zone).iter().map(|phrase| phrase.say(language)).collect()
}

/// A text of the configuration in this language, else in the first it has.
pub fn in_language(texts: &Texts, language: Language) -> &str {
    texts.get(language.word()).or_else(|| texts.values().next()).map_or("", |text| text)
}

/// The zone's name in this language, else in the first it has, else its id.
fn zone_name(offer: &Offer, language: Language) -> &str {
    let names = &offer.zone_name;
    names.get(language.word()).or_else(|| names.values().next()).unwrap_or(&offer.zone)
}

/// What set it off, a sentence for each thing that was looked at, and that one may say no.
fn why_phrases<'a>(set_off: Phrase<'a>, class: Class, used: &[Used]) -> Vec<Phrase<'a>> {
    let looked_at = used.iter().filter_map(|used| used_phrase(*used, class));
    [set_off].into_iter().chain(looked_at).chain([Phrase::new("why-no")]).collect()
}

fn asked(zone: &str) -> Phrase<'_> {
    Phrase::new("why-asked").text("zone", zone)
}

fn happened(trigger: Trigger, zone: &str, language: Language) -> Phrase<'_> {
    let phrase = match trigger {
        Trigger::Entered => Phrase::new("why-entered"),
        Trigger::Dwelled(us) => Phrase::new("why-dwelled").text("time", time::exact(us).say(language)),
        Trigger::Left => Phrase::new("why-left"),
    };
    phrase.text("zone", zone)
}

/// Zone and dwell are told by what set the offer off.
fn used_phrase(used: Used, class: Class) -> Option<Phrase<'static>> {
    match used {
        Used::Zone | Used::Dwell => None,
        Used::Consent => Some(Phrase::new("why-consent").text("class", class_word(class))),
        Used::EarlierOffers | Used::Interests | Used::Wishes | Used::PriceBand | Used::Purchases | Used::Feedback => {
            Some(Phrase::new(format!("why-{}", used.as_str())))
        }
    }
}

/// What the catalogues tell apart: a reward is an offer to whoever gets it.
fn class_word(class: Class) -> &'static str {
    match class {
        Class::Offer | Class::Reward => "offer",
        Class::Service => "service",
    }
}

fn reason_phrase(reason: Reason, reader: Reader) -> Phrase<'static> {
    Phrase::new(reason_id(reason)).attribute(match reader {
        Reader::Customer => "customer",
        Reader::Manager => "manager",
    })
}

fn question_phrase(reason: Reason) -> Phrase<'static> {
    Phrase::new(reason_id(reason)).attribute("question")
}

fn reason_id(reason: Reason) -> String {
    format!("reason-{}", reason.as_str())
}

#[cfg(test)]
mod tests;
