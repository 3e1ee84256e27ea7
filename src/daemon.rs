//! The loop that joins core and shells: one select, one `handle`, effects performed in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::control::Asked;
use crate::counter;
use crate::coupon;
use crate::follow::Followers;
use crate::gateway::Gateway;
use crate::gateway::advertisement::{Advertisement, GatewayIndex};
use crate::gateway::consent::fingerprint::Salt;
use crate::gateway::effect::{Answer, Effect, Happening, Input, Report, Reservation, Sighting, What};
use crate::gateway::key::Key;
use crate::handout::{self, Handout};
use crate::inventory::Inventory;
use crate::ledger::retention;
use crate::ledger::thread::{Answers, Ledger};
use crate::mqtt::event::{Draft, OfferIds, drafts};
use crate::mqtt::state::{ClockTrust, Health, SourceHealth, SourceState, State};
use crate::mqtt::status::{Standing, Status};
use crate::radio::source::{Heard, Orderer, SourceStatus};
use crate::sharing::hub;

mod reload;

/// Health and clock trust are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What no rule needs any more is let go of this often; a day is fine enough for data that is kept for weeks.
const PRUNE_EVERY_US: u64 = 86_400_000_000;

/// Not sooner after a start: a clock that is ahead for a while must not cost the deliveries that caps look back on.
const PRUNE_AFTER_US: u64 = 3_600_000_000;

/// How late it is is remembered this often; each costs the SD card a page.
const NOTE_WALL_EVERY_US: u64 = 900_000_000;

/// Advertisements taken in one turn before anything else is looked at, so that a loud shop starves nothing.
const HEARD_A_TURN: usize = 256;

/// Everything the loop selects on.
pub struct Doors {
    /// What the sources hear.
    pub heard: mpsc::Receiver<Heard>,
    /// What the ledger answers.
    pub answers: Answers,
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
}

/// What the loop says to the outside besides offers.
pub struct Voices {
    /// The retained state.
    pub state: watch::Sender<State>,
    /// Health.
    pub health: watch::Sender<Health>,
    /// What the sources are told.
    pub orderer: Orderer,
}

