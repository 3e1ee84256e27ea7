//! What a change of a schema means for whoever built on it.

use emma::schema::Direction;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What may be worded anew at any time.
const WORDING: [&str; 5] = ["$id", "$schema", "description", "title", "x-version"];

/// The hash of a schema without its wording, in hex.
pub(crate) fn digest(schema: &Value) -> String {
    hex::encode(Sha256::digest(shape(schema).to_string()))
}

/// The schema without its wording. A field may be called like a word of it; fields are told by where they stand.
fn shape(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !WORDING.contains(&name.as_str()));
            let shaped = kept.map(|(name, value)| match (name.as_str(), value) {
                ("properties", Value::Object(fields)) => {
                    let fields: Map<_, _> = fields.iter().map(|(name, field)| (name.clone(), shape(field))).collect();
                    (name.clone(), fields.into())
                }
                _ => (name.clone(), shape(value)),
            });
            Value::Object(shaped.collect())
        }
        Value::Array(items) => items.iter().map(shape).collect(),
        other => other.clone(),
    }
}

/// What of a change breaks whoever built on the `old` schema, a sentence each; nothing where they need not know of it.
///
/// Of what Emma says, readers pass over fields and words that they do not know, and find what they rely on. Of what she
/// reads, writers need not say more than they did, and whatever they said is still taken.
pub(crate) fn breaks(old: &Value, new: &Value, direction: Direction) -> Vec<String> {
    let mut told = Vec::new();
    compare("", &shape(old), &shape(new), direction, &mut told);
    told
}

fn compare(at: &str, old: &Value, new: &Value, direction: Direction, told: &mut Vec<String>) {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        if old != new {
            told.push(format!("{at} was {old} and is {new}"));
        }
        return;
    };
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    for name in names {
        let (old, new) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        match name.as_str() {
            "properties" => compare_fields(at, old, new, direction, told),
            // What was promised has to stay promised; what was not asked for must not be asked for.
            "required" if direction == Direction::Said => told.extend(lost(old, new, at, ".{} may be absent now")),
            "required" => told.extend(lost(new, old, at, ".{} is asked for now")),
            // Readers pass over a word that they do not know.
            "enum" if direction == Direction::Said => {}
            "enum" => told.extend(lost(old, new, at, ": {} is not taken any more")),
            "type" if direction == Direction::Said => told.extend(lost(new, old, at, " may be {} now")),
            "type" => told.extend(lost(old, new, at, " may not be {} any more")),
            // A rule may be tighter or looser than it was; nothing here can tell.
            _ => compare(&format!("{at}/{name}"), old, new, direction, told),
        }
    }
}

fn compare_fields(at: &str, old: &Value, new: &Value, direction: Direction, told: &mut Vec<String>) {
    for (name, before) in old.as_object().into_iter().flatten() {
        match new.get(name) {
            Some(after) => compare(&format!("{at}.{name}"), before, after, direction, told),
            None => told.push(format!("{at}.{name} is gone")),
        }
    }
}

/// A sentence for each word of one list that the other has not; a single word is a list of one.
fn lost(some: &Value, others: &Value, at: &str, sentence: &str) -> Vec<String> {
    let (some, others) = (words(some), words(others));
    let lost = some.iter().filter(|word| !others.contains(word));
    lost.map(|word| at.to_owned() + &sentence.replace("{}", word)).collect()
}

fn words(list: &Value) -> Vec<&str> {
    match list {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        word => word.as_str().into_iter().collect(),
    }
}
