//! Two notices held against each other: what is wider, what is narrower, and what only reads otherwise.
//!
//! What cannot be measured counts as wider: nobody can compute whether one purpose in words goes beyond another.

use super::facts::{Cap, Category, Facts, Names, Recipient, Zone};
use super::kept::Kept;
use crate::config::span::Span;

/// Where a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// More may happen than before.
    Wider,
    /// Less may happen than before.
    Narrower,
    /// The same may happen, in other words or by other hands.
    Otherwise,
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it goes.
    pub side: Side,
    /// What it is about.
    pub what: What,
    /// How it was before; nothing where it was not there.
    pub old: Option<Value>,
    /// How it is now; nothing where it is no longer there.
    pub new: Option<Value>,
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Something that a notice has at most one of.
    One(&'static str),
    /// Something that has a name of its own, and its id.
    Named(&'static str, Names, String),
    /// How long a kind of thing is kept.
    Kept(String),
}

/// How something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// It is; there is no more to say.
    There,
    /// In the configuration's own words.
    Text(String),
    /// The same, by language.
    Texts(Names),
    /// So many.
    Number(u64),
    /// A length of time, as a person writes it.
    Span(String),
    /// How long a kind of thing is kept.
    Kept(Kept),
    /// The caps of a scope.
    Caps(&'static str, Vec<Cap>),
    /// From and until.
    Hours([String; 2]),
    /// Who gets offers, and what for.
    Recipient(Recipient),
}

/// Everything that changed from `old` to `new`, the wider first.
pub fn between(old: &Facts, new: &Facts) -> Vec<Change> {
    let mut all = Vec::new();
    all.extend(recipients(old, new));
    all.extend(categories(old, new));
    all.extend(zones(old, new));
    all.extend(words(old, new));
    all.extend(flags(old, new));
    all.extend(limits(old, new));
    all.extend(keeping(old, new));
    all.extend(hearing(old, new));
    all.extend(texts(old, new));
    all.sort_by_key(|change| change.side);
    all
}

/// Which side a change is on that lets more happen, less, or, in parts, both.
fn side(more: bool, less: bool) -> Side {
    match (more, less) {
        (true, _) => Side::Wider,
        (false, true) => Side::Narrower,
        (false, false) => Side::Otherwise,
    }
}

/// Something that is there now and was not, or the other way round.
fn came_or_went(what: What, was: bool, is: bool, more: Side, less: Side) -> Option<Change> {
    let there = |is: bool| is.then_some(Value::There);
    (was != is).then(|| Change { side: if is { more } else { less }, what, old: there(was), new: there(is) })
}

/// Each id of two lists once, with its entry in either.
fn paired<'a, T>(old: &'a [T], new: &'a [T], id: impl Fn(&T) -> &str) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let find = |list: &'a [T], entry: &T| list.iter().find(|other| id(other) == id(entry));
    let kept = new.iter().map(|entry| (find(old, entry), Some(entry)));
    let gone = old.iter().filter(|entry| find(new, entry).is_none()).map(|entry| (Some(entry), None));
    kept.chain(gone).collect()
}

fn recipients(old: &Facts, new: &Facts) -> Vec<Change> {
    let pairs = paired(&old.recipients, &new.recipients, |recipient| &recipient.id);
    let change = |(old, new): (Option<&Recipient>, Option<&Recipient>)| {
        let value = |recipient: Option<&Recipient>| recipient.cloned().map(Value::Recipient);
        let side = if new.is_some() { Side::Wider } else { Side::Narrower };
        (old != new).then(|| Change { side, what: What::One("recipient"), old: value(old), new: value(new) })
    };
    pairs.into_iter().filter_map(change).collect()
}

fn categories(old: &Facts, new: &Facts) -> Vec<Change> {
    let pairs = paired(&old.categories, &new.categories, |category| &category.id);
    let changes = |(old, new): (Option<&Category>, Option<&Category>)| {
        let Some(any) = new.or(old) else { return Vec::new() };
        let what = |word| What::Named(word, any.name.clone(), any.id.clone());
        // A new category is wider by itself; that it is sensitive makes it less so, and is told in its place.
        let is_sensitive = |category: Option<&Category>| category.is_some_and(|category| category.sensitive);
        let (was, is) = (is_sensitive(old), is_sensitive(new));
        let word = if was || is { "sensitive-category" } else { "category" };
        let came = came_or_went(what(word), old.is_some(), new.is_some(), Side::Wider, Side::Narrower);
        let both = old.zip(new);
        let turned = both.and_then(|_| came_or_went(what("sensitive-category"), was, is, Side::Narrower, Side::Wider));
        let interval = both.and_then(|(old, new)| {
            let (old, new) = (old.replacement_interval.as_deref(), new.replacement_interval.as_deref());
            let value = |interval: Option<&str>| interval.map(|interval| Value::Span(interval.to_owned()));
            let side = side(!is_as_long(new, old), !is_as_long(old, new));
            (old != new).then(|| Change { side, what: what("replacement"), old: value(old), new: value(new) })
        });
        [came, turned, interval].into_iter().flatten().collect()
    };
    pairs.into_iter().flat_map(changes).collect()
}

