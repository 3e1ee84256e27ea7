//! The sheet for the door, and the page behind it.

use super::parts::{caps, just, listed, name, of_theirs, secs, span, within, zones};
use super::sheet::{Block, Door, Section, Sheet};
use crate::notice::facts::{Facts, Recipient};
use crate::notice::kept::Kept;
use crate::report::SMALLEST_GROUP;
use crate::words::Language;
use crate::words::catalogue::Phrase;

type Blocks<'a> = Vec<Block<Phrase<'a>>>;

/// The whole notice.
pub(super) fn sheet(facts: &Facts, language: Language) -> Sheet<Phrase<'_>> {
    let section = |anchor, heading, blocks| Section { anchor, heading: Some(just(heading)), blocks };
    Sheet {
        language,
        title: Phrase::new("notice-title").text("shop", &*facts.shop),
        door: Some(door(facts, language)),
        lead: None,
        sections: vec![
            section("heard", "notice-heard", heard(facts, language)),
            section("whose", "notice-whose", whose(facts)),
            section("for", "notice-for", what_for(facts, language)),
            section("often", "notice-often", often(facts, language)),
            section("kept", "notice-kept", kept(facts, language)),
            section("gets", "notice-gets", gets(facts, language)),
            section("not", "notice-not", texts(["notice-not-follow", "notice-not-guess", "notice-not-sell"])),
            section("no", "notice-no", no(facts, language)),
            section("limits", "notice-limits", limits()),
            section("questions", "notice-faq", questions(facts)),
        ],
        version: Some(version(facts)),
    }
}

/// Which version it is, and of what.
pub(super) fn version(facts: &Facts) -> Phrase<'_> {
    Phrase::new("notice-version").text("version", &*facts.version).text("emma", &*facts.emma)
}

fn texts<const N: usize>(ids: [&'static str; N]) -> Blocks<'static> {
    ids.map(|id| Block::Text(just(id))).into()
}

fn door(facts: &Facts, language: Language) -> Door<Phrase<'_>> {
    let adults = facts.adults_only.then(|| just("notice-door-adults"));
    let no = Phrase::new("notice-door-no").text("withdraw", of_theirs(&facts.withdraw, language));
    Door {
        head: just("notice-door-head"),
        what: [just("notice-door-what"), just("notice-door-not")].into_iter().chain(adults).collect(),
        boxes: [(just("notice-door-you-head"), just("notice-door-you")), (just("notice-door-no-head"), no)],
        more: just("notice-door-more"),
        room: just("notice-door-room"),
        url: facts.notice_url.clone(),
        responsible: Phrase::new("notice-door-responsible")
            .text("controller", within(&facts.controller))
            .text("contact", within(&facts.contact)),
    }
}

fn heard(facts: &Facts, language: Language) -> Blocks<'_> {
    let hearing = &facts.hearing;
    let receivers = u64::try_from(hearing.receivers).unwrap_or(u64::MAX);
    let (open, sensitive) = (zones(facts, language, false), zones(facts, language, true));
    let mut blocks = vec![Block::Text(Phrase::new("notice-heard-signals").number("receivers", receivers))];
    if !open.is_empty() {
        blocks.push(Block::Text(Phrase::new("notice-heard-zones").text("zones", listed(&open))));
    }
    if !sensitive.is_empty() {
        blocks.push(Block::Text(Phrase::new("notice-heard-sensitive").text("zones", listed(&sensitive))));
    }
    if let Some(way) = &hearing.remote {
        blocks.push(Block::Text(Phrase::new("notice-heard-remote").text("way", &**way)));
    }
    let conditions = [
        (hearing.between_pis, "notice-heard-pis"),
        (hearing.phones, "notice-heard-phones"),
        (hearing.playback, "notice-heard-playback"),
    ];
    blocks.extend(conditions.into_iter().filter(|(is, _)| *is).map(|(_, id)| Block::Text(just(id))));
    blocks.extend(open.first().map(|zone| Block::Example(Phrase::new("notice-heard-example").text("zone", *zone))));
    blocks
}

fn whose(facts: &Facts) -> Blocks<'static> {
    let adults = facts.adults_only.then_some("notice-whose-adults");
    let ids = [Some("notice-whose-customers"), adults, Some("notice-whose-work")];
    ids.into_iter().flatten().map(|id| Block::Text(just(id))).collect()
}

fn what_for(facts: &Facts, language: Language) -> Blocks<'_> {
    let mut blocks = Vec::new();
    if facts.classes.is_empty() {
        blocks.push(Block::Text(just("notice-for-nothing")));
    } else {
        blocks.push(Block::Text(just("notice-for-lead")));
        let classes = facts.classes.iter().map(|class| Phrase::new(format!("notice-for-{class}")));
        blocks.push(Block::Items(classes.collect()));
    }
    blocks.push(Block::Text(just("notice-for-tiers")));
    blocks.push(Block::Text(Phrase::new("notice-for-personal").text("declared", declared(facts, language))));
    blocks.extend(bought(facts, language));
    let sensitive = facts.categories.iter().filter(|category| category.sensitive);
    let sensitive: Vec<&str> = sensitive.map(|category| name(&category.name, &category.id, language)).collect();
    if !sensitive.is_empty() {
        blocks.push(Block::Text(Phrase::new("notice-for-sensitive").text("categories", listed(sensitive))));
    }
    let conditions = [(facts.control_groups, "notice-for-control"), (facts.live_values, "notice-for-values")];
    blocks.extend(conditions.into_iter().filter(|(is, _)| *is).map(|(_, id)| Block::Text(just(id))));
    blocks
}

