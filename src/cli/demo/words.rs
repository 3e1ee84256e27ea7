//! Places, languages and reasons in plain words. None of them says "he" or "she": Emma does not know.

use crate::gateway::cap::CapScope;
use crate::gateway::effect::Reason;

/// Where somebody is, after "is".
pub(super) fn place(zone: &str) -> String {
    match zone {
        "jackets" => "among the jackets".to_owned(),
        "shoes" => "among the shoes".to_owned(),
        "till" => "at the till".to_owned(),
        other => format!("in “{other}”"),
    }
}

/// A language by its tag.
pub(super) fn language(tag: &str) -> &'static str {
    match tag {
        "de" => "German",
        "fr" => "French",
        "it" => "Italian",
        _ => "English",
    }
}

/// Why somebody is told nothing, after a colon.
pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Consent => "it is more than was agreed to",
        Reason::Clock => "the time of day is not known for certain",
        Reason::Paused => "a pause was asked for",
        Reason::Quiet => "quiet was asked for at this hour",
        Reason::Inactive => "the offer does not run at this hour",
        Reason::Audience => "it is for those who asked for such things",
        Reason::Bought => "one was bought already",
        Reason::Declined => "no was said to such offers",
        Reason::StaleValue => "a number in its text is not up to date",
        Reason::Outranked => "one thing at a time is enough",
        Reason::Control => "it is measured what happens without it",
        Reason::Ledger => "it could not be remembered",
        Reason::Outbox => "too much is waiting to be sent",
        Reason::Cap(scope) => match scope {
            CapScope::Customer => "it would be more than is wanted",
            CapScope::Visit => "one offer a visit is the promise, and it was made",
            CapScope::Gap => "it is too soon after the last offer",
            CapScope::Campaign => "this one was heard before",
            CapScope::Category => "there was enough of such goods",
            CapScope::Zone => "there was enough in this place",
            CapScope::Site => "there was enough in this shop",
            CapScope::Budget => "what was agreed to is used up",
            CapScope::Service => "there were enough notices for a day",
        },
    }
}

/// Why offers were not made, of many.
pub(super) fn reason_in_general(reason: Reason) -> &'static str {
    match reason {
        Reason::Consent => "more than the customer had agreed to",
        Reason::Clock => "the time of day was not known for certain",
        Reason::Paused => "the customer had asked for a pause",
        Reason::Quiet => "the customer had asked for quiet at that hour",
        Reason::Inactive => "the offer did not run at that hour",
        Reason::Audience => "for those who had asked for such things",
        Reason::Bought => "the customer had one already",
        Reason::Declined => "the customer had said no to such offers",
        Reason::StaleValue => "a number in its text was not up to date",
        Reason::Outranked => "another was said: one thing at a time",
        Reason::Control => "measured without it",
        Reason::Ledger => "it could not have been remembered",
        Reason::Outbox => "too much was waiting to be sent",
        Reason::Cap(scope) => match scope {
            CapScope::Customer => "more than the customer wanted",
            CapScope::Visit => "the one offer of that visit had been made",
            CapScope::Gap => "too soon after the last one",
            CapScope::Campaign => "the customer had heard it before",
            CapScope::Category => "the customer had heard enough of such goods",
            CapScope::Zone => "the customer had heard enough in that place",
            CapScope::Site => "the customer had heard enough in this shop",
            CapScope::Budget => "what the customer had agreed to was used up",
            CapScope::Service => "there had been enough notices for a day",
        },
    }
}
