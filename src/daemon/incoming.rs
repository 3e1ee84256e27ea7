//! What the loop does with what comes in over MQTT. A message is acknowledged when what it changes is on disk, or when it
//! changes nothing; until then the broker has it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Daemon;
use crate::config::Name;
use crate::config::span::Span;
use crate::counter::halting::tightened;
use crate::gateway::effect::{Effect, Input, Purchase};
use crate::gateway::feedback::Kind;
use crate::gateway::halt::Halts;
use crate::gateway::value::ValueRefusal;
use crate::incoming::ear::{Incoming, Verdict};
use crate::incoming::{Message, Whom};
use crate::ledger::Store;
use crate::ledger::halts::Word;
use crate::ledger::said::{Feedback, Noted};
use crate::mqtt::answer;
use crate::mqtt::state::StoppedCampaign;

/// What cannot be done yet, for want of a disk or a clock, is tried again this often.
const AGAIN_EVERY: Duration = Duration::from_secs(5);

/// Values are kept besides the core, so that one that came before its campaign, or before the clock was known, is not lost:
/// so many names, 300 bytes each. One more is handed to the core, and not kept.
const MAX_VALUES: usize = 256;

/// A word that says it is newer than now by more than this was dated by a wrong clock, in microseconds.
const FROM_THE_FUTURE_US: i64 = 60_000_000;

/// What is kept of what came in.
#[derive(Default)]
pub(super) struct Hearing {
    /// By name, the last value: its text, when it was true, and for how long (wall, microseconds).
    values: BTreeMap<Name, (Name, i64, i64)>,
    /// Asks the ledger why campaigns are stopped, for the state topic.
    telling: Option<JoinHandle<()>>,
}

impl Daemon {
    /// Takes one message.
    pub(super) fn take(&mut self, incoming: Incoming) {
        // What the connection brings again is not done twice, and the other decider hears it now.
        if self.stood_down || incoming.receipt.is_stale() {
            return;
        }
        self.input(Input::Tick);
        // What is dated when it is taken waits for the time, and so does what ends a silence.
        let needs_clock = match &incoming.message {
            Message::Feedback { .. } | Message::Purchase { .. } => true,
            Message::Control { word, .. } => matches!(word, Word::Resume | Word::Start(_)),
            Message::Ask { .. }
            | Message::Value { .. }
            | Message::Recall { .. }
            | Message::Subject { .. }
            | Message::LetGo => false,
        };
        if needs_clock && !self.gateway.snapshot().clock_trusted {
            return self.again(incoming);
        }
        match incoming.message.clone() {
            Message::Feedback { offer_id, kind: Kind::Why, inbox, .. } => self.why(inbox, offer_id, incoming),
            Message::Feedback { inbox, offer_id, kind, snooze } => {
                let noted = self.ledger.feedback(self.told_back(&inbox, &offer_id, kind, snooze));
                self.done_when(incoming, async move {
                    Ok(if noted.await? == Noted::Unknown { Err("unknown-offer") } else { Ok(answer::taken()) })
                });
            }
            Message::Ask { inbox } => self.asked(&inbox, incoming),
            Message::Purchase { whom, category, is_return, at_us } => {
                match self.bought(whom, category, is_return, at_us) {
                    Ok(()) => {
                        let settled = self.ledger.settled();
                        self.done_when(incoming, async move { settled.await.map(|()| Ok(answer::taken())) });
                    }
                    Err(why) => self.conclude(incoming, Err(why)),
                }
            }
            Message::Value { name, text, at_us, good_for_us } => {
                let taken = self.take_value(&name, &text, at_us, good_for_us);
                self.conclude(incoming, taken.map(|()| answer::taken()));
            }
            Message::Control { word, at_us } => match self.control(word, at_us, incoming.again) {
                Ok(given) => self.done_when(incoming, given),
                Err(why) => self.conclude(incoming, Err(why)),
            },
            Message::Recall { offer_id } => {
                let (known, again) = (self.ledger.recall_offer(offer_id), incoming.again);
                self.done_when(incoming, async move {
                    Ok(if known.await? || again { Ok(answer::taken()) } else { Err("unknown-offer") })
                });
            }
            Message::Subject { whom, wish } => self.subject(&whom, wish, incoming),
            Message::LetGo => incoming.receipt.done(),
        }
    }

