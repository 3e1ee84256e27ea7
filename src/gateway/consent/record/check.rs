//! What a record's fields mean: the core's [`Consent`], or everything that is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::shape::one_of;
use super::{
    CapRecord, CapsRecord, ConsentRecord, IdentifierRecord, RecordError, TOPIC_LEVEL, TestTag, WishRecord, topic_level,
};
use crate::config::Name;
use crate::config::price::Price;
use crate::config::promise::{Cap, Caps, QuietHours};
use crate::config::span::Span;
use crate::gateway::consent::{Consent, CustomerId, Declared, Purposes, State, Terms, Tier, Wish};

/// What is wrong with a pseudonym, without repeating it.
pub(super) const PSEUDONYM: &str = "is not a pseudonym: 1 to 64 of A-Z a-z 0-9 . _ -";

/// The longest word (a site, a category, a notice's version), in characters.
const MAX_WORD: usize = 64;

/// The longest reference to a proof, in characters: an address on the web fits in.
pub(super) const MAX_PROOF: usize = 256;

/// The longest inbox and recipient, in characters: topic levels that leave room in MQTT's 65,535 bytes.
const MAX_INBOX: usize = 128;

/// The longest language tag: what BCP 47 (RFC 5646, 4.4.1) wants every program to hold.
const MAX_LANGUAGE: usize = 35;

/// The longest name of a time zone; the longest there is has 32.
const MAX_TIME_ZONE: usize = 64;

const TIERS: &[(&str, Tier)] =
    &[("on-request", Tier::OnRequest), ("contextual", Tier::Contextual), ("personal", Tier::Personal)];

/// A purpose, as a switch that it turns on.
type Switch = fn(&mut Purposes);

const PURPOSES: &[(&str, Switch)] = &[
    ("offers", |purposes| purposes.offers = true),
    ("personalisation", |purposes| purposes.personalisation = true),
    ("lift-measurement", |purposes| purposes.lift_measurement = true),
];

/// The words of `tier`.
pub(super) fn tiers() -> Vec<&'static str> {
    TIERS.iter().map(|(word, _)| *word).collect()
}

/// The words of `purposes`.
pub(super) fn purposes() -> Vec<&'static str> {
    PURPOSES.iter().map(|(word, _)| *word).collect()
}

/// The words of `state` in a consent that is told.
pub(super) fn open_states() -> Vec<&'static str> {
    State::ALL.into_iter().filter(|state| state.opens()).map(State::word).collect()
}

/// The words of `state` of a consent that is no yes.
pub(super) fn closed_states() -> Vec<&'static str> {
    State::ALL.into_iter().filter(|state| !state.opens()).map(State::word).collect()
}

impl ConsentRecord {
    /// The core's consent. Its inbox is empty where the record names none; whoever registers it assigns one.
    pub fn check(&self) -> Result<Consent, RecordError> {
        let mut problems = Problems(Vec::new());
        problems.check_kept_fields(self);
        let (from_us, until_us) = problems.validity(self);
        let customer = problems.some(CustomerId::new(&self.customer), "customer", PSEUDONYM);
        let (recipients, inboxes): (_, Vec<_>) = problems.inbox(self.inbox.as_ref()).into_iter().unzip();
        let terms = problems.terms(self, recipients);
        let consent = customer.map(|customer| Consent {
            customer,
            epoch: self.epoch,
            state: self.state.as_deref().and_then(|word| problems.state(word)).unwrap_or(State::Given),
            terms: Arc::new(terms),
            identifiers: self.identifiers.iter().filter_map(IdentifierRecord::matched).collect(),
            rotating: self.identifiers.iter().filter_map(IdentifierRecord::rotating).collect(),
            phones: self.identifiers.iter().filter_map(IdentifierRecord::phone).collect(),
            valid_from_us: from_us,
            valid_until_us: until_us,
            told_us: None,
            // None of them has a line break: they are levels of topics.
            inboxes: inboxes.join("\n").into(),
            paused_until_us: self.paused_until.as_deref().and_then(|text| problems.instant("paused_until", text)),
            // Most declare nothing, and what they do not declare takes no room.
            declared: Some(problems.declared(self)).filter(|declared| *declared != Declared::default()).map(Box::new),
        });
        let Problems(problems) = problems;
        let consent = RecordError::unless(consent, problems)?;
        consent.ok_or_else(|| RecordError::one(format!("`customer`: {PSEUDONYM}")))
    }
}

