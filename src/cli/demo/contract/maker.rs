//! Makes the messages, through the core and by the code of the daemon: what a subscriber meets here is what it will meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::shop::micros;
use crate::config::Config;
use crate::daemon;
use crate::gateway::Gateway;
use crate::gateway::consent::Consent;
use crate::gateway::consent::record::{self, Record};
use crate::gateway::effect::Offer;
use crate::gateway::key::Key;
use crate::ledger::registrar;
use crate::mqtt::ended::{self, Ended, Speaker};
use crate::mqtt::event::{Draft, with_sequence};
use crate::mqtt::rehearsal::{Kind, Line};
use crate::mqtt::state::{ClockTrust, Health, Presence, SourceState, State};
use crate::mqtt::topic::Topics;
use crate::report::{self, Figures};

/// Numbers are given by type: an offer's, and that of a type from the future.
pub(super) const ISSUED: &str = "emma.offer.issued.v1";
pub(super) const ISSUED_V2: &str = "emma.offer.issued.v2";

/// As fixed as a demo is: the same inboxes each time.
const KEY: [u8; 32] = *b"a demo is not a secret, 32 bytes";

/// Consents are good for so long, and were given so long ago.
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// A shop, two people who agreed to offers, and the numbers of what was said.
pub(super) struct Maker {
    config: Arc<Config>,
    gateway: Gateway,
    key: Key,
    speaker: Speaker,
    customer: Arc<Consent>,
    tester: Arc<Consent>,
    /// The last number, by the events' type.
    sequences: BTreeMap<&'static str, u64>,
    state: State,
}

impl Maker {
    /// The shop of `config` at `now_us` (wall).
    ///
    /// # Errors
    /// A sentence: a fault of Emma's.
    pub(super) fn new(config: Arc<Config>, now_us: i64) -> Result<Self, String> {
        let key = Key::new(KEY);
        let consent = |customer: &str, test: bool| consent(customer, test, &config, &key, now_us);
        let (customer, tester) = (consent("anna", false)?, consent("hugo", true)?);
        let sources = vec![SourceState::new("simulated", None, true)];
        let state = State::begin(&config.gateway, ClockTrust::Assumed, "demo", sources, now_us);
        let gateway = Gateway::new(Arc::clone(&config), key.clone(), 0);
        let speaker = Speaker::of(&config.gateway);
        Ok(Self { config, gateway, key, speaker, customer, tester, sequences: BTreeMap::new(), state })
    }

