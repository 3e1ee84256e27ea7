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

fn said(sheet: Sheet<Phrase<'_>>, language: Language) -> Sheet<String> {
    sheet.map(&|phrase| phrase.say(language))
}

/// Everything that notices can ask a catalogue for.
#[cfg(test)]
pub(super) mod asked;