/// The running Emma.
pub struct Daemon {
    pub(crate) gateway: Gateway,
    pub(crate) ledger: Ledger,
    pub(crate) config: Arc<Config>,
    folder: PathBuf,
    clock: Clock,
    key: Key,
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
    started_us: u64,
    noted_us: u64,
    inventory: Inventory,
    /// What the shop's other Pis are told, where there can be any.
    handout: Option<Handout>,
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
        key: Key,
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
            key,
            me,
            voices,
            session: None,
            synchronised: false,
            stood_down: false,
            pruned_us: None,
            in_force,
            forgetting: counter::Forgetting::default(),
            followers: Followers::default(),
            started_us: clock.monotonic_us(),
            noted_us: clock.monotonic_us(),
            inventory: Inventory::default(),
            handout: shares.then(Handout::default),
        }
    }

    /// Performs what followed from taking up the ledger's memory.
    pub fn begin(&mut self, effects: Vec<Effect>) {
        self.perform(effects);
    }

    /// Runs until `stop` is done, then remembers every open visit.
    pub async fn run(&mut self, mut doors: Doors, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut hand_out = tokio::time::interval(Duration::from_millis(handout::LOOK_EVERY_MS));
        let mut heard = Vec::with_capacity(HEARD_A_TURN);
        let mut saving = None;
        self.synchronised = *doors.synchronised.borrow();
        loop {
            let wait = self.until_wakeup();
            tokio::select! {
                () = &mut stop => break,
                Some((delivery, answer)) = doors.answers.recv() => self.input(Input::Reserved(delivery, answer)),
                Some((request, reply)) = doors.asked.recv(), if saving.is_none() => saving = self.answer(request, reply),
                outcome = counter::saved(&mut saving) => {
                    if let Some(done) = saving.take() {
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
                _ = look.tick() => {
                    self.look(&mut doors);
                    if self.ledger.gauges().ended() {
                        tracing::error!("the ledger's thread has ended: without it nothing may be said");
                        break;
                    }
                }
            }
        }
        let visits = self.gateway.save_all(self.now());
        self.perform(visits);
        self.note_wall();
        if self.gateway.snapshot().clock_trusted {
            self.ledger.note_stop();
        }
    }

    /// This instant, its wall time only while the clock is known to be right.
    pub(crate) fn now(&self) -> Moment {
        let wall_us = self.synchronised.then(|| self.clock.wall_us());
        Moment { monotonic_us: self.clock.monotonic_us(), wall_us }
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
        let due_us = self.gateway.next_wakeup().unwrap_or(u64::MAX);
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
                Effect::Reserve(reservation) => {
                    let drafts = messages(&reservation, &self.key, &self.config);
                    self.ledger.reserve(reservation, drafts);
                }
                other => {
                    if let Effect::IgnoreUntil(customer, _) = &other {
                        self.followers.at_work(customer);
                    }
                    remember(&self.ledger, other);
                }
            }
        }
    }

    /// Looks at the clock, the radio and the session, and says what has changed.
    fn look(&mut self, doors: &mut Doors) {
        self.synchronised = *doors.synchronised.borrow();
        self.session = doors.session.as_ref().map(|session| session.borrow().standing);
        if *doors.taken_over.borrow() {
            self.session = Some(Standing::TakenOver);
        }
        let stood_down = self.session == Some(Standing::TakenOver);
        if stood_down && !self.stood_down {
            tracing::error!("another Emma decides for this site now: this one stands down until it is restarted");
            // Every source ends with it. Of two listeners of one name, each would go on ending the other's connection.
            doors.heard.close();
        }
        self.stood_down |= stood_down;
        let snapshot = self.gateway.snapshot();
        let clock = self.clock_trust(snapshot.clock_trusted);
        self.voices.state.send_if_modified(|state| std::mem::replace(&mut state.clock, clock) != clock);
        let sources = doors.sources.borrow_and_update().clone();
        self.tell_sources(&sources);
        self.tell_needs();
        self.review_followers();
        let total = |count: fn(&SourceStatus) -> u64| sources.iter().map(count).sum();
        // What phones say of beacons is nobody's hearing, nor is a connection: with a dead radio it must not make them missed.
        let hears = |kind| !matches!(kind, "phone" | "sightings");
        let listens = sources.iter().any(|source| source.listening && hears(source.kind));
        let fixed_beacons = self.inventory.look(&self.gateway, listens, self.clock.monotonic_us());
        let calibration = self.inventory.look_at_gateways(&self.gateway);
        let now_us = self.clock.wall_us();
        let age_secs = |then_us: i64| u64::try_from(now_us.saturating_sub(then_us)).unwrap_or(0) / 1_000_000;
        self.voices.health.send_modify(|health| {
            health.heard = snapshot.counters.heard;
            health.matched = snapshot.counters.matched;
            health.ambiguous = snapshot.counters.ambiguous;
            health.dropped = total(|source| source.dropped);
            health.rejected = total(|source| source.rejected.values().sum());
            health.sources = sources.iter().map(source_health).collect();
            health.scan_restarts = total(|source| source.restarts);
            health.outbox_depth = self.ledger.gauges().outbox_rows();
            health.outbox_oldest_secs = self.ledger.gauges().outbox_oldest_us().map(age_secs);
            health.clock = clock;
            health.fixed_beacons = fixed_beacons;
            health.calibration = calibration;
        });
        self.prune();
        if self.now().monotonic_us.saturating_sub(self.noted_us) >= NOTE_WALL_EVERY_US {
            self.note_wall();
        }
    }

    /// Says on the state topic how the sources do.
    fn tell_sources(&self, sources: &[SourceStatus]) {
        let sources: Vec<SourceState> = sources.iter().map(source_state).collect();
        self.voices.state.send_if_modified(|state| {
            let changed = state.sources != sources;
            state.sources = sources;
            changed
        });
    }

    /// Tells the sources what the consents need of them. At each look and not at each consent: an import of many would go
    /// through all of them for each, and what a source hears too much the core does not take.
    fn tell_needs(&self) {
        self.voices.orderer.need(self.gateway.needs(), self.gateway.phones());
    }

    fn clock_trust(&self, believed: bool) -> ClockTrust {
        match (self.synchronised, self.config.gateway.clock_assumed) {
            (true, true) => ClockTrust::Assumed,
            // Synchronised, but it jumped or is behind the ledger: the core does not believe it either.
            (true, false) if believed => ClockTrust::Synchronised,
            (_, _) => ClockTrust::Untrusted,
        }
    }

    /// Remembers how late it is, so that a clock that is set back while Emma is down is noticed.
    fn note_wall(&mut self) {
        let now = self.now();
        self.noted_us = now.monotonic_us;
        if let Some(wall_us) = now.wall_us.filter(|_| self.gateway.snapshot().clock_trusted) {
            self.ledger.note_wall(wall_us);
        }
    }

    fn prune(&mut self) {
        let now = self.now();
        let next_us = self
            .pruned_us
            .map_or(self.started_us.saturating_add(PRUNE_AFTER_US), |last_us| last_us.saturating_add(PRUNE_EVERY_US));
        let due = next_us <= now.monotonic_us;
        let Some(now_us) = now.wall_us.filter(|_| due && self.gateway.snapshot().clock_trusted) else { return };
        self.pruned_us = Some(now.monotonic_us);
        let kept = retention::kept(&self.config, self.gateway.consents().map(|consent| &**consent));
        let before = |kept_us: u64| now_us.saturating_sub_unsigned(kept_us);
        self.ledger.prune(kept.deliveries_us.map(before), before(kept.forgotten_us), now_us);
    }
}

