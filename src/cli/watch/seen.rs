//! What was seen before: which events came twice, and which did not come at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::line::Message;

/// So many events and offers are remembered, of 100 bytes each: 1 MB. The oldest is forgotten, and shown as new if it
/// comes again.
const MAX_REMEMBERED: usize = 10_000;

/// The last things seen, by their ids.
#[derive(Default)]
struct Last {
    ids: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Last {
    /// Whether it is new.
    fn insert(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// What was seen so far.
pub(super) struct Seen {
    events: Last,
    offers: Last,
    /// The last number of each source and type.
    numbers: BTreeMap<(String, String), u64>,
    /// Whether all of a kind is listened to, so that a gap in its numbers is a loss.
    sees_all: bool,
}

impl Seen {
    pub(super) fn new(sees_all: bool) -> Self {
        Self { events: Last::default(), offers: Last::default(), numbers: BTreeMap::new(), sees_all }
    }

    /// From now on what is said of this offer is wanted.
    pub(super) fn follow(&mut self, offer: &str) {
        self.offers.insert(offer);
    }

    pub(super) fn follows(&self, offer: &str) -> bool {
        self.offers.ids.contains(offer)
    }

    /// What is remarkable about an event by what came before: it came already, or others are missing.
    pub(super) fn remark(&mut self, message: &Message<'_>) -> Option<String> {
        let body = message.body?;
        let text = |key: &str| body.get(key)?.as_str();
        let (id, source, kind) = (text("id")?, text("source")?, text("type")?);
        if !self.events.insert(&format!("{source} {id}")) {
            return Some("again, the same event".to_owned());
        }
        let number: u64 = text("sequence")?.parse().ok()?;
        let key = (source.to_owned(), kind.to_owned());
        if self.numbers.len() >= MAX_REMEMBERED && !self.numbers.contains_key(&key) {
            return None;
        }
        let last = self.numbers.entry(key).or_insert(number);
        let missing = number.saturating_sub(last.saturating_add(1));
        *last = number.max(*last);
        (missing > 0 && self.sees_all).then(|| format!("{missing} before it did not come: lost, or not yours to read"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(id: &str, kind: &str, number: u64) -> Value {
        json!({"id": id, "source": "/sites/a/gateways/b", "type": kind, "sequence": format!("{number:020}")})
    }

    fn remarks(sees_all: bool, events: &[Value]) -> Vec<Option<String>> {
        let mut seen = Seen::new(sees_all);
        let message = |body| Message { rest: "v1/a/offer/push/x", body: Some(body), is_empty: false };
        events.iter().map(|body| seen.remark(&message(body))).collect()
    }

    #[test]
    fn a_gap_of_one_type_is_told_and_what_comes_again() {
        let events =
            [event("a", "x", 7), event("b", "y", 1), event("c", "x", 10), event("a", "x", 7), event("d", "x", 11)];
        let told = |text: &str| Some(text.to_owned());
        let expected = [
            None,
            None,
            told("2 before it did not come: lost, or not yours to read"),
            told("again, the same event"),
            None,
        ];
        assert_eq!(remarks(true, &events), expected);
    }

    #[test]
    fn who_sees_a_part_sees_no_gap() {
        assert_eq!(remarks(false, &[event("a", "x", 1), event("b", "x", 9)]), [None, None]);
    }

    #[test]
    fn only_so_much_is_remembered() {
        let mut seen = Seen::new(true);
        (0..=MAX_REMEMBERED).for_each(|n| seen.follow(&n.to_string()));
        assert!(!seen.follows("0") && seen.follows("1") && seen.offers.ids.len() == MAX_REMEMBERED);
    }
}
