//! The auditor's own book of what was on its way: each offer's message, from its commit until nobody can say anything of
//! it any more. It knows what provably reached nobody, and is the only one that says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits, in the life of the process that committed it.
    Waits,
    /// It was handed over, and may have reached somebody; or the process died, and nobody knows.
    Unknown,
    /// The broker refused it.
    Refused,
}

/// One recipient's copy of an offer.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) customer: String,
    pub(crate) delivery: String,
    pub(crate) campaign: String,
    pub(crate) matter: String,
    pub(crate) inbox: String,
    pub(crate) notify_until_us: i64,
    pub(crate) valid_until_us: i64,
    pub(crate) test: bool,
    pub(crate) fate: Fate,
    pub(crate) heard: BTreeSet<&'static str>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Post {
    pub(crate) letters: BTreeMap<String, Letter>,
    /// Deliveries of which some message may still prove to have reached nobody.
    pub(crate) open: BTreeSet<String>,
}

impl Post {
    /// A message was found in the outbox.
    pub(crate) fn committed(&mut self, payload: &str, topic: &str, delivery: &str, customer: &str, alive: bool) {
        let event: Value = serde_json::from_str(payload).unwrap();
        let data = &event["data"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let us = |value: &Value| text(value).parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let campaign = text(&data["campaign_id"]);
        let matter = data["category"].as_str().map_or_else(|| format!("campaign:{campaign}"), str::to_owned);
        let letter = Letter {
            customer: customer.to_owned(),
            delivery: delivery.to_owned(),
            matter,
            campaign,
            inbox: topic.rsplit('/').next().unwrap().to_owned(),
            notify_until_us: us(&data["notify_until"]),
            valid_until_us: us(&data["valid_until"]),
            test: event["test"] == Value::Bool(true),
            fate: if alive { Fate::Waits } else { Fate::Unknown },
            heard: BTreeSet::new(),
        };
        self.open.insert(delivery.to_owned());
        self.letters.entry(text(&data["offer_id"])).or_insert(letter);
    }

    /// The process died: of what waited nobody knows any more.
    pub(crate) fn died(&mut self) {
        self.letters
            .values_mut()
            .filter(|letter| letter.fate == Fate::Waits)
            .for_each(|letter| letter.fate = Fate::Unknown);
        self.open.clear();
    }

    /// Whether a delivery provably reached nobody; every one of its messages has to.
    pub(crate) fn reached_nobody(&self, delivery: &str) -> bool {
        let mut of_it = self.letters.values().filter(|letter| letter.delivery == delivery).peekable();
        of_it.peek().is_some() && of_it.all(|letter| letter.fate != Fate::Unknown)
    }

    /// Lets go of a customer's, or of what came of one delivery.
    pub(crate) fn forget(&mut self, gone: impl Fn(&Letter) -> bool) {
        self.letters.retain(|_, letter| !gone(letter));
    }
}