/// What a source has counted, as the health topic tells of it.
pub(crate) fn source_health(status: &SourceStatus) -> SourceHealth {
    SourceHealth {
        kind: status.kind.to_owned(),
        name: status.name.as_deref().map(str::to_owned),
        heard: status.heard,
        dropped: status.dropped,
        rejected: status.rejected.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect(),
    }
}

/// A source as the state topic tells of it.
pub(crate) fn source_state(status: &SourceStatus) -> SourceState {
    let SourceStatus { kind, name, listening, scan, reason, restarts, last_error, .. } = status;
    SourceState {
        kind: (*kind).into(),
        name: name.as_deref().map(str::to_owned),
        listening: *listening,
        scan: scan.map(|scan| scan.word().to_owned()),
        reason: reason.clone(),
        restarts: *restarts,
        last_error: last_error.clone(),
    }
}

/// The messages of a reservation, one a recipient.
pub(crate) fn messages(reservation: &Reservation, key: &Key, config: &Config) -> Vec<Draft> {
    let Config { gateway, site, .. } = config;
    let offer = &reservation.offer;
    let ids = |recipient: &str| OfferIds::derive(key, &reservation.delivery.id, recipient);
    let last_day = coupon::last_day(offer.valid_until_us, &site.time_zone);
    let code =
        |_: &str, offer_id: &str| coupon::code(offer.campaign.coupon.as_ref()?, &offer.campaign.id, offer_id, last_day);
    let root = gateway.mqtt.as_ref().map_or("emma", |mqtt| &*mqtt.root);
    drafts(reservation, ids, code, root, &gateway.site, &gateway.gateway)
}

/// Performs an effect that the ledger alone has to know of.
pub(crate) fn remember(ledger: &Ledger, effect: Effect) {
    match effect {
        Effect::SaveVisit(visit) => ledger.save_visit(visit),
        Effect::DropVisit(customer) => ledger.drop_visit(customer),
        Effect::EndOffers(customer) => ledger.end_offers(customer),
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
