//! What was committed, what was sent and what was heard, held against each other.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::ops::AddAssign;

use rumqttc::v5::mqttbytes::v5::PubAckReason;

use crate::link::Sent;
use crate::teller::Committed;
use crate::witness::Heard;

/// All that is known of one stream.
pub(crate) struct Evidence {
    /// In the order in which they were committed.
    pub(crate) committed: Vec<Committed>,
    /// In the order in which they left Emma.
    pub(crate) sent: Vec<Sent>,
    /// In the order in which they arrived.
    pub(crate) heard: Vec<Heard>,
    /// The deliveries that count in caps at the end.
    pub(crate) remembered: BTreeSet<String>,
    /// Whether the broker was killed, after which what it had acknowledged is no longer Emma's to lose.
    pub(crate) broker_died: bool,
    /// Whether Emma was, which may cost a sequence number.
    pub(crate) emma_died: bool,
    /// The events that were taken back before anybody had to be told: their customer left.
    pub(crate) taken_back: HashSet<String>,
    /// How many offers to each topic the broker's own log says it received, where it has one.
    pub(crate) received: Option<HashMap<String, usize>>,
    /// What was still fresh at this instant (wall, microseconds) had time enough with nothing broken any more: it has to have
    /// arrived.
    pub(crate) enough_us: i64,
}

/// Totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) rounds: usize,
    pub(crate) committed: usize,
    pub(crate) heard: usize,
    /// Of what Emma had to bring: not expired, and not acknowledged.
    pub(crate) lost: usize,
    /// Acknowledged by a broker that was killed, and heard by nobody.
    pub(crate) lost_by_the_broker: usize,
    /// Acknowledged with 0x10 by a broker that had lost its subscriber when it was killed.
    pub(crate) nobody_listening: usize,
    /// Expired, unacknowledged and unheard.
    pub(crate) expired: usize,
    /// Taken back unheard.
    pub(crate) taken_back: usize,
    /// Heard again, under the id that it had.
    pub(crate) again: usize,
    pub(crate) under_two_ids: usize,
    pub(crate) out_of_order: usize,
    pub(crate) sent_expired: usize,
    /// Deliveries that do not count in caps.
    pub(crate) refunded: usize,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.rounds += more.rounds;
        self.committed += more.committed;
        self.heard += more.heard;
        self.lost += more.lost;
        self.lost_by_the_broker += more.lost_by_the_broker;
        self.nobody_listening += more.nobody_listening;
        self.expired += more.expired;
        self.taken_back += more.taken_back;
        self.again += more.again;
        self.under_two_ids += more.under_two_ids;
        self.out_of_order += more.out_of_order;
        self.sent_expired += more.sent_expired;
        self.refunded += more.refunded;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rounds, {} committed, {} heard, {} lost, {} lost by the broker, {} with nobody listening, {} expired, \
             {} taken back, {} heard again, {} under two ids, {} out of order, {} sent expired, {} deliveries refunded",
            self.rounds,
            self.committed,
            self.heard,
            self.lost,
            self.lost_by_the_broker,
            self.nobody_listening,
            self.expired,
            self.taken_back,
            self.again,
            self.under_two_ids,
            self.out_of_order,
            self.sent_expired,
            self.refunded
        )
    }
}

/// Counts, and says every breach of the contract in a sentence.
pub(crate) fn reckon(evidence: &Evidence) -> (Figures, Vec<String>) {
    let mut wrongs = Vec::new();
    let mut figures = Figures { rounds: 1, committed: evidence.committed.len(), ..Figures::default() };
    arrival(evidence, &mut figures, &mut wrongs);
    receipt(evidence, &mut wrongs);
    ids(evidence, &mut figures, &mut wrongs);
    let sent = evidence.sent.iter().map(|sent| (sent.topic.as_str(), sent.event.as_str()));
    figures.out_of_order += order(evidence, "sent", sent, &mut wrongs);
    let heard = evidence.heard.iter().map(|heard| (heard.topic.as_str(), heard.event.as_str()));
    figures.out_of_order += order(evidence, "heard", heard, &mut wrongs);
    expiry(evidence, &mut figures, &mut wrongs);
    refunds(evidence, &mut figures, &mut wrongs);
    (figures, wrongs)
}

/// Everything committed arrives, or expired before anybody took it.
fn arrival(evidence: &Evidence, figures: &mut Figures, wrongs: &mut Vec<String>) {
    let heard: HashSet<&str> = evidence.heard.iter().map(|heard| heard.event.as_str()).collect();
    let taken = evidence.sent.iter().filter(|sent| sent.answer.is_some_and(is_taken));
    // Of two acknowledgements the last one counts.
    let taken: HashMap<&str, Option<PubAckReason>> = taken.map(|sent| (sent.event.as_str(), sent.answer)).collect();
    for offer in &evidence.committed {
        let event = offer.event.as_str();
        if heard.contains(event) {
            figures.heard += 1;
        } else if evidence.broker_died && taken.get(event) == Some(&Some(PubAckReason::NoMatchingSubscribers)) {
            figures.nobody_listening += 1;
        } else if evidence.broker_died && taken.contains_key(event) {
            figures.lost_by_the_broker += 1;
        } else if evidence.taken_back.contains(event) {
            figures.taken_back += 1;
        } else if !taken.contains_key(event) && offer.expires_us <= evidence.enough_us {
            figures.expired += 1;
        } else {
            figures.lost += 1;
            let was = if taken.contains_key(event) { "acknowledged" } else { "never acknowledged" };
            wrongs.push(format!("lost: {offer:?}, {was}"));
        }
    }
}

