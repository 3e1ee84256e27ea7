//! The loop that joins core and shells: one select, one `handle`, effects performed in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::control::Asked;
use crate::counter;
use crate::counter::possession::Waiting;
use crate::counter::taking::{self, Saving};
use crate::follow::Followers;
use crate::gateway::Gateway;
use crate::gateway::advertisement::{Advertisement, GatewayIndex};
use crate::gateway::consent::fingerprint::Salt;
use crate::gateway::effect::{Answer, Effect, Happening, Input, Report, Sighting, What};
use crate::gateway::key::Key;
use crate::handout::{self, Handout};
use crate::incoming::consent::Told as ToldByRegistrar;
use crate::incoming::ear::Incoming;
use crate::incoming::tally::Tally;
use crate::inventory::Inventory;
use crate::ledger::order::Told;
use crate::ledger::thread::{Answers, Ledger};
use crate::logging::Logging;
use crate::metrics::Totals;
use crate::mqtt::state::{Health, State};
use crate::mqtt::status::{Standing, Status};
use crate::radio::source::{Heard, Orderer, SourceStatus};
use crate::service::{Service, status_line};
use crate::sharing::hub;

mod incoming;
mod look;
mod registrar;
mod reload;
pub(crate) mod reporting;
mod saying;
mod subject;
mod tally;

/// Health and clock trust are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Advertisements taken in one turn before anything else is looked at, so that a loud shop starves nothing.
const HEARD_A_TURN: usize = 256;

/// Everything the loop selects on.
pub struct Doors {
    /// What the sources hear.
    pub heard: mpsc::Receiver<Heard>,
    /// What the ledger answers.
    pub answers: Answers,
    /// What customers and the shop say over MQTT.
    pub incoming: mpsc::Receiver<Incoming>,
    /// What the registrar says over MQTT.
    pub told: mpsc::Receiver<ToldByRegistrar>,
    /// What the command line asks.
    pub asked: mpsc::Receiver<Asked>,
    /// That a file of the configuration may have changed.
    pub changed: mpsc::Receiver<()>,
    /// Whether the wall clock is synchronised.
    pub synchronised: watch::Receiver<bool>,
    /// How the sources do.
    pub sources: watch::Receiver<Vec<SourceStatus>>,
    /// Whether another decider of this site is on the shop's own broker now.
    pub taken_over: watch::Receiver<bool>,
    /// How the session with the broker does; nothing without one.
    pub session: Option<watch::Receiver<Status>>,
    /// When whoever started Emma wants to know that the loop is alive.
    pub service: Service,
}

/// What the loop says to the outside besides offers.
pub struct Voices {
    /// The retained state.
    pub state: watch::Sender<State>,
    /// Health.
    pub health: watch::Sender<Health>,
    /// What the core has counted.
    pub totals: watch::Sender<Totals>,
    /// The log.
    pub log: Logging,
    /// What the sources are told.
    pub orderer: Orderer,
    /// How what comes in fares.
    pub tally: Tally,
    /// What cannot be done yet goes back to the door.
    pub again: mpsc::Sender<Incoming>,
}

/// The running Emma.
pub struct Daemon {
    pub(crate) gateway: Gateway,
    pub(crate) ledger: Ledger,
    pub(crate) config: Arc<Config>,
    folder: PathBuf,
    clock: Clock,
    me: GatewayIndex,
    pub(crate) voices: Voices,
    /// Where the session with the broker stood at the last look; nothing without a broker.
    pub(crate) session: Option<Standing>,
    synchronised: bool,
    /// Another decider of this site took over: this one listens no more.
    stood_down: bool,
    pruned_us: Option<u64>,
    in_force: String,
    pub(crate) forgetting: counter::Forgetting,
    pub(crate) followers: Followers,
    pub(crate) previews: counter::preview::Previews,
    started_us: u64,
    /// When the ledger was last told how late it is, on the monotonic clock.
    noted_us: Option<u64>,
    inventory: Inventory,
    tally: tally::Tally,
    pub(crate) codes: Codes,
    /// What the shop's other Pis are told, where there can be any.
    handout: Option<Handout>,
    /// What is kept of what came in.
    hearing: incoming::Hearing,
    registrar: registrar::Registrar,
    /// A consent on its way to the disk.
    saving: Option<Saving>,
    /// Who holds a tag at the desk.
    pub(crate) waiting: Option<Waiting>,
}

