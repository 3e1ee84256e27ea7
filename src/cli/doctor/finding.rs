//! What a check finds.

use serde::Serialize;

/// How well it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing is wrong.
    Note,
    /// Emma does her work, but worse than she could, or with less restraint.
    Warn,
    /// Emma cannot hear, remember or speak, or a secret lies open.
    Fail,
    /// It cannot be read from here.
    Unknown,
}

impl Verdict {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// One check's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Which check; the names are part of the contract.
    pub(super) check: &'static str,
    /// How well it is.
    pub(super) verdict: Verdict,
    /// What is the case, without a full stop.
    pub(super) what: String,
    /// What to do; empty where there is nothing.
    #[serde(rename = "do")]
    pub(super) to_do: String,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, what: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { check, verdict, what: what.into(), to_do: to_do.into() }
    }

    /// All is well.
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, what, "")
    }

    /// Worth knowing.
    pub(super) fn note(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Verdict::Note, what, "")
    }

    /// Worth mending.
    pub(super) fn warn(check: &'static str, what: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warn, what, to_do)
    }

    /// Needs a hand.
    pub(super) fn fail(check: &'static str, what: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self::new(check, Verdict::Fail, what, to_do)
    }

    /// Cannot be read, and why.
    pub(super) fn unknown(check: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::Unknown, why, "")
    }

    /// The same, with what would let it be read or what to do about it.
    pub(super) fn advise(mut self, to_do: impl Into<String>) -> Self {
        self.to_do = to_do.into();
        self
    }
}
