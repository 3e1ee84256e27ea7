//! What several sheets say: names, lists, caps, lengths of time.

use crate::config::span::Span;
use crate::notice::facts::{Cap, Caps, Facts, Names};
use crate::words::catalogue::Phrase;
use crate::words::{Language, time};

/// A phrase that is nothing but a message.
pub(super) fn just(id: &'static str) -> Phrase<'static> {
    Phrase::new(id)
}

/// A name in this language, else in the shop's first, else the id.
pub(super) fn name<'a>(names: &'a Names, id: &'a str, language: Language) -> &'a str {
    names.get(language.word()).or_else(|| names.values().next()).map_or(id, String::as_str)
}

/// A few texts in one sentence.
pub(super) fn listed<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
    texts.join(", ")
}

/// A text of somebody's as a part of a sentence that goes on: without the full stop at its end.
pub(super) fn within(text: &str) -> &str {
    text.trim_end().trim_end_matches('.')
}

/// What somebody wrote in a few languages, as a part of a sentence in this one.
pub(super) fn of_theirs(texts: &Names, language: Language) -> &str {
    within(name(texts, "", language))
}

/// A length as it stands in facts, in words; whatever else it is, as it stands.
pub(super) fn span(text: &str, language: Language) -> String {
    text.parse::<Span>().map_or_else(|_| text.to_owned(), |span| time::span(span).say(language))
}

/// A length in seconds.
pub(super) fn secs(secs: u64, language: Language) -> String {
    time::exact(secs.saturating_mul(1_000_000)).say(language)
}

/// The caps, a phrase each: those of all offers first, then by scope.
pub(super) fn caps(caps: &Caps, language: Language) -> Vec<Phrase<'static>> {
    let scopes =
        [("campaign", &caps.campaign), ("category", &caps.category), ("zone", &caps.zone), ("site", &caps.site)];
    let of =
        |scope: &'static str, list: &[Cap]| list.iter().map(|cap| windowed(scope, cap, language)).collect::<Vec<_>>();
    let mut all = of("customer", &caps.customer);
    all.extend(caps.visit.map(|n| Phrase::new("notice-cap-visit").number("n", n.into())));
    all.extend(caps.gap.as_ref().map(|gap| Phrase::new("notice-cap-gap").text("time", span(gap, language))));
    all.extend(scopes.into_iter().flat_map(|(scope, list)| of(scope, list)));
    all.extend(of("service", &caps.service));
    all
}

/// One cap of a scope, and what it counts over.
pub(super) fn windowed(scope: &str, cap: &Cap, language: Language) -> Phrase<'static> {
    let window = match &cap.per {
        Some(per) => Phrase::new("notice-window").text("time", span(per, language)),
        None => Phrase::new("notice-window-ever"),
    };
    Phrase::new(format!("notice-cap-{scope}")).number("n", cap.at_most.into()).text("window", window.say(language))
}

/// The zones for which `is` holds, named.
pub(super) fn zones(facts: &Facts, language: Language, sensitive: bool) -> Vec<&str> {
    let zones = facts.zones.iter().filter(|zone| zone.sensitive == sensitive);
    zones.map(|zone| name(&zone.name, &zone.id, language)).collect()
}