impl Daemon {
    /// A daemon around a core that has taken up what the ledger remembered. `folder` holds the five files, and
    /// `in_force` tells their content.
    pub fn new(
        gateway: Gateway,
        ledger: Ledger,
        config: Arc<Config>,
        folder: PathBuf,
        clock: Clock,
        codes: Codes,
        voices: Voices,
    ) -> Self {
        // A configuration whose gateway is not on the site does not pass the check.
        let me = config.site.gateway(&config.gateway.gateway).unwrap_or(GatewayIndex(0));
        let in_force = voices.state.borrow().in_force.digest.to_string();
        let shares = config.gateway.decides && config.gateway.shop_mqtt.is_some();
        Self {
            gateway,
            ledger,
            config,
            folder,
            clock,
            me,
            voices,
            session: None,
            synchronised: false,
            stood_down: false,
            pruned_us: None,
            in_force,
            forgetting: counter::Forgetting::default(),
            followers: Followers::default(),
            previews: counter::preview::Previews::default(),
            started_us: clock.monotonic_us(),
            noted_us: None,
            inventory: Inventory::default(),
            tally: tally::Tally::default(),
            codes,
            handout: shares.then(Handout::default),
            hearing: incoming::Hearing::default(),
            registrar: registrar::Registrar::default(),
            saving: None,
            waiting: None,
        }
    }

    /// Performs what followed from taking up the ledger's memory.
    pub fn begin(&mut self, effects: Vec<Effect>) {
        self.perform(effects);
        self.tell_halts();
    }

    /// Runs until `stop` is done, then remembers every open visit.
    pub async fn run(&mut self, mut doors: Doors, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut hand_out = tokio::time::interval(Duration::from_millis(handout::LOOK_EVERY_MS));
        let mut heard = Vec::with_capacity(HEARD_A_TURN);
        self.synchronised = *doors.synchronised.borrow();
        loop {
            if self.saving.is_none() {
                self.saving = self.settle_possession();
            }
            let wait = self.until_wakeup();
            tokio::select! {
                () = &mut stop => break,
                Some(told) = doors.answers.recv() => self.told(told),
                Some(incoming) = doors.incoming.recv() => self.take(incoming),
                Some((request, reply)) = doors.asked.recv(), if self.saving.is_none() => self.saving = self.answer(request, reply),
                Some(told) = self.registrar.next(&mut doors.told, self.clock), if self.saving.is_none() => self.saving = self.take_told(told),
                outcome = taking::saved(&mut self.saving) => {
                    if let Some(done) = self.saving.take() {
                        self.saved(done, outcome);
                    }
                }
                Some(()) = doors.changed.recv() => self.reload(),
                () = tokio::time::sleep(wait) => self.input(Input::Tick),
                count = doors.heard.recv_many(&mut heard, HEARD_A_TURN), if !doors.heard.is_closed() || !doors.heard.is_empty() => {
                    if count > 0 {
                        self.hear(&heard);
                        heard.clear();
                    }
                }
                Ok(()) = doors.sources.changed() => self.tell_sources(&doors.sources.borrow_and_update()),
                Ok(()) = doors.taken_over.changed() => self.look(&mut doors),
                _ = hand_out.tick(), if self.handout.is_some() => self.hand_out(),
                () = doors.service.is_due() => doors.service.feed(self.ledger_hangs_us()),
                _ = look.tick() => {
                    self.look(&mut doors);
                    doors.service.looked(status_line(&self.voices.state.borrow(), self.session));
                    if self.ledger.gauges().ended() {
                        tracing::error!("the ledger's thread has ended: without it nothing may be said");
                        break;
                    }
                }
            }
        }
        doors.service.stops();
        self.save_visits();
        self.note_wall();
        self.tell_counts();
        self.save_feed(true);
        if self.gateway.snapshot().clock_trusted {
            self.ledger.note_stop();
        }
    }

