//! The lines of the weekly restraint report.

use super::catalogue::Phrase;
use super::{Language, Reader, reason, time};
use crate::config::span::Span;
use crate::gateway::effect::Reason;

/// One line of the report. A figure that is nothing was counted over fewer than twenty, and the line says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// How many visits there were.
    Visits(Option<u64>),
    /// The share of visits without an offer, in percent.
    Silent(Option<u8>),
    /// The most offers that anyone received in any window, and the cap on it.
    Most {
        /// Over what.
        window: Window,
        /// How many there were.
        offers: u64,
        /// How many there may be.
        at_most: u64,
    },
    /// How often an offer was withheld for a reason.
    Withheld(Reason, Option<u64>),
    /// The share of offers that were dismissed, in percent.
    Dismissed(Option<u8>),
    /// The share of offers that were called helpful, in percent.
    Helpful(Option<u8>),
    /// The longest time from a withdrawal to when nothing could be said any more, in seconds, rounded up; nothing is
    /// that nobody withdrew.
    LastContact(Option<u64>),
    /// The age of the oldest personal datum, in days; nothing is none kept.
    Oldest(Option<u64>),
}

/// Over what a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Any time of this length.
    Rolling(Span),
    /// A visit.
    Visit,
    /// All the time that the consent is remembered.
    Ever,
}

impl Line {
    pub(super) fn phrase(self, language: Language) -> Phrase<'static> {
        match self {
            Self::Visits(visits) => figure(Phrase::new("report-visits"), "number", visits),
            Self::Silent(share) => percent("report-silent", share),
            Self::Most { window, offers, at_most } => Phrase::new("report-most")
                .text("window", window.phrase(language).say(language))
                .number("number", offers)
                .number("cap", at_most),
            Self::Withheld(why, times) => {
                let phrase = Phrase::new("report-withheld").text("why", reason(why, language, Reader::Manager));
                figure(phrase, "number", times)
            }
            Self::Dismissed(share) => percent("report-dismissed", share),
            Self::Helpful(share) => percent("report-helpful", share),
            Self::LastContact(secs) => {
                let time = secs.map(|secs| time::span(Span::Micros(secs.saturating_mul(1_000_000))));
                length("report-last-contact", time, language)
            }
            Self::Oldest(days) => length("report-oldest", days.map(time::days), language),
        }
    }
}

impl Window {
    pub(super) fn phrase(self, language: Language) -> Phrase<'static> {
        match self {
            Self::Rolling(span) => Phrase::new("window-rolling").text("time", time::span(span).say(language)),
            Self::Visit => Phrase::new("window-visit"),
            Self::Ever => Phrase::new("window-ever"),
        }
    }
}

fn percent(id: &'static str, share: Option<u8>) -> Phrase<'static> {
    figure(Phrase::new(id), "percent", share.map(u64::from))
}

/// `phrase` with a figure, or with the word by which the catalogues say that it is not told.
fn figure<'a>(phrase: Phrase<'a>, name: &'static str, figure: Option<u64>) -> Phrase<'a> {
    match figure {
        Some(n) => phrase.number(name, n),
        None => phrase.text(name, "untold"),
    }
}

fn length(id: &'static str, time: Option<Phrase<'_>>, language: Language) -> Phrase<'static> {
    Phrase::new(id).text("time", time.map_or_else(|| "none".to_owned(), |time| time.say(language)))
}
