//! JSON, read strictly: what is unknown, doubled or of the wrong type is a problem with its field's name.
//!
//! A problem never holds what a field says, but for words that come from a closed list.

#![allow(clippy::wildcard_enum_match_arm, reason = "JSON has the six kinds of value that it has")]

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::IdentifierRecord;

/// A JSON value in which no object names a field twice: of two `sites`, one would be a restriction unheard.
pub(super) struct Strict(pub(super) Value);

/// What [`Strict`] says of a doubled field; its text is told from a syntax error's by this.
pub(super) const DOUBLED: &str = "a field is there twice";

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = access.next_element()? {
            list.push(value);
        }
        Ok(Strict(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = access.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(DOUBLED));
            }
        }
        Ok(Strict(Value::Object(object)))
    }
}

/// An object being read: fields are taken out one by one, and what is left at the end is unknown.
pub(super) struct Object<'p> {
    /// What comes before a field's name in a problem: empty, or such as `caps.`.
    path: String,
    fields: Map<String, Value>,
    known: &'static [&'static str],
    problems: &'p mut Vec<String>,
}

impl<'p> Object<'p> {
    /// Reads `value`, which is at `path` and may have the fields `known`; the first problem is that it has others.
    pub(super) fn open(
        path: &str,
        value: Value,
        known: &'static [&'static str],
        problems: &'p mut Vec<String>,
    ) -> Option<Self> {
        let Value::Object(fields) = value else {
            let at = if path.is_empty() { "it".to_owned() } else { format!("`{path}`:") };
            problems.push(format!("{at} is not an object: write it as {{\"{}\": …}}", known.join("\": …, \"")));
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            problems.push(unknown(path, name, known));
        }
        let path = if path.is_empty() { String::new() } else { format!("{path}.") };
        Some(Self { path, fields, known, problems })
    }

    /// Says that the field `name` is wrong: `what` follows its name and a colon.
    pub(super) fn problem(&mut self, name: &str, what: impl fmt::Display) {
        self.problems.push(format!("`{}{name}`: {what}", self.path));
    }

    /// The value of `name`, taken out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        debug_assert!(self.known.contains(&name), "{name} is read and not known");
        self.fields.remove(name)
    }

    /// Says so if a required field is missing.
    pub(super) fn require(&mut self, names: &[&str]) {
        for name in names {
            if !self.fields.contains_key(*name) {
                self.problem(name, "is missing; it is required");
            }
        }
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.wrong(name, "a text in quotes"),
        }
    }

    /// True or false, if it is there.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.wrong(name, "`true` or `false`"),
        }
    }

    /// A whole number from 0 to `max`, if it is there.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, name: &str, max: u64) -> Option<T> {
        let number = self.take(name)?.as_u64().filter(|number| *number <= max);
        match number.and_then(|number| T::try_from(number).ok()) {
            Some(number) => Some(number),
            None => self.wrong(name, format_args!("a whole number from 0 to {max}")),
        }
    }

    /// A list of at most `max` values, if it is there.
    pub(super) fn list(&mut self, name: &str, max: usize) -> Option<Vec<Value>> {
        match self.take(name)? {
            Value::Array(list) if list.len() <= max => Some(list),
            Value::Array(_) => self.wrong(name, format_args!("a list of at most {max}")),
            _ => self.wrong(name, "a list in brackets"),
        }
    }

    /// A list of at most `max` texts, if it is there.
    pub(super) fn texts(&mut self, name: &str, max: usize) -> Option<Vec<String>> {
        let list = self.list(name, max)?;
        let texts: Option<Vec<_>> = list.into_iter().map(|value| value.as_str().map(str::to_owned)).collect();
        if texts.is_none() {
            self.problem(name, "is not a list of texts in quotes");
        }
        texts
    }

    /// The object at `name`, if it is there.
    pub(super) fn object(&mut self, name: &str, known: &'static [&'static str]) -> Option<Object<'_>> {
        let value = self.take(name)?;
        Object::open(&format!("{}{name}", self.path), value, known, self.problems)
    }

    /// The object `value`, the one at place `index` of the list `name`.
    pub(super) fn item(
        &mut self,
        name: &str,
        index: usize,
        value: Value,
        known: &'static [&'static str],
    ) -> Option<Object<'_>> {
        Object::open(&format!("{}{name}[{index}]", self.path), value, known, self.problems)
    }

    /// The identifier `value`, the one at place `index`.
    pub(super) fn identifier(&mut self, index: usize, value: Value) -> Option<IdentifierRecord> {
        IdentifierRecord::read(&format!("{}identifiers[{index}]", self.path), value, self.problems)
    }

    /// Whether `name` is a list.
    pub(super) fn is_list(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(Value::is_array)
    }

    fn wrong<T>(&mut self, name: &str, expected: impl fmt::Display) -> Option<T> {
        self.problem(name, format_args!("is not {expected}"));
        None
    }
}

/// The problem of a field that nobody knows. It is refused and not ignored: it may be a restriction.
pub(super) fn unknown(path: &str, name: &str, known: &[&str]) -> String {
    let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
    let named = shown(name).map_or("a field".into(), |name| format!("field {name}"));
    match nearest(name, known) {
        Some(near) => format!("{named}{place} is not known; did you mean `{near}`?"),
        None => format!("{named}{place} is not known; known are {}", known.join(", ")),
    }
}

/// A word of a closed list, or the problem with it.
pub(super) fn one_of<T: Copy>(name: &str, word: &str, known: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = known.iter().find(|(known, _)| *known == word) {
        return Ok(*value);
    }
    let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
    let said = shown(word).unwrap_or_else(|| "what is said".into());
    Err(format!("`{name}`: {said} is none of {}", words.join(", ")))
}

/// `word` in backquotes if it can be shown: letters and dashes, no digits. Keys and addresses do not come so.
pub(super) fn shown(word: &str) -> Option<String> {
    let legal = |c: u8| c.is_ascii_alphabetic() || matches!(c, b'-' | b'_');
    ((1..=32).contains(&word.len()) && word.bytes().all(legal)).then(|| format!("`{word}`"))
}

/// The known word that `word` was probably meant to be: at most a third of its letters differ.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |known: &&&str| strsim::damerau_levenshtein(word, known);
    // A stranger's name of 16 KiB is not worth comparing.
    let candidate = known.iter().filter(|_| word.len() <= 32).min_by_key(distance)?;
    (distance(&candidate) * 3 <= candidate.len()).then_some(*candidate)
}
