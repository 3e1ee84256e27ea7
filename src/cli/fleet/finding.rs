//! What is found of a Pi or a shop.

use serde::Serialize;

use crate::cli::printable::printable;

/// The longest sentence that is kept, in characters: what a message quotes may be 64 KiB.
const MAX_SENTENCE: usize = 300;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Weight {
    /// Somebody has to do something.
    Hand,
    /// Worth knowing: somebody meant it so, or it ends by itself.
    Note,
}

/// One thing that is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Which; the words are part of the contract.
    pub(super) what: &'static str,
    /// How much it matters.
    pub(super) weight: Weight,
    /// What is the case, without a full stop. Fit for a terminal, whatever a message held.
    pub(super) sentence: String,
    /// What to do; empty where there is nothing.
    #[serde(rename = "do")]
    pub(super) to_do: String,
}

impl Finding {
    fn new(what: &'static str, weight: Weight, sentence: &str, to_do: &str) -> Self {
        let (sentence, to_do) = (printable(sentence, MAX_SENTENCE), printable(to_do, MAX_SENTENCE));
        Self { what, weight, sentence, to_do }
    }

    /// Somebody has to do this about it.
    pub(super) fn hand(what: &'static str, sentence: impl AsRef<str>, to_do: impl AsRef<str>) -> Self {
        Self::new(what, Weight::Hand, sentence.as_ref(), to_do.as_ref())
    }

    /// It is worth knowing.
    pub(super) fn note(what: &'static str, sentence: impl AsRef<str>) -> Self {
        Self::new(what, Weight::Note, sentence.as_ref(), "")
    }

    pub(super) fn needs_hand(&self) -> bool {
        self.weight == Weight::Hand
    }
}

/// Whether any of them needs a hand.
pub(super) fn need_hand(findings: &[Finding]) -> bool {
    findings.iter().any(Finding::needs_hand)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_word_for_what_needs_a_hand_is_in_the_document() {
        let document = include_str!("../../../docs/fleet.md");
        let code = [include_str!("said.rs"), include_str!("verdict.rs")].concat();
        let words = code.split("Finding::hand(").skip(1).filter_map(|rest| rest.split('"').nth(1));
        let words: Vec<&str> = words.collect();
        assert!(words.len() > 20, "{words:?}");
        for word in words {
            assert!(document.contains(&format!("`{word}`")), "docs/fleet.md does not say what {word} is");
        }
    }
}
