//! The notice in words: the sheet for the door and the page behind it, what staff answer, and what changed. Everything
//! follows from [`Facts`]; nothing is said of what they do not hold.

mod changed;
mod page;
mod parts;
mod sheet;
mod staff;

pub use sheet::{Block, Door, Section, Sheet};

use super::Language;
use super::catalogue::Phrase;
use crate::notice::Facts;
use crate::notice::changes::Change;
use crate::notice::kept::Kept;

/// The sheet for the door, and the page behind it.
pub fn notice(facts: &Facts, language: Language) -> Sheet<String> {
    said(page::sheet(facts, language), language)
}

/// Half a page for staff: what to answer when a customer asks.
pub fn staff(facts: &Facts, language: Language) -> Sheet<String> {
    said(staff::sheet(facts, language), language)
}

/// What is wider, narrower and otherwise in `new`, held against `old`.
pub fn changes(old: &Facts, new: &Facts, changes: &[Change], language: Language) -> Sheet<String> {
    said(changed::sheet(old, new, changes, language), language)
}

/// What one kind of what is stored of a person is for, where it comes from, and how long it is kept.
pub struct StoredWords {
    /// What it is for.
    pub purpose: String,
    /// Where it comes from.
    pub origin: String,
    /// For how long it is kept.
    pub kept: String,
}

/// What there is to be said of a kind of what is stored, such as `consent`, that is kept for so many seconds where it is a length
/// of time. How long it is kept is said as in the notice.
pub fn stored(what: &str, secs: Option<u64>, language: Language) -> StoredWords {
    let [purpose, origin, kept] = stored_phrases(what, secs, language).map(|phrase| phrase.say(language));
    StoredWords { purpose, origin, kept }
}

fn stored_phrases(what: &str, secs: Option<u64>, language: Language) -> [Phrase<'static>; 3] {
    let of = |attribute| Phrase::new(format!("notice-kept-{what}")).attribute(attribute);
    [of("purpose"), of("origin"), page::how_long(&Kept { what: what.to_owned(), secs }, language)]
}

fn said(sheet: Sheet<Phrase<'_>>, language: Language) -> Sheet<String> {
    sheet.map(&|phrase| phrase.say(language))
}

/// Everything that notices can ask a catalogue for.
#[cfg(test)]
pub(super) mod asked;