/// Whether one interval of silence is at least as long as another; none is the shortest.
fn is_as_long(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(one), Some(other)) => covers(one, other),
    }
}

/// Whether a length is at least as long as another; what is no length is not.
fn covers(one: &str, other: &str) -> bool {
    let spans = one.parse::<Span>().ok().zip(other.parse::<Span>().ok());
    one == other || spans.is_some_and(|(one, other)| one.covers(other))
}

fn zones(old: &Facts, new: &Facts) -> Vec<Change> {
    let change = |(old, new): (Option<&Zone>, Option<&Zone>)| {
        let any = new.or(old)?;
        let what = |word| What::Named(word, any.name.clone(), any.id.clone());
        let (was, is) = (old.is_some_and(|zone| zone.sensitive), new.is_some_and(|zone| zone.sensitive));
        if was || is {
            // Where nobody is placed, less is known than where there is no zone at all.
            return came_or_went(what("sensitive-zone"), was, is, Side::Narrower, Side::Wider);
        }
        came_or_went(what("zone"), old.is_some(), new.is_some(), Side::Wider, Side::Narrower)
    };
    paired(&old.zones, &new.zones, |zone| &zone.id).into_iter().filter_map(change).collect()
}

/// What a set can hold: the kinds of messages, and what offers are chosen by.
const CLASSES: [&str; 3] = ["offer", "reward", "service"];
const AUDIENCE: [&str; 3] = ["interests", "price-band", "wishes"];

fn words(old: &Facts, new: &Facts) -> Vec<Change> {
    let classes = CLASSES.map(|word| (word, old.classes.contains(word), new.classes.contains(word)));
    let audience = AUDIENCE.map(|word| (word, old.audience.contains(word), new.audience.contains(word)));
    let change = |(word, was, is)| came_or_went(What::One(word), was, is, Side::Wider, Side::Narrower);
    classes.into_iter().chain(audience).filter_map(change).collect()
}

fn flags(old: &Facts, new: &Facts) -> Vec<Change> {
    use Side::{Narrower, Otherwise, Wider};
    let (before, now) = (&old.hearing, &new.hearing);
    let remote = |facts: &Facts, way: &str| facts.hearing.remote.as_deref() == Some(way);
    [
        ("control-groups", old.control_groups, new.control_groups, Wider, Narrower),
        ("live-values", old.live_values, new.live_values, Otherwise, Otherwise),
        ("opening-hours", old.opening_hours, new.opening_hours, Narrower, Wider),
        ("adults-only", old.adults_only, new.adults_only, Narrower, Wider),
        ("inside", remote(old, "inside"), remote(new, "inside"), Wider, Narrower),
        ("outside", remote(old, "outside"), remote(new, "outside"), Wider, Narrower),
        ("between-pis", before.between_pis, now.between_pis, Wider, Narrower),
        ("phones", before.phones, now.phones, Wider, Narrower),
        ("playback", before.playback, now.playback, Otherwise, Otherwise),
    ]
    .into_iter()
    .filter_map(|(word, was, is, more, less)| came_or_went(What::One(word), was, is, more, less))
    .collect()
}

fn limits(old: &Facts, new: &Facts) -> Vec<Change> {
    let (before, now) = (&old.caps, &new.caps);
    let of_visit =
        |visit: Option<u32>| -> Vec<Cap> { visit.map(|at_most| Cap { at_most, per: None }).into_iter().collect() };
    let scopes = [
        ("customer", before.customer.clone(), now.customer.clone()),
        ("visit", of_visit(before.visit), of_visit(now.visit)),
        ("campaign", before.campaign.clone(), now.campaign.clone()),
        ("category", before.category.clone(), now.category.clone()),
        ("zone", before.zone.clone(), now.zone.clone()),
        ("site", before.site.clone(), now.site.clone()),
        ("service", before.service.clone(), now.service.clone()),
    ];
    let of_scope = |(scope, before, now): (&'static str, Vec<Cap>, Vec<Cap>)| {
        let side = side(!is_as_tight(&now, &before), !is_as_tight(&before, &now));
        let value = |caps: &Vec<Cap>| (!caps.is_empty()).then(|| Value::Caps(scope, caps.clone()));
        (before != now).then(|| Change { side, what: What::One("caps"), old: value(&before), new: value(&now) })
    };
    let gap = (before.gap != now.gap).then(|| {
        let (before, now) = (before.gap.as_deref(), now.gap.as_deref());
        let value = |gap: Option<&str>| gap.map(|gap| Value::Span(gap.to_owned()));
        let side = side(!is_as_long(now, before), !is_as_long(before, now));
        Change { side, what: What::One("gap"), old: value(before), new: value(now) }
    });
    let quiet = (old.quiet_hours != new.quiet_hours).then(|| {
        let (before, now) = (quiet_minutes(old), quiet_minutes(new));
        let lacks = |one: &[bool], other: &[bool]| one.iter().zip(other).any(|(one, other)| *other && !one);
        let side = side(lacks(&now, &before), lacks(&before, &now));
        let value = |facts: &Facts| facts.quiet_hours.clone().map(Value::Hours);
        Change { side, what: What::One("quiet-hours"), old: value(old), new: value(new) }
    });
    scopes.into_iter().filter_map(of_scope).chain(gap).chain(quiet).collect()
}

