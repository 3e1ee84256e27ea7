//! Where it is played: the planned transmissions enter at the radio's door in real time, and effects are performed.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::PATIENCE;
use super::air::Air;
use super::shop::{Pace, micros};
use super::story::Story;
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::daemon;
use crate::gateway::Gateway;
use crate::gateway::effect::{Answer, DeliveryId, Effect, Input, Reservation};
use crate::gateway::key::Key;
use crate::ledger::Store;
use crate::ledger::order::Told;
use crate::ledger::thread::Ledger;
use crate::mqtt::state::Health;
use crate::mqtt::status::Status;

/// Timers are no finer than this; what is due sooner is due now.
const FINEST: Duration = Duration::from_millis(1);

/// The core, its ledger and its session, and the story that is told of them.
pub(super) struct Stage<W> {
    pub(super) gateway: Gateway,
    pub(super) ledger: Ledger,
    pub(super) answers: mpsc::UnboundedReceiver<Told>,
    pub(super) key: Key,
    pub(super) config: Arc<Config>,
    pub(super) clock: Clock,
    pub(super) start: Moment,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) status: watch::Receiver<Status>,
    /// Messages of offers that were committed.
    pub(super) offers: u64,
    /// Of these, the messages that one of them ended.
    pub(super) endings: u64,
    /// What the session says of it every minute.
    pub(super) health: watch::Sender<Health>,
    pub(super) story: Story<W>,
}

/// How it ended.
pub(super) struct Ended {
    /// Since the start.
    pub(super) at: Duration,
    /// By Ctrl-C.
    pub(super) stopped: bool,
}

/// Why it could not go on.
pub(super) enum Failed {
    /// The story cannot be written.
    Unread(io::Error),
    /// The ledger does not answer.
    Ledger,
}

impl<W: Write> Stage<W> {
    /// Plays it to its end, or until it is asked to stop.
    pub(super) async fn play(&mut self, air: &Air, pace: Pace) -> Result<Ended, Failed> {
        for heard in &air.heard {
            if let Some(at) = self.until(heard.at).await? {
                return Ok(Ended { at, stopped: true });
            }
            let Some(advertisement) = air.advertisement(*heard) else { continue };
            self.input(Input::Advertisement(advertisement), self.moment(heard.at)).await?;
        }
        let stopped = self.until(pace.length()).await?;
        Ok(Ended { at: stopped.unwrap_or(pace.length()), stopped: stopped.is_some() })
    }

    /// Sleeps until `at`, with every deadline before it dealt with at its own instant; when it was asked to stop, if it
    /// was.
    async fn until(&mut self, at: Duration) -> Result<Option<Duration>, Failed> {
        let until_us = self.moment(at).monotonic_us;
        loop {
            let due_us = self.gateway.next_wakeup().filter(|due_us| *due_us <= until_us);
            let next_us = due_us.unwrap_or(until_us);
            if self.sleep(next_us).await {
                return Ok(Some(Duration::from_micros(next_us.saturating_sub(self.start.monotonic_us))));
            }
            if due_us.is_none() {
                return Ok(None);
            }
            self.input(Input::Tick, self.start.at_monotonic(next_us)).await?;
        }
    }

    /// Sleeps until that instant of the monotonic clock; true if it was asked to stop.
    async fn sleep(&mut self, until_us: u64) -> bool {
        let left = Duration::from_micros(until_us.saturating_sub(self.clock.monotonic_us()));
        if left < FINEST {
            return *self.stop.borrow();
        }
        tokio::select! {
            () = tokio::time::sleep(left) => false,
            asked = self.stop.wait_for(|asked| *asked) => asked.is_ok(),
        }
    }

    /// The planned instant, on both clocks.
    fn moment(&self, at: Duration) -> Moment {
        self.start.at_monotonic(self.start.monotonic_us + micros(at))
    }

    /// One input, all that follows from it, and what there is to tell.
    async fn input(&mut self, input: Input<'_>, now: Moment) -> Result<(), Failed> {
        let mut happened = Vec::new();
        let mut queue = VecDeque::from(self.gateway.handle(input, now));
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Happened(happening) => happened.push(happening),
                Effect::Reserve(reservation) => {
                    let (delivery, answer) = self.reserve(reservation).await?;
                    queue.extend(self.gateway.handle(Input::Reserved(delivery, answer), now));
                }
                other => {
                    let ends = matches!(other, Effect::EndOffers(..));
                    daemon::remember(&self.ledger, other);
                    if ends {
                        self.count_endings().await?;
                    }
                }
            }
        }
        if !happened.is_empty() {
            let counters = self.gateway.snapshot().counters;
            self.health.send_modify(|health| (health.heard, health.matched) = (counters.heard, counters.matched));
        }
        self.story.tell(&happened).map_err(Failed::Unread)
    }

    /// Asks the ledger, and waits until what it granted is with the broker: otherwise it would depend on the machine
    /// whether an offer is said before its customer walks on.
    async fn reserve(&mut self, reservation: Box<Reservation>) -> Result<(DeliveryId, Answer), Failed> {
        self.story.note(reservation.delivery.id.clone(), &reservation.offer);
        let drafts = daemon::messages(&reservation, &self.key, &self.config, &BTreeMap::new());
        let messages = drafts.len() as u64;
        self.ledger.reserve(reservation, drafts);
        let answered = loop {
            match self.answers.recv().await.ok_or(Failed::Ledger)? {
                Told::Reserved(delivery, answer) => break (delivery, answer),
                // Nobody of the demo's cast says anything back.
                Told::Stance(..)
                | Told::Stopped(_)
                | Told::Halts(_)
                | Told::WeekEnded(_)
                | Told::Pruned(_)
                | Told::Unconfirmed(_) => {}
            }
        };
        if answered.1 == Answer::Granted {
            self.offers += messages;
            self.settle().await;
        }
        Ok(answered)
    }

    /// Recipients are told of offers whose customer walked on.
    async fn count_endings(&mut self) -> Result<(), Failed> {
        self.endings = self.ledger.read(Store::endings).await.map_err(|_| Failed::Ledger)?;
        Ok(())
    }

    /// Messages that were handed to the broker, or are about to be.
    pub(super) fn published(&self) -> u64 {
        self.offers + self.endings
    }

    /// Waits until the broker has acknowledged everything.
    pub(super) async fn settle(&mut self) {
        let all = self.published();
        let settled = |status: &Status| status.acknowledged + status.refused + status.expired >= all;
        // Whatever keeps the broker, the story goes on; the summary tells what was acknowledged.
        if tokio::time::timeout(PATIENCE, self.status.wait_for(settled)).await.is_err() {
            tracing::warn!("the demo's own broker takes long to answer");
        }
    }
}
