//! A core with its ledger beside it and nothing else: what a replay, the demo and the tests drive. Time is a number,
//! answers come at once, and nothing leaves the process.

use std::collections::VecDeque;

use crate::clock::Moment;
use crate::gateway::Gateway;
use crate::gateway::effect::{Answer, Effect, Happening, Input, Reservation};
use crate::ledger::{LedgerError, Store};

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
                    self.store.end_offers(&customer, ending, now.wall_us.unwrap_or(0))?;
                }
                Effect::Note(customer, signal) => {
                    let stance = self.store.note(&customer, signal, now.wall_us.unwrap_or(0))?;
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

    fn reserve(&self, wanted: &Reservation) -> Result<Answer, LedgerError> {
        self.store.begin()?;
        let answer = self.store.reserve(wanted, &[]);
        if answer.is_ok() {
            self.store.commit()?;
        } else {
            self.store.rollback();
        }
        answer
    }
}
