//! What the loop does with what the registrar says. It is taken one after the other, in the order in which it was said, and
//! acknowledged when it is on disk, or when it changes nothing; until then the broker has it.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Daemon;
use crate::clock::Clock;
use crate::counter::taking::{self, Asker, Refused, Saving, Verdict};
use crate::gateway::consent::lease::RESTORED_US;
use crate::gateway::consent::registry::Refusal;
use crate::gateway::consent::{Consent, CustomerId};
use crate::gateway::effect::Input;
use crate::incoming::consent::{Beat, Said, Told};
use crate::incoming::feed::Feed;
use crate::incoming::tally::Tally;
use crate::incoming::withdrawn::Withdrawn;
use crate::ledger::leases::{self, Leased};
use crate::ledger::order::Saved;
use crate::ledger::registrar::Prepared;
use crate::ledger::restored::LET_GO_AT_ONCE;
use crate::mqtt::answer;
use crate::mqtt::consent::{self, ConsentFeed};
use crate::radio::limit::{Limit, Rate};

/// Records and beats: a hundred a second for ever, and 500 at once. What is beyond waits, and nothing of it is lost: a snapshot
/// of 10,000 customers takes under two minutes. Each costs a sync of the disk, of which an SD card makes 200 to 500 a second.
const RATE: Rate = Rate { interval_us: 10_000, burst: 500 };

/// Beats: a registrar says one every few minutes, and each goes through all of its customers: 80 ms for 100,000 in a build
/// that is not optimised.
const BEAT_RATE: Rate = Rate { interval_us: 1_000_000, burst: 10 };

/// A disk that cannot be written is tried again this often, in microseconds.
const AGAIN_EVERY_US: u64 = 5_000_000;

/// That the feed beats is written this often, in microseconds: each costs the SD card a page. A crash takes as much off every
/// lease, until the next beat.
const SAVE_EVERY_US: u64 = 900_000_000;

/// What is known of the registrar, and what of it waits.
#[derive(Default)]
pub(super) struct Registrar {
    pace: Limit,
    beats: Limit,
    /// The message whose turn it is, and when (monotonic, microseconds).
    head: Option<(Told, u64)>,
    withdrawn: Withdrawn,
    feed: Option<Feed>,
    /// A beat that came before the clock was believed: the latest.
    early: Option<Beat>,
    /// What the ledger was last told of the feed, and when (monotonic, microseconds).
    saved: Option<(leases::Feed, u64)>,
}

impl Registrar {
    /// The next message whose turn it is; nothing once the door is closed.
    pub(super) async fn next(&mut self, door: &mut mpsc::Receiver<Told>, clock: Clock) -> Option<Told> {
        let Some((_, due_us)) = &self.head else { return door.recv().await };
        tokio::time::sleep(Duration::from_micros(due_us.saturating_sub(clock.monotonic_us()))).await;
        self.head.take().map(|(told, _)| told)
    }
}

impl Daemon {
    /// Takes up what the ledger remembers of the feed.
    pub fn remember_feed(&mut self, feed: Option<&leases::Feed>) {
        let held = |feed: &leases::Feed| Feed::remembered(feed, self.gateway.told(feed.heard_us));
        self.registrar.feed = feed.map(held);
        self.tell_feed();
    }

    /// Takes one message; a consent on its way to the disk, where it is one.
    pub(super) fn take_told(&mut self, told: Told) -> Option<Saving> {
        // What the connection brings again is not done twice, and the other decider hears it now.
        if self.stood_down || told.receipt.is_stale() {
            return None;
        }
        let now_us = self.now().monotonic_us;
        if !self.registrar.pace.allows(RATE, now_us) {
            self.registrar.head = Some((told, now_us.saturating_add(RATE.interval_us)));
            return None;
        }
        self.input(Input::Tick);
        match told.said.clone() {
            Said::Record(record) => return self.take_record(&record, told),
            Said::Beat(beat) => match self.take_beat(beat) {
                Ok(()) => self.done(told, Some(answer::taken())),
                Err(word) => self.refuse_told(told, &Refused { word, problems: Vec::new() }),
            },
            Said::LetGo => told.receipt.done(),
        }
        None
    }