/// What was acknowledged is in the broker's own log, whatever became of it there.
fn receipt(evidence: &Evidence, wrongs: &mut Vec<String>) {
    let Some(received) = &evidence.received else { return };
    let mut taken: HashMap<&str, HashSet<&str>> = HashMap::new();
    for sent in evidence.sent.iter().filter(|sent| sent.answer.is_some_and(is_taken)) {
        taken.entry(&sent.topic).or_default().insert(&sent.event);
    }
    for (topic, events) in taken {
        let received = received.get(topic).copied().unwrap_or(0);
        if received < events.len() {
            wrongs.push(format!("{} acknowledged to {topic}, and {received} in the broker's log", events.len()));
        }
    }
}

fn is_taken(answer: PubAckReason) -> bool {
    matches!(answer, PubAckReason::Success | PubAckReason::NoMatchingSubscribers)
}

/// One offer, one recipient, one id and one content, and nothing that was not committed.
fn ids(evidence: &Evidence, figures: &mut Figures, wrongs: &mut Vec<String>) {
    let committed: HashMap<&str, &Committed> =
        evidence.committed.iter().map(|offer| (offer.event.as_str(), offer)).collect();
    let mut contents: HashMap<&str, &Heard> = HashMap::new();
    for heard in &evidence.heard {
        let known = committed.get(heard.event.as_str());
        if !known.is_some_and(|offer| offer.topic == heard.topic && offer.offer == heard.offer) {
            figures.under_two_ids += 1;
            wrongs.push(format!("said and not committed so: {heard:?}"));
        }
        let is_same = |before: &Heard| {
            before.content == heard.content && (evidence.emma_died || before.sequence == heard.sequence)
        };
        match contents.insert(&heard.event, heard) {
            Some(before) if !is_same(before) => {
                figures.under_two_ids += 1;
                wrongs.push(format!("one id, two contents: {before:?} and {heard:?}"));
            }
            Some(_) => figures.again += 1,
            None => {}
        }
    }
}

/// Within an inbox, what comes for the first time comes in the order in which it was committed; how often it does not.
fn order<'a>(
    evidence: &'a Evidence,
    what: &str,
    came: impl Iterator<Item = (&'a str, &'a str)>,
    wrongs: &mut Vec<String>,
) -> usize {
    let place: HashMap<&str, usize> =
        evidence.committed.iter().enumerate().map(|(place, offer)| (offer.event.as_str(), place)).collect();
    let mut known = HashSet::new();
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = 0;
    for (topic, event) in came {
        let Some(place) = place.get(event).filter(|_| known.insert(event)) else { continue };
        if last.insert(topic, *place).is_some_and(|before| before > *place) {
            wrong += 1;
            wrongs.push(format!("{what} out of order in {topic}: {event}"));
        }
    }
    wrong
}

/// What Emma wrote on a connection she wrote after it was accepted; so what had expired by then is not written on it, and
/// no message lives longer than its offer.
fn expiry(evidence: &Evidence, figures: &mut Figures, wrongs: &mut Vec<String>) {
    let committed: HashMap<&str, &Committed> =
        evidence.committed.iter().map(|offer| (offer.event.as_str(), offer)).collect();
    for sent in &evidence.sent {
        let Some(offer) = committed.get(sent.event.as_str()) else { continue };
        let earliest_us = sent.connected_us.max(offer.asked_us);
        let most_secs = (offer.expires_us - earliest_us + 999_999).max(0) / 1_000_000;
        let said_secs = sent.expiry_secs.map_or(i64::MAX, i64::from);
        if offer.expires_us <= sent.connected_us || said_secs < 1 || said_secs > most_secs {
            figures.sent_expired += 1;
            wrongs.push(format!("sent expired, or to live too long: {sent:?} of {offer:?}"));
        }
    }
}

/// A delivery that does not count reached nobody: none of its messages was sent, or each was refused.
fn refunds(evidence: &Evidence, figures: &mut Figures, wrongs: &mut Vec<String>) {
    let heard: HashSet<&str> = evidence.heard.iter().map(|heard| heard.event.as_str()).collect();
    let mut unrefused = HashSet::new();
    for sent in &evidence.sent {
        if sent.answer.is_none_or(is_taken) {
            unrefused.insert(sent.event.as_str());
        }
    }
    let mut refunded = BTreeSet::new();
    for offer in evidence.committed.iter().filter(|offer| !evidence.remembered.contains(&offer.delivery)) {
        refunded.insert(&offer.delivery);
        if heard.contains(offer.event.as_str()) || unrefused.contains(offer.event.as_str()) {
            wrongs.push(format!("refunded, and somebody may have it: {offer:?}"));
        }
    }
    figures.refunded += refunded.len();
}
