//! One life of the process: a core over a ledger file, woken as the daemon wakes it, ended cleanly or in the middle of
//! anything.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use emma::clock::Moment;
use emma::config::Config;
use emma::counter;
use emma::gateway::Gateway;
use emma::gateway::consent::record::{self, Record};
use emma::gateway::consent::{Consent, CustomerId};
use emma::gateway::effect::{Effect, Happening, Input};
use emma::ledger::said::{Feedback, Noted};
use emma::ledger::{Store, registrar};
use emma::mqtt::Outcome;
use emma::mqtt::ended::Speaker;
use emma::standalone::Standalone;

/// From waking until the stop or the crash.
pub(crate) struct Life {
    pub(crate) standalone: Standalone,
    config: Arc<Config>,
}

/// What an input led to.
#[derive(Default)]
pub(crate) struct Led {
    pub(crate) happened: Vec<Happening>,
    /// The process died before everything was done.
    pub(crate) died: bool,
}

impl Life {
    /// Opens the ledger and takes up what it remembers.
    pub(crate) fn wake(file: &Path, config: &Arc<Config>, now: Moment) -> (Self, Vec<Happening>) {
        let mut store = Store::open(file, [7; 32]).unwrap();
        store.speak_as(Speaker::of(&config.gateway));
        let gateway = Gateway::new(Arc::clone(config), store.key().clone(), store.high_water_us().unwrap());
        let mut life = Self { standalone: Standalone { gateway, store }, config: Arc::clone(config) };
        let halts = life.standalone.store.halts().unwrap();
        let mut happened = life.handle(Input::Halts(halts), now);
        for consent in counter::remembered(&life.standalone.store).unwrap() {
            happened.extend(life.handle(Input::Consent(consent), now));
        }
        for memory in life.standalone.store.memories().unwrap() {
            happened.extend(life.handle(Input::Resume(memory), now));
        }
        (life, happened)
    }

    /// One input, and everything that follows from it.
    pub(crate) fn handle(&mut self, input: Input<'_>, now: Moment) -> Vec<Happening> {
        self.handle_until(input, now, &mut u32::MAX.clone()).happened
    }

    /// One input; `fuse` counts down with each effect, each commit and each answer, and at 0 the process dies there.
    pub(crate) fn handle_until(&mut self, input: Input<'_>, now: Moment, fuse: &mut u32) -> Led {
        let mut led = Led::default();
        let mut queue = VecDeque::from(self.standalone.gateway.handle(input, now));
        while let Some(effect) = queue.pop_front() {
            if burn(fuse) {
                return Led { died: true, ..led };
            }
            let Effect::Reserve(wanted) = effect else {
                led.happened.extend(self.standalone.perform(vec![effect], now).unwrap());
                continue;
            };
            let drafts = self.standalone.messages(&wanted);
            let store = &self.standalone.store;
            store.begin().unwrap();
            let answer = store.reserve(&wanted, &drafts).unwrap();
            if burn(fuse) {
                store.rollback();
                return Led { died: true, ..led };
            }
            store.commit().unwrap();
            if burn(fuse) {
                return Led { died: true, ..led };
            }
            queue.extend(self.standalone.gateway.handle(Input::Reserved(wanted.delivery.id, answer), now));
        }
        led
    }

    /// A broker takes what is committed by `now_us` (wall), at once.
    pub(crate) fn hand_over(&mut self, now_us: i64) {
        for row in self.standalone.store.take(usize::MAX, now_us).unwrap() {
            self.standalone.store.settle(row.row, Outcome::Acknowledged).unwrap();
        }
    }

    /// Takes feedback, and dies before or after the commit if the fuse is that short; what became of it if it was committed.
    pub(crate) fn feedback_until(&mut self, told: &Feedback, now: Moment, fuse: &mut u32) -> (Option<Noted>, Led) {
        let dead = Led { died: true, ..Led::default() };
        let store = &self.standalone.store;
        let now_us = now.wall_us.filter(|_| self.standalone.gateway.wall_us().is_some());
        let now_us = now_us.unwrap_or_else(|| store.high_water_us().unwrap());
        store.begin().unwrap();
        let noted = store.hear_feedback(told, now_us).unwrap();
        if burn(fuse) {
            store.rollback();
            return (None, dead);
        }
        store.commit().unwrap();
        if burn(fuse) {
            return (Some(noted), dead);
        }
        let mut led = Led::default();
        if let Some((customer, stance)) = noted.stance() {
            led = self.handle_until(Input::Stance(customer, Box::new(stance)), now, fuse);
        }
        if let (Noted::Taken { stopped: Some(_), .. }, false) = (&noted, led.died) {
            let halts = self.standalone.store.halts().unwrap();
            self.handle(Input::Halts(halts), now);
        }
        (Some(noted), led)
    }

    /// Takes a consent record as the counter does: on disk first, then in force.
    pub(crate) fn accept(&mut self, line: &str, now: Moment) -> Result<(Arc<Consent>, Vec<Happening>), String> {
        let Record::Grant(grant) = record::parse(line).map_err(|error| error.to_string())? else {
            return Err("a withdrawal".to_owned());
        };
        let gateway = &self.standalone.gateway;
        let known = CustomerId::new(&grant.customer).and_then(|customer| gateway.consent_of(&customer).cloned());
        let customer = grant.customer.clone();
        let inbox = |recipient: &str| format!("{recipient}-of-{customer}").into();
        let prepared = registrar::prepare(*grant, &self.config, known.as_deref(), inbox)
            .map_err(|problems| problems.join("; "))?;
        let consent = prepared.consent;
        gateway.admits(&consent, now).map_err(|refusal| refusal.to_string())?;
        self.standalone.store.save_consent(&consent.customer, consent.epoch, &prepared.record).unwrap();
        let happened = self.handle(Input::Consent(Arc::clone(&consent)), now);
        Ok((consent, happened))
    }

    /// Forgets a customer as the counter does after [`Input::Withdraw`]: dated by whatever the clock says.
    pub(crate) fn forget(&self, customer: &CustomerId, raw_wall_us: i64) {
        let store = &self.standalone.store;
        store.begin().unwrap();
        store.forget(customer, raw_wall_us).unwrap();
        store.commit().unwrap();
        store.scrub().unwrap();
    }

    /// A reload.
    pub(crate) fn configure(&mut self, config: &Arc<Config>, now: Moment) -> Vec<Happening> {
        self.config = Arc::clone(config);
        self.handle(Input::Configure(Arc::clone(config)), now)
    }

    /// A clean stop remembers every open visit.
    pub(crate) fn stop(mut self, now: Moment) -> Vec<Happening> {
        let visits = self.standalone.gateway.save_all(now);
        let happened = self.standalone.perform(visits, now).unwrap();
        if self.standalone.gateway.snapshot().clock_trusted {
            self.standalone.store.note_stop().unwrap();
        }
        happened
    }
}

/// Whether this was the last thing done.
fn burn(fuse: &mut u32) -> bool {
    *fuse = fuse.saturating_sub(1);
    *fuse == 0
}