/// Whether everything that `others` forbid is forbidden by `caps`.
fn is_as_tight(caps: &[Cap], others: &[Cap]) -> bool {
    let holds = |other: &Cap| caps.iter().any(|cap| is_tighter(cap, other));
    others.iter().all(holds)
}

fn is_tighter(cap: &Cap, other: &Cap) -> bool {
    // None at all is none in whatever window.
    cap.at_most == 0 || cap.at_most <= other.at_most && is_longer_window(cap.per.as_deref(), other.per.as_deref())
}

/// A cap without a window counts for as long as somebody takes part, which no window outlasts.
fn is_longer_window(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(one), Some(other)) => covers(one, other),
    }
}

const MINUTES_A_DAY: usize = 1_440;

/// Which minutes of a day are quiet.
fn quiet_minutes(facts: &Facts) -> Vec<bool> {
    let minute = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        Some(hours.parse::<usize>().ok()?.saturating_mul(60).saturating_add(minutes.parse().ok()?))
    };
    let range = facts.quiet_hours.as_ref().and_then(|[from, to]| minute(from).zip(minute(to)));
    let is_quiet = |at: usize| {
        range.is_some_and(|(from, to)| if from < to { (from..to).contains(&at) } else { at >= from || at < to })
    };
    (0..MINUTES_A_DAY).map(is_quiet).collect()
}

fn keeping(old: &Facts, new: &Facts) -> Vec<Change> {
    let change = |(old, new): (Option<&Kept>, Option<&Kept>)| {
        let any = new.or(old)?;
        // What ends by no length of time ends with the consent, or with what it belongs to.
        let longest = |kept: Option<&Kept>| kept.map_or(0, |kept| kept.secs.unwrap_or(u64::MAX));
        let value = |kept: Option<&Kept>| kept.cloned().map(Value::Kept);
        let side = side(longest(new) > longest(old), longest(new) < longest(old));
        (old != new).then(|| Change { side, what: What::Kept(any.what.clone()), old: value(old), new: value(new) })
    };
    paired(&old.kept, &new.kept, |kept| &kept.what).into_iter().filter_map(change).collect()
}

fn hearing(old: &Facts, new: &Facts) -> Option<Change> {
    let number = |facts: &Facts| u64::try_from(facts.hearing.receivers).unwrap_or(u64::MAX);
    let (before, now) = (number(old), number(new));
    let value = |number| Some(Value::Number(number));
    let change =
        || Change { side: side(now > before, true), what: What::One("receivers"), old: value(before), new: value(now) };
    (before != now).then(change)
}

fn texts(old: &Facts, new: &Facts) -> Vec<Change> {
    let value = |facts: &Facts| Some(Value::Texts(facts.withdraw.clone()));
    let withdraw = (old.withdraw != new.withdraw).then(|| Change {
        side: Side::Otherwise,
        what: What::One("withdraw"),
        old: value(old),
        new: value(new),
    });
    let some = |text: &String| Some(text.clone());
    let controller =
        translated("controller", (&old.controller, &old.controller_in), (&new.controller, &new.controller_in));
    let authority = old.authority.as_ref().zip(new.authority.as_ref());
    let authority = authority.and_then(|(old_text, new_text)| {
        translated("authority", (old_text, &old.authority_in), (new_text, &new.authority_in))
    });
    [
        // Somebody else answers for it: nobody agreed to that.
        ("controller", some(&old.controller), some(&new.controller), Side::Wider),
        ("contact", some(&old.contact), some(&new.contact), Side::Otherwise),
        ("authority", old.authority.clone(), new.authority.clone(), Side::Otherwise),
        ("notice-url", old.notice_url.clone(), new.notice_url.clone(), Side::Otherwise),
    ]
    .into_iter()
    .filter(|(_, old, new, _)| old != new)
    .map(|(word, old, new, side)| Change {
        side,
        what: What::One(word),
        old: old.map(Value::Text),
        new: new.map(Value::Text),
    })
    .chain(withdraw)
    .chain(controller)
    .chain(authority)
    .collect()
}

/// A text that is the same in the shop's language, and reads otherwise in another.
fn translated(word: &'static str, old: (&str, &Names), new: (&str, &Names)) -> Option<Change> {
    let value = |(text, each): (&str, &Names)| {
        Some(if each.is_empty() { Value::Text(text.to_owned()) } else { Value::Texts(each.clone()) })
    };
    let is_changed = old.0 == new.0 && old.1 != new.1;
    is_changed.then(|| Change { side: Side::Otherwise, what: What::One(word), old: value(old), new: value(new) })
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
