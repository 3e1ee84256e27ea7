//! The connections by which it comes in: one for what customers say, one for what the shop says, so that no flood of the
//! one delays the other, and neither delays an offer.

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::room::{Room, Taken};
use super::tally::Tally;
use super::{Flaw, Message, inbox_of, parse};
use crate::clock::Clock;
use crate::config::gateway::Gateway;
use crate::mqtt::answer;
use crate::mqtt::connection::{Options, OptionsError};
use crate::mqtt::listener::{Listener, Manner, Subscriber};
use crate::mqtt::received::{Receipt, Received, Reply};
use crate::mqtt::topic::Topics;
use crate::radio::limit::{Limit, Limits, Rate};

/// One inbox may speak twice a second, and twenty times at once: somebody who clears a day's offers in one go.
const INBOX_RATE: Rate = Rate { interval_us: 500_000, burst: 20 };

/// So many inboxes are held to their rate at once, of 200 bytes each: 200 KB. The one that spoke the longest ago is
/// forgotten, and may speak at once.
const MAX_INBOXES: usize = 1_000;

/// All customers together, and likewise the shop's own systems: fifty a second that may go on for ever, which is a thousand
/// customers who each say something every twenty seconds.
const ALL_RATE: Rate = Rate { interval_us: 20_000, burst: 500 };

/// What wants less said or kept ([`Message::is_no`]) is not lost to that rate: whatever a broker keeps for a day may come at
/// once, and then 500 a second, of which each costs the ledger a look.
const NO_RATE: Rate = Rate { interval_us: 2_000, burst: 10_000 };

/// What is listened to of customers, below `{root}/v1/{site}/`.
pub const OF_CUSTOMERS: &[&str] = &["feedback/+", "ask/+", "purchase"];

/// What is listened to of the shop, there.
pub const OF_THE_SHOP: &[&str] = &["value/+", "control/#", "subject"];

/// What is dropped for want of a turn or of room is not answered: a flood of messages would be one of answers too.
const UNREAD: [&str; 2] = ["too-many", "busy"];

/// A message, how whoever asked is answered, and what is given back once it is done.
pub struct Incoming {
    /// What it says.
    pub message: Message,
    /// Where an answer goes, if one is wanted.
    pub reply: Option<Reply>,
    /// The broker gives it again ([`Received::is_again`]): that it is no news is nobody's mistake.
    pub again: bool,
    /// To be given back.
    pub receipt: Receipt,
    /// Free again once it is done.
    _room: Taken,
}

/// What becomes of a message: it was taken, and what is answered; or it was of no use, and the word for why.
pub type Verdict = Result<String, &'static str>;

impl Incoming {
    /// It is done: counted, answered where an answer is wanted, and acknowledged. `now_us` is monotonic.
    pub fn conclude(self, verdict: Verdict, tally: &Tally, now_us: u64) {
        let answer = match verdict {
            Ok(answer) => {
                tally.take();
                answer
            }
            Err(why) => {
                tally.reject(why, now_us);
                answer::rejected(why, &[])
            }
        };
        say(self.reply, answer);
        self.receipt.done();
    }
}

/// An answer that finds no room is lost: whoever misses it says it again, and it is done once.
fn say(reply: Option<Reply>, answer: String) {
    if let Some(reply) = reply {
        reply.say(answer);
    }
}

/// Listens to what comes in, until the door is closed; nothing without a broker.
///
/// # Errors
/// Why the connections cannot even be tried.
pub fn listen(
    gateway: &Gateway,
    clock: Clock,
    tally: &Tally,
    door: &mpsc::Sender<Incoming>,
) -> Result<Vec<Listener>, OptionsError> {
    let Some(broker) = gateway.mqtt.as_ref().filter(|_| gateway.decides) else { return Ok(Vec::new()) };
    let topics = Topics { root: &broker.root, site: &gateway.site };
    let start =
        |place: &str, filters: &'static [&'static str], wants_retained: bool| -> Result<Listener, OptionsError> {
            let options = Options::for_listener(broker, &gateway.site, &gateway.gateway, place)?;
            let manner = Manner { wants_retained, ..Manner::HEEDS };
            let ear = Ear {
                filters,
                below: topics.incoming(""),
                inboxes: Limits::new(INBOX_RATE, MAX_INBOXES),
                all: Limit::default(),
                noes: Limit::default(),
                clock,
                tally: tally.clone(),
                room: Room::default(),
                door: door.clone(),
            };
            let closed = door.clone();
            let filters = filters.iter().map(|filter| topics.incoming(filter)).collect();
            Ok(Listener::start(&options, manner, filters, ear, async {}, async move { closed.closed().await }))
        };
    Ok(vec![start("hears-customers", OF_CUSTOMERS, false)?, start("hears-shop", OF_THE_SHOP, true)?])
}

/// Whether a broker may keep what is said there: what it keeps is said again at every connect.
fn is_kept(topic: &str) -> bool {
    topic.starts_with("value/") || topic.starts_with("control/")
}

/// How whoever said it is answered. What the broker repeats was answered when it was said, and nobody waits any more.
pub(super) fn reply(received: &Received<'_>) -> Option<Reply> {
    received.reply().filter(|_| !received.retained)
}

struct Ear {
    filters: &'static [&'static str],
    /// What every topic begins with.
    below: String,
    inboxes: Limits,
    all: Limit,
    noes: Limit,
    clock: Clock,
    tally: Tally,
    room: Room,
    door: mpsc::Sender<Incoming>,
}

impl Ear {
    /// What a message says, or why it is not read or of no use.
    fn read(&mut self, received: &Received<'_>) -> Result<Message, &'static str> {
        let topic = received.topic.strip_prefix(&self.below).ok_or(Flaw::Topic.word())?;
        if received.retained && !is_kept(topic) {
            return Err("retained");
        }
        let now_us = self.clock.monotonic_us();
        // First their own, so that one who floods takes nothing of the others'.
        let may_speak = inbox_of(topic).is_none_or(|inbox| self.inboxes.allow(inbox, now_us));
        if !may_speak {
            return Err("too-many");
        }
        let has_turn = self.all.allows(ALL_RATE, now_us);
        match parse(topic, received.payload) {
            Ok(message) if has_turn || (message.is_no() && self.noes.allows(NO_RATE, now_us)) => Ok(message),
            Err(flaw) if has_turn => Err(flaw.word()),
            Ok(_) | Err(_) => Err("too-many"),
        }
    }

    fn hand_on(&mut self, received: &Received<'_>) -> Result<(), &'static str> {
        let message = self.read(received)?;
        let room = self.room.take(received).ok_or("busy")?;
        let (reply, receipt) = (reply(received), received.receipt());
        let incoming = Incoming { message, reply, again: received.is_again(), receipt, _room: room };
        match self.door.try_send(incoming) {
            // Behind a closed door nobody acknowledges it: the broker has it still when Emma is back.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err("busy"),
        }
    }
}

impl Subscriber for Ear {
    fn take(&mut self, received: &Received<'_>) {
        if let Err(why) = self.hand_on(received) {
            self.tally.reject(why, self.clock.monotonic_us());
            if !UNREAD.contains(&why) {
                say(reply(received), answer::rejected(why, &[]));
            }
            received.receipt().done();
        }
    }

    fn listening(&mut self, filter: usize) {
        self.filters.get(filter).iter().for_each(|filter| self.tally.listening(filter));
    }

    fn outage(&mut self, filter: usize, reason: &str) {
        self.filters.get(filter).iter().for_each(|filter| self.tally.outage(filter, reason));
    }
}