    fn take_record(&mut self, record: &str, told: Told) -> Option<Saving> {
        let (gateway, now) = (&self.gateway, self.now());
        let find = |customer: &CustomerId| gateway.consent_of(customer).cloned();
        let admits = |consent: &Consent| gateway.admits(consent, now);
        match taking::judge(record, &self.config, &find, admits, self.at_least_us()) {
            Verdict::Save(prepared) if self.forgetting.contains(&prepared.consent.customer) => {
                let problem = "this customer is being forgotten: tell it again when that is answered";
                self.refuse_told(told, &Refused::new("being-forgotten", problem));
            }
            Verdict::Save(prepared) if self.is_outranked(&prepared.consent, now.monotonic_us) => {
                let problem = "this customer withdrew under this epoch or a later one";
                self.refuse_told(told, &Refused::new(Refusal::StaleEpoch.word(), problem));
            }
            Verdict::Save(prepared) => return Some(self.save_told(prepared, told)),
            Verdict::Forget { customer, epoch } => {
                let tally = self.voices.tally.clone();
                self.note_withdrawn(&customer, epoch);
                self.forget(customer, move || finish(told, &tally, Some(consent::forgotten(epoch))));
            }
            Verdict::Lapse(consent) => {
                return Some(Saving::lapsed(consent, self.ledger.clone(), Asker::Registrar(Box::new(told))));
            }
            // Nobody is told apart: who was never here, and who is forgotten already. Whoever was merely asked is not noted.
            Verdict::Unknown { customer, epoch, forgets } => {
                let tally = self.voices.tally.clone();
                if forgets {
                    self.note_withdrawn(&customer, epoch);
                    self.forget_former(customer, move |_| finish(told, &tally, Some(consent::forgotten(epoch))));
                } else {
                    let forgetting = self.forgetting.clone();
                    tokio::spawn(async move {
                        forgetting.ended(&customer).await;
                        finish(told, &tally, Some(consent::forgotten(epoch)));
                    });
                }
            }
            Verdict::Refused(refused) => self.refuse_told(told, &refused),
        }
        None
    }

    fn is_outranked(&self, consent: &Consent, now_us: u64) -> bool {
        self.registrar.withdrawn.outranks(self.key(), &consent.customer, consent.epoch, now_us)
    }

    /// The epoch under which a customer withdrew lately, and until when that is known (monotonic, microseconds).
    pub(crate) fn withdrew(&self, customer: &CustomerId) -> Option<(u64, u64)> {
        self.registrar.withdrawn.of(self.key(), customer, self.now().monotonic_us)
    }

    /// A customer withdraws under this epoch: what was said before is not heeded when it comes again.
    pub(crate) fn note_withdrawn(&mut self, customer: &CustomerId, epoch: u64) {
        let now_us = self.now().monotonic_us;
        self.registrar.withdrawn.note(&self.codes.key, customer, epoch, now_us);
    }

    /// What time it is at the least (wall, microseconds): without a clock that is believed the last time that one was, or what
    /// the clock says where that is earlier. A lease that runs from it may be shorter, never longer.
    pub(crate) fn at_least_us(&self) -> i64 {
        self.gateway.at_least_us().min(self.raw_wall_us())
    }

    fn save_told(&self, prepared: Prepared, told: Told) -> Saving {
        let told_us = self.at_least_us();
        let Prepared { consent, record } = prepared.told_at(told_us);
        let (customer, valid_from_us) = (consent.customer.clone(), consent.valid_from_us);
        let leased = Leased { customer, epoch: consent.epoch, record, told_us, valid_from_us };
        let ledger = self.ledger.clone();
        let saved = Box::pin(async move { ledger.save_leased(leased).await });
        Saving { saved, consent, asker: Asker::Registrar(Box::new(told)) }
    }

    /// The disk has answered for a consent that the registrar told; the core knows of it already.
    pub(crate) fn saved_told(&mut self, customer: &CustomerId, told: Told, outcome: &Result<Saved, String>) {
        match outcome {
            Ok(Saved::Taken(_)) => {
                let answer = self.gateway.consent_of(customer).map(|consent| self.accepted(consent));
                self.done(told, answer);
            }
            Ok(Saved::Forgotten) => {
                let problem =
                    "`valid_from`: is before this customer was forgotten; a consent that is given anew begins after";
                self.refuse_told(told, &Refused::new("forgotten", problem));
            }
            // First in the line still: nothing that was said later overtakes it.
            Err(_) => {
                let due_us = self.now().monotonic_us.saturating_add(AGAIN_EVERY_US);
                self.registrar.head = Some((told, due_us));
            }
        }
    }

    fn accepted(&self, consent: &Consent) -> String {
        let kinds = self.gateway.left_out(&consent.customer);
        let mut warnings: Vec<String> = kinds
            .iter()
            .map(|kind| format!("{kind}: kept and not matched, for the site has all of them that it can tell apart"))
            .collect();
        if !consent.covers_site(&self.config.gateway.site) {
            warnings.push("sites: this one is not among them, and nothing is said here".to_owned());
        }
        let inbox = consent.inbox().map(|(recipient, inbox)| (&**recipient, inbox));
        consent::accepted(consent.epoch, consent.ends_us(self.gateway.beats()), inbox, &warnings)
    }

