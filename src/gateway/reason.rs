//! Why an offer is not made: one word a gate, the same on every wire and in every file.

use super::cap::CapScope;

/// Why an offer was withheld: the gates' names in their order. The words are the wire's and the files'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The consent does not reach so far.
    Consent,
    /// Nobody knows what time it is.
    Clock,
    /// Paused by the customer or the site, or the campaign was stopped.
    Paused,
    /// Quiet hours, or the shop is closed.
    Quiet,
    /// Outside the campaign's dates, days or hours.
    Inactive,
    /// It is for those who declared other interests, or another price band, or wished for it.
    Audience,
    /// They bought one, and it is not time for another.
    Bought,
    /// They have said no to it.
    Declined,
    /// A value in its text is not fresh.
    StaleValue,
    /// Another campaign ranked higher.
    Outranked,
    /// A cap is full.
    Cap(CapScope),
    /// They are in the control group: it is recorded, and nothing is said.
    Control,
    /// The ledger cannot be reached.
    Ledger,
    /// Too much waits for the broker.
    Outbox,
}

impl Reason {
    /// All of them, in the order of the gates.
    pub const ALL: [Self; 22] = [
        Self::Consent,
        Self::Clock,
        Self::Paused,
        Self::Quiet,
        Self::Inactive,
        Self::Audience,
        Self::Bought,
        Self::Declined,
        Self::StaleValue,
        Self::Outranked,
        Self::Cap(CapScope::Customer),
        Self::Cap(CapScope::Visit),
        Self::Cap(CapScope::Gap),
        Self::Cap(CapScope::Campaign),
        Self::Cap(CapScope::Category),
        Self::Cap(CapScope::Zone),
        Self::Cap(CapScope::Site),
        Self::Cap(CapScope::Budget),
        Self::Cap(CapScope::Service),
        Self::Control,
        Self::Ledger,
        Self::Outbox,
    ];

    /// The reason that `word` names.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The word on every wire and in every file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Clock => "clock",
            Self::Paused => "paused",
            Self::Quiet => "quiet",
            Self::Inactive => "inactive",
            Self::Audience => "audience",
            Self::Bought => "bought",
            Self::Declined => "declined",
            Self::StaleValue => "stale-value",
            Self::Outranked => "outranked",
            Self::Cap(scope) => scope.as_str(),
            Self::Control => "control",
            Self::Ledger => "ledger",
            Self::Outbox => "outbox",
        }
    }
}
