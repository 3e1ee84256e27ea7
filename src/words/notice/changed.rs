//! What is wider, narrower and otherwise since a former notice.

use super::page;
use super::parts::{just, listed, name, of_theirs, span, windowed, within};
use super::sheet::{Block, Section, Sheet};
use crate::notice::changes::{Change, Side, Value, What};
use crate::notice::facts::{Cap, Facts};
use crate::words::Language;
use crate::words::catalogue::Phrase;

/// The changes, side by side.
pub(super) fn sheet<'a>(
    old: &'a Facts,
    new: &'a Facts,
    changes: &'a [Change],
    language: Language,
) -> Sheet<Phrase<'a>> {
    let lead = Phrase::new("notice-changes-lead").text("new", &*new.version).text("old", &*old.version);
    let sides = [
        (Side::Wider, "wider", "notice-changes-wider", Some("notice-changes-wider-note")),
        (Side::Narrower, "narrower", "notice-changes-narrower", None),
        (Side::Otherwise, "otherwise", "notice-changes-other", None),
    ];
    let section = |(side, anchor, heading, note): (Side, &'static str, &'static str, Option<&'static str>)| {
        let items: Vec<_> =
            changes.iter().filter(|change| change.side == side).map(|change| told(change, language)).collect();
        if items.is_empty() {
            return None;
        }
        let note = note.map(|note| Block::Text(just(note)));
        let blocks = [Block::Items(items)].into_iter().chain(note).collect();
        Some(Section { anchor, heading: Some(just(heading)), blocks })
    };
    let mut sections: Vec<_> = sides.into_iter().filter_map(section).collect();
    if sections.is_empty() {
        let blocks = vec![Block::Text(just("notice-changes-none"))];
        sections.push(Section { anchor: "none", heading: None, blocks });
    }
    let title = Phrase::new("notice-changes-title").text("shop", &*new.shop);
    Sheet { language, title, door: None, lead: Some(lead), sections, version: None }
}

fn told(change: &Change, language: Language) -> Phrase<'static> {
    let what = what(&change.what, language).say(language);
    let beside = |value: &Value| match value {
        Value::There => what.clone(),
        value => {
            Phrase::new("notice-with").text("what", what.clone()).text("value", said(value, language)).say(language)
        }
    };
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => Phrase::new("notice-changed")
            .text("what", what)
            .text("old", said(old, language))
            .text("new", said(new, language)),
        (None, Some(new)) => Phrase::new("notice-added").text("what", beside(new)),
        (Some(old), None) => Phrase::new("notice-gone").text("what", beside(old)),
        (None, None) => Phrase::new("notice-gone").text("what", what),
    }
}

fn what(what: &What, language: Language) -> Phrase<'_> {
    match what {
        What::One(word) => Phrase::new(format!("notice-what-{word}")),
        What::Named(word, names, id) => {
            Phrase::new(format!("notice-what-{word}")).text("name", name(names, id, language))
        }
        What::Kept(kind) => {
            let kept = Phrase::new(format!("notice-kept-{kind}")).say(language);
            Phrase::new("notice-what-kept").text("what", kept)
        }
    }
}

fn said(value: &Value, language: Language) -> String {
    match value {
        Value::There => String::new(),
        Value::Text(text) => within(text).to_owned(),
        Value::Texts(texts) => of_theirs(texts, language).to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Span(length) => span(length, language),
        Value::Kept(kept) => page::how_long(kept, language).say(language),
        Value::Caps(scope, caps) => listed(caps.iter().map(|cap| limit(scope, cap, language))),
        Value::Hours([from, to]) => {
            Phrase::new("notice-what-hours").text("from", &**from).text("to", &**to).say(language)
        }
        Value::Recipient(recipient) => page::recipient(recipient, language).say(language),
    }
}

fn limit(scope: &str, cap: &Cap, language: Language) -> String {
    match scope {
        "visit" => Phrase::new("notice-cap-visit").number("n", cap.at_most.into()).say(language),
        scope => windowed(scope, cap, language).say(language),
    }
}

/// What [`told`] puts together, so that the catalogues can be asked for it.
#[cfg(test)]
pub(super) fn parts(change: &Change, language: Language) -> Vec<Phrase<'_>> {
    let with = Phrase::new("notice-with").text("what", "a").text("value", "b");
    let hours = Phrase::new("notice-what-hours").text("from", "21:00").text("to", "08:00");
    vec![what(&change.what, language), with, hours]
}
