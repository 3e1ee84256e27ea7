//! What is kept of somebody who takes part, and for how long: one line a kind.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::ledger::{kinds, retention};

/// A kind of thing that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Which kind, in the word that an export has for it: `consent`, `offers-made`, `visit`, …
    pub what: String,
    /// How long, in seconds, where it is a length of time; otherwise what ends it is said in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secs: Option<u64>,
}

/// Everything that is kept under this configuration: what pruning goes by, and what an export shows.
pub(super) fn kept(config: &Config) -> Vec<Kept> {
    let kept = retention::kept(config, std::iter::empty());
    kinds::kinds(&kept).map(|(what, secs)| Kept { what: what.to_owned(), secs }).collect()
}
