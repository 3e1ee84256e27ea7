//! Topic names: everything Emma says is under `{root}/v1/{site}`.

use std::fmt;

/// The contract's version, the second level of every topic. A breaking change of topics is a new one.
const VERSION: &str = "v1";

/// Where the weekly report of restraint is.
const REPORT: &str = "report/restraint";

/// The topics of one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topics<'a> {
    /// First level, `emma` unless configured.
    pub root: &'a str,
    /// The shop's id.
    pub site: &'a str,
}

impl Topics<'_> {
    /// An offer, to a recipient and the address that the consent gives for it.
    pub fn offer(&self, recipient: &str, inbox: &str) -> String {
        self.under(format_args!("offer/{recipient}/{inbox}"))
    }

    /// That an offer ended before its time.
    pub fn offer_end(&self, recipient: &str, inbox: &str) -> String {
        self.under(format_args!("offer-end/{recipient}/{inbox}"))
    }

    /// Whether a gateway is online, and with which configuration; retained.
    pub fn gateway_state(&self, gateway: &str) -> String {
        self.under(format_args!("gateway/{gateway}/state"))
    }

    /// A gateway's counters.
    pub fn gateway_health(&self, gateway: &str) -> String {
        self.under(format_args!("gateway/{gateway}/health"))
    }

    /// The weekly report of restraint; retained.
    pub fn report(&self) -> String {
        self.under(format_args!("{REPORT}"))
    }

    /// The filter of what phones hear: the last level is the phone's id.
    pub fn heard(&self) -> String {
        self.under(format_args!("heard/+"))
    }

    /// What the scanner `gateway` hears of the consenting; `+` for all of them.
    pub fn sighting(&self, gateway: &str) -> String {
        self.under(format_args!("sighting/{gateway}"))
    }

    /// What the scanner `gateway` matches by.
    pub fn registry(&self, gateway: &str) -> String {
        self.under(format_args!("registry/{gateway}"))
    }

    /// What comes in and is no sighting: `{root}/v1/{site}/{what}`.
    pub fn incoming(&self, what: &str) -> String {
        self.under(format_args!("{what}"))
    }

    /// Answers to what is asked go below this, and nowhere else.
    pub fn answers_under(&self) -> String {
        self.under(format_args!("answer/"))
    }

    fn under(&self, rest: fmt::Arguments<'_>) -> String {
        format!("{}/{VERSION}/{}/{rest}", self.root, self.site)
    }
}

/// What an event is about. Those of one kind have one type, and are numbered one after the other: a subscriber of offers
/// alone would take the numbers of reports for lost offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An offer.
    Offer,
    /// That one ended before its time.
    OfferEnd,
    /// A week's totals.
    Report,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Offer, Self::OfferEnd, Self::Report];

    /// Of the event that the outbox says on `topic`.
    pub fn of(topic: &str) -> Self {
        match topic.split('/').nth(3) {
            Some("offer-end") => Self::OfferEnd,
            Some("report") => Self::Report,
            _ => Self::Offer,
        }
    }
}

/// Whether what the outbox says on `topic` is to be kept by the broker for whoever comes later: the report alone. An offer
/// is for a moment.
pub fn is_retained(topic: &str) -> bool {
    topic.strip_suffix(REPORT).is_some_and(|before| before.ends_with('/'))
}

/// Whether a broker takes `topic` as the name to publish to: not empty, at most 65,535 bytes, no wildcard, no NUL
/// (MQTT 5, 4.7.3), and not the broker's own `$` tree.
pub fn is_publishable(topic: &str) -> bool {
    !topic.is_empty()
        && u16::try_from(topic.len()).is_ok()
        && !topic.starts_with('$')
        && !topic.contains(['+', '#', '\0'])
}

/// Whether the filter of a subscription takes `topic` (MQTT 5, 4.7). The client library has the same and cuts the first
/// byte off a topic for it, which panics at a letter of two.
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            (_, _) => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPICS: Topics<'static> = Topics { root: "emma", site: "bern" };

    #[test]
    fn topics_are_those_of_the_contract() {
        assert_eq!(TOPICS.offer("push", "inbox-7"), "emma/v1/bern/offer/push/inbox-7");
        assert_eq!(TOPICS.offer_end("push", "inbox-7"), "emma/v1/bern/offer-end/push/inbox-7");
        assert_eq!(TOPICS.gateway_state("gw-till"), "emma/v1/bern/gateway/gw-till/state");
        assert_eq!(TOPICS.gateway_health("gw-till"), "emma/v1/bern/gateway/gw-till/health");
        assert_eq!(TOPICS.report(), "emma/v1/bern/report/restraint");
        assert!(is_retained(&TOPICS.report()) && !is_retained(&TOPICS.offer("push", "report")));
        assert_eq!(TOPICS.heard(), "emma/v1/bern/heard/+");
        assert_eq!(TOPICS.sighting("gw-till"), "emma/v1/bern/sighting/gw-till");
        assert_eq!(TOPICS.registry("gw-till"), "emma/v1/bern/registry/gw-till");
        assert_eq!(TOPICS.incoming("feedback/+"), "emma/v1/bern/feedback/+");
        assert_eq!(TOPICS.answers_under(), "emma/v1/bern/answer/");
    }

    #[test]
    fn the_kind_of_an_event_is_told_by_its_topic() {
        let topics = [TOPICS.offer("report", "offer-end"), TOPICS.offer_end("push", "offer"), TOPICS.report()];
        assert_eq!(topics.map(|topic| Kind::of(&topic)), Kind::ALL);
    }

    #[test]
    fn a_filter_takes_what_the_standard_says() {
        for (filter, topic) in [
            ("home/+/BTtoMQTT/#", "home/omg/BTtoMQTT/a/b"),
            ("home/+/BTtoMQTT/#", "home/omg/BTtoMQTT"),
            ("home/+/BTtoMQTT/#", "home//BTtoMQTT/a"),
            ("#", "\u{e9}t\u{e9}/a"),
            ("a", "a"),
        ] {
            assert!(matches(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in
            [("home/+/x", "home/x"), ("a/+", "a/b/c"), ("a", "a/b"), ("#", "$SYS/a"), ("+/a", "$SYS/a"), ("a/b", "a")]
        {
            assert!(!matches(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn a_wildcard_cannot_be_published_to() {
        assert!(is_publishable("emma/v1/bern/offer/push/inbox-7"));
        for topic in ["", "emma/+/x", "emma/#", "$SYS/x", "a\0b"] {
            assert!(!is_publishable(topic), "{topic:?}");
        }
    }
}