    /// Acknowledges a message once `done` says what became of it; while nobody can say, it is tried again.
    pub(super) fn done_when(
        &mut self,
        incoming: Incoming,
        done: impl Future<Output = Result<Verdict, String>> + Send + 'static,
    ) {
        let (tally, again, clock) = (self.voices.tally.clone(), self.voices.again.clone(), self.clock);
        tokio::spawn(async move {
            if let Ok(verdict) = done.await {
                incoming.conclude(verdict, &tally, clock.monotonic_us());
            } else {
                tokio::time::sleep(AGAIN_EVERY).await;
                // A door that is closed takes nothing more, and the broker has it still.
                again.send(incoming).await.unwrap_or_default();
            }
        });
    }

    pub(super) fn again(&mut self, incoming: Incoming) {
        self.done_when(incoming, async { Err(String::new()) });
    }

    pub(super) fn conclude(&self, incoming: Incoming, verdict: Verdict) {
        incoming.conclude(verdict, &self.voices.tally, self.now().monotonic_us);
    }

    fn told_back(&self, inbox: &str, offer_id: &str, kind: Kind, snooze: Option<Span>) -> Feedback {
        let now_us = self.raw_wall_us();
        let is_snooze = kind == Kind::Snooze;
        let snooze_until_us = if is_snooze { self.gateway.snooze_until_us(inbox, snooze, now_us) } else { 0 };
        Feedback { inbox: inbox.to_string(), offer_id: offer_id.to_string(), kind, snooze_until_us }
    }

    /// Answers what there is here now. Nothing is kept of the question, nor of the answer.
    fn asked(&self, inbox: &str, mut incoming: Incoming) {
        let Some(reply) = incoming.reply.take() else { return self.conclude(incoming, Err("answer-topic")) };
        let customer = self.gateway.customer_of_inbox(inbox);
        let language = customer.and_then(|customer| self.gateway.consent_of(customer)?.language.clone());
        let language = language.or_else(|| self.config.site.language.clone());
        let answered = customer.and_then(|customer| self.gateway.ask(customer)).unwrap_or_default();
        let site = &self.config.gateway.site;
        let said = reply.say(answer::asked(&answered, language.as_deref(), self.raw_wall_us(), site));
        self.conclude(incoming, if said { Ok(String::new()) } else { Err("busy") });
    }

    /// Answers why an offer was made, while it is remembered.
    fn why(&mut self, inbox: Name, offer_id: Name, mut incoming: Incoming) {
        let Some(reply) = incoming.reply.take() else { return self.conclude(incoming, Err("answer-topic")) };
        let (ledger, tally) = (self.ledger.clone(), self.voices.tally.clone());
        tokio::spawn(async move {
            let asked = offer_id.clone();
            // Whoever hears nothing of a ledger that cannot be read asks again.
            let why = ledger.read(move |store| store.why(&asked, &inbox)).await.ok().flatten();
            if reply.say(answer::why(&offer_id, why.as_deref())) {
                tally.take();
            }
            incoming.receipt.done();
        });
    }