    /// For how long the ledger's thread has not come back from what it does, in microseconds: a loop that turns beside a
    /// ledger that hangs makes no offer, and is as good as none.
    fn ledger_hangs_us(&self) -> u64 {
        self.clock.monotonic_us().saturating_sub(self.ledger.gauges().turned_us())
    }

    fn save_visits(&mut self) {
        let visits = self.gateway.save_all(self.now());
        self.perform(visits);
    }

    /// The installation's key.
    pub(crate) fn key(&self) -> &Key {
        &self.codes.key
    }

    /// This instant, its wall time only while the clock is known to be right.
    pub(crate) fn now(&self) -> Moment {
        let wall_us = self.synchronised.then(|| self.clock.wall_us());
        Moment { monotonic_us: self.clock.monotonic_us(), wall_us }
    }

    /// The machine's clocks.
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// What the wall clock says, right or not.
    pub(crate) fn raw_wall_us(&self) -> i64 {
        self.clock.wall_us()
    }

    /// One input of the core, and what follows from it.
    pub(crate) fn input(&mut self, input: Input<'_>) {
        let changes_consents = matches!(input, Input::Consent(_) | Input::Withdraw(_));
        if changes_consents || matches!(input, Input::Configure(_)) {
            self.handout.iter_mut().for_each(Handout::is_due);
        }
        let effects = self.gateway.handle(input, self.now());
        self.perform(effects);
        if changes_consents {
            self.review_followers();
        }
    }

    /// What the ledger says of its own accord.
    fn told(&mut self, told: Told) {
        match told {
            Told::Reserved(delivery, answer) => {
                self.codes.settle(&delivery, answer);
                self.input(Input::Reserved(delivery, answer));
            }
            Told::Stance(customer, stance) => self.input(Input::Stance(customer, stance)),
            Told::Pruned(customers) => self.pruned(customers),
            Told::Stopped(campaign) => {
                tracing::warn!(%campaign, "three in ten dismissed this campaign: it is stopped; `emma campaign start` tries it anew");
            }
            Told::Halts(halts) => self.halted(halts),
            Told::Unconfirmed(customers) => self.let_go(customers),
            Told::WeekEnded(week_us) => self.publish_report(week_us),
        }
    }

    /// Nobody is followed whose consent does not say so any more, or by whoever has gone.
    fn review_followers(&mut self) {
        let gateway = &self.gateway;
        if self.followers.review(|customer| gateway.may_be_followed(customer)) {
            self.gateway.follow(self.followers.customers());
        }
    }

    /// Tells the connection to the shop's other Pis whom they may hear, where that may have changed.
    fn hand_out(&mut self) {
        let now = self.now();
        let salt = || {
            let mut salt = [0; 16];
            getrandom::fill(&mut salt).ok().map(|()| Salt(salt))
        };
        let shared = self.handout.as_mut().and_then(|handout| handout.look(&mut self.gateway, now, salt));
        if let Some(shared) = shared {
            self.voices.orderer.share(shared);
        }
    }

