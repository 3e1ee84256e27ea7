//! A core with its ledger beside it and nothing else: what a replay, the demo and the tests drive. Time is a number,
//! answers come at once, and nothing leaves the process: what is granted counts as said.

use std::collections::{BTreeMap, VecDeque};

use crate::clock::Moment;
use crate::daemon;
use crate::gateway::Gateway;
use crate::gateway::consent::CustomerId;
use crate::gateway::effect::{Answer, Effect, Happening, Input, Reservation};
use crate::gateway::stance::Stance;
use crate::ledger::halts::Word;
use crate::ledger::said::{Feedback, Noted};
use crate::ledger::{LedgerError, Store};
use crate::mqtt::Outcome;
use crate::mqtt::event::Draft;

/// A core and its ledger.
pub struct Standalone {
    /// The core.
    pub gateway: Gateway,
    /// Its ledger.
    pub store: Store,
}

impl Standalone {
    /// Takes one input, deals with what follows from it, and returns what happened, in order.
    ///
    /// # Errors
    /// The ledger failed; nothing was granted.
    pub fn handle(&mut self, input: Input<'_>, now: Moment) -> Result<Vec<Happening>, LedgerError> {
        let effects = self.gateway.handle(input, now);
        self.perform(effects, now)
    }

    /// Runs every deadline up to `until`, each at its own instant.
    ///
    /// # Errors
    /// The ledger failed.
    pub fn run_until(&mut self, until: Moment) -> Result<Vec<Happening>, LedgerError> {
        let mut happened = Vec::new();
        while let Some(due_us) = self.gateway.next_wakeup().filter(|due_us| *due_us <= until.monotonic_us) {
            happened.extend(self.handle(Input::Tick, until.at_monotonic(due_us))?);
        }
        Ok(happened)
    }

    /// Runs on from `last` until no deadline is left, so that every visit ends.
    ///
    /// # Errors
    /// The ledger failed.
    pub fn run_out(&mut self, last: Moment) -> Result<Vec<Happening>, LedgerError> {
        let mut happened = Vec::new();
        while let Some(due_us) = self.gateway.next_wakeup() {
            happened.extend(self.handle(Input::Tick, last.at_monotonic(due_us.max(last.monotonic_us)))?);
        }
        Ok(happened)
    }

    /// Performs effects that were asked for outside [`Standalone::handle`].
    ///
    /// # Errors
    /// The ledger failed.
    pub fn perform(&mut self, effects: Vec<Effect>, now: Moment) -> Result<Vec<Happening>, LedgerError> {
        let mut happened = Vec::new();
        let mut queue = VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Happened(happening) => happened.push(happening),
                Effect::Reserve(reservation) => {
                    let answer = self.reserve(&reservation)?;
                    queue.extend(self.gateway.handle(Input::Reserved(reservation.delivery.id, answer), now));
                }
                Effect::SaveVisit(visit) => self.store.save_visit(&visit)?,
                Effect::DropVisit(customer) => self.store.drop_visit(&customer)?,
                Effect::EndOffers(customer, ending) => {
                    let now_us = self.believed_us()?;
                    self.store.transaction(|store| store.end_offers(&customer, ending, now_us))?;
                }
                Effect::Note(customer, signal) => {
                    let stance = self.store.note(&customer, signal, self.believed_us()?)?;
                    let told = stance.map(|stance| Input::Stance(customer, Box::new(stance)));
                    queue.extend(told.into_iter().flat_map(|told| self.gateway.handle(told, now)));
                }
                Effect::IgnoreUntil(customer, until_us) => self.store.ignore_until(&customer, until_us)?,
                Effect::Redate(wall_us) => {
                    let back = self.store.redate(wall_us)?;
                    let stances = back.stances.into_iter().map(|(of, stance)| Input::Stance(of, Box::new(stance)));
                    let told = stances.chain(back.halts.map(Input::Halts));
                    queue.extend(told.flat_map(|told| self.gateway.handle(told, now)));
                }
                // Whoever follows a tester asks the core itself.
                Effect::Read(_) => {}
            }
        }
        Ok(happened)
    }

    /// The messages of a reservation, one a recipient. A list's codes are not given away: those are the daemon's.
    pub fn messages(&self, wanted: &Reservation) -> Vec<Draft> {
        daemon::messages(wanted, self.store.key(), self.gateway.config(), &BTreeMap::new())
    }

    /// Takes what was said back about an offer.
    ///
    /// # Errors
    /// The ledger failed.
    pub fn feedback(&mut self, told: &Feedback, now: Moment) -> Result<(Noted, Vec<Happening>), LedgerError> {
        let now_us = self.believed_us()?;
        let noted = self.store.transaction(|store| store.hear_feedback(told, now_us))?;
        let mut happened = self.tell(noted.stance(), now)?;
        if let Noted::Taken { stopped: Some(_), .. } = &noted {
            happened.extend(self.handle(Input::Halts(self.store.halts()?), now)?);
        }
        Ok((noted, happened))
    }

    /// Takes a word on what is to be halted, given at `word_us` (wall); whether it was news.
    ///
    /// # Errors
    /// The ledger failed.
    pub fn give_word(&mut self, word: &Word, word_us: i64, now: Moment) -> Result<bool, LedgerError> {
        let now_us = self.believed_us()?;
        let taken = self.store.transaction(|store| store.give_word(word, word_us, now_us))?;
        self.handle(Input::Halts(self.store.halts()?), now)?;
        Ok(taken)
    }

    /// Lets go of offers that have ended; see [`Store::end_said`].
    ///
    /// # Errors
    /// The ledger failed.
    pub fn end_said(&mut self, now: Moment) -> Result<Vec<Happening>, LedgerError> {
        let now_us = self.believed_us()?;
        let ended = self.store.transaction(|store| store.end_said(now_us))?;
        self.tell(ended, now)
    }

    fn tell(
        &mut self,
        stances: impl IntoIterator<Item = (CustomerId, Stance)>,
        now: Moment,
    ) -> Result<Vec<Happening>, LedgerError> {
        let mut happened = Vec::new();
        for (customer, stance) in stances {
            happened.extend(self.handle(Input::Stance(customer, Box::new(stance)), now)?);
        }
        Ok(happened)
    }

    /// What time it is as far as anybody knows: without a clock that is believed, it was so late at least.
    fn believed_us(&self) -> Result<i64, LedgerError> {
        self.gateway.wall_us().map_or_else(|| self.store.high_water_us(), Ok)
    }

    fn reserve(&mut self, wanted: &Reservation) -> Result<Answer, LedgerError> {
        let drafts = self.messages(wanted);
        let answer = self.store.transaction(|store| store.reserve(wanted, &drafts))?;
        for row in self.store.take(usize::MAX, wanted.delivery.at_us)? {
            self.store.settle(row.row, Outcome::Acknowledged)?;
        }
        Ok(answer)
    }
}