    /// Hands a purchase to the core; whether there is something to remember, or why not.
    fn bought(&mut self, whom: Whom, category: Name, is_return: bool, at_us: i64) -> Result<(), &'static str> {
        let customer = match whom {
            Whom::Customer(customer) => Some(customer),
            Whom::Inbox(inbox) => self.gateway.customer_of_inbox(&inbox).cloned(),
        };
        if !self.config.offers.categories.iter().any(|known| known.id == category) {
            return Err("unknown-category");
        }
        let purchase = customer.map(|customer| Purchase { customer, category, is_return, at_us });
        let now = self.now();
        let effects = purchase.map(|purchase| self.gateway.handle(Input::Purchase(purchase), now)).unwrap_or_default();
        let is_noted = effects.iter().any(|effect| matches!(effect, Effect::Note(..)));
        self.perform(effects);
        // Nobody is told apart: unknown, or known and not asked about what they buy.
        if is_noted { Ok(()) } else { Err("no-consent") }
    }

    fn take_value(&mut self, name: &Name, text: &Name, at_us: i64, good_for_us: i64) -> Result<(), &'static str> {
        let taken = self.gateway.take_value(name, text, at_us, good_for_us);
        let is_clock_known = self.gateway.snapshot().clock_trusted;
        let values = &mut self.hearing.values;
        let may_come_true = match taken {
            Ok(()) | Err(ValueRefusal::Unknown) => true,
            Err(ValueRefusal::FromTheFuture) => !is_clock_known,
            Err(ValueRefusal::Older) => false,
        };
        if may_come_true && (values.len() < MAX_VALUES || values.contains_key(name)) {
            values.insert(name.clone(), (text.clone(), at_us, good_for_us));
        }
        taken.map_err(|refusal| match refusal {
            ValueRefusal::Unknown => "unknown-value",
            ValueRefusal::FromTheFuture if is_clock_known => "from-the-future",
            ValueRefusal::FromTheFuture => "no-clock",
            ValueRefusal::Older => "older",
        })
    }

    /// Heeds a word on what is to be halted: silence first, then the ledger; what speaks again waits for the ledger. One that
    /// the broker gives again need be no news.
    fn control(
        &mut self,
        word: Word,
        at_us: i64,
        again: bool,
    ) -> Result<impl Future<Output = Result<Verdict, String>> + Send + use<>, &'static str> {
        let now_us = self.raw_wall_us();
        let is_known = |campaign: &Name| self.config.offers.campaigns.iter().any(|known| known.id == *campaign);
        if let Word::Stop(campaign) | Word::Start(campaign) = &word
            && !is_known(campaign)
            && !self.gateway.halts().campaigns.contains(campaign)
        {
            return Err("unknown-campaign");
        }
        let is_ahead = at_us > now_us.saturating_add(FROM_THE_FUTURE_US);
        // Told again at each connect, it would take back what was halted in the meantime.
        if is_ahead && matches!(word, Word::Resume | Word::Start(_)) {
            return Err("from-the-future");
        }
        if let Some(halts) = tightened(self.gateway.halts(), &word) {
            self.input(Input::Halts(halts));
        }
        // Without a clock that is believed nobody knows what is ahead, and a word is as new as it says.
        let word_us = if self.gateway.snapshot().clock_trusted { at_us.min(now_us) } else { at_us };
        let given = self.ledger.give_word(word, word_us);
        Ok(async move { Ok(if given.await? || again { Ok(answer::taken()) } else { Err("older") }) })
    }

    /// What the ledger says is halted.
    pub(super) fn halted(&mut self, halts: Halts) {
        self.input(Input::Halts(halts));
        self.tell_halts();
    }

    /// Says on the state topic what is halted, and why.
    pub(super) fn tell_halts(&mut self) {
        let (ledger, state) = (self.ledger.clone(), self.voices.state.clone());
        let paused_until_us = self.gateway.halts().paused_until_us.filter(|until_us| *until_us > self.raw_wall_us());
        let telling = tokio::spawn(async move {
            let Ok(stopped) = ledger.read(Store::stopped_campaigns).await else { return };
            let told = |(id, why): (Name, String)| StoppedCampaign { id: id.to_string(), why };
            let stopped: Vec<_> = stopped.into_iter().map(told).collect();
            state.send_if_modified(|state| {
                let modified = state.paused_until_us != paused_until_us || state.stopped_campaigns != stopped;
                (state.paused_until_us, state.stopped_campaigns) = (paused_until_us, stopped);
                modified
            });
        });
        // Of two answers the later question's counts.
        if let Some(earlier) = self.hearing.telling.replace(telling) {
            earlier.abort();
        }
    }

    /// Hands values to the core again, which may know their names or the time by now, and takes a pause that is over off
    /// the state topic.
    pub(super) fn look_at_incoming(&mut self) {
        if !self.gateway.snapshot().clock_trusted {
            return;
        }
        let now_us = self.raw_wall_us();
        self.hearing.values.retain(|_, (_, at_us, good_for_us)| now_us < at_us.saturating_add(*good_for_us));
        for (name, (text, at_us, good_for_us)) in &self.hearing.values {
            // What no text names now, one may name tomorrow.
            self.gateway.take_value(name, text, *at_us, *good_for_us).unwrap_or_default();
        }
        self.voices.state.send_if_modified(|state| {
            let is_over = state.paused_until_us.is_some_and(|until_us| until_us <= now_us);
            state.paused_until_us = state.paused_until_us.filter(|_| !is_over);
            is_over
        });
    }
}