/// What was found wrong so far. Each function reads one thing and adds its problem, if it has one.
struct Problems(Vec<String>);

impl Problems {
    fn ok<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.0.push(problem)).ok()
    }

    fn some<T>(&mut self, value: Option<T>, name: &str, problem: &str) -> Option<T> {
        self.ok(value.ok_or_else(|| format!("`{name}`: {problem}")))
    }

    fn terms(&mut self, record: &ConsentRecord, recipients: Vec<Name>) -> Terms {
        Terms {
            tier: self.ok(one_of("tier", &record.tier, TIERS)).unwrap_or(Tier::OnRequest),
            purposes: self.purposes(&record.purposes),
            sites: record.sites.as_deref().map(|sites| self.words("sites", sites)),
            categories: self.words("categories", record.categories.as_deref().unwrap_or_default()),
            sensitive: self.words("sensitive", record.sensitive.as_deref().unwrap_or_default()),
            recipients,
            budget: record.budget,
            language: record.language.as_deref().and_then(|tag| self.language("language", tag)),
            time_zone: record.time_zone.as_deref().and_then(|name| self.time_zone(name)),
            quiet_hours: record.quiet_hours.as_ref().and_then(|hours| self.quiet_hours(hours)),
            caps: record.caps.as_ref().map(|caps| self.caps(caps)).unwrap_or_default(),
            adult: record.adult.unwrap_or(false),
            notice: record.notice.as_ref().and_then(|notice| self.word("notice.version", &notice.version)),
            test: record.test.as_ref().is_some_and(TestTag::is_test),
        }
    }

    fn purposes(&mut self, words: &[String]) -> Purposes {
        let mut purposes = Purposes::default();
        for word in words {
            if let Some(switch) = self.ok(one_of("purposes", word, PURPOSES)) {
                switch(&mut purposes);
            }
        }
        purposes
    }

    fn state(&mut self, word: &str) -> Option<State> {
        let known = State::ALL.map(|state| (state.word(), state));
        self.ok(one_of("state", word, &known))
    }

    fn validity(&mut self, record: &ConsentRecord) -> (i64, i64) {
        let from = self.instant("valid_from", &record.valid_from);
        let until = self.instant("valid_until", &record.valid_until);
        let (Some(from), Some(until)) = (from, until) else { return (0, 0) };
        let given = record.given_at.as_deref().and_then(|text| self.instant("given_at", text));
        if given > Some(from) {
            self.0.push(
                "`given_at`: is after `valid_from`; a consent holds from when it is given, and not before".into(),
            );
        }
        if until <= from {
            self.0.push("`valid_until`: is not after `valid_from`; make it later".into());
        }
        (from, until)
    }

    /// Microseconds since 1970 UTC.
    fn instant(&mut self, name: &str, text: &str) -> Option<i64> {
        let instant = text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
        self.some(instant, name, "is not a time such as 2026-01-01T00:00:00Z (RFC 3339)")
    }

    fn word(&mut self, name: &str, text: &str) -> Option<Name> {
        let legal = (1..=MAX_WORD).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        self.some(legal.then(|| text.into()), name, "is not a word of 1 to 64 characters")
    }

    fn words(&mut self, name: &str, texts: &[String]) -> Vec<Name> {
        texts.iter().filter_map(|text| self.word(name, text)).collect()
    }

    fn inbox(&mut self, inbox: Option<&BTreeMap<String, String>>) -> BTreeMap<Name, String> {
        let mut checked = BTreeMap::new();
        for (recipient, address) in inbox.into_iter().flatten() {
            let recipient = topic_level(recipient, MAX_INBOX).zip(topic_level(address, MAX_INBOX));
            let problem = format!("holds a recipient or an address that is not {TOPIC_LEVEL}, of 1 to 128 characters");
            if let Some((recipient, address)) = self.some(recipient, "inbox", &problem) {
                checked.insert(recipient.into(), address);
            }
        }
        checked
    }

    fn language(&mut self, name: &str, tag: &str) -> Option<Name> {
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        let letters = matches!(primary.len(), 2 | 3) && primary.bytes().all(|c| c.is_ascii_alphabetic());
        let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric());
        let legal = letters && tag.len() <= MAX_LANGUAGE && parts.all(part);
        self.some(legal.then(|| tag.into()), name, "is not a language such as \"de\" or \"de-CH\"")
    }

    fn time_zone(&mut self, name: &str) -> Option<TimeZone> {
        let found = if name.len() <= MAX_TIME_ZONE { TimeZone::get(name).ok() } else { None };
        self.some(found, "time_zone", "is not a time zone; write one such as \"Europe/Berlin\"")
    }

    fn quiet_hours(&mut self, [start, end]: &[String; 2]) -> Option<QuietHours> {
        let problem = "is not a start and an end of the day such as [\"22:00\", \"06:00\"]";
        let pair = minute_of_day(start).zip(minute_of_day(end));
        let (start_min, end_min) = self.some(pair, "quiet_hours", problem)?;
        let hours = (start_min != end_min).then_some(QuietHours { start_min, end_min });
        self.some(hours, "quiet_hours", "starts and ends at the same time; leave it out to have none")
    }

    fn caps(&mut self, caps: &CapsRecord) -> Caps {
        Caps {
            customer: self.windows("caps.customer", &caps.customer),
            visit: caps.visit,
            gap: caps.gap.as_deref().and_then(|text| self.span("caps.gap", text)),
            campaign: self.windows("caps.campaign", &caps.campaign),
            category: self.windows("caps.category", &caps.category),
            zone: self.windows("caps.zone", &caps.zone),
            site: self.windows("caps.site", &caps.site),
            service: self.windows("caps.service", &caps.service),
        }
    }

    fn windows(&mut self, name: &str, windows: &[CapRecord]) -> Vec<Cap> {
        let mut checked = Vec::new();
        for CapRecord { at_most, per } in windows {
            let per = per.as_deref().map(|text| self.span(&format!("{name}.per"), text));
            // A window with a problem adds none here: the record is refused.
            checked.push(Cap { at_most: *at_most, per: per.flatten() });
        }
        checked
    }

    fn span(&mut self, name: &str, text: &str) -> Option<Span> {
        let span = text.parse::<Span>().ok().filter(|span| !matches!(span, Span::Micros(0) | Span::Months(0)));
        self.some(span, name, "is not a duration; write it like \"2h\", \"7d\" or \"30 months\"")
    }

    /// The fields that are kept and not used here.
    fn check_kept_fields(&mut self, record: &ConsentRecord) {
        if record.identifiers.is_empty() {
            self.0.push("`identifiers`: is empty; at least one is required".into());
        }
        let unreadable = |identifier: &&IdentifierRecord| {
            identifier.matched().is_none() && identifier.rotating().is_none() && identifier.phone().is_none()
        };
        for identifier in record.identifiers.iter().filter(unreadable) {
            self.0.push(format!("`identifiers`: the {} is not one", identifier.kind()));
        }
        if let Some(TestTag::Name(tag)) = &record.test {
            self.word("test", tag);
        }
        if let Some(proof) = record.proof.as_deref() {
            let legal = (1..=MAX_PROOF).contains(&proof.chars().count()) && !proof.chars().any(char::is_control);
            self.some(legal.then_some(()), "proof", "is not a reference of 1 to 256 characters");
        }
        if let Some(language) = record.notice.as_ref().and_then(|notice| notice.language.as_deref()) {
            self.language("notice.language", language);
        }
    }

    fn declared(&mut self, record: &ConsentRecord) -> Declared {
        Declared {
            interests: self.words("interests", record.interests.as_deref().unwrap_or_default()),
            price_band: record.price_band.as_deref().and_then(|band| self.word("price_band", band)),
            pinned_categories: self.words("pinned_categories", record.pinned_categories.as_deref().unwrap_or_default()),
            wishes: record.wishes.iter().flatten().filter_map(|wish| self.wish(wish)).collect(),
        }
    }

    /// A wish with a problem adds none here: the record is refused.
    fn wish(&mut self, wish: &WishRecord) -> Option<Wish> {
        let max_price = wish
            .max_price
            .as_deref()
            .and_then(|price| self.some(Price::parse(price), "wishes.max_price", "is not a price such as \"150 CHF\""));
        let until = wish.until.as_deref().and_then(|until| {
            self.some(until.parse::<Date>().ok(), "wishes.until", "is not a date such as 2026-12-31")
        });
        Some(Wish { category: self.word("wishes.category", &wish.category)?, max_price, until })
    }
}

/// Minutes since midnight of `"HH:MM"`, up to 23:59.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| {
        let legal = part.len() == 2 && part.bytes().all(|c| c.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| legal)
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}
