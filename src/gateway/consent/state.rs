//! What became of a consent: the ten states that ISO/IEC TS 27560 and the Data Privacy Vocabulary know, and what each does
//! here. Two of them are a yes; `docs/consent-record.md` says why each of the others does what it does.

/// The state of a consent, as whoever registers customers has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody knows whether there is a consent.
    Unknown,
    /// The customer was asked, and has not answered.
    Requested,
    /// They put off the answer.
    Deferred,
    /// They said no.
    Refused,
    /// They said yes. What a record means that says nothing of its state.
    Given,
    /// They said yes once more.
    Renewed,
    /// It has run out.
    Expired,
    /// It turned out to be none.
    Invalidated,
    /// Somebody other than the customer ended it.
    Revoked,
    /// The customer took it back.
    Withdrawn,
}

/// What a state does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The gate is open, as far as the consent reaches.
    Opens,
    /// Nothing is said, and nothing new is kept. What an earlier consent left stays as long as after its end, so that whoever
    /// says yes again finds their noes still heeded.
    Lapses,
    /// Nothing is said, and everything is forgotten.
    Forgets,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Requested,
        Self::Deferred,
        Self::Refused,
        Self::Given,
        Self::Renewed,
        Self::Expired,
        Self::Invalidated,
        Self::Revoked,
        Self::Withdrawn,
    ];

    /// Its word in a record.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Requested => "requested",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Given => "given",
            Self::Renewed => "renewed",
            Self::Expired => "expired",
            Self::Invalidated => "invalidated",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Its term in the Data Privacy Vocabulary (<https://w3id.org/dpv#ConsentStatus>).
    pub fn term(self) -> &'static str {
        match self {
            Self::Unknown => "dpv:ConsentUnknown",
            Self::Requested => "dpv:ConsentRequested",
            Self::Deferred => "dpv:ConsentRequestDeferred",
            Self::Refused => "dpv:ConsentRefused",
            Self::Given => "dpv:ConsentGiven",
            Self::Renewed => "dpv:RenewedConsentGiven",
            Self::Expired => "dpv:ConsentExpired",
            Self::Invalidated => "dpv:ConsentInvalidated",
            Self::Revoked => "dpv:ConsentRevoked",
            Self::Withdrawn => "dpv:ConsentWithdrawn",
        }
    }

    /// The state with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// What it does here.
    pub fn meaning(self) -> Meaning {
        match self {
            Self::Given | Self::Renewed => Meaning::Opens,
            // Whoever is asked again has not said no, and is told nothing until they have said yes.
            Self::Expired | Self::Requested | Self::Deferred => Meaning::Lapses,
            // Of a consent that nobody can show, or that was none, nothing may be kept.
            Self::Unknown | Self::Refused | Self::Invalidated | Self::Revoked | Self::Withdrawn => Meaning::Forgets,
        }
    }

    /// Whether the gate is open.
    pub fn opens(self) -> bool {
        self.meaning() == Meaning::Opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_ten_states_open_the_gate() {
        let open: Vec<&str> = State::ALL.into_iter().filter(|state| state.opens()).map(State::word).collect();
        assert_eq!(open, ["given", "renewed"]);
    }

    #[test]
    fn each_state_has_a_word_and_a_term_of_its_own() {
        for (place, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(State::of(state.word()), Some(state));
            assert!(State::ALL[..place].iter().all(|other| other.term() != state.term()), "{state:?}");
        }
        assert_eq!(State::of("Given"), None);
    }
}
