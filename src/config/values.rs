//! Single values: what a node of the tree must be, reported where it is not.

use std::ops::RangeInclusive;

use super::Name;
use super::civil::Refusal;
use super::file::File;
use super::floor;
use super::problem::nearest;
use super::tree::{At, Node, Value};

/// The longest text that any key takes, in characters.
const LONGEST_TEXT: usize = 1_000;

/// Every number that is one.
const EVERY: RangeInclusive<f64> = f64::MIN..=f64::MAX;

/// Reports that `node` is of the wrong type.
pub(super) fn wrong_type<T>(file: &File<'_>, node: &Node, key: &str, wanted: &str) -> Option<T> {
    let is = match &node.value {
        Value::Text(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Flag(_) => "true or false",
        Value::Date(_) => "a date without quotes",
        Value::List(_) => "a list",
        Value::Table(_) => "a table",
    };
    file.error(&node.at, format!("`{key}` is {is}"), format!("write {wanted}"));
    None
}

/// The text that `node` is: not empty, not endless, no control characters but the end of a line.
pub(super) fn text_of(file: &File<'_>, node: &Node, key: &str) -> Option<Name> {
    let Value::Text(text) = &node.value else { return wrong_type(file, node, key, "a text in double quotes") };
    let text = text.trim();
    let what = if text.is_empty() {
        format!("`{key}` is empty")
    } else if text.chars().count() > LONGEST_TEXT {
        format!("`{key}` is longer than {LONGEST_TEXT} characters")
    } else if text.chars().any(|c| c.is_control() && c != '\n') {
        format!("`{key}` holds a control character")
    } else {
        return Some(text.into());
    };
    file.error(&node.at, what, "write a text, or leave the key out");
    None
}

/// The id that `node` is: 1 to 64 of `A-Z a-z 0-9 . _ -`, since ids become topic levels.
pub(super) fn id_of(file: &File<'_>, node: &Node, key: &str) -> Option<Name> {
    let Value::Text(text) = &node.value else { return wrong_type(file, node, key, "an id in double quotes") };
    if let Some((what, hint)) = no_id(text) {
        file.error(&node.at, what, hint);
        return None;
    }
    Some(text.as_str().into())
}

/// What is wrong with an id, if anything.
pub(super) fn no_id(text: &str) -> Option<Refusal> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
        return None;
    }
    let shown: String = text.chars().take(64).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some((format!("`{shown}` cannot be an id"), "an id is 1 to 64 of A-Z a-z 0-9 . _ -".to_owned()))
}

/// Which of `words` the text is.
pub(super) fn choice_of<T: Copy>(
    file: &File<'_>,
    at: &At,
    text: &str,
    key: &str,
    words: &[(&'static str, T)],
) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let known = || words.iter().map(|(word, _)| *word);
        let hint = nearest(text, known()).map_or_else(
            || format!("write one of \"{}\"", known().collect::<Vec<_>>().join("\", \"")),
            |near| format!("write \"{near}\""),
        );
        file.error(at, format!("`{key}` cannot be \"{text}\""), hint);
    }
    found
}

/// The number that `node` is, in `range`.
pub(super) fn number_of(file: &File<'_>, node: &Node, key: &str, range: &RangeInclusive<f64>) -> Option<f64> {
    let number = match (&node.value, &node.at) {
        (Value::Float(number), _) => *number,
        #[expect(clippy::cast_precision_loss, reason = "what does not fit is far outside every range")]
        (Value::Integer(number), _) => *number as f64,
        (Value::Text(text), At::Variable(_)) => text.parse().unwrap_or(f64::NAN),
        _ => return wrong_type(file, node, key, "a number without quotes"),
    };
    if range.contains(&number) {
        return Some(number);
    }
    let hint = match (*range.start(), *range.end()) {
        (f64::MIN, f64::MAX) => "write a number with digits, such as 2.5".to_owned(),
        (start, f64::MAX) => format!("write a number from {start} up"),
        (start, end) => format!("write a number from {start} to {end}"),
    };
    file.error(&node.at, format!("`{key}` cannot be {number}"), hint);
    None
}

/// The point `[x, y]` that `node` is, in metres from the plan's corner.
pub(super) fn point_of(file: &File<'_>, node: &Node, key: &str) -> Option<(f64, f64)> {
    let Value::List(items) = &node.value else { return wrong_type(file, node, key, "a point `[x, y]` in metres") };
    let [x, y] = items.as_slice() else {
        file.error(&node.at, format!("a point of `{key}` has {} numbers", items.len()), "write `[x, y]` in metres");
        return None;
    };
    let (x, y) = (number_of(file, x, key, &EVERY), number_of(file, y, key, &EVERY));
    let (x, y) = (x?, y?);
    if let Some((what, hint)) = floor::far_away((x, y)) {
        file.error(&node.at, what, hint);
        return None;
    }
    Some((x, y))
}

/// Reports what cannot be a language: `de`, `gsw` or `de-CH`.
pub(super) fn check_language(file: &File<'_>, at: &At, language: &str) {
    let (tongue, region) = language.split_once('-').map_or((language, None), |(tongue, region)| (tongue, Some(region)));
    let legal = (2..=3).contains(&tongue.len())
        && tongue.bytes().all(|byte| byte.is_ascii_lowercase())
        && region.is_none_or(|region| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()));
    if !legal {
        let shown: String = language.chars().take(64).collect();
        file.error(at, format!("`{shown}` is no language"), "write de, en, fr, it or another two-letter code");
    }
}

/// Whether it is the address of a page.
pub(super) fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace))
}

/// Reports every id that was given twice.
pub(super) fn check_unique(file: &File<'_>, ids: &[(Name, At)], what: &str) {
    for (index, (id, at)) in ids.iter().enumerate() {
        let Some((_, first)) = ids[..index].iter().find(|(earlier, _)| earlier == id) else { continue };
        let place = if let At::Line(line) = first { format!(" in line {line}") } else { String::new() };
        file.error(at, format!("another {what} is called `{id}` already{place}"), "give each its own id");
    }
}

/// Reports `id` if it is none of `known`, with the nearest; an unreadable file (nothing) is not asked.
pub(super) fn check_known(file: &File<'_>, at: &At, id: &str, known: Option<&[Name]>, what: &str) {
    let Some(known) = known else { return };
    if known.iter().any(|name| **name == *id) {
        return;
    }
    let hint = match nearest(id, known.iter().map(|name| &**name)) {
        Some(near) => format!("write \"{near}\""),
        None if known.is_empty() => "there is none at all".to_owned(),
        None => {
            let some: Vec<&str> = known.iter().take(8).map(|name| &**name).collect();
            format!("known are: {}", some.join(", "))
        }
    };
    file.error(at, format!("`{id}` is {what}"), hint);
}
