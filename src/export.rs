//! Everything that is stored of one person, as they are told of it: each kind with what it is for, where it comes from, and
//! for how long it is kept.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Everything that is stored of one person. Of somebody whom nobody knows it is the same, without items.
#[derive(Clone, PartialEq, Deserialize, JsonSchema, Serialize)]
pub struct Export {
    /// When it was put together.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// Who answers for it, where promise.toml says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// How they are reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The language of the sentences.
    pub language: String,
    /// Kind by kind.
    pub stored: Vec<Stored>,
}

/// One kind of what is stored.
#[derive(Clone, PartialEq, Deserialize, JsonSchema, Serialize)]
pub struct Stored {
    /// The word for it.
    pub what: String,
    /// Where it is: `disk` or `memory`.
    #[schemars(extend("enum" = ["disk", "memory"]))]
    pub place: String,
    /// What it is for, in plain words.
    pub purpose: String,
    /// Where it comes from, in plain words.
    pub origin: String,
    /// For how long it is kept, in plain words.
    pub kept: String,
    /// The same in seconds, where it is a length of time.
    pub kept_secs: Option<u64>,
    /// What there is, oldest first.
    pub items: Vec<Value>,
    /// So many of the oldest found no room in the answer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(left_out: &u64) -> bool {
    *left_out == 0
}

/// `Debug` shows nothing: it is somebody's.
impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Export(..)")
    }
}

/// `Debug` names the kind and nothing more.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("what", &self.what).finish_non_exhaustive()
    }
}

impl Export {
    /// The same in at most `most` bytes of JSON: of whichever kind is the longest the oldest items are left out and counted,
    /// until the rest fits.
    #[must_use]
    pub fn within(mut self, most: usize) -> Self {
        let len = |items: &[Value]| items.iter().map(|item| item.to_string().len() + 1).sum::<usize>();
        while serde_json::to_string(&self).map_or(0, |json| json.len()) > most {
            let longest = self.stored.iter_mut().max_by_key(|stored| len(&stored.items));
            let Some(longest) = longest.filter(|stored| !stored.items.is_empty()) else { break };
            // A tenth at a time: a long history costs a few rounds and not as many as it has items.
            let gone = longest.items.len().div_ceil(10);
            longest.items.drain(..gone);
            longest.left_out += gone as u64;
        }
        self
    }
}

/// An instant (wall, microseconds) as RFC 3339; one beyond all calendars as the number that it is.
pub(crate) fn instant(us: i64) -> Value {
    Timestamp::from_microsecond(us).map_or_else(|_| Value::from(us), |at| Value::from(at.to_string()))
}

/// JSON of Emma's own with its instants as RFC 3339: a name that ends in `_us` loses its unit.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| named(name, value)).collect::<Map<_, _>>().into()
        }
        Value::Array(values) => values.into_iter().map(plain).collect(),
        other => other,
    }
}

fn named(name: String, value: Value) -> (String, Value) {
    match (name.strip_suffix("_us"), value.as_i64()) {
        (Some(short), Some(us)) => (short.to_owned(), instant(us)),
        _ => (name, plain(value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored(what: &str, items: Vec<Value>) -> Stored {
        let (place, purpose, origin, kept) = ("disk".into(), "p".into(), "o".into(), "k".into());
        Stored { what: what.into(), place, purpose, origin, kept, kept_secs: None, items, left_out: 0 }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_newest_is_told() {
        let history = (0..1_000).map(|n| json!({"n": n, "text": "x".repeat(100)})).collect();
        let all = vec![stored("consent", vec![json!({"record": "y".repeat(9_000)})]), stored("offers-made", history)];
        let export = Export { at: "now".into(), controller: None, contact: None, language: "en".into(), stored: all };
        assert_eq!(export.clone().within(1_000_000), export, "it fits");
        let bounded = export.within(65_536);
        assert!(serde_json::to_string(&bounded).unwrap().len() <= 65_536);
        let [consent, history] = &bounded.stored[..] else { panic!("two kinds") };
        assert_eq!((consent.items.len(), consent.left_out), (1, 0));
        assert_eq!(history.items.len() as u64 + history.left_out, 1_000);
        assert!(history.items.len() > 300, "{}", history.items.len());
        assert_eq!(history.items.last().unwrap()["n"], 999);
    }

    #[test]
    fn instants_are_told_as_such_however_deep() {
        let stance = json!({"matters": {"shoes": {"silent_until_us": 1_793_613_600_000_000_i64, "score": 3}}});
        let told = json!({"matters": {"shoes": {"silent_until": "2026-11-02T10:00:00Z", "score": 3}}});
        assert_eq!(plain(stance), told);
    }
}