    fn hear(&mut self, heard: &[Heard]) {
        if self.stood_down || !self.config.gateway.decides {
            return;
        }
        for one in heard {
            match one {
                Heard::Advertisement { gateway, address, payload, rssi_dbm } => {
                    // A scanner that a change of site.toml took away is nobody's ear any more.
                    let gateway = gateway.as_ref().map_or(Some(self.me), |id| self.config.site.gateway(id));
                    let Some(gateway) = gateway else { continue };
                    let (address, rssi_dbm) = (*address, *rssi_dbm);
                    self.input(Input::Advertisement(Advertisement { address, payload, rssi_dbm, gateway }));
                }
                Heard::Report { phone, beacon, rssi_dbm } => {
                    self.input(Input::Report(Report { phone, beacon: *beacon, rssi_dbm: *rssi_dbm }));
                }
                Heard::Sighting { gateway, sighting } => {
                    let Some(gateway) = self.config.site.gateway(gateway) else { continue };
                    let hub::Sighting { who, level_dbm, count } = sighting;
                    self.input(Input::Sighting(Sighting { who, gateway, level_dbm: *level_dbm, count: *count }));
                }
            }
        }
    }

    fn until_wakeup(&self) -> Duration {
        let held_us = self.waiting.as_ref().map(Waiting::until_us);
        let due_us = self.gateway.next_wakeup().into_iter().chain(held_us).min().unwrap_or(u64::MAX);
        // Never longer than a look: a clock that was set has a say within that time.
        Duration::from_micros(due_us.saturating_sub(self.clock.monotonic_us())).min(LOOK_EVERY)
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Happened(happening) => {
                    self.followers.happened(&happening, self.now(), self.raw_wall_us());
                    log(&happening);
                }
                Effect::Read(reading) => self.followers.read(&reading, self.now(), self.raw_wall_us()),
                // The other decider speaks now; what is on this one's mind is not said.
                Effect::Reserve(reservation) if self.stood_down => {
                    self.input(Input::Reserved(reservation.delivery.id, Answer::Unavailable));
                }
                Effect::Reserve(reservation) => self.reserve(reservation),
                other => {
                    if let Effect::IgnoreUntil(customer, _) = &other {
                        self.followers.at_work(customer);
                    }
                    remember(&self.ledger, other);
                }
            }
        }
    }
}

pub(crate) use look::{source_health, source_state};
pub use saying::Codes;
pub(crate) use saying::CodesLeft;
pub(crate) use saying::messages;

/// Performs an effect that the ledger alone has to know of.
pub(crate) fn remember(ledger: &Ledger, effect: Effect) {
    match effect {
        Effect::SaveVisit(visit) => ledger.save_visit(visit),
        Effect::DropVisit(customer) => ledger.drop_visit(customer),
        Effect::EndOffers(customer, ending) => ledger.end_offers(customer, ending),
        Effect::Note(customer, signal) => ledger.note(customer, signal),
        Effect::IgnoreUntil(customer, until_us) => ledger.ignore_until(customer, until_us),
        Effect::Redate(wall_us) => {
            tracing::warn!("the ledger was ahead of a clock that is steady for a day: its future is dated now");
            ledger.redate(wall_us);
        }
        Effect::Happened(_) | Effect::Reserve(_) | Effect::Read(_) => {}
    }
}

/// What happened, for whoever looks over Emma's shoulder: a zone and a campaign, never a person.
fn log(happening: &Happening) {
    match &happening.what {
        What::VisitStarted => tracing::debug!("a visit began"),
        What::VisitEnded => tracing::debug!("a visit ended"),
        What::Entered { zone, confidence, .. } => tracing::debug!(%zone, confidence, "entered"),
        What::Unsure { zone, confidence, .. } => tracing::debug!(%zone, confidence, "unsure"),
        What::Sure { zone, confidence, .. } => tracing::debug!(%zone, confidence, "sure"),
        What::Dwelled { zone, dwell_us } => tracing::debug!(%zone, dwell_us, "dwelled"),
        What::Left { zone, .. } => tracing::debug!(%zone, "left"),
        What::Delivered { zone, campaign, .. } => tracing::info!(%zone, %campaign, "an offer is committed"),
        What::Withheld { zone, campaign, reason } => {
            tracing::debug!(%zone, %campaign, reason = reason.as_str(), "an offer is withheld");
        }
    }
}