    /// The topics of the shop.
    pub(super) fn topics(&self) -> Topics<'_> {
        Topics { root: &self.speaker.root, site: &self.speaker.site }
    }

    /// A campaign as it is said to the customer, or the tester, at `at_us` (wall): an event a recipient.
    ///
    /// # Errors
    /// A sentence: the shipped shop has no such campaign.
    pub(super) fn offer(&self, campaign: &str, at_us: i64, test: bool) -> Result<Vec<Draft>, String> {
        let consent = if test { &self.tester } else { &self.customer };
        let composed = self.gateway.preview(campaign, consent, at_us);
        let mut wanted = composed.ok_or_else(|| format!("the shipped shop does not say “{campaign}”"))?;
        wanted.offer = Offer { test, ..wanted.offer };
        Ok(daemon::messages(&wanted, &self.key, &self.config, &BTreeMap::new()))
    }

    /// That the offer of `draft` ended, for that reason.
    pub(super) fn end(&mut self, draft: &Draft, reason: &str, at_us: i64) -> Line {
        let ended = Ended {
            offer_id: &draft.offer_id,
            recipient: &draft.recipient,
            inbox: &draft.inbox,
            reason,
            at_us,
            until_us: draft.valid_until_us,
            test: false,
        };
        let message = ended::message(ended, &self.speaker, &self.key);
        let payload = self.numbered(&message.payload, "ended");
        Line { topic: message.topic, payload, kind: Kind::Event(Some(draft.valid_until_us)) }
    }

    /// The event of `draft`, numbered as one of type `kind`, as it is handed to the broker. One that comes late is one that a queue kept in spite of its
    /// message expiry, so that it has none.
    pub(super) fn say(&mut self, draft: &Draft, kind: &'static str, now_us: i64) -> Line {
        let payload = self.numbered(&draft.payload, kind);
        let kind = Kind::Event(Some(draft.expires_us).filter(|expires_us| *expires_us > now_us));
        Line { topic: draft.topic.clone(), payload, kind }
    }

    /// Passes a number of offers over, as if one had been lost.
    pub(super) fn lose_one(&mut self) {
        *self.sequences.entry(ISSUED).or_default() += 1;
    }

    /// The totals of a week that nobody had.
    pub(super) fn report(&mut self, now_us: i64) -> Line {
        let totals = [("visits", 412), ("withheld:quiet", 57), ("withheld:cap-visit", 96)];
        let figures = Figures {
            config: &self.config,
            week_us: now_us.saturating_sub(7 * whole_micros(DAY)),
            now_us,
            totals: &totals.map(|(what, count)| (what.to_owned(), count)).into(),
            received: &[],
            oldest_us: None,
        };
        let draft = crate::mqtt::report::draft(&report::compose(&figures), &self.speaker, &self.key, now_us);
        let payload = self.numbered(&draft.payload, "report");
        Line { topic: draft.topic, payload, kind: Kind::KeptEvent(draft.expires_us) }
    }

    /// Whether the Pi is there.
    pub(super) fn state(&self, presence: Presence) -> Line {
        let topic = self.topics().gateway_state(&self.speaker.gateway);
        Line { topic, payload: self.state.message(presence), kind: Kind::Kept }
    }

    /// What it has counted.
    pub(super) fn health(&self, now_us: i64) -> Line {
        let health = Health { heard: 48_211, matched: 903, clock: ClockTrust::Assumed, ..Health::default() };
        let topic = self.topics().gateway_health(&self.speaker.gateway);
        Line { topic, payload: health.message(now_us), kind: Kind::Passing }
    }

    /// What a broker of others is not to keep of a demo.
    pub(super) fn forgotten(&self) -> [Line; 2] {
        let topics = self.topics();
        [topics.gateway_state(&self.speaker.gateway), topics.report()].map(|topic| Line {
            topic,
            payload: String::new(),
            kind: Kind::Kept,
        })
    }

    /// The event as the next of its type.
    fn numbered(&mut self, payload: &str, kind: &'static str) -> String {
        let last = self.sequences.entry(kind).or_default();
        *last += 1;
        with_sequence(payload, *last)
    }
}

/// The event as `change` makes it; what is said of a shop that is ahead of this version.
pub(super) fn changed(line: Line, change: impl FnOnce(&mut Value)) -> Line {
    let mut event: Value = serde_json::from_str(&line.payload).unwrap_or_default();
    change(&mut event);
    Line { payload: event.to_string(), ..line }
}

/// The consent of somebody who does not exist, with an inbox for each recipient.
fn consent(customer: &str, test: bool, config: &Config, key: &Key, now_us: i64) -> Result<Arc<Consent>, String> {
    let time = |us: i64| Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
    let record = json!({
        "customer": customer, "epoch": 1, "tier": "personal", "purposes": ["offers", "personalisation"], "test": test,
        "identifiers": [{ "ibeacon": { "uuid": hex::encode(KEY.first_chunk::<16>().unwrap_or(&[0; 16])), "major": 1, "minor": 1 } }],
        "valid_from": time(now_us - whole_micros(DAY)), "valid_until": time(now_us + 365 * whole_micros(DAY)),
        "adult": true, "notice": { "version": "1" }, "language": "en",
    });
    let Record::Grant(record) = record::parse(&record.to_string()).map_err(|error| error.to_string())? else {
        return Err("a consent is none".to_owned());
    };
    let inbox = |recipient: &str| key.id(&[b"inbox", customer.as_bytes(), recipient.as_bytes()]);
    let prepared = registrar::prepare(*record, config, None, inbox).map_err(|what| what.join("; "))?;
    Ok(prepared.consent)
}

/// A length of time in microseconds, as wall times are counted.
pub(super) fn whole_micros(duration: std::time::Duration) -> i64 {
    i64::try_from(micros(duration)).unwrap_or(i64::MAX)
}