    /// Takes a beat, now or once the clock is believed.
    fn take_beat(&mut self, beat: Beat) -> Result<(), &'static str> {
        if !self.gateway.snapshot().clock_trusted {
            // Of several the latest counts; what is told until then may be the difference.
            self.registrar.early = Some(Beat { is_kept: true, ..beat });
            return Ok(());
        }
        if !self.registrar.beats.allows(BEAT_RATE, self.now().monotonic_us) {
            return Err("too-many");
        }
        self.judge_beat(&beat)
    }

    fn judge_beat(&mut self, beat: &Beat) -> Result<(), &'static str> {
        let known = self.registrar.feed.as_ref();
        let feed = Feed::hear(known, beat, self.raw_wall_us(), |at_us| self.gateway.told(at_us))?;
        let did_want = known.is_some_and(|known| known.wants_snapshot);
        if feed.wants_snapshot && !did_want {
            tracing::warn!("the registrar has told something else than what is held here: it is asked for a snapshot");
        } else if did_want && feed.agrees {
            tracing::info!("what the registrar has told is what is held here again");
        }
        if feed.agrees {
            self.input(Input::Beat(feed.heard_us));
            // One that knows nobody may have lost everybody itself.
            if feed.count > 0 {
                self.let_go_of_restored();
            }
        }
        self.registrar.feed = Some(feed);
        self.tell_feed();
        self.save_feed(false);
        Ok(())
    }

    /// What the registrar has told is what is in force here: whom it did not tell again after a restore has withdrawn since.
    fn let_go_of_restored(&mut self) {
        let restored = self.gateway.consents().filter(|consent| consent.told_us == Some(RESTORED_US));
        // The rest is let go of at the next beat.
        let some = restored.take(LET_GO_AT_ONCE.into());
        let restored: Vec<CustomerId> = some.map(|consent| consent.customer.clone()).collect();
        self.let_go(restored);
    }

    /// Forgets those of these whom nobody confirmed since the ledger was restored.
    pub(super) fn let_go(&mut self, customers: Vec<CustomerId>) {
        for customer in customers {
            let is_unconfirmed = self.gateway.consent_of(&customer).is_some_and(|consent| consent.is_unconfirmed());
            if is_unconfirmed && !self.forgetting.contains(&customer) {
                self.forget(customer, || ());
            }
        }
    }

    /// Judges the beat that came before the clock was believed.
    pub(super) fn look_at_feed(&mut self) {
        if !self.gateway.snapshot().clock_trusted {
            return;
        }
        let early = self.registrar.early.take();
        if let Some(Err(word)) = early.map(|beat| self.judge_beat(&beat)) {
            self.voices.tally.reject(word, self.now().monotonic_us);
        }
    }

    /// Remembers the feed: now and then, and at once where a restart would otherwise heed another registrar, or hold fewer
    /// leases. `is_last` where nothing follows.
    pub(super) fn save_feed(&mut self, is_last: bool) {
        let Some(feed) = &self.registrar.feed else { return };
        let (memory, now_us) = (feed.memory(self.gateway.beats()), self.now().monotonic_us);
        let is_due = self.registrar.saved.as_ref().is_none_or(|(saved, saved_us)| {
            let is_news = saved.registrar != memory.registrar || saved.beats.since_us != memory.beats.since_us;
            is_news || now_us.saturating_sub(*saved_us) >= SAVE_EVERY_US
        });
        if is_due || is_last {
            self.ledger.save_feed(memory.clone());
            self.registrar.saved = Some((memory, now_us));
        }
    }

    /// Says on the state topic how the feed fares.
    fn tell_feed(&self) {
        let told = self.registrar.feed.as_ref().map(|feed| ConsentFeed {
            registrar: feed.registrar.to_string(),
            at: consent::at(feed.heard_us),
            agrees: feed.agrees,
            wants_snapshot: feed.wants_snapshot,
            count: feed.count,
        });
        self.voices.state.send_if_modified(|state| {
            let modified = state.consent_feed != told;
            state.consent_feed = told;
            modified
        });
    }

    fn done(&self, told: Told, answer: Option<String>) {
        finish(told, &self.voices.tally, answer);
    }

    fn refuse_told(&self, told: Told, refused: &Refused) {
        self.voices.tally.reject(refused.word, self.now().monotonic_us);
        // An answer that finds no room is lost, as one is that nobody waits for.
        told.reply.map(|reply| reply.say(answer::rejected(refused.word, &refused.problems)));
        told.receipt.done();
    }
}

/// A message is done, and whoever asked is answered.
fn finish(told: Told, tally: &Tally, answer: Option<String>) {
    tally.take();
    if let (Some(reply), Some(answer)) = (told.reply, answer) {
        // An answer that finds no room is lost, as one is that nobody waits for.
        reply.say(answer);
    }
    told.receipt.done();
}