/// What somebody who takes part may have said of themselves. Favourites and wishes rank what is said whatever the campaigns
/// ask for; the rest counts only where one asks.
fn declared(facts: &Facts, language: Language) -> String {
    let asked = ["interests", "price-band"].into_iter().filter(|word| facts.audience.contains(*word));
    let words = ["favourites", "wishes"].into_iter().chain(asked);
    listed(words.map(|word| Phrase::new(format!("notice-declared-{word}")).say(language)))
}

fn bought(facts: &Facts, language: Language) -> Option<Block<Phrase<'_>>> {
    let intervals: Vec<String> = facts
        .categories
        .iter()
        .filter_map(|category| {
            let interval = category.replacement_interval.as_ref()?;
            Some(format!("{} ({})", name(&category.name, &category.id, language), span(interval, language)))
        })
        .collect();
    (!intervals.is_empty()).then(|| Block::Text(Phrase::new("notice-for-bought").text("intervals", listed(intervals))))
}

fn often(facts: &Facts, language: Language) -> Blocks<'_> {
    let mut blocks = vec![Block::Text(just("notice-often-lead")), Block::Items(caps(&facts.caps, language))];
    if let Some([from, to]) = &facts.quiet_hours {
        blocks.push(Block::Text(Phrase::new("notice-often-quiet").text("from", &**from).text("to", &**to)));
    }
    if facts.opening_hours {
        blocks.push(Block::Text(just("notice-often-closed")));
    }
    blocks.push(Block::Text(just("notice-often-dropped")));
    if !facts.shared_ledger {
        blocks.push(Block::Text(just("notice-often-shop")));
    }
    blocks
}

fn kept(facts: &Facts, language: Language) -> Blocks<'_> {
    let head = || just("notice-kept-head");
    let rows = facts.kept.iter().map(|kept| row(kept, language)).collect();
    let head = [head(), head().attribute("why"), head().attribute("time")];
    let mut blocks = texts(["notice-kept-lead", "notice-kept-lent"]);
    blocks.push(Block::Table(head, rows));
    if let Some(kept) = facts.kept.iter().find(|kept| kept.what == "forgotten") {
        let time = secs(kept.secs.unwrap_or_default(), language);
        blocks.push(Block::Text(Phrase::new("notice-kept-remains").text("time", time)));
    }
    blocks
}

fn row(kept: &Kept, language: Language) -> [Phrase<'static>; 3] {
    let what = || Phrase::new(format!("notice-kept-{}", kept.what));
    [what(), what().attribute("why"), how_long(kept, language)]
}

/// How long a kind of thing is kept.
pub(super) fn how_long(kept: &Kept, language: Language) -> Phrase<'static> {
    let phrase = Phrase::new(format!("notice-kept-{}", kept.what));
    match (&*kept.what, kept.secs) {
        ("offers-made", None) => phrase.attribute("ever"),
        (_, None) => phrase.attribute("time"),
        (_, Some(length)) => phrase.attribute("time").text("time", secs(length, language)),
    }
}

fn gets(facts: &Facts, language: Language) -> Blocks<'_> {
    if facts.recipients.is_empty() {
        return texts(["notice-gets-nobody"]);
    }
    let mut blocks = texts(["notice-gets-lead"]);
    blocks.push(Block::Items(facts.recipients.iter().map(|entry| recipient(entry, language)).collect()));
    blocks.extend(texts(["notice-gets-what", "notice-gets-declared", "notice-gets-accepted"]));
    blocks
}

/// Who gets offers, and what for.
pub(super) fn recipient(recipient: &Recipient, language: Language) -> Phrase<'_> {
    let (name, purpose) = (within(&recipient.name), of_theirs(&recipient.purpose, language));
    Phrase::new("notice-gets-recipient").text("name", name).text("purpose", purpose)
}

fn no(facts: &Facts, language: Language) -> Blocks<'_> {
    let authority = match &facts.authority {
        Some(authority) => Phrase::new("notice-no-authority").text("authority", within(authority)),
        None => just("notice-no-any-authority"),
    };
    [
        just("notice-no-softly"),
        Phrase::new("notice-no-withdraw").text("withdraw", of_theirs(&facts.withdraw, language)),
        just("notice-no-then"),
        Phrase::new("notice-no-rights").text("contact", within(&facts.contact)),
        Phrase::new("notice-no-responsible").text("controller", within(&facts.controller)),
        authority,
    ]
    .map(Block::Text)
    .into()
}

fn limits() -> Blocks<'static> {
    texts([
        "notice-limits-copy",
        "notice-limits-backups",
        "notice-limits-flash",
        "notice-limits-arrived",
        "notice-limits-rough",
    ])
}

fn questions(facts: &Facts) -> Blocks<'_> {
    let plain = |id| question(id, |answer| answer);
    let adults = if facts.adults_only { "only" } else { "all" };
    vec![
        plain("notice-ask-stranger"),
        plain("notice-ask-bluetooth"),
        plain("notice-ask-name"),
        question("notice-ask-staff", |answer| answer.number("few", SMALLEST_GROUP)),
        plain("notice-ask-why"),
        question("notice-ask-child", |answer| answer.text("adults", adults)),
        plain("notice-ask-changes"),
    ]
}

/// What people ask, and the answer, with what it is about.
pub(super) fn question<'a>(id: &'static str, about: impl FnOnce(Phrase<'a>) -> Phrase<'a>) -> Block<Phrase<'a>> {
    Block::Question(Phrase::new(id), about(Phrase::new(id).attribute("answer")))
}
