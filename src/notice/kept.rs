//! What is kept of somebody who takes part, and for how long: one line a kind.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::ledger::retention;

/// A kind of thing that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Which kind: `consent`, `delivery`, `visit`, …
    pub what: String,
    /// How long, in seconds, where it is a length of time; otherwise what ends it is said in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secs: Option<u64>,
}

/// Everything that is kept under this configuration.
pub(super) fn kept(config: &Config) -> Vec<Kept> {
    let kept = retention::kept(config, std::iter::empty());
    let secs = |us: u64| Some(us / 1_000_000);
    [
        ("consent", None),
        ("visit", Some(900)),
        ("at-work", None),
        ("offers-made", kept.deliveries_us.and_then(secs)),
        ("stance", None),
        ("offers-that-hold", None),
        ("messages", None),
        ("forgotten", secs(kept.forgotten_us)),
    ]
    .map(|(what, secs)| Kept { what: what.to_owned(), secs })
    .into()
}
